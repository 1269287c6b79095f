//! The channel's message about a promotion, and what its buttons do.

use axum::http::StatusCode;

use super::Office;
use crate::support::served::{PIPELINES, token};
use crate::support::service::Service;

/// A proposal of v1.1.0 into prod, of which the channel was told.
async fn proposed() -> Office {
    proposed_in(Office::open().await).await
}

async fn proposed_in(office: Office) -> Office {
    office.hoist.announce("shop", "v1.1.0").await;
    office.hoist.settle().await;
    office.work().await;
    office
}

impl Office {
    /// What stands in the channel; commits are other ones each time.
    fn told(&self) -> String {
        let channel = self.slack.channel().join("\n");
        let lines = channel.lines().filter(|line| !line.starts_with("It is in, by"));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) async fn presses(&mut self, speaker: &str, value: &str) -> String {
        self.triggers += 1;
        let body = self.slack.presses(speaker, value, &format!("trigger-{}", self.triggers));
        let before = self.slack.answers().len();
        let answer = self.sends(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        self.work().await;
        let answers = self.slack.answers();
        assert_eq!(answers.len(), before + 1, "a press has an answer");
        answers.last().cloned().unwrap_or_default()
    }
}

#[tokio::test]
async fn the_channel_has_one_message_a_promotion_which_follows_it() {
    let mut office = proposed().await;
    insta::assert_snapshot!(office.told(), @r"
    ✅ shop in staging → `v1.1.0`: succeeded (#1)
    carol asked
    📬 shop in prod → `v1.1.0`: proposed (#2)
    Its proposal is open.
    carol asked
    ");
    let answer = office.presses("U0A", &office.slack.button("Approve")).await;
    assert!(answer.contains("alice approved proposal"), "{answer}");
    let id = office.hoist.app.application("shop").await.unwrap().environments[1]
        .next
        .as_ref()
        .unwrap()
        .promotion
        .clone();
    let bob = office.hoist.app.identify(&token("bob")).await.unwrap();
    let merge = hoist::app::views::ProposalRequest {
        step: hoist::domain::command::ProposalStep::Merge,
        head: None,
        comment: None,
        check: None,
    };
    office.hoist.app.review(&bob, id.as_str(), merge).await.unwrap();
    office.hoist.settle().await;
    office.work().await;
    insta::assert_snapshot!(office.told(), @r"
    ✅ shop in staging → `v1.1.0`: succeeded (#1)
    carol asked
    ✅ shop in prod → `v1.1.0`: succeeded (#2)
    carol asked
    ");
    let updates = office.slack.told().updates;
    office.work().await;
    assert_eq!(office.slack.told().updates, updates, "what did not move is not told again");
}

#[tokio::test]
async fn a_button_is_pressed_with_ones_own_rights() {
    let mut office = proposed().await;
    let answer = office.presses("U0E", &office.slack.button("Hold")).await;
    assert!(answer.starts_with("Not done: erin may not `hold` in prod"), "{answer}");
    let answer = office.presses("U0X", &office.slack.button("Approve")).await;
    assert!(answer.contains("put `slack: U0X` at your name"), "{answer}");
    let answer = office.presses("U0B", &office.slack.button("Hold")).await;
    assert!(answer.starts_with("shop is held in prod"), "{answer}");
}

#[tokio::test]
async fn only_buttons_of_hoist_s_own_do_anything() {
    let mut office = proposed().await;
    let value = office.slack.button("Hold");
    let (said, mac) = value.split_once('.').unwrap();
    let forged = format!("{}A.{mac}", &said[..said.len() - 1]);
    for value in [forged.as_str(), said, "hold", ""] {
        let answer = office.presses("U0A", value).await;
        assert!(answer.starts_with("Not done: that button is not one"), "{answer}");
    }
    assert_eq!(office.audit("hold").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_press_that_comes_twice_is_one() {
    let office = proposed().await;
    let body = office.slack.presses("U0A", &office.slack.button("Hold"), "trigger-1");
    for _delivery in 0..3 {
        assert_eq!(office.sends(&body).await.status, StatusCode::OK);
        office.work().await;
    }
    assert_eq!(office.audit("hold").await.len(), 1);
}

#[tokio::test]
async fn a_button_is_about_what_it_was_about_when_it_was_shown() {
    let mut office = Office::open().await;
    office.hoist.announce("shop", "v1.1.0").await;
    // Seen in staging before prod is proposed: that is what its button is about.
    office.hoist.settle().await;
    office.work().await;
    let staging = {
        let told = office.slack.told();
        let about = |it: &&serde_json::Value| it["text"].as_str().unwrap().contains("in staging");
        let message = told.channel.iter().find(about).unwrap();
        message["blocks"][1]["elements"][0]["value"].as_str().unwrap().to_owned()
    };
    office.hoist.announce("shop", "v1.2.0").await;
    office.hoist.settle().await;
    let answer = office.presses("U0A", &staging).await;
    assert!(answer.contains("`v1.2.0` is. Say `rollback shop staging`"), "{answer}");
    assert_eq!(office.audit("rollback").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_channel_is_told_once_by_an_overworked_slack() {
    let office = Office::open().await;
    office.slack.told().overworked = 1;
    office.hoist.announce("shop", "v1.1.0").await;
    office.hoist.settle().await;
    office.work().await;
    assert_eq!(office.slack.channel().len(), 0);
    office.work().await;
    assert_eq!(office.slack.channel().len(), 0, "Slack asked for seven seconds");
    office.forward(7);
    office.work().await;
    assert_eq!(office.slack.channel().len(), 2, "staging's and prod's");
    office.work().await;
    assert_eq!(office.slack.channel().len(), 2);
}

#[tokio::test]
async fn two_people_who_press_at_the_same_instant_are_both_heard_and_the_hold_holds() {
    let on_approval = PIPELINES.replace("merge: manual", "merge: on-approval");
    let mut office = proposed_in(Office::open_with(&on_approval).await).await;
    let approve = office.slack.presses("U0B", &office.slack.button("Approve"), "one");
    let hold = office.slack.presses("U0A", &office.slack.button("Hold"), "two");
    let (one, two) = tokio::join!(office.sends(&approve), office.sends(&hold));
    assert_eq!((one.status, two.status), (StatusCode::OK, StatusCode::OK));
    let app = &office.hoist.app;
    let sayings = app.unattended(10).await.unwrap();
    assert_eq!(sayings.len(), 2);
    futures::future::join_all(sayings.iter().map(|it| app.attend(it))).await;
    office.hoist.settle().await;
    assert_eq!(office.audit("hold").await.len(), 1);
    assert_eq!(office.audit("approve").await.len(), 1);
    let prod = &office.hoist.app.application("shop").await.unwrap().environments[1];
    assert_eq!(prod.version.as_deref(), Some("v1.0.0"), "what is held is not merged");
    // The approval counted: nothing but the hold kept it out.
    office.asks("U0A", "resume shop prod").await;
    office.hoist.settle().await;
    let prod = &office.hoist.app.application("shop").await.unwrap().environments[1];
    assert_eq!(prod.version.as_deref(), Some("v1.1.0"));
}

#[tokio::test]
async fn a_button_approves_what_it_was_shown_for_and_nothing_that_came_since() {
    let mut office = proposed().await;
    let approve = office.slack.button("Approve");
    office.hoist.announce("shop", "v1.2.0").await;
    office.hoist.settle().await;
    let answer = office.presses("U0B", &approve).await;
    insta::assert_snapshot!(answer, @"Not done: the promotion has no open proposal: it is superseded");
    assert_eq!(office.audit("approve").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_message_says_who_holds_it() {
    let mut office = proposed().await;
    office.presses("U0B", &office.slack.button("Hold")).await;
    insta::assert_snapshot!(office.told(), @"
    ✅ shop in staging → `v1.1.0`: succeeded (#1)
    carol asked
    📬 shop in prod → `v1.1.0`: proposed (#2)
    Its proposal is open. ⏸ Held by bob: asked for with a button (until somebody resumes it).
    carol asked
    ");
    office.asks("U0A", "resume shop prod").await;
    office.work().await;
    assert!(!office.told().contains("held"), "{}", office.told());
}

#[tokio::test]
async fn one_message_goes_from_the_proposal_to_its_health() {
    let europe = "      - name: europe
        after: [prod]
        edit:
          - {file: \"environments/europe/apps/{application}/values.yaml\", path: image.tag, value: \"{tag}\"}
        gates: [{soak: 30m}]
        merge: manual
";
    let pipelines = PIPELINES.replace("merge: manual", "merge: on-approval") + europe;
    let office = Office::open_with(&pipelines).await;
    office.hoist.add_applications(&["shop".to_owned()], &["europe"]);
    let mut office = proposed_in(office).await;
    let line = |office: &Office| {
        let told = office.told();
        told.lines().find(|it| it.contains("in prod")).unwrap_or_default().to_owned()
    };
    assert_eq!(line(&office), "📬 shop in prod → `v1.1.0`: proposed (#2)");
    office.presses("U0B", &office.slack.button("Approve")).await;
    office.hoist.settle().await;
    office.work().await;
    assert_eq!(line(&office), "🚚 shop in prod → `v1.1.0`: soaking (#2)");
    office.forward(31 * 60);
    office.hoist.settle().await;
    office.work().await;
    assert_eq!(line(&office), "✅ shop in prod → `v1.1.0`: succeeded (#2)");
}

#[tokio::test]
async fn a_hold_that_ends_by_itself_leaves_the_message_then() {
    let mut office = proposed().await;
    office.asks("U0B", "hold shop prod for 30m because we look").await;
    office.work().await;
    assert!(
        office.told().contains("⏸ Held by bob: we look (until 2026-03-10 13:30 Europe/Stockholm)."),
        "{}",
        office.told()
    );
    office.forward(31 * 60);
    office.hoist.settle().await;
    office.work().await;
    assert!(!office.told().contains("Held by"), "{}", office.told());
    assert_eq!(
        office.audit("resume").await,
        ["Hoist hoist: shop is no longer held in prod: the hold's time is over, and what waited \
             there goes on."]
    );
}

#[tokio::test]
async fn the_message_says_that_what_runs_is_ill() {
    let service = Service::start().await;
    service.answers(200, "fine");
    let health = format!(
        "merge: automatic\n        health: {{http: \"{}/{{application}}\"}}\n        on_unhealthy: \
         {{do: hold, after: 2m}}",
        service.url()
    );
    let pipelines = PIPELINES.replace("merge: automatic", &health);
    let office = Office::open_with(&pipelines).await;
    service.answers(503, "no");
    office.hoist.announce("shop", "v1.1.0").await;
    for _ in 0..5 {
        office.hoist.settle().await;
        office.work().await;
    }
    let told = office.told();
    assert!(
        told.starts_with("🔥 shop in staging → `v1.1.0`: merged (#1)\nMerged by hoist"),
        "{told}"
    );
    assert!(told.contains(". 🔥 Not well: the answer is 503; its soak starts over once"), "{told}");
    for _ in 0..20 {
        office.hoist.settle().await;
    }
    office.work().await;
    let told = office.told();
    assert!(told.contains("⏸ Held by hoist: v1.1.0 has not been well for"), "{told}");
    service.answers(200, "fine");
    for _ in 0..10 {
        office.hoist.settle().await;
    }
    office.work().await;
    assert!(!office.told().contains('🔥'), "{}", office.told());
}
