//! Windows: hours of the week in which promotions may enter.
//!
//! A window is open exactly while a clock on the wall there shows a time in it, on a day that is
//! in it. An hour that the clocks skip is therefore not there, an hour that comes twice counts
//! twice, and nobody needs to know an offset to tell whether a window is open.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::zone::Zone;

/// Hours of some days of the week, in a time zone.
///
/// Where `to` comes before `from`, it goes on past midnight, and belongs to the day it began on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The days on which it opens.
    pub days: Days,
    /// When it opens.
    pub from: Clock,
    /// When it shuts: this minute is no longer in it.
    pub to: Clock,
    /// Whose clock counts.
    pub zone: Zone,
}

/// Days of the week. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days([bool; 7]);

/// A time of day, in minutes since midnight; 24:00 is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock(u16);

/// Why a text names no days of the week.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no days of the week")]
pub struct InvalidDays(String);

/// Why a text is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time of day")]
pub struct InvalidClock(String);

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How far ahead a change is looked for: a weekly window that the clocks skip opens a week later.
const HORIZON_DAYS: i64 = 22;

impl FromStr for Days {
    type Err = InvalidDays;

    /// Reads `mon-thu`, `mon,wed`, `fri-mon`, `mon-wed,sat` or `daily`.
    fn from_str(text: &str) -> Result<Self, InvalidDays> {
        let invalid = || InvalidDays(text.chars().take(40).collect());
        if text == "daily" {
            return Ok(Self([true; 7]));
        }
        let number = |name: &str| NAMES.iter().position(|known| *known == name.trim());
        let mut days = [false; 7];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) =
                (number(first).ok_or_else(invalid)?, number(last).ok_or_else(invalid)?);
            let count = (last + 7 - first) % 7;
            for day in 0..=count {
                days[(first + day) % 7] = true;
            }
        }
        Ok(Self(days))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed: Vec<usize> = (0..7).filter(|day| self.0[*day]).collect();
        if let [first, .., last] = listed.as_slice()
            && last - first + 1 == listed.len()
        {
            return match listed.len() {
                7 => f.write_str("daily"),
                _ => write!(f, "{}-{}", NAMES[*first], NAMES[*last]),
            };
        }
        let names: Vec<&str> = listed.into_iter().map(|day| NAMES[day]).collect();
        f.write_str(&names.join(","))
    }
}

impl Days {
    fn has(self, day: Weekday) -> bool {
        let index = usize::try_from(day.to_monday_zero_offset()).unwrap_or(0);
        self.0[index % 7]
    }
}

impl FromStr for Clock {
    type Err = InvalidClock;

    /// Reads `09:00`, and `24:00` for the end of the day.
    fn from_str(text: &str) -> Result<Self, InvalidClock> {
        let invalid = || InvalidClock(text.chars().take(40).collect());
        let (hours, minutes) = text.split_once(':').ok_or_else(invalid)?;
        let number = |text: &str| {
            let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| text.parse::<u16>().ok()).flatten()
        };
        match (number(hours), number(minutes)) {
            (Some(24), Some(0)) => Ok(Self(1440)),
            (Some(hours @ 0..24), Some(minutes @ 0..60)) => Ok(Self(hours * 60 + minutes)),
            (Some(_) | None, Some(_) | None) => Err(invalid()),
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}-{} {}", self.days, self.from, self.to, self.zone)
    }
}

impl Window {
    /// Tells whether it is open.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.contains(self.zone.local(at))
    }

    fn contains(&self, local: DateTime) -> bool {
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute()));
        let minute = Clock(minute.unwrap_or(0));
        let today = local.date().weekday();
        if self.from < self.to {
            self.days.has(today) && self.from <= minute && minute < self.to
        } else {
            let began_today = self.days.has(today) && self.from <= minute;
            let began_yesterday = self.days.has(today.previous()) && minute < self.to;
            began_today || began_yesterday
        }
    }

    /// The moments after `at` at which it may open or shut, in their order.
    fn edges(&self, at: Timestamp) -> Vec<Timestamp> {
        let today = self.zone.day(at);
        let mut edges = Vec::new();
        for ahead in -1..=HORIZON_DAYS {
            let Ok(date) = today.checked_add(ahead.days()) else { continue };
            for Clock(minute) in [Clock(0), self.from, self.to] {
                let (hour, minute) = ((minute / 60) % 24, minute % 60);
                let hour = i8::try_from(hour).unwrap_or(0);
                let minute = i8::try_from(minute).unwrap_or(0);
                let Some(shown) = self.zone.shown(date.at(hour, minute, 0, 0)) else { continue };
                edges.extend([shown.first(), shown.last()]);
            }
        }
        let end = at.saturating_add(SignedDuration::from_hours(24 * HORIZON_DAYS));
        edges.extend(self.zone.leaps(at, end.unwrap_or(Timestamp::MAX)));
        edges.retain(|edge| *edge > at);
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

/// Tells whether any of several windows is open.
pub fn is_any_open(windows: &[&Window], at: Timestamp) -> bool {
    windows.iter().any(|window| window.is_open(at))
}

/// When several windows together will next open, or shut; none if not within three weeks.
pub fn next_change(windows: &[&Window], at: Timestamp) -> Option<Timestamp> {
    let open = is_any_open(windows, at);
    let mut edges: Vec<Timestamp> = windows.iter().flat_map(|window| window.edges(at)).collect();
    edges.sort_unstable();
    edges.into_iter().find(|edge| is_any_open(windows, *edge) != open)
}
