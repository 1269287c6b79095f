//! Reading and editing trees in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::anyhow;
use git2::{Oid, Time};

use super::desk::Desk;
use super::folder::{self, Entry, FOLDER, Folder};
use super::signing::{self, Saying, Signer};
use super::{broken, find_commit};
use crate::app::ports::{CommitSpec, GitError, Signature};
use crate::domain::id::CommitId;

/// Mode bits of a symbolic link.
const LINK: u32 = 0o120_000;

/// Reads files; what is not there, or is no regular file, is left out.
pub(super) fn read(
    desk: &Desk,
    commit: &CommitId,
    paths: BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
    let tree = tree_of(desk, commit)?;
    let mut files = BTreeMap::new();
    for path in paths {
        check_path(&path)?;
        if let Some((id, mode)) = entry_at(desk, tree, &path)?
            && is_regular(mode)
        {
            let blob = desk.find_blob(id).map_err(broken("reading a file"))?;
            files.insert(path, blob.content().to_vec());
        }
    }
    Ok(files)
}

/// What the rest of a pattern was found to fit in a folder, by that folder and how many segments of
/// the pattern lead to it.
pub(super) type Listing = HashMap<(Oid, usize), Arc<[String]>>;

/// How many folders are remembered that are nowhere any more, beside as many as there are.
const STALE: usize = 1_000;

/// Lists the regular files that `pattern` fits. Only the folders are read that it leads through, and
/// of those only the ones that changed since it was last asked for.
pub(super) fn list(desk: &Desk, commit: &CommitId, pattern: &str) -> Result<Vec<String>, GitError> {
    check_path(pattern)?;
    let segments: Vec<&str> = pattern.split('/').collect();
    let known = desk.listings.borrow_mut().remove(pattern).unwrap_or_default();
    let mut search = Search { desk, segments: &segments, known };
    let mut found = search.fitting(tree_of(desk, commit)?, 0)?.to_vec();
    if search.known.len() <= 2 * found.len() + STALE {
        desk.listings.borrow_mut().insert(pattern.to_owned(), search.known);
    }
    found.sort();
    Ok(found)
}

struct Search<'a> {
    desk: &'a Desk,
    segments: &'a [&'a str],
    known: Listing,
}

impl Search<'_> {
    /// The files in a folder that the segments from `depth` on fit, by their paths from there.
    fn fitting(&mut self, folder: Oid, depth: usize) -> Result<Arc<[String]>, GitError> {
        if let Some(known) = self.known.get(&(folder, depth)) {
            return Ok(Arc::clone(known));
        }
        let there = self.desk.folder(folder).map_err(broken("reading a folder"))?;
        let segment = self.segments[depth];
        let is_last = depth + 1 == self.segments.len();
        let mut found = Vec::new();
        for entry in folder::entries(there.bytes()) {
            let entry = entry.map_err(broken("reading a folder"))?;
            // A name that is not UTF-8 fits no pattern that anybody can write.
            let Ok(name) = std::str::from_utf8(entry.name) else { continue };
            if !fits(segment, name) {
                continue;
            }
            if is_last && is_regular(entry.mode_bits()) {
                found.push(name.to_owned());
            } else if !is_last && entry.is_folder() {
                let under = self.fitting(entry.id, depth + 1)?;
                found.extend(under.iter().map(|path| format!("{name}/{path}")));
            }
        }
        let found: Arc<[String]> = found.into();
        // What lies between the root and the first star is found again by itself.
        if depth == 0 || self.segments[..depth].iter().any(|segment| segment.contains('*')) {
            self.known.insert((folder, depth), Arc::clone(&found));
        }
        Ok(found)
    }
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
    desk: &Desk,
    spec: &CommitSpec,
    signer: Option<&Signer>,
) -> Result<CommitId, GitError> {
    let parents = spec
        .parents
        .iter()
        .map(|id| find_commit(desk, id))
        .collect::<Result<Vec<_>, GitError>>()?;
    let base = parents.first().map(|parent| parent.tree_id());
    let tree = edit(desk, base, &spec.files)?;
    let tree = desk.find_tree(tree).map_err(broken("reading the changed tree"))?;
    let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
    let saying = Saying { message: &spec.message, author: &spec.author };
    signing::write(desk, &saying, (&tree, &parents), signer)
}

/// What becomes of a file: its mode and object, or nothing.
type Change = Option<(&'static str, Oid)>;

fn edit(
    desk: &Desk,
    base: Option<Oid>,
    files: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<Oid, GitError> {
    let mut changes: Vec<(&str, Change)> = Vec::new();
    for (path, bytes) in files {
        check_path(path)?;
        let there = base.map(|base| entry_at(desk, base, path)).transpose()?.flatten();
        match (bytes, there) {
            (Some(bytes), there) => {
                let blob = desk.blob(bytes).map_err(broken("writing a file"))?;
                changes.push((path, Some((kept_mode(path, there)?, blob))));
            }
            (None, Some(_)) => changes.push((path, None)),
            (None, None) => (),
        }
    }
    match changed(desk, base, changes)? {
        Some(tree) => Ok(tree),
        None => desk.keep_folder(&[]).map_err(GitError::Mirror),
    }
}

/// A folder after changes below it; none where nothing is left.
fn changed(
    desk: &Desk,
    folder: Option<Oid>,
    changes: Vec<(&str, Change)>,
) -> Result<Option<Oid>, GitError> {
    let broken = || broken("reading a folder");
    let before = folder.map(|folder| desk.folder(folder)).transpose().map_err(broken())?;
    let mut draft = Draft { before: before.unwrap_or_default(), after: None };
    let mut below: BTreeMap<&str, Vec<(&str, Change)>> = BTreeMap::new();
    for (path, change) in changes {
        match path.split_once('/') {
            Some((name, rest)) => below.entry(name).or_default().push((rest, change)),
            None => draft.put(path, change).map_err(broken())?,
        }
    }
    for (name, changes) in below {
        let there = draft.find(name).map_err(broken())?;
        if there.is_some_and(|entry| !entry.is_folder()) {
            let told = anyhow!("{name} is a file or a submodule, and files shall be put under it");
            return Err(GitError::Mirror(told));
        }
        let after = changed(desk, there.map(|entry| entry.id), changes)?;
        draft.put(name, after.map(|folder| (FOLDER, folder))).map_err(broken())?;
    }
    match draft.bytes() {
        [] => Ok(None),
        bytes => desk.keep_folder(bytes).map(Some).map_err(GitError::Mirror),
    }
}

/// A folder that is being changed. What was found out of it when it was read holds until the first
/// change, and mostly there is one only.
struct Draft {
    before: Arc<Folder>,
    after: Option<Vec<u8>>,
}

impl Draft {
    fn bytes(&self) -> &[u8] {
        self.after.as_deref().unwrap_or(self.before.bytes())
    }

    fn find(&self, name: &str) -> Result<Option<Entry<'_>>, git2::Error> {
        match &self.after {
            None => self.before.find(name),
            Some(after) => folder::find(after, name),
        }
    }

    fn put(&mut self, name: &str, new: Change) -> Result<(), git2::Error> {
        self.after = Some(match &self.after {
            None => self.before.put(name, new)?,
            Some(after) => folder::put(after, name, new)?,
        });
        Ok(())
    }
}

/// The mode that a file gets: its own if it has one.
fn kept_mode(path: &str, there: Option<(Oid, u32)>) -> Result<&'static str, GitError> {
    match there.map(|(_, mode)| mode) {
        None => Ok("100644"),
        Some(LINK) => Ok("120000"),
        Some(mode) if is_regular(mode) && mode & 0o111 != 0 => Ok("100755"),
        Some(mode) if is_regular(mode) => Ok("100644"),
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
pub(super) fn entry_at(desk: &Desk, tree: Oid, path: &str) -> Result<Option<(Oid, u32)>, GitError> {
    let broken = || broken("looking for a path in a tree");
    let mut folder = tree;
    let mut segments = path.split('/').peekable();
    while let Some(name) = segments.next() {
        let there = desk.folder(folder).map_err(broken())?;
        let Some(entry) = there.find(name).map_err(broken())? else { return Ok(None) };
        match segments.peek() {
            None => return Ok(Some((entry.id, entry.mode_bits()))),
            Some(_) if entry.is_folder() => folder = entry.id,
            Some(_) => return Ok(None),
        }
    }
    Ok(None)
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

fn is_regular(mode: u32) -> bool {
    mode & 0o170_000 == 0o100_000
}

fn tree_of(desk: &Desk, commit: &CommitId) -> Result<Oid, GitError> {
    Ok(find_commit(desk, commit)?.tree_id())
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
