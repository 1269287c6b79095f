//! Large and hostile files: the work grows with the file and no faster. The sizes suit an unoptimised
//! build; `benches/yaml_edit.rs` has the real ones.

use std::time::{Duration, Instant};

use hoist::yaml_edit::{Edit, Place, Rule, Which, edit, find, only_changed};

/// Far above what an unoptimised build needs, far below what a quadratic one would.
const ENOUGH: Duration = Duration::from_secs(60);

fn edit_tag(text: &str) {
    let began = Instant::now();
    let fields = find(text.as_bytes(), &Rule::path("tag").unwrap(), &Which::Matching).unwrap();
    let wanted = Edit {
        place: fields[0].place.clone(),
        expect: fields[0].value.clone(),
        value: "v2".to_owned(),
    };
    let edited = edit(text.as_bytes(), &[wanted]).unwrap();
    assert_eq!(edited.text.len(), text.len());
    assert!(began.elapsed() < ENOUGH, "{:?}", began.elapsed());
}

#[test]
fn json_on_one_line_takes_no_time() {
    let items: String = (0..10_000).map(|n| format!("{{\"é\":\"日本{n}\"}},")).collect();
    edit_tag(&format!("{{\"items\":[{items}0],\"tag\":\"v1\"}}"));
}

#[test]
fn ten_thousand_keys_take_no_time() {
    let keys: String = (0..10_000).map(|n| format!("key{n}: v1\n")).collect();
    edit_tag(&format!("{keys}tag: v1\n"));
}

#[test]
fn two_thousand_images_in_one_file_take_no_time() {
    let items: String =
        (0..2_000).map(|n| format!("k{n}: {{image: shop:v1}} # hoist: m\n")).collect();
    let began = Instant::now();
    for rule in [Rule::Image("shop".to_owned()), Rule::Marker("m".to_owned())] {
        let fields = find(items.as_bytes(), &rule, &Which::Matching).unwrap();
        assert_eq!(fields.len(), 2_000);
        let edits: Vec<Edit> = fields
            .into_iter()
            .map(|f| Edit { place: f.place, expect: f.value, value: "shop:v2".to_owned() })
            .collect();
        let edited = edit(items.as_bytes(), &edits).unwrap();
        let places: Vec<Place> = edits.into_iter().map(|e| e.place).collect();
        let changes = only_changed(items.as_bytes(), &edited.text, &places).unwrap();
        assert_eq!(changes.len(), 2_000);
    }
    assert!(began.elapsed() < ENOUGH, "{:?}", began.elapsed());
}

#[test]
fn two_hundred_thousand_brackets_are_refused_and_not_followed() {
    for text in
        ["[".repeat(200_000), "{a: ".repeat(200_000), "- ".repeat(200_000), "? ".repeat(200_000)]
    {
        let began = Instant::now();
        let refused = edit(text.as_bytes(), &[]).unwrap_err();
        assert!(refused.why.contains("levels"), "{refused}");
        assert!(began.elapsed() < ENOUGH, "{:?}", began.elapsed());
    }
}

#[test]
fn aliases_that_repeat_each_other_are_refused_and_not_followed() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let last = n - 1;
        let row = vec![format!("*a{last}"); 9].join(", ");
        text.push_str(&format!("a{n}: &a{n} [{row}]\n"));
    }
    text.push_str("tag: v1\n");
    let began = Instant::now();
    assert!(edit(text.as_bytes(), &[]).is_err());
    assert!(began.elapsed() < ENOUGH, "{:?}", began.elapsed());
}
