//! People on GitHub and GitLab who push, object and protect, while hoist is at work.

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_force_pushes_our_branch_on_gitlab_is_judged_and_not_overwritten() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.approve(2, "Bobby");
    let pushed = bot.remote.push(BRANCH, "main", "README.md", "Ours now.\n");
    bot.work().await;
    // What was approved is not there any more, although this project leaves the approval standing.
    insta::assert_snapshot!(bot.statuses(2).await, @"
    hoist/approvals Pending: 0 of 1 approvals, the requester's not counted
    hoist/freeze Success: not frozen
    hoist/hold Success: not held
    hoist/only-version Failure: README.md: no rule names this file
    hoist/soak Success: v1.4.2 succeeded in staging
    ");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its branch changes more than version fields: README.md: no rule names this file)
    ");
    let told = lab.notes_on(2).join("\n");
    assert!(told.contains("Somebody pushed"), "{told}");
    lab.take_calls();
    bot.watch(5).await;
    let writes = lab.take_calls().into_iter().filter(|it| !it.what.starts_with("GET"));
    assert_eq!(writes.count(), 0, "nothing new is said");
    assert_eq!(bot.remote.tip(BRANCH).as_ref(), Some(&pushed));
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");

    // A person puts things right by force as well.
    bot.remote.put(BRANCH, &bot.remote.tip("main").unwrap());
    bot.edit(BRANCH, &file("prod", "shop"), "v1.0.0", "v1.4.2");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    lab.approve(2, "Bobby");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewer_who_requests_changes_on_gitlab_keeps_it_out_until_they_approve() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.request_changes(2, "carol");
    lab.approve(2, "Bobby");
    bot.watch(5).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (carol asked for changes)
    ");
    let why = bot.app().why("shop", "prod").await.unwrap();
    insta::assert_snapshot!(why.candidates[0].next, @"those who asked for changes approve it, or somebody closes it");
    lab.approve(2, "carol");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

/// A thread that nobody has resolved is how most people on GitLab ask for something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_thread_on_gitlab_keeps_it_out_where_the_project_says_so() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.say_of_all("discussions_not_resolved");
    lab.approve(2, "Bobby");
    bot.watch(5).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its forge does not let it in yet: not all of its threads are resolved)
    ");
    lab.say_nothing();
    bot.watch(2).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

/// Somebody changes the very line on `main` that is proposed; the commit is made anew upon that.
async fn main_moves_on_the_same_line(bot: &Bot) {
    bot.propose_to_prod("v1.4.2").await;
    let before = bot.remote.tip(BRANCH);
    bot.edit_main(&file("prod", "shop"), "v1.0.0", "v1.0.1");
    let main = bot.remote.tip("main").unwrap();
    bot.watch(1).await;
    assert_eq!(bot.app().application("shop").await.unwrap().trouble, None);
    assert_ne!(bot.remote.tip(BRANCH), before);
    assert_eq!(bot.remote.ask(&["log", "-1", "--format=%P", BRANCH]), main.as_str());
    let change = bot.remote.ask(&["diff", "--unified=0", "main", BRANCH]);
    assert!(
        change.contains("-    newTag: v1.0.1") && change.contains("+    newTag: v1.4.2"),
        "{change}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_main_that_moved_on_the_same_line_gets_a_new_commit_upon_it() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    main_moves_on_the_same_line(&bot).await;
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(hub.count(), 2, "in the same pull request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_main_that_moved_on_the_same_line_gets_a_new_commit_upon_it_on_gitlab() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    main_moves_on_the_same_line(&bot).await;
    lab.approve(2, "Bobby");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(lab.count(), 2, "in the same merge request");
}
