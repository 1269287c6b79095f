//! The builtin forge, on a bare repository reached through `file://`.

use std::sync::Arc;

use async_trait::async_trait;
use hoist::adapters::forge::builtin::BuiltinForge;
use hoist::app::ports::{
    Comment, Forge, ForgeError, Git, MergeOutcome, ProposalState, Review, ReviewVerdict, Status,
    StatusState, Turn,
};
use hoist::domain::id::ProposalNumber;

use super::faults::{Dying, LastPush};
use super::{BRANCH, FILE, World, at, contract, merge_of, merged, propose, spec};
use crate::support::remote::Remote;

contract!(Builtin);

// Where hoist keeps the proposals itself, one outlives its branch; GitHub closes it.
contract! { Builtin:
    a_deleted_branch_is_told_and_its_head_remembered,
    a_branch_that_comes_back_carries_the_same_proposal,
}

struct Builtin {
    remote: Remote,
    git: Arc<dyn Git>,
    forge: Arc<dyn Forge>,
}

impl Builtin {
    async fn mirror(remote: &Remote) -> Arc<dyn Git> {
        let git = Arc::new(remote.mirror());
        git.fetch().await.unwrap();
        git
    }

    fn forge_on(git: Arc<dyn Git>) -> Arc<dyn Forge> {
        let repository = "gitops".parse().unwrap();
        Arc::new(BuiltinForge::new(git, &repository, "https://hoist.example.com/"))
    }

    /// What our process would say if it started anew now.
    async fn restarted(&self) -> Arc<dyn Forge> {
        Self::forge_on(Self::mirror(&self.remote).await)
    }
}

#[async_trait]
impl World for Builtin {
    async fn begin() -> Self {
        let remote = Remote::with_main(&[(FILE, "tag: 1.0\n")]);
        let git = Self::mirror(&remote).await;
        let forge = Self::forge_on(Arc::clone(&git));
        Self { remote, git, forge }
    }

    fn remote(&self) -> &Remote {
        &self.remote
    }

    fn forge(&self) -> Arc<dyn Forge> {
        Arc::clone(&self.forge)
    }

    async fn another_process(&self) -> Arc<dyn Forge> {
        self.restarted().await
    }

    async fn refresh(&self) {
        self.git.fetch().await.unwrap();
    }

    async fn review(&self, number: ProposalNumber, by: &str, verdict: ReviewVerdict) {
        self.refresh().await;
        let head = self.forge.load(number).await.unwrap().head;
        let by = by.parse().unwrap();
        let review = Review { by, verdict, head, comment: None, at: at("10:30") };
        self.forge.desk().unwrap().review(number, review).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_is_cut_off_anywhere_is_made_exactly_once() {
    for last in [LastPush::Lost, LastPush::Begun, LastPush::Done] {
        let mut pushes = 0;
        loop {
            let world = Builtin::begin().await;
            let (number, head) = propose(&world).await;
            let git = Dying::after(pushes, last, Arc::clone(&world.git));
            let told =
                Builtin::forge_on(git.clone()).merge(&merge_of(number, &head), Turn::free()).await;

            let forge = world.restarted().await;
            let seen = forge.load(number).await.unwrap();
            if let ProposalState::Merged { commit, by, at: time } = &seen.state {
                let alice = Some("alice".parse().unwrap());
                assert_eq!((by, time), (&alice, &at("11:00")), "{last:?} after {pushes} pushes");
                assert_eq!(world.remote.tip("main").as_ref(), Some(commit));
            }
            let commit = merged(forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap());
            if let Ok(told) = told {
                assert_eq!(told, MergeOutcome::Merged(commit.clone()));
            }
            let merges = world.remote.ask(&["rev-list", "--merges", "main"]);
            assert_eq!(merges, commit.as_str(), "{last:?} after {pushes} pushes");
            assert_eq!(world.remote.tip(BRANCH), None, "{last:?} after {pushes} pushes");
            let record = format!("refs/hoist/proposals/{}:proposal.json", number.0);
            let record = world.remote.ask(&["show", &record]);
            assert!(record.contains(r#""merged""#), "{last:?} after {pushes} pushes: {record}");
            if git.survived() {
                break;
            }
            pushes += 1;
        }
        assert_eq!(pushes, 2, "a merge is two pushes: the target, then its record");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_whose_answer_is_lost_opens_one_proposal() {
    for last in [LastPush::Lost, LastPush::Done] {
        let world = Builtin::begin().await;
        world.remote.push(BRANCH, "main", FILE, "tag: 1.1\n");
        let git = Dying::after(0, last, Arc::clone(&world.git));
        let wanted = spec(BRANCH, "shop: 1.1 to prod");
        let lost = Builtin::forge_on(git).propose(&wanted, at("10:00")).await;
        assert!(matches!(lost, Err(ForgeError::Unreachable(_))), "{lost:?}");
        let opened = world.restarted().await.propose(&wanted, at("10:01")).await.unwrap();
        assert_eq!(opened.number(), ProposalNumber(1));
    }
}

#[tokio::test]
async fn what_changes_nothing_writes_nothing() {
    let world = Builtin::begin().await;
    let (number, head) = propose(&world).await;
    let remark = Comment { by: "bob".to_owned(), body: "hm".to_owned(), at: at("10:02") };
    for _ in 0..2 {
        let soaked = Status { state: StatusState::Success, description: "soaked".to_owned() };
        world.forge.set_status(number, &head, "hoist/soak", &soaked).await.unwrap();
        world.forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap();
        world.forge.desk().unwrap().remark(number, remark.clone()).await.unwrap();
        world.review(number, "alice", ReviewVerdict::Approve).await;
        world.forge.propose(&spec(BRANCH, "shop: 1.1 to prod"), at("10:00")).await.unwrap();
    }
    for _ in 0..2 {
        world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
        world.forge.load(number).await.unwrap();
    }
    let journal =
        ["log", "--first-parent", "--reverse", "--format=%an: %s", "refs/hoist/proposals/1"];
    insta::assert_snapshot!(world.remote.ask(&journal), @r"
    hoist: hoist: the beginning of every proposal's journal
    hoist: proposal #1: open
    hoist: proposal #1: status hoist/soak
    hoist: proposal #1: comment story
    bob: proposal #1: remark
    alice: proposal #1: review
    alice: proposal #1: merge
    ");
}

#[tokio::test]
async fn a_review_of_what_is_no_longer_there_is_stale() {
    let world = Builtin::begin().await;
    let (number, seen) = propose(&world).await;
    world.remote.push(BRANCH, BRANCH, FILE, "tag: 6.6.6\n");
    let by = "alice".parse().unwrap();
    let review =
        Review { by, verdict: ReviewVerdict::Approve, head: seen, comment: None, at: at("10:30") };
    let answer = world.forge.desk().unwrap().review(number, review).await;
    assert!(matches!(answer, Err(ForgeError::Stale)), "{answer:?}");
    assert!(world.forge.load(number).await.unwrap().reviews.is_empty());
}

#[tokio::test]
async fn what_was_reviewed_is_kept_when_its_branch_is_gone() {
    let world = Builtin::begin().await;
    let (number, first) = propose(&world).await;
    let second = world.remote.push(BRANCH, BRANCH, FILE, "tag: 1.1.1\n");
    world.review(number, "alice", ReviewVerdict::RequestChanges).await;
    world.remote.delete(BRANCH);
    world.remote.ask(&["gc", "--quiet", "--prune=now"]);
    for commit in [first, second] {
        assert_eq!(world.remote.ask(&["cat-file", "-t", commit.as_str()]), "commit");
    }
}

#[tokio::test]
async fn a_spoiled_record_stops_nobody_else() {
    let world = Builtin::begin().await;
    let main = world.remote.tip("main").unwrap();
    world.remote.ask(&["update-ref", "refs/hoist/proposals/1", main.as_str()]);
    world.remote.ask(&["update-ref", "refs/hoist/proposals/notes", main.as_str()]);
    let (number, _) = propose(&world).await;
    assert_eq!(number, ProposalNumber(2));
    assert!(world.forge.find_open(BRANCH).await.unwrap().is_some());
    let spoiled = world.forge.load(ProposalNumber(1)).await;
    assert!(matches!(spoiled, Err(ForgeError::Unreachable(_))), "{spoiled:?}");
}

#[tokio::test]
async fn two_processes_that_write_at_once_lose_nothing() {
    let world = Builtin::begin().await;
    let (number, head) = propose(&world).await;
    let other = world.restarted().await;
    let writes = (0..10).map(|n| {
        let (forge, head) =
            (if n % 2 == 0 { world.forge() } else { Arc::clone(&other) }, head.clone());
        async move {
            let by = format!("person-{n}").parse().unwrap();
            let verdict = ReviewVerdict::Approve;
            let review = Review { by, verdict, head, comment: None, at: at("10:30") };
            forge.desk().unwrap().review(number, review).await.unwrap();
        }
    });
    futures::future::join_all(writes).await;
    world.refresh().await;
    assert_eq!(world.forge.load(number).await.unwrap().approvals.len(), 10);
}

#[tokio::test]
async fn its_page_is_below_our_own() {
    let world = Builtin::begin().await;
    let (number, _) = propose(&world).await;
    let url = world.forge.load(number).await.unwrap().url;
    assert_eq!(url, "https://hoist.example.com/repositories/gitops/proposals/1");
}
