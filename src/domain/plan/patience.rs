//! Ends what a gate has kept out for longer than its timeout.

use jiff::Timestamp;

use super::environment::View;
use super::{Action, Closed, Plan};
use crate::domain::gate::Judged;
use crate::domain::promotion::{Promotion, State};
use crate::domain::snapshot::ProposalFacts;

impl View<'_> {
    /// Closes a promotion that one of the gates has kept out for too long, if one has.
    ///
    /// It counts from when the promotion began to wait, or was proposed. A rollback never ends so:
    /// somebody wants it.
    pub(super) fn gives_up(
        &self,
        plan: &mut Plan,
        promotion: &Promotion,
        facts: Option<&ProposalFacts>,
        shut: &[&Judged],
    ) -> bool {
        if promotion.is_rollback() {
            return false;
        }
        for judged in shut {
            let rule = self.environment.rule(judged.name);
            let Some(timeout) = rule.and_then(|rule| rule.timeout) else { continue };
            let ends = promotion.since.saturating_add(timeout).unwrap_or(Timestamp::MAX);
            if self.now < ends {
                plan.look_again(ends);
                continue;
            }
            let reason =
                format!("the gate {} kept it out for {timeout:#}: {}", judged.name, judged.saw);
            match facts {
                Some(facts) => {
                    let because = Closed::TimedOut { reason };
                    plan.actions.push(Action::Close { number: facts.number, because });
                }
                None => plan.step(&promotion.id, State::Closed { by: None, reason }),
            }
            return true;
        }
        false
    }
}
