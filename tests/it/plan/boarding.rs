//! What a schedule's run lets go, and the name of the reason why it leaves the others behind.

use hoist::domain::freeze::Rollbacks;
use hoist::domain::health::{Finding, Remedy, Sign};
use hoist::domain::id::EnvironmentName;
use hoist::domain::pipeline::MergePolicy;
use hoist::domain::plan::{Boarding, board};
use hoist::domain::schedule::{Group, IfMissed, Schedule};
use hoist::domain::snapshot::Reading;
use hoist::messages::schedule::behind;
use jiff::SignedDuration;

use super::health::{look, merged};
use super::world::{World, environment, soak};

fn scheduled(mut world: World) -> World {
    world.snapshot.timetable.schedules.push(Schedule {
        name: "nightly".parse().unwrap(),
        cron: "0 2 * * *".parse().unwrap(),
        zone: "UTC".parse().unwrap(),
        pipeline: "services".parse().unwrap(),
        applications: None,
        to: vec![prod()],
        max: None,
        if_missed: IfMissed::Run,
        group: Group::PerApplication,
    });
    world.settle();
    world
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

/// What a run would do now.
fn run(world: &World) -> String {
    run_in(world, SignedDuration::ZERO)
}

/// The same after a while.
fn run_in(world: &World, wait: SignedDuration) -> String {
    let snapshot = &world.snapshot;
    let environment = snapshot.pipeline.environment(&prod()).unwrap();
    match board(snapshot, environment, world.now + wait) {
        Boarding::Goes(promotion) => format!("goes: {}", promotion.version),
        Boarding::Stays(why) => {
            let about = (&snapshot.application.application, &environment.name);
            format!("{}: {}", why.reason().name(), behind(&why, about, &snapshot.promotions))
        }
    }
}

/// The run takes place: what goes is let go.
fn depart(world: &mut World) {
    let environment = world.snapshot.pipeline.environment(&prod()).unwrap().clone();
    let Boarding::Goes(promotion) = board(&world.snapshot, &environment, world.now) else {
        panic!("nothing goes: {}", run(world));
    };
    let id = promotion.id.clone();
    world.snapshot.timetable.boarded.insert(id, "nightly".parse().unwrap());
    world.settle();
}

/// v1 has soaked in staging, and waits for the run.
fn ready() -> World {
    let mut world = scheduled(World::usual());
    world.announce("v1");
    world.settle();
    world.pass_time(31);
    world.settle();
    world
}

#[test]
fn where_nothing_is_new_nothing_goes() {
    let mut world = scheduled(World::usual());
    assert_eq!(run(&world), "nothing-new: nothing new waits there");
    world = ready();
    depart(&mut world);
    world.approve("prod", "bob");
    world.settle();
    assert_eq!(run(&world), "nothing-new: nothing new waits there");
}

#[test]
fn what_soaks_stays_until_it_has_soaked() {
    let mut world = scheduled(World::usual());
    world.announce("v1");
    world.settle();
    insta::assert_snapshot!(run(&world), @"soaking: v1 waits for soak: v1 runs in staging since 2026-01-05 09:00 UTC");
    assert_eq!(run_in(&world, SignedDuration::from_mins(31)), "goes: v1");
}

#[test]
fn what_still_soaks_does_not_keep_back_what_has_soaked() {
    let mut world = ready();
    world.announce("v2");
    world.settle();
    assert_eq!(run(&world), "goes: v1");
    depart(&mut world);
    assert!(world.open_proposal("prod").is_some(), "{}", world.story());
    // Once both have soaked, the newer one goes.
    let mut world = ready();
    world.announce("v2");
    world.settle();
    world.pass_time(31);
    world.settle();
    assert_eq!(run(&world), "goes: v2");
}

#[test]
fn what_is_not_in_staging_yet_stays() {
    let mut world = scheduled(World::new(vec![
        environment("staging", &[], MergePolicy::Manual, vec![]),
        environment("prod", &["staging"], MergePolicy::Automatic, vec![soak(30)]),
    ]));
    world.announce("v1");
    world.settle();
    insta::assert_snapshot!(run(&world), @"not-healthy: v1 does not run in staging yet: it is proposed there");
}

#[test]
fn what_is_not_well_in_staging_stays() {
    let mut world = scheduled(merged(Remedy::Nothing));
    look(&mut world, Finding::Well, Sign::Digest);
    world.pass_time(1);
    look(&mut world, Finding::Ill, Sign::Digest);
    insta::assert_snapshot!(run(&world), @"not-healthy: v1 waits for soak: v1 is not well in staging: what was seen; the soak starts over");
}

#[test]
fn what_is_held_or_frozen_stays() {
    let mut world = ready();
    world.hold("prod");
    insta::assert_snapshot!(run(&world), @"held: v1 waits for hold: held by carol");
    world.resume("prod");
    world.freeze("prod", Some(60), Rollbacks::Wait);
    insta::assert_snapshot!(run(&world), @"frozen: v1 waits for freeze: frozen by carol until 2026-01-05 10:31 UTC: INC-123");
    // A run at a time at which it is over goes.
    assert_eq!(run_in(&world, SignedDuration::from_mins(61)), "goes: v1");
}

#[test]
fn what_was_rolled_back_stays() {
    // It waited already when it was rolled back where it came from, and is not looked at yet.
    let mut world = ready();
    world.roll_back("staging").unwrap();
    insta::assert_snapshot!(run(&world), @"marked-bad: v1 was rolled back");
    world.settle();
    insta::assert_snapshot!(run(&world), @"marked-bad: v1: it was rolled back, and is not started again by itself");
}

#[test]
fn what_is_proposed_already_stays() {
    let mut world = ready();
    depart(&mut world);
    insta::assert_snapshot!(run(&world), @"already-proposed: v1 is on its way already: it is proposed in #2");
}

#[test]
fn what_cannot_be_written_stays() {
    let mut world = ready();
    let reason = "values.yaml: line 6: aliases repeat it elsewhere".to_owned();
    world.snapshot.readings.insert(prod(), Reading::Refused { reason });
    insta::assert_snapshot!(run(&world), @"edit-refused: values.yaml: line 6: aliases repeat it elsewhere");
    let file = "values.yaml".to_owned();
    world.snapshot.readings.insert(prod(), Reading::Absent { file });
    insta::assert_snapshot!(run(&world), @"edit-refused: values.yaml is not in the repository");
}

#[test]
fn what_a_gate_of_its_own_keeps_out_stays() {
    let mut world = ready();
    let waiting = world.snapshot.promotions.last().unwrap().id.clone();
    let why = "alice has no right to promote in prod any more".to_owned();
    world.snapshot.withdrawn.insert(waiting, why);
    insta::assert_snapshot!(run(&world), @"gate: v1 waits for requester: alice has no right to promote in prod any more");
}
