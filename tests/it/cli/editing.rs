//! `hoist edit`: byte for byte, or not at all.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use super::{Hoist, Ran};

/// As people really write it: comments, columns, quotes, Windows line ends, no end to the last line.
const VALUES: &[u8] = b"# who: payments\r\nimage:   \r\n  repository: ghcr.io/acme/payments  # ours\r\n  tag:    'v1.4.1'   # hoist\r\n  digest: \"\"\r\n\r\nreplicas: 3";

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(desk.file(), VALUES).unwrap();
        desk
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("values.yaml")
    }

    fn edit<const N: usize>(&self, arguments: [&str; N]) -> Ran {
        let arguments = ["edit", "values.yaml"].iter().chain(&arguments);
        Hoist::new(arguments).inside(self.folder.path()).run()
    }

    /// The names of all files that are there.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn replaced(text: &[u8], old: &str, new: &str) -> Vec<u8> {
    String::from_utf8(text.to_vec()).unwrap().replace(old, new).into_bytes()
}

#[test]
fn the_edited_file_is_printed_byte_for_byte() {
    let desk = Desk::new();
    let ran = desk.edit(["--at", "image.tag", "--to", "v1.4.2"]).done();
    assert_eq!(ran.out, replaced(VALUES, "v1.4.1", "v1.4.2"));
    assert_eq!(ran.err, "");
    assert_eq!(fs::read(desk.file()).unwrap(), VALUES, "the file is as it was");
}

#[test]
fn several_values_are_edited_at_once() {
    let arguments =
        ["--at", "image.tag", "--to", "v2", "--at", "/image/digest", "--to", "sha256:1"];
    let ran = Desk::new().edit(arguments).done();
    let tagged = replaced(VALUES, "v1.4.1", "v2");
    assert_eq!(ran.out, replaced(&tagged, "digest: \"\"", "digest: \"sha256:1\""));
}

#[test]
fn standard_input_is_a_file_too() {
    let edit = || Hoist::new(["edit", "-", "--at", "a", "--to", "2", "--document", "1"]);
    let ran = edit().run_with(b"a: 'x'\n---\na: '\x1b'\n");
    ran.refused(1, &["standard input: "]);
    let ran = edit().run_with("a: 'ü'\n---\na: 'y' # ß\n".as_bytes()).done();
    assert_eq!(ran.text(), "a: 'ü'\n---\na: '2' # ß\n");
    Hoist::new(["edit", "-", "--at", "a", "--to", "2", "--write"])
        .run_with(b"a: 1\n")
        .refused(2, &["standard input cannot be written"]);
}

#[test]
fn a_refusal_says_why_and_prints_nothing() {
    let desk = Desk::new();
    desk.edit(["--at", "image.version", "--to", "2"]).refused(1, &["values.yaml: line 3"]);
    desk.edit(["--at", "image", "--to", "2"]).refused(1, &["values.yaml: line"]);
    desk.edit(["--at", "image..tag", "--to", "2"]).refused(2, &["image..tag", "next:"]);
    desk.edit(["--at", "image.tag", "--at", "replicas", "--to", "2"])
        .refused(2, &["--at stands 2 times and --to 1 times"]);
    desk.edit(["--at", "image.tag", "--to", "2", "--at", "none", "--to", "2", "--write"])
        .refused(1, &["none"]);
    assert_eq!(fs::read(desk.file()).unwrap(), VALUES, "all of it is done or nothing");
    fs::remove_file(desk.file()).unwrap();
    desk.edit(["--at", "image.tag", "--to", "2"]).refused(1, &["values.yaml cannot be read"]);
}

#[test]
fn write_puts_it_in_the_files_place() {
    let desk = Desk::new();
    fs::set_permissions(desk.file(), fs::Permissions::from_mode(0o640)).unwrap();
    // Only the superuser can: for anybody else it stays theirs.
    drop(std::os::unix::fs::chown(desk.file(), Some(65_534), Some(65_534)));
    let owner = |file: PathBuf| {
        let file = fs::metadata(file).unwrap();
        (file.uid(), file.gid())
    };
    let before = owner(desk.file());
    std::os::unix::fs::symlink("values.yaml", desk.folder.path().join("link.yaml")).unwrap();

    let arguments = ["edit", "link.yaml", "--at", "image.tag", "--to", "v1.4.2", "--write"];
    let ran = Hoist::new(arguments).inside(desk.folder.path()).run().done();
    insta::assert_snapshot!(ran.text(), @r"
    LINE  VALUE       BEFORE  NOW
    4     /image/tag  v1.4.1  v1.4.2
    ");
    assert_eq!(fs::read(desk.file()).unwrap(), replaced(VALUES, "v1.4.1", "v1.4.2"));
    assert_eq!(fs::metadata(desk.file()).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(owner(desk.file()), before);
    assert!(desk.folder.path().join("link.yaml").is_symlink());
    assert_eq!(desk.names().len(), 2, "nothing is left beside it: {:?}", desk.names());

    let ran = desk.edit(["--at", "image.tag", "--to", "v1.4.2", "--write"]).done();
    assert!(ran.text().contains("nothing to change"), "{}", ran.text());
}

#[test]
fn a_file_that_cannot_be_written_is_as_it_was() {
    let desk = Desk::new();
    fs::set_permissions(desk.file(), fs::Permissions::from_mode(0o444)).unwrap();
    desk.edit(["--at", "image.tag", "--to", "2", "--write"]).refused(1, &["read-only", "next:"]);
    assert_eq!(fs::read(desk.file()).unwrap(), VALUES);
    assert_eq!(desk.names(), ["values.yaml"]);
}

#[test]
fn a_program_is_told_what_changed() {
    let arguments = ["--at", "image.tag", "--to", "v1.4.2", "--output", "json"];
    let ran = Desk::new().edit(arguments).done();
    let view: serde_json::Value = serde_json::from_slice(&ran.out).unwrap();
    let change = serde_json::json!({
        "document": 0, "pointer": "/image/tag", "line": 4, "before": "v1.4.1", "after": "v1.4.2"
    });
    let expected =
        serde_json::json!({"file": "values.yaml", "written": false, "changes": [change]});
    assert_eq!(view, expected);
}
