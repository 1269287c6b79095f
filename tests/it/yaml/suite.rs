//! The official yaml-test-suite: every scalar of every valid text is edited or refused with a reason, and
//! what is edited is exact; what is invalid is never edited.

use std::collections::BTreeSet;

use hoist::yaml_edit::{Edit, Place, edit, prove};

use super::oracle;

#[derive(serde::Deserialize)]
struct SuiteCase {
    id: String,
    #[serde(default)]
    fail: bool,
    yaml: String,
    #[serde(default)]
    tree: String,
}

fn cases() -> Vec<SuiteCase> {
    let text = include_str!("../../fixtures/yaml-test-suite/cases.json");
    serde_json::from_str(text).unwrap()
}

/// A scalar value as the suite's events tell it.
struct Told {
    place: Place,
    value: String,
    style: char,
}

/// One open collection of the events: a pending key, or the next index.
enum Open {
    Mapping { key: Option<String>, nameable: Nameable },
    Sequence { next: usize },
}

#[derive(Clone, Copy, PartialEq)]
enum Nameable {
    Yes,
    No,
}

/// The scalars of a text that a JSON Pointer names, from the suite's own events.
fn told(tree: &str) -> Vec<Told> {
    let mut found = Vec::new();
    let mut document = 0;
    let mut open: Vec<Open> = Vec::new();
    // Inside a key that is a collection nothing has a name.
    let mut in_key = 0;
    for line in tree.lines().map(str::trim_start) {
        let (kind, rest) = line.split_at(4.min(line.len()));
        match kind {
            "-DOC" => document += 1,
            "+MAP" | "+SEQ" => {
                let is_key = matches!(open.last(), Some(Open::Mapping { key: None, .. }));
                if in_key > 0 || is_key {
                    in_key += 1;
                }
                open.push(match kind {
                    "+MAP" => Open::Mapping { key: None, nameable: Nameable::Yes },
                    _ => Open::Sequence { next: 0 },
                });
            }
            "-MAP" | "-SEQ" => {
                open.pop();
                let was_key = in_key == 1;
                in_key -= usize::from(in_key > 0);
                match open.last_mut() {
                    Some(Open::Mapping { key, nameable }) if was_key => {
                        *key = Some(String::new());
                        *nameable = Nameable::No;
                    }
                    _ if in_key == 0 => end_value(&mut open),
                    _ => end_inner(&mut open),
                }
            }
            "=VAL" | "=ALI" => {
                let (value, style) = scalar(rest);
                let is_key = matches!(open.last(), Some(Open::Mapping { key: None, .. }));
                if is_key {
                    if let Some(Open::Mapping { key, nameable }) = open.last_mut() {
                        *key = Some(value);
                        *nameable = if kind == "=VAL" { Nameable::Yes } else { Nameable::No };
                    }
                    continue;
                }
                if kind == "=VAL"
                    && in_key == 0
                    && let Some(pointer) = pointer(&open)
                {
                    let place = Place { document, pointer };
                    found.push(Told { place, value, style });
                }
                end_value(&mut open);
            }
            _ => (),
        }
    }
    found
}

fn end_value(open: &mut [Open]) {
    match open.last_mut() {
        Some(Open::Mapping { key, .. }) => *key = None,
        Some(Open::Sequence { next }) => *next += 1,
        None => (),
    }
}

fn end_inner(open: &mut [Open]) {
    match open.last_mut() {
        Some(Open::Mapping { key: key @ None, .. }) => *key = Some(String::new()),
        _ => end_value(open),
    }
}

fn pointer(open: &[Open]) -> Option<String> {
    let mut pointer = String::new();
    for level in open {
        let token = match level {
            Open::Mapping { nameable: Nameable::No, .. } | Open::Mapping { key: None, .. } => {
                return None;
            }
            Open::Mapping { key: Some(key), .. } => key.replace('~', "~0").replace('/', "~1"),
            Open::Sequence { next } => next.to_string(),
        };
        pointer = format!("{pointer}/{token}");
    }
    Some(pointer)
}

/// ` &anchor <tag> :text`: the text unescaped, and its style.
fn scalar(rest: &str) -> (String, char) {
    let mut rest = rest.trim_start();
    while rest.starts_with(['&', '<', '*']) {
        rest = rest.split_once(' ').map_or("", |(_, rest)| rest);
    }
    let mut characters = rest.chars();
    let style = characters.next().unwrap_or(':');
    let mut text = String::new();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\u{8}',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    (text, style)
}

/// Texts that the two parsers read differently, so that edits cannot be proved.
const DISPUTED: [&str; 2] = ["HM87-1", "Y2GN"];

#[test]
fn every_scalar_of_the_suite_is_edited_exactly_or_refused() {
    let (mut exact, mut read, mut unread) = (0, 0, 0);
    let mut disputed = BTreeSet::new();
    for case in cases().iter().filter(|case| !case.fail) {
        // Whether both readers read it at all.
        let readable = edit(case.yaml.as_bytes(), &[]).is_ok();
        for told in told(&case.tree) {
            let Told { place, value, style } = told;
            let wanted = Edit { place, expect: value, value: "v9.9-new".to_owned() };
            match edit(case.yaml.as_bytes(), std::slice::from_ref(&wanted)) {
                Ok(edited) => {
                    assert!("':\"".contains(style), "{}: a block was edited", case.id);
                    exact += 1;
                    assert_eq!(
                        prove(case.yaml.as_bytes(), &edited.text, std::slice::from_ref(&wanted)),
                        Ok(())
                    );
                    let asked = std::slice::from_ref(&wanted);
                    let only = oracle::reads_only(case.yaml.as_bytes(), &edited.text, asked);
                    assert_ne!(only, Some(false), "{}: {}", case.id, wanted.place);
                    if let Some(value) = oracle::value_at(&edited.text, &wanted.place) {
                        assert_eq!(value, "v9.9-new", "{}: {}", case.id, wanted.place);
                        read += 1;
                    }
                }
                Err(refusal) if !readable => {
                    assert!(!refusal.why.is_empty());
                    unread += 1;
                }
                Err(refusal) => {
                    let known = ["empty", "block", "aliases repeat", "tagged", "twice", "merge"];
                    let text = refusal.to_string();
                    if !known.iter().any(|word| text.contains(word)) {
                        assert!(text.contains("second YAML reader"), "{}: {text}", case.id);
                        disputed.insert(case.id.clone());
                    }
                }
            }
        }
    }
    assert_eq!(disputed.into_iter().collect::<Vec<_>>(), DISPUTED);
    assert!(exact >= 433, "{exact} exact, {unread} in texts that a reader does not read");
    assert!(read >= 250, "the oracle read {read} of {exact}");
}

/// Texts that both parsers read though the suite calls them invalid.
const LENIENT: [&str; 0] = [];

#[test]
fn what_the_suite_calls_invalid_is_refused() {
    let accepted: Vec<String> = cases()
        .into_iter()
        .filter(|case| case.fail && edit(case.yaml.as_bytes(), &[]).is_ok())
        .map(|case| case.id)
        .collect();
    assert_eq!(accepted, LENIENT);
}

#[test]
fn a_text_of_the_suite_without_edits_comes_out_as_it_went_in() {
    for case in cases() {
        if let Ok(edited) = edit(case.yaml.as_bytes(), &[]) {
            assert_eq!(edited.text, case.yaml.as_bytes(), "{}", case.id);
        }
    }
}
