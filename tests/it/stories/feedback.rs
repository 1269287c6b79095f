//! The commit that an artifact was built from is told how it fares.

use hoist::domain::artifact::SourceCode;
use hoist::scheduler;
use serde_json::json;

use crate::support::github::{GitHub, Harm};
use crate::support::world::{Bot, STAGING_THEN_PROD, plain};

const FIRST: &str = "1111111111111111111111111111111111111111";
const SECOND: &str = "2222222222222222222222222222222222222222";

/// A commit of the application's own repository, or of another one.
fn built_from(repository: &str, commit: &str) -> SourceCode {
    SourceCode {
        repository: Some(repository.to_owned()),
        commit: Some(commit.to_owned()),
        reference: None,
    }
}

async fn on_github() -> (Bot, GitHub, String) {
    let (mut bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    let sources = hub.git().to_string().replace("gitops.git", "{application}");
    bot.change_the_pipelines("discover\n", &format!("discover\n    source_status: {sources}\n"))
        .await;
    bot.work().await;
    scheduler::answer_all(bot.app()).await;
    (bot, hub, sources.replace("{application}", "shop"))
}

/// hoist works, and tells what came of it.
async fn work(bot: &Bot) {
    bot.work().await;
    scheduler::answer_all(bot.app()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_on_github_is_told_how_what_was_built_from_it_fares() {
    let (bot, hub, shop) = on_github().await;
    bot.announce_built_from("v1.4.2", built_from(&shop, FIRST)).await;
    work(&bot).await;
    bot.announce_built_from("v1.5.0", built_from(&shop, SECOND)).await;
    work(&bot).await;
    bot.minutes_pass(31);
    work(&bot).await;
    hub.review(3, "Bobby", "APPROVED");
    work(&bot).await;
    insta::assert_snapshot!(plain(&hub.said_of(FIRST).join("\n")), @"
    hoist/shop/staging pending v1.4.2 runs, and soaks until 2026-11-22 21:30 UTC
    hoist/shop/prod pending v1.4.2 waits to go into prod
    hoist/shop/staging failure v1.5.0 took the place of v1.4.2 in staging
    hoist/shop/prod failure v1.5.0 took the place of v1.4.2 in prod
    ");
    insta::assert_snapshot!(plain(&hub.said_of(SECOND).join("\n")), @"
    hoist/shop/staging pending v1.5.0 runs, and soaks until 2026-11-22 21:30 UTC
    hoist/shop/prod pending v1.5.0 waits to go into prod
    hoist/shop/staging success v1.5.0 is in staging
    hoist/shop/prod pending v1.5.0 is proposed in #3
    hoist/shop/prod success v1.5.0 is in prod
    ");
    bot.roll_back("dora", None).await.unwrap();
    work(&bot).await;
    hub.review(4, "Bobby", "APPROVED");
    work(&bot).await;
    insta::assert_snapshot!(hub.said_of(SECOND).last().unwrap(), @"hoist/shop/prod failure v1.5.0 was taken back out of prod");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_does_not_take_now_is_told_later_and_keeps_no_promotion() {
    let (bot, hub, shop) = on_github().await;
    bot.announce_built_from("v1.4.2", built_from(&shop, FIRST)).await;
    bot.work().await;
    let broken = Harm::Instead(502, Vec::new(), json!({"message": "Bad gateway"}));
    hub.break_next(("POST", FIRST), 1, broken);
    scheduler::answer_all(bot.app()).await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    scheduler::answer_all(bot.app()).await;
    assert_eq!(hub.said_of(FIRST), Vec::<String>::new());
    bot.minutes_pass(5);
    scheduler::answer_all(bot.app()).await;
    insta::assert_snapshot!(plain(&hub.said_of(FIRST).join("\n")), @"
    hoist/shop/staging pending v1.4.2 runs, and soaks until 2026-11-22 21:30 UTC
    hoist/shop/prod pending v1.4.2 waits to go into prod
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_repository_is_written_to_whatever_an_announcement_says() {
    let (bot, hub, shop) = on_github().await;
    bot.announce_built_from("v1.4.2", built_from(&shop.replace("shop", "other"), FIRST)).await;
    work(&bot).await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(hub.said_of(FIRST), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_on_gitlab_is_told_too() {
    let (mut bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    let shop = lab.git().join("../apps/shop").unwrap().to_string();
    bot.change_the_pipelines("discover\n", &format!("discover\n    source_status: {shop}\n")).await;
    bot.work().await;
    scheduler::answer_all(bot.app()).await;
    bot.announce_built_from("v1.4.2", built_from(&shop, FIRST)).await;
    work(&bot).await;
    insta::assert_snapshot!(lab.statuses_of("hoist/shop/staging").join("\n"), @r#""pending": "v1.4.2 runs, and soaks until 2026-11-22 21:30 UTC""#);
    insta::assert_snapshot!(lab.statuses_of("hoist/shop/prod").join("\n"), @r#""pending": "v1.4.2 waits to go into prod""#);
}
