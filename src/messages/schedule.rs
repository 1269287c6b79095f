//! Words about the runs of schedules.

use crate::domain::command::Actor;
use crate::domain::id::{EnvironmentName, ScheduleName};
use crate::domain::plan::Behind;

use super::quoted;

/// Nobody knows that schedule.
pub fn unknown(typed: &str, known: &[&str]) -> String {
    let nearest = crate::domain::nearest::nearest(typed, known);
    let meant = nearest.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    if known.is_empty() {
        return format!("there is no schedule {typed:?}: the pipelines file has none");
    }
    format!("there is no schedule {typed:?}; {meant}there are {}", known.join(", "))
}

/// Why an application is left behind.
pub fn behind(why: &Behind<'_>) -> String {
    match why {
        Behind::NothingWaits => "nothing new waits there".to_owned(),
        Behind::UnderWay(promotion) => {
            format!("{} is on its way already: it is {}", promotion.version, promotion.state.name())
        }
        Behind::Shut(promotion, judged) => {
            format!("{} waits for {}: {}", promotion.version, judged.name, judged.saw)
        }
        Behind::Unwritable(reason) => reason.clone(),
    }
}

/// The run has no place left.
pub fn full(max: u32) -> String {
    format!("the run takes {max}, and others have waited longer")
}

/// One promotion was let go.
pub fn boarded(schedule: &ScheduleName, version: &str, to: &EnvironmentName) -> String {
    format!("the schedule {schedule} lets {} go into {to}", quoted(version))
}

/// A run took place.
pub fn ran(schedule: &ScheduleName, to: &EnvironmentName, goes: usize, stays: usize) -> String {
    format!("The schedule {schedule} ran: {goes} go into {to}, {stays} stay behind.")
}

/// A run's time has passed while hoist was away.
pub fn passed_by(schedule: &ScheduleName) -> String {
    format!("a run of the schedule {schedule} was missed, and is not made up for (`if_missed`)")
}

/// A schedule is kept from now on.
pub fn kept(schedule: &ScheduleName) -> String {
    format!("the schedule {schedule} is kept from now on")
}

/// Who asked for a run.
pub fn asked(by: &Actor, schedule: &ScheduleName) -> String {
    format!("{by} ran the schedule {schedule}")
}
