//! A merge that had to wait for its turn at a busy forge is judged by what is so by then.

use std::sync::Arc;

use hoist::domain::command::ProposalStep;

use super::trains::{aboard, ride, tags_in_prod};
use crate::support::github::{GitHub, Rules};
use crate::support::service::Service;
use crate::support::troubled::Gate;
use crate::support::world::{Bot, STAGING_THEN_PROD};

const PROD: [(&str, &str); 1] =
    [("prod", "merge: automatic, gates: [{approvals: 1}, {checks: [e2e]}]")];

const THERE: &str = "newTag: v1.4.2 # hoist writes this";

/// Everything says yes to a version, and turns are long in coming.
async fn about_to_go_in() -> (Bot, GitHub, Arc<Gate>) {
    let (mut bot, hub) = Bot::on_github(&PROD).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    hub.review(1, "Bobby", "APPROVED");
    hub.status_on(1, ("e2e", "success"), "");
    bot.seconds_pass(31);
    let gate = bot.restart_with_late_turns().await;
    (bot, hub, gate)
}

/// The same of a train.
async fn about_to_depart() -> (Bot, GitHub, Arc<Gate>) {
    let (mut bot, hub) = Bot::on_github(&STAGING_THEN_PROD).await;
    aboard(&mut bot).await;
    hub.review(3, "Bobby", "APPROVED");
    let gate = bot.restart_with_late_turns().await;
    (bot, hub, gate)
}

/// `working` goes on, and something happens while its merge waits for a minute.
async fn meanwhile(working: impl Future<Output = ()>, gate: &Gate, what: impl AsyncFnOnce()) {
    let happening = async {
        gate.is_reached().await;
        what().await;
        gate.open();
    };
    tokio::join!(working, happening);
}

/// What happens to a pull request: somebody takes back their yes, says no, or a check does.
const NOES: [fn(&GitHub, u64); 3] = [
    |hub, number| hub.dismiss_reviews(number),
    |hub, number| hub.review(number, "dora", "CHANGES_REQUESTED"),
    |hub, number| hub.status_on(number, ("e2e", "failure"), "3 of 200 failed"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_that_is_taken_back_while_a_merge_waits_for_its_turn_stops_it() {
    let mut told = Vec::new();
    for no in NOES {
        let (bot, hub, gate) = about_to_go_in().await;
        meanwhile(bot.work(), &gate, async || {
            bot.minutes_pass(1);
            no(&hub, 1);
        })
        .await;
        assert_ne!(bot.version_line("prod"), THERE);
        told.push(bot.status().await);
        // What is so again goes in, in a turn of its own.
        hub.review(1, "Bobby", "APPROVED");
        hub.review(1, "dora", "APPROVED");
        hub.status_on(1, ("e2e", "success"), "");
        bot.seconds_pass(31);
        meanwhile(bot.work(), &gate, async || ()).await;
        assert_eq!(bot.version_line("prod"), THERE);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (it needs review: 0 of 1 approvals, the requester's not counted)
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (dora asked for changes)
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (checks gate: check `e2e` failed: 3 of 200 failed (https://ci.example.com/7))
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_that_ends_or_is_pushed_to_while_its_merge_waits_is_taken_as_it_is() {
    let (bot, hub, gate) = about_to_go_in().await;
    meanwhile(bot.work(), &gate, async || {
        bot.minutes_pass(1);
        hub.close(1);
    })
    .await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded");

    let (bot, _hub, gate) = about_to_go_in().await;
    meanwhile(bot.work(), &gate, async || {
        bot.minutes_pass(1);
        bot.edit("hoist/prod/shop", "README.md", "", "more");
    })
    .await;
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.4.2 proposed in #1 (its branch changes more than version fields: README.md: no rule names this file)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_is_asked_for_while_a_merge_waits_goes_first() {
    let (mut bot, _hub) = Bot::on_github(&[("prod", "merge: automatic")]).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    assert_eq!(bot.version_line("prod"), THERE);
    bot.announce("v1.5.0").await;
    let gate = bot.restart_with_late_turns().await;
    meanwhile(bot.work(), &gate, async || {
        bot.minutes_pass(1);
        bot.roll_back("dora", None).await.unwrap();
        // The rollback's own turn.
        gate.open();
    })
    .await;
    assert_eq!(bot.version_line("prod"), "newTag: v1.0.0 # hoist writes this");
    let merged = bot.remote.ask(&["log", "--format=%s%n%b", "main"]);
    assert!(!merged.contains("v1.5.0"), "{merged}");
}

/// How often a pull request was read before it was merged.
fn looks(hub: &GitHub) -> usize {
    let calls = hub.take_calls();
    let before = calls.iter().take_while(|it| !it.what.ends_with("/merge"));
    before.filter(|it| it.what == "GET /repos/acme/gitops/pulls/1").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_waited_costs_one_more_look_and_one_that_did_not_none() {
    let mut all = Vec::new();
    for waits in [0, 60] {
        let (bot, hub, gate) = about_to_go_in().await;
        meanwhile(bot.work(), &gate, async || {
            bot.seconds_pass(waits);
            hub.take_calls();
        })
        .await;
        assert_eq!(bot.version_line("prod"), THERE);
        all.push(looks(&hub));
    }
    // The merge itself reads what it merges.
    assert_eq!(all, [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_train_was_told_is_heard_again_when_its_turn_comes() {
    let mut told = Vec::new();
    for no in NOES {
        let (bot, hub, gate) = about_to_depart().await;
        hub.status_on(3, ("e2e", "success"), "");
        hub.protect(Rules { checks: vec!["e2e"], ..Rules::default() });
        meanwhile(bot.app().tend_trains(), &gate, async || {
            bot.minutes_pass(1);
            no(&hub, 3);
        })
        .await;
        assert_ne!(tags_in_prod(&bot), [THERE, THERE]);
        bot.work().await;
        told.push(bot.status().await.lines().last().unwrap().to_owned());
        hub.review(3, "Bobby", "APPROVED");
        hub.review(3, "dora", "APPROVED");
        hub.status_on(3, ("e2e", "success"), "");
        meanwhile(bot.app().tend_trains(), &gate, async || ()).await;
        assert_eq!(tags_in_prod(&bot), [THERE, THERE]);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: approvals gate of cart: 0 of 1 approvals, the requester's not counted)
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: dora asked for changes)
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: its forge does not let it in yet: the required check `e2e` failed)
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_held_while_their_train_waits_stops_it_and_the_others_go_on() {
    for wait in [0, 60] {
        let (bot, hub, gate) = about_to_depart().await;
        meanwhile(bot.app().tend_trains(), &gate, async || {
            bot.seconds_pass(wait);
            bot.hold("dora").await.unwrap();
        })
        .await;
        assert_ne!(tags_in_prod(&bot), [THERE, THERE]);
        ride(&bot).await;
        hub.review(3, "Bobby", "APPROVED");
        meanwhile(ride(&bot), &gate, async || ()).await;
        assert_eq!(tags_in_prod(&bot), [THERE, "newTag: v1.0.0 # hoist writes this"]);
    }
}

/// A train with a service and a check that say yes of it, and turns that are long in coming.
async fn about_to_depart_with_a_yes_of(service: &Service) -> (Bot, GitHub, Arc<Gate>) {
    let prod = format!(
        "after: [staging], merge: automatic, gates: [{{soak: 30m}}, {{checks: [e2e]}}, \
         {{http: \"{}/qa/{{application}}\", expect: passed, before: merge}}]",
        service.url()
    );
    service.answers(200, "passed");
    let (mut bot, hub) = Bot::on_github(&[("staging", "merge: automatic"), ("prod", &prod)]).await;
    aboard(&mut bot).await;
    hub.status_on(3, ("e2e", "success"), "");
    let gate = bot.restart_with_late_turns().await;
    bot.seconds_pass(31);
    bot.work().await;
    bot.seconds_pass(6);
    (bot, hub, gate)
}

/// After how many seconds of waiting who takes back their yes.
type No = (u64, fn(&Service, &GitHub));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_trains_gates_were_answered_is_asked_again_when_its_turn_comes() {
    let noes: [No; 3] = [
        (0, |service, _| service.answers(200, "failed")),
        (60, |service, _| service.answers(200, "failed")),
        (60, |_, hub| hub.status_on(3, ("e2e", "failure"), "3 of 200 failed")),
    ];
    let mut told = Vec::new();
    for (wait, no) in noes {
        let service = Service::start().await;
        let (bot, hub, gate) = about_to_depart_with_a_yes_of(&service).await;
        meanwhile(bot.app().tend_trains(), &gate, async || {
            bot.seconds_pass(wait);
            no(&service, &hub);
        })
        .await;
        assert!(!tags_in_prod(&bot).iter().any(|it| it == THERE), "after {wait} seconds");
        bot.work().await;
        told.push(bot.status().await.lines().last().unwrap().to_owned());
        service.answers(200, "passed");
        hub.status_on(3, ("e2e", "success"), "");
        bot.seconds_pass(31);
        bot.work().await;
        meanwhile(bot.app().tend_trains(), &gate, async || ()).await;
        assert_eq!(tags_in_prod(&bot), [THERE, THERE]);
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: http gate of cart: "passed" is not in the answer)
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: http gate of cart: "passed" is not in the answer)
    prod: v1.0.0, succeeded, next v1.4.2 proposed in #3 (it goes with others in #3: checks gate of cart: check `e2e` failed: 3 of 200 failed (https://ci.example.com/7))
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_that_comes_while_a_person_waits_to_merge_is_not_merged_as_the_older() {
    let mut bot = Bot::with(&[("prod", "merge: manual")]).await;
    bot.announce("v1.4.2").await;
    bot.work().await;
    let gate = bot.restart_with_late_turns().await;
    let mut told = Vec::new();
    let merge = async |told: &mut Vec<_>| {
        told.push(bot.step("bob", "prod", ProposalStep::Merge).await);
    };
    meanwhile(merge(&mut told), &gate, async || {
        bot.announce("v1.5.0").await;
        bot.work().await;
    })
    .await;
    insta::assert_snapshot!(told.remove(0).unwrap_err(), @"the proposal changed since you looked at it: look again, then decide");
    insta::assert_snapshot!(bot.status().await, @"prod: v1.0.0, succeeded, next v1.5.0 proposed in #1 (a person has to merge it: the policy is manual)");
    meanwhile(merge(&mut told), &gate, async || ()).await;
    told.remove(0).unwrap();
    let merged = bot.remote.ask(&["log", "-1", "--first-parent", "--format=%s", "main"]);
    assert_eq!(merged, "Merge proposal #1: prod: promote shop to v1.5.0");
}
