//! The page: who may see it, and what no other site can make it do.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use jiff::SignedDuration;

use crate::support::served::{Answer, PUBLIC, Served, token};

/// Somebody's browser: it keeps cookies, and says what browsers say.
struct Browser<'a> {
    hoist: &'a Served,
    session: Option<String>,
    flash: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(hoist: &'a Served) -> Self {
        Self { hoist, session: None, flash: None }
    }

    async fn signed_in(hoist: &'a Served, name: &str) -> Self {
        let mut browser = Self::new(hoist);
        let answer = browser.post("/sign-in", &[("token", &token(name))]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        browser
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), String::new()).await
    }

    /// Sends a form from a page of ours.
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(path, fields, &[("origin", PUBLIC)]).await
    }

    /// Sends a form, with the headers that tell where it came from.
    async fn post_from(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        whence: &[(&str, &str)],
    ) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request =
            Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in whence {
            request = request.header(*name, *value);
        }
        self.send(request, body).await
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: String) -> Answer {
        let cookies = [("hoist_session", &self.session), ("hoist_flash", &self.flash)];
        let line = cookies
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}")));
        let request = request
            .header("cookie", line.collect::<Vec<_>>().join("; "))
            .header("host", "hoist.test")
            .body(Body::from(body))
            .unwrap();
        let answer = self.hoist.send(request).await;
        for (name, kept) in [("hoist_session", &mut self.session), ("hoist_flash", &mut self.flash)]
        {
            if let Some(line) = answer.set_cookie(name) {
                let value = line.split(['=', ';']).nth(1).unwrap().to_owned();
                *kept = Some(value).filter(|value| !value.is_empty());
            }
        }
        answer
    }

    /// The form token of a page.
    async fn form_token(&mut self) -> String {
        between(&self.get("/").await.body, r#"name="form_token" value=""#, "\"")
    }
}

fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0.to_owned()
}

/// A hoist with a proposal for prod, and its promotion's path.
async fn with_a_proposal() -> (Served, String) {
    let hoist = Served::start().await;
    hoist.settle().await;
    hoist.announce("shop", "v1.1.0").await;
    hoist.settle().await;
    let status = hoist.app.status().await.unwrap();
    let shop = status.applications.iter().find(|it| it.application.as_str() == "shop").unwrap();
    let next = shop.environments[1].next.as_ref().expect("prod has a proposal");
    let path = format!("/promotions/{}", next.promotion);
    (hoist, path)
}

#[tokio::test]
async fn without_a_session_every_page_leads_to_the_sign_in() {
    let hoist = Served::start().await;
    let mut nobody = Browser::new(&hoist);
    for path in ["/", "/applications/shop", "/promotions/01hzy3v5q8e0000000000000p1"] {
        let answer = nobody.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.header("location").starts_with("/sign-in?next=%2F"), "{path}");
        assert_eq!(answer.body, "", "{path}");
    }
    for path in ["/applications/shop/hold", "/promotions/x/proposal", "/sign-out"] {
        let answer = nobody.post(path, &[("environment", "prod")]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    }
    nobody.session = Some("made-up".into());
    assert_eq!(nobody.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_token_signs_in_and_leads_where_one_wanted_to_go_on_this_site_only() {
    let hoist = Served::start().await;
    let mut alice = Browser::new(&hoist);
    let wrong = alice.post("/sign-in", &[("token", "the token of mallory")]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.body.contains("Nobody has this token"), "{}", wrong.body);
    assert_eq!(wrong.set_cookie("hoist_session"), None);

    let next = ("next", "/applications/shop");
    let right = alice.post("/sign-in", &[("token", &token("alice")), next]).await;
    assert_eq!(right.header("location"), "/applications/shop");
    let cookie = right.set_cookie("hoist_session").unwrap();
    let (_, attributes) = cookie.split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Max-Age=43200; HttpOnly; SameSite=Lax");

    for evil in ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example"] {
        let fields = [("token", token("alice")), ("next", evil.to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let answer = alice.post("/sign-in", &fields).await;
        assert_eq!(answer.header("location"), "/", "{evil:?}");
    }
}

#[tokio::test]
async fn over_https_the_cookie_goes_nowhere_else() {
    let hoist = Served::start_at("https://hoist.test").await;
    let mut alice = Browser::new(&hoist);
    let fields = [("token", &*token("alice"))];
    let answer = alice.post_from("/sign-in", &fields, &[("origin", "https://hoist.test")]).await;
    assert!(answer.set_cookie("hoist_session").unwrap().ends_with("; SameSite=Lax; Secure"));
}

#[tokio::test]
async fn a_one_time_link_works_once_and_not_by_being_opened() {
    let hoist = Served::start().await;
    let roles = vec!["sre".parse().unwrap()];
    let code = hoist.app.invite(&"dana".parse().unwrap(), roles).await.unwrap();
    let mut dana = Browser::new(&hoist);
    for _a_preview_and_a_person in 0..2 {
        let page = dana.get(&format!("/sign-in?code={code}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.set_cookie("hoist_session"), None);
        assert!(page.body.contains("Sign in to hoist"), "{}", page.body);
    }
    let answer = dana.post("/sign-in", &[("code", &code)]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
    assert!(dana.get("/").await.body.contains("<strong>dana</strong>"));

    let again = Browser::new(&hoist).post("/sign-in", &[("code", &code)]).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(again.body.contains("used already"), "{}", again.body);
}

#[tokio::test]
async fn a_link_and_a_session_end_by_themselves() {
    let hoist = Served::start().await;
    let code = hoist.app.invite(&"dana".parse().unwrap(), Vec::new()).await.unwrap();
    hoist.clock.forward(SignedDuration::from_mins(61));
    let late = Browser::new(&hoist).post("/sign-in", &[("code", &code)]).await;
    assert_eq!(late.status, StatusCode::FORBIDDEN);

    let mut alice = Browser::signed_in(&hoist, "alice").await;
    hoist.clock.forward(SignedDuration::from_hours(11));
    assert_eq!(alice.get("/").await.status, StatusCode::OK);
    hoist.clock.forward(SignedDuration::from_hours(1));
    assert_eq!(alice.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let hoist = Served::start().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let cookie = alice.session.clone();
    let form_token = alice.form_token().await;
    let answer = alice.post("/sign-out", &[("form_token", &form_token)]).await;
    assert_eq!(answer.header("location"), "/sign-in");
    assert_eq!(alice.session, None);
    alice.session = cookie;
    assert_eq!(alice.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_without_this_sessions_token_does_nothing() {
    let hoist = Served::start().await;
    hoist.settle().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let theirs = Browser::signed_in(&hoist, "bob").await.form_token().await;
    for form_token in ["", "wrong", &theirs] {
        let fields = [("environment", "prod"), ("form_token", form_token)];
        let answer = alice.post("/applications/shop/hold", &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form_token:?}");
        assert!(answer.body.contains("does not come from a page of your session"));
    }
    let shop = hoist.app.application("shop").await.unwrap();
    assert!(shop.environments.iter().all(|it| it.hold.is_none()));
}

#[tokio::test]
async fn a_form_from_another_site_does_nothing_even_with_the_right_token() {
    let hoist = Served::start().await;
    hoist.settle().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let form_token = alice.form_token().await;
    let fields = [("environment", "prod"), ("form_token", &*form_token)];
    for whence in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", PUBLIC)],
        &[],
    ] {
        let answer = alice.post_from("/applications/shop/hold", &fields, whence).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{whence:?}");
        // Nor can another site sign somebody in as somebody else.
        let stranger =
            Browser::new(&hoist).post_from("/sign-in", &[("token", &token("bob"))], whence).await;
        assert_eq!(stranger.status, StatusCode::FORBIDDEN, "{whence:?}");
        assert_eq!(stranger.set_cookie("hoist_session"), None);
    }
    let here = alice.post_from("/applications/shop/hold", &fields, &[("origin", PUBLIC)]).await;
    assert_eq!(here.status, StatusCode::SEE_OTHER, "{}", here.body);
}

#[tokio::test]
async fn every_page_forbids_scripts_frames_and_foreign_forms() {
    let hoist = Served::start().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    for path in ["/", "/sign-in", "/promotions/nothing", "/assets/hoist.css"] {
        let answer = alice.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{path}: {policy}");
        for part in ["form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    }
    assert_eq!(alice.get("/").await.header("cache-control"), "no-store");
    assert!(alice.get("/assets/hoist.css").await.header("cache-control").contains("immutable"));
}

#[tokio::test]
async fn who_may_not_look_sees_nothing() {
    let hoist = Served::start().await;
    hoist.settle().await;
    let mut robot = Browser::signed_in(&hoist, "robot").await;
    for path in ["/", "/applications/shop"] {
        let answer = robot.get(path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.body.contains("robot may not look"), "{}", answer.body);
        assert!(!answer.body.contains("v1.0.0"));
    }
}

#[tokio::test]
async fn a_proposal_is_approved_and_merged_on_the_page() {
    let (hoist, path) = with_a_proposal().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let page = alice.get(&path).await.body;
    assert!(page.contains("+  tag: v1.1.0 # moved by hoist"), "{page}");
    let form_token = between(&page, r#"name="form_token" value=""#, "\"");
    let head = between(&page, r#"name="head" value=""#, "\"");
    let form = format!("{path}/proposal");
    let step = |step| [("step", step), ("head", &*head), ("form_token", &*form_token)];

    // The gate is shut: merging is refused, and says why.
    let early = alice.post(&form, &step("merge")).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.body.contains("Not done"), "{}", early.body);

    let approved = alice.post(&form, &step("approve")).await;
    assert_eq!(approved.header("location"), path, "{}", approved.body);
    let told = alice.get(&path).await.body;
    assert!(told.contains("alice approved proposal #"), "{told}");
    let again = alice.get(&path).await.body;
    assert!(!again.contains(r#"role="status""#), "what was done is told once");

    let merged = alice.post(&form, &step("merge")).await;
    assert_eq!(merged.status, StatusCode::SEE_OTHER, "{}", merged.body);
    hoist.settle().await;
    let file = "main:environments/prod/apps/shop/values.yaml";
    assert!(hoist.git(&["show", file]).contains("tag: v1.1.0 # moved by hoist"));
}

#[tokio::test]
async fn a_review_of_what_is_not_there_any_more_is_refused_and_keeps_the_words() {
    let (hoist, path) = with_a_proposal().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let form_token = alice.form_token().await;
    let fields = [
        ("step", "approve"),
        ("head", "0123456789012345678901234567890123456789"),
        ("comment", "<b>fine</b> by me"),
        ("form_token", &*form_token),
    ];
    let answer = alice.post(&format!("{path}/proposal"), &fields).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("changed since you looked"), "{}", answer.body);
    assert!(answer.body.contains("&lt;b&gt;fine&lt;/b&gt; by me</textarea>"), "{}", answer.body);
}

#[tokio::test]
async fn what_people_write_is_shown_and_means_nothing() {
    let (hoist, path) = with_a_proposal().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let form_token = alice.form_token().await;
    let page = alice.get(&path).await.body;
    let head = between(&page, r#"name="head" value=""#, "\"");
    let evil = "<script>alert(1)</script>\" onmouseover=\"x";
    let fields =
        [("step", "comment"), ("head", &head), ("comment", evil), ("form_token", &form_token)];
    alice.post(&format!("{path}/proposal"), &fields).await;
    let hold = [("environment", "prod"), ("reason", evil), ("form_token", &*form_token)];
    alice.post("/applications/shop/hold", &hold).await;
    for page in [&path, "/", "/applications/shop"] {
        let html = alice.get(page).await.body;
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onmouseover"), "{page}");
        assert!(!html.contains("<script"), "{page}");
    }
}

#[tokio::test]
async fn a_forged_flash_is_text_and_a_broken_one_is_nothing() {
    let hoist = Served::start().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    // `<script>` in base64url.
    alice.flash = Some("done.PHNjcmlwdD4".into());
    assert!(alice.get("/").await.body.contains("&lt;script&gt;"));
    for broken in ["done.*", "done", "evil.PHNjcmlwdD4", "done._____w"] {
        alice.flash = Some(broken.into());
        assert!(!alice.get("/").await.body.contains("class=\"notice"), "{broken}");
    }
}

#[tokio::test]
async fn a_builtin_proposals_address_leads_to_its_promotion() {
    let (hoist, path) = with_a_proposal().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let promotion = hoist.app.promotion(path.trim_start_matches("/promotions/")).await.unwrap();
    let proposal = promotion.proposal.unwrap();
    let address = proposal.url.strip_prefix(PUBLIC).unwrap();
    let answer = alice.get(address).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, &*path));
    let missing = alice.get("/repositories/gitops/proposals/999").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_hold_a_promotion_and_a_rollback_are_asked_for_on_the_applications_page() {
    let (hoist, path) = with_a_proposal().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let form_token = alice.form_token().await;
    let fields = [
        ("environment", "prod"),
        ("for", "2h"),
        ("reason", "the sale"),
        ("form_token", &*form_token),
    ];
    // As the page links to it: pipeline and application in one segment.
    let held = alice.post("/applications/services%2Fshop/hold", &fields).await;
    assert_eq!(held.header("location"), "/applications/services%2Fshop");
    assert!(alice.get("/").await.body.contains("the sale"));
    let resumed = alice.post("/applications/shop/resume", &fields).await;
    assert_eq!(resumed.status, StatusCode::SEE_OTHER);
    assert!(!alice.get("/").await.body.contains("class=\"hold\""));

    let nonsense = [("environment", "nowhere"), ("form_token", &*form_token)];
    for verb in ["promote", "roll-back", "hold", "resume"] {
        let answer = alice.post(&format!("/applications/shop/{verb}"), &nonsense).await;
        assert!(answer.status.is_redirection() || answer.status.is_client_error(), "{verb}");
    }
    let reader = Browser::signed_in(&hoist, "reader").await.get(&path).await.body;
    assert!(reader.contains("reader may look, but neither review nor merge in prod"), "{reader}");
}

#[tokio::test]
async fn everything_is_frozen_and_thawed_on_the_overview() {
    let hoist = Served::start().await;
    hoist.settle().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let form_token = alice.form_token().await;
    let form = [("environment", "*"), ("reason", "<b>INC-1</b>"), ("form_token", &*form_token)];
    assert_eq!(alice.post("/freezes", &form).await.header("location"), "/");
    let page = alice.get("/").await.body;
    assert!(page.contains("every environment is frozen until somebody says"), "{page}");
    assert!(page.contains("&lt;b&gt;INC-1&lt;/b&gt;") && page.contains("action=\"/freezes/thaw\""));

    let mut reader = Browser::signed_in(&hoist, "reader").await;
    let seen = reader.get("/").await.body;
    assert!(seen.contains("INC-1") && !seen.contains("/freezes"), "{seen}");

    let form = [("environment", "*"), ("form_token", &*form_token)];
    alice.post("/freezes/thaw", &form).await;
    let page = alice.get("/").await.body;
    assert!(page.contains("was thawed") && !page.contains("/freezes/thaw"), "{page}");
}

#[tokio::test]
async fn a_browser_that_is_lost_gets_a_page_and_a_program_a_problem() {
    let hoist = Served::start().await;
    let lost = |accept: &str| {
        Request::get("/nowhere").header("accept", accept).body(Body::empty()).unwrap()
    };
    let page = hoist.send(lost("text/html,application/xhtml+xml")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("there is nothing at /nowhere"), "{}", page.body);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let problem = hoist.send(lost("*/*")).await;
    assert_eq!(problem.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_proposals_text_is_shown_as_it_was_meant() {
    let (hoist, path) = with_a_proposal().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let page = alice.get(&path).await.body;
    assert!(page.contains("<strong>shop</strong> in <strong>prod</strong>"), "{page}");
    assert!(!page.contains("**shop**") && !page.contains("&lt;!--"), "{page}");
}

#[tokio::test]
async fn the_page_answers_why() {
    let (hoist, _) = with_a_proposal().await;
    let mut alice = Browser::signed_in(&hoist, "alice").await;
    let shop = alice.get("/applications/shop").await.body;
    let path = between(&shop, r#"<a href="/applications/services%2Fshop/why/prod""#, ">");
    assert_eq!(path, "");
    let page = alice.get("/applications/services%2Fshop/why/prod").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for words in ["v1.1.0 is not in prod", "What you can do", "approvals", "looks again"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
}

#[tokio::test]
async fn who_may_skip_environments_is_offered_to() {
    let (hoist, _) = with_a_proposal().await;
    let offers = async |name: &str| {
        let mut browser = Browser::signed_in(&hoist, name).await;
        browser.get("/applications/shop").await.body.contains(r#"name="skip""#)
    };
    assert!(!offers("alice").await, "alice has no right to skip");
    assert!(offers("carol").await);
    let mut carol = Browser::signed_in(&hoist, "carol").await;
    let form_token = carol.form_token().await;
    hoist.announce("cart", "v9.0.0").await;
    let fields = [
        ("environment", "prod"),
        ("version", "v9.0.0"),
        ("skip", "staging"),
        ("reason", "a hotfix"),
        ("form_token", &*form_token),
    ];
    let done = carol.post("/applications/cart/promote", &fields).await;
    assert!(done.header("location").starts_with("/promotions/"), "{}", done.body);
}
