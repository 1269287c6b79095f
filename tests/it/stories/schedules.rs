//! Schedules: what has gathered goes at its time, once, and whoever asks is told what would go.

use hoist::app::AppError;
use hoist::app::views::{RunView, SkipRequest};
use hoist::domain::command::Identity;
use hoist::domain::plan::Reason;
use hoist::domain::schedule::IfMissed;
use jiff::{SignedDuration, Timestamp};

use super::recover::hoist as program;
use crate::cli::Hoist;
use crate::support::served::{PIPELINES, Served, token};
use crate::support::world::Bot;

/// A hoist at noon UTC on March the 10th, with a run into prod at two every night in Stockholm.
async fn nightly(more: &str) -> Served {
    every_night_at("0 2", more).await
}

async fn every_night_at(time: &str, more: &str) -> Served {
    let pipelines = format!(
        "{PIPELINES}schedules:\n  - {{name: nightly, cron: \"{time} * * *\", zone: \
         Europe/Stockholm, pipeline: services, to: prod{more}}}\n"
    );
    let hoist = Served::start_edited(&[("pipelines.yaml", &pipelines)], |process| process).await;
    hoist.settle().await;
    hoist.app.run_due().await.unwrap();
    hoist
}

async fn identity(hoist: &Served, name: &str) -> Identity {
    hoist.app.identify(&token(name)).await.unwrap()
}

/// Lets time pass until then.
fn wait_until(hoist: &Served, at: &str) {
    let at: Timestamp = at.parse().unwrap();
    hoist.clock.forward(at.duration_since(hoist.app.clock.now()));
}

async fn boarded(hoist: &Served) -> Vec<String> {
    let entries = hoist.app.store.audit(0, 1000).await.unwrap();
    let lines = entries.into_iter().map(|entry| entry.line);
    lines.filter(|line| line.verb == "boarded").map(|line| line.text).collect()
}

/// When runs took place in the hours up to then, by a scheduler that looks every five minutes, and
/// what went with them.
async fn runs_until(hoist: &Served, at: &str) -> Vec<String> {
    let end: Timestamp = at.parse().unwrap();
    let before = hoist.app.store.audit(0, 10_000).await.unwrap().len();
    while hoist.app.clock.now() < end {
        hoist.clock.forward(SignedDuration::from_mins(5));
        hoist.app.run_due().await.unwrap();
    }
    let entries = hoist.app.store.audit(0, 10_000).await.unwrap();
    let lines = entries.into_iter().skip(before).map(|entry| entry.line);
    let told = lines.filter(|line| matches!(line.verb.as_str(), "run" | "boarded"));
    told.map(|line| format!("{} {}", line.at, line.text)).collect()
}

#[tokio::test]
async fn half_past_two_comes_once_in_both_nights_in_which_the_clocks_are_changed() {
    let hoist = every_night_at("30 2", "").await;
    // In spring there is no such time: it goes on from two to three.
    wait_until(&hoist, "2026-03-28T12:00:00Z");
    hoist.app.run_due().await.unwrap();
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    insta::assert_snapshot!(runs_until(&hoist, "2026-03-30T12:00:00Z").await.join("\n"), @"
    2026-03-29T01:00:10Z The schedule nightly ran: 1 goes into prod, 1 stays behind.
    2026-03-29T01:00:10Z the schedule nightly lets `v1.1.0` go into prod
    2026-03-30T00:30:10Z The schedule nightly ran: 0 go into prod, 2 stay behind.
    ");
    // In autumn it comes twice.
    wait_until(&hoist, "2026-10-24T12:00:00Z");
    hoist.app.run_due().await.unwrap();
    hoist.announce("shop", "v1.2.0").await;
    hoist.settle().await;
    insta::assert_snapshot!(runs_until(&hoist, "2026-10-26T12:00:00Z").await.join("\n"), @"
    2026-10-25T00:30:10Z The schedule nightly ran: 1 goes into prod, 1 stays behind.
    2026-10-25T00:30:10Z the schedule nightly lets `v1.2.0` go into prod
    2026-10-26T01:30:10Z The schedule nightly ran: 0 go into prod, 2 stay behind.
    ");
}

/// Where the shop stands in prod: what is on its way, and what it waits for.
async fn in_prod(hoist: &Served, application: &str) -> String {
    let view = hoist.app.application(application).await.unwrap();
    let next = view.environments[1].next.clone();
    next.map_or_else(String::new, |it| {
        format!("{} {}: {}", it.version, it.state, it.waits_for.unwrap_or_default())
    })
}

#[tokio::test]
async fn what_gathers_goes_at_its_time_and_not_before() {
    let hoist = nightly("").await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    assert_eq!(
        in_prod(&hoist, "shop").await,
        "v1.1.0 waiting: schedule gate: waits for the schedule nightly, next 2026-03-11 02:00 \
         Europe/Stockholm (until 2026-03-11 01:00 UTC)"
    );
    wait_until(&hoist, "2026-03-11T00:59:00Z");
    hoist.app.run_due().await.unwrap();
    hoist.settle().await;
    assert!(in_prod(&hoist, "shop").await.starts_with("v1.1.0 waiting"));
    wait_until(&hoist, "2026-03-11T01:00:01Z");
    hoist.app.run_due().await.unwrap();
    hoist.settle().await;
    assert!(in_prod(&hoist, "shop").await.starts_with("v1.1.0 proposed"));
    assert_eq!(boarded(&hoist).await, ["the schedule nightly lets `v1.1.0` go into prod"]);
}

#[tokio::test]
async fn a_run_takes_place_once_whatever_is_started_anew() {
    let mut hoist = nightly("").await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    wait_until(&hoist, "2026-03-11T01:00:01Z");
    hoist.app.run_due().await.unwrap();
    hoist.announce("cart", "v2.0.0").await;
    hoist = hoist.restarted().await;
    hoist.settle().await;
    hoist.app.run_due().await.unwrap();
    hoist.app.run_due().await.unwrap();
    hoist.settle().await;
    assert_eq!(boarded(&hoist).await.len(), 1, "the cart came after the run");
    assert!(in_prod(&hoist, "cart").await.starts_with("v2.0.0 waiting"));
    wait_until(&hoist, "2026-03-12T01:00:01Z");
    hoist.app.run_due().await.unwrap();
    assert_eq!(boarded(&hoist).await.len(), 2);
}

#[tokio::test]
async fn a_run_that_was_missed_is_made_up_for_once() {
    let hoist = nightly("").await;
    assert_eq!(hoist.app.policy.schedules[0].if_missed, IfMissed::Run);
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    wait_until(&hoist, "2026-03-14T09:00:00Z");
    hoist.app.run_due().await.unwrap();
    hoist.app.run_due().await.unwrap();
    assert_eq!(boarded(&hoist).await.len(), 1);
    let last = hoist.app.store.last_run(&"nightly".parse().unwrap()).await.unwrap();
    assert_eq!(last, "2026-03-14T01:00:00Z".parse().ok());
}

#[tokio::test]
async fn a_run_that_was_missed_can_be_left_out() {
    let hoist = nightly(", if_missed: skip").await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    wait_until(&hoist, "2026-03-14T09:00:00Z");
    hoist.app.run_due().await.unwrap();
    assert_eq!(boarded(&hoist).await, Vec::<String>::new());
    // A restart at its time is no reason to leave it out.
    wait_until(&hoist, "2026-03-15T01:05:00Z");
    hoist.app.run_due().await.unwrap();
    assert_eq!(boarded(&hoist).await.len(), 1);
}

#[tokio::test]
async fn a_run_does_what_its_plan_has_said() {
    let hoist = nightly(", max: 1").await;
    hoist.announce("cart", "v2.0.0").await;
    hoist.settle().await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    let view = hoist.app.foresee_run("nightly", None).await.unwrap();
    let goes: Vec<String> =
        view.goes.iter().map(|it| format!("{} {}", it.application, it.version)).collect();
    assert_eq!(goes, ["cart v2.0.0"], "whoever has waited longest goes first");
    assert_eq!(view.goes[0].from.as_deref(), Some("v1.0.0"));
    let stays: Vec<String> =
        view.stays.iter().map(|it| format!("{}: {}", it.application, it.why)).collect();
    assert_eq!(stays, ["shop: the run takes 1, and others have waited longer"]);
    assert_eq!(view.next.len(), 5);
    assert_eq!(boarded(&hoist).await, Vec::<String>::new(), "a plan does nothing");

    let done = hoist.app.run_schedule(&identity(&hoist, "alice").await, "nightly").await.unwrap();
    assert_eq!(
        done.message,
        "The schedule nightly ran: 1 goes into prod, 1 stays behind.\ncart v2.0.0\n\
         shop stays (full): the run takes 1, and others have waited longer"
    );
    let view = hoist.app.foresee_run("nightly", None).await.unwrap();
    let stays: Vec<String> =
        view.stays.iter().map(|it| format!("{}: {}", it.application, it.why)).collect();
    assert_eq!(view.goes[0].version, "v1.1.0");
    assert_eq!(stays, ["cart: v2.0.0 is on its way already: it is waiting"]);
    assert_eq!(view.stays[0].reason, Reason::AlreadyProposed);
}

#[tokio::test]
async fn whoever_is_kept_out_leaves_the_run_and_does_not_stop_it() {
    let hoist = nightly("").await;
    hoist.announce("cart", "v2.0.0").await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    let alice = identity(&hoist, "alice").await;
    let hold = hoist::app::views::HoldRequest {
        application: "cart".into(),
        environment: "prod".into(),
        length: None,
        reason: Some("a migration".into()),
    };
    hoist.app.hold(&alice, hold).await.unwrap();
    hoist.app.run_schedule(&alice, "nightly").await.unwrap();
    assert_eq!(boarded(&hoist).await, ["the schedule nightly lets `v1.1.0` go into prod"]);
    let view = hoist.app.foresee_run("nightly", None).await.unwrap();
    let cart = view.stays.iter().find(|it| it.application.as_str() == "cart").unwrap();
    assert_eq!(cart.why, "v2.0.0 waits for hold: held by alice: a migration");
}

/// What goes and what stays, in words.
fn told(view: &RunView) -> String {
    let goes = view.goes.iter().map(|it| {
        let from = it.from.as_deref().unwrap_or_default();
        format!("goes {} into {}: {from} → {}", it.application, it.environment, it.version)
    });
    let stays = view
        .stays
        .iter()
        .map(|it| format!("stays {} ({}): {}", it.application, it.reason.name(), it.why));
    goes.chain(stays).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_schedule_takes_those_that_it_names_into_each_of_its_environments() {
    let pipelines = format!(
        "{PIPELINES}schedules:\n  - {{name: nightly, cron: \"0 2 * * *\", zone: UTC, pipeline: \
         services, applications: [\"s*p\"], to: [staging, prod]}}\n"
    );
    let hoist = Served::start_edited(&[("pipelines.yaml", &pipelines)], |process| process).await;
    hoist.settle().await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.announce("cart", "v2.0.0").await;
    hoist.settle().await;
    assert!(in_prod(&hoist, "cart").await.starts_with("v2.0.0 proposed"), "it waits for no run");
    assert_eq!(in_prod(&hoist, "shop").await, "");
    let view = hoist.app.foresee_run("nightly", None).await.unwrap();
    insta::assert_snapshot!(told(&view), @"
    goes shop into staging: v1.0.0 → v1.1.0
    stays shop (not-healthy): v1.1.0 does not run in staging yet: it is waiting there
    ");
    let robot = identity(&hoist, "robot").await;
    let refused = hoist.app.run_schedule(&robot, "nightly").await.unwrap_err();
    assert!(refused.to_string().contains("in prod"), "who may in one alone may not: {refused}");
    let alice = identity(&hoist, "alice").await;
    let done = hoist.app.run_schedule(&alice, "nightly").await.unwrap();
    insta::assert_snapshot!(done.message, @"
    The schedule nightly ran: 1 goes into staging and prod, 1 stays behind.
    shop into staging v1.1.0
    shop into prod stays (not-healthy): v1.1.0 does not run in staging yet: it is waiting there
    ");
    hoist.settle().await;
    assert!(in_prod(&hoist, "shop").await.starts_with("v1.1.0 waiting"));
    hoist.app.run_schedule(&alice, "nightly").await.unwrap();
    hoist.settle().await;
    assert!(in_prod(&hoist, "shop").await.starts_with("v1.1.0 proposed"));
}

#[tokio::test]
async fn what_a_plan_says_of_a_time_to_come_is_what_the_run_does_then() {
    let soaking = PIPELINES.replace("        gates:\n", "        gates:\n          - soak: 30m\n");
    let pipelines = format!(
        "{soaking}schedules:\n  - {{name: nightly, cron: \"0 2 * * *\", zone: UTC, pipeline: \
         services, to: prod, max: 2}}\n"
    );
    let hoist = Served::start_edited(&[("pipelines.yaml", &pipelines)], |process| process).await;
    let names = ["till", "desk", "bank", "post"].map(str::to_owned);
    hoist.add_applications(&names, &["staging", "prod"]);
    hoist.settle().await;
    hoist.app.run_due().await.unwrap();
    wait_until(&hoist, "2026-03-11T01:00:00Z");
    for (application, tag) in [("shop", "v1.1.0"), ("till", "v3.0.0"), ("bank", "v7.0.0")] {
        hoist.announce(application, tag).await;
        hoist.settle().await;
    }
    let alice = identity(&hoist, "alice").await;
    for (application, length) in [("till", None), ("shop", Some("30m"))] {
        let hold = hoist::app::views::HoldRequest {
            application: application.into(),
            environment: "prod".into(),
            length: length.map(str::to_owned),
            reason: None,
        };
        hoist.app.hold(&alice, hold).await.unwrap();
    }
    let at = Some("2026-03-11T02:00:00Z".parse().unwrap());
    let first = hoist.app.foresee_run("nightly", at).await.unwrap();
    // What comes later may soak then, and the older goes all the same.
    wait_until(&hoist, "2026-03-11T01:45:00Z");
    hoist.announce("shop", "v1.2.0").await;
    hoist.announce("post", "v4.0.0").await;
    hoist.settle().await;
    let second = hoist.app.foresee_run("nightly", at).await.unwrap();
    insta::assert_snapshot!(told(&second), @"
    goes shop into prod: v1.0.0 → v1.1.0
    goes bank into prod: v1.0.0 → v7.0.0
    stays cart (nothing-new): nothing new waits there
    stays desk (nothing-new): nothing new waits there
    stays post (soaking): v4.0.0 waits for soak: v4.0.0 runs in staging since 2026-03-11 01:45 UTC
    stays till (held): v3.0.0 waits for hold: held by alice
    ");
    assert_eq!(first.goes, second.goes);
    wait_until(&hoist, "2026-03-11T02:00:00Z");
    assert_eq!(hoist.app.foresee_run("nightly", None).await.unwrap(), second);
    assert_eq!(boarded(&hoist).await, Vec::<String>::new(), "a plan does nothing");
    hoist.app.run_due().await.unwrap();
    assert_eq!(
        boarded(&hoist).await,
        [
            "the schedule nightly lets `v1.1.0` go into prod",
            "the schedule nightly lets `v7.0.0` go into prod",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_command_line_it_is_said_what_a_run_would_do_and_it_is_run() {
    let hoist = nightly("").await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = hoist::http::router(std::sync::Arc::clone(&hoist.app));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let asks = async |arguments: &'static [&'static str]| {
        let address = address.clone();
        let ask = move || {
            let hoist = Hoist::new(arguments).set("HOIST_SERVER", &address);
            hoist.set("HOIST_TOKEN", &token("alice")).run()
        };
        tokio::task::spawn_blocking(ask).await.unwrap()
    };
    let told = asks(&["plan", "--schedule", "nightly", "--at", "2026-03-11T01:00Z"]).await.done();
    insta::assert_snapshot!(told.text(), @"
    nightly at 2026-03-11 01:00 UTC: 1 goes into prod, 1 stays behind
      goes   shop: v1.0.0 → v1.1.0
      stays  cart (nothing-new): nothing new waits there
      then   2026-03-12 01:00 UTC, 2026-03-13 01:00 UTC, 2026-03-14 01:00 UTC, 2026-03-15 01:00 UTC, 2026-03-16 01:00 UTC
    ");
    let told = asks(&["plan", "--schedule", "nightly", "--output", "json"]).await.done();
    let plan: serde_json::Value = serde_json::from_str(told.text()).unwrap();
    assert_eq!(plan["stays"][0]["reason"], "nothing-new", "{plan}");
    let ran = asks(&["run", "nightly"]).await.done();
    insta::assert_snapshot!(ran.text(), @"
    The schedule nightly ran: 1 goes into prod, 1 stays behind.
    shop v1.1.0
    cart stays (nothing-new): nothing new waits there
    ");
    assert_eq!(boarded(&hoist).await.len(), 1);
    server.abort();
}

#[tokio::test]
async fn what_begins_by_itself_until_then_goes_with_a_run_to_come() {
    let pipelines = format!(
        "{PIPELINES}schedules:\n  - {{name: nightly, cron: \"0 2 * * *\", zone: UTC, pipeline: \
         services, to: staging}}\n"
    );
    let hoist = Served::start_edited(&[("pipelines.yaml", &pipelines)], |process| process).await;
    hoist.settle().await;
    hoist.announce("shop", "v1.1.0").await;
    // Nobody has looked yet: there is no promotion at all.
    let view = hoist.app.foresee_run("nightly", None).await.unwrap();
    insta::assert_snapshot!(told(&view), @"
    stays cart (nothing-new): nothing new waits there
    stays shop (not-started): v1.1.0: it was announced, and is started at the next look
    ");
    let at = Some("2026-03-11T02:00:00Z".parse().unwrap());
    let view = hoist.app.foresee_run("nightly", at).await.unwrap();
    insta::assert_snapshot!(told(&view), @"
    goes shop into staging: v1.0.0 → v1.1.0
    stays cart (nothing-new): nothing new waits there
    ");
    assert_eq!(view.goes[0].promotion, None, "what has not begun has no name yet");
}

#[tokio::test]
async fn one_that_cannot_wait_is_let_past_by_whoever_may() {
    let hoist = nightly("").await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.announce("cart", "v2.0.0").await;
    hoist.settle().await;
    let refused = hoist.app.run_schedule(&identity(&hoist, "reader").await, "nightly").await;
    assert!(matches!(refused, Err(AppError::NotAllowed(_))));
    let unknown =
        hoist.app.run_schedule(&identity(&hoist, "alice").await, "nightl").await.unwrap_err();
    assert!(unknown.to_string().contains("did you mean `nightly`?"), "{unknown}");
    let request = SkipRequest {
        application: "cart".into(),
        environment: "prod".into(),
        promotion: None,
        gate: "schedule".into(),
        reason: "a hotfix".into(),
    };
    hoist.app.skip(&identity(&hoist, "carol").await, request).await.unwrap();
    hoist.settle().await;
    assert!(in_prod(&hoist, "cart").await.starts_with("v2.0.0 proposed"));
    assert!(in_prod(&hoist, "shop").await.starts_with("v1.1.0 waiting"));
}

#[tokio::test]
async fn a_run_needs_no_hoist_that_is_running() {
    let mut bot = Bot::new().await;
    bot.add_to_the_pipelines(
        "schedules:\n  - {name: nightly, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: prod}\n",
    )
    .await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot.minutes_pass(60);
    bot.work().await;
    assert!(
        bot.status().await.contains("waits for the schedule nightly"),
        "{}",
        bot.status().await
    );
    bot.stop();
    let ran = program(&bot, &["run", "nightly", "--once"]);
    let (told, errors) =
        (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert!(ran.status.success(), "{errors}");
    insta::assert_snapshot!(told, @"
    The schedule nightly ran: 1 goes into prod, 1 stays behind.
    shop v1.4.2
    cart stays (nothing-new): nothing new waits there
    ");
    let unknown = program(&bot, &["run", "nightl", "--once"]);
    let errors = String::from_utf8(unknown.stderr).unwrap();
    insta::assert_snapshot!(errors, @"error: there is no schedule `nightl`; did you mean `nightly`?");
    bot.restart().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2
    ");
}

#[tokio::test]
async fn a_time_is_run_once_however_many_look_at_it_at_once() {
    let hoist = nightly("").await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    wait_until(&hoist, "2026-03-11T01:00:00Z");
    let before = hoist.app.store.audit(0, 10_000).await.unwrap().len();
    let looks = futures::future::join_all((0..8).map(|_| hoist.app.run_due())).await;
    assert!(looks.iter().all(Result::is_ok));
    let entries = hoist.app.store.audit(0, 10_000).await.unwrap();
    let runs = entries.into_iter().skip(before).filter(|it| it.line.verb == "run");
    assert_eq!(runs.count(), 1);
    assert_eq!(boarded(&hoist).await.len(), 1);
}

#[tokio::test]
async fn a_name_that_no_application_has_is_told_wherever_the_schedule_is() {
    let hoist = nightly(", applications: [shpo, \"ca*\"]").await;
    hoist.announce("cart", "v1.1.0").await;
    hoist.settle().await;
    let told = "the schedule nightly takes `shpo`, and no application is called that; did you mean \
                `shop`?";
    assert_eq!(hoist.app.foresee_run("nightly", None).await.unwrap().unmatched, [told]);
    assert_eq!(hoist.app.timetable()[0].unmatched, [told]);
    let alice = identity(&hoist, "alice").await;
    let done = hoist.app.run_schedule(&alice, "nightly").await.unwrap();
    assert_eq!(
        done.message,
        format!("The schedule nightly ran: 1 goes into prod, 0 stay behind.\ncart v1.1.0\n{told}")
    );
}

#[tokio::test]
async fn a_plan_of_a_time_to_come_counts_on_the_runs_until_then() {
    let hoist = nightly("").await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    let ahead = async |at: &str| {
        let plan = hoist.app.foresee(Some("shop"), at.parse().ok()).await.unwrap();
        let shop = &plan.applications[0];
        let steps = shop.steps.iter().map(|it| it.what.clone());
        steps.chain(shop.waits.iter().map(|it| it.why.clone())).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(ahead("2026-03-11T00:59:00Z").await, @"schedule gate: waits for the schedule nightly, next 2026-03-11 02:00 Europe/Stockholm (until 2026-03-11 01:00 UTC)");
    insta::assert_snapshot!(ahead("2026-03-14T09:00:00Z").await, @"
    the schedule nightly lets `v1.1.0` go into prod
    propose v1.1.0
    ");
    assert_eq!(boarded(&hoist).await, Vec::<String>::new(), "a plan does nothing");
}
