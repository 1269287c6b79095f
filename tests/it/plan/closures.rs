//! What shuts an environment as a whole: windows, freezes and holds, snapshot and time → plan.

use hoist::domain::freeze::Rollbacks;
use hoist::domain::gate::{Approvals, Gate, GateRule, Shuts, Voters};
use hoist::domain::pipeline::MergePolicy;
use hoist::domain::plan::Plan;
use hoist::domain::snapshot::StatusWord;
use hoist::messages::explain;
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};

use super::calendar::window;
use super::world::{World, environment, soak};

/// Prod by itself, in office hours. The world begins on a Monday at 10 in Stockholm.
fn office_hours() -> World {
    let gates = vec![Gate::Window(window("mon-thu 09:00-16:00 Europe/Stockholm"))];
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Automatic, gates)]);
    world.settle();
    world
}

fn at(world: &mut World, time: &str) {
    world.now = time.parse().unwrap();
}

/// What prod waits for, and when it is looked at again.
fn wait(plan: &Plan) -> String {
    let wake_at = plan.wake_at.map_or("never".into(), |at| at.to_string());
    match plan.waits.get(&"prod".parse().unwrap()) {
        Some(wait) => format!("{}\nlooks again {wake_at}", explain::wait(wait)),
        None => format!("waits for nothing\nlooks again {wake_at}"),
    }
}

/// The statuses on prod's open proposal.
fn statuses(world: &World) -> String {
    let number = world.open_proposal("prod").unwrap();
    let line = |(context, (word, text)): (&String, &(StatusWord, String))| {
        format!("{context} {word:?}: {text}")
    };
    world.snapshot.proposals[&number].statuses.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_window_lets_the_proposal_open_and_merges_it_at_the_minute() {
    let mut world = office_hours();
    at(&mut world, "2026-01-05T15:00:00Z");
    world.announce("v1");
    let plan = world.settle();
    assert_snapshot!(wait(&plan), @"
    window gate: shut until 2026-01-06 09:00 Europe/Stockholm (mon-thu 09:00-16:00 Europe/Stockholm) (until 2026-01-06 08:00 UTC)
    looks again 2026-01-06T08:00:00Z
    ");
    assert_snapshot!(statuses(&world), @"
    hoist/freeze Success: not frozen
    hoist/hold Success: not held
    hoist/only-version Success: Only version fields change
    hoist/window Pending: shut until 2026-01-06 09:00 Europe/Stockholm (mon-thu 09:00-16:00 Europe/Stockholm)
    ");
    at(&mut world, "2026-01-06T07:59:59Z");
    world.settle();
    assert!(world.merges.is_empty());
    at(&mut world, "2026-01-06T08:00:00Z");
    world.settle();
    assert_eq!(world.merges, ["prod v1"]);
}

#[test]
fn a_window_may_shut_the_opening_of_the_proposal_too() {
    let mut world = office_hours();
    world.snapshot.pipeline.environments[0].gates[0].shuts = Shuts::Proposal;
    at(&mut world, "2026-01-05T15:00:00Z");
    world.announce("v1");
    let plan = world.settle();
    assert!(world.snapshot.proposals.is_empty());
    assert_snapshot!(wait(&plan), @"
    window gate: shut until 2026-01-06 09:00 Europe/Stockholm (mon-thu 09:00-16:00 Europe/Stockholm) (until 2026-01-06 08:00 UTC)
    looks again 2026-01-06T08:00:00Z
    ");
}

#[test]
fn the_status_of_an_open_window_says_until_when_and_is_refreshed_then() {
    let mut world = office_hours();
    world.snapshot.pipeline.environments[0].merge = MergePolicy::Manual;
    world.announce("v1");
    let plan = world.settle();
    assert_snapshot!(wait(&plan), @"
    a person has to merge it: the policy is manual
    looks again 2026-01-05T15:00:00Z
    ");
    assert_snapshot!(statuses(&world), @"
    hoist/freeze Success: not frozen
    hoist/hold Success: not held
    hoist/only-version Success: Only version fields change
    hoist/window Success: open until 2026-01-05 16:00 Europe/Stockholm
    ");
    at(&mut world, "2026-01-05T15:00:00Z");
    world.settle();
    assert!(statuses(&world).contains("hoist/window Pending"), "{}", statuses(&world));
}

#[test]
fn in_the_night_of_the_shorter_day_a_window_opens_when_the_clock_has_leapt_over_its_hour() {
    let gates = vec![Gate::Window(window("sun 02:30-04:00 Europe/Stockholm"))];
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Automatic, gates)]);
    world.settle();
    at(&mut world, "2026-03-29T00:50:00Z");
    world.announce("v1");
    let plan = world.settle();
    assert_eq!(plan.wake_at, Some("2026-03-29T01:00:00Z".parse().unwrap()));
    at(&mut world, "2026-03-29T01:00:00Z");
    world.settle();
    assert_eq!(world.merges, ["prod v1"]);
}

#[test]
fn a_freeze_stops_what_is_proposed_already_and_ends_by_itself() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.freeze("prod", Some(120), Rollbacks::Wait);
    world.approve("prod", "bob");
    let plan = world.settle();
    assert_snapshot!(wait(&plan), @"
    frozen by carol until 2026-01-05 11:00 UTC: INC-123
    looks again 2026-01-05T11:00:03.001Z
    ");
    assert_snapshot!(statuses(&world), @"
    hoist/approvals Success: 1 of 1 approvals, the requester's not counted
    hoist/freeze Pending: frozen by carol until 2026-01-05 11:00 UTC: INC-123
    hoist/hold Success: not held
    hoist/only-version Success: Only version fields change
    ");
    world.pass_time(119);
    world.settle();
    assert!(world.merges.is_empty());
    world.pass_time(1);
    world.settle();
    assert_eq!(world.merges, ["prod v1"]);
}

#[test]
fn while_it_is_frozen_nothing_is_proposed_and_only_the_newest_waits() {
    let mut world = World::usual();
    world.settle();
    world.freeze("prod", None, Rollbacks::Wait);
    for version in ["v1", "v2"] {
        world.announce(version);
        world.settle();
        world.pass_time(31);
        world.settle();
    }
    assert_snapshot!(world.story(), @"
    staging: v2
      found v0: succeeded
      promote v1 #1: succeeded
      promote v2 #2: succeeded
    prod: v0
      found v0: succeeded
      promote v1: superseded
      promote v2: waiting
    ");
    let plan = world.settle();
    assert_snapshot!(wait(&plan), @"
    frozen by carol until somebody thaws it: INC-123
    looks again never
    ");
    world.thaw("prod");
    world.settle();
    assert!(world.open_proposal("prod").is_some());
}

#[test]
fn a_freeze_that_begins_later_says_so_and_is_looked_at_then() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Manual, vec![])]);
    world.settle();
    world.freeze("prod", Some(60), Rollbacks::Wait);
    let begins: Timestamp = "2026-01-06T00:00:00Z".parse().unwrap();
    world.snapshot.freezes[0].begins = begins;
    world.snapshot.freezes[0].ends = Some(begins + SignedDuration::from_hours(1));
    world.announce("v1");
    let plan = world.settle();
    assert_eq!(plan.wake_at, Some(begins));
    assert_snapshot!(statuses(&world), @"
    hoist/freeze Success: not frozen; carol begins 2026-01-06 00:00 UTC
    hoist/hold Success: not held
    hoist/only-version Success: Only version fields change
    ");
}

#[test]
fn a_rollback_passes_windows_and_holds_and_freezes_only_where_they_let_it() {
    let mut world = office_hours();
    world.announce("v1");
    world.settle();
    at(&mut world, "2026-01-05T20:00:00Z");
    world.freeze("prod", None, Rollbacks::Wait);
    world.roll_back("prod").unwrap();
    let plan = world.settle();
    // It lies ready, for whoever may skip gates.
    assert_snapshot!(wait(&plan), @"
    frozen by carol until somebody thaws it: INC-123
    looks again never
    ");
    assert_snapshot!(statuses(&world), @"
    hoist/freeze Pending: frozen by carol until somebody thaws it: INC-123
    hoist/hold Success: carol holds it, which stops no rollback
    hoist/only-version Success: Only version fields change
    hoist/window Success: a rollback waits for no window
    ");
    world.thaw("prod");
    world.freeze("prod", None, Rollbacks::Pass);
    world.settle();
    assert_eq!(world.merges, ["prod v1", "prod v0"]);
}

#[test]
fn a_hold_shuts_the_merge_as_a_status_too() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.hold("prod");
    world.settle();
    assert_snapshot!(statuses(&world), @"
    hoist/approvals Pending: 0 of 1 approvals, the requester's not counted
    hoist/freeze Success: not frozen
    hoist/hold Pending: held by carol
    hoist/only-version Success: Only version fields change
    ");
    world.resume("prod");
    world.settle();
    assert!(statuses(&world).contains("hoist/hold Success: not held"), "{}", statuses(&world));
}

#[test]
fn what_a_gate_keeps_out_for_longer_than_its_timeout_is_closed() {
    let gate = Gate::Approvals(Approvals { count: 1, of: Voters::Anybody });
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![gate])]);
    world.snapshot.pipeline.environments[0].gates[0].timeout = Some(SignedDuration::from_hours(24));
    world.settle();
    world.announce("v1");
    let plan = world.settle();
    assert_snapshot!(wait(&plan), @"
    it needs review: 0 of 1 approvals, the requester's not counted
    looks again 2026-01-06T09:00:03.001Z
    ");
    world.pass_time(24 * 60 + 1);
    world.settle();
    assert_snapshot!(world.story(), @"
    prod: v0
      found v0: succeeded
      promote v1 #1: closed
    ");
}

#[test]
fn what_soaks_for_longer_than_its_timeout_is_closed_before_it_is_proposed() {
    let mut world = World::usual();
    world.snapshot.pipeline.environments[1].gates =
        vec![GateRule { timeout: Some(SignedDuration::from_mins(10)), ..soak(30).into() }];
    world.settle();
    world.announce("v1");
    world.settle();
    world.pass_time(11);
    world.settle();
    assert_snapshot!(world.story(), @"
    staging: v1
      found v0: succeeded
      promote v1 #1: soaking
    prod: v0
      found v0: succeeded
      promote v1: closed
    ");
}

#[test]
fn where_a_role_is_asked_for_only_its_people_count() {
    let gate = Gate::Approvals(Approvals {
        count: 1,
        of: Voters::Role("release-managers".parse().unwrap()),
    });
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![gate])]);
    let members = vec!["carol".parse().unwrap(), "alice".parse().unwrap()];
    world.snapshot.members.insert("release-managers".parse().unwrap(), members);
    world.settle();
    world.announce("v1");
    world.settle();
    world.approve("prod", "bob");
    // She has the role, and it is she who asked.
    world.approve("prod", "alice");
    world.settle();
    assert!(world.merges.is_empty());
    assert_snapshot!(statuses(&world), @"
    hoist/approvals Pending: 0 of 1 approvals of release-managers, the requester's not counted
    hoist/freeze Success: not frozen
    hoist/hold Success: not held
    hoist/only-version Success: Only version fields change
    ");
    world.approve("prod", "carol");
    world.settle();
    assert_eq!(world.merges, ["prod v1"]);
}
