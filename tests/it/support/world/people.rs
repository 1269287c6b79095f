//! What people ask of hoist, and what they are told.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use hoist::app::AppError;
use hoist::app::views::{
    Allowance, CheckRequest, CheckWord, CommandView, FreezeRequest, HoldRequest, PromoteRequest,
    ProposalRequest, ResumeRequest, RollbackRequest, SkipRequest, ThawRequest,
};
use hoist::domain::command::{Identity, Newer, ProposalStep};
use hoist::http;
use tower::ServiceExt;

use super::{Bot, token};

impl Bot {
    /// A page of hoist's, as somebody sees it who has signed in.
    pub async fn page(&self, person: &str, path: &str) -> String {
        let router = http::router(Arc::clone(self.app()));
        let form = Request::post("/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", self.app().policy.public_url.trim_end_matches('/'))
            .body(Body::from(format!("token={}", token(person).replace(' ', "+"))));
        let answer = router.clone().oneshot(form.unwrap()).await.unwrap();
        let cookies = answer.headers().get_all("set-cookie").iter();
        let cookies: Vec<&str> =
            cookies.filter_map(|it| it.to_str().unwrap().split(';').next()).collect();
        let request = Request::get(path).header("cookie", cookies.join("; "));
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// What Prometheus reads.
    pub async fn metrics(&self) -> String {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let answer = http::router(Arc::clone(self.app())).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    pub(super) async fn identity(&self, person: &str) -> Identity {
        self.app().identify(&token(person)).await.unwrap()
    }

    /// A person takes a step on the open proposal of the shop; the answer, or why not.
    pub async fn step(
        &self,
        person: &str,
        environment: &str,
        step: ProposalStep,
    ) -> Result<String, String> {
        let next = self.environment(environment).await.next.unwrap();
        let request = ProposalRequest {
            step,
            head: None,
            comment: Some("a word about it".into()),
            check: None,
        };
        let app = self.app();
        said(app.review(&self.identity(person).await, next.promotion.as_str(), request).await)
    }

    /// Somebody tells what a check found on the open proposal of the shop; the answer, or why not.
    pub async fn report(
        &self,
        person: &str,
        environment: &str,
        (name, state): (&str, CheckWord),
    ) -> Result<String, String> {
        let next = self.environment(environment).await.next.unwrap();
        let request = ProposalRequest {
            step: ProposalStep::Check,
            head: None,
            comment: Some("https://ci.example.com/7".into()),
            check: Some(CheckRequest { name: name.into(), state }),
        };
        let app = self.app();
        said(app.review(&self.identity(person).await, next.promotion.as_str(), request).await)
    }

    pub async fn approve(&self, person: &str, environment: &str) {
        self.step(person, environment, ProposalStep::Approve).await.unwrap();
    }

    /// The shop's newest version goes all the way into prod.
    pub async fn bring_into_prod(&self, version: &str) {
        self.propose_to_prod(version).await;
        self.approve("bob", "prod").await;
        self.work().await;
    }

    /// The shop's newest version goes as far as it does without people.
    pub async fn propose_to_prod(&self, version: &str) {
        self.announce(version).await;
        self.work().await;
        self.minutes_pass(30);
        self.work().await;
    }

    pub async fn close(&self, person: &str, environment: &str) {
        self.step(person, environment, ProposalStep::Close).await.unwrap();
    }

    pub async fn promote(&self, person: &str, request: PromoteRequest) -> Result<String, String> {
        said(self.app().promote(&self.identity(person).await, request).await)
    }

    pub async fn roll_back(&self, person: &str, to: Option<&str>) -> Result<String, String> {
        let request = RollbackRequest {
            application: "shop".into(),
            environment: "prod".into(),
            to: to.map(str::to_owned),
            reason: Some("payments fail".into()),
            over_drift: false,
            everywhere: false,
        };
        said(self.app().roll_back(&self.identity(person).await, request).await)
    }

    pub async fn hold(&self, person: &str) -> Result<String, String> {
        said(self.app().hold(&self.identity(person).await, hold("freeze week")).await)
    }

    /// The same for a length of time.
    pub async fn hold_for(&self, person: &str, length: &str) -> Result<String, String> {
        let hold = HoldRequest { length: Some(length.into()), ..hold("freeze week") };
        said(self.app().hold(&self.identity(person).await, hold).await)
    }

    /// Freezes an environment, or all with `*`, for a length of time or until it is thawed.
    pub async fn freeze(
        &self,
        person: &str,
        environment: &str,
        length: Option<&str>,
    ) -> Result<String, String> {
        self.freeze_allowing(person, (environment, length), &[]).await
    }

    /// The same, with what goes in nevertheless.
    pub async fn freeze_allowing(
        &self,
        person: &str,
        (environment, length): (&str, Option<&str>),
        allow: &[Allowance],
    ) -> Result<String, String> {
        let request = FreezeRequest {
            environment: environment.into(),
            length: length.map(str::to_owned),
            reason: "INC-123".into(),
            allow: allow.to_vec(),
        };
        said(self.app().freeze(&self.identity(person).await, request).await)
    }

    pub async fn skip(&self, person: &str, request: SkipRequest) -> Result<String, String> {
        said(self.app().skip(&self.identity(person).await, request).await)
    }

    pub async fn thaw(&self, person: &str, environment: &str) -> Result<String, String> {
        let request = ThawRequest { environment: environment.into(), reason: None };
        said(self.app().thaw(&self.identity(person).await, request).await)
    }

    pub async fn resume(&self, person: &str) -> Result<String, String> {
        self.resume_with(person, Some(Newer::With)).await
    }

    pub async fn resume_with(&self, person: &str, newer: Option<Newer>) -> Result<String, String> {
        let request = ResumeRequest {
            application: "shop".into(),
            environment: "prod".into(),
            newer,
            reason: Some("all is well".into()),
        };
        said(self.app().resume(&self.identity(person).await, request).await)
    }

    /// A rollback with everything that can be said of it.
    pub async fn roll_back_as(
        &self,
        person: &str,
        request: RollbackRequest,
    ) -> Result<String, String> {
        said(self.app().roll_back(&self.identity(person).await, request).await)
    }
}

/// What `hoist promote shop prod` asks.
pub fn promote_to_prod(version: Option<&str>) -> PromoteRequest {
    PromoteRequest {
        application: "shop".into(),
        environment: "prod".into(),
        version: version.map(str::to_owned),
        tag: None,
        digest: None,
        reason: Some("it is wanted".into()),
        allow_older: false,
        skip: Vec::new(),
        force_bad: false,
    }
}

pub(super) fn hold(reason: &str) -> HoldRequest {
    HoldRequest {
        application: "shop".into(),
        environment: "prod".into(),
        length: None,
        reason: Some(reason.into()),
    }
}

pub(super) fn said(answer: Result<CommandView, AppError>) -> Result<String, String> {
    answer.map(|view| view.message).map_err(|error| error.to_string())
}
