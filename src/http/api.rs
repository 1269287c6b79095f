//! `/api/v1/…`: the same verbs for the command line and for other machines, by bearer token.

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::body::in_time;
use super::problem::{Problem, method_not_allowed, not_found};
use super::security::guard_api;
use crate::app::App;
use crate::app::sessions::Allowed;
use crate::app::views::{
    AnnouncedArtifact, ApplicationView, CommandView, DeliveryDetailView, DeliveryView,
    FreezeRequest, FreezeView, HistoryLine, HistoryView, HoldRequest, PlanView, PromoteRequest,
    PromotionView, ProposalRequest, ResumeRequest, RollbackRequest, RunView, SkipRequest,
    StatusView, ThawRequest, WhyView,
};
use crate::domain::command::{Identity, ProposalStep, Right};

/// A command is small; a comment in it may be long.
const LARGEST_BODY: usize = 64 * 1024;

/// How many lines one answer has unless the client asks for fewer or more.
const USUAL_LIMIT: u32 = 100;

/// How many lines one answer has at most.
const HIGHEST_LIMIT: u32 = 1000;

/// The routes under `/api/v1`.
pub(super) fn api(app: Arc<App>) -> Router {
    let routes = Router::new()
        .route("/applications", get(list_applications))
        .route("/applications/{application}", get(show_application))
        .route("/applications/{application}/history", get(show_history))
        .route("/applications/{application}/why/{environment}", get(show_why))
        .route("/plan", get(show_plan))
        .route("/schedules/{schedule}/plan", get(show_run))
        .route("/schedules/{schedule}/runs", post(run_schedule))
        .route("/artifacts", get(list_artifacts))
        .route("/promotions", post(promote))
        .route("/promotions/{promotion}", get(show_promotion))
        .route("/promotions/{promotion}/reviews", post(review_proposal))
        .route("/promotions/{promotion}/checks", post(report_check))
        .route("/promotions/{promotion}/merge", post(merge_proposal))
        .route("/promotions/{promotion}/close", post(close_proposal))
        .route("/rollbacks", post(roll_back))
        .route("/holds", post(hold))
        .route("/holds/resume", post(resume))
        .route("/skips", post(skip))
        .route("/freezes", get(list_freezes).post(freeze))
        .route("/freezes/thaw", post(thaw))
        .route("/deliveries", get(list_deliveries))
        .route("/deliveries/{delivery}", get(show_delivery))
        .route("/deliveries/{delivery}/replay", post(replay_delivery))
        .route("/audit", get(show_audit))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(guard_api))
        .with_state(app);
    Router::new().nest("/api/v1", routes)
}

/// Somebody with a token.
struct Caller(Identity);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        const CHALLENGE: &str = "Bearer realm=\"hoist\"";
        const WRONG: &str = "Bearer realm=\"hoist\", error=\"invalid_token\"";
        let header = parts.headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let Some(token) = header.and_then(bearer) else {
            let detail = "this needs a token: send `Authorization: Bearer …`; the command line \
                          takes it from HOIST_TOKEN";
            return Err(Problem::unauthorized(CHALLENGE, detail));
        };
        let found = app.identify(token).await;
        found.map(Self).ok_or_else(|| {
            let detail = "nobody has this token; its SHA-256 has to stand under `tokens:` in the \
                          configuration that this hoist was started with";
            Problem::unauthorized(WRONG, detail)
        })
    }
}

/// The token of an `Authorization` header.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Somebody who may look at what is where.
struct Reader;

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Caller(caller) = Caller::from_request_parts(parts, app).await?;
        need(app, &caller, Right::Status).map(|()| Self)
    }
}

/// Somebody who may read the audit log.
struct Auditor;

impl FromRequestParts<Arc<App>> for Auditor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Caller(caller) = Caller::from_request_parts(parts, app).await?;
        need(app, &caller, Right::Audit).map(|()| Self)
    }
}

fn need(app: &App, caller: &Identity, right: Right) -> Result<(), Problem> {
    match app.allows(caller, right, None) {
        Allowed::Yes => Ok(()),
        Allowed::No => Err(Problem::forbidden(format!(
            "{} lacks the right `{right}`: give one of their roles `may: [{right}]` (`roles:` in \
             the configuration)",
            caller.actor
        ))),
    }
}

/// A JSON body, or the problem with it.
struct Body<T>(T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let read: Result<Json<T>, JsonRejection> =
            in_time(Json::from_request(request, app)).await?;
        Ok(Self(read?.0))
    }
}

type Name = Result<Path<String>, PathRejection>;

/// `GET /api/v1/applications`
async fn list_applications(
    State(app): State<Arc<App>>,
    _reader: Reader,
) -> Result<Json<StatusView>, Problem> {
    Ok(Json(app.status().await?))
}

/// `GET /api/v1/applications/{application}`
async fn show_application(
    State(app): State<Arc<App>>,
    _reader: Reader,
    name: Name,
) -> Result<Json<ApplicationView>, Problem> {
    Ok(Json(app.application(&name?).await?))
}

/// What a history is narrowed to.
#[derive(Deserialize)]
struct HistoryQuery {
    environment: Option<String>,
}

/// `GET /api/v1/applications/{application}/history?environment=`
async fn show_history(
    State(app): State<Arc<App>>,
    _reader: Reader,
    name: Name,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<HistoryView>, Problem> {
    Ok(Json(app.history(&name?, query?.environment.as_deref()).await?))
}

/// `GET /api/v1/applications/{application}/why/{environment}`
async fn show_why(
    State(app): State<Arc<App>>,
    _reader: Reader,
    names: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<WhyView>, Problem> {
    let Path((application, environment)) = names?;
    Ok(Json(app.why(&application, &environment).await?))
}

/// What a plan is narrowed to, and when.
#[derive(Deserialize)]
struct PlanQuery {
    application: Option<String>,
    at: Option<String>,
}

/// `GET /api/v1/plan?application=&at=`
async fn show_plan(
    State(app): State<Arc<App>>,
    _reader: Reader,
    query: Result<Query<PlanQuery>, QueryRejection>,
) -> Result<Json<PlanView>, Problem> {
    let Query(query) = query?;
    let at = app.moment_of(query.at.as_deref(), None)?;
    Ok(Json(app.foresee(query.application.as_deref(), at).await?))
}

/// When a run would be.
#[derive(Deserialize)]
struct RunQuery {
    at: Option<String>,
}

/// `GET /api/v1/schedules/{schedule}/plan?at=`
async fn show_run(
    State(app): State<Arc<App>>,
    _reader: Reader,
    name: Name,
    query: Result<Query<RunQuery>, QueryRejection>,
) -> Result<Json<RunView>, Problem> {
    let (name, Query(query)) = (name?, query?);
    let at = app.moment_of(query.at.as_deref(), Some(&name))?;
    Ok(Json(app.foresee_run(&name, at).await?))
}

/// `POST /api/v1/schedules/{schedule}/runs`
async fn run_schedule(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    name: Name,
) -> Result<(StatusCode, Json<CommandView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(app.run_schedule(&by, &name?).await?)))
}

/// Which artifacts.
#[derive(Deserialize)]
struct ArtifactsQuery {
    application: Option<String>,
    limit: Option<u32>,
}

/// `GET /api/v1/artifacts?application=&limit=`: newest first
async fn list_artifacts(
    State(app): State<Arc<App>>,
    _reader: Reader,
    query: Result<Query<ArtifactsQuery>, QueryRejection>,
) -> Result<Json<Vec<AnnouncedArtifact>>, Problem> {
    let Query(query) = query?;
    let limit = query.limit.unwrap_or(USUAL_LIMIT).clamp(1, HIGHEST_LIMIT);
    Ok(Json(app.list_artifacts(query.application.as_deref(), limit).await?))
}

/// `POST /api/v1/promotions`
async fn promote(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    Body(request): Body<PromoteRequest>,
) -> Result<(StatusCode, Json<CommandView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(app.promote(&by, request).await?)))
}

/// `GET /api/v1/promotions/{promotion}`
async fn show_promotion(
    State(app): State<Arc<App>>,
    _reader: Reader,
    id: Name,
) -> Result<Json<PromotionView>, Problem> {
    Ok(Json(app.promotion(&id?).await?))
}

/// `POST /api/v1/promotions/{promotion}/reviews`
async fn review_proposal(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    id: Name,
    Body(request): Body<ProposalRequest>,
) -> Result<Json<CommandView>, Problem> {
    let steps = [ProposalStep::Approve, ProposalStep::RequestChanges, ProposalStep::Comment];
    review(&app, &by, (&id?, request), &steps).await
}

/// `POST /api/v1/promotions/{promotion}/checks`
async fn report_check(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    id: Name,
    Body(request): Body<ProposalRequest>,
) -> Result<Json<CommandView>, Problem> {
    review(&app, &by, (&id?, request), &[ProposalStep::Check]).await
}

/// `POST /api/v1/promotions/{promotion}/merge`
async fn merge_proposal(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    id: Name,
    Body(request): Body<ProposalRequest>,
) -> Result<Json<CommandView>, Problem> {
    review(&app, &by, (&id?, request), &[ProposalStep::Merge]).await
}

/// `POST /api/v1/promotions/{promotion}/close`
async fn close_proposal(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    id: Name,
    Body(request): Body<ProposalRequest>,
) -> Result<Json<CommandView>, Problem> {
    review(&app, &by, (&id?, request), &[ProposalStep::Close]).await
}

/// Takes a step on a proposal, if it is one of those that the address stands for.
async fn review(
    app: &App,
    by: &Identity,
    (id, request): (&str, ProposalRequest),
    steps: &[ProposalStep],
) -> Result<Json<CommandView>, Problem> {
    if !steps.contains(&request.step) {
        let detail = "this step has another address: …/reviews takes approve, request_changes \
                      and comment, …/checks takes check, …/merge takes merge, …/close takes close";
        return Err(Problem::malformed(detail).with_field("step"));
    }
    Ok(Json(app.review(by, id, request).await?))
}

/// `POST /api/v1/rollbacks`
async fn roll_back(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    Body(request): Body<RollbackRequest>,
) -> Result<(StatusCode, Json<CommandView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(app.roll_back(&by, request).await?)))
}

/// `POST /api/v1/holds`
async fn hold(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    Body(request): Body<HoldRequest>,
) -> Result<(StatusCode, Json<CommandView>), Problem> {
    Ok((StatusCode::CREATED, Json(app.hold(&by, request).await?)))
}

/// `POST /api/v1/holds/resume`
async fn resume(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    Body(request): Body<ResumeRequest>,
) -> Result<Json<CommandView>, Problem> {
    Ok(Json(app.resume(&by, request).await?))
}

/// `POST /api/v1/skips`
async fn skip(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    Body(request): Body<SkipRequest>,
) -> Result<(StatusCode, Json<CommandView>), Problem> {
    Ok((StatusCode::CREATED, Json(app.skip(&by, request).await?)))
}

/// `GET /api/v1/freezes`: those that are on or will be
async fn list_freezes(
    State(app): State<Arc<App>>,
    _reader: Reader,
) -> Result<Json<Vec<FreezeView>>, Problem> {
    Ok(Json(app.freezes().await?))
}

/// `POST /api/v1/freezes`
async fn freeze(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    Body(request): Body<FreezeRequest>,
) -> Result<(StatusCode, Json<CommandView>), Problem> {
    Ok((StatusCode::CREATED, Json(app.freeze(&by, request).await?)))
}

/// `POST /api/v1/freezes/thaw`
async fn thaw(
    State(app): State<Arc<App>>,
    Caller(by): Caller,
    Body(request): Body<ThawRequest>,
) -> Result<Json<CommandView>, Problem> {
    Ok(Json(app.thaw(&by, request).await?))
}

/// Which part of a list.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

impl Part {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(USUAL_LIMIT).clamp(1, HIGHEST_LIMIT)
    }
}

/// Which deliveries are listed.
#[derive(Deserialize)]
struct Which {
    outcome: Option<OutcomeWord>,
}

/// What may have become of a delivery.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeWord {
    Refused,
}

/// `GET /api/v1/deliveries?limit=&outcome=refused`
async fn list_deliveries(
    State(app): State<Arc<App>>,
    _reader: Reader,
    part: Result<Query<Part>, QueryRejection>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Vec<DeliveryView>>, Problem> {
    let limit = part?.limit();
    Ok(Json(match which?.0.outcome {
        Some(OutcomeWord::Refused) => app.refused_deliveries(limit).await?,
        None => app.deliveries(limit).await?,
    }))
}

/// `POST /api/v1/deliveries/{delivery}/replay`
async fn replay_delivery(
    State(app): State<Arc<App>>,
    Caller(caller): Caller,
    id: Name,
) -> Result<Json<DeliveryDetailView>, Problem> {
    need(&app, &caller, Right::Announce)?;
    Ok(Json(app.replay(&id?, &caller).await?))
}

/// `GET /api/v1/deliveries/{delivery}`
async fn show_delivery(
    State(app): State<Arc<App>>,
    _reader: Reader,
    id: Name,
) -> Result<Json<DeliveryDetailView>, Problem> {
    Ok(Json(app.delivery(&id?).await?))
}

/// `GET /api/v1/audit?after=&limit=`
async fn show_audit(
    State(app): State<Arc<App>>,
    _auditor: Auditor,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Json<Vec<HistoryLine>>, Problem> {
    let part = part?;
    Ok(Json(app.audit(part.after, part.limit()).await?))
}
