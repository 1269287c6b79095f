//! Other eyes than the editor's: a parser that shares no line with its two (`yaml-edit`'s own, a lossless
//! tree), and its second one on all of both texts, where the proof need not read all.

use std::str::FromStr;

use hoist::yaml_edit::{Edit, Place};
use serde::Deserialize as _;
use serde_yaml::Value;
use yaml_edit::{YamlFile, YamlNode};

/// The scalar at a place as that parser reads it, or nothing where it cannot.
pub fn value_at(text: &[u8], place: &Place) -> Option<String> {
    let file = YamlFile::from_str(std::str::from_utf8(text).ok()?).ok()?;
    let document = file.documents().nth(place.document)?;
    let mut tokens =
        place.pointer.split('/').skip(1).map(|t| t.replace("~1", "/").replace("~0", "~"));
    let Some(first) = tokens.next() else {
        return document.as_scalar().map(|scalar| scalar.as_string());
    };
    let mut node = match document.as_sequence() {
        Some(sequence) => sequence.get(first.parse().ok()?)?,
        None => document.get(first.as_str())?,
    };
    for token in tokens {
        node = match node.as_sequence() {
            Some(sequence) => sequence.get(token.parse().ok()?)?,
            None => node.as_mapping()?.get(token.as_str())?,
        };
    }
    if let YamlNode::Scalar(scalar) = node { Some(scalar.as_string()) } else { None }
}

/// Whether all that the editor's second parser reads is as it was, but for these edits; nothing where it
/// does not read the text before, or names no such value in it.
pub fn reads_only(before: &[u8], after: &[u8], edits: &[Edit]) -> Option<bool> {
    let mut wanted = documents(before)?;
    for edit in edits {
        let mut at = wanted.get_mut(edit.place.document)?;
        for token in edit.place.pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            at = match at {
                Value::Sequence(items) => items.get_mut(token.parse::<usize>().ok()?)?,
                Value::Mapping(entries) => entries.get_mut(token.as_str())?,
                Value::Null | Value::Bool(_) | Value::Number(_) => return None,
                Value::String(_) | Value::Tagged(_) => return None,
            };
        }
        if edit.value != edit.expect {
            let at = if let Value::Tagged(tagged) = at { &mut tagged.value } else { at };
            *at = Value::String(edit.value.clone());
        }
    }
    Some(documents(after) == Some(wanted))
}

fn documents(text: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_yaml::Deserializer::from_str(text).map(|one| Value::deserialize(one).ok()).collect()
}
