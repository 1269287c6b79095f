//! Forges that fail in every way that they have, and webhooks that get lost on their way.

use std::time::Duration;

use serde_json::json;

use super::{github_events, gitlab_events};
use crate::support::github::GitHub;
use crate::support::gitlab::GitLab;
use crate::support::hosted::{Event, Harm};
use crate::support::world::{Bot, STAGING_THEN_PROD};

/// Into prod without people, so that nothing waits but for the forge.
const ALL_THE_WAY: [(&str, &str); 2] =
    [("staging", "merge: automatic"), ("prod", "after: [staging], merge: automatic, gates: []")];

/// Every kind of call that hoist makes, and how often each goes wrong.
const CALLS: [(&str, usize); 4] = [("GET", 2), ("POST", 3), ("PUT", 1), ("PATCH", 1)];

/// Every way in which a call goes wrong: undone with an answer, or done with none or a late one.
fn harms() -> Vec<Harm> {
    let statuses = [401, 403, 404, 409, 422, 429, 500, 502];
    let instead = |status| Harm::Instead(status, Vec::new(), json!({"message": "not today"}));
    let limit = [("retry-after", "90".to_owned())].to_vec();
    let mut harms: Vec<Harm> = statuses.into_iter().map(instead).collect();
    harms.push(Harm::Instead(429, limit, json!({"message": "too many requests"})));
    harms.extend([502, 504].map(Harm::Done));
    harms.push(Harm::CutOff);
    harms.push(Harm::Late(Duration::from_millis(300)));
    harms
}

/// What came of it, once the forge is well again.
async fn outcome(bot: &Bot, proposals: usize) -> String {
    bot.announce("v1.4.2").await;
    bot.watch(10).await;
    format!("{}\n{}\n{proposals} before", bot.status().await, bot.git_log())
}

const WELL: &str = "staging: v1.4.2, succeeded\nprod: v1.4.2, succeeded\nbegin\n\
                    Merge proposal #1: staging: promote shop to v1.4.2\n\
                    Merge proposal #2: prod: promote shop to v1.4.2\n0 before";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_github_may_fail_in_any_way_and_everything_is_done_once() {
    let goes_up = |harm: Harm| async move {
        let (bot, hub) = Bot::on_github(&ALL_THE_WAY).await;
        bot.work().await;
        for (method, times) in CALLS {
            hub.break_next((method, ""), times, harm.clone());
        }
        assert_eq!(outcome(&bot, hub.count()).await, WELL, "{harm:?}");
        assert_eq!(hub.count(), 2, "{harm:?}");
    };
    futures::future::join_all(harms().into_iter().map(goes_up)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gitlab_may_fail_in_any_way_and_everything_is_done_once() {
    let goes_up = |harm: Harm| async move {
        let (bot, lab) = Bot::on_gitlab(&ALL_THE_WAY).await;
        bot.work().await;
        for (method, times) in CALLS {
            lab.break_next((method, ""), times, harm.clone());
        }
        assert_eq!(outcome(&bot, lab.count()).await, WELL, "{harm:?}");
        assert_eq!(lab.count(), 2, "{harm:?}");
    };
    futures::future::join_all(harms().into_iter().map(goes_up)).await;
}

/// What becomes of webhooks on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Good,
    Lost,
    Doubled,
    Delayed,
    Reordered,
}

const LINES: [Line; 5] = [Line::Good, Line::Lost, Line::Doubled, Line::Delayed, Line::Reordered];

/// A forge, as far as this story needs one.
trait Telling {
    /// What it has to tell since it was last asked.
    fn news(&self) -> Vec<Event>;
    /// Brings an event to hoist; the answer's status and body.
    async fn bring(bot: &Bot, event: &Event) -> (u16, String);
    fn approve(&self, number: u64);
    fn proposals(&self) -> usize;
}

impl Telling for GitHub {
    fn news(&self) -> Vec<Event> {
        self.take_events()
    }

    async fn bring(bot: &Bot, Event { kind, delivery, body }: &Event) -> (u16, String) {
        github_events::send(bot, kind, delivery, &body.to_string()).await
    }

    fn approve(&self, number: u64) {
        self.review(number, "Bobby", "APPROVED");
    }

    fn proposals(&self) -> usize {
        self.count()
    }
}

impl Telling for GitLab {
    fn news(&self) -> Vec<Event> {
        self.take_events()
    }

    async fn bring(bot: &Bot, Event { kind, delivery, body }: &Event) -> (u16, String) {
        gitlab_events::send(bot, kind, delivery, &body.to_string()).await
    }

    fn approve(&self, number: u64) {
        GitLab::approve(self, number, "Bobby");
    }

    fn proposals(&self) -> usize {
        self.count()
    }
}

/// Brings what a forge tells to hoist; what is not brought yet.
async fn carry<F: Telling>(line: Line, bot: &Bot, forge: &F) -> Vec<Event> {
    let mut events = forge.news();
    match line {
        Line::Good => {}
        Line::Lost => return Vec::new(),
        Line::Delayed => return events,
        Line::Doubled => events = events.iter().flat_map(|it| [it.clone(), it.clone()]).collect(),
        Line::Reordered => events.reverse(),
    }
    deliver::<F>(bot, &events).await;
    Vec::new()
}

async fn deliver<F: Telling>(bot: &Bot, events: &[Event]) {
    for event in events {
        let (status, told) = F::bring(bot, event).await;
        assert!(status == 202 || status == 204, "{event:?} {status}: {told}");
    }
}

/// A version goes into prod, and hoist is told of it by such a line.
async fn is_told_of_by<F: Telling>(line: Line, mut bot: Bot, forge: F) {
    let mut late = Vec::new();
    bot.work().await;
    late.extend(carry(line, &bot, &forge).await);
    bot.propose_to_prod("v1.4.2").await;
    late.extend(carry(line, &bot, &forge).await);
    bot.work_off().await;
    forge.approve(2);
    late.extend(carry(line, &bot, &forge).await);
    // Without a sweep: whoever was told of it looks now.
    bot.work_off().await;
    let at_once = bot.version_line("prod").contains("v1.4.2");
    assert_eq!(at_once, !matches!(line, Line::Lost | Line::Delayed), "{line:?}");
    bot.work().await;
    let log = bot.git_log();
    late.extend(carry(line, &bot, &forge).await);
    deliver::<F>(&bot, &late).await;
    bot.work().await;
    assert_eq!(bot.status().await, "staging: v1.4.2, succeeded\nprod: v1.4.2, succeeded");
    assert_eq!((bot.git_log(), forge.proposals()), (log.clone(), 2), "{line:?}");
    // Which deliveries were taken is forgotten with the process: they are looked into again.
    bot.restart().await;
    deliver::<F>(&bot, &late).await;
    bot.work().await;
    assert_eq!((bot.git_log(), forge.proposals()), (log, 2), "{line:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn githubs_webhooks_may_be_lost_doubled_delayed_and_reordered() {
    for line in LINES {
        let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
        is_told_of_by(line, bot, hub).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gitlabs_webhooks_may_be_lost_doubled_delayed_and_reordered() {
    for line in LINES {
        let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
        is_told_of_by(line, bot, lab).await;
    }
}
