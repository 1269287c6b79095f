//! Those who say how an application is, each in a file of its own.

mod common;

pub mod argocd;
pub mod http;

pub mod prometheus;
