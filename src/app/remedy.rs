//! Records what was seen of an application's health, and does what the rules say when it stays
//! ill: holds it, or brings the last good version back.

use crate::domain::command::Actor;
use crate::domain::health::{Finding, Remedy};
use crate::domain::id::{EnvironmentName, HoldId, PromotionId};
use crate::domain::promotion::{Kind, Promotion, State};
use crate::domain::pulse::Pulse;
use crate::domain::rollback;
use crate::domain::snapshot::Snapshot;
use crate::messages::health as words;

use super::App;
use super::execute::Outcome;
use super::ports::{Change, Hold};

impl App {
    /// Records a pulse; the audit log says when an application became ill, and when well again.
    pub(super) fn observe(
        &self,
        snapshot: &Snapshot,
        environment: &EnvironmentName,
        pulse: Pulse,
    ) -> Outcome {
        let Some(promotion) = snapshot.promotion(&pulse.promotion) else {
            return Outcome::LookAgain;
        };
        let before = snapshot.pulse_of(promotion).map(|pulse| pulse.finding);
        let told = match (before, pulse.finding) {
            (Some(Finding::Ill), Finding::Ill) => None,
            (_, Finding::Ill) => Some(("unhealthy", words::became_ill(promotion, &pulse))),
            (Some(Finding::Ill), Finding::Well) => {
                Some(("healthy", words::became_well(promotion, &pulse)))
            }
            (_, Finding::Well | Finding::Unseen | Finding::NotYet | Finding::Unsettled) => None,
        };
        let audit = told.map(|(verb, text)| {
            self.line(snapshot, verb, environment, text).about(&pulse.promotion)
        });
        let change = Change::Observe { environment: environment.clone(), pulse };
        Outcome::Done { changes: vec![change], audit: audit.into_iter().collect() }
    }

    /// Holds the application, or brings the last good version back and holds it there.
    pub(super) fn remedy(
        &self,
        snapshot: &Snapshot,
        environment: &EnvironmentName,
        (remedy, pulse): (Remedy, Pulse),
    ) -> Outcome {
        let Some(promotion) = snapshot.promotion(&pulse.promotion) else {
            return Outcome::LookAgain;
        };
        let reason = words::stays_ill(promotion, &pulse);
        let mut changes = vec![Change::Observe { environment: environment.clone(), pulse }];
        let mut audit = Vec::new();
        let mut held_because = reason.clone();
        if remedy == Remedy::Rollback {
            match rollback::choose(snapshot, environment, None) {
                Ok(chosen) => {
                    let back = self.own_rollback(chosen.restores, chosen.undoes, &reason);
                    let text = crate::messages::answer::rolling_back(&back, chosen.undoes);
                    held_because = crate::messages::answer::held_by_rollback(chosen.undoes);
                    audit.push(self.line(snapshot, "rollback", environment, text).about(&back.id));
                    changes.push(Change::Start(Box::new(back)));
                }
                Err(none) => held_because = format!("{reason}; {none}"),
            }
        }
        audit.push(self.line(snapshot, "hold", environment, held_because.clone()));
        changes.push(Change::Hold(self.own_hold(snapshot, environment, held_because)));
        Outcome::Done { changes, audit }
    }

    fn own_hold(&self, snapshot: &Snapshot, environment: &EnvironmentName, why: String) -> Hold {
        let now = self.clock.now();
        Hold {
            id: HoldId::new(now, self.dice.roll()),
            application: snapshot.application.clone(),
            environment: environment.clone(),
            by: Actor::hoist(),
            reason: Some(why),
            since: now,
            until: None,
        }
    }

    fn own_rollback(&self, restores: &Promotion, undoes: &Promotion, why: &str) -> Promotion {
        let now = self.clock.now();
        Promotion {
            id: PromotionId::new(now, self.dice.roll()),
            application: undoes.application.clone(),
            environment: undoes.environment.clone(),
            kind: Kind::Rollback { restores: restores.id.clone(), undoes: undoes.id.clone() },
            artifact: restores.artifact.clone(),
            version: restores.version.clone(),
            values: Vec::new(),
            requested_by: Actor::hoist(),
            reason: Some(why.to_owned()),
            created_at: now,
            state: State::Waiting,
            since: now,
            proposal: None,
        }
    }
}
