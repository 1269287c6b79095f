//! What remains of announcements: refused ones with their reason, old ones forgotten, and a pace.

use axum::http::StatusCode;
use hoist::app::ports::Store as _;
use hoist::domain::command::{Actor, Door, Identity};
use serde_json::json;

use super::world::*;

fn alice() -> Identity {
    Identity::new(Actor { name: "alice".into(), door: Door::Api }, Vec::new())
}

#[tokio::test]
async fn a_refused_announcement_is_kept_with_its_reason_and_a_strangers_without_its_body() {
    let world = World::new().await;
    world.announce(&shop_with("image", json!("docker.io/evil/shop"))).await;
    world.announce(&shop_with("digest", json!("sha256:abc"))).await;
    world.send(request(&[JSON], b"a mebibyte of rubbish")).await;
    insta::assert_snapshot!(world.refusals().await.join("\n"), @r#"
    - Refused { why: "the request is not signed: send `X-Hub-Signature-256`, or `webhook-id`, `webhook-timestamp` and `webhook-signature` (Standard Webhooks), or `Authorization: Bearer` with a token of CI (OIDC)" }
    ci Refused { why: "`digest`: after `sha256:` a digest has 64 hex digits, not 3" }
    ci Refused { why: "the source ci may not announce `docker.io/evil/shop`: no pattern in `sources.ci.images` fits" }
    "#);
    let refused = world.store.refused(10).await.unwrap();
    let bodies: Vec<_> =
        futures::future::join_all(refused.iter().map(|it| world.store.delivery(&it.event)))
            .await
            .into_iter()
            .map(|record| record.unwrap().unwrap().body.len())
            .collect();
    assert_eq!(bodies[0], 0, "nobody knows who sent it");
    assert!(bodies[1] > 0 && bodies[2] > 0);
    assert_eq!(world.deliveries().await, [""; 0]);
}

#[tokio::test]
async fn strangers_cannot_fill_the_store() {
    let world = World::new().await;
    for _ in 0..100 {
        assert_eq!(world.send(request(&[JSON], b"{}")).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(world.refusals().await.len(), 30);
    world.seconds_pass(60);
    world.send(request(&[JSON], b"{}")).await;
    assert_eq!(world.refusals().await.len(), 31);
}

#[tokio::test]
async fn what_was_refused_is_decided_anew_when_it_has_become_right() {
    let world = World::new().await;
    let mut body = shop_with("application", json!("books"));
    body["image"] = json!("ghcr.io/acme/books");
    body["ci_token"] = json!("hunter2");
    assert_eq!(world.announce(&body).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let refused = world.store.refused(1).await.unwrap()[0].event.clone();
    let shown = world.app.delivery(refused.as_str()).await.unwrap();
    assert!(!serde_json::to_string(&shown).unwrap().contains("hunter2"));

    let again = world.app.replay(refused.as_str(), &alice()).await.unwrap_err();
    assert!(again.to_string().contains("there is no application books"), "{again}");
    world.commit(&files_of("books")).await;
    let replayed = world.app.replay(refused.as_str(), &alice()).await.unwrap();
    assert_eq!(replayed.delivery.outcome, "accepted");
    assert_eq!(world.tags_of("services", "books").await, ["v1"]);
    // Once more changes nothing.
    world.app.replay(refused.as_str(), &alice()).await.unwrap();
    assert_eq!(world.tags_of("services", "books").await, ["v1"]);
    assert!(world.audit().await[0].starts_with("replayed: the announcement"));
}

#[tokio::test]
async fn a_strangers_delivery_is_never_believed_afterwards() {
    let world = World::new().await;
    world.send(request(&[JSON], shop(1).to_string().as_bytes())).await;
    let refused = world.store.refused(1).await.unwrap()[0].event.clone();
    let error = world.app.replay(refused.as_str(), &alice()).await.unwrap_err();
    assert!(error.to_string().contains("nobody has vouched for it"), "{error}");
    assert_eq!(world.deliveries().await, [""; 0]);
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_what_it_brought_stays() {
    let world = World::new().await;
    let first = world.announce(&shop(1)).await;
    world.announce(&shop_with("digest", json!("sha256:abc"))).await;
    world.seconds_pass(89 * 86_400);
    world.announce(&shop(2)).await;
    world.app.forget_deliveries().await.unwrap();
    assert_eq!(world.refusals().await.len(), 1);
    world.seconds_pass(2 * 86_400);
    world.app.forget_deliveries().await.unwrap();
    assert_eq!(world.refusals().await, [""; 0]);
    let kept = world.app.delivery(first.id()).await.unwrap();
    assert_eq!((kept.body, kept.artifacts.len()), (None, 1));
    assert_eq!(world.tags_of("services", "shop").await, ["v1", "v2"]);
}

#[tokio::test]
async fn a_source_that_announces_too_much_is_told_to_come_back() {
    let world = World::new().await;
    let send = |number: u64| {
        let id = format!("msg_{number}");
        world.send(signed_standard(&id, NOW, shop(number).to_string().as_bytes()))
    };
    for number in 1..=20 {
        assert_eq!(send(number).await.status, StatusCode::ACCEPTED);
    }
    insta::assert_snapshot!(send(21).await.line(), @"429 -: the source actions announces more than 20 times in a minute: come back in 60 s, or allow more with `sources.actions.per_minute`");
    assert_eq!(world.announce(&shop(21)).await.status, StatusCode::ACCEPTED, "others go on");
    world.seconds_pass(60);
    assert_eq!(send(22).await.status, StatusCode::ACCEPTED);
    assert_eq!(world.refusals().await, [""; 0], "it comes again");
}
