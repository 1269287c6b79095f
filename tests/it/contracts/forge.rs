//! What every forge must do, whoever's it is.
//!
//! Each promise takes a [`World`]: a repository that people work on, and a forge that keeps
//! proposals for it. A forge's own file below makes its world and runs [`contract!`] in it.

mod builtin;
mod faults;
pub mod github;
pub mod gitlab;

use std::sync::Arc;

use async_trait::async_trait;
use hoist::app::ports::{
    Asks, BranchState, Closing, Forge, ForgeError, MergeOutcome, MergeRequest, Mergeability,
    Opened, Proposal, ProposalSpec, ProposalState, ReviewVerdict, Status, StatusState, Turn,
};
use hoist::domain::checks::CheckState;
use hoist::domain::id::{CommitId, ProposalNumber};
use hoist::domain::landing::Drafted;
use jiff::Timestamp;

use crate::support::remote::Remote;

/// The file that proposals change here.
const FILE: &str = "environments/prod/apps/shop/values.yaml";
const BRANCH: &str = "hoist/prod/shop";

/// A forge and what goes on around it.
#[async_trait]
pub trait World: Sized {
    /// A repository whose `main` holds [`FILE`] with `tag: 1.0`, and a forge for it.
    async fn begin() -> Self;

    /// The repository itself, where people work with plain Git.
    fn remote(&self) -> &Remote;

    /// The forge, as one process of ours sees it.
    fn forge(&self) -> Arc<dyn Forge>;

    /// The same forge, as another process sees it that shares nothing with the first.
    async fn another_process(&self) -> Arc<dyn Forge>;

    /// Does what our process does before it looks: some forges are read through the mirror.
    async fn refresh(&self);

    /// A person reviews the proposal's head as it is, in the way this forge's people do.
    async fn review(&self, number: ProposalNumber, by: &str, verdict: ReviewVerdict);
}

/// Runs every promise in a world.
macro_rules! contract {
    ($world:ty) => {
        $crate::contracts::forge::contract! { $world:
            a_proposal_is_opened_once_and_updated_in_place,
            two_proposers_of_one_branch_get_one_proposal,
            twenty_proposers_of_different_branches_all_succeed,
            a_branch_with_nothing_new_cannot_be_proposed,
            a_proposal_says_what_is_so,
            nobody_finds_what_is_not_there,
            approvals_are_for_the_head_they_looked_at,
            the_latest_word_of_a_person_counts,
            a_status_is_written_once_and_belongs_to_its_head,
            what_others_say_is_told_without_what_hoist_says,
            a_comment_is_found_by_its_marker_and_edited_in_place,
            a_merge_brings_the_head_that_was_judged,
            a_merge_made_twice_is_one_merge,
            a_head_that_was_not_judged_is_not_merged,
            a_conflict_names_its_paths_and_changes_nothing,
            a_merge_goes_onto_what_others_merged_meanwhile,
            what_is_closed_stays_closed_and_the_next_is_a_new_one,
            what_is_merged_cannot_be_closed,
            a_merge_by_hand_is_a_merge,
            a_fast_forward_by_hand_is_a_merge,
            a_branch_put_back_onto_its_target_is_no_merge,
        }
    };
    ($world:ty: $($promise:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let world = <$world as $crate::contracts::forge::World>::begin().await;
                $crate::contracts::forge::$promise(&world).await;
            }
        )*
    };
}
pub(crate) use contract;

pub fn at(time: &str) -> Timestamp {
    format!("2026-01-05T{time}:00Z").parse().unwrap()
}

pub fn spec(branch: &str, title: &str) -> ProposalSpec {
    ProposalSpec {
        branch: branch.to_owned(),
        target: "main".to_owned(),
        title: title.to_owned(),
        body: format!("{title}, please."),
        labels: vec!["promotion".to_owned()],
        asks: Asks::default(),
        draft: Drafted::Ready,
    }
}

/// Pushes a change to [`BRANCH`] and proposes it.
pub async fn propose(world: &impl World) -> (ProposalNumber, CommitId) {
    let head = world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    let opened = world.forge().propose(&spec(BRANCH, "shop: 1.1 to prod"), at("10:00")).await;
    (opened.unwrap().number(), head)
}

async fn load(world: &impl World, number: ProposalNumber) -> Proposal {
    world.refresh().await;
    world.forge().load(number).await.unwrap()
}

async fn find_open(world: &impl World) -> Option<Proposal> {
    world.refresh().await;
    world.forge().find_open(BRANCH).await.unwrap()
}

pub fn merge_of(number: ProposalNumber, head: &CommitId) -> MergeRequest {
    MergeRequest {
        number,
        head: head.clone(),
        message: "Merge shop: 1.1 to prod\n".to_owned(),
        squashed: "Merge shop: 1.1 to prod\n".to_owned(),
        by: "alice".parse().unwrap(),
        at: at("11:00"),
    }
}

fn closing(number: ProposalNumber) -> Closing {
    let reason = "not today".to_owned();
    Closing { number, by: "alice".parse().unwrap(), reason, at: at("12:00") }
}

fn merged(outcome: MergeOutcome) -> CommitId {
    match outcome {
        MergeOutcome::Merged(commit) => commit,
        other @ (MergeOutcome::HeadMoved
        | MergeOutcome::Conflict(_)
        | MergeOutcome::Handed(_)
        | MergeOutcome::Blocked(_)
        | MergeOutcome::Refused(_)) => {
            panic!("expected a merge, got {other:?}")
        }
    }
}

fn merge_commit(proposal: &Proposal) -> Option<&CommitId> {
    match &proposal.state {
        ProposalState::Merged { commit, .. } => Some(commit),
        ProposalState::Open | ProposalState::Closed { .. } => None,
    }
}

fn approvers(proposal: &Proposal) -> Vec<&str> {
    proposal.approvals.iter().map(|it| it.by.as_str()).collect()
}

pub async fn a_proposal_is_opened_once_and_updated_in_place(world: &impl World) {
    let forge = world.forge();
    let (number, _) = propose(world).await;
    let newer = world.remote().push(BRANCH, "main", FILE, "tag: 1.2\n");
    let again = forge.propose(&spec(BRANCH, "shop: 1.2 to prod"), at("10:05")).await.unwrap();
    assert_eq!(again, Opened::AlreadyOpen(number));
    let found = find_open(world).await.unwrap();
    assert_eq!((found.number, found.title.as_str()), (number, "shop: 1.2 to prod"));
    assert_eq!((found.body.as_str(), found.head), ("shop: 1.2 to prod, please.", newer));
}

pub async fn two_proposers_of_one_branch_get_one_proposal(world: &impl World) {
    let (one, two) = (world.forge(), world.another_process().await);
    world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    let (ours, theirs) = (spec(BRANCH, "ours"), spec(BRANCH, "theirs"));
    let (ours, theirs) =
        tokio::join!(one.propose(&ours, at("10:00")), two.propose(&theirs, at("10:01")));
    assert_eq!(ours.unwrap().number(), theirs.unwrap().number());
}

pub async fn twenty_proposers_of_different_branches_all_succeed(world: &impl World) {
    let branches: Vec<String> = (0..20).map(|n| format!("hoist/prod/app-{n}")).collect();
    for branch in &branches {
        world.remote().push(branch, "main", &format!("{branch}.yaml"), "tag: 1.1\n");
    }
    let (one, two) = (world.forge(), world.another_process().await);
    let proposals = branches.iter().enumerate().map(|(place, branch)| {
        let forge = Arc::clone(if place % 2 == 0 { &one } else { &two });
        async move { forge.propose(&spec(branch, branch), at("10:00")).await.unwrap() }
    });
    let mut opened = futures::future::join_all(proposals).await;
    opened.sort_by_key(|it| it.number());
    let numbers: Vec<u64> = opened.iter().map(|it| it.number().0).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    world.refresh().await;
    for branch in &branches {
        assert_eq!(one.find_open(branch).await.unwrap().unwrap().branch, *branch);
    }
}

pub async fn a_branch_with_nothing_new_cannot_be_proposed(world: &impl World) {
    let forge = world.forge();
    let unpushed = forge.propose(&spec(BRANCH, "too early"), at("10:00")).await;
    assert!(matches!(unpushed, Err(ForgeError::Refused(_))), "{unpushed:?}");
    world.remote().put(BRANCH, &world.remote().tip("main").unwrap());
    let empty = forge.propose(&spec(BRANCH, "empty"), at("10:00")).await;
    assert!(matches!(empty, Err(ForgeError::Refused(_))), "{empty:?}");
}

pub async fn a_proposal_says_what_is_so(world: &impl World) {
    let (number, head) = propose(world).await;
    let proposal = load(world, number).await;
    assert_eq!(proposal.number, number);
    assert_eq!((proposal.branch.as_str(), proposal.target.as_str()), (BRANCH, "main"));
    assert_eq!((proposal.head, proposal.branch_state), (head, BranchState::Stands));
    assert_eq!((proposal.state, proposal.mergeability), (ProposalState::Open, Mergeability::Clean));
    assert!(proposal.approvals.is_empty() && proposal.objections.is_empty());
    assert!(proposal.statuses.is_empty() && proposal.comments.is_empty());
    assert!(proposal.url.ends_with(&format!("/{}", number.0)), "{}", proposal.url);
}

pub async fn nobody_finds_what_is_not_there(world: &impl World) {
    let (number, _) = propose(world).await;
    let unknown = ProposalNumber(number.0 + 7);
    let missing = world.forge().load(unknown).await;
    assert!(matches!(missing, Err(ForgeError::NotFound(it)) if it == unknown), "{missing:?}");
    assert_eq!(world.forge().find_open("hoist/prod").await.unwrap(), None);
}

pub async fn approvals_are_for_the_head_they_looked_at(world: &impl World) {
    let (number, _) = propose(world).await;
    world.review(number, "alice", ReviewVerdict::Approve).await;
    world.review(number, "bob", ReviewVerdict::Approve).await;
    let proposal = load(world, number).await;
    assert_eq!(approvers(&proposal), ["alice", "bob"]);

    world.remote().push(BRANCH, BRANCH, FILE, "tag: 6.6.6\n");
    let proposal = load(world, number).await;
    assert_eq!(approvers(&proposal), [""; 0], "nobody approved what was pushed since");
    assert_eq!(proposal.reviews.len(), 2, "what was said is still told");

    world.review(number, "bob", ReviewVerdict::Approve).await;
    assert_eq!(approvers(&load(world, number).await), ["bob"]);
}

pub async fn the_latest_word_of_a_person_counts(world: &impl World) {
    let (number, _) = propose(world).await;
    world.review(number, "alice", ReviewVerdict::RequestChanges).await;
    world.review(number, "bob", ReviewVerdict::Approve).await;
    let proposal = load(world, number).await;
    assert_eq!(approvers(&proposal), ["bob"]);
    assert_eq!(proposal.objections, ["alice".parse().unwrap()]);

    world.review(number, "alice", ReviewVerdict::Approve).await;
    world.review(number, "bob", ReviewVerdict::RequestChanges).await;
    let proposal = load(world, number).await;
    assert_eq!(approvers(&proposal), ["alice"]);
    assert_eq!(proposal.objections, ["bob".parse().unwrap()]);

    world.remote().push(BRANCH, BRANCH, FILE, "tag: 1.1.1\n");
    let proposal = load(world, number).await;
    assert_eq!(proposal.objections, ["bob".parse().unwrap()], "a push takes nothing back");
}

pub async fn a_status_is_written_once_and_belongs_to_its_head(world: &impl World) {
    let forge = world.forge();
    let (number, head) = propose(world).await;
    let soaking = Status { state: StatusState::Pending, description: "opens at 10:30".to_owned() };
    let soaked = Status { state: StatusState::Success, description: "soaked 30m".to_owned() };
    for status in [&soaking, &soaking, &soaked, &soaked] {
        forge.set_status(number, &head, "hoist/soak", status).await.unwrap();
    }
    forge.set_status(number, &head, "hoist/window", &soaking).await.unwrap();
    let proposal = load(world, number).await;
    assert_eq!(proposal.statuses.len(), 2);
    assert_eq!(proposal.statuses["hoist/soak"], soaked);

    let newer = world.remote().push(BRANCH, BRANCH, FILE, "tag: 1.1.1\n");
    assert!(load(world, number).await.statuses.is_empty());
    forge.set_status(number, &newer, "hoist/soak", &soaking).await.unwrap();
    assert_eq!(load(world, number).await.statuses["hoist/soak"], soaking);
}

pub async fn what_others_say_is_told_without_what_hoist_says(world: &impl World) {
    let forge = world.forge();
    let (number, head) = propose(world).await;
    let passed = Status { state: StatusState::Success, description: "all 200".to_owned() };
    forge.set_status(number, &head, "hoist/checks", &passed).await.unwrap();
    forge.set_status(number, &head, "e2e", &passed).await.unwrap();
    let checks = forge.checks(number, &head).await.unwrap();
    let told: Vec<_> = checks.iter().map(|it| (it.name.as_str(), it.state)).collect();
    assert_eq!(told, [("e2e", CheckState::Success)]);
    assert_eq!(checks[0].description, "all 200");
}

pub async fn a_comment_is_found_by_its_marker_and_edited_in_place(world: &impl World) {
    let forge = world.forge();
    let (number, _) = propose(world).await;
    forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap();
    forge.comment(number, "bad", "Do not merge.", at("10:02")).await.unwrap();
    forge.comment(number, "story", "It soaked.", at("10:03")).await.unwrap();
    forge.comment(number, "story", "It soaked.", at("10:04")).await.unwrap();
    let proposal = load(world, number).await;
    let bodies: Vec<_> = proposal.comments.iter().map(|it| it.body.as_str()).collect();
    assert!(
        matches!(bodies[..], [one, two] if one.contains("It soaked.") && two.contains("Do not")),
        "{bodies:?}"
    );
}

pub async fn a_merge_brings_the_head_that_was_judged(world: &impl World) {
    let (number, head) = propose(world).await;
    let before = world.remote().tip("main").unwrap();
    let commit = merged(world.forge().merge(&merge_of(number, &head), Turn::free()).await.unwrap());
    assert_eq!(world.remote().tip("main").as_ref(), Some(&commit));
    let parents = world.remote().ask(&["log", "-1", "--format=%P%n%s", "main"]);
    assert_eq!(parents, format!("{before} {head}\nMerge shop: 1.1 to prod"));
    assert_eq!(world.remote().ask(&["show", &format!("main:{FILE}")]), "tag: 1.1");

    let proposal = load(world, number).await;
    assert_eq!((merge_commit(&proposal), &proposal.head), (Some(&commit), &head));
    assert_eq!(proposal.branch_state, BranchState::Gone, "nobody needs it any more");
    assert_eq!(find_open(world).await, None);
}

pub async fn a_merge_made_twice_is_one_merge(world: &impl World) {
    let (number, head) = propose(world).await;
    let first = merged(world.forge().merge(&merge_of(number, &head), Turn::free()).await.unwrap());
    world.remote().push("main", "main", "README.md", "somebody goes on\n");
    let again = MergeRequest { at: at("11:30"), ..merge_of(number, &head) };
    assert_eq!(merged(world.forge().merge(&again, Turn::free()).await.unwrap()), first);
    let elsewhere = world.another_process().await;
    assert_eq!(merged(elsewhere.merge(&again, Turn::free()).await.unwrap()), first);
}

pub async fn a_head_that_was_not_judged_is_not_merged(world: &impl World) {
    let (number, judged) = propose(world).await;
    let before = world.remote().tip("main");
    let pushed = world.remote().push(BRANCH, BRANCH, FILE, "tag: 6.6.6\n");
    let outcome = world.forge().merge(&merge_of(number, &judged), Turn::free()).await.unwrap();
    assert_eq!(outcome, MergeOutcome::HeadMoved);
    assert_eq!(world.remote().tip("main"), before);
    assert_eq!(world.remote().tip(BRANCH), Some(pushed));
}

pub async fn a_conflict_names_its_paths_and_changes_nothing(world: &impl World) {
    let (number, head) = propose(world).await;
    let theirs = world.remote().push("main", "main", FILE, "tag: 1.0.1\n");
    let conflict = vec![FILE.to_owned()];
    let proposal = load(world, number).await;
    assert_eq!(proposal.mergeability, Mergeability::Conflict(conflict.clone()));
    let outcome = world.forge().merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert_eq!(outcome, MergeOutcome::Conflict(conflict));
    assert_eq!(world.remote().tip("main"), Some(theirs));
    assert_eq!(load(world, number).await.state, ProposalState::Open);
}

pub async fn a_merge_goes_onto_what_others_merged_meanwhile(world: &impl World) {
    let (number, head) = propose(world).await;
    let theirs = world.remote().push("main", "main", "README.md", "hello\n");
    merged(world.forge().merge(&merge_of(number, &head), Turn::free()).await.unwrap());
    let parents = world.remote().ask(&["log", "-1", "--format=%P", "main"]);
    assert_eq!(parents, format!("{theirs} {head}"));
}

pub async fn what_is_closed_stays_closed_and_the_next_is_a_new_one(world: &impl World) {
    let forge = world.forge();
    let (number, head) = propose(world).await;
    forge.close(&closing(number)).await.unwrap();
    forge.close(&Closing { reason: "twice".to_owned(), ..closing(number) }).await.unwrap();
    let proposal = load(world, number).await;
    let closed = ProposalState::Closed {
        by: Some("alice".parse().unwrap()),
        reason: Some("not today".to_owned()),
        at: at("12:00"),
    };
    assert_eq!((proposal.state, proposal.head), (closed, head.clone()));
    assert_eq!(find_open(world).await, None);
    let outcome = forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert!(matches!(outcome, MergeOutcome::Refused(_)), "{outcome:?}");

    let (next, _) = propose(world).await;
    assert_ne!(next, number);
    let before = load(world, number).await.state;
    assert!(matches!(before, ProposalState::Closed { .. }), "{before:?}");
    assert_eq!(find_open(world).await.unwrap().number, next);
}

pub async fn what_is_merged_cannot_be_closed(world: &impl World) {
    let (number, head) = propose(world).await;
    let commit = merged(world.forge().merge(&merge_of(number, &head), Turn::free()).await.unwrap());
    world.forge().close(&closing(number)).await.unwrap();
    assert_eq!(merge_commit(&load(world, number).await), Some(&commit));
}

pub async fn a_deleted_branch_is_told_and_its_head_remembered(world: &impl World) {
    let (number, head) = propose(world).await;
    world.remote().delete(BRANCH);
    let proposal = load(world, number).await;
    assert_eq!((proposal.branch_state, &proposal.head), (BranchState::Gone, &head));
    assert_eq!(merge_commit(&proposal), None);
    let outcome = world.forge().merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert_eq!(outcome, MergeOutcome::HeadMoved);
}

pub async fn a_branch_that_comes_back_carries_the_same_proposal(world: &impl World) {
    let (number, head) = propose(world).await;
    world.remote().delete(BRANCH);
    load(world, number).await;
    world.remote().put(BRANCH, &head);
    let again = world.forge().propose(&spec(BRANCH, "again"), at("10:30")).await.unwrap();
    assert_eq!(again, Opened::AlreadyOpen(number));
    let proposal = load(world, number).await;
    assert_eq!((proposal.branch_state, proposal.head), (BranchState::Stands, head));
}

pub async fn a_merge_by_hand_is_a_merge(world: &impl World) {
    let (number, head) = propose(world).await;
    let commit = world.remote().merge_by_hand(BRANCH, "main");
    world.remote().push("main", "main", "README.md", "and somebody goes on\n");
    world.remote().delete(BRANCH);
    let proposal = load(world, number).await;
    assert_eq!((merge_commit(&proposal), &proposal.head), (Some(&commit), &head));
    assert_eq!(
        merged(world.forge().merge(&merge_of(number, &head), Turn::free()).await.unwrap()),
        commit
    );

    // What comes next on the branch is a proposal of its own.
    world.remote().push(BRANCH, "main", FILE, "tag: 1.2\n");
    let next = world.forge().propose(&spec(BRANCH, "shop: 1.2 to prod"), at("12:00")).await;
    assert!(matches!(next, Ok(Opened::New(it)) if it != number), "{next:?}");
    assert_eq!(merge_commit(&load(world, number).await), Some(&commit));
}

pub async fn a_fast_forward_by_hand_is_a_merge(world: &impl World) {
    let (number, _) = propose(world).await;
    let pushed = world.remote().push(BRANCH, BRANCH, FILE, "tag: 1.1.1\n");
    world.remote().fast_forward("main", BRANCH);
    let proposal = load(world, number).await;
    assert_eq!((merge_commit(&proposal), &proposal.head), (Some(&pushed), &pushed));
}

pub async fn a_branch_put_back_onto_its_target_is_no_merge(world: &impl World) {
    let (number, _) = propose(world).await;
    let main = world.remote().push("main", "main", "README.md", "hello\n");
    world.remote().put(BRANCH, &main);
    let proposal = load(world, number).await;
    assert_eq!(merge_commit(&proposal), None, "nothing of it reached main");
    let status = Status { state: StatusState::Failure, description: "empty".to_owned() };
    world.forge().set_status(number, &main, "hoist/only-version", &status).await.unwrap();
    world.remote().push("main", "main", "README.md", "hello again\n");
    let proposal = load(world, number).await;
    assert_eq!(merge_commit(&proposal), None);
}
