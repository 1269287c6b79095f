//! What a rollback asks, what it refuses, and what it keeps out.

use hoist::app::views::{PromoteRequest, RollbackRequest};
use hoist::domain::command::Newer;

use crate::support::mortal::{LastWrite, Life};
use crate::support::world::{Bot, file, promote_to_prod};

fn back(environment: &str) -> RollbackRequest {
    RollbackRequest {
        application: "shop".into(),
        environment: environment.into(),
        to: None,
        reason: Some("payments fail".into()),
        over_drift: false,
        everywhere: false,
    }
}

async fn roll_prod_back(bot: &Bot) {
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
}

/// Three environments side by side behind staging.
const WAVES: [(&str, &str); 3] = [
    ("staging", "merge: automatic"),
    ("eu", "after: [staging], merge: automatic"),
    ("us", "after: [staging], merge: automatic"),
];

#[tokio::test]
async fn nothing_is_resumed_while_the_rollback_is_still_open() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    let refused = bot.resume("carol").await.unwrap_err();
    insta::assert_snapshot!(refused, @"the rollback of prod to v1.0.0 is still proposed in #3: until it is in, nothing is resumed; merge it, or close it if it is not wanted any more");
    bot.close("bob", "prod").await;
    bot.work().await;
    bot.resume("carol").await.unwrap();
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_resume_asks_what_becomes_of_what_came_since() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    roll_prod_back(&bot).await;
    bot.propose_to_prod("v1.5.0").await;
    bot.announce("v1.6.0").await;
    let asked = bot.resume_with("carol", None).await.unwrap_err();
    insta::assert_snapshot!(asked, @"prod was rolled back, and v1.5.0, v1.6.0 would go in next: say `hoist resume shop prod --with-newer` to let that go in through its gates, or `hoist resume shop prod --without-newer` to go on only with what is announced from now on");
    bot.resume_with("carol", Some(Newer::Without)).await.unwrap();
    bot.work().await;
    bot.minutes_pass(60);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.6.0, succeeded
    prod: v1.0.0, succeeded
    ");
    // What is announced from now on goes its way.
    bot.propose_to_prod("v1.7.0").await;
    assert!(bot.status().await.contains("next v1.7.0 proposed"), "{}", bot.status().await);
}

#[tokio::test]
async fn a_resume_with_nothing_newer_asks_nothing() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    roll_prod_back(&bot).await;
    bot.resume_with("carol", None).await.unwrap();
}

#[tokio::test]
async fn what_is_rolled_back_in_staging_is_turned_away_in_prod() {
    let bot = Bot::new().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert!(bot.status().await.contains("next v1.4.2 waiting"), "{}", bot.status().await);
    bot.roll_back_as("dora", back("staging")).await.unwrap();
    bot.work().await;
    bot.minutes_pass(60);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.0.0, succeeded (held by dora: v1.4.2 was rolled back)
    prod: v1.0.0, succeeded
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: rolled back
    prod forward v1.4.2 alice: closed
    staging rollback v1.0.0 dora: succeeded
    ");
}

#[tokio::test]
async fn an_open_proposal_of_what_is_rolled_back_upstream_is_closed_and_says_why() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.roll_back_as("dora", back("staging")).await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: closed by hoist
    #3 staging: roll shop back to v1.0.0: merged by hoist
    ");
    let hoist::app::ports::ProposalState::Closed { reason, .. } = bot.proposal(2).await.state
    else {
        panic!("it is not closed")
    };
    insta::assert_snapshot!(reason.unwrap(), @"What it brings was rolled back in staging, which comes before; `hoist promote --force-bad --reason …` brings it all the same.");
}

#[tokio::test]
async fn what_was_rolled_back_goes_in_again_only_by_force_and_with_a_reason() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    roll_prod_back(&bot).await;
    bot.resume("carol").await.unwrap();
    let wish = promote_to_prod(Some("v1.4.2"));
    let refused = bot.promote("carol", wish.clone()).await.unwrap_err();
    insta::assert_snapshot!(refused, @"v1.4.2 was rolled back in prod; if it is to go in all the same, say `--force-bad --reason …`");
    let wish = PromoteRequest { force_bad: true, ..wish };
    let silent = PromoteRequest { reason: None, ..wish.clone() };
    assert!(bot.promote("carol", silent).await.unwrap_err().contains("needs a reason"));
    bot.promote("carol", wish).await.unwrap();
    bot.work().await;
    assert!(bot.proposal(4).await.body.contains("It was rolled back before"));
    let message = bot.message_on("hoist/prod/shop");
    assert!(message.contains("Hoist-Forced: rolled back before"), "{message}");
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_rollback_over_what_other_hands_put_there_asks_first() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.edit_main(&file("prod", "shop"), "newTag: v1.4.2", "newTag: v1.4.3-hot");
    bot.work().await;
    let asked = bot.roll_back("dora", None).await.unwrap_err();
    assert!(asked.contains("other hands put v1.4.3-hot into prod"), "{asked}");
    assert!(asked.contains("--over-drift"), "{asked}");
    let request = RollbackRequest { over_drift: true, ..back("prod") };
    bot.roll_back_as("dora", request).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_rollback_that_meets_a_change_by_other_hands_waits_and_says_so() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.edit_main(&file("prod", "shop"), "newTag: v1.5.0", "newTag: v1.5.1-hot");
    bot.work().await;
    let status = bot.status().await;
    assert!(status.contains("other hands put v1.5.1-hot there"), "{status}");
    let request = RollbackRequest { over_drift: true, ..back("prod") };
    bot.roll_back_as("dora", request).await.unwrap();
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: succeeded
    staging forward v1.5.0 alice: succeeded
    prod forward v1.5.0 alice: rolled back
    prod rollback v1.4.2 dora: superseded
    prod found v1.5.1-hot hoist: succeeded
    prod rollback v1.4.2 dora: succeeded
    ");
}

#[tokio::test]
async fn a_rollback_offers_the_others_that_run_the_same_and_does_them_when_told_to() {
    let bot = Bot::with(&WAVES).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot.announce("v1.5.0").await;
    bot.work().await;
    let request = RollbackRequest { everywhere: true, ..back("eu") };
    let answer = bot.roll_back_as("dora", request).await.unwrap();
    insta::assert_snapshot!(answer, @"
    shop in eu goes back from v1.5.0 to v1.4.2. The revert proposal opens now; the application is held there until `hoist resume shop eu`.
    shop in us goes back from v1.5.0 to v1.4.2. The revert proposal opens now; the application is held there until `hoist resume shop us`.
    ");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    eu: v1.4.2, succeeded (held by dora: v1.5.0 was rolled back)
    us: v1.4.2, succeeded (held by dora: v1.5.0 was rolled back)
    ");
}

/// All of it is one write: the process ends before that or after it, and never in between.
#[tokio::test]
async fn a_crash_leaves_no_part_of_a_rollback_everywhere_undone() {
    for (last, begun) in [(LastWrite::Lost, 0), (LastWrite::Done, 2)] {
        let mut bot = Bot::with(&WAVES).await;
        for version in ["v1.4.2", "v1.5.0"] {
            bot.announce(version).await;
            bot.work().await;
        }
        bot.restart_mortal(&Life::of(0, last)).await;
        let request = RollbackRequest { everywhere: true, ..back("eu") };
        bot.roll_back_as("dora", request.clone()).await.unwrap_err();
        bot.restart().await;
        let rollbacks = |history: &str| history.matches("rollback v1.4.2 dora").count();
        assert_eq!(rollbacks(&bot.history().await), begun, "{last:?}");
        bot.roll_back_as("dora", request).await.unwrap();
        bot.work().await;
        assert_eq!(rollbacks(&bot.history().await), 2, "{last:?}: {}", bot.history().await);
    }
}

/// Whoever names another version than the one that is on its way back is not told that it comes.
#[tokio::test]
async fn one_rollback_at_a_time_is_on_its_way() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    let again = bot.roll_back("dora", Some("v1.4.2")).await.unwrap();
    insta::assert_snapshot!(again, @"shop v1.4.2 is already on its way into prod: it is proposed.");
    let other = bot.roll_back("dora", Some("v1.0.0")).await.unwrap_err();
    insta::assert_snapshot!(other, @"a rollback of shop in prod to v1.4.2 is proposed in #5: close that one first, to go back to v1.0.0 instead");
    let unknown = bot.roll_back("dora", Some("v7")).await.unwrap_err();
    assert!(unknown.contains("v7"), "{unknown}");
}

#[tokio::test]
async fn a_rollback_names_the_others_that_run_the_same() {
    let bot = Bot::with(&WAVES).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let answer = bot.roll_back_as("dora", back("eu")).await.unwrap();
    assert!(answer.contains("The same version is in us, too: `--everywhere`"), "{answer}");
}

#[tokio::test]
async fn a_rollback_needs_what_the_policy_says_of_rollbacks() {
    let bot = Bot::with(&[
        ("staging", "merge: automatic"),
        ("prod", "gates: [{approvals: 2}], rollback: {approvals: 0, merge: automatic}"),
    ])
    .await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.approve("carol", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test]
async fn a_rollbacks_proposal_tells_what_comes_back_what_goes_and_why() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    let body = bot.proposal(5).await.body;
    for told in [
        "What comes back: `v1.4.2`, which succeeded here at 2026-11-22 21:30 UTC.",
        "What goes: `v1.5.0`, in here since 2026-11-22 22:00 UTC.",
        "It takes back commit ",
        "Asked for by `dora`\nbecause `payments fail`",
    ] {
        assert!(body.contains(told), "{told:?} is not in\n{body}");
    }
}

#[tokio::test]
async fn a_revert_by_hand_is_recorded_as_that_and_never_undone() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.bring_into_prod("v1.5.0").await;
    bot.remote.revert("main");
    bot.work().await;
    bot.minutes_pass(600);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, succeeded
    ");
    assert!(bot.history().await.ends_with("prod found v1.4.2 hoist: succeeded"));
    assert!(bot.deeds().await.ends_with("hoist drift prod"), "{}", bot.deeds().await);
}

#[tokio::test]
async fn a_hold_long_after_a_rollback_was_resumed_is_about_something_else() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    roll_prod_back(&bot).await;
    bot.resume_with("carol", None).await.unwrap();
    bot.propose_to_prod("v1.5.0").await;
    bot.hold("carol").await.unwrap();
    insta::assert_snapshot!(
        bot.resume_with("carol", None).await.unwrap(),
        @"shop is no longer held in prod (all is well): what waited there goes on."
    );
    bot.work().await;
    assert!(bot.status().await.contains("next v1.5.0 proposed"), "{}", bot.status().await);
}

#[tokio::test]
async fn a_hold_in_the_place_of_a_rollback_s_own_still_asks() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    roll_prod_back(&bot).await;
    bot.hold("carol").await.unwrap();
    bot.propose_to_prod("v1.5.0").await;
    let asked = bot.resume_with("carol", None).await.unwrap_err();
    assert!(asked.contains("v1.5.0 would go in next"), "{asked}");
}

#[tokio::test]
async fn what_a_rollback_took_the_place_of_comes_back_with_a_resume() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.propose_to_prod("v1.5.0").await;
    roll_prod_back(&bot).await;
    assert!(bot.history().await.contains("prod forward v1.5.0 alice: superseded"));
    let asked = bot.resume_with("carol", None).await.unwrap_err();
    assert!(asked.contains("v1.5.0 would go in next"), "{asked}");
    bot.resume_with("carol", Some(Newer::With)).await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.0.0, succeeded, next v1.5.0 proposed in #6 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    // Once is enough: it was asked and answered.
    bot.hold("carol").await.unwrap();
    bot.resume_with("carol", None).await.unwrap();
    let history = bot.history().await;
    assert_eq!(history.matches("prod forward v1.5.0").count(), 2, "{history}");
}

#[tokio::test]
async fn what_a_rollback_took_the_place_of_stays_out_where_somebody_says_so() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.propose_to_prod("v1.5.0").await;
    roll_prod_back(&bot).await;
    let answer = bot.resume_with("carol", Some(Newer::Without)).await.unwrap();
    insta::assert_snapshot!(answer, @"shop is no longer held in prod (all is well); v1.5.0 stays out, and what is announced from now on may go in.");
    bot.minutes_pass(60);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.0.0, succeeded
    ");
}

#[tokio::test]
async fn a_rollback_that_was_given_up_leaves_what_it_found_on_its_way() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.propose_to_prod("v1.5.0").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    bot.close("bob", "prod").await;
    bot.work().await;
    bot.resume_with("carol", None).await.unwrap();
    bot.work().await;
    let status = bot.status().await;
    assert!(status.contains("prod: v1.4.2, succeeded, next v1.5.0 proposed"), "{status}");
}
