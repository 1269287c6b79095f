//! Where a version field stands, independent of bytes, and the way there through a text.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::path::{Step, pointer_steps};
use super::refusal::Refusal;
use super::scan::{Kind, Scan, Style};

/// Where a version field stands, independent of bytes: it survives edits of other fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Which document of the file, counted from 0.
    pub document: usize,
    /// A JSON Pointer (RFC 6901) to the scalar; empty for a document that is one scalar.
    pub pointer: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.document, self.pointer.as_str()) {
            (0, "") => f.write_str("the whole document"),
            (0, pointer) => f.write_str(pointer),
            (document, pointer) => write!(f, "{pointer} (document {document})"),
        }
    }
}

/// Why a way led nowhere: a document that is not meant, or something that must be told.
#[derive(Debug)]
pub(super) enum Lost {
    /// It is simply not there. In another document it may be; the deeper, the likelier it was meant.
    Missing {
        depth: usize,
        refusal: Refusal,
    },
    Refused(Refusal),
}

impl Lost {
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Missing { refusal, .. } | Self::Refused(refusal) => refusal,
        }
    }
}

/// Finds the node of a place, and refuses it unless it is a scalar that can be edited exactly.
pub(super) fn resolve(scan: &Scan<'_>, place: &Place) -> Result<usize, Refusal> {
    let steps = pointer_steps(&place.pointer).map_err(|(column, why)| {
        let hint = "write it as RFC 6901 has it: /spec/image";
        Refusal::new(format!("character {column} of `{}`", place.pointer), why, hint)
    })?;
    let Some(root) = scan.documents.get(place.document) else {
        return Err(no_document(scan, place.document));
    };
    let steps: Vec<Step> = steps.into_iter().map(Step::Token).collect();
    walk(scan, *root, &steps).map_err(Lost::refusal)
}

pub(super) fn no_document(scan: &Scan<'_>, document: usize) -> Refusal {
    let why = format!("the file has {} of them, counted from 0", scan.documents.len());
    Refusal::new(format!("document {document}"), why, "choose one of these")
}

/// Follows steps down from a document's root to a scalar that can be edited.
pub(super) fn walk(scan: &Scan<'_>, root: usize, steps: &[Step]) -> Result<usize, Lost> {
    let mut at = root;
    for (depth, step) in steps.iter().enumerate() {
        passable(scan, at).map_err(Lost::Refused)?;
        at = match (scan.nodes[at].kind, step) {
            (Kind::Mapping, Step::Key(key) | Step::Token(key)) => under(scan, at, key, depth)?,
            (Kind::Sequence, Step::Index(index)) => item(scan, at, *index, depth)?,
            (Kind::Sequence, Step::Token(token)) => match index_of(token) {
                Some(index) => item(scan, at, index, depth)?,
                None => return Err(missing(scan, at, depth, &format!("no item `{token}`"))),
            },
            (Kind::Sequence, Step::Select { key, value }) => {
                selected(scan, at, (key, value), depth)?
            }
            (Kind::Mapping | Kind::Sequence | Kind::Scalar(_) | Kind::Alias(_), _) => {
                return Err(missing(scan, at, depth, &wanted(step)));
            }
        };
    }
    editable(scan, at).map_err(Lost::Refused)?;
    Ok(at)
}

fn wanted(step: &Step) -> String {
    match step {
        Step::Key(key) | Step::Token(key) => format!("no mapping with a key `{key}`"),
        Step::Index(index) => format!("no sequence with an item [{index}]"),
        Step::Select { key, value } => format!("no sequence to choose [{key}={value}] from"),
    }
}

/// An index as RFC 6901 writes it: no sign, no leading zero.
fn index_of(token: &str) -> Option<usize> {
    let sound =
        token.bytes().all(|b| b.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if sound { token.parse().ok() } else { None }
}

fn missing(scan: &Scan<'_>, at: usize, depth: usize, why: &str) -> Lost {
    let refusal = Refusal::new(
        describe(scan, at),
        format!("there is {why} here"),
        "correct the path, or add the field by hand first: hoist never creates one",
    );
    Lost::Missing { depth, refusal: refusal.at(scan.position(at)) }
}

fn under(scan: &Scan<'_>, mapping: usize, key: &str, depth: usize) -> Result<usize, Lost> {
    let mut found = None;
    let mut merges = None;
    for (name, value) in scan.entries(mapping) {
        match scan.key(name) {
            Some(text) if text == key => {
                if let Some((first, _)) = found.replace((name, value)) {
                    let (line, _) = scan.position(first);
                    return Err(Lost::Refused(duplicate(scan, name, line)));
                }
            }
            Some("<<") => merges = Some(name),
            Some(_) | None => (),
        }
    }
    match (found, merges) {
        (Some((name, _)), _) if key == "<<" => Err(Lost::Refused(merge(scan, name, key))),
        (Some((_, value)), _) => Ok(value),
        (None, Some(name)) => Err(Lost::Refused(merge(scan, name, key))),
        (None, None) => Err(missing(scan, mapping, depth, &format!("no key `{key}`"))),
    }
}

pub(super) fn duplicate(scan: &Scan<'_>, key: usize, first_line: usize) -> Refusal {
    let node = &scan.nodes[key];
    let why = format!("it stands twice in this mapping, first on line {first_line}");
    Refusal::new(format!("the key `{}`", node.value), why, "remove one of the two")
        .at(scan.position(key))
}

fn merge(scan: &Scan<'_>, name: usize, key: &str) -> Refusal {
    let why = match key {
        "<<" => "others may share what is merged here".to_owned(),
        key => format!("`{key}` may come from what is merged here, and others may share that"),
    };
    Refusal::new(
        "a merge key `<<`",
        why,
        "write the field out where it is meant, or name its source",
    )
    .at(scan.position(name))
}

fn item(scan: &Scan<'_>, sequence: usize, index: usize, depth: usize) -> Result<usize, Lost> {
    scan.children(sequence)
        .nth(index)
        .ok_or_else(|| missing(scan, sequence, depth, &format!("no item [{index}]")))
}

fn selected(
    scan: &Scan<'_>,
    sequence: usize,
    (key, value): (&str, &str),
    depth: usize,
) -> Result<usize, Lost> {
    let holds = |item: &usize| {
        scan.nodes[*item].kind == Kind::Mapping
            && scan.entries(*item).any(|(name, held)| {
                let held = &scan.nodes[held];
                scan.key(name) == Some(key)
                    && matches!(held.kind, Kind::Scalar(_))
                    && held.value == value
            })
    };
    let mut matching = scan.children(sequence).filter(holds);
    match (matching.next(), matching.next()) {
        (Some(item), None) => Ok(item),
        (Some(_), Some(second)) => {
            let why = format!("a second item with {key}={value}; the path must choose one");
            let hint = "choose by its number ([0]) or by another key";
            Err(Lost::Refused(Refusal::new("an item", why, hint).at(scan.position(second))))
        }
        (None, _) => Err(missing(scan, sequence, depth, &format!("no item with {key}={value}"))),
    }
}

/// Refuses to go through what also stands elsewhere.
pub(super) fn passable(scan: &Scan<'_>, at: usize) -> Result<(), Refusal> {
    let node = &scan.nodes[at];
    let refused = |why| {
        let hint = "write the value out here, or edit it where its anchor stands";
        Err(Refusal::new(describe(scan, at), why, hint).at(scan.position(at)))
    };
    match node.kind {
        Kind::Alias(_) => refused("the value stands elsewhere, and others may share it"),
        Kind::Mapping | Kind::Sequence | Kind::Scalar(_) if scan.aliased.contains(&node.anchor) => {
            refused("aliases repeat it elsewhere, and they would all change")
        }
        Kind::Mapping | Kind::Sequence | Kind::Scalar(_) => Ok(()),
    }
}

/// Refuses what is no scalar, or none that can be edited exactly.
pub(super) fn editable(scan: &Scan<'_>, at: usize) -> Result<(), Refusal> {
    passable(scan, at)?;
    let node = &scan.nodes[at];
    let refused = |why: &str, hint: &str| {
        Err(Refusal::new(describe(scan, at), why, hint).at(scan.position(at)))
    };
    match node.kind {
        Kind::Mapping if starts_template(scan, at) => refused(
            "it is a template, which reads as a mapping",
            "point the rule at the values file that fills the template",
        ),
        Kind::Mapping | Kind::Sequence | Kind::Alias(_) => {
            refused("one value is wanted here", "let the path go on to the value itself")
        }
        Kind::Scalar(Style::Block) => refused(
            "a block scalar is not edited",
            "write the value on one line, plain or in quotes",
        ),
        Kind::Scalar(_) if node.is_empty_scalar() => refused(
            "nothing stands here that could be replaced",
            "write a first value by hand, if only \"\"",
        ),
        Kind::Scalar(_) if node.value.contains("{{") => refused(
            "a template fills it",
            "point the rule at the values file that fills the template",
        ),
        Kind::Scalar(Style::Plain | Style::Single | Style::Double) => match &node.tag {
            Some(tag) if tag.handle == "tag:yaml.org,2002:" && tag.suffix != "str" => refused(
                &format!("it is tagged !!{}, and a version is a string", tag.suffix),
                "remove the tag, or write !!str",
            ),
            Some(_) | None => Ok(()),
        },
    }
}

fn starts_template(scan: &Scan<'_>, at: usize) -> bool {
    let start = scan.offsets([at])[0];
    scan.text[start..].starts_with("{{")
}

/// Says in a few words what stands there.
pub(super) fn describe(scan: &Scan<'_>, at: usize) -> String {
    let node = &scan.nodes[at];
    match node.kind {
        Kind::Mapping => "a mapping".to_owned(),
        Kind::Sequence => "a sequence".to_owned(),
        Kind::Alias(_) => "an alias".to_owned(),
        Kind::Scalar(Style::Block) => "a block of text".to_owned(),
        Kind::Scalar(_) if node.is_empty_scalar() => "an empty value".to_owned(),
        Kind::Scalar(_) => format!("`{}`", shortened(&node.value)),
    }
}

/// A value short enough for one line of a message.
pub(super) fn shortened(value: &str) -> String {
    let line: String =
        value.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() < value.len() { format!("{line}…") } else { line }
}

/// Finds many places of one text. Each mapping is indexed once, so that ten thousand places in a
/// mapping of ten thousand keys stay linear.
pub(super) fn resolve_all<'p>(
    scan: &Scan<'_>,
    places: impl IntoIterator<Item = &'p Place>,
) -> Vec<Result<usize, Refusal>> {
    let places: Vec<&Place> = places.into_iter().collect();
    // Below this, walking is cheaper than indexing.
    if places.len() < 8 {
        return places.into_iter().map(|place| resolve(scan, place)).collect();
    }
    let mut index = Index { scan, known: HashMap::new() };
    places.into_iter().map(|place| index.find(place)).collect()
}

struct Index<'s, 't> {
    scan: &'s Scan<'t>,
    known: HashMap<usize, Children<'s>>,
}

enum Children<'s> {
    Items(Vec<usize>),
    /// Only what is unambiguous: anything else is left to the walk, which says why.
    Values(HashMap<&'s str, Option<usize>>),
}

impl Index<'_, '_> {
    fn find(&mut self, place: &Place) -> Result<usize, Refusal> {
        match self.descend(place) {
            Some(node) => editable(self.scan, node).map(|()| node),
            None => resolve(self.scan, place),
        }
    }

    fn descend(&mut self, place: &Place) -> Option<usize> {
        let mut at = *self.scan.documents.get(place.document)?;
        for token in pointer_steps(&place.pointer).ok()? {
            passable(self.scan, at).ok()?;
            let scan = self.scan;
            let children = self.known.entry(at).or_insert_with(|| children_of(scan, at));
            at = match children {
                Children::Items(items) => *items.get(index_of(&token)?)?,
                Children::Values(values) => (*values.get(token.as_str())?)?,
            };
        }
        Some(at)
    }
}

fn children_of<'s>(scan: &'s Scan<'_>, at: usize) -> Children<'s> {
    if scan.nodes[at].kind == Kind::Sequence {
        return Children::Items(scan.children(at).collect());
    }
    let mut values = HashMap::new();
    if scan.nodes[at].kind == Kind::Mapping {
        for (name, value) in scan.entries(at) {
            if let Some(key) = scan.key(name).filter(|key| *key != "<<") {
                values.entry(key).and_modify(|seen| *seen = None).or_insert(Some(value));
            }
        }
    }
    Children::Values(values)
}
