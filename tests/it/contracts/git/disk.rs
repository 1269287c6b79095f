//! The mirror's own disk: crashes, doubts, and who may use it.

use std::fs;
use std::path::Path;

use hoist::adapters::git::{Bounds, Credentials, Mirror};
use hoist::app::ports::{Git, GitError};
use hoist::domain::id::CommitId;

use super::over_each_remote;
use crate::support::git::{Remote, spec, update};

over_each_remote! {
    what_a_killed_process_left_does_not_block_the_next,
    a_mirror_in_doubt_is_started_anew,
    a_torn_pack_and_an_empty_object_are_fetched_anew,
    a_ref_that_cannot_be_read_is_fetched_anew_while_the_mirror_is_in_use,
    a_mirror_does_not_grow_without_bound,
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

/// The mirror's files with this ending, with what they hold.
fn files(folder: &Path, fits: &dyn Fn(&Path) -> bool) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, fits));
        } else if fits(&path) {
            found.push(path);
        }
    }
    found
}

fn cut(path: &Path, length: u64) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a file of this test's alone")]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions).unwrap();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

async fn a_torn_pack_and_an_empty_object_are_fetched_anew(remote: Remote) {
    let mirror = remote.mirror();
    let big: String = (0..4000).map(|number| format!("line {number}\n")).collect();
    let first = mirror
        .commit(spec(&[], &[("v.yaml", Some("tag: 1\n")), ("big.txt", Some(&big))]))
        .await
        .unwrap();
    mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    drop(mirror);
    // As another machine's: fetched, and so in a pack.
    fs::remove_dir_all(remote.mirror_path()).unwrap();
    let packs = || {
        files(&remote.mirror_path().join("objects"), &|it| it.extension() == Some("pack".as_ref()))
    };
    let whole = async |mirror: &Mirror| {
        let paths = ["v.yaml".to_owned(), "big.txt".to_owned()].into();
        mirror.read(&first, paths).await.map(|files| files["big.txt"] == big.as_bytes())
    };

    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    assert!(whole(&mirror).await.unwrap());
    drop(mirror);
    for length in [0, 10, 200] {
        cut(&packs()[0], length);
        let mirror = remote.mirror();
        mirror.fetch().await.unwrap();
        assert!(whole(&mirror).await.unwrap(), "cut to {length} while nobody looked");
        // While it is open, and mapped into memory.
        cut(&packs()[0], length);
        mirror.fetch().await.unwrap();
        assert!(whole(&mirror).await.unwrap(), "cut to {length} while in use");
    }
    let mirror = remote.mirror();
    let next = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    mirror.push(vec![update(MAIN, Some(&first), Some(&next))]).await.unwrap();
    let loose = |it: &Path| it.file_name().is_some_and(|name| name.len() == 38);
    // In use: what cannot be read puts the mirror in doubt, and the next fetch mends it.
    let objects = files(&remote.mirror_path().join("objects"), &loose);
    assert!(!objects.is_empty());
    for object in &objects {
        cut(object, 0);
    }
    drop(mirror);
    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.list(&next, "*").await.unwrap(), ["big.txt", "v.yaml"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_fetched_anew_while_the_mirror_is_in_use() {
    let remote = Remote::local();
    let first = used(&remote).await;
    let mirror = remote.mirror();
    let tree = remote.git(&["rev-parse", "main^{tree}"]);
    let object = remote.mirror_path().join("objects").join(&tree[..2]).join(&tree[2..]);
    fs::remove_file(object).unwrap();
    let told = mirror.list(&first, "*").await.unwrap_err();
    assert!(matches!(told, GitError::Mirror(_)), "{told:?}");
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.list(&first, "*").await.unwrap(), ["v.yaml"]);
}

/// A power cut leaves refs whose bytes were never written; nothing else tells of them.
async fn a_ref_that_cannot_be_read_is_fetched_anew_while_the_mirror_is_in_use(remote: Remote) {
    let first = used(&remote).await;
    let mirror = remote.mirror();
    let path = remote.mirror_path().join("refs/heads/main");
    for rubbish in ["", "rubbish"] {
        mirror.fetch().await.unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, rubbish).unwrap();
        let told = mirror.tip(MAIN).await.unwrap_err();
        assert!(matches!(told, GitError::Mirror(_)), "{rubbish:?}: {told:?}");
        mirror.fetch().await.unwrap();
        assert_eq!(mirror.tip(MAIN).await.unwrap(), Some(first.clone()), "{rubbish:?}");
        // One that the remote does not have is in nobody's way, but of whoever asks for it.
        let gone = remote.mirror_path().join("refs/heads/gone");
        fs::create_dir_all(gone.parent().unwrap()).unwrap();
        fs::write(&gone, rubbish).unwrap();
        let told = mirror.tip("refs/heads/gone").await.unwrap_err();
        assert!(matches!(told, GitError::Mirror(_)), "{rubbish:?}: {told:?}");
        mirror.fetch().await.unwrap();
        assert_eq!(mirror.tip("refs/heads/gone").await.unwrap(), None, "{rubbish:?}");
        // And where nobody asked for it before the fetch.
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, rubbish).unwrap();
        mirror.fetch().await.unwrap();
        assert_eq!(mirror.refs(MAIN).await.unwrap()[MAIN], first, "{rubbish:?}");
    }
    let next = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    mirror.push(vec![update(MAIN, Some(&first), Some(&next))]).await.unwrap();
    assert_eq!(remote.git(&["rev-parse", "main"]), next.as_str());
}

async fn a_mirror_does_not_grow_without_bound(remote: Remote) {
    const SLACK: u64 = 400_000;
    const EACH: usize = 60_000;
    let first = used(&remote).await;
    let bounds = Bounds { slack: SLACK, ..Bounds::default() };
    let mirror = Mirror::open_within(remote.settings(), &remote.data(), bounds).unwrap();
    let weight = || -> u64 {
        let all = files(&remote.mirror_path().join("objects"), &|_| true);
        all.iter().map(|it| fs::metadata(it).unwrap().len()).sum()
    };
    let (mut most, mut state) = (0, 1_u64);
    for _ in 0..48 {
        // Bytes that do not compress: what is written stays as heavy as it is.
        let noise: String = (0..EACH)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b' ' + u8::try_from((state >> 33) % 94).unwrap())
            })
            .collect();
        let commit = mirror.commit(spec(&[&first], &[("noise", Some(&noise))])).await.unwrap();
        mirror.push(vec![update("refs/heads/side", None, Some(&commit))]).await.unwrap();
        mirror.push(vec![update("refs/heads/side", Some(&commit), None)]).await.unwrap();
        mirror.fetch().await.unwrap();
        most = most.max(weight());
    }
    // Between two weighings sixteen rounds may come, and some more while a new one is built; without
    // a bound there would be all of them.
    assert!(most < SLACK + 28 * EACH as u64, "{most}");
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

/// What others merge is fetched, each time in a pack of its own, and each pack that was read stays
/// open: a process may not open as many as there are promotions in a year.
#[tokio::test]
async fn what_was_fetched_often_keeps_few_files_open() {
    let remote = Remote::http();
    let mut tip = used(&remote).await;
    let bounds = Bounds { packs: 4, ..Bounds::default() };
    let mirror = Mirror::open_within(remote.settings(), &remote.data(), bounds).unwrap();
    let theirs = remote.other_mirror("theirs");
    theirs.fetch().await.unwrap();
    let open = || {
        let ours = remote.mirror_path();
        let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
        files.filter(|it| fs::read_link(it.path()).is_ok_and(|to| to.starts_with(&ours))).count()
    };
    let mut most = 0;
    for round in 0..48 {
        let text = format!("tag: {round}\n");
        let next = theirs.commit(spec(&[&tip], &[("v.yaml", Some(&text))])).await.unwrap();
        theirs.push(vec![update(MAIN, Some(&tip), Some(&next))]).await.unwrap();
        mirror.fetch().await.unwrap();
        mirror.read(&next, ["v.yaml".to_owned()].into()).await.unwrap();
        most = most.max(open());
        tip = next;
    }
    // Between two looks at it sixteen fetches may come, and some more while a new one is built.
    assert!(most <= 4 + 17 + 8, "{most} files are open");
}
