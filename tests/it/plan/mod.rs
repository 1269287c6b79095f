//! The planner: stories that a person can read, and laws that no history breaks.

mod accept;
mod boarding;
mod calendar;
mod closures;
mod four_laws;
mod health;
mod landing;
mod laws;
mod standing;
mod world;

use hoist::domain::pipeline::MergePolicy;
use hoist::domain::plan::Because;
use hoist::domain::snapshot::Judgement;
use insta::assert_snapshot;

use world::{World, approvals, environment, soak};

#[test]
fn what_the_files_hold_at_first_sight_is_found_and_nothing_is_changed() {
    let mut world = World::usual();
    world.settle();
    assert_snapshot!(world.story(), @r"
    staging: v0
      found v0: succeeded
    prod: v0
      found v0: succeeded
    ");
}

#[test]
fn an_artifact_goes_to_staging_by_itself_and_soaks_before_prod() {
    let mut world = World::usual();
    world.settle();
    world.announce("v1");
    let plan = world.settle();
    assert_snapshot!(world.story(), @r"
    staging: v1
      found v0: succeeded
      promote v1 #1: soaking
    prod: v0
      found v0: succeeded
      promote v1: waiting
    ");
    assert!(plan.wake_at.is_some_and(|at| at > world.now));

    world.pass_time(31);
    let plan = world.settle();
    assert_snapshot!(world.story(), @r"
    staging: v1
      found v0: succeeded
      promote v1 #1: succeeded
    prod: v0
      found v0: succeeded
      promote v1 #2: proposed
    ");
    let wait = &plan.waits[&"prod".parse().unwrap()];
    assert_eq!(wait.because, Because::Approvals { have: 0, need: 1 });
}

#[test]
fn the_requesters_own_approval_does_not_count() {
    let mut world = World::usual();
    world.settle();
    world.announce("v1");
    world.settle();
    world.pass_time(31);
    world.settle();
    world.approve("prod", "alice");
    world.settle();
    assert_eq!(world.main[&"prod".parse().unwrap()], "v0");
    world.approve("prod", "bob");
    world.settle();
    assert_eq!(world.main[&"prod".parse().unwrap()], "v1");
}

#[test]
fn a_newer_artifact_takes_the_open_proposal_over_once_its_gates_are_open() {
    let mut world = World::usual();
    world.settle();
    world.announce("v1");
    world.settle();
    world.pass_time(31);
    world.settle();
    world.announce("v2");
    world.settle();
    // v2 soaks in staging; until that is over, v1's proposal stands.
    assert_snapshot!(world.story(), @r"
    staging: v2
      found v0: succeeded
      promote v1 #1: succeeded
      promote v2 #3: soaking
    prod: v0
      found v0: succeeded
      promote v1 #2: proposed
      promote v2: waiting
    ");
    world.pass_time(31);
    world.settle();
    assert_snapshot!(world.story(), @r"
    staging: v2
      found v0: succeeded
      promote v1 #1: succeeded
      promote v2 #3: succeeded
    prod: v0
      found v0: succeeded
      promote v1 #2: superseded
      promote v2 #2: proposed
    ");
}

#[test]
fn a_closed_proposal_stays_closed_until_a_newer_artifact() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.close("prod");
    world.settle();
    world.settle();
    assert_snapshot!(world.story(), @r"
    prod: v0
      found v0: succeeded
      promote v1 #1: closed
    ");
    world.announce("v2");
    world.settle();
    assert_snapshot!(world.story(), @r"
    prod: v0
      found v0: succeeded
      promote v1 #1: closed
      promote v2 #2: proposed
    ");
}

#[test]
fn a_deleted_branch_is_made_again() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Manual, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.delete_branch("prod");
    world.settle();
    assert_snapshot!(world.story(), @r"
    prod: v0
      found v0: succeeded
      promote v1 #1: proposed
    ");
}

#[test]
fn what_somebody_pushed_is_not_overwritten_and_needs_an_approval() {
    let mut world =
        World::new(vec![environment("prod", &[], MergePolicy::Automatic, vec![soak(0)])]);
    world.settle();
    world.announce("v1");
    // Only as far as the proposal, so that somebody can push before it is merged.
    for _ in 0..2 {
        for action in world.plan().actions {
            world.perform(action);
        }
    }
    world.push_to_branch("prod", Judgement::OnlyVersion);
    let plan = world.settle();
    let wait = &plan.waits[&"prod".parse().unwrap()];
    assert!(matches!(wait.because, Because::ForeignPush(_)), "{wait:?}");
    world.approve("prod", "bob");
    world.settle();
    assert_eq!(world.main[&"prod".parse().unwrap()], "v1");
}

#[test]
fn more_than_a_version_is_never_merged() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.push_to_branch("prod", Judgement::Otherwise("replicas changed".into()));
    world.approve("prod", "bob");
    let plan = world.settle();
    let wait = &plan.waits[&"prod".parse().unwrap()];
    assert_eq!(wait.because, Because::NotOnlyVersion("replicas changed".into()));
    assert!(world.merges.is_empty());
}

#[test]
fn a_change_of_the_same_line_on_main_makes_a_new_commit_on_the_new_base() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.edit_main("prod", "v0.1");
    world.settle();
    assert_snapshot!(world.story(), @r"
    prod: v0.1
      found v0: succeeded
      promote v1 #1: proposed
      found v0.1: succeeded
    ");
    world.approve("prod", "bob");
    world.settle();
    assert_eq!(world.main[&"prod".parse().unwrap()], "v1");
}

#[test]
fn a_rollback_closes_what_is_open_and_nothing_brings_the_bad_version_back() {
    let mut world = World::usual();
    world.settle();
    for version in ["v1", "v2"] {
        world.announce(version);
        world.settle();
        world.pass_time(31);
        world.settle();
        world.approve("prod", "bob");
        world.settle();
    }
    world.announce("v3");
    world.settle();
    world.pass_time(31);
    world.settle();
    world.roll_back("prod").unwrap();
    world.settle();
    assert_snapshot!(world.story(), @r"
    staging: v3
      found v0: succeeded
      promote v1 #1: succeeded
      promote v2 #3: succeeded
      promote v3 #5: succeeded
    prod: v2 (held)
      found v0: succeeded
      promote v1 #2: succeeded
      promote v2 #4: succeeded
      promote v3 #6: superseded
      roll back to v1 #7: proposed
    ");
    world.approve("prod", "bob");
    world.settle();
    world.resume("prod");
    world.settle();
    assert_snapshot!(world.story(), @r"
    staging: v3
      found v0: succeeded
      promote v1 #1: succeeded
      promote v2 #3: succeeded
      promote v3 #5: succeeded
    prod: v1
      found v0: succeeded
      promote v1 #2: succeeded
      promote v2 #4: rolled back
      promote v3 #6: superseded
      roll back to v1 #7: succeeded
    ");
}

#[test]
fn waves_follow_staging_side_by_side_and_wait_for_each_other_where_told_to() {
    let mut world = World::new(vec![
        environment("staging", &[], MergePolicy::Automatic, vec![]),
        environment("prod-eu", &["staging"], MergePolicy::Automatic, vec![]),
        environment("prod-us", &["staging"], MergePolicy::OnApproval, vec![approvals(2)]),
        environment("prod-all", &["prod-eu", "prod-us"], MergePolicy::Automatic, vec![]),
    ]);
    world.settle();
    world.announce("v1");
    world.settle();
    assert_snapshot!(world.story(), @r"
    staging: v1
      found v0: succeeded
      promote v1 #1: succeeded
    prod-eu: v1
      found v0: succeeded
      promote v1 #2: succeeded
    prod-us: v0
      found v0: succeeded
      promote v1 #3: proposed
    prod-all: v0
      found v0: succeeded
    ");
    world.approve("prod-us", "bob");
    world.approve("prod-us", "carol");
    world.settle();
    assert_eq!(world.main[&"prod-all".parse().unwrap()], "v1");
}

#[test]
fn what_is_there_already_succeeds_without_a_proposal_and_the_next_follows() {
    let mut world = World::new(vec![
        environment("staging", &[], MergePolicy::Automatic, vec![]),
        environment("prod", &["staging"], MergePolicy::Automatic, vec![]),
    ]);
    world.edit_main("staging", "v1");
    world.settle();
    world.announce("v1");
    world.settle();
    assert_snapshot!(world.story(), @r"
    staging: v1
      found v1: succeeded
      promote v1: succeeded
    prod: v1
      found v0: succeeded
      promote v1 #1: succeeded
    ");
}

#[test]
fn what_was_there_already_is_known_field_by_field() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Automatic, vec![])]);
    world.edit_main("prod", "v1");
    world.settle();
    world.announce("v1");
    world.settle();
    // Without its values, a change by hand would not be noticed, and a rollback could restore them.
    world.edit_main("prod", "v2-by-hand");
    world.settle();
    assert_snapshot!(world.story(), @r"
    prod: v2-by-hand
      found v1: succeeded
      promote v1: succeeded
      found v2-by-hand: succeeded
    ");
    world.roll_back("prod").unwrap();
    world.settle();
    assert_eq!(world.main[&"prod".parse().unwrap()], "v1");
}

#[test]
fn a_tag_that_moved_says_that_it_cannot_be_promoted_this_way() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Automatic, vec![])]);
    world.settle();
    world.announce("latest");
    world.settle();
    world.announce("latest");
    world.settle();
    assert_snapshot!(world.story(), @r"
    prod: latest
      found v0: succeeded
      promote latest #1: succeeded
      promote latest: failed
    ");
}

#[test]
fn a_hold_stops_a_merge_and_a_resume_lets_it_go_on() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.hold("prod");
    world.approve("prod", "bob");
    let plan = world.settle();
    assert!(matches!(plan.waits[&"prod".parse().unwrap()].because, Because::Held { .. }));
    world.resume("prod");
    world.settle();
    assert_eq!(world.main[&"prod".parse().unwrap()], "v1");
}

#[test]
fn an_objection_stops_a_merge() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::OnApproval, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.approve("prod", "bob");
    world.object("prod", "carol");
    world.settle();
    assert!(world.merges.is_empty());
}

#[test]
fn a_merge_by_hand_is_taken_as_it_is() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Manual, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.merge_by_hand("prod");
    world.settle();
    assert_snapshot!(world.story(), @r"
    prod: v1
      found v0: succeeded
      promote v1 #1: succeeded
    ");
}
