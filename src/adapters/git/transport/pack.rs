//! The pack of a push: what is new, written as differences from what the server has.
//!
//! libgit2 writes every changed tree in full, and a folder of twenty thousand applications is half
//! a megabyte. As a difference from the tree before it, it is a few dozen bytes (a "thin" pack:
//! `gitformat-pack`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Write;
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{Commit, ObjectType, Odb, Oid, Repository};
use sha1::{Digest, Sha1};

use crate::adapters::git::folder::{Folder, same_begin, same_end};

/// How many commits are looked at, one by one, before all that the server has is asked of the
/// history at once: what hoist pushes is one or two commits old.
const NEAR: usize = 64;

/// Longest run that one instruction of a difference inserts.
const INSERT: usize = 0x7f;

/// Longest run that one instruction of a difference copies.
const COPY: usize = 0xffff;

/// Writes the pack that brings `tips` to a server which has `there` and all that leads to them.
pub(super) fn thin(mirror: &Repository, tips: &[Oid], there: &HashSet<Oid>) -> Result<Vec<u8>> {
    let mut pack = Pack {
        odb: mirror.odb()?,
        seen: HashSet::new(),
        bases: HashMap::new(),
        entries: Vec::new(),
        count: 0,
    };
    for commit in fresh(mirror, tips, there)? {
        pack.add_commit(&commit)?;
    }
    Ok(pack.finish())
}

/// The commits that the server lacks.
fn fresh<'r>(
    mirror: &'r Repository,
    tips: &[Oid],
    there: &HashSet<Oid>,
) -> Result<Vec<Commit<'r>>> {
    let mut found = Vec::new();
    let mut seen: HashSet<Oid> = HashSet::new();
    let mut next: VecDeque<Oid> = tips.iter().copied().collect();
    while let Some(id) = next.pop_front() {
        if there.contains(&id) || !seen.insert(id) {
            continue;
        }
        if found.len() == NEAR {
            return beyond(mirror, tips, there);
        }
        let commit = mirror.find_commit(id)?;
        next.extend(commit.parent_ids());
        found.push(commit);
    }
    Ok(found)
}

/// The same by the whole history: what the server has is not right behind what it lacks.
fn beyond<'r>(
    mirror: &'r Repository,
    tips: &[Oid],
    there: &HashSet<Oid>,
) -> Result<Vec<Commit<'r>>> {
    let mut walk = mirror.revwalk()?;
    tips.iter().try_for_each(|tip| walk.push(*tip))?;
    there.iter().try_for_each(|id| walk.hide(*id))?;
    walk.map(|id| Ok(mirror.find_commit(id?)?)).collect()
}

struct Pack<'r> {
    odb: Odb<'r>,
    /// What is in it, or known to be on the server.
    seen: HashSet<Oid>,
    /// The folders that others differ from: a hundred commits on one tip differ from the same.
    bases: HashMap<Oid, Rc<Folder>>,
    entries: Vec<u8>,
    count: u32,
}

impl Pack<'_> {
    fn add_commit(&mut self, commit: &Commit<'_>) -> Result<()> {
        if !self.seen.insert(commit.id()) {
            return Ok(());
        }
        let bases: Vec<Oid> = commit.parents().map(|parent| parent.tree_id()).collect();
        self.add_tree(commit.tree_id(), &bases)?;
        let bytes = self.read(commit.id(), ObjectType::Commit)?;
        self.write(ObjectType::Commit, &bytes, None)
    }

    /// Adds a tree with all in it that none of `bases` has in the same place.
    fn add_tree(&mut self, tree: Oid, bases: &[Oid]) -> Result<()> {
        if bases.contains(&tree) || !self.seen.insert(tree) {
            return Ok(());
        }
        let bytes = self.read(tree, ObjectType::Tree)?;
        let before: Vec<Rc<Folder>> =
            bases.iter().map(|base| self.base(*base)).collect::<Result<_>>()?;
        let (first, others) = match before.split_first() {
            Some((first, others)) => (first.as_ref(), others),
            None => (&Folder::default(), &[][..]),
        };
        for (entry, there) in first.differing(&bytes)? {
            let name = std::str::from_utf8(entry.name).ok();
            let mut places: Vec<Oid> = there.into_iter().collect();
            for other in others {
                let there = name.map(|name| other.find(name)).transpose()?.flatten();
                let there = there.filter(|there| there.is_folder() == entry.is_folder());
                places.extend(there.map(|there| there.id));
            }
            if places.contains(&entry.id) || entry.is_submodule() {
                continue;
            }
            if entry.is_folder() {
                self.add_tree(entry.id, &places)?;
            } else {
                self.add_blob(entry.id, places.first().copied())?;
            }
        }
        let base = bases.first().copied().zip(before.first());
        self.write(ObjectType::Tree, &bytes, base.map(|(id, folder)| (id, folder.bytes())))
    }

    fn base(&mut self, tree: Oid) -> Result<Rc<Folder>> {
        if let Some(known) = self.bases.get(&tree) {
            return Ok(Rc::clone(known));
        }
        let folder = Rc::new(Folder::of(self.read(tree, ObjectType::Tree)?)?);
        self.bases.insert(tree, Rc::clone(&folder));
        Ok(folder)
    }

    fn add_blob(&mut self, blob: Oid, base: Option<Oid>) -> Result<()> {
        if !self.seen.insert(blob) {
            return Ok(());
        }
        let bytes = self.read(blob, ObjectType::Blob)?;
        let before = base.map(|base| self.read(base, ObjectType::Blob)).transpose()?;
        let base = base.zip(before.as_deref());
        self.write(ObjectType::Blob, &bytes, base)
    }

    fn read(&self, id: Oid, kind: ObjectType) -> Result<Vec<u8>> {
        let object = self.odb.read(id)?;
        ensure!(object.kind() == kind, "{id} is a {}, not a {kind}", object.kind());
        Ok(object.data().to_vec())
    }

    /// Writes an object in full, or as a difference where that is shorter.
    fn write(&mut self, kind: ObjectType, bytes: &[u8], base: Option<(Oid, &[u8])>) -> Result<()> {
        let difference = base.map(|(id, before)| (id, difference(before, bytes)));
        match difference.filter(|(_, difference)| difference.len() < bytes.len()) {
            Some((id, difference)) => {
                head(&mut self.entries, REF_DELTA, difference.len());
                self.entries.extend_from_slice(id.as_bytes());
                self.deflate(&difference)?;
            }
            None => {
                let number = match kind {
                    ObjectType::Commit => 1,
                    ObjectType::Tree => 2,
                    ObjectType::Blob => 3,
                    ObjectType::Tag | ObjectType::Any => anyhow::bail!("a {kind} is not pushed"),
                };
                head(&mut self.entries, number, bytes.len());
                self.deflate(bytes)?;
            }
        }
        self.count += 1;
        Ok(())
    }

    fn deflate(&mut self, bytes: &[u8]) -> Result<()> {
        let mut encoder = ZlibEncoder::new(&mut self.entries, Compression::fast());
        encoder
            .write_all(bytes)
            .and_then(|()| encoder.finish())
            .context("compressing an object")?;
        Ok(())
    }

    fn finish(self) -> Vec<u8> {
        let mut pack = Vec::with_capacity(self.entries.len() + 32);
        pack.extend_from_slice(b"PACK");
        pack.extend_from_slice(&2_u32.to_be_bytes());
        pack.extend_from_slice(&self.count.to_be_bytes());
        pack.extend_from_slice(&self.entries);
        let sum = Sha1::digest(&pack);
        pack.extend_from_slice(&sum);
        pack
    }
}

/// The kind of an entry that is a difference from an object named by its id.
const REF_DELTA: u8 = 7;

/// Writes what an entry begins with: its kind and its length once it is inflated.
fn head(into: &mut Vec<u8>, kind: u8, length: usize) {
    let mut byte = (kind << 4) | low(length, 0x0f);
    let mut rest = length >> 4;
    while rest > 0 {
        into.push(byte | 0x80);
        byte = low(rest, 0x7f);
        rest >>= 7;
    }
    into.push(byte);
}

/// The lowest bits of a number.
fn low(number: usize, mask: u8) -> u8 {
    u8::try_from(number & usize::from(mask)).unwrap_or(mask)
}

/// How to make `after` of `before`: what they begin and end with is copied, the middle inserted.
///
/// hoist changes a line of a file and an entry of each folder above it, and for one change in one
/// place nothing is shorter.
fn difference(before: &[u8], after: &[u8]) -> Vec<u8> {
    let begin = same_begin(before, after);
    let (left, right) = (&before[begin..], &after[begin..]);
    let end = same_end(left, right);
    let mut told = Vec::new();
    length(&mut told, before.len());
    length(&mut told, after.len());
    copy(&mut told, 0, begin);
    for run in right[..right.len() - end].chunks(INSERT) {
        told.push(low(run.len(), 0x7f));
        told.extend_from_slice(run);
    }
    copy(&mut told, before.len() - end, end);
    told
}

/// Writes a length, seven bits a byte, the lowest first.
fn length(into: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        into.push(low(number, 0x7f) | 0x80);
        number >>= 7;
    }
    into.push(low(number, 0x7f));
}

/// Writes instructions that copy `count` bytes from `from`: of either number, the bytes that are
/// not zero, and bits that say which.
fn copy(into: &mut Vec<u8>, mut from: usize, mut count: usize) {
    while count > 0 {
        let run = count.min(COPY);
        let place = into.len();
        into.push(0x80);
        for (bit, shift) in [(0x01, 0), (0x02, 8), (0x04, 16), (0x08, 24)] {
            copied_byte(into, place, (bit, from >> shift));
        }
        for (bit, shift) in [(0x10, 0), (0x20, 8)] {
            copied_byte(into, place, (bit, run >> shift));
        }
        from += run;
        count -= run;
    }
}

fn copied_byte(into: &mut Vec<u8>, place: usize, (bit, number): (u8, usize)) {
    let byte = low(number, 0xff);
    if byte != 0 {
        into[place] |= bit;
        into.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a server makes of a difference.
    fn apply(before: &[u8], told: &[u8]) -> Vec<u8> {
        let mut rest = told.iter().copied();
        let mut number = || {
            let (mut value, mut shift) = (0, 0);
            loop {
                let byte = usize::from(rest.next().unwrap());
                value |= (byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        };
        assert_eq!(number(), before.len());
        let expected = number();
        let mut after = Vec::new();
        while let Some(byte) = rest.next() {
            if byte & 0x80 == 0 {
                after.extend(rest.by_ref().take(usize::from(byte)));
                continue;
            }
            let mut part = |bits: std::ops::Range<u8>| {
                bits.enumerate().fold(0, |value, (place, bit)| match byte >> bit & 1 {
                    1 => value | usize::from(rest.next().unwrap()) << (8 * place),
                    _ => value,
                })
            };
            let (from, count) = (part(0..4), part(4..7));
            after.extend_from_slice(&before[from..from + count]);
        }
        assert_eq!(after.len(), expected);
        after
    }

    proptest! {
        #[test]
        fn a_difference_makes_the_one_of_the_other(
            begin in prop::collection::vec(any::<u8>(), 0..300),
            one in prop::collection::vec(any::<u8>(), 0..300),
            other in prop::collection::vec(any::<u8>(), 0..300),
            times in 1_usize..500,
        ) {
            let begin = begin.repeat(times);
            let before = [begin.as_slice(), &one, &begin].concat();
            let after = [begin.as_slice(), &other, &begin].concat();
            prop_assert_eq!(apply(&before, &difference(&before, &after)), after);
        }
    }

    #[test]
    fn one_entry_of_a_big_folder_is_told_in_a_few_bytes() {
        let before = vec![b'x'; 700_000];
        let mut after = before.clone();
        after[350_000..350_020].fill(b'y');
        assert!(difference(&before, &after).len() < 150);
    }
}
