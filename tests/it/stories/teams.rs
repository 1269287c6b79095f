//! Teams, by GitHub's word: who may approve, and who may ask.

use hoist::app::views::SkipRequest;

use crate::support::github::GitHub;
use crate::support::world::{Bot, STAGING_THEN_PROD};

/// Somebody of `acme/sre` must approve what goes into prod.
async fn of_a_team() -> (Bot, GitHub) {
    let prod = "after: [staging], merge: automatic, \
                gates: [{approvals: {count: 1, team: \"github:acme/sre\"}}]";
    let (bot, hub) = Bot::on_github(&[("staging", "merge: automatic"), ("prod", prod)]).await;
    bot.work().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    (bot, hub)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_is_in_the_team_counts_and_never_who_asked() {
    let (bot, hub) = of_a_team().await;
    hub.join("sre", "alice");
    hub.review(2, "alice", "APPROVED");
    hub.review(2, "carol", "APPROVED");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    let why = bot.app().why("shop", "prod").await.unwrap();
    let gate = why.candidates[0].gates.iter().find(|it| it.gate.name == "approvals").unwrap();
    insta::assert_snapshot!(gate.gate.saw, @"0 of 1 approvals of github:acme/sre, the requester's not counted");
    // Bob is Bobby there. It may take a minute until somebody who joins counts.
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    hub.join("sre", "Bobby");
    bot.minutes_pass(2);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_may_not_see_teams_is_told_what_it_lacks() {
    let (bot, hub) = of_a_team().await;
    hub.join("sre", "Bobby");
    hub.hide_teams();
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    let status = bot.status().await;
    assert!(status.contains("the organisation's right Members: read"), "{status}");
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

/// Those of `acme/sre` may roll back, and hoist has no other word of alice and bob. He is Bobby on
/// GitHub, and of her it is not said who she is there.
async fn with_a_role_of_a_team(environments: &[(&str, &str)]) -> (Bot, GitHub) {
    let (mut bot, hub) = Bot::on_github(environments).await;
    bot.change_the_process_file(|text| {
        text.replace("people: [alice, bob, carol]", "people: [carol]").replace(
            "roles:\n",
            "roles:\n  sre: {teams: [\"github:acme/sre\"], may: [rollback], environments: [prod]}\n",
        )
    })
    .await;
    bot.work().await;
    (bot, hub)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_the_team_between_the_command_and_the_merge_is_asked_about_again() {
    let (bot, hub) = with_a_role_of_a_team(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.review(2, "carol", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");

    let refused = bot.roll_back("bob", None).await.unwrap_err();
    assert!(refused.contains("bob may not `rollback` in prod"), "{refused}");
    hub.join("sre", "Bobby");
    bot.minutes_pass(2);
    bot.roll_back("bob", None).await.unwrap();
    bot.work().await;
    hub.leave("sre", "Bobby");
    bot.minutes_pass(2);
    hub.review(3, "carol", "APPROVED");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded, next v1.0.0 proposed in #3 (bob, who asked for it, has no right to rollback in prod any more) (held by bob: v1.4.2 was rolled back)
    ");
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");

    hub.join("sre", "Bobby");
    bot.minutes_pass(2);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_skip_gates_lets_go_what_somebody_asked_who_is_gone() {
    let (mut bot, hub) = with_a_role_of_a_team(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.review(2, "carol", "APPROVED");
    bot.work().await;
    hub.join("sre", "Bobby");
    bot.roll_back("bob", None).await.unwrap();
    bot.work().await;
    // Whoever keeps the configuration takes the role away: that counts as well.
    bot.change_the_process_file(|text| text.replace("may: [rollback]", "may: [hold]")).await;
    hub.review(3, "carol", "APPROVED");
    bot.work().await;
    assert!(bot.status().await.contains("no right to rollback in prod any more"));
    let request = SkipRequest {
        application: "shop".into(),
        environment: "prod".into(),
        promotion: None,
        gate: "requester".into(),
        reason: "the rollback is right".into(),
    };
    bot.skip("dora", request).await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_team_nobody_can_be_asked_about_may_nothing_by_it_and_is_told_why() {
    let (bot, hub) = with_a_role_of_a_team(&STAGING_THEN_PROD).await;
    hub.join("sre", "Bobby");
    hub.hide_teams();
    let refused = bot.roll_back("bob", None).await.unwrap_err();
    assert!(refused.contains("who is in github:acme/sre could not be asked"), "{refused}");
    assert!(refused.contains("the organisation's right Members: read"), "{refused}");
    // Alice is nobody's account there, whatever somebody there may call themselves.
    hub.join("sre", "alice");
    let refused = bot.roll_back("alice", None).await.unwrap_err();
    assert!(!refused.contains("could not be asked"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_approval_of_a_role_counts_for_those_who_have_it_by_a_team() {
    let prod = "after: [staging], merge: automatic, \
                gates: [{approvals: {count: 1, role: reviewers}}]";
    let (mut bot, hub) = Bot::on_github(&[("staging", "merge: automatic"), ("prod", prod)]).await;
    bot.change_the_process_file(|text| {
        text.replace("people: [alice, bob, carol]", "teams: [\"github:acme/sre\"]")
    })
    .await;
    bot.work().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    hub.join("sre", "Bobby");
    bot.minutes_pass(2);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}
