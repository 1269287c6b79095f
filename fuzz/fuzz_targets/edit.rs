//! Marks a value of any text, edits it, and holds the result against every promise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize as _;
use serde_yaml::Value;

#[path = "../../src/yaml_edit/mod.rs"]
#[expect(unused_imports, reason = "not all of the room is tried")]
mod yaml_edit;

use yaml_edit::{Edit, Field, Place, Rule, Which, edit, find, only_changed, prove};

fuzz_target!(|input: &[u8]| {
    // The first bytes choose a line, a value, and a byte to spoil.
    let [line, value, spoiled, text @ ..] = input else { return };
    let values = ["v2", "1.10", "a: b", "it's \"x\"", "日本 #x", "- a", "", "a\nb", "--x=y", "~"];
    let value = values[usize::from(*value) % values.len()];
    for path in ["a", "[0]", "a.b", "/0/a", "a[0]"] {
        let rule = Rule::path(path).expect("these are paths");
        let fields = find(text, &rule, &Which::Matching).unwrap_or_default();
        check(text, &rule, &fields, value, *spoiled);
    }
    let marked = mark(text, usize::from(*line));
    let rule = Rule::Marker("m".to_owned());
    let fields = find(&marked, &rule, &Which::Matching).unwrap_or_default();
    check(&marked, &rule, &fields, value, *spoiled);
});

/// Puts a marker behind one line.
fn mark(text: &[u8], line: usize) -> Vec<u8> {
    let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let end = ends.chain([text.len()]).nth(line).unwrap_or(text.len());
    [&text[..end], b" # hoist: m", &text[end..]].concat()
}

fn check(text: &[u8], rule: &Rule, fields: &[Field], value: &str, spoiled: u8) {
    let edits: Vec<Edit> = fields
        .iter()
        .map(|field| Edit {
            place: field.place.clone(),
            expect: field.value.clone(),
            value: value.to_owned(),
        })
        .collect();
    let Ok(edited) = edit(text, &edits) else { return };
    if edits.is_empty() {
        return;
    }
    assert!(prove(text, &edited.text, &edits).is_ok());
    let places: Vec<Place> = edits.iter().map(|edit| edit.place.clone()).collect();
    let changes = only_changed(text, &edited.text, &places).expect("only these changed");
    assert_eq!(changes.len(), edited.changes.len());
    same_but(text, &edited.text, &edits);
    let again = find(&edited.text, rule, &Which::Matching);
    // `a: b` may stand where a marker's text looks otherwise; the places must hold the value.
    if let Ok(again) = again {
        assert!(again.iter().all(|field| field.value == value));
    }
    let mut mutant = edited.text.clone();
    let at = usize::from(spoiled) % mutant.len().max(1);
    if let Some(byte) = mutant.get_mut(at) {
        *byte = byte.wrapping_add(1);
        assert!(prove(text, &mutant, &edits).is_err());
    }
    let back: Vec<Edit> = edits
        .iter()
        .map(|e| Edit { place: e.place.clone(), expect: e.value.clone(), value: e.expect.clone() })
        .collect();
    if let Ok(restored) = edit(&edited.text, &back) {
        assert!(only_changed(text, &restored.text, &places).is_ok());
    }
}

/// Holds all that the second parser reads of both texts against each other; the proof may read less.
fn same_but(before: &[u8], after: &[u8], edits: &[Edit]) {
    let Some(mut wanted) = documents(before) else { return };
    for edit in edits.iter().filter(|edit| edit.value != edit.expect) {
        let Some(at) = value_at(&mut wanted, &edit.place) else { return };
        let at = if let Value::Tagged(tagged) = at { &mut tagged.value } else { at };
        *at = Value::String(edit.value.clone());
    }
    assert_eq!(documents(after), Some(wanted));
}

fn value_at<'v>(documents: &'v mut [Value], place: &Place) -> Option<&'v mut Value> {
    let mut at = documents.get_mut(place.document)?;
    for token in place.pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match at {
            Value::Sequence(items) => items.get_mut(token.parse::<usize>().ok()?)?,
            Value::Mapping(entries) => entries.get_mut(token.as_str())?,
            _ => return None,
        };
    }
    Some(at)
}

fn documents(text: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_yaml::Deserializer::from_str(text).map(|one| Value::deserialize(one).ok()).collect()
}
