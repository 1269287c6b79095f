//! A Git repository: our mirror of it, and the remote behind it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::id::CommitId;

/// Who a commit names, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Shown name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// The time, in UTC, whole seconds.
    pub at: Timestamp,
}

/// A commit to make. The same spec makes the same commit, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSpec {
    /// What it stands on; the first parent's tree is the one that is changed. Empty makes a root.
    pub parents: Vec<CommitId>,
    /// Files by path: new bytes, or none to delete. The mode of an existing file is kept.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// The whole message with its trailers.
    pub message: String,
    /// Who made the change; also the committer.
    pub author: Signature,
}

/// A commit of the mirror in the terms in which a forge makes one by its API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The commit as we would have made it ourselves.
    pub commit: CommitId,
    /// What it stands on; at least one.
    pub parents: Vec<CommitId>,
    /// The object of the first parent's whole tree, in hex digits.
    pub base: String,
    /// The object of its own whole tree: files that are all alike make the same.
    pub tree: String,
    /// The files that it changes, by path; none where it deletes one.
    pub files: BTreeMap<String, Option<DraftFile>>,
    /// The whole message with its trailers.
    pub message: String,
}

/// A file of a [`Draft`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftFile {
    /// Its mode, as Git writes it: `100644`.
    pub mode: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A ref to move on the remote: compare and swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name, as `refs/heads/hoist/prod/shop`.
    pub name: String,
    /// What it must point at now; none means it must not exist.
    pub expected: Option<CommitId>,
    /// What it shall point at; none deletes it.
    pub new: Option<CommitId>,
}

/// What became of one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefOutcome {
    /// It moved.
    Moved,
    /// It already was there: an earlier call of ours, whose answer was lost.
    AlreadyThere,
    /// It held something else than was expected.
    Stale {
        /// What it holds.
        actual: Option<CommitId>,
    },
    /// The server refused, and said why.
    Refused {
        /// The server's words.
        reason: String,
    },
}

/// One file's difference between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Its path; a rename is one deletion and one addition.
    pub path: String,
    /// Its bytes before; none if it was added.
    pub before: Option<Vec<u8>>,
    /// Its bytes after; none if it was deleted.
    pub after: Option<Vec<u8>>,
    /// What became of its mode.
    pub mode: ModeChange,
}

/// Whether a file's mode (executable, symbolic link, submodule) differs between two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeChange {
    /// It is the same.
    Same,
    /// It differs.
    Differs,
}

/// What a three-way merge in memory gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// A merge commit, in the mirror, not yet on the remote.
    Clean(CommitId),
    /// `head` is already contained in `onto`.
    AlreadyIn,
    /// These paths conflict.
    Conflict(Vec<String>),
}

/// A commit, as `git log` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its id.
    pub id: CommitId,
    /// Its parents.
    pub parents: Vec<CommitId>,
    /// Who made it.
    pub author: Signature,
    /// Its whole message.
    pub message: String,
    /// Whether it bears a signature, whosever.
    pub seal: Seal,
}

/// Whether a commit bears a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// It does; nobody has looked at it.
    Signed,
    /// It does not.
    Unsigned,
}

/// What can go wrong with Git, sorted by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The remote could not be reached, or broke off; later it may work.
    #[error("the Git remote could not be reached")]
    Unreachable(#[source] anyhow::Error),
    /// The remote asks to be left alone for a while.
    #[error("the Git remote asks to be left alone for {seconds} s")]
    Busy {
        /// For how long.
        seconds: u64,
        /// What it said.
        #[source]
        cause: anyhow::Error,
    },
    /// The remote does not accept our credentials, or they give no right to do this.
    #[error("the Git remote refuses our credentials")]
    Unauthorized(#[source] anyhow::Error),
    /// Nothing shows that the remote is the server that was meant; nothing was sent to it.
    #[error("the Git remote does not show that it is the server that was meant")]
    Untrusted(#[source] anyhow::Error),
    /// There is no such repository.
    #[error("the Git remote knows no such repository")]
    NoRepository(#[source] anyhow::Error),
    /// A commit or path that the caller named is not in the mirror.
    #[error("{0} is not in the repository")]
    Missing(String),
    /// The mirror on this disk is broken or cannot be written.
    #[error("the mirror of the Git repository cannot be used")]
    Mirror(#[source] anyhow::Error),
}

/// One repository. Reads are of the mirror, as of the last [`fetch`](Git::fetch).
#[async_trait]
pub trait Git: Send + Sync {
    /// Brings the mirror up to date: all branches, and `refs/hoist/*`; what is gone there is gone here.
    ///
    /// Calls that come together share one fetch.
    async fn fetch(&self) -> Result<(), GitError>;

    /// What the ref with this full name points at, if there is such a ref.
    async fn tip(&self, name: &str) -> Result<Option<CommitId>, GitError>;

    /// The refs whose full names start with `prefix`, and what they point at.
    async fn refs(&self, prefix: &str) -> Result<BTreeMap<String, CommitId>, GitError>;

    /// The files at `paths` in `commit`; those that are not there are left out.
    async fn read(
        &self,
        commit: &CommitId,
        paths: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<u8>>, GitError>;

    /// The paths in `commit` that a pattern fits, in which `*` stands for one whole or part of
    /// one path segment: `environments/staging/apps/*/values.yaml`. Reads trees, never files.
    async fn list(&self, commit: &CommitId, pattern: &str) -> Result<Vec<String>, GitError>;

    /// Writes a commit into the mirror and names it. Nothing is pushed.
    async fn commit(&self, spec: CommitSpec) -> Result<CommitId, GitError>;

    /// Tells a commit in the terms in which a forge makes one.
    async fn draft(&self, commit: &CommitId) -> Result<Draft, GitError>;

    /// Writes a commit into the mirror that was made elsewhere, byte for byte, and names it. What
    /// it stands on and what it holds must be in the mirror.
    async fn adopt(&self, object: Vec<u8>) -> Result<CommitId, GitError>;

    /// Moves refs on the remote, each by compare and swap; a refused one does not stop the others.
    ///
    /// Outcomes come in the order of the updates. The mirror's refs follow what moved.
    async fn push(&self, updates: Vec<RefUpdate>) -> Result<Vec<RefOutcome>, GitError>;

    /// Tells what differs between two commits' trees, by path.
    async fn diff(&self, base: &CommitId, head: &CommitId) -> Result<Vec<FileChange>, GitError>;

    /// The same, as a unified diff for people; cut off after `limit` bytes.
    async fn patch(
        &self,
        base: &CommitId,
        head: &CommitId,
        limit: usize,
    ) -> Result<String, GitError>;

    /// The best common ancestor, if there is one.
    async fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError>;

    /// Tells whether `ancestor` is `commit` or one of its ancestors.
    async fn contains(&self, commit: &CommitId, ancestor: &CommitId) -> Result<bool, GitError>;

    /// Merges `head` onto `onto` in memory, three-way, into a merge commit in the mirror.
    async fn merge(
        &self,
        onto: &CommitId,
        head: &CommitId,
        message: String,
        author: Signature,
    ) -> Result<Merged, GitError>;

    /// The newest `limit` commits from `from` along first parents; `path` keeps those that touch it.
    async fn log(
        &self,
        from: &CommitId,
        path: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogEntry>, GitError>;
}
