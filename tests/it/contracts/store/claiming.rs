//! Applications as units of work: due, claimed by one worker, released without losing a wake-up.

use hoist::app::ports::{Change, Fence, StoreError};
use hoist::domain::promotion::{Kind, Promotion, State};
use jiff::SignedDuration;

use super::given::{application, at, claim, claimed, line, promotion};
use super::promises;

const LEASE: SignedDuration = SignedDuration::from_mins(5);

promises! {
    async fn an_application_becomes_known_once_and_is_due_then(store) {
        store.enlist(vec![application("shop"), application("cart")], at(0)).await.unwrap();
        store.enlist(vec![application("shop")], at(-10)).await.unwrap();
        assert_eq!(store.applications().await.unwrap(), [application("cart"), application("shop")]);
        assert_eq!(store.load(&application("shop")).await.unwrap().wake_at, Some(at(0)));
        let unknown = store.load(&application("basket")).await;
        assert!(matches!(unknown, Err(StoreError::NotFound(_))), "{unknown:?}");
    }

    async fn what_is_claimed_is_not_claimed_again(store) {
        let names = ["a", "b", "c"].map(application);
        store.enlist(names.to_vec(), at(0)).await.unwrap();
        assert_eq!(store.claim(at(-1), LEASE, 10).await.unwrap(), []);
        let first = store.claim(at(0), LEASE, 2).await.unwrap();
        let second = store.claim(at(0), LEASE, 2).await.unwrap();
        assert_eq!((first.len(), second.len()), (2, 1));
        assert_eq!(store.claim(at(0), LEASE, 2).await.unwrap(), []);
        let mut all: Vec<_> = first.into_iter().chain(second).map(|it| it.application).collect();
        all.sort();
        assert_eq!(all, names);
    }

    async fn a_claim_tells_when_it_was_last_asked_for(store) {
        store.enlist(vec![application("shop")], at(0)).await.unwrap();
        store.wake(Some(vec![application("shop")]), at(30)).await.unwrap();
        store.wake(None, at(20)).await.unwrap();
        let asked = claim(store, at(40)).await;
        assert_eq!(asked.asked_at, at(30));
        store.release(&asked, Some(at(60)), 0).await.unwrap();
        assert_eq!(claim(store, at(99)).await.asked_at, at(60), "its own time has come since");
    }

    async fn a_released_application_is_due_when_its_worker_said(store) {
        let held = claimed(store, "shop").await;
        store.release(&held, Some(at(60)), 3).await.unwrap();
        assert_eq!(store.claim(at(59), LEASE, 1).await.unwrap(), []);
        let next = claim(store, at(60)).await;
        assert_eq!(next.failures, 3);
        assert!(next.fence > held.fence);

        store.release(&next, None, 0).await.unwrap();
        assert_eq!(store.load(&application("shop")).await.unwrap().wake_at, None);
        assert_eq!(store.claim(at(9999), LEASE, 1).await.unwrap(), []);
    }

    async fn a_wake_up_that_came_during_a_claim_is_kept(store) {
        for (said, woken, due) in [
            (Some(60), Some(10), Some(10)),
            (Some(10), Some(60), Some(10)),
            (None, Some(10), Some(10)),
            (Some(60), None, Some(60)),
            (None, None, None),
        ] {
            store.wake(None, at(0)).await.unwrap();
            store.enlist(vec![application("shop")], at(0)).await.unwrap();
            let held = claim(store, at(0)).await;
            if let Some(woken) = woken {
                store.wake(Some(vec![application("shop")]), at(woken + 5)).await.unwrap();
                store.wake(None, at(woken)).await.unwrap();
            }
            store.release(&held, said.map(at), 0).await.unwrap();
            let wake_at = store.load(&application("shop")).await.unwrap().wake_at;
            assert_eq!(wake_at, due.map(at), "said {said:?}, woken {woken:?}");
        }
    }

    async fn a_wake_up_is_never_put_off_by_a_later_one(store) {
        store.wake(Some(vec![application("shop")]), at(5)).await.unwrap();
        store.wake(None, at(10)).await.unwrap();
        store.wake(Some(vec![application("shop")]), at(7)).await.unwrap();
        assert_eq!(store.next_wake().await.unwrap(), Some(at(5)));
    }

    async fn the_next_wake_up_is_that_of_what_nobody_has_claimed(store) {
        assert_eq!(store.next_wake().await.unwrap(), None);
        store.enlist(vec![application("a")], at(0)).await.unwrap();
        store.enlist(vec![application("b")], at(5)).await.unwrap();
        assert_eq!(store.next_wake().await.unwrap(), Some(at(0)));
        let held = claim(store, at(0)).await;
        assert_eq!(store.next_wake().await.unwrap(), Some(at(5)));
        store.release(&held, Some(at(1)), 0).await.unwrap();
        assert_eq!(store.next_wake().await.unwrap(), Some(at(1)));
    }

    async fn a_claim_ends_with_its_lease(store) {
        let lost = claimed(store, "shop").await;
        assert_eq!(store.claim(at(299), LEASE, 1).await.unwrap(), []);
        let taken = claim(store, at(300)).await;
        assert_eq!(taken.fence, Fence(lost.fence.0 + 1));
    }

    async fn a_worker_that_lost_its_claim_records_nothing(store) {
        let lost = claimed(store, "shop").await;
        let taken = claim(store, at(300)).await;

        let start = || vec![Change::Start(Box::new(promotion("shop", "prod", 1)))];
        let late = store.outcome(&lost, start(), vec![line("late")]).await;
        assert!(matches!(late, Err(StoreError::FenceLost(_))), "{late:?}");
        let late = store.release(&lost, None, 0).await;
        assert!(matches!(late, Err(StoreError::FenceLost(_))), "{late:?}");
        assert_eq!(store.promotion(&promotion("shop", "prod", 1).id).await.unwrap(), None);
        assert_eq!(store.audit(0, 10).await.unwrap(), []);

        store.outcome(&taken, start(), vec![line("in time")]).await.unwrap();
        store.release(&taken, None, 0).await.unwrap();
    }

    async fn a_claim_that_was_released_holds_no_more(store) {
        let held = claimed(store, "shop").await;
        store.release(&held, Some(at(0)), 0).await.unwrap();
        let late = store.outcome(&held, vec![], vec![line("late")]).await;
        assert!(matches!(late, Err(StoreError::FenceLost(_))), "{late:?}");
        let again = store.release(&held, None, 0).await;
        assert!(matches!(again, Err(StoreError::FenceLost(_))), "{again:?}");
        assert_eq!(store.next_wake().await.unwrap(), Some(at(0)));
    }

    async fn many_workers_never_share_an_application(store) {
        let names: Vec<_> = (0..50).map(|number| application(&format!("app-{number}"))).collect();
        store.enlist(names.clone(), at(0)).await.unwrap();
        let claims = (0..20).map(|_| store.claim(at(0), LEASE, 3));
        let claims = futures::future::join_all(claims).await;
        let mut all: Vec<_> =
            claims.into_iter().flat_map(Result::unwrap).map(|it| it.application).collect();
        all.sort();
        let mut expected = names;
        expected.sort();
        assert_eq!(all, expected);
    }

    async fn whose_rollback_is_on_its_way_comes_before_a_backlog(store) {
        let backlog: Vec<_> = (0..200).map(|it| application(&format!("app-{it:03}"))).collect();
        store.enlist(backlog, at(0)).await.unwrap();
        store.enlist(vec![application("shop"), application("cart")], at(10)).await.unwrap();
        for (name, kind) in [("shop", back()), ("cart", promotion("cart", "prod", 2).kind)] {
            let pending = Promotion { kind, ..promotion(name, "prod", 2) };
            let change = Change::Start(Box::new(pending));
            store.record(&application(name), vec![change], vec![], at(20)).await.unwrap();
        }
        assert_eq!(store.claim_rollbacks(at(9), LEASE, 10).await.unwrap(), [], "it is not due");
        let first = store.claim(at(20), LEASE, 3).await.unwrap();
        let names: Vec<_> = first.iter().map(|it| it.application.application.as_str()).collect();
        assert_eq!(names, ["shop", "app-000", "app-001"]);
        assert_eq!(store.claim_rollbacks(at(20), LEASE, 10).await.unwrap(), [], "it is claimed");

        store.release(&first[0], Some(at(30)), 0).await.unwrap();
        let again = store.claim_rollbacks(at(30), LEASE, 10).await.unwrap();
        let [again] = again.as_slice() else { panic!("{again:?}") };
        // One that has ended is as any other.
        let id = promotion("shop", "prod", 2).id;
        let ended = State::Failed { reason: "no way".into() };
        let step = Change::Step { promotion: id, to: ended, at: at(31) };
        store.outcome(again, vec![step], vec![]).await.unwrap();
        store.release(again, Some(at(31)), 0).await.unwrap();
        assert_eq!(store.claim_rollbacks(at(40), LEASE, 10).await.unwrap(), []);
    }
}

fn back() -> Kind {
    let of = |number| promotion("shop", "prod", number).id;
    Kind::Rollback { restores: of(0), undoes: of(1) }
}
