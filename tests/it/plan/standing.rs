//! Who waits for what, and why what is not on its way is not.

use hoist::domain::plan::{Plan, Unstarted, unstarted};
use hoist::messages::{accept, explain};

use super::world::World;

/// Every wait of a plan, by promotion.
fn waits(world: &World, plan: &Plan) -> String {
    let told = world.snapshot.promotions.iter().filter_map(|it| {
        let wait = plan.wait_of(&it.id)?;
        Some(format!("{} {}: {}", it.environment, it.version, explain::wait(wait)))
    });
    told.collect::<Vec<_>>().join("\n")
}

/// Why the newest artifact is not on its way into an environment.
fn why(world: &World, environment: &str) -> String {
    let snapshot = &world.snapshot;
    let environment = snapshot.pipeline.environment(&environment.parse().unwrap()).unwrap();
    let newest = snapshot.artifacts.last().unwrap();
    match unstarted(snapshot, environment, newest, world.now) {
        None => "it is on its way, or in".into(),
        Some(Unstarted::Ended(it)) => format!("ended: {}", it.state.name()),
        Some(Unstarted::Bad) => "bad".into(),
        Some(Unstarted::Upstream { environment, promotion }) => {
            format!("waits for {environment}, {}", promotion.map_or("-", |it| it.state.name()))
        }
        Some(Unstarted::KeptOut(why)) => format!("kept out: {}", accept::kept_out(&why)),
        Some(Unstarted::Overtaken { by }) => format!("overtaken by {by}"),
        Some(Unstarted::Next) => "next".into(),
    }
}

#[test]
fn each_promotion_waits_for_what_keeps_itself_out() {
    let mut world = World::usual();
    world.announce("v1");
    world.settle();
    world.pass_time(31);
    world.settle();
    world.announce("v2");
    let plan = world.settle();
    insta::assert_snapshot!(waits(&world, &plan), @"
    prod v1: it needs review: 0 of 1 approvals, the requester's not counted
    staging v2: it runs and is watched (until 2026-01-05 10:01 UTC)
    prod v2: soak gate: v2 runs in staging since 2026-01-05 09:31 UTC (until 2026-01-05 10:01 UTC)
    ");
    world.pass_time(31);
    let plan = world.settle();
    insta::assert_snapshot!(waits(&world, &plan), @"prod v2: it needs review: 0 of 1 approvals, the requester's not counted");
}

#[test]
fn what_came_after_a_rollback_waits_behind_it_or_for_its_hold() {
    let mut world = World::usual();
    world.announce("v1");
    world.settle();
    world.pass_time(31);
    world.settle();
    world.approve("prod", "bob");
    world.settle();
    world.roll_back("prod").unwrap();
    world.announce("v2");
    world.settle();
    world.pass_time(31);
    let plan = world.settle();
    insta::assert_snapshot!(waits(&world, &plan), @"
    prod v0: it needs review: 0 of 1 approvals, the requester's not counted
    prod v2: held by carol
    ");
    world.resume("prod");
    let plan = world.settle();
    insta::assert_snapshot!(waits(&world, &plan), @"
    prod v0: it needs review: 0 of 1 approvals, the requester's not counted
    prod v2: the rollback to v0 goes first
    ");
}

#[test]
fn what_is_not_on_its_way_has_its_reason() {
    let mut world = World::usual();
    world.settle();
    world.announce("v1");
    assert_eq!(why(&world, "staging"), "next");
    assert_eq!(why(&world, "prod"), "waits for staging, -");
    world.settle();
    assert_eq!(why(&world, "staging"), "it is on its way, or in");
    assert_eq!(why(&world, "prod"), "it is on its way, or in");
    world.pass_time(31);
    world.settle();
    world.close("prod");
    world.settle();
    assert_eq!(why(&world, "prod"), "ended: closed");
    world.roll_back("staging").unwrap();
    assert_eq!(why(&world, "prod"), "bad");
}
