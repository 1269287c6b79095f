//! What is recorded of promotions and holds: all of it, or none.

use std::collections::BTreeMap;

use hoist::app::ports::{Change, Hold, StoreError};
use hoist::domain::command::{Actor, Door};
use hoist::domain::promotion::{Kind, Skip, State};
use hoist::domain::pulse::Pulse;
use jiff::SignedDuration;

use super::given::{
    announcement, application, at, claimed, commit, hold, line, promotion, proposed, pulse, value,
};
use super::promises;

fn start(name: &str, environment: &str, number: u128) -> Change {
    Change::Start(Box::new(promotion(name, environment, number)))
}

fn step(number: u128, to: State, seconds: i64) -> Change {
    Change::Step { promotion: promotion("shop", "prod", number).id, to, at: at(seconds) }
}

fn propose(number: u128, seconds: i64) -> Change {
    Change::Propose {
        promotion: promotion("shop", "prod", number).id,
        proposed: proposed(7),
        values: vec![value("v1")],
        at: at(seconds),
    }
}

promises! {
    async fn a_skipped_gate_stays_with_its_promotion_and_is_skipped_once(store) {
        let skip = |gate: &str, reason: &str| Skip {
            gate: gate.into(),
            by: Actor { name: "dora".into(), door: Door::Page },
            reason: reason.into(),
            at: at(7),
            lapsed: None,
        };
        let of = promotion("shop", "prod", 1).id;
        let skipping = |skip| Change::Skip { promotion: of.clone(), skip };
        let changes = vec![
            start("shop", "prod", 1),
            skipping(skip("soak", "hurry")),
            skipping(skip("window", "at night")),
            skipping(skip("soak", "INC-7")),
        ];
        store.record(&application("shop"), changes, vec![], at(0)).await.unwrap();
        let there = store.promotion(&of).await.unwrap().unwrap();
        assert_eq!(there.skipped, [skip("window", "at night"), skip("soak", "INC-7")]);
        assert_eq!((there.state, there.since), (State::Waiting, at(1)));
    }

    async fn a_promotion_can_be_read_back_in_every_state(store) {
        let by = promotion("shop", "prod", 99).id;
        let states = [
            State::Waiting,
            State::Proposed,
            State::Merged { commit: commit('1'), by: Some("alice".parse().unwrap()) },
            State::Deployed { commit: commit('2') },
            State::Soaking { commit: commit('3'), until: at(77) },
            State::Succeeded { commit: None },
            State::Superseded { by: by.clone() },
            State::Closed { by: None, reason: "no".into() },
            State::Failed { reason: "it cannot be done".into() },
            State::RolledBack { by: by.clone() },
        ];
        let mut expected = Vec::new();
        for (number, state) in (1..).zip(states) {
            let mut promotion = promotion("shop", "prod", number);
            promotion.state = state;
            promotion.proposal = Some(proposed(3));
            promotion.values = vec![value("v3"), value("v4")];
            expected.push(promotion);
        }
        expected[0].kind = Kind::Found { at: commit('4') };
        expected[1].kind = Kind::Rollback { restores: by.clone(), undoes: by };
        let changes = expected.iter().rev().map(|it| Change::Start(Box::new(it.clone()))).collect();
        store.record(&application("shop"), changes, vec![], at(0)).await.unwrap();

        assert_eq!(store.load(&application("shop")).await.unwrap().promotions, expected);
        for promotion in expected {
            assert_eq!(store.promotion(&promotion.id).await.unwrap(), Some(promotion));
        }
    }

    async fn a_promotion_that_is_there_is_left_alone(store) {
        let held = claimed(store, "shop").await;
        store.outcome(&held, vec![start("shop", "prod", 1), propose(1, 5)], vec![]).await.unwrap();
        store.outcome(&held, vec![start("shop", "prod", 1)], vec![]).await.unwrap();
        let stored = store.promotion(&promotion("shop", "prod", 1).id).await.unwrap().unwrap();
        assert_eq!(stored.state, State::Proposed);
    }

    async fn what_was_seen_of_a_health_takes_the_place_of_what_was_seen_before(store) {
        let observe = |environment: &str, pulse: &Pulse| Change::Observe {
            environment: environment.parse().unwrap(),
            pulse: pulse.clone(),
        };
        let first = pulse(1);
        let later = Pulse { answered_at: Some(at(99)), ..pulse(2) };
        let held = claimed(store, "shop").await;
        store
            .outcome(&held, vec![observe("prod", &first), observe("staging", &first)], vec![])
            .await
            .unwrap();
        store.outcome(&held, vec![observe("prod", &later)], vec![]).await.unwrap();
        let expected = BTreeMap::from([
            ("prod".parse().unwrap(), later),
            ("staging".parse().unwrap(), first),
        ]);
        assert_eq!(store.load(&application("shop")).await.unwrap().pulses, expected);
    }

    async fn a_soak_that_was_broken_off_ends_later_and_has_begun_when_it_began(store) {
        let held = claimed(store, "shop").await;
        let soaking = |seconds| State::Soaking { commit: commit('1'), until: at(seconds) };
        let changes = vec![
            start("shop", "prod", 1),
            step(1, State::Merged { commit: commit('1'), by: None }, 10),
            step(1, State::Deployed { commit: commit('1') }, 20),
            step(1, soaking(100), 30),
            step(1, soaking(200), 40),
        ];
        store.outcome(&held, changes, vec![]).await.unwrap();
        let stored = store.promotion(&promotion("shop", "prod", 1).id).await.unwrap().unwrap();
        assert_eq!((stored.state, stored.since), (soaking(200), at(30)));
    }

    async fn a_proposal_is_recorded_with_its_values(store) {
        let held = claimed(store, "shop").await;
        store.outcome(&held, vec![start("shop", "prod", 1), propose(1, 50)], vec![]).await.unwrap();
        let mut expected = promotion("shop", "prod", 1);
        expected.state = State::Proposed;
        expected.since = at(50);
        expected.proposal = Some(proposed(7));
        expected.values = vec![value("v1")];
        assert_eq!(store.promotion(&expected.id).await.unwrap(), Some(expected.clone()));

        // Made again on a new base, it has been open since the first time.
        store.outcome(&held, vec![propose(1, 90)], vec![]).await.unwrap();
        assert_eq!(store.promotion(&expected.id).await.unwrap(), Some(expected));
    }

    async fn a_step_that_cannot_be_taken_records_nothing_at_all(store) {
        let held = claimed(store, "shop").await;
        store.outcome(&held, vec![start("shop", "prod", 1)], vec![]).await.unwrap();
        let changes = vec![
            start("shop", "prod", 2),
            Change::Hold(hold("shop", "prod", 1)),
            propose(1, 5),
            step(1, State::Deployed { commit: commit('1') }, 6),
        ];
        let refused = store.outcome(&held, changes, vec![line("all of it")]).await;
        let Err(StoreError::Step { promotion: blamed, cause }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(blamed, promotion("shop", "prod", 1).id);
        assert_eq!(cause.to_string(), "a promotion that is proposed cannot become deployed");

        let record = store.load(&application("shop")).await.unwrap();
        assert_eq!(record.promotions, [promotion("shop", "prod", 1)]);
        assert_eq!(record.holds, []);
        assert_eq!(store.audit(0, 10).await.unwrap(), []);
    }

    async fn one_proposal_is_open_in_an_environment(store) {
        let held = claimed(store, "shop").await;
        let both = vec![start("shop", "prod", 1), start("shop", "prod", 2), propose(1, 5)];
        store.outcome(&held, both, vec![]).await.unwrap();
        let second = store.outcome(&held, vec![propose(2, 6)], vec![line("second")]).await;
        let Err(StoreError::Taken { application: name, environment }) = second else {
            panic!("{second:?}")
        };
        assert_eq!((name, environment.as_str()), (application("shop"), "prod"));
        assert_eq!(store.audit(0, 10).await.unwrap(), []);

        let by = promotion("shop", "prod", 2).id;
        let in_order = vec![step(1, State::Superseded { by }, 7), propose(2, 7)];
        store.outcome(&held, in_order, vec![]).await.unwrap();
        let mut elsewhere = promotion("shop", "staging", 3);
        elsewhere.state = State::Proposed;
        store.outcome(&held, vec![Change::Start(Box::new(elsewhere))], vec![]).await.unwrap();
    }

    async fn a_change_to_another_application_is_refused(store) {
        store.record(&application("cart"), vec![start("cart", "prod", 1)], vec![], at(0)).await.unwrap();
        let shop = application("shop");
        let refused = store.record(&shop, vec![step(1, State::Proposed, 5)], vec![], at(0)).await;
        assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
        for change in [start("cart", "prod", 2), Change::Hold(hold("cart", "prod", 1))] {
            let refused = store.record(&shop, vec![change], vec![], at(0)).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        }
        assert_eq!(store.load(&application("cart")).await.unwrap().holds, []);
    }

    async fn a_step_of_a_promotion_that_is_not_there_is_not_found(store) {
        let held = claimed(store, "shop").await;
        let missing = store.outcome(&held, vec![step(1, State::Proposed, 5)], vec![]).await;
        assert!(matches!(missing, Err(StoreError::NotFound(_))), "{missing:?}");
    }

    async fn a_hold_replaces_the_one_before_until_it_is_resumed(store) {
        let shop = application("shop");
        let keep = |number| vec![Change::Hold(hold("shop", "prod", number))];
        store.record(&shop, keep(1), vec![line("hold")], at(0)).await.unwrap();
        store.record(&shop, vec![Change::Hold(hold("shop", "dev", 3))], vec![], at(0)).await.unwrap();
        store.record(&shop, keep(2), vec![], at(0)).await.unwrap();
        store.record(&shop, keep(2), vec![], at(0)).await.unwrap();
        assert_eq!(held(store).await, [hold("shop", "dev", 3), hold("shop", "prod", 2)]);

        let resume = |hold| Change::Resume { environment: "prod".parse().unwrap(), hold };
        let replaced = resume(Some(hold("shop", "prod", 1).id));
        store.record(&shop, vec![replaced], vec![], at(0)).await.unwrap();
        assert_eq!(held(store).await, [hold("shop", "dev", 3), hold("shop", "prod", 2)]);
        let resume = resume(Some(hold("shop", "prod", 2).id));
        for _twice in 0..2 {
            store.record(&shop, vec![resume.clone()], vec![], at(0)).await.unwrap();
            assert_eq!(held(store).await, [hold("shop", "dev", 3)]);
        }
    }

    async fn a_hold_that_would_end_sooner_leaves_the_one_that_stands(store) {
        let shop = application("shop");
        let standing = Hold { until: None, ..hold("shop", "prod", 1) };
        let shorter = hold("shop", "dev", 3);
        let longer = Hold { until: shorter.until.map(|it| it + SignedDuration::from_hours(1)), ..shorter.clone() };
        let kept = [standing.clone(), hold("shop", "prod", 2), longer.clone(), shorter];
        for hold in kept {
            store.record(&shop, vec![Change::Hold(hold)], vec![], at(0)).await.unwrap();
        }
        assert_eq!(held(store).await, [longer, standing]);
    }

    async fn what_a_person_asked_wakes_the_application(store) {
        let held = claimed(store, "shop").await;
        store.release(&held, None, 0).await.unwrap();
        store.record(&application("shop"), vec![], vec![line("ask")], at(9)).await.unwrap();
        assert_eq!(store.next_wake().await.unwrap(), Some(at(9)));
        store.record(&application("cart"), vec![], vec![], at(9)).await.unwrap();
        assert_eq!(store.applications().await.unwrap(), [application("cart"), application("shop")]);
    }

    async fn everything_known_of_an_application_is_its_own(store) {
        for (number, name) in [(1, "shop"), (2, "cart")] {
            store.announce(announcement(name, number)).await.unwrap();
            let changes = vec![
                start(name, "prod", number),
                Change::Hold(hold(name, "prod", number)),
            ];
            store.record(&application(name), changes, vec![], at(0)).await.unwrap();
        }
        let record = store.load(&application("cart")).await.unwrap();
        assert_eq!(record.application, application("cart"));
        assert_eq!(record.artifacts, [super::given::artifact(2)]);
        assert_eq!(record.promotions, [promotion("cart", "prod", 2)]);
        assert_eq!(record.holds, [hold("cart", "prod", 2)]);
    }
}

async fn held(store: &dyn hoist::app::ports::Store) -> Vec<Hold> {
    store.load(&application("shop")).await.unwrap().holds
}
