//! Gates that ask the world outside: a Prometheus, and a service that answers yes or no.

use crate::support::prometheus::Prometheus;
use crate::support::service::Service;
use crate::support::world::Bot;

/// Prod opens once errors stayed below 1 % for ten minutes.
async fn with_metric(rest: &str) -> (Bot, Prometheus) {
    let prometheus = Prometheus::start().await;
    let prod = format!(
        "after: [staging], merge: automatic, gates: [{{prometheus: \"{}\", \
         query: 'errors{{app=\"{{application}}\",version=\"{{version}}\"}}', \
         until: \"< 0.01\", for: 10m{rest}}}]",
        prometheus.url()
    );
    let bot = Bot::with(&[("staging", "merge: automatic"), ("prod", &prod)]).await;
    bot.work().await;
    (bot, prometheus)
}

#[tokio::test]
async fn a_metric_must_stay_within_its_bound_since_the_version_runs() {
    let (bot, prometheus) = with_metric("").await;
    prometheus.measures(bot.now(), Some(0.002));
    bot.minutes_pass(60);
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(prometheus.last_query(), r#"errors{app="shop",version="v1.4.2"}"#);
    // An hour of good values was another version's.
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 waiting (prometheus gate: it is < 0.01 so far, and must be for 10m (until 2026-11-22 22:10 UTC))
    ");
    bot.minutes_pass(5);
    prometheus.measures(bot.now(), Some(0.04));
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 waiting (prometheus gate: it is 0.04, and must be < 0.01)
    ");
    bot.minutes_pass(1);
    prometheus.measures(bot.now(), Some(0.001));
    bot.minutes_pass(5);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 waiting (prometheus gate: it was not < 0.01 for the whole of 10m)
    ");
    bot.minutes_pass(6);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_metric_that_nobody_measures_or_a_prometheus_that_is_away_opens_nothing() {
    let (bot, prometheus) = with_metric("").await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 waiting (prometheus gate: the query finds no value)
    ");
    prometheus.measures(bot.now(), Some(0.0));
    bot.minutes_pass(4);
    prometheus.measures(bot.now(), None);
    bot.minutes_pass(1);
    prometheus.measures(bot.now(), Some(0.0));
    bot.minutes_pass(8);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 waiting (prometheus gate: there are values for 19 of 21 points only)
    ");
    prometheus.breaks(Some(502));
    bot.minutes_pass(10);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 waiting (prometheus gate: Prometheus at 127.0.0.1 could not be asked: the answer is 502 Bad Gateway: upstream connect error)
    ");
    prometheus.breaks(None);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_status_is_not_written_anew_for_every_digit_of_a_metric() {
    let (bot, prometheus) = with_metric(", before: merge").await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let mut seen = Vec::new();
    for value in [0.02, 0.03, 0.05] {
        prometheus.measures(bot.now(), Some(value));
        bot.minutes_pass(1);
        bot.work().await;
        seen.push(bot.statuses(2).await);
    }
    assert!(
        seen[0].contains("hoist/prometheus Pending: the metric is < 0.01 for 10m"),
        "{}",
        seen[0]
    );
    assert!(seen.iter().all(|it| *it == seen[0]), "{seen:#?}");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (prometheus gate: it is 0.05, and must be < 0.01)
    ");
}

#[tokio::test]
async fn why_says_what_was_measured_and_a_rollback_does_not_ask() {
    let (bot, prometheus) = with_metric(", timeout: 1d").await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    prometheus.measures(bot.now(), Some(0.001));
    bot.minutes_pass(11);
    bot.work().await;
    prometheus.measures(bot.now(), Some(0.7));
    bot.announce("v1.5.0").await;
    bot.work().await;
    bot.minutes_pass(1);
    bot.work().await;
    let why = bot.app().why("shop", "prod").await.unwrap();
    insta::assert_snapshot!(why.answer, @"v1.5.0 is not in prod: prometheus gate: it is 0.7, and must be < 0.01");
    let gate = why.candidates[0].gates.iter().find(|it| it.gate.name == "prometheus").unwrap();
    assert_eq!(gate.gate.saw, "it is 0.7, and must be < 0.01");

    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test]
async fn a_service_says_yes_or_no_about_this_very_version() {
    let service = Service::start().await;
    let prod = format!(
        "after: [staging], merge: automatic, \
         gates: [{{http: \"{}/qa/{{application}}/{{version}}\", expect: \"{{version}} passed\"}}]",
        service.url()
    );
    let bot = Bot::with(&[("staging", "merge: automatic"), ("prod", &prod)]).await;
    bot.work().await;
    service.answers(200, "v1.4.1 passed");
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(service.last_path(), "/qa/shop/v1.4.2");
    insta::assert_snapshot!(bot.status().await, @r#"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 waiting (http gate: "v1.4.2 passed" is not in the answer)
    "#);
    service.answers(500, "oops");
    bot.minutes_pass(1);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 waiting (http gate: the answer is 500)
    ");
    service.answers(200, "v1.4.2 passed with flying colours");
    bot.minutes_pass(1);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}
