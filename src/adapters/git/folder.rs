//! Folders as Git writes them down: a mode, a name and an id, again and again, by name
//! (`git-mktree(1)`; the names of folders are sorted as if they ended with `/`).
//!
//! hoist changes one entry of a folder that may have twenty thousand. libgit2's builder takes it
//! apart, sorts it and writes it anew; here the entry's bytes are replaced where they stand.

use git2::{Error, ErrorClass, ErrorCode, Oid};

/// The mode of a folder.
pub(super) const FOLDER: &str = "40000";

/// The mode of another repository's commit: its objects are not here.
pub(super) const SUBMODULE: &str = "160000";

/// How many bytes an id takes.
const ID: usize = 20;

/// What stands in a folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// In octal digits.
    pub(super) mode: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) id: Oid,
    /// Where its bytes begin and end.
    begin: usize,
    end: usize,
}

impl Entry<'_> {
    pub(super) fn is_folder(&self) -> bool {
        self.mode == FOLDER.as_bytes()
    }

    pub(super) fn is_submodule(&self) -> bool {
        self.mode == SUBMODULE.as_bytes()
    }

    /// The mode as a number; one that is none is that of nothing.
    pub(super) fn mode_bits(&self) -> u32 {
        let digits = std::str::from_utf8(self.mode).ok();
        digits.and_then(|digits| u32::from_str_radix(digits, 8).ok()).unwrap_or(0)
    }
}

/// The entries of a folder, one after the other.
pub(super) fn entries(bytes: &[u8]) -> Entries<'_> {
    Entries { bytes, at: 0 }
}

/// See [`entries`].
pub(super) struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Entries<'a> {
    fn entry(&self) -> Option<Entry<'a>> {
        let rest = &self.bytes[self.at..];
        let zero = rest.iter().position(|byte| *byte == 0)?;
        let head = &rest[..zero];
        let blank = head.iter().position(|byte| *byte == b' ')?;
        let id = rest.get(zero + 1..zero + 1 + ID)?;
        Some(Entry {
            mode: &head[..blank],
            name: &head[blank + 1..],
            id: Oid::from_bytes(id).ok()?,
            begin: self.at,
            end: self.at + zero + 1 + ID,
        })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let entry = self.entry();
        // After what cannot be read nothing follows.
        self.at = entry.map_or(self.bytes.len(), |entry| entry.end);
        let broken =
            || Error::new(ErrorCode::GenericError, ErrorClass::Tree, "a folder is not whole");
        Some(entry.ok_or_else(broken))
    }
}

/// What stands under a name.
pub(super) fn find<'a>(bytes: &'a [u8], name: &str) -> Result<Option<Entry<'a>>, Error> {
    let is_it = |entry: &Result<Entry<'_>, Error>| match entry {
        Ok(entry) => entry.name == name.as_bytes(),
        Err(_) => true,
    };
    entries(bytes).find(is_it).transpose()
}

/// The folder with something else under a name, or with nothing.
pub(super) fn put(bytes: &[u8], name: &str, new: Option<(&str, Oid)>) -> Result<Vec<u8>, Error> {
    let old = find(bytes, name)?;
    let (begin, end) = match (&old, new) {
        (Some(old), Some((mode, _))) if old.is_folder() == (mode == FOLDER) => (old.begin, old.end),
        // It belongs elsewhere in the order: what was there goes first.
        (Some(_), Some(_)) => return put(&put(bytes, name, None)?, name, new),
        (Some(old), None) => (old.begin, old.end),
        (None, Some((mode, _))) => {
            let place = place_of(bytes, name, mode)?;
            (place, place)
        }
        (None, None) => return Ok(bytes.to_vec()),
    };
    let mut written = Vec::with_capacity(bytes.len() + name.len() + 8 + ID);
    written.extend_from_slice(&bytes[..begin]);
    if let Some((mode, id)) = new {
        written.extend_from_slice(mode.as_bytes());
        written.push(b' ');
        written.extend_from_slice(name.as_bytes());
        written.push(0);
        written.extend_from_slice(id.as_bytes());
    }
    written.extend_from_slice(&bytes[end..]);
    Ok(written)
}

/// Where a new entry belongs.
fn place_of(bytes: &[u8], name: &str, mode: &str) -> Result<usize, Error> {
    for entry in entries(bytes) {
        let entry = entry?;
        let of_new = in_order(name.as_bytes(), mode == FOLDER);
        if in_order(entry.name, entry.is_folder()).gt(of_new) {
            return Ok(entry.begin);
        }
    }
    Ok(bytes.len())
}

/// A name as Git sorts it.
fn in_order(name: &[u8], is_folder: bool) -> impl Iterator<Item = &u8> {
    name.iter().chain(is_folder.then_some(&b'/'))
}

#[cfg(test)]
mod tests {
    use git2::{ObjectType, Repository};
    use proptest::prelude::*;

    use super::*;

    /// Names that are close to each other in Git's order.
    fn name() -> impl Strategy<Value = String> {
        "[ab][-./0a]?b?".prop_filter("no path", |name| !name.contains('/') && name != ".")
    }

    fn mode() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["100644", "100755", FOLDER, "120000", SUBMODULE])
    }

    proptest! {
        #[test]
        fn a_folder_is_what_gits_own_library_makes_of_the_same_changes(
            changes in prop::collection::vec((name(), prop::option::of((mode(), 0_u8..4))), 0..40),
        ) {
            let home = tempfile::tempdir().unwrap();
            let repository = Repository::init_bare(home.path()).unwrap();
            let mut builder = repository.treebuilder(None).unwrap();
            let mut bytes = Vec::new();
            for (name, new) in changes {
                let new = new.map(|(mode, number)| {
                    let kind = if mode == FOLDER { ObjectType::Tree } else { ObjectType::Blob };
                    let text: &[u8] = if kind == ObjectType::Tree { &[] } else { &[number] };
                    (mode, repository.odb().unwrap().write(kind, text).unwrap())
                });
                bytes = put(&bytes, &name, new).unwrap();
                match new {
                    Some((mode, id)) => {
                        let mode = i32::from_str_radix(mode, 8).unwrap();
                        drop(builder.insert(&name, id, mode).unwrap());
                    }
                    None => drop(builder.remove(&name)),
                }
            }
            let theirs = builder.write().unwrap();
            prop_assert_eq!(Oid::hash_object(ObjectType::Tree, &bytes).unwrap(), theirs);
        }
    }

    #[test]
    fn a_folder_that_is_none_is_an_error() {
        for bad in [&b"100644"[..], b"100644 name", b"100644 name\0short", b"\0 ", b"100644\0"] {
            assert!(entries(bad).collect::<Result<Vec<_>, Error>>().is_err(), "{bad:?}");
            assert!(find(bad, "name").is_err());
            assert!(put(bad, "name", None).is_err());
        }
    }
}
