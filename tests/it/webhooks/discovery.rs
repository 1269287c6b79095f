//! Which applications there are, and what happens while nobody can tell.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::world::*;

async fn known(world: &World) -> Vec<String> {
    let known = world.app.catalogue().await.unwrap();
    known.iter().map(ToString::to_string).collect()
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn desk() -> serde_json::Value {
    let mut body = shop(1);
    body["application"] = json!("desk");
    body["image"] = json!("ghcr.io/acme/desk");
    body
}

#[tokio::test]
async fn an_application_is_where_all_of_its_files_are() {
    let world = World::new().await;
    world.commit(&files_of("half")[..1]).await;
    assert_eq!(known(&world).await, ["sites/blue", "sites/green"]);
    let discovery = world.app.discover().await.unwrap();
    assert!(discovery.unread.is_empty());
    let all = ["services/cart", "services/shop", "sites/blue", "sites/green"];
    assert_eq!(known(&world).await, all);
}

#[tokio::test]
async fn an_application_that_two_pipelines_find_is_moved_by_the_first() {
    let world = World::new().await;
    world.commit(&files_of("blue")).await;
    world.app.discover().await.unwrap();
    let known = known(&world).await;
    assert_eq!(known, ["services/blue", "services/cart", "services/shop", "sites/green"]);
}

#[tokio::test]
async fn a_new_application_is_found_by_its_first_announcement() {
    let world = World::new().await;
    assert_eq!(world.announce(&desk()).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.commit(&files_of("desk")).await;
    assert_eq!(world.announce(&desk()).await.status, StatusCode::ACCEPTED);
    assert_eq!(world.tags_of("services", "desk").await, ["v1"]);
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_kept_and_decided_later() {
    let world = World::new().await;
    world.commit(&files_of("desk")).await;
    world.lose_the_remote();
    let answer = world.announce(&desk()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    insta::assert_snapshot!(answer.json["why"].as_str().unwrap(), @"the repository gitops could not be read (the Git remote knows no such repository): the announcement is kept, and decided once it can be read");
    let discovery = world.app.discover().await.unwrap();
    world.app.decide_undecided(&discovery).await.unwrap();
    assert!(world.deliveries().await[0].contains("Undecided"));

    world.find_the_remote_again();
    let discovery = world.app.discover().await.unwrap();
    world.app.decide_undecided(&discovery).await.unwrap();
    assert_eq!(world.deliveries().await, [format!("{} Accepted", answer.id())]);
    assert_eq!(world.tags_of("services", "desk").await, ["v1"]);
}

#[tokio::test]
async fn a_tag_that_moved_while_the_remote_was_away_is_written_down_too() {
    let world = World::new().await;
    world.lose_the_remote();
    world.announce(&shop(1)).await;
    world.announce(&shop_with("digest", json!(format!("sha256:{:064x}", 2)))).await;
    world.find_the_remote_again();
    let discovery = world.app.discover().await.unwrap();
    world.app.decide_undecided(&discovery).await.unwrap();
    assert_eq!(world.tags_of("services", "shop").await, ["v1", "v1"]);
    let told = world.audit().await;
    assert!(told.len() == 1 && told[0].ends_with("the tag has moved"), "{told:?}");
}

#[tokio::test]
async fn an_undecided_redelivery_still_says_why() {
    let world = World::new().await;
    world.lose_the_remote();
    let body = shop(1).to_string();
    let first = world.send(signed_standard("msg_1", NOW, body.as_bytes())).await;
    let again = world.send(signed_standard("msg_1", NOW, body.as_bytes())).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.json, first.json);
}

#[tokio::test]
async fn what_turns_out_to_concern_nobody_is_written_down() {
    let world = World::new().await;
    world.lose_the_remote();
    let answer = world.announce(&desk()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    world.find_the_remote_again();
    let discovery = world.app.discover().await.unwrap();
    for _ in 0..2 {
        world.app.decide_undecided(&discovery).await.unwrap();
    }
    let audit = world.audit().await.join("\n").replace(answer.id(), "EVENT");
    insta::assert_snapshot!(audit, @"refused: the announcement EVENT concerns nobody: there is no application desk: the tip of gitops was just read; `environments/staging/apps/desk/kustomization.yaml`, `environments/staging/apps/desk/values.yaml` would make one");
}

#[tokio::test]
async fn hoist_is_ready_once_each_repository_was_tried() {
    let world = World::new().await;
    let ready = world.send(get("/readyz")).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    let starting = json!({"status": "starting", "repositories": {"gitops": "not tried yet"}});
    assert_eq!(ready.json, starting);
    assert_eq!(world.send(get("/healthz")).await.status, StatusCode::OK);

    world.lose_the_remote();
    world.app.discover().await.unwrap();
    let ready = world.send(get("/readyz")).await;
    assert_eq!(ready.status, StatusCode::OK);
    insta::assert_snapshot!(ready.json, @r#"{"repositories":{"gitops":"the Git remote knows no such repository"},"status":"ready"}"#);

    world.find_the_remote_again();
    world.app.discover().await.unwrap();
    let ready = world.send(get("/readyz")).await;
    assert_eq!(ready.json, json!({"status": "ready", "repositories": {"gitops": "read"}}));
}
