//! What a token of CI proves, and everything that proves nothing.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::cloud_events::numbered;
use super::world::*;
use crate::support::issuer::{CiIssuer, SigningKey, unsigned};

/// A hoist that trusts an issuer, with one key published.
struct Ci {
    issuer: CiIssuer,
    key: SigningKey,
    world: World,
}

impl Ci {
    async fn new() -> Self {
        let issuer = CiIssuer::start().await;
        let key = SigningKey::rsa("key-1");
        issuer.publish(&[&key]);
        let world = World::trusting(&issuer).await;
        Self { issuer, key, world }
    }

    /// What the shop's job on main says of itself.
    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer.url(),
            "aud": "hoist",
            "sub": "repo:acme/shop:ref:refs/heads/main",
            "exp": NOW + 300,
            "nbf": NOW - 5,
            "iat": NOW - 5,
            "jti": "token-1",
            "repository": "acme/shop",
            "ref": "refs/heads/main",
        })
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        // What is null is left out.
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    async fn send(&self, token: &str, body: &Value) -> Answer {
        self.world.send(bearing(token, body)).await
    }
}

fn bearing(token: &str, body: &Value) -> Request<Body> {
    let authorization = format!("Bearer {token}");
    request(&[JSON, ("authorization", &authorization)], body.to_string().as_bytes())
}

#[tokio::test]
async fn a_job_announces_its_own_image_without_a_secret() {
    let ci = Ci::new().await;
    let mut body = shop(1);
    body["application"] = Value::Null;
    let answer = ci.send(&ci.key.token(&ci.claims()), &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.line());
    assert_eq!(ci.world.tags_of("services", "shop").await, ["v1"]);
}

#[tokio::test]
async fn both_kinds_of_keys_are_read_and_strange_ones_are_passed_over() {
    let ci = Ci::new().await;
    let curve = SigningKey::ec("key-2");
    let strange = json!({"kty": "AKP", "alg": "ML-DSA-65", "kid": "key-3", "pub": "AAAA"});
    ci.issuer.publish_raw(vec![strange, curve.jwk()]);
    let answer = ci.send(&curve.token(&ci.claims()), &shop(1)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.line());
}

#[tokio::test]
async fn a_retry_is_the_same_announcement_and_a_caught_token_is_good_for_no_other() {
    let ci = Ci::new().await;
    let token = ci.key.token(&ci.claims());
    let first = ci.send(&token, &shop(1)).await;
    let again = ci.send(&token, &shop(1)).await;
    assert_eq!((again.status, again.id()), (StatusCode::OK, first.id()));
    let fresh = ci.key.token(&ci.claims_with("jti", json!("token-2")));
    let third = ci.send(&fresh, &shop(1)).await;
    assert_eq!((third.status, third.id()), (StatusCode::OK, first.id()));
    insta::assert_snapshot!(ci.send(&token, &shop(2)).await.line(), @"401 -: the bearer token was used for another announcement before: get a new one for each; the same announcement may be sent again with it");
    assert_eq!(ci.world.tags_of("services", "shop").await, ["v1"]);
}

/// What each token is told, with the announcement that it vouches for; nothing must come of it.
async fn told(ci: &Ci, cases: Vec<(&str, String)>) -> String {
    let mut lines = Vec::new();
    for (what, token) in cases {
        let answer = ci.send(&token, &shop(1)).await;
        assert_eq!(answer.content_type, "application/problem+json", "{what}");
        lines.push(format!("{what} -> {}", answer.line()));
    }
    assert_eq!(ci.world.deliveries().await, [""; 0]);
    lines.join("\n").replace(&ci.issuer.url(), "ISSUER")
}

#[tokio::test]
async fn a_token_whose_claims_do_not_fit_is_told_which() {
    let ci = Ci::new().await;
    let with = |name: &str, value: Value| ci.key.token(&ci.claims_with(name, value));
    let cases = vec![
        ("another audience", with("aud", json!("vault"))),
        ("among audiences", with("aud", json!(["vault", "sts"]))),
        ("no audience", with("aud", Value::Null)),
        ("another issuer", with("iss", json!("https://token.example.com"))),
        ("an issuer that is almost ours", with("iss", json!(format!("{}/", ci.issuer.url())))),
        ("no issuer", with("iss", Value::Null)),
        ("expired", with("exp", json!(NOW - 60))),
        ("no end", with("exp", Value::Null)),
        ("an end in words", with("exp", json!("tomorrow"))),
        ("an end beyond time", with("exp", json!(1e300))),
        ("not yet", with("nbf", json!(NOW + 61))),
        ("made tomorrow", with("iat", json!(NOW + 86_400))),
        ("no subject", with("sub", Value::Null)),
        ("another branch", with("ref", json!("refs/heads/evil"))),
        ("another owner", with("repository", json!("evil/shop"))),
        ("below the owner", with("repository", json!("acme/shop/evil"))),
        ("no repository", with("repository", Value::Null)),
        ("a list of repositories", with("repository", json!(["acme/shop"]))),
    ];
    insta::assert_snapshot!(told(&ci, cases).await, @r#"
    another audience -> 401 -: the bearer token was made for "vault", and ISSUER is trusted for "hoist": ask CI for a token with that audience
    among audiences -> 401 -: the bearer token was made for "vault", "sts", and ISSUER is trusted for "hoist": ask CI for a token with that audience
    no audience -> 401 -: the bearer token was made for nobody, and ISSUER is trusted for "hoist": ask CI for a token with that audience
    another issuer -> 401 -: the bearer token was made by "https://token.example.com", and no source in `sources:` trusts that issuer: write it as `oidc: {issuer: …}`, exactly as it stands in `iss`
    an issuer that is almost ours -> 401 -: the bearer token was made by "ISSUER/", and no source in `sources:` trusts that issuer: write it as `oidc: {issuer: …}`, exactly as it stands in `iss`
    no issuer -> 401 -: the bearer token has no readable `iss`: get it from the CI that runs the job
    expired -> 401 -: the bearer token expired 60 s ago: get one right before it is sent
    no end -> 401 -: the bearer token has no readable `exp`: get it from the CI that runs the job
    an end in words -> 401 -: the bearer token has no readable `exp`: get it from the CI that runs the job
    an end beyond time -> 401 -: the bearer token has no readable `exp`: get it from the CI that runs the job
    not yet -> 401 -: the bearer token is good only 61 s from now: check both clocks; hoist allows 60 s
    made tomorrow -> 401 -: the bearer token is good only 86400 s from now: check both clocks; hoist allows 60 s
    no subject -> 401 -: the bearer token has no readable `sub`: get it from the CI that runs the job
    another branch -> 401 -: the bearer token fits no source in `sources:`; `sources.jobs.claims.ref` does not fit "refs/heads/evil"
    another owner -> 401 -: the bearer token fits no source in `sources:`; `sources.jobs.claims.repository` does not fit "evil/shop"
    below the owner -> 401 -: the bearer token fits no source in `sources:`; `sources.jobs.claims.repository` does not fit "acme/shop/evil"
    no repository -> 401 -: the bearer token fits no source in `sources:`; it has no `repository`, which `sources.jobs.claims` speaks of
    a list of repositories -> 401 -: the bearer token fits no source in `sources:`; it has no `repository`, which `sources.jobs.claims` speaks of
    "#);
}

#[tokio::test]
async fn a_token_that_its_issuer_did_not_sign_is_worth_nothing() {
    let ci = Ci::new().await;
    let foreign = SigningKey::rsa("key-1");
    let header = json!({"alg": "RS256", "kid": "key-1"});
    let good = ci.key.token(&ci.claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let cases = vec![
        // First: the issuer is asked about it.
        ("an unknown key", SigningKey::rsa("key-9").token(&ci.claims())),
        ("a stranger's key under our name", foreign.token(&ci.claims())),
        ("no key's name", ci.key.token_with(&json!({"alg": "RS256"}), &ci.claims())),
        ("not signed", format!("{}.", unsigned(&json!({"alg": "none"}), &ci.claims()))),
        (
            "not signed, shouted",
            format!("{}.", unsigned(&json!({"alg": "NONE", "kid": "key-1"}), &ci.claims())),
        ),
        ("signed with the public key", confused(&ci)),
        (
            "another algorithm's name",
            ci.key.token_with(&json!({"alg": "RS512", "kid": "key-1"}), &ci.claims()),
        ),
        (
            "another kind of key",
            ci.key.token_with(&json!({"alg": "ES256", "kid": "key-1"}), &ci.claims()),
        ),
        (
            "other claims under the signature",
            format!("{}.{signature}", unsigned(&header, &ci.claims_with("sub", json!("x")))),
        ),
        ("no signature", format!("{head}.")),
        ("two parts", head.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("not base64", "e!.e!.e!".to_owned()),
        ("not JSON", "AAAA.AAAA.AAAA".to_owned()),
        ("nothing", String::new()),
        ("huge", format!("{head}.{}", "A".repeat(17_000))),
    ];
    insta::assert_snapshot!(told(&ci, cases).await, @r#"
    an unknown key -> 401 -: the bearer token is signed with a key that ISSUER does not publish: get a new token, and check that its issuer is the one in `sources:`
    a stranger's key under our name -> 401 -: the bearer token's signature is wrong: send the token as ISSUER gave it
    no key's name -> 401 -: the bearer token is no JWT: its header names no key (`kid`)
    not signed -> 401 -: the bearer token is signed with "none": only signatures of an issuer's public keys count, RS256 or ES256
    not signed, shouted -> 401 -: the bearer token is signed with "NONE": only signatures of an issuer's public keys count, RS256 or ES256
    signed with the public key -> 401 -: the bearer token is signed with "HS256": only signatures of an issuer's public keys count, RS256 or ES256
    another algorithm's name -> 401 -: the bearer token is signed with "RS512": only signatures of an issuer's public keys count, RS256 or ES256
    another kind of key -> 401 -: the bearer token's signature is wrong: send the token as ISSUER gave it
    other claims under the signature -> 401 -: the bearer token's signature is wrong: send the token as ISSUER gave it
    no signature -> 401 -: the bearer token's signature is wrong: send the token as ISSUER gave it
    two parts -> 401 -: the bearer token is no JWT: it has not three parts with dots between
    four parts -> 401 -: the bearer token is no JWT: it has not three parts with dots between
    not base64 -> 401 -: the bearer token is no JWT: it is not base64url
    not JSON -> 401 -: the bearer token is no JWT: its claims are no JSON object
    nothing -> 401 -: the bearer token is no JWT: it has not three parts with dots between
    huge -> 401 -: the bearer token is no JWT: it is longer than 16 KiB
    "#);
}

/// A token signed with HS256 and the public key, which everybody has.
fn confused(ci: &Ci) -> String {
    let signed = unsigned(&json!({"alg": "HS256", "kid": "key-1"}), &ci.claims());
    let mut mac = Hmac::<Sha256>::new_from_slice(&ci.key.public_der()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_token_without_an_id_is_known_by_what_it_says() {
    let ci = Ci::new().await;
    let token = ci.key.token(&ci.claims_with("jti", Value::Null));
    assert_eq!(ci.send(&token, &shop(1)).await.status, StatusCode::ACCEPTED);
    assert_eq!(ci.send(&token, &shop(1)).await.status, StatusCode::OK);
    assert_eq!(ci.send(&token, &shop(2)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart() {
    let ci = Ci::new().await;
    for (number, (name, at)) in [("exp", NOW - 59), ("nbf", NOW + 60)].into_iter().enumerate() {
        let mut claims = ci.claims_with(name, json!(at));
        claims["jti"] = json!(format!("token-{number}"));
        let answer = ci.send(&ci.key.token(&claims), &shop(1)).await;
        assert!(answer.status.is_success(), "{name}: {}", answer.line());
    }
}

#[tokio::test]
async fn a_repository_announces_its_own_image_and_no_other() {
    let ci = Ci::new().await;
    let token = ci.key.token(&ci.claims());
    let cart = json!({
        "application": "cart",
        "image": "ghcr.io/acme/cart",
        "digest": format!("sha256:{:064x}", 7),
    });
    let mut of_the_shop = cart.clone();
    of_the_shop["application"] = json!("shop");
    let mut unnamed = cart.clone();
    unnamed["application"] = Value::Null;
    let mut lines = Vec::new();
    for body in [cart, of_the_shop, unnamed, shop_with("application", json!("cart"))] {
        lines.push(ci.send(&token, &body).await.line());
    }
    assert_eq!(ci.world.deliveries().await, [""; 0]);
    insta::assert_snapshot!(lines.join("\n"), @"
    403 application: the source jobs speaks for the application shop here, as the bearer token says, and not for cart
    403 image: the source jobs may not announce `ghcr.io/acme/cart`: no pattern in `sources.jobs.images` fits
    403 image: the source jobs may not announce `ghcr.io/acme/cart`: no pattern in `sources.jobs.images` fits
    403 application: the source jobs speaks for the application shop here, as the bearer token says, and not for cart
    ");
}

#[tokio::test]
async fn a_rotated_key_is_fetched_once_and_nobody_can_make_hoist_ask_without_end() {
    let ci = Ci::new().await;
    assert_eq!(ci.send(&ci.key.token(&ci.claims()), &shop(1)).await.status, StatusCode::ACCEPTED);
    assert_eq!(ci.issuer.times_asked(), 1);
    let next = SigningKey::rsa("key-2");
    ci.issuer.publish(&[&next]);
    ci.world.seconds_pass(10);
    let claims = ci.claims_with("jti", json!("token-2"));
    let answer = ci.send(&next.token(&claims), &shop(2)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.line());
    assert_eq!(ci.issuer.times_asked(), 2);
    // The old key is gone, and a hundred invented ones are no question so soon.
    for number in 0..100 {
        let header = json!({"alg": "RS256", "kid": format!("invented-{number}")});
        let answer = ci.send(&next.token_with(&header, &claims), &shop(3)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(ci.issuer.times_asked(), 2);
    ci.world.seconds_pass(10);
    let answer = ci.send(&ci.key.token(&ci.claims()), &shop(3)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.line());
    assert_eq!(ci.issuer.times_asked(), 3);
    assert_eq!(ci.world.tags_of("services", "shop").await, ["v1", "v2"]);
}

#[tokio::test]
async fn an_honest_token_of_a_key_that_was_rotated_a_moment_ago_is_not_refused_for_good() {
    let ci = Ci::new().await;
    assert_eq!(ci.send(&ci.key.token(&ci.claims()), &shop(1)).await.status, StatusCode::ACCEPTED);
    let next = SigningKey::rsa("key-2");
    ci.issuer.publish(&[&ci.key, &next]);
    ci.world.seconds_pass(4);
    let token = next.token(&ci.claims_with("jti", json!("token-2")));
    let answer = ci.send(&token, &shop(2)).await;
    insta::assert_snapshot!(answer.line().replace(&ci.issuer.url(), "ISSUER"), @"503 -: the bearer token is signed with a key that ISSUER did not publish 4 s ago, and it is not asked again so soon; nothing was stored: send it again in a while");
    ci.world.seconds_pass(6);
    let answer = ci.send(&token, &shop(2)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.line());
}

#[tokio::test]
async fn of_several_that_come_at_once_with_one_token_one_is_believed() {
    let ci = Ci::new().await;
    let token = ci.key.token(&ci.claims());
    let bodies: Vec<Value> = (1..=20).map(shop).collect();
    let sent = bodies.iter().map(|body| ci.send(&token, body));
    let answers = futures::future::join_all(sent).await;
    let of = |status: StatusCode| answers.iter().filter(|it| it.status == status).count();
    assert_eq!((of(StatusCode::ACCEPTED), of(StatusCode::UNAUTHORIZED)), (1, 19));
    assert_eq!(ci.world.tags_of("services", "shop").await.len(), 1);
}

#[tokio::test]
async fn a_token_that_was_used_is_used_after_a_restart_too() {
    let mut ci = Ci::new().await;
    let token = ci.key.token(&ci.claims());
    assert_eq!(ci.send(&token, &shop(1)).await.status, StatusCode::ACCEPTED);
    ci.world = ci.world.begin_again(&ci.issuer).await;
    assert_eq!(ci.send(&token, &shop(2)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ci.send(&token, &shop(1)).await.status, StatusCode::OK);
    assert_eq!(ci.world.tags_of("services", "shop").await, ["v1"]);
}

#[tokio::test]
async fn an_issuer_that_is_down_means_try_again() {
    let ci = Ci::new().await;
    ci.issuer.break_down(StatusCode::BAD_GATEWAY);
    let token = ci.key.token(&ci.claims());
    let answer = ci.send(&token, &shop(1)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    insta::assert_snapshot!(answer.line().replace(&ci.issuer.url(), "ISSUER"), @"503 -: the keys of ISSUER cannot be read, so nobody can check the bearer token: it answers 502 Bad Gateway; nothing was stored: send it again in a while");
    assert_eq!(ci.world.deliveries().await, [""; 0]);
    ci.issuer.recover();
    ci.world.seconds_pass(10);
    assert_eq!(ci.send(&token, &shop(1)).await.status, StatusCode::ACCEPTED);
    // Keys that are known stay good for a while when it is down again.
    ci.issuer.break_down(StatusCode::BAD_GATEWAY);
    ci.world.seconds_pass(3600);
    let mut later = ci.claims_with("jti", json!("token-2"));
    later["exp"] = json!(NOW + 7200);
    assert_eq!(ci.send(&ci.key.token(&later), &shop(2)).await.status, StatusCode::ACCEPTED);
    ci.world.seconds_pass(6 * 3600);
    let mut much_later = ci.claims_with("jti", json!("token-3"));
    much_later["exp"] = json!(NOW + 72_000);
    let answer = ci.send(&ci.key.token(&much_later), &shop(3)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn who_describes_itself_as_somebody_else_is_nobody() {
    let ci = Ci::new().await;
    ci.issuer.pretend_to_be("https://token.example.com");
    let answer = ci.send(&ci.key.token(&ci.claims()), &shop(1)).await;
    insta::assert_snapshot!(answer.line().replace(&ci.issuer.url(), "ISSUER"), @"503 -: the keys of ISSUER cannot be read, so nobody can check the bearer token: it describes another issuer than itself; nothing was stored: send it again in a while");
}

#[tokio::test]
async fn a_token_speaks_for_its_application_also_when_it_is_decided_later() {
    let ci = Ci::new().await;
    ci.world.lose_the_remote();
    let answer = ci.send(&ci.key.token(&ci.claims()), &shop(1)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.line());
    assert!(answer.json["why"].is_string());
    ci.world.find_the_remote_again();
    let discovery = ci.world.app.discover().await.unwrap();
    ci.world.app.decide_undecided(&discovery).await.unwrap();
    assert_eq!(ci.world.tags_of("services", "shop").await, ["v1"]);
}

#[tokio::test]
async fn a_token_vouches_for_all_events_of_its_batch_and_for_no_others() {
    let ci = Ci::new().await;
    let token = ci.key.token(&ci.claims());
    let send = |events: &[u32]| {
        let batch: Vec<Value> = events.iter().copied().map(numbered).collect();
        let authorization = format!("Bearer {token}");
        let headers = [
            ("content-type", "application/cloudevents-batch+json"),
            ("authorization", authorization.as_str()),
        ];
        request(&headers, json!(batch).to_string().as_bytes())
    };
    let answer = ci.world.send(send(&[1, 2])).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    assert_eq!(ci.world.tags_of("services", "shop").await, ["v1", "v2"]);
    let caught = ci.world.send(send(&[1, 3])).await;
    assert_eq!(caught.json["answers"][1]["status"], 401, "{}", caught.json);
    assert_eq!(ci.world.tags_of("services", "shop").await, ["v1", "v2"]);
}

/// What GitHub's documentation has in a job's token.
fn github() -> Value {
    json!({
        "sub": "repo:acme/shop:ref:refs/heads/main",
        "environment": "production", "ref": "refs/heads/main", "ref_type": "branch",
        "ref_protected": "true", "sha": "example-sha", "repository": "acme/shop",
        "repository_id": "74", "repository_owner": "acme", "repository_owner_id": "65",
        "repository_visibility": "private", "run_id": "example-run-id", "run_number": "10",
        "run_attempt": "2", "runner_environment": "github-hosted", "actor": "octocat",
        "actor_id": "12", "workflow": "example-workflow", "head_ref": "", "base_ref": "",
        "event_name": "workflow_dispatch",
        "workflow_ref": "acme/shop/.github/workflows/release.yml@refs/heads/main",
        "job_workflow_ref": "acme/ci/.github/workflows/build.yml@refs/heads/main",
    })
}

/// What GitLab's documentation has in a job's token.
fn gitlab() -> Value {
    json!({
        "sub": "project_path:acme/shop:ref_type:branch:ref:main",
        "namespace_id": "72", "namespace_path": "acme", "project_id": "20",
        "project_path": "acme/shop", "user_id": "1", "user_login": "sample-user",
        "user_email": "sample-user@example.com",
        "user_identities": [{"provider": "github", "extern_uid": "2435223452345"}],
        "pipeline_id": "574", "pipeline_source": "push", "job_id": "302", "ref": "main",
        "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
        "groups_direct": ["acme/ops"], "environment": "production",
        "environment_protected": "false", "deployment_tier": "production", "runner_id": 1,
        "runner_environment": "self-hosted", "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "public",
        "ci_config_ref_uri": "gitlab.example.com/acme/shop//.gitlab-ci.yml@refs/heads/main",
    })
}

/// What becomes of a job's announcement, where its token says this and these claims have to fit.
async fn judged<const N: usize>(said: &Value, wanted: [(&str, &str); N]) -> String {
    let (issuer, key) = (CiIssuer::start().await, SigningKey::rsa("key-1"));
    issuer.publish(&[&key]);
    let world = World::trusting_by(&issuer, wanted).await;
    let mut claims = said.clone();
    for (name, value) in [
        ("iss", json!(issuer.url())),
        ("aud", json!("hoist")),
        ("exp", json!(NOW + 300)),
        ("nbf", json!(NOW - 5)),
        ("iat", json!(NOW)),
        ("jti", json!("235b3a54-b797-45c7-ae9a-f72d7bc6ef5b")),
    ] {
        claims[name] = value;
    }
    let answer = world.send(bearing(&key.token(&claims), &shop(1))).await;
    answer.line().replace(": -", "")
}

#[tokio::test]
async fn the_documented_tokens_of_github_and_gitlab_speak_for_their_own_applications() {
    let on_github = [
        ("repository", "acme/{application}"),
        ("ref", "refs/heads/main"),
        ("job_workflow_ref", "acme/ci/.github/workflows/build.yml@refs/heads/main"),
    ];
    assert_eq!(judged(&github(), on_github).await, "202 -");
    let by_number = [("repository_owner_id", "65"), ("repository", "acme/{application}")];
    assert_eq!(judged(&github(), by_number).await, "202 -");
    let on_gitlab = [
        ("project_path", "acme/{application}"),
        ("ref_path", "refs/heads/main"),
        ("ref_protected", "true"),
        ("runner_id", "1"),
    ];
    assert_eq!(judged(&gitlab(), on_gitlab).await, "202 -");

    let mut fork = github();
    fork["job_workflow_ref"] = json!("mallory/ci/.github/workflows/build.yml@refs/heads/main");
    let mut unprotected = gitlab();
    unprotected["ref_protected"] = json!("false");
    let told = [judged(&fork, on_github).await, judged(&unprotected, on_gitlab).await];
    insta::assert_snapshot!(told.join("\n"), @r#"
    401 -: the bearer token fits no source in `sources:`; `sources.jobs.claims.job_workflow_ref` does not fit "mallory/ci/.github/workflows/build.yml@refs/heads/main"
    401 -: the bearer token fits no source in `sources:`; `sources.jobs.claims.ref_protected` does not fit "false"
    "#);
}
