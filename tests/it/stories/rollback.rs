//! A bad version goes, and nothing puts it back.

use crate::support::world::{Bot, file};

#[tokio::test]
async fn a_rollback_is_a_reviewed_revert_and_holds_the_application() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    let bad = bot.remote.tip("main").unwrap();
    let answer = bot.roll_back("dora", None).await;
    insta::assert_snapshot!(answer.unwrap(), @"shop in prod goes back from v1.5.0 to v1.4.2. The revert proposal opens now; the application is held there until `hoist resume shop prod`.");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.5.0, succeeded, next v1.4.2 proposed in #5 (it needs review: 0 of 1 approvals, the requester's not counted) (held by dora: v1.5.0 was rolled back)
    ");
    // Whoever asked for it does not count.
    bot.approve("dora", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, succeeded (held by dora: v1.5.0 was rolled back)
    ");
    insta::assert_snapshot!(bot.message_on("main^2"), @"
    prod: roll shop back to v1.4.2

    payments fail

    This reverts commit COMMIT.

    Hoist-Promotion: ID
    Hoist-Application: shop
    Hoist-Environment: prod
    Hoist-Version: v1.4.2
    Hoist-Restores: ID
    Hoist-Undoes: ID
    Artifact: ghcr.io/acme/shop@sha256:DIGEST
    Hoist-Tag: v1.4.2
    Source-Commit: 9f2c-v1.4.2
    Requested-by: dora
    ");
    let message = bot.remote.ask(&["log", "-1", "--format=%B", "main^2"]);
    assert!(message.contains(&format!("This reverts commit {bad}.")), "{message}");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: succeeded
    staging forward v1.5.0 alice: succeeded
    prod forward v1.5.0 alice: rolled back
    prod rollback v1.4.2 dora: succeeded
    ");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod: promote shop to v1.4.2
    Merge proposal #3: staging: promote shop to v1.5.0
    Merge proposal #4: prod: promote shop to v1.5.0
    Merge proposal #5: prod: roll shop back to v1.4.2
    ");
}

#[tokio::test]
async fn a_newer_artifact_waits_until_somebody_resumes() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    bot.propose_to_prod("v1.5.0").await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.0.0, succeeded, next v1.5.0 held (held by dora: v1.4.2 was rolled back)
    ");
    bot.resume("carol").await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.0.0, succeeded, next v1.5.0 proposed in #5 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
}

#[tokio::test]
async fn what_was_found_at_first_sight_can_be_brought_back() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    bot.minutes_pass(600);
    bot.resume("carol").await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded
    ");
}

#[tokio::test]
async fn a_rollback_goes_to_the_version_that_was_named() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    let refused = bot.roll_back("dora", Some("v9.9.9")).await.unwrap_err();
    insta::assert_snapshot!(refused, @"v9.9.9 has not succeeded in prod; what has is v1.4.2, v1.0.0; `hoist history` shows when");
    bot.roll_back("dora", Some("v1.0.0")).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: succeeded
    staging forward v1.5.0 alice: succeeded
    prod forward v1.5.0 alice: rolled back
    prod rollback v1.0.0 dora: succeeded
    ");
}

#[tokio::test]
async fn a_rollback_closes_the_forward_proposal() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.propose_to_prod("v1.5.0").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: merged by hoist
    #3 staging: promote shop to v1.5.0: merged by hoist
    #4 prod: promote shop to v1.5.0: closed by hoist
    #5 prod: roll shop back to v1.0.0: open
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: succeeded
    staging forward v1.5.0 alice: succeeded
    prod forward v1.5.0 alice: superseded
    prod rollback v1.0.0 dora: proposed
    ");
}

#[tokio::test]
async fn a_range_is_pinned_and_a_rollback_to_it_says_what_that_means() {
    let bot = Bot::new().await;
    bot.edit_main(&file("prod", "shop"), "newTag: v1.0.0", "newTag: \">=1.0.0\"");
    bot.work().await;
    bot.propose_to_prod("v1.4.2").await;
    let body = bot.remote.ask(&["show", "refs/hoist/proposals/2:proposal.json"]);
    assert!(body.contains("The range `>=1.0.0` let others choose the version"), "{body}");
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.roll_back("dora", None).await.unwrap(), @"shop in prod goes back from v1.4.2 to >=1.0.0. The revert proposal opens now; the application is held there until `hoist resume shop prod`. >=1.0.0 is a range: whoever deploys it may choose v1.4.2 again; `--to VERSION` names one.");
}

/// Git's own revert conflicts where a line beside was changed since.
#[tokio::test]
async fn a_rollback_leaves_alone_what_others_changed_right_beside_it() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    let path = file("prod", "shop");
    bot.edit_main(&path, "labels:", "# who is called at night\nlabels:");
    bot.edit_main(&path, "images:", "images: # what runs");
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    let text = bot.file_on("main", &path);
    assert!(text.contains("# hoist writes this\n# who is called at night\n"), "{text}");
    assert!(text.contains("images: # what runs\n"), "{text}");
}
