//! Until when a forge asked to be left alone: asking meanwhile would only prolong it.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::app::ports::ForgeError;

/// That time, if there is one. A clone is the same.
#[derive(Clone, Default)]
pub(super) struct Quiet(Arc<Mutex<Option<Timestamp>>>);

impl Quiet {
    /// Tells whether it may be asked now.
    ///
    /// # Errors
    ///
    /// For how long it is to be left alone.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), ForgeError> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.map_or(0, |until| until.duration_since(now).as_secs());
        match u64::try_from(left) {
            Ok(seconds) if seconds > 0 => Err(ForgeError::RateLimited { seconds }),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Leaves it alone for a while; where it asked for longer before, for that.
    pub(super) fn keep(&self, now: Timestamp, seconds: u64) {
        let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let until = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        let mut quiet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *quiet = (*quiet).max(Some(until));
    }
}
