//! Files that are generated and committed: the schemas, `docs/commands.md`.
//!
//! A test makes the text afresh and compares; `HOIST_BLESS=1 tests/run` writes it instead, so that
//! the committed file can never drift from the code unnoticed, and nobody edits it by hand.

use std::fs;
use std::path::Path;

/// What to do when a generated file is not what the code makes today.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Compare,
    Bless,
}

impl Mode {
    /// Reads `HOIST_BLESS`: `1` writes, anything else compares.
    pub fn of_this_run() -> Self {
        match std::env::var("HOIST_BLESS") {
            Ok(value) if value == "1" => Self::Bless,
            Ok(_) | Err(_) => Self::Compare,
        }
    }
}

/// Fails unless the committed file `path` (from the package's root) holds exactly `fresh`.
#[track_caller]
pub fn assert_current(path: &str, fresh: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if let Err(complaint) = settle(&file, fresh, Mode::of_this_run()) {
        panic!("{path}: {complaint}");
    }
}

fn settle(file: &Path, fresh: &str, mode: Mode) -> Result<(), String> {
    let committed = fs::read_to_string(file).unwrap_or_default();
    if committed == fresh {
        return Ok(());
    }
    match mode {
        Mode::Bless => {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, fresh).map_err(|error| format!("cannot be written: {error}"))
        }
        Mode::Compare => Err(first_difference(&committed, fresh)),
    }
}

/// Points at the first line that differs: enough to see what changed, short enough to read in CI.
fn first_difference(committed: &str, fresh: &str) -> String {
    let (mut old, mut new) = (committed.lines(), fresh.lines());
    for number in 1.. {
        let (was, is) = (old.next(), new.next());
        if was != is || was.is_none() {
            let shown = |line: Option<&str>| line.unwrap_or("(end of file)").to_owned();
            return format!(
                "not what the code generates today, from line {number}:\n  committed: {}\n  \
                 generated: {}\nRun `HOIST_BLESS=1 cargo test` and commit what it writes.",
                shown(was),
                shown(is)
            );
        }
    }
    unreachable!("the loop ends at the end of both texts")
}

#[test]
fn a_generated_file_that_is_current_passes() {
    assert_current("tests/it/generated.rs", include_str!("generated.rs"));
}

#[test]
fn a_stale_generated_file_is_pointed_at_and_blessed_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("docs/commands.md");

    let complaint = settle(&file, "one\ntwo\n", Mode::Compare).unwrap_err();
    assert!(complaint.contains("from line 1"), "{complaint}");
    assert!(!file.exists(), "comparing writes nothing");

    settle(&file, "one\ntwo\n", Mode::Bless).unwrap();
    settle(&file, "one\ntwo\n", Mode::Compare).unwrap();
    let complaint = settle(&file, "one\n2\n", Mode::Compare).unwrap_err();
    assert!(complaint.contains("committed: two") && complaint.contains("generated: 2"));
}
