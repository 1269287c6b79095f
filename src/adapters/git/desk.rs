//! A repository with what was lately read in it: what is read again and again is kept as it came.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::Write as _;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository};
use sha1::{Digest, Sha1};

use super::copy::{CopyError, Copying};
use super::folder::Folder;
use super::oid_of;
use super::pace::now;
use super::trees::Listing;
use crate::app::ports::{RefOutcome, RefUpdate};
use crate::domain::id::CommitId;

/// How many bytes of folders are kept at most: a few of the biggest that people have.
const ROOM: usize = 8 * 1024 * 1024;

/// From how many bytes on an object is written as it is: compressing a big folder, which is nearly
/// all ids, costs five times as much as all the rest, and saves a third of its room.
const BIG: usize = 64 * 1024;

/// How long a commit that was made waits for its push at most: as long as a server is left alone that
/// asks for it. What is not pushed by then was given up.
const WAITS: Duration = Duration::from_secs(3600);

/// A repository, and what its owner remembers of it. What is named by its own hash is never stale.
pub(super) struct Desk {
    repository: Repository,
    folders: RefCell<VecDeque<(Oid, Arc<Folder>)>>,
    /// What each pattern was last found to fit.
    pub(super) listings: RefCell<HashMap<String, Listing>>,
    made: RefCell<Made>,
}

/// The commits that were made here and that the remote does not have yet, and when.
pub(super) type Made = VecDeque<(Oid, Instant)>;

impl Desk {
    pub(super) fn of(repository: Repository) -> Self {
        Self {
            repository,
            folders: RefCell::default(),
            listings: RefCell::default(),
            made: RefCell::default(),
        }
    }

    /// A commit was made, and no ref of anybody's names it.
    pub(super) fn note_made(&self, commit: &CommitId) {
        let Ok(id) = oid_of(commit) else { return };
        let (now, mut made) = (now(), self.made.borrow_mut());
        made.retain(|(other, at)| *other != id && now - *at < WAITS);
        made.push_back((id, now));
    }

    /// What came of a push: what the remote has can be fetched.
    pub(super) fn note_pushed(&self, update: &RefUpdate, outcome: &RefOutcome) {
        match outcome {
            RefOutcome::Moved | RefOutcome::AlreadyThere => {
                let pushed = update.new.as_ref().and_then(|id| oid_of(id).ok());
                self.made.borrow_mut().retain(|(id, _)| Some(*id) != pushed);
            }
            RefOutcome::Stale { .. } | RefOutcome::Refused { .. } => (),
        }
    }

    /// Gives to another mirror of the same remote what was made here and not pushed: whoever made
    /// it is about to push it, by its id.
    pub(super) fn hand_over(&self, other: &Repository) -> Made {
        let now = now();
        let mut made = self.made.take();
        made.retain(|(_, at)| now - *at < WAITS);
        let done = Copying::between(&self.repository, other).and_then(|mut way| {
            // One that cannot be read keeps no other behind.
            let copied: Vec<_> = made.iter().map(|(id, _)| way.copy(*id)).collect();
            copied.into_iter().collect::<Result<(), _>>()
        });
        if let Err(CopyError::Reading(cause) | CopyError::Writing(cause)) = done {
            // It is made again by those who miss it.
            tracing::warn!(
                "some of what was not pushed yet stays behind in the old mirror: {cause}"
            );
        }
        made
    }

    /// Keeps what was handed over.
    pub(super) fn remember(&self, made: Made) {
        self.made.replace(made);
    }

    /// A folder.
    pub(super) fn folder(&self, id: Oid) -> Result<Arc<Folder>, git2::Error> {
        let mut folders = self.folders.borrow_mut();
        if let Some(place) = folders.iter().position(|(known, _)| *known == id)
            && let Some(found) = folders.remove(place)
        {
            folders.push_front(found.clone());
            return Ok(found.1);
        }
        let odb = self.repository.odb()?;
        let object = odb.read(id)?;
        if object.kind() != ObjectType::Tree {
            let told = format!("{id} is a {}, not a folder", object.kind());
            return Err(git2::Error::new(ErrorCode::GenericError, ErrorClass::Object, told));
        }
        let folder = Arc::new(Folder::of(object.data().to_vec())?);
        folders.push_front((id, Arc::clone(&folder)));
        let mut room = ROOM;
        folders.retain(|(_, folder)| {
            let fits = folder.bytes().len() <= room;
            room = room.saturating_sub(folder.bytes().len());
            fits
        });
        Ok(folder)
    }

    /// Writes a folder, if it is not there.
    pub(super) fn keep_folder(&self, bytes: &[u8]) -> Result<Oid> {
        let odb = self.repository.odb()?;
        if bytes.len() < BIG {
            return Ok(odb.write(ObjectType::Tree, bytes)?);
        }
        // libgit2's sum looks for forgeries as well, which takes five times as long; this folder is
        // of our own making.
        let mut sum = Sha1::new();
        sum.update(head(bytes));
        sum.update(bytes);
        let id = Oid::from_bytes(&sum.finalize())?;
        if !odb.exists(id) {
            let objects = self.repository.path().join("objects");
            store(&objects, id, bytes).with_context(|| format!("writing the object {id}"))?;
        }
        Ok(id)
    }
}

impl Deref for Desk {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        &self.repository
    }
}

/// Writes a folder beside its place, and then there: whole or not at all.
fn store(objects: &Path, id: Oid, bytes: &[u8]) -> Result<()> {
    let name = id.to_string();
    let (fan, rest) = name.split_at(2);
    fs::create_dir_all(objects.join(fan))?;
    // What a killed process leaves of it goes at the next start.
    let beside = objects.join(format!("tmp_obj_{name}"));
    let mut encoder = ZlibEncoder::new(File::create(&beside)?, Compression::none());
    encoder.write_all(&head(bytes))?;
    encoder.write_all(bytes)?;
    encoder.finish()?;
    fs::rename(&beside, objects.join(fan).join(rest))?;
    Ok(())
}

/// What stands before a folder's bytes where they are summed up or written.
fn head(bytes: &[u8]) -> Vec<u8> {
    format!("tree {}\0", bytes.len()).into_bytes()
}
