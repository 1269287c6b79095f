//! Logs, for people on a terminal and as JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging to standard error. `RUST_LOG` chooses what; without it, `info` and above.
///
/// Calling it twice changes nothing: the first one stands.
pub fn start(quiet: LevelFilter) {
    let filter = EnvFilter::builder()
        .with_default_directive(quiet.into())
        .from_env_lossy()
        // sqlx and hyper say every statement and connection at their own levels.
        .add_directive("sqlx=warn".parse().unwrap_or_else(|_| LevelFilter::WARN.into()));
    let terminal = std::io::stderr().is_terminal();
    let started = if terminal {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init()
    } else {
        tracing_subscriber::fmt()
            .json()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .try_init()
    };
    // Somebody else's subscriber is there already: theirs is meant.
    drop(started);
}
