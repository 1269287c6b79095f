//! `hoist skip`: lets a promotion pass one gate.

use clap::Args;

use crate::app::views::SkipRequest;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist skip` is told.
#[derive(Debug, Args)]
#[command(after_help = "It takes the right `skip-gates`. `hoist why APP ENV` names the gates. A \
                        hold is not skipped: `hoist resume` ends it.")]
pub(super) struct SkipArgs {
    /// The application: `payments`, or `services/payments` where two pipelines have one.
    #[arg(value_name = "APP")]
    application: String,

    /// The environment.
    #[arg(value_name = "ENV")]
    environment: String,

    /// The gate, as `soak` or `window`.
    #[arg(value_name = "GATE")]
    gate: String,

    /// Why; the proposal, the merge commit and the audit log say so.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl SkipArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let request = SkipRequest {
            application: self.application,
            environment: self.environment,
            promotion: None,
            gate: self.gate,
            reason: self.reason,
        };
        let done = connection.remote()?.skip(&request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
