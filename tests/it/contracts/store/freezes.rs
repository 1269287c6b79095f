//! Freezes that people asked for: they stand side by side, and concern every application.

use hoist::app::ports::{Calendared, Edge, Turned};
use hoist::domain::command::{Actor, Door};
use hoist::domain::freeze::{AdHoc, Rollbacks, Scope};
use hoist::domain::id::FreezeId;

use super::given::{application, at, line};
use super::promises;

fn freeze(number: u128, scope: Scope) -> AdHoc {
    let begins = at(i64::try_from(number).unwrap());
    AdHoc {
        id: FreezeId::new(begins, number),
        scope,
        by: Actor { name: "alice".into(), door: Door::Api },
        reason: format!("INC-{number}"),
        begins,
        ends: None,
        rollbacks: Rollbacks::Pass,
    }
}

fn prod() -> Scope {
    Scope::Only(vec!["prod".parse().unwrap()])
}

promises! {
    async fn freezes_stand_side_by_side_and_every_application_has_them(store) {
        let (shop, cart) = (application("shop"), application("cart"));
        store.enlist(vec![shop.clone(), cart.clone()], at(0)).await.unwrap();
        let until = AdHoc { ends: Some(at(900)), rollbacks: Rollbacks::Wait, ..freeze(2, prod()) };
        let all = vec![freeze(1, Scope::Everywhere), until, freeze(3, prod())];
        for freeze in all.iter().rev() {
            store.freeze(freeze.clone(), line("freeze")).await.unwrap();
        }
        assert_eq!(store.freezes().await.unwrap(), all);
        assert_eq!(store.load(&shop).await.unwrap().freezes, all);
        assert_eq!(store.load(&cart).await.unwrap().freezes, all);

        let gone = vec![all[0].id.clone(), all[2].id.clone(), freeze(77, prod()).id];
        store.thaw(gone, line("thaw")).await.unwrap();
        assert_eq!(store.freezes().await.unwrap(), all[1..2]);
        let audit = store.audit(0, 100).await.unwrap();
        let said: Vec<_> = audit.iter().map(|it| it.line.text.as_str()).collect();
        assert_eq!(said, ["freeze", "freeze", "freeze", "thaw"]);
    }

    async fn a_freeze_and_its_end_wake_every_application(store) {
        let all = [application("cart"), application("shop")];
        let now = line("freeze").at;
        store.enlist(all.to_vec(), at(0)).await.unwrap();
        let lease = jiff::SignedDuration::from_mins(1);
        let sleep = async || {
            for claim in store.claim(now, lease, 10).await.unwrap() {
                store.release(&claim, None, 0).await.unwrap();
            }
            assert_eq!(store.next_wake().await.unwrap(), None);
        };
        sleep().await;
        store.freeze(freeze(1, prod()), line("freeze")).await.unwrap();
        assert_eq!(store.claim(now, lease, 10).await.unwrap().len(), 2);
        let later = now + lease + lease;
        for claim in store.claim(later, lease, 10).await.unwrap() {
            store.release(&claim, None, 0).await.unwrap();
        }
        store.thaw(vec![freeze(1, prod()).id], line("thaw")).await.unwrap();
        assert_eq!(store.next_wake().await.unwrap(), Some(now));
    }

    async fn what_begins_and_ends_by_itself_is_recorded_once(store) {
        let over = AdHoc { ends: Some(at(5)), ..freeze(1, prod()) };
        store.freeze(over.clone(), line("freeze")).await.unwrap();
        let place = |environment: Option<&str>| Calendared {
            name: "release".into(),
            environment: environment.map(|it| it.parse().unwrap()),
        };
        let (all, prod) = (place(None), place(Some("prod")));
        let edges = [
            (Edge::RanOut(over.id), "ran out"),
            (Edge::Begun(prod.clone()), "begun in prod"),
            (Edge::Begun(all.clone()), "begun"),
            (Edge::Ended(prod), "ended in prod"),
        ];
        for (edge, text) in edges {
            assert_eq!(store.turn(edge.clone(), line(text)).await.unwrap(), Turned::Now);
            assert_eq!(store.turn(edge, line(text)).await.unwrap(), Turned::Before);
        }
        assert_eq!(store.freezes().await.unwrap(), []);
        assert_eq!(store.calendar().await.unwrap(), [all]);
        let audit = store.audit(0, 100).await.unwrap();
        let said: Vec<_> = audit.iter().map(|it| it.line.text.as_str()).collect();
        assert_eq!(said, ["freeze", "ran out", "begun in prod", "begun", "ended in prod"]);
    }
}
