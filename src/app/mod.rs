//! Use-cases: everything hoist does, with I/O through ports only.

pub mod ports;
