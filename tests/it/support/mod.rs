//! The world around hoist, simulated or really started.

pub mod argocd;
pub mod detour;
pub mod emulate;
pub mod git;
pub mod git_server;
pub mod instance;
pub mod issuer;
pub mod github;
pub mod gitlab;
pub mod hosted;
pub mod mortal;
pub mod prometheus;
pub mod receiver;
pub mod registry;
pub mod remote;
pub mod served;
pub mod service;
pub mod signing;
pub mod slack;
pub mod sly_registry;
pub mod ssh_server;
pub mod tls_front;
pub mod token_server;
pub mod troubled;
pub mod world;
