//! Code hosts, one module each.

pub mod builtin;
