//! How bytes travel between the mirror and its remote.
//!
//! What a lease is and how outcomes are told is the same however the bytes travel: over a wire of
//! ours under libgit2's protocol, or not at all, in a repository on this machine.

mod hosts;
mod http;
mod local;
mod native;
mod pack;
mod packet;
mod smart;
mod ssh;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use git2::{Oid, Repository};
use tokio::sync::Notify;

use super::pace::now;
use super::settings::{Speaker, Way};
use crate::app::ports::{GitError, RefOutcome, RefUpdate};
use crate::domain::id::CommitId;

pub(super) use local::LocalTransport;
pub(super) use smart::SmartTransport;
pub(super) use wire::{SCHEME, transport};

use hosts::HostKeys;
use http::HttpWire;
use native::NativeTransport;
use ssh::SshWire;

/// Longest text of the server's that we carry on.
const WORDS_LIMIT: usize = 2_000;

/// The remote's refs, by full name.
pub(super) type RemoteRefs = BTreeMap<String, Oid>;

/// A way to a remote. Only the mirror's thread uses it; its calls block.
pub(super) trait Transport: Send {
    /// Brings the objects of all refs that hoist mirrors, and tells the refs; sets none of them.
    fn fetch(&self, mirror: &Repository) -> Result<RemoteRefs, TransportError>;

    /// Moves refs on the remote, each by compare and swap; one outcome an update, in order.
    ///
    /// No name comes twice, and each new commit is in the mirror.
    fn push(
        &self,
        mirror: &Repository,
        updates: &[RefUpdate],
    ) -> Result<Vec<RefOutcome>, TransportError>;
}

/// Opens the way that the settings name.
pub(super) fn to(way: Way, patience: Patience) -> anyhow::Result<Box<dyn Transport>> {
    Ok(match way {
        Way::Local(path) => Box::new(LocalTransport::new(path)),
        Way::Http(url, credentials, authorities, speaker) => {
            let wire = HttpWire::new(url, credentials, authorities.as_deref(), patience.clone())?;
            let wire = Arc::new(wire);
            let libgit2 = SmartTransport::over(Arc::clone(&wire) as _, patience);
            match speaker {
                Speaker::Own => Box::new(NativeTransport::over(wire, libgit2)),
                Speaker::LibGit2 => Box::new(libgit2),
            }
        }
        Way::Ssh(address, login, known) => {
            let hosts = HostKeys::new(known);
            let wire = SshWire::new(address, login, hosts, patience.clone());
            Box::new(SmartTransport::over(Arc::new(wire), patience))
        }
    })
}

/// What the refs begin with that hoist mirrors: branches, and what the builtin forge keeps.
const MIRRORED: [&str; 2] = ["refs/heads/", "refs/hoist/"];

fn is_mirrored(name: &str) -> bool {
    MIRRORED.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether somebody still waits for the transfer that is under way.
///
/// A thread that waits for a server cannot be woken; but its connection can be cut, and libgit2's
/// callbacks can end what trickles on.
#[derive(Debug, Clone, Default)]
pub(super) struct Patience(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    lost: AtomicBool,
    told: Notify,
    connection: Mutex<Option<TcpStream>>,
    course: Mutex<Option<Course>>,
    /// How many bytes the transfer under way has brought.
    brought: AtomicU64,
    /// For how long a transfer is left alone that nobody waits for: then it judges itself.
    alone: Option<Duration>,
}

/// How a transfer has come along.
#[derive(Debug, Clone, Copy)]
struct Course {
    began: Instant,
    /// When it was last judged, and what it had brought by then: what was fast once may be stuck now.
    judged: Instant,
    had: u64,
}

/// How many bytes a second a transfer must bring that takes longer than anybody waits. The first
/// one of a big repository over a slow line does; and who begins it anew each time never ends it.
const SLOWEST: u64 = 16 * 1024;

/// How many times as long as anybody waits a transfer may take: six hours for ten minutes. A server
/// that never comes to an end would hold the mirror for good.
const LONGEST: u32 = 36;

/// In how many parts of a wait a transfer is judged once: those who lose patience together do not
/// judge it by the moment between them.
const ONCE_IN: u32 = 10;

impl Course {
    fn begin() -> Self {
        let now = now();
        Self { began: now, judged: now, had: 0 }
    }

    /// Judges by what came since it was last judged, if that is so long ago.
    fn comes_along(&mut self, brought: u64, wait: Duration, at_least: Duration) -> bool {
        let now = now();
        let since = now - self.judged;
        if since < at_least {
            return true;
        }
        let came = brought.saturating_sub(self.had);
        (self.judged, self.had) = (now, brought);
        came > 0 && came / SLOWEST >= since.as_secs() && now - self.began < wait * LONGEST
    }
}

impl Patience {
    /// That of nobody, for a transfer which ends itself when it does not come along.
    pub(super) fn of_nobody(wait: Duration) -> Self {
        let course = Mutex::new(Some(Course::begin()));
        Self(Arc::new(Waiting { course, alone: Some(wait), ..Waiting::default() }))
    }

    /// Ends the transfer under way.
    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::SeqCst);
        self.0.told.notify_waiters();
        self.cut();
    }

    /// Begins anew.
    pub(super) fn regain(&self) {
        self.0.lost.store(false, Ordering::SeqCst);
        *self.course() = Some(Course::begin());
        self.0.brought.store(0, Ordering::SeqCst);
    }

    /// No transfer is under way any more: whoever still waits does so for something else.
    pub(super) fn rest(&self) {
        *self.course() = None;
    }

    /// Somebody has waited for as long as anybody does: ends the transfer under way, if there is
    /// one, unless it still comes along. How many bytes it has brought, if it goes on.
    pub(super) fn tire(&self, wait: Duration) -> Option<u64> {
        self.judge(wait, wait / ONCE_IN)
    }

    fn judge(&self, wait: Duration, at_least: Duration) -> Option<u64> {
        let brought = self.0.brought.load(Ordering::SeqCst);
        let comes_along = self.course().as_mut()?.comes_along(brought, wait, at_least);
        if !comes_along {
            self.lose();
        }
        comes_along.then_some(brought)
    }

    fn course(&self) -> MutexGuard<'_, Option<Course>> {
        self.0.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes have come.
    fn note(&self, bytes: usize) {
        self.0.brought.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::SeqCst);
        if let Some(wait) = self.0.alone {
            self.judge(wait, wait);
        }
    }

    fn lasts(&self) -> bool {
        !self.0.lost.load(Ordering::SeqCst)
    }

    /// Waits until nobody waits.
    async fn lost(&self) {
        loop {
            let told = self.0.told.notified();
            if !self.lasts() {
                return;
            }
            told.await;
        }
    }

    /// Cuts this connection when patience is lost, until what is returned ends.
    fn hold(&self, connection: &TcpStream) -> io::Result<Held> {
        let copy = connection.try_clone()?;
        *self.0.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
        let held = Held(self.clone());
        if self.lasts() { Ok(held) } else { Err(io::Error::other("nobody waits for it any more")) }
    }

    fn cut(&self) {
        let connection = self.0.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connection.as_ref() {
            // It may have ended by itself.
            let _either_way = connection.shutdown(Shutdown::Both);
        }
    }
}

/// A connection that ends when nobody waits for it any more.
struct Held(Patience);

impl Held {
    /// Ends it now.
    fn cut(&self) {
        self.0.cut();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.0.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Why nothing, or not everything, travelled. Cloned for each caller who shares the transfer.
#[derive(Debug, Clone)]
pub(super) struct TransportError {
    kind: Kind,
    told: String,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Unreachable,
    /// For so many seconds.
    Busy(u64),
    Unauthorized,
    Untrusted,
    NoRepository,
    Mirror,
}

impl TransportError {
    fn new(kind: Kind, told: impl Into<String>) -> Self {
        Self { kind, told: told.into() }
    }

    /// The server still wants to be left alone, for these seconds and reasons.
    pub(super) fn busy(seconds: u64, told: &str) -> Self {
        Self::new(Kind::Busy(seconds), told)
    }

    /// For how long the server asks to be left alone, if that is it.
    pub(super) fn asks_to_wait(&self) -> Option<u64> {
        match self.kind {
            Kind::Busy(seconds) => Some(seconds),
            Kind::Unreachable
            | Kind::Unauthorized
            | Kind::Untrusted
            | Kind::NoRepository
            | Kind::Mirror => None,
        }
    }

    /// The same, with what the server said to people beside it.
    fn with(mut self, words: &str) -> Self {
        if !words.is_empty() {
            self.told = format!("{}: {words}", self.told);
        }
        self
    }

    /// The remote names its objects in a way that libgit2, and so hoist, does not know.
    fn of_another_format() -> Self {
        let told = "the repository names its objects by SHA-256, and hoist knows SHA-1 only";
        Self::new(Kind::NoRepository, told)
    }

    /// A failure on our own disk.
    pub(super) fn mirror(doing: &str, cause: &git2::Error) -> Self {
        Self::new(Kind::Mirror, format!("{doing}: {}", cause.message()))
    }

    /// The same, told by whoever keeps the mirror's files.
    pub(super) fn disk(cause: &anyhow::Error) -> Self {
        Self::new(Kind::Mirror, format!("{cause:#}"))
    }

    /// Whether it is our own disk that failed.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Mirror)
    }

    /// Whether a broken mirror may be the reason.
    pub(super) fn may_be_ours(&self) -> bool {
        match self.kind {
            Kind::Mirror | Kind::Unreachable => true,
            Kind::Busy(_) | Kind::Unauthorized | Kind::Untrusted | Kind::NoRepository => false,
        }
    }

    /// What the port says of it.
    pub(super) fn to_port(&self) -> GitError {
        let told = anyhow!(self.told.clone());
        match self.kind {
            Kind::Unreachable => GitError::Unreachable(told),
            Kind::Busy(seconds) => GitError::Busy { seconds, cause: told },
            Kind::Unauthorized => GitError::Unauthorized(told),
            Kind::Untrusted => GitError::Untrusted(told),
            Kind::NoRepository => GitError::NoRepository(told),
            Kind::Mirror => GitError::Mirror(told),
        }
    }
}

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.told)
    }
}

impl std::error::Error for TransportError {}

/// The server's text without its control characters, on one line a line.
fn readable(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(|line| line.replace(char::is_control, ""));
    let lines: Vec<String> =
        lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Compares what a ref holds with what an update wants, before or after trying.
///
/// None means that the update can go ahead.
fn judge(update: &RefUpdate, actual: Option<Oid>) -> Result<Option<RefOutcome>, TransportError> {
    let actual = actual.map(|oid| oid.to_string());
    if actual.as_deref() == update.new.as_ref().map(CommitId::as_str) {
        return Ok(Some(RefOutcome::AlreadyThere));
    }
    if actual.as_deref() == update.expected.as_ref().map(CommitId::as_str) {
        return Ok(None);
    }
    let actual = actual
        .map(|text| text.parse())
        .transpose()
        .map_err(|cause| TransportError::new(Kind::Mirror, format!("reading a ref: {cause}")))?;
    Ok(Some(RefOutcome::Stale { actual }))
}

/// Finds out what became of the refs that the server did not confirm.
///
/// A refusal may be a lost race or a repeated call whose first answer was lost; the refs tell.
fn settle<'u>(
    updates: &'u [RefUpdate],
    outcomes: &mut BTreeMap<&'u str, RefOutcome>,
    (answers, words): (&BTreeMap<String, Option<String>>, &str),
    list: impl FnOnce() -> Result<RemoteRefs, TransportError>,
) -> Result<(), TransportError> {
    if updates.iter().all(|update| outcomes.contains_key(update.name.as_str())) {
        return Ok(());
    }
    let refs = list()?;
    for update in updates {
        if outcomes.contains_key(update.name.as_str()) {
            continue;
        }
        let told = answers.get(&update.name).cloned().flatten();
        let outcome = match judge(update, refs.get(&update.name).copied())? {
            Some(outcome) => outcome,
            None => RefOutcome::Refused { reason: reason(told, words) },
        };
        outcomes.insert(&update.name, outcome);
    }
    Ok(())
}

fn reason(told: Option<String>, words: &str) -> String {
    let told = told.unwrap_or_else(|| "the server did not say whether it moved the ref".to_owned());
    if words.is_empty() { told } else { format!("{told}: {words}") }
}

fn oid(id: &CommitId) -> Result<Oid, TransportError> {
    Oid::from_str(id.as_str())
        .map_err(|cause| TransportError::mirror("reading a commit's id", &cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(600);

    #[test]
    fn a_transfer_that_has_ended_is_not_said_to_go_on_and_ends_no_other() {
        let patience = Patience::default();
        assert_eq!(patience.tire(WAIT), None);
        patience.regain();
        patience.note(3 << 20);
        assert_eq!(patience.tire(WAIT), Some(3 << 20));
        patience.rest();
        assert_eq!(patience.tire(WAIT), None);
        assert!(patience.lasts(), "there is nothing to end");
        patience.regain();
        assert_eq!(patience.tire(WAIT), Some(0), "it has only begun");
    }

    #[test]
    fn what_nobody_waits_for_ends_itself_when_it_does_not_come_along() {
        let patience = Patience::of_nobody(Duration::ZERO);
        patience.note(0);
        assert!(!patience.lasts());
        let patience = Patience::of_nobody(WAIT);
        patience.note(1);
        assert!(patience.lasts(), "it is not judged yet");
    }
}
