//! A remote that speaks Git's protocol, which libgit2 speaks with it over a wire of ours.
//!
//! Its traps: a push that the server refused returns success, and only a callback tells; the lease
//! goes on the wire only as the value that the server itself advertised.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use git2::{
    AutotagOption, ErrorClass, FetchOptions, PushOptions, Remote, RemoteCallbacks, Repository,
};

use super::wire::{self, ADDRESS, Wire};
use super::{
    Kind, MIRRORED, Patience, RemoteRefs, Transport, TransportError, WORDS_LIMIT, is_mirrored,
    judge, readable, settle,
};
use crate::app::ports::{RefOutcome, RefUpdate};
use crate::domain::id::CommitId;

/// A refspec that no ref fits: what is asked with it brings the list of refs alone.
const NOTHING: &str = "refs/hoist/no-such-ref:refs/hoist/no-such-ref";

pub(in super::super) struct SmartTransport {
    wire: Arc<dyn Wire>,
    patience: Patience,
}

impl SmartTransport {
    pub(super) fn over(wire: Arc<dyn Wire>, patience: Patience) -> Self {
        Self { wire, patience }
    }

    /// Has libgit2 speak over the wire. What went wrong there is known better than libgit2 tells.
    fn speak<T>(&self, work: impl FnOnce() -> Result<T, git2::Error>) -> Result<T, TransportError> {
        let (done, failure) = wire::over(&self.wire, work);
        done.map_err(|cause| {
            failure.unwrap_or_else(|| sort(&self.wire.scrub(cause.message()), &cause))
        })
    }

    /// Ends a transfer that nobody awaits any more.
    fn callbacks<'a>(&'a self) -> RemoteCallbacks<'a> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|_| self.patience.lasts());
        callbacks
    }

    /// The refs of the remote.
    pub(super) fn list(&self, mirror: &Repository) -> Result<RemoteRefs, TransportError> {
        self.download(mirror, &[NOTHING])
    }

    /// Brings the objects of the refs that `specs` fit, and tells all refs of the remote.
    fn download(
        &self,
        mirror: &Repository,
        specs: &[impl AsRef<str> + git2::IntoCString + Clone],
    ) -> Result<RemoteRefs, TransportError> {
        let mut options = FetchOptions::new();
        let mut callbacks = self.callbacks();
        callbacks.sideband_progress(|_| self.patience.lasts());
        options
            .remote_callbacks(callbacks)
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        let mut remote = remote(mirror)?;
        self.speak(|| {
            remote.download(specs, Some(&mut options))?;
            let heads = remote.list()?;
            Ok(heads.iter().map(|head| (head.name().to_owned(), head.oid())).collect())
        })
    }

    /// One push of updates. What the server advertised and what it answered is told; Ok of libgit2's
    /// means nothing by itself.
    fn try_push(
        &self,
        mirror: &Repository,
        updates: &[&RefUpdate],
    ) -> Result<Attempt, TransportError> {
        let mut remote = remote(mirror)?;
        let advertised: RefCell<Option<RemoteRefs>> = RefCell::default();
        let answers: RefCell<BTreeMap<String, Option<String>>> = RefCell::default();
        let words: RefCell<Vec<u8>> = RefCell::default();
        let mut callbacks = self.callbacks();
        callbacks.push_update_reference(|name, refusal| {
            answers.borrow_mut().insert(name.to_owned(), refusal.map(str::to_owned));
            Ok(())
        });
        callbacks.sideband_progress(|bytes| {
            let mut words = words.borrow_mut();
            let room = WORDS_LIMIT.saturating_sub(words.len());
            words.extend(bytes.iter().take(room));
            self.patience.lasts()
        });
        callbacks.push_negotiation(|moves| {
            let mut seen = RemoteRefs::new();
            for one in moves {
                let name = one.dst_refname()?;
                if !one.src().is_zero() {
                    seen.insert(name.to_owned(), one.src());
                }
            }
            // These very values go on the wire, and the server compares and swaps with them.
            let all_held = updates.iter().all(|update| {
                let held = seen.get(&update.name).map(ToString::to_string);
                held.as_deref() == update.expected.as_ref().map(CommitId::as_str)
            });
            *advertised.borrow_mut() = Some(seen);
            if all_held { Ok(()) } else { Err(git2::Error::from_str("a ref has moved")) }
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks);
        let specs: Vec<String> = updates.iter().map(|update| refspec(update)).collect();
        let pushed = self.speak(|| remote.push(&specs, Some(&mut options)));
        drop(options);
        let (advertised, answers) = (advertised.into_inner(), answers.into_inner());
        let words = readable(&self.wire.scrub(&String::from_utf8_lossy(&words.into_inner())));
        match pushed {
            Err(cause) if answers.is_empty() && !moved_on(updates, advertised.as_ref()) => {
                Err(cause.with(&words))
            }
            Ok(()) | Err(_) => {
                Ok(Attempt { advertised: advertised.unwrap_or_default(), answers, words })
            }
        }
    }
}

fn remote(mirror: &Repository) -> Result<Remote<'_>, TransportError> {
    mirror
        .remote_anonymous(ADDRESS)
        .map_err(|cause| TransportError::mirror("naming the remote", &cause))
}

/// Sorts a failure that is libgit2's own: on our disk, or in what the server said.
fn sort(text: &str, cause: &git2::Error) -> TransportError {
    if text.contains("object format") {
        return TransportError::of_another_format();
    }
    if is_ours(cause.class()) {
        return TransportError::new(Kind::Mirror, text);
    }
    TransportError::new(Kind::Unreachable, format!("speaking with the Git server: {text}"))
}

/// What one push told.
struct Attempt {
    advertised: RemoteRefs,
    answers: BTreeMap<String, Option<String>>,
    words: String,
}

impl Transport for SmartTransport {
    fn fetch(&self, mirror: &Repository) -> Result<RemoteRefs, TransportError> {
        let specs = MIRRORED.map(|prefix| format!("+{prefix}*:{prefix}*"));
        let mut refs = self.download(mirror, &specs)?;
        refs.retain(|name, _| is_mirrored(name));
        Ok(refs)
    }

    fn push(
        &self,
        mirror: &Repository,
        updates: &[RefUpdate],
    ) -> Result<Vec<RefOutcome>, TransportError> {
        let mut outcomes: BTreeMap<&str, RefOutcome> = BTreeMap::new();
        let mut unsure: Option<String> = None;
        loop {
            let left: Vec<&RefUpdate> = updates
                .iter()
                .filter(|update| !outcomes.contains_key(update.name.as_str()))
                .collect();
            if left.is_empty() || unsure.is_some() {
                break;
            }
            let attempt = self.try_push(mirror, &left)?;
            if attempt.answers.is_empty() && moved_on(&left, Some(&attempt.advertised)) {
                // The lease broke before anything was sent: those that cannot go are told, the rest goes.
                for update in left {
                    let held = attempt.advertised.get(&update.name).copied();
                    outcomes.extend(
                        judge(update, held)?.map(|outcome| (update.name.as_str(), outcome)),
                    );
                }
                continue;
            }
            for update in left {
                if let Some(None) = attempt.answers.get(&update.name) {
                    outcomes.insert(&update.name, RefOutcome::Moved);
                }
            }
            unsure = Some(attempt.words.clone());
            settle(updates, &mut outcomes, (&attempt.answers, &attempt.words), || {
                self.list(mirror)
            })?;
        }
        Ok(updates.iter().filter_map(|update| outcomes.remove(update.name.as_str())).collect())
    }
}

/// Tells whether the server advertised something else than was expected.
fn moved_on(updates: &[&RefUpdate], advertised: Option<&RemoteRefs>) -> bool {
    let Some(advertised) = advertised else { return false };
    updates.iter().any(|update| {
        let held = advertised.get(&update.name).map(ToString::to_string);
        held.as_deref() != update.expected.as_ref().map(CommitId::as_str)
    })
}

/// Forced, because the lease decides, not whether it is a fast-forward.
fn refspec(update: &RefUpdate) -> String {
    match &update.new {
        Some(new) => format!("+{new}:{}", update.name),
        None => format!(":{}", update.name),
    }
}

/// Classes of failures that happen on our disk, not on the way.
fn is_ours(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Odb
            | ErrorClass::Reference
            | ErrorClass::Repository
            | ErrorClass::Config
            | ErrorClass::Filesystem
            | ErrorClass::Zlib
            | ErrorClass::NoMemory
    )
}
