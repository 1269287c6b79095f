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

use super::trees::Listing;

/// How many bytes of folders are kept at most: a few of the biggest that people have.
const ROOM: usize = 8 * 1024 * 1024;

/// From how many bytes on an object is written as it is: compressing a big folder, which is nearly
/// all ids, costs five times as much as all the rest, and saves a third of its room.
const BIG: usize = 64 * 1024;

/// A repository, and what its owner remembers of it. What is named by its own hash is never stale.
pub(super) struct Desk {
    repository: Repository,
    folders: RefCell<VecDeque<(Oid, Arc<[u8]>)>>,
    /// What each pattern was last found to fit.
    pub(super) listings: RefCell<HashMap<String, Listing>>,
}

impl Desk {
    pub(super) fn of(repository: Repository) -> Self {
        Self { repository, folders: RefCell::default(), listings: RefCell::default() }
    }

    /// A folder's bytes.
    pub(super) fn folder(&self, id: Oid) -> Result<Arc<[u8]>, git2::Error> {
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
        let bytes: Arc<[u8]> = object.data().into();
        folders.push_front((id, Arc::clone(&bytes)));
        let mut room = ROOM;
        folders.retain(|(_, bytes)| {
            let fits = bytes.len() <= room;
            room = room.saturating_sub(bytes.len());
            fits
        });
        Ok(bytes)
    }

    /// Writes a folder, if it is not there.
    pub(super) fn keep_folder(&self, bytes: &[u8]) -> Result<Oid> {
        let odb = self.repository.odb()?;
        if bytes.len() < BIG {
            return Ok(odb.write(ObjectType::Tree, bytes)?);
        }
        let id = Oid::hash_object(ObjectType::Tree, bytes)?;
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
    encoder.write_all(format!("tree {}\0", bytes.len()).as_bytes())?;
    encoder.write_all(bytes)?;
    encoder.finish()?;
    fs::rename(&beside, objects.join(fan).join(rest))?;
    Ok(())
}
