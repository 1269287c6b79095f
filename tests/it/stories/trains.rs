//! Trains: what a run lets go goes in by one proposal, with a commit for each application.

use std::time::Duration;

use hoist::app::views::{
    FreezeRequest, HoldRequest, ProposalRequest, ResumeRequest, RollbackRequest, ThawRequest,
};
use hoist::domain::command::ProposalStep;
use jiff::SignedDuration;

use crate::support::github::{Harm, Rules};
use crate::support::gitlab;
use crate::support::served::{PIPELINES, Served, token};
use crate::support::world::{Bot, STAGING_THEN_PROD, plain};

const BRANCH: &str = "refs/heads/hoist-train/prod/nightly";

/// A hoist with a train into prod at two every night; the shop and the cart wait for it.
async fn gathered(merge: &str) -> Served {
    let pipelines = PIPELINES.replace("merge: manual", &format!("merge: {merge}"))
        + "schedules:\n  - {name: nightly, cron: \"0 2 * * *\", zone: Europe/Stockholm, pipeline: \
           services, to: prod, group: one-pull-request}\n";
    let hoist = Served::start_edited(&[("pipelines.yaml", &pipelines)], |process| process).await;
    hoist.settle().await;
    hoist.app.run_due().await.unwrap();
    hoist.announce("shop", "v1.1.0").await;
    hoist.announce("cart", "v2.0.0").await;
    hoist.settle().await;
    hoist
}

/// The next night has come, and hoist has worked.
async fn nightfall(hoist: &Served) {
    let next = hoist.app.policy.schedules[0].next(hoist.app.clock.now()).unwrap();
    let wait = next.duration_since(hoist.app.clock.now()) + SignedDuration::from_secs(1);
    hoist.clock.forward(wait);
    hoist.app.run_due().await.unwrap();
    work(hoist).await;
}

async fn work(hoist: &Served) {
    for _ in 0..4 {
        hoist.app.tend_trains().await;
        hoist.settle().await;
    }
}

/// Where both stand in prod.
async fn in_prod(hoist: &Served) -> String {
    let mut lines = Vec::new();
    for application in ["cart", "shop"] {
        let view = hoist.app.application(application).await.unwrap();
        let prod = &view.environments[1];
        let next = prod.next.as_ref().map_or_else(String::new, |it| {
            let waits = it.waits_for.clone().unwrap_or_default();
            format!(", next {} {}: {waits}", it.version, it.state)
        });
        let version = prod.version.clone().unwrap_or_default();
        lines.push(format!("{application}: {version}{next}"));
    }
    lines.join("\n")
}

/// What stands on a branch that `main` has not, the oldest first.
fn commits(hoist: &Served, branch: &str) -> String {
    hoist.git(&["log", "--reverse", "--format=%s", branch, "^refs/heads/main"])
}

async fn step(hoist: &Served, who: &str, step: ProposalStep) -> Result<String, String> {
    let app = &hoist.app;
    let by = app.identify(&token(who)).await.unwrap();
    let view = app.application("cart").await.unwrap();
    let promotion = view.environments[1].next.clone().unwrap().promotion;
    let request = ProposalRequest { step, head: None, comment: None, check: None };
    let done = app.review(&by, promotion.as_str(), request).await;
    done.map(|view| view.message).map_err(|error| error.to_string())
}

#[tokio::test]
async fn what_a_run_lets_go_goes_in_together_with_a_commit_for_each() {
    let hoist = gathered("on-approval").await;
    nightfall(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v1.0.0, next v2.0.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    shop: v1.0.0, next v1.1.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    ");
    insta::assert_snapshot!(commits(&hoist, BRANCH), @"
    prod: promote cart to v2.0.0
    prod: promote shop to v1.1.0
    ");
    let forge = &hoist.app.repositories.values().next().unwrap().forge;
    let proposal = forge.find_open("hoist-train/prod/nightly").await.unwrap().unwrap();
    assert_eq!(proposal.title, "prod: promote 2 applications with nightly");
    insta::assert_snapshot!(plain(&proposal.body), @"
    The train **nightly** into **prod**, with a commit for each application.

    | application | from | to | image | digest | asked for by |
    |---|---|---|---|---|---|
    | [cart](http://hoist.test/promotions/ID) | `v1.0.0` | `v2.0.0` | `ghcr.io/acme/cart` | `sha256:DIGEST` | `carol` |
    | [shop](http://hoist.test/promotions/ID) | `v1.0.0` | `v1.1.0` | `ghcr.io/acme/shop` | `sha256:DIGEST` | `carol` |

    Who cannot go leaves the train, and the others go on; an approval counts for what was approved.
    To bring one down again: `hoist rollback APPLICATION prod`.
    ");
    let statuses = proposal.statuses.iter();
    let statuses: Vec<String> =
        statuses.map(|(name, it)| format!("{name} {:?}: {}", it.state, it.description)).collect();
    insta::assert_snapshot!(statuses.join("\n"), @"
    hoist/after Success: open for all of them
    hoist/approvals Pending: 2 wait, as cart: 0 of 1 approvals, the requester's not counted
    hoist/freeze Success: open for all of them
    hoist/hold Success: open for all of them
    hoist/only-version Success: Only version fields change, each application's by a commit of its own
    hoist/schedule Success: open for all of them
    ");

    step(&hoist, "bob", ProposalStep::Approve).await.unwrap();
    hoist.app.tend_trains().await;
    let _earlier = tokio::time::timeout(Duration::ZERO, hoist.app.nudge.notified()).await;
    // That it is merged is recorded at once, and not at the next sweep.
    hoist.app.tend_trains().await;
    let nudged = tokio::time::timeout(Duration::ZERO, hoist.app.nudge.notified()).await;
    assert!(nudged.is_ok(), "nobody would look until the next sweep");
    work(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v2.0.0
    shop: v1.1.0
    ");
    let log = hoist.git(&["log", "-1", "--first-parent", "--format=%B", "main"]);
    insta::assert_snapshot!(plain(&log), @"
    Merge proposal #3: prod: promote 2 applications with nightly

    Reviewed-by: bob
    Merged-by: hoist
    ");
    assert_eq!(hoist.git(&["for-each-ref", BRANCH]), "", "its branch is gone");
    // Each was brought by its own commit, which its rollback takes back.
    let by = hoist.app.identify(&token("alice")).await.unwrap();
    let request = RollbackRequest {
        application: "cart".into(),
        environment: "prod".into(),
        to: None,
        reason: Some("carts are lost".into()),
        over_drift: false,
        everywhere: false,
    };
    hoist.app.roll_back(&by, request).await.unwrap();
    work(&hoist).await;
    step(&hoist, "bob", ProposalStep::Approve).await.unwrap();
    work(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v1.0.0
    shop: v1.1.0
    ");
}

#[tokio::test]
async fn what_was_said_since_a_train_was_tended_keeps_it_from_who_merges_by_hand() {
    let hoist = gathered("manual").await;
    nightfall(&hoist).await;
    step(&hoist, "bob", ProposalStep::Approve).await.unwrap();
    work(&hoist).await;
    let app = &hoist.app;
    let by = app.identify(&token("alice")).await.unwrap();
    let mut told = vec![in_prod(&hoist).await];
    let (prod, shop) = (|| "prod".to_owned(), || "shop".to_owned());
    let reason = || "INC-7".to_owned();
    let freeze =
        FreezeRequest { environment: prod(), length: None, reason: reason(), allow: vec![] };
    app.freeze(&by, freeze).await.unwrap();
    told.push(step(&hoist, "bob", ProposalStep::Merge).await.unwrap_err());
    app.thaw(&by, ThawRequest { environment: prod(), reason: None }).await.unwrap();

    let (application, environment) = (shop(), prod());
    let hold = HoldRequest { application, environment, length: None, reason: Some(reason()) };
    app.hold(&by, hold).await.unwrap();
    told.push(step(&hoist, "bob", ProposalStep::Merge).await.unwrap_err());
    let resume =
        ResumeRequest { application: shop(), environment: prod(), newer: None, reason: None };
    app.resume(&by, resume).await.unwrap();

    step(&hoist, "alice", ProposalStep::RequestChanges).await.unwrap();
    told.push(step(&hoist, "bob", ProposalStep::Merge).await.unwrap_err());
    step(&hoist, "alice", ProposalStep::Approve).await.unwrap();
    insta::assert_snapshot!(told.join("\n"), @"
    cart: v1.0.0, next v2.0.0 proposed: it goes with others in #3: a person has to merge it: the policy is manual
    shop: v1.0.0, next v1.1.0 proposed: it goes with others in #3: a person has to merge it: the policy is manual
    not merged: cart and 1 more stay: freeze: frozen by alice until somebody thaws it: INC-7; somebody with the right skip-gates may merge past that
    not merged: shop stays: held by alice; somebody with the right skip-gates may merge past that
    not merged: alice asked for changes; somebody with the right skip-gates may merge past that
    ");
    // Nothing was tended since: what is taken back is so at once, too.
    step(&hoist, "bob", ProposalStep::Merge).await.unwrap();
    work(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v2.0.0
    shop: v1.1.0
    ");
}

#[tokio::test]
async fn whoever_is_held_leaves_the_train_and_an_approval_counts_for_what_was_approved() {
    let hoist = gathered("on-approval").await;
    nightfall(&hoist).await;
    step(&hoist, "bob", ProposalStep::Approve).await.unwrap();
    let by = hoist.app.identify(&token("alice")).await.unwrap();
    let hold = HoldRequest {
        application: "shop".into(),
        environment: "prod".into(),
        length: None,
        reason: Some("INC-7".into()),
    };
    hoist.app.hold(&by, hold).await.unwrap();
    work(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v1.0.0, next v2.0.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    shop: v1.0.0, next v1.1.0 held:
    ");
    insta::assert_snapshot!(commits(&hoist, BRANCH), @"prod: promote cart to v2.0.0");
    let forge = &hoist.app.repositories.values().next().unwrap().forge;
    let proposal = forge.find_open("hoist-train/prod/nightly").await.unwrap().unwrap();
    assert!(proposal.body.contains("\n- shop (held): `held by alice`\n"), "{}", proposal.body);
    step(&hoist, "bob", ProposalStep::Approve).await.unwrap();
    work(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v2.0.0
    shop: v1.0.0, next v1.1.0 held:
    ");
}

#[tokio::test]
async fn who_closes_the_train_closes_what_rides_with_it() {
    let hoist = gathered("on-approval").await;
    nightfall(&hoist).await;
    step(&hoist, "alice", ProposalStep::Close).await.unwrap();
    work(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v1.0.0
    shop: v1.0.0
    ");
}

#[tokio::test]
async fn a_train_goes_once_whatever_is_started_anew_and_the_next_takes_what_is_newer() {
    let mut hoist = gathered("on-approval").await;
    nightfall(&hoist).await;
    hoist = hoist.restarted().await;
    hoist.settle().await;
    work(&hoist).await;
    hoist.announce("shop", "v1.2.0").await;
    hoist.settle().await;
    work(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v1.0.0, next v2.0.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    shop: v1.0.0, next v1.1.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    ");
    nightfall(&hoist).await;
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v1.0.0, next v2.0.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    shop: v1.0.0, next v1.2.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    ");
    insta::assert_snapshot!(commits(&hoist, BRANCH), @"
    prod: promote cart to v2.0.0
    prod: promote shop to v1.2.0
    ");
}

#[tokio::test]
async fn nobody_elses_commit_is_merged_with_a_train_or_overwritten() {
    let hoist = gathered("automatic").await;
    nightfall(&hoist).await;
    let tree = hoist.git(&["rev-parse", &format!("{BRANCH}^{{tree}}")]);
    let pushed = hoist.git(&["commit-tree", "-p", BRANCH, "-m", "one more thing", tree.trim()]);
    hoist.git(&["update-ref", BRANCH, pushed.trim()]);
    work(&hoist).await;
    insta::assert_snapshot!(plain(&in_prod(&hoist).await), @"
    cart: v1.0.0, next v2.0.0 proposed: it goes with others in #3: somebody pushed COMMIT to its branch: take it off again, or delete the branch
    shop: v1.0.0, next v1.1.0 proposed: it goes with others in #3: somebody pushed COMMIT to its branch: take it off again, or delete the branch
    ");
    assert_eq!(hoist.git(&["rev-parse", BRANCH]).trim(), pushed.trim());
}

#[tokio::test]
async fn what_somebody_puts_into_a_trains_own_commit_is_not_merged() {
    let hoist = gathered("automatic").await;
    nightfall(&hoist).await;
    let words = hoist.git(&["log", "-1", "--format=%B", BRANCH]);
    assert!(words.contains("Hoist-Promotion: "), "{words}");
    // Amended: its message stands, and what staging had before has come into it.
    let tree = hoist.git(&["rev-parse", "main~1^{tree}"]);
    let parent = format!("{BRANCH}^");
    let pushed = hoist.git(&["commit-tree", "-p", &parent, "-m", &words, tree.trim()]);
    hoist.git(&["update-ref", BRANCH, pushed.trim()]);
    work(&hoist).await;
    let told = in_prod(&hoist).await;
    assert_eq!(told.matches("somebody pushed").count(), 2, "{told}");
    assert_eq!(hoist.git(&["rev-parse", BRANCH]).trim(), pushed.trim());
}

/// Into prod alone, so that five hundred need no staging of their own; the files come by one import.
async fn crowd(count: usize) -> Served {
    let (head, rest) = PIPELINES.split_once("      - name: staging").unwrap();
    let (_, prod) = rest.split_once("      - name: prod\n        after: [staging]").unwrap();
    let pipelines = format!("{head}      - name: prod{prod}")
        .replace("merge: manual", "merge: automatic")
        .replace("        gates:\n          - approvals: 1\n", "")
        + "schedules:\n  - {name: nightly, cron: \"0 2 * * *\", zone: Europe/Stockholm, pipeline: \
           services, to: prod, group: one-pull-request}\n";
    let hoist = Served::start_edited(&[("pipelines.yaml", &pipelines)], |process| {
        process.replace("environments: [staging]", "environments: [prod]")
    })
    .await;
    let names: Vec<String> = (0..count).map(|number| format!("app-{number}")).collect();
    hoist.add_applications(&names, &["prod"]);
    hoist::scheduler::sweep(&hoist.app).await;
    hoist.app.run_due().await.unwrap();
    for number in 0..count {
        hoist.announce(&format!("app-{number}"), "v1.1.0").await;
    }
    hoist
}

#[tokio::test]
async fn five_hundred_go_with_one_train_by_one_push() {
    let hoist = crowd(500).await;
    hoist::scheduler::work_off(&hoist.app).await;
    let next = hoist.app.policy.schedules[0].next(hoist.app.clock.now()).unwrap();
    let wait = next.duration_since(hoist.app.clock.now()) + SignedDuration::from_secs(1);
    hoist.clock.forward(wait);
    hoist.app.run_due().await.unwrap();
    hoist.app.tend_trains().await;
    assert_eq!(commits(&hoist, BRANCH).lines().count(), 500);
    let forge = &hoist.app.repositories.values().next().unwrap().forge;
    let proposal = forge.find_open("hoist-train/prod/nightly").await.unwrap().unwrap();
    assert!(proposal.body.contains("| app-499 | `v1.0.0` | `v1.1.0` |"), "{}", proposal.body);
    assert!(proposal.body.ends_with("`hoist rollback APPLICATION prod`.\n"), "it is not cut off");
    assert!(proposal.body.len() < 60_000, "forges take no more: {}", proposal.body.len());
    hoist.clock.forward(SignedDuration::from_secs(1));
    hoist::scheduler::work_off(&hoist.app).await;
    hoist.app.tend_trains().await;
    let merged = hoist.git(&["log", "-1", "--format=%s", "main"]);
    assert_eq!(merged.trim(), "Merge proposal #1: prod: promote 500 applications with nightly");
    let values = hoist.git(&["show", "main:environments/prod/apps/app-499/values.yaml"]);
    assert!(values.contains("tag: v1.1.0"), "{values}");
}

#[tokio::test]
async fn a_schedule_has_a_train_into_each_of_its_environments() {
    let pipelines = PIPELINES.replace("merge: manual", "merge: automatic")
        + "schedules:\n  - {name: nightly, cron: \"0 2 * * *\", zone: Europe/Stockholm, pipeline: \
           services, to: [staging, prod], group: one-pull-request}\n";
    let hoist = Served::start_edited(&[("pipelines.yaml", &pipelines)], |process| process).await;
    hoist.settle().await;
    hoist.app.run_due().await.unwrap();
    hoist.announce("shop", "v1.1.0").await;
    hoist.announce("cart", "v2.0.0").await;
    hoist.settle().await;
    let before = hoist.git(&["rev-parse", "main"]);
    nightfall(&hoist).await;
    insta::assert_snapshot!(hoist.git(&["log", "--first-parent", "--format=%s", "main", &format!("^{}", before.trim())]), @"Merge proposal #1: staging: promote 2 applications with nightly");
    hoist.announce("shop", "v1.2.0").await;
    hoist.settle().await;
    nightfall(&hoist).await;
    let titles = async |branch: &str| {
        let forge = &hoist.app.repositories.values().next().unwrap().forge;
        forge.find_open(branch).await.unwrap().map(|it| it.title)
    };
    assert_eq!(titles("hoist-train/staging/nightly").await, None, "it is merged");
    insta::assert_snapshot!(titles("hoist-train/prod/nightly").await.unwrap(), @"prod: promote 2 applications with nightly");
    insta::assert_snapshot!(in_prod(&hoist).await, @"
    cart: v1.0.0, next v2.0.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    shop: v1.0.0, next v1.1.0 proposed: it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted
    ");
}

const NIGHTLY: &str = "schedules:\n  - {name: nightly, cron: \"0 2 * * *\", zone: Europe/Stockholm, \
                       pipeline: services, to: prod, group: one-pull-request}\n";

/// A bot whose cart and shop are ready for prod, and wait for its train, which departs now.
pub async fn aboard(bot: &mut Bot) {
    aboard_after(bot, |_| {}).await;
}

/// The same, with something that happens right before it departs.
async fn aboard_after(bot: &mut Bot, before: impl FnOnce(&Bot)) {
    bot.add_to_the_pipelines(NIGHTLY).await;
    bot.work().await;
    for application in ["cart", "shop"] {
        bot.announce_of(application, "v1.4.2").await;
    }
    bot.work().await;
    bot.minutes_pass(31);
    bot.work().await;
    before(bot);
    bot.app().run_alone("nightly").await.unwrap();
    ride(bot).await;
}

pub async fn ride(bot: &Bot) {
    for _ in 0..4 {
        bot.app().tend_trains().await;
        bot.seconds_pass(31);
        bot.work().await;
    }
}

pub fn tags_in_prod(bot: &Bot) -> Vec<String> {
    ["cart", "shop"].map(|application| bot.version_line_of("prod", application)).to_vec()
}

/// The order of what happened in different environments at once is nobody's.
async fn history(bot: &Bot, application: &str) -> String {
    Bot::by_place(&bot.history_of(application).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_train_goes_in_on_github_however_it_merges_and_is_known_again() {
    for method in ["merge", "squash", "rebase"] {
        let (mut bot, hub) = Bot::on_github_merging(&STAGING_THEN_PROD, method).await;
        aboard(&mut bot).await;
        assert_eq!(hub.count(), 3, "{method}");
        // However many ride, GitHub is asked about the one proposal only.
        hub.take_calls();
        bot.app().tend_trains().await;
        let asked = hub.take_calls();
        let lists = asked.iter().filter(|it| it.what.ends_with("/pulls")).count();
        assert!(lists <= 2, "{asked:#?}");
        hub.review(3, "Bobby", "APPROVED");
        ride(&bot).await;
        let there = "newTag: v1.4.2 # hoist writes this";
        assert_eq!(tags_in_prod(&bot), [there, there], "{method}");
        let (cart, shop) = (history(&bot, "cart").await, history(&bot, "shop").await);
        bot.lose_the_store().await;
        let view = bot.app().recover().await.unwrap();
        assert_eq!((view.merged, view.open), (4, 0), "{method}");
        assert_eq!(history(&bot, "cart").await, cart, "{method}");
        assert_eq!(history(&bot, "shop").await, shop, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_train_is_approved_by_whoever_has_the_role_by_a_team() {
    let prod = "after: [staging], merge: automatic, \
                gates: [{soak: 30m}, {approvals: {count: 1, role: reviewers}}]";
    let (mut bot, hub) = Bot::on_github(&[("staging", "merge: automatic"), ("prod", prod)]).await;
    bot.change_the_process_file(|text| {
        text.replace("people: [alice, bob, carol]", "teams: [\"github:acme/sre\"]")
    })
    .await;
    aboard(&mut bot).await;
    hub.review(3, "Bobby", "APPROVED");
    ride(&bot).await;
    let there = "newTag: v1.4.2 # hoist writes this";
    assert_ne!(tags_in_prod(&bot), [there, there], "he is in no team yet");
    hub.join("sre", "Bobby");
    bot.minutes_pass(2);
    ride(&bot).await;
    assert_eq!(tags_in_prod(&bot), [there, there]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_train_whose_commits_github_makes_goes_on_where_it_broke_off() {
    let (mut bot, hub) = Bot::on_github_that_commits(&STAGING_THEN_PROD).await;
    bot.work().await;
    hub.break_next_but(2, ("POST", "/git/trees"), 2, Harm::Done(502));
    aboard(&mut bot).await;
    assert_eq!((hub.count(), hub.commits_made()), (3, 4), "one for each rider in each environment");
    let of = bot.remote.ask(&["log", "--format=%an", "hoist-train/prod/nightly", "^main"]);
    assert_eq!(of, "hoist[bot]\nhoist[bot]");
    bot.restart().await;
    ride(&bot).await;
    assert_eq!(hub.commits_made(), 4);
    hub.review(3, "Bobby", "APPROVED");
    ride(&bot).await;
    let there = "newTag: v1.4.2 # hoist writes this";
    assert_eq!(tags_in_prod(&bot), [there, there]);
}

const MERGED_ALONE: [(&str, &str); 2] = [
    ("staging", "merge: automatic"),
    ("prod", "after: [staging], gates: [{soak: 30m}], merge: automatic"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_train_goes_through_the_merge_queue_that_its_branch_demands() {
    let (mut bot, hub) = Bot::on_github(&MERGED_ALONE).await;
    bot.work().await;
    let queue = || Rules { queue: true, ..Rules::default() };
    aboard_after(&mut bot, |_| hub.protect(queue())).await;
    assert_eq!(hub.queued(), [3], "the train, with all of its riders at once");
    let there = "newTag: v1.4.2 # hoist writes this";
    assert_ne!(tags_in_prod(&bot), [there, there]);
    insta::assert_snapshot!(bot.status().await, @"
    staging: v1.4.2, succeeded
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: it is in the merge queue)
    ");
    hub.queue_passes().unwrap();
    ride(&bot).await;
    assert_eq!(tags_in_prod(&bot), [there, there]);
    assert_eq!(hub.count(), 3);
    assert_eq!(history(&bot, "shop").await.matches("succeeded").count(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_train_goes_by_the_merge_train_of_its_project() {
    let (mut bot, lab) = Bot::on_gitlab(&MERGED_ALONE).await;
    bot.work().await;
    aboard_after(&mut bot, |bot| {
        lab.rule(gitlab::Rules { trains: true, ..gitlab::Rules::default() });
        // Whether a project has trains is believed for an hour.
        bot.minutes_pass(61);
    })
    .await;
    assert_eq!(lab.on_train(), [3]);
    let there = "newTag: v1.4.2 # hoist writes this";
    // Who is held leaves the one, and so the other.
    bot.hold("dora").await.unwrap();
    ride(&bot).await;
    assert_eq!(lab.on_train(), [3], "it was put on again without who is held");
    lab.train_passes();
    ride(&bot).await;
    assert_eq!(tags_in_prod(&bot), [there, "newTag: v1.0.0 # hoist writes this"]);
}

#[tokio::test]
async fn a_train_that_went_in_is_known_again_after_the_store_was_lost() {
    let mut bot = Bot::new().await;
    aboard(&mut bot).await;
    bot.approve("bob", "prod").await;
    ride(&bot).await;
    let (cart, shop) = (history(&bot, "cart").await, history(&bot, "shop").await);
    insta::assert_snapshot!(shop, @"
    prod found v1.0.0 hoist: succeeded
    prod forward v1.4.2 alice: succeeded
    staging found v1.0.0 hoist: succeeded
    staging forward v1.4.2 alice: succeeded
    ");
    bot.lose_the_store().await;
    let view = bot.app().recover().await.unwrap();
    assert_eq!((view.merged, view.open), (4, 0));
    assert_eq!(history(&bot, "cart").await, cart);
    assert_eq!(history(&bot, "shop").await, shop);
}

const CHECKED: [(&str, &str); 2] = [
    ("staging", "merge: automatic"),
    ("prod", "after: [staging], gates: [{soak: 30m}, {checks: [e2e]}], merge: automatic"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_train_departs_once_the_checks_of_its_pull_request_have_passed() {
    let (mut bot, hub) = Bot::on_github(&CHECKED).await;
    aboard(&mut bot).await;
    let there = "newTag: v1.4.2 # hoist writes this";
    let mut told = Vec::new();
    for state in ["pending", "failure"] {
        hub.status_on(3, ("e2e", state), "200 of 200 ran");
        ride(&bot).await;
        assert!(!tags_in_prod(&bot).iter().any(|it| it == there), "{state}");
        told.push(bot.status().await.lines().last().unwrap().to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @"
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: checks gate of cart: check `e2e` is pending since 2026-01-05 12:00 UTC)
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: checks gate of cart: check `e2e` failed: 200 of 200 ran (https://ci.example.com/7))
    ");
    // However many ride, and however often it is tended, GitHub is asked once in a while.
    hub.take_calls();
    bot.app().tend_trains().await;
    bot.app().tend_trains().await;
    let asked = hub.take_calls();
    let asked = asked.iter().filter(|it| it.what.ends_with("/check-runs")).count();
    assert_eq!(asked, 1);
    hub.status_on(3, ("e2e", "success"), "");
    bot.seconds_pass(31);
    ride(&bot).await;
    assert_eq!(tags_in_prod(&bot), [there, there]);
}
