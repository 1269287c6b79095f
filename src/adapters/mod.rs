//! One outside system each; vendor types and errors end here, and no adapter names another.

pub mod chat;
pub mod ci;
pub mod client;
pub mod clock;
pub mod forge;
pub mod git;
pub mod health;
pub mod issuer;
pub mod registry;
pub mod store;
