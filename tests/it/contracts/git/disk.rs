//! The mirror's own disk: crashes, doubts, and who may use it.

use std::fs;
use std::path::Path;

use hoist::adapters::git::{Credentials, Mirror};
use hoist::app::ports::{Git, GitError};
use hoist::domain::id::CommitId;

use super::over_each_remote;
use crate::support::git::{Remote, spec, update};

over_each_remote! {
    what_a_killed_process_left_does_not_block_the_next,
    a_mirror_in_doubt_is_started_anew,
}

const MAIN: &str = "refs/heads/main";

/// A remote with a commit, and a mirror of it that was used and closed.
async fn used(remote: &Remote) -> CommitId {
    let mirror = remote.mirror();
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    first
}

async fn what_a_killed_process_left_does_not_block_the_next(remote: Remote) {
    let first = used(&remote).await;
    let mirror = remote.mirror_path();
    fs::create_dir_all(mirror.join("objects/pack")).unwrap();
    let leftovers = [
        "refs/heads/main.lock",
        "packed-refs.lock",
        "HEAD.lock",
        "config.lock",
        "shallow.lock",
        "refs/heads/empty",
        "objects/pack/pack_git2_a1b2c3",
    ];
    for leftover in leftovers {
        fs::write(mirror.join(leftover), "").unwrap();
    }
    let opened = remote.mirror();
    for leftover in leftovers {
        assert!(!mirror.join(leftover).exists(), "{leftover}");
    }
    assert_eq!(opened.refs(MAIN).await.unwrap()[MAIN], first, "what was sound is kept");
    opened.fetch().await.unwrap();
    let next = opened.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    opened.push(vec![update(MAIN, Some(&first), Some(&next))]).await.unwrap();
    assert_eq!(remote.git(&["rev-parse", "main"]), next.as_str());
}

async fn a_mirror_in_doubt_is_started_anew(remote: Remote) {
    let first = used(&remote).await;
    let spoil: [&dyn Fn(&Path); 3] = [
        &|mirror| fs::write(mirror.join("HEAD"), "").unwrap(),
        &|mirror| fs::remove_dir_all(mirror.join("objects")).unwrap(),
        &|mirror| fs::write(mirror.join("refs/heads/main"), "rubbish").unwrap(),
    ];
    for spoil in spoil {
        spoil(&remote.mirror_path());
        let mirror = remote.mirror();
        mirror.fetch().await.unwrap();
        assert_eq!(mirror.list(&first, "*").await.unwrap(), ["v.yaml"]);
    }
    // The same while it is in use.
    let mirror = remote.mirror();
    fs::remove_dir_all(remote.mirror_path().join("objects")).unwrap();
    fs::create_dir_all(remote.mirror_path().join("objects/pack")).unwrap();
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.list(&first, "*").await.unwrap(), ["v.yaml"]);
}

#[tokio::test]
async fn one_mirror_has_one_owner() {
    let remote = Remote::local();
    let mirror = remote.mirror();
    let second = Mirror::open(remote.settings(), &remote.data());
    let error = second.err().map(anyhow::Error::from).unwrap();
    assert!(matches!(error.downcast_ref(), Some(GitError::Mirror(_))), "{error:?}");
    assert!(
        format!("{error:#}").contains("another process uses the mirror of gitops"),
        "{error:#}"
    );
    drop(mirror);
    remote.mirror();
}

#[tokio::test]
async fn a_lock_on_the_remote_is_not_ours_to_remove() {
    let remote = Remote::local();
    let first = used(&remote).await;
    let mirror = remote.mirror();
    fs::write(remote.bare().join("refs/heads/main.lock"), "").unwrap();
    let next = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    let outcomes = mirror.push(vec![update(MAIN, Some(&first), Some(&next))]).await.unwrap();
    let told = format!("{outcomes:?}");
    assert!(told.contains("another process holds the lock on refs/heads/main"), "{told}");
    assert!(remote.bare().join("refs/heads/main.lock").exists());
}

#[tokio::test]
async fn a_working_tree_is_no_remote() {
    let remote = Remote::local();
    crate::support::git::git(remote.directory.path(), &["init", "-q", "tree"]);
    let settings = remote.settings_for("tree", Credentials::None);
    let mirror = Mirror::open(settings, &remote.data()).unwrap();
    let error = anyhow::Error::from(mirror.fetch().await.unwrap_err());
    assert!(format!("{error:#}").contains("working tree"), "{error:#}");
}
