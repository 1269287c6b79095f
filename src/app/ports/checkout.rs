//! A Git repository on this machine that is somebody's own.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::CommitId;

use super::{FileChange, GitError};

/// Why a repository here, or a revision of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// Neither there nor in any folder above is a Git repository.
    #[error("{0} is in no Git repository")]
    NoRepository(String),
    /// The repository belongs to another user of this machine, and may want to trick us.
    #[error("the Git repository at {0} belongs to another user")]
    NotOurs(String),
    /// The repository has no such commit.
    #[error("the repository has no revision `{0}`")]
    UnknownRevision(String),
    /// A short id that several objects have.
    #[error("the revision `{0}` is ambiguous")]
    Ambiguous(String),
    /// The repository cannot be read.
    #[error("reading the repository")]
    Unreadable(#[source] anyhow::Error),
}

impl From<GitError> for CheckoutError {
    fn from(error: GitError) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Somebody's own repository: it is read as it is, and never written nor fetched.
///
/// Not async, as only the command line reads one, and has nothing else to do meanwhile.
pub trait Checkout {
    /// The commit that a revision names: `main`, `HEAD~1`, a tag, a short id.
    fn resolve(&self, revision: &str) -> Result<CommitId, CheckoutError>;

    /// The paths in `commit` that a pattern fits, as of [`Git::list`](super::Git::list).
    fn list(&self, commit: &CommitId, pattern: &str) -> Result<Vec<String>, CheckoutError>;

    /// Reads files of a commit; what is not there, or is no regular file, is left out.
    fn read(
        &self,
        commit: &CommitId,
        paths: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<u8>>, CheckoutError>;

    /// Tells what differs between two commits' trees, by path.
    fn diff(&self, base: &CommitId, head: &CommitId) -> Result<Vec<FileChange>, CheckoutError>;
}
