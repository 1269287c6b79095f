//! Servers that know an earlier version of Git's protocol than the one that hoist likes best, and
//! what is asked of a server at the same time.

use hoist::adapters::git::Mirror;
use hoist::app::ports::{Git, RefOutcome};

use super::roads::Behind;
use crate::support::detour::Road;
use crate::support::git::{Remote, spec, update};

const MAIN: &str = "refs/heads/main";

/// Before there were versions, and the first one, whose answers begin with its name.
#[tokio::test]
async fn a_server_of_an_earlier_version_is_spoken_with_by_libgit2() {
    for place in ["first", "older"] {
        let remote = Remote::http();
        let mut settings = remote.settings();
        settings.url = settings.url.replace("/gitops.git", &format!("/{place}/gitops.git"));
        let mirror = Mirror::open(settings, &remote.data()).unwrap();
        mirror.fetch().await.unwrap();
        let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
        let create = update(MAIN, None, Some(&first));
        assert_eq!(mirror.push(vec![create.clone()]).await.unwrap(), [RefOutcome::Moved]);
        assert_eq!(mirror.push(vec![create]).await.unwrap(), [RefOutcome::AlreadyThere]);
        let theirs = remote.other_mirror("theirs");
        let next = theirs.commit(spec(&[], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
        theirs.push(vec![update("refs/heads/theirs", None, Some(&next))]).await.unwrap();
        mirror.fetch().await.unwrap();
        let refs = mirror.refs("refs/").await.unwrap();
        assert_eq!((&refs["refs/heads/theirs"], &refs[MAIN]), (&next, &first), "{place}");
        // What was fetched that way is built upon and pushed.
        let ours = mirror.commit(spec(&[&next], &[("v.yaml", Some("tag: 3\n"))])).await.unwrap();
        let create = vec![update("refs/heads/hoist/a", None, Some(&ours))];
        assert_eq!(mirror.push(create).await.unwrap(), [RefOutcome::Moved]);
        assert_eq!(remote.git(&["show", "hoist/a:v.yaml"]), "tag: 3");
    }
}

/// A road on which neither passes alone: one after the other, both would wait for ever.
#[tokio::test]
async fn what_a_push_wants_to_know_is_asked_while_the_refs_are_awaited() {
    let remote = Remote::http();
    let behind = Behind::a_detour(&remote).await;
    behind.detour.take(Road::Abreast);
    let mirror = behind.mirror();
    mirror.fetch().await.unwrap();
    // And it is not asked again.
    behind.detour.take(Road::Good);
    let asked = || remote.server.as_ref().unwrap().requests("service=git-receive-pack");
    let before = asked();
    let next = mirror.commit(spec(&[&behind.first], &[("v.yaml", Some("tag: 2\n"))])).await;
    let create = update("refs/heads/hoist/a", None, Some(&next.unwrap()));
    assert_eq!(mirror.push(vec![create]).await.unwrap(), [RefOutcome::Moved]);
    mirror.fetch().await.unwrap();
    assert_eq!(asked(), before);
}
