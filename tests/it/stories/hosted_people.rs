//! People on GitHub who push, object and protect, while hoist is at work.

use crate::support::github::Rules;
use crate::support::world::{Bot, STAGING_THEN_PROD, file, plain};

const BRANCH: &str = "hoist/prod/shop";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_force_pushes_our_branch_is_judged_and_not_overwritten() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.review(2, "Bobby", "APPROVED");
    let pushed = bot.remote.push(BRANCH, "main", "README.md", "Ours now.\n");
    bot.work().await;
    // What was approved is not there any more, and every gate is told on what is.
    insta::assert_snapshot!(plain(&hub.said_of(pushed.as_str()).join("\n")), @"
    hoist/only-version failure README.md: no rule names this file
    hoist/soak success v1.4.2 succeeded in staging
    hoist/freeze success not frozen
    hoist/hold success not held
    hoist/approvals pending 0 of 1 approvals, the requester's not counted
    ");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its branch changes more than version fields: README.md: no rule names this file)
    ");
    let told = hub.comments_on(2).join("\n");
    assert!(told.contains("Somebody pushed"), "{told}");
    let written = hub.statuses_written();
    bot.watch(5).await;
    assert_eq!(hub.statuses_written(), written, "nothing new is said");
    assert_eq!(bot.remote.tip(BRANCH).as_ref(), Some(&pushed));
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");

    // A person puts things right by force as well.
    bot.remote.put(BRANCH, &bot.remote.tip("main").unwrap());
    bot.edit(BRANCH, &file("prod", "shop"), "v1.0.0", "v1.4.2");
    bot.work().await;
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewer_who_requests_changes_keeps_it_out_until_they_approve() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.review(2, "carol", "CHANGES_REQUESTED");
    hub.review(2, "Bobby", "APPROVED");
    bot.watch(5).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (carol asked for changes)
    ");
    hub.review(2, "carol", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_protection_forbids_is_told_and_done_once_it_is_allowed() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.protect(Rules { approvals: 2, ..Rules::default() });
    hub.review(2, "Bobby", "APPROVED");
    bot.watch(2).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its forge does not let it in yet: it has 1 of 2 approving reviews that its branch requires)
    ");
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    hub.review(2, "carol", "APPROVED");
    bot.watch(10).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}
