//! What only a server can do: ask who we are, refuse, break, share.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hoist::adapters::git::{Credentials, Mirror, RemoteSettings, Trust};
use hoist::app::ports::{Git, GitError, RefOutcome};

use crate::support::git::{Remote, basic, spec, update};
use crate::support::git_server::PASSWORD;

const MAIN: &str = "refs/heads/main";

/// The whole of an error, as any log could show it.
fn text(error: GitError) -> String {
    let shown = format!("{error} {error:?}");
    format!("{shown} {:#} {0:?}", anyhow::Error::from(error))
}

#[tokio::test]
async fn wrong_credentials_a_missing_repository_and_a_dead_server_are_told_apart() {
    let mut remote = Remote::http();
    let fetch = async |settings: RemoteSettings| {
        let data = tempfile::tempdir().unwrap();
        Mirror::open(settings, data.path()).unwrap().fetch().await
    };
    let good = basic(PASSWORD);
    let wrong = fetch(remote.settings_for("gitops.git", basic("wrong-hunter3"))).await.unwrap_err();
    let nobody = fetch(remote.settings_for("gitops.git", Credentials::None)).await.unwrap_err();
    let missing = fetch(remote.settings_for("none.git", good.clone())).await.unwrap_err();
    let moved = fetch(remote.settings_for("moved.git", good.clone())).await.unwrap_err();
    let broken = fetch(remote.settings_for("broken.git", good.clone())).await.unwrap_err();
    let settings = remote.settings();
    fetch(settings.clone()).await.unwrap();
    remote.server = None;
    let dead = fetch(settings).await.unwrap_err();

    assert!(matches!(wrong, GitError::Unauthorized(_)), "{wrong:?}");
    assert!(matches!(nobody, GitError::Unauthorized(_)), "{nobody:?}");
    assert!(matches!(missing, GitError::NoRepository(_)), "{missing:?}");
    assert!(matches!(moved, GitError::NoRepository(_)), "{moved:?}");
    assert!(matches!(broken, GitError::Unreachable(_)), "{broken:?}");
    assert!(matches!(dead, GitError::Unreachable(_)), "{dead:?}");
    for error in [wrong, nobody, missing, moved, broken, dead] {
        let text = text(error);
        assert!(!text.contains("hunter"), "{text}");
        assert!(!text.contains("Basic "), "{text}");
        assert!(text.contains("127.0.0.1"), "says where: {text}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let remote = Remote::http();
    let settings = remote.settings_for("gitops.git", basic("wrong"));
    let mirror = Mirror::open(settings, &remote.data()).unwrap();
    mirror.fetch().await.unwrap_err();
    let tries = remote.server.as_ref().unwrap().requests("GET /gitops.git");
    assert_eq!(tries, 1, "more, and the server may lock the account");
}

#[tokio::test]
async fn a_repository_that_only_git_misses_is_missing_by_file_too() {
    let remote = Remote::local();
    let settings = remote.settings_for("none.git", Credentials::None);
    let mirror = Mirror::open(settings, &remote.data()).unwrap();
    let error = mirror.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::NoRepository(_)), "{error:?}");
}

#[tokio::test]
async fn a_refusal_carries_the_words_of_the_server_and_no_secret() {
    let remote = Remote::http();
    let mirror = remote.mirror();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    remote.hook(
        "update",
        &format!(
            "case $1 in */main) printf 'main is protected,\\033[1m ask ada {PASSWORD}\\n' >&2; exit 1;; esac"
        ),
    );
    let updates =
        vec![update(MAIN, None, Some(&first)), update("refs/heads/x", None, Some(&first))];
    let outcomes = mirror.push(updates).await.unwrap();
    let RefOutcome::Refused { reason } = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(
        reason,
        "hook declined: main is protected,[1m ask ada ***\nerror: hook declined to update refs/heads/main"
    );
    assert_eq!(outcomes[1], RefOutcome::Moved, "the others land");
    assert_eq!(mirror.refs("refs/").await.unwrap().len(), 1, "the mirror follows what moved only");
}

#[tokio::test]
async fn an_account_that_may_only_read_is_told_so() {
    let remote = Remote::http();
    remote.git(&["config", "http.receivepack", "false"]);
    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let pushed = mirror.push(vec![update(MAIN, None, Some(&first))]).await;
    assert!(matches!(pushed, Err(GitError::Unauthorized(_))), "{pushed:?}");
}

/// The server's own comparison decides, not ours a moment before.
#[tokio::test]
async fn a_ref_that_moves_during_the_push_is_not_overwritten() {
    let remote = Remote::http();
    let mirror = remote.mirror();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let ours = mirror.commit(spec(&[&first], &[("v.yaml", Some("ours\n"))])).await.unwrap();
    let theirs = mirror.commit(spec(&[&first], &[("v.yaml", Some("theirs\n"))])).await.unwrap();
    let updates =
        vec![update(MAIN, None, Some(&first)), update("refs/heads/t", None, Some(&theirs))];
    mirror.push(updates).await.unwrap();
    remote
        .hook("pre-receive", &format!("unset GIT_QUARANTINE_PATH; git update-ref {MAIN} {theirs}"));
    let pushed = mirror.push(vec![update(MAIN, Some(&first), Some(&ours))]).await.unwrap();
    assert_eq!(pushed, [RefOutcome::Stale { actual: Some(theirs.clone()) }]);
    assert_eq!(remote.git(&["rev-parse", "main"]), theirs.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_promotions_at_once_share_a_few_pushes_and_fetches() {
    let remote = Remote::http();
    let mirror = Arc::new(remote.mirror());
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    let server = remote.server.as_ref().unwrap();
    let (posts, gets) = (server.requests("POST"), server.requests("service=git-upload-pack"));

    let promote = async |number: usize| {
        mirror.fetch().await.unwrap();
        let text = format!("tag: {number}\n");
        let commit = mirror.commit(spec(&[&first], &[("v.yaml", Some(&text))])).await.unwrap();
        let branch = format!("refs/heads/hoist/prod/app-{number}");
        let pushed = mirror.push(vec![update(&branch, None, Some(&commit))]).await.unwrap();
        assert_eq!(pushed, [RefOutcome::Moved]);
    };
    futures::future::join_all((0..50).map(promote)).await;
    let branches = remote.git(&["for-each-ref", "--format=%(refname)", "refs/heads/hoist"]);
    assert_eq!(branches.lines().count(), 50);
    let posts = server.requests("POST /gitops.git/git-receive-pack") - posts;
    let gets = server.requests("service=git-upload-pack") - gets;
    assert!(posts <= 4, "{posts} pushes");
    assert!(gets <= 4, "{gets} fetches");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_on() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let settings = RemoteSettings {
        name: "gitops".parse().unwrap(),
        url: format!("http://{}/gitops.git", silent.local_addr().unwrap()),
        credentials: basic(PASSWORD),
        trust: Trust::default(),
    };
    let data = tempfile::tempdir().unwrap();
    let mirror = Mirror::open_for(settings, data.path(), Duration::from_millis(200)).unwrap();
    let error = mirror.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable(_)), "{error:?}");
}

/// Where the test below finds its server when it runs as its own child.
const TLS_URL: &str = "HOIST_TEST_TLS_URL";

/// Which authorities a process trusts is read once, at its start: so the trusting half runs in a
/// process of its own.
#[tokio::test]
async fn https_works_with_an_authority_of_ones_own_and_never_without() {
    if let Ok(url) = std::env::var(TLS_URL) {
        return push_over_tls(url).await;
    }
    let (remote, certificate) = Remote::https();
    let url = remote.settings().url.replace("http://", "https://");
    let settings = RemoteSettings { url: url.clone(), ..remote.settings() };
    let mirror = Mirror::open(settings, &remote.data()).unwrap();
    let error = mirror.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable(_)), "{error:?}");
    assert!(text(error).contains("certificate"), "says why");

    let own_name =
        "contracts::git::network::https_works_with_an_authority_of_ones_own_and_never_without";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", own_name, "--nocapture"]);
    child.env(TLS_URL, url).env("SSL_CERT_FILE", certificate);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(remote.git(&["show", "main:v.yaml"]), "tag: 1");
}

async fn push_over_tls(url: String) {
    let data = tempfile::tempdir().unwrap();
    let (credentials, trust) = (basic(PASSWORD), Trust::default());
    let settings = RemoteSettings { name: "gitops".parse().unwrap(), url, credentials, trust };
    let mirror = Mirror::open(settings, data.path()).unwrap();
    mirror.fetch().await.unwrap();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let pushed = mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    assert_eq!(pushed, [RefOutcome::Moved]);
}
