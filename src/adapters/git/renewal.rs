//! A mirror that is built anew beside the one in use.
//!
//! That is a clone, and takes as long as one: at twenty thousand applications half a minute or so.
//! It is made on a thread of its own, over a way of its own, while the mirror in use goes on; the
//! fetch after it goes into the new one, which then takes the old one's place.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use git2::Repository;

use super::disk::{Place, check_sound};
use super::follow::bring_up_to_date;
use super::mirror::Bounds;
use super::pace::now;
use super::settings::Way;
use super::transport::{self, Patience, Transport, TransportError};

/// How often the pause after a failure is doubled at most: from ten minutes to five hours.
const DOUBLED: u32 = 5;

/// What becomes of the mirror beside the one in use.
pub(super) struct Renewal {
    place: Arc<Place>,
    way: Way,
    bounds: Bounds,
    stage: Stage,
    /// How often it has failed since it last succeeded.
    failures: u32,
    /// Before when it is not tried again.
    not_before: Option<Instant>,
}

enum Stage {
    Idle,
    UnderWay(Patience, JoinHandle<Result<Repository, TransportError>>),
    Built(Repository),
}

/// Fetches everything into a new mirror beside the one in use.
pub(super) fn build(
    place: &Place,
    transport: &dyn Transport,
) -> Result<Repository, TransportError> {
    let fresh = place.begin_anew().map_err(|cause| TransportError::disk(&cause))?;
    match bring_up_to_date(transport, &fresh) {
        Ok(()) => Ok(fresh),
        Err(error) => {
            drop(fresh);
            place.remove_new();
            Err(error)
        }
    }
}

impl Renewal {
    /// Nothing yet; when it is asked for, it is by the way that leads to the remote.
    pub(super) fn of(place: Arc<Place>, way: Way, bounds: Bounds) -> Self {
        Self { place, way, bounds, stage: Stage::Idle, failures: 0, not_before: None }
    }

    /// Begins, unless it has begun already or failed a short while ago; tells whether it did.
    pub(super) fn begin(&mut self) -> bool {
        let rests = self.not_before.is_some_and(|at| now() < at);
        if rests || !matches!(self.stage, Stage::Idle) {
            return false;
        }
        let patience = Patience::of_nobody(self.bounds.wait);
        let (place, way, ours) = (Arc::clone(&self.place), self.way.clone(), patience.clone());
        let work = move || {
            let transport =
                transport::to(way, ours).map_err(|cause| TransportError::disk(&cause))?;
            build(&place, &*transport)
        };
        match thread::Builder::new().name("git-renewal".to_owned()).spawn(work) {
            Ok(thread) => self.stage = Stage::UnderWay(patience, thread),
            Err(cause) => self.note_failure(&TransportError::disk(&cause.into())),
        }
        matches!(self.stage, Stage::UnderWay(..))
    }

    /// Looks how it stands; why it has failed is told once.
    pub(super) fn failure(&mut self) -> Option<TransportError> {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::UnderWay(_, thread) if thread.is_finished() => match ended(thread) {
                Ok(fresh) => {
                    self.stage = Stage::Built(fresh);
                    None
                }
                Err(error) => {
                    self.note_failure(&error);
                    Some(error)
                }
            },
            stage @ (Stage::Idle | Stage::UnderWay(..) | Stage::Built(_)) => {
                self.stage = stage;
                None
            }
        }
    }

    /// The new mirror, once it was seen to be whole. Whoever takes it puts it to use, or gives it
    /// back.
    pub(super) fn built(&mut self) -> Option<Repository> {
        match std::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Built(fresh) => Some(fresh),
            stage @ (Stage::Idle | Stage::UnderWay(..)) => {
                self.stage = stage;
                None
            }
        }
    }

    /// Keeps the new mirror for the next fetch, where the remote could not be fetched from; one that
    /// is itself the reason comes to nothing.
    pub(super) fn take_back(&mut self, fresh: Repository, error: &TransportError) {
        let is_broken = error.is_ours() || error.may_be_ours() && check_sound(&fresh).is_err();
        if is_broken {
            drop(fresh);
            self.place.remove_new();
            self.note_failure(error);
        } else {
            self.stage = Stage::Built(fresh);
        }
    }

    /// It came to nothing: it is not tried again at once, because it asks much of a server.
    pub(super) fn note_failure(&mut self, error: &TransportError) {
        let pause = self.bounds.again * (1 << self.failures.min(DOUBLED));
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now() + pause);
        tracing::warn!(
            git.failures = self.failures,
            git.pause_seconds = pause.as_secs(),
            "the mirror could not be built anew and goes on as it is: {error}"
        );
    }

    /// The new mirror is in use. Has the one removed that was in use before, which takes longer than
    /// all the rest of it.
    pub(super) fn note_success(&mut self) {
        (self.failures, self.not_before) = (0, None);
        let place = Arc::clone(&self.place);
        let work = move || place.remove_old();
        if let Err(cause) = thread::Builder::new().name("git-renewal".to_owned()).spawn(work) {
            tracing::warn!("the mirror that was in use before stays for now: {cause}");
        }
    }

    /// Ends it, and waits until it has ended: the place beside the mirror is free then.
    pub(super) fn abandon(&mut self) {
        if let Stage::UnderWay(patience, thread) = std::mem::replace(&mut self.stage, Stage::Idle) {
            patience.lose();
            // Whatever became of it, nobody wants it.
            drop(ended(thread));
        }
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.abandon();
    }
}

fn ended(
    thread: JoinHandle<Result<Repository, TransportError>>,
) -> Result<Repository, TransportError> {
    thread.join().unwrap_or_else(|_| {
        Err(TransportError::disk(&anyhow::anyhow!("the thread that built it came to grief")))
    })
}
