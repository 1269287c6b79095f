//! Where forges are and what lets hoist in: under a path, behind an authority of their own, with no
//! more rights than it needs.

use serde_json::json;

use super::github_events::send;
use crate::support::github::GitHub;
use crate::support::gitlab::GitLab;
use crate::support::tls_front::TlsFront;
use crate::support::world::{Bot, STAGING_THEN_PROD};

/// What went wrong at the last look at the shop.
async fn trouble(bot: &Bot) -> String {
    bot.app().application("shop").await.unwrap().trouble.unwrap_or_default()
}

/// Puts a server by https, under a path, before the forge that a bot knows.
async fn behind_a_front(bot: &mut Bot, port: u16) -> (tempfile::TempDir, TlsFront) {
    let dir = tempfile::tempdir().unwrap();
    let front = TlsFront::before(port, dir.path());
    let (here, there) = (format!("http://127.0.0.1:{port}"), front.address());
    let ca = format!("ca: {{file: \"{}\"}}, webhook_secret: ", front.ca.display());
    bot.change_the_process_file(|text| {
        text.replace(&here, &there).replace("webhook_secret: ", &ca)
    })
    .await;
    (dir, front)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enterprise_github_is_reached_under_its_path_by_its_own_authority() {
    let (mut bot, hub) = Bot::on_github_as_an_app(&STAGING_THEN_PROD).await;
    let _front = behind_a_front(&mut bot, hub.api().port().unwrap()).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    bot.change_the_process_file(|text| without_ca(&text)).await;
    bot.work().await;
    let told = trouble(&bot).await;
    assert!(told.contains("could not be reached"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gitlab_of_ones_own_is_reached_under_its_path_by_its_own_authority() {
    let (mut bot, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
    let _front = behind_a_front(&mut bot, lab.api().port().unwrap()).await;
    bot.propose_to_prod("v1.4.2").await;
    assert_eq!(trouble(&bot).await, "");
    lab.approve(2, "Bobby");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    bot.change_the_process_file(|text| without_ca(&text)).await;
    bot.work().await;
    let told = trouble(&bot).await;
    assert!(told.contains("give its certificate as the repository's `ca`"), "{told}");
}

fn without_ca(text: &str) -> String {
    let (before, rest) = text.split_once("ca: {file: ").unwrap();
    before.to_owned() + rest.split_once("}, ").unwrap().1
}

/// The rights that docs/github.md asks for.
const DOCUMENTED: [&str; 4] =
    ["metadata=read", "contents=write", "pull_requests=write", "statuses=write"];

async fn with_rights(rights: &[&'static str]) -> (Bot, GitHub) {
    let (bot, hub) = Bot::on_github_that_commits(&[
        ("staging", "merge: automatic, review: {labels: [promotion], assignees: [bob]}"),
        ("prod", "after: [staging], merge: on-approval, review: {reviewers: [bob], teams: [sre]}"),
    ])
    .await;
    bot.work().await;
    hub.leave_only(rights);
    (bot, hub)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_that_are_documented_are_enough() {
    let (bot, hub) = with_rights(&DOCUMENTED).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    // Which checks run there hoist does not see by these rights, only that there is one.
    hub.run_on(2, "e2e", Some("success"));
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    hub.review(3, "Bobby", "APPROVED");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded (held by dora: v1.4.2 was rolled back)
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_right_that_lacks_is_told_by_its_name() {
    let mut told = Vec::new();
    for lacking in &DOCUMENTED[1..] {
        let rights: Vec<&str> = DOCUMENTED.into_iter().filter(|it| it != lacking).collect();
        let (bot, hub) = with_rights(&rights).await;
        bot.announce("v1.4.2").await;
        bot.work().await;
        let trouble = trouble(&bot).await.replace(hub.git().as_str(), "https://…/gitops.git");
        told.push(format!("without {lacking}: {trouble}"));
        // Given later, hoist goes on by itself.
        hub.leave_only(&DOCUMENTED);
        bot.watch(3).await;
        assert!(bot.status().await.contains("staging: v1.4.2"), "{lacking}");
    }
    insta::assert_snapshot!(told.join("\n"), @"
    without contents=write: asking Git: the Git remote refuses our credentials: https://…/gitops.git: the server answered 403 Forbidden: Write access not granted.; check the repository's credentials and what they may do
    without pull_requests=write: asking the forge: the forge refuses: looking for a pull request: these credentials may not do that in acme/gitops (Resource not accessible by integration); they need `pull_requests=read`
    without statuses=write: asking the forge: the forge refuses: reading the statuses of a commit: these credentials may not do that in acme/gitops (Resource not accessible by integration); they need `statuses=read`
    ");
}

/// What somebody does to a token of GitLab's.
type TokenChange = fn(&GitLab);

/// What a token of GitLab's can lack: Git refuses first, and where that goes by SSH the API does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_right_that_a_gitlab_token_lacks_is_told_by_its_name() {
    let mut told = Vec::new();
    let lacks: [(&str, TokenChange); 2] =
        [("the scope", GitLab::let_token_only_read), ("the role", GitLab::let_token_report)];
    for (what, take_away) in lacks {
        let (over_https, lab) = Bot::on_gitlab(&STAGING_THEN_PROD).await;
        let (by_ssh, other, _ssh) = Bot::on_gitlab_by_ssh(&STAGING_THEN_PROD).await;
        for (bot, lab) in [(over_https, lab), (by_ssh, other)] {
            bot.work().await;
            take_away(&lab);
            bot.announce("v1.4.2").await;
            bot.work().await;
            let trouble = trouble(&bot).await.replace(lab.git().as_str(), "https://…/gitops.git");
            told.push(format!("without {what}: {trouble}"));
            // Given later, hoist goes on by itself.
            lab.renew_token();
            bot.watch(3).await;
            assert!(bot.status().await.contains("staging: v1.4.2"), "{what}");
        }
    }
    insta::assert_snapshot!(told.join("\n"), @"
    without the scope: asking Git: the Git remote refuses our credentials: https://…/gitops.git: the server answered 403 Forbidden: You are not allowed to push code to this project.; check the repository's credentials and what they may do
    without the scope: asking the forge: the forge refuses: opening a merge request: this token may not do that in acme/infra/gitops (insufficient_scope; The request requires higher privileges than provided by the access token.); its scope must be `api`
    without the role: asking Git: the Git remote refuses our credentials: https://…/gitops.git: the server answered 403 Forbidden: You are not allowed to push code to this project.; check the repository's credentials and what they may do
    without the role: asking the forge: the forge refuses: opening a merge request: this token may not do that in acme/infra/gitops (403 Forbidden); its role must be Developer, or Maintainer where the branch asks for that
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_was_renamed_is_followed_and_told() {
    let (mut bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    hub.rename("platform");
    assert_eq!(bot.announce("v1.5.0").await, 202);
    bot.work().await;
    assert_eq!(trouble(&bot).await, "");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, soaking (it runs and is watched (until 2026-11-22 22:00 UTC))
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2, then v1.5.0 waiting (it needs review: 0 of 1 approvals, the requester's not counted) (soak gate: v1.5.0 runs in staging since 2026-11-22 21:30 UTC (until 2026-11-22 22:00 UTC))
    ");
    // A process that never knew it otherwise finds it, too.
    bot.restart().await;
    hub.review(2, "Bobby", "APPROVED");
    bot.watch(1).await;
    insta::assert_snapshot!(bot.version_line("prod"), @"newTag: v1.4.2 # hoist writes this");
    assert_eq!(hub.count(), 3, "nothing was opened twice");
    let told = bot.app().readiness.view().repositories["gitops"].clone();
    insta::assert_snapshot!(told, @"read as acme/platform, which it was renamed to: set its `url` to that, since the old name leads there only until something else is given it");
    let page = bot.page("alice", "/").await;
    assert!(page.contains("The repository gitops: ") && page.contains("acme/platform"), "{page}");
    // Its events come by the new name, and nobody else's are heard.
    let event = |name: &str| json!({"repository": {"full_name": name}, "ref": "refs/heads/hoist/prod/shop"});
    let heard = send(&bot, "push", "one", &event("acme/platform").to_string()).await;
    assert_eq!(heard, (202, r#"{"woken":["services/shop"]}"#.to_owned()));
    let heard = send(&bot, "push", "two", &event("acme/other").to_string()).await;
    assert_eq!(heard.0, 204);
    // The new address says so for good.
    bot.change_the_process_file(|text| text.replace("/acme/gitops.git", "/acme/platform.git"))
        .await;
    bot.watch(31).await;
    hub.review(4, "Bobby", "APPROVED");
    bot.watch(1).await;
    insta::assert_snapshot!(bot.version_line("prod"), @"newTag: v1.5.0 # hoist writes this");
    assert_eq!(bot.app().readiness.view().repositories["gitops"], "read");
}
