//! A small clean house, one violation of each kind to plant in it, and what looks wrong and is not.

use super::rules::Rule;
use super::tree::Tree;

/// A violation, planted by writing `files` over the clean tree.
pub struct Plant {
    pub kind: &'static str,
    pub files: &'static [(&'static str, &'static str)],
    pub rule: Rule,
    /// What the complaint must say: the place and the thing.
    pub says: &'static str,
}

/// A house with every room, where nothing is wrong.
pub fn clean() -> Tree {
    Tree::default().with(&[
        (
            "src/lib.rs",
            "pub mod domain;\npub mod yaml_edit;\npub mod messages;\npub mod config;\npub mod app;\n\
             pub mod adapters;\npub mod http;\npub mod cli;\npub mod scheduler;\n\
             pub mod telemetry;\npub mod wiring;\npub mod serve;\npub mod demo;\n",
        ),
        ("src/main.rs", "fn main() { hoist::wiring::run(hoist::cli::read()); }\n"),
        ("src/domain.rs", "pub mod id;\npub mod plan;\nuse crate::yaml_edit::Path;\n"),
        ("src/domain/id.rs", "pub struct Id;\n"),
        ("src/domain/plan.rs", "use super::id::Id;\npub fn plan(_: Id) {}\n"),
        ("src/yaml_edit.rs", "pub struct Path;\n"),
        ("src/messages/mod.rs", "use crate::domain::id::Id;\n"),
        ("src/config.rs", "use crate::{domain::id::Id, yaml_edit::Path};\n"),
        ("src/app.rs", "pub mod ports;\nuse crate::{config, messages};\n"),
        ("src/app/ports.rs", "pub trait Clock {}\npub trait Git {}\n"),
        ("src/adapters.rs", "pub mod clock;\npub mod git;\npub mod forge;\n"),
        ("src/adapters/clock.rs", "use crate::app::ports::Clock;\nuse rand::rng;\n"),
        ("src/adapters/git.rs", "use git2::Repository;\n"),
        ("src/adapters/forge/mod.rs", "pub mod builtin;\npub mod github;\npub struct Shared;\n"),
        ("src/adapters/forge/builtin.rs", "use crate::app::ports::Git;\nuse super::Shared;\n"),
        ("src/adapters/forge/github.rs", "use octocrab::Octocrab;\n"),
        ("src/http.rs", "use crate::app;\nuse axum::Router;\n"),
        ("src/cli.rs", "use crate::app;\npub fn read() {}\n"),
        ("src/scheduler.rs", "use crate::app;\n"),
        ("src/telemetry.rs", "use tracing_subscriber::fmt;\n"),
        ("src/wiring.rs", "use crate::{adapters, http, serve, telemetry};\npub fn run(_: ()) {}\n"),
        ("src/serve.rs", "use crate::{scheduler, wiring};\n"),
        ("src/demo/mod.rs", "use crate::{adapters::git, wiring};\n"),
    ])
}

macro_rules! plant {
    ($rule:ident, $kind:literal, $says:literal, $($file:literal: $text:expr),+) => {
        Plant { kind: $kind, files: &[$(($file, $text)),+], rule: Rule::$rule, says: $says }
    };
}

/// At least one of each [`Rule`], and of `WrongArrow` one for each way of naming.
#[rustfmt::skip] // one violation a line reads as the list it is
pub const PLANTS: &[Plant] = &[
    // Arrows, room by room.
    plant!(WrongArrow, "yaml_edit names one of ours", "src/yaml_edit.rs:1: yaml_edit must not name domain", "src/yaml_edit.rs": "use crate::domain::id::Id;"),
    plant!(WrongArrow, "domain names the words", "domain must not name messages", "src/domain/plan.rs": "use crate::messages::comment;"),
    plant!(WrongArrow, "domain names config", "domain must not name config", "src/domain/plan.rs": "use crate::config::Raw;"),
    plant!(WrongArrow, "messages name use-cases", "messages must not name app", "src/messages/mod.rs": "use crate::app::views;"),
    plant!(WrongArrow, "config names use-cases", "config must not name app", "src/config.rs": "use crate::app::ports;"),
    plant!(WrongArrow, "a use-case names an adapter", "app must not name adapters", "src/app/ports.rs": "use crate::adapters::git;"),
    plant!(WrongArrow, "an adapter names the words", "adapters must not name messages", "src/adapters/git.rs": "use crate::messages::commit;"),
    plant!(WrongArrow, "an adapter names config", "adapters must not name config", "src/adapters/git.rs": "use crate::config::Secret;"),
    plant!(WrongArrow, "an adapter names the editor", "adapters must not name yaml_edit", "src/adapters/git.rs": "use crate::yaml_edit::Path;"),
    plant!(WrongArrow, "http names an adapter", "http must not name adapters", "src/http.rs": "use crate::adapters::clock;"),
    plant!(WrongArrow, "http names config", "http must not name config", "src/http.rs": "use crate::config;"),
    plant!(WrongArrow, "the scheduler names the words", "scheduler must not name messages", "src/scheduler.rs": "use crate::messages;"),
    plant!(WrongArrow, "cli names the editor", "cli must not name yaml_edit", "src/cli.rs": "use crate::yaml_edit::Path;"),
    plant!(WrongArrow, "a door names a door", "cli must not name http", "src/cli.rs": "use crate::http::Router;"),
    plant!(WrongArrow, "a door names the wiring", "http must not name wiring", "src/http.rs": "use crate::wiring;"),
    plant!(WrongArrow, "a layer names telemetry", "app must not name telemetry", "src/app.rs": "pub mod ports; use crate::telemetry;"),
    plant!(WrongArrow, "telemetry names a layer", "telemetry must not name app", "src/telemetry.rs": "use crate::app;"),
    plant!(WrongArrow, "a layer names the demo", "cli must not name demo", "src/cli.rs": "use crate::demo;"),
    plant!(WrongArrow, "main reaches past the wiring", "main must not name adapters", "src/main.rs": "use hoist::adapters::git; fn main() {}"),
    plant!(WrongArrow, "a room names an item of lib.rs", "http must not name VERSION (`crate::VERSION`)", "src/lib.rs": "pub mod http; pub const VERSION: u8 = 1;", "src/http.rs": "const V: u8 = crate::VERSION;"),
    // Arrows, by every way of writing one.
    plant!(WrongArrow, "by `super`", "must not name adapters (`crate::adapters::git`)", "src/domain/plan.rs": "use super::super::adapters::git;"),
    plant!(WrongArrow, "by `self::super`", "domain must not name adapters", "src/domain.rs": "pub mod id; pub mod plan; use self::super::adapters;"),
    plant!(WrongArrow, "by `hoist::`", "domain must not name adapters", "src/domain/plan.rs": "use hoist::adapters::git;"),
    plant!(WrongArrow, "by `::hoist`", "domain must not name adapters", "src/domain/plan.rs": "fn f() { ::hoist::adapters::git(); }"),
    plant!(WrongArrow, "in a group", "src/domain/plan.rs:3: domain must not name http", "src/domain/plan.rs": "use crate::{\n  yaml_edit,\n  http::{self as h},\n};"),
    plant!(WrongArrow, "under another name", "domain must not name http (`crate::http::Router`)", "src/domain/plan.rs": "use crate as house; fn f(_: house::http::Router) {}"),
    plant!(WrongArrow, "by a glob of a wrong room", "domain must not name http", "src/domain/plan.rs": "use crate::http::*;"),
    plant!(WrongArrow, "beside a glob of another crate", "domain must not name http", "src/domain/plan.rs": "use jiff::civil::*; use crate::http::*;"),
    plant!(WrongArrow, "through a glob of the root", "domain must not name http", "src/domain/plan.rs": "use crate::*; fn f() { http::serve(); }"),
    plant!(WrongArrow, "in an expression inside a function", "src/domain/plan.rs:2: domain must not name http", "src/domain/plan.rs": "fn f() {\n  crate::http::serve();\n}"),
    plant!(WrongArrow, "in a `use` inside a function", "domain must not name http", "src/domain/plan.rs": "fn f() { use crate::http::serve; serve(); }"),
    plant!(WrongArrow, "in a type and its generics", "domain must not name app", "src/domain/plan.rs": "struct P { a: Vec<crate::app::ports::X> }"),
    plant!(WrongArrow, "in a pattern", "domain must not name app", "src/domain/plan.rs": "fn f(x: u8) { match x { crate::app::ZERO => (), _ => () } }"),
    plant!(WrongArrow, "in a qualified path", "domain must not name app", "src/domain/plan.rs": "fn f() { <u8 as crate::app::ports::Clock>::now(); }"),
    plant!(WrongArrow, "in an inline module", "domain must not name app", "src/domain/plan.rs": "mod inner { use super::super::super::app; }"),
    plant!(WrongArrow, "in a macro's tokens", "src/messages/mod.rs:2: messages must not name http", "src/messages/mod.rs": "fn f() {\n  format!(\"{}\", crate::http::name());\n}"),
    plant!(WrongArrow, "in markup", "http must not name adapters", "src/http.rs": "fn f() { maud::html! { p { (crate::adapters::git::NAME) } } }"),
    plant!(WrongArrow, "in a macro's group", "domain must not name http", "src/domain/plan.rs": "m! { use crate::{yaml_edit::Path, http::Router}; }"),
    plant!(WrongArrow, "in a macro's own body", "domain must not name http", "src/domain/plan.rs": "macro_rules! m { () => { $crate::http::serve() }; }"),
    plant!(WrongArrow, "in a macro, through a name", "app must not name adapters (`crate::adapters::git::X`)", "src/app/ports.rs": "use crate::adapters as a; fn f() { vec![a::git::X]; }"),
    plant!(WrongArrow, "in an attribute's string", "domain must not name config", "src/domain/plan.rs": "#[derive(Serialize)] struct P { #[serde(with = \"crate::config::seconds\")] a: u8 }"),
    plant!(WrongArrow, "in a visibility", "domain must not name app", "src/domain/plan.rs": "pub(in crate::app) struct P;"),
    plant!(WrongArrow, "in a re-export's visibility", "domain must not name app", "src/domain/plan.rs": "pub(in crate::app) use std::fmt;"),
    // Adapters among themselves.
    plant!(AdapterNamesAdapter, "an adapter names another", "an adapter names another (`crate::adapters::git::Mirror`)", "src/adapters/clock.rs": "use crate::adapters::git::Mirror;"),
    plant!(AdapterNamesAdapter, "by `super`", "an adapter names another", "src/adapters/clock.rs": "use super::git;"),
    plant!(AdapterNamesAdapter, "the builtin forge names the Git adapter instead of the port", "an adapter names another", "src/adapters/forge/builtin.rs": "use crate::adapters::git::Mirror;"),
    plant!(AdapterNamesAdapter, "one forge names another", "an adapter names another", "src/adapters/forge/builtin.rs": "use super::github::Client;"),
    plant!(AdapterNamesAdapter, "the adapters' own module names one", "an adapter names another", "src/adapters.rs": "pub mod clock; pub mod git; pub mod forge; pub use git::Mirror;"),
    // What a room must not know.
    plant!(BannedName, "the domain waits", "domain must not name `tokio`", "src/domain/plan.rs": "use tokio::sync::Mutex;"),
    plant!(BannedName, "the editor rolls dice", "yaml_edit must not name `rand`", "src/yaml_edit.rs": "fn f() -> u8 { rand::random() }"),
    plant!(BannedName, "the domain reads a file, under another name", "domain must not name `std::fs`", "src/domain/plan.rs": "use std::{fs as disk, fmt}; fn f() { disk::read(\"a\"); }"),
    plant!(BannedName, "the domain holds a machine's time", "domain must not name `std::time::Instant`", "src/domain/plan.rs": "use std::time::{Duration, Instant};"),
    plant!(BannedName, "a use-case opens a file", "app must not name `std::fs`", "src/app/ports.rs": "fn f() { std::fs::read(\"a\"); }"),
    plant!(BannedName, "configuration waits", "config must not name `tokio`", "src/config.rs": "#[tokio::main] async fn f() {}"),
    plant!(BannedName, "the core excuses itself from clippy.toml", "app must not name `clippy::disallowed_methods`", "src/app/ports.rs": "#[expect(clippy::disallowed_methods, reason = \"in a hurry\")] fn f() {}"),
    // Where a crate lives.
    plant!(CrateOutsideItsHome, "SQL outside the store", "`sqlx` is named here, and its home is adapters::store", "src/adapters/git.rs": "use sqlx::Row;"),
    plant!(CrateOutsideItsHome, "libgit2 outside its adapter", "`git2` is named here", "src/adapters/forge/builtin.rs": "fn f(_: git2::Oid) {}"),
    plant!(CrateOutsideItsHome, "one forge's client in another", "`octocrab` is named here", "src/adapters/forge/builtin.rs": "use octocrab as o;"),
    plant!(CrateOutsideItsHome, "the web in a use-case", "`axum` is named here", "src/app/ports.rs": "use ::axum::Json;"),
    plant!(CrateOutsideItsHome, "YAML in a front door", "`serde_yaml` is named here", "src/cli.rs": "fn f() { serde_yaml::from_str(\"\"); }"),
    // The rest.
    plant!(AsyncInPureCode, "an async function in the domain", "src/domain/plan.rs:1: `async` in domain", "src/domain/plan.rs": "pub async fn plan() {}"),
    plant!(AsyncInPureCode, "an async block in the words", "`async` in messages", "src/messages/mod.rs": "fn f() { let _ = async { 1 }; }"),
    plant!(HiddenCode, "a file under another module's name", "`#[path]` hides code", "src/domain.rs": "pub mod id; #[path = \"elsewhere.rs\"] pub mod plan;"),
    plant!(HiddenCode, "a file pasted in", "`include!` hides code", "src/domain/plan.rs": "include!(\"other.rs\");"),
    plant!(HiddenCode, "a crate under another name", "`extern crate` hides code", "src/domain/plan.rs": "extern crate tokio as t;"),
    plant!(UnknownRoom, "a room nobody drew", "`utils` is no room", "src/utils.rs": "pub fn f() {}"),
    plant!(ModuleNobodyDeclares, "a file that is never compiled", "src/domain/lost.rs:1: no `mod` line leads here", "src/domain/lost.rs": "pub fn f() {}"),
    plant!(ReadingOrder, "the code map out of order", "src/lib.rs:2: `mod domain` reads before `mod app`", "src/lib.rs": "pub mod app;\npub mod domain;"),
    plant!(TooLong, "a file past 600 lines", "601 lines", "src/domain/plan.rs": SIX_HUNDRED_AND_ONE_LINES),
    plant!(Unreadable, "a file that is no Rust", "src/domain/plan.rs:2: cannot be parsed", "src/domain/plan.rs": "pub fn f() {\n) }"),
    plant!(Cycle, "two layers name each other", "the layers go in a circle: domain → messages → domain", "src/domain/plan.rs": "use crate::messages::comment;"),
    plant!(Cycle, "a circle of three", "circle: app → config → messages → app", "src/config.rs": "use crate::messages::X;", "src/messages/mod.rs": "use crate::app::Y;"),
];

const SIX_HUNDRED_AND_ONE_LINES: &str = {
    const LINES: [u8; 601] = [b'\n'; 601];
    match std::str::from_utf8(&LINES) {
        Ok(lines) => lines,
        Err(_) => panic!("newlines are UTF-8"),
    }
};

/// What may look like a violation, and is none.
type Allowed = (&'static str, &'static [(&'static str, &'static str)]);

#[rustfmt::skip] // one case a line reads as the list it is
pub const ALLOWED: &[Allowed] = &[
    ("the clean house", &[]),
    ("a nearly empty house", &[("src/lib.rs", "pub mod domain;\npub mod yaml_edit;\npub mod messages;\npub mod config;\npub mod app;\npub mod adapters;\npub mod http;\npub mod cli;\npub mod scheduler;\npub mod telemetry;\npub mod wiring;\npub mod serve;\npub mod demo;\n"), ("src/main.rs", "fn main() {}")]),
    ("a module of a room's own with a crate's name", &[("src/domain.rs", "pub mod id; pub mod plan; mod rand { pub fn f() {} } fn g() { rand::f(); }")]),
    ("a local with a crate's name", &[("src/domain/plan.rs", "fn f(rand: u8) -> u8 { rand }")]),
    ("words in documentation and strings", &[("src/domain/plan.rs", "/// See [`crate::app::ports`] and `tokio::spawn`.\nconst A: &str = \"crate::app::ports\";")]),
    ("a crate named after itself", &[("src/domain/plan.rs", "use thiserror; use serde as serde; #[derive(thiserror::Error, serde::Serialize)] struct E;")]),
    ("a name's own kind", &[("src/domain/plan.rs", "enum E { A } impl E { fn f() -> Self { Self::A } }")]),
    ("visibility within the crate", &[("src/domain/plan.rs", "pub(crate) struct A; pub(super) struct B; pub(in crate::domain) struct C;")]),
    ("macros by their crate's name", &[("src/http.rs", "fn f() { maud::html! { p class=\"a\" { (crate::messages::hello()) } } }")]),
    ("an adapter's own rooms", &[("src/adapters/git.rs", "mod mirror { pub struct M; } use self::mirror::M; use crate::adapters::git::mirror;")]),
    ("ground that adapters share", &[("src/adapters.rs", "pub mod clock; pub mod git; pub mod forge; pub mod common;"), ("src/adapters/common.rs", "pub struct Client;"), ("src/adapters/forge/github.rs", "use crate::adapters::{common::Client, forge::Shared};")]),
    ("the builtin forge takes the Git port", &[("src/adapters/forge/builtin.rs", "use crate::app::ports::Git; pub struct Builtin { git: Box<dyn Git> }")]),
    ("async at the edge and in use-cases", &[("src/app/ports.rs", "pub async fn f() { tokio::task::yield_now().await }")]),
    ("the wiring, serve and the demo name everything", &[("src/demo/mod.rs", "use crate::{adapters::git, http, cli, serve, wiring}; use git2::Repository; use axum::Router;")]),
    ("rooms of a name of their own inside a room", &[("src/app.rs", "pub mod ports; pub mod http { pub fn f() {} } fn g() { http::f(); self::http::f(); }")]),
    ("six hundred lines", &[("src/domain/plan.rs", SIX_HUNDRED_AND_ONE_LINES.split_at(600).0)]),
];
