//! People who touch the branch of a proposal.

use hoist::domain::command::ProposalStep;

use crate::support::world::{Bot, file};

const BRANCH: &str = "hoist/prod/shop";

#[tokio::test]
async fn a_branch_that_somebody_deleted_is_made_again() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    let head = bot.remote.tip(BRANCH);
    bot.remote.delete(BRANCH);
    bot.work().await;
    assert_eq!(bot.remote.tip(BRANCH), head, "the same promotion makes the same commit");
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.4.2: open
    ");
}

#[tokio::test]
async fn a_push_of_another_version_is_kept_and_waits_for_somebody_to_approve_it() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.edit(BRANCH, &file("prod", "shop"), "v1.4.2", "v1.4.3");
    bot.work().await;
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (somebody pushed COMMIT to its branch, and nobody has approved that)
    ");
    insta::assert_snapshot!(bot.statuses(2).await, @"
    hoist/approvals Pending: 0 of 1 approvals, the requester's not counted
    hoist/freeze Success: not frozen
    hoist/hold Success: not held
    hoist/only-version Success: Only version fields change
    hoist/soak Success: v1.4.2 succeeded in staging
    ");
    insta::assert_snapshot!(bot.comments(2).await, @"
    hoist: <!-- hoist: foreign push COMMIT -->
    Somebody pushed COMMIT to this branch. hoist overwrites nothing of it and merges it only once somebody has approved it as it is; `hoist/only-version` says whether it changes version fields only. A newer version would replace it, and would say so here.
    ");
    assert!(bot.file_on(BRANCH, &file("prod", "shop")).contains("v1.4.3"));
    bot.approve("bob", "prod").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.4.3 # hoist writes this");
    insta::assert_snapshot!(bot.history().await, @"
    staging found v1.0.0 hoist: succeeded
    prod found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    prod forward v1.4.2 alice: superseded
    prod found v1.4.3 hoist: succeeded
    ");
}

#[tokio::test]
async fn a_push_of_anything_else_is_never_merged_by_hoist() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.edit(BRANCH, "README.md", "What runs where.", "Whatever.");
    bot.work().await;
    bot.approve("bob", "prod").await;
    bot.work().await;
    insta::assert_snapshot!(bot.statuses(2).await, @"
    hoist/approvals Success: 1 of 1 approvals, the requester's not counted
    hoist/freeze Success: not frozen
    hoist/hold Success: not held
    hoist/only-version Failure: README.md: no rule names this file
    hoist/soak Success: v1.4.2 succeeded in staging
    ");
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #2 (its branch changes more than version fields: README.md: no rule names this file)
    ");
    let refused = bot.step("bob", "prod", ProposalStep::Merge).await.unwrap_err();
    insta::assert_snapshot!(refused, @"not merged: it changes more than version fields (README.md: no rule names this file); somebody with the right skip-gates may merge past that");
    let done = bot.step("dora", "prod", ProposalStep::Merge).await.unwrap();
    assert!(done.contains("past shut gates"), "{done}");
}

#[tokio::test]
async fn a_newer_artifact_replaces_what_somebody_pushed_and_says_so() {
    let bot = Bot::new().await;
    bot.propose_to_prod("v1.4.2").await;
    bot.edit(BRANCH, "README.md", "What runs where.", "Whatever.");
    bot.work().await;
    bot.propose_to_prod("v1.5.0").await;
    insta::assert_snapshot!(bot.proposals().await, @"
    #1 staging: promote shop to v1.4.2: merged by hoist
    #2 prod: promote shop to v1.5.0: open
    #3 staging: promote shop to v1.5.0: merged by hoist
    ");
    insta::assert_snapshot!(bot.comments(2).await, @"
    hoist: <!-- hoist: foreign push COMMIT -->
    Somebody pushed COMMIT to this branch. hoist overwrites nothing of it and merges it only once somebody has approved it as it is; `hoist/only-version` says whether it changes version fields only. A newer version would replace it, and would say so here.
    hoist: <!-- hoist: overwritten COMMIT -->
    A newer version, `v1.5.0`, replaces what somebody had pushed here. The commit was COMMIT; `git cherry-pick COMMIT` brings it back on a branch of your own.
    ");
    let changed = bot.remote.ask(&["diff", "--name-only", "main", BRANCH]);
    assert_eq!(changed, file("prod", "shop"));
}
