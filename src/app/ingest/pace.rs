//! How much is taken from one sender: what is over it is told to come back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::id::SourceName;

/// What is counted together.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Refusals of senders nobody knows that are written down in a minute; of more only the log tells.
/// Each costs a write to the disk, and anybody can send them.
const STRANGERS_A_MINUTE: u32 = 30;

/// The announcements of the last minute, by source; those of strangers under no name.
#[derive(Default)]
pub struct Pace(Mutex<BTreeMap<Option<SourceName>, Count>>);

struct Count {
    since: Timestamp,
    number: u32,
}

/// Whether one more is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is.
    Yes,
    /// It is not, before this many seconds have passed.
    In(i64),
}

impl Pace {
    /// Counts one more of a source's.
    pub(super) fn of_source(&self, source: &SourceName, most: u32, now: Timestamp) -> Turn {
        self.count(Some(source.clone()), most, now)
    }

    /// Counts one more of a stranger's.
    pub(super) fn of_stranger(&self, now: Timestamp) -> Turn {
        self.count(None, STRANGERS_A_MINUTE, now)
    }

    fn count(&self, who: Option<SourceName>, most: u32, now: Timestamp) -> Turn {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(who).or_insert(Count { since: now, number: 0 });
        let age = now.duration_since(count.since);
        // A clock that was set back begins anew, too.
        if age >= MINUTE || age < SignedDuration::ZERO {
            *count = Count { since: now, number: 0 };
        }
        if count.number >= most {
            let left = MINUTE.saturating_sub(now.duration_since(count.since));
            return Turn::In(left.as_secs().max(1));
        }
        count.number += 1;
        Turn::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_later_a_source_has_its_turn_again_and_others_never_lost_theirs() {
        let pace = Pace::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let (ci, other) = ("ci".parse().unwrap(), "other".parse().unwrap());
        assert_eq!(pace.of_source(&ci, 2, at(0)), Turn::Yes);
        assert_eq!(pace.of_source(&ci, 2, at(20)), Turn::Yes);
        assert_eq!(pace.of_source(&ci, 2, at(21)), Turn::In(39));
        assert_eq!(pace.of_source(&other, 2, at(21)), Turn::Yes);
        assert_eq!(pace.of_source(&ci, 2, at(60)), Turn::Yes);
    }
}
