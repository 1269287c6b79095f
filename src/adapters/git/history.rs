//! Comparing, merging and walking commits.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Delta, DiffFormat, DiffOptions, ErrorCode, IndexConflict, ObjectType, Oid, Repository};
use jiff::Timestamp;

use super::desk::Desk;
use super::signing::{self, Saying, Signer};
use super::trees::entry_at;
use super::{broken, commit_id_of, find_commit, oid_of};
use crate::app::ports::{FileChange, GitError, LogEntry, Merged, ModeChange, Seal, Signature};
use crate::domain::id::CommitId;

/// Tells what differs between two commits' trees, path by path.
pub(super) fn diff(
    mirror: &Repository,
    base: &CommitId,
    head: &CommitId,
) -> Result<Vec<FileChange>, GitError> {
    let diff = diff_of(mirror, base, head)?;
    let mut sides: BTreeMap<Vec<u8>, Sides> = BTreeMap::new();
    for delta in diff.deltas() {
        // A change of type (file to link) comes as a deletion and an addition of one path.
        for (file, side) in [(delta.old_file(), Side::Before), (delta.new_file(), Side::After)] {
            let absent = match side {
                Side::Before => delta.status() == Delta::Added,
                Side::After => delta.status() == Delta::Deleted,
            };
            if let (Some(path), false) = (file.path_bytes(), absent) {
                let entry = sides.entry(path.to_vec()).or_default();
                let seen = Some((file.id(), u32::from(file.mode())));
                match side {
                    Side::Before => entry.before = seen,
                    Side::After => entry.after = seen,
                }
            }
        }
    }
    sides.into_iter().map(|(path, sides)| sides.change(mirror, &path)).collect()
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

#[derive(Default)]
struct Sides {
    before: Option<(Oid, u32)>,
    after: Option<(Oid, u32)>,
}

impl Sides {
    fn change(self, mirror: &Repository, path: &[u8]) -> Result<FileChange, GitError> {
        let mode = match (self.before, self.after) {
            (Some((_, before)), Some((_, after))) if before != after => ModeChange::Differs,
            (Some(_) | None, Some(_) | None) => ModeChange::Same,
        };
        Ok(FileChange {
            path: String::from_utf8_lossy(path).into_owned(),
            before: self.before.map(|(id, _)| content(mirror, id)).transpose()?,
            after: self.after.map(|(id, _)| content(mirror, id)).transpose()?,
            mode,
        })
    }
}

/// A file's bytes; of a submodule, whose commit is in another repository, the commit's id.
fn content(mirror: &Repository, id: Oid) -> Result<Vec<u8>, GitError> {
    match mirror.find_blob(id) {
        Ok(blob) => Ok(blob.content().to_vec()),
        Err(cause) if cause.code() == ErrorCode::NotFound => Ok(id.to_string().into_bytes()),
        Err(cause) => Err(broken("reading a changed file")(cause)),
    }
}

/// The difference as a unified diff, whole lines, at most `limit` bytes.
pub(super) fn patch(
    mirror: &Repository,
    base: &CommitId,
    head: &CommitId,
    limit: usize,
) -> Result<String, GitError> {
    let diff = diff_of(mirror, base, head)?;
    let mut text = String::new();
    let mut full = false;
    let printed = diff.print(DiffFormat::Patch, |_, _, line| {
        let body = String::from_utf8_lossy(line.content());
        let origin = Some(line.origin()).filter(|origin| matches!(origin, '+' | '-' | ' '));
        full = text.len() + body.len() + usize::from(origin.is_some()) > limit;
        if !full {
            text.extend(origin);
            text.push_str(&body);
        }
        !full
    });
    match printed {
        Ok(()) => Ok(text),
        Err(_) if full => Ok(text),
        Err(cause) => Err(broken("writing a diff")(cause)),
    }
}

fn diff_of<'r>(
    mirror: &'r Repository,
    base: &CommitId,
    head: &CommitId,
) -> Result<git2::Diff<'r>, GitError> {
    let base = find_commit(mirror, base)?.tree().map_err(broken("reading a commit's tree"))?;
    let head = find_commit(mirror, head)?.tree().map_err(broken("reading a commit's tree"))?;
    // Settings of the machine's user must not colour what hoist decides on.
    let mut options = DiffOptions::new();
    options.context_lines(3).interhunk_lines(0).old_prefix("a").new_prefix("b");
    mirror
        .diff_tree_to_tree(Some(&base), Some(&head), Some(&mut options))
        .map_err(broken("comparing two trees"))
}

/// The best common ancestor.
pub(super) fn merge_base(
    mirror: &Repository,
    a: &CommitId,
    b: &CommitId,
) -> Result<Option<CommitId>, GitError> {
    let (a, b) = (find_commit(mirror, a)?.id(), find_commit(mirror, b)?.id());
    match mirror.merge_base(a, b) {
        Ok(id) => commit_id_of(id).map(Some),
        Err(cause) if cause.code() == ErrorCode::NotFound => Ok(None),
        Err(cause) => Err(broken("looking for a common ancestor")(cause)),
    }
}

/// Tells whether `ancestor` is `commit` or came before it.
pub(super) fn contains(
    mirror: &Repository,
    commit: &CommitId,
    ancestor: &CommitId,
) -> Result<bool, GitError> {
    let (commit, ancestor) =
        (find_commit(mirror, commit)?.id(), find_commit(mirror, ancestor)?.id());
    if commit == ancestor {
        return Ok(true);
    }
    mirror.graph_descendant_of(commit, ancestor).map_err(broken("walking the history"))
}

/// What a merge commit says.
pub(super) struct MergeWords {
    /// Its message.
    pub(super) message: String,
    /// Its author and committer.
    pub(super) author: Signature,
    /// Who signs it, if anybody does.
    pub(super) signer: Option<Signer>,
}

/// Merges `head` onto `onto`, three-way, without a working tree.
pub(super) fn merge(
    mirror: &Repository,
    onto: &CommitId,
    head: &CommitId,
    words: &MergeWords,
) -> Result<Merged, GitError> {
    if contains(mirror, onto, head)? {
        return Ok(Merged::AlreadyIn);
    }
    let ours = find_commit(mirror, onto)?;
    let theirs = find_commit(mirror, head)?;
    let mut index =
        mirror.merge_commits(&ours, &theirs, None).map_err(broken("merging two commits"))?;
    if index.has_conflicts() {
        let conflicts = index.conflicts().map_err(broken("listing a merge's conflicts"))?;
        let mut paths = BTreeSet::new();
        for conflict in conflicts {
            paths
                .extend(conflicting_path(&conflict.map_err(broken("reading a merge's conflict"))?));
        }
        return Ok(Merged::Conflict(paths.into_iter().collect()));
    }
    let tree = index.write_tree_to(mirror).map_err(broken("writing a merge's tree"))?;
    let tree = mirror.find_tree(tree).map_err(broken("reading a merge's tree"))?;
    let saying = Saying { message: &words.message, author: &words.author };
    let parents = [&ours, &theirs];
    signing::write(mirror, &saying, (&tree, &parents), words.signer.as_ref()).map(Merged::Clean)
}

fn conflicting_path(conflict: &IndexConflict) -> Option<String> {
    let entry = conflict.our.as_ref().or(conflict.their.as_ref()).or(conflict.ancestor.as_ref())?;
    Some(String::from_utf8_lossy(&entry.path).into_owned())
}

/// The newest `limit` commits along first parents; with a path, those that changed what is there.
pub(super) fn log(
    desk: &Desk,
    from: &CommitId,
    path: Option<&str>,
    limit: usize,
) -> Result<Vec<LogEntry>, GitError> {
    let mut entries = Vec::new();
    let mut next = Some(find_commit(desk, from)?);
    while let Some(commit) = next {
        if entries.len() >= limit {
            break;
        }
        next = match commit.parent(0) {
            Ok(parent) => Some(parent),
            Err(cause) if cause.code() == ErrorCode::NotFound => None,
            Err(cause) => return Err(broken("walking the history")(cause)),
        };
        if touches(desk, &commit, next.as_ref(), path)? {
            entries.push(log_entry(&commit)?);
        }
    }
    Ok(entries)
}

fn touches(
    desk: &Desk,
    commit: &git2::Commit<'_>,
    parent: Option<&git2::Commit<'_>>,
    path: Option<&str>,
) -> Result<bool, GitError> {
    let Some(path) = path else { return Ok(true) };
    let at = |commit: &git2::Commit<'_>| entry_at(desk, commit.tree_id(), path);
    let before = parent.map(at).transpose()?.flatten();
    Ok(at(commit)? != before)
}

fn log_entry(commit: &git2::Commit<'_>) -> Result<LogEntry, GitError> {
    let author = commit.author();
    Ok(LogEntry {
        id: commit_id_of(commit.id())?,
        parents: commit.parent_ids().map(commit_id_of).collect::<Result<_, _>>()?,
        author: Signature {
            name: String::from_utf8_lossy(author.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
            // A time that no calendar holds is not worth failing a history for.
            at: Timestamp::from_second(author.when().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
        },
        message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
        seal: match commit.header_field_bytes("gpgsig") {
            Ok(_) => Seal::Signed,
            Err(_) => Seal::Unsigned,
        },
    })
}

/// What one of the mirror's refs points at: of many refs only this one is read.
pub(super) fn tip(mirror: &Repository, name: &str) -> Result<Option<CommitId>, GitError> {
    match mirror.find_reference(name) {
        Ok(reference) => reference.target().map(commit_id_of).transpose(),
        Err(cause) if matches!(cause.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
            Ok(None)
        }
        Err(cause) => Err(broken("reading a ref of the mirror")(cause)),
    }
}

/// The mirror's refs whose names start with `prefix`.
pub(super) fn refs(
    mirror: &Repository,
    prefix: &str,
) -> Result<BTreeMap<String, CommitId>, GitError> {
    let mut found = BTreeMap::new();
    for reference in mirror.references().map_err(broken("listing the mirror's refs"))? {
        let reference = reference.map_err(broken("reading a ref of the mirror"))?;
        if let (Ok(name), Some(target)) = (reference.name(), reference.target())
            && name.starts_with(prefix)
        {
            found.insert(name.to_owned(), commit_id_of(target)?);
        }
    }
    Ok(found)
}

/// Fails unless `id` is a commit in the mirror.
pub(super) fn check_commit(mirror: &Repository, id: &CommitId) -> Result<(), GitError> {
    let missing = || GitError::Missing(format!("commit {id}"));
    let odb = mirror.odb().map_err(broken("opening the mirror's objects"))?;
    match odb.read_header(oid_of(id)?) {
        Ok((_, ObjectType::Commit)) => Ok(()),
        Ok(_) => Err(missing()),
        Err(cause) if cause.code() == ErrorCode::NotFound => Err(missing()),
        Err(cause) => Err(broken("looking for a commit")(cause)),
    }
}
