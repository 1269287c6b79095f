//! What goes wrong between hoist and GitLab, and what must not come of it.

use std::time::Duration;

use hoist::adapters::forge::gitlab::GitLabSquash;
use hoist::app::ports::{
    ForgeError, MergeOutcome, MergeRequest, Mergeability as Merging, Opened, Status, StatusState,
    Turn,
};
use hoist::domain::landing::{Block, Course, Landing};
use serde_json::{Value, json};

use super::super::{BRANCH, FILE, World, at, load, merge_of, merged, propose, spec};
use super::{Simulated, forge, forge_within};
use crate::support::gitlab::{Harm, MergeMethod, Mergeability, Rules, Server, TOKEN};

fn instead(status: u16, headers: &[(&'static str, &str)], message: &str) -> Harm {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Harm::Instead(status, headers, json!({ "message": message }))
}

fn refused(outcome: MergeOutcome) -> String {
    match outcome {
        MergeOutcome::Refused(why) => why,
        other @ (MergeOutcome::Merged(_)
        | MergeOutcome::HeadMoved
        | MergeOutcome::Conflict(_)
        | MergeOutcome::Handed(_)
        | MergeOutcome::Blocked(_)) => {
            panic!("expected a refusal, got {other:?}")
        }
    }
}

fn pending(description: &str) -> Status {
    Status { state: StatusState::Pending, description: description.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_whose_answer_is_lost_opens_one_merge_request() {
    for harm in [Harm::Done(504), Harm::Done(500), Harm::CutOff] {
        let world = Simulated::begin().await;
        world.lab.break_next(("POST", "/merge_requests"), 1, harm);
        let (number, _) = propose(&world).await;
        assert_eq!((number.0, world.lab.count()), (1, 1));
        assert_eq!(load(&world, number).await.title, "shop: 1.1 to prod");
        assert_eq!(world.lab.dress_of(1).0, ["promotion"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let world = Simulated::begin().await;
    let patience = Duration::from_millis(500);
    let hasty = forge_within(patience, &world.lab, TOKEN, GitLabSquash::AsProject);
    world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    world.lab.break_next(("POST", "/merge_requests"), 1, Harm::Silence);
    let wanted = spec(BRANCH, "shop: 1.1 to prod");
    let found = hasty.propose(&wanted, at("10:00")).await.unwrap();
    assert!(matches!(found, Opened::AlreadyOpen(_)), "{found:?}");
    assert_eq!(world.lab.count(), 1);
    world.lab.break_next(("GET", "/merge_requests"), 1, Harm::Silence);
    let told = hasty.find_open(BRANCH).await;
    assert!(matches!(told, Err(ForgeError::Unreachable(_))), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_failed_is_an_error_that_passes() {
    let world = Simulated::begin().await;
    world.lab.break_next(("POST", "/merge_requests"), 1, instead(500, &[], "oops"));
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
        world.lab.break_next(("PUT", "/merge"), 1, harm);
        let commit =
            merged(world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap());
        assert_eq!(world.remote().tip("main"), Some(commit));
        assert_eq!(world.remote().tip(BRANCH), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_and_a_status_whose_answers_are_lost_are_written_once() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    world.lab.break_next(("POST", "/notes"), 1, Harm::Done(502));
    let lost = world.forge.comment(number, "story", "It soaks.", at("10:01")).await;
    assert!(matches!(lost, Err(ForgeError::Unreachable(_))), "{lost:?}");
    world.forge.comment(number, "story", "It soaks.", at("10:02")).await.unwrap();
    assert_eq!(load(&world, number).await.comments.len(), 1);

    world.lab.break_next(("POST", head.as_str()), 1, Harm::CutOff);
    let lost = world.forge.set_status(number, &head, "hoist/soak", &pending("soaks")).await;
    assert!(matches!(lost, Err(ForgeError::Unreachable(_))), "{lost:?}");
    world.forge.set_status(number, &head, "hoist/soak", &pending("soaks")).await.unwrap();
    assert_eq!(world.lab.statuses_of("hoist/soak").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_status_gets_other_words_though_gitlab_refuses_that_step() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    for words in ["0 of 2", "1 of 2", "2 of 3", "2 of 3", "3 of 4"] {
        let status = pending(words);
        world.forge.set_status(number, &head, "hoist/approvals", &status).await.unwrap();
        assert_eq!(load(&world, number).await.statuses["hoist/approvals"], status);
    }
    let said = world.lab.statuses_of("hoist/approvals");
    assert_eq!(said, [r#""canceled": "2 of 3""#, r#""running": "3 of 4""#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_kept_to_without_asking_again() {
    let world = Simulated::begin().await;
    let limit = instead(429, &[("retry-after", "1800")], "Retry later");
    world.lab.break_next(("GET", "/merge_requests"), 1, limit);
    let first = world.forge.find_open(BRANCH).await;
    assert!(matches!(first, Err(ForgeError::RateLimited { seconds: 1800 })), "{first:?}");
    world.lab.take_calls();
    let second = world.forge.find_open(BRANCH).await;
    assert!(
        matches!(second, Err(ForgeError::RateLimited { seconds }) if (1700..=1800).contains(&seconds)),
        "{second:?}"
    );
    assert_eq!(world.lab.take_calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_wrong_or_has_ended_is_told_apart_from_a_missing_right() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    let wrong = forge(&world.lab, "glpat-another", GitLabSquash::AsProject);
    let told = wrong.load(number).await;
    assert!(matches!(told, Err(ForgeError::Unauthorized)), "{told:?}");

    let needed = Harm::Instead(403, Vec::new(), json!({"error": "insufficient_scope"}));
    world.lab.break_next(("POST", head.as_str()), 1, needed);
    let told = world.forge.set_status(number, &head, "hoist/soak", &pending("soaks")).await;
    insta::assert_snapshot!(told.unwrap_err(), @"the forge refuses: setting the status hoist/soak: this token may not do that in acme/infra/gitops (insufficient_scope); its scope must be `api`");

    world.lab.expire_token();
    let told = world.forge.load(number).await;
    assert!(matches!(told, Err(ForgeError::Unauthorized)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_hidden_says_nothing_of_its_proposals() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    let hidden = || instead(404, &[], "404 Project Not Found");
    world.lab.break_next(("GET", "/merge_requests/1"), 1, hidden());
    world.lab.break_next(("GET", "gitops"), 1, hidden());
    let told = world.forge.load(number).await.unwrap_err();
    insta::assert_snapshot!(told, @"the forge refuses: looking at the project: GitLab shows this token no such thing in acme/infra/gitops (404 Project Not Found); it hides what it may not see");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_was_renamed_is_followed_whether_one_reads_or_writes() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    let unmoved = instead(405, &[], "405 Non GET methods are not allowed for moved projects");
    world.lab.break_next(("POST", "/notes"), 1, unmoved);
    let told = world.forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap_err();
    insta::assert_snapshot!(told, @"the forge refuses: commenting on !1: acme/infra/gitops has moved to another path: set the repository's `url` to its new address");
    world.lab.rename_project("acme/platform/gitops");
    // What writes first is turned away, and finds it by reading.
    let soaked = Status { state: StatusState::Success, description: "soaked".to_owned() };
    world.forge.set_status(number, &head, "hoist/soak", &soaked).await.unwrap();
    world.forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap();
    assert!(world.forge.find_open(BRANCH).await.unwrap().is_some());
    assert_eq!(world.forge.renamed_to().unwrap(), "acme/platform/gitops");
    world.lab.take_calls();
    load(&world, number).await;
    let asked = world.lab.take_calls();
    assert!(asked.iter().all(|it| it.status != 301), "it is asked there at once: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_blocks_a_merge_is_told_by_its_rule() {
    let world = Simulated::begin().await;
    world.lab.rule(Rules { approvals: 1, ..Rules::default() });
    let (number, head) = propose(&world).await;
    let merge = async || world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    let lacks = Block::Reviews { have: None, need: None };
    assert_eq!(merge().await, MergeOutcome::Blocked(vec![lacks.clone()]));
    let landing = load(&world, number).await.landing;
    assert_eq!(landing, Landing::Blocked { blocks: vec![lacks], offer: None });
    world.lab.approve(number.0, "alice");

    // On a merge 401 says that the role may not merge, and nothing of the token.
    world.lab.rule(Rules { approvals: 1, may_not_merge: true, ..Rules::default() });
    insta::assert_snapshot!(refused(merge().await), @"GitLab does not merge !1: this token may not merge into main; its role must be among those that the protection of that branch lets merge (401 Unauthorized)");
    world.lab.rule(Rules { approvals: 1, ..Rules::default() });
    world.lab.make_draft(number.0);
    assert_eq!(merge().await, MergeOutcome::Blocked(vec![Block::Draft]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_train_is_entered_and_left_once_whatever_is_answered() {
    for harm in [Harm::Done(502), Harm::CutOff] {
        let world = Simulated::begin().await;
        world.lab.rule(Rules { trains: true, ..Rules::default() });
        let (number, head) = propose(&world).await;
        let request = merge_of(number, &head);
        world.lab.break_next(("POST", "/merge_trains/merge_requests/1"), 1, harm.clone());
        let outcome = world.forge.merge(&request, Turn::free()).await.unwrap();
        assert_eq!(outcome, MergeOutcome::Handed(Course::Train));
        let again = world.forge.merge(&request, Turn::free()).await.unwrap();
        assert_eq!((again, world.lab.on_train()), (MergeOutcome::Handed(Course::Train), vec![1]));
        assert!(load(&world, number).await.landing.ours().is_some());

        let cancel = "/cancel_merge_when_pipeline_succeeds";
        world.lab.break_next(("POST", cancel), 1, harm);
        world.forge.take_back(number).await.unwrap();
        world.forge.take_back(number).await.unwrap();
        assert!(world.lab.on_train().is_empty());
        assert_eq!(load(&world, number).await.landing, Landing::Free);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_train_takes_no_head_but_the_one_that_was_judged() {
    let world = Simulated::begin().await;
    world.lab.rule(Rules { trains: true, ..Rules::default() });
    let (number, head) = propose(&world).await;
    world.remote.push(BRANCH, BRANCH, "README.md", "more\n");
    let outcome = world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert_eq!((outcome, world.lab.on_train()), (MergeOutcome::HeadMoved, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_has_put_on_a_train_is_not_taken_back() {
    let world = Simulated::begin().await;
    world.lab.rule(Rules { trains: true, ..Rules::default() });
    let (number, _) = propose(&world).await;
    world.lab.put_on_by("carol", number.0);
    world.forge.take_back(number).await.unwrap();
    assert_eq!(world.lab.on_train(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gitlab_has_not_worked_out_yet_is_not_guessed() {
    let world = Simulated::begin().await;
    let (number, head) = propose(&world).await;
    world.lab.work_out(Mergeability::NotYet);
    assert_eq!(load(&world, number).await.mergeability, Merging::Unknown);
    let outcome = world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert_eq!(outcome, MergeOutcome::HeadMoved, "it is looked at again");
    world.lab.work_out(Mergeability::Known);
    assert_eq!(load(&world, number).await.mergeability, Merging::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_only_fast_forwards_gets_a_commit_on_what_is_there() {
    let world = Simulated::begin().await;
    world.lab.rule(Rules { method: MergeMethod::FastForward, ..Rules::default() });
    let (number, head) = propose(&world).await;
    world.remote().push("main", "main", "README.md", "hello\n");
    let remade = vec![FILE.to_owned()];
    assert_eq!(load(&world, number).await.mergeability, Merging::Conflict(remade.clone()));
    let outcome = world.forge.merge(&merge_of(number, &head), Turn::free()).await.unwrap();
    assert_eq!(outcome, MergeOutcome::Conflict(remade));
    let anew = world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    let commit = merged(world.forge.merge(&merge_of(number, &anew), Turn::free()).await.unwrap());
    assert_eq!((&commit, world.remote().tip("main").as_ref()), (&anew, Some(&commit)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_squashed_says_what_the_commit_said() {
    let world = Simulated::begin().await;
    let squashing = forge(&world.lab, TOKEN, GitLabSquash::Always);
    let (number, head) = propose(&world).await;
    let squashed = "shop: 1.1 to prod\n\nHoist-Promotion: 01\n".to_owned();
    let commit =
        squashing.merge(&MergeRequest { squashed, ..merge_of(number, &head) }, Turn::free()).await;
    assert_eq!(Some(merged(commit.unwrap())), world.remote().tip("main"));
    let log = world.remote().ask(&["log", "-2", "--format=%B", "main"]);
    insta::assert_snapshot!(log, @"
    Merge shop: 1.1 to prod

    shop: 1.1 to prod

    Hoist-Promotion: 01
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_those_that_gitlab_counts_and_that_came_after_the_head() {
    for server in [Server::Full, Server::Old] {
        let world = Simulated::begin().await;
        world.lab.rule(Rules { server, ..Rules::default() });
        let (number, _) = propose(&world).await;
        for by in ["alice", "Bobby", "project_7_bot_5e1f", "group_3_bot"] {
            world.lab.approve(number.0, by);
        }
        world.lab.unapprove(number.0, "alice");
        let approved = load(&world, number).await.approvals;
        let by: Vec<&str> = approved.iter().map(|it| it.by.as_str()).collect();
        assert_eq!(by, ["Bobby"], "neither who took it back, nor the author, nor a machine");

        // This project does not take approvals back at a push, but they were of another head.
        world.remote().push(BRANCH, BRANCH, FILE, "tag: 6.6.6\n");
        assert!(load(&world, number).await.approvals.is_empty());
        world.lab.approve(number.0, "Bobby");
        assert_eq!(load(&world, number).await.approvals.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_that_the_project_takes_back_at_a_push_are_gone() {
    let world = Simulated::begin().await;
    world.lab.rule(Rules { resets_approvals: true, ..Rules::default() });
    let (number, _) = propose(&world).await;
    world.lab.approve(number.0, "alice");
    assert_eq!(load(&world, number).await.approvals.len(), 1);
    world.remote().push(BRANCH, BRANCH, FILE, "tag: 1.1.1\n");
    assert!(load(&world, number).await.approvals.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewers_are_asked_once_and_nobody_waits_for_a_stranger() {
    let world = Simulated::begin().await;
    world.lab.rule(Rules { server: Server::Free, ..Rules::default() });
    world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    let mut wanted = spec(BRANCH, "shop: 1.1 to prod");
    wanted.asks.reviewers = ["alice", "bobby", "a-stranger"].map(str::to_owned).to_vec();
    wanted.asks.assignees = vec!["bobby".to_owned()];
    world.forge.propose(&wanted, at("10:00")).await.unwrap();
    assert_eq!(world.lab.dress_of(1).1, ["alice"], "this tier allows one");
    assert_eq!(world.lab.assignees_of(1), ["Bobby"]);
    world.lab.take_calls();
    world.forge.propose(&wanted, at("10:01")).await.unwrap();
    let calls = world.lab.take_calls();
    assert!(calls.iter().all(|call| call.what.starts_with("GET")), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_written_is_obeyed() {
    let world = Simulated::begin().await;
    world.remote().push(BRANCH, "main", FILE, "tag: 1.1\n");
    let mut wanted = spec(BRANCH, "draft: promote shop");
    wanted.body = "Look:\n/merge\n/assign @mallory\nthat is all".to_owned();
    let number = world.forge.propose(&wanted, at("10:00")).await.unwrap().number();
    wanted.body.push_str("\n/close");
    world.forge.propose(&wanted, at("10:01")).await.unwrap();
    world.forge.comment(number, "story", "/close\nno", at("10:02")).await.unwrap();
    world.forge.comment(number, "story", "/merge\nno", at("10:03")).await.unwrap();
    assert!(world.lab.obeyed().is_empty(), "{:?}", world.lab.obeyed());
    let (title, body) = world.lab.text_of(1);
    assert_eq!(title, "hoist: draft: promote shop", "it is no draft");
    assert_eq!(body, "Look:\n\\/merge\n\\/assign @mallory\nthat is all\n\\/close");
    world.lab.take_calls();
    world.forge.propose(&wanted, at("10:04")).await.unwrap();
    let calls = world.lab.take_calls();
    assert_eq!(calls.len(), 1, "it is as it should be: {calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_has_made_a_draft_stays_one() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    world.lab.make_draft(number.0);
    world.forge.propose(&spec(BRANCH, "shop: 1.2 to prod"), at("10:01")).await.unwrap();
    assert_eq!(world.lab.text_of(1).0, "Draft: shop: 1.2 to prod");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_writes_as_we_do_is_not_us() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    world.forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap();
    let ours = world.lab.notes_on(number.0).remove(0);
    world.lab.say(number.0, "mallory", &ours.replace("soaks", "rots"));
    world.forge.comment(number, "story", "It soaked.", at("10:02")).await.unwrap();
    let bodies = world.lab.notes_on(number.0);
    assert!(bodies[0].contains("It soaked.") && bodies[1].contains("It rots."), "{bodies:?}");
    assert_eq!(load(&world, number).await.comments[0].body, "It soaked.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_acknowledged_once() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    let said = world.lab.say(number.0, "alice", "/hoist why");
    let id = said["object_attributes"]["id"].as_u64().unwrap();
    world.forge.acknowledge(number, id).await.unwrap();
    world.forge.acknowledge(number, id).await.unwrap();
    assert_eq!(world.lab.reactions(&said), ["project_7_bot_5e1f: eyes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_are_read_to_their_end() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    for n in 0..150 {
        world.lab.say(number.0, "Bobby", &format!("remark {n}"));
    }
    world.forge.comment(number, "story", "It soaks.", at("10:01")).await.unwrap();
    world.forge.comment(number, "story", "It soaked.", at("10:02")).await.unwrap();
    assert_eq!(load(&world, number).await.comments.len(), 151);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_it_was_is_not_sent_again() {
    let world = Simulated::begin().await;
    let (number, _) = propose(&world).await;
    load(&world, number).await;
    world.lab.take_calls();
    load(&world, number).await;
    let calls = world.lab.take_calls();
    assert!(calls.iter().all(|call| call.status == 304), "{calls:?}");
    assert!(calls.iter().all(|call| call.what.contains("/projects/acme%2Finfra%2Fgitops/")));
    assert_eq!(calls.len(), 5, "itself, its notes, its statuses, its branch, its approvals");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_makes_no_sense_is_an_error() {
    let world = Simulated::begin().await;
    for nonsense in [json!({}), json!([1]), Value::Null, json!("<html>")] {
        let nonsense = Harm::Instead(200, Vec::new(), nonsense);
        world.lab.break_next(("GET", "/merge_requests"), 1, nonsense);
        let told = world.forge.find_open(BRANCH).await;
        assert!(matches!(told, Err(ForgeError::Unreachable(_))), "{told:?}");
    }
}
