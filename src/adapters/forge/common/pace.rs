//! How often a forge is asked: not while it asks to be left alone, and with so many writes a minute.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::sync::oneshot;

use super::hour::Hour;
use super::line::Line;
use super::quiet::Quiet;
use crate::app::ports::{self, Budget, Clock, Errand, ForgeError, Turn};

/// What the headers are called that tell of limits, at GitHub and at GitLab.
const LIMIT: [&str; 2] = ["x-ratelimit-limit", "ratelimit-limit"];
const REMAINING: [&str; 2] = ["x-ratelimit-remaining", "ratelimit-remaining"];
const RESET: [&str; 2] = ["x-ratelimit-reset", "ratelimit-reset"];

/// How long a write counts against those that come after it.
const WINDOW: Duration = Duration::from_secs(15);

/// How many of these a minute has.
const WINDOWS_A_MINUTE: usize = 4;

/// Those who wait for a turn, and are given it.
type Waiters = Arc<Mutex<Line<oneshot::Sender<Permit>>>>;

/// The pace at which one credential asks one forge, for however many repositories: forges count by
/// credential. A clone shares it, and those who wait are served fairly: see `line` and `hour`, its
/// neighbours.
#[derive(Clone)]
pub struct Pace {
    clock: Arc<dyn Clock>,
    quiet: Quiet,
    quiet_beside: Quiet,
    /// Who may write now.
    line: Waiters,
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
        let at_once = (writes_a_minute / WINDOWS_A_MINUTE).max(1);
        Self {
            clock,
            quiet: Quiet::default(),
            quiet_beside: Quiet::default(),
            line: Arc::new(Mutex::new(Line::of(at_once))),
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
        let turn = self.turn_to_tell().await?;
        self.write_in(&turn, write).await
    }

    /// Writes when it is our turn, which then counts for a while.
    ///
    /// # Errors
    ///
    /// What the write said.
    pub(in crate::adapters::forge) async fn in_turn<T>(
        &self,
        write: impl Future<Output = Result<T, ForgeError>>,
    ) -> Result<T, ForgeError> {
        let turn = self.turn().await;
        self.write_in(&turn, write).await
    }

    /// Writes at once, in a turn that was waited for.
    ///
    /// # Errors
    ///
    /// What the write said. Where the forge is to be left alone nothing is written, and the turn is
    /// another's.
    pub(in crate::adapters::forge) async fn write_in<T>(
        &self,
        turn: &Turn,
        write: impl Future<Output = Result<T, ForgeError>>,
    ) -> Result<T, ForgeError> {
        self.check_quiet()?;
        turn.spend();
        write.await
    }

    /// Waits until people may be told of something. What is decided afterwards is done at once.
    ///
    /// # Errors
    ///
    /// For how long to leave it, where the hour has no more.
    pub(in crate::adapters::forge) async fn turn_to_tell(&self) -> Result<Turn, ForgeError> {
        let waiting = Waiting::begin(&self.told);
        let of_the_hour = self.wait_for_the_hour().await?;
        drop(waiting);
        Ok(self.permit(of_the_hour).await.map_or_else(Turn::free, Turn::of))
    }

    /// Waits until something may be written. There is always somebody who gives a turn.
    pub(in crate::adapters::forge) async fn turn(&self) -> Turn {
        self.permit(None).await.map_or_else(Turn::free, Turn::of)
    }

    /// None where nobody gives any, which does not happen: who waits holds the line themselves.
    async fn permit(&self, of_the_hour: Option<OfTheHour>) -> Option<Permit> {
        let _waiting = Waiting::begin(&self.told);
        let (given, permit) = oneshot::channel();
        lock(&self.line).join(Errand::current(), given);
        hand_out(&self.line);
        let permit = permit.await.ok()?;
        Some(Permit { of_the_hour, ..permit })
    }

    async fn wait_for_the_hour(&self) -> Result<Option<OfTheHour>, ForgeError> {
        let Some(hour) = &self.hour else { return Ok(None) };
        let taken = lock(hour).take(&Errand::current(), self.clock.now());
        let wait = taken.map_err(|seconds| ForgeError::Paced { seconds })?;
        let taken = OfTheHour { hour: Arc::clone(hour), is_spent: AtomicBool::new(false) };
        tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
        Ok(Some(taken))
    }

    /// Tells whether the forge may be asked now.
    ///
    /// # Errors
    ///
    /// For how long it is to be left alone.
    pub(in crate::adapters::forge) fn check_quiet(&self) -> Result<(), ForgeError> {
        self.quiet.check(self.clock.now())
    }

    /// The same of an API that it has beside, which counts for itself.
    pub(in crate::adapters::forge) fn check_quiet_beside(&self) -> Result<(), ForgeError> {
        self.quiet_beside.check(self.clock.now())
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
        lock(&self.told)
    }

    /// Leaves the forge alone for a while.
    pub(in crate::adapters::forge) fn keep_quiet(&self, seconds: u64) {
        self.quiet.keep(self.clock.now(), seconds);
    }

    /// Leaves the API alone that it has beside.
    pub(in crate::adapters::forge) fn keep_quiet_beside(&self, seconds: u64) {
        self.quiet_beside.keep(self.clock.now(), seconds);
    }
}

/// A turn to write, and a write of the hour where it takes one. What was used comes back after a
/// while, and what was not, at once.
struct Permit {
    place: Place,
    of_the_hour: Option<OfTheHour>,
}

impl ports::Permit for Permit {
    fn spend(&self) {
        self.place.is_spent.store(true, Ordering::Relaxed);
        if let Some(taken) = &self.of_the_hour {
            taken.is_spent.store(true, Ordering::Relaxed);
        }
    }
}

/// A place among those who write at once.
struct Place {
    line: Waiters,
    is_spent: AtomicBool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let line = Arc::clone(&self.line);
        if *self.is_spent.get_mut() {
            tokio::spawn(async move {
                tokio::time::sleep(WINDOW).await;
                give_back(&line);
            });
        } else {
            give_back(&line);
        }
    }
}

/// A write of the hour.
struct OfTheHour {
    hour: Arc<Mutex<Hour>>,
    is_spent: AtomicBool,
}

impl Drop for OfTheHour {
    fn drop(&mut self) {
        if !*self.is_spent.get_mut() {
            lock(&self.hour).give_back();
        }
    }
}

fn give_back(line: &Waiters) {
    lock(line).give_back();
    hand_out(line);
}

/// Gives those a turn for whom there is one.
fn hand_out(line: &Waiters) {
    loop {
        // On a line of its own: who has given up gives the turn back, and takes this lock.
        let next = lock(line).next();
        let Some(next) = next else { return };
        let place = Place { line: Arc::clone(line), is_spent: AtomicBool::new(false) };
        drop(next.send(Permit { place, of_the_hour: None }));
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Somebody who waits for a turn to write, or has given up.
struct Waiting<'a>(&'a Mutex<Budget>);

impl<'a> Waiting<'a> {
    fn begin(told: &'a Mutex<Budget>) -> Self {
        lock(told).waiting += 1;
        Self(told)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(self.0).waiting -= 1;
    }
}
