//! Somebody freezes an environment, and somebody thaws it.

use std::time::Duration;

use hoist::app::views::Allowance;

use crate::support::world::Bot;

/// The shop's v1.4.2 is proposed to prod and approved by nobody yet.
async fn proposed() -> Bot {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot
}

#[tokio::test]
async fn a_frozen_environment_takes_nothing_in_until_the_freeze_ends() {
    let bot = proposed().await;
    insta::assert_snapshot!(bot.freeze("dora", "prod", Some("2h")).await.unwrap(), @"prod is frozen until 2026-11-22 23:30 UTC (INC-123): nothing goes in, and no rollback either.");
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (frozen by dora until 2026-11-22 23:30 UTC: INC-123)
    ");
    assert!(bot.statuses(2).await.contains("hoist/freeze Pending: frozen by dora until"));

    bot.minutes_pass(119);
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    bot.minutes_pass(1);
    bot.work_off().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn nothing_is_even_proposed_to_what_is_frozen() {
    let bot = Bot::new().await;
    bot.freeze("dora", "*", None).await.unwrap();
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(bot.proposals().await, "");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.0.0, succeeded, next v1.4.2 waiting (frozen by dora until somebody thaws it: INC-123)
    prod: v1.0.0, succeeded
    ");
    insta::assert_snapshot!(bot.thaw("dora", "*").await.unwrap(), @"every environment was thawed: it was frozen by dora until somebody thaws it: INC-123. What waited there goes on.");
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"#1 staging: promote shop to v1.4.2: merged by hoist");
}

#[tokio::test]
async fn freezes_stand_side_by_side_and_each_is_thawed_by_its_own_name() {
    let bot = proposed().await;
    bot.approve("bob", "prod").await;
    bot.freeze("dora", "prod", Some("1h")).await.unwrap();
    bot.freeze("dora", "*", None).await.unwrap();
    insta::assert_snapshot!(bot.thaw("dora", "prod").await.unwrap(), @"prod was thawed: it was frozen by dora until 2026-11-22 22:30 UTC: INC-123. It is still frozen by dora until somebody thaws it: INC-123 (`hoist thaw '*'` ends it).");
    insta::assert_snapshot!(bot.thaw("dora", "prod").await.unwrap_err(), @"nobody froze prod by a command of its own. It is still frozen by dora until somebody thaws it: INC-123 (`hoist thaw '*'` ends it).");
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    bot.thaw("dora", "*").await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    insta::assert_snapshot!(bot.thaw("dora", "prod").await.unwrap_err(), @"prod is not frozen, so nothing is to be thawed");
}

#[tokio::test]
async fn a_restart_forgets_no_freeze() {
    let mut bot = proposed().await;
    bot.freeze("dora", "prod", None).await.unwrap();
    bot.approve("bob", "prod").await;
    bot.restart().await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test]
async fn a_rollback_waits_for_a_freeze_unless_whoever_froze_lets_it_in() {
    for (allow, expected) in [(&[][..], "v1.4.2"), (&[Allowance::Rollback][..], "v1.0.0")] {
        let bot = Bot::new().await;
        bot.bring_into_prod("v1.4.2").await;
        bot.freeze_allowing("dora", ("prod", None), allow).await.unwrap();
        bot.roll_back("dora", None).await.unwrap();
        bot.work().await;
        // It lies ready in both cases.
        bot.approve("bob", "prod").await;
        bot.work().await;
        let line = format!("newTag: {expected} # hoist writes this");
        assert_eq!(bot.version_line("prod"), line, "{allow:?}");
    }
}

#[tokio::test]
async fn only_those_with_the_right_freeze_and_only_what_there_is() {
    let bot = Bot::new().await;
    bot.work().await;
    insta::assert_snapshot!(bot.freeze("alice", "*", None).await.unwrap_err(), @"alice may not `freeze` in every environment: no role of theirs allows it; a role with `may: [freeze]` that reaches every environment does (`roles:` in the configuration)");
    insta::assert_snapshot!(bot.freeze("dora", "prd", None).await.unwrap_err(), @r#"no pipeline has an environment "prd"; did you mean `prod`? there are prod, staging, and `*` is all of them"#);
    insta::assert_snapshot!(bot.freeze("dora", "prod", Some("soon")).await.unwrap_err(), @r#""soon" is not a length of time: write it as `30m`, `2h` or `1d`"#);
    assert_eq!(bot.app().freezes().await.unwrap(), []);
}

/// Whoever is told that it is frozen can rely on it: what was judged before is done by then.
#[tokio::test]
async fn a_freeze_that_meets_a_merge_is_answered_when_the_merge_is_done() {
    let mut bot = proposed().await;
    bot.approve("bob", "prod").await;
    let gate = bot.restart_with_slow_merges().await;
    let freezing = async {
        gate.is_reached().await;
        let answer = tokio::spawn({
            let app = std::sync::Arc::clone(bot.app());
            let by = app.identify("the token of dora").await.unwrap();
            let request = hoist::app::views::FreezeRequest {
                environment: "prod".into(),
                length: None,
                reason: "INC-123".into(),
                allow: Vec::new(),
            };
            async move { app.freeze(&by, request).await.unwrap().message }
        });
        while bot.app().freezes().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // It is recorded, and not answered: the merge is still under way.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!answer.is_finished());
        gate.open();
        answer.await.unwrap()
    };
    let ((), answer) = tokio::join!(bot.work(), freezing);
    assert!(!answer.contains("still under way"), "{answer}");
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");

    // What comes after the answer meets the freeze.
    bot.announce("v1.5.0").await;
    let staging = async {
        gate.is_reached().await;
        gate.open();
    };
    tokio::join!(bot.work(), staging);
    bot.minutes_pass(30);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.5.0, succeeded
    prod: v1.4.2, succeeded, next v1.5.0 waiting (frozen by dora until somebody thaws it: INC-123)
    ");
}

#[tokio::test]
async fn a_freeze_that_comes_between_the_plan_and_the_merge_stops_it() {
    let bot = proposed().await;
    bot.approve("bob", "prod").await;
    let plan = bot.app().foresee(Some("shop"), None).await.unwrap();
    assert!(format!("{plan:?}").contains("merge"), "{plan:?}");
    bot.freeze("dora", "prod", None).await.unwrap();
    bot.work_off().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
}

#[tokio::test]
async fn a_word_in_the_last_second_of_a_freeze_is_kept_and_done_in_the_next() {
    let bot = proposed().await;
    bot.freeze("dora", "prod", Some("1h")).await.unwrap();
    bot.minutes_pass(59);
    bot.seconds_pass(59);
    bot.approve("bob", "prod").await;
    bot.work_off().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    let last = bot.status().await;
    assert!(last.contains("frozen by dora"), "{last}");
    bot.seconds_pass(1);
    bot.work_off().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

/// A busy forge is waited for, and what was judged before that is old by then.
#[tokio::test]
async fn what_shuts_while_a_merge_waits_for_its_turn_stops_it() {
    let mut bot = proposed().await;
    bot.approve("bob", "prod").await;
    let gate = bot.restart_with_late_turns().await;
    let freezing = async {
        gate.is_reached().await;
        // Nobody waits for the turn but the merge itself.
        let answer = bot.freeze("dora", "prod", None).await.unwrap();
        assert!(!answer.contains("still under way"), "{answer}");
        gate.open();
    };
    tokio::join!(bot.work_off(), freezing);
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (frozen by dora until somebody thaws it: INC-123)
    ");
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    bot.thaw("dora", "prod").await.unwrap();
    let merging = async {
        gate.is_reached().await;
        gate.open();
    };
    tokio::join!(bot.work(), merging);
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}
