//! The channel's one message about a train.

use hoist::adapters::chat::slack::SlackChannel;
use hoist::app::ports::{Board as _, Message};

use super::Office;
use crate::support::served::PIPELINES;
use crate::support::slack::{BOT_TOKEN, Slack};

/// Into staging alone, by a train that needs an approval.
fn by_train() -> String {
    let (staging, _) = PIPELINES.split_once("      - name: prod").unwrap();
    let merge = "gates: [{approvals: 1}]\n        merge: on-approval";
    staging.replace("merge: automatic", merge)
        + "schedules:\n  - {name: nightly, cron: \"0 2 * * *\", zone: Europe/Stockholm, pipeline: \
           services, to: staging, group: one-pull-request}\n"
}

/// So many applications that wait for the train.
async fn gathered(count: usize) -> Office {
    let office = Office::open_with(&by_train()).await;
    let names: Vec<String> = (0..count).map(|number| format!("app-{number:02}")).collect();
    office.hoist.add_applications(&names, &["staging"]);
    office.hoist.settle().await;
    office.hoist.app.run_due().await.unwrap();
    office.work().await;
    for name in &names {
        office.hoist.announce(name, "v1.1.0").await;
    }
    office.hoist.settle().await;
    office.work().await;
    office
}

impl Office {
    /// The train goes as far as it does without people.
    async fn ride(&self) {
        for _ in 0..4 {
            self.hoist.app.tend_trains().await;
            self.hoist.settle().await;
        }
        // Each time as much as is read of the log at once.
        for _ in 0..3 {
            self.work().await;
        }
    }

    async fn nightfall(&self) {
        self.forward(14 * 3600);
        self.hoist.app.run_due().await.unwrap();
        self.ride().await;
    }
}

#[tokio::test]
async fn a_train_has_one_message_however_many_ride() {
    let mut office = gathered(40).await;
    assert_eq!(office.slack.channel(), Vec::<String>::new(), "what gathers is told of together");
    office.nightfall().await;
    let told = office.slack.channel();
    assert_eq!(told.len(), 1, "{told:?}");
    let mut lines = told[0].lines();
    assert_eq!(lines.next(), Some("📬 The train nightly into staging (#1): 40 proposed"));
    assert_eq!(lines.next(), Some("• app-00 → `v1.1.0`: proposed"));
    assert_eq!(lines.next_back(), Some("… and 25 more"));
    let answer = office.presses("U0A", &office.slack.button("Approve")).await;
    assert!(answer.contains("alice approved proposal"), "{answer}");
    office.ride().await;
    let told = office.slack.channel();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("✅ The train nightly into staging (#1): 40 succeeded"),
        "{told:?}"
    );
}

#[tokio::test]
async fn who_is_not_like_the_others_comes_first() {
    let mut office = gathered(20).await;
    office.nightfall().await;
    office.asks("U0A", "hold app-13 staging because it is ill").await;
    office.ride().await;
    office.presses("U0B", &office.slack.button("Approve")).await;
    office.ride().await;
    let told = office.slack.channel();
    assert_eq!(told.len(), 1, "{told:?}");
    let head: Vec<&str> = told[0].lines().take(3).collect();
    insta::assert_snapshot!(head.join("\n"), @"
    ✅ The train nightly into staging (#1): 19 succeeded, 1 waiting
    • app-13 → `v1.1.0`: waiting
    • app-00 → `v1.1.0`: succeeded
    ");
}

#[tokio::test]
async fn a_rollback_of_one_that_rode_has_a_message_of_its_own() {
    let mut office = gathered(3).await;
    office.nightfall().await;
    office.presses("U0A", &office.slack.button("Approve")).await;
    office.ride().await;
    office.asks("U0B", "rollback app-01 staging because it is slow").await;
    office.hoist.settle().await;
    office.work().await;
    let told = office.slack.channel();
    insta::assert_snapshot!(told.join("\n"), @"
    ✅ The train nightly into staging (#1): 3 succeeded
    • app-00 → `v1.1.0`: succeeded
    • app-01 → `v1.1.0`: succeeded
    • app-02 → `v1.1.0`: succeeded
    📬 app-01 in staging goes back to `v1.0.0`: proposed (#2)
    Its proposal is open.
    bob asked, because `it is slow`
    ");
}

/// Slack takes three thousand letters in a section: what is longer has several.
#[tokio::test]
async fn slack_is_told_a_long_answer_whole() {
    let mut office = gathered(40).await;
    let answer = office.asks("U0A", "status").await;
    assert!(answer.chars().count() > 3000, "{answer}");
    let told = office.slack.told().answers.pop().unwrap().1;
    let blocks = told["blocks"].as_array().unwrap();
    let sections = blocks.iter().map(|block| block["text"]["text"].as_str().unwrap());
    assert_eq!(sections.collect::<Vec<_>>().join("\n"), answer);
    let answer = office.asks("U0A", "run nightly").await;
    assert!(answer.contains("40 go into staging, 2 stay behind."), "{answer}");
    assert!(answer.contains("\n… and 20 more go\n"), "{answer}");
}

/// Of all sections together a channel takes less than somebody who asked.
#[tokio::test]
async fn a_channel_is_told_the_beginning_of_what_is_too_long() {
    let slack = Slack::start().await;
    let api = format!("{}/api", slack.url()).parse().unwrap();
    let channel = SlackChannel::new(api, BOT_TOKEN.to_owned().into(), "#deploys".into()).unwrap();
    let lines: Vec<String> = (0..400).map(|line| format!("{line} & {}", "x".repeat(60))).collect();
    let long = Message::plain(format!("\n{}\n\n", lines.join("\n\n")));
    let posted = channel.post(&long).await.unwrap();
    channel.update(&posted, &long).await.unwrap();
    let told = slack.channel();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("\n0 &amp; xxx") && told[0].ends_with("x\n\n…"), "{told:?}");
}
