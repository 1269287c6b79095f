//! Many applications at once, before a forge that bears so much of them and no more.

use std::sync::Arc;

use hoist::adapters::forge::common::pace::Pace;
use hoist::app::ports::Forge;

use crate::contracts::forge::github::by_token;
use crate::contracts::forge::{github, gitlab};
use crate::support::github::GitHub;
use crate::support::gitlab::GitLab;
use crate::support::world::Bot;

/// How many applications are built at the same moment.
const MANY: usize = 200;

/// How much a forge bears in a minute of what people are told of.
const A_MINUTE: usize = 80;

/// How many applications hoist works on at once: each of them may hear of a limit.
const AT_ONCE: usize = 8;

/// A forge, as far as these stories need one.
trait Bears {
    fn a_minute_begins(&self);
    /// How often it was asked for more than it bears.
    fn in_vain(&self) -> usize;
    /// How often it was asked for anything since the last time.
    fn asked(&self) -> usize;
    fn proposals(&self) -> usize;
}

impl Bears for GitHub {
    fn a_minute_begins(&self) {
        self.bear(A_MINUTE);
    }

    fn in_vain(&self) -> usize {
        self.refused()
    }

    fn asked(&self) -> usize {
        self.take_calls().len()
    }

    fn proposals(&self) -> usize {
        self.count()
    }
}

impl Bears for GitLab {
    fn a_minute_begins(&self) {
        self.bear(A_MINUTE);
    }

    fn in_vain(&self) -> usize {
        self.refused()
    }

    fn asked(&self) -> usize {
        self.take_calls().len()
    }

    fn proposals(&self) -> usize {
        self.count()
    }
}

/// One version of each application is announced, and hoist works until each is proposed.
async fn all_are_proposed_once(mut bot: Bot, at: Arc<dyn Forge>, forge: impl Bears) {
    let names: Vec<String> = (0..MANY).map(|number| format!("app-{number:03}")).collect();
    bot.add_applications("staging", &names);
    bot.restart_in_a_hurry(at).await;
    bot.work().await;
    forge.a_minute_begins();
    for name in &names {
        assert_eq!(bot.announce_of(name, "v1.1.0").await, 202);
    }
    bot.work_off().await;
    let mut minutes = 1;
    while forge.proposals() < MANY {
        assert!(minutes < 10, "{} proposals", forge.proposals());
        let in_vain = forge.in_vain();
        assert!(in_vain > 0, "it stopped of itself at {} proposals", forge.proposals());
        assert!(in_vain <= minutes * AT_ONCE, "{in_vain} in {minutes} minutes");
        forge.asked();
        bot.seconds_pass(20);
        bot.work_off().await;
        assert_eq!(forge.asked(), 0, "it asked to be left alone");
        bot.minutes_pass(1);
        forge.a_minute_begins();
        bot.work_off().await;
        minutes += 1;
    }
    assert!(minutes <= 4, "{minutes} minutes for what three bear");
    bot.work().await;
    let overview = bot.overview().await;
    let waits = overview.lines().filter(|line| line.contains("next v1.1.0 proposed in #"));
    assert_eq!((waits.count(), forge.proposals()), (MANY, MANY), "{overview}");
}

/// hoist's own limit is not the forge's, and no failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_the_hour_says_so_and_goes_on_when_it_bears_more() {
    let (mut bot, hub) = Bot::on_github(&BY_PEOPLE).await;
    let names: Vec<String> = (0..3).map(|number| format!("app-{number}")).collect();
    bot.add_applications("staging", &names);
    let pace = Pace::new(Arc::clone(&bot.app().clock), 100_000).and_an_hour(4);
    bot.restart_in_a_hurry(github::forge_at(by_token(&hub), pace)).await;
    bot.work().await;
    for name in &names {
        assert_eq!(bot.announce_of(name, "v1.1.0").await, 202);
    }
    bot.work_off().await;
    assert_eq!(hub.count(), 2, "half of the hour's at once");
    let overview = bot.overview().await;
    let waits = overview.lines().find(|line| line.contains("waits for its turn"));
    let waits = waits.unwrap_or(&overview).split_once("next ").unwrap().1;
    insta::assert_snapshot!(waits, @"v1.1.0 waiting (it waits for its turn: hoist has told people as much as this forge bears in an hour (until 2026-11-22 21:30 UTC))");
    assert!(bot.app().troubles().await.unwrap().is_empty());
    assert_eq!(hub.refused(), 0);
    bot.minutes_pass(31);
    bot.work_off().await;
    assert_eq!(hub.count(), 3);
}

const BY_PEOPLE: [(&str, &str); 1] = [("staging", "merge: manual")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_applications_are_each_proposed_once_at_the_pace_that_github_bears() {
    let (bot, hub) = Bot::on_github(&BY_PEOPLE).await;
    let pace = Pace::new(Arc::clone(&bot.app().clock), 100_000).and_an_hour(500);
    all_are_proposed_once(bot, github::forge_at(by_token(&hub), pace), hub).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_applications_are_each_proposed_once_at_the_pace_that_gitlab_bears() {
    let (bot, lab) = Bot::on_gitlab(&BY_PEOPLE).await;
    let pace = Pace::new(Arc::clone(&bot.app().clock), 100_000);
    all_are_proposed_once(bot, gitlab::forge_at(&lab, pace), lab).await;
}
