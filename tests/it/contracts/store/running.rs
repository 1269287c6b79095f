//! The times of schedules, and what was let go then.

use hoist::adapters::store::sqlite::SqliteStore;
use hoist::app::ports::{Change, Conversations, Ran, Run, Store};
use hoist::domain::id::ProposalNumber;
use hoist::domain::promotion::State;

use super::given::{application, at, line, promotion, proposed};
use super::promises;

fn run(due: i64, boarded: &[u128]) -> Run {
    Run {
        schedule: "nightly".parse().unwrap(),
        due_at: at(due),
        ran_at: at(due + 1),
        details: serde_json::json!({"by": "hoist"}),
        boarded: boarded
            .iter()
            .map(|number| (application("shop"), promotion("shop", "prod", *number).id))
            .collect(),
    }
}

promises! {
    async fn a_time_is_run_once(store) {
        let nightly = "nightly".parse().unwrap();
        assert_eq!(store.last_run(&nightly).await.unwrap(), None);
        assert_eq!(store.keep_run(run(100, &[]), vec![line("run")]).await.unwrap(), Ran::Now);
        assert_eq!(store.keep_run(run(100, &[1]), vec![line("run")]).await.unwrap(), Ran::Before);
        assert_eq!(store.keep_run(run(200, &[]), vec![line("run")]).await.unwrap(), Ran::Now);
        assert_eq!(store.last_run(&nightly).await.unwrap(), Some(at(200)));
        assert_eq!(store.last_run(&"weekly".parse().unwrap()).await.unwrap(), None);
        assert_eq!(store.audit(0, 10).await.unwrap().len(), 2);
    }

    async fn what_was_let_go_is_known_and_its_application_is_woken(store) {
        let (shop, now) = (application("shop"), at(101));
        store.enlist(vec![shop.clone()], at(0)).await.unwrap();
        for number in [1, 2] {
            let start = Change::Start(Box::new(promotion("shop", "prod", number)));
            store.record(&shop, vec![start], vec![], at(0)).await.unwrap();
        }
        let lease = jiff::SignedDuration::from_mins(1);
        for claim in store.claim(now, lease, 10).await.unwrap() {
            store.release(&claim, None, 0).await.unwrap();
        }
        store.keep_run(run(100, &[2]), vec![line("run")]).await.unwrap();
        let record = store.load(&shop).await.unwrap();
        let boarded: Vec<_> = record.boarded.into_iter().collect();
        let second = promotion("shop", "prod", 2).id;
        assert_eq!(boarded, [(second.clone(), "nightly".parse().unwrap())]);
        let (nightly, prod) = ("nightly".parse().unwrap(), "prod".parse().unwrap());
        let riders = store.riders(&nightly, &prod).await.unwrap();
        assert_eq!(riders, [(shop.clone(), second)]);
        assert_eq!(store.riders(&nightly, &"staging".parse().unwrap()).await.unwrap(), []);
        assert_eq!(store.riders(&"weekly".parse().unwrap(), &prod).await.unwrap(), []);
        assert_eq!(store.claim(now, lease, 10).await.unwrap().len(), 1);
    }
}

/// For this it takes both parts of a store.
#[tokio::test]
async fn what_rode_with_a_proposal_is_known_after_it_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("hoist.db")).await.unwrap();
    let shop = application("shop");
    for number in [1, 2] {
        let mut rider = promotion("shop", "prod", number);
        rider.proposal = Some(proposed(7));
        rider.state = State::Succeeded { commit: None };
        let start = Change::Start(Box::new(rider));
        store.record(&shop, vec![start], vec![], at(0)).await.unwrap();
    }
    store.keep_run(run(100, &[2]), vec![]).await.unwrap();
    let (nightly, prod) = ("nightly".parse().unwrap(), "prod".parse().unwrap());
    let rode = store.passengers(&nightly, &prod, ProposalNumber(7)).await.unwrap();
    let ids: Vec<_> = rode.into_iter().map(|it| it.id).collect();
    assert_eq!(ids, [promotion("shop", "prod", 2).id]);
    assert_eq!(store.passengers(&nightly, &prod, ProposalNumber(8)).await.unwrap(), []);
    store.close().await.unwrap();
}
