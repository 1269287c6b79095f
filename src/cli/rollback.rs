//! `hoist rollback`: brings back what was good.

use clap::Args;

use crate::app::views::RollbackRequest;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist rollback` is told.
#[derive(Debug, Args)]
#[command(after_help = "A revert proposal opens, past soak and window gates, and the application \
                        is held there until `hoist resume`, so that nothing puts the bad version \
                        back.")]
pub(super) struct RollbackArgs {
    /// The application: `payments`, or `services/payments` where two pipelines have one.
    #[arg(value_name = "APP")]
    application: String,

    /// The environment.
    #[arg(value_name = "ENV")]
    environment: String,

    /// To what: a version, a digest or a promotion's id that succeeded there; without it the last.
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,

    /// Why; it stands in the proposal and in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Take back what other hands put there, too.
    #[arg(long)]
    over_drift: bool,

    /// Roll back the environments after it and beside it that run the same, too.
    #[arg(long)]
    everywhere: bool,
}

impl RollbackArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let request = RollbackRequest {
            application: self.application,
            environment: self.environment,
            to: self.to,
            reason: self.reason,
            over_drift: self.over_drift,
            everywhere: self.everywhere,
        };
        let done = connection.remote()?.roll_back(&request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
