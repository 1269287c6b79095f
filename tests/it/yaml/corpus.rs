//! Every case of `tests/fixtures/yaml`, and what must hold of each beyond its own text.

use std::fmt::Write as _;
use std::path::PathBuf;

use hoist::yaml_edit::{Edit, edit, only_changed, prove};

use super::cases::{Case, Expected, parse};
use super::{mutations, oracle};

fn all() -> Vec<(String, Case)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/yaml");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cases"))
        .collect();
    files.sort();
    files
        .into_iter()
        .flat_map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(path).unwrap();
            parse(&text).into_iter().map(move |case| (name.clone(), case))
        })
        .collect()
}

/// The edits and the text of every case that is edited.
fn edited() -> impl Iterator<Item = (String, Case, Vec<Edit>, Vec<u8>)> {
    all().into_iter().filter_map(|(file, case)| {
        let (edits, after) = case.run().ok()?;
        Some((file, case, edits, after))
    })
}

#[test]
fn every_case_comes_out_as_it_is_written() {
    let mut wrong = String::new();
    let cases = all();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    for (file, case) in &cases {
        let got = match case.run() {
            Ok((_, after)) => Expected::After(after),
            Err(refusal) => Expected::Refused(refusal.to_string()),
        };
        let (expected, got) = (shown(&case.expected), shown(&got));
        if expected != got {
            writeln!(wrong, "{file}: {}\nexpected {expected}\ngot      {got}\n", case.title)
                .unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn shown(expected: &Expected) -> String {
    match expected {
        Expected::After(text) => format!("the text\n{}", String::from_utf8_lossy(text)),
        Expected::Refused(refusal) => format!("the refusal\n{refusal}"),
    }
}

#[test]
fn no_two_cases_have_one_title() {
    let mut titles: Vec<String> = all().into_iter().map(|(_, case)| case.title).collect();
    titles.sort();
    let all = titles.len();
    titles.dedup();
    assert_eq!(titles.len(), all);
}

#[test]
fn every_edit_is_proved_and_changes_only_its_places() {
    for (file, case, edits, after) in edited() {
        let places: Vec<_> = edits.iter().map(|edit| edit.place.clone()).collect();
        assert_eq!(prove(&case.before, &after, &edits), Ok(()), "{file}: {}", case.title);
        let changes = only_changed(&case.before, &after, &places).unwrap();
        assert_eq!(changes.len(), edits.iter().filter(|e| e.expect != e.value).count());
    }
}

#[test]
fn an_edit_and_its_way_back_leave_the_text_as_it_was() {
    for (file, case, edits, after) in edited() {
        let back: Vec<Edit> = edits
            .iter()
            .map(|e| Edit {
                place: e.place.clone(),
                expect: e.value.clone(),
                value: e.expect.clone(),
            })
            .collect();
        let restored = edit(&after, &back).unwrap().text;
        // What was written in more than one way comes back in the house's way; its value is the same.
        let places: Vec<_> = edits.iter().map(|edit| edit.place.clone()).collect();
        let changes = only_changed(&case.before, &restored, &places).unwrap();
        assert!(changes.iter().all(|c| c.before == c.after), "{file}: {}", case.title);
    }
}

#[test]
fn the_proof_rejects_every_mutation_of_every_case() {
    let mut tried = 0;
    for (file, case, edits, after) in edited() {
        for (name, mutant) in mutations::of(&after, &edits) {
            let proved = prove(&case.before, &mutant, &edits);
            let text = String::from_utf8_lossy(&mutant);
            assert!(proved.is_err(), "{file}: {}: {name} went through:\n{text}", case.title);
            tried += 1;
        }
    }
    assert!(tried > 2000, "only {tried} mutations");
}

#[test]
fn the_second_parser_reads_all_else_as_it_was() {
    let mut read = 0;
    for (file, case, edits, after) in edited() {
        let Some(only) = oracle::reads_only(&case.before, &after, &edits) else { continue };
        assert!(only, "{file}: {}", case.title);
        read += 1;
    }
    assert!(read > 150, "it read only {read}");
}

#[test]
fn an_unrelated_parser_reads_the_new_value_at_each_place() {
    let mut read = 0;
    for (file, case, edits, after) in edited() {
        for edit in &edits {
            match oracle::value_at(&after, &edit.place) {
                Some(value) => {
                    assert_eq!(value, edit.value, "{file}: {}", case.title);
                    read += 1;
                }
                // It does not read every YAML; where it reads, it must agree.
                None => continue,
            }
        }
    }
    assert!(read > 100, "the oracle read only {read}");
}
