//! How hoist commits into a repository.

use hoist::config::{Commits, CommitsBy, SecretKey, SignOff};

use super::*;

const KEY: &str =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n";

fn desk(commits: &str) -> Desk {
    let process = format!(
        "pipelines: pipelines.yaml\nsources: {{}}\nrepositories:\n  gitops:\n    forge: builtin\n    commits: {commits}\n"
    );
    Desk::with(&process, POLICY).file("key", KEY).variable("PASSPHRASE", "hunter3")
}

fn load(commits: &str) -> Commits {
    let mut settings = desk(commits).load().map_err(|it| it.to_string()).unwrap().settings;
    settings.repositories.remove(&"gitops".parse().unwrap()).unwrap().commits
}

#[test]
fn whom_commits_name_and_who_signs_them_come_out_as_values() {
    let commits = load(
        "{name: Release Bot, email: bot@example.com, sign_off: committer, \
         trailers: {Change-Type: promotion}, \
         sign: {ssh_key: {file: key}, passphrase: {env: PASSPHRASE}}}",
    );
    assert_eq!(commits.name.as_deref(), Some("Release Bot"));
    assert_eq!(commits.email.as_deref(), Some("bot@example.com"));
    assert_eq!(commits.sign_off, SignOff::Committer);
    assert_eq!(commits.trailers["Change-Type"], "promotion");
    let sign = commits.sign.as_ref().unwrap();
    assert!(matches!(sign.key, SecretKey::Ssh(_)));
    assert_eq!(sign.passphrase.as_ref().unwrap().expose_secret(), "hunter3");
    assert!(!format!("{commits:?}").contains("hunter"));

    let nothing = load("{}");
    assert!(nothing.name.is_none() && nothing.sign.is_none());
    assert_eq!(nothing.sign_off, SignOff::Nobody);
}

#[test]
fn one_key_signs_and_not_two() {
    for sign in ["{passphrase: {env: PASSPHRASE}}", "{ssh_key: {file: key}, gpg_key: {file: key}}"]
    {
        let told = desk(&format!("{{sign: {sign}}}")).load().unwrap_err().to_string();
        assert!(told.contains("one key signs, and this names none or two"), "{told}");
    }
}

#[test]
fn what_git_could_not_hold_is_told_at_once() {
    check(
        &desk(
            "{name: \"a <b>\", email: bot, sign_off: author, trailers: {Hoist-Promotion: x, \
             \"two words\": y, Signed-off-by: z, Change: \"a\\nb\"}, \
             sign: {passphrase: {env: PASSPHRASE}, gpg_key: {file: key}}}",
        ),
        r#"
hoist.yaml:6:21: repositories.gitops.commits.name: `a <b>` is no name that Git can hold; write a name on one line, without < and >
hoist.yaml:6:37: repositories.gitops.commits.email: `bot` is no mail address; write NAME@DOMAIN, as hoist@example.com
hoist.yaml:6:52: repositories.gitops.commits.sign_off: `author` is not known; known are `committer`
hoist.yaml:6:71: repositories.gitops.commits.trailers: hoist writes the trailer `Hoist-Promotion` itself; choose another name; for Signed-off-by write `sign_off: committer`
hoist.yaml:6:91: repositories.gitops.commits.trailers: Git knows no trailer named `two words`; write letters, digits and `-`, as Change-Type
hoist.yaml:6:107: repositories.gitops.commits.trailers: hoist writes the trailer `Signed-off-by` itself; choose another name; for Signed-off-by write `sign_off: committer`
hoist.yaml:6:133: repositories.gitops.commits.trailers.Change: a trailer has one line; write its value on one
hoist.yaml:6:190: repositories.gitops.commits.sign.gpg_key: there is no private key of GPG's in it; name the file that `gpg --armor --export-secret-keys KEY > FILE` makes
8 problems
"#,
    );
}

/// A GitHub's repository, whose commits are made so.
fn on_github(credentials: &str, commits: &str) -> Desk {
    let process = format!(
        "pipelines: pipelines.yaml\nsources: {{}}\nrepositories:\n  gitops:\n    forge: github\n    \
         url: https://github.com/acme/gitops.git\n    credentials: {credentials}\n    \
         commits: {commits}\n"
    );
    Desk::with(&process, POLICY).file("key", KEY).variable("TOKEN", "t")
}

const APP: &str = "{app_id: 12, private_key: {file: key}}";

#[test]
fn a_github_makes_the_commits_of_its_app_if_a_word_says_so() {
    for said in ["api", "{by: api}", "{by: api, trailers: {Change-Type: promotion}}"] {
        let mut settings =
            on_github(APP, said).load().map_err(|it| it.to_string()).unwrap().settings;
        let commits = settings.repositories.remove(&"gitops".parse().unwrap()).unwrap().commits;
        assert_eq!(commits.by, CommitsBy::Api, "{said}");
    }
    assert_eq!(load("git").by, CommitsBy::Git);
}

#[test]
fn who_makes_no_commits_or_signs_none_is_told_at_once() {
    check(
        &desk("api"),
        r"
hoist.yaml:6:14: repositories.gitops.commits: only a GitHub makes commits by its API; leave out `api`; `commits: {sign: …}` signs them by a key
1 problem
",
    );
    check(
        &on_github("{token: {env: TOKEN}}", "api"),
        r"
hoist.yaml:8:14: repositories.gitops.commits: GitHub signs what an App commits, and nothing by a token; write `credentials: {app_id: N, private_key: {file: PATH}}`, or leave out `api`
1 problem
",
    );
    check(
        &on_github(APP, "{by: api, name: bot, sign_off: committer, sign: {ssh_key: {file: key}}}"),
        r"
hoist.yaml:8:30: repositories.gitops.commits.name: a commit that GitHub makes names the App and has GitHub's signature; remove it, or leave out `by: api`
hoist.yaml:8:45: repositories.gitops.commits.sign_off: a commit that GitHub makes names the App and has GitHub's signature; remove it, or leave out `by: api`
hoist.yaml:8:63: repositories.gitops.commits.sign: a commit that GitHub makes names the App and has GitHub's signature; remove it, or leave out `by: api`
3 problems
",
    );
    check(
        &on_github(APP, "{by: apu}"),
        r"
hoist.yaml:8:19: repositories.gitops.commits.by: `apu` is not known; did you mean `api`?
1 problem
",
    );
}
