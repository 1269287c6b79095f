//! How many writes an hour bears that people are told of: many at once, and then a trickle.
//!
//! Whoever writes until the hour is used up is silent for the rest of it, and the one write that
//! matters then, a rollback's, with them. So half of an hour's writes may come at once, and the
//! other half is spread over it: in no hour there are more than all, and at no time none.

use jiff::{SignedDuration, Timestamp};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How long somebody waits for a write of their own; whoever would wait longer comes back later, so
/// that nobody else is kept from their work meanwhile.
const PATIENCE: SignedDuration = SignedDuration::from_secs(15);

/// The writes of the last hours, as far as they still count: a bucket that fills again by itself.
#[derive(Debug)]
pub(super) struct Hour {
    /// How long one write of the trickle takes.
    each: SignedDuration,
    /// How far ahead of the trickle the writes may be.
    ahead: SignedDuration,
    /// When the bucket is full again.
    full_at: Option<Timestamp>,
}

impl Hour {
    /// At most so many writes in any hour.
    pub(super) fn of(writes: u32) -> Self {
        let half = i32::try_from((writes / 2).max(1)).unwrap_or(i32::MAX);
        let each = HOUR / half;
        Self { each, ahead: each * (half - 1), full_at: None }
    }

    /// Takes a write of it, and tells how long to wait for it.
    ///
    /// # Errors
    ///
    /// After how many seconds to come back, if it would be long.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<SignedDuration, u64> {
        let from = self.full_at.map_or(now, |at| at.max(now));
        let wait = (from.duration_since(now) - self.ahead).max(SignedDuration::ZERO);
        if wait > PATIENCE {
            return Err(u64::try_from(wait.as_secs()).unwrap_or(0).max(1));
        }
        self.full_at = from.checked_add(self.each).ok();
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    #[test]
    fn half_of_it_goes_at_once_and_then_some_a_minute() {
        let mut hour = Hour::of(500);
        let at_once =
            (0..1000).take_while(|_| hour.take(at(0)) == Ok(SignedDuration::ZERO)).count();
        assert_eq!(at_once, 250);
        assert_eq!(hour.take(at(0)), Err(28), "two are waited for by then");
        assert_eq!(hour.take(at(28)).map(|wait| wait.as_secs()), Ok(0));
    }

    #[test]
    fn in_no_hour_there_are_more_than_all() {
        let mut hour = Hour::of(500);
        let written: Vec<i64> = (0..20_000).filter(|it| hour.take(at(*it)).is_ok()).collect();
        let most = written
            .iter()
            .map(|start| written.iter().filter(|it| (*start..start + 3600).contains(*it)).count());
        assert!((480..=500).contains(&most.max().unwrap()));
        // And there is always one soon: nobody is silent for the rest of an hour.
        let longest = written.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert_eq!(longest, Some(15));
    }

    #[test]
    fn who_has_been_quiet_for_an_hour_may_write_as_at_first() {
        let mut hour = Hour::of(500);
        while hour.take(at(0)) == Ok(SignedDuration::ZERO) {}
        let later = at(3700);
        let again = (0..1000).take_while(|_| hour.take(later) == Ok(SignedDuration::ZERO)).count();
        assert_eq!(again, 250);
    }
}
