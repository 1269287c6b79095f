//! What the pipelines file can ask for.

use hoist::domain::command::ProposalStep;

use crate::support::world::Bot;

#[tokio::test]
async fn a_manual_environment_waits_for_a_person_who_merges() {
    let bot =
        Bot::with(&[("staging", "merge: automatic"), ("prod", "after: [staging], merge: manual")])
            .await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot.approve("carol", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (a person has to merge it: the policy is manual)
    ");
    bot.step("bob", "prod", ProposalStep::Merge).await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: merged by bob
    ");
}

/// `hoist serve --read-only` says what it would do, and leaves everything as it is.
#[tokio::test]
async fn a_hoist_that_only_reads_plans_and_answers_and_changes_nothing() {
    let mut bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.restart_read_only().await;
    let before = (bot.remote.ask(&["for-each-ref"]), bot.history().await);
    assert_eq!(bot.announce("v1.5.0").await, 202);
    bot.minutes_pass(60);
    bot.work().await;
    assert_eq!((bot.remote.ask(&["for-each-ref"]), bot.history().await), before);
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    let refused = bot.hold("alice").await.unwrap_err();
    assert!(refused.contains("--read-only"), "{refused}");
    let step = hoist::domain::command::ProposalStep::Approve;
    assert!(bot.step("bob", "prod", step).await.unwrap_err().contains("--read-only"));
    let why = bot.app().why("shop", "staging").await.unwrap();
    insta::assert_snapshot!(why.answer, @"v1.5.0 is not in staging: it was announced, and is started at the next look");

    bot.restart().await;
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.5.0 # hoist writes this");
}

#[tokio::test]
async fn two_approvals_are_two_people_and_not_the_one_who_asked() {
    let bot = Bot::with(&[
        ("staging", "merge: automatic"),
        ("prod", "after: [staging], gates: [{approvals: 2}], merge: automatic"),
    ])
    .await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    for person in ["bob", "bob", "alice"] {
        bot.approve(person, "prod").await;
        bot.work().await;
    }
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 1 of 2 approvals, the requester's not counted)
    ");
    let refused = bot.step("bob", "prod", ProposalStep::Merge).await.unwrap_err();
    insta::assert_snapshot!(refused, @"not merged: approvals is shut (1 of 2 approvals, the requester's not counted); somebody with the right skip-gates may merge past that");
    bot.approve("carol", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn prods_follow_staging_in_waves() {
    let bot = Bot::with(&[
        ("staging", "merge: automatic"),
        ("prod-eu", "after: [staging], gates: [{soak: 10m}], merge: automatic"),
        ("prod-us", "after: [staging], gates: [{soak: 20m}], merge: automatic"),
        ("prod-asia", "after: [prod-eu, prod-us], gates: [{soak: 1h}], merge: automatic"),
    ])
    .await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (it runs and is watched (until 2026-11-22 21:20 UTC))
    prod-eu: v1.0.0, succeeded, next v1.4.2 waiting (soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:10 UTC))
    prod-us: v1.0.0, succeeded, next v1.4.2 waiting (soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:20 UTC))
    prod-asia: v1.0.0, succeeded
    ");
    bot.minutes_pass(10);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, soaking (it runs and is watched (until 2026-11-22 21:20 UTC))
    prod-eu: v1.4.2, soaking (it runs and is watched (until 2026-11-22 22:10 UTC))
    prod-us: v1.0.0, succeeded, next v1.4.2 waiting (soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:20 UTC))
    prod-asia: v1.0.0, succeeded
    ");
    bot.minutes_pass(10);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod-eu: v1.4.2, soaking (it runs and is watched (until 2026-11-22 22:10 UTC))
    prod-us: v1.4.2, soaking (it runs and is watched (until 2026-11-22 22:20 UTC))
    prod-asia: v1.0.0, succeeded, next v1.4.2 waiting (soak gate: v1.4.2 runs in prod-eu since 2026-11-22 21:10 UTC (until 2026-11-22 22:10 UTC))
    ");
    bot.minutes_pass(60);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod-eu: v1.4.2, succeeded
    prod-us: v1.4.2, succeeded
    prod-asia: v1.4.2, succeeded
    ");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod-eu: promote shop to v1.4.2
    Merge proposal #3: prod-us: promote shop to v1.4.2
    Merge proposal #4: prod-asia: promote shop to v1.4.2
    ");
}

#[tokio::test]
async fn a_held_environment_moves_nothing_until_it_is_resumed() {
    let bot = Bot::new().await;
    bot.work().await;
    bot.hold("carol").await.unwrap();
    bot.propose_to_prod("v1.4.2").await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 held (held by carol: freeze week)
    ");
    bot.resume("carol").await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
}
