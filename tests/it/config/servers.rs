//! How a repository's server is reached and known: by SSH, and by https with one's own authority.

use std::path::PathBuf;

use hoist::config::{Account, Forge, KnownHosts, Remote, Repository, SshLogin};

use super::*;

const KEY: &str =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n";
const HOSTS: &str = "# ours\ngit.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\n";
const PRINT: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn desk(process: &str) -> Desk {
    Desk::with(process, POLICY)
        .file("key", KEY)
        .file("key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA hoist\n")
        .file("hosts", HOSTS)
        .file("ca-hosts", "@cert-authority *.example.com ssh-ed25519 AAAA\n")
        .file("nothing", "# to be written\n")
        .file("ca.pem", "-----BEGIN CERTIFICATE-----\n")
        .variable("PASSPHRASE", "hunter3")
        .variable("TOKEN", "t")
}

fn load(repository: &str) -> Repository {
    let process = format!(
        "pipelines: pipelines.yaml\nsources: {{}}\nrepositories:\n  gitops: {repository}\n"
    );
    let mut settings = desk(&process).load().map_err(|it| it.to_string()).unwrap().settings;
    settings.repositories.remove(&"gitops".parse().unwrap()).unwrap()
}

#[test]
fn a_key_and_the_hosts_come_out_as_values() {
    let one = load(
        "{forge: builtin, url: \"git@git.example.com:acme/gitops.git\", known_hosts: {file: hosts}, \
         credentials: {ssh_key: {file: key}, passphrase: {env: PASSPHRASE}}}",
    );
    let Remote::Ssh(address) = &one.remote else { panic!("{:?}", one.remote) };
    assert_eq!(address.to_string(), "git@git.example.com:acme/gitops.git");
    assert_eq!(one.known_hosts, Some(KnownHosts::File(HOSTS.trim_end().into())));
    let Some(SshLogin::Key { key, passphrase: Some(passphrase) }) = &one.credentials.ssh else {
        panic!()
    };
    assert_eq!(key.expose_secret(), KEY.trim_end());
    assert_eq!(passphrase.expose_secret(), "hunter3");
    assert!(!format!("{one:?}").contains("hunter"));

    let two = load(&format!(
        "{{forge: builtin, url: \"ssh://git@git.example.com:2222/gitops.git\", \
         known_hosts: [\"{PRINT}=\"], credentials: {{ssh_agent: /run/agent}}}}"
    ));
    assert_eq!(two.known_hosts, Some(KnownHosts::Fingerprints(vec![PRINT.into()])));
    let Some(SshLogin::Agent(socket)) = &two.credentials.ssh else { panic!() };
    assert_eq!(*socket, PathBuf::from("/run/agent"));
}

#[test]
fn a_forges_git_may_be_reached_by_ssh() {
    let token = "token: {env: TOKEN}, ssh_key: {file: key}";
    for (forge, url, api) in [
        ("github", "git@github.com:acme/gitops.git", "https://api.github.com/"),
        ("github", "ssh://git@ssh.github.com:443/acme/gitops.git", "https://api.github.com/"),
        ("gitlab", "git@gitlab.com:acme/a/gitops.git", "https://gitlab.com/api/v4"),
    ] {
        let it = load(&format!(
            "{{forge: {forge}, url: \"{url}\", known_hosts: {{file: hosts}}, ca: {{file: ca.pem}}, \
             credentials: {{{token}}}}}"
        ));
        assert!(matches!(it.credentials.account, Some(Account::Token(_))));
        assert!(matches!(it.credentials.ssh, Some(SshLogin::Key { .. })));
        let home = it.remote.home().unwrap();
        assert!(home.path().ends_with("/gitops.git"), "{home}");
        match it.forge {
            Forge::GitHub(hub) => assert_eq!(hub.api.as_str(), api),
            Forge::GitLab(lab) => assert_eq!(lab.api.as_str(), api),
            Forge::Builtin => panic!(),
        }
    }
}

#[test]
fn a_server_may_have_an_authority_of_its_own() {
    let it = load("{forge: builtin, url: \"https://host/a.git\", ca: {file: ca.pem}}");
    assert_eq!(it.ca.as_deref(), Some("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn what_ssh_lacks_or_cannot_use_is_told_at_once() {
    let process = r#"
pipelines: pipelines.yaml
repositories:
  a: {forge: builtin, url: "git@git.example.com:a.git"}
  b: {forge: builtin, url: "ssh://git:hunter2@host/a.git", known_hosts: {file: hosts}, credentials: {ssh_key: {file: key}}}
  c: {forge: builtin, url: "git@host:c.git", known_hosts: {file: ca-hosts}, credentials: {ssh_key: {file: key.pub}}}
  d: {forge: builtin, url: "git@host:d.git", known_hosts: {file: nothing}, credentials: {token: {env: TOKEN}}}
  e: {forge: builtin, url: "git@host:e.git", known_hosts: ["MD5:aa:bb"], credentials: {ssh_agent: agent.sock}}
  f: {forge: builtin, url: "https://host/f.git", known_hosts: {file: hosts}, credentials: {ssh_key: {file: key}}}
  h: {forge: builtin, url: "git@host:h.git", ca: {file: ca.pem}, known_hosts: {file: hosts}, credentials: {ssh_key: {file: key}}}
  i: {forge: builtin, url: "https://host/i.git", ca: {file: hosts}}
  g: {forge: builtin, url: "git@host:g.git", known_hosts: [], credentials: {passphrase: {env: PASSPHRASE}}}
  j: {forge: github, url: "git@github.com:acme/gitops.git", known_hosts: {file: hosts}, credentials: {ssh_key: {file: key}}}
  k: {forge: gitlab, url: "git@gitlab.com:acme/gitops.git", known_hosts: {file: hosts}, credentials: {token: {env: TOKEN}}}
  l: {forge: github, url: "https://github.com/acme/gitops.git", credentials: {token: {env: TOKEN}, ssh_key: {file: key}}}
  m: {forge: builtin, url: "git@host:h.git", known_hosts: {file: hosts}, credentials: {token: {env: TOKEN}, ssh_key: {file: key}}}
  gitops: {forge: gitlab, url: "ssh://git@host:2222/acme/gitops.git", credentials: {token: {env: TOKEN}, ssh_key: {file: key}}}
sources: {}
"#;
    let desk = desk(process);
    assert!(!desk.problems().contains("hunter"));
    check(
        &desk,
        r#"
hoist.yaml:4:7: `repositories.a.known_hosts` is missing: anybody could say to be git.example.com; `ssh-keyscan HOST` prints the server's host keys: compare their fingerprints with what its administrators publish, and write `known_hosts: {file: PATH}`
hoist.yaml:4:7: `repositories.a.credentials` is missing, and SSH asks for a key; write `credentials: {ssh_key: {file: PATH}}`
hoist.yaml:5:28: repositories.b.url: a password stands in it; remove it, hoist logs in by a key; if this file was shared, replace it
hoist.yaml:6:60: repositories.c.known_hosts: hoist knows no @cert-authority and no @revoked; write the host keys themselves, a line each
hoist.yaml:6:101: repositories.c.credentials.ssh_key: there is no private key in it; name the file that `ssh-keygen -t ed25519 -f FILE` makes, without `.pub`
hoist.yaml:7:60: repositories.d.known_hosts: there is no host key in it; `ssh-keyscan HOST` prints the server's host keys: compare their fingerprints with what its administrators publish, and write `known_hosts: {file: PATH}`
hoist.yaml:7:90: repositories.d.credentials: these have no use by SSH; write `{ssh_key: {file: PATH}}`, or an https:// url
hoist.yaml:8:60: repositories.e.known_hosts[0]: `MD5:aa:bb` is no fingerprint of a host key; write SHA256: and 43 characters, as the second column of `ssh-keygen -l` has it
hoist.yaml:8:99: repositories.e.credentials.ssh_agent: `agent.sock` is no absolute path; write the path of the agent's socket, which `echo $SSH_AUTH_SOCK` prints
hoist.yaml:9:64: repositories.f.known_hosts: only SSH has a use for this; remove it, or write `url: git@HOST:PATH.git`
hoist.yaml:9:92: repositories.f.credentials: these have no use by https; write `{token: {env: NAME}}`, or `url: git@HOST:PATH.git`
hoist.yaml:10:51: repositories.h.ca: only https has a use for this; remove it, or write an https:// url
hoist.yaml:11:55: repositories.i.ca: there is no certificate in it; name a PEM file: it has `-----BEGIN CERTIFICATE-----` in it
hoist.yaml:12:59: repositories.g.known_hosts: the list is empty; `ssh-keyscan HOST` prints the server's host keys: compare their fingerprints with what its administrators publish, and write `known_hosts: {file: PATH}`
hoist.yaml:12:77: repositories.g.credentials: these are no credentials; write either `token`, or `username` and `password`, or `app_id` and `private_key`; and for SSH `ssh_key` with its `passphrase` if it has one, or `ssh_agent`
hoist.yaml:13:103: repositories.j.credentials: GitHub's API takes no keys; write `{token: {env: NAME}}`, or `{app_id: N, private_key: {file: PATH}}`
hoist.yaml:14:103: repositories.k.credentials: these let nobody into its Git, which is reached by SSH; write `ssh_key: {file: PATH}` beside them, or an https:// url
hoist.yaml:15:79: repositories.l.credentials: these have no use by https; write `{token: {env: NAME}}`, or `url: git@HOST:PATH.git`
hoist.yaml:16:88: repositories.m.credentials: these are asked for by nobody beside the key; remove all but the key for SSH
hoist.yaml:17:12: `repositories.gitops.known_hosts` is missing: anybody could say to be host; `ssh-keyscan HOST` prints the server's host keys: compare their fingerprints with what its administrators publish, and write `known_hosts: {file: PATH}`
hoist.yaml:17:12: `repositories.gitops.api` is missing, and host is not gitlab.com; write the address of its API, as https://host/api/v4
21 problems
"#,
    );
}
