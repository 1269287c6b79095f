//! Time zones by their IANA names, and when a clock on a wall there shows a time.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};

/// A time zone: `Europe/Stockholm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Why a text is not a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone that is known")]
pub struct UnknownZone(String);

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone(text.chars().take(60).collect());
        match TimeZone::get(text) {
            // The unknown zone has a name of its own, and would count as UTC.
            Ok(zone) if !zone.is_unknown() => Ok(Self(zone)),
            Ok(_) | Err(_) => Err(unknown()),
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

/// The moments at which a clock on a wall shows a local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Once, as on most days.
    Once(Timestamp),
    /// Twice: the clocks were put back.
    Twice(Timestamp, Timestamp),
    /// Never: the clocks were put forward, at that moment, over it.
    Skipped(Timestamp),
}

impl Shown {
    /// The first moment at which the clock shows that time, or has passed it.
    pub fn first(self) -> Timestamp {
        match self {
            Self::Once(at) | Self::Twice(at, _) | Self::Skipped(at) => at,
        }
    }

    /// The last moment at which the clock comes to that time, or passes it.
    pub fn last(self) -> Timestamp {
        match self {
            Self::Once(at) | Self::Twice(_, at) | Self::Skipped(at) => at,
        }
    }
}

impl Zone {
    /// A moment with its zone, for whoever reckons with both.
    pub fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.0.clone())
    }

    /// What a clock on a wall there shows.
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// When a clock on a wall there shows `local`; none beyond the calendar's end.
    pub fn shown(&self, local: DateTime) -> Option<Shown> {
        match self.0.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                offset.to_timestamp(local).ok().map(Shown::Once)
            }
            AmbiguousOffset::Fold { before, after } => {
                let (first, second) = (before.to_timestamp(local), after.to_timestamp(local));
                Some(Shown::Twice(first.ok()?, second.ok()?))
            }
            AmbiguousOffset::Gap { before, .. } => {
                // Read by the old offset, it lies after the leap; the leap is the last one before.
                let beyond = before.to_timestamp(local).ok()?;
                let beyond = beyond.saturating_add(jiff::SignedDuration::from_nanos(1)).ok()?;
                let leap = self.0.preceding(beyond).next()?;
                Some(Shown::Skipped(leap.timestamp()))
            }
        }
    }

    /// The moments after `from`, up to `to`, at which the clocks are changed.
    pub fn leaps(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.0.following(from).map(|leap| leap.timestamp()).take_while(move |at| *at <= to)
    }

    /// The day there.
    pub fn day(&self, at: Timestamp) -> Date {
        self.local(at).date()
    }

    /// A moment as a clock there shows it: `2026-11-26 00:00 Europe/Stockholm`.
    pub fn tell(&self, at: Timestamp) -> String {
        format!("{} {self}", self.local(at).strftime("%Y-%m-%d %H:%M"))
    }
}
