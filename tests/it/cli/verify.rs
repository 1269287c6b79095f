//! `hoist verify`: versions and nothing else, in real Git repositories.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::super::support::git::git;
use super::{Hoist, Ran};

const PIPELINES: &str = r#"
pipelines:
  services:
    repository: gitops
    image: ghcr.io/acme/{application}
    environments:
      - name: staging
        edit: [{file: "staging/{application}.yaml", path: image.tag, value: "{tag}"}]
      - name: prod
        review: {reviewers: [somebody-nobody-knows]}
        edit:
          - {file: "prod/{application}.yaml", path: image.tag, value: "{tag}"}
          - {file: prod/images.yaml, kustomize_image: "ghcr.io/acme/{application}"}
  jobs:
    repository: gitops
    applications: [nightly]
    image: ghcr.io/acme/{application}
    environments:
      - name: prod
        edit: [{file: "jobs/{application}.yaml", marker: "{application}", value: "{tag}"}]
"#;

const VALUES: &str = "# ours\nimage:\n  tag: v1 # by hoist\nreplicas: 2\n";
const IMAGES: &str =
    "images:\n  - name: ghcr.io/acme/shop\n    newTag: v1\n  - name: redis\n    newTag: 8.0.0\n";

/// A clone with one commit, in which a test makes another.
struct Clone(tempfile::TempDir);

impl Clone {
    fn new() -> Self {
        let clone = Self(tempfile::tempdir().unwrap());
        git(clone.path(), &["init", "--quiet", "--initial-branch=main"]);
        for folder in ["staging", "prod"] {
            clone.write(&format!("{folder}/shop.yaml"), VALUES);
            clone.write(&format!("{folder}/cart.yaml"), VALUES);
        }
        clone.write("prod/images.yaml", IMAGES);
        clone.write("jobs/nightly.yaml", "tag: v1 # hoist: nightly\n");
        clone.write("jobs/weekly.yaml", "tag: v1 # hoist: weekly\n");
        clone.write("README.md", "Read me.\n");
        clone.write("config/pipelines.yaml", PIPELINES);
        clone.commit();
        clone
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.file(path).parent().unwrap()).unwrap();
        fs::write(self.file(path), text).unwrap();
    }

    fn replace(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.file(path)).unwrap();
        assert!(text.contains(old), "{path}");
        fs::write(self.file(path), text.replace(old, new)).unwrap();
    }

    fn commit(&self) -> String {
        git(self.path(), &["add", "--all"]);
        git(self.path(), &["commit", "--quiet", "--message", "change"]);
        git(self.path(), &["rev-parse", "HEAD"])
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Hoist::new([&["verify"], arguments].concat()).inside(self.path()).run()
    }

    /// Commits what was changed, and holds it against what was there.
    fn verify(&self) -> Ran {
        self.commit();
        self.run(&["--base", "HEAD~1", "--head", "HEAD"])
    }
}

impl Ran {
    /// Checks that it found more than versions, with all of `words` in what it lists.
    #[track_caller]
    fn found(&self, words: &[&str]) {
        assert_eq!(self.status, 1, "{}{}", self.text(), self.err);
        assert!(self.err.contains("more than version fields changed in"), "{}", self.err);
        for word in words {
            assert!(self.text().contains(word), "{word:?} is not in:\n{}", self.text());
        }
    }
}

#[test]
fn versions_alone_are_good() {
    let clone = Clone::new();
    clone.replace("staging/shop.yaml", "v1", "v2");
    clone.replace("prod/cart.yaml", "v1", "'v2'");
    clone.replace("prod/images.yaml", "newTag: v1", "newTag: v2");
    clone.replace("jobs/nightly.yaml", "v1", "v2");
    let ran = clone.verify().done();
    insta::assert_snapshot!(ran.text(), @r"
    FILE               LINE  WHAT     CHANGE
    jobs/nightly.yaml  1     version  /tag: v1 → v2
    prod/cart.yaml     3     version  /image/tag: v1 → v2
    prod/images.yaml   3     version  /images/0/newTag: v1 → v2
    staging/shop.yaml  3     version  /image/tag: v1 → v2

    only versions changed: 4 version fields in 4 files
    ");
    assert_eq!(ran.err, "");
}

#[test]
fn nothing_is_good_too() {
    let ran = Clone::new().run(&["--base", "main", "--head", "HEAD"]).done();
    assert_eq!(ran.text(), "nothing differs between the two revisions\n");
}

#[test]
fn another_line_is_named_with_its_number() {
    let clone = Clone::new();
    clone.replace("prod/shop.yaml", "v1", "v2");
    clone.replace("prod/shop.yaml", "replicas: 2", "replicas: 3");
    clone.replace("staging/shop.yaml", "# by hoist", "# by me");
    clone.replace("staging/cart.yaml", "v1", "v2");
    let ran = clone.verify();
    ran.found(&[]);
    insta::assert_snapshot!(ran.text(), @r"
    FILE               LINE  WHAT     CHANGE
    prod/shop.yaml     4     other    `replicas: 2` became `replicas: 3`
    staging/cart.yaml  3     version  /image/tag: v1 → v2
    staging/shop.yaml  3     other    `tag: v1 # by hoist` became `tag: v1 # by me`
    ");
    assert!(ran.err.contains("in 2 of 3 files") && ran.err.contains("next:"), "{}", ran.err);
}

#[test]
fn a_version_of_something_else_is_no_version_field() {
    let clone = Clone::new();
    clone.replace("prod/images.yaml", "8.0.0", "9.0.0");
    clone.replace("jobs/weekly.yaml", "v1", "v2");
    let line = "`newTag: 8.0.0` became `newTag: 9.0.0`";
    clone.verify().found(&[line, "jobs/weekly.yaml", "no rule names this file"]);
}

#[test]
fn a_version_that_is_no_string_any_more_is_found() {
    let clone = Clone::new();
    clone.replace("prod/shop.yaml", "v1", "1.10");
    clone.verify().found(&["prod/shop.yaml", "`1.10` is no string without quotes"]);
}

#[test]
fn files_that_come_and_go_are_found() {
    let clone = Clone::new();
    clone.write("prod/new.yaml", "image: {tag: v1}\n");
    fs::remove_file(clone.file("staging/cart.yaml")).unwrap();
    fs::rename(clone.file("README.md"), clone.file("READ.me")).unwrap();
    let ran = clone.verify();
    ran.found(&[]);
    insta::assert_snapshot!(ran.text(), @r"
    FILE               LINE  WHAT   CHANGE
    READ.me            -     other  the file was renamed from README.md
    README.md          -     other  the file was renamed to READ.me
    prod/new.yaml      -     other  the file was added
    staging/cart.yaml  -     other  the file was deleted
    ");
}

#[test]
fn a_file_of_another_kind_is_found() {
    let clone = Clone::new();
    let file = clone.file("prod/shop.yaml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    clone.replace("prod/shop.yaml", "v1", "v2");
    fs::remove_file(clone.file("prod/cart.yaml")).unwrap();
    std::os::unix::fs::symlink("shop.yaml", clone.file("prod/cart.yaml")).unwrap();
    clone.verify().found(&["prod/shop.yaml", "the file's mode changed", "prod/cart.yaml"]);
}

#[test]
fn changed_rules_are_no_version() {
    let clone = Clone::new();
    clone.replace("config/pipelines.yaml", "applications: [nightly]", "applications: [weekly]");
    clone.replace("jobs/weekly.yaml", "v1", "v2");
    clone.verify().found(&["config/pipelines.yaml", "no rule names this file"]);
}

#[test]
fn a_file_that_no_yaml_reader_reads_is_found() {
    let clone = Clone::new();
    clone.replace("prod/shop.yaml", "replicas: 2", "replicas: [2");
    clone.verify().found(&["prod/shop.yaml", "cannot be compared"]);
}

#[test]
fn revisions_are_named_as_git_names_them() {
    let clone = Clone::new();
    let base = git(clone.path(), &["rev-parse", "HEAD"]);
    git(clone.path(), &["tag", "--annotate", "before", "--message", "before"]);
    clone.replace("prod/shop.yaml", "v1", "v2");
    // As CI stands: on a commit that no branch names.
    git(clone.path(), &["checkout", "--quiet", "--detach"]);
    let head = clone.commit();
    for (base, head) in
        [("before", "HEAD"), (&base[..12], &head[..12]), ("HEAD^", "@"), ("main", &head)]
    {
        clone.run(&["--base", base, "--head", head]).done();
    }
    for unknown in ["HEAD~7", "develop", "0123456789", "HEAD:README.md", "main..HEAD", ""] {
        let ran = clone.run(&["--base", unknown, "--head", "HEAD"]);
        ran.refused(1, &[&format!("no revision `{unknown}`"), "next:"]);
    }
}

#[test]
fn any_repository_can_be_looked_at_from_anywhere() {
    let clone = Clone::new();
    clone.replace("prod/shop.yaml", "v1", "v2");
    clone.commit();
    let elsewhere = tempfile::tempdir().unwrap();
    let (folder, rules) = (clone.file("prod"), clone.file("config/pipelines.yaml"));
    let arguments = ["verify", "--base", "HEAD~1", "--head", "HEAD"];
    let with = |folder: &Path| {
        let paths =
            ["--repository", folder.to_str().unwrap(), "--pipelines", rules.to_str().unwrap()];
        Hoist::new(arguments.iter().chain(&paths)).inside(elsewhere.path()).run()
    };
    with(&folder).done();
    with(elsewhere.path()).refused(1, &["is in no Git repository", "--repository PATH"]);
    Hoist::new(arguments)
        .inside(elsewhere.path())
        .run()
        .refused(1, &["config/pipelines.yaml cannot be read", "--pipelines PATH"]);
}

#[test]
fn a_path_means_another_file_in_another_repository() {
    let clone = Clone::new();
    clone.replace(
        "config/pipelines.yaml",
        "  jobs:\n    repository: gitops",
        "  jobs:\n    repository: jobs",
    );
    clone.commit();
    clone.replace("jobs/nightly.yaml", "v1", "v2");
    clone.verify().refused(2, &["several repositories: gitops, jobs", "--as NAME"]);
    let verify = |name| clone.run(&["--base", "HEAD~1", "--head", "HEAD", "--as", name]);
    verify("jobs").done();
    verify("gitops").found(&["jobs/nightly.yaml", "no rule names this file"]);
    verify("other").refused(2, &["no pipeline is about a repository `other`"]);
}

#[test]
fn rules_that_cannot_be_used_are_told_and_nothing_is_verified() {
    let clone = Clone::new();
    clone.replace("config/pipelines.yaml", "environments:", "enviroments:");
    clone.verify().refused(1, &["config/pipelines.yaml:6:", "enviroments", "next:"]);
    clone.run(&["--base", "HEAD"]).refused(2, &["--head <REV>"]);
}

#[test]
fn a_program_is_told_what_else_changed() {
    let clone = Clone::new();
    clone.replace("prod/shop.yaml", "v1", "v2");
    clone.replace("prod/cart.yaml", "replicas: 2", "replicas: 3");
    let (base, head) = (git(clone.path(), &["rev-parse", "HEAD"]), clone.commit());
    let ran = clone.run(&["--base", "HEAD~1", "--head", "HEAD", "--output", "json"]);
    assert_eq!(ran.status, 1);
    let view: serde_json::Value = serde_json::from_slice(&ran.out).unwrap();
    let other = serde_json::json!({"line": 4, "what": "`replicas: 2` became `replicas: 3`"});
    let field = serde_json::json!({
        "document": 0, "pointer": "/image/tag", "line": 3, "before": "v1", "after": "v2"
    });
    let expected = serde_json::json!({
        "base": base,
        "head": head,
        "only_versions": false,
        "files": [
            {"path": "prod/cart.yaml", "fields": [], "others": [other]},
            {"path": "prod/shop.yaml", "fields": [field], "others": []},
        ],
    });
    assert_eq!(view, expected);
}
