//! Somebody's own repository on this disk, only read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::anyhow;
use git2::{ErrorCode, Repository};

use super::desk::Desk;
use super::{commit_id_of, history, trees};
use crate::app::ports::{Checkout, CheckoutError, FileChange};
use crate::domain::id::CommitId;

/// What libgit2 says of a text that names no commit.
const NO_SUCH: [ErrorCode; 3] = [ErrorCode::NotFound, ErrorCode::InvalidSpec, ErrorCode::Peel];

/// A repository that a person or a pipeline works in: a clone, a shallow one, a worktree, a bare one.
///
/// No mirror is made of it: that would hold its branches only, while CI often stands on a commit
/// that no branch names.
pub struct LocalRepository(Desk);

impl LocalRepository {
    /// Opens the repository that `path` is in.
    ///
    /// # Errors
    ///
    /// When there is none, or it is not to be trusted.
    pub fn open(path: &Path) -> Result<Self, CheckoutError> {
        let shown = || path.display().to_string();
        Repository::discover(path).map(|it| Self(Desk::of(it))).map_err(|cause| {
            let code = cause.code();
            if code == ErrorCode::NotFound {
                CheckoutError::NoRepository(shown())
            } else if code == ErrorCode::Owner {
                CheckoutError::NotOurs(shown())
            } else {
                CheckoutError::Unreadable(anyhow!(cause))
            }
        })
    }
}

impl Checkout for LocalRepository {
    fn resolve(&self, revision: &str) -> Result<CommitId, CheckoutError> {
        let found = self.0.revparse_single(revision).and_then(|it| it.peel_to_commit());
        let commit = found.map_err(|cause| {
            let code = cause.code();
            if code == ErrorCode::Ambiguous {
                CheckoutError::Ambiguous(revision.to_owned())
            } else if NO_SUCH.contains(&code) {
                CheckoutError::UnknownRevision(revision.to_owned())
            } else {
                CheckoutError::Unreadable(anyhow!(cause))
            }
        })?;
        Ok(commit_id_of(commit.id())?)
    }

    fn list(&self, commit: &CommitId, pattern: &str) -> Result<Vec<String>, CheckoutError> {
        Ok(trees::list(&self.0, commit, pattern)?)
    }

    fn read(
        &self,
        commit: &CommitId,
        paths: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<u8>>, CheckoutError> {
        Ok(trees::read(&self.0, commit, paths)?)
    }

    fn diff(&self, base: &CommitId, head: &CommitId) -> Result<Vec<FileChange>, CheckoutError> {
        Ok(history::diff(&self.0, base, head)?)
    }
}
