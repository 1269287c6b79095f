//! What the controller says decides what is deployed; a promotion goes on when it is well.

use serde_json::json;

use crate::support::argocd::{ArgoCd, deployed};
use crate::support::service::Service;
use crate::support::world::{Bot, digest};

const STAGING: &str = "shop-staging";

/// Both environments are watched; prod wants half an hour of health in staging.
const WATCHED: [(&str, &str); 2] = [
    ("staging", "merge: automatic, health: {argocd: main, application: \"{application}-staging\"}"),
    (
        "prod",
        "after: [staging], gates: [{soak: 30m}], merge: on-approval, \
         health: {argocd: main, application: \"{application}-prod\"}",
    ),
];

/// v1.4.2 is merged into staging, and Argo CD knows the application as it was before.
async fn merged_into_staging() -> (Bot, ArgoCd) {
    let argocd = ArgoCd::start().await;
    let bot = Bot::with_argocd(&WATCHED, &argocd).await;
    bot.work().await;
    for name in [STAGING, "shop-prod"] {
        argocd.creates(name, "default");
        argocd.deploys(name, &bot.remote.tip("main").unwrap(), bot.now());
    }
    bot.announce("v1.4.2").await;
    bot.work().await;
    (bot, argocd)
}

/// Argo CD has brought staging to the tip of main.
fn syncs_staging(bot: &Bot, argocd: &ArgoCd) {
    argocd.deploys(STAGING, &bot.remote.tip("main").unwrap(), bot.now());
}

#[tokio::test]
async fn what_is_merged_is_deployed_once_the_controller_runs_it_and_succeeds_once_it_has_soaked() {
    let (bot, argocd) = merged_into_staging().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, merged (merged, and not deployed yet: it is synced to COMMIT, which is from before the merge)
    prod: v1.0.0, succeeded
    ");
    syncs_staging(&bot, &argocd);
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (it runs and is watched (until 2026-11-22 21:30 UTC))
    prod: v1.0.0, succeeded, next v1.4.2 waiting (soak gate: v1.4.2 is well in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC))
    ");
    bot.watch(28).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (it runs and is watched (until 2026-11-22 21:30 UTC))
    prod: v1.0.0, succeeded, next v1.4.2 waiting (soak gate: v1.4.2 is well in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC))
    ");
    bot.watch(2).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, merged (merged, and not deployed yet: it is synced to COMMIT, which is from before the merge)
    ");
    argocd.deploys("shop-prod", &bot.remote.tip("main").unwrap(), bot.now());
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
}

#[tokio::test]
async fn health_that_lags_behind_the_sync_is_the_old_versions() {
    let (bot, argocd) = merged_into_staging().await;
    let tip = bot.remote.tip("main").unwrap();
    let before = bot.now();
    bot.seconds_pass(20);
    // It compares with the new commit and begins; what is healthy are the old pods.
    let mut status = deployed(&tip, bot.now());
    status["sync"]["status"] = "OutOfSync".into();
    status["operationState"]["phase"] = "Running".into();
    argocd.has(STAGING, status.clone());
    bot.work().await;
    assert!(bot.status().await.contains("it is being synced"), "{}", bot.status().await);
    // Synced, and the application's health has not been looked at since.
    status["sync"]["status"] = "Synced".into();
    status["operationState"]["phase"] = "Succeeded".into();
    status["reconciledAt"] = json!(before);
    argocd.has(STAGING, status.clone());
    bot.watch(5).await;
    assert!(bot.status().await.contains("health has not been looked at"), "{}", bot.status().await);
    // Looked at, healthy still, and then it finds out.
    status["reconciledAt"] = json!(bot.now());
    argocd.has(STAGING, status);
    bot.work().await;
    argocd.judges(STAGING, "Progressing", Some("1 of 3 updated"));
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, merged (deploying: Progressing (1 of 3 updated) at COMMIT)
    prod: v1.0.0, succeeded
    ");
    argocd.judges(STAGING, "Healthy", None);
    bot.watch(1).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
}

#[tokio::test]
async fn a_digest_among_the_images_is_sure_at_the_first_look() {
    let (bot, argocd) = merged_into_staging().await;
    syncs_staging(&bot, &argocd);
    let image = format!("ghcr.io/acme/shop:v1.4.2@{}", digest("shop", "v1.4.2"));
    argocd.changes(STAGING, "/summary/images", json!(["ghcr.io/acme/proxy:v3", image]));
    bot.seconds_pass(15);
    bot.work().await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
}

#[tokio::test]
async fn on_a_shared_branch_a_later_commit_that_contains_the_merge_is_enough() {
    let (bot, argocd) = merged_into_staging().await;
    bot.edit_main("README.md", "What runs where.", "What runs where, and why.");
    bot.announce_of("cart", "v7.0.0").await;
    bot.work().await;
    syncs_staging(&bot, &argocd);
    bot.watch(1).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
}

#[tokio::test]
async fn a_later_commit_that_takes_the_version_back_is_not_ours() {
    let (bot, argocd) = merged_into_staging().await;
    let path = crate::support::world::file("staging", "shop");
    bot.edit_main(&path, "v1.4.2", "v1.4.1-by-hand");
    syncs_staging(&bot, &argocd);
    bot.edit_main(&path, "v1.4.1-by-hand", "v1.4.2");
    bot.watch(2).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, merged (merged, and not deployed yet: it is synced to COMMIT, where the version is v1.4.1-by-hand)
    prod: v1.0.0, succeeded
    ");
}

#[tokio::test]
async fn of_several_sources_one_must_be_ours() {
    let (bot, argocd) = merged_into_staging().await;
    let tip = bot.remote.tip("main").unwrap();
    let mut status = deployed(&tip, bot.now());
    let revisions = json!(["1.2.3", tip, "0123456789012345678901234567890123456789"]);
    status["sync"] = json!({"status": "Synced", "revisions": revisions});
    status["operationState"]["syncResult"] = json!({"revision": "", "revisions": revisions});
    status["operationState"]["operation"] = json!({"sync": {"revisions": revisions}});
    argocd.has(STAGING, status);
    bot.watch(1).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
}

#[tokio::test]
async fn an_application_that_is_not_there_yet_is_waited_for() {
    let argocd = ArgoCd::start().await;
    let bot = Bot::with_argocd(&WATCHED, &argocd).await;
    bot.announce("v1.4.2").await;
    bot.watch(10).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, merged (merged, and not deployed yet: there is no application shop-staging in project default (yet))
    prod: v1.0.0, succeeded
    ");
    argocd.creates(STAGING, "default");
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, merged (merged, and not deployed yet: nothing has been synced there yet)
    prod: v1.0.0, succeeded
    ");
    syncs_staging(&bot, &argocd);
    bot.watch(1).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
}

#[tokio::test]
async fn an_application_of_another_project_is_told_apart_from_one_that_is_missing() {
    let argocd = ArgoCd::start().await;
    let bot = Bot::with_argocd(&WATCHED, &argocd).await;
    argocd.creates(STAGING, "platform");
    bot.announce("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, merged (whether it is well cannot be seen: Argo CD at 127.0.0.1 does not let the token look at shop-staging in project default: allow its account `applications, get, default/shop-staging`, or name the project that the application belongs to with `project:`)
    prod: v1.0.0, succeeded
    ");
}

#[tokio::test]
async fn a_refused_token_and_an_outage_say_so_and_end_nothing() {
    let (bot, argocd) = merged_into_staging().await;
    syncs_staging(&bot, &argocd);
    bot.watch(10).await;
    argocd.breaks(401);
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (whether it is well cannot be seen: Argo CD at 127.0.0.1 refuses the token: it is wrong or has expired; make a new one and restart hoist)
    prod: v1.0.0, succeeded, next v1.4.2 waiting (v1.4.2 in staging: Argo CD at 127.0.0.1 refuses the token: it is wrong or has expired; make a new one and restart hoist; the soak waits)
    ");
    argocd.breaks(503);
    bot.watch(5).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (whether it is well cannot be seen: Argo CD at 127.0.0.1 could not be asked: the answer is 503 Service Unavailable: upstream connect error)
    prod: v1.0.0, succeeded, next v1.4.2 waiting (v1.4.2 in staging: Argo CD at 127.0.0.1 could not be asked: the answer is 503 Service Unavailable: upstream connect error; the soak waits)
    ");
    assert!(!bot.status().await.contains(crate::support::argocd::TOKEN));
    // What could not be seen does not count, and what was seen is not forgotten.
    argocd.is_mended();
    bot.watch(18).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
    bot.watch(4).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, succeeded"), "{}", bot.status().await);
}

#[tokio::test]
async fn a_bad_turn_makes_the_soak_start_over() {
    let (bot, argocd) = merged_into_staging().await;
    syncs_staging(&bot, &argocd);
    bot.watch(25).await;
    argocd.judges(STAGING, "Degraded", Some("2 of 3 crash"));
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (not well: Degraded (2 of 3 crash) at COMMIT; its soak starts over once it is)
    prod: v1.0.0, succeeded, next v1.4.2 waiting (v1.4.2 is not well in staging: Degraded (2 of 3 crash) at COMMIT; the soak starts over)
    ");
    argocd.judges(STAGING, "Healthy", None);
    bot.watch(29).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
    bot.watch(3).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    insta::assert_snapshot!(bot.deeds().await, @"
    hoist found staging
    hoist found prod
    hoist started staging
    hoist proposed staging
    hoist merged staging
    hoist deployed staging
    hoist soaking staging
    hoist started prod
    hoist unhealthy staging
    hoist healthy staging
    hoist soaking staging
    hoist succeeded staging
    hoist proposed prod
    ");
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_soak_forgets_nothing() {
    let (mut bot, argocd) = merged_into_staging().await;
    syncs_staging(&bot, &argocd);
    bot.watch(20).await;
    bot.restart().await;
    bot.watch(9).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
    bot.watch(2).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, succeeded"), "{}", bot.status().await);
}

#[tokio::test]
async fn a_clock_that_jumps_makes_no_soak_shorter() {
    let (bot, argocd) = merged_into_staging().await;
    syncs_staging(&bot, &argocd);
    bot.watch(10).await;
    bot.minutes_pass(300);
    bot.work().await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
    bot.watch(16).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, soaking"), "{}", bot.status().await);
    bot.watch(4).await;
    assert!(bot.status().await.starts_with("staging: v1.4.2, succeeded"), "{}", bot.status().await);
}

#[tokio::test]
async fn nobody_is_asked_about_what_has_succeeded() {
    let (bot, argocd) = merged_into_staging().await;
    syncs_staging(&bot, &argocd);
    bot.watch(31).await;
    let asked = argocd.asked();
    bot.watch(5).await;
    assert_eq!(argocd.asked(), asked);
}

#[tokio::test]
async fn the_status_leads_to_the_application_in_argo_cd() {
    let (bot, argocd) = merged_into_staging().await;
    let health = bot.environment("staging").await.health.unwrap();
    assert_eq!(health.url, Some(format!("{}/applications/{STAGING}", argocd.url())));
}

/// v1.4.2 has succeeded in prod, and v1.5.0 is deployed there.
async fn with_remedy(remedy: &str) -> (Bot, ArgoCd) {
    let argocd = ArgoCd::start().await;
    let prod = format!(
        "after: [staging], merge: on-approval, on_unhealthy: {remedy}, \
         health: {{argocd: main, application: \"{{application}}-prod\"}}"
    );
    let bot = Bot::with_argocd(&[("staging", "merge: automatic"), ("prod", &prod)], &argocd).await;
    bot.work().await;
    argocd.creates("shop-prod", "default");
    for version in ["v1.4.2", "v1.5.0"] {
        bot.announce(version).await;
        bot.work().await;
        bot.approve("bob", "prod").await;
        bot.work().await;
        argocd.deploys("shop-prod", &bot.remote.tip("main").unwrap(), bot.now());
        if version == "v1.4.2" {
            bot.watch(18).await;
            assert!(bot.status().await.contains("prod: v1.4.2, succeeded"));
        }
    }
    (bot, argocd)
}

#[tokio::test]
async fn what_stays_ill_is_rolled_back_and_the_rollback_is_read_back() {
    let (bot, argocd) = with_remedy("rollback").await;
    bot.watch(2).await;
    argocd.judges("shop-prod", "Degraded", Some("payments crash"));
    bot.watch(9).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.5.0, soaking (not well: Degraded (payments crash) at COMMIT; its soak starts over once it is)
    ");
    bot.watch(2).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.5.0, soaking, next v1.4.2 proposed in #5 (it needs review: 0 of 1 approvals, the requester's not counted) (held by hoist: v1.5.0 was rolled back) (not well: Degraded (payments crash) at COMMIT; its soak starts over once it is)
    ");
    // The sick application keeps nobody from merging it.
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, merged (held by hoist: v1.5.0 was rolled back) (merged, and not deployed yet: it is synced to COMMIT, which is from before the merge)
    ");
    argocd.deploys("shop-prod", &bot.remote.tip("main").unwrap(), bot.now());
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, succeeded (held by hoist: v1.5.0 was rolled back)
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: succeeded
    staging forward v1.5.0 alice: succeeded
    prod forward v1.5.0 alice: rolled back
    prod rollback v1.4.2 hoist: succeeded
    ");
    insta::assert_snapshot!(bot.deeds().await, @"
    hoist found staging
    hoist found prod
    hoist started staging
    hoist proposed staging
    hoist merged staging
    hoist deployed staging
    hoist succeeded staging
    hoist started prod
    hoist proposed prod
    bob approve prod
    hoist merged prod
    hoist deployed prod
    hoist soaking prod
    hoist succeeded prod
    hoist started staging
    hoist proposed staging
    hoist merged staging
    hoist deployed staging
    hoist succeeded staging
    hoist started prod
    hoist proposed prod
    bob approve prod
    hoist merged prod
    hoist deployed prod
    hoist soaking prod
    hoist unhealthy prod
    hoist rollback prod
    hoist hold prod
    hoist proposed prod
    bob approve prod
    hoist merged prod
    hoist rolled back prod
    hoist deployed prod
    hoist succeeded prod
    ");
}

#[tokio::test]
async fn an_application_that_flaps_does_not_flap_the_repository() {
    let (bot, argocd) = with_remedy("rollback").await;
    for _ in 0..10 {
        argocd.judges("shop-prod", "Degraded", None);
        bot.watch(4).await;
        argocd.judges("shop-prod", "Healthy", None);
        bot.watch(1).await;
    }
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.5.0, soaking (it runs and is watched (until 2026-11-22 22:22 UTC))
    ");
}

#[tokio::test]
async fn what_stays_ill_is_held_once_and_not_again_after_a_resume() {
    let (bot, argocd) = with_remedy("{do: hold, after: 2m}").await;
    argocd.judges("shop-prod", "Degraded", Some("payments crash"));
    bot.watch(4).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.5.0, merged (held by hoist: v1.5.0 has not been well for 2 min: Degraded (payments crash) at COMMIT) (not well: Degraded (payments crash) at COMMIT; its soak starts over once it is)
    ");
    bot.resume("carol").await.unwrap();
    bot.watch(5).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.5.0, merged (not well: Degraded (payments crash) at COMMIT; its soak starts over once it is)
    ");
}

#[tokio::test]
async fn a_notification_makes_hoist_look_at_once_and_decides_nothing() {
    let (bot, argocd) = merged_into_staging().await;
    let asked = argocd.asked();
    let told = json!({"app": STAGING, "project": "default", "health": "Healthy"}).to_string();
    assert_eq!(bot.notify("Bearer wrong", &told).await, 401);
    assert_eq!(bot.notify("Bearer", &told).await, 401);
    bot.work_off().await;
    assert_eq!(argocd.asked(), asked);
    let known = format!("Bearer {}", crate::support::argocd::TOKEN);
    assert_eq!(bot.notify(&known, "{}").await, 400);
    assert_eq!(bot.notify(&known, &json!({"app": "another"}).to_string()).await, 202);
    bot.work_off().await;
    assert_eq!(argocd.asked(), asked);
    bot.seconds_pass(1);
    assert_eq!(bot.notify(&known, &told).await, 202);
    bot.work_off().await;
    assert_eq!(argocd.asked(), asked + 1);
    assert!(bot.status().await.starts_with("staging: v1.4.2, merged"), "{}", bot.status().await);
    // user:TOKEN
    bot.seconds_pass(1);
    assert_eq!(bot.notify("Basic dXNlcjphLXRva2VuLW9mLWFyZ28tY2Q=", &told).await, 202);
    bot.work_off().await;
    assert_eq!(argocd.asked(), asked + 2);
}

#[tokio::test]
async fn an_application_that_answers_for_itself_is_deployed_when_the_new_version_answers() {
    let service = Service::start().await;
    let staging = format!(
        "merge: automatic, on_unhealthy: {{do: hold, after: 2m}}, \
         health: {{http: \"{}/{{application}}\", expect: \"{{version}}\"}}",
        service.url()
    );
    let bot = Bot::with(&[("staging", &staging)]).await;
    bot.work().await;
    service.answers(200, "shop v1.0.0 is fine");
    bot.announce("v1.4.2").await;
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @r#"staging: v1.4.2, merged (merged, and not deployed yet: "v1.4.2" is not in the answer)"#);
    service.answers(200, "shop v1.4.2 is fine");
    bot.watch(1).await;
    assert_eq!(service.last_path(), "/shop");
    insta::assert_snapshot!(bot.status().await, @"staging: v1.4.2, soaking (it runs and is watched (until 2026-11-22 21:16 UTC))");
    service.answers(503, "shop v1.4.2 is not fine");
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"staging: v1.4.2, soaking (not well: the answer is 503; its soak starts over once it is)");
    // Elsewhere is not where the configuration said.
    service.answers(302, "");
    bot.watch(1).await;
    insta::assert_snapshot!(bot.status().await, @"staging: v1.4.2, soaking (not well: the answer is 302; its soak starts over once it is)");
    service.answers(503, "");
    bot.watch(3).await;
    insta::assert_snapshot!(bot.status().await, @"staging: v1.4.2, soaking (held by hoist: v1.4.2 has not been well for 2 min: the answer is 503) (not well: the answer is 503; its soak starts over once it is)");
}
