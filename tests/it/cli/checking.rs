//! `hoist check`: the configuration by itself, and held against what stands in a clone.

use std::fs;
use std::path::Path;

use super::super::support::git::git;
use super::{Hoist, Ran};

const HOIST: &str = r#"
listen: 127.0.0.1:0
data: data
pipelines: pipelines.yaml
repositories:
  gitops:
    forge: builtin
    url: https://git.example.com/acme/gitops.git
sources: {}
roles: {}
"#;

const PIPELINES: &str = r#"
pipelines:
  charts:
    repository: gitops
    image: ghcr.io/acme/{application}
    environments:
      - name: staging
        edit: [{file: "staging/{application}.yaml", path: spec.version, value: "{tag}"}]
      - name: prod
        after: [staging]
        edit: [{file: "prod/{application}.yaml", path: spec.version, value: "{tag}"}]
"#;

/// A configuration and a clone beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn with(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("hoist.yaml", HOIST);
        place.write("pipelines.yaml", PIPELINES);
        for (path, text) in files {
            place.write(&format!("clone/{path}"), text);
        }
        let clone = place.0.path().join("clone");
        git(&clone, &["init", "--quiet", "--initial-branch=main"]);
        git(&clone, &["add", "--all"]);
        git(&clone, &["commit", "--quiet", "--message", "all"]);
        place
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }

    fn check(&self, more: &[&str]) -> Ran {
        Hoist::new([&["check", "--config", "hoist.yaml"], more].concat())
            .inside(self.0.path())
            .run()
    }
}

#[test]
fn without_a_clone_it_says_that_no_rule_was_applied() {
    let place = Place::with(&[("README.md", "Read me.\n")]);
    insta::assert_snapshot!(place.check(&[]).done().text(), @"
    hoist.yaml is good: 1 repository, 0 sources, 1 pipeline
    the rules were not applied to any file: give a clone of the repository with --repository PATH
    note: charts: ghcr.io is asked about what is announced of ghcr.io/acme/{application}, without a login, for it has no entry under `registries`; a chart repository with an index.yaml cannot be asked, and needs `verify: {digest: none}`
    ");
}

#[test]
fn it_says_whom_the_configuration_believes() {
    let place = Place::with(&[("README.md", "Read me.\n")]);
    let policy =
        |more: &str| PIPELINES.replace("{application}\n", &format!("{{application}}\n{more}"));
    place.write("pipelines.yaml", &policy("    verify: {digest: none}\n"));
    let issuer = "https://token.actions.githubusercontent.com";
    let source = |name: &str, claims: &str| {
        format!(
            "  {name}: {{oidc: {{issuer: \"{issuer}\", audience: hoist}}, claims: {{{claims}}}, \
             images: [\"ghcr.io/acme/*\"]}}\n"
        )
    };
    let sources = [
        source("any", "repository: acme/shop"),
        source("main", "repository: acme/shop, ref: refs/heads/main"),
        source("subject", "sub: \"repo:acme/shop:*\""),
        source("main-subject", "sub: \"repo:acme/shop:ref:refs/heads/main\""),
    ];
    let hoist = HOIST.replace("sources: {}\n", &format!("sources:\n{}", sources.concat()));
    place.write("hoist.yaml", &hoist);
    insta::assert_snapshot!(place.check(&[]).done().text(), @r#"
    hoist.yaml is good: 1 repository, 4 sources, 1 pipeline
    the rules were not applied to any file: give a clone of the repository with --repository PATH
    note: charts: nobody is asked about what is announced of ghcr.io/acme/{application}; whoever announces it is believed about what its digest is
    note: any: a job of any branch may announce, for none of the claims says which; add `ref: refs/heads/main` (GitHub), `ref_protected: "true"` (GitLab), or whatever else tells your branches apart
    note: subject: a job of any branch may announce, for none of the claims says which; add `ref: refs/heads/main` (GitHub), `ref_protected: "true"` (GitLab), or whatever else tells your branches apart
    "#);
    place.write("pipelines.yaml", &policy(""));
    let registries = "registries: {ghcr.io: {username: hoist, password: {file: token}}}\n";
    place.write("token", "x");
    place.write("hoist.yaml", &format!("{HOIST}{registries}"));
    insta::assert_snapshot!(place.check(&[]).done().text(), @"
    hoist.yaml is good: 1 repository, 0 sources, 1 pipeline
    the rules were not applied to any file: give a clone of the repository with --repository PATH
    ");
}

#[test]
fn a_key_that_cannot_sign_ends_it_with_1_before_anything_is_signed() {
    let place = Place::with(&[("README.md", "Read me.\n")]);
    let key = place.0.path().join("signing");
    let mut keygen = std::process::Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(&key);
    assert!(keygen.status().unwrap().success());
    let sign = "/gitops.git\n    commits: {sign: {ssh_key: {file: signing}}}";
    place.write("hoist.yaml", &HOIST.replace("/gitops.git", sign));
    place.check(&[]).refused(
        1,
        &[
            "repositories.gitops: reading commits.sign.ssh_key",
            "no private key of the kind Ed25519",
            "`ssh-keygen -t ed25519` makes one",
        ],
    );
}

#[test]
fn the_fields_are_counted_and_a_range_is_noted() {
    let place = Place::with(&[
        ("staging/redis.yaml", "spec:\n  version: \">=1.0.0\"\n"),
        ("prod/redis.yaml", "spec:\n  version: 1.0.0\n"),
    ]);
    let ran = place.check(&["--repository", "clone"]).done();
    insta::assert_snapshot!(ran.text(), @"
    hoist.yaml is good: 1 repository, 0 sources, 1 pipeline; the rules find 2 version fields
    note: charts, redis in staging: staging/redis.yaml: /spec/version is the range `>=1.0.0`; the first promotion writes one version over it
    note: charts: ghcr.io is asked about what is announced of ghcr.io/acme/{application}, without a login, for it has no entry under `registries`; a chart repository with an index.yaml cannot be asked, and needs `verify: {digest: none}`
    ");
}

#[test]
fn a_file_and_a_field_that_are_not_there_end_it_with_1() {
    let place = Place::with(&[
        ("staging/redis.yaml", "spec:\n  chart: redis\n"),
        ("prod/other.yaml", "spec: {}\n"),
    ]);
    let ran = place.check(&["--repository", "clone"]);
    ran.refused(1, &["1 rule cannot be applied", "staging/redis.yaml: line 2"]);
}

#[test]
fn a_pipeline_that_finds_no_application_ends_it_with_1() {
    let place = Place::with(&[("README.md", "Read me.\n")]);
    let ran = place.check(&["--repository", "clone"]);
    ran.refused(1, &["charts in staging: no application has all of its files there"]);
}

#[test]
fn a_clone_of_nothing_in_the_configuration_is_wrong_usage() {
    let place = Place::with(&[("README.md", "Read me.\n")]);
    let ran = place.check(&["--repository", "clone", "--as", "other"]);
    ran.refused(2, &["no repository `other`", "name one of: gitops"]);
}

#[test]
fn a_schedule_is_told_with_its_next_five_times_and_with_names_that_nobody_has() {
    let place = Place::with(&[
        ("staging/redis.yaml", "spec:\n  version: 1.0.0\n"),
        ("prod/redis.yaml", "spec:\n  version: 1.0.0\n"),
    ]);
    let schedules = "schedules:\n  - {name: nightly, cron: \"0 2 * * *\", zone: Europe/Stockholm, \
                     pipeline: charts, to: prod, applications: [rdis]}\n";
    place.write("pipelines.yaml", &format!("{PIPELINES}{schedules}"));
    let ran = place.check(&["--repository", "clone"]).done();
    let told = ran.text();
    assert!(
        told.contains(
            "note: charts in prod: the schedule nightly takes `rdis`, and no application is called \
             that; did you mean `redis`?"
        ),
        "{told}"
    );
    let (_, times) =
        told.split_once("schedule nightly (charts (rdis) into prod) runs next:\n").unwrap();
    let times: Vec<&str> = times.lines().collect();
    assert_eq!(times.len(), 5, "{told}");
    assert!(times.iter().all(|it| it.ends_with("02:00 Europe/Stockholm")), "{told}");
}
