//! Configuration: what is accepted, and what people read when it is not.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use hoist::config::{self, Configuration, Surroundings};
use hoist::domain::pipeline::{Applications, Target};
use proptest::prelude::*;
use secrecy::ExposeSecret;

use crate::generated::assert_current;

mod accept;
mod commits;
mod contract;
mod github;
mod gitlab;
mod notifications;
mod policy;
mod process;
mod registries;
mod schedules;
mod schema;
mod senders;
mod servers;

/// Files and variables of a test.
#[derive(Default)]
struct Desk {
    files: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
}

impl Desk {
    fn with(process: &str, policy: &str) -> Self {
        Self::default().file("hoist.yaml", process).file("pipelines.yaml", policy)
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    fn load(&self) -> Result<Configuration, config::Problems> {
        config::load_from(Path::new("hoist.yaml"), self)
    }

    fn problems(&self) -> String {
        match self.load() {
            Ok(_) => "no problem".to_owned(),
            Err(problems) => problems.to_string(),
        }
    }
}

impl Surroundings for Desk {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such file");
        self.files.get(&path.display().to_string()).cloned().ok_or_else(missing)
    }
}

/// A process file with nothing but what it needs.
const PROCESS: &str = "\
pipelines: pipelines.yaml
repositories:
  gitops: {forge: builtin}
sources:
  ci:
    hmac: {file: var/ci-secret}
    images: [\"ghcr.io/acme/*\"]
";

/// A pipelines file with nothing but what it needs.
const POLICY: &str = "\
pipelines:
  services:
    repository: gitops
    image: ghcr.io/acme/{application}
    environments:
      - name: staging
        edit:
          - {file: \"staging/{application}.yaml\", image: \"ghcr.io/acme/{application}\"}
";

/// Loads `process` beside a good pipelines file.
#[track_caller]
fn check_process(process: &str, expected: &str) {
    check(&Desk::with(process, POLICY), expected);
}

/// Loads `policy` beside a good process file.
#[track_caller]
fn check_policy(policy: &str, expected: &str) {
    check(&Desk::with(PROCESS, policy), expected);
}

#[track_caller]
fn check(desk: &Desk, expected: &str) {
    let told = desk.problems();
    assert_eq!(told.trim(), expected.trim(), "\n--- told:\n{told}\n---");
}

#[test]
fn the_least_configuration_is_enough() {
    let Configuration { settings, pipelines, .. } = Desk::with(PROCESS, POLICY).load().unwrap();
    assert_eq!(settings.listen, "127.0.0.1:8080");
    assert_eq!(settings.public_url, "http://127.0.0.1:8080");
    assert_eq!(settings.missing_secret_files, [Path::new("var/ci-secret")]);
    let pipeline = pipelines.values().next().unwrap();
    assert_eq!(pipeline.applications, Applications::Discover);
    assert!(matches!(pipeline.environments[0].edits[0].target, Target::Image(_)));
}

#[test]
fn problems_of_both_files_are_told_together() {
    let process =
        "lissten: a\npipelines: pipelines.yaml\nrepositories: {gitops: {forge: builtin}}\n";
    let policy = "pipelines: {}\nschedule: []\n";
    check(
        &Desk::with(process, policy),
        r#"
hoist.yaml:1:1: unknown key `lissten`; did you mean `listen`?
hoist.yaml:1:1: `sources` is missing; the process file needs it: who may announce artifacts, and which
pipelines.yaml:2:1: unknown key `schedule`; did you mean `schedules`?
3 problems
"#,
    );
}

#[test]
fn a_file_that_is_missing_is_said_where_it_is_named() {
    check(
        &Desk::default(),
        "hoist.yaml: cannot be read: no such file; write it, or name another with `--config PATH`\n1 problem",
    );
    check(
        &Desk::default().file("hoist.yaml", PROCESS),
        "hoist.yaml:1:12: pipelines: pipelines.yaml cannot be read: no such file; write it, or name \
         another; relative paths start at the working directory\n1 problem",
    );
}

#[test]
fn what_is_no_yaml_is_said_with_its_place() {
    check_process("", "hoist.yaml: is empty; see the committed example in config/\n1 problem");
    check_process(
        "listen: 1\n\tdata: var\n",
        r#"
hoist.yaml:2:1: not YAML: while scanning a plain scalar, found a tab; indent with spaces: YAML allows no tab there
1 problem
"#,
    );
    check_process(
        "a: [1, 2\n",
        r#"
hoist.yaml:2:1: not YAML: while parsing a flow sequence, expected ',' or ']'; mend the YAML there or on the line before; nothing after it was read
1 problem
"#,
    );
    check_process(
        "a: 1\n---\nb: 1\n",
        r#"
hoist.yaml:1:1: unknown key `a`; the process file knows `listen`, `public_url`, `store`, `data`, `pipelines`, `repositories`, `sources`, `keep_deliveries`, `registries`, `argocd`, `chat`, `notifications`, `people`, `roles`, `tokens`
hoist.yaml:1:1: `pipelines` is missing; the process file needs it: the path of the pipelines file
hoist.yaml:1:1: `repositories` is missing; the process file needs it: the GitOps repositories, by name
hoist.yaml:1:1: `sources` is missing; the process file needs it: who may announce artifacts, and which
hoist.yaml:2:1: a second document starts here; keep one document in a file
5 problems
"#,
    );
    check_process(
        "a: \u{1}\n",
        r#"
hoist.yaml:1:4: there is a control character; remove it: YAML allows none
1 problem
"#,
    );
    check_process(
        "a: &x {b: 1}\nc: *x\nd: {<<: *x}\ne: !foo 1\n",
        r#"
hoist.yaml:1:1: unknown key `a`; the process file knows `listen`, `public_url`, `store`, `data`, `pipelines`, `repositories`, `sources`, `keep_deliveries`, `registries`, `argocd`, `chat`, `notifications`, `people`, `roles`, `tokens`
hoist.yaml:1:1: `pipelines` is missing; the process file needs it: the path of the pipelines file
hoist.yaml:1:1: `repositories` is missing; the process file needs it: the GitOps repositories, by name
hoist.yaml:1:1: `sources` is missing; the process file needs it: who may announce artifacts, and which
hoist.yaml:2:1: unknown key `c`; the process file knows `listen`, `public_url`, `store`, `data`, `pipelines`, `repositories`, `sources`, `keep_deliveries`, `registries`, `argocd`, `chat`, `notifications`, `people`, `roles`, `tokens`
hoist.yaml:2:4: aliases (`*name`) are not read here; write the value again: what is reviewed should be read in one place
hoist.yaml:3:1: unknown key `d`; the process file knows `listen`, `public_url`, `store`, `data`, `pipelines`, `repositories`, `sources`, `keep_deliveries`, `registries`, `argocd`, `chat`, `notifications`, `people`, `roles`, `tokens`
hoist.yaml:3:5: merge keys (`<<`) are not read here; write the keys out: what is reviewed should be read in one place
hoist.yaml:3:9: aliases (`*name`) are not read here; write the value again: what is reviewed should be read in one place
hoist.yaml:4:1: unknown key `e`; the process file knows `listen`, `public_url`, `store`, `data`, `pipelines`, `repositories`, `sources`, `keep_deliveries`, `registries`, `argocd`, `chat`, `notifications`, `people`, `roles`, `tokens`
hoist.yaml:4:9: the YAML tag `!foo` means nothing here; remove it
11 problems
"#,
    );
    check_process(
        &format!("a: {}", "[".repeat(100)),
        r#"
hoist.yaml:1:28: this is nested too deep; no key of hoist is that deep
1 problem
"#,
    );
    check_process(
        "- a\n",
        r#"
hoist.yaml:1:1: the file: the process file is wanted, not a list; see config/ for an example
1 problem
"#,
    );
}

#[test]
fn policy_may_come_from_git_without_any_file() {
    let names = Desk::with(PROCESS, POLICY).load().unwrap().settings.names();
    assert!(config::pipelines(POLICY, "gitops@main:hoist/pipelines.yaml", &names).is_ok());
    let problems = config::pipelines("pipelines: 1", "gitops@main:p.yaml", &names).unwrap_err();
    assert!(problems.iter().all(|problem| problem.file == "gitops@main:p.yaml"));
}

/// Pieces that configuration is made of, for texts that get far into the reader.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "pipelines:",
        "repositories:",
        "gitops:",
        "environments:",
        "- name: a",
        "edit:",
        "after: [a]",
        "gates:",
        "- {soak: 1h}",
        "hmac:",
        "{env: X}",
        "{file: var/x}",
        "[",
        "]",
        "{",
        "}",
        "\n",
        "\n  ",
        "\n    ",
        ": ",
        "- ",
        "&a ",
        "*a",
        "<<: ",
        "'",
        "\"",
        "|",
        ">",
        "#",
        "~",
        "null",
        "é",
        "\t",
        "path: a[",
        "file: x",
        "image: {application}",
        "document: {kind: a, name: b}",
        "? ",
        "!!str ",
    ];
    prop_oneof![
        4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(pieces in prop::collection::vec(piece(), 0..24)) {
        let text = pieces.concat();
        let _ = Desk::with(&text, &text).load();
        let _ = Desk::with(PROCESS, &text).load();
    }

    #[test]
    fn a_good_file_cut_or_changed_anywhere_is_read_or_refused(
        at in any::<prop::sample::Index>(),
        length in 0_usize..12,
        with in piece(),
    ) {
        for (process, policy) in [(true, false), (false, true)] {
            let change = |text: &str, changed: bool| {
                let starts: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
                let start = starts[at.index(starts.len())];
                let end = (start + length).min(text.len());
                if changed && text.is_char_boundary(end) {
                    format!("{}{with}{}", &text[..start], &text[end..])
                } else {
                    text.to_owned()
                }
            };
            let _ = Desk::with(&change(PROCESS, process), &change(POLICY, policy)).load();
        }
    }
}
