//! How a pull request ends: merged, or closed without.
//!
//! What GitHub refuses to merge, hoist does not merge: the question is asked of GitHub, pinned to
//! the head that was judged, and its answer names the rule that blocks.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::GitHubForge;
use super::answer::{Answer, Call};
use super::raw::{RawMerge, RawPull};
use super::sight::commit;
use crate::adapters::forge::common::note::{CLOSED, Note};
use crate::app::ports::{Closing, ForgeError, MergeOutcome, MergeRequest, Turn};
use crate::domain::id::ProposalNumber;

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeMethod {
    /// By a merge commit.
    #[default]
    Merge,
    /// As one commit upon the target.
    Squash,
    /// By putting its commits upon the target.
    Rebase,
}

impl MergeMethod {
    /// GitHub's word for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

impl GitHubForge {
    pub(super) async fn merge_pinned(
        &self,
        request: &MergeRequest,
        turn: &Turn,
    ) -> Result<MergeOutcome, ForgeError> {
        if let Some(outcome) = self.hand_over(request, turn).await? {
            return Ok(outcome);
        }
        let route = self.pull_route(request.number, &["merge"]);
        let told = self.api.write_in(turn, &route, Call::Put(&self.wish(request))).await;
        if let Ok(answer) = &told
            && answer.status.is_success()
        {
            let merged: RawMerge = answer.expect(self.api.repo(), "merging a pull request")?;
            if let Some(sha) = merged.sha {
                let commit = commit(&sha)?;
                self.tidy(request.number, turn).await;
                return Ok(MergeOutcome::Merged(commit));
            }
        }
        match told {
            Ok(answer) if answer.status == StatusCode::CONFLICT => Ok(MergeOutcome::HeadMoved),
            told @ (Ok(_) | Err(ForgeError::Unreachable(_))) => {
                self.look_why(request, told, turn).await
            }
            Err(error) => Err(error),
        }
    }

    fn wish(&self, request: &MergeRequest) -> Value {
        let mut wish =
            json!({ "sha": request.head.as_str(), "merge_method": self.merge_method.name() });
        if let Some((title, message)) = self.words(request) {
            wish["commit_title"] = title.into();
            wish["commit_message"] = message.into();
        }
        wish
    }

    /// The first line and the rest of what the commit says that GitHub makes. Commits that are put
    /// upon the target keep their own messages.
    pub(super) fn words<'r>(&self, request: &'r MergeRequest) -> Option<(&'r str, &'r str)> {
        let text = match self.merge_method {
            MergeMethod::Merge => &request.message,
            MergeMethod::Squash => &request.squashed,
            MergeMethod::Rebase => return None,
        };
        let (title, message) = text.split_once('\n').unwrap_or((text, ""));
        Some((title, message.trim()))
    }

    /// Finds out what became of a merge that was not simply made.
    async fn look_why(
        &self,
        request: &MergeRequest,
        told: Result<Answer, ForgeError>,
        turn: &Turn,
    ) -> Result<MergeOutcome, ForgeError> {
        let pull = self.pull(request.number).await?;
        if pull.merged_at.is_some() {
            if pull.head.sha != request.head.as_str() {
                return Ok(MergeOutcome::HeadMoved);
            }
            self.tidy(request.number, turn).await;
            return commit(pull.merge_commit_sha.as_deref().unwrap_or_default())
                .map(MergeOutcome::Merged);
        }
        if pull.state != "open" {
            let why = format!("pull request {} is closed", request.number);
            return Ok(MergeOutcome::Refused(why));
        }
        if pull.head.sha != request.head.as_str() {
            return Ok(MergeOutcome::HeadMoved);
        }
        self.judge(&pull, &told?).await
    }

    /// What a refusal says of a pull request that is open at the head that was judged.
    async fn judge(&self, pull: &RawPull, answer: &Answer) -> Result<MergeOutcome, ForgeError> {
        let number = ProposalNumber(pull.number);
        let is_rule = matches!(
            answer.status,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNPROCESSABLE_ENTITY
        );
        if !is_rule {
            let doing = format!("merging pull request {number}");
            return Err(answer.refusal(self.api.repo(), &doing));
        }
        if pull.mergeable == Some(false) {
            return self.paths(number).await.map(MergeOutcome::Conflict);
        }
        if answer.says("was modified") || answer.says("already in progress") {
            return Ok(MergeOutcome::HeadMoved);
        }
        Ok(MergeOutcome::Refused(format!("GitHub does not merge {number}: {}", answer.words())))
    }

    pub(super) async fn close_unmerged(&self, closing: &Closing) -> Result<(), ForgeError> {
        let pull = self.pull(closing.number).await?;
        if pull.state != "open" {
            return Ok(());
        }
        let note = Note { marker: CLOSED, by: Some(&closing.by), body: &closing.reason };
        self.write_note(&pull, &note).await?;
        let closed = json!({ "state": "closed" });
        let answer =
            self.api.write(&self.pull_route(closing.number, &[]), Call::Patch(&closed)).await?;
        self.check(&answer, &format!("closing pull request {}", closing.number))?;
        self.tidy(closing.number, &self.api.turn().await).await;
        Ok(())
    }

    /// Takes away the branch of a pull request that has ended. Commits that came since are
    /// somebody's work, and stay.
    ///
    /// It is no failure of the merge if that fails: what stays is overwritten by the next proposal.
    async fn tidy(&self, number: ProposalNumber, turn: &Turn) {
        if let Err(error) = self.delete_branch(number, turn).await {
            tracing::warn!("the branch of {}{number} stays: {error}", self.api.repo());
        }
    }

    async fn delete_branch(&self, number: ProposalNumber, turn: &Turn) -> Result<(), ForgeError> {
        let pull = self.pull(number).await?;
        let branch = &pull.head.name;
        if pull.head.repo != pull.base.repo
            || self.tip(branch).await?.as_ref() != Some(&pull.head.sha)
        {
            return Ok(());
        }
        let route = self.branch_route("refs", branch);
        let answer = self.api.write_in(turn, &route, Call::Delete).await?;
        // The repository may be set to delete merged branches by itself.
        if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
            return Ok(());
        }
        self.check(&answer, "deleting a branch")
    }
}
