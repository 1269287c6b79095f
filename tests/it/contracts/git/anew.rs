//! A mirror that outgrew its bounds is built anew beside the one in use, and nobody notices.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use hoist::adapters::git::{Bounds, Mirror};
use hoist::app::ports::{Git, GitError, RefOutcome};
use hoist::domain::id::CommitId;

use super::over_each_remote;
use super::roads::Behind;
use crate::support::detour::Road;
use crate::support::git::{Remote, spec, update};

over_each_remote! {
    what_was_made_and_not_pushed_outlives_the_mirror,
    what_a_killed_process_had_built_beside_is_settled,
}

const MAIN: &str = "refs/heads/main";

/// Any mirror has outgrown them.
const NONE: Bounds =
    Bounds { wait: Duration::from_secs(60), slack: 0, packs: 0, again: Duration::from_secs(600) };

/// A remote with a commit, and a mirror of it that was fetched and closed.
async fn fetched(remote: &Remote) -> CommitId {
    let theirs = remote.other_mirror("theirs");
    let first = theirs.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    theirs.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    remote.mirror().fetch().await.unwrap();
    first
}

/// Which mirror is in its place.
fn which(mirror: &Path) -> u64 {
    fs::metadata(mirror).unwrap().ino()
}

/// Looks now and then, for a while, until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..800 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it does not come about");
}

/// Fetches until another mirror is in the place of the one with this number.
async fn until_replaced(mirror: &Mirror, path: &Path, old: u64) {
    until(async || {
        mirror.fetch().await.unwrap();
        which(path) != old
    })
    .await;
}

/// A promotion, by a mirror that somebody else's commits have to come to first.
async fn promote(mirror: &Mirror, theirs: &Mirror, version: &str) -> CommitId {
    theirs.fetch().await.unwrap();
    let tip = theirs.tip(MAIN).await.unwrap().unwrap();
    let note = theirs.commit(spec(&[&tip], &[("note", Some(version))])).await.unwrap();
    theirs.push(vec![update(MAIN, Some(&tip), Some(&note))]).await.unwrap();

    mirror.fetch().await.unwrap();
    assert_eq!(mirror.tip(MAIN).await.unwrap(), Some(note.clone()));
    let text = format!("tag: {version}\n");
    let next = mirror.commit(spec(&[&note], &[("v.yaml", Some(&text))])).await.unwrap();
    let pushed = mirror.push(vec![update(MAIN, Some(&note), Some(&next))]).await.unwrap();
    assert_eq!(pushed, [RefOutcome::Moved], "{version}");
    next
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_and_a_rollback_do_not_wait_for_a_mirror_that_is_built_anew() {
    let remote = Remote::http();
    let behind = Behind::a_detour(&remote).await;
    behind.mirror().fetch().await.unwrap();
    let old = which(&behind.mirror_path());
    let theirs = remote.other_mirror("theirs");

    behind.detour.take(Road::NoClones);
    let before = behind.detour.clones();
    let mirror = behind.mirror_within(NONE);
    let early = mirror.commit(spec(&[&behind.first], &[("early", Some("1"))])).await.unwrap();
    mirror.fetch().await.unwrap();
    until(async || behind.detour.clones() > before).await;
    for version in ["2", "3", "2"] {
        let done = promote(&mirror, &theirs, version).await;
        let files = mirror.read(&done, ["v.yaml".to_owned()].into()).await.unwrap();
        assert_eq!(files["v.yaml"], format!("tag: {version}\n").into_bytes());
    }
    let tip = mirror.tip(MAIN).await.unwrap().unwrap();
    let late = mirror.commit(spec(&[&tip], &[("late", Some("1"))])).await.unwrap();
    assert_eq!(which(&behind.mirror_path()), old, "the old one serves");
    assert_eq!(behind.detour.clones(), before + 1, "nobody clones twice at a time");

    behind.detour.take(Road::Good);
    until_replaced(&mirror, &behind.mirror_path(), old).await;
    assert_eq!(mirror.tip(MAIN).await.unwrap(), Some(tip), "nothing that was pushed is forgotten");
    for (name, commit) in [("early", early), ("late", late)] {
        let branch = format!("refs/heads/{name}");
        let pushed = mirror.push(vec![update(&branch, None, Some(&commit))]).await.unwrap();
        assert_eq!(pushed, [RefOutcome::Moved], "{name}");
    }
    promote(&mirror, &theirs, "4").await;
    remote.git(&["fsck", "--strict", "--connectivity-only"]);
}

async fn what_was_made_and_not_pushed_outlives_the_mirror(remote: Remote) {
    let first = fetched(&remote).await;
    let old = which(&remote.mirror_path());
    let mirror = Mirror::open_within(remote.settings(), &remote.data(), NONE).unwrap();
    let made = mirror.commit(spec(&[&first], &[("a/v.yaml", Some("tag: 2\n"))])).await.unwrap();
    let after = mirror.commit(spec(&[&made], &[("b/v.yaml", Some("tag: 3\n"))])).await.unwrap();
    until_replaced(&mirror, &remote.mirror_path(), old).await;
    let before = remote.mirror_path().with_extension("git.old");
    until(async || !before.exists()).await;
    // The new one has grown too far as well, and is replaced by one that knows as much.
    let next = which(&remote.mirror_path());
    until_replaced(&mirror, &remote.mirror_path(), next).await;
    let pushed = mirror.push(vec![update(MAIN, Some(&first), Some(&after))]).await.unwrap();
    assert_eq!(pushed, [RefOutcome::Moved]);
    assert_eq!(remote.git(&["rev-parse", "main~1"]), made.as_str());
    remote.git(&["fsck", "--strict", "--connectivity-only"]);
}

#[tokio::test]
async fn a_clone_that_a_server_refuses_is_not_asked_for_again_at_once() {
    let remote = Remote::http();
    let behind = Behind::a_detour(&remote).await;
    behind.mirror().fetch().await.unwrap();
    let old = which(&behind.mirror_path());
    behind.detour.take(Road::ClonesRefused);
    let before = behind.detour.clones();
    let mirror = behind.mirror_within(NONE);
    // Until the server is heard to ask for a pause, which holds for everybody.
    until(async || match mirror.fetch().await {
        Ok(()) => false,
        Err(GitError::Busy { seconds: 1, .. }) => true,
        Err(error) => panic!("{error:?}"),
    })
    .await;
    until(async || mirror.fetch().await.is_ok()).await;
    for _ in 0..40 {
        mirror.fetch().await.unwrap();
    }
    assert_eq!(behind.detour.clones(), before + 1);
    assert_eq!(which(&behind.mirror_path()), old);
    assert!(!behind.mirror_path().with_extension("git.new").exists(), "nothing of it stays");
    drop(mirror);

    // After the pause it is tried again, and goes well in the end.
    let again = Duration::from_millis(1);
    let mirror = behind.mirror_within(Bounds { again, ..NONE });
    until(async || mirror.fetch().await.is_err()).await;
    behind.detour.take(Road::Good);
    until(async || mirror.fetch().await.is_ok()).await;
    until_replaced(&mirror, &behind.mirror_path(), old).await;
    assert_eq!(mirror.list(&behind.first, "*").await.unwrap(), ["v.yaml"]);
}

/// A clone asks much of a server; what it brought is as good a moment later.
#[tokio::test]
async fn a_mirror_that_was_built_anew_outlives_a_fetch_that_fails() {
    let remote = Remote::http();
    let behind = Behind::a_detour(&remote).await;
    behind.mirror().fetch().await.unwrap();
    let old = which(&behind.mirror_path());
    behind.detour.take(Road::NoClones);
    let before = behind.detour.clones();
    let mirror = behind.mirror_within(NONE);
    mirror.fetch().await.unwrap();
    until(async || behind.detour.clones() > before).await;
    behind.detour.take(Road::Good);
    // Its refs are set when everything is there.
    let built = behind.mirror_path().with_extension("git.new").join(MAIN);
    until(async || built.exists()).await;
    behind.detour.take(Road::Cut);
    for _ in 0..2 {
        let error = mirror.fetch().await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable(_)), "{error:?}");
    }
    behind.detour.take(Road::Good);
    until_replaced(&mirror, &behind.mirror_path(), old).await;
    assert_eq!(behind.detour.clones(), before + 1, "it is not built a second time");
    assert_eq!(mirror.tip(MAIN).await.unwrap(), Some(behind.first.clone()));
}

/// At whatever moment it was killed, one of the two is whole.
async fn what_a_killed_process_had_built_beside_is_settled(remote: Remote) {
    let first = fetched(&remote).await;
    let path = remote.mirror_path();
    let [new, old] = ["git.new", "git.old"].map(|ending| path.with_extension(ending));
    let clutter = |folder: &Path| {
        fs::create_dir_all(folder.join("objects")).unwrap();
        fs::write(folder.join("objects/half"), "x").unwrap();
    };
    // While the new one was fetched; when it had its place and the old one was being removed; and
    // between the old one's leaving its place and the new one's taking it.
    let moments: [&dyn Fn(); 3] = [&|| clutter(&new), &|| clutter(&old), &|| {
        fs::rename(&path, &old).unwrap();
        clutter(&new);
    }];
    for killed in moments {
        killed();
        let mirror = remote.mirror();
        assert!(!new.exists() && !old.exists());
        assert_eq!(mirror.tip(MAIN).await.unwrap(), Some(first.clone()), "nothing is fetched");
        assert_eq!(mirror.list(&first, "*").await.unwrap(), ["v.yaml"]);
    }
}
