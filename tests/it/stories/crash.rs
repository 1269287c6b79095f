//! The process ends at any of its writes, and starts again on what it left.

use crate::support::mortal::{LastWrite, Life};
use crate::support::world::Bot;

/// The main path, told so that it can be told again from its beginning: whoever got no answer asks
/// again.
async fn go_up(bot: &Bot) {
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot.minutes_pass(30);
    bot.work().await;
    if is_proposed(bot).await {
        // A process that is dead approves nothing.
        drop(bot.step("bob", "prod", hoist::domain::command::ProposalStep::Approve).await);
        bot.work().await;
    }
}

/// The way back, told in the same manner: nobody asks for a second rollback after the first.
async fn go_back(bot: &Bot) {
    let history = bot.app().history("shop", Some("prod")).await;
    let is_under_way =
        history.is_ok_and(|it| it.promotions.iter().any(|promotion| promotion.kind == "rollback"));
    if !is_under_way {
        drop(bot.roll_back("dora", None).await);
    }
    bot.work().await;
    if is_proposed(bot).await {
        drop(bot.step("bob", "prod", hoist::domain::command::ProposalStep::Approve).await);
        bot.work().await;
    }
}

async fn is_proposed(bot: &Bot) -> bool {
    let view = bot.app().application("shop").await;
    let is_proposed = |it: &hoist::app::views::EnvironmentView| {
        it.environment.as_str() == "prod"
            && it.next.as_ref().is_some_and(|next| next.state == "proposed")
    };
    view.is_ok_and(|view| view.environments.iter().any(is_proposed))
}

/// All that must be the same whether or not there was a crash on the way.
async fn end_of(bot: &Bot) -> String {
    let changed = bot.remote.ask(&["log", "--no-merges", "--format=%s", "--numstat", "main"]);
    let text = bot.file_on("main", "environments/prod/apps/shop/kustomization.yaml");
    let proposals = bot.proposals().await;
    let branches = bot.remote.ask(&["for-each-ref", "--format=%(refname)"]);
    let mut comments = String::new();
    for (number, _) in (1..).zip(proposals.lines()) {
        comments.push_str(&bot.comments(number).await);
    }
    // One environment may be looked at before or after another moved on.
    let history = bot.history().await;
    let mut history: Vec<_> = history.lines().collect();
    history.sort_unstable();
    let (status, log, history) = (bot.status().await, bot.git_log(), history.join("\n"));
    [log, changed, branches, proposals, comments, history, status, text].join("\n--\n")
}

/// Goes up with a process that ends at each of its writes in turn.
async fn die_on_the_way_up(last: LastWrite) {
    let unharmed = Bot::new().await;
    go_up(&unharmed).await;
    let expected = end_of(&unharmed).await;
    for writes in 0.. {
        let mut bot = Bot::asleep(&crate::support::world::STAGING_THEN_PROD);
        let life = Life::of(writes, last);
        bot.restart_mortal(&life).await;
        go_up(&bot).await;
        bot.restart().await;
        go_up(&bot).await;
        assert_eq!(end_of(&bot).await, expected, "the process ended at write {writes}: {last:?}");
        if life.survived() {
            assert!(writes > 20, "the story has only {writes} writes");
            return;
        }
    }
}

/// Goes back with a process that ends at each of its writes in turn.
async fn die_on_the_way_back(last: LastWrite) {
    let unharmed = Bot::new().await;
    go_up(&unharmed).await;
    go_back(&unharmed).await;
    let expected = end_of(&unharmed).await;
    for writes in 0.. {
        let mut bot = Bot::new().await;
        go_up(&bot).await;
        let life = Life::of(writes, last);
        bot.restart_mortal(&life).await;
        go_back(&bot).await;
        bot.restart().await;
        go_back(&bot).await;
        assert_eq!(end_of(&bot).await, expected, "the process ended at write {writes}: {last:?}");
        if life.survived() {
            assert!(writes > 10, "the story has only {writes} writes");
            return;
        }
    }
}

#[tokio::test]
async fn a_crash_before_any_write_of_a_promotion_changes_nothing_in_the_end() {
    die_on_the_way_up(LastWrite::Lost).await;
}

#[tokio::test]
async fn a_crash_after_any_write_of_a_promotion_changes_nothing_in_the_end() {
    die_on_the_way_up(LastWrite::Done).await;
}

#[tokio::test]
async fn a_crash_before_any_write_of_a_rollback_changes_nothing_in_the_end() {
    die_on_the_way_back(LastWrite::Lost).await;
}

#[tokio::test]
async fn a_crash_after_any_write_of_a_rollback_changes_nothing_in_the_end() {
    die_on_the_way_back(LastWrite::Done).await;
}

/// The forge answers 504 and fetches fail, and the process is killed at some write on top of that.
#[tokio::test]
async fn a_rollback_arrives_once_through_lost_answers_a_stale_mirror_and_a_kill() {
    let unharmed = Bot::new().await;
    go_up(&unharmed).await;
    go_back(&unharmed).await;
    let expected = (unharmed.git_log(), unharmed.proposals().await, unharmed.status().await);
    for writes in [2, 5, 8, 11, i64::MAX] {
        let mut bot = Bot::new().await;
        go_up(&bot).await;
        bot.restart_in_trouble(&Life::of(writes, LastWrite::Done)).await;
        let lives_on = writes == i64::MAX;
        // Whoever lives arrives while the trouble lasts; which answers are lost on the way depends
        // on the order of tasks, so how long it takes is chance.
        for _ in 0..if lives_on { 100 } else { 12 } {
            go_back(&bot).await;
            bot.minutes_pass(10);
            if lives_on && bot.git_log() == expected.0 {
                break;
            }
        }
        if lives_on {
            assert_eq!(bot.git_log(), expected.0, "it did not arrive while the trouble lasted");
        }
        bot.restart().await;
        go_back(&bot).await;
        let seen = (bot.git_log(), bot.proposals().await, bot.status().await);
        assert_eq!(seen, expected, "the process ended at write {writes}");
    }
}
