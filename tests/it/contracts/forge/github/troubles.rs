//! What goes wrong between hoist and GitHub, and what must not come of it.

use std::sync::Arc;
use std::time::Duration;

use hoist::adapters::clock::SystemClock;
use hoist::adapters::forge::common::pace::Pace;
use hoist::adapters::forge::github::GitHubCredentials;
use hoist::app::ports::{
    ForgeError, MergeOutcome, Mergeability as Merging, Opened, ProposalState, Status, StatusState,
    Turn,
};
use hoist::domain::landing::{Block, Course, Landing, Whose};
use serde_json::{Value, json};

use super::super::{BRANCH, FILE, World, at, load, merge_of, merged, propose, spec};
use super::{Simulated, access_within, by_token, forge, forge_at};
use crate::support::github::{Harm, Mergeability, Rules, TOKEN};

fn instead(status: u16, headers: &[(&'static str, &str)], message: &str) -> Harm {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Harm::Instead(status, headers, json!({ "message": message }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_whose_answer_is_lost_opens_one_pull_request() {
    for harm in [Harm::Done(504), Harm::Done(502), Harm::CutOff] {
        let world = Simulated::begin().await;
        world.hub.break_next(("POST", "/pulls"), 1, harm);
        let (number, _) = propose(&world).await;
        assert_eq!((number.0, world.hub.count()), (1, 1));
        let proposal = load(&world, number).await;
        assert_eq!(proposal.title, "shop: 1.1 to prod");
        assert_eq!(world.hub.dress_of(1).0, ["promotion"], "what was to follow was done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let world = Simulated::begin().await;
    let token = GitHubCredentials::Token(TOKEN.into());
    let hasty = forge(access_within(Duration::from_millis(500), &world.hub, token));
    world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    world.hub.break_next(("POST", "/pulls"), 1, Harm::Silence);
    let wanted = spec(BRANCH, "shop: 1.1 to prod");
    let found = hasty.propose(&wanted, at("10:00")).await.unwrap();
    assert!(matches!(found, Opened::AlreadyOpen(_)), "{found:?}");
    assert_eq!(world.hub.count(), 1);
    world.hub.break_next(("GET", "/pulls"), 1, Harm::Silence);
    let told = hasty.find_open(BRANCH).await;
    assert!(matches!(told, Err(ForgeError::Unreachable(_))), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_failed_is_an_error_that_passes() {
    let world = Simulated::begin().await;
    world.hub.break_next(("POST", "/pulls"), 1, instead(500, &[], "oops"));
    world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    let wanted = spec(BRANCH, "shop: 1.1 to prod");
    let failed = world.forge.propose(&wanted, at("10:00")).await;
    assert!(matches!(failed, Err(ForgeError::Unreachable(_))), "{failed:?}");
    let opened = world.forge.propose(&wanted, at("10:01")).await.unwrap();
    assert!(matches!(opened, Opened::New(_)), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_whose_answer_is_lost_is_one_merge() {
    for harm in [Harm::Done(504), Harm::CutOff] {
        let world = Simulated::begin().await;
        let (number, head) = propose(&world).await;
        world.hub.break_next(("PUT", "/merge"), 1, harm);
        let commit =
            merged(world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap());
        assert_eq!(world.remote().tip("main"), Some(commit));
        assert_eq!(world.remote().tip(BRANCH), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_and_a_status_whose_answers_are_lost_are_written_once() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    world.hub.break_next(("POST", "/comments"), 1, Harm::Done(502));
    let lost = world.forge.comment(number, "story", "It soaks.", at("10:01")).await;
    assert!(matches!(lost, Err(ForgeError::Unreachable(_))), "{lost:?}");
    world.forge.comment(number, "story", "It soaks.", at("10:02")).await.unwrap();

    world.hub.break_next(("POST", head.as_str()), 1, Harm::CutOff);
    let soaked = Status { state: StatusState::Success, description: "soaked".to_owned() };
    let lost = world.forge.set_status(number, &head, "hoist/soak", &soaked).await;
    assert!(matches!(lost, Err(ForgeError::Unreachable(_))), "{lost:?}");
    world.forge.set_status(number, &head, "hoist/soak", &soaked).await.unwrap();

    assert_eq!(load(&world, number).await.comments.len(), 1);
    assert_eq!(world.hub.statuses_written(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_kept_to_without_asking_again() {
    let world = Simulated::begin().await;
    let limit =
        instead(403, &[("retry-after", "1800")], "You have exceeded a secondary rate limit");
    world.hub.break_next(("GET", "/pulls"), 1, limit);
    let first = world.forge.find_open(BRANCH).await;
    assert!(matches!(first, Err(ForgeError::RateLimited { seconds: 1800 })), "{first:?}");
    world.hub.take_calls();
    let second = world.forge.find_open(BRANCH).await;
    assert!(
        matches!(second, Err(ForgeError::RateLimited { seconds }) if (1700..=1800).contains(&seconds)),
        "{second:?}"
    );
    assert_eq!(world.hub.take_calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_holds_for_all_repositories_of_an_account() {
    let world = Simulated::begin().await;
    let pace = Pace::new(Arc::new(SystemClock), 80);
    let [one, other] = [(); 2].map(|()| forge_at(by_token(&world.hub), pace.clone()));
    let limit = instead(403, &[("retry-after", "60")], "You have exceeded a secondary rate limit");
    world.hub.break_next(("GET", "/pulls"), 1, limit);
    assert!(one.find_open(BRANCH).await.is_err());
    world.hub.take_calls();
    let told = other.find_open("hoist/prod/cart").await;
    assert!(matches!(told, Err(ForgeError::RateLimited { .. })), "{told:?}");
    assert_eq!(world.hub.take_calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_are_told_of_has_an_hour_of_its_own() {
    let world = Simulated::begin().await;
    let pace = Pace::new(Arc::new(SystemClock), 100_000).and_an_hour(4);
    let forge = forge_at(by_token(&world.hub), pace.clone());
    let other = forge_at(by_token(&world.hub), pace);
    for branch in ["hoist/prod/a", "hoist/prod/b", "hoist/prod/c"] {
        world.remote().push(branch, "main", &format!("{branch}.yaml"), "tag: 1.1\n");
    }
    let open = |branch| {
        let wanted = spec(branch, branch);
        let forge = &forge;
        async move { forge.propose(&wanted, at("10:00")).await }
    };
    let first = open("hoist/prod/a").await.unwrap().number();
    for _ in 0..20 {
        drop(forge.turn_to_merge().await.unwrap());
    }
    open("hoist/prod/b").await.expect("a turn in which nothing is written takes nothing away");
    // Half of it came at once; the next comes half an hour later, for whatever repository.
    let third = open("hoist/prod/c").await;
    assert!(matches!(third, Err(ForgeError::Paced { seconds: 1700..=1800 })), "{third:?}");
    let noted = other.comment(first, "story", "It soaks.", at("10:01")).await;
    assert!(matches!(noted, Err(ForgeError::Paced { .. })), "{noted:?}");
    // What nobody is told of goes on, and so does what is read.
    let head = load(&world, first).await.head;
    let soaked = Status { state: StatusState::Success, description: "soaked".to_owned() };
    forge.set_status(first, &head, "hoist/soak", &soaked).await.unwrap();
    forge.propose(&spec("hoist/prod/a", "another title"), at("10:02")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_no_limit_and_is_named() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    let needed = [("x-accepted-github-permissions", "statuses=write")];
    let refusal = instead(403, &needed, "Resource not accessible by personal access token");
    world.hub.break_next(("POST", head.as_str()), 1, refusal);
    let soaked = Status { state: StatusState::Success, description: "soaked".to_owned() };
    let told = world.forge.set_status(number, &head, "hoist/soak", &soaked).await.unwrap_err();
    insta::assert_snapshot!(told, @"the forge refuses: setting the status hoist/soak: these credentials may not do that in acme/gitops (Resource not accessible by personal access token); they need `statuses=write`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_hidden_says_nothing_of_its_proposals() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    world.hub.break_next(("GET", "/pulls/1"), 1, instead(404, &[], "Not Found"));
    world.hub.break_next(("GET", "/gitops"), 1, instead(404, &[], "Not Found"));
    let told = world.forge.load(number).await.unwrap_err();
    insta::assert_snapshot!(told, @"the forge refuses: looking at the repository: GitHub shows these credentials no such thing in acme/gitops; it hides what they may not see");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_was_renamed_is_followed_nowhere_else() {
    let world = Simulated::begin().await;
    let to = [("location", "https://api.github.example/repositories/7/pulls")];
    world.hub.break_next(("GET", "/pulls"), 1, instead(301, &to, "Moved Permanently"));
    let told = world.forge.find_open(BRANCH).await.unwrap_err();
    insta::assert_snapshot!(told, @"the forge refuses: looking for a pull request: acme/gitops has moved to https://api.github.example/repositories/7/pulls: set the repository's `url` to its new address");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_branch_names_the_rule_that_blocks() {
    let world = Simulated::begin().await;
    world.hub.protect(Rules { approvals: 1, ..Rules::default() });
    let (number, head) = propose(&world).await;
    let outcome = world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    let lacks = vec![Block::Reviews { have: Some(0), need: Some(1) }];
    assert_eq!(outcome, MergeOutcome::Blocked(lacks.clone()));
    let landing = load(&world, number).await.landing;
    assert_eq!(landing, Landing::Blocked { blocks: lacks, offer: None });
    world.hub.review(number.0, "alice", "APPROVED");
    merged(world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_moved_in_the_middle_of_a_merge_is_looked_at_again() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    let moved = "Base branch was modified. Review and try the merge again.";
    world.hub.break_next(("PUT", "/merge"), 1, instead(405, &[], moved));
    let outcome = world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert_eq!(outcome, MergeOutcome::HeadMoved);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_belong_here_count() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    world.hub.review_from_outside(number.0, "mallory", "APPROVED");
    world.hub.review_from_outside(number.0, "trudy", "CHANGES_REQUESTED");
    world.hub.review(number.0, "renovate[bot]", "APPROVED");
    world.hub.review(number.0, "alice", "APPROVED");
    world.hub.review(number.0, "alice", "COMMENTED");
    let proposal = load(&world, number).await;
    assert_eq!(proposal.approvals.len(), 1, "a comment takes nothing back");
    assert!(proposal.objections.is_empty());
    world.hub.dismiss_reviews(number.0);
    assert!(load(&world, number).await.approvals.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewers_are_asked_once_and_nobody_waits_for_a_stranger() {
    let world = Simulated::begin().await;
    world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    let mut wanted = spec(BRANCH, "shop: 1.1 to prod");
    wanted.asks.reviewers = vec!["alice".to_owned(), "bob".to_owned()];
    let number = world.forge.propose(&wanted, at("10:00")).await.unwrap().number();
    assert_eq!(world.hub.dress_of(1).1, ["alice", "bob"]);
    world.hub.review(number.0, "alice", "APPROVED");
    world.forge.propose(&wanted, at("10:01")).await.unwrap();
    assert_eq!(world.hub.dress_of(1).1, ["bob"], "alice has answered");

    wanted.asks.reviewers.push("a-stranger".to_owned());
    world.forge.propose(&wanted, at("10:02")).await.unwrap();
    assert_eq!(world.hub.dress_of(1).1, ["bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_asked_until_somebody_has_answered_and_assignees_are_named_once() {
    let world = Simulated::begin().await;
    world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    let mut wanted = spec(BRANCH, "shop: 1.1 to prod");
    wanted.asks.teams = vec!["sre".to_owned()];
    wanted.asks.assignees = vec!["alice".to_owned()];
    let number = world.forge.propose(&wanted, at("10:00")).await.unwrap().number();
    let asked = || world.hub.teams_and_assignees_of(1);
    assert_eq!(asked(), (vec!["sre".to_owned()], vec!["alice".to_owned()]));
    world.hub.take_calls();
    world.forge.propose(&wanted, at("10:01")).await.unwrap();
    let calls = world.hub.take_calls();
    assert!(calls.iter().all(|call| call.what.starts_with("GET")), "{calls:?}");

    wanted.asks.teams.push("strangers".to_owned());
    world.forge.propose(&wanted, at("10:02")).await.unwrap();
    assert_eq!(asked().0, ["sre"], "a promotion does not wait for a team that is none");
    world.hub.review(number.0, "bob", "APPROVED");
    wanted.asks.teams = vec!["database".to_owned()];
    world.forge.propose(&wanted, at("10:03")).await.unwrap();
    assert_eq!(asked().0, ["sre"], "somebody has answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_has_not_worked_out_yet_is_not_guessed() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    world.hub.work_out(Mergeability::NotYet);
    assert_eq!(load(&world, number).await.mergeability, Merging::Unknown);
    world.hub.work_out(Mergeability::Known);
    assert_eq!(load(&world, number).await.mergeability, Merging::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_writes_as_we_do_is_not_us() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    world.forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap();
    let ours = world.hub.comments_on(number.0).remove(0);
    world.hub.remark(number.0, "mallory", &ours.replace("soaks", "rots"));
    world.forge.comment(number, "story", "It soaked.", at("10:02")).await.unwrap();
    let bodies: Vec<String> = world.hub.comments_on(number.0);
    assert!(bodies[0].contains("It soaked.") && bodies[1].contains("It rots."), "{bodies:?}");
    assert_eq!(load(&world, number).await.comments[0].body, "It soaked.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_deleted_closes_its_pull_request() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    world.remote().delete(BRANCH);
    let proposal = load(&world, number).await;
    assert!(matches!(proposal.state, ProposalState::Closed { by: None, .. }));
    assert_eq!(proposal.head, head);
    world.remote().put(BRANCH, &head);
    let next = world.forge.propose(&spec(BRANCH, "again"), at("10:30")).await.unwrap();
    assert!(matches!(next, Opened::New(it) if it != number), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_deletes_merged_branches_itself_is_no_trouble() {
    let world = Simulated::begin().await;
    world.hub.protect(Rules { deletes_merged_branches: true, ..Rules::default() });
    let (number, head) = propose(&world).await;
    merged(world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap());
    assert_eq!(world.remote().tip(BRANCH), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_are_read_to_their_end() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    for n in 0..150 {
        world.hub.remark(number.0, "bob", &format!("remark {n}"));
    }
    world.forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap();
    world.forge.comment(number, "story", "It soaked.", at("10:02")).await.unwrap();
    assert_eq!(load(&world, number).await.comments.len(), 151);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_it_was_costs_nothing() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    load(&world, number).await;
    world.hub.take_calls();
    load(&world, number).await;
    let calls = world.hub.take_calls();
    assert!(calls.iter().all(|call| call.status == 304), "{calls:?}");
    assert!(calls.iter().all(|call| call.what.starts_with("GET /repos/acme/gitops/")));
    assert_eq!(calls.len(), 4, "the pull request, its reviews, its comments, its statuses");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_makes_no_sense_is_an_error() {
    let world = Simulated::begin().await;
    for nonsense in [json!({}), json!([1]), Value::Null, json!("<html>")] {
        world.hub.break_next(("GET", "/pulls"), 1, Harm::Instead(200, Vec::new(), nonsense));
        let told = world.forge.find_open(BRANCH).await;
        assert!(matches!(told, Err(ForgeError::Unreachable(_))), "{told:?}");
    }
}

fn queue() -> Rules {
    Rules { queue: true, ..Rules::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_entered_and_left_once_whatever_is_answered() {
    for harm in [Harm::Done(502), Harm::CutOff] {
        let world = Simulated::begin().await;
        world.hub.protect(queue());
        let (number, head) = propose(&world).await;
        let request = merge_of(number, &head);
        world.hub.answer_late(1, harm.clone());
        let outcome = world.forge.merge(&request, Turn::free()).await.unwrap();
        assert_eq!(outcome, MergeOutcome::Handed(Course::Queue));
        let again = world.forge.merge(&request, Turn::free()).await.unwrap();
        assert_eq!((again, world.hub.queued()), (MergeOutcome::Handed(Course::Queue), vec![1]));
        let proposal = load(&world, number).await;
        let group = proposal.landing.group().unwrap();
        assert_eq!(group.head.as_str(), world.hub.group_of(1));

        world.hub.answer_late(1, harm);
        world.forge.take_back(number).await.unwrap();
        world.forge.take_back(number).await.unwrap();
        assert!(world.hub.queued().is_empty());
        assert_eq!(load(&world, number).await.landing, Landing::Free);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_takes_no_head_but_the_one_that_was_judged() {
    let world = Simulated::begin().await;
    world.hub.protect(queue());
    let (number, head) = propose(&world).await;
    world.remote.push(BRANCH, BRANCH, "README.md", "more\n");
    let outcome = world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert_eq!((outcome, world.hub.queued()), (MergeOutcome::HeadMoved, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_has_queued_is_not_taken_back() {
    let world = Simulated::begin().await;
    world.hub.protect(queue());
    let (number, _) = propose(&world).await;
    world.hub.put_in_by("carol", number.0);
    world.forge.take_back(number).await.unwrap();
    let Landing::Handed(handed) = load(&world, number).await.landing else {
        panic!("it is out of the queue")
    };
    assert_eq!(handed.whose, Whose::Theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_other_api_is_sorted_as_any_other() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    let told = |errors: Value| Harm::Instead(200, vec![], json!({"errors": errors}));
    let limit = told(json!([{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]));
    world.hub.break_next(("POST", "/graphql"), 1, limit);
    let merge = || async { world.forge.merge(&merge_of(number, &head), Turn::free()).await };
    assert!(matches!(merge().await, Err(ForgeError::RateLimited { seconds: 60 })));
    world.hub.take_calls();
    assert!(matches!(merge().await, Err(ForgeError::RateLimited { seconds: 55..=60 })));
    let asked = world.hub.take_calls();
    assert!(!asked.iter().any(|it| it.what.contains("graphql")), "{asked:?}");
    let merge = || async {
        let forge = forge(by_token(&world.hub));
        forge.merge(&merge_of(number, &head), Turn::free()).await
    };
    let broken = told(json!([{"message": "Something went wrong while executing your query."}]));
    world.hub.break_next(("POST", "/graphql"), 1, broken);
    assert!(matches!(merge().await, Err(ForgeError::Unreachable(_))));
    let old = json!([{"message": "Field 'isMergeQueueEnabled' doesn't exist on type 'PullRequest'",
        "extensions": {"code": "undefinedField"}}]);
    world.hub.break_next(("POST", "/graphql"), 1, told(old));
    merged(merge().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hides_the_rules_is_no_way_past_them() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    let merge = || async { world.forge.merge(&merge_of(number, &head), Turn::free()).await };
    let hidden = json!({"errors": [{"type": "FORBIDDEN", "message": "Resource not accessible"}]});
    let refusals = [
        instead(403, &[], "Resource not accessible by integration"),
        Harm::Instead(200, vec![], hidden),
        Harm::Instead(200, vec![], json!({"data": {"repository": {"pullRequest": null}}})),
    ];
    for refusal in refusals {
        world.hub.break_next(("POST", "/graphql"), 1, refusal);
        let told = merge().await;
        assert!(matches!(told, Err(ForgeError::Refused(_))), "{told:?}");
    }
    // Looked at it is all the same.
    world.hub.break_next(("POST", "/graphql"), 1, instead(403, &[], "Resource not accessible"));
    assert_eq!(load(&world, number).await.landing, Landing::Free);
    // A server that has no such API tells in one word whether a rule is in the way.
    let absent = || instead(404, &[], "Not Found");
    world.hub.protect(Rules { approvals: 1, ..Rules::default() });
    world.hub.break_next(("POST", "/graphql"), 1, absent());
    assert_eq!(merge().await.unwrap(), MergeOutcome::Blocked(vec![Block::Unnamed]));
    world.hub.protect(Rules::default());
    world.hub.break_next(("POST", "/graphql"), 1, absent());
    merged(merge().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_back_is_not_called_taken_back() {
    let world = Simulated::begin().await;
    world.hub.protect(queue());
    let (number, head) = propose(&world).await;
    let handed = world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert_eq!(handed, MergeOutcome::Handed(Course::Queue));
    for status in [403, 404] {
        world.hub.break_next(("POST", "/graphql"), 1, instead(status, &[], "Nothing here"));
        let told = world.forge.take_back(number).await;
        assert!(matches!(told, Err(ForgeError::Refused(_))), "{told:?}");
    }
    assert_eq!(world.hub.queued(), [number.0]);
    world.forge.take_back(number).await.unwrap();
    assert!(world.hub.queued().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_wait_is_not_cut_short_by_a_shorter_one() {
    let world = Simulated::begin().await;
    let pace = Pace::new(Arc::new(SystemClock), 80);
    let [one, other] = [(); 2].map(|()| forge_at(by_token(&world.hub), pace.clone()));
    let limit = |seconds| instead(403, &[("retry-after", seconds)], "secondary rate limit");
    // Both were asked before either was answered.
    world.hub.break_next(("GET", "/pulls"), 1, limit("600"));
    world.hub.break_next(("GET", "/pulls"), 1, limit("60"));
    let (first, second) = tokio::join!(one.find_open(BRANCH), other.find_open(BRANCH));
    assert!(first.is_err() && second.is_err());
    let told = one.find_open(BRANCH).await;
    assert!(matches!(told, Err(ForgeError::RateLimited { seconds: 590..=600 })), "{told:?}");
}
