//! How often a forge is asked: not while it asks to be left alone, and with so many writes a minute.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::sync::Semaphore;

use super::hour::Hour;
use crate::app::ports::{Budget, Clock, ForgeError};

/// What the headers are called that tell of limits, at GitHub and at GitLab.
const LIMIT: [&str; 2] = ["x-ratelimit-limit", "ratelimit-limit"];
const REMAINING: [&str; 2] = ["x-ratelimit-remaining", "ratelimit-remaining"];
const RESET: [&str; 2] = ["x-ratelimit-reset", "ratelimit-reset"];

/// How long a write counts against those that come after it.
const WINDOW: Duration = Duration::from_secs(15);

/// How many of these a minute has.
const WINDOWS_A_MINUTE: usize = 4;

/// The pace at which one credential asks one forge, for however many repositories: forges count by
/// credential. A clone shares it, and who waits is served in the order in which they came.
#[derive(Clone)]
pub struct Pace {
    clock: Arc<dyn Clock>,
    /// Until when the forge asked to be left alone: asking meanwhile would only prolong it.
    quiet_until: Arc<Mutex<Option<Timestamp>>>,
    /// Who may write now: a permit comes back some time after it was used.
    turns: Arc<Semaphore>,
    /// What is left of the hour, where the forge counts what people are told of.
    hour: Option<Arc<Mutex<Hour>>>,
    told: Arc<Mutex<Budget>>,
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

impl Pace {
    /// A pace of at most so many writes a minute.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, writes_a_minute: usize) -> Self {
        let at_once = (writes_a_minute / WINDOWS_A_MINUTE).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            clock,
            quiet_until: Arc::default(),
            turns: Arc::new(Semaphore::new(at_once)),
            hour: None,
            told: Arc::default(),
        }
    }

    /// The same, and in any hour at most so many writes that people are told of.
    #[must_use]
    pub fn and_an_hour(self, writes: u32) -> Self {
        Self { hour: Some(Arc::new(Mutex::new(Hour::of(writes)))), ..self }
    }

    /// The clock that it goes by.
    pub(in crate::adapters::forge) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Writes what people are told of, as far as the hour bears it, when it is our turn.
    ///
    /// # Errors
    ///
    /// What the write said; or for how long to leave it, where the hour has no more.
    pub(in crate::adapters::forge) async fn creating<T>(
        &self,
        write: impl Future<Output = Result<T, ForgeError>>,
    ) -> Result<T, ForgeError> {
        let waiting = Waiting::begin(&self.told);
        self.wait_for_the_hour().await?;
        drop(waiting);
        self.in_turn(write).await
    }

    /// Writes when it is our turn, which then counts for a while.
    pub(in crate::adapters::forge) async fn in_turn<T>(&self, write: impl Future<Output = T>) -> T {
        let waiting = Waiting::begin(&self.told);
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        drop(waiting);
        let told = write.await;
        // A closed semaphore would give none, and this one is never closed.
        if let Ok(turn) = turn {
            tokio::spawn(async move {
                tokio::time::sleep(WINDOW).await;
                drop(turn);
            });
        }
        told
    }

    async fn wait_for_the_hour(&self) -> Result<(), ForgeError> {
        let Some(hour) = &self.hour else { return Ok(()) };
        let taken = {
            let mut hour = hour.lock().unwrap_or_else(PoisonError::into_inner);
            hour.take(self.clock.now())
        };
        let wait = taken.map_err(|seconds| ForgeError::RateLimited { seconds })?;
        tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
        Ok(())
    }

    /// Tells whether the forge may be asked now.
    ///
    /// # Errors
    ///
    /// For how long it is to be left alone.
    pub(in crate::adapters::forge) fn check_quiet(&self) -> Result<(), ForgeError> {
        let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = *quiet else { return Ok(()) };
        let left = until.duration_since(self.clock.now()).as_secs();
        match u64::try_from(left) {
            Ok(seconds) if seconds > 0 => Err(ForgeError::RateLimited { seconds }),
            Ok(_) | Err(_) => {
                *quiet = None;
                Ok(())
            }
        }
    }

    /// Counts an answer, and keeps what it says of the forge's limits.
    pub(in crate::adapters::forge) fn heard(&self, status: StatusCode, headers: &HeaderMap) {
        let number = |names: [&str; 2]| {
            let value = names.into_iter().find_map(|name| headers.get(name))?;
            value.to_str().ok()?.parse().ok()
        };
        let mut told = self.told();
        told.asked += 1;
        told.unchanged += u64::from(status == StatusCode::NOT_MODIFIED);
        told.limit = number(LIMIT).or(told.limit);
        told.remaining = number(REMAINING).or(told.remaining);
        told.resets_at = number(RESET).or(told.resets_at);
    }

    /// What may still be asked, and what was.
    pub(in crate::adapters::forge) fn budget(&self) -> Budget {
        let quiet = match self.check_quiet() {
            Err(ForgeError::RateLimited { seconds }) => seconds,
            Ok(()) | Err(_) => 0,
        };
        Budget { quiet, ..self.told().clone() }
    }

    fn told(&self) -> MutexGuard<'_, Budget> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the forge alone for a while.
    pub(in crate::adapters::forge) fn keep_quiet(&self, seconds: u64) {
        let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let until = self.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX);
        *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

/// Somebody who waits for a turn to write, or has given up.
struct Waiting<'a>(&'a Mutex<Budget>);

impl<'a> Waiting<'a> {
    fn begin(told: &'a Mutex<Budget>) -> Self {
        told.lock().unwrap_or_else(PoisonError::into_inner).waiting += 1;
        Self(told)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting -= 1;
    }
}
