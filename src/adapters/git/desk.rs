//! A repository with what was lately read in it: what is read again and again is kept as it came.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::Write as _;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository};
use sha1::{Digest, Sha1};

use super::folder::Folder;
use super::trees::Listing;

/// How many bytes of folders are kept at most: a few of the biggest that people have.
const ROOM: usize = 8 * 1024 * 1024;

/// From how many bytes on an object is written as it is: compressing a big folder, which is nearly
/// all ids, costs five times as much as all the rest, and saves a third of its room.
const BIG: usize = 64 * 1024;

/// A repository, and what its owner remembers of it. What is named by its own hash is never stale.
pub(super) struct Desk {
    repository: Repository,
    folders: RefCell<VecDeque<(Oid, Arc<Folder>)>>,
    /// What each pattern was last found to fit.
    pub(super) listings: RefCell<HashMap<String, Listing>>,
}

impl Desk {
    pub(super) fn of(repository: Repository) -> Self {
        Self { repository, folders: RefCell::default(), listings: RefCell::default() }
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
