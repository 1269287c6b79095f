//! Configuration: text becomes validated values, or all of its problems at once.
//!
//! Two files: the process (`hoist.yaml`) and the policy (`pipelines.yaml`). In reading order: what
//! comes out, how keys are described, how text becomes a tree and the tree becomes values.

mod problem;
mod settings;

mod schema;
mod table;
mod tables;

mod accept;
mod access;
mod chat;
mod commits;
mod check;
mod claims;
mod credentials;
mod duration;
mod fields;
mod freeze;
mod gate;
mod health;
mod notification;
mod order;
mod policy;
mod process;
mod registry;
mod repository;
mod rule;
mod schedule;
mod secret;
mod sender;
mod source;
mod tree;
mod verify;

use std::io::ErrorKind;
use std::path::Path;

use crate::domain::freeze::Freeze;
use crate::domain::pipeline::Pipelines;
use crate::domain::schedule::Schedule;

use problem::Notes;
use process::Process;

pub use duration::{InvalidDuration, parse_duration};
pub use problem::{Place, Problem, Problems};
pub use schema::{policy_schema, process_schema};
pub use secret::{Machine, Surroundings, make_secret_file};
pub use settings::{
    Account, ArgoCd, AutoMerge, Chat, Commits, CommitsBy, Credentials, Forge, GitHub, GitLab, Hook,
    KnownHosts, Mattermost, MergeMethod, MirrorAt, Names, Notification, Person, PipelinesAt, Proof,
    Receiver, Registry, Remote, Repository, SecretKey, Settings, SignOff, SigningKey, Slack,
    Source, Squash, SshLogin, StoreAt, Token, TokenRule, Transport,
};

/// Both files, read and found good.
#[derive(Debug)]
pub struct Configuration {
    /// What the process file says.
    pub settings: Settings,
    /// What the pipelines file says.
    pub pipelines: Pipelines,
    /// The freezes of the pipelines file.
    pub freezes: Vec<Freeze>,
    /// The schedules of the pipelines file.
    pub schedules: Vec<Schedule>,
}

/// Reads the process file at `path`, the secrets it names and the pipelines file it names.
pub fn load(path: &Path) -> Result<Configuration, Problems> {
    load_from(path, &Machine)
}

/// Like [`load`], with files and variables from `surroundings`.
pub fn load_from(path: &Path, surroundings: &dyn Surroundings) -> Result<Configuration, Problems> {
    let file = path.display().to_string();
    let mut notes = Notes::of(&file);
    let process = match surroundings.file(path) {
        Ok(text) => process::read(&text, surroundings, &mut notes),
        Err(error) => {
            let hint = if error.kind() == ErrorKind::NotFound {
                "write it, or name another with `--config PATH`"
            } else {
                "make it a text that hoist's user may read"
            };
            notes.add_for_file(format!("cannot be read: {error}"), hint);
            Process::default()
        }
    };
    let Process { settings, names, pipelines: at, pointers } = process;
    let policy_file = at.as_ref().map(|(path, _)| path.display().to_string()).unwrap_or_default();
    let mut policy_notes = Notes::of(&policy_file);
    let mut policy = None;
    if let Some((path, place)) = at {
        match surroundings.file(&path) {
            Ok(text) => policy = policy::read(&text, names.as_ref(), &mut policy_notes),
            Err(error) => {
                let what = format!("pipelines: {policy_file} cannot be read: {error}");
                let hint =
                    "write it, or name another; relative paths start at the working directory";
                notes.add(place, what, hint);
            }
        }
    }
    if let Some(policy) = policy.as_ref().filter(|_| policy_notes.is_empty()) {
        access::check_pointers(&pointers, &policy.pipelines, &mut notes);
    }
    let both = settings.zip(policy);
    let both = both.map(|(settings, policy)| {
        let policy::Policy { pipelines, freezes, schedules } = policy;
        Configuration { settings, pipelines, freezes, schedules }
    });
    Notes::settle(vec![notes, policy_notes], both)
}

/// Reads a pipelines file's text, wherever it is from; `file` is what problems call it.
///
/// Opens no file: policy may be read from Git at any commit. `names` are
/// [`Settings::names`].
pub fn pipelines(text: &str, file: &str, names: &Names) -> Result<Pipelines, Problems> {
    let mut notes = Notes::of(file);
    let policy = policy::read(text, Some(names), &mut notes);
    Notes::settle(vec![notes], policy.map(|policy| policy.pipelines))
}

/// Like [`pipelines`], by itself: whether its repositories and people exist is not asked.
///
/// For where there is no process file: CI holds a change against the rules and has no secrets.
pub fn pipelines_alone(text: &str, file: &str) -> Result<Pipelines, Problems> {
    let mut notes = Notes::of(file);
    let policy = policy::read(text, None, &mut notes);
    Notes::settle(vec![notes], policy.map(|policy| policy.pipelines))
}
