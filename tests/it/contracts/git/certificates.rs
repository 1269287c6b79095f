//! Whom hoist shows its credentials by HTTPS, and whom not.

use std::path::Path;

use hoist::adapters::git::{Mirror, RemoteSettings, Speaker, Trust};
use hoist::app::ports::{Git, GitError, RefOutcome};

use crate::support::git::{Remote, basic, spec, update};
use crate::support::git_server::{PASSWORD, Shown};

const MAIN: &str = "refs/heads/main";

/// Where the test below finds its server when it runs as its own child.
const TLS_URL: &str = "HOIST_TEST_TLS_URL";

/// Which authorities a machine trusts is read once in a process: so that half runs in one of its
/// own.
#[tokio::test]
async fn https_works_with_the_machines_authorities_and_never_without() {
    if let Ok(url) = std::env::var(TLS_URL) {
        return push_over_tls(tls_settings(&url, None)).await;
    }
    let (remote, certificate) = Remote::https();
    let url = remote.settings().url.replace("http://", "https://");
    let told = refusal(tls_settings(&url, None)).await;
    assert!(told.contains("UnknownIssuer") && told.contains("`ca`"), "{told}");
    asked_nothing(&remote);

    let own_name =
        "contracts::git::certificates::https_works_with_the_machines_authorities_and_never_without";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", own_name, "--nocapture"]);
    child.env(TLS_URL, url).env("SSL_CERT_FILE", certificate);
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(remote.git(&["show", "main:v.yaml"]), "tag: 1");
}

#[tokio::test]
async fn each_repository_trusts_its_own_authority_and_no_others() {
    let ((one, one_ca), (two, two_ca)) = (Remote::https(), Remote::https());
    let url = |remote: &Remote| remote.settings().url.replace("http://", "https://");
    push_over_tls(tls_settings(&url(&one), Some(&one_ca))).await;
    push_over_tls(tls_settings(&url(&two), Some(&two_ca))).await;
    refusal(tls_settings(&url(&one), Some(&two_ca))).await;
    assert_eq!(one.git(&["show", "main:v.yaml"]), "tag: 1");
    assert_eq!(two.git(&["show", "main:v.yaml"]), "tag: 1");
}

fn tls_settings(url: &str, certificate: Option<&Path>) -> RemoteSettings {
    let authorities = certificate.map(|path| std::fs::read_to_string(path).unwrap());
    let trust = Trust { authorities, ..Trust::default() };
    let credentials = basic(PASSWORD);
    let name = "gitops".parse().unwrap();
    RemoteSettings {
        name,
        url: url.into(),
        credentials,
        trust,
        speaker: Speaker::Own,
        pushes: None,
    }
}

/// By whichever of the two speaks Git: the wire under them is the same.
#[tokio::test]
async fn a_certificate_of_another_server_or_of_another_time_is_refused_by_its_reason() {
    let cases = [
        (Shown::Misnamed, "certificate not valid for name", "give the repository's `url` the name"),
        (Shown::Expired, "certificate expired", "have the server's certificate renewed"),
    ];
    for (shown, reason, remedy) in cases {
        let (remote, authority) = Remote::https_showing(shown);
        let url = remote.settings().url.replace("http://", "https://");
        let trusting = tls_settings(&url, Some(&authority));
        for speaker in [Speaker::Own, Speaker::LibGit2] {
            let told = refusal(RemoteSettings { speaker, ..trusting.clone() }).await;
            assert!(told.contains(reason) && told.contains(remedy), "{told}");
        }
        asked_nothing(&remote);
        // That is another thing than nobody being there.
        drop(remote);
        let gone = fetch(trusting).await.unwrap_err();
        assert!(matches!(gone, GitError::Unreachable(_)), "{gone:?}");
    }
}

/// What is said of a server that hoist does not know.
async fn refusal(settings: RemoteSettings) -> String {
    let error = fetch(settings).await.unwrap_err();
    assert!(matches!(error, GitError::Untrusted(_)), "{error:?}");
    format!("{:#}", anyhow::Error::from(error))
}

/// A server hears who we are with the first question.
fn asked_nothing(remote: &Remote) {
    assert_eq!(remote.server.as_ref().unwrap().requests(""), 0);
}

async fn fetch(settings: RemoteSettings) -> Result<(), GitError> {
    let data = tempfile::tempdir().unwrap();
    Mirror::open(settings, data.path()).unwrap().fetch().await
}

async fn push_over_tls(settings: RemoteSettings) {
    let data = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(settings, data.path()).unwrap();
    mirror.fetch().await.unwrap();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let pushed = mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    assert_eq!(pushed, [RefOutcome::Moved]);
}
