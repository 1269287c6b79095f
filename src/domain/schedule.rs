//! Schedules: times at which promotions that have gathered before an environment may go in.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use croner::parser::{CronParser, Seconds, Year};
use jiff::{SignedDuration, Timestamp};

use super::id::{ApplicationName, EnvironmentName, PipelineName, PromotionId, ScheduleName};
use super::pattern::Pattern;
use super::zone::Zone;

/// When what has gathered before an environment is let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// What people call it.
    pub name: ScheduleName,
    /// When.
    pub cron: Cron,
    /// Whose clock counts.
    pub zone: Zone,
    /// Whose applications.
    pub pipeline: PipelineName,
    /// Which of them, by their names; none means all.
    pub applications: Option<Vec<Pattern>>,
    /// Into which environments, in this order; at least one.
    pub to: Vec<EnvironmentName>,
    /// How many promotions go at once; none means all that can.
    pub max: Option<u32>,
    /// What becomes of a time at which hoist was away.
    pub if_missed: IfMissed,
    /// How what a run lets go goes in.
    pub group: Group,
}

/// How what a run lets go goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Group {
    /// Each application by a proposal of its own.
    #[default]
    PerApplication,
    /// All of them by one proposal, with a commit for each: a train.
    OneProposal,
}

/// What becomes of a run that was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfMissed {
    /// It is made up for once, however many were missed.
    #[default]
    Run,
    /// The next one comes at its time.
    Skip,
}

/// Times in the form of cron: minute, hour, day of the month, month, day of the week.
///
/// A time that the clocks skip comes when they have skipped it, and one that they show twice comes
/// once.
#[derive(Clone, PartialEq, Eq)]
pub struct Cron(croner::Cron);

/// Why a text names no times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no times: {problem}")]
pub struct InvalidCron {
    text: String,
    problem: String,
}

/// Which schedules apply to an application, and what they have let go.
#[derive(Debug, Clone, Default)]
pub struct Timetable {
    /// The schedules with which it goes.
    pub schedules: Vec<Schedule>,
    /// The promotions that a run has let go, and which schedule's.
    pub boarded: BTreeMap<PromotionId, ScheduleName>,
}

impl Timetable {
    /// The schedule with whose train a promotion goes.
    pub fn train_of(&self, promotion: &PromotionId) -> Option<&Schedule> {
        let name = self.boarded.get(promotion)?;
        let theirs = |it: &&Schedule| it.name == *name && it.group == Group::OneProposal;
        self.schedules.iter().find(theirs)
    }
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        let invalid = |problem: String| {
            let text = text.chars().take(60).collect();
            InvalidCron { text, problem }
        };
        // Nobody writes more on purpose, and the parser's time grows with it.
        if text.len() > 200 {
            return Err(invalid("it is too long".into()));
        }
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        parser.parse(text).map(Self).map_err(|error| invalid(error.to_string()))
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({self})")
    }
}

impl Schedule {
    /// Tells whether an application goes with its runs.
    pub fn takes(&self, application: &ApplicationName) -> bool {
        let fits = |it: &Pattern| it.fit(application.as_str()).is_some();
        self.applications.as_ref().is_none_or(|chosen| chosen.iter().any(fits))
    }

    /// The names in its selection that no application has: those that are discovered come and
    /// go, so that it may be right all the same.
    pub fn unmatched(&self, known: &[&str]) -> Vec<&Pattern> {
        let chosen = self.applications.iter().flatten();
        chosen.filter(|it| known.iter().all(|known| it.fit(known).is_none())).collect()
    }

    /// Tells whether its runs lead into an environment.
    pub fn leads_into(&self, environment: &EnvironmentName) -> bool {
        self.to.contains(environment)
    }

    /// The next time after `at`; none where there is none for years.
    pub fn next(&self, at: Timestamp) -> Option<Timestamp> {
        let next = self.cron.0.find_next_occurrence(&self.zone.zoned(at), false).ok()?;
        Some(next.timestamp()).filter(|next| *next > at)
    }

    /// The next times after `at`.
    pub fn following(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next(at), |at| self.next(*at))
    }

    /// The newest time after `last` that has come: of several that were missed, the others are
    /// made up for with it.
    pub fn due(&self, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let first = self.next(last).filter(|first| *first <= now)?;
        let yesterday = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(now);
        let recent = self.next(yesterday).filter(|recent| *recent <= now);
        let start = recent.map_or(first, |recent| recent.max(first));
        let come = std::iter::successors(Some(start), |at| self.next(*at).filter(|at| *at <= now));
        come.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(cron: &str) -> Schedule {
        Schedule {
            name: "nightly".parse().unwrap(),
            cron: cron.parse().unwrap(),
            zone: "Europe/Stockholm".parse().unwrap(),
            pipeline: "services".parse().unwrap(),
            applications: None,
            to: vec!["prod".parse().unwrap()],
            max: None,
            if_missed: IfMissed::Run,
            group: Group::PerApplication,
        }
    }

    fn after(cron: &str, at: &str, count: usize) -> Vec<String> {
        let schedule = schedule(cron);
        let times = schedule.following(at.parse().unwrap()).take(count);
        times.map(|at| schedule.zone.tell(at)).collect()
    }

    #[test]
    fn a_schedule_takes_those_whose_names_it_has() {
        let mut schedule = schedule("0 2 * * *");
        let takes = |it: &Schedule, name: &str| it.takes(&name.parse().unwrap());
        assert!(takes(&schedule, "cart"));
        schedule.applications = Some(vec!["shop".parse().unwrap(), "pay-*".parse().unwrap()]);
        let taken = ["shop", "shop-api", "pay-api", "pay", "cart"].map(|it| takes(&schedule, it));
        assert_eq!(taken, [true, false, true, false, false]);
    }

    #[test]
    fn times_are_those_of_the_clock_on_the_wall() {
        assert_eq!(
            after("0 2 * * mon-fri", "2026-11-26T12:00:00Z", 3),
            [
                "2026-11-27 02:00 Europe/Stockholm",
                "2026-11-30 02:00 Europe/Stockholm",
                "2026-12-01 02:00 Europe/Stockholm",
            ]
        );
    }

    #[test]
    fn a_time_that_the_clocks_skip_comes_when_they_have_skipped_it() {
        assert_eq!(
            after("30 2 * * *", "2026-03-27T12:00:00Z", 3),
            [
                "2026-03-28 02:30 Europe/Stockholm",
                "2026-03-29 03:00 Europe/Stockholm",
                "2026-03-30 02:30 Europe/Stockholm",
            ]
        );
    }

    #[test]
    fn a_time_that_the_clocks_show_twice_comes_once() {
        assert_eq!(
            after("30 2 * * *", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25 02:30 Europe/Stockholm", "2026-10-26 02:30 Europe/Stockholm",]
        );
        let schedule = schedule("30 2 * * *");
        let first = "2026-10-25T00:30:00Z".parse().unwrap();
        assert_eq!(schedule.next("2026-10-24T12:00:00Z".parse().unwrap()), Some(first));
        assert_eq!(schedule.next(first), "2026-10-26T01:30:00Z".parse().ok());
    }

    #[test]
    fn of_several_times_that_were_missed_the_newest_is_due() {
        let due = |cron: &str, last: &str, now: &str| {
            let due = schedule(cron).due(last.parse().unwrap(), now.parse().unwrap());
            due.map(|at| at.to_string()).unwrap_or_default()
        };
        let nightly = "0 2 * * *";
        assert_eq!(due(nightly, "2026-11-20T01:00:00Z", "2026-11-21T00:59:59Z"), "");
        assert_eq!(
            due(nightly, "2026-11-20T01:00:00Z", "2026-11-21T01:00:00Z"),
            "2026-11-21T01:00:00Z"
        );
        assert_eq!(
            due(nightly, "2026-11-20T01:00:00Z", "2026-11-23T12:00:00Z"),
            "2026-11-23T01:00:00Z"
        );
        assert_eq!(
            due("0 2 1 * *", "2026-08-20T01:00:00Z", "2026-11-23T12:00:00Z"),
            "2026-11-01T01:00:00Z"
        );
        assert_eq!(
            due("* * * * *", "2016-11-20T01:00:00Z", "2026-11-23T12:00:30Z"),
            "2026-11-23T12:00:00Z"
        );
    }

    #[test]
    fn what_names_no_times_is_refused() {
        for bad in ["", "0 2 * *", "61 * * * *", "0 0 2 * * *", "* * * * * 2027", "nightly"] {
            assert!(bad.parse::<Cron>().is_err(), "{bad}");
        }
        // Whoever writes this has a schedule that never runs; the configuration refuses it.
        assert_eq!(schedule("0 0 30 2 *").next("2026-11-20T01:00:00Z".parse().unwrap()), None);
    }
}
