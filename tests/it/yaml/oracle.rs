//! A parser that shares no line with the two the editor uses: `yaml-edit`'s own, a lossless tree.

use std::str::FromStr;

use hoist::yaml_edit::Place;
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
