//! The store is lost, and rebuilt from what Git and the forge know.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use hoist::app::recover::RecoveredView;

use crate::support::world::{Bot, STAGING_THEN_PROD, file};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_merged_in_any_way_is_known_again() {
    for method in ["merge", "squash", "rebase"] {
        let (mut bot, hub) = Bot::on_github_merging(&STAGING_THEN_PROD, method).await;
        for (version, number) in [("v1.4.2", 2), ("v1.5.0", 4)] {
            bot.propose_to_prod(version).await;
            hub.review(number, "Bobby", "APPROVED");
            bot.work().await;
        }
        let before = bot.history().await;
        bot.lose_the_store().await;
        let view = recover(&bot).await;
        assert_eq!((view.merged, view.artifacts, view.open), (4, 2, 0), "{method}");
        assert_eq!(bot.history_by_place().await, Bot::by_place(&before), "{method}");
        bot.roll_back("dora", None).await.unwrap();
        bot.work().await;
        hub.review(5, "Bobby", "APPROVED");
        bot.work().await;
        assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this", "{method}");
    }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_proposal_that_github_committed_is_taken_up_again() {
    let (mut bot, hub) = Bot::on_github_that_commits(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    let head = bot.remote.tip("hoist/prod/shop");
    bot.lose_the_store().await;
    assert_eq!(recover(&bot).await.open, 1);
    bot.work().await;
    insta::assert_snapshot!(bot.history_by_place().await, @"
    prod forward v1.4.2 alice: proposed
    prod found v1.0.0 hoist: succeeded
    staging found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    ");
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    bot.resume("carol").await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!((hub.count(), hub.commits_made()), (2, 2), "nothing was made again");
    assert!(bot.remote.ask(&["log", "--format=%H", "main"]).contains(head.unwrap().as_str()));
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

/// The real program, with its arguments and this world's configuration.
pub(super) fn hoist(bot: &Bot, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoist"));
    command.args(arguments).arg("--config").arg(bot.config()).stdin(Stdio::null());
    // A store that another test's fork still holds for a moment is waited for.
    let begun = Instant::now();
    loop {
        let ran = command.output().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        if !told.contains("another hoist uses") || begun.elapsed() > Duration::from_secs(30) {
            return ran;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn the_program_itself_refuses_to_serve_recovers_and_rolls_back() {
    let mut bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    bot.stop_and_lose_the_store();

    let served = hoist(&bot, &["serve"]);
    let told = String::from_utf8(served.stderr).unwrap();
    assert!(!served.status.success() && told.contains("hoist recover"), "{told}");
    let recovered = hoist(&bot, &["recover"]);
    let told = String::from_utf8(recovered.stdout).unwrap();
    let errors = String::from_utf8(recovered.stderr).unwrap();
    assert!(recovered.status.success(), "{errors}");
    assert!(told.contains("2 artifacts, 4 merged promotions"), "{told}");
    assert!(told.contains("deliveries") && told.contains("freezes"), "{told}");
    let again = hoist(&bot, &["recover"]);
    assert!(!again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));

    bot.restart().await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}
