//! Approvals of a team, by GitHub's word.

use crate::support::github::GitHub;
use crate::support::world::Bot;

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
