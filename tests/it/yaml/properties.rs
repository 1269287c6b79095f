//! Properties that hold of any text: made of lines that people write, or of anything at all.

use hoist::yaml_edit::{Edit, Path, Place, Rule, Which, edit, find, only_changed, prove};
use proptest::prelude::*;

use super::{mutations, oracle};

/// A value as people write versions, and as they do not.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "v?[0-9]{1,2}\\.[0-9]{1,2}(\\.[0-9]{1,2})?(-rc\\.[0-9])?",
        1 => "[a-f0-9]{7}",
        1 => "\\PC{0,12}",
        1 => "[-?:,\\[\\]{}#&*!|>'\"%@` a0~=<.]{0,6}",
        1 => prop::sample::select(vec!["null", "yes", "1e3", "0x1F", "2026-01-01", "12:30", "", "~", "\n"])
            .prop_map(str::to_owned),
    ]
}

/// A scalar as it stands in a file, in each style.
fn token(value: &str, style: u8) -> String {
    match style {
        0 => format!("'{}'", value.replace('\'', "''")),
        1 => serde_json::to_string(value).unwrap(),
        _ => value.to_owned(),
    }
}

/// A line that may stand anywhere at the top of a mapping.
fn noise() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "# a comment",
        "",
        "other: x  # with a comment",
        "text: |\n  日本語 🚀\n  # not a comment",
        "list:\n- a\n- {b: c}",
        "flow: [1, 'two', \"three\"]",
        "folded: >-\n  a\n  b",
        "anchor: &a v1",
        "größe: \"é\"",
        "\"quoted key\": 'x'",
        "? explicit\n: value",
        "long: a\n  b",
    ])
    .prop_map(str::to_owned)
}

#[derive(Debug, Clone)]
struct File {
    text: String,
    tag: String,
}

/// A file with one `image.tag`, among noise, in some style, with some line ends.
fn file() -> impl Strategy<Value = File> {
    let parts = (
        prop::collection::vec(noise(), 0..4),
        prop::collection::vec(noise(), 0..4),
        "v[0-9]{1,2}\\.[0-9]é?",
        0..3u8,
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        prop::sample::select(vec!["", "  # set by hoist", " "]),
        prop::sample::select(vec!["", "\u{feff}"]),
        prop::sample::select(vec!["block", "flow", "json"]),
    );
    parts.prop_map(|(before, after, tag, style, end, comment, mark, shape)| {
        let token = token(&tag, style);
        let image = match shape {
            "block" => format!("image:\n  name: shop\n  tag: {token}{comment}"),
            "flow" => format!("image: {{name: shop, tag: {token}, n: 1}}{comment}"),
            _ => format!("image: {{\"name\":\"shop\",\"tag\":{}}}", token_json(&tag)),
        };
        let lines: Vec<String> =
            unique(before, "a").chain([image]).chain(unique(after, "b")).collect();
        let text = format!("{mark}{}\n", lines.join("\n")).replace('\n', end);
        File { text, tag }
    })
}

fn token_json(tag: &str) -> String {
    serde_json::to_string(tag).unwrap()
}

/// Puts each piece of noise under a key of its own.
fn unique(noise: Vec<String>, side: &'static str) -> impl Iterator<Item = String> {
    noise.into_iter().enumerate().map(move |(n, text)| {
        format!(
            "{side}{n}:\n  {}",
            text.replace('\n', "\n  ").replace("&a", &format!("&{side}{n}"))
        )
    })
}

fn place() -> Place {
    Place { document: 0, pointer: "/image/tag".to_owned() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn bytes_outside_the_token_never_change(file in file(), new in value()) {
        let wanted = [Edit { place: place(), expect: file.tag.clone(), value: new.clone() }];
        let Ok(edited) = edit(file.text.as_bytes(), &wanted) else {
            // Only what single quotes cannot hold, or what a reader does not read, may be refused.
            return Ok(());
        };
        let read = oracle::reads_only(file.text.as_bytes(), &edited.text, &wanted);
        prop_assert_eq!(read, Some(true));
        let after = String::from_utf8(edited.text).unwrap();
        let start = file.text.find(&file.tag).unwrap() - 1;
        prop_assert_eq!(&after[..start], &file.text[..start]);
        let rest = &file.text[start + 1 + file.tag.len()..];
        let rest = rest.strip_prefix(['\'', '"']).unwrap_or(rest);
        prop_assert!(after.ends_with(rest), "{after}");
        prop_assert!(oracle::value_at(after.as_bytes(), &place()).is_none_or(|read| read == new));
    }

    #[test]
    fn an_ordinary_version_is_never_refused(file in file(), new in "v[0-9]{1,3}\\.[0-9]{1,3}") {
        let wanted = Edit { place: place(), expect: file.tag.clone(), value: new };
        let edited = edit(file.text.as_bytes(), &[wanted]);
        prop_assert!(edited.is_ok(), "{}\n{}", edited.unwrap_err(), file.text);
    }

    #[test]
    fn an_edit_and_its_way_back_are_identity(file in file(), new in "v[0-9]{1,3}\\.[0-9]{1,3}") {
        let there = Edit { place: place(), expect: file.tag.clone(), value: new.clone() };
        let back = Edit { place: place(), expect: new, value: file.tag.clone() };
        let edited = edit(file.text.as_bytes(), &[there]).unwrap();
        let restored = edit(&edited.text, &[back]).unwrap();
        prop_assert_eq!(restored.text, file.text.as_bytes());
    }

    #[test]
    fn the_proof_rejects_every_mutation(file in file(), new in value()) {
        let wanted = [Edit { place: place(), expect: file.tag.clone(), value: new }];
        let Ok(edited) = edit(file.text.as_bytes(), &wanted) else { return Ok(()) };
        for (name, mutant) in mutations::of(&edited.text, &wanted) {
            prop_assert!(
                prove(file.text.as_bytes(), &mutant, &wanted).is_err(),
                "{name} went through:\n{}", String::from_utf8_lossy(&mutant)
            );
        }
    }

    #[test]
    fn the_proof_rejects_every_other_byte(file in file(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let wanted = [Edit { place: place(), expect: file.tag.clone(), value: "v999".to_owned() }];
        let edited = edit(file.text.as_bytes(), &wanted).unwrap();
        let mut mutant = edited.text.clone();
        let at = at.index(mutant.len());
        mutant[at] = byte;
        let proved = prove(file.text.as_bytes(), &mutant, &wanted).is_ok();
        prop_assert_eq!(proved, mutant == edited.text);
    }

    #[test]
    fn only_the_allowed_place_may_change(file in file(), at in any::<prop::sample::Index>(), byte in 32..127u8) {
        let mut mutant = file.text.as_bytes().to_vec();
        let at = at.index(mutant.len());
        mutant[at] = byte;
        if let Ok(changes) = only_changed(file.text.as_bytes(), &mutant, &[place()]) {
            let start = file.text.find(&file.tag).unwrap() - 1;
            let inside = (start..start + file.tag.len() + 2).contains(&at);
            prop_assert!(inside || mutant == file.text.as_bytes(), "{changes:?}");
        }
    }

    #[test]
    fn any_text_at_all_is_edited_exactly_or_refused(text in "[a-c:\\-?\\[\\]{},#&*!|>'\"% \\n\\t\\r~<.\\\\0-9]{0,60}") {
        let _ = check_any(text.as_bytes());
    }

    #[test]
    fn any_bytes_at_all_are_edited_exactly_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = check_any(&bytes);
    }

    #[test]
    fn a_path_reads_back_as_it_is_shown(text in "\\PC{0,12}") {
        if let Ok(path) = text.parse::<Path>() {
            prop_assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
        }
    }
}

/// Finds what it can in a text and edits it; the proof is inside.
fn check_any(text: &[u8]) -> Option<()> {
    for rule in ["a", "[0]", "a.b", "/0/a"] {
        let rule: Rule = Rule::path(rule).unwrap();
        for field in find(text, &rule, &Which::Matching).unwrap_or_default() {
            let wanted = Edit { place: field.place, expect: field.value, value: "b: c".to_owned() };
            let edited = edit(text, std::slice::from_ref(&wanted)).ok()?;
            let only = oracle::reads_only(text, &edited.text, std::slice::from_ref(&wanted));
            assert_ne!(only, Some(false));
            let read = find(&edited.text, &rule, &Which::Matching).unwrap();
            assert_eq!(read[0].value, "b: c");
            assert!(prove(text, &edited.text, &[wanted]).is_ok());
        }
    }
    Some(())
}
