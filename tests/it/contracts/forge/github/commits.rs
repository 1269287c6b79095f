//! Commits that GitHub makes for its App, byte for byte those that were drafted.

use std::collections::BTreeMap;

use hoist::app::ports::{CommitSpec, Draft, ForgeError, Git, RefOutcome, RefUpdate, Signature};
use hoist::domain::id::CommitId;

use super::super::{FILE, World, at};
use super::credentials::as_an_app;
use super::{Simulated, forge};
use crate::support::github::{Harm, Key};

/// A change of `main` as hoist itself would commit it.
async fn drafted(git: &impl Git, files: &[(&str, Option<&[u8]>)]) -> Draft {
    git.fetch().await.unwrap();
    let main = git.refs("refs/heads/main").await.unwrap()["refs/heads/main"].clone();
    let owned =
        |(path, bytes): &(&str, Option<&[u8]>)| ((*path).to_owned(), bytes.map(<[u8]>::to_vec));
    let spec = CommitSpec {
        parents: vec![main],
        files: files.iter().map(owned).collect::<BTreeMap<_, _>>(),
        message: "prod: promote shop\n\nHoist-Promotion: 7\n".to_owned(),
        author: Signature { name: "hoist".into(), email: "h@example.com".into(), at: at("10:00") },
    };
    let own = git.commit(spec).await.unwrap();
    git.draft(&own).await.unwrap()
}

async fn made(world: &Simulated, git: &impl Git, draft: &Draft) -> CommitId {
    git.adopt(world.forge.make_commit(draft).await.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_makes_is_what_was_drafted_and_can_be_pushed() {
    let (world, _) = as_an_app(&Key::make()).await;
    let scripts =
        [("run.sh", &b"true\n"[..]), ("logo.png", b"\x89PNG\xff"), ("old.yaml", b"a: 1\n")];
    let head = world.remote.add(&scripts, "run.sh");
    let git = world.remote.mirror();
    let changes: [(&str, Option<&[u8]>); 5] = [
        (FILE, Some(b"tag: 1.1\r\nname: \xc3\xbcn\xc3\xaf\n")),
        ("run.sh", Some(b"false\n")),
        ("logo.png", Some(b"\x89PNG\xfe")),
        ("old.yaml", None),
        ("deep/new/file.yaml", Some(b"")),
    ];
    let draft = drafted(&git, &changes).await;
    assert_eq!((draft.parents.as_slice(), draft.files.len()), (&[head][..], 5));
    assert_eq!(draft.files["run.sh"].as_ref().unwrap().mode, "100755");
    let commit = made(&world, &git, &draft).await;
    assert!(git.diff(&draft.commit, &commit).await.unwrap().is_empty());
    let update = RefUpdate {
        name: "refs/heads/hoist/prod/shop".to_owned(),
        expected: None,
        new: Some(commit.clone()),
    };
    assert_eq!(git.push(vec![update]).await.unwrap(), [RefOutcome::Moved]);
    assert_eq!(world.remote.tip("hoist/prod/shop"), Some(commit.clone()));
    assert_eq!(world.remote.ask(&["fsck", "--strict"]), "");
    let entry = git.log(&commit, None, 1).await.unwrap().remove(0);
    assert_eq!((entry.message, entry.parents), (draft.message, draft.parents));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_process_makes_it_once() {
    let (world, access) = as_an_app(&Key::make()).await;
    let git = world.remote.mirror();
    let draft = drafted(&git, &[(FILE, Some(b"tag: 1.1\n"))]).await;
    let first = made(&world, &git, &draft).await;
    assert_eq!(made(&world, &git, &draft).await, first);
    assert_eq!(world.hub.commits_made(), 1);
    let another = forge(access).make_commit(&draft).await.unwrap();
    assert_ne!(git.adopt(another).await.unwrap(), first, "it has another time in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_was_drafted_is_not_believed() {
    let (world, _) = as_an_app(&Key::make()).await;
    let git = world.remote.mirror();
    let draft = drafted(&git, &[(FILE, Some(b"tag: 1.1\n"))]).await;
    let tampered = Draft { tree: "1".repeat(40), ..draft.clone() };
    let told = world.forge.make_commit(&tampered).await;
    assert!(matches!(told, Err(ForgeError::Unreachable(_))), "{told:?}");
    assert_eq!(world.hub.commits_made(), 0);

    let lie = serde_json::json!({
        "sha": "2".repeat(40),
        "verification": {"verified": true, "reason": "valid", "payload": "tree x\n\nboo",
                         "signature": "-----BEGIN PGP SIGNATURE-----"},
    });
    world.hub.break_next(("POST", "/git/commits"), 1, Harm::Instead(201, Vec::new(), lie));
    let told = world.forge.make_commit(&draft).await;
    assert!(matches!(told, Err(ForgeError::Unreachable(_))), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_on_what_nobody_has_is_not_taken_in() {
    let world = Simulated::begin().await;
    let git = world.remote.mirror();
    git.fetch().await.unwrap();
    let object = format!(
        "tree {0}\nparent {0}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n",
        "3".repeat(40)
    );
    let told = git.adopt(object.into_bytes()).await.unwrap_err().to_string();
    assert!(told.contains("is not in the repository"), "{told}");
    assert!(git.adopt(b"no commit at all".to_vec()).await.is_err());
}
