//! The audit log: in order, without gaps, chained.

use hoist::app::audit::{chain, verify};
use hoist::app::ports::AuditLine;
use hoist::domain::command::Actor;

use super::given::{application, at, claimed, line, promotion};
use super::promises;

promises! {
    async fn every_audit_line_can_be_read_back_in_its_order(store) {
        let bare = AuditLine {
            actor: Actor::hoist(),
            application: None,
            environment: None,
            promotion: None,
            commit: None,
            ..line("bare \u{1F6A2} \"quoted\"\nsecond line")
        };
        store.note(vec![bare.clone(), line("two")]).await.unwrap();
        store.record(&application("shop"), vec![], vec![line("three")], at(0)).await.unwrap();
        let held = super::given::claim(store, at(0)).await;
        store.outcome(&held, vec![], vec![line("four")]).await.unwrap();

        let log = store.audit(0, 100).await.unwrap();
        let numbers: Vec<_> = log.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        let lines: Vec<_> = log.iter().map(|entry| entry.line.clone()).collect();
        assert_eq!(lines, [bare.clone(), line("two"), line("three"), line("four")]);
        assert_eq!(log[0].hash, chain("", &bare));
        assert_eq!(verify(&log), Ok(()));
    }

    async fn the_audit_log_is_read_page_by_page(store) {
        store.note((1..=5).map(|number| line(&number.to_string())).collect()).await.unwrap();
        let page = store.audit(2, 2).await.unwrap();
        assert_eq!(page.iter().map(|entry| entry.number).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(store.audit(5, 2).await.unwrap(), []);
        assert_eq!(store.audit(u64::MAX, 2).await.unwrap(), []);
    }

    async fn a_promotions_story_is_its_audit_lines(store) {
        let ours = promotion("shop", "prod", 1).id;
        let theirs = promotion("shop", "prod", 2).id;
        let lines = [("one", &ours), ("two", &theirs), ("three", &ours)]
            .map(|(text, promotion)| line(text).about(promotion));
        store.note(lines.to_vec()).await.unwrap();
        let log = store.audit(0, 10).await.unwrap();
        assert_eq!(store.audit_of(&ours).await.unwrap(), [log[0].clone(), log[2].clone()]);
    }

    async fn lines_from_many_hands_make_one_chain(store) {
        let held = claimed(store, "shop").await;
        let notes = (0..40).map(|number| store.note(vec![line(&number.to_string())]));
        let outcomes = (0..40).map(|number| {
            store.outcome(&held, vec![], vec![line(&number.to_string()), line("more")])
        });
        let (notes, outcomes) = futures::join!(
            futures::future::join_all(notes),
            futures::future::join_all(outcomes)
        );
        notes.into_iter().chain(outcomes).for_each(Result::unwrap);
        let log = store.audit(0, 1000).await.unwrap();
        assert_eq!(log.len(), 120);
        assert_eq!(verify(&log), Ok(()));
    }
}
