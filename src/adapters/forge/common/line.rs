//! Who writes next, where more want to than may.

use std::collections::BTreeMap;

use crate::app::ports::{Errand, Haste};

/// Of how many turns one is kept for rollbacks.
const ONE_KEPT_OF: usize = 10;

/// How many are remembered who have written.
const REMEMBERED: usize = 4_000;

/// The turns that are free, and those who wait for one: rollbacks first, and of the others whoever
/// has written the longest ago, so that nobody has a second turn while somebody waits for the first.
pub(super) struct Line<T> {
    free: usize,
    kept: usize,
    waiting: Vec<Place<T>>,
    /// Who has had a turn, and as the how manyth.
    served: BTreeMap<String, u64>,
    turns: u64,
}

struct Place<T> {
    errand: Errand,
    who: T,
}

impl<T> Line<T> {
    /// So many turns are free.
    pub(super) fn of(turns: usize) -> Self {
        let (waiting, served) = (Vec::new(), BTreeMap::new());
        Self { free: turns, kept: turns / ONE_KEPT_OF, waiting, served, turns: 0 }
    }

    /// Somebody wants a turn.
    pub(super) fn join(&mut self, errand: Errand, who: T) {
        self.waiting.push(Place { errand, who });
    }

    /// A turn is over.
    pub(super) fn give_back(&mut self) {
        self.free += 1;
    }

    /// Gives the next a turn, if there are both.
    pub(super) fn next(&mut self) -> Option<T> {
        let may = |it: &Place<T>| match it.errand.haste {
            Haste::Rollback => self.free > 0,
            Haste::Usual => self.free > self.kept,
        };
        let rank = |it: &Place<T>| (it.errand.haste, self.served.get(&it.errand.whose).copied());
        let waiting = self.waiting.iter().enumerate().filter(|(_, it)| may(it));
        let (first, _) = waiting.min_by_key(|(at, it)| (rank(it), *at))?;
        let Place { errand, who } = self.waiting.remove(first);
        self.free -= 1;
        self.turns += 1;
        if self.served.len() >= REMEMBERED {
            self.served.clear();
        }
        self.served.insert(errand.whose, self.turns);
        Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(whose: &str, haste: Haste) -> Errand {
        Errand { whose: whose.to_owned(), haste }
    }

    /// The order in which the turns go to those who wait, one coming back after another.
    fn order(line: &mut Line<String>) -> Vec<String> {
        let mut order = Vec::new();
        while !line.waiting.is_empty() {
            order.extend(line.next());
            line.give_back();
        }
        order
    }

    #[test]
    fn nobody_has_a_second_turn_while_somebody_waits_for_the_first() {
        let mut line = Line::of(1);
        for number in 0..200 {
            line.join(errand("noisy", Haste::Usual), format!("noisy {number}"));
        }
        assert_eq!(line.next().unwrap(), "noisy 0");
        line.join(errand("shop", Haste::Usual), "shop 0".to_owned());
        line.join(errand("cart", Haste::Usual), "cart 0".to_owned());
        line.join(errand("shop", Haste::Usual), "shop 1".to_owned());
        line.give_back();
        let order = order(&mut line);
        assert_eq!(order[..5], ["shop 0", "cart 0", "noisy 1", "shop 1", "noisy 2"]);
        assert_eq!(order.len(), 202);
    }

    #[test]
    fn a_rollback_goes_before_all_and_has_a_turn_kept() {
        let mut line = Line::of(20);
        for number in 0..200 {
            line.join(errand(&format!("app {number}"), Haste::Usual), number.to_string());
        }
        let at_once: Vec<String> = std::iter::from_fn(|| line.next()).collect();
        assert_eq!(at_once.len(), 18);
        for number in 0..3 {
            line.join(errand("shop", Haste::Rollback), format!("back {number}"));
        }
        let at_once: Vec<String> = std::iter::from_fn(|| line.next()).collect();
        assert_eq!(at_once, ["back 0", "back 1"]);
        // The next that comes back is the third's, and then two are kept again.
        line.give_back();
        assert_eq!(line.next().unwrap(), "back 2");
        line.give_back();
        line.give_back();
        assert_eq!(line.next(), None);
        line.give_back();
        assert_eq!(line.next().unwrap(), "18");
    }
}
