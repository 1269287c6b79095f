//! When the mirror's thread turns to the remote: not before others could join, not more often than
//! the server likes, and not at all while it asks to be left alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a remote is pushed to at most. What must wait goes together when its time comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushBudget {
    /// How many pushes may come right after each other when there was none for long.
    pub burst: u32,
    /// How long it takes until one more may come. Where many mirrors share the budget, each may
    /// wait for the others' turns as well.
    pub every: Duration,
}

/// A budget of pushes that all share whose pushes a forge counts together.
#[derive(Debug, Clone)]
pub struct Pushes {
    budget: PushBudget,
    /// When the budget is whole again.
    whole_at: Arc<Mutex<Option<Instant>>>,
}

impl Pushes {
    /// A budget that nobody has used yet.
    pub fn within(budget: PushBudget) -> Self {
        Self { budget, whole_at: Arc::default() }
    }

    /// Whether what is taken from this one is missing in the other.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.whole_at, &other.whole_at)
    }

    /// How long until one more push may come.
    fn until_next(&self) -> Duration {
        let PushBudget { burst, every } = self.budget;
        let Some(whole_at) = *self.whole_at() else { return Duration::ZERO };
        let in_hand = every * burst.saturating_sub(1);
        whole_at.saturating_duration_since(now()).saturating_sub(in_hand)
    }

    /// One push is made. Where two look at the same moment both go, and the next waits for longer.
    fn take(&self) {
        let (now, mut whole_at) = (now(), self.whole_at());
        *whole_at = Some(whole_at.map_or(now, |at| at.max(now)) + self.budget.every);
    }

    fn whole_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.whole_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a transfer waits for others where nobody else seems to be about: those that come at the
/// same moment come within this.
const MOMENT: Duration = Duration::from_millis(2);

/// How long it waits where others are about, who may be a few steps behind.
const COMPANY: Duration = Duration::from_millis(20);

/// How long it waits in any case, while the mirror itself is busy: those who read and commit now
/// are about to push.
const LONGEST: Duration = Duration::from_secs(1);

/// Longest time that a server is left alone without being asked again, whatever it said.
const QUIET: Duration = Duration::from_secs(3600);

/// Who was there when the last transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The one for whom it was made.
    One,
    /// Several for whom it was made, or somebody who waits for the mirror.
    Several,
}

/// The pace of one remote.
#[derive(Debug)]
pub(super) struct Pace {
    pushes: Option<Pushes>,
    /// How long to wait for others where nobody seems to be about, and where some are.
    waits: (Duration, Duration),
    about: About,
    /// Since when anything waits for the remote.
    waits_since: Option<Instant>,
    /// Until when the remote asks to be left alone, and in what words.
    quiet: Option<(Instant, String)>,
}

impl Pace {
    /// The pace of a server.
    pub(super) fn of_server(pushes: Option<Pushes>) -> Self {
        Self { waits: (MOMENT, COMPANY), ..Self::of_disk(pushes) }
    }

    /// The pace of a repository on this machine: a transfer takes no longer than company would.
    pub(super) fn of_disk(pushes: Option<Pushes>) -> Self {
        Self {
            pushes,
            waits: (Duration::ZERO, Duration::ZERO),
            about: About::One,
            waits_since: None,
            quiet: None,
        }
    }

    /// Something waits for the remote.
    pub(super) fn wait_begins(&mut self) {
        self.waits_since.get_or_insert_with(now);
    }

    /// Nothing waits any more.
    pub(super) fn wait_ends(&mut self) {
        self.waits_since = None;
    }

    /// Keeps who was there when a transfer ended: they take the next steps together.
    pub(super) fn note(&mut self, about: About) {
        self.about = about;
    }

    /// How long to listen for others before the remote's turn.
    pub(super) fn company(&self) -> Duration {
        let wait = match self.about {
            About::One => self.waits.0,
            About::Several => self.waits.1,
        };
        self.waits_since.map_or(Duration::ZERO, |since| wait.saturating_sub(now() - since))
    }

    /// Whether what waits has let others go first for long enough.
    pub(super) fn is_overdue(&self) -> bool {
        self.waits_since.is_some_and(|since| now() - since >= LONGEST)
    }

    /// How long until the remote may be pushed to again.
    pub(super) fn until_push(&self) -> Duration {
        self.pushes.as_ref().map_or(Duration::ZERO, Pushes::until_next)
    }

    /// The remote is pushed to.
    pub(super) fn note_push(&self) {
        if let Some(pushes) = &self.pushes {
            pushes.take();
        }
    }

    /// The remote asks to be left alone for so many seconds, and says why.
    pub(super) fn hush(&mut self, seconds: u64, words: &str) {
        let wait = Duration::from_secs(seconds).min(QUIET);
        self.quiet = Some((now() + wait, words.to_owned()));
    }

    /// For how many seconds it still wants to be left alone, and its words.
    pub(super) fn quiet(&self) -> Option<(u64, &str)> {
        let (until, words) = self.quiet.as_ref()?;
        let left = until.saturating_duration_since(now());
        // A second that has begun counts: whoever comes back then must not be early.
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        (seconds > 0).then_some((seconds, words))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a remote takes; nothing that is decided or recorded depends on it"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_lets_a_burst_through_and_then_one_at_a_time() {
        let every = Duration::from_secs(600);
        let shared = Pushes::within(PushBudget { burst: 3, every });
        let pace = Pace::of_server(Some(shared.clone()));
        for _push in 0..3 {
            assert_eq!(pace.until_push(), Duration::ZERO);
            pace.note_push();
        }
        let wait = pace.until_push();
        assert!(wait > every - Duration::from_secs(60) && wait <= every, "{wait:?}");
        assert!(Pace::of_server(Some(shared)).until_push() > Duration::ZERO, "it is one budget");
        let free = Pace::of_server(None);
        (0..100).for_each(|_| free.note_push());
        assert_eq!(free.until_push(), Duration::ZERO);
    }

    #[test]
    fn company_is_awaited_where_somebody_is_about_and_only_while_something_waits() {
        let mut pace = Pace::of_server(None);
        assert_eq!(pace.company(), Duration::ZERO);
        pace.wait_begins();
        assert!(pace.company() <= MOMENT && !pace.is_overdue());
        pace.note(About::Several);
        assert!(pace.company() > MOMENT);
        pace.wait_ends();
        assert_eq!(pace.company(), Duration::ZERO);
    }

    #[test]
    fn a_server_is_left_alone_for_as_long_as_it_asks_and_not_for_ever() {
        let mut pace = Pace::of_server(None);
        assert_eq!(pace.quiet(), None);
        pace.hush(0, "now");
        assert_eq!(pace.quiet(), None);
        pace.hush(17, "not so fast");
        assert_eq!(pace.quiet(), Some((17, "not so fast")));
        pace.hush(u64::MAX, "never");
        assert_eq!(pace.quiet(), Some((3600, "never")));
    }
}
