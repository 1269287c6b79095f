//! A repository that lives on a GitHub.

use hoist::config::{Account, AutoMerge, Forge, GitHub, MergeMethod, Repository};

use super::*;

fn load(repository: &str) -> Repository {
    let process = format!(
        "pipelines: pipelines.yaml\nsources: {{}}\nrepositories:\n  gitops: {repository}\n"
    );
    let desk = Desk::with(&process, POLICY)
        .file("app.pem", "a key")
        .file("ca.pem", "-----BEGIN CERTIFICATE-----\n")
        .variable("TOKEN", "t")
        .variable("SECRET", "a secret of a test");
    let mut settings = desk.load().map_err(|it| it.to_string()).unwrap().settings;
    settings.repositories.remove(&"gitops".parse().unwrap()).unwrap()
}

fn github(repository: &Repository) -> &GitHub {
    match &repository.forge {
        Forge::GitHub(github) => github,
        Forge::Builtin | Forge::GitLab(_) => panic!("it is no GitHub"),
    }
}

#[test]
fn on_github_com_little_is_said() {
    let repository = load(
        "{forge: github, url: https://github.com/acme/gitops.git, credentials: {token: {env: TOKEN}}}",
    );
    let github = github(&repository);
    assert_eq!(github.api.as_str(), "https://api.github.com/");
    assert_eq!(github.merge_method, MergeMethod::Merge);
    assert_eq!(github.auto_merge, AutoMerge::Never);
    assert!(repository.ca.is_none() && github.webhook_secret.is_none());
    assert!(matches!(repository.credentials.account, Some(Account::Token(_))));
}

#[test]
fn an_enterprise_server_and_an_app_say_all_of_it() {
    let repository = load(
        "{forge: github, url: https://git.example.com/acme/gitops.git, \
         api: https://git.example.com/api/v3, ca: {file: ca.pem}, merge_method: squash, auto_merge: allowed, \
         credentials: {app_id: 12, private_key: {file: app.pem}}, webhook_secret: {env: SECRET}}",
    );
    let github = github(&repository);
    assert_eq!(github.api.as_str(), "https://git.example.com/api/v3");
    assert_eq!(github.merge_method, MergeMethod::Squash);
    assert_eq!(github.auto_merge, AutoMerge::Allowed);
    assert!(repository.ca.is_some() && github.webhook_secret.is_some());
    assert!(matches!(repository.credentials.account, Some(Account::App { app_id: 12, .. })));
}

#[test]
fn what_keeps_hoist_from_a_github_is_told_at_once() {
    let process = r#"
pipelines: pipelines.yaml
repositories:
  a: {forge: github}
  b: {forge: github, url: "https://git.example.com/acme/gitops.git", credentials: {token: {env: TOKEN}}}
  c: {forge: github, url: "https://github.com/gitops.git", credentials: {username: a, password: {env: TOKEN}}}
  d: {forge: github, url: "https://github.com/acme/gitops.git", api: "http://api.github.com", merge_method: fast, credentials: {app_id: hoist, private_key: {file: none}}}
  e: {forge: builtin, api: "https://api.github.com", webhook_secret: {env: TOKEN}}
  f: {forge: builtin, url: "https://github.com/acme/gitops.git", credentials: {app_id: 12, private_key: {env: TOKEN}}}
  gitops: {forge: github, url: "https://github.com/acme/gitops.git", credentials: {app_id: 12, token: {env: TOKEN}}}
sources: {}
"#;
    let desk = Desk::with(process, POLICY).variable("TOKEN", "t");
    check(
        &desk,
        r#"
hoist.yaml:4:7: repositories.a: a GitHub's repositories are not on this machine; write `url: https://github.com/OWNER/NAME.git`
hoist.yaml:4:7: `repositories.a.credentials` is missing, and GitHub asks for them; write `{token: {env: NAME}}`, or `{app_id: N, private_key: {file: PATH}}`
hoist.yaml:5:7: `repositories.b.api` is missing, and git.example.com is not github.com; write the address of its API, as https://git.example.com/api/v3
hoist.yaml:6:27: repositories.c.url: `https://github.com/gitops.git` lacks an owner or a name; write https://github.com/OWNER/NAME.git
hoist.yaml:6:74: repositories.c.credentials: GitHub's API takes no passwords; write `{token: {env: NAME}}`, or `{app_id: N, private_key: {file: PATH}}`
hoist.yaml:7:70: repositories.d.api: the token would cross the network in the clear, over http; write an https:// url
hoist.yaml:7:109: repositories.d.merge_method: `fast` is not known; known are `merge`, `squash`, `rebase`
hoist.yaml:7:137: repositories.d.credentials.app_id: `hoist` is no App ID; write the number that the App's page shows as its App ID
hoist.yaml:7:164: repositories.d.credentials.private_key.file: the file none cannot be read: no such file; put the secret there, readable for hoist's user
hoist.yaml:8:28: repositories.e.api: the builtin forge has no use for this; remove it, or write `forge: github` or `forge: gitlab`
hoist.yaml:8:71: repositories.e.webhook_secret: the builtin forge has no use for this; remove it, or write `forge: github` or `forge: gitlab`
hoist.yaml:9:80: repositories.f.credentials: an App is only known to GitHub; write a `token`, or `forge: github`
hoist.yaml:10:84: repositories.gitops.credentials: these are no credentials; write either `token`, or `username` and `password`, or `app_id` and `private_key`; and for SSH `ssh_key` with its `passphrase` if it has one, or `ssh_agent`
13 problems
"#,
    );
}
