//! YAML as a small tree whose every node knows its line and column.
//!
//! Typed deserialisers stop at their first mistake and know the place of few; a person who writes
//! rules wants all of them. So the events of the parser become this tree, and readers walk it.

use std::collections::HashMap;

use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::{Marker, TScalarStyle};

use super::problem::{Notes, Place};

/// Deeper than any configuration goes; guards the recursion against hostile text.
const DEEPEST: usize = 24;

/// Longer than any policy; a file from a repository is not ours to trust.
const LONGEST: usize = 1 << 20;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it starts; an absent value has the place of its key.
    pub(super) place: Place,
    /// How a person would name it: `repositories.gitops.url`. Empty at the top.
    pub(super) path: String,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind {
    /// Nothing, `null` or `~`, not quoted.
    Null,
    /// Any other scalar, as text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file; no key stands twice.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

impl Kind {
    /// What it is, for people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// The path of the entry `key` below this node.
    fn path_of(&self, key: &str) -> String {
        path_below(&self.path, key)
    }

    /// The value of `key`, where this is a mapping that has it.
    pub(super) fn entry(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => {
                entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
            }
            Kind::Null | Kind::Text(_) | Kind::List(_) => None,
        }
    }

    /// The path of something that should be below this node and is not.
    pub(super) fn missing(&self, key: &str) -> String {
        self.path_of(key)
    }
}

/// Reads `text`; none, and a note, where it is not one YAML document.
pub(super) fn parse(text: &str, notes: &mut Notes<'_>) -> Option<Node> {
    if text.len() > LONGEST {
        notes.add_for_file("is longer than 1 MiB", "split it, or remove what is generated");
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(place) = control_character(text) {
        notes.add(place, "there is a control character", "remove it: YAML allows none");
        return None;
    }
    let mut builder = Builder { parser: Parser::new_from_str(text), notes, text };
    builder.document()
}

fn path_below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The parser takes NUL for the end of the file and lets others through; YAML 1.2, 5.1 forbids them.
fn control_character(text: &str) -> Option<Place> {
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}');
    text.lines().enumerate().find_map(|(line, content)| {
        let column = content.chars().position(bad)?;
        Some(Place { line: line + 1, column: column + 1 })
    })
}

/// The first tab in a line's indentation, from `place` on.
fn tab_from(text: &str, place: Place) -> Option<Place> {
    let lines = text.lines().enumerate().skip(place.line.saturating_sub(1));
    lines.into_iter().find_map(|(line, content)| {
        let indent = content.len() - content.trim_start().len();
        let column = content[..indent].chars().position(|c| c == '\t')?;
        Some(Place { line: line + 1, column: column + 1 })
    })
}

/// A scalar that every YAML reader takes for nothing.
fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Marks that reading stopped; the reason has been noted.
struct Stopped;

struct Builder<'t, 'n, 'f> {
    parser: Parser<std::str::Chars<'t>>,
    notes: &'n mut Notes<'f>,
    text: &'t str,
}

impl Builder<'_, '_, '_> {
    fn document(&mut self) -> Option<Node> {
        let mut root = None;
        loop {
            let (event, marker) = self.next().ok()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart if root.is_some() => {
                    let what = "a second document starts here";
                    self.notes.add(place_of(marker), what, "keep one document in a file");
                    return root;
                }
                Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => {
                }
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    let start = Place { line: 1, column: 1 };
                    root =
                        Some(self.node((event, marker), &Spot { path: "", start, depth: 0 }).ok()?);
                }
            }
        }
        if root.is_none() {
            self.notes.add_for_file("is empty", "see the committed example in config/");
        }
        root
    }

    fn next(&mut self) -> Result<(Event, Marker), Stopped> {
        self.parser.next_token().map_err(|error| {
            let place = place_of(*error.marker());
            // What the parser dislikes may start lines before the tab that a person can see.
            let tab = error.info().contains("tab").then(|| tab_from(self.text, place)).flatten();
            let hint = match tab {
                Some(_) => "indent with spaces: YAML allows no tab there",
                None => "mend the YAML there or on the line before; nothing after it was read",
            };
            let what = format!("not YAML: {}", error.info());
            self.notes.add(tab.unwrap_or(place), what, hint);
            Stopped
        })
    }

    fn node(&mut self, (event, marker): (Event, Marker), spot: &Spot<'_>) -> Result<Node, Stopped> {
        let place = place_of(marker);
        if spot.depth > DEEPEST {
            self.notes.add(place, "this is nested too deep", "no key of hoist is that deep");
            return Err(Stopped);
        }
        let (kind, tag) = match event {
            Event::Scalar(text, TScalarStyle::Plain, _, tag) if is_null(&text) => {
                // The marker of an empty value points somewhere after it.
                self.refuse_tag(tag, spot.start);
                return Ok(Node { place: spot.start, path: spot.path.into(), kind: Kind::Null });
            }
            Event::Scalar(text, _, _, tag) => (Kind::Text(text), tag),
            Event::SequenceStart(_, tag) => (Kind::List(self.items(spot)?), tag),
            Event::MappingStart(_, tag) => (Kind::Map(self.entries(spot)?), tag),
            Event::Alias(_) => {
                let hint = "write the value again: what is reviewed should be read in one place";
                self.notes.add(place, "aliases (`*name`) are not read here", hint);
                (Kind::Null, None)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => {
                self.notes.add(place, "not YAML: a value is missing", "write the value");
                return Err(Stopped);
            }
        };
        self.refuse_tag(tag, place);
        // Where a mapping's marker points depends on its style; its first key is what a person sees.
        let place = match &kind {
            Kind::Map(entries) => entries.first().map_or(place, |entry| entry.place),
            Kind::Null | Kind::Text(_) | Kind::List(_) => place,
        };
        Ok(Node { place, path: spot.path.into(), kind })
    }

    fn items(&mut self, spot: &Spot<'_>) -> Result<Vec<Node>, Stopped> {
        let mut items = Vec::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::SequenceEnd {
                return Ok(items);
            }
            let path = format!("{}[{}]", spot.path, items.len());
            let start = place_of(next.1);
            items.push(self.node(next, &Spot { path: &path, start, depth: spot.depth + 1 })?);
        }
    }

    fn entries(&mut self, spot: &Spot<'_>) -> Result<Vec<Entry>, Stopped> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first_lines: HashMap<String, usize> = HashMap::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::MappingEnd {
                return Ok(entries);
            }
            let place = place_of(next.1);
            let key = self.node(next, &Spot { path: "", start: place, depth: spot.depth + 1 })?;
            let key = match key.kind {
                Kind::Text(text) => Some(text),
                Kind::Null | Kind::List(_) | Kind::Map(_) => {
                    self.notes.add(place, "a key is a text", "write `key: value`");
                    None
                }
            };
            let path = path_below(spot.path, key.as_deref().unwrap_or("?"));
            let next = self.next()?;
            let value =
                self.node(next, &Spot { path: &path, start: place, depth: spot.depth + 1 })?;
            let Some(key) = key else { continue };
            if key == "<<" {
                let hint = "write the keys out: what is reviewed should be read in one place";
                self.notes.add(place, "merge keys (`<<`) are not read here", hint);
            } else if let Some(first) = first_lines.get(&key) {
                let what = format!("`{path}` stands here a second time");
                let hint = format!("the first is in line {first}; keep one");
                self.notes.add(place, what, hint);
            } else {
                first_lines.insert(key.clone(), place.line);
                entries.push(Entry { key, place, value });
            }
        }
    }

    fn refuse_tag(&mut self, tag: Option<Tag>, place: Place) {
        if let Some(tag) = tag {
            let what = format!("the YAML tag `{}{}` means nothing here", tag.handle, tag.suffix);
            self.notes.add(place, what, "remove it");
        }
    }
}

/// Where in the tree a node comes to stand.
struct Spot<'p> {
    path: &'p str,
    start: Place,
    depth: usize,
}

fn place_of(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}
