//! Words about the runs of schedules.

use crate::domain::command::Actor;
use crate::domain::id::{EnvironmentName, ScheduleName};
use crate::domain::plan::Behind;

use super::quoted;

/// Nobody knows that schedule.
pub fn unknown(typed: &str, known: &[&str]) -> String {
    let typed = quoted(typed);
    match crate::domain::nearest::nearest(typed.trim_matches('`'), known) {
        Some(name) => format!("there is no schedule {typed}; did you mean `{name}`?"),
        None if known.is_empty() => {
            format!("there is no schedule {typed}: the pipelines file has none")
        }
        None => format!("there is no schedule {typed}; there are {}", known.join(", ")),
    }
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
    format!("The schedule {schedule} ran: {}.", counted(to, goes, stays))
}

/// How many go, and how many do not.
pub fn counted(to: &EnvironmentName, goes: usize, stays: usize) -> String {
    let go = if goes == 1 { "goes" } else { "go" };
    let stay = if stays == 1 { "stays" } else { "stay" };
    format!("{goes} {go} into {to}, {stays} {stay} behind")
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
