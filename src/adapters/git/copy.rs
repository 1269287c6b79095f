//! Copying commits from one repository on this machine to another.

use std::collections::HashSet;

use git2::{ObjectType, Odb, Oid, Repository};

/// On which side copying failed.
pub(super) enum CopyError {
    /// What was to be copied cannot be read.
    Reading(git2::Error),
    /// It cannot be written where it was to go.
    Writing(git2::Error),
}

/// A way from one repository to another.
pub(super) struct Copying<'r> {
    from: &'r Repository,
    source: Odb<'r>,
    target: Odb<'r>,
    /// What was found at the other side: most of a big folder is the same in each commit.
    there: HashSet<Oid>,
}

#[derive(Clone, Copy)]
enum Visit {
    /// What it names goes first.
    First,
    /// What it names is there.
    Second,
}

impl<'r> Copying<'r> {
    pub(super) fn between(from: &'r Repository, to: &'r Repository) -> Result<Self, CopyError> {
        let source = from.odb().map_err(CopyError::Reading)?;
        let target = to.odb().map_err(CopyError::Writing)?;
        Ok(Self { from, source, target, there: HashSet::new() })
    }

    /// Copies a commit with everything under it that the other side lacks.
    ///
    /// What an object names is written before the object itself. So whatever is there is there
    /// whole, the walk stops at it, and an interruption leaves nothing that a ref could wrongly
    /// name.
    pub(super) fn copy(&mut self, commit: Oid) -> Result<(), CopyError> {
        let mut waiting = vec![(commit, Visit::First)];
        while let Some((id, visit)) = waiting.pop() {
            if self.is_there(id) {
                continue;
            }
            match visit {
                Visit::First => {
                    waiting.push((id, Visit::Second));
                    let named = self.named_by(id).map_err(CopyError::Reading)?;
                    waiting.extend(named.into_iter().map(|id| (id, Visit::First)));
                }
                Visit::Second => {
                    let object = self.source.read(id).map_err(CopyError::Reading)?;
                    let (kind, bytes) = (object.kind(), object.data());
                    self.target.write(kind, bytes).map_err(CopyError::Writing)?;
                    self.there.insert(id);
                }
            }
        }
        Ok(())
    }

    fn is_there(&mut self, id: Oid) -> bool {
        if self.there.contains(&id) {
            return true;
        }
        let found = self.target.exists(id);
        if found {
            self.there.insert(id);
        }
        found
    }

    fn named_by(&self, id: Oid) -> Result<Vec<Oid>, git2::Error> {
        match self.source.read_header(id)?.1 {
            ObjectType::Commit => {
                let commit = self.from.find_commit(id)?;
                Ok(commit.parent_ids().chain([commit.tree_id()]).collect())
            }
            ObjectType::Tree => {
                let tree = self.from.find_tree(id)?;
                // A submodule's commit lives in another repository.
                let inside = tree.iter().filter(|entry| entry.kind() != Some(ObjectType::Commit));
                Ok(inside.map(|entry| entry.id()).collect())
            }
            ObjectType::Any | ObjectType::Blob | ObjectType::Tag => Ok(Vec::new()),
        }
    }
}
