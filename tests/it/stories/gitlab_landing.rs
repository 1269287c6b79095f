//! How a merge request gets into a project that has rules: word by word, by auto-merge, and on the
//! merge train.

use crate::support::gitlab::{GitLab, Rules};
use crate::support::world::Bot;

const ALONE: [(&str, &str); 1] = [("prod", "merge: automatic")];

/// A version is proposed for prod, in a project of these rules.
async fn proposed_under(rules: Rules) -> (Bot, GitLab) {
    let (bot, lab) = Bot::on_gitlab(&ALONE).await;
    lab.rule(rules);
    bot.announce("v1.4.2").await;
    bot.work().await;
    (bot, lab)
}

/// The same, where hoist may leave it to GitLab to merge.
async fn left_to_gitlab(rules: Rules) -> (Bot, GitLab) {
    let (mut bot, lab) = Bot::on_gitlab(&ALONE).await;
    bot.change_the_process_file(|text| {
        text.replace("merge_method: merge", "merge_method: merge, auto_merge: allowed")
    })
    .await;
    lab.rule(rules);
    bot.announce("v1.4.2").await;
    bot.work().await;
    (bot, lab)
}

fn is_in(bot: &Bot) -> bool {
    bot.version_line("prod") == "newTag: v1.4.2 # hoist writes this"
}

fn trains() -> Rules {
    Rules { trains: true, ..Rules::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_with_trains_is_gone_into_by_train() {
    let (bot, lab) = proposed_under(trains()).await;
    assert_eq!(lab.on_train(), [1]);
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (it is on the merge train)");
    bot.watch(3).await;
    assert_eq!(lab.on_train(), [1], "it is put on once");
    lab.train_passes();
    bot.work().await;
    assert!(is_in(&bot));
    insta::assert_snapshot!(bot.deeds().await, @"
    hoist found prod
    hoist started prod
    hoist proposed prod
    hoist handed-over prod
    hoist merged prod
    hoist deployed prod
    hoist succeeded prod
    ");
    insta::assert_snapshot!(bot.remote.ask(&["for-each-ref", "--format=%(refname)"]), @"refs/heads/main");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_train_puts_off_is_tried_once_more_and_then_left_to_people() {
    let (bot, lab) = proposed_under(trains()).await;
    lab.train_fails(1);
    bot.watch(2).await;
    assert_eq!(lab.on_train(), [1], "it may have been the fault of what went before it");
    lab.train_fails(1);
    bot.watch(5).await;
    assert!(lab.on_train().is_empty());
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (its forge does not let it in yet: the merge train put it out again and again (pipeline did not succeed))");
    lab.put_on_by("carol", 1);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (it is on the merge train, as a person asked for)");
    lab.take_off_by("carol", 1);
    bot.watch(3).await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (its forge does not let it in yet: carol took it out of the merge train)");
    // What comes later is another thing.
    bot.announce("v1.5.0").await;
    bot.work().await;
    assert_eq!(lab.on_train(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shut_gate_takes_it_off_the_train() {
    let (bot, lab) = proposed_under(trains()).await;
    bot.freeze("dora", "prod", None).await.unwrap();
    bot.work_off().await;
    assert!(lab.on_train().is_empty());
    bot.thaw("dora", "prod").await.unwrap();
    bot.work().await;
    assert_eq!(lab.on_train(), [1]);
    bot.hold("dora").await.unwrap();
    bot.work().await;
    assert!(lab.on_train().is_empty());
    // What a person asks for is theirs.
    lab.put_on_by("carol", 1);
    bot.watch(2).await;
    assert_eq!(lab.on_train(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auto_merge_merges_when_the_pipeline_has_passed() {
    let running = Rules { says: Some("ci_still_running"), ..Rules::default() };
    let (bot, lab) = left_to_gitlab(running).await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (its forge merges it as soon as its rules let it: its pipeline goes on)");
    assert!(lab.asked_of(1).is_some());
    bot.freeze("dora", "prod", None).await.unwrap();
    bot.work_off().await;
    assert_eq!(lab.asked_of(1), None);
    bot.thaw("dora", "prod").await.unwrap();
    bot.work().await;
    lab.say_nothing();
    // hoist looks away; GitLab does not.
    lab.goes_on();
    assert!(is_in(&bot));
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.4.2, succeeded");
    let message = bot.message_on("main");
    assert!(message.contains("Hoist-Promotion: "), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auto_merge_is_taken_back_when_somebody_pushes() {
    let running = Rules { says: Some("ci_still_running"), ..Rules::default() };
    let (bot, lab) = left_to_gitlab(running).await;
    let file = "environments/prod/apps/shop/kustomization.yaml";
    bot.remote.push("hoist/prod/shop", "main", file, "images: []\n");
    bot.work().await;
    assert_eq!(lab.asked_of(1), None);
    lab.say_nothing();
    lab.goes_on();
    assert!(!is_in(&bot));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_word_of_gitlabs_for_what_blocks_is_told_in_ours() {
    let words = [
        "not_approved",
        "requested_changes",
        "discussions_not_resolved",
        "ci_must_pass",
        "ci_still_running",
        "status_checks_must_pass",
        "merge_request_blocked",
        "locked_paths",
        "locked_lfs_files",
        "merge_time",
        "security_policy_violations",
        "security_policy_pipeline_check",
        "jira_association_missing",
        "title_regex",
        "something_new",
    ];
    let (bot, lab) = proposed_under(Rules { says: Some(words[0]), ..Rules::default() }).await;
    let mut told = Vec::new();
    for word in words {
        lab.say_of_all(word);
        bot.work().await;
        let why = bot.app().why("shop", "prod").await.unwrap();
        let said = why.candidates[0].why.rsplit_once("yet: ").unwrap().1.to_owned();
        told.push(format!("{word}: {said} -> {}", why.candidates[0].next));
    }
    assert!(!is_in(&bot));
    insta::assert_snapshot!(told.join("\n"), @"
    not_approved: it lacks approving reviews that its branch requires -> somebody who may write there approves it
    requested_changes: a reviewer asks for changes -> those who asked for changes approve it, or their review is dismissed
    discussions_not_resolved: not all of its threads are resolved -> somebody resolves its conversations
    ci_must_pass: its pipeline failed -> mend what its pipeline checks, or run it again
    ci_still_running: its pipeline goes on -> nothing is needed: it goes on by itself
    status_checks_must_pass: external status checks have to pass -> look at its external status checks
    merge_request_blocked: another one has to go in before it -> merge the other one first
    locked_paths: somebody has locked files that it changes -> somebody unlocks the files
    locked_lfs_files: somebody has locked files that it changes -> somebody unlocks the files
    merge_time: it may not be merged before its time -> nothing is needed: it goes on by itself
    security_policy_violations: a security policy forbids it -> look at what the policy found
    security_policy_pipeline_check: a security policy forbids it -> look at what the policy found
    jira_association_missing: its title or description has to name a ticket -> give it such a text by `review: {title: …, body: …}`
    title_regex: its title has not the form that is asked for -> give it such a text by `review: {title: …, body: …}`
    something_new: something_new -> look at it on its forge
    ");
    lab.say_nothing();
    bot.work().await;
    assert!(is_in(&bot));
}
