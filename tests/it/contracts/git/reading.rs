//! Reading, editing, comparing and merging; the remote only stores what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use hoist::adapters::git::Mirror;
use hoist::app::ports::{FileChange, Git, GitError, Merged, ModeChange, RefOutcome};
use hoist::domain::id::CommitId;

use super::over_each_remote;
use crate::support::git::{Remote, bot, git, spec, update};

over_each_remote! {
    what_is_pushed_is_there_for_git_and_for_the_next_mirror,
    what_git_wrote_is_read_exactly,
}

async fn what_is_pushed_is_there_for_git_and_for_the_next_mirror(remote: Remote) {
    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    let first = mirror.commit(spec(&[], &[("apps/shop/v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let outcomes = mirror.push(vec![update("refs/heads/main", None, Some(&first))]).await.unwrap();
    assert_eq!(outcomes, [RefOutcome::Moved]);
    assert_eq!(remote.git(&["rev-parse", "main"]), first.as_str());
    assert_eq!(remote.git(&["show", "main:apps/shop/v.yaml"]), "tag: 1");
    assert_eq!(
        remote.git(&[
            "log",
            "-1",
            "--format=%an %ae %aI %cn %cI %(trailers:key=Hoist-Version)",
            "main"
        ]),
        "hoist hoist@example.com 2026-01-02T03:04:05+00:00 hoist 2026-01-02T03:04:05+00:00 Hoist-Version: 1.4.2"
    );
    assert_eq!(remote.git(&["fsck", "--strict"]), "");
    drop(mirror);

    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    let refs = mirror.refs("refs/heads/").await.unwrap();
    assert_eq!(refs, BTreeMap::from([("refs/heads/main".to_owned(), first)]));
}

async fn what_git_wrote_is_read_exactly(remote: Remote) {
    let tip = write_with_git(&remote);
    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    let wanted = ["run.sh", "crlf.yaml", "link", "env", "none"].map(str::to_owned);
    let files = mirror.read(&tip, BTreeSet::from(wanted)).await.unwrap();
    assert_eq!(
        files,
        BTreeMap::from([
            ("crlf.yaml".to_owned(), b"tag: 1\r\nno: newline".to_vec()),
            ("run.sh".to_owned(), b"#!/bin/sh\n".to_vec()),
        ]),
        "regular files only, byte for byte"
    );
}

/// A branch `main` made by the real git, with an executable, a link, a directory and CRLF.
fn write_with_git(remote: &Remote) -> CommitId {
    let work = remote.directory.path().join("work");
    git(remote.directory.path(), &["clone", "-q", remote.bare().to_str().unwrap(), "work"]);
    std::fs::create_dir_all(work.join("env/staging/apps/shop")).unwrap();
    std::fs::write(work.join("env/staging/apps/shop/values.yaml"), "tag: 1\n").unwrap();
    std::fs::write(work.join("crlf.yaml"), "tag: 1\r\nno: newline").unwrap();
    std::fs::write(work.join("run.sh"), "#!/bin/sh\n").unwrap();
    std::os::unix::fs::symlink("run.sh", work.join("link")).unwrap();
    git(&work, &["add", "."]);
    git(&work, &["update-index", "--chmod=+x", "run.sh"]);
    git(&work, &["commit", "-qm", "start"]);
    git(&work, &["push", "-q", "origin", "HEAD:refs/heads/main"]);
    remote.git(&["rev-parse", "main"]).parse().unwrap()
}

/// A mirror with one commit of these files; nothing of it is pushed.
async fn with_files(files: &[(&str, Option<&str>)]) -> (Remote, Mirror, CommitId) {
    let remote = Remote::local();
    let mirror = remote.mirror();
    let base = mirror.commit(spec(&[], files)).await.unwrap();
    (remote, mirror, base)
}

#[tokio::test]
async fn the_same_spec_makes_the_same_commit_in_any_mirror() {
    let (remote, mirror, base) = with_files(&[("a", Some("1")), ("b/c", Some("2"))]).await;
    let again = mirror.commit(spec(&[], &[("a", Some("1")), ("b/c", Some("2"))])).await.unwrap();
    let elsewhere = remote.other_mirror("elsewhere");
    let there = elsewhere.commit(spec(&[], &[("b/c", Some("2")), ("a", Some("1"))])).await.unwrap();
    assert_eq!((&again, &there), (&base, &base));
    assert_eq!(base.as_str(), "2a90b22a529692376f7a192cfd0b0d69ccb2b91b");
}

#[tokio::test]
async fn a_commit_changes_what_it_names_and_nothing_else() {
    let remote = Remote::local();
    let base = write_with_git(&remote);
    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    let files = [
        ("run.sh", Some("#!/bin/dash\n")),
        ("new/deep/file", Some("x")),
        ("env/staging/apps/shop/values.yaml", None),
        ("never/was", None),
    ];
    let head = mirror.commit(spec(&[&base], &files)).await.unwrap();
    mirror.push(vec![update("refs/heads/x", None, Some(&head))]).await.unwrap();
    let tree = remote.git(&["ls-tree", "-r", "--format=%(objectmode) %(path)", "x"]);
    assert_eq!(tree, "100644 crlf.yaml\n120000 link\n100644 new/deep/file\n100755 run.sh");
    assert_eq!(remote.git(&["ls-tree", "--name-only", "x"]), "crlf.yaml\nlink\nnew\nrun.sh");
}

#[tokio::test]
async fn a_path_that_leads_out_or_inside_git_is_refused() {
    let (_remote, mirror, base) = with_files(&[("a/b", Some("1"))]).await;
    for path in ["../a", "/a", "a/../b", ".git/config", "a//b", "", "a/.GIT/hooks/x"] {
        let written = mirror.commit(spec(&[&base], &[(path, Some("x"))])).await;
        assert!(matches!(written, Err(GitError::Missing(_))), "{path}");
        let read = mirror.read(&base, BTreeSet::from([path.to_owned()])).await;
        assert!(matches!(read, Err(GitError::Missing(_))), "{path}");
        assert!(matches!(mirror.list(&base, path).await, Err(GitError::Missing(_))), "{path}");
    }
    assert!(mirror.commit(spec(&[&base], &[("a", Some("a file now?"))])).await.is_err());
    assert!(mirror.commit(spec(&[&base], &[("a/b/c", Some("inside a file?"))])).await.is_err());
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_named() {
    let (_remote, mirror, _base) = with_files(&[("a", Some("1"))]).await;
    let nowhere: CommitId = "1".repeat(40).parse().unwrap();
    let error = mirror.list(&nowhere, "*").await.unwrap_err();
    assert_eq!(error.to_string(), format!("commit {nowhere} is not in the repository"));
    let pushed = mirror.push(vec![update("refs/heads/x", None, Some(&nowhere))]).await;
    assert!(matches!(pushed, Err(GitError::Missing(_))), "{pushed:?}");
}

#[tokio::test]
async fn a_pattern_lists_files_along_itself() {
    let files = [
        ("env/staging/apps/shop/values.yaml", Some("1")),
        ("env/staging/apps/cart/values.yaml", Some("1")),
        ("env/staging/apps/cart/extra/values.yaml", Some("1")),
        ("env/prod/apps/shop/values.yaml", Some("1")),
        ("env/staging/apps/readme.md", Some("1")),
    ];
    let (_remote, mirror, base) = with_files(&files).await;
    let staging = mirror.list(&base, "env/staging/apps/*/values.yaml").await.unwrap();
    assert_eq!(staging, ["env/staging/apps/cart/values.yaml", "env/staging/apps/shop/values.yaml"]);
    let shops = mirror.list(&base, "env/*/apps/s*p/*.yaml").await.unwrap();
    assert_eq!(shops, ["env/prod/apps/shop/values.yaml", "env/staging/apps/shop/values.yaml"]);
    assert_eq!(
        mirror.list(&base, "env/staging/apps/*").await.unwrap(),
        ["env/staging/apps/readme.md"]
    );
    assert_eq!(mirror.list(&base, "no/such/*").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_diff_tells_each_path_with_its_bytes_and_mode() {
    let remote = Remote::local();
    let base = write_with_git(&remote);
    let work = remote.directory.path().join("work");
    git(&work, &["mv", "crlf.yaml", "renamed.yaml"]);
    git(&work, &["update-index", "--chmod=-x", "run.sh"]);
    std::fs::remove_file(work.join("link")).unwrap();
    std::fs::write(work.join("link"), "a file now").unwrap();
    std::fs::write(work.join("env/staging/apps/shop/values.yaml"), "tag: 2\n").unwrap();
    git(&work, &["add", "link", "env"]);
    git(&work, &["commit", "-qm", "change"]);
    git(&work, &["push", "-q", "origin", "HEAD:refs/heads/x"]);
    let head: CommitId = remote.git(&["rev-parse", "x"]).parse().unwrap();
    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();

    let change = |path: &str, before: Option<&str>, after: Option<&str>, mode| FileChange {
        path: path.into(),
        before: before.map(|text| text.as_bytes().to_vec()),
        after: after.map(|text| text.as_bytes().to_vec()),
        mode,
    };
    let crlf = Some("tag: 1\r\nno: newline");
    assert_eq!(
        mirror.diff(&base, &head).await.unwrap(),
        [
            change("crlf.yaml", crlf, None, ModeChange::Same),
            change(
                "env/staging/apps/shop/values.yaml",
                Some("tag: 1\n"),
                Some("tag: 2\n"),
                ModeChange::Same
            ),
            change("link", Some("run.sh"), Some("a file now"), ModeChange::Differs),
            change("renamed.yaml", None, crlf, ModeChange::Same),
            change("run.sh", Some("#!/bin/sh\n"), Some("#!/bin/sh\n"), ModeChange::Differs),
        ]
    );
}

#[tokio::test]
async fn a_patch_is_a_unified_diff_cut_off_at_a_line() {
    let (_remote, mirror, base) = with_files(&[("a", Some("one\ntwo\nthree\n"))]).await;
    let head = mirror.commit(spec(&[&base], &[("a", Some("one\n2\nthree\n"))])).await.unwrap();
    let whole = mirror.patch(&base, &head, 10_000).await.unwrap();
    insta::assert_snapshot!(whole, @r"
    diff --git a/a b/a
    index 4cb29ea..f04eb26 100644
    --- a/a
    +++ b/a
    @@ -1,3 +1,3 @@
     one
    -two
    +2
     three
    ");
    let cut = mirror.patch(&base, &head, whole.len() - 1).await.unwrap();
    assert!(whole.starts_with(&cut) && cut.ends_with("+2\n"), "{cut}");
    assert_eq!(mirror.patch(&base, &head, 0).await.unwrap(), "");
}

#[tokio::test]
async fn a_merge_is_clean_conflicting_or_already_in() {
    let start = [("a", Some("1\n")), ("b", Some("1\n"))];
    let (_remote, mirror, base) = with_files(&start).await;
    let main = mirror.commit(spec(&[&base], &[("a", Some("main\n"))])).await.unwrap();
    let other = mirror.commit(spec(&[&base], &[("b", Some("2\n"))])).await.unwrap();
    let rival =
        mirror.commit(spec(&[&base], &[("a", Some("rival\n")), ("b", None)])).await.unwrap();

    let merged = mirror.merge(&main, &other, "merge\n".into(), bot()).await.unwrap();
    let Merged::Clean(merge) = merged else { panic!("{merged:?}") };
    let again = mirror.merge(&main, &other, "merge\n".into(), bot()).await.unwrap();
    assert_eq!(again, Merged::Clean(merge.clone()), "the same inputs make the same merge");
    let entry = &mirror.log(&merge, None, 1).await.unwrap()[0];
    assert_eq!(entry.parents, [main.clone(), other.clone()]);
    let changes = mirror.diff(&main, &merge).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["b"]);

    let conflict = mirror.merge(&main, &rival, "merge\n".into(), bot()).await.unwrap();
    assert_eq!(conflict, Merged::Conflict(vec!["a".into()]));
    let conflict = mirror.merge(&other, &rival, "merge\n".into(), bot()).await.unwrap();
    assert_eq!(conflict, Merged::Conflict(vec!["b".into()]), "deleted there, changed here");
    for contained in [&base, &main] {
        let merged = mirror.merge(&main, contained, "merge\n".into(), bot()).await.unwrap();
        assert_eq!(merged, Merged::AlreadyIn);
    }
    assert_eq!(mirror.merge_base(&main, &rival).await.unwrap(), Some(base.clone()));
    assert!(mirror.contains(&merge, &other).await.unwrap());
    assert!(!mirror.contains(&main, &other).await.unwrap());
}

#[tokio::test]
async fn a_log_follows_first_parents_and_keeps_what_touches_a_path() {
    let (_remote, mirror, base) = with_files(&[("a", Some("1")), ("b", Some("1"))]).await;
    let a = mirror.commit(spec(&[&base], &[("a", Some("2"))])).await.unwrap();
    let b = mirror.commit(spec(&[&base], &[("b", Some("2"))])).await.unwrap();
    let Merged::Clean(merge) = mirror.merge(&a, &b, "merge".into(), bot()).await.unwrap() else {
        panic!("no conflict here")
    };
    let ids = |entries: Vec<hoist::app::ports::LogEntry>| {
        entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    assert_eq!(
        ids(mirror.log(&merge, None, 10).await.unwrap()),
        [&merge, &a, &base].map(Clone::clone)
    );
    assert_eq!(ids(mirror.log(&merge, None, 2).await.unwrap()), [&merge, &a].map(Clone::clone));
    assert_eq!(
        ids(mirror.log(&merge, Some("b"), 10).await.unwrap()),
        [&merge, &base].map(Clone::clone)
    );
    let unrelated = mirror.commit(spec(&[], &[("z", Some("1"))])).await.unwrap();
    assert_eq!(mirror.merge_base(&a, &unrelated).await.unwrap(), None);
}

/// Neither a file, nor a folder that is as it was when somebody last asked.
#[tokio::test]
async fn a_list_reads_no_file_and_only_the_folders_that_changed() {
    let files =
        [("apps/a/v.yaml", Some("1\n")), ("apps/b/v.yaml", Some("2\n")), ("other/x", Some("3\n"))];
    let (remote, mirror, first) = with_files(&files).await;
    let lose = |object: &str| {
        let id = remote.git(&["rev-parse", object]);
        let place = remote.mirror_path().join("objects").join(&id[..2]).join(&id[2..]);
        std::fs::remove_file(place).unwrap();
    };
    mirror.push(vec![update("refs/heads/main", None, Some(&first))]).await.unwrap();
    ["main:apps/a/v.yaml", "main:apps/b/v.yaml", "main:other"].into_iter().for_each(lose);
    let both = ["apps/a/v.yaml", "apps/b/v.yaml"];
    assert_eq!(mirror.list(&first, "apps/*/v.yaml").await.unwrap(), both);
    ["main:apps/a", "main:apps/b"].into_iter().for_each(lose);
    let second = mirror.commit(spec(&[&first], &[("apps/c/v.yaml", Some("4\n"))])).await.unwrap();
    let three = ["apps/a/v.yaml", "apps/b/v.yaml", "apps/c/v.yaml"];
    assert_eq!(mirror.list(&second, "apps/*/v.yaml").await.unwrap(), three);
}
