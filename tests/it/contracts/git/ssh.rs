//! What only SSH has: keys, agents, and host keys.

use std::process::{Command, Stdio};

use hoist::adapters::git::{Bounds, Credentials, HostKeys, Login, Mirror, RemoteSettings, Trust};
use hoist::app::ports::{Git, GitError, RefOutcome};

use crate::support::git::{Remote, spec, update};
use crate::support::ssh_server::{PASSPHRASE, SshServer};

const MAIN: &str = "refs/heads/main";

async fn fetch(settings: RemoteSettings) -> Result<(), GitError> {
    let data = tempfile::tempdir().unwrap();
    Mirror::open(settings, data.path()).unwrap().fetch().await
}

fn text(error: GitError) -> String {
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(!text.contains("hunter"), "{text}");
    assert!(!text.contains("PRIVATE"), "{text}");
    text
}

fn server(remote: &Remote) -> &SshServer {
    remote.ssh.as_ref().unwrap()
}

#[tokio::test]
async fn a_push_by_ssh_lands_with_each_kind_of_key() {
    let remote = Remote::ssh();
    let ssh = server(&remote);
    let keys = [ssh.key("key", None), ssh.key("locked", Some(PASSPHRASE)), ssh.key("rsa", None)];
    for (number, credentials) in keys.into_iter().enumerate() {
        let settings = remote.settings_for("gitops.git", credentials);
        let data = tempfile::tempdir().unwrap();
        let mirror = Mirror::open(settings, data.path()).unwrap();
        mirror.fetch().await.unwrap();
        let commit = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
        let name = format!("refs/heads/by-key-{number}");
        let pushed = mirror.push(vec![update(&name, None, Some(&commit))]).await.unwrap();
        assert_eq!(pushed, [RefOutcome::Moved]);
        assert_eq!(remote.git(&["rev-parse", &name]), commit.as_str());
    }
}

#[tokio::test]
async fn an_agents_keys_get_in() {
    let remote = Remote::ssh();
    let ssh = server(&remote);
    let socket = remote.directory.path().join("agent");
    let mut agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let add = |key: &str| {
        for _ in 0..100 {
            let mut add = Command::new("ssh-add");
            add.arg("-q").arg(ssh.file(key)).env("SSH_AUTH_SOCK", &socket);
            if socket.exists() && add.output().unwrap().status.success() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("ssh-add does not get through");
    };
    let settings =
        remote.settings_for("gitops.git", Credentials::Ssh(Login::Agent(socket.clone())));
    add("stranger");
    let refused = fetch(settings.clone()).await.unwrap_err();
    add("key");
    let admitted = fetch(settings.clone()).await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    let gone = fetch(settings).await.unwrap_err();

    assert!(matches!(refused, GitError::Unauthorized(_)), "{refused:?}");
    assert!(text(refused).contains("none of the 1 keys of the agent"));
    admitted.unwrap();
    assert!(text(gone).contains("check that it runs"));
}

/// It would hold the mirror for good: libssh2 waits for an agent without an end.
#[tokio::test]
async fn an_agent_that_never_answers_is_left_alone() {
    let remote = Remote::ssh();
    let socket = remote.directory.path().join("agent");
    let agent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    agent.set_nonblocking(true).unwrap();
    let login = Credentials::Ssh(Login::Agent(socket));
    let data = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(remote.settings_for("gitops.git", login), data.path()).unwrap();
    let silent = mirror.fetch().await.unwrap_err();
    assert!(matches!(silent, GitError::Unreachable(_)), "{silent:?}");
    assert!(text(silent).contains("gave no answer within 10 s"));
    let still = mirror.fetch().await.unwrap_err();
    assert!(text(still).contains("gave no answer within 10 s"));
    let visitor = agent.accept().unwrap();
    assert!(agent.accept().is_err(), "who still waits for it is not joined by others");
    // It ends, and with it the wait: the next one is told so.
    drop((visitor, agent));
    for attempt in 0.. {
        let gone = text(mirror.fetch().await.unwrap_err());
        if gone.contains("check that it runs") {
            break;
        }
        assert!(attempt < 100, "{gone}");
    }
}

#[tokio::test]
async fn a_wrong_key_a_missing_repository_and_a_dead_server_are_told_apart() {
    let mut remote = Remote::ssh();
    let ssh = server(&remote);
    let with = |name: &str, passphrase: Option<&str>| {
        fetch(remote.settings_for("gitops.git", ssh.key(name, passphrase)))
    };
    let stranger = with("stranger", None).await.unwrap_err();
    let locked = with("locked", Some("wrong-hunter3")).await.unwrap_err();
    let silent = with("locked", None).await.unwrap_err();
    let missing = fetch(remote.settings_for("none.git", ssh.key("key", None))).await.unwrap_err();
    ssh.answer(Some("ERROR: The key you are authenticating with has been marked as read only."));
    let read_only = with("key", None).await.unwrap_err();
    ssh.answer(Some("The service is being maintained."));
    let maintained = with("key", None).await.unwrap_err();
    ssh.answer(None);
    let settings = remote.settings();
    fetch(settings.clone()).await.unwrap();
    let tries = server(&remote).log().matches("Failed publickey for").count();
    remote.ssh = None;
    let dead = fetch(settings).await.unwrap_err();

    assert!(tries <= 2, "{tries} tries of one wrong key: the server may lock the account");
    for (error, words) in
        [(&stranger, "ssh-keygen -y"), (&locked, "passphrase"), (&silent, "passphrase")]
    {
        assert!(matches!(error, GitError::Unauthorized(_)), "{error:?}");
        assert!(format!("{error:?}").contains(words), "{error:?}");
    }
    assert!(matches!(missing, GitError::NoRepository(_)), "{missing:?}");
    assert!(matches!(read_only, GitError::Unauthorized(_)), "{read_only:?}");
    assert!(matches!(maintained, GitError::Unreachable(_)), "{maintained:?}");
    assert!(matches!(dead, GitError::Unreachable(_)), "{dead:?}");
    assert!(text(maintained).contains("The service is being maintained."));
    for error in [stranger, locked, silent, missing, read_only, dead] {
        let text = text(error);
        assert!(text.contains("127.0.0.1"), "says where: {text}");
    }
}

#[tokio::test]
async fn a_server_is_known_by_any_of_its_host_keys_or_not_at_all() {
    let remote = Remote::ssh();
    let ssh = server(&remote);
    let settings = remote.settings();
    let with = |host_keys: HostKeys| {
        let trust = Trust { host_keys: Some(host_keys), ..Trust::default() };
        fetch(RemoteSettings { trust, ..settings.clone() })
    };
    for host_key in ["host_ed25519", "host_ecdsa", "host_rsa"] {
        with(ssh.known_by(host_key)).await.unwrap();
        with(HostKeys::Fingerprints(vec![ssh.fingerprint(host_key)])).await.unwrap();
    }
    with(HostKeys::File(hashed(ssh))).await.unwrap();

    let before = ssh.log().matches("Accepted publickey").count();
    let elsewhere = "git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let unknown = with(HostKeys::File(elsewhere.into())).await.unwrap_err();
    let stranger = std::fs::read_to_string(ssh.file("stranger.pub")).unwrap();
    let line = format!("[127.0.0.1]:{} {stranger}", ssh.port);
    let changed = with(HostKeys::File(line)).await.unwrap_err();
    let pinned = vec![format!("SHA256:{}", "A".repeat(43))];
    let other = with(HostKeys::Fingerprints(pinned)).await.unwrap_err();
    let after = ssh.log().matches("Accepted publickey").count();

    assert_eq!(before, after, "nobody logs in where the server is in doubt");
    for (error, words) in [
        (unknown, "does not name this server"),
        (changed, "lists another for this server"),
        (other, "none of those in `known_hosts`"),
    ] {
        assert!(matches!(error, GitError::Untrusted(_)), "{error:?}");
        let text = text(error);
        assert!(text.contains(words), "{text}");
        assert!(text.contains("SHA256:") && text.contains("publish"), "{text}");
    }
}

/// The server's line with its name hashed, as Debian's ssh writes it.
fn hashed(ssh: &SshServer) -> String {
    let path = ssh.file("hashed");
    std::fs::write(&path, ssh.line("host_ecdsa")).unwrap();
    let done = Command::new("ssh-keygen").arg("-Hf").arg(&path).output().unwrap();
    assert!(done.status.success());
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.starts_with("|1|"), "{text}");
    text
}

#[tokio::test]
async fn a_refusal_by_ssh_carries_the_words_of_the_server() {
    let remote = Remote::ssh();
    let mirror = remote.mirror();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    remote
        .hook("update", "case $1 in */main) echo 'main is protected, ask ada' >&2; exit 1;; esac");
    let updates =
        vec![update(MAIN, None, Some(&first)), update("refs/heads/x", None, Some(&first))];
    let outcomes = mirror.push(updates).await.unwrap();
    let RefOutcome::Refused { reason } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(reason.contains("hook declined: main is protected, ask ada"), "{reason}");
    assert_eq!(outcomes[1], RefOutcome::Moved, "the others land");
}

/// A server that stops in the middle of it holds nobody up for longer than they wait.
#[tokio::test]
async fn a_silent_ssh_server_frees_the_worker() {
    let remote = Remote::ssh();
    let ssh = server(&remote);
    let first = {
        let mirror = remote.mirror();
        let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
        mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
        first
    };
    // The gate's `cat` waits for somebody to write into this.
    let pipe = ssh.file("words");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let data = tempfile::tempdir().unwrap();
    let wait = std::time::Duration::from_secs(4);
    let bounds = Bounds { wait, ..Bounds::default() };
    let mirror = Mirror::open_within(remote.settings(), data.path(), bounds).unwrap();
    let stuck = mirror.fetch().await.unwrap_err();
    assert!(matches!(stuck, GitError::Unreachable(_)), "{stuck:?}");
    drop(std::fs::OpenOptions::new().write(true).open(&pipe));
    ssh.answer(None);

    // The same thread, which libssh2 alone would hold for another minute.
    for attempt in 0.. {
        match mirror.fetch().await {
            Ok(()) => break,
            Err(error) => assert!(attempt < 10, "{error:?}"),
        }
    }
    assert_eq!(mirror.refs(MAIN).await.unwrap()[MAIN], first);
}
