//! For how long, and until when.

use std::fmt;

use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp, ToSpan};

use crate::domain::zone::Zone;

/// Nobody holds anything longer on purpose.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// When something ends, as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// `for 2h`: whole seconds, at least one.
    For(SignedDuration),
    /// `until 17:00`: when a clock next shows that.
    Clock {
        /// What it shows.
        time: Time,
        /// Whose clock; none means that of the conversation.
        zone: Option<Zone>,
    },
    /// `until 2026-11-24T09:00`.
    Moment {
        /// What the clock and the calendar show.
        at: DateTime,
        /// Whose clock; none means that of the conversation.
        zone: Option<Zone>,
    },
}

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// After `for`.
    #[error("{0:?} is not a length of time: write it as `30m`, `2h` or `1d`")]
    Length(String),
    /// Longer than anybody means it.
    #[error("{0:?} is longer than a year: without a time it lasts until somebody ends it")]
    TooLong(String),
    /// After a time of day.
    #[error("{0:?} is no zone of time that is known: write it as `Europe/Stockholm` or `UTC`")]
    Zone(String),
    /// After `until`.
    #[error(
        "{0:?} is not a time: write it as `17:00` or `2026-11-24T09:00`, with a zone after it if need be"
    )]
    Moment(String),
    /// It has passed.
    #[error("{0} is over: name a time to come")]
    Over(String),
}

impl Until {
    /// Reads what follows `for`, and tells how many words that took: `2h`, or `2 hours`.
    pub(super) fn read_length(words: &[&str]) -> Result<(Self, usize), InvalidTime> {
        let first = words.first().copied().unwrap_or_default();
        let digits = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
        let (text, used) = match words.get(1) {
            Some(unit) if digits => (format!("{first} {unit}"), 2),
            Some(_) | None => (first.to_owned(), 1),
        };
        let shown = || text.chars().take(40).collect();
        let invalid = || InvalidTime::Length(shown());
        let span: Span =
            text.to_ascii_lowercase().replace(' ', "").parse().map_err(|_| invalid())?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
        let length = SignedDuration::from_secs(length.map_err(|_| invalid())?.as_secs());
        if length > LONGEST {
            return Err(InvalidTime::TooLong(shown()));
        }
        length.is_positive().then_some((Self::For(length), used)).ok_or_else(invalid)
    }

    /// Reads what follows `until`, and tells how many words that took: `17:00 Europe/Stockholm`.
    pub(super) fn read_moment(words: &[&str]) -> Result<(Self, usize), InvalidTime> {
        let first = words.first().copied().unwrap_or_default();
        // As machines write it.
        let (first, zone) = match first.strip_suffix('Z') {
            Some(first) => (first, Some(&"UTC")),
            None => (first, words.get(1).filter(|word| names_zone(word))),
        };
        let zulu = words.first().is_some_and(|word| word.ends_with('Z'));
        let invalid = |text: &str| InvalidTime::Moment(text.chars().take(60).collect());
        let zone = match zone {
            Some(word) => {
                let unknown = |_| InvalidTime::Zone(word.chars().take(60).collect());
                Some(word.parse::<Zone>().map_err(unknown)?)
            }
            None => None,
        };
        let used = if zone.is_some() && !zulu { 2 } else { 1 };
        if let Some(time) = clock(first) {
            return Ok((Self::Clock { time, zone }, used));
        }
        let at = first.split_once(['T', 't']).and_then(|(date, time)| {
            Some(date.parse::<jiff::civil::Date>().ok()?.to_datetime(clock(time)?))
        });
        let at = at.ok_or_else(|| invalid(first))?;
        Ok((Self::Moment { at, zone }, used))
    }

    /// Reads a moment by itself: `17:00`, `2026-11-24T09:00 Europe/Stockholm`.
    pub fn at(text: &str) -> Result<Self, InvalidTime> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match Self::read_moment(&words)? {
            (until, used) if used == words.len() => Ok(until),
            (_, _) => Err(InvalidTime::Moment(text.chars().take(60).collect())),
        }
    }

    /// The moment without the word before it, as `--at` takes it.
    pub fn moment(&self) -> impl fmt::Display {
        let text = self.to_string();
        text.strip_prefix("until ").map_or_else(|| text.clone(), str::to_owned)
    }

    /// When it ends, said at `now` where clocks show the time of `usual`.
    pub fn ends(&self, now: Timestamp, usual: &Zone) -> Result<Timestamp, InvalidTime> {
        let over = || InvalidTime::Over(self.moment().to_string());
        let found = match self {
            Self::For(length) => now.saturating_add(*length).ok(),
            Self::Clock { time, zone } => {
                let zone = zone.as_ref().unwrap_or(usual);
                let today = zone.day(now);
                let days = (0..=2).filter_map(|ahead| today.checked_add(ahead.days()).ok());
                let shown = days.filter_map(|day| zone.shown(day.to_datetime(*time)));
                shown.flat_map(|shown| [shown.first(), shown.last()]).find(|at| *at > now)
            }
            Self::Moment { at, zone } => {
                let shown = zone.as_ref().unwrap_or(usual).shown(*at);
                shown.map(|shown| shown.last()).filter(|at| *at > now)
            }
        };
        found.ok_or_else(over)
    }
}

/// Tells whether a word after a time of day is meant for its zone: `Europe/Stockholm`, `CET`.
fn names_zone(word: &str) -> bool {
    let is_short = word.bytes().all(|byte| byte.is_ascii_uppercase());
    word.contains('/')
        || word.eq_ignore_ascii_case("utc")
        || (is_short && word.parse::<Zone>().is_ok())
}

/// Reads `17:00`, `9:30`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| -> Option<i8> {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    (minute.len() == 2).then_some(())?;
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = match self {
            Self::For(length) => {
                f.write_str("for ")?;
                return write_length(f, *length);
            }
            Self::Clock { time, zone } => {
                write!(f, "until {}", time.strftime("%H:%M"))?;
                zone
            }
            Self::Moment { at, zone } => {
                write!(f, "until {}", at.strftime("%Y-%m-%dT%H:%M"))?;
                zone
            }
        };
        zone.as_ref().map_or(Ok(()), |zone| write!(f, " {zone}"))
    }
}

fn write_length(f: &mut fmt::Formatter<'_>, length: SignedDuration) -> fmt::Result {
    let seconds = length.as_secs();
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    for (number, unit) in parts.into_iter().filter(|(number, _)| *number > 0) {
        write!(f, "{number}{unit}")?;
    }
    Ok(())
}
