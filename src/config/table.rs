//! How a table of keys is written down: one source for the reader's checks and the JSON Schema.

use super::fields::suggestion;
use super::problem::Notes;
use super::tree::{Kind, Node};

/// The keys of one mapping.
pub(super) struct Table {
    /// What the mapping describes, with its article: `a repository`.
    pub(super) what: &'static str,
    /// Its keys, in the order in which people write them.
    pub(super) keys: &'static [Key],
}

/// One key.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) need: Need,
    pub(super) shape: Shape,
    /// For people: what it means. Becomes the schema's description.
    pub(super) says: &'static str,
}

/// Whether a key must, may or cannot yet stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
    /// Named in the contract; its feature does not exist yet.
    Planned,
}

/// What a key's value looks like, as far as a schema can tell.
pub(super) enum Shape {
    /// A text, with a regular expression where one helps an editor.
    Text(Option<&'static str>),
    /// One of some words.
    Word(fn() -> Vec<&'static str>),
    /// A number from … to …
    Count(u64, u64),
    /// A mapping with known keys.
    Keys(&'static Table),
    /// A mapping from names to values of one shape.
    Named(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// Nothing at all after the colon.
    Empty,
    /// One of several.
    Either(&'static [Shape]),
    /// Nothing that is accepted today.
    Nothing,
}

pub(super) const fn required(name: &'static str, shape: Shape, says: &'static str) -> Key {
    Key { name, need: Need::Required, shape, says }
}

pub(super) const fn optional(name: &'static str, shape: Shape, says: &'static str) -> Key {
    Key { name, need: Need::Optional, shape, says }
}

pub(super) const fn planned(name: &'static str) -> Key {
    Key { name, need: Need::Planned, shape: Shape::Nothing, says: "" }
}

impl Key {
    /// What it means, inside a sentence.
    pub(super) fn in_passing(&self) -> String {
        let mut says = self.says.trim_end_matches('.').chars();
        says.next().map(|first| first.to_lowercase().chain(says).collect()).unwrap_or_default()
    }
}

impl Table {
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys that may stand today.
    pub(super) fn built(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().filter(|key| key.need != Need::Planned)
    }
}

/// Words of which one is chosen, each with its meaning.
pub(super) struct Words<T: 'static> {
    pub(super) built: &'static [(&'static str, T)],
    /// Named in the contract; what they stand for does not exist yet.
    pub(super) planned: &'static [&'static str],
}

impl<T: Copy> Words<T> {
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.built.iter().map(|(name, _)| *name).collect()
    }

    /// Reads one of the words.
    pub(super) fn read(&self, node: &Node, notes: &mut Notes<'_>) -> Option<T> {
        let names = self.names();
        let known = || format!("known are {}", in_backticks(&names));
        let Kind::Text(text) = &node.kind else {
            let what = format!("{}: a word is wanted, not {}", node.path, node.kind.name());
            notes.add(node.place, what, known());
            return None;
        };
        if let Some((_, value)) = self.built.iter().find(|(name, _)| name == text) {
            return Some(*value);
        }
        if self.planned.contains(&text.as_str()) {
            let what = format!("{}: `{text}` is planned and not built yet", node.path);
            let hint = format!("built is {}", in_backticks(&names));
            notes.add(node.place, what, hint);
            return None;
        }
        let hint = suggestion(text, &names).unwrap_or_else(known);
        notes.add(node.place, format!("{}: `{text}` is not known", node.path), hint);
        None
    }
}

/// `a`, `b`, `c`: each in backticks.
pub(super) fn in_backticks(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
