//! Whether the second parser sees in a text the very nodes that the first one saw.
//!
//! It is led by these nodes and asked at each for just that: half the work of writing down what it
//! reads, since nothing is guessed (is it a number?) and nothing is kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::scan::{Kind, Scan};

/// A node that must also stand at a certain byte, for the second parser as for the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) node: usize,
    pub(super) at: usize,
}

/// How much of a text is compared: all, or what stands before some node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// The nodes before this one.
    pub(super) nodes: usize,
    /// The bytes before this one.
    pub(super) bytes: usize,
}

/// Whether the second parser reads the text so far, and reads the same documents, collections, keys and
/// values; and finds the marked scalars, which are given in order, where they are said to stand.
pub(super) fn agrees(scan: &Scan<'_>, extent: Extent, marks: &[Mark]) -> bool {
    // libyaml counts a byte order mark as a column.
    let Some(text) = scan.text.get(scan.mark..extent.bytes) else { return false };
    let mut guide = Guide { scan, marks, next: 0, last: extent.nodes };
    let mut documents = scan.documents.iter().filter(|root| **root < extent.nodes);
    for document in serde_yaml::Deserializer::from_str(text) {
        if documents.next() != Some(&guide.next) || guide.deserialize(document).is_err() {
            return false;
        }
    }
    documents.next().is_none() && guide.next == extent.nodes && guide.marks.is_empty()
}

/// Goes through the nodes in order and expects each.
struct Guide<'g, 't> {
    scan: &'g Scan<'t>,
    marks: &'g [Mark],
    next: usize,
    last: usize,
}

impl<'de> DeserializeSeed<'de> for &mut Guide<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Some(node) = self.scan.nodes.get(self.next) else { return Err(other()) };
        match node.kind {
            // A tag may make another type of it, and an alias may repeat what repeats others: both are
            // left to who follows them.
            _ if node.tag.is_some() => Err(other()),
            Kind::Alias(_) => Err(other()),
            Kind::Scalar(_) => deserializer.deserialize_str(self),
            Kind::Mapping => deserializer.deserialize_map(self),
            Kind::Sequence => deserializer.deserialize_seq(self),
        }
    }
}

impl Guide<'_, '_> {
    fn begin(&mut self) -> usize {
        let node = self.next;
        self.next += 1;
        self.scan.nodes[node].end.min(self.last)
    }

    fn end<E: Error>(&self, end: usize) -> Result<(), E> {
        if self.next == end { Ok(()) } else { Err(other()) }
    }

    fn is_marked(&mut self) -> Option<usize> {
        let (mark, rest) = self.marks.split_first()?;
        (mark.node == self.next).then(|| {
            self.marks = rest;
            mark.at
        })
    }

    fn same<E: Error>(&mut self, text: &str) -> Result<(), E> {
        let same = self.scan.nodes[self.next].value == text;
        self.next += 1;
        if same { Ok(()) } else { Err(other()) }
    }
}

fn other<E: Error>() -> E {
    E::custom("it is not what the first parser saw")
}

impl<'de> Visitor<'de> for &mut Guide<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the first parser saw")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        // An unborrowed text stands nowhere.
        if self.is_marked().is_some() { Err(other()) } else { self.same(text) }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        let at = text.as_ptr().addr().wrapping_sub(self.scan.text.as_ptr().addr());
        match self.is_marked() {
            Some(mark) if mark != at => Err(other()),
            Some(_) | None => self.same(text),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let end = self.begin();
        while items.next_element_seed(&mut *self)?.is_some() {}
        self.end(end)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let end = self.begin();
        while entries.next_key_seed(&mut *self)?.is_some() {
            entries.next_value_seed(&mut *self)?;
        }
        self.end(end)
    }
}
