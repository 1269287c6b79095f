//! Decides how a proposal whose gates are open gets in: merged by hoist, handed over to its forge,
//! or not yet, because a rule of the forge's is in the way.

use jiff::Timestamp;

use super::environment::View;
use super::gates::judge;
use super::{Action, Because, Closed, Plan, Proposing};
use crate::domain::gate::{CHECKS, Judged};
use crate::domain::id::{CommitId, PersonName, PromotionId};
use crate::domain::landing::{Block, Drafted, Landing};
use crate::domain::pipeline::DraftPolicy;
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::{ProposalFacts, Reading, Snapshot};

impl View<'_> {
    /// Takes back what hoist has asked the forge to do by itself: the forge knows nothing of what
    /// changed since. What a person asked it for stays theirs.
    pub(super) fn take_back(&self, plan: &mut Plan, bearer: &Promotion, facts: &ProposalFacts) {
        if facts.landing.ours().is_some() {
            let (number, promotion) = (facts.number, bearer.id.clone());
            // Before all else: a status or a comment that cannot be written now keeps nothing in it.
            plan.actions.insert(0, Action::TakeBack { number, promotion });
        }
    }

    /// Keeps out what is open while the promotion that comes next has to wait: its forge would bring
    /// it in, and so would a person who sees old statuses on it.
    pub(super) fn leave_aside(&self, plan: &mut Plan, bearer: &Promotion) {
        let Some(facts) = self.open_proposal() else { return };
        if self.closes(plan, bearer, facts) {
            return;
        }
        let judged = judge(self.snapshot, self.environment, bearer, Some(facts), self.now);
        self.publish(plan, (facts, &facts.head, &facts.statuses), &judged);
        self.take_back(plan, bearer, facts);
    }

    /// Closes what a rollback takes the place of; tells whether it does.
    pub(super) fn closes(
        &self,
        plan: &mut Plan,
        bearer: &Promotion,
        facts: &ProposalFacts,
    ) -> bool {
        let is_undone = bearer.is_rollback() && self.is_anothers(bearer, facts);
        if is_undone {
            let because = Closed::RolledBack { by: bearer.id.clone() };
            plan.actions.push(Action::Close { number: facts.number, because });
        }
        is_undone
    }

    /// Makes hoist's own draft ready once the time has come; tells whether it does.
    pub(super) fn make_ready(
        &self,
        plan: &mut Plan,
        (bearer, facts, judged): (&Promotion, &ProposalFacts, &[Judged]),
    ) -> bool {
        let is_due = match (facts.draft, self.environment.review.draft) {
            (Drafted::Ours, DraftPolicy::UntilOpen) => !keeps_draft(judged),
            (Drafted::Ours, DraftPolicy::Never) => true,
            (Drafted::Ready | Drafted::Theirs, _) => false,
        };
        if is_due {
            let (number, promotion) = (facts.number, bearer.id.clone());
            plan.actions.push(Action::MakeReady { number, promotion });
        }
        is_due
    }

    /// Brings in a proposal that nothing of hoist's keeps out.
    pub(super) fn land(
        &self,
        plan: &mut Plan,
        (bearer, facts): (&Promotion, &ProposalFacts),
        renewal: Option<Proposing>,
    ) {
        if facts.draft == Drafted::Theirs {
            return self.wait(plan, Some(bearer), Because::Blocked(vec![Block::Draft]));
        }
        match &facts.landing {
            Landing::Free | Landing::Blocked { offer: Some(_), .. } => {
                self.merge(plan, bearer, facts);
            }
            Landing::Handed(handed) if handed.is_through() => self.merge(plan, bearer, facts),
            Landing::Handed(handed) => {
                self.wait(plan, Some(bearer), Because::Handed(handed.clone()));
            }
            Landing::Blocked { blocks, offer: None } => match renewal {
                // Only a commit on the branch as it is now can get in.
                Some(renewal) if blocks.contains(&Block::Behind) => {
                    plan.actions.push(Action::Propose(renewal));
                }
                Some(_) | None => {
                    self.tell_of_put_out(plan, (bearer, facts), blocks);
                    self.wait(plan, Some(bearer), Because::Blocked(blocks.clone()));
                }
            },
        }
    }

    /// Says on the proposal that its forge has put it out, once for each head: who reviews it sees
    /// nothing of it there. A person who took it out knows.
    fn tell_of_put_out(
        &self,
        plan: &mut Plan,
        (bearer, facts): (&Promotion, &ProposalFacts),
        blocks: &[Block],
    ) {
        let is_put_out = |it: &&Block| matches!(it, Block::ThrownOut { by: None, .. });
        let Some(block) = blocks.iter().find(is_put_out) else { return };
        if facts.told_put_out.as_ref() != Some(&facts.head) {
            plan.actions.push(Action::TellOfPutOut {
                number: facts.number,
                promotion: bearer.id.clone(),
                head: facts.head.clone(),
                block: block.clone(),
            });
        }
    }

    fn merge(&self, plan: &mut Plan, bearer: &Promotion, facts: &ProposalFacts) {
        plan.actions.push(Action::Merge {
            promotion: bearer.id.clone(),
            number: facts.number,
            head: facts.head.clone(),
            approvals: self.approvals(bearer, facts),
        });
    }
}

/// Decides anew, when its turn has come, about a merge that was planned before: who approved what
/// may still go in. None where something keeps it out now, or another promotion goes first.
pub fn merges_still(
    snapshot: &Snapshot,
    (promotion, head): (&PromotionId, &CommitId),
    now: Timestamp,
) -> Option<Vec<PersonName>> {
    let environment = &snapshot.promotion(promotion)?.environment;
    let environment = snapshot.pipeline.environment(environment)?;
    let Reading::Fields { tip, fields } = snapshot.readings.get(&environment.name)? else {
        return None;
    };
    let mut plan = Plan::default();
    View { snapshot, environment, now }.bring_in(&mut plan, tip, fields);
    plan.actions.into_iter().find_map(|action| {
        let Action::Merge { promotion: carried, head: judged, approvals, .. } = action else {
            return None;
        };
        (carried == *promotion && judged == *head).then_some(approvals)
    })
}

/// Tells whether a gate is shut that needs nobody to look at the proposal: those who review, and
/// what checks it, may wait until it is no draft.
pub fn keeps_draft(judged: &[Judged]) -> bool {
    judged.iter().any(|gate| !gate.is_open() && !matches!(gate.name, "approvals" | CHECKS))
}
