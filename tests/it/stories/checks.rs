//! Gates on checks by others: of the proposal, and of the commit that the artifact was built from.

use hoist::app::views::{CheckWord, SkipRequest};
use hoist::domain::artifact::SourceCode;

use crate::support::github::{GitHub, Harm};
use crate::support::world::{Bot, plain};

/// Prod waits for `e2e`, a status or a check run, of its pull request.
async fn with_checks(rest: &str) -> (Bot, GitHub) {
    let prod =
        format!("after: [staging], merge: automatic, gates: [{{checks: [e2e, lint]{rest}}}]");
    let (bot, hub) = Bot::on_github(&[("staging", "merge: automatic"), ("prod", &prod)]).await;
    bot.work().await;
    (bot, hub)
}

/// Half a minute passes, and hoist looks.
async fn look(bot: &Bot) {
    bot.seconds_pass(31);
    bot.work().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_is_merged_once_all_its_checks_have_passed() {
    let (bot, hub) = with_checks("").await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (checks gate: check `e2e` is not there yet; check `lint` is not there yet)
    ");
    hub.status_on(2, ("e2e", "pending"), "runs");
    hub.run_on(2, "lint", None);
    look(&bot).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (checks gate: check `e2e` is pending since 2026-01-05 12:00 UTC; check `lint` is pending since 2026-01-05 12:00 UTC)
    ");
    hub.status_on(2, ("e2e", "error"), "3 of 200 failed");
    hub.run_on(2, "lint", Some("skipped"));
    look(&bot).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (checks gate: check `e2e` failed: 3 of 200 failed (https://ci.example.com/7))
    ");
    let why = bot.app().why("shop", "prod").await.unwrap();
    let gate = why.candidates[0].gates.iter().find(|it| it.gate.name == "checks").unwrap();
    insta::assert_snapshot!(gate.gate.saw, @"check `e2e` failed: 3 of 200 failed (https://ci.example.com/7)");
    insta::assert_snapshot!(gate.next.as_deref().unwrap(), @"it is asked again by itself; who may skip gates can say `hoist skip shop prod checks --reason …`");
    insta::assert_snapshot!(bot.statuses(2).await, @"
    e2e Failure: 3 of 200 failed
    hoist/after Success: v1.4.2 succeeded in staging
    hoist/checks Pending: check `e2e` failed: 3 of 200 failed (https://ci.example.com/7)
    hoist/freeze Success: not frozen
    hoist/hold Success: not held
    hoist/only-version Success: Only version fields change
    ");

    // A check run of the same name does not hide the failure, and hoist's own name is nobody's.
    hub.run_on(2, "e2e", Some("success"));
    hub.status_on(2, ("hoist/checks", "success"), "forged");
    look(&bot).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    hub.status_on(2, ("e2e", "success"), "all passed");
    look(&bot).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_of_another_head_counts_for_nothing() {
    let (bot, hub) = with_checks("").await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    hub.status_on(2, ("e2e", "success"), "");
    hub.run_on(2, "lint", Some("failure"));
    look(&bot).await;
    // The newer version takes the pull request over, and begins without checks.
    bot.announce("v1.5.0").await;
    bot.work().await;
    hub.run_on(2, "lint", Some("success"));
    look(&bot).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.0.0, succeeded, next v1.5.0 proposed in #2 (checks gate: check `e2e` is not there yet)
    ");
    hub.status_on(2, ("e2e", "success"), "");
    look(&bot).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_right_is_told_and_a_skip_or_the_timeout_ends_the_waiting() {
    let (bot, hub) = with_checks(", timeout: 1d").await;
    let needs = vec![("x-accepted-github-permissions", "checks=read".to_owned())];
    let body = serde_json::json!({"message": "Resource not accessible by integration"});
    hub.break_next(("GET", "/check-runs"), 1000, Harm::Instead(403, needs, body));
    bot.announce("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (checks gate: the forge refuses: reading the checks of a commit: these credentials may not do that in acme/gitops (Resource not accessible by integration); they need `checks=read`)
    ");
    let why = bot.app().why("shop", "prod").await.unwrap();
    let gate = why.candidates[0].gates.iter().find(|it| it.gate.name == "checks").unwrap();
    insta::assert_snapshot!(gate.next.as_deref().unwrap(), @"it is asked again by itself; who may skip gates can say `hoist skip shop prod checks --reason …`; if it still keeps it out at 2026-11-23 21:00 UTC, the promotion is closed");
    let skip = SkipRequest {
        application: "shop".into(),
        environment: "prod".into(),
        promotion: None,
        gate: "checks".into(),
        reason: "the runner is down".into(),
    };
    bot.skip("dora", skip).await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");

    bot.announce("v1.5.0").await;
    bot.work().await;
    bot.minutes_pass(24 * 60);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, succeeded
    ");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist-bot
    #2 prod: promote shop to v1.4.2: merged by hoist-bot
    #3 staging: promote shop to v1.5.0: merged by hoist-bot
    #4 prod: promote shop to v1.5.0: closed by hoist
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_proposed_once_its_source_has_passed() {
    let (bot, hub) = Bot::on_github(&[(
        "staging",
        "merge: automatic, gates: [{checks: {on: source, names: [build]}}]",
    )])
    .await;
    bot.work().await;
    let neighbour = hub.git().to_string().replace("gitops.git", "shop");
    let source = |repository: &str, commit: &str| SourceCode {
        repository: Some(repository.to_owned()),
        commit: Some(commit.to_owned()),
        reference: None,
    };
    let commit = "c".repeat(40);
    hub.run_of(&commit, "build", None);
    bot.announce_built_from("v1.4.2", source(&neighbour, &commit)).await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"staging: v1.0.0, succeeded, next v1.4.2 waiting (source-checks gate: check `build` is pending since 2026-01-05 12:00 UTC on the source's commit COMMIT)");
    assert_eq!(hub.count(), 0);
    hub.run_of(&commit, "build", Some("success"));
    look(&bot).await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");

    // The credentials are shown to nobody but their own GitHub.
    bot.announce_built_from("v1.5.0", source("https://evil.example/acme/shop", &commit)).await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await.replace(&hub.git().port().unwrap().to_string(), "PORT"), @"staging: v1.4.2, succeeded, next v1.5.0 waiting (source-checks gate: the forge refuses: reaching the source's repository: https://evil.example/acme/shop is not on 127.0.0.1:PORT, where these credentials are good)");
    bot.announce_built_from("v1.6.0", SourceCode::default()).await;
    look(&bot).await;
    insta::assert_snapshot!(bot.status().await, @"staging: v1.4.2, succeeded, next v1.6.0 waiting (source-checks gate: it was announced without `source.repository` and `source.commit`, so that no checks of its source are known)");
}

#[tokio::test]
async fn ci_tells_the_builtin_forge_what_a_check_found() {
    let prod = "after: [staging], merge: automatic, gates: [{checks: [e2e]}]";
    let bot = Bot::with(&[("staging", "merge: automatic"), ("prod", prod)]).await;
    bot.work().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let forged = bot.report("bob", "prod", ("hoist/approvals", CheckWord::Success)).await;
    assert!(forged.unwrap_err().contains("hoist's own gates"));
    let told = bot.report("bob", "prod", ("e2e", CheckWord::Failure)).await.unwrap();
    assert!(told.starts_with("The check `e2e` is told on proposal #2 at "), "{told}");
    look(&bot).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (checks gate: check `e2e` failed: https://ci.example.com/7)
    ");
    let why = bot.app().why("shop", "prod").await.unwrap();
    let gate = why.candidates[0].gates.iter().find(|it| it.gate.name == "checks").unwrap();
    insta::assert_snapshot!(plain(gate.next.as_deref().unwrap()), @"CI tells it with `hoist review ID --check NAME --state success`; it is asked again by itself; who may skip gates can say `hoist skip shop prod checks --reason …`");
    // What was said of one version says nothing of the next.
    bot.report("bob", "prod", ("e2e", CheckWord::Success)).await.unwrap();
    bot.announce("v1.5.0").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, succeeded, next v1.5.0 proposed in #4 (checks gate: check `e2e` is not there yet)
    ");
    bot.report("bob", "prod", ("e2e", CheckWord::Success)).await.unwrap();
    look(&bot).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
}
