//! People who close, merge and edit: Git and they are the truth, and hoist goes on from there.

use hoist::domain::command::ProposalStep;

use crate::support::world::{Bot, file, promote_to_prod};

#[tokio::test]
async fn what_a_person_closed_stays_closed_until_a_newer_artifact() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.close("bob", "prod").await;
    bot.work().await;
    bot.minutes_pass(600);
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: closed by bob
    ");
    bot.propose_to_prod("v1.5.0").await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: closed by bob
    #3 staging: promote shop to v1.5.0: merged by hoist
    #4 prod: promote shop to v1.5.0: open
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: closed
    staging forward v1.5.0 alice: succeeded
    prod forward v1.5.0 alice: proposed
    ");
}

#[tokio::test]
async fn what_a_person_closed_comes_again_at_a_command() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.close("bob", "prod").await;
    bot.work().await;
    let answer = bot.promote("carol", promote_to_prod(None)).await;
    insta::assert_snapshot!(answer.unwrap(), @"shop v1.4.2 goes into prod. Its proposal opens as soon as its gates do.");
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: closed by bob
    #3 prod: promote shop to v1.4.2: open
    ");
}

#[tokio::test]
async fn a_merge_by_git_is_a_merge() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.remote.merge_by_hand("hoist/prod/shop", "main");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.4.2, succeeded
    ");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: merged by somebody
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: succeeded
    ");
}

#[tokio::test]
async fn a_change_by_hand_is_recorded_and_not_fought() {
    let bot = Bot::new().await;
    bot.bring_into_prod("v1.4.2").await;
    bot.edit_main(&file("prod", "shop"), "v1.4.2", "v1.3.9");
    bot.work().await;
    bot.minutes_pass(600);
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.3.9, succeeded
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: succeeded
    prod found v1.3.9 hoist: succeeded
    ");
    insta::assert_snapshot!(bot.git_log(), @"
    begin
    Merge proposal #1: staging: promote shop to v1.4.2
    Merge proposal #2: prod: promote shop to v1.4.2
    write environments/prod/apps/shop/kustomization.yaml
    ");
    bot.bring_into_prod("v1.5.0").await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.5.0 # hoist writes this");
}

#[tokio::test]
async fn an_edit_of_the_same_line_on_main_gives_the_proposal_a_new_base() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.edit_main(&file("prod", "shop"), "v1.0.0", "v1.0.1");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.1, succeeded, next v1.4.2 proposed in #2 (it needs review: 0 of 1 approvals, the requester's not counted)
    ");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: open
    ");
    let base = bot.remote.ask(&["merge-base", "main", "hoist/prod/shop"]);
    assert_eq!(base, bot.remote.tip("main").unwrap().to_string());
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn an_edit_elsewhere_in_the_file_survives_the_merge() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    let head = bot.remote.tip("hoist/prod/shop");
    bot.edit_main(&file("prod", "shop"), "count: 2 # two", "count: 3 # three");
    bot.work().await;
    assert_eq!(bot.remote.tip("hoist/prod/shop"), head, "the proposal needs no new commit");
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.file_on("main", &file("prod", "shop")), @"
    # shop: asked for by the shop's team
    resources:
      - ../../../../base/shop
    images:
      - name: ghcr.io/acme/shop
        newTag: v1.4.2 # hoist writes this
    labels:
      - pairs: {team: shop}

    replicas:
      - name: shop
        count: 3 # three are enough
    ");
}

#[tokio::test]
async fn an_application_that_vanishes_has_its_proposal_closed_and_keeps_its_history() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.remote.remove("main", &file("prod", "shop"));
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded (environments/prod/apps/shop/kustomization.yaml is not in the repository)
    ");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: closed by hoist
    ");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: closed
    ");
}

#[tokio::test]
async fn an_application_whose_files_leave_the_first_environment_is_gone_from_all_of_them() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.remote.remove("main", &file("staging", "shop"));
    bot.work().await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: closed by hoist
    ");
    assert_eq!(bot.announce("v1.5.0").await, 422);

    bot.remote.push(
        "main",
        "main",
        &file("staging", "shop"),
        &bot.file_on("main~1", &file("staging", "shop")),
    );
    bot.work().await;
    assert_eq!(bot.announce("v1.5.0").await, 202);
}

#[tokio::test]
async fn the_source_has_asked_where_ci_names_nobody() {
    let bot = Bot::new().await;
    bot.announce_by_nobody("v1.4.2").await;
    bot.work().await;
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 ci: soaking
    prod forward v1.4.2 ci: waiting
    ");
}

#[tokio::test]
async fn a_file_that_cannot_be_edited_exactly_waits_with_the_reason_and_stops_nobody_else() {
    let bot = Bot::new().await;
    let path = file("staging", "shop");
    bot.edit_main(&path, "newTag: v1.0.0", "newTag: &version v1.0.0");
    bot.edit_main(&path, "labels:", "x-again: *version\nlabels:");
    bot.announce("v1.4.2").await;
    bot.announce_of("cart", "v2.0.0").await;
    bot.work().await;
    insta::assert_snapshot!(bot.overview().await, @"
    cart staging: v2.0.0, soaking (it runs and is watched (until 2026-11-22 21:30 UTC))
    cart prod: v1.0.0, succeeded, next v2.0.0 waiting (soak gate: v2.0.0 runs in staging since 2026-11-22 21:00 UTC (until 2026-11-22 21:30 UTC))
    shop staging: unknown, unknown yet (environments/staging/apps/shop/kustomization.yaml: line 6, column 22: `v1.0.0`: aliases repeat it elsewhere, and they would all change; write the value out here, or edit it where its anchor stands)
    shop prod: v1.0.0, succeeded
    ");
    bot.edit_main(&path, "x-again: *version\n", "");
    bot.edit_main(&path, "&version ", "");
    bot.work().await;
    assert_eq!(bot.version_line("staging"), "newTag: v1.4.2 # hoist writes this");
}

#[tokio::test]
async fn the_log_of_deeds_names_everybody() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.approve("bob", "prod").await;
    bot.step("carol", "prod", ProposalStep::Comment).await.unwrap();
    bot.work().await;
    bot.hold("carol").await.unwrap();
    insta::assert_snapshot!(bot.deeds().await, @"
    hoist found staging
    hoist found prod
    hoist started staging
    hoist proposed staging
    hoist merged staging
    hoist deployed staging
    hoist soaking staging
    hoist started prod
    hoist succeeded staging
    hoist proposed prod
    bob approve prod
    carol comment prod
    hoist merged prod
    hoist deployed prod
    hoist succeeded prod
    carol hold prod
    ");
}

#[tokio::test]
async fn a_promotion_that_a_broken_file_stops_says_so() {
    let bot = Bot::new().await;
    bot.work().await;
    bot.edit_main(&file("staging", "shop"), "newTag: v1.0.0", "other: v1.0.0");
    bot.announce("v1.4.2").await;
    bot.work().await;
    let refused = bot.promote("alice", promote_to_prod(None)).await.unwrap_err();
    insta::assert_snapshot!(refused, @"no artifact may go into prod now: none can get into staging before it: environments/staging/apps/shop/kustomization.yaml: line 5, column 5: the images entry `ghcr.io/acme/shop`: it has neither newTag nor digest; add the one you want by hand: hoist never creates a key");
    let refused = bot.promote("alice", promote_to_prod(Some("v1.4.2"))).await.unwrap_err();
    insta::assert_snapshot!(refused, @"v1.4.2 is not in staging, which comes before prod, as nothing can get into staging: environments/staging/apps/shop/kustomization.yaml: line 5, column 5: the images entry `ghcr.io/acme/shop`: it has neither newTag nor digest; add the one you want by hand: hoist never creates a key");
    let into_staging = hoist::app::views::PromoteRequest {
        environment: "staging".into(),
        ..promote_to_prod(None)
    };
    insta::assert_snapshot!(bot.promote("alice", into_staging).await.unwrap(), @"shop v1.4.2 goes into staging. It waits until its field there can be changed: environments/staging/apps/shop/kustomization.yaml: line 5, column 5: the images entry `ghcr.io/acme/shop`: it has neither newTag nor digest; add the one you want by hand: hoist never creates a key");
}
