//! Words about the runs of schedules.

use crate::domain::command::Actor;
use crate::domain::id::{ApplicationName, EnvironmentName, PipelineName, ScheduleName};
use crate::domain::plan::{Behind, Reason, Unstarted};
use crate::domain::promotion::{Promotion, State};

use super::quoted;
use super::why::{self, Subject};

/// How many of each kind are told of in an answer.
const TOLD: usize = 20;

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

/// A name of a schedule's selection that no application has.
pub fn matches_nothing(schedule: &ScheduleName, typed: &str, known: &[&str]) -> String {
    let meant = crate::domain::nearest::nearest(typed, known);
    let meant = meant.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
    format!("the schedule {schedule} takes `{typed}`, and no application is called that{meant}")
}

/// What a run did: what goes, what stays and why, and what is wrong with its selection.
pub fn run_told(head: &str, goes: &[String], stays: &[String], notes: &[String]) -> String {
    let mut text = head.to_owned();
    for (lines, what) in [(goes, "go"), (stays, "stay behind"), (notes, "notes")] {
        for line in lines.iter().take(TOLD) {
            text.push_str(&format!("\n{line}"));
        }
        if lines.len() > TOLD {
            text.push_str(&format!("\n… and {} more {what}", lines.len() - TOLD));
        }
    }
    text
}

/// One that goes with a run.
pub fn goes(application: &ApplicationName, place: &str, version: &str) -> String {
    format!("{application}{place} {version}")
}

/// One that stays behind.
pub fn stays(application: &ApplicationName, place: &str, (reason, why): (Reason, &str)) -> String {
    format!("{application}{place} stays ({}): {why}", reason.name())
}

/// Why an application is left behind.
pub fn behind(
    behind: &Behind<'_>,
    (application, environment): (&ApplicationName, &EnvironmentName),
    others: &[Promotion],
) -> String {
    match behind {
        Behind::NothingNew => "nothing new waits there".to_owned(),
        Behind::UnderWay(promotion) => {
            let proposal =
                promotion.proposal.as_ref().filter(|_| promotion.state == State::Proposed);
            let number = proposal.map(|it| format!(" in {}", it.number)).unwrap_or_default();
            let state = promotion.state.name();
            format!("{} is on its way already: it is {state}{number}", promotion.version)
        }
        Behind::Unstarted(artifact, Unstarted::Upstream { environment, promotion }) => {
            let there = promotion.map_or("not started", |it| it.state.name());
            let version = artifact.version();
            format!("{version} does not run in {environment} yet: it is {there} there")
        }
        Behind::Unstarted(artifact, unstarted) => {
            let version = artifact.version();
            let about = Subject { application, environment, version, promotion: None, others };
            let [what, _] = why::unstarted(unstarted, &about, None);
            format!("{version}: {what}")
        }
        Behind::Bad(promotion) => format!("{} was rolled back", promotion.version),
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
pub fn ran(schedule: &ScheduleName, to: &[EnvironmentName], goes: usize, stays: usize) -> String {
    format!("The schedule {schedule} ran: {}.", counted(to, goes, stays))
}

/// How many go, and how many do not.
pub fn counted(to: &[EnvironmentName], goes: usize, stays: usize) -> String {
    let go = if goes == 1 { "goes" } else { "go" };
    let stay = if stays == 1 { "stays" } else { "stay" };
    format!("{goes} {go} into {}, {stays} {stay} behind", places(to))
}

/// What goes where to with a schedule.
pub fn what_goes(
    pipeline: &PipelineName,
    applications: Option<&[String]>,
    to: &[EnvironmentName],
) -> String {
    let only = applications.map(|only| format!(" ({})", only.join(", "))).unwrap_or_default();
    format!("{pipeline}{only} into {}", places(to))
}

/// Several environments, or the one.
fn places(to: &[EnvironmentName]) -> String {
    let names: Vec<&str> = to.iter().map(|it| it.as_str()).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Where to, after an application's name, where there is more than one place to go.
pub fn place(to: &[EnvironmentName], environment: &EnvironmentName) -> String {
    if to.len() > 1 { format!(" into {environment}") } else { String::new() }
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
