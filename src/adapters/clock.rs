//! The machine's time and randomness; nothing else in hoist asks for either.

use jiff::Timestamp;

use crate::app::ports::{Clock, Dice};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the machine's time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The machine's randomness, fit for secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDice;

impl Dice for SystemDice {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws at random")]
    fn roll(&self) -> u128 {
        rand::random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_no_two_rolls_are_alike() {
        assert!(SystemClock.now() <= SystemClock.now());
        assert_ne!(SystemDice.roll(), SystemDice.roll());
    }
}
