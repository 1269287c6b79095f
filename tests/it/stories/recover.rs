//! The store is lost, and rebuilt from what Git and the forge know.

use hoist::app::recover::RecoveredView;

use crate::support::world::{Bot, file};

async fn recover(bot: &Bot) -> RecoveredView {
    bot.app().recover().await.unwrap()
}

#[tokio::test]
async fn a_rollback_works_after_the_store_was_deleted() {
    let mut bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    let before = bot.history().await;
    bot.lose_the_store().await;
    let view = recover(&bot).await;
    assert_eq!((view.applications, view.merged, view.artifacts, view.open), (2, 4, 2, 0));
    assert_eq!(bot.history_by_place().await, Bot::by_place(&before));
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded (held by hoist: the store was rebuilt; look whether this is right)
    prod: v1.5.0, succeeded (held by hoist: the store was rebuilt; look whether this is right)
    ");
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    // What was found at first sight can be named, too.
    bot.roll_back("dora", Some("v1.0.0")).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test]
async fn what_was_rolled_back_stays_out_after_the_store_was_deleted() {
    let mut bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    let before = bot.history().await;
    bot.lose_the_store().await;
    let view = recover(&bot).await;
    assert_eq!(view.rollbacks, 1);
    assert_eq!(bot.history_by_place().await, Bot::by_place(&before));
    bot.work().await;
    bot.resume("carol").await.unwrap();
    bot.minutes_pass(600);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded (held by hoist: the store was rebuilt; look whether this is right)
    prod: v1.0.0, succeeded
    ");
}

#[tokio::test]
async fn an_open_proposal_is_taken_up_again_and_waits_until_somebody_resumes() {
    let mut bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.lose_the_store().await;
    assert_eq!(recover(&bot).await.open, 1);
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    bot.resume("carol").await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: merged by hoist
    ");
}

#[tokio::test]
async fn an_open_rollback_arrives_after_the_store_was_deleted() {
    let mut bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.lose_the_store().await;
    recover(&bot).await;
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    assert!(bot.history().await.contains("prod forward v1.5.0 alice: rolled back"));
}

#[tokio::test]
async fn what_other_hands_put_there_is_found_again() {
    let mut bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.edit_main(&file("prod", "shop"), "newTag: v1.4.2", "newTag: v1.4.3-hot");
    bot.work().await;
    bot.bring_into_prod("v1.5.0").await;
    bot.lose_the_store().await;
    recover(&bot).await;
    bot.work().await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.3-hot # hoist writes this");
}

#[tokio::test]
async fn an_empty_store_over_a_repository_full_of_promotions_is_told_of() {
    let mut bot = Bot::new().await;
    assert_eq!(bot.app().lost_history().await.unwrap(), None);
    bot.bring_into_prod("v1.4.2").await;
    assert_eq!(bot.app().lost_history().await.unwrap(), None);
    bot.lose_the_store().await;
    let lost = bot.app().lost_history().await.unwrap().unwrap();
    assert!(lost.contains("run `hoist recover`"), "{lost}");
    recover(&bot).await;
    assert_eq!(bot.app().lost_history().await.unwrap(), None);
    let again = bot.app().recover().await.unwrap_err().to_string();
    assert!(again.contains("holds promotions already"), "{again}");
}
