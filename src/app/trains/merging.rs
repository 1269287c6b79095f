//! Merges a train, if everything still says yes when its turn has come.

use super::super::execute::own_name;
use super::super::look::facts_of;
use super::super::merging::is_as_judged;
use super::super::ports::{MergeOutcome, MergeRequest};
use super::super::proposing::own_message;
use super::super::{App, AppError};
use super::landing::{Waits, gates_of, judgements, obstacle, waits_for_its_forge};
use super::{Rider, Train};
use crate::domain::id::CommitId;
use crate::domain::plan::{Ticket, ticket};
use crate::domain::snapshot::ProposalFacts;
use crate::messages::{commit, landing, train as words};

impl App {
    /// Merges a train; what it waits for, in words, until that is recorded.
    pub(super) async fn merge_train(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        (title, facts, head): (&str, &ProposalFacts, &CommitId),
    ) -> Result<Waits, AppError> {
        // It may be long in coming, so that everything is judged after it.
        let turn = train.repository.forge.turn_to_merge().await?;
        let Some((mut riding, facts)) = self.train_anew(train, riding, (facts, head)).await? else {
            return Ok(Waits::for_others(words::LOOKS_AGAIN.to_owned()));
        };
        self.ask_for_riders(train, &mut riding, &facts).await;
        // Whoever freezes or holds from here on waits for this merge before they are answered.
        let _merging = self.merging.read().await;
        for rider in &mut riding {
            rider.snapshot = self.with_closures(rider.snapshot.clone()).await?;
        }
        if let Some(waits) = self.keeps_out(train, &riding, &facts) {
            return Ok(waits);
        }
        let by = own_name();
        let past: Vec<String> =
            riding.iter().flat_map(|rider| commit::skipped(&rider.promotion)).collect();
        let passage = commit::Passage { approvals: &facts.approvals, by: &by, past: &past };
        let commits = &train.repository.commits;
        let own = |it: &Rider| commits.complete(own_message(&it.snapshot, &it.promotion));
        let own: Vec<String> = riding.iter().map(own).collect();
        let request = MergeRequest {
            number: facts.number,
            head: head.clone(),
            squashed: words::squashed(title, facts.number, &own, &passage),
            message: words::merge(title, facts.number, &passage),
            by,
            at: self.clock.now(),
        };
        let what = match train.repository.forge.merge(&request, turn).await? {
            MergeOutcome::Merged(_) => words::MERGED.to_owned(),
            MergeOutcome::HeadMoved | MergeOutcome::Conflict(_) => words::LOOKS_AGAIN.to_owned(),
            MergeOutcome::Handed(course) => landing::handed_over(course).to_owned(),
            MergeOutcome::Blocked(blocks) => landing::blocked(&blocks),
            MergeOutcome::Refused(reason) => reason,
        };
        Ok(Waits::for_others(what))
    }

    /// Who rides and what the forge says now: as it was seen, where that is fresh, or looked at once
    /// more. None where the proposal is another by now, or one of those who ride stays.
    async fn train_anew(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        (before, head): (&ProposalFacts, &CommitId),
    ) -> Result<Option<(Vec<Rider>, ProposalFacts)>, AppError> {
        if riding.iter().all(|it| self.is_fresh(it.snapshot.at)) {
            return Ok(Some((riding.to_vec(), before.clone())));
        }
        let proposal = train.repository.forge.load(before.number).await?;
        if !is_as_judged(&proposal, head) {
            return Ok(None);
        }
        let mut anew = Vec::with_capacity(riding.len());
        for Rider { snapshot, promotion, proposing } in riding {
            let mut snapshot = self.remembered_anew(snapshot).await?;
            self.ask_teams(&mut snapshot).await;
            let told = ticket(&snapshot, train.environment, &promotion.id, self.clock.now());
            let promotion = snapshot.promotion(&promotion.id).cloned();
            let (Ticket::Rides { .. }, Some(promotion)) = (told, promotion) else {
                return Ok(None);
            };
            anew.push(Rider { snapshot, promotion, proposing: proposing.clone() });
        }
        self.ask_about_approvers(train, &mut anew, Some(&proposal)).await;
        let facts = facts_of(train.repository, train.environment, proposal).await;
        Ok(Some((anew, facts)))
    }

    /// What keeps a train out now, if anything does.
    fn keeps_out(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        facts: &ProposalFacts,
    ) -> Option<Waits> {
        let judged = judgements(train, riding, (facts, self.clock.now()));
        let shut = obstacle(train, riding, (facts, &gates_of(riding, &judged)));
        shut.or_else(|| waits_for_its_forge(&facts.landing))
    }
}
