//! "Why is it not in prod?", and what would be done.

use std::fmt::Write as _;

use crate::support::world::{Bot, file, plain};

/// The answer, and what it is made of.
async fn why(bot: &Bot, environment: &str) -> String {
    let view = bot.app().why("shop", environment).await.unwrap();
    let mut text = format!("{}\n", view.answer);
    for it in &view.candidates {
        let _ = writeln!(text, "- {} {}: {} -> {}", it.version, it.state, it.why, it.next);
        for line in &it.gates {
            let next = line.next.as_deref().unwrap_or("-");
            let _ = writeln!(
                text,
                "  {} {}: {} -> {next}",
                line.gate.name, line.gate.verdict, line.gate.saw
            );
        }
    }
    plain(&text)
}

/// What would be done for the shop in so many minutes.
async fn planned(bot: &Bot, minutes: i64) -> String {
    let now = bot.app().clock.now();
    let at = now + jiff::SignedDuration::from_mins(minutes);
    let view = bot.app().foresee(Some("shop"), Some(at)).await.unwrap();
    let mut text = String::new();
    for application in &view.applications {
        assert_eq!(application.trouble, None);
        for step in &application.steps {
            let place = step.environment.as_ref().map_or("-", |it| it.as_str());
            let _ = writeln!(text, "{place}: {}", step.what);
            for line in step.diff.iter().flat_map(|diff| diff.lines()) {
                if line.starts_with(['+', '-']) {
                    let _ = writeln!(text, "  {line}");
                }
            }
        }
        for wait in &application.waits {
            let version = wait.version.as_deref().unwrap_or("-");
            let _ = writeln!(text, "{}: {version} waits: {}", wait.environment, wait.why);
        }
    }
    plain(&text)
}

#[tokio::test]
async fn why_says_what_keeps_a_version_out_on_its_whole_way() {
    let bot = Bot::new().await;
    bot.work().await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"nothing of shop goes into prod: no artifact of shop was ever announced; announce one, from CI or with `hoist announce --image ghcr.io/acme/shop …`; those who may are ci; `hoist deliveries` lists what came in");
    bot.announce("v1.4.2").await;
    insta::assert_snapshot!(why(&bot, "staging").await, @"
    v1.4.2 is not in staging: it was announced, and is started at the next look
    - v1.4.2 not started: it was announced, and is started at the next look -> nothing is needed: it goes on by itself
    ");
    insta::assert_snapshot!(why(&bot, "prod").await, @"
    v1.4.2 is not in prod: it waits for staging: it has not been started there
    - v1.4.2 not started: it waits for staging: it has not been started there -> `hoist why shop staging` says what can be done there
    ");
    bot.work().await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"
    v1.4.2 is not in prod: soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC)
    - v1.4.2 waiting: soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC) -> nothing is needed: it opens by itself
      soak opens_at: v1.4.2 runs in staging since 2026-11-22 21:00 UTC -> nothing is needed: it opens by itself
      freeze open: not frozen -> -
      hold open: not held -> -
      approvals needs_action: 0 of 1 approvals, the requester's not counted -> somebody but the requester approves its proposal, once that is open
    ");
    bot.minutes_pass(30);
    bot.work().await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"
    v1.4.2 is not in prod: it needs review: 0 of 1 approvals, the requester's not counted
    - v1.4.2 proposed: it needs review: 0 of 1 approvals, the requester's not counted -> somebody but the requester approves it: `hoist review ID --approve`, or its page
      soak open: v1.4.2 succeeded in staging -> -
      freeze open: not frozen -> -
      hold open: not held -> -
      approvals needs_action: 0 of 1 approvals, the requester's not counted -> somebody but the requester approves it: `hoist review ID --approve`
    ");
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"v1.4.2 is in prod, and nothing newer was announced");
}

#[tokio::test]
async fn why_knows_what_was_held_closed_rolled_back_and_superseded() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.hold("alice").await.unwrap();
    bot.propose_to_prod("v1.5.0").await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"
    v1.5.0 is not in prod: held by alice: freeze week
    - v1.5.0 waiting: held by alice: freeze week -> `hoist resume shop prod` ends the hold
      soak open: v1.5.0 succeeded in staging -> -
      freeze open: not frozen -> -
      hold needs_action: held by alice: freeze week -> `hoist resume shop prod` ends it
      approvals needs_action: 0 of 1 approvals, the requester's not counted -> somebody but the requester approves its proposal, once that is open
    ");
    bot.resume("alice").await.unwrap();
    bot.work().await;
    bot.close("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"
    v1.5.0 is not in prod: Closed by bob: a word about it
    - v1.5.0 not started: Closed by bob: a word about it -> `hoist promote shop prod --version v1.5.0` asks for it anew
    ");
    bot.bring_into_prod("v1.6.0").await;
    bot.roll_back("dora", None).await.unwrap();
    bot.work().await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"
    v1.4.2 is not in prod: it needs review: 0 of 1 approvals, the requester's not counted
    - v1.4.2 proposed: it needs review: 0 of 1 approvals, the requester's not counted -> somebody but the requester approves it: `hoist review ID --approve`, or its page
      freeze open: not frozen -> -
      hold open: dora holds it, which stops no rollback -> -
      approvals needs_action: 0 of 1 approvals, the requester's not counted -> somebody but the requester approves it: `hoist review ID --approve`
    ");
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"
    v1.6.0 is not in prod: it was rolled back, and is not started again by itself
    - v1.6.0 not started: it was rolled back, and is not started again by itself -> `hoist promote shop prod --version v1.6.0` asks for it anew, with `--force-bad --reason …`
    ");
}

#[tokio::test]
async fn why_knows_a_refused_edit_missing_files_and_a_repository_that_is_away() {
    let bot = Bot::new().await;
    bot.work().await;
    bot.edit_main(&file("prod", "shop"), "newTag: v1.0.0", "newTag: &v v1.0.0");
    bot.edit_main(&file("prod", "shop"), "count: 2", "count: *v");
    bot.announce("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(why(&bot, "prod").await, @"
    nothing of shop goes into prod: environments/prod/apps/shop/kustomization.yaml: line 6, column 16: `v1.0.0`: aliases repeat it elsewhere, and they would all change; write the value out here, or edit it where its anchor stands; mend the file, or its rule under `edit:`; `hoist check` tries the rules
    - v1.4.2 not started: environments/prod/apps/shop/kustomization.yaml: line 6, column 16: `v1.0.0`: aliases repeat it elsewhere, and they would all change; write the value out here, or edit it where its anchor stands -> mend the file, or its rule under `edit:`; `hoist check` tries the rules
    ");
    bot.the_remote_goes_away();
    let view = bot.app().why("shop", "prod").await.unwrap();
    assert!(view.answer.contains("the Git remote"), "{}", view.answer);
    assert!(view.unread.is_some());
}

#[tokio::test]
async fn a_plan_shows_what_would_be_done_and_does_nothing() {
    let bot = Bot::new().await;
    bot.work().await;
    insta::assert_snapshot!(planned(&bot, 0).await, @"");
    bot.announce("v1.4.2").await;
    let before = bot.deeds().await;
    insta::assert_snapshot!(planned(&bot, 0).await, @"
    staging: begin to move v1.4.2 into staging
    staging: propose v1.4.2
      --- a/environments/staging/apps/shop/kustomization.yaml
      +++ b/environments/staging/apps/shop/kustomization.yaml
      -    newTag: v1.0.0 # hoist writes this
      +    newTag: v1.4.2 # hoist writes this
    ");
    insta::assert_snapshot!(planned(&bot, 0).await, @"
    staging: begin to move v1.4.2 into staging
    staging: propose v1.4.2
      --- a/environments/staging/apps/shop/kustomization.yaml
      +++ b/environments/staging/apps/shop/kustomization.yaml
      -    newTag: v1.0.0 # hoist writes this
      +    newTag: v1.4.2 # hoist writes this
    ");
    assert_eq!(bot.deeds().await, before);
    bot.work().await;
    insta::assert_snapshot!(planned(&bot, 10).await, @"
    prod: v1.4.2 waits: soak gate: v1.4.2 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC)
    staging: v1.4.2 waits: it runs and is watched (until 2026-11-22 21:30 UTC)
    ");
    insta::assert_snapshot!(planned(&bot, 30).await, @"
    staging: record v1.4.2 as succeeded
    prod: propose v1.4.2
      --- a/environments/prod/apps/shop/kustomization.yaml
      +++ b/environments/prod/apps/shop/kustomization.yaml
      -    newTag: v1.0.0 # hoist writes this
      +    newTag: v1.4.2 # hoist writes this
    ");
    assert_eq!(bot.remote.tip("hoist/prod/shop"), None);
    let past = bot.app().clock.now() - jiff::SignedDuration::from_mins(1);
    let refused = bot.app().foresee(None, Some(past)).await.unwrap_err();
    assert!(refused.to_string().contains("is over"), "{refused}");
}

#[tokio::test]
async fn why_says_since_when_each_gate_is_as_it_is() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.minutes_pass(7);
    bot.hold("alice").await.unwrap();
    bot.minutes_pass(13);
    bot.announce("v1.5.0").await;
    bot.work().await;
    bot.minutes_pass(5);
    let view = bot.app().why("shop", "prod").await.unwrap();
    let now = bot.app().clock.now();
    let gates: Vec<(&str, i64)> = view.candidates[0]
        .gates
        .iter()
        .map(|it| (it.gate.name.as_str(), now.duration_since(it.since).as_mins()))
        .collect();
    // It runs in staging and stands before prod for five minutes; the hold is older than that.
    assert_eq!(gates, [("soak", 5), ("freeze", 5), ("hold", 18), ("approvals", 5)]);
}
