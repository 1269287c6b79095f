//! What is seen of a health, look by look, and what the planner makes of it: a line a look.

use std::fmt::Write;

use hoist::domain::health::{Finding, Glance, HealthRule, Remedy, Sign, Unhealthy};
use hoist::domain::id::EnvironmentName;
use hoist::domain::pipeline::{Environment, MergePolicy};
use hoist::domain::plan::Action;
use hoist::domain::template::Template;
use insta::assert_snapshot;
use jiff::SignedDuration;

use super::world::{World, environment, soak};

fn watched(environment: Environment) -> Environment {
    let template = |text: &str| Template::parse(text, &["application"]).unwrap();
    let health = HealthRule::Controller {
        controller: "main".parse().unwrap(),
        application: template("{application}"),
        project: template("default"),
        namespace: None,
    };
    Environment { health, ..environment }
}

fn with(remedy: Remedy, environment: Environment) -> Environment {
    let after = SignedDuration::from_mins(5);
    let watch = SignedDuration::from_mins(10);
    Environment { on_unhealthy: Unhealthy { remedy, after, watch }, ..environment }
}

/// Staging is watched, prod wants ten minutes of soak; v1 is merged into staging.
pub fn merged(remedy: Remedy) -> World {
    let staging = environment("staging", &[], MergePolicy::Automatic, vec![]);
    let mut world = World::new(vec![
        with(remedy, watched(staging)),
        environment("prod", &["staging"], MergePolicy::Automatic, vec![soak(10)]),
    ]);
    world.settle();
    for version in ["v0.9", "v1"] {
        world.announce(version);
        world.settle();
        if version == "v0.9" {
            look(&mut world, Finding::Well, Sign::Digest);
            for _ in 0..10 {
                world.pass_time(1);
                look(&mut world, Finding::Well, Sign::Digest);
            }
        }
    }
    world
}

/// Somebody looks at staging, and the plan is done; what it did, in words.
pub fn look(world: &mut World, finding: Finding, sign: Sign) -> String {
    let staging: EnvironmentName = "staging".parse().unwrap();
    let glance = Glance { at: world.now, finding, sign, saw: "what was seen".into() };
    world.snapshot.glances.insert(staging.clone(), glance);
    let mut done = Vec::new();
    for action in world.plan().actions {
        match &action {
            Action::Remedy { remedy, .. } => done.push(format!("{remedy:?}")),
            Action::Step { to, .. } => done.push(to.name().to_owned()),
            Action::Adopt { .. }
            | Action::Start { .. }
            | Action::HoldEnded { .. }
            | Action::AlreadyThere { .. }
            | Action::Observe { .. }
            | Action::Propose(_)
            | Action::SetStatus { .. }
            | Action::TellOfForeignPush { .. }
            | Action::Join { .. }
            | Action::TellOfSkip { .. }
            | Action::TellOfPutOut { .. }
            | Action::MakeReady { .. }
            | Action::TakeBack { .. }
            | Action::Merge { .. }
            | Action::Close { .. } => {}
        }
        world.perform(action);
    }
    world.settle();
    // The world's own clock moves with what it does; the next look is a look of its own.
    world.snapshot.glances.remove(&staging);
    let state = world.snapshot.current(&staging).unwrap();
    format!("{} {} [{}]", state.version, state.state.name(), done.join(", "))
}

/// A table of looks: minutes since the last one, what was found, and what came of it.
fn table(world: &mut World, looks: &[(i64, Finding)]) -> String {
    let mut text = String::new();
    for (minutes, finding) in looks {
        world.pass_time(*minutes);
        let came = look(world, *finding, Sign::Revision);
        let _ = writeln!(text, "+{minutes} min {finding:?}: {came}");
    }
    text
}

use Finding::{Ill, NotYet, Unseen, Unsettled, Well};

#[test]
fn one_good_look_is_not_enough_and_a_contiguous_stretch_is() {
    let mut world = merged(Remedy::Nothing);
    let looks = [(0, NotYet), (1, Unsettled), (1, Well), (1, Unsettled), (1, Well), (1, Well)];
    assert_snapshot!(table(&mut world, &looks), @"
    +0 min NotYet: v1 merged []
    +1 min Unsettled: v1 merged []
    +1 min Well: v1 merged []
    +1 min Unsettled: v1 merged []
    +1 min Well: v1 merged []
    +1 min Well: v1 soaking [deployed]
    ");
}

#[test]
fn a_pause_stops_a_soak_and_illness_makes_it_start_over() {
    let mut world = merged(Remedy::Nothing);
    let looks = [
        (0, Well),
        (1, Well),
        (2, Well),
        (2, Well),
        (2, Unsettled),
        (2, Unsettled),
        (1, Well),
        (2, Well),
        (1, Ill),
        (1, Well),
        (2, Well),
        (2, Well),
        (2, Well),
        (2, Well),
        (2, Well),
    ];
    assert_snapshot!(table(&mut world, &looks), @"
    +0 min Well: v1 merged []
    +1 min Well: v1 soaking [deployed]
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Unsettled: v1 soaking []
    +2 min Unsettled: v1 soaking []
    +1 min Well: v1 soaking [soaking]
    +2 min Well: v1 soaking []
    +1 min Ill: v1 soaking []
    +1 min Well: v1 soaking [soaking]
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Well: v1 succeeded [succeeded]
    ");
}

#[test]
fn what_was_not_watched_counts_for_two_minutes_at_most() {
    let mut world = merged(Remedy::Nothing);
    let looks = [(0, Well), (1, Well), (300, Well), (300, Well), (2, Well), (2, Well), (1, Well)];
    assert_snapshot!(table(&mut world, &looks), @"
    +0 min Well: v1 merged []
    +1 min Well: v1 soaking [deployed]
    +300 min Well: v1 soaking [soaking]
    +300 min Well: v1 soaking [soaking]
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +1 min Well: v1 succeeded [succeeded]
    ");
}

#[test]
fn a_clock_that_goes_back_takes_nothing_away_and_adds_nothing() {
    let mut world = merged(Remedy::Nothing);
    let looks =
        [(0, Well), (1, Well), (2, Well), (-600, Well), (2, Well), (2, Well), (2, Well), (2, Well)];
    assert_snapshot!(table(&mut world, &looks), @"
    +0 min Well: v1 merged []
    +1 min Well: v1 soaking [deployed]
    +2 min Well: v1 soaking []
    +-600 min Well: v1 soaking [soaking]
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Well: v1 succeeded [succeeded]
    ");
}

#[test]
fn only_illness_without_a_break_is_answered_and_only_once() {
    let mut world = merged(Remedy::Hold);
    let looks = [
        (0, Well),
        (1, Well),
        (1, Ill),
        (2, Ill),
        (2, Unsettled),
        (1, Ill),
        (2, Ill),
        (1, Unseen),
        (1, Ill),
        (2, Ill),
        (2, Ill),
        (2, Ill),
    ];
    assert_snapshot!(table(&mut world, &looks), @"
    +0 min Well: v1 merged []
    +1 min Well: v1 soaking [deployed]
    +1 min Ill: v1 soaking []
    +2 min Ill: v1 soaking []
    +2 min Unsettled: v1 soaking []
    +1 min Ill: v1 soaking []
    +2 min Ill: v1 soaking []
    +1 min Unseen: v1 soaking []
    +1 min Ill: v1 soaking []
    +2 min Ill: v1 soaking []
    +2 min Ill: v1 soaking [Hold]
    +2 min Ill: v1 soaking []
    ");
    world.resume("staging");
    assert_snapshot!(table(&mut world, &[(2, Ill), (2, Ill), (2, Ill), (2, Ill)]), @"
    +2 min Ill: v1 soaking []
    +2 min Ill: v1 soaking []
    +2 min Ill: v1 soaking []
    +2 min Ill: v1 soaking []
    ");
}

#[test]
fn what_stays_ill_goes_back_and_the_rollback_is_never_rolled_back() {
    let mut world = merged(Remedy::Rollback);
    let looks = [
        (0, Ill),
        (2, Ill),
        (2, Ill),
        (2, Ill),
        (2, Ill),
        (2, Ill),
        (2, Ill),
        (2, Ill),
        (2, Well),
        (1, Well),
    ];
    assert_snapshot!(table(&mut world, &looks), @"
    +0 min Ill: v1 merged []
    +2 min Ill: v1 merged []
    +2 min Ill: v1 merged []
    +2 min Ill: v0.9 merged [Rollback]
    +2 min Ill: v0.9 merged []
    +2 min Ill: v0.9 merged []
    +2 min Ill: v0.9 merged []
    +2 min Ill: v0.9 merged []
    +2 min Well: v0.9 merged []
    +1 min Well: v0.9 succeeded [deployed]
    ");
    assert_snapshot!(world.story(), @"
    staging: v0.9 (held)
      found v0: succeeded
      promote v0.9 #1: succeeded
      promote v1 #3: rolled back
      roll back to v0.9 #4: succeeded
    prod: v0.9
      found v0: succeeded
      promote v0.9 #2: succeeded
    ");
}

#[test]
fn nothing_that_has_succeeded_is_taken_back() {
    let mut world = merged(Remedy::Rollback);
    let looks = [(0, Well), (1, Well), (2, Well), (2, Well), (2, Well), (2, Well), (2, Well)];
    assert_snapshot!(table(&mut world, &looks), @"
    +0 min Well: v1 merged []
    +1 min Well: v1 soaking [deployed]
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Well: v1 soaking []
    +2 min Well: v1 succeeded [succeeded]
    ");
    assert_snapshot!(table(&mut world, &[(2, Ill), (2, Ill), (2, Ill), (2, Ill)]), @"
    +2 min Ill: v1 succeeded []
    +2 min Ill: v1 succeeded []
    +2 min Ill: v1 succeeded []
    +2 min Ill: v1 succeeded []
    ");
}

#[test]
fn what_is_seen_to_be_ill_at_this_very_look_goes_no_further() {
    let staging = watched(environment("staging", &[], MergePolicy::Automatic, vec![]));
    let mut world = World::new(vec![
        staging,
        environment("prod", &["staging"], MergePolicy::Automatic, vec![soak(10)]),
        environment("prod-us", &["staging"], MergePolicy::Automatic, vec![soak(5)]),
    ]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.hold("prod-us");
    for _ in 0..8 {
        look(&mut world, Well, Sign::Digest);
        world.pass_time(1);
    }
    // It has soaked for long enough, and is let go at the moment at which it turns out to be ill.
    world.resume("prod-us");
    look(&mut world, Ill, Sign::Digest);
    assert!(world.open_proposal("prod-us").is_none(), "{}", world.story());
    let place: EnvironmentName = "prod-us".parse().unwrap();
    let there = world.snapshot.current(&place).unwrap();
    assert_ne!(there.version, "v1", "{}", world.story());
}
