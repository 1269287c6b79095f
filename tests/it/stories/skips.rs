//! Somebody with the right lets one promotion pass one gate, and it shows wherever that is.

use hoist::app::views::SkipRequest;

use crate::support::world::Bot;

fn skip(gate: &str, reason: &str) -> SkipRequest {
    SkipRequest {
        application: "shop".into(),
        environment: "prod".into(),
        promotion: None,
        gate: gate.into(),
        reason: reason.into(),
    }
}

/// The shop's v1.4.2 soaks in staging and waits to go into prod.
async fn soaking() -> Bot {
    let bot = Bot::new().await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    bot
}

#[tokio::test]
async fn a_skipped_soak_opens_the_proposal_at_once_and_is_told_everywhere() {
    let bot = soaking().await;
    assert!(!bot.proposals().await.contains("prod"));
    insta::assert_snapshot!(bot.skip("dora", skip("soak", "hotfix for INC-7")).await.unwrap(), @"shop v1.4.2 passes the gate soak of prod (hotfix for INC-7). Its other gates stay as they are; the proposal and the merge commit say so.");
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: open
    ");
    let body = bot.proposal(2).await.body;
    assert!(body.contains("soak: `skipped by dora (hotfix for INC-7); it saw:"), "{body}");
    insta::assert_snapshot!(bot.comments(2).await, @"
    hoist: <!-- hoist: skipped soak -->
    `dora` skipped the gate `soak`: `hotfix for INC-7`
    ");
    assert!(bot.statuses(2).await.contains("hoist/soak Success: skipped by dora"));

    let promotion = bot.environment("prod").await.next.unwrap().promotion;
    let gates = bot.app().promotion(promotion.as_str()).await.unwrap().gates;
    assert!(gates.iter().any(|gate| gate.name == "soak" && gate.verdict == "skipped"));
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.message_on("main"), @"
    Merge proposal #2: prod: promote shop to v1.4.2

    Hoist-Promotion: ID
    Reviewed-by: bob
    Hoist-Past-Gate: soak, skipped by dora: hotfix for INC-7
    Merged-by: hoist
    ");
    let view = bot.app().promotion(promotion.as_str()).await.unwrap();
    assert_eq!(view.skipped, ["soak, skipped by dora: hotfix for INC-7"]);
    let history = bot.app().history("shop", Some("prod")).await.unwrap();
    assert_eq!(history.promotions[0].skipped, view.skipped);
    assert!(bot.deeds().await.contains("dora skip prod"));
    // It was the gate of that promotion, and of no other.
    bot.announce("v1.5.0").await;
    bot.work().await;
    assert!(bot.status().await.contains("next v1.5.0 waiting (soak gate"));
}

#[tokio::test]
async fn a_gate_skipped_while_the_proposal_is_open_is_said_on_it_once() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.skip("dora", skip("hoist/approvals", "nobody is awake; @everyone <!-- x -->"))
        .await
        .unwrap();
    bot.work().await;
    bot.work().await;
    insta::assert_snapshot!(bot.comments(2).await, @"
    hoist: <!-- hoist: skipped approvals -->
    `dora` skipped the gate `approvals`: `nobody is awake; @everyone <!-- x -->`
    ");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod: promote shop to v1.4.2
    ");
}

#[tokio::test]
async fn who_may_skip_no_more_has_skipped_nothing() {
    let mut bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.skip("dora", skip("approvals", "nobody is awake")).await.unwrap();
    // Before anybody looks, whoever keeps the configuration takes her right away.
    bot.change_the_process_file(|text| text.replace("freeze, skip-gates", "freeze")).await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    let why = bot.app().why("shop", "prod").await.unwrap();
    let gate = why.candidates[0].gates.iter().find(|it| it.gate.name == "approvals").unwrap();
    insta::assert_snapshot!(gate.gate.saw, @"0 of 1 approvals, the requester's not counted; dora skipped it, and has no right to skip-gates in prod any more");
    bot.change_the_process_file(|text| {
        text.replace("hold, resume, freeze", "hold, resume, freeze, skip-gates")
    })
    .await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn a_freeze_can_be_skipped_by_one_hotfix_and_stays_for_the_others() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.approve("bob", "prod").await;
    bot.freeze("dora", "prod", None).await.unwrap();
    bot.skip("dora", skip("freeze", "this is the fix")).await.unwrap();
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
    bot.propose_to_prod("v1.5.0").await;
    assert!(bot.status().await.contains("next v1.5.0 waiting (frozen by dora"));
}

#[tokio::test]
async fn what_cannot_be_skipped_is_refused_with_what_can_be_done() {
    let bot = Bot::new().await;
    bot.work().await;
    let refused = async |person: &str, gate: &str, reason: &str| {
        bot.skip(person, skip(gate, reason)).await.unwrap_err()
    };
    insta::assert_snapshot!(refused("dora", "soak", "hurry").await, @"nothing of shop is on its way into prod, so no gate can be skipped; `hoist why shop prod` says what keeps a version out");
    bot.announce("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(refused("alice", "soak", "hurry").await, @"alice may not `skip-gates` in prod: no role of theirs allows it; a role with `may: [skip-gates]` that reaches prod does (`roles:` in the configuration)");
    insta::assert_snapshot!(refused("dora", "soak", " ").await, @"skipping a gate needs a reason: add `--reason`");
    insta::assert_snapshot!(refused("dora", "soack", "hurry").await, @r#"v1.4.2 meets no gate "soack" on its way into prod; did you mean `soak`? it meets soak, freeze, hold, approvals"#);
    insta::assert_snapshot!(refused("dora", "freeze", "hurry").await, @"the gate freeze of prod is open for v1.4.2 already: not frozen");
    bot.hold("alice").await.unwrap();
    insta::assert_snapshot!(refused("dora", "hold", "hurry").await, @"a hold is not skipped but ended: `hoist resume shop prod`");
}

/// A soak is skipped where it soaks: what was taken back there has nothing left to skip.
#[tokio::test]
async fn what_is_not_upstream_any_more_does_not_pass_by_a_skip() {
    let bot = soaking().await;
    bot.hold("alice").await.unwrap();
    bot.skip("dora", skip("soak", "hurry")).await.unwrap();
    bot.edit_main(
        &crate::support::world::file("staging", "shop"),
        "newTag: v1.4.2",
        "newTag: v1.0.0",
    );
    bot.work().await;
    bot.resume("alice").await.unwrap();
    bot.work().await;
    assert!(!bot.proposals().await.contains("prod"), "{}", bot.proposals().await);
}
