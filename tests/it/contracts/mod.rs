//! What every adapter behind one port must do, told once and run against each of them.

pub mod forge;
mod git;
mod registry;
mod store;
