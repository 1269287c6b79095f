//! Announcements: durable before they are answered, and believed once.

use std::collections::BTreeSet;

use futures::future::join_all;
use hoist::app::ports::{Announced, Change, Decision, DeliveryOutcome, StoreError, TokenUse};
use hoist::domain::examination::{Examination, Found, Labels, Traits, Verify};
use hoist::domain::oci::Kind;
use jiff::SignedDuration;

use super::given::{announcement, application, artifact, at, event, line};
use super::promises;

promises! {
    async fn what_is_announced_can_be_read_back(store) {
        let sent = announcement("shop", 1);
        assert_eq!(store.announce(sent.clone()).await.unwrap(), Announced::New(event(1)));

        let record = store.load(&application("shop")).await.unwrap();
        assert_eq!(record.artifacts, [artifact(1)]);
        assert_eq!(record.wake_at, Some(at(0)));
        let delivery = store.delivery(&event(1)).await.unwrap().unwrap();
        assert_eq!(delivery.body, sent.body);
        assert_eq!(delivery.artifacts, sent.artifacts);
        assert_eq!(delivery.delivery.source, Some(sent.source));
        assert_eq!(delivery.delivery.delivery, sent.delivery);
        assert_eq!(delivery.delivery.received_at, sent.received_at);
        assert_eq!(delivery.delivery.outcome, DeliveryOutcome::Accepted);
        assert_eq!(store.deliveries(10).await.unwrap(), [delivery.delivery]);
        assert_eq!(store.delivery(&event(2)).await.unwrap(), None);
    }

    async fn the_same_delivery_is_stored_once(store) {
        store.announce(announcement("shop", 1)).await.unwrap();
        let mut again = announcement("shop", 2);
        again.delivery = announcement("shop", 1).delivery;

        assert_eq!(store.announce(again.clone()).await.unwrap(), Announced::Same(event(1)));
        assert_eq!(store.load(&application("shop")).await.unwrap().artifacts, [artifact(1)]);

        again.source = "another".parse().unwrap();
        assert_eq!(store.announce(again).await.unwrap(), Announced::New(event(2)));
    }

    async fn the_same_artifact_is_stored_once(store) {
        let first = announcement("shop", 1);
        store.announce(first.clone()).await.unwrap();
        let mut again = announcement("shop", 1);
        again.event = event(2);
        again.delivery = None;
        again.artifacts[0].1.id = artifact(2).id;
        assert_eq!(store.announce(again.clone()).await.unwrap(), Announced::Same(event(1)));

        again.artifacts[0].1.tag = None;
        assert_eq!(store.announce(again.clone()).await.unwrap(), Announced::New(event(2)));
        again.event = event(3);
        again.artifacts[0].1.id = artifact(3).id;
        assert_eq!(store.announce(again).await.unwrap(), Announced::Same(event(2)));
    }

    async fn what_a_registry_refused_is_told_of_its_delivery_and_asked_about_when_it_comes_again(store) {
        let sent = announcement("shop", 1);
        store.announce(sent.clone()).await.unwrap();
        let shop = application("shop");
        let refused = examination(Found::Unsound { why: "nowhere".into() });
        let examine = |examination: &Examination| Change::Examine {
            artifact: artifact(1).id,
            examination: Box::new(examination.clone()),
        };
        store.record(&shop, vec![examine(&refused)], vec![], at(1)).await.unwrap();
        let kept = store.load(&shop).await.unwrap().artifacts.remove(0);
        assert_eq!(kept.examination, Some(refused));
        let outcome = DeliveryOutcome::Refused { why: "shop: nowhere".into() };
        assert_eq!(store.delivery(&event(1)).await.unwrap().unwrap().delivery.outcome, outcome);
        // Old as it is, what it brought keeps it.
        store.forget(at(1000)).await.unwrap();
        assert!(store.delivery(&event(1)).await.unwrap().is_some());

        assert_eq!(store.announce(sent).await.unwrap(), Announced::Same(event(1)));
        assert_eq!(store.load(&shop).await.unwrap().artifacts, [artifact(1)]);
        let delivery = store.delivery(&event(1)).await.unwrap().unwrap().delivery;
        assert_eq!(delivery.outcome, DeliveryOutcome::Accepted);

        let sound = examination(Found::Sound(Traits {
            kind: Kind::Image,
            platforms: vec!["linux/arm64".parse().unwrap()],
            created: Some(at(0)),
            labels: Labels::default(),
            signature: None,
            provenance: None,
            warnings: vec!["odd".into()],
        }));
        store.record(&shop, vec![examine(&sound)], vec![], at(2)).await.unwrap();
        let kept = store.load(&shop).await.unwrap().artifacts.remove(0);
        assert_eq!(kept.examination, Some(sound));
        let gone = Change::Examine {
            artifact: artifact(9).id,
            examination: Box::new(examination(Found::Unsound { why: "x".into() })),
        };
        let missing = store.record(&shop, vec![gone], vec![], at(2)).await.unwrap_err();
        assert!(matches!(missing, StoreError::NotFound(_)), "{missing:?}");
    }

    async fn an_artifact_that_is_new_to_one_of_its_applications_is_new(store) {
        store.announce(announcement("shop", 1)).await.unwrap();
        let mut both = announcement("cart", 2);
        both.artifacts = vec![(application("shop"), artifact(1)), (application("cart"), artifact(1))];

        assert_eq!(store.announce(both.clone()).await.unwrap(), Announced::New(event(2)));
        assert_eq!(store.load(&application("shop")).await.unwrap().artifacts, [artifact(1)]);
        assert_eq!(store.load(&application("cart")).await.unwrap().artifacts, [artifact(1)]);

        both.event = event(3);
        both.delivery = None;
        assert_eq!(store.announce(both).await.unwrap(), Announced::Same(event(1)));
    }

    async fn five_hundred_announcements_at_once_are_all_stored(store) {
        let sent = (1..=500).map(|number| store.announce(announcement("shop", number)));
        for (number, outcome) in (1..).zip(join_all(sent).await) {
            assert_eq!(outcome.unwrap(), Announced::New(event(number)));
        }
        let record = store.load(&application("shop")).await.unwrap();
        assert_eq!(record.artifacts, (1..=500).map(artifact).collect::<Vec<_>>());
    }

    async fn five_hundred_repetitions_at_once_have_one_first(store) {
        let sent = (1..=500).map(|number| {
            let mut repeated = announcement("shop", 1);
            repeated.event = event(number);
            store.announce(repeated)
        });
        let mut new = Vec::new();
        let mut same = BTreeSet::new();
        for outcome in join_all(sent).await {
            match outcome.unwrap() {
                Announced::New(event) => new.push(event),
                Announced::Same(event) => _ = same.insert(event),
                Announced::TokenUsed => panic!("there is no token"),
            }
        }
        assert_eq!(new.len(), 1);
        assert_eq!(same.into_iter().collect::<Vec<_>>(), new);
    }

    async fn a_token_vouches_for_one_announcement_until_it_is_over(store) {
        let with_token = |number: u128, fingerprint: &str| {
            let mut announcement = announcement("shop", number);
            announcement.received_at = at(i64::try_from(number).unwrap());
            announcement.token = Some(TokenUse {
                issuer: "https://ci.example.com".into(),
                id: "token".into(),
                fingerprint: fingerprint.into(),
                until: at(10),
            });
            store.announce(announcement)
        };
        assert_eq!(with_token(1, "one").await.unwrap(), Announced::New(event(1)));
        assert_eq!(with_token(2, "another").await.unwrap(), Announced::TokenUsed);
        assert_eq!(store.delivery(&event(2)).await.unwrap(), None);
        assert_eq!(with_token(3, "one").await.unwrap(), Announced::New(event(3)));
        // It is forgotten once nobody would believe it any more.
        assert_eq!(with_token(11, "another").await.unwrap(), Announced::New(event(11)));
    }

    async fn a_bad_announcement_fails_alone(store) {
        let sent = (1..=50).map(|number| {
            let mut announcement = announcement("shop", number);
            if number == 25 {
                // Another artifact with an id that is taken.
                announcement.artifacts[0].1.id = artifact(1).id;
            }
            store.announce(announcement)
        });
        let outcomes = join_all(sent).await;
        let failed: Vec<_> = (1..).zip(&outcomes).filter(|(_, it)| it.is_err()).collect();
        assert!(matches!(failed.as_slice(), [(25, Err(StoreError::Unavailable(_)))]), "{failed:?}");
        assert_eq!(store.load(&application("shop")).await.unwrap().artifacts.len(), 49);
        assert_eq!(store.delivery(&event(25)).await.unwrap(), None);
    }

    async fn an_undecided_delivery_waits_until_it_is_decided(store) {
        let mut undecided = announcement("shop", 1);
        undecided.artifacts.clear();
        let why = "the remote cannot be read".to_owned();
        undecided.outcome = DeliveryOutcome::Undecided { why };
        store.announce(undecided.clone()).await.unwrap();
        assert_eq!(store.applications().await.unwrap(), []);
        let outcome = DeliveryOutcome::Undecided { why: "the remote cannot be read".into() };
        assert_eq!(store.deliveries(1).await.unwrap()[0].outcome, outcome);
        assert_eq!(store.announce(undecided).await.unwrap(), Announced::Same(event(1)));
        store.announce(announcement("till", 2)).await.unwrap();
        let waiting = store.undecided().await.unwrap();
        assert_eq!(waiting, [store.delivery(&event(1)).await.unwrap().unwrap()]);

        let artifacts = vec![(application("shop"), artifact(1)), (application("cart"), artifact(1))];
        for _twice in 0..2 {
            let decision = Decision::Accept { artifacts: artifacts.clone(), set_aside: None };
            store.decide(&event(1), decision, Vec::new(), at(7)).await.unwrap();
        }
        assert_eq!(store.undecided().await.unwrap(), []);

        let delivery = store.delivery(&event(1)).await.unwrap().unwrap();
        assert_eq!(delivery.delivery.outcome, DeliveryOutcome::Accepted);
        assert_eq!(delivery.artifacts, artifacts);
        assert_eq!(store.load(&application("cart")).await.unwrap().wake_at, Some(at(7)));
        let decision = Decision::Accept { artifacts, set_aside: None };
        let unknown = store.decide(&event(9), decision, vec![line("a word")], at(7)).await;
        assert_eq!(store.audit(0, 10).await.unwrap(), [], "a decision that failed left its line");
        assert!(matches!(unknown, Err(StoreError::NotFound(_))), "{unknown:?}");
    }

    async fn an_undecided_delivery_that_concerns_nobody_is_refused(store) {
        let mut undecided = announcement("shop", 1);
        undecided.artifacts.clear();
        let why = "the remote cannot be read".to_owned();
        undecided.outcome = DeliveryOutcome::Undecided { why };
        store.announce(undecided).await.unwrap();
        let why = "there is no application shop".to_owned();
        let decision = Decision::Refuse { why: why.clone() };
        store.decide(&event(1), decision, vec![line("a word")], at(7)).await.unwrap();

        assert_eq!(store.audit(0, 10).await.unwrap()[0].line, line("a word"));
        assert_eq!(store.undecided().await.unwrap(), []);
        let delivery = store.delivery(&event(1)).await.unwrap().unwrap();
        assert_eq!(delivery.delivery.outcome, DeliveryOutcome::Refused { why });
        assert_eq!(store.applications().await.unwrap(), []);
    }

    async fn a_moved_tag_is_seen_against_the_newest_that_had_it(store) {
        for number in 1..=4 {
            let mut announced = announcement("shop", number);
            let artifact = &mut announced.artifacts[0].1;
            artifact.tag = Some(if number == 3 { "v9" } else { "main" }.parse().unwrap());
            store.announce(announced).await.unwrap();
        }
        let shop = application("shop");
        let mut newest = artifact(4);
        newest.tag = Some("main".parse().unwrap());
        let before = store.moved_from(&shop, &newest).await.unwrap().unwrap();
        assert_eq!(before.id, artifact(2).id);
        assert_eq!(store.moved_from(&application("cart"), &newest).await.unwrap(), None);
        newest.tag = Some("v9".parse().unwrap());
        newest.digest = artifact(3).digest;
        assert_eq!(store.moved_from(&shop, &newest).await.unwrap(), None);
        newest.tag = None;
        assert_eq!(store.moved_from(&shop, &newest).await.unwrap(), None);
    }

    async fn a_digest_under_another_tag_is_seen_against_the_newest_that_had_it(store) {
        for (number, tag) in [(1, Some("v1")), (2, Some("v2")), (3, None)] {
            let mut announced = announcement("shop", number);
            let brought = &mut announced.artifacts[0].1;
            brought.digest = artifact(1).digest;
            brought.tag = tag.map(|tag| tag.parse().unwrap());
            store.announce(announced).await.unwrap();
        }
        let shop = application("shop");
        let mut newest = artifact(4);
        newest.digest = artifact(1).digest;
        newest.tag = Some("v3".parse().unwrap());
        let before = store.retagged_from(&shop, &newest).await.unwrap().unwrap();
        assert_eq!(before.id, artifact(2).id);
        newest.tag = Some("v2".parse().unwrap());
        let before = store.retagged_from(&shop, &newest).await.unwrap().unwrap();
        assert_eq!(before.id, artifact(1).id);
        assert_eq!(store.retagged_from(&application("cart"), &newest).await.unwrap(), None);
        newest.tag = None;
        assert_eq!(store.retagged_from(&shop, &newest).await.unwrap(), None);
    }

    async fn the_newest_deliveries_come_first(store) {
        for number in 1..=5 {
            store.announce(announcement("shop", number)).await.unwrap();
        }
        let listed = store.deliveries(3).await.unwrap().into_iter().map(|it| it.event);
        assert_eq!(listed.collect::<Vec<_>>(), [event(5), event(4), event(3)]);
    }

    async fn artifacts_stand_in_the_order_in_which_they_were_accepted(store) {
        for number in [2, 3, 1] {
            store.announce(announcement("shop", number)).await.unwrap();
        }
        let record = store.load(&application("shop")).await.unwrap();
        assert_eq!(record.artifacts, [artifact(1), artifact(2), artifact(3)]);
    }

    async fn an_announcement_wakes_its_applications_only(store) {
        store.enlist(vec![application("shop"), application("cart")], at(0)).await.unwrap();
        for claim in store.claim(at(0), SignedDuration::from_secs(60), 10).await.unwrap() {
            store.release(&claim, Some(at(1000)), 0).await.unwrap();
        }
        store.announce(announcement("shop", 1)).await.unwrap();
        assert_eq!(store.load(&application("shop")).await.unwrap().wake_at, Some(at(0)));
        assert_eq!(store.load(&application("cart")).await.unwrap().wake_at, Some(at(1000)));
    }
}

fn examination(found: Found) -> Examination {
    Examination { rules: Verify::default().print(), at: at(1), found }
}
