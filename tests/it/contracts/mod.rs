//! What every adapter behind one port must do, told once and run against each of them.

mod forge;
mod git;
mod registry;
mod store;
