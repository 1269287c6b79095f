//! Reading values out of the tree; each reader notes what is wrong and lets the next one go on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use super::check::Mistake;
use super::problem::{Notes, Place};
use super::table::{Need, Table, in_backticks};
use super::tree::{Entry, Kind, Node};
use crate::domain::nearest::nearest;

/// A mapping whose keys have been held against a table.
pub(super) struct Fields<'n> {
    node: &'n Node,
    table: &'static Table,
}

impl<'n> Fields<'n> {
    /// Notes unknown, planned, empty and missing keys; none if `node` is no mapping.
    pub(super) fn open(
        node: &'n Node,
        table: &'static Table,
        notes: &mut Notes<'_>,
    ) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            wrong_kind(node, table.what, notes);
            return None;
        };
        for entry in entries {
            check_key(node, entry, table, notes);
        }
        for key in table.built().filter(|key| key.need == Need::Required) {
            if node.entry(key.name).is_none() {
                let what = format!("`{}` is missing", node.missing(key.name));
                notes.add(
                    node.place,
                    what,
                    format!("{} needs it: {}", table.what, key.in_passing()),
                );
            }
        }
        Some(Self { node, table })
    }

    /// The value of a key that may stand today, where it has one.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        let known = self.table.key(name).is_some_and(|key| key.need != Need::Planned);
        debug_assert!(known, "`{name}` is read and not in the table");
        self.node.entry(name).filter(|value| !matches!(value.kind, Kind::Null))
    }

    /// Tells whether every key is one that may stand; if not, it has been noted, and what seems to
    /// be missing may be what was mistyped.
    pub(super) fn all_known(&self) -> bool {
        let Kind::Map(entries) = &self.node.kind else { return false };
        entries
            .iter()
            .all(|entry| self.table.key(&entry.key).is_some_and(|key| key.need != Need::Planned))
    }

    /// The mapping itself.
    pub(super) fn node(&self) -> &'n Node {
        self.node
    }
}

fn check_key(node: &Node, entry: &Entry, table: &Table, notes: &mut Notes<'_>) {
    let Some(key) = table.key(&entry.key) else {
        let within =
            if node.path.is_empty() { String::new() } else { format!(" in {}", node.path) };
        let names: Vec<&str> = table.built().map(|key| key.name).collect();
        let hint = suggestion(&entry.key, &names)
            .unwrap_or_else(|| format!("{} knows {}", table.what, in_backticks(&names)));
        notes.add(entry.place, format!("unknown key `{}`{within}", entry.key), hint);
        return;
    };
    match key.need {
        Need::Planned => {
            let what = format!("`{}` is planned and not built yet", entry.value.path);
            notes.add(entry.place, what, "remove it until it is");
        }
        Need::Required | Need::Optional if matches!(entry.value.kind, Kind::Null) => {
            let what = format!("`{}` has no value", entry.value.path);
            notes.add(entry.place, what, "give it one, or remove the key");
        }
        Need::Required | Need::Optional => (),
    }
}

/// The nearest of `names`, if it is near enough to be meant.
pub(super) fn suggestion(typed: &str, names: &[&str]) -> Option<String> {
    nearest(typed, names).map(|name| format!("did you mean `{name}`?"))
}

/// Notes that something else was wanted than what stands there.
pub(super) fn wrong_kind(node: &Node, wanted: &str, notes: &mut Notes<'_>) {
    let path = if node.path.is_empty() { "the file" } else { &node.path };
    let what = format!("{path}: {wanted} is wanted, not {}", node.kind.name());
    let hint = match &node.kind {
        Kind::Null => "write it, or remove the key",
        Kind::Text(_) | Kind::List(_) | Kind::Map(_) => "see config/ for an example",
    };
    notes.add(node.place, what, hint);
}

/// A scalar's text.
pub(super) fn text<'n>(node: &'n Node, notes: &mut Notes<'_>) -> Option<&'n str> {
    match &node.kind {
        Kind::Text(text) if text.trim().is_empty() => {
            notes.add(node.place, format!("{}: the text is empty", node.path), "write one");
            None
        }
        Kind::Text(text) => Some(text),
        Kind::Null | Kind::List(_) | Kind::Map(_) => {
            wrong_kind(node, "a text", notes);
            None
        }
    }
}

/// A scalar that is made into a value by its own rules.
pub(super) fn parsed<T>(node: &Node, hint: &str, notes: &mut Notes<'_>) -> Option<T>
where
    T: FromStr,
    T::Err: Display,
{
    text(node, notes)?
        .parse()
        .map_err(|error| notes.add(node.place, format!("{}: {error}", node.path), hint))
        .ok()
}

/// A name in the place of a key.
pub(super) fn parsed_key<T>(entry: &Entry, notes: &mut Notes<'_>) -> Option<T>
where
    T: FromStr,
    T::Err: Display,
{
    let note = |error: T::Err| notes.add(entry.place, error.to_string(), "choose another name");
    entry.key.parse().map_err(note).ok()
}

/// Reads a text by rules of its own, and notes its mistake.
pub(super) fn checked<T>(
    node: &Node,
    check: impl FnOnce(&str) -> Result<T, Mistake>,
    notes: &mut Notes<'_>,
) -> Option<T> {
    let (what, hint) = match check(text(node, notes)?) {
        Ok(value) => return Some(value),
        Err(mistake) => mistake,
    };
    notes.add(node.place, format!("{}: {what}", node.path), hint);
    None
}

/// A list's items.
pub(super) fn items<'n>(node: &'n Node, notes: &mut Notes<'_>) -> Option<&'n [Node]> {
    match &node.kind {
        Kind::List(items) => Some(items),
        Kind::Null | Kind::Text(_) | Kind::Map(_) => {
            wrong_kind(node, "a list", notes);
            None
        }
    }
}

/// A mapping whose keys are names.
pub(super) fn entries<'n>(node: &'n Node, notes: &mut Notes<'_>) -> Option<&'n [Entry]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        Kind::Null | Kind::Text(_) | Kind::List(_) => {
            wrong_kind(node, "a mapping from names", notes);
            None
        }
    }
}

/// Reads a mapping from names; what cannot be read is noted and left out.
pub(super) fn named<K, V>(
    fields: &Fields<'_>,
    name: &str,
    notes: &mut Notes<'_>,
    mut read: impl FnMut(&K, &Entry, &mut Notes<'_>) -> Option<V>,
) -> BTreeMap<K, V>
where
    K: FromStr + Ord,
    K::Err: Display,
{
    let mut found = BTreeMap::new();
    let Some(node) = fields.get(name) else { return found };
    for entry in entries(node, notes).unwrap_or_default() {
        let Some(key) = parsed_key::<K>(entry, notes) else { continue };
        if let Some(value) = read(&key, entry, notes) {
            found.insert(key, value);
        }
    }
    found
}

/// A list of names, all different; what is no name is noted and left out.
pub(super) fn names<'n, T>(node: &'n Node, notes: &mut Notes<'_>) -> Vec<(T, &'n Node)>
where
    T: FromStr + Clone + Ord + Display,
    T::Err: Display,
{
    let mut found: Vec<(T, &'n Node)> = Vec::new();
    let mut seen: BTreeSet<T> = BTreeSet::new();
    for item in items(node, notes).unwrap_or_default() {
        let Some(name) = parsed::<T>(item, "choose another name", notes) else { continue };
        if seen.insert(name.clone()) {
            found.push((name, item));
        } else {
            notes.add(item.place, format!("{}: `{name}` stands twice", node.path), "keep one");
        }
    }
    found
}

/// A list of names that must all be in `known`.
pub(super) fn known<T>(node: &Node, known: &BTreeSet<String>, notes: &mut Notes<'_>) -> Vec<T>
where
    T: FromStr + Clone + Ord + Display,
    T::Err: Display,
{
    let found = names::<T>(node, notes);
    for (name, item) in &found {
        check_known(item, &name.to_string(), known, notes);
    }
    found.into_iter().map(|(name, _)| name).collect()
}

/// Notes a name that is not in `known`.
pub(super) fn check_known(
    node: &Node,
    name: &str,
    known: &BTreeSet<String>,
    notes: &mut Notes<'_>,
) {
    if !known.contains(name) {
        dangling(node, name, &known.iter().map(String::as_str).collect::<Vec<_>>(), notes);
    }
}

/// Notes a name that nothing has.
pub(super) fn dangling(node: &Node, name: &str, known: &[&str], notes: &mut Notes<'_>) {
    dangling_at(node.place, &node.path, name, known, notes);
}

/// Like [`dangling`], for a node that is gone.
pub(super) fn dangling_at(
    place: Place,
    path: &str,
    name: &str,
    known: &[&str],
    notes: &mut Notes<'_>,
) {
    let listed = || match known {
        [] => "none is known".to_owned(),
        known => format!("known are {}", in_backticks(known)),
    };
    let hint = suggestion(name, known).unwrap_or_else(listed);
    notes.add(place, format!("{path}: there is no `{name}`"), hint);
}
