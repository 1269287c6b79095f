//! Judges whether a promotion may go before a schedule's next run.

use jiff::Timestamp;

use crate::domain::gate::{Judged, SCHEDULE, Shuts, Verdict};
use crate::domain::pipeline::Environment;
use crate::domain::promotion::Promotion;
use crate::domain::schedule::Schedule;
use crate::domain::snapshot::Snapshot;

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
        timetable.schedules.iter().filter(|it| it.leads_into(&environment.name)).peekable();
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
