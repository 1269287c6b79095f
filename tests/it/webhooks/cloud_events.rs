//! The same announcement in standard clothes: CDEvents in CloudEvents.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hoist::app::policy::{Proof, Source};
use serde_json::{Value, json};

use super::world::*;

const DIGEST: &str = "sha256%3A0000000000000000000000000000000000000000000000000000000000000001";

fn purl() -> String {
    format!("pkg:oci/shop@{DIGEST}?repository_url=ghcr.io/acme/shop&tag=v1")
}

/// A CDEvent as the specification's examples have it.
fn cd_event(subject: &str) -> Value {
    json!({
        "context": {
            "version": "0.4.0",
            "id": "271069a8-fc18-44f1-b38f-9d70a1695819",
            "source": "/event/source/123",
            "type": "dev.cdevents.artifact.published.0.1.1",
            "timestamp": "2026-11-22T14:27:05.315384Z",
        },
        "subject": {
            "id": subject,
            "source": "/event/source/123",
            "type": "artifact",
            "content": {"user": "alice"},
        },
    })
}

fn structured(kind: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "type": kind,
        "source": "/event/source/123",
        "id": "271069a8-fc18-44f1-b38f-9d70a1695819",
        "datacontenttype": "application/json",
        "data": data,
    })
}

fn send_structured(event: &Value) -> Request<Body> {
    send_structured_by(SECRET, event)
}

fn send_structured_by(secret: &str, event: &Value) -> Request<Body> {
    let body = event.to_string();
    let signature = hub_signature(secret, body.as_bytes());
    let headers = [
        ("content-type", "application/cloudevents+json; charset=utf-8"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    request(&headers, body.as_bytes())
}

fn send_binary(kind: &str, data: &Value) -> Request<Body> {
    let body = data.to_string();
    let signature = hub_signature(SECRET, body.as_bytes());
    let headers = [
        JSON,
        ("x-hub-signature-256", signature.as_str()),
        ("ce-specversion", "1.0"),
        ("ce-type", kind),
        ("ce-source", "/event/source/123"),
        ("ce-id", "271069a8-fc18-44f1-b38f-9d70a1695819"),
    ];
    request(&headers, body.as_bytes())
}

/// One CDEvent of each kind and published version, after the specification's conformance files, by
/// its type.
fn of_each_version(subject: &str) -> Vec<(String, Value)> {
    let events = include_str!("../../fixtures/cdevents/events.json").replace("PURL", subject);
    let events: Vec<Value> = serde_json::from_str(&events).unwrap();
    let kind = |event: &Value| event["context"]["type"].as_str().unwrap().to_owned();
    events.into_iter().map(|event| (kind(&event), event)).collect()
}

#[tokio::test]
async fn each_version_of_packaged_and_published_is_an_announcement() {
    let mut seen = Vec::new();
    for (kind, event) in of_each_version(&purl()) {
        let requests = [send_structured(&structured(&kind, &event)), send_binary(&kind, &event)];
        for request in requests {
            let world = World::new().await;
            let answer = world.send(request).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{kind}: {}", answer.line());
            assert_eq!(world.tags_of("services", "shop").await, ["v1"]);
        }
        let version = kind.trim_start_matches("dev.cdevents.artifact.");
        seen.push(version.to_owned());
    }
    let versions = ["0.1.0", "0.1.1", "0.2.0", "0.3.0"];
    let all = versions.map(|it| [format!("packaged.{it}"), format!("published.{it}")]);
    assert_eq!(seen, all.concat());
}

#[tokio::test]
async fn a_package_url_is_read_with_its_colon_as_it_is_or_encoded() {
    let digest = DIGEST.replace("%3A", ":");
    let registry = "repository_url=ghcr.io%2Facme%2Fshop";
    for (purl, tag) in [
        (format!("pkg:oci/shop@{DIGEST}?{registry}&tag=v1"), "v1"),
        (format!("pkg:oci/shop@{digest}?{registry}&tag=v1"), "v1"),
        (format!("pkg:oci/shop@{digest}?tag=v1&arch=amd64&repository_url=ghcr.io/acme/shop"), "v1"),
        (format!("pkg://oci/shop@{DIGEST}?{registry}"), "000000000000"),
    ] {
        let world = World::new().await;
        let event = structured("dev.cdevents.artifact.published.0.3.0", &cd_event(&purl));
        let answer = world.send(send_structured(&event)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{purl}: {}", answer.line());
        assert!(world.tags_of("services", "shop").await[0].starts_with(tag), "{purl}");
    }
}

#[tokio::test]
async fn a_chart_and_a_file_are_announced_like_images() {
    let source = |name: &str| Source {
        name: name.parse().unwrap(),
        proof: Proof::Secrets(vec![name.to_owned().into()]),
        images: Vec::new(),
        per_minute: 1000,
    };
    let chart = (source("portal"), "charts.acme.example/stable/portal");
    let file = (source("prices"), "pkg:generic/acme/prices");
    let world = World::hearing(vec![chart, file], no_registry()).await;
    let checksum = DIGEST.replace("%3A", ":");
    for (who, package, version) in [
        ("portal", "helm/portal@1.4.2?repository_url=https://charts.acme.example/stable", "1.4.2"),
        ("prices", "generic/acme/prices@2026.11?file_name=prices.csv", "2026.11"),
    ] {
        let event = cd_event(&format!("pkg:{package}&checksum={checksum}"));
        let mut event = structured("dev.cdevents.artifact.published.0.3.0", &event);
        event["id"] = json!(who);
        let answer = world.send(send_structured_by(who, &event)).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{package}: {}", answer.line());
        assert_eq!(world.tags_of(&format!("of-{who}"), who).await, [version]);
    }
}

#[tokio::test]
async fn it_is_the_same_announcement_in_whatever_clothes() {
    let world = World::new().await;
    let kind = "dev.cdevents.artifact.published.0.2.0";
    let first = world.send(send_binary(kind, &cd_event(&purl()))).await;
    let again = world.send(send_structured(&structured(kind, &cd_event(&purl())))).await;
    assert_eq!((again.status, again.id()), (StatusCode::OK, first.id()));
    let plain = world.announce(&shop(1)).await;
    assert_eq!((plain.status, plain.id()), (StatusCode::OK, first.id()));
}

#[tokio::test]
async fn custom_data_tells_what_the_standard_has_no_word_for() {
    let world = World::new().await;
    let mut event = cd_event(&purl());
    event["customData"] = json!({
        "version": "1.0.0",
        "source": {"repository": "https://github.com/acme/shop", "commit": "9f2c"},
        "build": {"url": "https://ci.example.com/1"},
    });
    let kind = "dev.cdevents.artifact.published.0.2.0";
    world.send(send_structured(&structured(kind, &event))).await;
    assert_eq!(world.tags_of("services", "shop").await, ["1.0.0"]);
}

#[tokio::test]
async fn an_event_that_comes_while_the_remote_is_away_is_read_again_later() {
    let world = World::new().await;
    world.lose_the_remote();
    let kind = "dev.cdevents.artifact.packaged.0.2.0";
    let answer = world.send(send_binary(kind, &cd_event(&purl()))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    world.find_the_remote_again();
    let discovery = world.app.discover().await.unwrap();
    world.app.decide_undecided(&discovery).await.unwrap();
    assert_eq!(world.tags_of("services", "shop").await, ["v1"]);
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_said_by_its_field() {
    let world = World::new().await;
    let built = "dev.cdevents.artifact.published.0.2.0";
    let of = |subject: &str| structured(built, &cd_event(subject));
    let mut old = of(&purl());
    old["specversion"] = json!("0.3");
    let mut encoded = of(&purl());
    encoded["data_base64"] = json!("e30=");
    let cases = [
        ("an old specification", old),
        ("another event", structured("dev.cdevents.artifact.signed.0.1.0", &cd_event(&purl()))),
        ("no data", json!({"specversion": "1.0", "type": built, "id": "1", "source": "a"})),
        ("encoded", encoded),
        ("no purl", of("ghcr.io/acme/shop:v1")),
        ("a chart without a repository", of("pkg:helm/shop@1.0.0")),
        ("a chart in a registry", of("pkg:helm/shop@1.0.0?repository_url=oci://ghcr.io/acme")),
        ("a file without a checksum", of("pkg:generic/acme/prices@2026.11")),
        ("another package", of("pkg:npm/shop@1.0.0")),
        ("no registry", of(&format!("pkg:oci/shop@{DIGEST}"))),
        ("no digest", of("pkg:oci/shop?repository_url=ghcr.io/acme/shop")),
        ("no real digest", of("pkg:oci/shop@v1?repository_url=ghcr.io/acme/shop")),
        ("not theirs", of(&format!("pkg:oci/x@{DIGEST}?repository_url=quay.io/acme/x"))),
    ];
    let mut told = String::new();
    for (what, event) in cases {
        let answer = world.send(send_structured(&event)).await;
        told += &format!("{what} -> {}\n", answer.line());
    }
    insta::assert_snapshot!(told, @r#"
    an old specification -> 400 specversion: `specversion` is not 1.0, the one that is understood
    another event -> 400 type: the event's `type` is "dev.cdevents.artifact.signed.0.1.0", which announces nothing: hoist takes `dev.cdevents.artifact.packaged` and `dev.cdevents.artifact.published`; let the sender leave the others out
    no data -> 400 data.subject.id: `data.subject.id` is missing: it is a package URL as `pkg:oci/shop@sha256%3A…?repository_url=ghcr.io/acme/shop&tag=v1.4.2`
    encoded -> 400 data_base64: `data_base64` is not read: send JSON in `data`
    no purl -> 400 data.subject.id: `data.subject.id`: this is no package URL: invalid scheme: "ghcr.io/acme/shop"
    a chart without a repository -> 400 data.subject.id: `data.subject.id`: it has no `repository_url`: without it nobody can tell the chart's repository
    a chart in a registry -> 400 data.subject.id: `data.subject.id`: a chart in an OCI registry is named by its manifest's digest, which `helm push` prints: write `pkg:oci/NAME@sha256%3A…?repository_url=…&tag=VERSION`
    a file without a checksum -> 400 data.subject.id: `data.subject.id`: it has no `checksum=sha256:…`: a version can be given twice, and only the checksum says what it is
    another package -> 400 data.subject.id: `data.subject.id`: hoist knows nothing of packages of type `npm`: it takes `pkg:oci/…` (images, and charts in an OCI registry), `pkg:helm/…` and `pkg:generic/…`
    no registry -> 400 data.subject.id: `data.subject.id`: it has no `repository_url`: without it nobody can tell the registry
    no digest -> 400 data.subject.id: `data.subject.id`: it has no version: that is the digest, as `@sha256%3A…`
    no real digest -> 400 data.subject.id: `data.subject.id`: its version: a digest starts with `sha256:`, and "v1" does not
    not theirs -> 403 image: the source ci may not announce `quay.io/acme/x`: no pattern in `sources.ci.images` fits
    "#);
    assert_eq!(world.deliveries().await, [""; 0]);
}

fn send_batch(batch: &Value) -> Request<Body> {
    let body = batch.to_string();
    let signature = hub_signature(SECRET, body.as_bytes());
    let headers = [
        ("content-type", "application/cloudevents-batch+json"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    request(&headers, body.as_bytes())
}

/// The n-th event of a sender, about the n-th artifact of the shop.
pub fn numbered(number: u32) -> Value {
    let digest = format!("sha256%3A{number:064}");
    let subject = format!("pkg:oci/shop@{digest}?repository_url=ghcr.io/acme/shop&tag=v{number}");
    let mut event = structured("dev.cdevents.artifact.published.0.2.0", &cd_event(&subject));
    event["id"] = json!(number.to_string());
    event
}

#[tokio::test]
async fn each_event_of_a_batch_has_its_own_answer() {
    let world = World::new().await;
    let foreign = format!("pkg:oci/x@{DIGEST}?repository_url=quay.io/acme/x");
    let foreign = structured("dev.cdevents.artifact.published.0.2.0", &cd_event(&foreign));
    let batch = json!([numbered(1), {"specversion": "1.0"}, foreign, numbered(2), numbered(1)]);
    let answer = world.send(send_batch(&batch)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let answers = answer.json["answers"].as_array().unwrap();
    let told: Vec<_> = answers
        .iter()
        .map(|it| format!("{} {} {}", it["what"], it["status"], it["detail"]))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "/event/source/123 1" 202 null
    "event 2" 400 "the event's `type` is \"\", which announces nothing: hoist takes `dev.cdevents.artifact.packaged` and `dev.cdevents.artifact.published`; let the sender leave the others out"
    "/event/source/123 271069a8-fc18-44f1-b38f-9d70a1695819" 403 "the source ci may not announce `quay.io/acme/x`: no pattern in `sources.ci.images` fits"
    "/event/source/123 2" 202 null
    "/event/source/123 1" 200 null
    "#);
    assert_eq!(world.tags_of("services", "shop").await, ["v1", "v2"]);
    // The sender lost the answer, and sends all of it again.
    let again = world.send(send_batch(&batch)).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.json["answers"][0]["id"], answers[0]["id"]);
    assert_eq!(again.json["answers"][3]["id"], answers[3]["id"]);
    assert_eq!(world.tags_of("services", "shop").await, ["v1", "v2"]);
}

#[tokio::test]
async fn a_batch_is_a_list_with_a_bound_and_a_signature() {
    let world = World::new().await;
    let many: Vec<Value> = (1..=101).map(numbered).collect();
    let answer = world.send(send_batch(&json!(many))).await;
    assert_eq!(answer.line(), "400 -: the batch has 101 events, and at most 100 are taken");
    let answer = world.send(send_batch(&numbered(1))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.line());
    let answer = world.send(send_batch(&json!([]))).await;
    assert_eq!((answer.status, &answer.json["answers"]), (StatusCode::OK, &json!([])));
    let unsigned = [("content-type", "application/cloudevents-batch+json")];
    let answer = world.send(request(&unsigned, b"[]")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
