//! A train that a person merges.

use super::{Boarded, Rider, Standing, Train, gates_of, judgements};
use crate::app::look::facts_of;
use crate::app::ports::Proposal;
use crate::app::{App, AppError};
use crate::domain::evidence::Evidence;
use crate::domain::plan::train_branch;
use crate::domain::promotion::Promotion;
use crate::domain::schedule::Schedule;
use crate::domain::snapshot::{ProposalFacts, Snapshot};
use crate::messages::train as words;

impl App {
    /// What keeps everybody without the right to skip gates from merging a train: judged now, for
    /// when it was tended last nobody knew what was said since.
    pub(in crate::app) async fn shut_for_train(
        &self,
        schedule: &Schedule,
        promotion: &Promotion,
        proposal: &Proposal,
    ) -> Result<Vec<String>, AppError> {
        let looks_again = || vec![words::LOOKS_AGAIN.to_owned()];
        let to = &promotion.environment;
        let rules = self.rules(&promotion.application)?;
        let Some(train) = Train::of((schedule, to), rules) else { return Ok(looks_again()) };
        let riders = self.store.riders(&schedule.name, to).await?;
        let Boarded { mut riding, staying, .. } = self.board_train(&train, &riders).await?;
        if !self.is_made_of(&train, &riding, proposal).await? {
            return Ok(words::left(&staying).map_or_else(looks_again, |why| vec![why]));
        }
        self.ask_about_approvers(&train, &mut riding, Some(proposal)).await;
        let facts = facts_of(train.repository, train.environment, proposal.clone()).await;
        let is_fresh = |it: &Evidence| self.is_fresh(it.at);
        self.ask_about_head(&train, &mut riding, (&facts, is_fresh)).await;
        Ok(self.shut_for_riders(&train, &riding, &facts))
    }

    /// Whether the proposal holds the commits of exactly those who ride now.
    async fn is_made_of(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        proposal: &Proposal,
    ) -> Result<bool, AppError> {
        let Some(first) = riding.first() else { return Ok(false) };
        let tip = &first.proposing.base;
        let stands = self.as_it_should_be(train, riding, (proposal, tip)).await?;
        Ok(matches!(stands, Standing::Good(..)))
    }

    fn shut_for_riders(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        facts: &ProposalFacts,
    ) -> Vec<String> {
        let judged = judgements(train, riding, (facts, self.clock.now()));
        let gates = gates_of(riding, &judged);
        let mut shut: Vec<String> =
            gates.iter().filter_map(|gate| gate.shut).map(words::waits).collect();
        if !facts.objections.is_empty() {
            shut.push(words::objections(&facts.objections));
        }
        if !riding.iter().all(|it| it.has_joined(facts.number, &facts.head)) {
            shut.push(words::JOINING.to_owned());
        }
        shut
    }
}

/// The schedule whose train a proposal is, if it is one with which the promotion rides.
pub(in crate::app) fn schedule_of<'a>(
    snapshot: &'a Snapshot,
    promotion: &Promotion,
    proposal: &Proposal,
) -> Option<&'a Schedule> {
    let schedule = snapshot.timetable.train_of(&promotion.id)?;
    let branch = train_branch(&promotion.environment, &schedule.name);
    (proposal.branch == branch).then_some(schedule)
}
