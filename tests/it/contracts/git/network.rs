//! What only a server can do: ask who we are, refuse, break, share.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hoist::adapters::git::{
    Bounds, Credentials, Mirror, PushBudget, Pushes, RemoteSettings, Speaker, Trust,
};
use hoist::app::ports::{Git, GitError, RefOutcome};

use super::roads::Behind;
use crate::support::detour::Road;
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
async fn what_a_server_says_beside_its_status_reaches_people() {
    let remote = Remote::http();
    let told = async |repository: &str| {
        let settings = remote.settings_for(repository, basic(PASSWORD));
        let error = fetch(settings).await.unwrap_err();
        (matches!(error, GitError::Busy { seconds: 17, .. }), text(error))
    };
    let (passes, busy) = told("busy.git").await;
    assert!(passes && busy.contains("429 Too Many Requests: not so fast"), "{busy}");
    assert!(busy.contains("asks to be left alone for 17 s"), "{busy}");
    // Where a server says so, that is no word on our credentials.
    let (passes, limited) = told("limited.git").await;
    assert!(passes && limited.contains("403 Forbidden"), "{limited}");
    let error = fetch(remote.settings_for("often.git", basic(PASSWORD))).await.unwrap_err();
    assert!(matches!(error, GitError::Busy { seconds: 60, .. }), "{error:?}");
    let (passes, page) = told("page.git").await;
    assert!(!passes && page.contains("is no Git server; check the repository's url"), "{page}");
    let (passes, moved) = told("moved.git").await;
    assert!(!passes && moved.contains("/gitops.git if that is right"), "{moved}");
}

#[tokio::test]
async fn a_new_name_is_kept_until_nothing_is_there_any_more() {
    for remote in [Remote::http(), Remote::http_by_libgit2()] {
        let settings = remote.settings_for("renamed.git", basic(PASSWORD));
        let mirror = Mirror::open(settings, &remote.data()).unwrap();
        let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
        mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
        assert_eq!(remote.git(&["rev-parse", "main"]), first.as_str());
        let third = remote.bare().with_file_name("third.git");
        std::fs::rename(remote.bare(), &third).unwrap();
        let next = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
        let pushed = mirror.push(vec![update(MAIN, Some(&first), Some(&next))]).await.unwrap();
        assert_eq!(pushed, [RefOutcome::Moved]);
        assert_eq!(crate::support::git::git(&third, &["rev-parse", "main"]), next.as_str());
        mirror.fetch().await.unwrap();
        assert_eq!(mirror.tip(MAIN).await.unwrap(), Some(next));
    }
}

#[tokio::test]
async fn a_place_that_is_lent_is_not_kept() {
    for remote in [Remote::http(), Remote::http_by_libgit2()] {
        let settings = remote.settings_for("away.git", basic(PASSWORD));
        let mirror = Mirror::open(settings, &remote.data()).unwrap();
        let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
        mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
        assert_eq!(remote.git(&["rev-parse", "main"]), first.as_str());
        let third = remote.bare().with_file_name("third.git");
        hoist::adapters::git::create_bare(&third, "main").unwrap();
        mirror.fetch().await.unwrap();
        assert_eq!(mirror.tip(MAIN).await.unwrap(), None, "it is sent elsewhere now");
        std::fs::remove_dir_all(third).unwrap();
        mirror.fetch().await.unwrap();
        assert_eq!(mirror.tip(MAIN).await.unwrap(), Some(first));
    }
}

#[tokio::test]
async fn a_push_whose_answer_was_lost_is_found_done_when_it_is_repeated() {
    let remote = Remote::http();
    let Behind { first, detour, settings, .. } = Behind::a_detour(&remote).await;
    let data = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(settings, data.path()).unwrap();
    mirror.fetch().await.unwrap();
    let next = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    let updates =
        vec![update(MAIN, Some(&first), Some(&next)), update("refs/heads/new", None, Some(&next))];
    detour.take(Road::Lossy);
    let lost = mirror.push(updates.clone()).await;
    assert!(matches!(lost, Err(GitError::Unreachable(_))), "{lost:?}");
    assert_eq!(remote.git(&["rev-parse", "main"]), next.as_str(), "the server has done it");
    detour.take(Road::Good);
    let again = mirror.push(updates).await.unwrap();
    assert_eq!(again, [RefOutcome::AlreadyThere, RefOutcome::AlreadyThere]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_promotions_at_once_share_a_few_pushes_and_fetches() {
    let remote = Remote::http();
    let mirror = Arc::new(remote.mirror());
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    let server = remote.server.as_ref().unwrap();
    let count = || {
        (
            server.requests("POST /gitops.git/git-receive-pack"),
            server.requests("POST /gitops.git/git-upload-pack"),
        )
    };
    let (pushes, questions) = count();

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
    let (pushes, questions) = (count().0 - pushes, count().1 - questions);
    assert!(pushes <= 4, "{pushes} pushes");
    // A fetch asks for the refs, and for what is new.
    assert!(questions <= 8, "{questions} questions for fetches");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_on() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let settings = RemoteSettings {
        name: "gitops".parse().unwrap(),
        url: format!("http://{}/gitops.git", silent.local_addr().unwrap()),
        credentials: basic(PASSWORD),
        trust: Trust::default(),
        speaker: Speaker::Own,
        pushes: None,
    };
    let data = tempfile::tempdir().unwrap();
    let bounds = Bounds { wait: Duration::from_millis(200), ..Bounds::default() };
    let mirror = Mirror::open_within(settings, data.path(), bounds).unwrap();
    let error = mirror.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is_asked_nothing_more() {
    let remote = Remote::http();
    let settings = remote.settings_for("busy.git", basic(PASSWORD));
    let mirror = Mirror::open(settings, &remote.data()).unwrap();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    for _ in 0..3 {
        for told in [
            mirror.fetch().await.unwrap_err(),
            mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap_err(),
        ] {
            assert!(matches!(told, GitError::Busy { seconds: 2..=17, .. }), "{told:?}");
            assert!(text(told).contains("not so fast"), "in its words, each time");
        }
    }
    assert_eq!(remote.server.as_ref().unwrap().requests("/busy.git"), 1);
}

async fn fetch(settings: RemoteSettings) -> Result<(), GitError> {
    let data = tempfile::tempdir().unwrap();
    Mirror::open(settings, data.path()).unwrap().fetch().await
}

/// The questions that a server was asked so far, in order, as `GET service` or `POST service`; it
/// writes each down right after its answer, so that there may have to be a moment's wait for
/// `count` of them.
fn questions(remote: &Remote, count: usize) -> Vec<String> {
    let place = remote.directory.path().join("server/access.log");
    let question = |line: &str| {
        let (verb, path) = line.split('"').nth(1)?.split_once(' ')?;
        let end = path.split(' ').next()?.rsplit(['/', '=']).next()?;
        Some(format!("{verb} {end}"))
    };
    for _moment in 0..200 {
        let log = std::fs::read_to_string(&place).unwrap();
        if log.lines().count() >= count {
            return log.lines().filter_map(question).collect();
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("the server was not asked {count} times");
}

#[tokio::test]
async fn a_promotion_asks_a_server_three_questions_as_small_as_its_change() {
    let remote = Remote::http();
    let other = remote.mirror();
    let many: Vec<String> = (0..300).map(|number| format!("apps/app-{number}/v.yaml")).collect();
    let files: Vec<_> = many.iter().map(|path| (path.as_str(), Some("tag: 1\n"))).collect();
    let first = other.commit(spec(&[], &files)).await.unwrap();
    other.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    let mirror = remote.other_mirror("ours");
    mirror.fetch().await.unwrap();
    let ours = mirror.commit(spec(&[&first], &[(&many[0], Some("tag: 2\n"))])).await.unwrap();
    mirror.push(vec![update("refs/heads/hoist/a", None, Some(&ours))]).await.unwrap();
    // What both can was asked twice, and each was told of refs and was given a pack or took one.
    let asked = questions(&remote, 7).len();
    assert_eq!(asked, 7);
    let theirs = other.commit(spec(&[&first], &[("n.yaml", Some("n\n"))])).await.unwrap();
    other.push(vec![update(MAIN, Some(&first), Some(&theirs))]).await.unwrap();
    assert_eq!(questions(&remote, asked + 1)[asked..], ["POST git-receive-pack"]);
    let before = remote.server.as_ref().unwrap().bytes();

    mirror.fetch().await.unwrap();
    let ours = mirror.commit(spec(&[&theirs], &[(&many[1], Some("tag: 3\n"))])).await.unwrap();
    mirror.push(vec![update("refs/heads/hoist/b", None, Some(&ours))]).await.unwrap();
    let own = ["POST git-upload-pack", "POST git-upload-pack", "POST git-receive-pack"];
    assert_eq!(questions(&remote, asked + 4)[asked + 1..], own);
    let bytes = remote.server.as_ref().unwrap().bytes() - before;
    assert!(bytes < 6_000, "{bytes} bytes for one changed line among 300 folders");

    // Nothing is new: the refs alone are asked for.
    mirror.fetch().await.unwrap();
    assert_eq!(questions(&remote, asked + 5)[asked + 4..], ["POST git-upload-pack"]);

    // And all of it over one connection, once it is known what the server can.
    let connections = remote.server.as_ref().unwrap().connections();
    let own: BTreeSet<_> = connections[asked + 1..].iter().collect();
    assert_eq!(own.len(), 1, "{connections:?}");
}

#[tokio::test]
async fn a_server_that_lost_what_a_push_builds_upon_is_sent_it_all() {
    let remote = Remote::http();
    let mirror = remote.mirror();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    // Somebody makes the repository anew, and hoist has not looked since.
    std::fs::remove_dir_all(remote.bare()).unwrap();
    hoist::adapters::git::create_bare(&remote.bare(), "main").unwrap();
    remote.git(&["config", "http.receivepack", "true"]);
    let next = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    let branch = update("refs/heads/hoist/a", None, Some(&next));
    assert_eq!(mirror.push(vec![branch]).await.unwrap(), [RefOutcome::Moved]);
    assert_eq!(remote.git(&["show", "hoist/a:v.yaml"]).trim(), "tag: 2");
    assert_eq!(remote.git(&["rev-list", "--count", "hoist/a"]).trim(), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_the_budget_of_pushes_goes_together() {
    let remote = Remote::http();
    let budget = PushBudget { burst: 1, every: Duration::from_secs(2) };
    let settings = RemoteSettings { pushes: Some(Pushes::within(budget)), ..remote.settings() };
    let mirror = Arc::new(Mirror::open(settings, &remote.data()).unwrap());
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let push = async |branch: &str| {
        let pushed = mirror.push(vec![update(branch, None, Some(&first))]).await.unwrap();
        assert_eq!(pushed, [RefOutcome::Moved]);
    };
    push(MAIN).await;
    // One after the other, as promotions come; and what is read does not wait.
    let (one, other) = (push("refs/heads/hoist/a"), push("refs/heads/hoist/b"));
    let reads = async {
        mirror.fetch().await.unwrap();
        assert!(!mirror.refs(MAIN).await.unwrap().contains_key("refs/heads/hoist/a"));
    };
    futures::join!(one, reads, other);
    let pushes = remote.server.as_ref().unwrap().requests("POST /gitops.git/git-receive-pack");
    assert_eq!(pushes, 2);
}

/// A forge counts an account's pushes to all of its repositories together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_repositories_share_a_budget_of_pushes() {
    let remote = Remote::http();
    let bare = remote.directory.path().join("other.git");
    hoist::adapters::git::create_bare(&bare, "main").unwrap();
    crate::support::git::git(&bare, &["config", "http.receivepack", "true"]);
    let pushes = Pushes::within(PushBudget { burst: 1, every: Duration::from_secs(3) });
    let mirrors = ["gitops.git", "other.git"].map(|repository| {
        let settings = remote.settings_for(repository, basic(PASSWORD));
        let settings = RemoteSettings { pushes: Some(pushes.clone()), ..settings };
        let bounds = Bounds { wait: Duration::from_secs(1), ..Bounds::default() };
        Mirror::open_within(
            settings,
            &remote.directory.path().join(repository).join("data"),
            bounds,
        )
        .unwrap()
    });
    let push = async |mirror: &Mirror| {
        let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
        mirror.push(vec![update(MAIN, None, Some(&first))]).await
    };
    assert_eq!(push(&mirrors[0]).await.unwrap(), [RefOutcome::Moved]);
    let waited = push(&mirrors[1]).await;
    assert!(matches!(waited, Err(GitError::Unreachable(_))), "{waited:?}");
    assert_eq!(crate::support::git::git(&bare, &["for-each-ref"]), "");
}
