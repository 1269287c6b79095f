//! Those who carry messages to people, each in a file of its own.

mod common;

pub mod mattermost;
pub mod slack;
pub mod webhook;
