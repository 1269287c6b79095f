//! What a rollback keeps out, and what keeps a rollback waiting.

use super::environment::View;
use super::{Action, Because, Closed, Plan};
use crate::domain::promotion::{BadArtifact, Kind, Promotion, State};

impl View<'_> {
    /// Turns away what was rolled back in an environment before this one: neither waiting there
    /// again nor an approval here makes it good.
    ///
    /// Where the rollback is of this very environment, it takes the place of what it finds.
    pub(super) fn turn_away(&self, plan: &mut Plan) -> bool {
        if self.pending().any(Promotion::is_rollback) {
            return false;
        }
        let before = plan.actions.len();
        for promotion in self.pending() {
            let Kind::Forward { bad: BadArtifact::Refused, .. } = &promotion.kind else { continue };
            let taken = promotion
                .artifact
                .as_ref()
                .and_then(|artifact| self.snapshot.rolled_back(artifact, self.environment));
            let Some(taken) = taken else { continue };
            let because = Closed::Bad { environment: taken.environment.clone() };
            match self.open_proposal().filter(|facts| !self.is_anothers(promotion, facts)) {
                Some(facts) => plan.actions.push(Action::Close { number: facts.number, because }),
                None => plan.step(
                    &promotion.id,
                    State::Closed {
                        by: None,
                        reason: format!("it was rolled back in {}", taken.environment),
                    },
                ),
            }
        }
        plan.actions.len() > before
    }

    fn pending(&self) -> impl Iterator<Item = &Promotion> {
        self.promotions().filter(|promotion| promotion.state.is_pending())
    }

    /// What other hands put here since a rollback was asked for: nobody has said yet that this is
    /// to go, too.
    pub(super) fn drift_under(&self, rollback: &Promotion) -> Option<Because> {
        let current = self.snapshot.current(&self.environment.name)?;
        match &current.kind {
            Kind::Found { at } if current.created_at > rollback.created_at => rollback
                .is_rollback()
                .then(|| Because::Drifted { version: current.version.clone(), at: at.clone() }),
            Kind::Found { .. } | Kind::Forward { .. } | Kind::Rollback { .. } => None,
        }
    }
}
