//! What a good announcement comes to.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::world::*;

#[tokio::test]
async fn an_announcement_is_stored_and_its_event_can_be_looked_at() {
    let world = World::new().await;
    let answer = world.announce(&shop(1)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.content_type, "application/json");
    let url = format!("https://hoist.example.com/api/v1/deliveries/{}", answer.id());
    assert_eq!(answer.json, json!({"id": answer.id(), "url": url}));
    assert_eq!(answer.location, Some(url));
    assert_eq!(world.deliveries().await, [format!("{} Accepted", answer.id())]);
    assert_eq!(world.tags_of("services", "shop").await, ["v1"]);
    assert_eq!(world.tags_of("services", "cart").await, [""; 0]);
}

#[tokio::test]
async fn the_image_decides_where_no_application_is_named() {
    let world = World::new().await;
    let answer = world.announce(&shop_with("application", Value::Null)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(world.tags_of("services", "shop").await, ["v1"]);
    let mut site = shop_with("image", json!("ghcr.io/acme/web/site"));
    site["application"] = Value::Null;
    assert_eq!(world.announce(&site).await.status, StatusCode::ACCEPTED);
    assert_eq!(world.tags_of("sites", "blue").await, ["v1"]);
    assert_eq!(world.tags_of("sites", "green").await, ["v1"]);
}

#[tokio::test]
async fn what_a_newer_sender_adds_is_passed_over() {
    let world = World::new().await;
    let mut body = shop(1);
    body["colour"] = json!({"name": "red"});
    body["version"] = json!("1.0.0");
    body["actor"] = json!("");
    assert_eq!(world.announce(&body).await.status, StatusCode::ACCEPTED);
    assert_eq!(world.tags_of("services", "shop").await, ["1.0.0"]);
}

#[tokio::test]
async fn the_same_announcement_again_is_the_same_event() {
    let world = World::new().await;
    let first = world.announce(&shop(1)).await;
    // The same artifact in other words, by another source, and the same delivery id.
    let mut again = shop(1);
    again["build"] = json!({"id": "1235"});
    let body = again.to_string();
    let by_another = signed_standard("msg_1", NOW, body.as_bytes());
    for answer in [world.announce(&again).await, world.send(by_another).await] {
        assert_eq!((answer.status, answer.id()), (StatusCode::OK, first.id()));
        assert_eq!(answer.location, first.location);
    }
    assert_eq!(world.deliveries().await.len(), 1);

    let body = shop(2).to_string();
    let second = world.send(signed_standard("msg_2", NOW, body.as_bytes())).await;
    assert_eq!(second.status, StatusCode::ACCEPTED);
    let body = shop(3).to_string();
    let redelivered = world.send(signed_standard("msg_2", NOW, body.as_bytes())).await;
    assert_eq!((redelivered.status, redelivered.id()), (StatusCode::OK, second.id()));
    assert_eq!(world.tags_of("services", "shop").await, ["v1", "v2"]);
}

#[tokio::test]
async fn a_tag_that_moves_is_recorded_and_written_down() {
    let world = World::new().await;
    world.announce(&shop(1)).await;
    let mut moved = shop(2);
    moved["tag"] = json!("v1");
    assert_eq!(world.announce(&moved).await.status, StatusCode::ACCEPTED);
    assert_eq!(world.tags_of("services", "shop").await, ["v1", "v1"]);
    insta::assert_snapshot!(world.audit().await.join("\n"), @"tag-moved: ghcr.io/acme/shop:v1 was sha256:0000000000000000000000000000000000000000000000000000000000000001 and is now announced by ci as sha256:0000000000000000000000000000000000000000000000000000000000000002: the tag has moved");
}

#[tokio::test]
async fn both_secrets_of_a_rotation_are_believed() {
    let world = World::new().await;
    for (number, secret) in [(1, OLD_SECRET), (2, SECRET)] {
        let body = shop(number).to_string();
        let signature = hub_signature(secret, body.as_bytes());
        let headers = [JSON, ("x-hub-signature-256", signature.as_str())];
        let answer = world.send(request(&headers, body.as_bytes())).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{secret}");
    }
}

#[tokio::test]
async fn five_hundred_at_once_are_five_hundred_events() {
    let world = World::new().await;
    let bodies: Vec<Value> = (1..=500).map(shop).collect();
    let answers = join_all(bodies.iter().map(|body| world.announce(body))).await;
    let ids: BTreeSet<_> = answers.iter().map(Answer::id).collect();
    assert!(answers.iter().all(|answer| answer.status == StatusCode::ACCEPTED));
    assert_eq!(ids.len(), 500);
    assert_eq!(world.tags_of("services", "shop").await.len(), 500);

    let again = join_all(bodies.iter().map(|body| world.announce(body))).await;
    for (first, again) in answers.iter().zip(&again) {
        assert_eq!((again.status, again.id()), (StatusCode::OK, first.id()));
    }
}

#[tokio::test]
async fn of_a_hundred_alike_at_once_one_is_new() {
    let world = World::new().await;
    let body = shop(1);
    let answers = join_all((0..100).map(|_| world.announce(&body))).await;
    let new = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count();
    let same = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let ids: BTreeSet<_> = answers.iter().map(Answer::id).collect();
    assert_eq!((new, same, ids.len()), (1, 99, 1));
}

#[tokio::test]
async fn nothing_is_acknowledged_that_is_not_durable() {
    let world = World::new().await;
    world.announce(&shop(1)).await;
    world.store.close().await.unwrap();
    let answer = world.announce(&shop(2)).await;
    assert_eq!(answer.content_type, "application/problem+json");
    insta::assert_snapshot!(answer.line(), @"503 -: the store could not be reached; nothing was recorded; ask again later");
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_taken_and_no_more() {
    let world = World::new().await;
    let mut body = shop(1).to_string().into_bytes();
    body.resize(1 << 20, b' ');
    assert_eq!(world.send(signed(&body)).await.status, StatusCode::ACCEPTED);
    body.push(b' ');
    let answer = world.send(signed(&body)).await;
    insta::assert_snapshot!(answer.line(), @"413 -: the body has more than 1048576 bytes, which is the limit");
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_repeats_a_body_or_a_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let logging = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    let hidden = "hunter2";
    let mut good = shop(1);
    good["source"]["ref"] = json!(hidden);
    good["secret"] = json!(hidden);
    assert_eq!(world.announce(&good).await.status, StatusCode::ACCEPTED);
    for (field, value) in [("digest", "hunter2"), ("image", "ghcr.io/acme/hunter2")] {
        assert!(world.announce(&shop_with(field, json!(value))).await.status.is_client_error());
    }
    let bearer = [JSON, ("authorization", "Bearer hunter2")];
    assert_eq!(world.send(request(&bearer, b"{}")).await.status, StatusCode::UNAUTHORIZED);
    drop(logging);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("ci announced ghcr.io/acme/shop@000000000000"), "{logged}");
    assert!(logged.contains("an announcement was refused"), "{logged}");
    for never in [hidden, SECRET, OLD_SECRET, WHSEC] {
        assert!(!logged.contains(never), "{never} in {logged}");
    }
}
