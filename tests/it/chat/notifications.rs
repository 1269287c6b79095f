//! People are told what happens without having asked.

use axum::http::StatusCode;
use hoist::app::views::{FreezeRequest, HoldRequest, ProposalRequest, RollbackRequest};
use hoist::domain::command::ProposalStep;
use hoist::scheduler;
use jiff::SignedDuration;

use crate::support::receiver::{self, Receiver};
use crate::support::served::{PIPELINES, Served, token};
use crate::support::service::Service;
use crate::support::slack::{BOT_TOKEN, SIGNING_SECRET, Slack};

/// A hoist that tells everything to a webhook, and of prod's reviews and rollbacks to Slack.
struct Newsroom {
    hoist: Served,
    slack: Slack,
    receiver: Receiver,
}

impl Newsroom {
    async fn open() -> Self {
        Self::open_with(PIPELINES).await
    }

    async fn open_with(pipelines: &str) -> Self {
        let (slack, receiver) = (Slack::start().await, Receiver::start().await);
        let more = format!(
            "chat:\n  slack:\n    signing_secret: {{file: \"{{FOLDER}}/signing\"}}\n    bot_token: \
             {{file: \"{{FOLDER}}/bot\"}}\n    channel: \"#deploys\"\n    api: {url}/api\n    \
             answers: {url}\nnotifications:\n  everything: {{webhook: {{url: \"{}\", secret: {{file: \
             \"{{FOLDER}}/webhook\"}}}}}}\n  prod-team: {{slack: \"#prod\", environments: [prod], \
             kinds: [needs-review, rolled-back, stuck], stuck_after: 2h}}\n  town-hall: \
             {{mattermost: {{file: \"{{FOLDER}}/town-hall\"}}, pipelines: [services], \
             environments: [prod], kinds: [proposed, merged, frozen]}}\n",
            receiver.url(),
            url = slack.url(),
        );
        let town_hall = format!("{}/commands/town-hall", slack.url());
        let files = [
            ("signing", SIGNING_SECRET),
            ("bot", BOT_TOKEN),
            ("webhook", receiver::SECRET),
            ("town-hall", &town_hall),
            ("pipelines.yaml", pipelines),
        ];
        let hoist = Served::start_edited(&files, |process| process + &more).await;
        let room = Self { hoist, slack, receiver };
        room.work().await;
        room
    }

    /// hoist does what it has to do, and tells it.
    async fn work(&self) {
        self.hoist.settle().await;
        // However many look at it at once.
        let looks = (0..3).map(|_| self.hoist.app.turn_calendar());
        futures::future::join_all(looks).await.into_iter().for_each(Result::unwrap);
        scheduler::answer_all(&self.hoist.app).await;
    }

    async fn minutes_pass(&self, minutes: i64) {
        self.hoist.clock.forward(SignedDuration::from_mins(minutes));
        self.work().await;
    }

    /// What stands in the team's channel: the first line of each message.
    fn in_slack(&self) -> String {
        let told = self.slack.told();
        let of_team = told.channel.iter().filter(|body| body["channel"] == "#prod");
        let lines = of_team.map(|body| body["text"].as_str().unwrap().lines().next().unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What stands in Mattermost, by its incoming webhook: the first line of each message.
    fn in_mattermost(&self) -> String {
        let told = self.slack.answers();
        let lines = told.iter().map(|text| text.lines().next().unwrap_or_default());
        lines.collect::<Vec<_>>().join("\n")
    }

    async fn approve_and_merge(&self) {
        self.step("alice", ProposalStep::Approve).await;
        self.step("bob", ProposalStep::Merge).await;
        self.work().await;
    }

    /// Somebody does something about the shop's proposal into prod.
    async fn step(&self, who: &str, step: ProposalStep) {
        let shop = self.hoist.app.application("shop").await.unwrap();
        let promotion = shop.environments[1].next.as_ref().unwrap().promotion.clone();
        let by = self.hoist.app.identify(&token(who)).await.unwrap();
        let request = ProposalRequest { step, head: None, comment: None, check: None };
        self.hoist.app.review(&by, promotion.as_str(), request).await.unwrap();
    }
}

#[tokio::test]
async fn each_is_told_what_they_want_to_hear_and_once() {
    let room = Newsroom::open().await;
    room.hoist.announce("shop", "v1.1.0").await;
    room.work().await;
    room.minutes_pass(1).await;
    insta::assert_snapshot!(room.receiver.told(), @"
    hoist.proposed: 📬 shop in staging: v1.1.0 proposed as #1
    hoist.merged: 🚚 shop in staging: v1.1.0: Merged by hoist in ….
    hoist.healthy: ✅ shop in staging: `v1.1.0` has succeeded
    hoist.proposed: 📬 shop in prod: v1.1.0 proposed as #2
    hoist.needs-review: 📬 shop in prod: `v1.1.0` (#2) waits for people: it needs review: 0 of 1 approvals, the requester's not counted
    ");
    insta::assert_snapshot!(room.in_slack(), @"📬 shop in prod: `v1.1.0` (#2) waits for people: it needs review: 0 of 1 approvals, the requester's not counted");
    let (id, body) = room.receiver.kept().taken[1].clone();
    assert!(id.starts_with("hoist-"), "{id}");
    let mut facts = body["data"]["facts"].clone();
    facts["promotion"] = "…".into();
    facts["url"] = "…".into();
    facts["commit"] = "…".into();
    insta::assert_snapshot!(facts, @r#"{"actor":"hoist","application":"shop","commit":"…","environment":"staging","pipeline":"services","promotion":"…","url":"…","version":"v1.1.0"}"#);
}

#[tokio::test]
async fn a_rollback_is_told_of_once() {
    let room = Newsroom::open().await;
    room.hoist.announce("shop", "v1.1.0").await;
    room.work().await;
    room.approve_and_merge().await;
    let bob = room.hoist.app.identify(&token("bob")).await.unwrap();
    let request = RollbackRequest {
        application: "shop".into(),
        environment: "prod".into(),
        to: None,
        reason: Some("<!channel> @all pay [now](https://evil.example)".into()),
        over_drift: false,
        everywhere: false,
    };
    room.hoist.app.roll_back(&bob, request).await.unwrap();
    room.work().await;
    let told = room.receiver.told();
    insta::assert_snapshot!(told.lines().last().unwrap(), @"hoist.proposed: 📬 shop in prod: it is to go back from `v1.1.0`: v1.0.0 proposed as #3; bob asked, because `<!channel> @all pay [now](https://evil.example)`");
    room.receiver.kept().taken.clear();
    room.approve_and_merge().await;
    room.minutes_pass(60).await;
    insta::assert_snapshot!(room.receiver.told(), @"
    hoist.rolled-back: ↩ shop in prod: rolled back from `v1.1.0` to `v1.0.0`; bob asked, because `<!channel> @all pay [now](https://evil.example)`. Merged by bob in ….
    hoist.healthy: ✅ shop in prod: `v1.0.0` has succeeded
    ");
    assert_eq!(room.in_slack().matches('↩').count(), 1, "{}", room.in_slack());
    assert!(!room.in_slack().contains("<!channel>"), "{}", room.in_slack());
}

#[tokio::test]
async fn whoever_is_away_is_told_later_and_nobody_waits_for_them() {
    let room = Newsroom::open().await;
    room.receiver.kept().failing = Some((StatusCode::BAD_GATEWAY, 4));
    room.hoist.announce("shop", "v1.1.0").await;
    room.work().await;
    room.minutes_pass(1).await;
    assert!(room.receiver.told().is_empty());
    assert!(room.in_slack().contains("waits for people"), "{}", room.in_slack());
    // A restart in the middle of that loses nothing.
    let Newsroom { hoist, slack, receiver } = room;
    let room = Newsroom { hoist: hoist.restarted().await, slack, receiver };
    for _ in 0..4 {
        room.minutes_pass(60).await;
    }
    insta::assert_snapshot!(room.receiver.told(), @"
    hoist.needs-review: 📬 shop in prod: `v1.1.0` (#2) waits for people: it needs review: 0 of 1 approvals, the requester's not counted
    hoist.proposed: 📬 shop in staging: v1.1.0 proposed as #1
    hoist.merged: 🚚 shop in staging: v1.1.0: Merged by hoist in ….
    hoist.healthy: ✅ shop in staging: `v1.1.0` has succeeded
    hoist.proposed: 📬 shop in prod: v1.1.0 proposed as #2
    ");
}

#[tokio::test]
async fn what_a_receiver_will_never_take_does_not_keep_the_rest_from_it() {
    let room = Newsroom::open().await;
    room.receiver.kept().failing = Some((StatusCode::UNPROCESSABLE_ENTITY, 1));
    room.hoist.announce("shop", "v1.1.0").await;
    room.work().await;
    insta::assert_snapshot!(room.receiver.told(), @"
    hoist.merged: 🚚 shop in staging: v1.1.0: Merged by hoist in ….
    hoist.healthy: ✅ shop in staging: `v1.1.0` has succeeded
    hoist.proposed: 📬 shop in prod: v1.1.0 proposed as #2
    ");
    // A door that is shut may open again: what came meanwhile waits.
    room.receiver.kept().taken.clear();
    room.receiver.kept().failing = Some((StatusCode::UNAUTHORIZED, 1));
    room.approve_and_merge().await;
    room.minutes_pass(60).await;
    insta::assert_snapshot!(room.receiver.told(), @"
    hoist.merged: 🚚 shop in prod: v1.1.0: Merged by bob in ….
    hoist.healthy: ✅ shop in prod: `v1.1.0` has succeeded
    ");
}

#[tokio::test]
async fn what_stands_still_is_told_once_in_each_state() {
    let room = Newsroom::open().await;
    room.hoist.announce("shop", "v1.1.0").await;
    room.work().await;
    for _ in 0..3 {
        room.minutes_pass(60).await;
    }
    insta::assert_snapshot!(room.in_slack(), @"
    📬 shop in prod: `v1.1.0` (#2) waits for people: it needs review: 0 of 1 approvals, the requester's not counted
    ⏳ shop in prod: `v1.1.0` is proposed since 2026-03-10 12:00 UTC, longer than 2h: it needs review: 0 of 1 approvals, the requester's not counted
    ");
}

#[tokio::test]
async fn a_freeze_and_a_hold_are_told_of() {
    let room = Newsroom::open().await;
    let bob = room.hoist.app.identify(&token("bob")).await.unwrap();
    let freeze = FreezeRequest {
        environment: "prod".into(),
        length: Some("2h".into()),
        reason: "INC-7".into(),
        allow: Vec::new(),
    };
    room.hoist.app.freeze(&bob, freeze).await.unwrap();
    let hold = HoldRequest {
        application: "shop".into(),
        environment: "staging".into(),
        length: None,
        reason: Some("migration".into()),
    };
    room.hoist.app.hold(&bob, hold).await.unwrap();
    room.work().await;
    insta::assert_snapshot!(room.receiver.told(), @"
    hoist.frozen: ❄ prod is frozen until 2026-03-10 14:00 UTC (INC-7): nothing goes in, and no rollback either. Asked for by bob.
    hoist.held: ⏸ shop is held in staging until somebody resumes it (migration): nothing but a rollback goes in. Asked for by bob.
    ");
    assert_eq!(
        room.in_mattermost(),
        "❄ prod is frozen until 2026-03-10 14:00 UTC (INC-7): nothing goes in, and no rollback either. \
         Asked for by bob."
    );
}

#[tokio::test]
async fn of_a_train_people_are_told_once_and_programs_of_each_that_rides() {
    let train = format!(
        "{PIPELINES}schedules:\n  - {{name: nightly, cron: \"0 2 * * *\", zone: UTC, pipeline: \
         services, to: prod, group: one-pull-request}}\n"
    );
    let room = Newsroom::open_with(&train).await;
    room.hoist.app.run_due().await.unwrap();
    room.hoist.announce("shop", "v1.1.0").await;
    room.hoist.announce("cart", "v2.0.0").await;
    room.work().await;
    room.minutes_pass(14 * 60).await;
    room.receiver.kept().taken.clear();
    room.hoist.app.run_due().await.unwrap();
    for _ in 0..3 {
        room.hoist.app.tend_trains().await;
        room.minutes_pass(1).await;
    }
    insta::assert_snapshot!(room.in_mattermost(), @"📬 prod: the train nightly is proposed in #3");
    insta::assert_snapshot!(room.in_slack(), @"📬 prod: the train nightly (#3) waits for people: approvals gate of cart: 0 of 1 approvals, the requester's not counted");
    // The order of two applications at once is nobody's.
    let told = room.receiver.told();
    let mut told: Vec<&str> = told.lines().collect();
    told.sort_unstable();
    insta::assert_snapshot!(told.join("\n"), @"
    hoist.needs-review: 📬 cart in prod: `v2.0.0` (#3) waits for people: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    hoist.needs-review: 📬 shop in prod: `v1.1.0` (#3) waits for people: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    hoist.proposed: 📬 cart in prod: v2.0.0 proposed with others as #3
    hoist.proposed: 📬 shop in prod: v1.1.0 proposed with others as #3
    ");
    room.minutes_pass(121).await;
    for step in [("alice", ProposalStep::Approve), ("bob", ProposalStep::Merge)] {
        room.step(step.0, step.1).await;
        room.hoist.app.tend_trains().await;
        room.minutes_pass(1).await;
    }
    insta::assert_snapshot!(room.in_mattermost(), @"
    📬 prod: the train nightly is proposed in #3
    🚚 prod: the train nightly (#3) is merged
    ");
    insta::assert_snapshot!(room.in_slack(), @"
    📬 prod: the train nightly (#3) waits for people: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    ⏳ prod: the train nightly (#3) stands still: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    ");
}

#[tokio::test]
async fn what_is_ill_is_told_of_and_what_is_well_again() {
    let service = Service::start().await;
    service.answers(200, "fine");
    let health = format!(
        "merge: automatic\n        health: {{http: \"{}/{{application}}\"}}",
        service.url()
    );
    let room = Newsroom::open_with(&PIPELINES.replace("merge: automatic", &health)).await;
    service.answers(503, "no");
    room.hoist.announce("shop", "v1.1.0").await;
    room.work().await;
    room.minutes_pass(1).await;
    service.answers(200, "fine");
    for _ in 0..3 {
        room.minutes_pass(1).await;
    }
    let told = room.receiver.told();
    let told: Vec<&str> = told.lines().filter(|line| line.contains("well")).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    hoist.unhealthy: 🔥 shop in staging: v1.1.0 is not well: the answer is 503; its soak starts over
    hoist.healthy: ✅ shop in staging: v1.1.0 is well again: it answers 200
    ");
}

#[tokio::test]
async fn the_hold_of_a_rollback_is_told_of_and_the_end_of_one_whose_time_is_over() {
    let room = Newsroom::open().await;
    room.hoist.announce("shop", "v1.1.0").await;
    room.work().await;
    room.approve_and_merge().await;
    let bob = room.hoist.app.identify(&token("bob")).await.unwrap();
    let request = RollbackRequest {
        application: "shop".into(),
        environment: "prod".into(),
        to: None,
        reason: Some("payments fail".into()),
        over_drift: false,
        everywhere: false,
    };
    room.hoist.app.roll_back(&bob, request).await.unwrap();
    let hold = HoldRequest {
        application: "cart".into(),
        environment: "prod".into(),
        length: Some("30m".into()),
        reason: Some("migration".into()),
    };
    room.hoist.app.hold(&bob, hold).await.unwrap();
    room.work().await;
    room.minutes_pass(31).await;
    let told = room.receiver.told();
    let told: Vec<&str> = told.lines().filter(|line| line.contains("hoist.held")).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    hoist.held: ⏸ shop is held in prod until somebody resumes it (v1.1.0 was rolled back): nothing but a rollback goes in. Asked for by bob.
    hoist.held: ⏸ cart is held in prod until 2026-03-10 12:30 UTC (migration): nothing but a rollback goes in. Asked for by bob.
    hoist.held: ⏸ cart is no longer held in prod: the hold's time is over, and what waited there goes on.
    ");
}

/// The lines of the webhook that tell of freezes.
fn frozen(room: &Newsroom) -> String {
    let told = room.receiver.told();
    let told: Vec<&str> = told.lines().filter(|line| line.contains("hoist.frozen")).collect();
    told.join("\n")
}

#[tokio::test]
async fn what_freezes_and_thaws_by_itself_is_told_of_once_whatever_is_started_anew() {
    let mut room = Newsroom::open_with(&format!(
        "{PIPELINES}freezes:\n  - {{name: release, owner: ops, reason: RC, environments: [staging, \
         prod], from: \"2026-03-10T14:00\", to: \"2026-03-10T16:00\", zone: Europe/Stockholm}}\n  - \
         {{name: long-ago, environments: [prod], from: \"2026-01-01T00:00\", to: \
         \"2026-01-02T00:00\", zone: UTC}}\n"
    ))
    .await;
    let bob = room.hoist.app.identify(&token("bob")).await.unwrap();
    let freeze = |length: Option<&str>, reason: &str| FreezeRequest {
        environment: "prod".into(),
        length: length.map(str::to_owned),
        reason: reason.into(),
        allow: Vec::new(),
    };
    room.hoist.app.freeze(&bob, freeze(Some("30m"), "INC-7")).await.unwrap();
    room.minutes_pass(31).await;
    room.minutes_pass(30).await;
    room.hoist = room.hoist.restarted().await;
    room.hoist.app.freeze(&bob, freeze(None, "INC-8")).await.unwrap();
    room.minutes_pass(1).await;
    // Away while the calendar's freeze ends.
    room.hoist.clock.forward(SignedDuration::from_hours(3));
    room.hoist = room.hoist.restarted().await;
    room.work().await;
    room.minutes_pass(1).await;
    insta::assert_snapshot!(frozen(&room), @"
    hoist.frozen: ❄ prod is frozen until 2026-03-10 12:30 UTC (INC-7): nothing goes in, and no rollback either. Asked for by bob.
    hoist.frozen: ❄ prod is no longer frozen by bob (INC-7): that time was over at 2026-03-10 12:30 UTC. What waited there goes on.
    hoist.frozen: ❄ staging is frozen by release (ops) until 2026-03-10 16:00 Europe/Stockholm (RC): nothing goes in, and no rollback either.
    hoist.frozen: ❄ prod is frozen by release (ops) until 2026-03-10 16:00 Europe/Stockholm (RC): nothing goes in, and no rollback either.
    hoist.frozen: ❄ prod is frozen until somebody says `hoist thaw prod` (INC-8): nothing goes in, and no rollback either. Asked for by bob.
    hoist.frozen: ❄ prod is no longer frozen by release. It is still frozen by bob until somebody thaws it: INC-8 (`hoist thaw prod` ends it).
    hoist.frozen: ❄ staging is no longer frozen by release. What waited there goes on.
    ");
    assert_eq!(room.in_mattermost().lines().count(), 5, "{}", room.in_mattermost());
}
