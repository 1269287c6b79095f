//! What a server refuses, in its own words; and what it did although its answer was lost.

use hoist::app::ports::{Git, GitError, RefOutcome};
use hoist::domain::id::CommitId;

use crate::support::git::{Remote, spec, update};

/// Runs each contract over each way to a server.
macro_rules! over_each_server {
    ($($contract:ident),+ $(,)?) => {
        mod over_http {
            $(#[tokio::test]
            async fn $contract() {
                super::$contract(crate::support::git::Remote::http()).await;
            })+
        }

        mod over_http_by_libgit2 {
            $(#[tokio::test]
            async fn $contract() {
                super::$contract(crate::support::git::Remote::http_by_libgit2()).await;
            })+
        }

        mod over_ssh {
            $(#[tokio::test]
            async fn $contract() {
                super::$contract(crate::support::git::Remote::ssh()).await;
            })+
        }
    };
}
pub(super) use over_each_server;

over_each_server! {
    each_kind_of_refusal_is_told_in_the_words_of_the_server,
    a_pack_that_the_server_does_not_take_is_told_in_its_words,
    what_the_server_did_without_answering_is_found_done,
    a_ref_that_moves_during_the_push_is_not_overwritten,
}

const MAIN: &str = "refs/heads/main";
const BRANCH: &str = "refs/heads/hoist/prod/shop";

/// Two commits on a remote's main branch.
async fn seed(mirror: &impl Git) -> (CommitId, CommitId) {
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let second = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    mirror.push(vec![update(MAIN, None, Some(&second))]).await.unwrap();
    (first, second)
}

fn refusal(outcome: &RefOutcome) -> &str {
    let RefOutcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    reason
}

async fn each_kind_of_refusal_is_told_in_the_words_of_the_server(remote: Remote) {
    let mirror = remote.mirror();
    let (first, second) = seed(&mirror).await;
    let push = async |expected: Option<&CommitId>, new: Option<&CommitId>| {
        let updates = vec![update(MAIN, expected, new), update(BRANCH, None, Some(&first))];
        let outcomes = mirror.push(updates).await.unwrap();
        assert_eq!(mirror.refs(MAIN).await.unwrap()[MAIN], second, "the mirror follows nothing");
        outcomes
    };
    let away = async || {
        let taken = mirror.push(vec![update(BRANCH, Some(&first), None)]).await.unwrap();
        assert_eq!(taken, [RefOutcome::Moved]);
    };

    remote.git(&["config", "receive.denyNonFastForwards", "true"]);
    let back = push(Some(&second), Some(&first)).await;
    assert!(refusal(&back[0]).contains("non-fast-forward"), "{back:?}");
    assert_eq!(back[1], RefOutcome::Moved, "the others land");
    away().await;

    // Git lets nobody delete the branch that HEAD names.
    let gone = push(Some(&second), None).await;
    assert!(refusal(&gone[0]).contains("deletion"), "{gone:?}");
    assert_eq!(gone[1], RefOutcome::Moved, "the others land");
    away().await;

    remote
        .hook("update", "case $1 in */main) echo 'main is protected, ask ada' >&2; exit 1;; esac");
    let next = mirror.commit(spec(&[&second], &[("v.yaml", Some("tag: 3\n"))])).await.unwrap();
    let declined = push(Some(&second), Some(&next)).await;
    assert!(refusal(&declined[0]).contains("main is protected, ask ada"), "{declined:?}");
    assert_eq!(declined[1], RefOutcome::Moved, "the others land");
    away().await;

    // A forge that refuses a push refuses all of it.
    remote.hook("pre-receive", "echo 'GH013: rule violations found' >&2; exit 1");
    for outcome in push(Some(&second), Some(&next)).await {
        assert!(refusal(&outcome).contains("GH013: rule violations found"), "{outcome:?}");
    }
    assert_eq!(
        remote.git(&["for-each-ref", "--format=%(refname) %(objectname)"]),
        format!("{MAIN} {second}")
    );
}

async fn a_pack_that_the_server_does_not_take_is_told_in_its_words(remote: Remote) {
    let mirror = remote.mirror();
    let (_, second) = seed(&mirror).await;
    remote.git(&["config", "receive.maxInputSize", "20"]);
    let next = mirror.commit(spec(&[&second], &[("v.yaml", Some("tag: 3\n"))])).await.unwrap();
    let told = match mirror.push(vec![update(MAIN, Some(&second), Some(&next))]).await {
        Ok(outcomes) => refusal(&outcomes[0]).to_owned(),
        Err(error) => format!("{:#}", anyhow::Error::from(error)),
    };
    assert!(told.contains("exceeds maximum allowed size"), "{told}");
    assert_eq!(remote.git(&["rev-parse", "main"]), second.as_str());
    remote.git(&["config", "receive.maxInputSize", "0"]);
    let taken = mirror.push(vec![update(MAIN, Some(&second), Some(&next))]).await.unwrap();
    assert_eq!(taken, [RefOutcome::Moved]);
}

async fn what_the_server_did_without_answering_is_found_done(remote: Remote) {
    let mirror = remote.mirror();
    let (first, second) = seed(&mirror).await;
    let create = update(BRANCH, None, Some(&first));
    let r#move = update(BRANCH, Some(&first), Some(&second));
    let delete = update(BRANCH, Some(&second), None);
    for step in [create, r#move, delete] {
        // Its program dies when the ref has moved, and before it says so.
        remote.hook("reference-transaction", "[ $1 != committed ] || kill -9 $PPID");
        let lost = mirror.push(vec![step.clone()]).await;
        assert!(matches!(lost, Err(GitError::Unreachable(_))), "{step:?}: {lost:?}");
        remote.hook("reference-transaction", "exit 0");
        let again = mirror.push(vec![step.clone()]).await.unwrap();
        assert_eq!(again, [RefOutcome::AlreadyThere], "{step:?}");
        mirror.fetch().await.unwrap();
    }
    assert_eq!(mirror.refs(BRANCH).await.unwrap().len(), 0);
}

/// The server's own comparison decides, not ours a moment before.
async fn a_ref_that_moves_during_the_push_is_not_overwritten(remote: Remote) {
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

/// libgit2 speaks of such a repository in other words than we do, and all say which it is.
#[tokio::test]
async fn a_repository_that_names_its_objects_otherwise_is_refused_by_that_name() {
    for remote in [Remote::local(), Remote::http(), Remote::http_by_libgit2(), Remote::ssh()] {
        std::fs::remove_dir_all(remote.bare()).unwrap();
        let make = ["init", "-q", "--bare", "--object-format=sha256", "gitops.git"];
        crate::support::git::git(remote.directory.path(), &make);
        remote.git(&["config", "http.receivepack", "true"]);
        let seed = "commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 1\nx\n";
        let place = remote.directory.path().join("seed");
        std::fs::write(&place, seed).unwrap();
        let fast_import = format!("git fast-import --quiet < {}", place.display());
        let done = std::process::Command::new("sh")
            .args(["-c", &fast_import])
            .current_dir(remote.bare())
            .status()
            .unwrap();
        assert!(done.success());
        let error = remote.mirror().fetch().await.unwrap_err();
        let url = remote.settings().url;
        assert!(matches!(error, GitError::NoRepository(_)), "{url}: {error:?}");
        let told = format!("{:#}", anyhow::Error::from(error));
        assert!(told.contains("SHA-256"), "{url}: {told}");
    }
}
