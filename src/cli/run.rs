//! `hoist run`: runs a schedule now.

use clap::Args;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist run` is told.
#[derive(Debug, Args)]
#[command(after_help = "What waits and may go goes, as at the schedule's own time; \
                        `hoist plan --schedule NAME` says before what that is.")]
pub(super) struct RunArgs {
    /// The schedule, by its name in the pipelines file.
    #[arg(value_name = "SCHEDULE")]
    schedule: String,
}

impl RunArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let done = connection.remote()?.run(&self.schedule).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
