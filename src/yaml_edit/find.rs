//! From a rule to the version fields it names.

use std::collections::HashMap;

use super::path::{Step, push_token};
use super::place::{self, Lost, Place, describe, editable, passable, walk};
use super::reference::{self, Reference};
use super::refusal::Refusal;
use super::rule::{Field, Part, Rule, Which};
use super::scalar::token_end;
use super::scan::{Kind, Scan};

/// Finds the version fields that a rule names, or says why there are none to edit.
///
/// `Which` chooses among the documents of a file. A path and a kustomize image must match in exactly
/// one; an image and a marker mean every scalar of the file.
pub fn find(text: &[u8], rule: &Rule, which: &Which) -> Result<Vec<Field>, Refusal> {
    let scan = Scan::read(text)?;
    let chosen = choose(&scan, which)?;
    let hits = match rule {
        Rule::Path(path) => one_document(&scan, &chosen, |root| {
            walk(&scan, root, &path.steps).map(|node| vec![(node, Part::Whole)])
        })?,
        Rule::KustomizeImage(name) => {
            one_document(&scan, &chosen, |root| kustomize_image(&scan, root, name))?
        }
        Rule::Image(repository) => references(&scan, &chosen, repository)?,
        Rule::Marker(name) => marked(&scan, &chosen, name)?,
    };
    fields(&scan, &hits)
}

type Hits = Vec<(usize, Part)>;

/// The documents a rule may look at, by number.
fn choose(scan: &Scan<'_>, which: &Which) -> Result<Vec<usize>, Refusal> {
    match which {
        Which::Matching if scan.documents.is_empty() => {
            Err(Refusal::new("the file", "it holds no document", "write the field by hand first"))
        }
        Which::Matching => Ok((0..scan.documents.len()).collect()),
        Which::Index(index) if *index < scan.documents.len() => Ok(vec![*index]),
        Which::Index(index) => Err(place::no_document(scan, *index)),
        Which::Named { kind, name } => {
            let named = |root: usize| {
                text_at(scan, root, &["kind"]) == Some(kind)
                    && text_at(scan, root, &["metadata", "name"]) == Some(name)
            };
            let found: Vec<usize> =
                (0..scan.documents.len()).filter(|n| named(scan.documents[*n])).collect();
            let what = format!("{kind} `{name}`");
            match found.as_slice() {
                [_] => Ok(found),
                [] => {
                    let why = "no document of the file has this kind and metadata.name";
                    Err(Refusal::new(what, why, "correct the name, or choose by number"))
                }
                [_, second, ..] => {
                    let at = scan.position(scan.documents[*second]);
                    let why = "a second document has this kind and metadata.name";
                    Err(Refusal::new(what, why, "choose by number").at(at))
                }
            }
        }
    }
}

fn text_at<'s>(scan: &'s Scan<'_>, root: usize, keys: &[&str]) -> Option<&'s String> {
    let mut at = root;
    for key in keys {
        if scan.nodes[at].kind != Kind::Mapping {
            return None;
        }
        at = scan.entries(at).find(|(name, _)| scan.key(*name) == Some(key))?.1;
    }
    matches!(scan.nodes[at].kind, Kind::Scalar(_)).then_some(&scan.nodes[at].value)
}

/// Looks in each document and insists that exactly one has it.
fn one_document(
    scan: &Scan<'_>,
    chosen: &[usize],
    look: impl Fn(usize) -> Result<Hits, Lost>,
) -> Result<Hits, Refusal> {
    let mut found: Option<Hits> = None;
    let mut nearest: Option<(usize, Refusal)> = None;
    for document in chosen {
        match look(scan.documents[*document]) {
            Ok(hits) => {
                if found.is_some() {
                    let at = hits.first().map_or((1, 1), |(node, _)| scan.position(*node));
                    let why = "a second document of the file matches";
                    let hint = "choose the document, by number or by kind and name";
                    return Err(Refusal::new(format!("document {document}"), why, hint).at(at));
                }
                found = Some(hits);
            }
            Err(Lost::Refused(refusal)) => return Err(refusal),
            Err(Lost::Missing { depth, refusal }) => {
                if nearest.as_ref().is_none_or(|(deepest, _)| depth > *deepest) {
                    nearest = Some((depth, refusal));
                }
            }
        }
    }
    match (found, nearest) {
        (Some(hits), _) => Ok(hits),
        (None, Some((_, refusal))) => Err(refusal),
        (None, None) => Err(Refusal::new("the file", "it holds no document", "write one first")),
    }
}

/// The entry of `images:` with this `name`, and which of `newTag` and `digest` it has.
fn kustomize_image(scan: &Scan<'_>, root: usize, name: &str) -> Result<Hits, Lost> {
    let entry = [
        Step::Key("images".to_owned()),
        Step::Select { key: "name".to_owned(), value: name.to_owned() },
    ];
    let under = |key: &str| {
        let steps: Vec<Step> = entry.iter().cloned().chain([Step::Key(key.to_owned())]).collect();
        walk(scan, root, &steps)
    };
    let mut hits = Vec::new();
    let mut nothing = None;
    for (key, part) in [("newTag", Part::Tag), ("digest", Part::Digest)] {
        match under(key) {
            Ok(node) => hits.push((node, part)),
            Err(Lost::Missing { depth, refusal }) => nothing = Some((depth, refusal)),
            Err(Lost::Refused(refusal)) => return Err(Lost::Refused(refusal)),
        }
    }
    hits.sort_unstable_by_key(|(node, _)| *node);
    match nothing {
        Some((depth, refusal)) if hits.is_empty() => {
            let refusal = match depth {
                2 => Refusal {
                    what: format!("the images entry `{name}`"),
                    why: "it has neither newTag nor digest".to_owned(),
                    hint: "add the one you want by hand: hoist never creates a key".to_owned(),
                    ..refusal
                },
                _ => Refusal {
                    why: format!("{} (looking for the images entry `{name}`)", refusal.why),
                    hint: "add the entry with its newTag or digest by hand, or correct the name"
                        .to_owned(),
                    ..refusal
                },
            };
            Err(Lost::Missing { depth, refusal })
        }
        Some(_) | None => Ok(hits),
    }
}

/// Every scalar that refers to this repository and carries a version.
fn references(scan: &Scan<'_>, chosen: &[usize], repository: &str) -> Result<Hits, Refusal> {
    let mut hits = Vec::new();
    for document in chosen {
        let root = scan.documents[*document];
        for index in root..scan.nodes[root].end {
            let node = &scan.nodes[index];
            let named = matches!(node.kind, Kind::Scalar(_))
                && node.value.starts_with(repository)
                && Reference::read(&node.value).is_some_and(|r| r.repository == repository);
            if named {
                hits.push((index, Part::Reference));
            }
        }
    }
    // A key that looks like a reference is no version field.
    let keys = keys(scan);
    hits.retain(|(node, _)| !keys[*node]);
    if hits.is_empty() {
        let what = format!("the repository `{repository}`");
        let why = "no scalar of the file refers to it with a tag or a digest";
        return Err(Refusal::new(what, why, "correct the rule, or write the reference by hand"));
    }
    Ok(hits)
}

/// Which nodes are keys of a mapping, themselves or inside a key.
fn keys(scan: &Scan<'_>) -> Vec<bool> {
    let mut keys = vec![false; scan.nodes.len()];
    for index in 0..scan.nodes.len() {
        if scan.nodes[index].kind == Kind::Mapping {
            for (name, _) in scan.entries(index) {
                keys[name..scan.nodes[name].end].fill(true);
            }
        }
    }
    keys
}

/// Every scalar at the end of whose line stands `# hoist: NAME`.
fn marked(scan: &Scan<'_>, chosen: &[usize], rule: &str) -> Result<Hits, Refusal> {
    let (name, wanted) = marker_part(rule);
    let keys = keys(scan);
    let mut hits = Vec::new();
    for comment in markers(scan) {
        if comment.name != name {
            continue;
        }
        let node = marked_scalar(scan, &comment, &keys)?;
        let document = scan.documents.partition_point(|root| *root <= node).saturating_sub(1);
        if !chosen.contains(&document) {
            continue;
        }
        let part = part_of(scan, node, comment.part)?;
        if wanted.is_none_or(|wanted| wanted == part) {
            hits.push((node, part));
        }
    }
    if hits.is_empty() {
        let what = format!("the marker `# hoist: {rule}`");
        let why = "no value of the file stands on a line that ends in this comment";
        let hint = "write the comment behind the value, on the same line";
        return Err(Refusal::new(what, why, hint));
    }
    Ok(hits)
}

/// A marker comment as it stands in the text.
struct Marker<'a> {
    line: usize,
    /// The byte of its `#`.
    at: usize,
    name: &'a str,
    part: Option<Part>,
    /// The last node that starts on or before its line, and the byte at which it does.
    last: Option<(usize, usize)>,
}

fn marker_part(text: &str) -> (&str, Option<Part>) {
    match text.rsplit_once(':') {
        Some((name, "tag")) => (name, Some(Part::Tag)),
        Some((name, "digest")) => (name, Some(Part::Digest)),
        Some(_) | None => (text, None),
    }
}

/// Lists what looks like a marker, in one pass over lines and nodes.
fn markers<'a>(scan: &Scan<'a>) -> Vec<Marker<'a>> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut start = 0;
    let mut node = 0;
    let mut last = None;
    let bytes = scan.text.as_bytes();
    while start < bytes.len() {
        let length = bytes[start..].iter().position(|b| matches!(b, b'\n' | b'\r'));
        let end = length.map_or(bytes.len(), |length| start + length);
        while node < scan.nodes.len() && scan.nodes[node].line <= line {
            // An empty value's position says nothing.
            if !scan.nodes[node].is_empty_scalar() {
                last = Some((node, 0));
            }
            node += 1;
        }
        if let Some((at, text)) = marker_in(&scan.text[start..end]) {
            let (name, part) = marker_part(text);
            found.push(Marker { line, at: start + at, name, part, last });
        }
        let pair = bytes.get(end) == Some(&b'\r') && bytes.get(end + 1) == Some(&b'\n');
        start = end + if pair { 2 } else { 1 };
        line += 1;
    }
    let offsets = scan.offsets(found.iter().filter_map(|m| m.last.map(|(node, _)| node)));
    for (marker, offset) in found.iter_mut().filter(|m| m.last.is_some()).zip(offsets) {
        marker.last = marker.last.map(|(node, _)| (node, offset));
    }
    found
}

/// The last `# hoist:` of a line, where it starts and what follows it.
fn marker_in(line: &str) -> Option<(usize, &str)> {
    let (at, _) = line.rmatch_indices('#').find(|(at, _)| {
        let rest = line[at + 1..].trim_start();
        rest.starts_with("hoist:") && (*at == 0 || matches!(line.as_bytes()[at - 1], b' ' | b'\t'))
    })?;
    let rest = line[at + 1..].trim_start();
    Some((at, rest["hoist:".len()..].trim()))
}

/// The one scalar that a marker stands behind.
fn marked_scalar(scan: &Scan<'_>, marker: &Marker<'_>, keys: &[bool]) -> Result<usize, Refusal> {
    let name = marker.name;
    let refused = |why: String| {
        let hint = "write the comment behind the one value that is meant, on its line";
        let at = super::scan::position_of(scan.text, marker.at);
        Err(Refusal::new(format!("the marker `# hoist: {name}`"), why, hint).at(at))
    };
    let Some((last, start)) = marker.last else {
        return refused("no value stands before it".to_owned());
    };
    let node = &scan.nodes[last];
    let Kind::Scalar(style) = node.kind else {
        return refused(format!("{} stands before it, not a value", describe(scan, last)));
    };
    let Some(end) = token_end(scan.text, start, style, &node.value) else {
        return refused(format!("{} stands before it", describe(scan, last)));
    };
    let between = scan.text.get(end..marker.at);
    match between.map(|between| between.trim_matches([' ', '\t', ',', ']', '}'])) {
        Some("") => (),
        Some(_) if node.line < marker.line => {
            return refused("no value stands on its line".to_owned());
        }
        Some(_) => return refused("no value stands directly before it".to_owned()),
        None => return refused("it is text inside a value, not a comment".to_owned()),
    }
    // `[a, b] # hoist: x` says two things.
    let others = (0..last).rev().take_while(|n| scan.nodes[*n].line == node.line);
    let value =
        |n: usize| !keys[n] && matches!(scan.nodes[n].kind, Kind::Scalar(_) | Kind::Alias(_));
    if others.into_iter().any(value) {
        return refused("more than one value stands on its line".to_owned());
    }
    Ok(last)
}

/// What the marked scalar holds, as the marker says or as it looks.
fn part_of(scan: &Scan<'_>, node: usize, said: Option<Part>) -> Result<Part, Refusal> {
    let value = &scan.nodes[node].value;
    let looks = if reference::is_digest(value) {
        Part::Digest
    } else if Reference::read(value).is_some() {
        Part::Reference
    } else {
        Part::Tag
    };
    match (said, looks) {
        (Some(said), looks) if said != looks && looks != Part::Tag => {
            let why = "its marker says otherwise";
            let what = format!("{}, which is a {}", describe(scan, node), looks.name());
            let hint = "correct the marker: without :tag or :digest it takes what stands there";
            Err(Refusal::new(what, why, hint).at(scan.position(node)))
        }
        (Some(said), _) => Ok(said),
        (None, looks) => Ok(looks),
    }
}

/// Turns nodes into fields: checks each way down from the root, and writes it as a pointer.
fn fields(scan: &Scan<'_>, hits: &Hits) -> Result<Vec<Field>, Refusal> {
    let mut ways = Ways { scan, open: Vec::new(), next: 0, repeated: HashMap::new() };
    let mut fields = Vec::with_capacity(hits.len());
    for (node, part) in hits {
        let place = ways.to(*node)?;
        editable(scan, *node)?;
        let (line, column) = scan.position(*node);
        let value = scan.nodes[*node].value.clone();
        fields.push(Field { place, part: *part, value, line, column });
    }
    Ok(fields)
}

/// Walks once through the nodes, and knows the way down to where it stands.
struct Ways<'s, 't> {
    scan: &'s Scan<'t>,
    /// Each collection that is open.
    open: Vec<Open>,
    next: usize,
    /// The keys that a mapping holds twice, per mapping that was asked about.
    repeated: HashMap<usize, HashMap<&'s str, usize>>,
}

#[derive(Clone, Copy)]
struct Open {
    at: usize,
    /// How many of its children have begun.
    begun: usize,
    /// The last of them, and the one before it.
    last: usize,
    before: usize,
}

impl Ways<'_, '_> {
    /// The place of a node at or after the last one asked for.
    fn to(&mut self, node: usize) -> Result<Place, Refusal> {
        while self.next <= node {
            let index = self.next;
            while self.open.last().is_some_and(|open| self.scan.nodes[open.at].end <= index) {
                self.open.pop();
            }
            if let Some(open) = self.open.last_mut() {
                *open = Open { begun: open.begun + 1, last: index, before: open.last, ..*open };
            }
            if matches!(self.scan.nodes[index].kind, Kind::Mapping | Kind::Sequence) {
                self.open.push(Open { at: index, begun: 0, last: index, before: index });
            }
            self.next += 1;
        }
        let document = self.scan.documents.partition_point(|root| *root <= node) - 1;
        let mut pointer = String::new();
        for level in 0..self.open.len() {
            let open = self.open[level];
            if open.at == node {
                break;
            }
            passable(self.scan, open.at)?;
            match self.scan.nodes[open.at].kind {
                Kind::Sequence => push_token(&mut pointer, &(open.begun - 1).to_string()),
                Kind::Mapping | Kind::Scalar(_) | Kind::Alias(_) => {
                    push_token(&mut pointer, self.key(open)?);
                }
            }
        }
        Ok(Place { document, pointer })
    }

    /// The key of the value that a mapping is open at.
    fn key(&mut self, open: Open) -> Result<&str, Refusal> {
        let scan = self.scan;
        let refused = |what: String, why: &str, at: usize| {
            let hint = "rewrite this part of the file, or exclude it from the rule";
            Err(Refusal::new(what, why, hint).at(scan.position(at)))
        };
        let key = if open.begun.is_multiple_of(2) { scan.key(open.before) } else { None };
        let Some(key) = key else {
            let why = "it stands in or under a key that no path can name";
            return refused(describe(scan, open.last), why, open.last);
        };
        if key == "<<" {
            return refused("a merge key `<<`".to_owned(), "others may share it", open.before);
        }
        let repeated = self.repeated.entry(open.at).or_insert_with(|| repeated_keys(scan, open.at));
        match repeated.get(key) {
            Some(first_line) => Err(place::duplicate(scan, open.before, *first_line)),
            None => Ok(key),
        }
    }
}

fn repeated_keys<'s>(scan: &'s Scan<'_>, mapping: usize) -> HashMap<&'s str, usize> {
    let mut seen = HashMap::new();
    let mut repeated = HashMap::new();
    for (name, _) in scan.entries(mapping) {
        if let Some(key) = scan.key(name) {
            let line = scan.nodes[name].line;
            if let Some(first) = seen.insert(key, line) {
                repeated.insert(key, first);
            }
        }
    }
    repeated
}
