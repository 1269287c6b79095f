//! Laws that hold whatever happens, in whatever order, with a crash after any action.

use hoist::domain::freeze::{Freeze, Rollbacks};
use hoist::domain::gate::Gate;
use hoist::domain::id::EnvironmentName;
use hoist::domain::pipeline::MergePolicy;
use hoist::domain::plan::{Action, judge};
use hoist::domain::promotion::{Kind, State};
use hoist::domain::snapshot::{Judgement, ProposalStage};
use proptest::prelude::*;

use super::calendar::window;
use super::world::{World, environment, soak};

/// Something that happens to the world.
#[derive(Debug, Clone)]
enum Happening {
    Announce,
    Approve(&'static str),
    Object(&'static str),
    Close(&'static str),
    DeleteBranch(&'static str),
    Push(&'static str, bool),
    EditMain(&'static str),
    Revert(&'static str),
    MergeByHand(&'static str),
    RollBack(&'static str),
    Hold(&'static str),
    Resume(&'static str),
    Freeze(&'static str, Option<i64>, Rollbacks),
    Thaw(&'static str),
    PassTime(i64),
    /// Only so many of the planned actions are done before a crash.
    Crash(usize),
    Settle,
}

fn anywhere() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("staging"), Just("prod"), Just("prod-us")]
}

fn rollbacks() -> impl Strategy<Value = Rollbacks> {
    prop_oneof![Just(Rollbacks::Wait), Just(Rollbacks::Pass)]
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    prop_oneof![
        4 => Just(H::Announce),
        4 => anywhere().prop_map(H::Approve),
        1 => anywhere().prop_map(H::Object),
        1 => anywhere().prop_map(H::Close),
        1 => anywhere().prop_map(H::DeleteBranch),
        1 => (anywhere(), any::<bool>()).prop_map(|(place, clean)| H::Push(place, clean)),
        1 => anywhere().prop_map(H::EditMain),
        1 => anywhere().prop_map(H::Revert),
        1 => anywhere().prop_map(H::MergeByHand),
        2 => anywhere().prop_map(H::RollBack),
        1 => anywhere().prop_map(H::Hold),
        2 => anywhere().prop_map(H::Resume),
        1 => (anywhere(), prop::option::of(1_i64..120), rollbacks())
            .prop_map(|(place, minutes, rollbacks)| H::Freeze(place, minutes, rollbacks)),
        2 => anywhere().prop_map(H::Thaw),
        3 => (1_i64..60).prop_map(H::PassTime),
        3 => (0_usize..4).prop_map(H::Crash),
        6 => Just(H::Settle),
    ]
}

fn happen(world: &mut World, happening: Happening, count: &mut u32) {
    *count += 1;
    match happening {
        Happening::Announce => world.announce(&format!("v{count}")),
        Happening::Approve(place) => world.approve(place, "bob"),
        Happening::Object(place) => world.object(place, "carol"),
        Happening::Close(place) => world.close(place),
        Happening::DeleteBranch(place) => world.delete_branch(place),
        Happening::Push(place, true) => world.push_to_branch(place, Judgement::OnlyVersion),
        Happening::Push(place, false) => {
            world.push_to_branch(place, Judgement::Otherwise("more".into()));
        }
        Happening::EditMain(place) => world.edit_main(place, &format!("hand{count}")),
        Happening::Revert(place) => world.revert(place),
        Happening::MergeByHand(place) => world.merge_by_hand(place),
        Happening::RollBack(place) => drop(world.roll_back(place)),
        Happening::Hold(place) => world.hold(place),
        Happening::Resume(place) => world.resume(place),
        Happening::Freeze(place, minutes, rollbacks) => world.freeze(place, minutes, rollbacks),
        Happening::Thaw(place) => world.thaw(place),
        Happening::PassTime(minutes) => world.pass_time(minutes),
        Happening::Crash(after) => {
            for action in checked(world).into_iter().take(after) {
                world.perform(action);
            }
        }
        Happening::Settle => settle(world),
    }
}

/// Settles as the world does, and checks every plan on the way.
fn settle(world: &mut World) {
    for _ in 0..24 {
        let actions = checked(world);
        if actions.is_empty() {
            return;
        }
        for action in actions {
            world.perform(action);
        }
    }
    panic!("the plan does not settle:\n{}\n{:#?}", world.story(), world.plan().actions);
}

/// The plan's actions, none of which may break a law.
fn checked(world: &mut World) -> Vec<Action> {
    let actions = world.plan().actions;
    assert_eq!(actions, world.plan().actions, "the same snapshot gave two plans");
    for action in &actions {
        check(world, action);
    }
    for name in ["staging", "prod", "prod-us"] {
        let open = world.snapshot.proposals.values().filter(|facts| {
            facts.environment.as_str() == name && facts.state == ProposalStage::Open
        });
        assert!(open.count() <= 1, "two proposals are open into {name}\n{}", world.story());
    }
    actions
}

fn check(world: &World, action: &Action) {
    match action {
        Action::Propose(proposing) => {
            let promotion = world.snapshot.promotion(&proposing.promotion).unwrap();
            check_may_enter(world, promotion);
        }
        Action::Merge { promotion, number, .. } => {
            let promotion = world.snapshot.promotion(promotion).unwrap();
            let facts = &world.snapshot.proposals[number];
            check_may_enter(world, promotion);
            check_not_held(world, promotion);
            check_not_frozen(world, promotion);
            let gates = judge(
                &world.snapshot,
                world.snapshot.pipeline.environment(&promotion.environment).unwrap(),
                promotion,
                Some(facts),
                world.now,
            );
            let shut: Vec<_> = gates.iter().filter(|gate| !gate.is_open()).collect();
            assert!(shut.is_empty(), "merged past {shut:?}\n{}", world.story());
            let environment = world.snapshot.pipeline.environment(&promotion.environment).unwrap();
            let others = facts.approvals.iter().filter(|by| by.as_str() != "alice").count();
            assert!(
                others as u32 >= environment.approvals_needed(promotion),
                "merged past its approvals"
            );
            assert_eq!(facts.judgement, Judgement::OnlyVersion, "merged more than a version");
            assert!(facts.objections.is_empty(), "merged over an objection");
        }
        Action::Start { environment, artifact } => {
            let environment = world.snapshot.pipeline.environment(environment).unwrap();
            assert!(!world.snapshot.is_bad(artifact, environment), "started a bad artifact");
        }
        Action::Adopt { .. }
        | Action::Step { .. }
        | Action::AlreadyThere { .. }
        | Action::Observe { .. }
        | Action::Remedy { .. }
        | Action::SetStatus { .. }
        | Action::TellOfForeignPush { .. }
        | Action::Join { .. }
        | Action::TellOfSkip { .. }
        | Action::TellOfPutOut { .. }
        | Action::MakeReady { .. }
        | Action::HoldEnded { .. }
        | Action::TakeBack { .. }
        | Action::Close { .. } => {}
    }
}

/// Nothing enters an environment before it is in those that come before.
fn check_may_enter(world: &World, promotion: &hoist::domain::promotion::Promotion) {
    let environment = world.snapshot.pipeline.environment(&promotion.environment).unwrap();
    match &promotion.kind {
        Kind::Rollback { .. } | Kind::Found { .. } => {}
        Kind::Forward { .. } if promotion.state == State::Proposed => {}
        Kind::Forward { .. } => {
            check_not_held(world, promotion);
            check_not_frozen(world, promotion);
            for upstream in &environment.after {
                let is_in = world
                    .snapshot
                    .promotions_into(upstream)
                    .any(|other| other.artifact == promotion.artifact && other.state.is_in());
                assert!(
                    is_in,
                    "{} enters {} before {upstream}",
                    promotion.version, environment.name
                );
            }
        }
    }
}

fn check_not_held(world: &World, promotion: &hoist::domain::promotion::Promotion) {
    let held = world.snapshot.holds.contains_key(&promotion.environment);
    assert!(!held || promotion.is_rollback(), "moved although held\n{}", world.story());
}

/// The freezes read by themselves: no gate is asked.
fn check_not_frozen(world: &World, promotion: &hoist::domain::promotion::Promotion) {
    let stops = |freeze: &&Freeze| {
        let passes = promotion.is_rollback() && freeze.rollbacks == Rollbacks::Pass;
        freeze.scope.has(&promotion.environment) && freeze.is_on(world.now) && !passes
    };
    let frozen = world.snapshot.freezes.iter().find(stops);
    assert!(frozen.is_none(), "moved although frozen\n{}", world.story());
}

/// Open when the world begins, and shut before long.
fn mornings() -> Gate {
    Gate::Window(window("daily 09:00-11:30 UTC"))
}

fn environments() -> World {
    World::new(vec![
        environment("staging", &[], MergePolicy::Automatic, vec![]),
        environment("prod", &["staging"], MergePolicy::OnApproval, vec![soak(30)]),
        environment("prod-us", &["staging"], MergePolicy::Automatic, vec![soak(5), mornings()]),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_the_laws(happenings in prop::collection::vec(happening(), 1..60)) {
        let mut world = environments();
        let mut count = 0;
        for what in happenings {
            happen(&mut world, what, &mut count);
        }
        settle(&mut world);
    }

    #[test]
    fn after_a_rollback_the_fields_are_those_of_the_version_that_came_back(
        happenings in prop::collection::vec(happening(), 1..40),
        later in prop::collection::vec(
            prop_oneof![
                (1_i64..60).prop_map(Happening::PassTime),
                Just(Happening::Settle),
                Just(Happening::Resume("prod-us")),
                (0_usize..4).prop_map(Happening::Crash),
            ],
            1..10,
        ),
    ) {
        let mut world = environments();
        let mut count = 0;
        for what in happenings {
            happen(&mut world, what, &mut count);
        }
        settle(&mut world);
        let place: EnvironmentName = "prod-us".parse().unwrap();
        world.thaw("prod-us");
        let Ok(id) = world.roll_back("prod-us") else { return Ok(()) };
        settle(&mut world);
        let rollback = world.snapshot.promotion(&id).unwrap();
        prop_assert_eq!(rollback.state.name(), "succeeded", "{}", world.story());
        let restored = rollback.version.clone();
        prop_assert_eq!(&world.main[&place], &restored);
        for what in later {
            happen(&mut world, what, &mut count);
        }
        // Only what is newer than everything that was ever there may come after a resume.
        let Kind::Rollback { undoes, .. } = &world.snapshot.promotion(&id).unwrap().kind else {
            unreachable!("it is a rollback")
        };
        let bad = world.snapshot.promotion(undoes).unwrap().version.clone();
        prop_assert_ne!(&world.main[&place], &bad, "{}", world.story());
    }

    #[test]
    fn a_rollback_brings_back_what_was_named_and_nothing_but_hands_puts_the_bad_one_back(
        before in prop::collection::vec(happening(), 1..40),
        place in anywhere(),
        named in any::<Option<prop::sample::Index>>(),
        after in prop::collection::vec(happening(), 1..20),
    ) {
        let mut world = environments();
        let mut count = 0;
        for what in before {
            happen(&mut world, what, &mut count);
        }
        settle(&mut world);
        let name: EnvironmentName = place.parse().unwrap();
        let good: Vec<String> = world
            .snapshot
            .promotions_into(&name)
            .filter(|it| matches!(it.state, State::Succeeded { .. }))
            .map(|it| it.id.to_string())
            .collect();
        let to = named.filter(|_| !good.is_empty()).map(|index| index.get(&good).clone());
        world.thaw(place);
        let Ok(id) = world.roll_back_to(place, to.as_deref()) else { return Ok(()) };
        settle(&mut world);
        world.approve(place, "bob");
        settle(&mut world);
        let rollback = world.snapshot.promotion(&id).unwrap().clone();
        prop_assert_eq!(rollback.state.name(), "succeeded", "{}", world.story());
        let Kind::Rollback { undoes, restores } = &rollback.kind else {
            unreachable!("it is a rollback")
        };
        let restored = world.snapshot.promotion(restores).unwrap();
        prop_assert_eq!(&rollback.values, &restored.values);
        prop_assert_eq!(&world.main[&name], &restored.values[0].value, "{}", world.story());
        if let Some(to) = to {
            prop_assert_eq!(restores.as_str(), to);
        }
        let bad = world.snapshot.promotion(undoes).unwrap().values[0].value.clone();
        for what in after {
            // What people do by hand, they may do.
            if matches!(&what, Happening::Revert(_)) {
                continue;
            }
            happen(&mut world, what, &mut count);
            prop_assert_ne!(&world.main[&name], &bad, "{}", world.story());
        }
        settle(&mut world);
        prop_assert_ne!(&world.main[&name], &bad, "{}", world.story());
    }
}
