//! The process file.

use hoist::config::{Account, Proof, Remote};
use hoist::domain::command::Reach;

use super::*;

/// Every key that is built.
pub const EVERYTHING: &str = r#"
listen: 0.0.0.0:80
public_url: https://hoist.example.com/
store: sqlite:///var/lib/hoist/hoist.db
data: state
pipelines: pipelines.yaml
repositories:
  gitops:
    forge: builtin
    url: https://git.example.com/acme/gitops.git
    branch: env/main
    credentials: {username: hoist, password: {file: secrets/password}}
  other: {forge: builtin, url: "file:///srv/git/other.git"}
  third:
    forge: builtin
    url: http://127.0.0.1:3000/a.git
    credentials: {token: {env: TOKEN}}
sources:
  ci:
    hmac: [{env: NEW}, {file: ./state/old}]
    images: ["ghcr.io/acme/*", nginx]
people:
  alice: {github: alice, gitlab: alice.w, slack: U0A1}
  bob:
roles:
  developers: {people: [alice, bob], may: [promote, skip-gates], environments: [staging]}
  others: {may: [status], environments: ["*"]}
tokens:
  - {name: ops, sha256: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", roles: [developers], person: alice}
"#;

#[test]
fn every_key_comes_out_as_a_value() {
    let desk = Desk::with(EVERYTHING, POLICY)
        .file("secrets/password", "pass word\r\n")
        .variable("TOKEN", "t")
        .variable("NEW", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let settings = desk.load().map_err(|it| it.to_string()).unwrap().settings;
    assert_eq!(settings.public_url, "https://hoist.example.com");
    let [gitops, other, third] =
        ["gitops", "other", "third"].map(|name| &settings.repositories[&name.parse().unwrap()]);
    assert_eq!(gitops.branch, "env/main");
    let Some(Account::Password { username, password }) = &gitops.credentials.account else {
        panic!()
    };
    assert_eq!((username.as_str(), password.expose_secret()), ("hoist", "pass word"));
    assert_eq!(other.remote, Remote::File("/srv/git/other.git".into()));
    assert!(matches!(third.credentials.account, Some(Account::Token(_))));
    let source = &settings.sources[&"ci".parse().unwrap()];
    let Proof::Secrets(secrets) = &source.proof else { panic!() };
    assert!(secrets[0].expose_secret().starts_with("whsec_"));
    assert_eq!(settings.missing_secret_files, [Path::new("./state/old")]);
    let role = &settings.roles[&"developers".parse().unwrap()];
    assert_eq!(role.environments, Reach::Only(vec!["staging".parse().unwrap()]));
    assert_eq!(settings.tokens[0].sha256, "a".repeat(64));
}

#[test]
fn a_secret_cannot_be_printed() {
    let desk = Desk::with(PROCESS, POLICY).file("var/ci-secret", "hunter2hunter2hunter2\n");
    let settings = desk.load().unwrap().settings;
    let Proof::Secrets(secrets) = &settings.sources[&"ci".parse().unwrap()].proof else { panic!() };
    assert_eq!(secrets[0].expose_secret(), "hunter2hunter2hunter2");
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let process = r#"
pipelines: pipelines.yaml
repositories:
  a: {forge: builtin, url: "https://me:hunter2@git.example.com/a.git"}
  b: {forge: builtin, url: "https://git.example.com/a.git", credentials: {token: hunter2}}
  c: {forge: builtin, url: "https://git.example.com/a.git", credentials: {token: {env: "hunter2!"}}}
  d: {forge: builtin, url: "https://git.example.com/a.git", credentials: {token: {env: UNSET}}}
  e: {forge: builtin, url: "https://git.example.com/a.git", credentials: {token: {file: var/none}}}
  f: {forge: builtin, url: "https://git.example.com/a.git", credentials: {token: {env: hunter2}}}
sources:
  ci: {hmac: hunter2, images: [a]}
  two: {hmac: [{env: A, file: b}, {}, hunter2], images: [a]}
  three: {hmac: {file: /run/none}, images: [a]}
  four: {hmac: {file: var/empty}, images: [a]}
  five: {hmac: {file: var/../../none}, images: [a]}
tokens:
  - {name: a, sha256: hunter2, roles: []}
"#;
    let desk = Desk::with(process, POLICY).file("var/empty", "\n");
    assert!(!desk.problems().contains("hunter2"));
    check(
        &desk,
        r#"
hoist.yaml:4:28: repositories.a.url: a user or a password stands in it; remove it, and write `credentials:`; if this file was shared, replace it
hoist.yaml:5:82: repositories.b.credentials.token: a secret is never written into this file; put it into an environment variable or a file, and write `{env: NAME}` or `{file: PATH}`; if this file was shared, replace the secret
hoist.yaml:6:88: repositories.c.credentials.token.env: this is no name of an environment variable; a name has letters, digits and `_`, as HOIST_CI_SECRET
hoist.yaml:7:88: repositories.d.credentials.token.env: the environment variable UNSET is not set; start hoist with it, or write `{file: PATH}` instead
hoist.yaml:8:83: repositories.e.credentials.token: the file var/none does not exist; put the secret there
hoist.yaml:9:88: repositories.f.credentials.token.env: the environment variable is not set; start hoist with it, or write `{file: PATH}` instead
hoist.yaml:11:14: sources.ci.hmac: a secret is never written into this file; put it into an environment variable or a file, and write `{env: NAME}` or `{file: PATH}`; if this file was shared, replace the secret
hoist.yaml:12:15: sources.two.hmac: 3 secrets stand here; write one, or two while one is being rotated
hoist.yaml:12:17: sources.two.hmac[0]: a secret is in one place; write either `{env: NAME}` or `{file: PATH}`
hoist.yaml:12:35: sources.two.hmac[1]: a secret is in one place; write either `{env: NAME}` or `{file: PATH}`
hoist.yaml:12:39: sources.two.hmac[2]: a secret is never written into this file; put it into an environment variable or a file, and write `{env: NAME}` or `{file: PATH}`; if this file was shared, replace the secret
hoist.yaml:13:24: sources.three.hmac.file: the file /run/none cannot be read: no such file; put the secret there, readable for hoist's user
hoist.yaml:14:23: sources.four.hmac.file: the file var/empty is empty; put the secret there, and nothing else
hoist.yaml:15:23: sources.five.hmac.file: the file var/../../none cannot be read: no such file; put the secret there, readable for hoist's user
hoist.yaml:17:23: tokens[0].sha256: this is no SHA-256, which has 64 hex digits; write what `printf %s "$TOKEN" | sha256sum` prints first
pipelines.yaml:3:17: pipelines.services.repository: there is no `gitops`; known are `a`, `b`, `c`, `d`, `e`, `f`
16 problems
"#,
    );
}

#[test]
fn a_source_is_known_by_a_secret_of_its_own() {
    let process = r#"
pipelines: pipelines.yaml
repositories:
  gitops: {forge: builtin}
sources:
  ci: {hmac: [{env: NEW}, {env: OLD}], images: [a]}
  nightly: {hmac: {env: OLD}, images: [a]}
  registry: {hmac: {env: CUT}, images: [a]}
"#;
    let desk = Desk::with(process, POLICY)
        .variable("NEW", "hunter3 or something")
        .variable("OLD", "hunter2 or something")
        .variable("CUT", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZ*");
    assert!(!desk.problems().contains("hunter2"));
    check(
        &desk,
        r#"
hoist.yaml:7:13: sources.nightly.hmac: `ci` has the same secret; give each source a secret of its own: it tells who announces
hoist.yaml:8:14: sources.registry.hmac: what follows `whsec_` is no base64; copy it whole, or drop the prefix if it is not one
2 problems
"#,
    );
}

#[test]
fn bad_values_say_what_to_write() {
    let process = r#"
listen: "8080"
public_url: hoist.example.com
store: postgres://hoist@db/hoist
pipelines: {repository: gitops, path: hoist/pipelines.yaml}
repositories:
  a b: {forge: builtin}
  c: {forge: github, url: "git@github.com:acme/gitops.git", api: "https://api.github.com"}
  d: {forge: bultin, branch: refs/heads/main}
  e: {forge: builtin, url: "file://var/x.git"}
  f: {forge: builtin, url: "http://git.example.com/a.git", credentials: {username: a}}
  g: {forge: builtin, credentials: {app_id: 12}, lissten: 1, url: "ftp://a/b"}
  h: {url: }
sources:
  ci: {hmac: {env: A}, images: ["ghcr.io/acme/{application}", "a:b", ]}
  actions: {oidc: {issuer: a}, claims: {}, images: []}
argocd: {main: {}}
"#;
    check_process(
        process,
        r#"
hoist.yaml:2:9: listen: `8080` is no address to listen on; write HOST:PORT, as 127.0.0.1:8080 or [::1]:8080
hoist.yaml:3:13: public_url: `hoist.example.com` is no URL: relative URL without a base; write http://… or https://…, as https://hoist.example.com
hoist.yaml:4:8: store: a PostgreSQL store is planned and not built yet; use sqlite://PATH until it is
hoist.yaml:5:13: pipelines: a policy in a repository is planned and not built yet; write the path of a file on this machine
hoist.yaml:7:3: "a b" is not a repository name: only letters, digits, `-`, `_`, `.` and `+` make a name; choose another name
hoist.yaml:8:7: `repositories.c.known_hosts` is missing: anybody could say to be github.com; `ssh-keyscan HOST` prints the server's host keys: compare their fingerprints with what its administrators publish, and write `known_hosts: {file: PATH}`
hoist.yaml:8:7: `repositories.c.credentials` is missing, and GitHub asks for them; write `{token: {env: NAME}}`, or `{app_id: N, private_key: {file: PATH}}`
hoist.yaml:9:14: repositories.d.forge: `bultin` is not known; did you mean `builtin`?
hoist.yaml:9:30: repositories.d.branch: `refs/heads/main` is a ref; write the branch's name alone, as main
hoist.yaml:10:28: repositories.e.url: `file://var/x.git` names no folder here; write file:///, three slashes, then the path
hoist.yaml:11:74: repositories.f.credentials: these are no credentials; write either `token`, or `username` and `password`, or `app_id` and `private_key`; and for SSH `ssh_key` with its `passphrase` if it has one, or `ssh_agent`
hoist.yaml:11:74: repositories.f.credentials: these would cross the network in the clear, over http; write an https:// url
hoist.yaml:12:37: repositories.g.credentials: these are no credentials; write either `token`, or `username` and `password`, or `app_id` and `private_key`; and for SSH `ssh_key` with its `passphrase` if it has one, or `ssh_agent`
hoist.yaml:12:50: unknown key `lissten` in repositories.g; a repository knows `forge`, `url`, `branch`, `api`, `ca`, `known_hosts`, `transport`, `credentials`, `webhook_secret`, `commits`, `merge_method`, `auto_merge`
hoist.yaml:12:67: repositories.g.url: `ftp` is no way to reach a repository; write https://HOST/PATH.git, git@HOST:PATH.git, or file:///PATH.git for a bare repository here
hoist.yaml:13:7: `repositories.h.url` has no value; give it one, or remove the key
hoist.yaml:13:7: `repositories.h.forge` is missing; a repository needs it: where its proposals live: builtin, in the repository itself, github, or gitlab
hoist.yaml:15:20: sources.ci.hmac.env: the environment variable A is not set; start hoist with it, or write `{file: PATH}` instead
hoist.yaml:15:33: sources.ci.images[0]: nothing says what `{application}` is in `ghcr.io/acme/{application}`; write `*`, or `{application}` in one of the `claims` of a token, too
hoist.yaml:15:63: sources.ci.images[1]: `a:b` is no image without tag and digest; write REGISTRY/PATH, with `*` for a part of a segment, as ghcr.io/acme/*
hoist.yaml:16:20: `sources.actions.oidc.audience` is missing; an issuer of tokens needs it: what must stand in their `aud`
hoist.yaml:16:28: sources.actions.oidc.issuer: `a` is no issuer; write what stands in the tokens' `iss`, as https://gitlab.example.com
hoist.yaml:16:52: sources.actions.images: this source may announce nothing; name at least one image, as ghcr.io/acme/*
hoist.yaml:17:16: `argocd.main.url` is missing; an Argo CD needs it: its address
hoist.yaml:17:16: `argocd.main.token` is missing; an Argo CD needs it: the token of an account that may get applications
25 problems
"#,
    );
}

#[test]
fn names_that_nothing_has_are_told_with_the_nearest() {
    let process = format!(
        "{PROCESS}people: {{alice: {{}}}}\n\
         roles:\n  devs: {{people: [alise], may: [promot, fly], environments: [stagin]}}\n  \
         all: {{may: [status], environments: [\"*\", a]}}\n\
         tokens:\n\
         - {{name: a, sha256: {0}, roles: [dev]}}\n\
         - {{name: a, sha256: {1}, roles: [devs], person: carol}}\n\
         - {{name: b, sha256: {0}, roles: [devs, devs]}}\n",
        "a".repeat(64),
        "b".repeat(64)
    );
    check_process(
        &process,
        r#"
hoist.yaml:10:19: roles.devs.people[0]: there is no `alise`; did you mean `alice`?
hoist.yaml:10:33: roles.devs.may[0]: `promot` is not known; did you mean `promote`?
hoist.yaml:10:41: roles.devs.may[1]: `fly` is not known; known are `announce`, `review`, `merge`, `promote`, `rollback`, `hold`, `resume`, `freeze`, `skip-gates`, `status`, `audit`
hoist.yaml:10:62: roles.devs.environments[0]: there is no `stagin`; did you mean `staging`?
hoist.yaml:11:38: roles.all.environments: `*` stands among names; keep `["*"]` alone, or the names alone
hoist.yaml:13:95: tokens[0].roles[0]: there is no `dev`; did you mean `devs`?
hoist.yaml:14:4: tokens[1]: there is a token named `a` already; choose another name, so that the history tells them apart
hoist.yaml:14:110: tokens[1].person: there is no `carol`; known are `alice`
hoist.yaml:15:4: tokens[2]: another entry is the same token; make a token of its own for each
hoist.yaml:15:101: tokens[2].roles: `devs` stands twice; keep one
10 problems
"#,
    );
}

#[test]
fn a_key_that_stands_twice_is_told_with_the_first() {
    check_process(
        &format!("{PROCESS}pipelines: other.yaml\n"),
        r#"
hoist.yaml:8:1: `pipelines` stands here a second time; the first is in line 1; keep one
1 problem
"#,
    );
}

#[test]
fn a_missing_secret_is_made_once_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("var/ci-secret");
    config::make_secret_file(&path, [7; 32]).unwrap();
    config::make_secret_file(&path, [8; 32]).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", "07".repeat(32)));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_source_says_how_it_shows_who_it_is() {
    let process = r#"
pipelines: pipelines.yaml
repositories: {gitops: {forge: builtin}}
sources:
  nothing: {images: [ghcr.io/acme/a]}
  both: {hmac: {env: CI}, oidc: {issuer: "https://ci.example.com", audience: hoist}, images: [ghcr.io/acme/a]}
  claims: {hmac: {env: CI}, claims: {ref: refs/heads/main}, images: [ghcr.io/acme/a]}
  signed: {hmac: {env: CI}, images: ["ghcr.io/acme/{application}"]}
  anybody: {oidc: {issuer: "https://ci.example.com", audience: hoist}, images: [ghcr.io/acme/a]}
  everybody:
    oidc: {issuer: https://token.actions.githubusercontent.com, audience: hoist}
    claims: {ref: refs/heads/main}
    images: ["ghcr.io/acme/{application}"]
  clear: {oidc: {issuer: "http://ci.example.com", audience: hoist}, claims: {sub: a}, images: [ghcr.io/acme/a]}
  odd:
    oidc: {issuer: "https://ci.example.com/?a=b", audience: hoist, audiance: x}
    claims: {sub: "*{application}", ref: [], other: "{tag}"}
    images: ["ghcr.io/{tag}/a", "shop:v1"]
"#;
    let desk = Desk::with(process, POLICY).variable("CI", "a secret of a test");
    insta::assert_snapshot!(desk.load().unwrap_err().to_string(), @r#"
    hoist.yaml:5:13: sources.nothing: nothing tells who it is that announces; write `hmac: {env: NAME}`, the secret that signs, or `oidc: {issuer: …, audience: …}` with `claims:`, the CI that vouches for it, or `sender: harbor` with `secret:`
    hoist.yaml:6:10: sources.both: `hmac` and `oidc` stand together; keep one; the other way is a source of its own
    hoist.yaml:7:38: sources.claims.claims: claims stand in tokens, and there is no `oidc`; write `oidc: {issuer: …, audience: …}`, or remove them
    hoist.yaml:8:38: sources.signed.images[0]: nothing says what `{application}` is in `ghcr.io/acme/{application}`; write `*`, or `{application}` in one of the `claims` of a token, too
    hoist.yaml:9:20: sources.anybody.oidc: no claim says whose tokens count; write `claims:`, as {repository: "acme/{application}", ref: refs/heads/main}
    hoist.yaml:12:14: sources.everybody.claims: whoever has a token of https://token.actions.githubusercontent.com could announce: none of these claims says whose pipeline it is, and its tokens are made for everybody; write the owner out, as in `repository: "acme/{application}"` (GitHub) or `project_path: "acme/{application}"` (GitLab), or add a claim that names it, as `repository_owner: acme`
    hoist.yaml:13:14: sources.everybody.images[0]: nothing says what `{application}` is in `ghcr.io/acme/{application}`; write `*`, or `{application}` in one of the `claims` of a token, too
    hoist.yaml:14:26: sources.clear.oidc.issuer: its keys would cross the network over http, where anybody can put their own; write an https:// url
    hoist.yaml:16:20: sources.odd.oidc.issuer: an issuer has no user, no `?` and no `#`; write what stands in the tokens' `iss`, as https://gitlab.example.com
    hoist.yaml:16:68: unknown key `audiance` in sources.odd.oidc; did you mean `audience`?
    hoist.yaml:17:19: sources.odd.claims.sub: the segment `*{application}` has more than one placeholder, and where one ends could be read in two ways; write the value, with `*` for a part of a segment or `{application}` for one
    hoist.yaml:17:42: sources.odd.claims.ref: no value would ever fit; write the value, with `*` for a part of a segment or `{application}` for one
    hoist.yaml:17:53: sources.odd.claims.other: in `{tag}` only `*` and `{application}` may stand for something else; write the value, with `*` for a part of a segment or `{application}` for one
    hoist.yaml:18:14: sources.odd.images[0]: in `ghcr.io/{tag}/a` only `*` and `{application}` may stand for something else; write REGISTRY/PATH, with `*` for a part of a segment, as ghcr.io/acme/*
    hoist.yaml:18:33: sources.odd.images[1]: `shop:v1` is no image without tag and digest; write REGISTRY/PATH, with `*` for a part of a segment, as ghcr.io/acme/*
    15 problems
    "#);
}

#[test]
fn what_a_token_must_say_is_read() {
    let process = r#"
pipelines: pipelines.yaml
repositories: {gitops: {forge: builtin}}
sources:
  actions:
    oidc: {issuer: https://token.actions.githubusercontent.com, audience: hoist}
    claims: {repository: "acme/{application}", ref: [refs/heads/main, "refs/tags/v*"]}
    images: ["ghcr.io/acme/{application}"]
"#;
    let settings = Desk::with(process, POLICY).load().unwrap().settings;
    let Proof::Token(rule) = &settings.sources[&"actions".parse().unwrap()].proof else { panic!() };
    assert_eq!(rule.issuer, "https://token.actions.githubusercontent.com");
    let claims: Vec<_> = rule.claims.iter().map(|(name, it)| (name.as_str(), it.len())).collect();
    assert_eq!(claims, [("ref", 2), ("repository", 1)]);
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    let process = r#"
pipelines: pipelines.yaml
repositories: {gitops: {forge: builtin}}
sources:
  ci: {hmac: [{env: LONG}, {env: SHORT}], images: [a]}
  harbor: {sender: harbor, secret: {env: SHORT}, images: [a.example.com/b]}
  standard: {hmac: {env: STANDARD}, images: [a]}
"#;
    let desk = Desk::with(process, POLICY)
        .variable("LONG", "sixteen bytes ok")
        .variable("SHORT", "fifteen bytes, ")
        .variable("STANDARD", "whsec_c2hvcnQgc2hvcnQ=");
    insta::assert_snapshot!(desk.problems(), @"
    hoist.yaml:5:29: sources.ci.hmac[1]: the secret there has 15 bytes, and one so short can be guessed; take at least 16, as `openssl rand -hex 32` makes them, and give the sender the same
    hoist.yaml:6:37: sources.harbor.secret: the secret there has 15 bytes, and one so short can be guessed; take at least 16, as `openssl rand -hex 32` makes them, and give the sender the same
    hoist.yaml:7:21: sources.standard.hmac: the secret there has 12 bytes, and one so short can be guessed; take at least 16, as `openssl rand -hex 32` makes them, and give the sender the same
    3 problems
    ");
}

/// What is said of these claims, of tokens of GitHub's and of an issuer of one's own.
fn judged(claims: &str) -> String {
    let mut told = Vec::new();
    for issuer in ["https://token.actions.githubusercontent.com", "https://ci.example.com"] {
        let process = format!(
            "pipelines: pipelines.yaml\nrepositories: {{gitops: {{forge: builtin}}}}\nsources:\n  \
             ci:\n    oidc: {{issuer: \"{issuer}\", audience: hoist}}\n    claims: {claims}\n    \
             images: [ghcr.io/acme/a]\n"
        );
        let problems = Desk::with(&process, POLICY).problems();
        told.push(problems.lines().next().unwrap_or_default().to_owned());
    }
    told.join("\n")
}

#[test]
fn a_rule_that_fits_everybodys_tokens_is_refused() {
    let good = "no problem\nno problem";
    for claims in [
        "{repository: \"acme/{application}\"}",
        "{repository: \"acme/*\", ref: refs/heads/main}",
        "{repository: \"*/{application}\", repository_owner: acme}",
        "{repository: \"*/{application}\", repository_owner_id: \"1234\"}",
        "{project_path: \"acme/team/{application}\"}",
        "{project_path: \"*/{application}\", namespace_path: acme}",
        "{workflow_ref: \"acme/{application}/.github/workflows/*@refs/heads/main\"}",
        "{sub: \"repo:acme/{application}:ref:refs/heads/main\"}",
        "{sub: \"project_path:acme/{application}:ref_type:branch:ref:main\"}",
        "{sub: \"system:serviceaccount:shop:*\"}",
        "{sub: \"org/0f1e/project/*/user/*\"}",
    ] {
        assert_eq!(judged(claims), good, "{claims}");
    }
    for claims in [
        "{repository: \"*/*\"}",
        "{repository: [\"acme/{application}\", \"*/{application}\"]}",
        "{repository: \"acme*/{application}\"}",
        "{repository: \"{application}/deploy\"}",
        "{project_path: \"*/{application}\", ref_protected: \"true\"}",
        "{repository_owner: \"*\"}",
        "{sub: \"repo:*/{application}:ref:refs/heads/main\"}",
        "{sub: \"repo:acme-*/shop\"}",
        "{sub: \"system:serviceaccount:*:announcer\"}",
        "{job_workflow_ref: \"acme/builders/.github/workflows/build.yml@refs/heads/main\"}",
        "{ref: refs/heads/main}",
        "{environment: production, event_name: push}",
    ] {
        let told = judged(claims);
        assert_eq!(told.matches("could announce").count(), 2, "{claims}: {told}");
    }
    // What nobody here knows may say whose it is, where the issuer is one's own.
    let known = judged("{organization_slug: acme}");
    assert!(known.contains("could announce") && known.ends_with("\nno problem"), "{known}");
    insta::assert_snapshot!(judged("{project_path: \"*/{application}\"}"), @r#"
    hoist.yaml:6:14: sources.ci.claims.project_path: whoever has a token of https://token.actions.githubusercontent.com could announce: in `*/{application}` the owner is not written out, and its tokens are made for everybody; write the owner out, as in `repository: "acme/{application}"` (GitHub) or `project_path: "acme/{application}"` (GitLab), or add a claim that names it, as `repository_owner: acme`
    hoist.yaml:6:14: sources.ci.claims.project_path: whoever has a token of https://ci.example.com could announce: in `*/{application}` the owner is not written out; write the owner out, as in `repository: "acme/{application}"` (GitHub) or `project_path: "acme/{application}"` (GitLab), or add a claim that names it, as `repository_owner: acme`
    "#);
}
