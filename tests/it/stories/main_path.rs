//! Up to staging, up to prod, and what a second look changes.

use crate::support::mortal::Life;
use crate::support::world::{Bot, digest};

#[tokio::test]
async fn what_is_there_already_is_found_and_not_touched() {
    let bot = Bot::new().await;
    bot.work().await;
    insta::assert_snapshot!(bot.overview().await, @"
    cart staging: v1.0.0, succeeded
    cart prod: v1.0.0, succeeded
    shop staging: v1.0.0, succeeded
    shop prod: v1.0.0, succeeded
    ");
    insta::assert_snapshot!(bot.git_log(), @"begin");
}

#[tokio::test]
async fn an_artifact_goes_into_staging_by_itself_and_into_prod_through_a_review() {
    let bot = Bot::new().await;
    assert_eq!(bot.announce("v1.4.2").await, 202);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (it runs and is watched (until 2026-11-22 21:30 UTC))
    prod: v1.0.0, succeeded, next v1.4.2 waiting (soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC))
    ");
    bot.minutes_pass(30);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod: promote shop to v1.4.2
    ");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: merged by hoist
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: succeeded
    ");
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn git_alone_tells_what_was_deployed_who_asked_and_who_reviewed() {
    let bot = Bot::new().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot.minutes_pass(30);
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.message_on("main"), @"
    Merge proposal #2: prod: promote shop to v1.4.2

    Hoist-Promotion: ID
    Reviewed-by: bob
    Merged-by: hoist
    ");
    insta::assert_snapshot!(bot.message_on("main^2"), @"
    prod: promote shop to v1.4.2

    Hoist-Promotion: ID
    Hoist-Application: shop
    Hoist-Environment: prod
    Hoist-Version: v1.4.2
    Artifact: ghcr.io/acme/shop@sha256:DIGEST
    Hoist-Tag: v1.4.2
    Source-Commit: 9f2c-v1.4.2
    Requested-by: alice
    ");
    let change = bot.remote.ask(&["log", "-1", "--format=%B", "main^2"]);
    assert!(change.contains(&digest("shop", "v1.4.2")), "{change}");
}

#[tokio::test]
async fn a_look_at_everything_asks_the_remote_once() {
    let mut bot = Bot::new().await;
    bot.work().await;
    let life = Life::without_end();
    bot.restart_mortal(&life).await;
    bot.work().await;
    assert_eq!(life.fetches(), 1, "two applications, one repository");
}
