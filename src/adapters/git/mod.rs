//! A Git repository through libgit2: a bare mirror on our disk, and the remote behind it.
//!
//! No working tree and no `git` program: trees are read and edited in memory. One thread owns a
//! mirror, because libgit2's repository may move between threads but not be shared; what is asked
//! while it is busy shares the next fetch and the next push. Read [`mirror`], then `keeper`, then
//! `transport`, behind which the bytes travel.

pub mod mirror;
pub mod settings;

mod checkout;
mod copy;
mod desk;
mod disk;
mod draft;
mod folder;
mod follow;
mod history;
mod keeper;
mod openpgp;
mod pace;
mod renewal;
mod signing;
mod transport;
mod trees;
mod tuning;

pub use checkout::LocalRepository;
pub use disk::create_bare;
pub use mirror::{Bounds, Mirror};
pub use pace::{PushBudget, Pushes};
pub use settings::{
    Credentials, HostKeys, Login, RemoteSettings, RenewedToken, Speaker, TokenSource, Trust,
};
pub use signing::Signer;

use anyhow::anyhow;
use git2::{ErrorCode, Oid, Repository};

use crate::app::ports::GitError;
use crate::domain::id::CommitId;

/// Turns a libgit2 failure on our own disk into ours, saying what was being done.
fn broken(doing: &'static str) -> impl FnOnce(git2::Error) -> GitError {
    move |cause| GitError::Mirror(anyhow!(cause).context(doing))
}

fn oid_of(id: &CommitId) -> Result<Oid, GitError> {
    Oid::from_str(id.as_str()).map_err(broken("reading a commit's id"))
}

fn commit_id_of(oid: Oid) -> Result<CommitId, GitError> {
    oid.to_string().parse().map_err(|cause| {
        GitError::Mirror(anyhow::Error::new(cause).context("reading libgit2's commit id"))
    })
}

fn find_commit<'r>(mirror: &'r Repository, id: &CommitId) -> Result<git2::Commit<'r>, GitError> {
    mirror.find_commit(oid_of(id)?).map_err(|cause| {
        if cause.code() == ErrorCode::NotFound {
            GitError::Missing(format!("commit {id}"))
        } else {
            broken("reading a commit")(cause)
        }
    })
}
