//! `hoist demo`: what can be said to it. `crate::demo` does it.

use std::path::PathBuf;

use clap::Args;

/// What `hoist demo` is told.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Do the person's part too, and end with 0 only if the Git history proves it all.
    #[arg(long)]
    pub auto: bool,

    /// The folder to work in; an earlier demo there is replaced.
    #[arg(long, value_name = "FOLDER", default_value = "hoist-demo")]
    pub dir: PathBuf,

    /// The port to listen on; without it 8080, or the next that is free.
    #[arg(long)]
    pub port: Option<u16>,
}
