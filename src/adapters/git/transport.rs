//! How bytes travel between the mirror and its remote.
//!
//! libgit2's HTTP transport is correct but slow, and will be replaced by one of our own; what a
//! lease is and how outcomes are told must not change with it, so both stand behind one trait.

mod http;
mod local;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use git2::{Oid, Repository};

use super::settings::{Address, Credentials};
use crate::app::ports::{GitError, RefOutcome, RefUpdate};
use crate::domain::id::CommitId;

pub(super) use http::Libgit2Transport;
pub(super) use local::LocalTransport;

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

/// Chooses the way that fits an address.
pub(super) fn to(
    address: Address,
    credentials: Credentials,
    patience: Patience,
) -> Box<dyn Transport> {
    match address {
        Address::Local(path) => Box::new(LocalTransport::new(path)),
        Address::Http(url) => Box::new(Libgit2Transport::new(url, credentials, patience)),
    }
}

/// Tells whether hoist mirrors a ref: branches, and what the builtin forge keeps.
fn is_mirrored(name: &str) -> bool {
    name.starts_with("refs/heads/") || name.starts_with("refs/hoist/")
}

/// Whether somebody still waits for the transfer that is under way.
///
/// Nothing but libgit2's callbacks can end a transfer that trickles on.
#[derive(Debug, Clone, Default)]
pub(super) struct Patience(Arc<AtomicBool>);

impl Patience {
    /// Asks the transfer under way to end.
    pub(super) fn lose(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Begins anew.
    pub(super) fn regain(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn lasts(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
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
    Unauthorized,
    NoRepository,
    Mirror,
}

impl TransportError {
    fn new(kind: Kind, told: impl Into<String>) -> Self {
        Self { kind, told: told.into() }
    }

    /// A failure on our own disk.
    pub(super) fn mirror(doing: &str, cause: &git2::Error) -> Self {
        Self::new(Kind::Mirror, format!("{doing}: {}", cause.message()))
    }

    /// Whether a broken mirror may be the reason.
    pub(super) fn may_be_ours(&self) -> bool {
        match self.kind {
            Kind::Mirror | Kind::Unreachable => true,
            Kind::Unauthorized | Kind::NoRepository => false,
        }
    }

    /// What the port says of it.
    pub(super) fn to_port(&self) -> GitError {
        let told = anyhow!(self.told.clone());
        match self.kind {
            Kind::Unreachable => GitError::Unreachable(told),
            Kind::Unauthorized => GitError::Unauthorized(told),
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

fn oid(id: &CommitId) -> Result<Oid, TransportError> {
    Oid::from_str(id.as_str())
        .map_err(|cause| TransportError::mirror("reading a commit's id", &cause))
}
