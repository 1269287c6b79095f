//! How many writes an hour bears that people are told of: many at once, and then a trickle.
//!
//! Whoever writes until the hour is used up is silent for the rest of it, and the one write that
//! matters then, a rollback's, with them. So half of an hour's writes may come at once, and the
//! other half is spread over it: in no hour there are more than all, and at no time none. A few of
//! those at once are kept for rollbacks, which go before all others in the trickle, too.

use jiff::{SignedDuration, Timestamp};

use crate::app::ports::{Errand, Haste};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How long somebody waits for a write of their own; whoever would wait longer comes back later, so
/// that nobody else is kept from their work meanwhile.
const PATIENCE: SignedDuration = SignedDuration::from_secs(15);

/// How long a place is kept for whoever does not come when it is their turn: everything is looked at
/// once a minute, and a busy hoist may be late.
const GRACE: SignedDuration = SignedDuration::from_mins(3);

/// Of how many writes at once one is kept for rollbacks.
const ONE_KEPT_OF: i32 = 25;

/// The writes of the last hours, as far as they still count: a bucket that fills again by itself;
/// and who waits for the next ones.
#[derive(Debug)]
pub(super) struct Hour {
    /// How long one write of the trickle takes.
    each: SignedDuration,
    /// How far ahead of the trickle the writes may be.
    ahead: SignedDuration,
    /// How much of that is kept for rollbacks.
    kept: SignedDuration,
    /// When the bucket is full again.
    full_at: Option<Timestamp>,
    /// Who was told to come back, in their order: one place for each, whoever asks how often.
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    errand: Errand,
    /// Until when it is kept.
    until: Timestamp,
}

impl Hour {
    /// At most so many writes in any hour.
    pub(super) fn of(writes: u32) -> Self {
        let half = i32::try_from((writes / 2).max(1)).unwrap_or(i32::MAX);
        let each = HOUR / half;
        let (ahead, kept) = (each * (half - 1), each * (half / ONE_KEPT_OF));
        Self { each, ahead, kept, full_at: None, places: Vec::new() }
    }

    /// Takes a write of it, and tells how long to wait for it.
    ///
    /// # Errors
    ///
    /// After how many seconds to come back, if it would be long. A place is kept until then.
    pub(super) fn take(&mut self, errand: &Errand, now: Timestamp) -> Result<SignedDuration, u64> {
        self.places.retain(|it| it.until >= now);
        let before = self.before(errand);
        let from = self.full_at.map_or(now, |at| at.max(now));
        let ahead = match errand.haste {
            Haste::Rollback => self.ahead,
            Haste::Usual => self.ahead - self.kept,
        };
        let theirs = self.each * i32::try_from(before).unwrap_or(i32::MAX);
        let wait = (from.duration_since(now) + theirs - ahead).max(SignedDuration::ZERO);
        let is_next = wait.is_zero() || (before == 0 && wait <= PATIENCE);
        self.places.retain(|it| it.errand.whose != errand.whose || !is_next);
        if is_next {
            self.full_at = from.checked_add(self.each).ok();
            return Ok(wait);
        }
        self.keep_place(errand, now.checked_add(wait + GRACE).unwrap_or(Timestamp::MAX));
        Err(u64::try_from(wait.as_secs()).unwrap_or(0).max(1))
    }

    /// Takes a write back that was not made.
    pub(super) fn give_back(&mut self) {
        self.full_at = self.full_at.and_then(|at| at.checked_sub(self.each).ok());
    }

    /// How many go before.
    fn before(&self, errand: &Errand) -> usize {
        let own = self.places.iter().position(|it| it.errand == *errand);
        let goes_first = |(at, it): &(usize, &Place)| {
            let is_earlier = own.is_none_or(|own| *at < own);
            it.errand.whose != errand.whose
                && (it.errand.haste < errand.haste
                    || (it.errand.haste == errand.haste && is_earlier))
        };
        self.places.iter().enumerate().filter(goes_first).count()
    }

    fn keep_place(&mut self, errand: &Errand, until: Timestamp) {
        match self.places.iter_mut().find(|it| it.errand == *errand) {
            Some(place) => place.until = until,
            None => self.places.push(Place { errand: errand.clone(), until }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + seconds).unwrap()
    }

    fn usual(whose: &str) -> Errand {
        Errand { whose: whose.to_owned(), haste: Haste::Usual }
    }

    fn back(whose: &str) -> Errand {
        Errand { whose: whose.to_owned(), haste: Haste::Rollback }
    }

    /// How many go at once.
    fn at_once(hour: &mut Hour, errand: &Errand, now: i64) -> usize {
        (0..1000).take_while(|_| hour.take(errand, at(now)) == Ok(SignedDuration::ZERO)).count()
    }

    #[test]
    fn half_of_it_goes_at_once_and_then_some_a_minute() {
        let mut hour = Hour::of(500);
        assert_eq!(at_once(&mut hour, &usual("shop"), 0), 240);
        // The next is waited for in its place, and the one after it comes back.
        assert_eq!(hour.take(&usual("shop"), at(0)), Err(28), "one is waited for by then");
        assert_eq!(hour.take(&usual("shop"), at(28)).map(|wait| wait.as_secs()), Ok(0));
    }

    #[test]
    fn in_no_hour_there_are_more_than_all() {
        let mut hour = Hour::of(500);
        let asks = |it: &i64| match it % 7 {
            0 => back("cart"),
            _ => usual("shop"),
        };
        let written: Vec<i64> =
            (0..20_000).filter(|it| hour.take(&asks(it), at(*it)).is_ok()).collect();
        let most = written
            .iter()
            .map(|start| written.iter().filter(|it| (*start..start + 3600).contains(*it)).count());
        assert!((480..=500).contains(&most.max().unwrap()));
        // And there is always one soon: nobody is silent for the rest of an hour.
        let longest = written.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest <= Some(28), "{longest:?}");
    }

    #[test]
    fn who_has_been_quiet_for_an_hour_may_write_as_at_first() {
        let mut hour = Hour::of(500);
        at_once(&mut hour, &usual("shop"), 0);
        assert_eq!(at_once(&mut hour, &usual("shop"), 3700), 240);
    }

    #[test]
    fn a_rollback_gets_through_in_a_burst() {
        let mut hour = Hour::of(500);
        at_once(&mut hour, &usual("noisy"), 0);
        for number in 0..200 {
            assert!(hour.take(&usual(&format!("app {number}")), at(1)).is_err());
        }
        assert_eq!(at_once(&mut hour, &back("shop"), 1), 9, "one was waited for by the noisy one");
        // Where those are used up, too, it still goes before all who wait.
        assert!(hour.take(&back("cart"), at(1)).unwrap_err() <= 29);
        assert!(hour.take(&usual("app 0"), at(1)).unwrap_err() > 140);
        assert_eq!(hour.take(&back("cart"), at(30)), Ok(SignedDuration::ZERO));
    }

    /// Two hundred applications want two writes each, and come back when they are told to.
    #[test]
    fn all_have_their_first_write_before_anybody_has_a_second_and_nobody_asks_in_vain() {
        let mut hour = Hour::of(500);
        at_once(&mut hour, &usual("noisy"), 0);
        let names: Vec<String> = (0..200).map(|number| format!("app {number:03}")).collect();
        let mut due: BTreeMap<(i64, String), usize> =
            names.iter().map(|name| ((0, name.clone()), 0)).collect();
        let (mut written, mut asked) = (Vec::new(), 0);
        while let Some(((now, name), had)) = due.pop_first() {
            asked += 1;
            match hour.take(&usual(&name), at(now)) {
                Ok(_) => {
                    written.push((name.clone(), had));
                    if had == 0 {
                        due.insert((now + 1, name), 1);
                    }
                }
                Err(seconds) => {
                    due.insert((now + i64::try_from(seconds).unwrap(), name), had);
                }
            }
        }
        let firsts: Vec<&String> = written[..200].iter().map(|(name, _)| name).collect();
        assert!(written[..200].iter().all(|(_, had)| *had == 0));
        assert_eq!(firsts, names.iter().collect::<Vec<_>>(), "in the order in which they came");
        assert_eq!(written.len(), 400);
        assert!(asked < 1300, "{asked} times asked for 400 writes");
    }

    #[test]
    fn what_is_given_back_is_there_for_the_next() {
        let mut hour = Hour::of(500);
        at_once(&mut hour, &usual("noisy"), 0);
        assert!(hour.take(&usual("shop"), at(0)).is_err());
        hour.give_back();
        assert!(hour.take(&usual("shop"), at(0)).is_ok());
        assert!(hour.take(&usual("cart"), at(0)).is_err());
    }

    #[test]
    fn a_place_that_nobody_comes_for_is_given_on() {
        let mut hour = Hour::of(500);
        at_once(&mut hour, &usual("noisy"), 0);
        for number in 0..100 {
            assert!(hour.take(&usual(&format!("app {number}")), at(0)).is_err());
        }
        let told = hour.take(&usual("shop"), at(1)).unwrap_err();
        assert!(told > 1400, "{told}");
        // Nobody of the hundred comes. Their places end one by one, and the shop's is the first.
        assert!(hour.take(&usual("shop"), at(1_500)).is_ok());
    }
}
