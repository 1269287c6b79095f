//! Sources that are registries and forges with a manner of their own.

use hoist::config::Proof;
use hoist::domain::sender::SenderKind;

use super::{Desk, POLICY};

#[test]
fn a_sender_is_read_with_its_secrets_and_its_registry() {
    let process = r#"
pipelines: pipelines.yaml
repositories: {gitops: {forge: builtin}}
sources:
  forge:
    sender: gitlab
    secret: [{env: SECRET_A}, {env: SECRET_B}]
    registry: Registry.Example.com
    images: ["registry.example.com/shop/*"]
"#;
    let desk = Desk::with(process, POLICY)
        .variable("SECRET_A", "a secret of a test")
        .variable("SECRET_B", "another of this test");
    let settings = desk.load().unwrap().settings;
    let Proof::Hook(hook) = &settings.sources[&"forge".parse().unwrap()].proof else { panic!() };
    assert_eq!((hook.kind, hook.secrets.len()), (SenderKind::GitLab, 2));
    assert_eq!(hook.registry.as_ref().unwrap().as_str(), "registry.example.com");
}

#[test]
fn a_sender_without_a_secret_believes_nobody() {
    let process = r#"
pipelines: pipelines.yaml
repositories: {gitops: {forge: builtin}}
sources:
  bare: {sender: harbor, images: [a.example.com/b]}
  odd: {sender: harbour, secret: {env: SECRET_A}, images: [a.example.com/b]}
  nowhere: {sender: gitlab, secret: {env: SECRET_A}, images: [a.example.com/b]}
  both: {sender: quay, secret: {env: SECRET_A}, hmac: {env: SECRET_A}, images: [quay.io/a/b]}
  stray: {hmac: {env: SECRET_A}, secret: {env: SECRET_A}, images: [quay.io/a/b]}
"#;
    let desk = Desk::with(process, POLICY).variable("SECRET_A", "a secret of a test");
    insta::assert_snapshot!(desk.problems(), @r#"
    hoist.yaml:5:18: sources.bare.sender: there is no `secret`, so everybody could send; write `secret: {env: NAME}`, or a list of two
    hoist.yaml:6:17: sources.odd.sender: `harbour` is not known; did you mean `harbor`?
    hoist.yaml:7:21: sources.nowhere.sender: GitLab does not tell its registry; write `registry: registry.gitlab.com`, or yours, beside it
    hoist.yaml:8:56: sources.both.hmac: this does not go with `sender`; keep one; the other way is a source of its own
    hoist.yaml:9:43: sources.stray.secret: this goes with `sender`, and there is none; write `sender: harbor` or another, or `hmac` for a CI
    5 problems
    "#);
}
