//! What the `Git` port promises.

use std::collections::{BTreeMap, BTreeSet};

use hoist::app::ports::{CommitSpec, Git, RefOutcome, RefUpdate, Signature};
use hoist::domain::id::CommitId;

use crate::support::git::Remote;

fn bot() -> Signature {
    Signature {
        name: "hoist".into(),
        email: "hoist@example.com".into(),
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
    }
}

/// A commit with these files; `None` deletes.
fn spec(parents: &[&CommitId], files: &[(&str, Option<&str>)]) -> CommitSpec {
    let bytes = |text: &str| text.as_bytes().to_vec();
    CommitSpec {
        parents: parents.iter().map(|id| (*id).clone()).collect(),
        files: files.iter().map(|(path, text)| ((*path).into(), text.map(bytes))).collect(),
        message: "shop: 1.4.2 into staging\n".into(),
        author: bot(),
    }
}

fn update(name: &str, expected: Option<&CommitId>, new: Option<&CommitId>) -> RefUpdate {
    RefUpdate { name: name.into(), expected: expected.cloned(), new: new.cloned() }
}

fn paths(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|path| (*path).to_owned()).collect()
}

#[tokio::test]
async fn what_is_pushed_is_there_for_git_and_for_the_next_mirror() {
    let remote = Remote::local();
    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    let first = mirror.commit(spec(&[], &[("apps/shop/v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let outcomes = mirror.push(vec![update("refs/heads/main", None, Some(&first))]).await.unwrap();
    assert_eq!(outcomes, [RefOutcome::Moved]);
    assert_eq!(remote.git(&["rev-parse", "main"]), first.as_str());
    assert_eq!(remote.git(&["show", "main:apps/shop/v.yaml"]), "tag: 1");
    assert_eq!(remote.git(&["fsck", "--strict"]), "");
    drop(mirror);

    let mirror = remote.mirror();
    mirror.fetch().await.unwrap();
    assert_eq!(
        mirror.refs("refs/heads/").await.unwrap(),
        BTreeMap::from([("refs/heads/main".to_owned(), first.clone())])
    );
    let files = mirror.read(&first, paths(&["apps/shop/v.yaml", "none"])).await.unwrap();
    assert_eq!(files, BTreeMap::from([("apps/shop/v.yaml".to_owned(), b"tag: 1\n".to_vec())]));
}
