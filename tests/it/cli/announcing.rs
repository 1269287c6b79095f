//! `hoist announce`: how a job shows who it is, and how it waits.

use serde_json::{Value, json};

use super::Hoist;
use super::remote::{Canned, PROMOTION, problem};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn taken() -> (u16, Value) {
    (202, json!({"id": PROMOTION, "url": "http://127.0.0.1:8080/deliveries"}))
}

/// What hoist says of the shop's way into staging.
fn progress(arrival: &str, state: &str, told: &str) -> (u16, Value) {
    let shop = json!({
        "pipeline": "services", "application": "shop", "environment": "staging",
        "arrival": arrival, "state": state, "told": told, "url": "http://127.0.0.1:8080/p/1",
    });
    (200, json!({"why": null, "applications": [shop]}))
}

fn on_its_way() -> (u16, Value) {
    progress("on_its_way", "merged", "Argo CD has not synced it")
}

fn announce<const N: usize>(more: [&str; N]) -> Hoist {
    let mut arguments = vec!["announce", "--image", "ghcr.io/acme/shop", "--digest", DIGEST];
    arguments.extend(more);
    Hoist::new(arguments)
}

#[test]
fn an_announcement_is_signed_and_asked_again_until_it_is_taken() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let taken = json!({"id": PROMOTION, "url": "http://127.0.0.1:8080/deliveries"});
    let server = Canned::answering(vec![problem(503, "busy"), (202, taken)]);
    let arguments = ["announce", "--image", "ghcr.io/acme/shop", "--digest", &digest];
    let ran = server.hoist(arguments).done();
    assert_eq!(ran.text(), format!("{PROMOTION}\n"));
    assert!(ran.err.contains("busy; asking again in 0.5 s"), "{}", ran.err);

    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    let (first, second) = (&asked[0], &asked[1]);
    assert_eq!(first.line, "POST /hooks/artifacts");
    assert_eq!(first.body, second.body);
    assert_eq!(first.headers["x-hoist-delivery"], second.headers["x-hoist-delivery"]);
    assert!(first.headers["x-hub-signature-256"].starts_with("sha256="));
    assert!(!first.headers.contains_key("authorization"), "its signature says who speaks");
}

#[test]
fn an_announcement_that_is_refused_is_not_sent_again() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let arguments = ["announce", "--image", "ghcr.io/acme/shop", "--digest", &digest];
    let server = Canned::answering(vec![problem(401, "no source has this secret")]);
    server.hoist(arguments).refused(1, &["no source has this secret", "HOIST_ANNOUNCE_SECRET"]);
    assert_eq!(server.asked().len(), 1);

    let next = ["neither a token nor a secret", "id-token: write", "HOIST_ANNOUNCE_SECRET"];
    Hoist::new(arguments).run().refused(2, &next);
}

#[test]
fn a_job_of_github_actions_needs_no_secret_and_tells_where_it_comes_from() {
    let server = Canned::answering(vec![
        (200, json!({"value": "the.jobs.token"})),
        problem(503, "the issuer's keys cannot be read"),
        (200, json!({"value": "another.jobs.token"})),
        taken(),
    ]);
    let desk = format!("{}/token?api-version=2.0", server.address);
    let ran = announce(["--tag", "v1.4.2"])
        .set("HOIST_SERVER", &server.address)
        .set("ACTIONS_ID_TOKEN_REQUEST_URL", &desk)
        .set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner")
        .set("GITHUB_ACTIONS", "true")
        .set("GITHUB_SERVER_URL", "https://github.com")
        .set("GITHUB_REPOSITORY", "acme/shop")
        .set("GITHUB_RUN_ID", "77")
        .set("GITHUB_SHA", "9f2c")
        .set("GITHUB_REF", "refs/heads/main")
        .set("GITHUB_ACTOR", "alice")
        .run()
        .done();
    assert_eq!(ran.text(), format!("{PROMOTION}\n"));
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /token?api-version=2.0&audience=hoist");
    assert_eq!(asked[0].headers["authorization"], "Bearer runner");
    assert_eq!(asked[1].headers["authorization"], "Bearer the.jobs.token");
    assert_eq!(asked[3].headers["authorization"], "Bearer another.jobs.token");
    assert!(!asked[3].headers.contains_key("x-hub-signature-256"));
    assert_eq!(asked[1].body, asked[3].body);
    let body: Value = serde_json::from_str(&asked[3].body).unwrap();
    assert_eq!(body["source"]["repository"], "https://github.com/acme/shop");
    assert_eq!(body["source"]["ref"], "refs/heads/main");
    assert_eq!(body["build"]["url"], "https://github.com/acme/shop/actions/runs/77");
    assert_eq!(body["actor"], "alice");
}

#[test]
fn a_job_of_gitlab_shows_the_token_that_it_was_given() {
    let server = Canned::answering(vec![taken()]);
    announce(["--source-commit", "typed"])
        .set("HOIST_SERVER", &server.address)
        .set("HOIST_TOKEN", "not for this door")
        .set("HOIST_ID_TOKEN", "the.jobs.token")
        .set("GITLAB_CI", "true")
        .set("CI_PROJECT_URL", "https://gitlab.example.com/acme/shop")
        .set("CI_COMMIT_SHA", "9f2c")
        .set("CI_COMMIT_BRANCH", "main")
        .run()
        .done();
    let asked = server.asked();
    assert_eq!(asked[0].headers["authorization"], "Bearer the.jobs.token");
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(body["source"]["ref"], "refs/heads/main");
    assert_eq!(body["source"]["commit"], "typed");
}

#[test]
fn a_job_waits_until_it_runs_well_and_its_page_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("summary.md");
    let arrived = progress("arrived", "soaking", "it runs and is watched");
    let server = Canned::answering(vec![taken(), on_its_way(), problem(502, "busy"), arrived]);
    let ran = announce(["--tag", "v1.4.2", "--wait", "staging"])
        .set("HOIST_SERVER", &server.address)
        .set("HOIST_ANNOUNCE_SECRET", "s3cret")
        .set("GITHUB_STEP_SUMMARY", page.to_str().unwrap())
        .run()
        .done();
    assert!(ran.err.contains("shop: merged: Argo CD has not synced it"), "{}", ran.err);
    let asked = server.asked();
    assert_eq!(asked[1].line, "POST /hooks/artifacts/progress?environment=staging");
    assert_eq!(asked[1].body, asked[0].body);
    insta::assert_snapshot!(std::fs::read_to_string(&page).unwrap(), @"
    ### Announced to hoist: `v1.4.2`

    `ghcr.io/acme/shop@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

    - [staging](http://127.0.0.1:8080/p/1): `shop: soaking: it runs and is watched`
    ");
}

#[test]
fn a_job_fails_when_what_it_announced_does_not_arrive() {
    let ill = progress("ended", "rolled back", "it was ill and was taken back");
    let server = Canned::answering(vec![taken(), on_its_way(), ill]);
    fails(&server, ["--wait", "staging"], &["not run in staging", "it was ill and was taken back"]);

    let server = Canned::answering(vec![taken(), on_its_way()]);
    let words = ["not in staging after 1s", "Argo CD has not synced it", "--timeout"];
    fails(&server, ["--wait", "staging", "--timeout", "1s"], &words);

    let server = Canned::answering(vec![taken(), problem(404, "there is no environment stagging")]);
    fails(&server, ["--wait", "stagging"], &["no environment stagging"]);
}

/// It is announced, and that is all.
#[track_caller]
fn fails<const N: usize>(server: &Canned, more: [&str; N], words: &[&str]) {
    let ran = announce(more)
        .set("HOIST_SERVER", &server.address)
        .set("HOIST_ANNOUNCE_SECRET", "s3cret")
        .run();
    assert_eq!((ran.status, ran.text()), (1, format!("{PROMOTION}\n").as_str()), "{}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is not in:\n{}", ran.err);
    }
}

/// What a job that fails writes on its page.
fn page_of<const N: usize>(answers: Vec<(u16, Value)>, more: [&str; N]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("summary.md");
    let server = Canned::answering(answers);
    let ran = announce(more)
        .set("HOIST_SERVER", &server.address)
        .set("HOIST_ANNOUNCE_SECRET", "s3cret")
        .set("GITHUB_STEP_SUMMARY", page.to_str().unwrap())
        .run();
    assert_eq!(ran.status, 1, "{}", ran.err);
    std::fs::read_to_string(&page).unwrap()
}

#[test]
fn the_page_of_a_job_that_fails_says_why() {
    let wait = ["--tag", "v1.4.2", "--wait", "staging", "--timeout", "1s"];
    let pages = [
        page_of(vec![problem(401, "no source has this secret")], ["--tag", "v1.4.2"]),
        page_of(vec![taken(), problem(404, "there is no environment staging")], wait),
        page_of(vec![taken(), progress("ended", "replaced", "v1.5.0 took its place")], wait),
        page_of(vec![taken(), on_its_way()], wait),
    ];
    insta::assert_snapshot!(pages.join("\n"), @"
    ### Not taken by hoist: `v1.4.2`

    `ghcr.io/acme/shop@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

    - **Failed:** `no source has this secret`

    ### Announced to hoist: `v1.4.2`

    `ghcr.io/acme/shop@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

    - **Failed:** `there is no environment staging`

    ### Announced to hoist: `v1.4.2`

    `ghcr.io/acme/shop@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

    - [staging](http://127.0.0.1:8080/p/1): `shop: replaced: v1.5.0 took its place`
    - **Failed:** `it does not run in staging: shop: replaced: v1.5.0 took its place`

    ### Announced to hoist: `v1.4.2`

    `ghcr.io/acme/shop@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`

    - [staging](http://127.0.0.1:8080/p/1): `shop: merged: Argo CD has not synced it`
    - **Failed:** `it is not in staging after 1s: shop: merged: Argo CD has not synced it`
    ");
}
