//! What people say in a chat, from the signed request to the answer.

mod buttons;
mod docs;
mod independent;
mod mattermost;
mod notifications;
mod trains;
mod words;

use axum::http::StatusCode;
use hoist::scheduler;
use jiff::SignedDuration;

use crate::support::served::{Answer, PIPELINES, Served};
use crate::support::slack::{BOT_TOKEN, SIGNING_SECRET, Slack, signed};

/// Alice and bob may do almost everything, erin may look, frank may promote and skip gates.
const PEOPLE: &str = r#"
people:
  alice: {slack: U0A, mattermost: m0a}
  bob: {slack: U0B}
  erin: {slack: U0E}
  frank: {slack: U0F}
"#;

/// A hoist that listens to a Slack.
struct Office {
    hoist: Served,
    slack: Slack,
    triggers: u32,
}

impl Office {
    async fn open() -> Self {
        Self::open_with(PIPELINES).await
    }

    /// One with these pipelines.
    async fn open_with(pipelines: &str) -> Self {
        let slack = Slack::start().await;
        let more = format!(
            "{PEOPLE}chat:\n  zone: Europe/Stockholm\n  slack:\n    signing_secret: {{file: \
             \"{{FOLDER}}/signing\"}}\n    bot_token: {{file: \"{{FOLDER}}/bot\"}}\n    channel: \
             \"#deploys\"\n    api: {url}/api\n    answers: {url}\n  mattermost: {{url: \"{url}\", \
             token: {{file: \"{{FOLDER}}/mattermost\"}}}}\n",
            url = slack.url()
        );
        let files = [
            ("signing", SIGNING_SECRET),
            ("bot", BOT_TOKEN),
            ("mattermost", mattermost::TOKEN),
            ("pipelines.yaml", pipelines),
        ];
        let hoist = Served::start_edited(&files, |process| {
            let process = process.replace("sre: {may", "sre: {people: [alice, bob], may");
            let process = process.replace(
                "leads: {may: [promote, skip-gates, status]",
                "leads: {people: [frank], may: [promote, skip-gates]",
            );
            let process = ["alice", "bob"].iter().fold(process, |text, name| {
                text.replace(
                    &format!("{{name: {name},"),
                    &format!("{{name: {name}, person: {name},"),
                )
            });
            process.replace("readers: {may", "readers: {people: [erin], may") + &more
        });
        let hoist = hoist.await;
        hoist.settle().await;
        let office = Self { hoist, slack, triggers: 0 };
        office.work().await;
        office
    }

    /// Somebody types a command; Slack sends it.
    async fn says(&mut self, speaker: &str, text: &str) -> Answer {
        self.triggers += 1;
        let body = self.slack.types(speaker, text, &format!("trigger-{}", self.triggers));
        let answer = self.sends(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer
    }

    async fn sends(&self, body: &str) -> Answer {
        self.hoist.send(signed(body, self.hoist.app.clock.now())).await
    }

    /// hoist attends to what was said, and tells what moved.
    async fn work(&self) {
        scheduler::answer_all(&self.hoist.app).await;
    }

    /// The answer to a command, once hoist has attended to it.
    async fn asks(&mut self, speaker: &str, text: &str) -> String {
        self.says(speaker, text).await;
        self.work().await;
        self.slack.answers().pop().expect("Slack was told an answer")
    }

    /// The lines of the audit log with that verb.
    async fn audit(&self, verb: &str) -> Vec<String> {
        let entries = self.hoist.app.store.audit(0, 1000).await.unwrap();
        let lines = entries.into_iter().map(|entry| entry.line).filter(|line| line.verb == verb);
        lines.map(|line| format!("{:?} {}: {}", line.actor.door, line.actor, line.text)).collect()
    }

    fn forward(&self, seconds: i64) {
        self.hoist.clock.forward(SignedDuration::from_secs(seconds));
    }
}
