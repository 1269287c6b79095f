//! `hoist recover`: rebuilds a lost store.

use std::path::{Path, PathBuf};

use clap::Args;
use futures::future::BoxFuture;

use crate::app::App;

use super::failure::Trouble;
use super::output::Output;
use super::story;

/// Opens the store and the repositories that a configuration names.
pub type OpenApp<'w> = &'w dyn Fn(&Path) -> BoxFuture<'static, anyhow::Result<App>>;

/// What `hoist recover` is told.
#[derive(Debug, Args)]
#[command(
    after_help = "For a store that was lost: hoist must not be running, and the store must be \
                        empty. Every application is held in every environment afterwards, until \
                        `hoist resume`; a rollback works at once."
)]
pub(super) struct RecoverArgs {
    /// The process file.
    #[arg(long, value_name = "PATH", default_value = "config/hoist.yaml")]
    config: PathBuf,
}

impl RecoverArgs {
    pub(super) async fn run(self, open: OpenApp<'_>, out: &mut Output) -> Result<(), Trouble> {
        let app = open(&self.config).await.map_err(|error| failed(&error))?;
        let rebuilt = app.recover().await.map_err(|error| failed(&error.into()))?;
        Ok(out.answer(&rebuilt, story::recovered)?)
    }
}

fn failed(error: &anyhow::Error) -> Trouble {
    Trouble::Failed { what: format!("{error:#}"), next: None }
}
