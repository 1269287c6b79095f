//! How a merge request ends: merged, or closed without.
//!
//! What GitLab refuses to merge, hoist does not merge: the question is asked of GitLab, pinned to
//! the head that was judged, and its own word for what blocks is told.

use gitlab::api::projects::merge_requests::{
    EditMergeRequest, MergeMergeRequest, MergeRequestStateEvent,
};
use gitlab::api::projects::repository::branches::DeleteBranch;
use reqwest::StatusCode;

use super::GitLabForge;
use super::answer::Answer;
use super::api::built;
use super::handing::{Way, block, lacks_right};
use super::raw::RawMerge;
use super::sight::{commit, is_unknown, must_be_remade};
use super::text::without_actions;
use crate::adapters::forge::common::AutoMerge;
use crate::adapters::forge::common::note::{CLOSED, Note};
use crate::app::ports::{Closing, ForgeError, MergeOutcome, MergeRequest, Turn};
use crate::domain::id::ProposalNumber;
use crate::domain::landing::{Block, Course};

/// What becomes of a branch's commits when it is merged. How they come upon the target, by a merge
/// commit or without, is a setting of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GitLabSquash {
    /// As the project has it.
    #[default]
    AsProject,
    /// They become one.
    Always,
}

impl GitLabForge {
    pub(super) async fn merge_pinned(
        &self,
        request: &MergeRequest,
        turn: &Turn,
    ) -> Result<MergeOutcome, ForgeError> {
        match self.way_now().await? {
            Way::ByTrain => self.board(request, turn).await,
            Way::Merged => match self.merge_now(request, AutoMerge::Never, turn).await? {
                MergeOutcome::Blocked(blocks) if self.may_wait(&blocks) => {
                    self.merge_now(request, AutoMerge::Allowed, turn).await
                }
                outcome @ (MergeOutcome::Merged(_)
                | MergeOutcome::HeadMoved
                | MergeOutcome::Conflict(_)
                | MergeOutcome::Handed(_)
                | MergeOutcome::Blocked(_)
                | MergeOutcome::Refused(_)) => Ok(outcome),
            },
        }
    }

    /// Merges; or as soon as GitLab's rules let it, if it may wait for that.
    async fn merge_now(
        &self,
        request: &MergeRequest,
        patience: AutoMerge,
        turn: &Turn,
    ) -> Result<MergeOutcome, ForgeError> {
        let number = request.number.0;
        let mut endpoint = MergeMergeRequest::builder();
        endpoint.project(self.api.project()).merge_request(number).sha(request.head.as_str());
        if patience == AutoMerge::Allowed {
            endpoint.merge_when_pipeline_succeeds(true);
        }
        endpoint.merge_commit_message(request.message.trim());
        endpoint.squash_commit_message(request.squashed.trim());
        endpoint.should_remove_source_branch(true);
        match self.squash {
            GitLabSquash::AsProject => {}
            GitLabSquash::Always => {
                endpoint.squash(true);
            }
        }
        let told = self.api.write_in(turn, &built(endpoint.build())?).await;
        match told {
            Ok(answer) if answer.status.is_success() => {
                let merged: RawMerge = answer.expect(self.api.project(), "merging")?;
                if merged.merged_at.is_some() {
                    return commit(merged.landed()).map(MergeOutcome::Merged);
                }
                if merged.merge_when_pipeline_succeeds && merged.is_open() {
                    return Ok(MergeOutcome::Handed(Course::AutoMerge));
                }
                self.look_why(request, Ok(answer)).await
            }
            told @ (Ok(_) | Err(ForgeError::Unreachable(_))) => self.look_why(request, told).await,
            Err(error) => Err(error),
        }
    }

    /// Finds out what became of a merge that was not simply made.
    pub(super) async fn look_why(
        &self,
        request: &MergeRequest,
        told: Result<Answer, ForgeError>,
    ) -> Result<MergeOutcome, ForgeError> {
        let merge = self.merge_request(request.number).await?;
        let is_other_head = merge.sha.as_deref() != Some(request.head.as_str());
        if merge.merged_at.is_some() {
            if is_other_head {
                return Ok(MergeOutcome::HeadMoved);
            }
            return commit(merge.landed()).map(MergeOutcome::Merged);
        }
        if !merge.is_open() {
            return Ok(MergeOutcome::Refused(format!("!{} is closed", merge.iid)));
        }
        if is_other_head || merge.state == "locked" {
            return Ok(MergeOutcome::HeadMoved);
        }
        if merge.merge_when_pipeline_succeeds {
            return Ok(MergeOutcome::Handed(Course::AutoMerge));
        }
        self.judge(&merge, &told?).await
    }

    /// What a refusal says of a merge request that is open at the head that was judged.
    async fn judge(&self, merge: &RawMerge, answer: &Answer) -> Result<MergeOutcome, ForgeError> {
        if answer.status.is_server_error() {
            return Err(answer.refusal(self.api.project(), "merging"));
        }
        if answer.status == StatusCode::CONFLICT
            || is_unknown(merge)
            || self.tip(&merge.source_branch).await?.is_none()
        {
            return Ok(MergeOutcome::HeadMoved);
        }
        if must_be_remade(merge) {
            return self.paths(merge.iid).await.map(MergeOutcome::Conflict);
        }
        let block = if merge.draft { Some(Block::Draft) } else { block(merge) };
        if !lacks_right(answer)
            && let Some(block) = block
        {
            return Ok(MergeOutcome::Blocked(vec![block]));
        }
        let why = why(merge, answer);
        Ok(MergeOutcome::Refused(format!("GitLab does not merge !{}: {why}", merge.iid)))
    }

    pub(super) async fn close_unmerged(&self, closing: &Closing) -> Result<(), ForgeError> {
        let merge = self.merge_request(closing.number).await?;
        if !merge.is_open() {
            return Ok(());
        }
        let note = Note { marker: CLOSED, by: Some(&closing.by), body: &closing.reason };
        self.write_note(merge.iid, &note).await?;
        let mut endpoint = EditMergeRequest::builder();
        endpoint.project(self.api.project()).merge_request(merge.iid);
        endpoint.state_event(MergeRequestStateEvent::Close);
        let answer = self.api.write(&built(endpoint.build())?).await?;
        answer.check(self.api.project(), &format!("closing !{}", merge.iid))?;
        self.tidy(closing.number).await;
        Ok(())
    }

    /// Takes away the branch of a merge request that was closed. Commits that came since are
    /// somebody's work, and stay.
    ///
    /// It is no failure of the closing if that fails: what stays is overwritten by the next
    /// proposal.
    async fn tidy(&self, number: ProposalNumber) {
        if let Err(error) = self.delete_branch(number).await {
            tracing::warn!("the branch of {}!{} stays: {error}", self.api.project(), number.0);
        }
    }

    async fn delete_branch(&self, number: ProposalNumber) -> Result<(), ForgeError> {
        let merge = self.merge_request(number).await?;
        let is_ours = merge.source_project_id == merge.target_project_id;
        let tip = self.tip(&merge.source_branch).await?;
        if !is_ours || tip.is_none() || tip != merge.sha {
            return Ok(());
        }
        let mut endpoint = DeleteBranch::builder();
        endpoint.project(self.api.project()).branch(merge.source_branch.as_str());
        let answer = self.api.write(&built(endpoint.build())?).await?;
        answer.check(self.api.project(), "deleting a branch")
    }
}

/// What GitLab's answer says where no rule of its own tells.
fn why(merge: &RawMerge, answer: &Answer) -> String {
    // On a merge it means a right that is missing, and not that the token is not good.
    if lacks_right(answer) {
        return format!(
            "this token may not merge into {}; its role must be among those that the protection \
             of that branch lets merge ({})",
            merge.target_branch,
            without_actions(&answer.words())
        );
    }
    answer.words()
}
