//! The course of what is in: merged, deployed, soaking, succeeded, as its health says.

use jiff::{SignedDuration, Timestamp};

use super::environment::View;
use super::{Action, Because, Plan};
use crate::domain::health::{Finding, HealthRule, Remedy, Sign};
use crate::domain::promotion::{Promotion, State};
use crate::domain::pulse::Pulse;

/// How soon a health that matters is looked at again, at first and at last.
const SOONEST: SignedDuration = SignedDuration::from_secs(15);
const LATEST: SignedDuration = SignedDuration::from_secs(60);

/// How far a soak's announced end may be off before it is announced anew.
const SLACK: SignedDuration = SignedDuration::from_mins(1);

/// When to look at a health again: often at first, and less often the longer it takes.
fn next_look(now: Timestamp, since: Timestamp) -> Timestamp {
    let waited = now.duration_since(since).max(SignedDuration::ZERO);
    now.saturating_add((waited / 8).clamp(SOONEST, LATEST)).unwrap_or(Timestamp::MAX)
}

/// When a gate that waits for a soak is worth another look: never at once again.
pub(super) fn soak_ends(now: Timestamp, pulse: &Pulse, soak: SignedDuration) -> Timestamp {
    let ends = pulse.seen_at.saturating_add(pulse.remains(soak)).unwrap_or(Timestamp::MAX);
    ends.max(now.saturating_add(SOONEST).unwrap_or(Timestamp::MAX))
}

impl View<'_> {
    /// Moves what is in through its stages.
    pub(super) fn advance_current(&self, plan: &mut Plan, current: &Promotion) {
        if !current.is_on_its_way() {
            return;
        }
        match self.environment.health {
            HealthRule::Nobody => self.advance_unwatched(plan, current),
            HealthRule::Controller { .. } | HealthRule::Http { .. } => {
                self.advance_watched(plan, current);
            }
        }
    }

    /// Nobody says whether it is well: what is merged is deployed, and soaks from the merge.
    fn advance_unwatched(&self, plan: &mut Plan, current: &Promotion) {
        let soak = self.soak_of(current);
        match &current.state {
            State::Merged { commit, .. } => {
                plan.step(&current.id, State::Deployed { commit: commit.clone() });
            }
            State::Deployed { commit } if soak.is_zero() => {
                plan.step(&current.id, State::Succeeded { commit: Some(commit.clone()) });
            }
            State::Deployed { commit } => {
                let until = current.since.saturating_add(soak).unwrap_or(Timestamp::MAX);
                plan.step(&current.id, State::Soaking { commit: commit.clone(), until });
            }
            State::Soaking { commit, until } if self.now >= *until => {
                plan.step(&current.id, State::Succeeded { commit: Some(commit.clone()) });
            }
            State::Soaking { until, .. } => {
                let name = &self.environment.name;
                plan.wait(name, Some(&current.id), Because::Soaking, Some(*until));
            }
            State::Succeeded { .. }
            | State::Waiting
            | State::Proposed
            | State::Superseded { .. }
            | State::Closed { .. }
            | State::Failed { .. }
            | State::RolledBack { .. } => {}
        }
    }

    /// How long it soaks here. What a rollback brings back has proved itself before.
    fn soak_of(&self, current: &Promotion) -> SignedDuration {
        if current.is_rollback() {
            return SignedDuration::ZERO;
        }
        self.snapshot.pipeline.soak_in(&self.environment.name)
    }

    /// Somebody says whether it is well: it goes on by what was seen, look by look.
    fn advance_watched(&self, plan: &mut Plan, current: &Promotion) {
        let remembered = self.snapshot.pulse_of(current);
        let glance = self.snapshot.glances.get(&self.environment.name);
        let Some(pulse) = self.snapshot.pulse_now(current) else { return };
        if self.is_to_be_answered(current, &pulse) {
            plan.actions.push(Action::Remedy {
                environment: self.environment.name.clone(),
                remedy: self.environment.on_unhealthy.remedy,
                pulse: Pulse { answered_at: Some(self.now), ..pulse },
            });
            return;
        }
        if remembered != Some(&pulse) {
            let environment = self.environment.name.clone();
            plan.actions.push(Action::Observe { environment, pulse: pulse.clone() });
        }
        self.go_on_by(plan, current, &pulse, glance.map_or(Sign::Revision, |glance| glance.sign));
    }

    /// Tells whether it has been ill for so long that hoist is to do something about it.
    ///
    /// Once for a promotion: an application that flaps does not flap the repository, and what a
    /// person resumed is not held again. Never for a rollback, and never where somebody holds.
    fn is_to_be_answered(&self, current: &Promotion, pulse: &Pulse) -> bool {
        let rule = &self.environment.on_unhealthy;
        let has_remedy = match rule.remedy {
            Remedy::Nothing => false,
            Remedy::Hold | Remedy::Rollback => true,
        };
        let is_going_back = self
            .snapshot
            .promotions_into(&self.environment.name)
            .any(|other| other.is_rollback() && other.state.is_pending());
        has_remedy
            && pulse.finding == Finding::Ill
            && pulse.ill_for >= rule.after
            && pulse.answered_at.is_none()
            && !current.is_rollback()
            && !is_going_back
            && self.hold_on(current).is_none()
    }

    fn go_on_by(&self, plan: &mut Plan, current: &Promotion, pulse: &Pulse, sign: Sign) {
        let soak = self.soak_of(current);
        let remains = pulse.remains(soak);
        let is_well = pulse.finding == Finding::Well;
        match &current.state {
            State::Merged { commit, .. } if pulse.is_settled(sign) => {
                plan.step(&current.id, State::Deployed { commit: commit.clone() });
            }
            State::Deployed { commit } | State::Soaking { commit, .. }
                if is_well && remains.is_zero() =>
            {
                plan.step(&current.id, State::Succeeded { commit: Some(commit.clone()) });
            }
            State::Deployed { commit } if is_well => {
                let until = self.now.saturating_add(remains).unwrap_or(Timestamp::MAX);
                plan.step(&current.id, State::Soaking { commit: commit.clone(), until });
            }
            State::Soaking { commit, until } if is_well => {
                let ends = self.now.saturating_add(remains).unwrap_or(Timestamp::MAX);
                if ends.duration_since(*until).abs() > SLACK {
                    let to = State::Soaking { commit: commit.clone(), until: ends };
                    plan.step(&current.id, to);
                } else {
                    self.wait_for_health(plan, current, Because::Soaking, Some(ends));
                }
            }
            State::Merged { .. } | State::Deployed { .. } | State::Soaking { .. } => {
                let because = Because::Health(Box::new(pulse.clone()));
                self.wait_for_health(plan, current, because, None);
            }
            State::Succeeded { .. }
            | State::Waiting
            | State::Proposed
            | State::Superseded { .. }
            | State::Closed { .. }
            | State::Failed { .. }
            | State::RolledBack { .. } => {}
        }
    }

    fn wait_for_health(
        &self,
        plan: &mut Plan,
        current: &Promotion,
        because: Because,
        until: Option<Timestamp>,
    ) {
        plan.wait(&self.environment.name, Some(&current.id), because, until);
        plan.look_again(next_look(self.now, current.since));
    }
}
