//! Reads the rules that name version fields.

use crate::domain::pipeline::{DocumentChoice, EditRule, Target};
use crate::domain::template::Template;

use super::check;
use super::fields::{Fields, checked, text};
use super::policy::{count, image_template};
use super::problem::Notes;
use super::tables::{DOCUMENT, EDIT};
use super::tree::{Kind, Node};

/// What may stand in a rule's names.
const OVER_APPLICATION: &[&str] = &["application"];

/// What may stand in a rule's `value`.
const OVER_ARTIFACT: &[&str] = &["tag", "digest", "version", "image"];

/// The keys of which a rule has one.
const TARGETS: [&str; 4] = ["kustomize_image", "image", "path", "marker"];

/// A text with placeholders, of which only `known` may stand.
pub(super) fn template(node: &Node, known: &[&str], notes: &mut Notes<'_>) -> Option<Template> {
    Template::parse(text(node, notes)?, known)
        .map_err(|error| {
            let hint = "write a known one; a `{` always starts a placeholder here";
            notes.add(node.place, format!("{}: {error}", node.path), hint);
        })
        .ok()
}

/// One rule of an environment's `edit`.
pub(super) fn edit_rule(node: &Node, notes: &mut Notes<'_>) -> Option<EditRule> {
    let fields = Fields::open(node, &EDIT, notes)?;
    let file = fields.get("file").and_then(|node| file(node, notes));
    let target = target(&fields, notes);
    let document = match fields.get("document") {
        Some(node) => Some(document(node, notes)?),
        None => None,
    };
    Some(EditRule { file: file?, target: target?, document })
}

fn file(node: &Node, notes: &mut Notes<'_>) -> Option<Template> {
    checked(node, check::repository_file, notes)?;
    template(node, OVER_APPLICATION, notes)
}

fn target(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Target> {
    let rule = fields.node();
    let named: Vec<(&str, &Node)> =
        TARGETS.iter().filter_map(|key| fields.get(key).map(|node| (*key, node))).collect();
    if named.is_empty() && !fields.all_known() {
        return None;
    }
    let [(key, node)] = named.as_slice() else {
        let what = if named.is_empty() {
            format!("{}: this rule does not say what to change", rule.path)
        } else {
            let keys: Vec<String> = named.iter().map(|(key, _)| format!("`{key}`")).collect();
            format!("{}: {} stand together", rule.path, keys.join(" and "))
        };
        let hint =
            "a rule has one of `kustomize_image`, `image`, `path` (with `value`) and `marker`";
        notes.add(rule.place, what, hint);
        return None;
    };
    let value = fields.get("value");
    match *key {
        "path" => path_target(node, value, notes),
        "marker" => {
            let name = marker(node, notes);
            let value = match value {
                Some(node) => Some(value_template(node, notes)?),
                None => None,
            };
            Some(Target::Marker { name: name?, value })
        }
        key => {
            if let Some(value) = value {
                let what = format!("{}: `{key}` decides what is written", value.path);
                notes.add(value.place, what, "remove `value`, or name the field with `path`");
            }
            if key == "image" {
                image_template(node, notes).map(Target::Image)
            } else {
                template(node, OVER_APPLICATION, notes).map(Target::KustomizeImage)
            }
        }
    }
}

fn path_target(node: &Node, value: Option<&Node>, notes: &mut Notes<'_>) -> Option<Target> {
    let path = template(node, OVER_APPLICATION, notes).filter(|path| {
        let parsed = path.as_str().parse::<crate::yaml_edit::Path>();
        if let Err(error) = &parsed {
            let hint = "write a.b[name=x].c, with [\"quoted keys\"], or a JSON Pointer";
            notes.add(node.place, format!("{}: {error}", node.path), hint);
        }
        parsed.is_ok()
    });
    let Some(value) = value else {
        let what = format!("{}: a path needs a `value`", node.path);
        notes.add(node.place, what, "add what is written there, as `value: \"{tag}\"`");
        return None;
    };
    let value = value_template(value, notes);
    Some(Target::Path { path: path?, value: value? })
}

fn value_template(node: &Node, notes: &mut Notes<'_>) -> Option<Template> {
    let value = template(node, OVER_ARTIFACT, notes)?;
    if !value.as_str().contains('{') {
        let what = format!("{}: `{value}` is the same for every artifact", node.path);
        notes.add(node.place, what, "write {tag}, {digest}, {version} or {image} into it");
        return None;
    }
    Some(value)
}

fn marker(node: &Node, notes: &mut Notes<'_>) -> Option<Template> {
    let name = template(node, OVER_APPLICATION, notes)?;
    if name.as_str().contains(char::is_whitespace) || name.as_str().contains('#') {
        let what = format!("{}: `{name}` cannot be a marker's name", node.path);
        notes.add(node.place, what, "write the word that follows `# hoist:`");
        return None;
    }
    Some(name)
}

fn document(node: &Node, notes: &mut Notes<'_>) -> Option<DocumentChoice> {
    if let Kind::Text(_) = node.kind {
        let number = count(node, 0, 9_999, notes)?;
        return usize::try_from(number).ok().map(DocumentChoice::Index);
    }
    let fields = Fields::open(node, &DOCUMENT, notes)?;
    let kind = fields.get("kind").and_then(|node| text(node, notes)).map(str::to_owned);
    let name = fields.get("name").and_then(|node| template(node, OVER_APPLICATION, notes));
    Some(DocumentChoice::Named { kind: kind?, name: name? })
}
