//! Signing in: codes work once, sessions end.

use super::given::{at, session};
use super::promises;

promises! {
    async fn a_code_works_once(store) {
        store.keep_code(session("one")).await.unwrap();
        assert_eq!(store.take_code("another", at(0)).await.unwrap(), None);
        assert_eq!(store.take_code("one", at(99)).await.unwrap(), Some(session("one")));
        assert_eq!(store.take_code("one", at(99)).await.unwrap(), None);
    }

    async fn a_code_works_once_even_when_many_try(store) {
        store.keep_code(session("one")).await.unwrap();
        let tries = (0..20).map(|_| store.take_code("one", at(0)));
        let taken = futures::future::join_all(tries).await;
        assert_eq!(taken.into_iter().filter_map(Result::unwrap).count(), 1);
    }

    async fn a_code_ends_by_itself(store) {
        store.keep_code(session("one")).await.unwrap();
        assert_eq!(store.take_code("one", at(100)).await.unwrap(), None);
    }

    async fn a_session_lasts_until_it_ends(store) {
        store.open_session(session("key")).await.unwrap();
        assert_eq!(store.session("key", at(99)).await.unwrap(), Some(session("key")));
        assert_eq!(store.session("key", at(100)).await.unwrap(), None);
        assert_eq!(store.session("another", at(0)).await.unwrap(), None);
    }

    async fn a_session_that_was_closed_is_gone(store) {
        store.open_session(session("key")).await.unwrap();
        for _twice in 0..2 {
            store.close_session("key").await.unwrap();
            assert_eq!(store.session("key", at(0)).await.unwrap(), None);
        }
    }

    async fn a_code_opens_no_session(store) {
        store.keep_code(session("key")).await.unwrap();
        assert_eq!(store.session("key", at(0)).await.unwrap(), None);
    }
}
