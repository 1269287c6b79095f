//! What was refused is kept for people, and what came in long ago is forgotten.

use hoist::app::ports::{DeliveryOutcome, Refusal};

use super::given::{announcement, at, event};
use super::promises;

fn refusal(number: u128, seconds: i64) -> Refusal {
    Refusal {
        event: event(number),
        source: Some("ci".parse().unwrap()),
        speaks_for: Some("shop".parse().unwrap()),
        body: format!("body {number}").into_bytes(),
        received_at: at(seconds),
        why: format!("reason {number}"),
    }
}

promises! {
    async fn what_was_refused_is_listed_with_its_reason_newest_first(store) {
        store.announce(announcement("shop", 7)).await.unwrap();
        for number in [1, 2] {
            store.refuse(refusal(number, 10)).await.unwrap();
        }
        let refused = store.refused(10).await.unwrap();
        let told: Vec<_> = refused.iter().map(|it| (&it.event, &it.outcome)).collect();
        let outcome = |why: &str| DeliveryOutcome::Refused { why: why.into() };
        assert_eq!(
            told,
            [(&event(2), &outcome("reason 2")), (&event(1), &outcome("reason 1"))]
        );
        assert_eq!(store.refused(1).await.unwrap().len(), 1);
        assert_eq!(store.deliveries(10).await.unwrap().len(), 3);
        let kept = store.delivery(&event(2)).await.unwrap().unwrap();
        assert_eq!(kept.body, b"body 2");
    }

    async fn of_the_refused_the_newest_thousand_are_kept(store) {
        for number in 1..=1_003 {
            store.refuse(refusal(number, 10)).await.unwrap();
        }
        assert_eq!(store.refused(2_000).await.unwrap().len(), 1_000);
        assert!(store.delivery(&event(3)).await.unwrap().is_none());
        assert!(store.delivery(&event(4)).await.unwrap().is_some());
    }

    async fn what_came_long_ago_is_forgotten_but_not_what_it_brought(store) {
        store.announce(announcement("shop", 7)).await.unwrap();
        store.refuse(refusal(1, 10)).await.unwrap();
        store.refuse(refusal(2, 1_000)).await.unwrap();
        store.forget(at(500)).await.unwrap();
        assert!(store.delivery(&event(1)).await.unwrap().is_none());
        assert!(store.delivery(&event(2)).await.unwrap().is_some());
        let brought = store.delivery(&event(7)).await.unwrap().unwrap();
        assert!(brought.body.is_empty());
        let record = store.load(&super::given::application("shop")).await.unwrap();
        assert_eq!(record.artifacts.len(), 1);
    }
}
