//! `hoist review`: the builtin forge's proposals, by command.

use clap::Args;

use crate::app::views::{CheckRequest, CheckWord, ProposalRequest};
use crate::domain::command::ProposalStep;
use crate::domain::id::CommitId;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist review` is told.
#[derive(Debug, Args)]
#[command(
    after_help = "Without a step the proposal is shown, with its change. A step is taken on \
                        the commit that the proposal has now, or on --head and on no other."
)]
pub(super) struct ReviewArgs {
    /// The promotion's id, as `hoist status` and `hoist history` show it.
    #[arg(value_name = "PROMOTION")]
    promotion: String,

    #[command(flatten)]
    step: Step,

    /// Say something, by itself or with a step.
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,

    /// What the check named by --check found.
    #[arg(long, value_name = "STATE", requires = "check", value_parser = word)]
    state: Option<CheckWord>,

    /// The commit that was looked at: if the proposal has another by now, nothing is done.
    #[arg(long, value_name = "SHA")]
    head: Option<CommitId>,
}

/// What to do with it: at most one.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Step {
    /// Say yes.
    #[arg(long, num_args = 0, default_missing_value = "approve", value_parser = step)]
    approve: Option<ProposalStep>,

    /// Say no, not like this.
    #[arg(long, num_args = 0, default_missing_value = "request_changes", value_parser = step)]
    request_changes: Option<ProposalStep>,

    /// Merge it.
    #[arg(long, num_args = 0, default_missing_value = "merge", value_parser = step)]
    merge: Option<ProposalStep>,

    /// Tell what a check found, by the name that a `checks` gate has for it.
    #[arg(long, value_name = "NAME", requires = "state")]
    check: Option<String>,

    /// Close it.
    #[arg(long, num_args = 0, default_missing_value = "close", value_parser = step)]
    close: Option<ProposalStep>,
}

/// A step by the API's name for it.
fn step(name: &str) -> Result<ProposalStep, serde_json::Error> {
    serde_json::from_value(serde_json::Value::from(name))
}

/// What a check found: `pending`, `success` or `failure`.
fn word(name: &str) -> Result<CheckWord, &'static str> {
    serde_json::from_value(serde_json::Value::from(name))
        .map_err(|_| "say `pending`, `success` or `failure`")
}

impl ReviewArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let remote = connection.remote()?;
        let Step { approve, request_changes, merge, check, close } = self.step;
        let check = check.zip(self.state).map(|(name, state)| CheckRequest { name, state });
        let checks = check.as_ref().map(|_| ProposalStep::Check);
        let comments = self.comment.as_ref().map(|_| ProposalStep::Comment);
        let step = approve.or(request_changes).or(merge).or(close).or(checks).or(comments);
        let Some(step) = step else {
            let promotion = remote.promotion(&self.promotion).await?;
            let now = connection.now();
            return Ok(out.answer(&promotion, |it| story::promotion(it, now))?);
        };
        let head = match self.head {
            Some(head) => Some(head),
            None => remote.promotion(&self.promotion).await?.proposal.map(|it| it.head),
        };
        let request = ProposalRequest { step, head, comment: self.comment, check };
        let done = remote.review(&self.promotion, &request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
