//! Commands: who is heard, what is answered, and what is done once.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use hoist::scheduler;

use super::Office;
use crate::support::served::PIPELINES;
use crate::support::slack::signed;

#[tokio::test]
async fn a_command_is_answered_to_whoever_gave_it() {
    let mut office = Office::open().await;
    let receipt = office.says("U0A", "status").await;
    assert_eq!(receipt.json()["response_type"], "ephemeral");
    assert_eq!(receipt.json()["text"], "Heard: `status`. The answer follows.");
    assert_eq!(office.slack.answers(), Vec::<String>::new());
    office.work().await;
    insta::assert_snapshot!(office.slack.answers().join("\n"), @r"
    • cart in staging: `v1.0.0`, succeeded
    • cart in prod: `v1.0.0`, succeeded
    • shop in staging: `v1.0.0`, succeeded
    • shop in prod: `v1.0.0`, succeeded
    ");
    let told = office.slack.told();
    assert_eq!(told.answers[0].0, "U0A");
    assert_eq!(told.answers[0].1["response_type"], "ephemeral");
}

#[tokio::test]
async fn what_is_asked_for_is_done_and_recorded_with_who_where_and_why() {
    let mut office = Office::open().await;
    insta::assert_snapshot!(
        office.asks("U0A", "hold shop in prod for 2h because <the> migration & more").await,
        @"shop is held in prod until 2026-03-10 15:00 Europe/Stockholm (&lt;the&gt; migration &amp; more): nothing but a rollback goes in."
    );
    insta::assert_snapshot!(
        office.asks("U0B", "hold cart prod until 17:00").await,
        @"cart is held in prod until 2026-03-10 17:00 Europe/Stockholm: nothing but a rollback goes in."
    );
    assert_eq!(
        office.audit("asked").await,
        [
            "Slack alice: alice said `hold shop in prod for 2h because <the> migration & more` in Slack C1",
            "Slack bob: bob said `hold cart prod until 17:00` in Slack C1",
        ]
    );
    assert_eq!(office.audit("hold").await.len(), 2);
    let shown = office.asks("U0A", "why shop prod").await;
    assert!(shown.contains("held by alice: &lt;the&gt; migration &amp; more"), "{shown}");
    let shown = office.asks("U0A", "resume shop prod").await;
    assert_eq!(shown, "shop is no longer held in prod: what waited there goes on.");
}

#[tokio::test]
async fn what_ends_at_five_is_not_told_to_end_a_minute_before() {
    let mut office = Office::open().await;
    office.says("U0A", "hold shop prod until 17:00").await;
    // It is never attended to at the very second in which it was said.
    office.hoist.clock.forward(jiff::SignedDuration::from_millis(1234));
    office.work().await;
    let answer = office.slack.answers().pop().unwrap();
    assert!(answer.contains("until 2026-03-10 17:00 Europe/Stockholm"), "{answer}");
}

#[tokio::test]
async fn a_version_goes_up_and_comes_back_by_words_alone() {
    let mut office = Office::open().await;
    office.hoist.announce("shop", "v1.1.0").await;
    office.hoist.settle().await;
    let answer = office.asks("U0A", "promote shop to prod because we want it").await;
    assert!(answer.contains("already on its way into prod"), "{answer}");
    let answer = office.asks("U0A", "plan shop").await;
    assert!(answer.contains("• shop `v1.1.0` into prod waits: it needs review"), "{answer}");
    let answer = office.asks("U0A", "rollback shop staging because it is slow").await;
    assert!(answer.contains("shop in staging goes back from v1.1.0 to v1.0.0"), "{answer}");
    office.hoist.settle().await;
    let answer = office.asks("U0A", "history shop staging").await;
    insta::assert_snapshot!(answer, @"
    • `v1.0.0` into staging: succeeded since 2026-03-10 13:00 Europe/Stockholm; alice asked, because `it is slow`
    • `v1.1.0` into staging: rolled back since 2026-03-10 13:00 Europe/Stockholm; carol asked
    • `v1.0.0` into staging: succeeded since 2026-03-10 13:00 Europe/Stockholm; found there
    ");
    let answer = office.asks("U0A", "resume shop staging").await;
    assert!(answer.contains("no longer held in staging"), "{answer}");
}

#[tokio::test]
async fn an_environment_is_frozen_and_thawed_by_words() {
    let mut office = Office::open().await;
    let answer = office.asks("U0A", "freeze prod for 1h because we look").await;
    assert!(answer.starts_with("prod is frozen until"), "{answer}");
    let answer = office.asks("U0B", "status shop").await;
    assert!(
        answer.starts_with("❄ prod is frozen until 2026-03-10 14:00 Europe/Stockholm by alice"),
        "{answer}"
    );
    let answer = office.asks("U0E", "thaw prod").await;
    assert!(answer.starts_with("Not done: erin may not `freeze`"), "{answer}");
    let answer = office.asks("U0B", "thaw prod because it is over").await;
    assert!(answer.starts_with("prod was thawed"), "{answer}");
}

#[tokio::test]
async fn a_gate_is_skipped_by_whoever_may() {
    let mut office = Office::open().await;
    office.hoist.announce("shop", "v1.1.0").await;
    office.hoist.settle().await;
    let answer = office.asks("U0A", "skip approvals because it is a hotfix").await;
    assert!(answer.contains("`skip approvals APP ENV because …`"), "{answer}");
    let answer = office.asks("U0A", "skip approvals shop prod because it is a hotfix").await;
    assert!(answer.contains("alice may not `skip-gates` in prod"), "{answer}");
    let answer = office.asks("U0F", "skip approvals shop prod because it is a hotfix").await;
    assert!(answer.contains("v1.1.0"), "{answer}");
    assert_eq!(office.audit("skip").await.len(), 1);
}

#[tokio::test]
async fn a_redelivery_does_nothing_twice() {
    let office = Office::open().await;
    let body = office.slack.types("U0A", "hold shop prod", "trigger-1");
    // As Slack does it: signed anew, with the number of the try.
    for number in ["0", "1", "2"] {
        office.forward(10);
        let mut again = signed(&body, office.hoist.app.clock.now());
        again.headers_mut().insert("x-slack-retry-num", number.parse().unwrap());
        again.headers_mut().insert("x-slack-retry-reason", "http_timeout".parse().unwrap());
        assert_eq!(office.hoist.send(again).await.status, StatusCode::OK);
    }
    office.work().await;
    assert_eq!(office.sends(&body).await.status, StatusCode::OK);
    office.work().await;
    assert_eq!(office.slack.answers().len(), 1);
    assert_eq!(office.audit("asked").await.len(), 1);
    assert_eq!(office.audit("hold").await.len(), 1);
}

#[tokio::test]
async fn deliveries_at_the_same_instant_are_one() {
    let office = Office::open().await;
    let body = office.slack.types("U0A", "hold shop prod", "trigger-1");
    let answers = futures::future::join_all((0..8).map(|_| office.sends(&body))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    office.work().await;
    assert_eq!(office.audit("hold").await.len(), 1);
}

#[tokio::test]
async fn who_does_not_sign_is_not_heard() {
    let office = Office::open().await;
    let body = office.slack.types("U0A", "hold shop prod", "trigger-1");
    let now = office.hoist.app.clock.now();
    let late = signed(&body, now - jiff::SignedDuration::from_secs(301));
    assert_eq!(office.hoist.send(late).await.status, StatusCode::UNAUTHORIZED);
    let early = signed(&body, now + jiff::SignedDuration::from_secs(301));
    assert_eq!(office.hoist.send(early).await.status, StatusCode::UNAUTHORIZED);
    let (parts, _) = signed(&body, now).into_parts();
    let other = office.slack.types("U0A", "rollback shop prod", "trigger-1");
    let forged = axum::http::Request::from_parts(parts, other.into());
    assert_eq!(office.hoist.send(forged).await.status, StatusCode::UNAUTHORIZED);
    let unsigned = axum::http::Request::post("/hooks/slack").body(body.into()).unwrap();
    assert_eq!(office.hoist.send(unsigned).await.status, StatusCode::UNAUTHORIZED);
    office.work().await;
    assert_eq!(office.audit("asked").await, Vec::<String>::new());
}

#[tokio::test]
async fn answers_go_to_slack_and_nowhere_else() {
    let office = Office::open().await;
    let body = office.slack.types("U0A", "status", "trigger-1");
    let evil = url::form_urlencoded::parse(body.as_bytes()).map(|(name, value)| match &*name {
        "response_url" => (name, "http://169.254.169.254/latest/meta-data".into()),
        _ => (name, value),
    });
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(evil).finish();
    let answer = office.sends(&body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["field"], "response_url");
    assert_eq!(office.audit("asked").await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_does_what_their_roles_do_not_allow() {
    let mut office = Office::open().await;
    let answer = office.asks("U0X", "rollback shop prod").await;
    assert!(answer.contains("put `slack: U0X` at your name under `people:`"), "{answer}");
    let answer = office.asks("U0E", "hold shop prod").await;
    assert!(answer.starts_with("Not done: erin may not `hold` in prod"), "{answer}");
    let answer = office.asks("U0E", "status shop").await;
    assert!(answer.contains("shop in prod: `v1.0.0`"), "{answer}");
    for question in ["status", "why shop prod", "plan", "history shop"] {
        let answer = office.asks("U0F", question).await;
        assert!(answer.contains("frank lacks the right `status`"), "{answer}");
    }
    assert_eq!(office.audit("hold").await, Vec::<String>::new());
    assert_eq!(office.audit("rollback").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_slip_gets_the_nearest_right_command() {
    let mut office = Office::open().await;
    let answer = office.asks("U0A", "hold shop prd").await;
    assert!(answer.contains("did you mean `prod`?"), "{answer}");
    let answer = office.asks("U0A", "hold prod shop").await;
    assert!(answer.contains("the application comes first; did you mean `shop prod`?"), "{answer}");
    let answer = office.asks("U0A", "why prod shop").await;
    assert!(answer.contains("did you mean `shop prod`?"), "{answer}");
    let answer = office.asks("U0A", "hodl shop prod").await;
    assert!(answer.contains("Did you mean `hold shop prod`?"), "{answer}");
    let answer = office.asks("U0A", "status shp").await;
    assert!(answer.contains("did you mean `shop`?"), "{answer}");
    assert_eq!(office.audit("hold").await, Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_that_slack_has_no_time_for_is_delivered_later() {
    let mut office = Office::open().await;
    office.says("U0A", "status shop").await;
    office.slack.told().overworked = 1;
    office.work().await;
    assert_eq!(office.slack.answers().len(), 0);
    office.forward(6);
    office.work().await;
    assert_eq!(office.slack.answers().len(), 0, "Slack asked for seven seconds");
    office.forward(1);
    office.work().await;
    office.work().await;
    assert_eq!(office.slack.answers().len(), 1);
}

#[tokio::test]
async fn nobody_waits_for_an_answer_for_ever() {
    let mut office = Office::open().await;
    office.says("U0A", "hold shop prod").await;
    office.slack.told().broken = usize::MAX;
    for _try in 0..40 {
        office.work().await;
        office.forward(60);
    }
    office.slack.told().broken = 0;
    office.work().await;
    assert_eq!(office.slack.answers().len(), 0);
    assert_eq!(office.audit("hold").await.len(), 1, "it was done all the same");
}

#[tokio::test]
async fn what_was_said_before_a_restart_is_done_after_it() {
    let mut office = Office::open().await;
    office.says("U0A", "hold shop prod").await;
    office.hoist = office.hoist.restarted().await;
    office.hoist.settle().await;
    office.work().await;
    assert_eq!(office.slack.answers().len(), 1);
    assert_eq!(office.audit("hold").await.len(), 1);
}

#[tokio::test]
async fn what_was_said_long_ago_is_not_done_any_more() {
    let mut office = Office::open().await;
    office.says("U0A", "rollback shop prod").await;
    office.forward(31 * 60);
    office.work().await;
    assert_eq!(office.audit("rollback").await, Vec::<String>::new());
    assert_eq!(office.slack.answers().len(), 0);
}

/// The whole machinery with the machine's own time: a Slack that takes its time keeps nobody.
#[tokio::test]
async fn a_slow_slack_keeps_nobody_waiting() {
    let mut office = Office::open().await;
    office.slack.told().slow = Duration::from_millis(1500);
    let (ending, mut ended) = tokio::sync::watch::channel(());
    let app = std::sync::Arc::clone(&office.hoist.app);
    let people = tokio::spawn(scheduler::converse(app, async move {
        drop(ended.changed().await);
    }));
    let begun = Instant::now();
    for speaker in ["U0A", "U0B", "U0E", "U0F", "U0A", "U0B"] {
        office.says(speaker, "help").await;
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "receipts are not kept waiting");
    let deadline = Instant::now() + Duration::from_secs(60);
    while office.slack.answers().len() < 6 {
        assert!(Instant::now() < deadline, "answers come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(ending);
    people.await.unwrap();
}

/// A merge hangs at the forge, and a freeze is answered once it is done: the receipt is not.
#[tokio::test]
async fn however_long_the_work_takes_the_receipt_comes_at_once() {
    let mut office = Office::open().await;
    let (hoist, gate) = office.hoist.restarted_with_slow_merges().await;
    office.hoist = hoist;
    office.hoist.announce("shop", "v1.1.0").await;
    let app = std::sync::Arc::clone(&office.hoist.app);
    let passes = tokio::spawn(async move {
        scheduler::sweep(&app).await;
        scheduler::work_off(&app).await;
    });
    gate.is_reached().await;
    let begun = Instant::now();
    office.says("U0A", "freeze staging because we look").await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let app = std::sync::Arc::clone(&office.hoist.app);
    let work = tokio::spawn(async move { scheduler::answer_all(&app).await });
    while office.hoist.app.freezes().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It is kept and carried out, and nobody is told that it is frozen while a merge goes on.
    assert_eq!(office.slack.answers(), Vec::<String>::new());
    gate.open();
    passes.await.unwrap();
    work.await.unwrap();
    let answer = office.slack.answers().pop().unwrap();
    assert!(answer.starts_with("staging is frozen"), "{answer}");
}

#[tokio::test]
async fn of_one_speaker_the_first_words_come_first() {
    let mut office = Office::open().await;
    office.says("U0A", "hold shop prod because one").await;
    office.says("U0A", "resume shop prod").await;
    office.says("U0A", "hold shop prod because two").await;
    office.work().await;
    let answer = office.asks("U0A", "why shop prod").await;
    assert!(answer.contains("held by alice: two"), "{answer}");
}

#[tokio::test]
async fn a_schedule_is_planned_and_run_by_words() {
    let nightly = format!(
        "{PIPELINES}schedules:\n  - {{name: nightly, cron: \"0 2 * * *\", zone: Europe/Stockholm, \
         pipeline: services, to: prod}}\n"
    );
    let mut office = Office::open_with(&nightly).await;
    office.hoist.app.run_due().await.unwrap();
    office.hoist.announce("shop", "v1.1.0").await;
    office.hoist.settle().await;
    insta::assert_snapshot!(office.asks("U0A", "plan --schedule nightly --at 17:00").await, @"
    The schedule nightly at 2026-03-10 17:00 Europe/Stockholm: 1 goes into prod, 1 stays behind
    • shop: `v1.0.0` → `v1.1.0`
    • cart stays (nothing-new): nothing new waits there
    ");
    let answer = office.asks("U0A", "plan --schedule nigtly").await;
    assert!(answer.contains("did you mean `nightly`?"), "{answer}");
    let answer = office.asks("U0E", "run nightly").await;
    assert!(answer.starts_with("Not done: erin may not"), "{answer}");
    insta::assert_snapshot!(office.asks("U0A", "run nightly").await, @"
    The schedule nightly ran: 1 goes into prod, 1 stays behind.
    shop v1.1.0
    cart stays (nothing-new): nothing new waits there
    ");
    assert_eq!(office.audit("run").await.len(), 2, "the first stands for its being kept");
}

#[tokio::test]
async fn a_proposal_is_reviewed_by_words_and_what_is_suggested_can_be_said() {
    let mut office = Office::open().await;
    office.hoist.announce("shop", "v1.1.0").await;
    office.hoist.settle().await;
    let why = office.asks("U0A", "why shop prod").await;
    let (_, rest) = why.split_once("`hoist review ").unwrap();
    let (suggested, _) = rest.split_once('`').unwrap();
    let answer = office.asks("U0A", &format!("hoist review {suggested}")).await;
    assert!(answer.contains("alice approved proposal #2"), "{answer}");
    let answer = office.asks("U0F", "skip shop prod soak because it is hot").await;
    assert!(answer.contains("meets no gate"), "the place may come first: {answer}");
    let answer = office.asks("U0A", "freeze all because we look").await;
    assert!(answer.starts_with("every environment is frozen"), "{answer}");
    let answer = office.asks("U0A", "unfreeze all").await;
    assert!(answer.starts_with("every environment was thawed"), "{answer}");
}

/// Killed between what a command does and the record of its answer: what was done is the answer.
#[tokio::test]
async fn what_was_done_before_a_crash_is_not_done_again() {
    let mut office = Office::open().await;
    for (command, verb) in [
        ("hold shop prod for 2h because we look", "hold"),
        ("resume shop prod", "resume"),
        ("freeze prod because we look", "freeze"),
        ("thaw prod", "thaw"),
    ] {
        office.says("U0A", command).await;
        let app = &office.hoist.app;
        let saying = app.unattended(1).await.unwrap().pop().unwrap();
        app.chat.store.as_ref().unwrap().begin(&saying.id).await.unwrap();
        let alice = app.policy.speaker(saying.door, "U0A").unwrap();
        let done = app.converse(&alice, command, saying.said_at).await;
        office.hoist = office.hoist.restarted().await;
        office.hoist.settle().await;
        office.work().await;
        let told = office.slack.answers().pop().unwrap();
        let clock = |text: &str| text.split(" until ").next().unwrap_or_default().to_owned();
        assert_eq!(clock(&told), clock(&done), "{command}");
        assert_eq!(office.audit(verb).await.len(), 1, "{command}");
    }
    // What was not done yet is done.
    office.says("U0A", "hold cart prod").await;
    let saying = office.hoist.app.unattended(1).await.unwrap().pop().unwrap();
    office.hoist.app.chat.store.as_ref().unwrap().begin(&saying.id).await.unwrap();
    office.hoist = office.hoist.restarted().await;
    office.hoist.settle().await;
    office.work().await;
    assert_eq!(office.audit("hold").await.len(), 2);
}

/// The same of what goes into a proposal, and of a run.
#[tokio::test]
async fn what_was_begun_before_a_crash_is_not_begun_again() {
    let nightly = format!(
        "{}schedules:\n  - {{name: nightly, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: \
         prod}}\n",
        PIPELINES.replace("- approvals: 1", "- approvals: 1\n          - soak: 2h"),
    );
    let mut office = Office::open_with(&nightly).await;
    office.hoist.app.run_due().await.unwrap();
    for version in ["v1.1.0", "v1.2.0"] {
        office.hoist.announce("shop", version).await;
        office.hoist.settle().await;
    }
    for (speaker, command, verb) in [
        ("U0F", "skip soak shop prod because we know it", "skip"),
        ("U0A", "run nightly", "run"),
        ("U0A", "promote shop v1.1.0 to staging --allow-older", "promote"),
        ("U0A", "rollback shop staging because it burns", "rollback"),
    ] {
        let before = office.audit(verb).await.len();
        office.says(speaker, command).await;
        let app = &office.hoist.app;
        let saying = app.unattended(1).await.unwrap().pop().unwrap();
        app.chat.store.as_ref().unwrap().begin(&saying.id).await.unwrap();
        let by = app.policy.speaker(saying.door, speaker).unwrap();
        let done = app.converse(&by, command, saying.said_at).await;
        office.hoist = office.hoist.restarted().await;
        office.hoist.settle().await;
        office.work().await;
        let told = office.slack.answers().pop().unwrap();
        assert!(done.starts_with(&told), "{command}: {told}, and not {done}");
        assert_eq!(office.audit(verb).await.len(), before + 1, "{command}");
    }
}

/// Whoever may hold and not resume could otherwise end a rollback's hold by one of a minute.
#[tokio::test]
async fn a_hold_does_not_shorten_the_one_that_stands() {
    let mut office = Office::open().await;
    office.asks("U0A", "hold shop prod because of a migration").await;
    insta::assert_snapshot!(office.asks("U0B", "hold shop prod for 1m").await, @"shop stays as it is in prod: held by alice: of a migration (until somebody resumes it). That lasts at least as long; `hoist resume shop prod` ends it.");
    office.forward(90);
    office.hoist.settle().await;
    let shop = office.hoist.app.application("shop").await.unwrap();
    assert!(shop.environments[1].hold.is_some());
    office.asks("U0A", "hold cart prod for 1h").await;
    let answer = office.asks("U0B", "hold cart prod for 2h").await;
    assert!(answer.starts_with("cart is held in prod until"), "{answer}");
    assert_eq!(office.audit("hold").await.len(), 3);
}
