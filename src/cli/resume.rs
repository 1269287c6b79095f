//! `hoist resume`: ends a hold.

use clap::Args;

use crate::app::views::HoldRequest;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist resume` is told.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The application: `payments`, or `services/payments` where two pipelines have one.
    #[arg(value_name = "APP")]
    application: String,

    /// The environment.
    #[arg(value_name = "ENV")]
    environment: String,

    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl ResumeArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let request = HoldRequest {
            application: self.application,
            environment: self.environment,
            length: None,
            reason: self.reason,
        };
        let done = connection.remote()?.resume(&request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
