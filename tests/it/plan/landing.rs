//! What is left to a forge to bring in is taken back as soon as anything of hoist's keeps it out.

use hoist::domain::freeze::Rollbacks;
use hoist::domain::id::CommitId;
use hoist::domain::landing::{Block, Course, Drafted, Group, Handed, Lacking, Landing, Whose};
use hoist::domain::pipeline::{DraftPolicy, MergePolicy};
use hoist::domain::plan::{Action, Because};
use hoist::domain::snapshot::{Judgement, StatusWord};

use super::world::{World, environment};

fn handed(course: Course, whose: Whose) -> Landing {
    Landing::Handed(Handed { course, whose, blocks: vec![missing()], group: None })
}

fn missing() -> Block {
    Block::Check { name: "build".into(), lacking: Lacking::Missing }
}

/// A version is proposed for prod, and the forge says this of it.
fn proposed(landing: Landing) -> World {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Automatic, vec![])]);
    world.settle();
    world.forge_says(Landing::Blocked { blocks: vec![missing()], offer: None });
    world.announce("v1");
    world.settle();
    world.land_as("prod", landing);
    world
}

/// What is done about the proposal, statuses left out.
fn deeds(world: &mut World) -> Vec<&'static str> {
    let named = |action: &Action| match action {
        Action::TakeBack { .. } => Some("take back"),
        Action::Propose(_) => Some("propose"),
        Action::Merge { .. } => Some("merge"),
        Action::Close { .. } => Some("close"),
        Action::MakeReady { .. } => Some("make ready"),
        Action::TellOfPutOut { .. } => Some("tell"),
        Action::Adopt { .. }
        | Action::Start { .. }
        | Action::HoldEnded { .. }
        | Action::Step { .. }
        | Action::AlreadyThere { .. }
        | Action::Observe { .. }
        | Action::Remedy { .. }
        | Action::Join { .. }
        | Action::SetStatus { .. }
        | Action::TellOfForeignPush { .. }
        | Action::TellOfSkip { .. } => None,
    };
    world.plan().actions.iter().filter_map(named).collect()
}

#[test]
fn what_the_forge_brings_in_by_itself_is_left_to_it() {
    for course in [Course::AutoMerge, Course::Queue, Course::Train] {
        for whose in [Whose::Ours, Whose::Theirs] {
            let mut world = proposed(handed(course, whose));
            assert!(deeds(&mut world).is_empty());
            let plan = world.plan();
            let because = &plan.waits[&"prod".parse().unwrap()].because;
            assert!(matches!(because, Because::Handed(it) if it.course == course));
        }
    }
}

#[test]
fn a_shut_gate_takes_back_what_hoist_asked_for_and_nobody_elses() {
    for course in [Course::AutoMerge, Course::Queue, Course::Train] {
        let mut world = proposed(handed(course, Whose::Ours));
        world.freeze("prod", None, Rollbacks::Wait);
        assert_eq!(deeds(&mut world), ["take back"]);
        let mut world = proposed(handed(course, Whose::Ours));
        world.hold("prod");
        assert_eq!(deeds(&mut world), ["take back"]);
        let mut world = proposed(handed(course, Whose::Ours));
        world.object("prod", "bob");
        assert_eq!(deeds(&mut world), ["take back"]);
        let mut world = proposed(handed(course, Whose::Theirs));
        world.freeze("prod", None, Rollbacks::Wait);
        assert!(deeds(&mut world).is_empty());
    }
}

#[test]
fn what_a_person_queued_is_bound_by_the_gates_as_they_are_now() {
    let head: CommitId = "c".repeat(40).parse().unwrap();
    let success = (StatusWord::Success, "not frozen".to_owned());
    let statuses = [("hoist/freeze".to_owned(), success)].into();
    let group = Some(Group { head: head.clone(), statuses });
    let queued = Handed { course: Course::Queue, whose: Whose::Theirs, blocks: vec![], group };
    let mut world = proposed(Landing::Handed(queued));
    world.freeze("prod", None, Rollbacks::Wait);
    let shuts = |action: &Action| {
        matches!(action, Action::SetStatus { head: on, context, state: StatusWord::Pending, .. }
            if *on == head && context == "hoist/freeze")
    };
    assert!(world.plan().actions.iter().any(shuts));
}

#[test]
fn nothing_that_may_fail_stands_before_what_is_taken_back() {
    let mut world = proposed(handed(Course::Queue, Whose::Ours));
    world.freeze("prod", None, Rollbacks::Wait);
    let actions = world.plan().actions;
    assert!(matches!(actions[0], Action::TakeBack { .. }), "{actions:?}");
    assert!(matches!(actions[1], Action::SetStatus { .. }), "{actions:?}");
}

#[test]
fn a_push_by_somebody_else_takes_it_back() {
    for judgement in [Judgement::OnlyVersion, Judgement::Otherwise("more".into())] {
        let mut world = proposed(handed(Course::AutoMerge, Whose::Ours));
        world.push_to_branch("prod", judgement);
        world.land_as("prod", handed(Course::AutoMerge, Whose::Ours));
        assert_eq!(deeds(&mut world), ["take back"]);
    }
}

#[test]
fn what_takes_its_place_comes_after_it_is_taken_back() {
    let mut world = proposed(handed(Course::Queue, Whose::Ours));
    world.announce("v2");
    // Its promotion begins first.
    let begun = world.plan().actions;
    begun.into_iter().for_each(|action| world.perform(action));
    assert_eq!(deeds(&mut world), ["take back", "propose"]);
}

#[test]
fn what_has_to_wait_itself_leaves_nothing_on_its_way() {
    for whose in [Whose::Ours, Whose::Theirs] {
        let mut world = proposed(handed(Course::Queue, whose));
        world.announce("v2");
        let begun = world.plan().actions;
        begun.into_iter().for_each(|action| world.perform(action));
        // It takes the first one's place, and stands before a shut door.
        world.hold("prod");
        let expected: &[&str] = if whose == Whose::Ours { &["take back"] } else { &[] };
        assert_eq!(deeds(&mut world), expected);
        let told = |action: &Action| {
            matches!(action, Action::SetStatus { context, state: StatusWord::Pending, .. }
                if context == "hoist/hold")
        };
        assert!(world.plan().actions.iter().any(told), "a person sees it, too");
    }
}

#[test]
fn what_a_queue_puts_out_is_said_once_for_each_head() {
    let out = |by: Option<&str>| {
        let by = by.map(|it| it.parse().unwrap());
        let block = Block::ThrownOut { course: Course::Queue, by, reason: None };
        proposed(Landing::Blocked { blocks: vec![block], offer: None })
    };
    let mut world = out(None);
    assert_eq!(deeds(&mut world), ["tell"]);
    let told = world.plan().actions;
    told.into_iter().for_each(|action| world.perform(action));
    assert!(deeds(&mut world).is_empty());
    assert!(deeds(&mut out(Some("carol"))).is_empty(), "who took it out knows");
}

#[test]
fn a_rollback_that_waits_closes_what_was_on_its_way() {
    let mut world = World::new(vec![environment("prod", &[], MergePolicy::Automatic, vec![])]);
    world.settle();
    world.announce("v1");
    world.settle();
    world.forge_says(Landing::Blocked { blocks: vec![missing()], offer: None });
    world.announce("v2");
    world.settle();
    world.land_as("prod", handed(Course::Queue, Whose::Ours));
    world.roll_back("prod").unwrap();
    // Somebody else was faster, so that a person has to say what is to come back.
    world.edit_main("prod", "v1-hot");
    let adopted = world.plan().actions;
    adopted.into_iter().for_each(|action| world.perform(action));
    assert_eq!(deeds(&mut world), ["close"]);
    world.settle();
    assert_eq!(world.open_proposal("prod"), None);
    let because = &world.plan().waits[&"prod".parse().unwrap()].because;
    assert!(matches!(because, Because::Drifted { .. }), "{because:?}");
}

#[test]
fn what_the_forge_could_merge_at_once_hoist_merges() {
    let through =
        Handed { course: Course::AutoMerge, whose: Whose::Ours, blocks: vec![], group: None };
    let mut world = proposed(Landing::Handed(through));
    assert_eq!(deeds(&mut world), ["merge"]);
    let offered = Landing::Blocked { blocks: vec![missing()], offer: Some(Course::AutoMerge) };
    assert_eq!(deeds(&mut proposed(offered)), ["merge"], "which hands it over");
    let behind = Landing::Blocked { blocks: vec![Block::Behind], offer: None };
    assert_eq!(deeds(&mut proposed(behind)), ["propose"], "anew, on the branch as it is");
}

#[test]
fn a_draft_of_hoists_becomes_ready_when_only_people_are_waited_for() {
    let drafted = |policy: DraftPolicy, draft: Drafted| {
        let mut prod = environment("prod", &[], MergePolicy::OnApproval, vec![]);
        prod.review.draft = policy;
        let mut world = World::new(vec![prod]);
        world.settle();
        world.announce("v1");
        world.settle();
        world.drafted("prod", draft);
        world
    };
    let mut world = drafted(DraftPolicy::UntilOpen, Drafted::Ours);
    assert_eq!(deeds(&mut world), ["make ready"], "although it lacks an approval");
    world.freeze("prod", None, Rollbacks::Wait);
    assert!(deeds(&mut world).is_empty());
    world.thaw("prod");
    world.hold("prod");
    assert!(deeds(&mut world).is_empty());
    // Where the policy changed meanwhile, it is a draft no longer.
    let mut world = drafted(DraftPolicy::Never, Drafted::Ours);
    world.freeze("prod", None, Rollbacks::Wait);
    assert_eq!(deeds(&mut world), ["make ready"]);

    let mut world = drafted(DraftPolicy::UntilOpen, Drafted::Theirs);
    world.approve("prod", "bob");
    assert!(deeds(&mut world).is_empty(), "a person takes it back");
    world.drafted("prod", Drafted::Ready);
    assert_eq!(deeds(&mut world), ["merge"]);
}
