//! A repository that is renamed, or given to another owner, while hoist works in it as a GitHub App.

use crate::support::github::{GitHub, Installed};
use crate::support::world::Bot;

const ALONE: [(&str, &str); 1] = [("prod", "merge: automatic")];

/// What went wrong at the last look at the shop.
async fn trouble(bot: &Bot) -> String {
    bot.app().application("shop").await.unwrap().trouble.unwrap_or_default()
}

/// An App that has promoted a version, and the next one is there.
async fn at_work() -> (Bot, GitHub) {
    let (bot, hub) = Bot::on_github_as_an_app(&ALONE).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    bot.announce("v1.5.0").await;
    (bot, hub)
}

/// How a token of before comes to its end.
const ENDS: [fn(&GitHub); 2] = [
    // Within the half minute before, it is made anew by hoist itself; here before every question.
    |hub| {
        hub.let_tokens_last(25);
        hub.revoke_tokens();
    },
    // Before its time, and hoist is told by a 401.
    GitHub::revoke_tokens,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_token_after_a_rename_is_one_for_the_repository_as_it_is_called_now() {
    for end in ENDS {
        let (bot, hub) = at_work().await;
        hub.rename("platform");
        end(&hub);
        bot.work().await;
        assert_eq!(trouble(&bot).await, "");
        assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
        bot.work().await;
        let told = bot.app().readiness.view().repositories["gitops"].clone();
        assert!(told.starts_with("read as acme/platform, "), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_is_followed_to_an_owner_who_has_installed_the_app_too() {
    let (bot, hub) = at_work().await;
    hub.give_to("globex", Installed::Yes);
    bot.watch(1).await;
    assert_eq!(trouble(&bot).await, "");
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
    let told = bot.app().readiness.view().repositories["gitops"].clone();
    assert!(told.starts_with("read as globex/gitops, "), "{told}");
    assert_eq!(hub.count(), 2, "nothing was opened twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_has_not_installed_the_app_is_told_to_and_hoist_goes_on_then() {
    let (bot, hub) = at_work().await;
    hub.give_to("globex", Installed::No);
    bot.watch(1).await;
    insta::assert_snapshot!(trouble(&bot).await, @"asking Git: the Git remote knows no such repository: the forge refuses: acme/gitops has moved to where the App is not installed: install it there, and set the repository's `url` to its new address");
    hub.give_to("globex", Installed::Yes);
    bot.watch(6).await;
    assert_eq!(trouble(&bot).await, "");
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
}
