//! Two texts that differ anywhere but in an allowed place are never taken for alike.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/yaml_edit/mod.rs"]
#[expect(dead_code, unused_imports, reason = "only the proof is tried")]
mod yaml_edit;

use yaml_edit::{Place, only_changed};

fuzz_target!(|input: &[u8]| {
    let Some(at) = input.iter().position(|byte| *byte == 0) else { return };
    let (before, after) = (&input[..at], &input[at + 1..]);
    assert_eq!(only_changed(before, after, &[]).is_ok(), before == after);
    let place = |pointer: &str| Place { document: 0, pointer: pointer.to_owned() };
    let allowed = [place("/a"), place("/0"), place("/a/b")];
    if let Ok(changes) = only_changed(before, after, &allowed) {
        assert!(changes.len() <= allowed.len());
        assert_eq!(changes.is_empty(), before == after);
    }
});
