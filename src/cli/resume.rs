//! `hoist resume`: ends a hold.

use clap::Args;

use crate::app::views::ResumeRequest;
use crate::domain::command::Newer;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist resume` is told.
#[derive(Debug, Args)]
#[command(after_help = "After a rollback, say what becomes of the versions that came since.")]
pub(super) struct ResumeArgs {
    /// The application: `payments`, or `services/payments` where two pipelines have one.
    #[arg(value_name = "APP")]
    application: String,

    /// The environment.
    #[arg(value_name = "ENV")]
    environment: String,

    #[command(flatten)]
    newer: NewerArgs,

    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What becomes of what came since a rollback.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct NewerArgs {
    /// After a rollback: let what came since go in through its gates.
    #[arg(long)]
    with_newer: bool,

    /// After a rollback: go on only with what is announced from now on.
    #[arg(long)]
    without_newer: bool,
}

impl NewerArgs {
    fn said(&self) -> Option<Newer> {
        let with = self.with_newer.then_some(Newer::With);
        with.or(self.without_newer.then_some(Newer::Without))
    }
}

impl ResumeArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let request = ResumeRequest {
            application: self.application,
            environment: self.environment,
            newer: self.newer.said(),
            reason: self.reason,
        };
        let done = connection.remote()?.resume(&request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
