//! Decides who rides with a train, and what an application records of its ride.

use jiff::Timestamp;

use super::boarding::{Reason, of_gate};
use super::environment::View;
use super::wanted::{Wanted, wanted};
use super::{Action, Because, Closed, Plan, PlannedEdit};
use crate::domain::gate::Judged;
use crate::domain::id::{PromotionId, ScheduleName};
use crate::domain::pipeline::Environment;
use crate::domain::promotion::{FieldValue, Promotion, State};
use crate::domain::snapshot::{Reading, Snapshot};

/// Whether a promotion rides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticket {
    /// It does.
    Rides {
        /// What changes.
        edits: Vec<PlannedEdit>,
        /// What its version fields hold afterwards.
        values: Vec<FieldValue>,
    },
    /// It does not (any more), and keeps no other from it.
    Stays(Reason, String),
}

/// Decides whether a promotion that a run has let go rides with the train.
pub fn ticket(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &PromotionId,
    now: Timestamp,
) -> Ticket {
    let view = View { snapshot, environment, now };
    let fields = match snapshot.readings.get(&environment.name) {
        Some(Reading::Fields { fields, .. }) => fields,
        Some(Reading::Refused { reason }) => {
            return Ticket::Stays(Reason::EditRefused, reason.clone());
        }
        Some(Reading::Absent { file }) => {
            let why = format!("{file} is not in the repository");
            return Ticket::Stays(Reason::EditRefused, why);
        }
        None => return Ticket::Stays(Reason::Unseen, "its files were not read".into()),
    };
    let pending: Vec<&Promotion> = view.promotions().filter(|p| p.state.is_pending()).collect();
    let Some(bearer) = view.bearer(&pending) else {
        return Ticket::Stays(Reason::NotStarted, "it is over".into());
    };
    if bearer.id != *promotion {
        let why = format!("{} goes first", bearer.version);
        return Ticket::Stays(Reason::AlreadyProposed, why);
    }
    if let Some(held) = view.hold_on(bearer) {
        return Ticket::Stays(Reason::Held, format!("held by {}", held.by));
    }
    let judged = super::judge(snapshot, environment, bearer, None, now);
    if let Some(shut) = judged.iter().find(|judged| judged.shuts_proposal()) {
        return Ticket::Stays(of_gate(shut), format!("{}: {}", shut.name, shut.saw));
    }
    match wanted(snapshot, bearer, fields) {
        Wanted::Edits { edits, values } => Ticket::Rides { edits, values },
        Wanted::AlreadyThere { .. } => {
            Ticket::Stays(Reason::NothingNew, "it is there already".into())
        }
        Wanted::Impossible(why) => Ticket::Stays(Reason::EditRefused, why),
    }
}

impl View<'_> {
    /// The schedule with whose train a promotion goes. A rollback waits for none.
    pub(super) fn train_of(&self, promotion: &Promotion) -> Option<&ScheduleName> {
        let schedule = self.snapshot.timetable.train_of(&promotion.id)?;
        (!promotion.is_rollback()).then_some(&schedule.name)
    }

    /// Records where a promotion is that goes with a train. The train itself is tended as a whole.
    pub(super) fn ride(&self, plan: &mut Plan, bearer: &Promotion, schedule: &ScheduleName) {
        if let Some(facts) = self.open_proposal() {
            let because = Closed::Rides { schedule: schedule.clone() };
            plan.actions.push(Action::Close { number: facts.number, because });
            return;
        }
        let wait = |plan: &mut Plan, because| {
            plan.wait(&self.environment.name, Some(&bearer.id), because, None);
        };
        match self.snapshot.rides.get(&bearer.id) {
            None => wait(plan, Because::Train(None)),
            Some(None) if bearer.state == State::Proposed => {
                plan.step(&bearer.id, State::Waiting);
            }
            Some(None) => {
                if !self.waits_at_the_door(plan, bearer) {
                    wait(plan, Because::Train(None));
                }
            }
            Some(Some(ride)) => {
                let known = bearer.proposal.as_ref().is_some_and(|proposed| {
                    (proposed.number, &proposed.head) == (ride.number, &ride.head)
                });
                if known && bearer.state == State::Proposed && bearer.values == ride.values {
                    wait(plan, Because::Train(Some(Box::new(ride.clone()))));
                } else {
                    let (promotion, ride) = (bearer.id.clone(), ride.clone());
                    plan.actions.push(Action::Join { promotion, ride });
                }
            }
        }
    }
}

impl View<'_> {
    /// What rode is there: its train has come in, or other hands were first.
    pub(super) fn ride_out(&self, plan: &mut Plan, bearer: &Promotion) {
        if let Some(None) = self.snapshot.rides.get(&bearer.id) {
            plan.step(&bearer.id, State::Waiting);
        } else {
            let because = Because::Train(None);
            plan.wait(&self.environment.name, Some(&bearer.id), because, None);
        }
    }
}

/// A gate of a train: open for all who ride, or shut for some.
#[derive(Debug, Clone, Copy)]
pub struct TrainGate<'a> {
    /// The gate's name, as statuses and people have it.
    pub name: &'static str,
    /// Where it is shut; `None` where it is open for all.
    pub shut: Option<Shut<'a>>,
}

/// For whom a gate of a train is shut.
#[derive(Debug, Clone, Copy)]
pub struct Shut<'a> {
    /// The first application that it is shut for.
    pub application: &'a str,
    /// What the gate saw there.
    pub judged: &'a Judged,
    /// How many applications it is shut for.
    pub count: usize,
}

/// The gates of a whole train: each once, by name.
pub fn train_gates<'a>(
    judged: impl IntoIterator<Item = (&'a str, &'a [Judged])>,
) -> Vec<TrainGate<'a>> {
    let mut gates: Vec<TrainGate<'a>> = Vec::new();
    for (application, judged) in judged.into_iter().flat_map(|(application, judgements)| {
        judgements.iter().map(move |judged| (application, judged))
    }) {
        let place = gates.iter().position(|gate| gate.name == judged.name).unwrap_or_else(|| {
            gates.push(TrainGate { name: judged.name, shut: None });
            gates.len() - 1
        });
        match &mut gates[place].shut {
            _ if judged.is_open() => {}
            Some(shut) => shut.count += 1,
            first => *first = Some(Shut { application, judged, count: 1 }),
        }
    }
    gates
}
