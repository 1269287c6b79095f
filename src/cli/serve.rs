//! `hoist serve`: what can be said to it. `crate::serve` does it.

use std::path::PathBuf;

use clap::Args;

/// What `hoist serve` is told.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The process's configuration; it names the pipelines file.
    #[arg(long, value_name = "PATH", default_value = "config/hoist.yaml")]
    pub config: PathBuf,

    /// Listen here instead of at the configuration's `listen`.
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,

    /// Plan, show and answer, and change nothing outside: no push, no proposal, no merge. What is
    /// announced is kept; commands are refused.
    #[arg(long)]
    pub read_only: bool,
}
