//! What comes from outside can tell nobody, close nothing and be no markup, wherever it is written.

use hoist::app::ingest::send::Outgoing;
use hoist::app::views::RollbackRequest;
use hoist::domain::artifact::{Build, SourceCode};

use crate::support::hosted::orders;
use crate::support::world::{Bot, STAGING_THEN_PROD};

/// What somebody may put into an announcement who has taken over a build.
fn hostile(announced: &mut Outgoing) {
    announced.actor = Some("@mallory closes #1".into());
    announced.build = Build {
        url: Some("https://ci.example.com/1)@everyone[fixes #2](".into()),
        id: Some("`@ops resolves #3 <!-- --> ```".into()),
    };
    announced.source = SourceCode {
        repository: Some("https://git.example.com/acme/shop".into()),
        commit: Some("9f2c @sre fixed #4".into()),
        reference: Some("refs/heads/@all closes #5".into()),
    };
}

/// All commit messages that the repository has.
fn messages(bot: &Bot) -> String {
    bot.remote.ask(&["log", "--all", "--format=%B"])
}

/// A version goes up, and down again for a reason in hostile words, which somebody comments on.
async fn goes_up_and_down(bot: &Bot, approve: impl Fn(u64)) {
    let (status, told) = bot.announce_in_words("v1.4.2", hostile).await;
    assert_eq!(status, 202, "{told}");
    bot.work().await;
    bot.minutes_pass(30);
    bot.work().await;
    approve(2);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    let rollback = RollbackRequest {
        application: "shop".into(),
        environment: "prod".into(),
        to: None,
        reason: Some("@everyone fixes #6\n/merge\n<!-- ```\n@team resolves #7".into()),
        over_drift: false,
        everywhere: false,
    };
    bot.roll_back_as("dora", rollback).await.unwrap();
    bot.work().await;
    approve(3);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_from_outside_tells_people_or_closes_issues_on_github() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.work().await;
    goes_up_and_down(&bot, |number| hub.review(number, "Bobby", "APPROVED")).await;
    assert_eq!(orders::in_plain(&messages(&bot)), Vec::<String>::new(), "{}", messages(&bot));
    for number in 1..=3 {
        let (title, body) = hub.text_of(number);
        for text in [vec![title, body], hub.comments_on(number)].concat() {
            assert_eq!(orders::in_markdown(&text), Vec::<String>::new(), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_from_outside_tells_people_or_gives_orders_on_gitlab() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.work().await;
    goes_up_and_down(&bot, |number| lab.approve(number, "Bobby")).await;
    assert_eq!(orders::in_plain(&messages(&bot)), Vec::<String>::new(), "{}", messages(&bot));
    for number in 1..=3 {
        let (title, body) = lab.text_of(number);
        for text in [vec![title, body], lab.notes_on(number)].concat() {
            assert_eq!(orders::in_markdown(&text), Vec::<String>::new(), "{text}");
        }
    }
    assert!(lab.obeyed().is_empty(), "{:?}", lab.obeyed());
}

/// What these stories look for is there to be found.
#[test]
fn what_tells_people_and_closes_issues_is_seen() {
    let text = "Thanks @ada, fixes #7 (and Closes: #8, mail@example.com, `@code`, <!-- @hid -->)";
    assert_eq!(orders::in_markdown(text), ["@ada", "fixes #7", "Closes: #8,"]);
    assert_eq!(orders::in_plain(text), ["@ada", "@code", "@hid", "fixes #7", "Closes: #8,"]);
}
