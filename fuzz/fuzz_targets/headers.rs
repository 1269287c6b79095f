//! Headers that say who sent something, and what a registry asks for, of any text: whoever makes
//! them up is nobody, at every door.
#![no_main]

use std::collections::BTreeMap;

use hoist::adapters::registry::ways_in;
use hoist::app::ingest::fuzzing::{PROOFS, believed};
use hoist::app::ingest::senders::HEADERS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    assert!(ways_in(text) <= text.len());
    // A line is a header: its first byte chooses the name, the rest is what it says.
    let names: Vec<&'static str> = HEADERS.into_iter().chain(PROOFS).collect();
    let (lines, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let header = |line: &str| {
        let first = line.chars().next()?;
        let name = names[first as usize % names.len()];
        Some((name, line[first.len_utf8()..].to_owned()))
    };
    let headers: BTreeMap<&'static str, String> = lines.lines().filter_map(header).collect();
    assert_eq!(believed(&headers, body.as_bytes()), Vec::<String>::new());
});
