//! How a proposal ends: merged, or closed without.
//!
//! The target moves first and the record follows. Whatever happens in between, the target's history
//! says what was done, and [`Sight`] reads it there; the other order could record a merge that
//! never was.

use super::ledger::{Event, push_first};
use super::record::State;
use super::sight::Sight;
use super::{ATTEMPTS, BuiltinForge, signature, sort_failure};
use crate::app::ports::{
    Closing, ForgeError, MergeOutcome, MergeRequest, Merged, RefOutcome, RefUpdate,
};
use crate::domain::id::CommitId;

/// What became of one try to merge.
enum Try {
    Done(MergeOutcome),
    /// Somebody was faster on the target branch; the head may still be the one that was judged.
    TargetMoved,
}

impl BuiltinForge {
    pub(super) async fn merge_pinned(
        &self,
        request: &MergeRequest,
    ) -> Result<MergeOutcome, ForgeError> {
        for _ in 0..ATTEMPTS {
            self.fetch().await?;
            let sight = self.sight(request.number).await?;
            match self.try_merge(request, &sight).await? {
                Try::Done(outcome) => return Ok(outcome),
                Try::TargetMoved => {}
            }
        }
        Ok(MergeOutcome::HeadMoved)
    }

    pub(super) async fn close_unmerged(&self, closing: &Closing) -> Result<(), ForgeError> {
        self.fetch().await?;
        self.amend(closing.number, |record, sight| {
            if sight.state != State::Open {
                return Ok(None);
            }
            record.state = State::Closed {
                by: Some(closing.by.clone()),
                reason: Some(closing.reason.clone()),
                at: closing.at,
            };
            let mut event = Event::by_person("close", &closing.by, closing.at);
            event.along.extend(without_branch(sight, &record.head));
            Ok(Some(event))
        })
        .await
    }

    async fn try_merge(&self, request: &MergeRequest, sight: &Sight) -> Result<Try, ForgeError> {
        let refuse = |why: String| Ok(Try::Done(MergeOutcome::Refused(why)));
        match &sight.state {
            State::Open => {}
            State::Merged { .. } if sight.head != request.head => {
                return Ok(Try::Done(MergeOutcome::HeadMoved));
            }
            State::Merged { commit, .. } => {
                self.record_merge(request, &sight.state).await;
                return Ok(Try::Done(MergeOutcome::Merged(commit.clone())));
            }
            State::Closed { .. } => {
                return refuse(format!("proposal {} is closed", request.number));
            }
        }
        if sight.branches.tip.as_ref() != Some(&request.head) {
            return Ok(Try::Done(MergeOutcome::HeadMoved));
        }
        let target = &sight.entry.record.target;
        let Some(onto) = &sight.branches.target_tip else {
            return refuse(format!("the branch `{target}`, which it shall go into, is gone"));
        };
        let author = signature(request.by.as_str(), request.at);
        let merged = self.git.merge(onto, &request.head, request.message.clone(), author);
        match merged.await.map_err(sort_failure)? {
            Merged::Conflict(paths) => Ok(Try::Done(MergeOutcome::Conflict(paths))),
            Merged::AlreadyIn => refuse(format!("`{target}` has all of its commits already")),
            Merged::Clean(commit) => self.land(request, sight, commit).await,
        }
    }

    /// Moves the target branch onto the merge commit, and tells of it.
    async fn land(
        &self,
        request: &MergeRequest,
        sight: &Sight,
        commit: CommitId,
    ) -> Result<Try, ForgeError> {
        let update = RefUpdate {
            name: format!("refs/heads/{}", sight.entry.record.target),
            expected: sight.branches.target_tip.clone(),
            new: Some(commit.clone()),
        };
        match push_first(self.git.as_ref(), vec![update]).await? {
            RefOutcome::Moved | RefOutcome::AlreadyThere => {
                let by = Some(request.by.clone());
                let state = State::Merged { commit: commit.clone(), by, at: request.at };
                self.record_merge(request, &state).await;
                Ok(Try::Done(MergeOutcome::Merged(commit)))
            }
            RefOutcome::Stale { .. } => Ok(Try::TargetMoved),
            RefOutcome::Refused { reason } => Ok(Try::Done(MergeOutcome::Refused(reason))),
        }
    }

    /// Records a merge that has happened, and takes its branch away.
    ///
    /// Failing here undoes nothing and hides nothing, so it is no failure of the merge: the next
    /// look finds the head in its target.
    async fn record_merge(&self, request: &MergeRequest, state: &State) {
        let recorded = self.amend(request.number, |record, sight| {
            record.head = request.head.clone();
            record.state = state.clone();
            let branch = without_branch(sight, &request.head);
            if sight.entry.record.state == *state && branch.is_none() {
                return Ok(None);
            }
            let mut event = Event::by_person("merge", &request.by, request.at);
            event.along.extend(branch);
            Ok(Some(event))
        });
        if let Err(error) = recorded.await {
            let number = request.number.0;
            tracing::warn!(proposal.number = number, "merged, but not recorded yet: {error:#}");
        }
    }
}

/// Takes the branch away if it still is at `head`; commits that came since are somebody's work.
fn without_branch(sight: &Sight, head: &CommitId) -> Option<RefUpdate> {
    let record = &sight.entry.record;
    let at_head = sight.branches.tip.as_ref() == Some(head) && record.branch != record.target;
    at_head.then(|| RefUpdate {
        name: format!("refs/heads/{}", record.branch),
        expected: Some(head.clone()),
        new: None,
    })
}
