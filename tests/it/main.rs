//! The one test binary: what hoist promises, told as stories, contracts and checks on the house itself.
//!
//! One binary links once; each room below is a folder or a file of its own.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test may fail loudly, starts real programs, and reads its own switches; helpers are \
              pub for the next room, not for a reader outside"
)]

mod architecture;
mod chat;
mod cli;
mod config;
mod contracts;
mod demo;
mod deploy;
mod doors;
mod generated;
mod plan;
mod stories;
mod support;
mod webhooks;
mod yaml;
