//! When the mirror's thread turns to the remote: not before others could join, and not more often
//! than the server likes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often a remote is pushed to at most. What must wait goes together when its time comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushBudget {
    /// How many pushes.
    pub most: usize,
    /// In how long.
    pub span: Duration,
}

/// How long a transfer waits for others that come at the same moment: far less than it takes.
const COMPANY: Duration = Duration::from_millis(10);

/// How long it waits in any case, while the mirror itself is busy: those who read and commit now
/// are about to push.
const LONGEST: Duration = Duration::from_secs(1);

/// The pace of one remote.
#[derive(Debug)]
pub(super) struct Pace {
    budget: Option<PushBudget>,
    company: Duration,
    /// The pushes within the budget's span, the oldest first.
    pushed: VecDeque<Instant>,
    /// Since when anything waits for the remote.
    waits_since: Option<Instant>,
}

impl Pace {
    /// The pace of a server.
    pub(super) fn of_server(budget: Option<PushBudget>) -> Self {
        Self { company: COMPANY, ..Self::of_disk(budget) }
    }

    /// The pace of a repository on this machine: a transfer takes no longer than company would.
    pub(super) fn of_disk(budget: Option<PushBudget>) -> Self {
        Self { budget, company: Duration::ZERO, pushed: VecDeque::new(), waits_since: None }
    }

    /// Something waits for the remote.
    pub(super) fn wait_begins(&mut self) {
        self.waits_since.get_or_insert_with(now);
    }

    /// Nothing waits any more.
    pub(super) fn wait_ends(&mut self) {
        self.waits_since = None;
    }

    /// How long to listen for others before the remote's turn.
    pub(super) fn company(&self) -> Duration {
        self.waits_since.map_or(Duration::ZERO, |since| self.company.saturating_sub(now() - since))
    }

    /// Whether what waits has let others go first for long enough.
    pub(super) fn is_overdue(&self) -> bool {
        self.waits_since.is_some_and(|since| now() - since >= LONGEST)
    }

    /// How long until the remote may be pushed to again.
    pub(super) fn until_push(&mut self) -> Duration {
        let Some(PushBudget { most, span }) = self.budget else { return Duration::ZERO };
        let now = now();
        while self.pushed.front().is_some_and(|at| now - *at >= span) {
            self.pushed.pop_front();
        }
        match self.pushed.front() {
            Some(oldest) if self.pushed.len() >= most => span.saturating_sub(now - *oldest),
            Some(_) | None => Duration::ZERO,
        }
    }

    /// The remote is pushed to.
    pub(super) fn note_push(&mut self) {
        if self.budget.is_some() {
            self.pushed.push_back(now());
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures a wait on this thread alone; no decision and no record depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_lets_a_burst_through_and_then_waits() {
        let budget = PushBudget { most: 2, span: Duration::from_secs(3600) };
        let mut pace = Pace::of_server(Some(budget));
        for _push in 0..2 {
            assert_eq!(pace.until_push(), Duration::ZERO);
            pace.note_push();
        }
        let wait = pace.until_push();
        assert!(wait > Duration::from_secs(3500) && wait <= budget.span, "{wait:?}");
        let mut free = Pace::of_server(None);
        (0..100).for_each(|_| free.note_push());
        assert_eq!(free.until_push(), Duration::ZERO);
    }

    #[test]
    fn company_is_awaited_only_while_something_waits_and_not_for_long() {
        let mut pace = Pace::of_server(None);
        assert_eq!(pace.company(), Duration::ZERO);
        pace.wait_begins();
        assert!(pace.company() <= COMPANY && !pace.is_overdue());
        pace.wait_ends();
        assert_eq!(pace.company(), Duration::ZERO);
    }
}
