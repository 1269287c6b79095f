//! Records what was seen of an application's health, and does what the rules say when it stays
//! ill: holds it, or brings the last good version back.

use crate::domain::command::Actor;
use crate::domain::health::{Finding, Remedy};
use crate::domain::id::{EnvironmentName, HoldId};
use crate::domain::pulse::Pulse;
use crate::domain::rollback::{self, Chosen};
use crate::domain::snapshot::Snapshot;
use crate::messages::{answer, health as words};

use super::App;
use super::commands::Wish;
use super::execute::Outcome;
use super::ports::Change;

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

    /// Records that a hold has ended by itself: nobody is told by the passing of time alone.
    pub(super) fn hold_ended(
        &self,
        snapshot: &Snapshot,
        environment: EnvironmentName,
        hold: HoldId,
    ) -> Outcome {
        let text = answer::hold_ended(&snapshot.application.application, &environment);
        let audit = vec![self.line(snapshot, "resume", &environment, text)];
        let changes = vec![Change::Resume { environment, hold: Some(hold) }];
        Outcome::Done { changes, audit }
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
        let wish = Wish {
            application: snapshot.application.clone(),
            environment: environment.clone(),
            by: Actor::hoist(),
            reason: Some(reason.clone()),
        };
        let mut changes = vec![Change::Observe { environment: environment.clone(), pulse }];
        let mut audit = Vec::new();
        let hold = match remedy {
            Remedy::Hold | Remedy::Nothing => self.hold_for(&wish, None, Some(reason)),
            Remedy::Rollback => match rollback::choose(snapshot, environment, None) {
                Ok(Chosen { restores, undoes }) => {
                    let (back, hold) = self.rollback_for(&wish, restores, undoes);
                    let text = answer::rolling_back(&back, undoes);
                    audit.push(self.line(snapshot, "rollback", environment, text).about(&back.id));
                    changes.push(Change::Start(Box::new(back)));
                    hold
                }
                Err(none) => self.hold_for(&wish, None, Some(format!("{reason}; {none}"))),
            },
        };
        let application = &snapshot.application.application;
        let held = answer::held(application, environment, None, hold.reason.as_deref());
        audit.push(self.line(snapshot, "hold", environment, held));
        changes.push(Change::Hold(hold));
        Outcome::Done { changes, audit }
    }
}
