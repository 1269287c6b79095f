//! The API: who may call it, and what it answers.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::support::served::{Answer, Served, token};

async fn get(hoist: &Served, who: &str, path: &str) -> Answer {
    let request = Request::get(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {}", token(who)));
    hoist.send(request.body(Body::empty()).unwrap()).await
}

async fn post(hoist: &Served, who: &str, path: &str, body: impl ToString) -> Answer {
    let request = Request::post(format!("/api/v1{path}"))
        .header("authorization", format!("Bearer {}", token(who)))
        .header("content-type", "application/json");
    hoist.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// That an answer is a problem of that status, and what it says.
fn problem(answer: &Answer, status: StatusCode) -> String {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], status.as_u16());
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let hoist = Served::start().await;
    for (authorization, challenge) in [
        ("", "Bearer realm=\"hoist\""),
        ("Basic YWxpY2U6eA==", "Bearer realm=\"hoist\""),
        ("Bearer ", "Bearer realm=\"hoist\""),
        ("Bearer made-up", "Bearer realm=\"hoist\", error=\"invalid_token\""),
    ] {
        for method in ["GET", "POST"] {
            let path = if method == "GET" { "/api/v1/applications" } else { "/api/v1/holds" };
            let mut request = Request::builder().method(method).uri(path);
            if !authorization.is_empty() {
                request = request.header("authorization", authorization);
            }
            let answer = hoist.send(request.body(Body::empty()).unwrap()).await;
            problem(&answer, StatusCode::UNAUTHORIZED);
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
    }
}

#[tokio::test]
async fn everybody_does_what_their_roles_allow() {
    let hoist = Served::start().await;
    hoist.settle().await;
    let shop = json!({"application": "shop", "environment": "prod"});
    assert_eq!(get(&hoist, "reader", "/applications").await.status, StatusCode::OK);
    let blind = get(&hoist, "robot", "/applications").await;
    assert!(problem(&blind, StatusCode::FORBIDDEN).contains("lacks the right `status`"));
    let nosy = get(&hoist, "reader", "/audit").await;
    assert!(problem(&nosy, StatusCode::FORBIDDEN).contains("lacks the right `audit`"));
    for path in ["/holds", "/holds/resume", "/rollbacks", "/promotions"] {
        let answer = post(&hoist, "reader", path, &shop).await;
        assert!(problem(&answer, StatusCode::FORBIDDEN).contains("reader may not"), "{path}");
    }
}

#[tokio::test]
async fn what_is_where_can_be_asked() {
    let hoist = Served::start().await;
    hoist.settle().await;
    let all = get(&hoist, "alice", "/applications").await.json();
    let names: Vec<&str> = all["applications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["application"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["cart", "shop"]);
    for name in ["shop", "services%2Fshop"] {
        let shop = get(&hoist, "alice", &format!("/applications/{name}")).await.json();
        assert_eq!(shop["environments"][1]["version"], "v1.0.0", "{name}");
    }
    let history = get(&hoist, "alice", "/applications/shop/history?environment=prod").await.json();
    assert_eq!(history["promotions"][0]["kind"], "found");
    let unknown = get(&hoist, "alice", "/applications/nothing").await;
    problem(&unknown, StatusCode::NOT_FOUND);
    let lines = get(&hoist, "alice", "/audit?after=0&limit=2").await.json();
    assert_eq!(lines.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_hold_is_made_and_ended() {
    let hoist = Served::start().await;
    hoist.settle().await;
    let hold = json!({"application": "shop", "environment": "prod", "for": "2h", "reason": "sale"});
    let held = post(&hoist, "alice", "/holds", &hold).await;
    assert_eq!(held.status, StatusCode::CREATED, "{}", held.body);
    let shop = get(&hoist, "alice", "/applications/shop").await.json();
    assert_eq!(shop["environments"][1]["hold"]["reason"], "sale");
    let resume = json!({"application": "shop", "environment": "prod"});
    assert_eq!(post(&hoist, "alice", "/holds/resume", &resume).await.status, StatusCode::OK);
    let shop = get(&hoist, "alice", "/applications/shop").await.json();
    assert_eq!(shop["environments"][1]["hold"], json!(null));
}

#[tokio::test]
async fn a_freeze_is_made_listed_and_ended() {
    let hoist = Served::start().await;
    hoist.settle().await;
    let freeze = json!({"environment": "prod", "for": "2h", "reason": "INC-1"});
    let refused = post(&hoist, "reader", "/freezes", &freeze).await;
    assert!(problem(&refused, StatusCode::FORBIDDEN).contains("reader may not `freeze` in prod"));
    let frozen = post(&hoist, "alice", "/freezes", &freeze).await;
    assert_eq!(frozen.status, StatusCode::CREATED, "{}", frozen.body);
    let listed = get(&hoist, "reader", "/freezes").await.json();
    assert_eq!(listed[0]["environments"], json!(["prod"]));
    assert_eq!(listed[0]["on"], true);
    assert_eq!(listed[0]["allow"], json!([]));
    assert_eq!(get(&hoist, "reader", "/applications").await.json()["freezes"], listed);

    let thaw = json!({"environment": "prod", "reason": null});
    assert_eq!(post(&hoist, "alice", "/freezes/thaw", &thaw).await.status, StatusCode::OK);
    assert_eq!(get(&hoist, "reader", "/freezes").await.json(), json!([]));
    let again = post(&hoist, "alice", "/freezes/thaw", &thaw).await;
    assert!(problem(&again, StatusCode::CONFLICT).contains("prod is not frozen"));
    let silent = json!({"environment": "prod", "for": null, "reason": " "});
    let silent = post(&hoist, "alice", "/freezes", &silent).await;
    assert!(problem(&silent, StatusCode::BAD_REQUEST).contains("needs a reason"));
}

#[tokio::test]
async fn what_makes_no_sense_is_a_problem_that_says_so() {
    let hoist = Served::start().await;
    problem(&post(&hoist, "alice", "/holds", "{").await, StatusCode::BAD_REQUEST);
    let unknown = json!({"application": "shop", "environment": "prod", "untill": "2h"});
    let detail =
        problem(&post(&hoist, "alice", "/holds", unknown).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(detail.contains("untill"), "{detail}");
    let request = Request::post("/api/v1/holds")
        .header("authorization", format!("Bearer {}", token("alice")))
        .header("content-type", "text/plain");
    let answer = hoist.send(request.body(Body::from("{}")).unwrap()).await;
    problem(&answer, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    problem(&get(&hoist, "alice", "/nothing").await, StatusCode::NOT_FOUND);
    problem(&get(&hoist, "alice", "/rollbacks").await, StatusCode::METHOD_NOT_ALLOWED);
    problem(&get(&hoist, "alice", "/audit?limit=many").await, StatusCode::BAD_REQUEST);
    let huge = format!("{{\"reason\": \"{}\"}}", "x".repeat(70_000));
    problem(&post(&hoist, "alice", "/holds", huge).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let hoist = Served::start().await;
    let never = |path: &str, kind: &str| {
        let body = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let request = Request::post(path).header("content-type", kind);
        let request = request.header("authorization", format!("Bearer {}", token("alice")));
        let request = request.header("sec-fetch-site", "same-origin");
        hoist.send(request.body(body).unwrap())
    };
    let (command, form) = tokio::join!(
        never("/api/v1/holds", "application/json"),
        never("/sign-in", "application/x-www-form-urlencoded"),
    );
    let detail = problem(&command, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(detail, "the body was not there after 10 s: send it at once");
    assert_eq!(form.status, StatusCode::REQUEST_TIMEOUT, "{}", form.body);
}

#[tokio::test]
async fn a_proposal_is_reviewed_and_merged() {
    let hoist = Served::start().await;
    hoist.settle().await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    let deliveries = get(&hoist, "alice", "/deliveries").await.json();
    let event = deliveries[0]["id"].as_str().unwrap().to_owned();
    let delivery = get(&hoist, "alice", &format!("/deliveries/{event}")).await.json();
    assert_eq!(delivery["artifacts"][0]["artifact"]["version"], "v1.1.0", "{delivery}");
    problem(&get(&hoist, "alice", "/deliveries/nothing").await, StatusCode::NOT_FOUND);

    let shop = get(&hoist, "alice", "/applications/shop").await.json();
    let id = shop["environments"][1]["next"]["promotion"].as_str().unwrap().to_owned();
    let promotion = get(&hoist, "alice", &format!("/promotions/{id}")).await.json();
    let head = promotion["proposal"]["head"].clone();
    let step = |step: &str| json!({"step": step, "head": head});

    let misplaced = post(&hoist, "bob", &format!("/promotions/{id}/merge"), step("approve")).await;
    problem(&misplaced, StatusCode::BAD_REQUEST);
    let early = post(&hoist, "bob", &format!("/promotions/{id}/merge"), step("merge")).await;
    assert!(problem(&early, StatusCode::CONFLICT).contains("approvals"), "{}", early.body);
    let approved = post(&hoist, "bob", &format!("/promotions/{id}/reviews"), step("approve")).await;
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.body);
    let merged = post(&hoist, "bob", &format!("/promotions/{id}/merge"), step("merge")).await;
    assert_eq!(merged.status, StatusCode::OK, "{}", merged.body);
    hoist.settle().await;
    let promotion = get(&hoist, "alice", &format!("/promotions/{id}")).await.json();
    assert_eq!(promotion["state"], "succeeded");
}

#[tokio::test]
async fn artifacts_are_listed_newest_first_and_promoted_by_tag_or_digest() {
    let hoist = Served::start().await;
    hoist.settle().await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.announce("cart", "v7.0.0").await;
    hoist.settle().await;
    let all = get(&hoist, "alice", "/artifacts").await.json();
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    let shops = get(&hoist, "alice", "/artifacts?application=shop").await.json();
    assert_eq!(shops[0]["artifact"]["tag"], "v1.1.0", "{shops}");
    assert_eq!(shops.as_array().unwrap().len(), 1, "{shops}");

    let ask = |name: &str, value: &str| json!({"application": "shop", "environment": "prod", name: value});
    let digest = shops[0]["artifact"]["digest"].as_str().unwrap();
    for request in [ask("tag", "v1.1.0"), ask("digest", digest)] {
        let answer = post(&hoist, "alice", "/promotions", &request).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    }
    let by_digest = post(&hoist, "alice", "/promotions", &ask("digest", "v1.1.0")).await;
    problem(&by_digest, StatusCode::NOT_FOUND);
    let mut twice = ask("tag", "v1.1.0");
    twice["version"] = json!("v1.1.0");
    problem(&post(&hoist, "alice", "/promotions", &twice).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn why_and_plan_are_asked_for_by_those_who_may_look() {
    let hoist = Served::start().await;
    hoist.settle().await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    let why = get(&hoist, "reader", "/applications/shop/why/prod").await.json();
    assert_eq!(why["candidates"][0]["version"], "v1.1.0", "{why}");
    assert_eq!(why["candidates"][0]["gates"][0]["verdict"], "open", "{why}");
    let plan = get(&hoist, "reader", "/plan?application=shop").await.json();
    assert_eq!(plan["applications"][0]["steps"], json!([]), "{plan}");
    assert_eq!(plan["applications"][0]["waits"][0]["environment"], "prod", "{plan}");
    problem(&get(&hoist, "robot", "/plan").await, StatusCode::FORBIDDEN);
    problem(&get(&hoist, "robot", "/applications/shop/why/prod").await, StatusCode::FORBIDDEN);
    problem(&get(&hoist, "reader", "/plan?at=soon").await, StatusCode::BAD_REQUEST);
    problem(&get(&hoist, "reader", "/applications/shop/why/x").await, StatusCode::NOT_FOUND);
}
