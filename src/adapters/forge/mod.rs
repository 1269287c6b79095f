//! Code hosts, one module each.

pub mod builtin;
pub mod github;
