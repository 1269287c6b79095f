//! Announcements that come twice, late, or while something is under way.

use crate::support::world::{Bot, plain};

#[tokio::test]
async fn a_delivery_that_comes_twice_does_nothing_twice() {
    let bot = Bot::new().await;
    assert_eq!(bot.announce("v1.4.2").await, 202);
    assert_eq!(bot.announce("v1.4.2").await, 200);
    bot.work().await;
    let before = (bot.deeds().await, bot.git_log());
    assert_eq!(bot.announce("v1.4.2").await, 200);
    assert_eq!(bot.announce_in_another_delivery("v1.4.2").await, 200);
    bot.work().await;
    assert_eq!((bot.deeds().await, bot.git_log()), before);
}

#[tokio::test]
async fn an_old_announcement_that_comes_again_does_not_replace_a_newer_one() {
    let bot = Bot::new().await;
    bot.announce("v1.4.2").await;
    bot.announce("v1.5.0").await;
    bot.work().await;
    assert_eq!(bot.announce("v1.4.2").await, 200);
    assert_eq!(bot.announce_in_another_delivery("v1.4.2").await, 200);
    bot.work().await;
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.5.0
    ");
    assert_eq!(bot.version_line("staging"), "newTag: v1.5.0 # hoist writes this");
}

#[tokio::test]
async fn what_is_accepted_later_is_newer_whatever_its_number_says() {
    let bot = Bot::new().await;
    bot.announce("v1.5.0").await;
    bot.work().await;
    bot.announce("v1.4.3").await;
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.3 # hoist writes this");
}

#[tokio::test]
async fn a_newer_artifact_updates_the_open_proposal_in_place() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.announce("v1.5.0").await;
    bot.work().await;
    // While the newer one soaks, the older one keeps its proposal.
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, soaking (it runs and is watched (until 2026-11-22 22:00 UTC))
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2, then v1.5.0 waiting (it needs review: 0 of 1 approvals, the requester's not counted) (soak gate: v1.5.0 runs in staging since 2026-11-22 21:30 UTC (until 2026-11-22 22:00 UTC))
    ");
    bot.minutes_pass(30);
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.5.0: open
    #3 staging: promote shop to v1.5.0: merged by hoist
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: superseded
    staging forward v1.5.0 alice: succeeded
    prod forward v1.5.0 alice: proposed
    ");
    let on_top = bot.remote.ask(&["rev-list", "--count", "main..hoist/prod/shop"]);
    assert_eq!(on_top, "1", "the proposal carries one commit");
}

#[tokio::test]
async fn an_approval_of_the_older_version_does_not_merge_the_newer_one() {
    let bot = Bot::with(&[
        ("staging", "merge: automatic"),
        ("prod", "after: [staging], gates: [{approvals: 2}], merge: on-approval"),
    ])
    .await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.announce("v1.5.0").await;
    bot.work().await;
    bot.approve("carol", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.0.0, succeeded, next v1.5.0 proposed in #2 (it needs review: 1 of 2 approvals, the requester's not counted)
    ");
}

#[tokio::test]
async fn a_pipeline_is_told_how_far_its_version_has_come() {
    let bot = Bot::new().await;
    let mut told = vec![bot.progress("v1.4.2", "staging").await];
    bot.announce("v1.4.2").await;
    told.push(bot.progress("v1.4.2", "staging").await);
    bot.work().await;
    told.push(bot.progress("v1.4.2", "staging").await);
    told.push(bot.progress("v1.4.2", "prod").await);
    bot.announce("v1.5.0").await;
    bot.minutes_pass(30);
    bot.work().await;
    told.push(bot.progress("v1.4.2", "staging").await);
    told.push(bot.progress("v1.4.2", "prod").await);
    told.push(bot.progress("v1.4.2", "moon").await);
    insta::assert_snapshot!(told.join("\n"), @r#"
    on_its_way not started: it is not on its way into staging yet: that follows what comes before
    on_its_way not started: it is not on its way into staging yet: that follows what comes before
    arrived soaking: It runs and is watched until 2026-11-22 21:30 UTC.
    on_its_way waiting: soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC)
    ended replaced: it ran well there, and v1.5.0 has taken its place since
    on_its_way proposed: it needs review: 0 of 1 approvals, the requester's not counted
    "pipeline services has no environment \"moon\"; it has staging, prod"
    "#);
}

#[tokio::test]
async fn how_long_deliveries_are_kept_stands_in_the_configuration() {
    let mut bot = Bot::new().await;
    bot.change_the_process_file(|text| text + "keep_deliveries: 7d\n").await;
    bot.announce("v1.4.2").await;
    bot.announce_of("nothing", "v1").await;
    let mut told = Vec::new();
    for _ in 0..2 {
        bot.minutes_pass(4 * 24 * 60);
        bot.app().forget_deliveries().await.unwrap();
        for it in bot.app().deliveries(10).await.unwrap() {
            let detail = bot.app().delivery(it.id.as_str()).await.unwrap();
            let body = detail.body.map_or("no body", |_| "its body");
            told.push(format!(
                "{}: {body}, {} artifacts",
                plain(&it.outcome),
                detail.artifacts.len()
            ));
        }
        told.push("---".to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @"
    refused: there is no application nothing: the tip of gitops was just read; `environments/staging/apps/nothing/kustomization.yaml` would make one: its body, 0 artifacts
    accepted: its body, 1 artifacts
    ---
    accepted: no body, 1 artifacts
    ---
    ");
}
