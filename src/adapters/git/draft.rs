//! Commits that somebody else makes for us: what they are to hold, and what came of it.

use std::collections::BTreeMap;

use git2::ObjectType;

use super::desk::Desk;
use super::{broken, commit_id_of, find_commit, history, trees};
use crate::app::ports::{Draft, DraftFile, GitError};
use crate::domain::id::CommitId;

/// Tells a commit by its trees, its files and its words.
pub(super) fn draft(desk: &Desk, id: &CommitId) -> Result<Draft, GitError> {
    let commit = find_commit(desk, id)?;
    let base = commit.parent(0).map_err(broken("reading what a commit stands on"))?;
    let mut files = BTreeMap::new();
    for change in history::diff(desk, &commit_id_of(base.id())?, id)? {
        let there = trees::entry_at(desk, commit.tree_id(), &change.path)?;
        let file = change.after.zip(there);
        let file = file.map(|(bytes, (_, mode))| DraftFile { mode: format!("{mode:06o}"), bytes });
        files.insert(change.path, file);
    }
    Ok(Draft {
        commit: id.clone(),
        parents: commit.parent_ids().map(commit_id_of).collect::<Result<_, _>>()?,
        base: base.tree_id().to_string(),
        tree: commit.tree_id().to_string(),
        files,
        message: String::from_utf8_lossy(commit.message_raw_bytes()).into_owned(),
    })
}

/// Takes in a commit by its bytes.
pub(super) fn adopt(desk: &Desk, object: &[u8]) -> Result<CommitId, GitError> {
    let failed = || broken("taking in a commit");
    let odb = desk.odb().map_err(failed())?;
    let id = odb.write(ObjectType::Commit, object).map_err(failed())?;
    let commit = desk.find_commit(id).map_err(failed())?;
    let mut parts = std::iter::once(commit.tree_id()).chain(commit.parent_ids());
    match parts.find(|part| !odb.exists(*part)) {
        Some(part) => Err(GitError::Missing(format!("{part}, which commit {id} is made of,"))),
        None => commit_id_of(id),
    }
}
