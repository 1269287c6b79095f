//! A proposal that is a draft until its gates are open.

use crate::support::github::Harm;
use crate::support::world::Bot;

const DRAFTED: [(&str, &str); 2] = [
    ("staging", "merge: automatic"),
    (
        "prod",
        "after: [staging], merge: automatic, \
         gates: [{soak: 30m, before: merge}, {approvals: 1}], \
         review: {draft: until-open, reviewers: [bob]}",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_becomes_ready_on_github_when_the_soak_ends() {
    let (bot, hub) = Bot::on_github(&DRAFTED).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(hub.draft_of(2), (true, vec![]), "nobody is asked yet");
    bot.watch(10).await;
    // A newer version takes it over, and it stays one.
    bot.announce("v1.5.0").await;
    bot.work().await;
    assert_eq!((hub.draft_of(2).0, hub.count()), (true, 3));
    bot.watch(31).await;
    assert_eq!(hub.draft_of(2), (false, vec!["Bobby".to_owned()]));
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.0.0, succeeded, next v1.5.0 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    hub.review(2, "Bobby", "APPROVED");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
    insta::assert_snapshot!(bot.deeds().await, @"
    hoist found staging
    hoist found prod
    hoist started staging
    hoist proposed staging
    hoist merged staging
    hoist deployed staging
    hoist soaking staging
    hoist started prod
    hoist proposed prod
    hoist started staging
    hoist proposed staging
    hoist merged staging
    hoist superseded staging
    hoist deployed staging
    hoist soaking staging
    hoist started prod
    hoist superseded prod
    hoist proposed prod
    hoist succeeded staging
    hoist ready prod
    hoist merged prod
    hoist deployed prod
    hoist succeeded prod
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_makes_a_draft_on_github_stays_one() {
    let (bot, hub) = Bot::on_github(&DRAFTED).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    // Somebody makes it ready early, and somebody else a draft of it again.
    hub.make_ready(2);
    bot.work().await;
    assert!(!hub.draft_of(2).0, "hoist makes no draft of it");
    hub.make_draft(2);
    bot.watch(31).await;
    hub.review(2, "Bobby", "APPROVED");
    bot.watch(2).await;
    assert!(hub.draft_of(2).0);
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its forge does not let it in yet: a person made a draft of it)
    ");
    hub.make_ready(2);
    bot.watch(2).await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_takes_no_drafts_gets_a_proposal_all_the_same() {
    let (bot, hub) = Bot::on_github(&DRAFTED).await;
    hub.protect(crate::support::github::Rules { takes_no_drafts: true, ..Default::default() });
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(hub.draft_of(2), (false, vec!["Bobby".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_made_ready_is_opened_as_no_draft() {
    let (bot, hub) = Bot::on_github(&DRAFTED).await;
    let absent = Harm::Instead(404, vec![], serde_json::json!({"message": "Not Found"}));
    hub.break_next(("POST", "/graphql"), 100, absent);
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(hub.draft_of(2), (false, vec!["Bobby".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_becomes_ready_on_gitlab_when_the_soak_ends() {
    let (bot, lab) = Bot::on_gitlab(&DRAFTED).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(lab.text_of(2).0, "Draft: prod: promote shop to v1.4.2");
    assert!(lab.dress_of(2).1.is_empty(), "nobody is asked yet");
    bot.watch(31).await;
    assert_eq!(lab.text_of(2).0, "prod: promote shop to v1.4.2");
    assert_eq!(lab.dress_of(2).1, ["Bobby"]);
    // A person makes a draft of it, which stays one.
    lab.make_draft(2);
    lab.approve(2, "Bobby");
    bot.watch(2).await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its forge does not let it in yet: a person made a draft of it)
    ");
    assert!(lab.text_of(2).0.starts_with("Draft: "));
}
