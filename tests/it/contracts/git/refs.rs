//! Fetching, and moving refs by compare and swap.

use std::collections::BTreeMap;
use std::sync::Arc;

use hoist::app::ports::{Git, GitError, RefOutcome};
use hoist::domain::id::CommitId;

use super::over_each_remote;
use crate::support::git::{Remote, spec, update};

over_each_remote! {
    a_fetch_brings_branches_and_our_own_refs_and_forgets_what_is_gone,
    a_ref_is_created_moved_and_deleted_only_from_what_was_expected,
    a_repeated_push_finds_its_work_done,
    one_refused_ref_does_not_stop_the_others,
    a_branch_may_be_moved_back,
    no_commit_is_lost_when_many_push_to_one_branch,
    callers_who_push_the_same_ref_at_once_both_get_the_truth,
    a_ref_without_its_full_name_is_refused,
    a_merge_and_its_history_arrive_whole,
}

const MAIN: &str = "refs/heads/main";
const BRANCH: &str = "refs/heads/hoist/prod/shop";

async fn seed(mirror: &impl Git) -> CommitId {
    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let pushed = mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
    assert_eq!(pushed, [RefOutcome::Moved]);
    first
}

async fn a_fetch_brings_branches_and_our_own_refs_and_forgets_what_is_gone(remote: Remote) {
    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.refs("").await.unwrap(), BTreeMap::new(), "an empty remote is fine");

    let first = seed(&mirror).await;
    for name in ["refs/heads/a", "refs/hoist/proposals/1", "refs/tags/v1", "refs/pull/1/head"] {
        remote.git(&["update-ref", name, first.as_str()]);
    }
    mirror.fetch().await.unwrap();
    let names: Vec<String> = mirror.refs("refs/").await.unwrap().into_keys().collect();
    assert_eq!(names, ["refs/heads/a", MAIN, "refs/hoist/proposals/1"]);

    // A branch gives way to one inside its name, also when both were packed.
    remote.git(&["pack-refs", "--all"]);
    remote.git(&["update-ref", "-d", "refs/heads/a"]);
    remote.git(&["update-ref", "refs/heads/a/b", first.as_str()]);
    remote.git(&["update-ref", "-d", "refs/hoist/proposals/1"]);
    mirror.fetch().await.unwrap();
    let names: Vec<String> = mirror.refs("refs/").await.unwrap().into_keys().collect();
    assert_eq!(names, ["refs/heads/a/b", MAIN]);

    assert_eq!(mirror.tip("refs/heads/a/b").await.unwrap(), Some(first));
    for none in ["refs/heads/a", "refs/heads/a/b/c", "refs/heads/gone", "no name..", ""] {
        assert_eq!(mirror.tip(none).await.unwrap(), None, "{none}");
    }
}

async fn a_ref_is_created_moved_and_deleted_only_from_what_was_expected(remote: Remote) {
    let mirror = remote.mirror();
    let first = seed(&mirror).await;
    let second = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    let third = mirror.commit(spec(&[&second], &[("v.yaml", Some("tag: 3\n"))])).await.unwrap();
    let push = async |expected: Option<&CommitId>, new: Option<&CommitId>| {
        mirror.push(vec![update(BRANCH, expected, new)]).await.unwrap().remove(0)
    };
    let stale = |actual: Option<&CommitId>| RefOutcome::Stale { actual: actual.cloned() };

    assert_eq!(push(Some(&first), Some(&second)).await, stale(None), "it does not exist yet");
    assert_eq!(push(None, Some(&second)).await, RefOutcome::Moved);
    assert_eq!(push(None, Some(&third)).await, stale(Some(&second)), "it exists already");
    assert_eq!(push(Some(&first), Some(&third)).await, stale(Some(&second)));
    assert_eq!(push(Some(&second), Some(&third)).await, RefOutcome::Moved);
    assert_eq!(mirror.refs(BRANCH).await.unwrap()[BRANCH], third, "the mirror follows");
    assert_eq!(push(Some(&second), None).await, stale(Some(&third)));
    assert_eq!(push(Some(&third), None).await, RefOutcome::Moved);
    assert_eq!(remote.git(&["for-each-ref", "--format=%(refname)"]), MAIN);
    assert_eq!(mirror.refs(BRANCH).await.unwrap(), BTreeMap::new());
    assert_eq!(push(Some(&third), None).await, RefOutcome::AlreadyThere, "it is gone already");
}

async fn a_repeated_push_finds_its_work_done(remote: Remote) {
    let mirror = remote.mirror();
    let first = seed(&mirror).await;
    for _ in 0..2 {
        let pushed = mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
        assert_eq!(pushed, [RefOutcome::AlreadyThere]);
    }
    assert_eq!(mirror.push(Vec::new()).await.unwrap(), []);
}

async fn one_refused_ref_does_not_stop_the_others(remote: Remote) {
    let mirror = remote.mirror();
    let first = seed(&mirror).await;
    let second = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    let updates = vec![
        update("refs/heads/a", None, Some(&second)),
        update(MAIN, Some(&second), Some(&second)),
        update("refs/heads/main/inside", None, Some(&second)),
        update("refs/heads/z", None, Some(&second)),
        update("refs/heads/none", Some(&first), Some(&second)),
    ];
    let mut outcomes = mirror.push(updates).await.unwrap();
    let RefOutcome::Refused { reason } = outcomes.remove(2) else { panic!("{outcomes:?}") };
    assert!(reason.contains("main") || reason.contains("failed"), "{reason}");
    assert_eq!(
        outcomes,
        [
            RefOutcome::Moved,
            RefOutcome::Stale { actual: Some(first.clone()) },
            RefOutcome::Moved,
            RefOutcome::Stale { actual: None },
        ]
    );
    let there = remote.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    assert_eq!(there, format!("refs/heads/a {second}\n{MAIN} {first}\nrefs/heads/z {second}"));
}

async fn a_branch_may_be_moved_back(remote: Remote) {
    let mirror = remote.mirror();
    let first = seed(&mirror).await;
    let second = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    mirror.push(vec![update(BRANCH, None, Some(&second))]).await.unwrap();
    let back = mirror.push(vec![update(BRANCH, Some(&second), Some(&first))]).await.unwrap();
    assert_eq!(back, [RefOutcome::Moved]);
}

/// Three machines add five commits each to one branch, each on what it last saw.
async fn no_commit_is_lost_when_many_push_to_one_branch(remote: Remote) {
    let first = seed(&remote.mirror()).await;
    let add = async |machine: usize| {
        let mirror = remote.other_mirror(&format!("machine-{machine}"));
        let mut done = 0;
        while done < 5 {
            mirror.fetch().await.unwrap();
            let tip = mirror.refs(MAIN).await.unwrap()[MAIN].clone();
            let text = format!("{machine} {done}");
            let next = mirror.commit(spec(&[&tip], &[("v.yaml", Some(&text))])).await.unwrap();
            match &mirror.push(vec![update(MAIN, Some(&tip), Some(&next))]).await.unwrap()[0] {
                RefOutcome::Moved => done += 1,
                RefOutcome::Stale { .. } => (),
                // The other's lock was still there at the moment of ours.
                RefOutcome::Refused { reason } => assert!(reason.contains("lock"), "{reason}"),
                RefOutcome::AlreadyThere => panic!("each commit is its own"),
            }
        }
    };
    futures::future::join_all((0..3).map(add)).await;
    assert_eq!(remote.git(&["rev-list", "--count", &format!("{first}..main")]), "15");
}

async fn callers_who_push_the_same_ref_at_once_both_get_the_truth(remote: Remote) {
    let mirror = Arc::new(remote.mirror());
    let first = seed(&*mirror).await;
    let rival = async |text: &str| {
        let next = mirror.commit(spec(&[&first], &[("v.yaml", Some(text))])).await.unwrap();
        mirror.push(vec![update(MAIN, Some(&first), Some(&next))]).await.unwrap().remove(0)
    };
    let (one, two) = futures::future::join(rival("one"), rival("two")).await;
    let moved = [&one, &two].into_iter().filter(|outcome| **outcome == RefOutcome::Moved).count();
    let stale = [&one, &two].into_iter().filter(|o| matches!(o, RefOutcome::Stale { .. })).count();
    assert_eq!((moved, stale), (1, 1), "{one:?} {two:?}");
}

async fn a_ref_without_its_full_name_is_refused(remote: Remote) {
    let mirror = remote.mirror();
    let first = seed(&mirror).await;
    for name in ["main", "heads/main", "refs/heads/a..b", "refs/heads/x.lock", "refs/heads/ a", ""]
    {
        let pushed = mirror.push(vec![update(name, None, Some(&first))]).await;
        assert!(matches!(pushed, Err(GitError::Missing(_))), "{name}: {pushed:?}");
    }
}

async fn a_merge_and_its_history_arrive_whole(remote: Remote) {
    let mirror = remote.mirror();
    let mut tip = seed(&mirror).await;
    for round in 0..5 {
        let path = format!("apps/{round}/v.yaml");
        let side = mirror.commit(spec(&[&tip], &[(&path, Some("tag: 1\n"))])).await.unwrap();
        let main = mirror.commit(spec(&[&tip], &[("v.yaml", Some(&path))])).await.unwrap();
        let author = crate::support::git::bot();
        let merged = mirror.merge(&main, &side, "merge\n".into(), author).await.unwrap();
        let hoist::app::ports::Merged::Clean(merge) = merged else { panic!("{merged:?}") };
        tip = merge;
    }
    let old = mirror.refs(MAIN).await.unwrap()[MAIN].clone();
    mirror.push(vec![update(MAIN, Some(&old), Some(&tip))]).await.unwrap();
    assert_eq!(remote.git(&["rev-list", "--count", "main"]), "16");
    assert_eq!(remote.git(&["fsck", "--strict", "--connectivity-only"]), "");
    let elsewhere = remote.other_mirror("elsewhere");
    elsewhere.fetch().await.unwrap();
    assert_eq!(elsewhere.list(&tip, "apps/*/v.yaml").await.unwrap().len(), 5);
}
