//! The remote goes away for a while, and comes back.

use crate::support::world::Bot;

#[tokio::test]
async fn nothing_is_lost_while_the_remote_is_away() {
    let bot = Bot::new().await;
    bot.work().await;
    bot.the_remote_goes_away();
    assert_eq!(bot.announce("v1.4.2").await, 202);
    bot.work().await;
    let shop = bot.app().application("shop").await.unwrap();
    assert!(shop.trouble.unwrap().starts_with("asking Git: the Git remote"));
    assert!(shop.unread.unwrap().why.starts_with("the Git remote"));
    bot.the_remote_comes_back();
    bot.minutes_pass(10);
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    ");
}

#[tokio::test]
async fn what_was_announced_before_the_first_look_is_decided_at_the_first_look() {
    let bot = Bot::new().await;
    bot.the_remote_goes_away();
    assert_eq!(bot.announce("v1.4.2").await, 202);
    bot.work().await;
    bot.the_remote_comes_back();
    bot.minutes_pass(10);
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_push_that_is_refused_is_told_in_the_refusals_words_and_tried_again() {
    let bot = Bot::new().await;
    bot.work().await;
    let branches = bot.remote.path().join("refs/heads/hoist/staging");
    std::fs::create_dir_all(&branches).unwrap();
    let lock = branches.join("shop.lock");
    std::fs::write(&lock, "").unwrap();
    assert_eq!(bot.announce("v1.4.2").await, 202);
    bot.work().await;
    let trouble = bot.app().application("shop").await.unwrap().trouble.unwrap();
    assert!(
        trouble.contains(
            "the Git server refuses the push to hoist/staging/shop: another process holds the lock"
        ),
        "{trouble}"
    );
    std::fs::remove_file(lock).unwrap();
    bot.minutes_pass(20);
    bot.work().await;
    assert_eq!(bot.app().application("shop").await.unwrap().trouble, None);
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stood() {
    let mut bot = Bot::new().await;
    bot.announce("v1.4.2").await;
    bot.restart().await;
    bot.work().await;
    bot.restart().await;
    bot.minutes_pass(30);
    bot.work().await;
    bot.restart().await;
    bot.approve("bob", "prod").await;
    bot.restart().await;
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: merged by hoist
    ");
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_turn_the_order_of_things() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.announce("v1.5.0").await;
    bot.clock_goes_back(600);
    bot.work().await;
    let history = bot.history().await;
    assert!(history.contains("staging forward v1.5.0 alice: soaking"), "{history}");
    assert_eq!(bot.version_line("staging"), "newTag: v1.5.0 # hoist writes this");
}
