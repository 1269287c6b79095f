//! Time and chance.

use jiff::Timestamp;

/// The machine's time; in tests, a clock that stands still until it is told to move.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's randomness; in tests, a seeded sequence.
pub trait Dice: Send + Sync {
    /// 128 random bits, fit for secrets.
    fn roll(&self) -> u128;
}
