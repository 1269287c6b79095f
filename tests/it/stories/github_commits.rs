//! Commits that GitHub makes for its App: verified there, and moved by Git as all others are.

use crate::support::github::{GitHub, Harm, Signing};
use crate::support::world::{Bot, STAGING_THEN_PROD, file, plain};

const BRANCH: &str = "hoist/prod/shop";

/// Everything on a branch that `main` has not, the oldest first: by whom, signed by whom, and what.
fn commits(bot: &Bot, branch: &str) -> String {
    let format = "--format=%an / %cn: %s";
    bot.remote.ask(&["log", "--reverse", format, branch, "^main"])
}

fn is_signed(bot: &Bot, commit: &str) -> bool {
    bot.remote.ask(&["cat-file", "commit", commit]).contains("\ngpgsig -----BEGIN PGP SIGNATURE")
}

async fn proposed() -> (Bot, GitHub) {
    let (bot, hub) = Bot::on_github_that_commits(&STAGING_THEN_PROD).await;
    bot.propose_to_prod("v1.4.2").await;
    (bot, hub)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_commits_goes_up_and_comes_back_as_any_other() {
    let (bot, hub) = proposed().await;
    insta::assert_snapshot!(commits(&bot, BRANCH), @"hoist[bot] / GitHub: prod: promote shop to v1.4.2");
    assert!(is_signed(&bot, BRANCH));
    let message = bot.message_on(BRANCH);
    assert!(
        message.contains("\nHoist-Promotion: ") && message.contains("\nArtifact: "),
        "{message}"
    );
    assert_eq!(bot.remote.ask(&["diff", "--name-only", "main", BRANCH]), file("prod", "shop"));
    assert_eq!(hub.commits_made(), 2, "one for each environment");

    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    assert!(bot.roll_back("dora", None).await.is_ok());
    bot.work().await;
    assert!(is_signed(&bot, BRANCH));
    hub.review(3, "Bobby", "APPROVED");
    bot.work().await;
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: rolled back
    prod rollback v1.0.0 dora: succeeded
    ");
    assert_eq!(hub.commits_made(), 3);
    assert_eq!(bot.remote.ask(&["fsck", "--strict"]), "", "the objects are Git's own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_try_has_left_is_taken_up_and_not_made_again() {
    let (mut bot, hub) = Bot::on_github_that_commits(&[("staging", "merge: manual")]).await;
    bot.work().await;
    // The branch is there, and the process ends before the pull request is.
    let refused = || Harm::Instead(500, Vec::new(), serde_json::json!({"message": "oops"}));
    hub.break_next(("POST", "/pulls"), 1, refused());
    bot.announce("v1.4.2").await;
    bot.work().await;
    let branch = "hoist/staging/shop";
    let head = bot.remote.tip(branch);
    assert!(head.is_some());
    assert_eq!((hub.count(), hub.commits_made()), (0, 1));
    bot.restart().await;
    bot.watch(2).await;
    assert_eq!((hub.count(), hub.commits_made()), (1, 1));
    assert_eq!(bot.remote.tip(branch), head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_looks_like_an_earlier_try_is_made_anew() {
    let (mut bot, hub) = Bot::on_github_that_commits(&[("staging", "merge: manual")]).await;
    bot.work().await;
    let refused = Harm::Instead(500, Vec::new(), serde_json::json!({"message": "oops"}));
    hub.break_next(("POST", "/pulls"), 1, refused);
    bot.announce("v1.4.2").await;
    bot.work().await;
    // Somebody writes the same again, and does not sign it.
    let branch = "hoist/staging/shop";
    let tree = bot.remote.ask(&["rev-parse", "hoist/staging/shop^{tree}"]);
    let message = bot.remote.ask(&["log", "-1", "--format=%B", branch]);
    let mut copying = vec!["-c", "user.name=Eve", "-c", "user.email=eve@example.com"];
    copying.extend(["commit-tree", &tree, "-p", "main", "-m", &message]);
    let copy = bot.remote.ask(&copying);
    bot.remote.ask(&["update-ref", "refs/heads/hoist/staging/shop", &copy]);
    assert!(!is_signed(&bot, branch));
    bot.restart().await;
    bot.watch(2).await;
    assert_eq!((hub.count(), hub.commits_made()), (1, 2));
    assert!(is_signed(&bot, branch));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_costs_two_writes_more() {
    let environments = [("staging", "merge: automatic")];
    let mut told = Vec::new();
    let by_git = Bot::on_github_as_an_app(&environments).await;
    for (bot, hub) in [by_git, Bot::on_github_that_commits(&environments).await] {
        bot.work().await;
        hub.take_calls();
        bot.announce("v1.4.2").await;
        bot.work().await;
        let calls = hub.take_calls();
        let reads = |what: &str| what.starts_with("GET") || what.starts_with("QUERY");
        let writes = calls.iter().filter(|call| !reads(&call.what));
        told.push(writes.filter(|call| !call.what.contains("access_tokens")).count());
    }
    assert_eq!(told, [6, 8]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_costs_one_commit_that_nobody_sees() {
    for harm in [Harm::Done(504), Harm::CutOff] {
        let (bot, hub) = Bot::on_github_that_commits(&[("staging", "merge: automatic")]).await;
        bot.work().await;
        hub.break_next(("POST", "/git/commits"), 1, harm.clone());
        hub.break_next(("POST", "/git/trees"), 1, harm);
        bot.announce("v1.4.2").await;
        bot.watch(3).await;
        assert_eq!(bot.status().await, "staging: v1.4.2, succeeded");
        assert_eq!((hub.count(), hub.commits_made()), (1, 2));
        let merged = bot.remote.ask(&["log", "--no-merges", "--format=%s", "main"]);
        assert_eq!(merged.matches("promote shop").count(), 1, "{merged}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_somebody_moved_meanwhile_is_not_overwritten_by_chance() {
    let (bot, hub) = proposed().await;
    bot.edit(BRANCH, "README.md", "What runs where.", "Whatever.");
    let pushed = bot.remote.tip(BRANCH);
    bot.work().await;
    assert_eq!(bot.remote.tip(BRANCH), pushed, "hoist overwrites nothing of it");
    bot.propose_to_prod("v1.5.0").await;
    insta::assert_snapshot!(plain(&commits(&bot, BRANCH)), @"hoist[bot] / GitHub: prod: promote shop to v1.5.0");
    let told = hub.comments_on(2).join("\n");
    assert!(told.contains("replaces what somebody had pushed here"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_main_that_moved_on_the_same_line_gets_a_new_commit_upon_it() {
    let (bot, hub) = proposed().await;
    bot.edit_main(&file("prod", "shop"), "v1.0.0", "v1.0.1");
    let main = bot.remote.tip("main").unwrap();
    bot.watch(1).await;
    let parent = bot.remote.ask(&["log", "-1", "--format=%P", BRANCH]);
    assert_eq!(parent, main.as_str());
    assert!(is_signed(&bot, BRANCH));
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    assert_eq!(hub.count(), 2, "in the same pull request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_sign_is_told_and_nothing_is_pushed() {
    let (bot, hub) = Bot::on_github_that_commits(&[("staging", "merge: automatic")]).await;
    hub.sign(Signing::Off);
    bot.announce("v1.4.2").await;
    bot.work().await;
    let trouble = bot.app().application("shop").await.unwrap().trouble.unwrap();
    insta::assert_snapshot!(trouble, @"asking the forge: the forge refuses: GitHub did not sign the commit that it made (unsigned): it signs what an App commits, and an Enterprise server does once its administrator turns on web commit signing; or leave out `commits: api`");
    assert_eq!((hub.count(), bot.remote.tip("hoist/staging/shop")), (0, None));
    hub.sign(Signing::On);
    bot.watch(2).await;
    insta::assert_snapshot!(bot.status().await, @"staging: v1.4.2, succeeded");
}

/// The commit is made by the API, and takes its time; the branch is moved by Git from where it was
/// when that began, or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_pushes_while_github_makes_the_commit_is_not_overwritten_unseen() {
    let (bot, hub) = proposed().await;
    bot.announce("v1.5.0").await;
    bot.work().await;
    hub.push_during(("POST", "/git/commits"), BRANCH);
    bot.minutes_pass(31);
    bot.work().await;
    bot.watch(1).await;
    assert_eq!(hub.commits_made(), 4, "one for each environment and version");
    let told = hub.comments_on(2).join("\n");
    assert!(told.contains("replaces what somebody had pushed here"), "{told}");
    insta::assert_snapshot!(commits(&bot, BRANCH), @"hoist[bot] / GitHub: prod: promote shop to v1.5.0");
    assert_eq!(hub.count(), 3, "in the same pull request");
}
