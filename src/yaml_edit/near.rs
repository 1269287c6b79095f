//! The proof for changes that stay inside entries of block mappings, without reading all else again.
//!
//! The first parser has read the whole text before. The second reads it up to the end of the last such
//! entry, and must agree on every node so far and on the byte at which each entry's key stands. Around
//! the entries the text after is the same bytes. An entry begins on a line of its own and ends before a
//! line that is indented no deeper, where whatever it began is over for every reader: so it means the
//! same when it is read alone, and that too is checked, node by node. What each entry was and what it is
//! are then held against each other with the whole proof. Behind the last one every reader is where it
//! was before, with the same bytes to come.
//!
//! Whatever is not as simple as that is not judged here.

use super::edit::{Edit, Span};
use super::proof;
use super::scan::{Kind, Scan, Style};
use super::witness::{self, Extent, Mark};

/// Reading an entry alone has a price of its own, as that of so many bytes.
const PRICE: usize = 200;

/// An entry of a block mapping that stands on lines of its own.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Its key's node.
    key: usize,
    /// The node behind its value.
    behind: usize,
    /// Where the line of its key starts.
    start: usize,
    /// Where the first line behind it starts.
    end: usize,
}

/// A token of the text before, and what is asked of it.
pub(super) type Asked<'e> = (Span, &'e Edit);

/// Whether `after` is `before` with exactly these edits, which are given in the order of the text.
///
/// A no only means that it takes the whole proof to tell.
pub(super) fn proves(before: &Scan<'_>, after: &[u8], asked: &[Asked<'_>]) -> bool {
    let entries = entries(before, asked.iter().map(|(span, _)| span.node));
    entries.filter(|entries| is_less_work(before, entries)).is_some_and(|entries| {
        let marks: Vec<Mark> = entries.iter().map(|entry| mark(before, entry)).collect();
        changed_within(before, after, asked, &entries).is_some()
            && witness::agrees(before, extent(before, &entries), &marks)
    })
}

/// Where the entries end that hold these nodes, which are given in order: behind there, every reader
/// of the text finds what it would find whatever the nodes' tokens said.
pub(super) fn reach(scan: &Scan<'_>, nodes: impl Iterator<Item = usize>) -> Option<usize> {
    entries(scan, nodes).map(|entries| extent(scan, &entries).bytes)
}

/// Whether reading the entries alone pays.
fn is_less_work(scan: &Scan<'_>, entries: &[Entry]) -> bool {
    let size: usize = entries.iter().map(|entry| entry.end - entry.start + PRICE).sum();
    size < scan.text.len() / 2 + 4 * PRICE
}

/// The text up to the end of the last entry; all of it where there is none.
fn extent(scan: &Scan<'_>, entries: &[Entry]) -> Extent {
    entries.last().map_or(Extent { nodes: scan.nodes.len(), bytes: scan.text.len() }, |last| {
        Extent { nodes: last.behind, bytes: last.end }
    })
}

/// Where the second parser must see an entry's key.
fn mark(scan: &Scan<'_>, entry: &Entry) -> Mark {
    let key = &scan.nodes[entry.key];
    let quote = usize::from(key.kind != Kind::Scalar(Style::Plain));
    Mark { node: entry.key, at: entry.start + key.column + quote }
}

/// The entries that hold these nodes: disjoint, and in the order of the text.
fn entries(scan: &Scan<'_>, nodes: impl Iterator<Item = usize>) -> Option<Vec<Entry>> {
    let ways = ways(scan, nodes);
    let blocks = Blocks::of(scan, &ways);
    let mut entries: Vec<Entry> = Vec::with_capacity(ways.len());
    for way in &ways {
        let entry = blocks.entry(way)?;
        if entries.last().is_some_and(|last| entry.key >= last.key && entry.key < last.behind) {
            continue;
        }
        while entries.last().is_some_and(|last| last.key > entry.key) {
            entries.pop();
        }
        entries.push(entry);
    }
    let lines: Vec<Option<usize>> =
        entries.iter().map(|entry| line_behind(scan, entry)).collect::<Option<_>>()?;
    let mut starts = scan.line_starts(lines.iter().filter_map(|line| *line)).into_iter();
    for (entry, line) in entries.iter_mut().zip(&lines) {
        entry.end = match line {
            Some(_) => starts.next()?,
            None => document_end(scan.text, entry.start),
        };
        ends_outside(scan, entry)?;
    }
    Some(entries)
}

/// A way down from a root: each collection, and its key or item that the way goes through.
type Way = Vec<(usize, usize)>;

/// The ways to nodes that are given in order.
fn ways(scan: &Scan<'_>, nodes: impl Iterator<Item = usize>) -> Vec<Way> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    // The node at which the next key or value of each open collection may be.
    let mut next = 0;
    let mut ways = Vec::new();
    for node in nodes {
        while next <= node {
            while open.last().is_some_and(|(at, _)| scan.nodes[*at].end <= next) {
                open.pop();
            }
            if let Some((at, through)) = open.last_mut() {
                let is_value = scan.nodes[*at].kind == Kind::Mapping
                    && *through != *at
                    && scan.nodes[*through].end == next;
                if !is_value {
                    *through = next;
                }
            }
            if matches!(scan.nodes[next].kind, Kind::Mapping | Kind::Sequence) {
                open.push((next, next));
            }
            next += 1;
        }
        ways.push(open.clone());
    }
    ways
}

/// Where the collections and keys of some ways stand.
struct Blocks<'s, 't> {
    scan: &'s Scan<'t>,
    collections: Vec<usize>,
    collection_starts: Vec<usize>,
    keys: Vec<usize>,
    key_starts: Vec<usize>,
}

impl<'s, 't> Blocks<'s, 't> {
    fn of(scan: &'s Scan<'t>, ways: &[Way]) -> Self {
        let sorted = |which: fn(&(usize, usize)) -> usize| {
            let mut nodes: Vec<usize> = ways.iter().flatten().map(which).collect();
            nodes.sort_unstable();
            nodes.dedup();
            nodes
        };
        let (collections, keys) = (sorted(|step| step.0), sorted(|step| step.1));
        // A block mapping is marked behind its first key, so the two do not stand in one order.
        let collection_starts = scan.offsets(collections.iter().copied());
        let key_starts = scan.offsets(keys.iter().copied());
        Self { scan, collections, collection_starts, keys, key_starts }
    }

    /// The innermost entry on a way that has lines of its own, its end still unknown.
    fn entry(&self, way: &Way) -> Option<Entry> {
        let mut found = None;
        for (collection, key) in way {
            let at = self.collection_starts[self.collections.binary_search(collection).ok()?];
            if matches!(self.scan.text.as_bytes().get(at), None | Some(b'{' | b'[')) {
                return None;
            }
            let node = &self.scan.nodes[*key];
            if self.scan.nodes[*collection].kind == Kind::Mapping
                && matches!(node.kind, Kind::Scalar(_))
                && let Some(start) = self.line_of(*key)
            {
                let behind = self.scan.nodes[node.end].end;
                found = Some(Entry { key: *key, behind, start, end: start });
            }
        }
        found
    }

    /// Where a key's line starts, if nothing but spaces stands before it.
    fn line_of(&self, key: usize) -> Option<usize> {
        let at = self.key_starts[self.keys.binary_search(&key).ok()?];
        let start = at.checked_sub(self.scan.nodes[key].column)?;
        let before = self.scan.text.as_bytes().get(self.scan.mark..start)?;
        let begins = matches!(before.last(), None | Some(b'\n' | b'\r'));
        let indent = self.scan.text.as_bytes().get(start..at)?;
        (begins && indent.iter().all(|byte| *byte == b' ')).then_some(start)
    }
}

/// The line of the node behind an entry, or nothing where the document ends there.
///
/// The outer nothing is for an entry whose end is not told by a node.
fn line_behind(scan: &Scan<'_>, entry: &Entry) -> Option<Option<usize>> {
    let document = scan.documents.partition_point(|root| *root <= entry.key);
    let end = scan.documents.get(document).copied().unwrap_or(scan.nodes.len());
    if entry.behind == end {
        return Some(None);
    }
    let mut line = usize::MAX;
    for node in scan.nodes.get(entry.behind..end)? {
        if node.is_empty_scalar() {
            return None;
        }
        line = line.min(node.line);
        // A collection's first child may stand before its mark.
        if !matches!(node.kind, Kind::Mapping | Kind::Sequence) {
            break;
        }
    }
    Some(Some(line))
}

/// The first line from a byte on that ends a document, or the end of the text.
fn document_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    (from + 1..bytes.len())
        .find(|at| {
            matches!(bytes[at - 1], b'\n' | b'\r')
                && (bytes[*at..].starts_with(b"---") || bytes[*at..].starts_with(b"..."))
        })
        .unwrap_or(bytes.len())
}

/// Insists that the line behind an entry is indented no deeper than its key.
fn ends_outside(scan: &Scan<'_>, entry: &Entry) -> Option<()> {
    let rest = scan.text.as_bytes().get(entry.end..)?;
    let indent = rest.iter().take_while(|byte| **byte == b' ').count();
    let ends = match rest.get(indent) {
        None => true,
        Some(b'\t' | b'\n' | b'\r' | b'#') => false,
        Some(_) => indent <= scan.nodes[entry.key].column,
    };
    (ends && entry.end > entry.start).then_some(())
}

/// Whether the two texts are the same bytes around the entries, and these differ as they should.
fn changed_within(
    before: &Scan<'_>,
    after: &[u8],
    asked: &[Asked<'_>],
    entries: &[Entry],
) -> Option<()> {
    let old = before.text.as_bytes();
    let mut at = (0, 0);
    let mut asked = asked.iter().copied().peekable();
    for entry in entries {
        let mut inside = Vec::new();
        let mut grown = entry.end - entry.start;
        while let Some(one) = asked.next_if(|(span, _)| span.node < entry.behind) {
            let token = proof::expected_token(before, one)?;
            grown = (grown + token.len()).checked_sub(one.0.end - one.0.start)?;
            inside.push(one);
        }
        let start = at.1 + (entry.start.checked_sub(at.0)?);
        if old.get(at.0..entry.start) != after.get(at.1..start) {
            return None;
        }
        changed_as_asked((before, entry), after.get(start..start + grown)?, &inside)?;
        at = (entry.end, start + grown);
    }
    (asked.peek().is_none() && old.get(at.0..) == after.get(at.1..)).then_some(())
}

/// Holds an entry's text as it was against what it is, both read alone.
fn changed_as_asked(
    (scan, entry): (&Scan<'_>, &Entry),
    after: &[u8],
    asked: &[Asked<'_>],
) -> Option<()> {
    let was = Scan::read(scan.text.as_bytes().get(entry.start..entry.end)?).ok()?;
    let is = Scan::read(after).ok()?;
    let nodes = scan.nodes.get(entry.key..entry.behind)?;
    if was.documents != [0] || was.nodes.len() != nodes.len() + 1 {
        return None;
    }
    // Alone, the entry is the one in a mapping; and its first line is the text's first.
    let (by, lines) = (entry.key - 1, nodes[0].line - 1);
    let same = was.nodes[1..].iter().zip(nodes).all(|(alone, node)| {
        alone.stands_for(node)
            && alone.end + by == node.end
            && (alone.line + lines == node.line || alone.is_empty_scalar())
    });
    let targets: Vec<(usize, &Edit)> =
        asked.iter().map(|(span, edit)| (span.node - by, *edit)).collect();
    (same && proof::prove_nodes(&was, &is, &targets).is_ok()).then_some(())
}
