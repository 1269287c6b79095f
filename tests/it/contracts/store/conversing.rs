//! What people say, who is told what, and how far they are.

use hoist::app::ports::{Card, Follower, Heard, Message, Said, Saying, SayingDetails};
use hoist::domain::command::Door;
use hoist::domain::id::SayingId;

use super::given::{at, line};

fn saying(number: u128, door: Door, delivery: &str) -> Saying {
    Saying {
        id: SayingId::new(at(0), number),
        door,
        delivery: delivery.into(),
        said_at: at(i64::try_from(number).unwrap()),
        details: SayingDetails {
            speaker: "U0A".into(),
            called: "alice".into(),
            channel: "#deploys".into(),
            said: Said::Words(format!("status number {number}")),
            answer_to: Some("https://hooks.slack.com/x".into()),
        },
    }
}

/// Makes a test of each promise, made of [`Conversations`]' methods.
macro_rules! promises {
    ($(async fn $name:ident($store:ident) $body:block)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                super::on_every_engine_that_converses(|$store| Box::pin(async move $body)).await;
            }
        )*
    };
}

promises! {
    async fn what_is_said_twice_is_kept_once_and_so_is_its_line(store) {
        let first = saying(1, Door::Slack, "trigger");
        assert_eq!(store.hear(&first, line("asked")).await.unwrap(), Heard::New);
        let again = saying(2, Door::Slack, "trigger");
        assert_eq!(store.hear(&again, line("asked")).await.unwrap(), Heard::Again);
        // The same id of another sender is something else.
        let other = saying(3, Door::Mattermost, "trigger");
        assert_eq!(store.hear(&other, line("asked")).await.unwrap(), Heard::New);
        assert_eq!(store.unanswered(10).await.unwrap(), [first.clone(), other]);
        assert_eq!(store.unanswered(1).await.unwrap(), [first]);
        assert_eq!(store.last_entry().await.unwrap(), 2);
    }

    async fn an_answer_is_due_until_it_is_delivered(store) {
        let asked = saying(1, Door::Slack, "one");
        store.hear(&asked, line("asked")).await.unwrap();
        let answer = Message::plain("shop is held");
        store.keep_answer(&asked.id, &answer, Some(at(30))).await.unwrap();
        assert!(store.unanswered(10).await.unwrap().is_empty());
        assert!(store.undelivered(at(29), 10).await.unwrap().is_empty());
        let due = store.undelivered(at(30), 10).await.unwrap();
        assert_eq!((due.len(), &due[0].saying, &due[0].answer, due[0].tries), (1, &asked, &answer, 0));
        store.put_off(&asked.id, at(60)).await.unwrap();
        assert!(store.undelivered(at(59), 10).await.unwrap().is_empty());
        assert_eq!(store.undelivered(at(60), 10).await.unwrap()[0].tries, 1);
        store.end_delivery(&asked.id).await.unwrap();
        assert!(store.undelivered(at(9_999), 10).await.unwrap().is_empty());
        // It was said and answered: it is not attended to again.
        assert_eq!(store.hear(&asked, line("asked")).await.unwrap(), Heard::Again);
        assert!(store.unanswered(10).await.unwrap().is_empty());
    }

    async fn an_answer_that_nobody_waits_for_is_kept_and_never_due(store) {
        let asked = saying(1, Door::Slack, "one");
        store.hear(&asked, line("asked")).await.unwrap();
        store.keep_answer(&asked.id, &Message::plain("too late"), None).await.unwrap();
        assert!(store.unanswered(10).await.unwrap().is_empty());
        assert!(store.undelivered(at(9_999), 10).await.unwrap().is_empty());
    }

    async fn each_follower_is_where_it_was_left(store) {
        assert_eq!(store.follower("slack").await.unwrap(), None);
        let begun = Follower { after: 7, due_at: at(1), tries: 0 };
        let late = Follower { after: 7, due_at: at(60), tries: 3 };
        store.keep_follower("slack", begun).await.unwrap();
        store.keep_follower("statistics", begun).await.unwrap();
        store.keep_follower("slack", late).await.unwrap();
        assert_eq!(store.follower("slack").await.unwrap(), Some(late));
        assert_eq!(store.follower("statistics").await.unwrap(), Some(begun));
    }

    async fn a_follower_has_one_card_a_promotion(store) {
        let (shop, cart) = ("01shop", "nightly gitops #3");
        assert_eq!(store.card("slack", shop).await.unwrap(), None);
        let card = |text: &str| Card { message: "1.0001".into(), shown: Message::plain(text) };
        store.keep_card("slack", shop, &card("proposed")).await.unwrap();
        store.keep_card("slack", shop, &card("merged")).await.unwrap();
        assert_eq!(store.card("slack", shop).await.unwrap(), Some(card("merged")));
        assert_eq!(store.card("slack", cart).await.unwrap(), None);
        assert_eq!(store.card("other", shop).await.unwrap(), None);
    }
}
