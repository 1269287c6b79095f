//! The pages' fragments, as they are written out.

use secrecy::SecretString;

use super::parts::Viewer;
use super::{application, layout, overview, promotion};
use crate::app::Mode;
use crate::app::sessions::SignedIn;
use crate::app::views::{ApplicationView, HistoryView, PromotionView, ScheduleView, StatusView};
use crate::domain::command::{Actor, Door, Identity, Reach, Right, Role, Roles};

const STATUS: &str = r##"{"applications": [
  {"pipeline": "services", "application": "payments", "environments": [
    {"environment": "staging", "version": "v1.4.2", "digest": "sha256:3f5a", "since": "2026-03-10T11:57:00Z",
     "state": "soaking", "promotion": "01hzy3v5q8e0000000000000p1", "next": null, "hold": null,
     "waits_for": "it runs and is watched", "until": "2026-03-10T12:27:00Z"},
    {"environment": "prod", "version": "v1.4.1", "digest": null, "since": "2026-03-07T09:00:00Z",
     "state": "waiting", "promotion": "01hzy3v5q8e0000000000000p2",
     "next": {"promotion": "01hzy3v5q8e0000000000000p3", "version": "v1.4.2", "state": "waiting", "proposal": null, "url": null},
     "hold": null, "waits_for": "soak gate: 3 of 30 min", "until": "2026-03-10T12:27:00Z"}]},
  {"pipeline": "services", "application": "shop", "environments": [
    {"environment": "staging", "version": "2026.3.9-rc.1+build.77", "digest": null, "since": "2026-03-10T08:00:00Z",
     "state": "succeeded", "promotion": "01hzy3v5q8e0000000000000p4", "next": null, "hold": null, "waits_for": null, "until": null},
    {"environment": "prod", "version": "2026.3.2", "digest": null, "since": "2026-03-02T08:00:00Z",
     "state": "proposed", "promotion": "01hzy3v5q8e0000000000000p5",
     "next": {"promotion": "01hzy3v5q8e0000000000000p6", "version": "2026.3.9-rc.1+build.77", "state": "proposed", "proposal": 12, "url": null},
     "hold": null, "waits_for": "it needs review: 1 of 2 approvals, the requester's not counted", "until": null}]},
  {"pipeline": "services", "application": "web", "environments": [
    {"environment": "staging", "version": "v3.0.0", "digest": null, "since": "2026-03-10T11:59:40Z",
     "state": "failed", "promotion": "01hzy3v5q8e0000000000000p7", "next": null, "hold": null,
     "waits_for": "environments/staging/apps/web/values.yaml is not in the repository", "until": null},
    {"environment": "prod", "version": "<script>alert(1)</script>", "digest": null, "since": "2026-03-09T12:00:00Z",
     "state": "held", "promotion": "01hzy3v5q8e0000000000000p8", "next": null,
     "hold": {"by": "bob", "reason": "v2.9 loses <b>carts</b>", "since": "2026-03-10T10:00:00Z", "until": null},
     "waits_for": null, "until": null}]},
  {"pipeline": "services", "application": "search", "environments": [
    {"environment": "staging", "version": null, "digest": null, "since": null, "state": "unknown yet",
     "promotion": null, "next": null, "hold": null, "waits_for": null, "until": null},
    {"environment": "prod", "version": "v0.9.0", "digest": null, "since": "2026-03-01T12:00:00Z",
     "state": "rolled back", "promotion": "01hzy3v5q8e0000000000000p9", "next": null, "hold": null, "waits_for": null, "until": null}]}
]}"##;

const PROMOTION: &str = r##"{
  "id": "01hzy3v5q8e0000000000000p6", "pipeline": "services", "application": "shop", "environment": "prod",
  "kind": "forward", "version": "v2.9.0",
  "artifact": {"version": "v2.9.0", "image": "ghcr.io/acme/shop",
    "digest": "sha256:9f2c4e6a8b0d1f3a5c7e9b1d3f5a7c9e0b2d4f6a8c0e1f3b5d7a9c1e3f5b7d9a", "tag": "v2.9.0",
    "source": {"repository": "https://github.com/acme/shop.git", "commit": "0123456789012345678901234567890123456789", "ref": "refs/heads/main"},
    "build": {"url": "javascript:alert(1)", "id": "<i>1234</i>"}, "actor": "alice", "accepted_at": "2026-03-10T09:00:00Z"},
  "requested_by": "ci", "reason": null, "created_at": "2026-03-10T09:00:00Z",
  "state": "proposed", "explanation": "it needs review: 1 of 2 approvals, the requester's not counted", "since": "2026-03-10T10:00:00Z",
  "gates": [
    {"name": "soak", "verdict": "open", "saw": "30 of 30 min in staging", "opens_at": null},
    {"name": "window", "verdict": "opens_at", "saw": "Mondays to Thursdays, 09:00 to 16:00", "opens_at": "2026-03-10T13:00:00Z"},
    {"name": "approvals", "verdict": "needs_action", "saw": "1 of 2 approvals", "opens_at": null}],
  "proposal": {"number": 12, "url": "http://127.0.0.1:8080/repositories/gitops/proposals/12", "state": "open",
    "title": "shop: v2.8.1 → v2.9.0 in prod",
    "body": "**shop** in **prod**: `v2.8.1` → `v2.9.0`\n\n- `environments/prod/apps/shop/values.yaml` `/image/tag`: `v2.8.1` → `v2.9.0`\n",
    "branch": "hoist/prod/shop", "target": "main", "head": "89abcdef89abcdef89abcdef89abcdef89abcdef", "merge_commit": null, "ended_by": null,
    "conflicts": [], "approvals_needed": 2, "approvals": ["bob"],
    "reviews": [
      {"by": "carol", "verdict": "request_changes", "head": "1111111111111111111111111111111111111111", "comment": "Not before the sale ends, please.", "at": "2026-03-10T10:10:00Z"},
      {"by": "bob", "verdict": "approve", "head": "89abcdef89abcdef89abcdef89abcdef89abcdef", "comment": "Looked at the graphs in staging, all flat.\n\nShip it.", "at": "2026-03-10T11:40:00Z"}],
    "comments": [{"by": "mallory", "body": "<img src=x onerror=alert(1)>", "at": "2026-03-10T11:00:00Z"}],
    "statuses": [
      {"context": "hoist/only-version", "state": "success", "description": "changes one version field and nothing else"},
      {"context": "hoist/window", "state": "pending", "description": "opens at 13:00 UTC"}],
    "reviewed_here": "yes"},
  "diff": "diff --git a/environments/prod/apps/shop/values.yaml b/environments/prod/apps/shop/values.yaml\nindex 1234567..89abcde 100644\n--- a/environments/prod/apps/shop/values.yaml\n+++ b/environments/prod/apps/shop/values.yaml\n@@ -4,7 +4,7 @@ replicas: 3\n \n image:\n   repository: ghcr.io/acme/shop\n-  tag: v2.8.1 # keep in step with the chart\n+  tag: v2.9.0 # keep in step with the chart\n   pullPolicy: IfNotPresent\n \n resources:\n",
  "history": [
    {"number": 4, "at": "2026-03-10T09:00:00Z", "actor": "ci", "door": "ci", "verb": "announced", "text": "v2.9.0 was announced by ci", "application": "shop", "environment": "prod", "promotion": "01hzy3v5q8e0000000000000p6", "commit": null, "hash": "00"},
    {"number": 7, "at": "2026-03-10T10:00:00Z", "actor": "hoist", "door": "hoist", "verb": "proposed", "text": "proposal #12 was opened", "application": "shop", "environment": "prod", "promotion": "01hzy3v5q8e0000000000000p6", "commit": "89abcdef89abcdef89abcdef89abcdef89abcdef", "hash": "01"},
    {"number": 9, "at": "2026-03-10T11:40:00Z", "actor": "bob", "door": "page", "verb": "approve", "text": "bob approved proposal #12.", "application": "shop", "environment": "prod", "promotion": "01hzy3v5q8e0000000000000p6", "commit": null, "hash": "02"}]
}"##;

const HISTORY: &str = r##"{"application": "web", "promotions": [
  {"promotion": "01hzy3v5q8e0000000000000p7", "environment": "staging", "kind": "forward", "version": "v3.0.0", "state": "failed", "since": "2026-03-10T11:59:40Z", "requested_by": "ci", "reason": null, "commit": null},
  {"promotion": "01hzy3v5q8e0000000000000p8", "environment": "prod", "kind": "rollback", "version": "v2.8.1", "state": "succeeded", "since": "2026-03-09T12:00:00Z", "requested_by": "bob", "reason": "v2.9 loses carts at checkout", "commit": "0123456789012345678901234567890123456789"},
  {"promotion": "01hzy3v5q8e0000000000000p9", "environment": "prod", "kind": "found", "version": "v2.8.1", "state": "superseded", "since": "2026-03-01T12:00:00Z", "requested_by": "hoist", "reason": null, "commit": null}
]}"##;

fn person(name: &str) -> SignedIn {
    let actor = Actor { name: name.into(), door: Door::Page };
    let identity = Identity::new(actor, vec!["sre".parse().unwrap()]);
    SignedIn::new(identity, SecretString::from("f0rm"))
}

fn roles(may: &[Right]) -> Roles {
    let role = Role { may: may.to_vec(), environments: Reach::Everywhere, ..Role::default() };
    Roles::from([("sre".parse().unwrap(), role)])
}

const EVERYTHING: [Right; 7] = [
    Right::Status,
    Right::Review,
    Right::Merge,
    Right::Promote,
    Right::Rollback,
    Right::Hold,
    Right::Resume,
];

fn now() -> jiff::Timestamp {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

/// What a page says, without its tags and with one line per block, as a person would read it.
fn read(page: &maud::Markup) -> String {
    let mut text = String::new();
    let mut rest = page.0.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = after.split_once('>').unwrap();
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        if !["span", "strong", "code", "a", "time", "q", "svg", "path", "circle"].contains(&name) {
            text.push('\n');
        } else if name == "span" || name == "time" {
            text.push(' ');
        }
        rest = after;
    }
    text.push_str(rest);
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn story_for(name: &str, may: &[Right], change: impl FnOnce(&mut PromotionView)) -> maud::Markup {
    let (person, roles) = (person(name), roles(may));
    let viewer = Viewer { person: &person, roles: &roles, mode: Mode::Active, now: now() };
    let mut view: PromotionView = serde_json::from_str(PROMOTION).unwrap();
    change(&mut view);
    promotion::promotion(&view, &viewer, "a <draft>")
}

#[test]
fn the_overview_tells_what_is_where_and_what_it_waits_for() {
    let (person, roles) = (person("alice"), roles(&EVERYTHING));
    let viewer = Viewer { person: &person, roles: &roles, mode: Mode::Active, now: now() };
    let status: StatusView = serde_json::from_str(STATUS).unwrap();
    insta::assert_snapshot!(read(&overview::overview(&status, &viewer)), @"
    Applications
    4 applications · 2 promotions on their way · 1 hold
    Pipeline services
    Application
    staging
    prod
    payments
    v1.4.2 soaking 3 min ago
    it runs and is watched · in 27 min
    v1.4.1 waiting 3 days ago
    soak gate: 3 of 30 min · in 27 min
    next v1.4.2 waiting
    shop
    2026.3.9-rc.1+build.77 succeeded 4 h ago
    2026.3.2 proposed 8 days ago
    it needs review: 1 of 2 approvals, the requester's not counted
    next 2026.3.9-rc.1+build.77 proposed #12
    web
    v3.0.0 failed just now
    environments/staging/apps/web/values.yaml is not in the repository
    &lt;script&gt;alert(1)&lt;/script&gt; held 24 h ago
    held by bob 2 h ago : v2.9 loses &lt;b&gt;carts&lt;/b&gt;
    search
    nothing seen yet
    v0.9.0 rolled back 9 days ago
    ");
}

#[test]
fn an_empty_overview_says_what_to_do_next() {
    let (person, roles) = (person("alice"), roles(&EVERYTHING));
    let viewer = Viewer { person: &person, roles: &roles, mode: Mode::Active, now: now() };
    let status = StatusView::default();
    insta::assert_snapshot!(read(&overview::overview(&status, &viewer)), @r"
    Applications
    hoist has not found an application yet. It lists every application whose files exist in the first environment of a pipeline; hoist check --repository PATH says what it looks for in a clone, and where.
    Then announce an artifact: from CI with a signed POST to /hooks/artifacts, or by hand with hoist announce.
    ");
}

#[test]
fn the_overview_says_when_what_gathers_goes() {
    let (person, roles) = (person("alice"), roles(&EVERYTHING));
    let viewer = Viewer { person: &person, roles: &roles, mode: Mode::Active, now: now() };
    let schedule = ScheduleView {
        name: "nightly".parse().unwrap(),
        pipeline: "services".parse().unwrap(),
        applications: Some(vec!["shop".into(), "pay-*".into()]),
        environments: vec!["prod-eu".parse().unwrap(), "prod-us".parse().unwrap()],
        unmatched: vec![
            "the schedule nightly takes `pay-*`, and no application is called that".into(),
        ],
        next: vec![now(), now()],
        local: vec![
            "2026-03-11 02:00 Europe/Stockholm".into(),
            "2026-03-12 02:00 Europe/Stockholm".into(),
        ],
    };
    let status = StatusView { schedules: vec![schedule], ..StatusView::default() };
    let page = read(&overview::overview(&status, &viewer));
    let told = page.split_once("Schedules").unwrap().1.trim();
    insta::assert_snapshot!(told, @"
    nightly: services (shop, pay-*) into prod-eu and prod-us
    The schedule nightly takes pay-*, and no application is called that.
    2026-03-11 02:00 Europe/Stockholm
    2026-03-12 02:00 Europe/Stockholm
    ");
}

#[test]
fn a_promotion_tells_its_story() {
    insta::assert_snapshot!(read(&story_for("alice", &EVERYTHING, |_| ())), @"
    Applications / shop
    shop v2.9.0 in prod
    proposed it needs review: 1 of 2 approvals, the requester's not counted since 2 h ago
    Asked for by ci 3 h ago
    What changes
    diff --git a/environments/prod/apps/shop/values.yaml b/environments/prod/apps/shop/values.yaml
    index 1234567..89abcde 100644
    --- a/environments/prod/apps/shop/values.yaml
    +++ b/environments/prod/apps/shop/values.yaml
    @@ -4,7 +4,7 @@ replicas: 3
    image:
    repository: ghcr.io/acme/shop
    - tag: v2.8.1 # keep in step with the chart
    + tag: v2.9.0 # keep in step with the chart
    pullPolicy: IfNotPresent
    resources:
    Review
    Comment (optional for a review)
    a &lt;draft&gt;
    Approve
    Request changes
    Comment
    The gates window and approvals are shut. Merging past that takes the right skip-gates.
    Merge 89abcdef89
    Close without merging
    hoist merges exactly the commit shown here; if the branch moves meanwhile, nothing happens.
    Conversation
    shop: v2.8.1 → v2.9.0 in prod
    shop in prod: v2.8.1 → v2.9.0
    environments/prod/apps/shop/values.yaml /image/tag: v2.8.1 → v2.9.0
    carol asked for changes (of an earlier commit) 2 h ago
    Not before the sale ends, please.
    mallory 60 min ago
    &lt;img src=x onerror=alert(1)&gt;
    bob approved 20 min ago
    Looked at the graphs in staging, all flat.
    Ship it.
    What happened
    v2.9.0 was announced by ci ci · 3 h ago
    proposal #12 was opened hoist · 2 h ago · 89abcdef89
    bob approved proposal #12. bob · 20 min ago
    Gates
    soak open 30 of 30 min in staging
    window opens by itself Mondays to Thursdays, 09:00 to 16:00 · opens in 60 min
    approvals needs someone 1 of 2 approvals
    Proposal #12
    State
    open
    Approvals
    1 of 2 (bob)
    Branch
    hoist/prod/shop → main
    Head
    89abcdef89
    Statuses
    hoist/only-version success changes one version field and nothing else
    hoist/window pending opens at 13:00 UTC
    Artifact
    Version
    v2.9.0
    Image
    ghcr.io/acme/shop
    Digest
    sha256:9f2c4e6a8b0d1f3a5c7e9b1d3f5a7c9e0b2d4f6a8c0e1f3b5d7a9c1e3f5b7d9a
    Source
    0123456789 on main
    Build
    &lt;i&gt;1234&lt;/i&gt;
    Made by
    alice
    Accepted
    3 h ago
    ");
}

#[test]
fn an_applications_page_offers_what_the_viewer_may() {
    let (person, roles) = (person("alice"), roles(&[Right::Status, Right::Hold]));
    let viewer = Viewer { person: &person, roles: &roles, mode: Mode::Active, now: now() };
    let status: StatusView = serde_json::from_str(STATUS).unwrap();
    let history: HistoryView = serde_json::from_str(HISTORY).unwrap();
    let web: &ApplicationView = &status.applications[2];
    insta::assert_snapshot!(read(&application::application(web, &history, &viewer)), @"
    Applications
    web
    Pipeline services
    staging
    v3.0.0 failed just now
    environments/staging/apps/web/values.yaml is not in the repository
    Why?
    Hold
    Nothing enters this environment until someone resumes it.
    For how long
    Why
    Hold
    prod
    &lt;script&gt;alert(1)&lt;/script&gt; held 24 h ago
    held by bob 2 h ago : v2.9 loses &lt;b&gt;carts&lt;/b&gt;
    Why?
    Hold
    Nothing enters this environment until someone resumes it.
    For how long
    Why
    Hold
    History
    Version
    Environment
    State
    When
    By
    v3.0.0
    staging
    failed
    just now
    ci
    v2.8.1 rollback
    prod
    succeeded
    24 h ago
    bob v2.9 loses carts at checkout
    v2.8.1 found
    prod
    superseded
    9 days ago
    hoist
    ");
}

#[test]
fn nothing_that_came_from_outside_becomes_markup() {
    let (person, roles) = (person("\"><script>"), roles(&EVERYTHING));
    let viewer = Viewer { person: &person, roles: &roles, mode: Mode::Active, now: now() };
    let status: StatusView = serde_json::from_str(STATUS).unwrap();
    let overview = overview::overview(&status, &viewer);
    let page = layout::page("</title><script>", &viewer, None, &overview).into_string();
    let story = story_for("alice", &EVERYTHING, |_| ()).into_string();
    for html in [&page, &story] {
        for evil in ["<script", "<b>", "<img", "<i>", "<draft>", "href=\"javascript:"] {
            assert!(!html.contains(evil), "{evil}");
        }
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(story.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(story.contains("a &lt;draft&gt;</textarea>"));
}

#[test]
fn every_form_carries_the_form_token_and_a_review_the_head() {
    let story = story_for("alice", &EVERYTHING, |_| ()).into_string();
    let forms: Vec<&str> = story.split("<form ").skip(1).collect();
    assert_eq!(forms.len(), 1);
    for form in forms {
        assert!(form.contains(r#"name="form_token" value="f0rm""#), "{form}");
        assert!(form.contains(r#"value="89abcdef89abcdef89abcdef89abcdef89abcdef""#), "{form}");
    }
}

#[test]
fn past_a_shut_gate_only_those_may_merge_who_may_skip_it() {
    let merge = |may: &[Right], change: fn(&mut PromotionView)| {
        let html = story_for("alice", may, change).into_string();
        let (_, button) = html.split_once(r#"value="merge""#).unwrap();
        button.split('>').next().unwrap().to_owned()
    };
    let open_all = |view: &mut PromotionView| view.gates.clear();
    assert_eq!(merge(&[Right::Merge], |_| ()), " disabled");
    assert_eq!(merge(&[Right::Merge, Right::SkipGates], |_| ()), "");
    assert_eq!(merge(&[Right::Merge], open_all), "");
}

#[test]
fn a_proposal_that_is_over_or_elsewhere_has_no_forms() {
    let ended = story_for("alice", &EVERYTHING, |view| {
        view.proposal.as_mut().unwrap().state = "merged".into();
    });
    assert!(!ended.into_string().contains("<form"));
    let elsewhere = story_for("alice", &EVERYTHING, |view| {
        view.proposal.as_mut().unwrap().reviewed_here = crate::app::views::ReviewedHere::No;
    });
    assert!(!elsewhere.into_string().contains("<form"));
    let without_rights = read(&story_for("eve", &[Right::Status], |_| ()));
    assert!(without_rights.contains("eve may look, but neither review nor merge in prod"));
}

#[test]
fn one_that_only_looks_offers_no_button_to_anybody() {
    let (person, roles) = (person("alice"), roles(&EVERYTHING));
    let viewer = Viewer { person: &person, roles: &roles, mode: Mode::ReadOnly, now: now() };
    let status: StatusView = serde_json::from_str(STATUS).unwrap();
    let history: HistoryView = serde_json::from_str(HISTORY).unwrap();
    let view: PromotionView = serde_json::from_str(PROMOTION).unwrap();
    let mut pages = vec![
        overview::overview(&status, &viewer).into_string(),
        promotion::promotion(&view, &viewer, "").into_string(),
    ];
    for web in &status.applications {
        pages.push(application::application(web, &history, &viewer).into_string());
    }
    for page in &pages {
        assert!(!page.contains("<form") && !page.contains("<button"), "{page}");
    }
    assert!(pages[1].contains("--read-only"), "{}", pages[1]);
}
