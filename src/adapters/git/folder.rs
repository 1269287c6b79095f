//! Folders as Git writes them down: a mode, a name and an id, again and again, by name
//! (`git-mktree(1)`; the names of folders are sorted as if they ended with `/`).
//!
//! hoist changes one entry of a folder that may have twenty thousand. libgit2's builder takes it
//! apart, sorts it and writes it anew; here the entry's bytes are replaced where they stand, and
//! those that are the same before and after are never looked at.

use std::cmp::Ordering;

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

    /// Where it stands beside another, in Git's order.
    fn place(&self, other: &Entry<'_>) -> Ordering {
        in_order(self.name, self.is_folder()).cmp(in_order(other.name, other.is_folder()))
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

/// The entry that begins at a place.
fn entry(bytes: &[u8], at: usize) -> Option<Entry<'_>> {
    let rest = bytes.get(at..)?;
    let zero = rest.iter().position(|byte| *byte == 0)?;
    let head = &rest[..zero];
    let blank = head.iter().position(|byte| *byte == b' ')?;
    let id = rest.get(zero + 1..zero + 1 + ID)?;
    Some(Entry {
        mode: &head[..blank],
        name: &head[blank + 1..],
        id: Oid::from_bytes(id).ok()?,
        begin: at,
        end: at + zero + 1 + ID,
    })
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let entry = entry(self.bytes, self.at);
        // After what cannot be read nothing follows.
        self.at = entry.map_or(self.bytes.len(), |entry| entry.end);
        Some(entry.ok_or_else(not_whole))
    }
}

fn not_whole() -> Error {
    Error::new(ErrorCode::GenericError, ErrorClass::Tree, "a folder is not whole")
}

/// A folder in which much is looked up.
#[derive(Debug, Default)]
pub(super) struct Folder {
    bytes: Vec<u8>,
    /// Where its entries begin.
    begins: Vec<usize>,
    order: Order,
}

/// Whether the entries are in Git's order. Others are read too, though nobody should write them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Order {
    #[default]
    Gits,
    Nobodys,
}

impl Folder {
    /// Looks through a folder once.
    pub(super) fn of(bytes: Vec<u8>) -> Result<Self, Error> {
        let (mut begins, mut order) = (Vec::new(), Order::Gits);
        let mut last: Option<Entry<'_>> = None;
        for entry in entries(&bytes) {
            let entry = entry?;
            if last.is_some_and(|last| last.place(&entry) != Ordering::Less) {
                order = Order::Nobodys;
            }
            begins.push(entry.begin);
            last = Some(entry);
        }
        Ok(Self { bytes, begins, order })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What stands under a name.
    pub(super) fn find(&self, name: &str) -> Result<Option<Entry<'_>>, Error> {
        match self.order {
            Order::Nobodys => find(&self.bytes, name),
            // A file and a folder of one name have different places.
            Order::Gits => Ok([false, true].into_iter().find_map(|is_folder| {
                let before = |begin: &usize| {
                    entry(&self.bytes, *begin).is_some_and(|entry| {
                        let wanted = in_order(name.as_bytes(), is_folder);
                        in_order(entry.name, entry.is_folder()).lt(wanted)
                    })
                };
                let begin = self.begins.get(self.begins.partition_point(before))?;
                entry(&self.bytes, *begin).filter(|found| found.name == name.as_bytes())
            })),
        }
    }

    /// The folder with something else under a name, or with nothing.
    pub(super) fn put(&self, name: &str, new: Option<(&str, Oid)>) -> Result<Vec<u8>, Error> {
        put_over(&self.bytes, self.find(name)?, (name, new))
    }

    /// The entries of another folder that do not stand here, each with what stands in its place.
    pub(super) fn differing<'a>(
        &self,
        after: &'a [u8],
    ) -> Result<Vec<(Entry<'a>, Option<Oid>)>, Error> {
        let before = self.bytes.as_slice();
        let begin = same_begin(before, after);
        let end = same_end(&before[begin..], &after[begin..]);
        let begin = match self.begins.partition_point(|at| *at <= begin) {
            // All that stands here stands there, too.
            _ if begin == before.len() => begin,
            0 => 0,
            place => self.begins[place - 1],
        };
        let mut old = Entries { bytes: before, at: begin };
        let mut new = Entries { bytes: after, at: begin };
        let mut beside = old.next().transpose()?;
        let mut differing = Vec::new();
        loop {
            let left = after.len() - new.at;
            // From here on both are the same.
            if left <= end && beside.map_or(0, |beside| before.len() - beside.begin) == left {
                return Ok(differing);
            }
            let Some(entry) = new.next().transpose()? else { return Ok(differing) };
            while beside.is_some_and(|beside| beside.place(&entry) == Ordering::Less) {
                beside = old.next().transpose()?;
            }
            let there = beside.filter(|beside| beside.place(&entry) == Ordering::Equal);
            if there.is_some() {
                beside = old.next().transpose()?;
            }
            if there.is_none_or(|there| (there.id, there.mode) != (entry.id, entry.mode)) {
                differing.push((entry, there.map(|there| there.id)));
            }
        }
    }
}

/// How far two run alike at a time.
const STRIDE: usize = 4096;

/// How many bytes two texts have in common at their beginnings.
pub(super) fn same_begin(one: &[u8], other: &[u8]) -> usize {
    let strides = one.chunks_exact(STRIDE).zip(other.chunks_exact(STRIDE));
    let alike = strides.take_while(|(one, other)| one == other).count() * STRIDE;
    let rest = one[alike..].iter().zip(&other[alike..]);
    alike + rest.take_while(|(one, other)| one == other).count()
}

/// How many bytes two texts have in common at their ends.
pub(super) fn same_end(one: &[u8], other: &[u8]) -> usize {
    let strides = one.rchunks_exact(STRIDE).zip(other.rchunks_exact(STRIDE));
    let alike = strides.take_while(|(one, other)| one == other).count() * STRIDE;
    let (one, other) = (&one[..one.len() - alike], &other[..other.len() - alike]);
    alike + one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count()
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
    put_over(bytes, find(bytes, name)?, (name, new))
}

/// The same, where it is known what stands there.
fn put_over(
    bytes: &[u8],
    old: Option<Entry<'_>>,
    (name, new): (&str, Option<(&str, Oid)>),
) -> Result<Vec<u8>, Error> {
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

    /// A folder with these in it, in Git's order.
    fn folder(changes: &[(String, (&'static str, u8))]) -> Vec<u8> {
        changes.iter().fold(Vec::new(), |bytes, (name, (mode, number))| {
            put(&bytes, name, Some((mode, Oid::from_bytes(&[*number; ID]).unwrap()))).unwrap()
        })
    }

    fn contents() -> impl Strategy<Value = Vec<(String, (&'static str, u8))>> {
        prop::collection::vec((name(), (mode(), 0_u8..4)), 0..30)
    }

    proptest! {
        #[test]
        fn what_is_found_by_halving_is_what_stands_there(
            within in contents(), name in name(), new in prop::option::of((mode(), 0_u8..4)),
        ) {
            let bytes = folder(&within);
            let new = new.map(|(mode, number)| (mode, Oid::from_bytes(&[number; ID]).unwrap()));
            let found = Folder::of(bytes.clone()).unwrap();
            prop_assert_eq!(found.order, Order::Gits);
            let places = |it: Option<Entry<'_>>| it.map(|it| (it.begin, it.end));
            prop_assert_eq!(places(found.find(&name).unwrap()), places(find(&bytes, &name).unwrap()));
            prop_assert_eq!(found.put(&name, new).unwrap(), put(&bytes, &name, new).unwrap());
        }

        #[test]
        fn what_differs_is_what_one_by_one_would_show(
            shared in contents(), one in contents(), other in contents(), times in 0_usize..400,
        ) {
            // Enough that runs of the same are passed over, in some cases.
            let more = (0..times).flat_map(|number| {
                let head = format!("100644 c{number:04}\0").into_bytes();
                [head, vec![1; ID]].concat()
            });
            let more: Vec<u8> = more.collect();
            let whole = |own| [folder(&[shared.clone(), own].concat()), more.clone()].concat();
            let (before, after) = (Folder::of(whole(one)).unwrap(), whole(other));
            let all: Vec<Entry<'_>> =
                entries(before.bytes()).collect::<Result<_, _>>().unwrap();
            let mut expected = Vec::new();
            for entry in entries(&after).map(Result::unwrap) {
                let is_it = |it: &&Entry<'_>| {
                    it.name == entry.name && it.is_folder() == entry.is_folder()
                };
                let there = all.iter().find(is_it);
                if there.is_none_or(|it| (it.id, it.mode) != (entry.id, entry.mode)) {
                    expected.push((entry.name, there.map(|it| it.id)));
                }
            }
            let found = before.differing(&after).unwrap();
            let found: Vec<_> = found.into_iter().map(|(entry, there)| (entry.name, there)).collect();
            prop_assert_eq!(found, expected);
        }

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
    fn a_folder_in_nobodys_order_is_read_all_the_same() {
        let one = folder(&[("b".to_owned(), ("100644", 1))]);
        let both = [one, folder(&[("a".to_owned(), ("100644", 2))])].concat();
        let found = Folder::of(both).unwrap();
        assert_eq!(found.order, Order::Nobodys);
        for name in ["a", "b"] {
            assert_eq!(found.find(name).unwrap().map(|it| it.name), Some(name.as_bytes()));
        }
        assert!(found.find("c").unwrap().is_none());
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
