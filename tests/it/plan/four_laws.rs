//! The four laws, on random histories with health, skips, freezes, holds and the answers of others,
//! each read from the world itself: no gate is asked whether it is open.
//!
//! No plan opens a second proposal for the same application and environment, promotes to an
//! environment whose `after` did not succeed with that artifact, promotes a held or frozen one, or
//! merges past a shut gate.

use std::collections::BTreeMap;

use hoist::domain::checks::{Checked, Checks};
use hoist::domain::command::{Actor, Door};
use hoist::domain::evidence::{Call, Evidence, Met};
use hoist::domain::freeze::{Freeze, Origin, Rollbacks, Scope};
use hoist::domain::gate::{CHECKS, Gate, HTTP, Shuts};
use hoist::domain::health::{Expectation, Finding, Glance, HealthRule, Remedy, Sign, Unhealthy};
use hoist::domain::id::{EnvironmentName, FreezeId, PromotionId};
use hoist::domain::pipeline::{Environment, MergePolicy};
use hoist::domain::plan::Action;
use hoist::domain::promotion::{Kind, Promotion, Skip, State};
use hoist::domain::snapshot::{Judgement, ProposalStage};
use hoist::domain::template::Template;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::calendar::window;
use super::world::{World, environment, soak};

const PLACES: [&str; 3] = ["staging", "prod", "prod-us"];

/// The gates that somebody may skip.
const SKIPPED: [&str; 6] = ["soak", "window", "freeze", "approvals", HTTP, CHECKS];

/// Something that happens to the world.
#[derive(Debug, Clone)]
enum Happening {
    Announce,
    Approve(&'static str),
    Close(&'static str),
    Push(&'static str),
    MergeByHand(&'static str),
    RollBack(&'static str),
    Hold(&'static str),
    Resume(&'static str),
    /// A freeze that begins in so many minutes and lasts so many; of a place, or of everything.
    Freeze(Option<&'static str>, i64, i64),
    Thaw(&'static str),
    Skip(&'static str, &'static str),
    /// Somebody looks at staging.
    Look(Finding, Sign),
    /// A gate of what is pending there is answered.
    Answer(&'static str, &'static str, Met),
    PassTime(i64),
    Crash(usize),
    Settle,
}

fn anywhere() -> impl Strategy<Value = &'static str> {
    prop::sample::select(PLACES.to_vec())
}

fn finding() -> impl Strategy<Value = Finding> {
    use Finding::{Ill, NotYet, Unseen, Unsettled, Well};
    prop_oneof![6 => Just(Well), 1 => Just(Ill), 1 => Just(NotYet), 1 => Just(Unsettled), 1 => Just(Unseen)]
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let gate = prop::sample::select(SKIPPED.to_vec());
    let asked = prop::sample::select(vec![HTTP, CHECKS]);
    let met = prop_oneof![3 => Just(Met::Yes), 1 => Just(Met::No)];
    let sign = prop_oneof![Just(Sign::Digest), Just(Sign::Revision)];
    prop_oneof![
        4 => Just(H::Announce),
        4 => anywhere().prop_map(H::Approve),
        1 => anywhere().prop_map(H::Close),
        1 => anywhere().prop_map(H::Push),
        1 => anywhere().prop_map(H::MergeByHand),
        1 => anywhere().prop_map(H::RollBack),
        1 => anywhere().prop_map(H::Hold),
        3 => anywhere().prop_map(H::Resume),
        2 => (prop::option::of(anywhere()), 0_i64..20, 1_i64..60)
            .prop_map(|(place, begins, lasts)| H::Freeze(place, begins, lasts)),
        1 => anywhere().prop_map(H::Thaw),
        2 => (anywhere(), gate).prop_map(|(place, gate)| H::Skip(place, gate)),
        10 => (finding(), sign).prop_map(|(finding, sign)| H::Look(finding, sign)),
        6 => (anywhere(), asked, met).prop_map(|(place, gate, met)| H::Answer(place, gate, met)),
        6 => (1_i64..12).prop_map(H::PassTime),
        2 => (0_usize..4).prop_map(H::Crash),
        6 => Just(H::Settle),
    ]
}

/// The world, and what a person who watched it all would remember.
struct Watched {
    world: World,
    /// When staging's promotions were last seen to be ill, or not there, or went in.
    ill_at: BTreeMap<PromotionId, Timestamp>,
    /// What the last look at them found.
    last: BTreeMap<PromotionId, Finding>,
    count: u32,
    /// What was done, so that a history in which nothing is does not pass for a proof.
    merges: usize,
}

impl Watched {
    fn new() -> Self {
        let call = Call {
            url: Template::parse("https://qa.example.com/", &[]).unwrap(),
            expect: Expectation { status: None, text: None },
        };
        let checks = Checks { names: vec!["e2e".into()], on: Checked::Proposal };
        let environments = vec![
            watched(environment("staging", &[], MergePolicy::Automatic, vec![])),
            environment(
                "prod",
                &["staging"],
                MergePolicy::OnApproval,
                vec![soak(10), Gate::Http(call), Gate::Checks(checks)],
            ),
            environment(
                "prod-us",
                &["staging"],
                MergePolicy::Automatic,
                vec![soak(5), Gate::Window(window("daily 09:00-10:30 UTC"))],
            ),
        ];
        let (ill_at, last) = (BTreeMap::new(), BTreeMap::new());
        Self { world: World::new(environments), ill_at, last, count: 0, merges: 0 }
    }

    fn happen(&mut self, what: Happening) {
        self.count += 1;
        let world = &mut self.world;
        match what {
            Happening::Announce => world.announce(&format!("v{}", self.count)),
            Happening::Approve(place) => world.approve(place, "bob"),
            Happening::Close(place) => world.close(place),
            Happening::Push(place) => world.push_to_branch(place, Judgement::OnlyVersion),
            Happening::MergeByHand(place) => world.merge_by_hand(place),
            Happening::RollBack(place) => drop(world.roll_back(place)),
            Happening::Hold(place) => world.hold(place),
            Happening::Resume(place) => world.resume(place),
            Happening::Freeze(place, begins, lasts) => self.freeze(place, begins, lasts),
            Happening::Thaw(place) => world.thaw(place),
            Happening::Skip(place, gate) => self.skip(place, gate),
            Happening::Look(finding, sign) => self.look(finding, sign),
            Happening::Answer(place, gate, met) => self.answer(place, gate, met),
            Happening::PassTime(minutes) => world.pass_time(minutes),
            Happening::Crash(after) => self.round(after),
            Happening::Settle => self.settle(),
        }
    }

    fn freeze(&mut self, place: Option<&str>, begins: i64, lasts: i64) {
        let begins = self.world.now + SignedDuration::from_mins(begins);
        let by = Actor { name: "carol".into(), door: Door::Api };
        let id = FreezeId::new(self.world.now, u128::from(self.count));
        self.world.snapshot.freezes.push(Freeze {
            origin: Origin::Command { id, by },
            scope: match place {
                Some(place) => Scope::Only(vec![place.parse().unwrap()]),
                None => Scope::Everywhere,
            },
            reason: Some("INC-123".into()),
            begins,
            ends: Some(begins + SignedDuration::from_mins(lasts)),
            rollbacks: Rollbacks::Wait,
            shuts: Shuts::Proposal,
        });
    }

    fn pending(&mut self, place: &str) -> Option<&mut Promotion> {
        let is = |it: &&mut Promotion| it.environment.as_str() == place && it.state.is_pending();
        self.world.snapshot.promotions.iter_mut().rfind(is)
    }

    fn skip(&mut self, place: &str, gate: &str) {
        let at = self.world.now;
        let by = Actor { name: "dora".into(), door: Door::Api };
        let Some(promotion) = self.pending(place) else { return };
        let (gate, reason) = (gate.into(), "hurry".into());
        promotion.skipped.push(Skip { gate, by, reason, at, lapsed: None });
    }

    fn answer(&mut self, place: &str, gate: &'static str, met: Met) {
        let at = self.world.now;
        let number = self.world.open_proposal(place);
        let head = number.map(|number| self.world.snapshot.proposals[&number].head.clone());
        let Some(id) = self.pending(place).map(|it| it.id.clone()) else { return };
        let evidence =
            Evidence { at, met, saw: "an answer".into(), stable: "an answer".into(), about: head };
        self.world.snapshot.evidence.insert((id, gate), evidence);
    }

    fn look(&mut self, finding: Finding, sign: Sign) {
        let staging: EnvironmentName = "staging".parse().unwrap();
        let at = self.world.now;
        let Some(id) = self.world.snapshot.current(&staging).map(|it| it.id.clone()) else {
            return;
        };
        let is_bad = matches!(finding, Finding::Ill | Finding::NotYet);
        if is_bad || !self.ill_at.contains_key(&id) {
            self.ill_at.insert(id.clone(), at);
        }
        self.last.insert(id, finding);
        let glance = Glance { at, finding, sign, saw: "what was seen".into() };
        self.world.snapshot.glances.insert(staging.clone(), glance);
        self.round(usize::MAX);
        self.world.snapshot.glances.remove(&staging);
    }

    /// Plans once, and does so many of the actions before a crash.
    fn round(&mut self, most: usize) {
        for action in self.checked().into_iter().take(most) {
            self.world.perform(action);
        }
        self.at_most_one_proposal();
    }

    fn settle(&mut self) {
        for _ in 0..24 {
            let actions = self.checked();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.world.perform(action);
            }
            self.at_most_one_proposal();
        }
        panic!("the plan does not settle:\n{}", self.world.story());
    }

    /// The plan's actions, none of which may break a law.
    fn checked(&mut self) -> Vec<Action> {
        let actions = self.world.plan().actions;
        for place in PLACES {
            let proposes = actions.iter().filter(|action| {
                matches!(action, Action::Propose(it)
                    if self.promotion(&it.promotion).environment.as_str() == place)
            });
            assert!(proposes.count() <= 1, "two proposals in one plan into {place}");
        }
        for action in &actions {
            if let Action::Propose(it) = action {
                self.may_propose(self.promotion(&it.promotion));
            }
            if let Action::Merge { promotion, .. } = action {
                self.may_merge(self.promotion(promotion));
                self.merges += 1;
            }
        }
        actions
    }

    fn promotion(&self, id: &PromotionId) -> &Promotion {
        self.world.snapshot.promotion(id).unwrap()
    }

    /// The first law.
    fn at_most_one_proposal(&self) {
        for place in PLACES {
            let open = self.world.snapshot.proposals.values().filter(|facts| {
                facts.environment.as_str() == place && facts.state == ProposalStage::Open
            });
            assert!(open.count() <= 1, "two proposals into {place}\n{}", self.world.story());
        }
    }

    fn may_propose(&self, promotion: &Promotion) {
        // What is open already is brought up to date, whatever is shut meanwhile.
        if promotion.is_rollback() || promotion.state == State::Proposed {
            return;
        }
        self.has_succeeded_before(promotion);
        self.is_neither_held_nor_frozen(promotion);
        self.was_answered(promotion, HTTP);
    }

    fn may_merge(&self, promotion: &Promotion) {
        self.is_neither_held_nor_frozen(promotion);
        self.is_approved(promotion);
        if promotion.is_rollback() {
            return;
        }
        self.has_succeeded_before(promotion);
        self.was_answered(promotion, HTTP);
        self.was_answered(promotion, CHECKS);
        let time = self.world.now.strftime("%H:%M").to_string();
        let is_open = ("09:00".."10:30").contains(&time.as_str());
        let has_window = promotion.environment.as_str() == "prod-us";
        assert!(is_open || !has_window || skipped(promotion, "window"), "outside its window");
    }

    /// The second law: it is in what comes before, and was well there for as long as was asked,
    /// without a break.
    fn has_succeeded_before(&self, promotion: &Promotion) {
        let Kind::Forward { skips, .. } = &promotion.kind else { return };
        let rules = self.world.snapshot.pipeline.environment(&promotion.environment).unwrap();
        for upstream in rules.after.iter().filter(|name| !skips.contains(name)) {
            let there = self
                .world
                .snapshot
                .promotions_into(upstream)
                .rfind(|it| it.artifact == promotion.artifact && it.state.is_in());
            let story = self.world.story();
            let there = there.unwrap_or_else(|| {
                panic!("{} was never in {upstream}\n{story}", promotion.version)
            });
            if skipped(promotion, "soak") || matches!(there.state, State::Succeeded { .. }) {
                continue;
            }
            assert_eq!(self.last.get(&there.id), Some(&Finding::Well), "not well\n{story}");
            let well_for = self.world.now.duration_since(self.ill_at[&there.id]);
            assert!(well_for >= rules.soak(), "well for {well_for:#} only\n{story}");
        }
    }

    /// The third law.
    fn is_neither_held_nor_frozen(&self, promotion: &Promotion) {
        let World { snapshot, now, .. } = &self.world;
        let held = snapshot.holds.contains_key(&promotion.environment);
        assert!(!held || promotion.is_rollback(), "held\n{}", self.world.story());
        // A rollback's proposal may be opened, and is not merged while it is frozen.
        let place = &promotion.environment;
        let frozen = snapshot.freezes.iter().any(|it| it.scope.has(place) && it.is_on(*now));
        assert!(!frozen || skipped(promotion, "freeze"), "frozen\n{}", self.world.story());
    }

    fn is_approved(&self, promotion: &Promotion) {
        if promotion.environment.as_str() != "prod" || skipped(promotion, "approvals") {
            return;
        }
        let number = promotion.proposal.as_ref().unwrap().number;
        let facts = &self.world.snapshot.proposals[&number];
        assert!(facts.approvals.iter().any(|by| by.as_str() != "alice"), "nobody approved");
    }

    /// What was asked was answered with yes; a check, about the very head.
    fn was_answered(&self, promotion: &Promotion, gate: &'static str) {
        if promotion.environment.as_str() != "prod" || skipped(promotion, gate) {
            return;
        }
        let evidence = self.world.snapshot.evidence.get(&(promotion.id.clone(), gate));
        let evidence = evidence.unwrap_or_else(|| panic!("nobody was asked for {gate}"));
        assert_eq!(evidence.met, Met::Yes, "past a {gate} that said no");
        if gate == CHECKS {
            let number = promotion.proposal.as_ref().unwrap().number;
            let head = &self.world.snapshot.proposals[&number].head;
            assert_eq!(evidence.about.as_ref(), Some(head), "by checks of another head");
        }
    }
}

fn skipped(promotion: &Promotion, gate: &str) -> bool {
    promotion.skipped.iter().any(|skip| skip.gate == gate)
}

/// An environment whose health is asked for, and that takes back what stays ill.
fn watched(environment: Environment) -> Environment {
    let template = |text: &str| Template::parse(text, &["application"]).unwrap();
    let health = HealthRule::Controller {
        controller: "main".parse().unwrap(),
        application: template("{application}"),
        project: template("default"),
        namespace: None,
    };
    let on_unhealthy = Unhealthy {
        remedy: Remedy::Rollback,
        after: SignedDuration::from_mins(15),
        watch: SignedDuration::ZERO,
    };
    Environment { health, on_unhealthy, ..environment }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_of_health_skips_freezes_and_holds_breaks_the_four_laws(
        happenings in prop::collection::vec(happening(), 1..90),
    ) {
        let mut watched = Watched::new();
        for what in happenings {
            watched.happen(what);
        }
        watched.settle();
    }
}

/// The laws would hold, too, if nothing ever happened: in this history prod gets its version.
#[test]
fn the_histories_of_the_laws_reach_prod() {
    let mut watched = Watched::new();
    watched.settle();
    for what in [Happening::Announce, Happening::Settle] {
        watched.happen(what);
    }
    for _ in 0..14 {
        watched.happen(Happening::Look(Finding::Well, Sign::Digest));
        watched.happen(Happening::PassTime(1));
    }
    watched.happen(Happening::Answer("prod", HTTP, Met::Yes));
    watched.happen(Happening::Settle);
    watched.happen(Happening::Answer("prod", CHECKS, Met::Yes));
    watched.happen(Happening::Approve("prod"));
    watched.happen(Happening::Settle);
    assert_eq!(watched.merges, 3, "{}", watched.world.story());
}

/// A soak starts over with every look that finds it ill, those of the same instant included.
#[test]
fn an_ill_look_counts_that_comes_at_the_instant_of_a_good_one() {
    let mut watched = Watched::new();
    for what in [Happening::Announce, Happening::Settle] {
        watched.happen(what);
    }
    for (finding, minutes) in
        [(Finding::Well, 3), (Finding::Well, 0), (Finding::Ill, 2), (Finding::Well, 0)]
    {
        watched.happen(Happening::Look(finding, Sign::Digest));
        watched.happen(Happening::PassTime(minutes));
    }
    watched.happen(Happening::Settle);
}
