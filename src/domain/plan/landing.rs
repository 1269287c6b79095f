//! Decides how a proposal whose gates are open gets in: merged by hoist, handed over to its forge,
//! or not yet, because a rule of the forge's is in the way.

use super::environment::View;
use super::{Action, Because, Plan, Proposing};
use crate::domain::gate::Judged;
use crate::domain::landing::{Block, Landing};
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::ProposalFacts;

impl View<'_> {
    /// Takes back what hoist has asked the forge to do by itself: the forge knows nothing of what
    /// changed since. What a person asked it for stays theirs.
    pub(super) fn take_back(&self, plan: &mut Plan, bearer: &Promotion, facts: &ProposalFacts) {
        if facts.landing.ours().is_some() {
            let (number, promotion) = (facts.number, bearer.id.clone());
            plan.actions.push(Action::TakeBack { number, promotion });
        }
    }

    /// Brings in a proposal that nothing of hoist's keeps out.
    pub(super) fn land(
        &self,
        plan: &mut Plan,
        (bearer, facts, judged): (&Promotion, &ProposalFacts, &[Judged]),
        renewal: Option<Proposing>,
    ) {
        match &facts.landing {
            Landing::Free | Landing::Blocked { offer: Some(_), .. } => {
                self.merge(plan, bearer, facts);
            }
            Landing::Handed(handed) if handed.is_through() => self.merge(plan, bearer, facts),
            Landing::Handed(handed) => {
                if let Some(group) = &handed.group {
                    self.publish(plan, (facts, &group.head, &group.statuses), judged);
                }
                self.wait(plan, Some(bearer), Because::Handed(handed.clone()));
            }
            Landing::Blocked { blocks, offer: None } => match renewal {
                // Only a commit on the branch as it is now can get in.
                Some(renewal) if blocks.contains(&Block::Behind) => {
                    plan.actions.push(Action::Propose(renewal));
                }
                Some(_) | None => self.wait(plan, Some(bearer), Because::Blocked(blocks.clone())),
            },
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
