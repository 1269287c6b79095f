//! The thread that owns a mirror.
//!
//! Requests come over a channel. Those that come at the same moment, or while the thread is busy,
//! are taken together: reads and commits first, then one push for all pushes, then one fetch for all
//! fetches. That is what makes a hundred promotions at once cost little more than one. What takes as
//! long as a clone is done on another thread, by `renewal`, as long as the mirror can be trusted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError};
use std::time::Duration;

use git2::{ErrorClass, Reference, Repository};
use tokio::sync::oneshot;

use super::desk::Desk;
use super::disk::{Place, check_packs, check_sound};
use super::follow::{bring_up_to_date, follow_one};
use super::history::check_commit;
use super::mirror::Bounds;
use super::pace::{About, Pace};
use super::renewal::{self, Renewal};
use super::transport::{Patience, Transport, TransportError};
use crate::app::ports::{GitError, RefOutcome, RefUpdate};

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, GitError>>;

/// Something that is done with the mirror alone.
pub(super) type LocalWork = Box<dyn FnOnce(&Desk) -> Option<Doubt> + Send>;

/// What the thread is asked.
pub(super) enum Request {
    /// Something with the mirror alone; it tells what puts the mirror in doubt.
    Local(LocalWork),
    /// Bring the mirror up to date.
    Fetch(Answer<()>),
    /// Move refs on the remote.
    Push(Push),
}

/// Why a mirror may be broken.
pub(super) struct Doubt(String);

impl Doubt {
    /// Finds in a failure of our own that an object cannot be read.
    ///
    /// Nobody but a broken disk or a lost moment of writing does that, and to a ref as well: a full
    /// disk, a wrong path and a ref that is not there are told in other words.
    pub(super) fn of<T>(done: &Result<T, GitError>) -> Option<Self> {
        let Err(GitError::Mirror(cause)) = done else { return None };
        let class = cause.downcast_ref::<git2::Error>()?.class();
        let unreadable = matches!(
            class,
            ErrorClass::Odb
                | ErrorClass::Zlib
                | ErrorClass::Object
                | ErrorClass::Tree
                | ErrorClass::Reference
        );
        unreadable.then(|| Self(format!("{cause:#}")))
    }
}

/// One caller's push.
pub(super) struct Push {
    /// The refs to move; no name comes twice.
    pub(super) updates: Vec<RefUpdate>,
    /// Where the outcomes go.
    pub(super) answer: Answer<Vec<RefOutcome>>,
}

/// The owner of a mirror.
pub(super) struct Keeper {
    /// The mirror's place on disk.
    pub(super) place: Arc<Place>,
    /// The mirror.
    pub(super) mirror: Desk,
    /// The way to the remote.
    pub(super) transport: Box<dyn Transport>,
    /// When it is the remote's turn.
    pub(super) pace: Pace,
    /// Whether anybody waits for the transfer under way.
    pub(super) patience: Patience,
    /// What puts the mirror in doubt, until it is built anew.
    pub(super) doubt: Option<Doubt>,
    /// The mirror that is built beside this one.
    pub(super) renewal: Renewal,
    /// How far the mirror may grow.
    pub(super) bounds: Bounds,
    /// How often it was fetched since it was weighed.
    pub(super) unweighed: u32,
}

/// How many fetches there are between two looks at the mirror's weight.
const WEIGHING: u32 = 16;

impl Keeper {
    /// Serves until nobody can ask any more.
    pub(super) fn serve(mut self, requests: Receiver<Request>) {
        let mut requests = Inbox { requests, seen: None };
        let mut pushes: Vec<Push> = Vec::new();
        let mut fetches: Vec<Answer<()>> = Vec::new();
        loop {
            match self.next(&mut requests, (&pushes, &fetches)) {
                Ok(Request::Local(work)) => {
                    let doubt = work(&self.mirror);
                    self.doubt = self.doubt.take().or(doubt);
                }
                Ok(Request::Push(push)) => pushes.push(push),
                Ok(Request::Fetch(answer)) => fetches.push(answer),
                Err(RecvTimeoutError::Timeout) => {
                    self.pace.wait_ends();
                    if !pushes.is_empty() && self.pace.until_push().is_zero() {
                        pushes = self.push(pushes, &mut requests);
                    } else {
                        self.fetch(std::mem::take(&mut fetches), &mut requests);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// The next request; none when it is the remote's turn.
    fn next(
        &mut self,
        requests: &mut Inbox,
        (pushes, fetches): (&[Push], &[Answer<()>]),
    ) -> Result<Request, RecvTimeoutError> {
        if pushes.is_empty() && fetches.is_empty() {
            return requests.next().map_err(|RecvError| RecvTimeoutError::Disconnected);
        }
        self.pace.wait_begins();
        if self.pace.is_overdue() && (!fetches.is_empty() || self.pace.until_push().is_zero()) {
            return Err(RecvTimeoutError::Timeout);
        }
        let until = match fetches {
            // What waits for the budget alone lets everything else go first.
            [] => self.pace.until_push().max(self.pace.company()),
            [_, ..] => self.pace.company(),
        };
        requests.next_within(until)
    }

    fn fetch(&mut self, answers: Vec<Answer<()>>, requests: &mut Inbox) {
        let waiting: Vec<_> = answers.into_iter().filter(|answer| !answer.is_closed()).collect();
        if waiting.is_empty() {
            return;
        }
        self.hear_of_renewal();
        let fetched = self.unless_hushed(Self::fetch_and_heal);
        self.pace.note(requests.who_is_about(waiting.len()));
        tracing::debug!(git.callers = waiting.len(), git.ok = fetched.is_ok(), "fetched");
        for answer in waiting {
            let told = match &fetched {
                Ok(()) => Ok(()),
                Err(error) => Err(error.to_port()),
            };
            // Who gave up waiting needs no answer.
            drop(answer.send(told));
        }
        if fetched.is_ok() {
            // Nobody waits for this any more.
            self.bound();
        }
    }

    /// Turns to the remote, if it does not want to be left alone; keeps it when it says so now.
    fn unless_hushed<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        if let Some((seconds, words)) = self.pace.quiet() {
            return Err(TransportError::busy(seconds, words));
        }
        self.patience.regain();
        let done = work(self);
        if let Err(error) = &done
            && let Some(seconds) = error.asks_to_wait()
        {
            self.pace.hush(seconds, &error.to_string());
        }
        self.patience.rest();
        done
    }

    /// Leaves the remote alone, if that was its answer to a clone beside; its callers are told.
    fn hear_of_renewal(&mut self) {
        if let Some(error) = self.renewal.failure()
            && let Some(seconds) = error.asks_to_wait()
        {
            self.pace.hush(seconds, &error.to_string());
        }
    }

    /// Fetches; a mirror that turns out to be broken is built anew.
    fn fetch_and_heal(&mut self) -> Result<(), TransportError> {
        // Before anything is read: a pack that was cut off under a live mapping ends the process.
        let torn = check_packs(self.mirror.path()).err().map(|cause| Doubt(format!("{cause:#}")));
        self.doubt = self.doubt.take().or(torn);
        if self.doubt.is_none() {
            match self.fetch_once() {
                Ok(()) => return Ok(()),
                Err(error) if error.may_be_ours() => {
                    let Err(cause) = check_sound(&self.mirror) else { return Err(error) };
                    self.doubt = Some(Doubt(format!("{cause:#}")));
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(Doubt(why)) = &self.doubt {
            tracing::warn!("building the mirror anew, it cannot be trusted: {why}");
        }
        self.rebuild()
    }

    /// Fetches: into the mirror that was built beside this one, if there is one, which is as far as
    /// the remote by that, and takes this one's place.
    fn fetch_once(&mut self) -> Result<(), TransportError> {
        let Some(fresh) = self.renewal.built() else {
            return bring_up_to_date(&*self.transport, &self.mirror);
        };
        if let Err(error) = bring_up_to_date(&*self.transport, &fresh) {
            self.renewal.take_back(fresh, &error);
            return Err(error);
        }
        let made = self.mirror.hand_over(&fresh);
        self.put_in_place(fresh)?;
        self.mirror.remember(made);
        tracing::info!("the mirror that was built anew has taken its place");
        Ok(())
    }

    /// Builds the mirror anew while everybody waits: one in doubt serves nobody. What was made in
    /// it and not pushed is in doubt as well, and is made again.
    fn rebuild(&mut self) -> Result<(), TransportError> {
        self.renewal.abandon();
        let fresh = renewal::build(&self.place, &*self.transport)?;
        self.put_in_place(fresh)
    }

    /// Goes on with a mirror that was built beside.
    fn put_in_place(&mut self, fresh: Repository) -> Result<(), TransportError> {
        // The old one goes before the new one is opened in its place: libgit2 knows packs by their
        // path, for the whole process, and would go on with the old one's mapping.
        self.mirror = Desk::of(fresh);
        let placed = self.place.put_in_place().map_err(|cause| {
            self.doubt = Some(Doubt(format!("{cause:#}")));
            TransportError::disk(&cause)
        })?;
        self.mirror = Desk::of(placed);
        self.renewal.note_success();
        self.place.note_weight();
        self.doubt = None;
        Ok(())
    }

    /// Has a mirror built anew that has grown too far: nothing in it is ever collected.
    fn bound(&mut self) {
        let due = self.unweighed.is_multiple_of(WEIGHING);
        self.unweighed = self.unweighed.wrapping_add(1);
        if !due {
            return;
        }
        let (weight, packs) = (self.place.weight(), self.place.packs());
        let Some(new) = self.place.noted_weight() else { return self.place.note_weight() };
        let Bounds { slack, packs: most, .. } = self.bounds;
        if weight <= new.saturating_mul(2).saturating_add(slack) && packs <= most {
            return;
        }
        if self.renewal.begin() {
            tracing::info!(
                git.bytes = weight,
                git.bytes_when_new = new,
                git.packs = packs,
                "building the mirror anew beside the one in use, which has grown"
            );
        }
    }

    /// Pushes as many callers' updates as can go together; returns those that must wait a round.
    fn push(&mut self, pushes: Vec<Push>, requests: &mut Inbox) -> Vec<Push> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut together: Vec<Push> = Vec::new();
        let mut later: Vec<Push> = Vec::new();
        for push in pushes {
            if push.answer.is_closed() {
                continue;
            }
            if let Err(error) = check_updates(&self.mirror, &push.updates) {
                drop(push.answer.send(Err(error)));
            } else if push.updates.iter().any(|update| names.contains(&update.name)) {
                later.push(push);
            } else {
                names.extend(push.updates.iter().map(|update| update.name.clone()));
                together.push(push);
            }
        }
        let updates: Vec<RefUpdate> =
            together.iter().flat_map(|push| push.updates.iter().cloned()).collect();
        if updates.is_empty() {
            answer_all(together, Vec::new());
            return later;
        }
        let pushed = self.unless_hushed(|keeper| {
            keeper.pace.note_push();
            keeper.transport.push(&keeper.mirror, &updates)
        });
        self.pace.note(requests.who_is_about(together.len()));
        tracing::debug!(git.callers = together.len(), git.refs = updates.len(), "pushed");
        match pushed {
            Ok(outcomes) => {
                for (update, outcome) in updates.iter().zip(&outcomes) {
                    self.mirror.note_pushed(update, outcome);
                    if let Err(error) = follow_one(&self.mirror, update, outcome) {
                        // The next fetch puts it right.
                        tracing::warn!(git.reference = %update.name, "the mirror did not follow a push: {error:#}");
                    }
                }
                answer_all(together, outcomes);
            }
            Err(error) => {
                for push in together {
                    drop(push.answer.send(Err(error.to_port())));
                }
            }
        }
        later
    }
}

/// What is asked, in order; one request may have been seen before its turn.
struct Inbox {
    requests: Receiver<Request>,
    seen: Option<Request>,
}

impl Inbox {
    fn next(&mut self) -> Result<Request, RecvError> {
        self.seen.take().map_or_else(|| self.requests.recv(), Ok)
    }

    fn next_within(&mut self, wait: Duration) -> Result<Request, RecvTimeoutError> {
        self.seen.take().map_or_else(|| self.requests.recv_timeout(wait), Ok)
    }

    /// Who is there while so many wait to be answered. Asked before they are: what they do then
    /// would pass for somebody else's.
    fn who_is_about(&mut self, answered: usize) -> About {
        self.seen = self.seen.take().or_else(|| self.requests.try_recv().ok());
        if answered > 1 || self.seen.is_some() { About::Several } else { About::One }
    }
}

/// Hands each caller the outcomes of its own updates.
fn answer_all(pushes: Vec<Push>, outcomes: Vec<RefOutcome>) {
    let mut outcomes = outcomes.into_iter();
    for push in pushes {
        let own = outcomes.by_ref().take(push.updates.len()).collect();
        drop(push.answer.send(Ok(own)));
    }
}

/// Refuses, for its caller alone, what no transport could push.
fn check_updates(mirror: &Repository, updates: &[RefUpdate]) -> Result<(), GitError> {
    let mut names = BTreeSet::new();
    for update in updates {
        let sound = update.name.starts_with("refs/") && Reference::is_valid_name(&update.name);
        if !sound || !names.insert(&update.name) {
            return Err(GitError::Missing(format!(
                "ref {:?}, once and by its full name,",
                update.name
            )));
        }
        if let Some(new) = &update.new {
            check_commit(mirror, new)?;
        }
    }
    Ok(())
}
