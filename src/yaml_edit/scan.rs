//! Text to a flat tree of nodes with their positions, by pulling yaml-rust2's events.
//!
//! Events are pulled one by one: the crate's `load` recurses, and 200 KB of brackets end the process.
//! Positions are lines and columns, never `Marker::index`, which counts characters and drifts after a
//! block scalar that holds multibyte text.

use std::cell::OnceCell;
use std::collections::HashSet;

use serde::de::IgnoredAny;
use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::TScalarStyle;

use super::refusal::Refusal;

/// How deep collections may nest. The independent reader of the proof stops at 128.
const DEEPEST: usize = 120;

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    /// `|` or `>`.
    Block,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mapping,
    Sequence,
    Scalar(Style),
    Alias(usize),
}

/// A node and, through `end`, everything under it: its subtree is `nodes[i..end]`.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// A scalar's value.
    pub(super) value: String,
    /// The anchor's number, 0 for none. Numbers are never given twice in a text.
    pub(super) anchor: usize,
    pub(super) tag: Option<Tag>,
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, counted from 0.
    pub(super) column: usize,
    pub(super) end: usize,
}

impl Node {
    pub(super) fn is_empty_scalar(&self) -> bool {
        self.kind == Kind::Scalar(Style::Plain) && self.value.is_empty()
    }

    /// Whether this, read in a text by itself, is what stands in a larger one: there anchors have other
    /// numbers, and an empty value is marked where the next thing stands.
    pub(super) fn stands_for(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.value == other.value
            && (self.anchor == 0) == (other.anchor == 0)
            && self.tag == other.tag
            && (self.column == other.column || self.is_empty_scalar())
    }

    /// Whether both say the same, wherever they stand.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.value == other.value
            && self.anchor == other.anchor
            && self.tag == other.tag
            && self.end == other.end
    }
}

/// A text that was read: its nodes in the order they stand, and where each document starts.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    /// The whole text, with its byte order mark if it has one.
    pub(super) text: &'a str,
    /// Bytes of byte order mark.
    pub(super) mark: usize,
    pub(super) nodes: Vec<Node>,
    pub(super) documents: Vec<usize>,
    /// The numbers of anchors that some alias names.
    pub(super) aliased: HashSet<usize>,
    /// Whether it is JSON, once somebody asked.
    json: OnceCell<bool>,
}

impl<'a> Scan<'a> {
    /// The style in which a token of `style` is written anew: JSON knows no plain text.
    pub(super) fn rewritten(&self, style: Style) -> Style {
        match style {
            Style::Plain if self.is_json() => Style::Double,
            Style::Plain | Style::Single | Style::Double | Style::Block => style,
        }
    }

    /// Whether other readers take the whole text for JSON (RFC 8259).
    fn is_json(&self) -> bool {
        self.text.trim_start().starts_with(['{', '['])
            && *self.json.get_or_init(|| serde_json::from_str::<IgnoredAny>(self.text).is_ok())
    }

    /// Reads a text, or says what in it cannot be read exactly.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let text = readable(bytes)?;
        let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
        conflicts(text)?;
        let mut scan = Self {
            text,
            mark,
            nodes: Vec::with_capacity(text.len() / 16),
            documents: Vec::new(),
            aliased: HashSet::new(),
            json: OnceCell::new(),
        };
        scan.pull().map_err(|refusal| template_or(text, refusal))?;
        Ok(scan)
    }

    fn pull(&mut self) -> Result<(), Refusal> {
        let mut parser = Parser::new_from_str(&self.text[self.mark..]);
        let mut open: Vec<usize> = Vec::new();
        // yaml-rust2 carries anchors over from one document to the next; YAML does not.
        let mut first_anchor = 1;
        let mut last_anchor = 0;
        loop {
            let (event, marker) = parser.next_token().map_err(|error| {
                let at = (error.marker().line(), error.marker().col() + 1);
                if error.info() == "recursion limit exceeded" {
                    return too_deep().at(at);
                }
                let hint = "mend the file; hoist edits only what every YAML reader can read";
                Refusal::new("this is not YAML", error.info(), hint).at(at)
            })?;
            let at = (marker.line(), marker.col());
            let node = |kind, anchor, tag| Node {
                kind,
                value: String::new(),
                anchor,
                tag,
                line: at.0,
                column: at.1,
                end: 0,
            };
            let node = match event {
                Event::StreamEnd => return Ok(()),
                Event::StreamStart | Event::Nothing => continue,
                Event::DocumentStart => {
                    self.documents.push(self.nodes.len());
                    first_anchor = last_anchor + 1;
                    continue;
                }
                Event::DocumentEnd => continue,
                Event::MappingEnd | Event::SequenceEnd => {
                    if let Some(start) = open.pop() {
                        self.nodes[start].end = self.nodes.len();
                    }
                    continue;
                }
                Event::Alias(anchor) if anchor < first_anchor => {
                    let hint = "give the anchor in this document too";
                    let why = "its anchor stands in an earlier document";
                    return Err(Refusal::new("an alias", why, hint).at((at.0, at.1 + 1)));
                }
                Event::Alias(anchor) => {
                    self.aliased.insert(anchor);
                    node(Kind::Alias(anchor), 0, None)
                }
                Event::Scalar(value, style, anchor, tag) => {
                    Node { value, ..node(Kind::Scalar(Style::from(style)), anchor, tag) }
                }
                Event::SequenceStart(anchor, tag) => node(Kind::Sequence, anchor, tag),
                Event::MappingStart(anchor, tag) => node(Kind::Mapping, anchor, tag),
            };
            last_anchor = last_anchor.max(node.anchor);
            let collection = matches!(node.kind, Kind::Mapping | Kind::Sequence);
            let index = self.nodes.len();
            self.nodes.push(Node { end: index + 1, ..node });
            if collection {
                open.push(index);
                if open.len() > DEEPEST {
                    return Err(too_deep().at((at.0, at.1 + 1)));
                }
            }
        }
    }

    /// Where a person looks for a node: line and column, counted from 1.
    ///
    /// Events mark a block mapping behind its first key, and an empty value or a block of text where the
    /// next thing stands; the key tells better.
    pub(super) fn position(&self, index: usize) -> (usize, usize) {
        let mark = |index: usize| (self.nodes[index].line, self.nodes[index].column + 1);
        let node = &self.nodes[index];
        let vague = node.is_empty_scalar() || node.kind == Kind::Scalar(Style::Block);
        let telling = match node.kind {
            Kind::Mapping if node.end > index + 1 => Some(index + 1),
            Kind::Scalar(_) if vague => self.key_of(index),
            Kind::Mapping | Kind::Sequence | Kind::Scalar(_) | Kind::Alias(_) => None,
        };
        telling.map_or(mark(index), |telling| mark(index).min(mark(telling)))
    }

    /// The key of a value, if it stands in a mapping.
    fn key_of(&self, value: usize) -> Option<usize> {
        let parent = (0..value).rev().find(|parent| self.nodes[*parent].end > value)?;
        if self.nodes[parent].kind != Kind::Mapping {
            return None;
        }
        self.entries(parent).find(|(_, held)| *held == value).map(|(name, _)| name)
    }

    /// The children of a node, in order; a mapping's are key, value, key, value.
    pub(super) fn children(&self, parent: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.nodes[parent].end;
        let mut next = parent + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let child = next;
                next = self.nodes[child].end;
                child
            })
        })
    }

    /// A mapping's keys with their values.
    pub(super) fn entries(&self, mapping: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mut children = self.children(mapping);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The text of a key, if it is one that a path can name.
    pub(super) fn key(&self, key: usize) -> Option<&str> {
        let node = &self.nodes[key];
        matches!(node.kind, Kind::Scalar(_)).then_some(node.value.as_str())
    }

    /// The ways from the root to some nodes, given in the order they stand: at each level which child,
    /// keys and values counted alike.
    pub(super) fn ordinals(&self, nodes: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
        let mut open: Vec<(usize, usize)> = vec![(usize::MAX, 0)];
        let mut next = 0;
        let mut ways = Vec::new();
        for node in nodes {
            while next <= node {
                while open.last().is_some_and(|(end, _)| *end <= next) {
                    open.pop();
                }
                if let Some((_, begun)) = open.last_mut() {
                    *begun += 1;
                }
                if matches!(self.nodes[next].kind, Kind::Mapping | Kind::Sequence) {
                    open.push((self.nodes[next].end, 0));
                }
                next += 1;
            }
            ways.push(open.iter().map(|(_, begun)| begun.saturating_sub(1)).collect());
        }
        ways
    }

    /// The bytes at which some lines start, given in order.
    pub(super) fn line_starts(&self, lines: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut cursor = self.cursor();
        lines.into_iter().map(|line| cursor.forward(line, 0)).collect()
    }

    fn cursor(&self) -> Cursor<'_> {
        Cursor { text: self.text.as_bytes(), at: self.mark, line: 1, column: 0 }
    }

    /// The bytes at which some nodes start; the nodes must be given in the order they stand.
    pub(super) fn offsets(&self, nodes: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut cursor = self.cursor();
        nodes
            .into_iter()
            .map(|node| cursor.forward(self.nodes[node].line, self.nodes[node].column))
            .collect()
    }
}

fn too_deep() -> Refusal {
    let why = format!("more than {DEEPEST} levels stand inside each other");
    Refusal::new("a collection", why, "flatten the file")
}

impl From<TScalarStyle> for Style {
    fn from(style: TScalarStyle) -> Self {
        match style {
            TScalarStyle::Plain => Self::Plain,
            TScalarStyle::SingleQuoted => Self::Single,
            TScalarStyle::DoubleQuoted => Self::Double,
            TScalarStyle::Literal | TScalarStyle::Folded => Self::Block,
        }
    }
}

/// Maps lines and columns to bytes, only ever forward: mapping each from its line's start is quadratic
/// on JSON that stands on one line.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    column: usize,
}

impl Cursor<'_> {
    fn forward(&mut self, line: usize, column: usize) -> usize {
        while self.line < line && self.at < self.text.len() {
            self.at += match (self.text[self.at], self.text.get(self.at + 1)) {
                (b'\r', Some(b'\n')) => 2,
                (b'\n' | b'\r', Some(_) | None) => 1,
                (_, Some(_) | None) => {
                    self.at += 1;
                    continue;
                }
            };
            self.line += 1;
            self.column = 0;
        }
        while self.column < column && self.at < self.text.len() {
            self.at += 1;
            while self.text.get(self.at).is_some_and(|b| b & 0xC0 == 0x80) {
                self.at += 1;
            }
            self.column += 1;
        }
        self.at
    }
}

/// Line and column, from 1, of a byte.
pub(super) fn position_of(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at];
    let mut line = 1;
    let mut start = 0;
    for (index, byte) in before.iter().enumerate() {
        let pair = *byte == b'\r' && text.as_bytes().get(index + 1) == Some(&b'\n');
        if (*byte == b'\n' || *byte == b'\r') && !pair {
            line += 1;
            start = index + 1;
        }
    }
    (line, text[start..at].chars().filter(|c| *c != '\u{feff}').count() + 1)
}

/// Takes the bytes as text, unless two readers would count its lines or characters differently.
fn readable(bytes: &[u8]) -> Result<&str, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let sound = &bytes[..error.valid_up_to()];
        let line = sound.iter().filter(|b| **b == b'\n').count() + 1;
        let hint = "save the file as UTF-8";
        let why = "it is not UTF-8";
        Refusal { line: Some(line), ..Refusal::new("the text", why, hint) }
    })?;
    for (at, byte) in bytes.iter().enumerate() {
        let found = match byte {
            b'\t'
            | b'\n'
            | b'\r'
            | 0x20..=0x7E
            | 0x80..=0xC1
            | 0xC3..=0xE1
            | 0xE3..=0xEE
            | 0xF0.. => {
                continue;
            }
            0..0x20 | 0x7F => Some("a control character"),
            0xC2 => match bytes[at + 1] {
                0x85 => Some("a NEL character"),
                0x80..0xA0 => Some("a control character"),
                _ => None,
            },
            0xE2 => (bytes[at + 1] == 0x80 && matches!(bytes[at + 2], 0xA8 | 0xA9))
                .then_some("a Unicode line separator"),
            0xEF => match (bytes[at + 1], bytes[at + 2]) {
                (0xBB, 0xBF) if at > 0 => Some("a byte order mark inside the text"),
                (0xBF, 0xBE | 0xBF) => Some("what is no character"),
                (_, _) => None,
            },
        };
        if let Some(found) = found {
            let why = "YAML readers do not agree on what it means";
            let hint = "remove it, or write it as an escape in double quotes";
            return Err(Refusal::new(found, why, hint).at(position_of(text, at)));
        }
    }
    Ok(text)
}

/// Refuses what a merge left behind; such a file may even parse.
fn conflicts(text: &str) -> Result<(), Refusal> {
    for (start, _) in text.match_indices("<<<<<<< ") {
        let begins_line = start == 0 || matches!(text.as_bytes()[start - 1], b'\n' | b'\r');
        let closes = ["\n>>>>>>>", "\r>>>>>>>"].iter().any(|mark| text[start..].contains(mark));
        if begins_line && closes {
            let hint = "finish the merge first";
            let why = "the file holds an unfinished merge";
            return Err(
                Refusal::new("a merge-conflict marker", why, hint).at(position_of(text, start))
            );
        }
    }
    Ok(())
}

/// Says that a text is a template, where that is why it does not parse.
fn template_or(text: &str, refusal: Refusal) -> Refusal {
    match text.find("{{") {
        Some(start) => {
            let why = format!("the file is a template, not YAML ({})", refusal.why);
            let hint = "point the rule at the values file that fills the template";
            Refusal::new("`{{`", why, hint).at(position_of(text, start))
        }
        None => refusal,
    }
}
