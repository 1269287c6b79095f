//! The main path on a GitLab: people review and merge there, and hoist follows.

use hoist::domain::artifact::SourceCode;

use crate::support::gitlab::{Harm, Rules};
use crate::support::world::{Bot, STAGING_THEN_PROD};

/// What went wrong at the last look at the shop.
async fn trouble(bot: &Bot) -> String {
    bot.app().application("shop").await.unwrap().trouble.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_goes_up_by_merge_requests_and_back_by_one() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    // Whoever asked for it does not count, and a machine does not either.
    lab.approve(2, "alice");
    lab.approve(2, "project_7_bot_5e1f");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");

    lab.approve(2, "Bobby");
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

    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    lab.approve(3, "Bobby");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by project_7_bot_5e1f
    #2 prod: promote shop to v1.4.2: merged by project_7_bot_5e1f
    #3 prod: roll shop back to v1.0.0: merged by project_7_bot_5e1f
    ");
    assert!(lab.obeyed().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn git_goes_by_ssh_where_the_address_says_so() {
    let (bot, lab, ssh) = Bot::on_gitlab_by_ssh(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.approve(2, "Bobby");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    let visits = std::fs::read_to_string(ssh.file("commands")).unwrap();
    assert!(visits.contains("git-receive-pack '/acme/infra/gitops.git'"), "{visits}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_merge_and_close_on_gitlab_and_hoist_follows() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.merge_by("carol", 2);
    bot.work().await;
    bot.propose_to_prod("v1.5.0").await;
    lab.close(4);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, succeeded
    ");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by project_7_bot_5e1f
    #2 prod: promote shop to v1.4.2: merged by carol
    #3 staging: promote shop to v1.5.0: merged by project_7_bot_5e1f
    #4 prod: promote shop to v1.5.0: closed by somebody
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gitlab_that_stumbles_loses_nothing_and_doubles_nothing() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.work().await;
    for (method, end) in [("POST", "/merge_requests"), ("PUT", "/merge"), ("GET", "/approvals")] {
        lab.break_next((method, end), 1, Harm::Done(504));
        lab.break_next((method, end), 1, Harm::CutOff);
    }
    bot.announce("v1.4.2").await;
    bot.watch(40).await;
    lab.approve(2, "Bobby");
    bot.watch(10).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(lab.count(), 2, "one merge request for each environment");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod: promote shop to v1.4.2
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_stops_hoist_and_the_next_one_lets_it_go_on() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.approve(2, "Bobby");
    lab.expire_token();
    bot.watch(5).await;
    assert!(trouble(&bot).await.contains("the Git remote refuses our credentials"));
    lab.renew_token();
    bot.watch(40).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_pushes_to_our_branch_takes_its_approval_with_them() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.rule(Rules { resets_approvals: true, ..Rules::default() });
    lab.approve(2, "Bobby");
    let file = "environments/prod/apps/shop/kustomization.yaml";
    bot.remote.push("hoist/prod/shop", "main", file, "images: []\n");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its branch changes more than version fields: environments/prod/apps/shop/kustomization.yaml: line 1: `# shop: asked for by the shop's team` is gone; line 1: `resources:` is gone; line 1: `- ../../../../base/shop` is gone; line 1: `images:` is gone; line 1: `- name: ghcr.io/acme/shop` is gone; line 1: `newTag: v1.0.0 # hoist writes this` is gone; line 1: `labels:` is gone; line 1: `- pairs: {team: shop}` is gone; line 1: `` is gone; line 1: `replicas:` is gone; line 1: `images: []` is new)
    ");
    let judged = lab.statuses_of("hoist/only-version");
    insta::assert_snapshot!(judged.join("\n"), @r#"
    "success": "Only version fields change"
    "success": "Only version fields change"
    "failed": "environments/prod/apps/shop/kustomization.yaml: line 1: `# shop: asked for by the shop's team` is gone; line 1: `resources:` is gone; line …"
    "#);
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_protection_forbids_is_said_and_not_done() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.rule(Rules { may_not_merge: true, ..Rules::default() });
    lab.approve(2, "Bobby");
    bot.work().await;
    insta::assert_snapshot!(trouble(&bot).await, @"asking the forge: the forge refuses: GitLab does not merge !2: this token may not merge into main; its role must be among those that the protection of that branch lets merge (401 Unauthorized)");
    lab.rule(Rules { approvals: 2, ..Rules::default() });
    bot.watch(5).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its forge does not let it in yet: it lacks approving reviews that its branch requires)
    ");
    lab.approve(2, "carol");
    bot.watch(40).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_was_renamed_is_followed_and_told() {
    let (mut bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    lab.rename_project("acme/platform/gitops");
    lab.approve(2, "Bobby");
    bot.work().await;
    assert_eq!(trouble(&bot).await, "");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    bot.restart().await;
    bot.propose_to_prod("v1.5.0").await;
    assert_eq!((trouble(&bot).await.as_str(), lab.count()), ("", 4));
    let told = bot.app().readiness.view().repositories["gitops"].clone();
    assert!(told.starts_with("read as acme/platform/gitops, "), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_is_in_the_group_counts() {
    let prod = "after: [staging], merge: automatic, \
                gates: [{approvals: {count: 1, team: \"gitlab:acme/sre\"}}]";
    let (bot, lab) = Bot::on_gitlab(&[("staging", "merge: automatic"), ("prod", prod)]).await;
    bot.work().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    lab.join("acme/sre", "alice");
    lab.approve(2, "carol");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    // Bob is Bobby there. It may take a minute until somebody who joins counts.
    lab.approve(2, "Bobby");
    lab.join("acme/sre", "Bobby");
    lab.hide_groups();
    bot.minutes_pass(2);
    bot.work().await;
    let status = bot.status().await;
    assert!(status.contains("asking who is in the group acme/sre"), "{status}");
    lab.show_groups();
    bot.watch(40).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_must_have_passed_before_a_merge() {
    let prod = "after: [staging], merge: automatic, gates: [{checks: [e2e, lint]}]";
    let (bot, lab) = Bot::on_gitlab(&[("staging", "merge: automatic"), ("prod", prod)]).await;
    bot.work().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    lab.job_on(2, ("lint", "success"), "");
    lab.job_on(2, ("e2e", "running"), "");
    bot.watch(5).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    lab.job_on(2, ("e2e", "success"), "");
    bot.watch(5).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_was_built_from_must_have_passed_on_the_same_gitlab() {
    let prod =
        "after: [staging], merge: automatic, gates: [{checks: {on: source, names: [build]}}]";
    let (bot, lab) = Bot::on_gitlab(&[("staging", "merge: automatic"), ("prod", prod)]).await;
    bot.work().await;
    let commit = "9f2c".repeat(10);
    let source = SourceCode {
        repository: Some(lab.git().join("../apps/shop").unwrap().to_string()),
        commit: Some(commit.clone()),
        reference: None,
    };
    bot.announce_built_from("v1.4.2", source).await;
    bot.work().await;
    lab.job_of(&commit, ("build", "failed"));
    bot.watch(5).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    lab.job_of(&commit, ("build", "success"));
    bot.watch(5).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_counted_and_few() {
    let (bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    bot.work().await;
    let mut told = Vec::new();
    let mut count = |what: &str| {
        let calls = lab.take_calls();
        let writes = calls.iter().filter(|call| !call.what.starts_with("GET")).count();
        let unchanged = calls.iter().filter(|call| call.status == 304).count();
        told.push(format!("{what}: {}, {unchanged} unchanged, {writes} writes", calls.len()));
    };
    count("before");
    bot.announce("v1.4.2").await;
    bot.work().await;
    count("merged into staging");
    bot.watch(31).await;
    count("half an hour's soak, looked at every half minute, and proposed for prod");
    bot.watch(10).await;
    count("ten minutes of waiting for a review");
    lab.approve(2, "Bobby");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    count("merged into prod");
    insta::assert_snapshot!(told.join("\n"), @"
    before: 8, 4 unchanged, 0 writes
    merged into staging: 31, 14 unchanged, 5 writes
    half an hour's soak, looked at every half minute, and proposed for prod: 285, 267 unchanged, 6 writes
    ten minutes of waiting for a review: 180, 180 unchanged, 0 writes
    merged into prod: 20, 14 unchanged, 2 writes
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_reads_what_may_still_be_asked_of_gitlab() {
    let (bot, lab) = Bot::on_gitlab(&[("staging", "merge: automatic")]).await;
    assert_eq!(bot.metrics().await.matches("repository=").count(), 4, "nothing was heard yet");
    bot.announce("v1.4.2").await;
    bot.work().await;
    let limit = Harm::Instead(429, vec![("retry-after", "90".to_owned())], "Retry later".into());
    lab.break_next(("POST", "/merge_requests"), 1, limit);
    bot.announce("v1.5.0").await;
    bot.work().await;
    let told = bot.metrics().await;
    let mut told: Vec<&str> = told.lines().filter(|line| !line.starts_with('#')).collect();
    told.sort_unstable();
    insta::assert_snapshot!(told.join("\n"), @r#"
    hoist_forge_answers_total{repository="gitops",changed="false"} 11
    hoist_forge_answers_total{repository="gitops",changed="true"} 21
    hoist_forge_quiet_seconds{repository="gitops"} 90
    hoist_forge_requests_limit{repository="gitops"} 5000
    hoist_forge_requests_remaining{repository="gitops"} 4968
    hoist_forge_requests_reset_timestamp_seconds{repository="gitops"} 1795000000
    hoist_forge_writes_waiting{repository="gitops"} 0
    "#);
}
