//! The main path on a GitHub: people review and merge there, and hoist follows.

use serde_json::json;

use crate::support::github::{Asked, Harm};
use crate::support::world::{Bot, STAGING_THEN_PROD};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_goes_up_by_pull_requests_and_back_by_one() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    // Whoever asked for it does not count, and a stranger does not either.
    hub.review(2, "alice", "APPROVED");
    hub.review_from_outside(2, "mallory", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");

    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod: promote shop to v1.4.2
    ");
    let message = bot.message_on("main");
    assert!(message.contains("Reviewed-by: bob\n"), "{message}");
    insta::assert_snapshot!(bot.remote.ask(&["for-each-ref", "--format=%(refname)"]), @"refs/heads/main");

    let answer = bot.roll_back("dora", None).await;
    insta::assert_snapshot!(answer.unwrap(), @"shop in prod goes back from v1.4.2 to v1.0.0. The revert proposal opens now; the application is held there until `hoist resume shop prod`.");
    bot.work().await;
    hub.review(3, "Bobby", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist-bot
    #2 prod: promote shop to v1.4.2: merged by hoist-bot
    #3 prod: roll shop back to v1.0.0: merged by hoist-bot
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: rolled back
    prod rollback v1.0.0 dora: succeeded
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn git_goes_by_ssh_where_the_address_says_so() {
    let (bot, hub, ssh) = Bot::on_github_by_ssh(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    let visits = std::fs::read_to_string(ssh.file("commands")).unwrap();
    assert!(visits.contains("git-receive-pack '/acme/gitops.git'"), "{visits}");
    assert!(!hub.take_calls().iter().any(|call| call.what.contains("git-")), "none by https");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_merge_and_close_on_github_and_hoist_follows() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.merge_by("carol", 2);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");

    bot.propose_to_prod("v1.5.0").await;
    hub.close(4);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, succeeded
    ");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist-bot
    #2 prod: promote shop to v1.4.2: merged by carol
    #3 staging: promote shop to v1.5.0: merged by hoist-bot
    #4 prod: promote shop to v1.5.0: closed by somebody
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_github_that_stumbles_loses_nothing_and_doubles_nothing() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.work().await;
    for (method, end) in [("POST", "/pulls"), ("PUT", "/merge"), ("GET", "/reviews")] {
        hub.break_next((method, end), 1, Harm::Done(504));
        hub.break_next((method, end), 1, Harm::CutOff);
    }
    bot.announce("v1.4.2").await;
    bot.watch(40).await;
    hub.review(2, "Bobby", "APPROVED");
    bot.watch(10).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(hub.count(), 2, "one pull request for each environment");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod: promote shop to v1.4.2
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_while_a_version_soaks_is_made_anew() {
    let (bot, hub) = Bot::on_github_as_an_app(&[
        ("staging", "merge: automatic"),
        ("prod", "after: [staging], gates: [{soak: 1h}], merge: automatic"),
    ])
    .await;
    bot.announce("v1.4.2").await;
    bot.watch(30).await;
    assert_eq!(hub.tokens_given(), 1);
    hub.revoke_tokens();
    bot.watch(40).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    assert_eq!(hub.tokens_given(), 2, "one for the API and Git alike");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_two_hundred_artifacts_waits_where_github_asks_for_it_and_ends_at_the_last() {
    let (bot, hub) = Bot::on_github(&[("staging", "merge: automatic")]).await;
    bot.work().await;
    let limit = || {
        let words = json!({"message": "You have exceeded a secondary rate limit"});
        Harm::Instead(403, vec![("retry-after", "120".to_owned())], words)
    };
    hub.break_next(("POST", "/pulls"), 1, limit());
    for number in 0..200 {
        assert_eq!(bot.announce(&format!("v2.0.{number}")).await, 202);
    }
    bot.work().await;
    hub.take_calls();
    bot.minutes_pass(1);
    bot.work().await;
    assert_eq!(hub.take_calls().len(), 0, "it asks to be left alone");
    hub.break_next(("PUT", "/merge"), 1, limit());
    bot.watch(10).await;
    assert_eq!(bot.version_line("staging"), "newTag: v2.0.199 # hoist writes this");
    assert!(hub.count() <= 2, "{} pull requests for 200 versions", hub.count());
    let calls = hub.take_calls();
    let writes = calls.iter().filter(|call| !call.what.starts_with("GET")).count();
    assert!(writes < 20, "{writes} writes for what went in at the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_counted_and_few() {
    let (bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.work().await;
    let mut told = Vec::new();
    let mut count = |what: &str| {
        let calls = hub.take_calls();
        let paid: Vec<_> = calls.iter().filter(|call| call.status != 304).collect();
        let is_write =
            |call: &&&Asked| !["GET", "QUERY"].iter().any(|it| call.what.starts_with(it));
        let writes = paid.iter().filter(is_write).count();
        told.push(format!("{what}: {} paid, {writes} of them writes", paid.len()));
    };
    count("before");
    bot.announce("v1.4.2").await;
    bot.work().await;
    count("merged into staging");
    bot.watch(31).await;
    count("half an hour's soak, looked at every half minute, and proposed for prod");
    bot.watch(10).await;
    count("ten minutes of waiting for a review");
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    count("merged into prod");
    insta::assert_snapshot!(told.join("\n"), @"
    before: 4 paid, 0 of them writes
    merged into staging: 18 paid, 6 of them writes
    half an hour's soak, looked at every half minute, and proposed for prod: 16 paid, 6 of them writes
    ten minutes of waiting for a review: 0 paid, 0 of them writes
    merged into prod: 8 paid, 3 of them writes
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_reads_what_may_still_be_asked() {
    let (bot, hub) = Bot::on_github(&[("staging", "merge: automatic")]).await;
    assert_eq!(bot.metrics().await.matches("repository=").count(), 4, "nothing was heard yet");
    bot.announce("v1.4.2").await;
    bot.work().await;
    let limit = json!({"message": "You have exceeded a secondary rate limit"});
    let limit = Harm::Instead(403, vec![("retry-after", "120".to_owned())], limit);
    hub.break_next(("POST", "/pulls"), 1, limit);
    bot.announce("v1.5.0").await;
    bot.work().await;
    let told = bot.metrics().await;
    assert!(told.ends_with("# EOF\n"), "{told}");
    let mut told: Vec<&str> = told.lines().filter(|line| !line.starts_with('#')).collect();
    told.sort_unstable();
    insta::assert_snapshot!(told.join("\n"), @r#"
    hoist_forge_answers_total{repository="gitops",changed="false"} 12
    hoist_forge_answers_total{repository="gitops",changed="true"} 21
    hoist_forge_quiet_seconds{repository="gitops"} 120
    hoist_forge_requests_limit{repository="gitops"} 5000
    hoist_forge_requests_remaining{repository="gitops"} 4981
    hoist_forge_requests_reset_timestamp_seconds{repository="gitops"} 1795000000
    hoist_forge_writes_waiting{repository="gitops"} 0
    "#);
}
