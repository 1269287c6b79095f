//! What `hoist status` and the page say of what is where.

use crate::support::world::{Bot, plain};

#[tokio::test]
async fn what_is_proposed_and_what_waits_behind_it_each_have_their_own_wait() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.announce("v1.5.0").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, soaking (it runs and is watched (until 2026-11-22 22:00 UTC))
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2, then v1.5.0 waiting (it needs review: 0 of 1 approvals, the requester's not counted) (soak gate: v1.5.0 runs in staging since 2026-11-22 21:30 UTC (until 2026-11-22 22:00 UTC))
    ");
    let prod = bot.environment("prod").await;
    let (next, behind) = (prod.next.unwrap(), &prod.behind[0]);
    assert!(next.waits_for.unwrap().contains("review"));
    assert!(behind.waits_for.as_ref().unwrap().contains("soak"));
}

#[tokio::test]
async fn a_hold_that_ended_by_itself_is_told_no_more() {
    let bot = Bot::new().await;
    bot.work().await;
    bot.hold_for("alice", "30m").await.unwrap();
    assert!(bot.environment("prod").await.hold.is_some());
    bot.minutes_pass(31);
    bot.work().await;
    assert_eq!(bot.environment("prod").await.hold, None);
    assert_eq!(bot.app().why("shop", "prod").await.unwrap().hold, None);
}

#[tokio::test]
async fn a_hold_is_seen_whatever_else_happens() {
    let bot = Bot::new().await;
    bot.work().await;
    bot.hold("alice").await.unwrap();
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.0.0, succeeded
    prod: v1.0.0, succeeded (held by alice: freeze week)
    ");
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot.minutes_pass(30);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 held (held by alice: freeze week)
    ");
    bot.resume("alice").await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    bot.roll_back("alice", None).await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded, next v1.0.0 proposed in #3 (it needs review: 0 of 1 approvals, the requester's not counted) (held by alice: v1.4.2 was rolled back)
    ");
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_is_told_with_its_next_step() {
    let bot = Bot::new().await;
    bot.work().await;
    bot.the_remote_goes_away();
    bot.work().await;
    let [unread] = bot.app().status().await.unwrap().unread.try_into().unwrap();
    assert_eq!(unread.repository.as_str(), "gitops");
    assert!(unread.why.starts_with("the Git remote"), "{}", unread.why);
    assert!(unread.next.contains("`url`"), "{}", unread.next);
    assert!(bot.app().application("shop").await.unwrap().unread.is_some());

    bot.the_remote_comes_back();
    bot.work().await;
    assert_eq!(bot.app().status().await.unwrap().unread, []);
}

#[tokio::test]
async fn a_merge_by_hand_is_told_before_it_is_recorded() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    let id = bot.environment("prod").await.next.unwrap().promotion;
    bot.remote.merge_by_hand("hoist/prod/shop", "main");
    bot.proposals().await;
    let view = bot.app().promotion(id.as_str()).await.unwrap();
    assert_eq!(view.state, "merged");
    assert!(view.explanation.starts_with("Merged"), "{}", view.explanation);
    assert!(view.gates.is_empty());
}

#[tokio::test]
async fn the_history_keeps_commits_and_tells_how_things_ended() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.propose_to_prod("v1.5.0").await;
    bot.close("bob", "prod").await;
    bot.work().await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    let history = bot.app().history("shop", Some("prod")).await.unwrap();
    let told = history.promotions.iter().map(|it| {
        let commit = it.commit.as_ref().map_or("-", |_| "COMMIT");
        let ended = it.ended.as_deref().unwrap_or("-");
        plain(&format!("{} {} {}: {commit}, {ended}", it.kind, it.version, it.state))
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @"
    rollback v1.0.0 succeeded: COMMIT, -
    forward v1.5.0 closed: -, Closed by bob: a word about it
    forward v1.4.2 rolled back: COMMIT, Taken back by the rollback to v1.0.0.
    found v1.0.0 succeeded: COMMIT, -
    ");
}
