//! `hoist thaw`: ends a freeze.

use clap::Args;

use crate::app::views::ThawRequest;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist thaw` is told.
#[derive(Debug, Args)]
#[command(after_help = "It ends what was frozen by exactly this name. A freeze of the pipelines \
                        file ends there.")]
pub(super) struct ThawArgs {
    /// The environment that was frozen; '*' (in quotes) if everything was.
    #[arg(value_name = "ENV")]
    environment: String,

    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl ThawArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let request = ThawRequest { environment: self.environment, reason: self.reason };
        let done = connection.remote()?.thaw(&request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
