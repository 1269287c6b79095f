//! Reading and editing trees in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::anyhow;
use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, ObjectType, Oid, Repository, Time, Tree};

use super::signing::{self, Saying, Signer};
use super::{broken, find_commit};
use crate::app::ports::{CommitSpec, GitError, Signature};
use crate::domain::id::CommitId;

/// Mode bits of a symbolic link.
const LINK: i32 = 0o120_000;

/// Reads files; what is not there, or is no regular file, is left out.
pub(super) fn read(
    mirror: &Repository,
    commit: &CommitId,
    paths: BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
    let tree = tree_of(mirror, commit)?;
    let mut files = BTreeMap::new();
    for path in paths {
        check_path(&path)?;
        if let Some((id, mode)) = entry_at(&tree, &path)?
            && is_regular(mode)
        {
            let blob = mirror.find_blob(id).map_err(broken("reading a file"))?;
            files.insert(path, blob.content().to_vec());
        }
    }
    Ok(files)
}

/// Lists the regular files that `pattern` fits, walking only the trees it leads through.
pub(super) fn list(
    mirror: &Repository,
    commit: &CommitId,
    pattern: &str,
) -> Result<Vec<String>, GitError> {
    check_path(pattern)?;
    let segments: Vec<&str> = pattern.split('/').collect();
    let mut found = Vec::new();
    descend(mirror, &tree_of(mirror, commit)?, ("", &segments), &mut found)?;
    found.sort();
    Ok(found)
}

fn descend(
    mirror: &Repository,
    tree: &Tree<'_>,
    (prefix, segments): (&str, &[&str]),
    found: &mut Vec<String>,
) -> Result<(), GitError> {
    let Some((segment, rest)) = segments.split_first() else { return Ok(()) };
    let candidates: Vec<_> = if segment.contains('*') {
        tree.iter().map(|entry| entry.to_owned()).collect()
    } else {
        tree.get_name(segment).map(|entry| entry.to_owned()).into_iter().collect()
    };
    for entry in candidates {
        // A name that is not UTF-8 fits no pattern that anybody can write.
        let Ok(name) = entry.name() else { continue };
        if !fits(segment, name) {
            continue;
        }
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        if rest.is_empty() {
            if is_regular(entry.filemode()) {
                found.push(path);
            }
        } else if entry.kind() == Some(ObjectType::Tree) {
            let subtree = mirror.find_tree(entry.id()).map_err(broken("reading a directory"))?;
            descend(mirror, &subtree, (&path, rest), found)?;
        }
    }
    Ok(())
}

/// Tells whether `name` fits `pattern`, in which each `*` stands for any run of characters.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        // The leftmost fit leaves the most for what follows.
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Writes a commit. Its bytes follow from the spec alone, so writing it twice gives one commit.
pub(super) fn commit(
    mirror: &Repository,
    spec: &CommitSpec,
    signer: Option<&Signer>,
) -> Result<CommitId, GitError> {
    let parents = spec
        .parents
        .iter()
        .map(|id| find_commit(mirror, id))
        .collect::<Result<Vec<_>, GitError>>()?;
    let base = match parents.first() {
        Some(parent) => parent.tree().map_err(broken("reading the parent's tree"))?,
        None => empty_tree(mirror)?,
    };
    let tree = edit(mirror, &base, &spec.files)?;
    let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
    let saying = Saying { message: &spec.message, author: &spec.author };
    signing::write(mirror, &saying, (&tree, &parents), signer)
}

fn edit<'r>(
    mirror: &'r Repository,
    base: &Tree<'r>,
    files: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<Tree<'r>, GitError> {
    let mut update = TreeUpdateBuilder::new();
    for (path, bytes) in files {
        check_path(path)?;
        let there = entry_at(base, path)?;
        match (bytes, there) {
            (Some(bytes), there) => {
                let blob = mirror.blob(bytes).map_err(broken("writing a file"))?;
                update.upsert(path.as_str(), blob, kept_mode(path, there)?);
            }
            (None, Some(_)) => {
                update.remove(path.as_str());
            }
            (None, None) => (),
        }
    }
    let tree = update.create_updated(mirror, base).map_err(broken("writing the changed tree"))?;
    mirror.find_tree(tree).map_err(broken("reading the changed tree"))
}

/// The mode that a file gets: its own if it has one.
fn kept_mode(path: &str, there: Option<(Oid, i32)>) -> Result<FileMode, GitError> {
    match there.map(|(_, mode)| mode) {
        None => Ok(FileMode::Blob),
        Some(mode) if mode == i32::from(FileMode::BlobExecutable) => Ok(FileMode::BlobExecutable),
        Some(LINK) => Ok(FileMode::Link),
        Some(mode) if is_regular(mode) => Ok(FileMode::Blob),
        Some(_) => Err(GitError::Mirror(anyhow!("{path} is a directory or submodule, not a file"))),
    }
}

/// Makes libgit2's signature; characters that Git's commit format cannot hold become blanks.
pub(super) fn signature(of: &Signature) -> Result<git2::Signature<'static>, GitError> {
    let clean = |text: &str| {
        let text = text.replace(|c: char| c.is_control() || matches!(c, '<' | '>'), " ");
        let text = text.trim().to_owned();
        if text.is_empty() { "unknown".to_owned() } else { text }
    };
    let at = Time::new(of.at.as_second(), 0);
    git2::Signature::new(&clean(&of.name), &clean(&of.email), &at)
        .map_err(broken("writing the author's name"))
}

/// What stands at `path`: its object and mode.
pub(super) fn entry_at(tree: &Tree<'_>, path: &str) -> Result<Option<(Oid, i32)>, GitError> {
    match tree.get_path(Path::new(path)) {
        Ok(entry) => Ok(Some((entry.id(), entry.filemode()))),
        Err(cause) if cause.code() == ErrorCode::NotFound => Ok(None),
        Err(cause) => Err(broken("looking for a path in a tree")(cause)),
    }
}

/// Refuses what is no path inside a repository, whatever file system it may land on one day.
fn check_path(path: &str) -> Result<(), GitError> {
    let forbidden = |segment: &str| {
        segment.is_empty()
            || matches!(segment, "." | "..")
            || segment.trim_end_matches(['.', ' ']).eq_ignore_ascii_case(".git")
            || segment.eq_ignore_ascii_case("git~1")
    };
    if path.contains(['\0', '\\']) || path.split('/').any(forbidden) {
        return Err(GitError::Missing(format!("{path:?}")));
    }
    Ok(())
}

fn is_regular(mode: i32) -> bool {
    mode & 0o170_000 == 0o100_000
}

fn tree_of<'r>(mirror: &'r Repository, commit: &CommitId) -> Result<Tree<'r>, GitError> {
    find_commit(mirror, commit)?.tree().map_err(broken("reading a commit's tree"))
}

fn empty_tree(mirror: &Repository) -> Result<Tree<'_>, GitError> {
    let id = mirror
        .treebuilder(None)
        .and_then(|builder| builder.write())
        .map_err(broken("writing an empty tree"))?;
    mirror.find_tree(id).map_err(broken("reading an empty tree"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_a_segment_or_a_part_of_one() {
        for (pattern, name) in
            [("*", "shop"), ("a*", "a"), ("*.yaml", "a.yaml"), ("a*b*c", "a-bb-c")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a*a", "a"), ("*.yaml", "a.yml"), ("a*b*c", "a-c-b"), ("a", "ab")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_repository_or_into_its_insides() {
        for bad in [
            "",
            "/etc/passwd",
            "a//b",
            "../a",
            "a/..",
            "./a",
            ".git/config",
            "a/.GIT",
            ".git./x",
            "a/",
        ] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        assert!(check_path("a/.gitignore").is_ok());
    }
}
