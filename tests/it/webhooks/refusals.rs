//! What a bad announcement is told, and that nothing remains of it.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::world::*;

/// Every wrong request in one table: what is wrong with it, status, field, words.
async fn told(world: &World, requests: Vec<(&str, Request<Body>)>) -> String {
    let mut lines = Vec::new();
    for (what, request) in requests {
        let answer = world.send(request).await;
        assert_eq!(answer.content_type, "application/problem+json", "{what}");
        assert_eq!(answer.json["status"], answer.status.as_u16(), "{what}");
        lines.push(format!("{what} -> {}", answer.line()));
    }
    assert_eq!(world.deliveries().await, [""; 0]);
    assert_eq!(world.audit().await, [""; 0]);
    lines.join("\n")
}

#[tokio::test]
async fn a_malformed_body_is_told_which_field() {
    let world = World::new().await;
    let changed = [
        ("image", Value::Null),
        ("image", json!("ghcr.io/acme/shop:v1")),
        ("digest", Value::Null),
        ("digest", json!("sha256:abc")),
        ("digest", json!(7)),
        ("tag", json!("")),
        ("tag", json!("v 1")),
        ("application", json!("a/b")),
        ("application", json!("")),
        ("source", json!("https://github.com/acme/shop")),
        ("source.repository", json!("git@github.com:acme/shop.git")),
        ("source.repository", json!("https://ci:token@github.com/acme/shop")),
        ("source.commit", json!(["9f2c"])),
        ("source.ref", json!("refs/heads/\u{202e}main")),
        ("build.url", json!("javascript:alert(1)")),
        ("build.id", json!("x".repeat(2049))),
        ("actor", json!("alice\nHoist-Promotion: 1")),
        ("artifacts", json!([])),
    ];
    let mut requests: Vec<_> = changed
        .into_iter()
        .map(|(field, value)| (field, signed(shop_with(field, value).to_string().as_bytes())))
        .collect();
    requests.push(("not JSON", signed(b"{\"image\": ")));
    requests.push(("not UTF-8", signed(b"{\"image\": \"\xff\"}")));
    requests.push(("a list", signed(b"[]")));
    requests.push(("nothing", signed(b"")));
    requests.push(("too deep", signed("[".repeat(100_000).as_bytes())));
    insta::assert_snapshot!(told(&world, requests).await, @r#"
    image -> 400 image: `image` is missing: it is a string as `ghcr.io/acme/shop`
    image -> 400 image: `image`: "ghcr.io/acme/shop:v1" is not an image's name: write the repository with its registry and without tag or digest, as in `ghcr.io/acme/payments`
    digest -> 400 digest: `digest` is missing: it is a string as `sha256:…`
    digest -> 400 digest: `digest`: after `sha256:` a digest has 64 hex digits, not 3
    digest -> 400 digest: `digest` is a number, and it should be a string
    tag -> 400 tag: `tag`: "" is not a tag: it starts with a letter, a digit or `_`, goes on with those, `.` and `-`, and has at most 128 characters
    tag -> 400 tag: `tag`: "v 1" is not a tag: it starts with a letter, a digit or `_`, goes on with those, `.` and `-`, and has at most 128 characters
    application -> 400 application: `application`: "a/b" is not an application name: only letters, digits, `-`, `_`, `.` and `+` make a name
    application -> 400 application: `application`: "" is not an application name: it is empty
    source -> 400 source: `source` is a string, and it should be an object
    source.repository -> 400 source.repository: `source.repository` is not an address that starts with `https://` or `http://`
    source.repository -> 400 source.repository: `source.repository` has a name or a password before `@`: leave them out, hoist shows the address to people
    source.commit -> 400 source.commit: `source.commit` is a list, and it should be a string
    source.ref -> 400 source.ref: `source.ref` has the control character '\u{202e}' in it: leave it out
    build.url -> 400 build.url: `build.url` is not an address that starts with `https://` or `http://`
    build.id -> 400 build.id: `build.id` has 2049 bytes, and at most 2048 fit
    actor -> 400 actor: `actor` has the control character '\n' in it: leave it out
    artifacts -> 400 artifacts: several artifacts in one announcement are planned and not built yet: announce each by itself, with `image`, `digest` and `tag`
    not JSON -> 400 -: the body is not JSON: EOF while parsing a value at line 1 column 10
    not UTF-8 -> 400 -: the body is not JSON: invalid unicode code point at line 1 column 12
    a list -> 400 -: the body is a list, and it should be an object
    nothing -> 400 -: the body is not JSON: EOF while parsing a value at line 1 column 0
    too deep -> 400 -: the body is not JSON: recursion limit exceeded at line 1 column 128
    "#);
}

#[tokio::test]
async fn a_sender_nobody_vouches_for_is_told_how_to_sign() {
    let world = World::new().await;
    let body = shop(1).to_string();
    let body = body.as_bytes();
    let headers = |headers: &[(&str, &str)]| request(&[&[JSON], headers].concat(), body);
    let zeros = format!("sha256={}", "0".repeat(64));
    let right = hub_signature(SECRET, body);
    let requests = vec![
        ("no signature", headers(&[])),
        ("a bearer token", headers(&[("authorization", "Bearer eyJ")])),
        ("no hex", headers(&[("x-hub-signature-256", "sha256=secret")])),
        ("a wrong signature", headers(&[("x-hub-signature-256", &zeros)])),
        ("another body's", request(&[JSON, ("x-hub-signature-256", &right)], b"{}")),
        ("a half", headers(&[("webhook-id", "msg_1"), ("webhook-signature", "v1,AAAA")])),
        ("too old", signed_standard("msg_1", NOW - 301, body)),
        ("too new", signed_standard("msg_1", NOW + 301, body)),
    ];
    insta::assert_snapshot!(told(&world, requests).await, @"
    no signature -> 401 -: the request is not signed: send `X-Hub-Signature-256`, or `webhook-id`, `webhook-timestamp` and `webhook-signature` (Standard Webhooks), or `Authorization: Bearer` with a token of CI (OIDC)
    a bearer token -> 401 -: the bearer token is no JWT: it has not three parts with dots between
    no hex -> 401 -: `X-Hub-Signature-256` is not `sha256=` and 64 hex digits
    a wrong signature -> 401 -: the signature was made by no secret that is configured: sign the very bytes that are sent, with HMAC-SHA256 and the secret of a source in `sources:`
    another body's -> 401 -: the signature was made by no secret that is configured: sign the very bytes that are sent, with HMAC-SHA256 and the secret of a source in `sources:`
    a half -> 401 -: `webhook-timestamp` is missing: Standard Webhooks signs with all three of its headers
    too old -> 401 -: `webhook-timestamp` is 301 s old, and at most 300 s are accepted: sign at the time of sending
    too new -> 401 -: `webhook-timestamp` is 301 s ahead of our clock, and at most 300 s are accepted: check both clocks
    ");
}

#[tokio::test]
async fn a_source_speaks_for_its_own_images_and_for_applications_that_exist() {
    let world = World::new().await;
    let strange = shop_with("image", json!("docker.io/evil/shop"));
    let cart = json!({
        "image": "ghcr.io/acme/cart",
        "digest": format!("sha256:{:064x}", 1),
    });
    let no_image = shop_with("image", json!("ghcr.io/acme/cart"));
    let mut nobody = shop_with("application", json!("nobody"));
    let no_image_of_nobody = nobody.clone();
    nobody["image"] = json!("ghcr.io/acme/nobody");
    let mut unnamed = nobody.clone();
    unnamed["application"] = Value::Null;
    let mut no_pipeline = shop_with("image", json!("ghcr.io/acme/web/other"));
    no_pipeline["application"] = Value::Null;
    let cart = cart.to_string();
    let requests = vec![
        ("not its image", signed(strange.to_string().as_bytes())),
        ("not its image", signed_standard("msg_1", NOW, cart.as_bytes())),
        ("not the application's image", signed(no_image.to_string().as_bytes())),
        ("nobody's, with an image of none", signed(no_image_of_nobody.to_string().as_bytes())),
        ("an unknown application", signed(nobody.to_string().as_bytes())),
        ("an unknown image", signed(unnamed.to_string().as_bytes())),
        ("no pipeline's image", signed(no_pipeline.to_string().as_bytes())),
    ];
    insta::assert_snapshot!(told(&world, requests).await, @"
    not its image -> 403 image: the source ci may not announce `docker.io/evil/shop`: no pattern in `sources.ci.images` fits
    not its image -> 403 image: the source actions may not announce `ghcr.io/acme/cart`: no pattern in `sources.actions.images` fits
    not the application's image -> 422 image: `ghcr.io/acme/cart` is not the image of the application shop; that is `ghcr.io/acme/shop` (pipeline services)
    nobody's, with an image of none -> 422 application: no application is called nobody, and the image of one would not be `ghcr.io/acme/shop` but `ghcr.io/acme/nobody` (pipeline services)
    an unknown application -> 422 application: there is no application nobody: the tip of gitops was just read; `environments/staging/apps/nobody/kustomization.yaml`, `environments/staging/apps/nobody/values.yaml` would make one
    an unknown image -> 422 image: no application has the image `ghcr.io/acme/nobody`: the tip of gitops was just read; `environments/staging/apps/nobody/kustomization.yaml`, `environments/staging/apps/nobody/values.yaml` would make one
    no pipeline's image -> 422 image: no pipeline moves the image `ghcr.io/acme/web/other`; pipelines move `ghcr.io/acme/{application}`, `ghcr.io/acme/web/site`
    ");
}

#[tokio::test]
async fn what_is_not_json_is_not_read() {
    let world = World::new().await;
    let body = shop(1).to_string();
    let signature = hub_signature(SECRET, body.as_bytes());
    let typed = |headers: &[(&str, &str)]| {
        request(
            &[&[("x-hub-signature-256", signature.as_str())], headers].concat(),
            body.as_bytes(),
        )
    };
    let requests = vec![
        ("no type", typed(&[])),
        ("a form", typed(&[("content-type", "application/x-www-form-urlencoded")])),
        ("latin-1", typed(&[("content-type", "application/json; charset=iso-8859-1")])),
    ];
    insta::assert_snapshot!(told(&world, requests).await, @r#"
    no type -> 415 -: `Content-Type` is missing, and it should be `application/json`
    a form -> 415 -: `Content-Type` is "application/x-www-form-urlencoded", and it should be `application/json`
    latin-1 -> 415 -: JSON is written in UTF-8, not in "iso-8859-1"
    "#);
    let utf8 = typed(&[("content-type", "Application/JSON; charset=\"UTF-8\"")]);
    assert_eq!(world.send(utf8).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn other_ways_lead_nowhere() {
    let world = World::new().await;
    let to = |method: Method, path: &str| {
        Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
    };
    let requests = vec![
        ("GET", to(Method::GET, "/hooks/artifacts")),
        ("DELETE", to(Method::DELETE, "/hooks/artifacts")),
        ("another hook", to(Method::POST, "/hooks/nobody")),
        ("health", to(Method::POST, "/healthz")),
    ];
    insta::assert_snapshot!(told(&world, requests).await, @r#"
    GET -> 405 -: /hooks/artifacts does not take GET; the `Allow` header says what it takes
    DELETE -> 405 -: /hooks/artifacts does not take DELETE; the `Allow` header says what it takes
    another hook -> 404 -: there is nothing at /hooks/nobody
    health -> 405 -: /healthz does not take POST; the `Allow` header says what it takes
    "#);
}
