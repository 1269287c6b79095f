//! A remote on this machine: `file://` and a bare repository.
//!
//! libgit2's own local push ignores the lease: it overwrites whatever came in between. So objects
//! are copied first, and each ref is then moved under Git's own lock on it, where nobody can come
//! in between. Hooks of the repository do not run.

use std::path::PathBuf;

use git2::{ErrorCode, FetchOptions, Oid, Repository};

use super::{Kind, RemoteRefs, Transport, TransportError, is_mirrored, judge, oid};
use crate::adapters::git::copy::{CopyError, Copying};
use crate::app::ports::{RefOutcome, RefUpdate};

/// How a moved ref's log names us, if the repository keeps one.
const REFLOG: &str = "hoist: push";

pub(in super::super) struct LocalTransport {
    path: PathBuf,
}

impl LocalTransport {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Opened for each transfer, so that a repository made or replaced later is found.
    fn open(&self) -> Result<Repository, TransportError> {
        let shown = self.path.display();
        let repository = Repository::open(&self.path).map_err(|cause| self.sort(&cause))?;
        if repository.is_bare() {
            Ok(repository)
        } else {
            Err(TransportError::new(
                Kind::NoRepository,
                format!(
                    "{shown} has a working tree, which a push would leave behind; hoist wants a bare repository (`git clone --bare`)"
                ),
            ))
        }
    }

    fn sort(&self, cause: &git2::Error) -> TransportError {
        let shown = self.path.display();
        if cause.code() == ErrorCode::NotFound {
            TransportError::new(Kind::NoRepository, format!("there is no repository at {shown}"))
        } else if cause.code() == ErrorCode::Owner {
            let way = format!(
                "{shown} belongs to another user: run hoist as its owner, or allow it with \
                 `git config --global --add safe.directory {shown}`"
            );
            TransportError::new(Kind::Unauthorized, way)
        } else if cause.message().contains("object format") {
            TransportError::of_another_format()
        } else {
            let told = format!("opening the repository at {shown}: {}", cause.message());
            TransportError::new(Kind::Unreachable, told)
        }
    }
}

impl Transport for LocalTransport {
    fn fetch(&self, mirror: &Repository) -> Result<RemoteRefs, TransportError> {
        let remote = self.open()?;
        let refs = read_refs(&remote)?;
        let known = mirror.odb().map_err(|cause| ours("opening the mirror's objects", &cause))?;
        if refs.values().all(|id| known.exists(*id)) {
            return Ok(refs);
        }
        let path = self.path.to_string_lossy();
        let mut options = FetchOptions::new();
        options.download_tags(git2::AutotagOption::None).update_fetchhead(false);
        // The refs of this reading, not of the first: they name only what was copied.
        let mut download = || {
            let mut copied = mirror.remote_anonymous(&path)?;
            copied.download(
                &["+refs/heads/*:refs/heads/*", "+refs/hoist/*:refs/hoist/*"],
                Some(&mut options),
            )?;
            let refs = copied.list()?.iter().filter(|head| is_mirrored(head.name()));
            Ok(refs.map(|head| (head.name().to_owned(), head.oid())).collect())
        };
        download().map_err(|cause: git2::Error| theirs("copying the repository's objects", &cause))
    }

    fn push(
        &self,
        mirror: &Repository,
        updates: &[RefUpdate],
    ) -> Result<Vec<RefOutcome>, TransportError> {
        let remote = self.open()?;
        updates.iter().map(|update| push_one(mirror, &remote, update)).collect()
    }
}

fn push_one(
    mirror: &Repository,
    remote: &Repository,
    update: &RefUpdate,
) -> Result<RefOutcome, TransportError> {
    // Looked at once before the lock, to copy nothing for an update that cannot succeed.
    if let Some(outcome) = judge(update, held(remote, &update.name)?)? {
        return Ok(outcome);
    }
    if let Some(new) = &update.new {
        let new = oid(new)?;
        Copying::between(mirror, remote).and_then(|mut way| way.copy(new)).map_err(|error| {
            match error {
                CopyError::Reading(cause) => ours("reading an object to push", &cause),
                CopyError::Writing(cause) => {
                    theirs("writing an object into the repository", &cause)
                }
            }
        })?;
    }
    match swap(remote, update) {
        Ok(outcome) => outcome,
        Err(cause) => {
            let reason = if cause.code() == ErrorCode::Locked {
                format!(
                    "another process holds the lock on {0}; if no git runs in the repository, \
                     remove {0}.lock",
                    update.name
                )
            } else {
                cause.message().to_owned()
            };
            Ok(RefOutcome::Refused { reason })
        }
    }
}

/// Compares and swaps under Git's lock on the ref.
fn swap(
    remote: &Repository,
    update: &RefUpdate,
) -> Result<Result<RefOutcome, TransportError>, git2::Error> {
    let mut transaction = remote.transaction()?;
    transaction.lock_ref(&update.name)?;
    let outcome = match held(remote, &update.name).and_then(|held| judge(update, held)) {
        Ok(None) => RefOutcome::Moved,
        Ok(Some(outcome)) => return Ok(Ok(outcome)),
        Err(error) => return Ok(Err(error)),
    };
    if update.expected.is_none()
        && let Some(other) = in_the_way(remote, &update.name)?
    {
        let reason = format!("{other} exists, and Git keeps no ref inside another");
        return Ok(Ok(RefOutcome::Refused { reason }));
    }
    match &update.new {
        Some(new) => {
            transaction.set_target(&update.name, Oid::from_str(new.as_str())?, None, REFLOG)?;
        }
        None => transaction.remove(&update.name)?,
    }
    transaction.commit()?;
    Ok(Ok(outcome))
}

/// A ref that is a directory of `name`, or that `name` would be a directory of.
///
/// The lock alone does not see those that are packed.
fn in_the_way(remote: &Repository, name: &str) -> Result<Option<String>, git2::Error> {
    let inside = format!("{name}/");
    for reference in remote.references()? {
        let reference = reference?;
        if let Ok(other) = reference.name()
            && (other.starts_with(&inside) || name.starts_with(&format!("{other}/")))
        {
            return Ok(Some(other.to_owned()));
        }
    }
    Ok(None)
}

fn held(remote: &Repository, name: &str) -> Result<Option<Oid>, TransportError> {
    match remote.find_reference(name) {
        Ok(reference) => Ok(reference.target()),
        Err(cause) if cause.code() == ErrorCode::NotFound => Ok(None),
        Err(cause) => Err(theirs("reading a ref of the repository", &cause)),
    }
}

fn read_refs(remote: &Repository) -> Result<RemoteRefs, TransportError> {
    let list = || {
        let mut refs = RemoteRefs::new();
        for reference in remote.references()? {
            let reference = reference?;
            if let (Ok(name), Some(target)) = (reference.name(), reference.target())
                && is_mirrored(name)
            {
                refs.insert(name.to_owned(), target);
            }
        }
        Ok(refs)
    };
    list().map_err(|cause| theirs("listing the repository's refs", &cause))
}

fn ours(doing: &str, cause: &git2::Error) -> TransportError {
    TransportError::mirror(doing, cause)
}

fn theirs(doing: &str, cause: &git2::Error) -> TransportError {
    TransportError::new(Kind::Unreachable, format!("{doing}: {}", cause.message()))
}
