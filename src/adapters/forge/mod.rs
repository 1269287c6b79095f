//! Code hosts, one module each.

pub mod builtin;
pub mod common;
pub mod github;
pub mod gitlab;
