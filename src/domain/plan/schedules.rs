//! Judges whether a promotion may go before a schedule's next run, and what a run would let go.

use jiff::Timestamp;

use super::gates::judge;
use crate::domain::gate::{Judged, SCHEDULE, Shuts, Verdict};
use crate::domain::pipeline::Environment;
use crate::domain::promotion::{Promotion, State};
use crate::domain::schedule::Schedule;
use crate::domain::snapshot::{Reading, Snapshot};

/// Judges the schedules into an environment, where there are any. What a run has let go goes, and
/// a rollback waits for none. What a person asked for waits, too: they run the schedule, or skip
/// the gate.
pub(super) fn schedule_gate(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &Promotion,
    now: Timestamp,
) -> Option<Judged> {
    let timetable = &snapshot.timetable;
    let mut schedules =
        timetable.schedules.iter().filter(|it| it.to == environment.name).peekable();
    schedules.peek()?;
    let passes = if promotion.is_rollback() {
        Some("a rollback waits for no schedule".to_owned())
    } else if timetable.boarded.contains_key(&promotion.id) {
        Some("a run has let it go".to_owned())
    } else {
        None
    };
    if let Some(saw) = passes {
        return Some(Judged::new(SCHEDULE, Shuts::Proposal, Verdict::Open, saw));
    }
    let next = schedules.filter_map(|it| Some((it.next(now)?, it))).min_by_key(|(at, _)| *at);
    let told = |at: Timestamp, it: &Schedule| {
        format!("waits for the schedule {}, next {}", it.name, it.zone.tell(at))
    };
    let (verdict, saw) = match next {
        Some((at, schedule)) => (Verdict::OpensAt(at), told(at, schedule)),
        None => {
            let what = "no schedule into it runs ever again".to_owned();
            (Verdict::NeedsAction(what.clone()), what)
        }
    };
    Some(Judged::new(SCHEDULE, Shuts::Proposal, verdict, saw))
}

/// What a run does with an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boarding<'a> {
    /// It lets this go.
    Goes(&'a Promotion),
    /// It leaves it behind.
    Stays(Behind<'a>),
}

/// Why a run leaves an application behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind<'a> {
    /// Nothing waits there.
    NothingWaits,
    /// It is on its way already.
    UnderWay(&'a Promotion),
    /// A gate is shut.
    Shut(&'a Promotion, Judged),
    /// Its field there cannot be changed; the text says why.
    Unwritable(String),
}

/// Decides what a run at `now` would do with an application in `environment`.
pub fn board<'a>(
    snapshot: &'a Snapshot,
    environment: &'a Environment,
    now: Timestamp,
) -> Boarding<'a> {
    match snapshot.readings.get(&environment.name) {
        Some(Reading::Refused { reason }) => {
            return Boarding::Stays(Behind::Unwritable(reason.clone()));
        }
        Some(Reading::Absent { file }) => {
            let reason = format!("{file} is not in the repository");
            return Boarding::Stays(Behind::Unwritable(reason));
        }
        Some(Reading::Fields { .. }) | None => (),
    }
    let pending = || snapshot.promotions_into(&environment.name).filter(|it| it.state.is_pending());
    let boarded = |it: &&Promotion| snapshot.timetable.boarded.contains_key(&it.id);
    let waits = |it: &&Promotion| it.state == State::Waiting && !it.is_rollback();
    let candidate = pending().filter(|it| waits(it) && !boarded(it)).max_by_key(|it| it.age());
    let Some(promotion) = candidate else {
        let under_way = pending().max_by_key(|it| it.age());
        return Boarding::Stays(under_way.map_or(Behind::NothingWaits, Behind::UnderWay));
    };
    let judged = judge(snapshot, environment, promotion, None, now);
    let shut = judged.into_iter().find(|it| it.shuts_proposal() && it.name != SCHEDULE);
    match shut {
        Some(judged) => Boarding::Stays(Behind::Shut(promotion, judged)),
        None => Boarding::Goes(promotion),
    }
}
