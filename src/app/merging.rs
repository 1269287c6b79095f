//! Merges what was to be merged, if that still is so when its turn has come.

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::{CommitId, PromotionId, ProposalNumber};
use crate::domain::plan::{branch_of, merges_still};
use crate::domain::promotion::State;
use crate::domain::snapshot::Snapshot;
use crate::messages::{commit, landing};

use super::execute::{Outcome, own_name};
use super::look::facts;
use super::ports::{
    ForgeError, MergeOutcome, MergeRequest, Proposal, ProposalState, RefOutcome, RefUpdate,
};
use super::proposing::own_message;
use super::{App, AppError};

/// How old what was seen may be when a merge is asked for.
///
/// A look takes a second or two, and as long again goes by until its merge where nothing keeps it
/// waiting: whoever takes back their yes within that time could have been missed by any look. So a
/// merge that came at once costs no question more, and one that stood in line, for its own turn or
/// for those of the statuses before it, costs one look at its proposal.
const FRESH: SignedDuration = SignedDuration::from_secs(5);

impl App {
    /// Merges a promotion's proposal, if everything still says yes when its turn has come.
    pub(super) async fn merge(
        &self,
        snapshot: &Snapshot,
        id: &PromotionId,
        (number, head): (ProposalNumber, CommitId),
    ) -> Result<Outcome, AppError> {
        let (_, repository) = self.rules(&snapshot.application)?;
        // It may be long in coming, so that everything is judged after it.
        let turn = repository.forge.turn_to_merge().await?;
        let Some(snapshot) = self.anew(snapshot, id, (number, &head)).await? else {
            return Ok(Outcome::LookAgain);
        };
        // Whoever freezes or holds from here on waits for this merge before they are answered.
        let _merging = self.merging.read().await;
        let snapshot = &self.with_closures(snapshot).await?;
        let approvals = merges_still(snapshot, (id, &head), self.clock.now());
        let (Some(promotion), Some(approvals)) = (snapshot.promotion(id), approvals) else {
            return Ok(Outcome::LookAgain);
        };
        let by = own_name();
        let past = commit::skipped(promotion);
        let passage = commit::Passage { approvals: &approvals, by: &by, past: &past };
        let own = repository.commits.complete(own_message(snapshot, promotion));
        let request = MergeRequest {
            number,
            head,
            message: commit::merge(promotion, number, &passage),
            squashed: commit::squashed(&own, number, &passage),
            by: by.clone(),
            at: self.clock.now(),
        };
        match repository.forge.merge(&request, turn).await? {
            MergeOutcome::Merged(commit) => {
                self.tidy(snapshot, id).await?;
                Ok(self.step(snapshot, id, State::Merged { commit, by: Some(by) }))
            }
            MergeOutcome::HeadMoved | MergeOutcome::Conflict(_) => Ok(Outcome::LookAgain),
            MergeOutcome::Handed(course) => {
                Ok(self.told(snapshot, promotion, "handed-over", landing::handed_over(course)))
            }
            MergeOutcome::Blocked(blocks) => {
                Err(AppError::Forge(ForgeError::Refused(landing::blocked(&blocks))))
            }
            MergeOutcome::Refused(reason) => Err(AppError::Forge(ForgeError::Refused(reason))),
        }
    }

    /// What is known of a promotion and its proposal now: as it was seen, where that is fresh, or
    /// looked at once more. None where the proposal has ended, or somebody has pushed.
    async fn anew(
        &self,
        before: &Snapshot,
        id: &PromotionId,
        (number, head): (ProposalNumber, &CommitId),
    ) -> Result<Option<Snapshot>, AppError> {
        if self.is_fresh(before.at) {
            return Ok(Some(before.clone()));
        }
        let (pipeline, repository) = self.rules(&before.application)?;
        let mut snapshot = self.remembered_anew(before).await?;
        let proposal = repository.forge.load(number).await?;
        let environment =
            snapshot.promotion(id).and_then(|it| pipeline.environment(&it.environment));
        let (true, Some(environment)) = (is_as_judged(&proposal, head), environment) else {
            return Ok(None);
        };
        let facts = facts(repository, environment, &before.application, proposal).await?;
        snapshot.proposals.insert(number, facts);
        self.ask_teams(&mut snapshot).await;
        let mut answered = snapshot.evidence.clone();
        self.ask_for_gates(&mut snapshot, &mut answered).await;
        Ok(Some(snapshot))
    }

    /// Tells whether next to no time has gone by since something was seen.
    pub(super) fn is_fresh(&self, seen_at: Timestamp) -> bool {
        let age = self.clock.now().duration_since(seen_at);
        (SignedDuration::ZERO..=FRESH).contains(&age)
    }

    /// An application as people and time have changed it since it was looked at. What is newer than
    /// what waits is left for the next look: where a version comes every minute, none would go in.
    pub(super) async fn remembered_anew(&self, before: &Snapshot) -> Result<Snapshot, AppError> {
        let record = self.store.load(&before.application).await?;
        let before = before.clone();
        Ok(Snapshot {
            artifacts: before.artifacts,
            delays: before.delays,
            readings: before.readings,
            proposals: before.proposals,
            pulses: before.pulses,
            rides: before.rides,
            glances: before.glances,
            ..self.memory(record, &before.pipeline)
        })
    }

    /// The same with what is held and frozen now.
    pub(super) async fn with_closures(&self, before: Snapshot) -> Result<Snapshot, AppError> {
        let record = self.store.load(&before.application).await?;
        let now = self.memory(record, &before.pipeline);
        Ok(Snapshot { holds: now.holds, freezes: now.freezes, ..before })
    }

    /// Takes a merged proposal's branch away, before the merge is recorded: afterwards nobody looks
    /// at that proposal again.
    ///
    /// A forge may have done so by itself. Commits that came since are somebody's work, and stay.
    pub(super) async fn tidy(&self, snapshot: &Snapshot, id: &PromotionId) -> Result<(), AppError> {
        let (_, repository) = self.rules(&snapshot.application)?;
        let merged = snapshot.promotion(id).and_then(|promotion| {
            let number = promotion.proposal.as_ref()?.number;
            Some((promotion, snapshot.proposals.get(&number)?))
        });
        let Some((promotion, facts)) = merged else { return Ok(()) };
        let branch = branch_of(&promotion.environment, &snapshot.application.application);
        let name = format!("refs/heads/{branch}");
        if repository.git.tip(&name).await?.as_ref() != Some(&facts.head) {
            return Ok(());
        }
        let update = RefUpdate { name, expected: Some(facts.head.clone()), new: None };
        for outcome in repository.git.push(vec![update]).await? {
            if let RefOutcome::Refused { reason } = outcome {
                tracing::warn!("the merged branch {branch} stays: the server says {reason}");
            }
        }
        Ok(())
    }
}

/// Tells whether a proposal is open and ends where it did when it was judged.
pub(super) fn is_as_judged(proposal: &Proposal, head: &CommitId) -> bool {
    proposal.state == ProposalState::Open && proposal.head == *head
}
