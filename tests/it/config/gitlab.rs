//! A repository that lives on a GitLab.

use hoist::config::{Account, Forge, GitLab, Repository, Squash};

use super::*;

fn load(repository: &str) -> Repository {
    let process = format!(
        "pipelines: pipelines.yaml\nsources: {{}}\nrepositories:\n  gitops: {repository}\n"
    );
    let desk = Desk::with(&process, POLICY)
        .file("ca.pem", "-----BEGIN CERTIFICATE-----\n")
        .variable("TOKEN", "t")
        .variable("SECRET", "a secret of a test");
    let mut settings = desk.load().map_err(|it| it.to_string()).unwrap().settings;
    settings.repositories.remove(&"gitops".parse().unwrap()).unwrap()
}

fn gitlab(repository: &Repository) -> &GitLab {
    match &repository.forge {
        Forge::GitLab(gitlab) => gitlab,
        Forge::Builtin | Forge::GitHub(_) => panic!("it is no GitLab"),
    }
}

#[test]
fn on_gitlab_com_little_is_said() {
    let repository = load(
        "{forge: gitlab, url: https://gitlab.com/acme/infra/gitops.git, credentials: {token: {env: TOKEN}}}",
    );
    let gitlab = gitlab(&repository);
    assert_eq!(gitlab.api.as_str(), "https://gitlab.com/api/v4");
    assert_eq!(gitlab.squash, Squash::AsProject);
    assert!(repository.ca.is_none() && gitlab.webhook_secret.is_none());
    assert!(matches!(repository.credentials.account, Some(Account::Token(_))));
}

#[test]
fn a_server_of_ones_own_says_all_of_it() {
    let repository = load(
        "{forge: gitlab, url: https://example.com/git/acme/gitops.git, \
         api: https://example.com/git/api/v4, ca: {file: ca.pem}, merge_method: squash, \
         credentials: {token: {env: TOKEN}}, webhook_secret: {env: SECRET}}",
    );
    let gitlab = gitlab(&repository);
    assert_eq!(gitlab.api.as_str(), "https://example.com/git/api/v4");
    assert_eq!(gitlab.squash, Squash::Always);
    assert!(repository.ca.is_some() && gitlab.webhook_secret.is_some());
}

#[test]
fn what_keeps_hoist_from_a_gitlab_is_told_at_once() {
    let process = r#"
pipelines: pipelines.yaml
repositories:
  a: {forge: gitlab, url: "git@gitlab.com:acme/gitops.git"}
  b: {forge: gitlab, url: "https://git.example.com/acme/gitops.git", credentials: {token: {env: TOKEN}}}
  c: {forge: gitlab, url: "https://gitlab.com/gitops.git", credentials: {username: a, password: {env: TOKEN}}}
  d: {forge: gitlab, url: "https://git.example.com/acme/gitops.git", api: "https://git.example.com", merge_method: rebase, credentials: {app_id: 12, private_key: {env: TOKEN}}}
  gitops: {forge: forgejo, url: "https://codeberg.org/acme/gitops.git"}
sources: {}
"#;
    let desk = Desk::with(process, POLICY).variable("TOKEN", "t");
    check(
        &desk,
        r#"
hoist.yaml:4:7: `repositories.a.known_hosts` is missing: anybody could say to be gitlab.com; `ssh-keyscan HOST` prints the server's host keys: compare their fingerprints with what its administrators publish, and write `known_hosts: {file: PATH}`
hoist.yaml:4:7: `repositories.a.credentials` is missing, and GitLab asks for them; write `{token: {env: NAME}}`: a project's, a group's or a person's access token
hoist.yaml:5:7: `repositories.b.api` is missing, and git.example.com is not gitlab.com; write the address of its API, as https://git.example.com/api/v4
hoist.yaml:6:27: repositories.c.url: `https://gitlab.com/gitops.git` lacks an owner or a name; write https://gitlab.com/OWNER/NAME.git
hoist.yaml:6:74: repositories.c.credentials: GitLab's API takes no passwords; write `{token: {env: NAME}}`: a project's, a group's or a person's access token
hoist.yaml:7:75: repositories.d.api: `https://git.example.com/` is not where a GitLab has its API; write the whole address, as https://HOST/api/v4
hoist.yaml:7:116: repositories.d.merge_method: a GitLab decides that by a setting of the project; remove it, and choose *Fast-forward merge* under *Settings → Merge requests*
hoist.yaml:7:138: repositories.d.credentials: an App is only known to GitHub; write `{token: {env: NAME}}`: a project's, a group's or a person's access token
hoist.yaml:8:19: repositories.gitops.forge: `forgejo` is planned and not built yet; built is `builtin`, `github`, `gitlab`
9 problems
"#,
    );
}
