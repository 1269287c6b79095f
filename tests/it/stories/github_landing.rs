//! How a pull request gets into a branch that is protected: rule by rule, by auto-merge, and through
//! the merge queue.

use serde_json::json;

use super::github_events::send;
use crate::support::github::{GitHub, Protection, Rules};
use crate::support::world::Bot;

const ALONE: [(&str, &str); 1] = [("prod", "merge: automatic")];

/// A version is proposed for prod, whose branch has these rules.
async fn proposed_under(rules: Rules) -> (Bot, GitHub) {
    let (bot, hub) = Bot::on_github(&ALONE).await;
    hub.protect(rules);
    bot.announce("v1.4.2").await;
    bot.work().await;
    (bot, hub)
}

/// The same, where hoist may leave it to GitHub to merge.
async fn left_to_github(rules: Rules) -> (Bot, GitHub) {
    let (mut bot, hub) = Bot::on_github(&ALONE).await;
    bot.change_the_process_file(|text| {
        text.replace("merge_method: merge", "merge_method: merge, auto_merge: allowed")
    })
    .await;
    hub.protect(rules);
    bot.announce("v1.4.2").await;
    bot.work().await;
    (bot, hub)
}

fn is_in(bot: &Bot) -> bool {
    bot.version_line("prod") == "newTag: v1.4.2 # hoist writes this"
}

fn queue() -> Rules {
    Rules { queue: true, ..Rules::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_with_a_queue_is_gone_into_through_it() {
    let (bot, hub) = proposed_under(queue()).await;
    assert_eq!(hub.queued(), [1]);
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (it is in the merge queue)");
    bot.watch(3).await;
    assert_eq!(hub.queued(), [1], "it is put in once");
    hub.queue_passes().unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.4.2, succeeded");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge pull request #1 from acme/hoist/prod/shop
    ");
    insta::assert_snapshot!(bot.remote.ask(&["for-each-ref", "--format=%(refname)"]), @"refs/heads/main");
    insta::assert_snapshot!(bot.deeds().await, @"
    hoist found prod
    hoist started prod
    hoist proposed prod
    hoist handed-over prod
    hoist merged prod
    hoist deployed prod
    hoist succeeded prod
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_branch_requires_of_hoist_is_said_of_what_the_queue_tests() {
    let checks = vec!["hoist/only-version", "hoist/freeze", "build"];
    let (bot, hub) = proposed_under(Rules { checks, ..queue() }).await;
    assert!(hub.queued().is_empty(), "its own checks come first");
    hub.run_on(1, "build", Some("success"));
    bot.work().await;
    assert_eq!(hub.queued(), [1]);
    bot.work().await;
    assert_eq!(hub.queue_passes(), Err(vec!["build".to_owned()]), "hoist has said its part");
    hub.run_of(&hub.group_of(1), "build", Some("success"));
    hub.queue_passes().unwrap();
    bot.work().await;
    assert!(is_in(&bot));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_queue_puts_out_is_tried_once_more_and_then_left_to_people() {
    let (bot, hub) = proposed_under(queue()).await;
    hub.queue_fails(1);
    bot.watch(2).await;
    assert_eq!(hub.queued(), [1], "it may have been the fault of what was queued with it");
    hub.queue_fails(1);
    bot.watch(5).await;
    assert!(hub.queued().is_empty());
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (its forge does not let it in yet: the merge queue put it out again and again (failed checks))");
    // Who looks at it there is told, too, and once.
    let told = hub.comments_on(1);
    let told: Vec<&String> = told.iter().filter(|it| it.contains("put it out again")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let words = told[0].split("-->").nth(1).unwrap().trim_end_matches(|it| it != '.');
    insta::assert_snapshot!(words.trim(), @"hoist leaves this to you: `the merge queue put it out again and again (failed checks)`. It goes on when somebody puts it in again, when something is pushed, or when a newer version takes its place.");
    // A person has a look, and puts it in again.
    hub.put_in_by("carol", 1);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (it is in the merge queue, as a person asked for)");
    hub.queue_passes().unwrap();
    bot.work().await;
    assert!(is_in(&bot));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_what_the_queue_tests_is_looked_at_at_once() {
    let (bot, _hub) = proposed_under(queue()).await;
    bot.work().await;
    let checked = |branch: &str| {
        json!({"repository": {"full_name": "acme/gitops"}, "action": "completed",
               "check_suite": {"head_branch": branch}})
        .to_string()
    };
    let group = "gh-readonly-queue/main/pr-1-0123456789012345678901234567890123456789";
    let heard = send(&bot, "check_suite", "one", &checked(group)).await;
    assert_eq!(heard, (202, r#"{"woken":["services/shop"]}"#.to_owned()));
    let heard = send(&bot, "check_suite", "two", &checked("feature")).await;
    assert_eq!(heard, (202, r#"{"woken":[]}"#.to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_takes_out_of_the_queue_stays_out() {
    let (bot, hub) = proposed_under(queue()).await;
    hub.take_out_by("carol", 1);
    bot.watch(5).await;
    assert!(hub.queued().is_empty());
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (its forge does not let it in yet: carol took it out of the merge queue)");
    // What comes later is another thing.
    bot.announce("v1.5.0").await;
    bot.work().await;
    assert_eq!(hub.queued(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_takes_what_is_queued_out_again() {
    let (bot, hub) = proposed_under(queue()).await;
    assert_eq!(hub.queued(), [1]);
    bot.freeze("dora", "prod", None).await.unwrap();
    bot.work_off().await;
    assert!(hub.queued().is_empty());
    bot.thaw("dora", "prod").await.unwrap();
    bot.work().await;
    assert_eq!(hub.queued(), [1]);
    bot.hold("dora").await.unwrap();
    bot.work().await;
    assert!(hub.queued().is_empty());
    assert!(!is_in(&bot));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_has_queued_is_theirs() {
    let (bot, hub) = proposed_under(Rules { approvals: 1, ..queue() }).await;
    hub.put_in_by("carol", 1);
    bot.freeze("dora", "prod", None).await.unwrap();
    bot.watch(2).await;
    assert_eq!(hub.queued(), [1], "its status says that it is frozen, and the rules decide");
    insta::assert_snapshot!(bot.statuses(1).await, @"
    hoist/freeze Pending: frozen by dora until somebody thaws it: INC-123
    hoist/hold Success: not held
    hoist/only-version Success: Only version fields change
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_takes_the_place_of_what_is_queued() {
    let (bot, hub) = proposed_under(queue()).await;
    bot.announce("v1.5.0").await;
    bot.work().await;
    assert_eq!((hub.queued(), hub.count()), (vec![1], 1));
    hub.queue_passes().unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
    insta::assert_snapshot!(bot.history().await, @"
    prod found v1.0.0 hoist: succeeded
    prod forward v1.4.2 alice: superseded
    prod forward v1.5.0 alice: succeeded
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auto_merge_merges_when_the_last_check_comes() {
    let rules = Rules { checks: vec!["build"], allows_auto_merge: true, ..Rules::default() };
    let (bot, hub) = left_to_github(rules).await;
    assert_eq!(hub.auto_merge_of(1).as_deref(), Some("hoist-bot"));
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (its forge merges it as soon as its rules let it: the required check `build` is not there yet)");
    bot.watch(3).await;
    hub.run_on(1, "build", Some("success"));
    // hoist looks away; GitHub does not.
    hub.goes_on();
    assert!(is_in(&bot));
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.4.2, succeeded");
    let message = bot.message_on("main");
    assert!(message.contains("Hoist-Promotion: "), "{message}");
    insta::assert_snapshot!(bot.remote.ask(&["for-each-ref", "--format=%(refname)"]), @"refs/heads/main");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auto_merge_is_taken_back_when_a_gate_shuts_or_somebody_pushes() {
    let rules = || Rules { checks: vec!["build"], allows_auto_merge: true, ..Rules::default() };
    let (bot, hub) = left_to_github(rules()).await;
    bot.freeze("dora", "prod", None).await.unwrap();
    bot.work_off().await;
    assert_eq!(hub.auto_merge_of(1), None);
    bot.thaw("dora", "prod").await.unwrap();
    bot.work().await;
    assert!(hub.auto_merge_of(1).is_some());
    // GitHub goes on to merge whatever somebody pushes who may write there.
    let file = "environments/prod/apps/shop/kustomization.yaml";
    bot.remote.push("hoist/prod/shop", "main", file, "images: []\n");
    bot.work().await;
    assert_eq!(hub.auto_merge_of(1), None);
    hub.run_on(1, "build", Some("success"));
    hub.goes_on();
    assert!(!is_in(&bot));
    // What a person asked for stays theirs.
    hub.auto_merge_by("carol", 1);
    hub.run_on(1, "build", None);
    bot.watch(2).await;
    assert_eq!(hub.auto_merge_of(1).as_deref(), Some("carol"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_knows_no_auto_merge_is_told_of() {
    let rules = Rules { checks: vec!["build"], ..Rules::default() };
    let (bot, hub) = left_to_github(rules).await;
    let trouble = bot.app().application("shop").await.unwrap().trouble.unwrap_or_default();
    insta::assert_snapshot!(trouble, @"asking the forge: the forge refuses: GitHub does not merge #1 by itself: Pull request Auto merge is not allowed for this repository; allow auto-merge in the settings of acme/gitops, or remove `auto_merge`");
    hub.run_on(1, "build", Some("success"));
    bot.watch(5).await;
    assert!(is_in(&bot), "hoist merges it itself then");
}

/// What keeps a version out of prod, where only the forge does, and what ends that.
async fn blocked_by(rules: Rules) -> String {
    let (bot, _hub) = proposed_under(rules).await;
    assert!(!is_in(&bot));
    let why = bot.app().why("shop", "prod").await.unwrap();
    format!("{}\n-> {}", why.candidates[0].why, why.candidates[0].next)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_that_blocks_is_named_wherever_it_is_written() {
    let mut told = Vec::new();
    for protection in [Protection::Rulesets, Protection::Classic] {
        let none = || Rules { protection, ..Rules::default() };
        told.push(blocked_by(Rules { checks: vec!["build", "e2e"], ..none() }).await);
        told.push(blocked_by(Rules { approvals: 2, ..none() }).await);
        told.push(blocked_by(Rules { code_owner: Some("dora".into()), ..none() }).await);
        told.push(blocked_by(Rules { signatures: true, ..none() }).await);
        told.push(blocked_by(Rules { restricted: true, ..none() }).await);
    }
    let (rulesets, classic) = told.split_at(told.len() / 2);
    assert_eq!(rulesets, classic);
    insta::assert_snapshot!(rulesets.join("\n"), @"
    its forge does not let it in yet: the required check `build` is not there yet; the required check `e2e` is not there yet
    -> if `build` never comes, nothing runs it: look at the branch's rules; if `e2e` never comes, nothing runs it: look at the branch's rules
    its forge does not let it in yet: it has 0 of 2 approving reviews that its branch requires
    -> somebody who may write there approves it
    its forge does not let it in yet: a code owner of what it changes has to approve it
    -> a code owner approves it
    its forge does not let it in yet: its commits have to be signed
    -> let hoist sign its commits (`commits:`), or make them on the forge
    its forge does not let it in yet: these credentials may not move its branch, or it is locked
    -> let hoist's account merge there, or unlock the branch; or a person merges
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_bypassed_is_not_bypassed() {
    let rules = || Rules { checks: vec!["build"], may_be_bypassed: true, ..Rules::default() };
    let (bot, hub) = proposed_under(rules()).await;
    bot.watch(3).await;
    assert!(!is_in(&bot));
    hub.protect(Rules { queue: true, ..rules() });
    hub.run_on(1, "build", Some("success"));
    bot.watch(2).await;
    assert!(!is_in(&bot));
    assert_eq!(hub.queued(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_has_to_be_up_to_date_is_made_anew() {
    let rules = Rules { strict: true, checks: vec!["build"], ..Rules::default() };
    let (bot, hub) = proposed_under(rules).await;
    bot.edit_main("README.md", "What runs where.", "What runs where, and why.");
    bot.work().await;
    let before = bot.remote.tip("hoist/prod/shop");
    hub.run_on(1, "build", Some("success"));
    bot.watch(2).await;
    assert_ne!(bot.remote.tip("hoist/prod/shop"), before, "it stands on main as it is now");
    hub.run_on(1, "build", Some("success"));
    bot.watch(2).await;
    assert!(is_in(&bot));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_check_and_what_was_said_are_named() {
    let rules = Rules { checks: vec!["build"], conversations: true, ..Rules::default() };
    let (bot, hub) = proposed_under(rules).await;
    hub.run_on(1, "build", Some("failure"));
    hub.discuss(1);
    bot.watch(6).await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (its forge does not let it in yet: the required check `build` failed; 1 conversation on it is not resolved)");
    hub.run_on(1, "build", Some("success"));
    hub.resolve(1);
    bot.watch(2).await;
    assert!(is_in(&bot));
}
