//! What people ask for on the page. Each is one call; whether they may is decided behind it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use super::flash::Flash;
use super::{Refusal, layout, promotion, viewer};
use crate::app::sessions::{Allowed, SignedIn};
use crate::app::views::{
    Allowance, CommandView, FreezeRequest, HoldRequest, PromoteRequest, ProposalRequest,
    ResumeRequest, RollbackRequest, SkipRequest, ThawRequest,
};
use crate::app::{App, AppError};
use crate::domain::command::{Newer, ProposalStep, Right};
use crate::domain::id::CommitId;
use crate::http::problem::Problem;
use crate::http::session::{CookieJar, Fields, SignedForm, see};

/// `POST /promotions/{promotion}/proposal`
pub(super) async fn review(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    form: SignedForm,
) -> Result<Response, Refusal> {
    let request = ProposalRequest {
        step: step_of(&form.fields)?,
        head: Some(head_of(&form.fields)?),
        comment: form.fields.said("comment"),
        check: None,
    };
    let draft = request.comment.clone().unwrap_or_default();
    match app.review(&form.by.identity, &id, request).await {
        Ok(done) => Ok(done_at(&app, &done, &format!("/promotions/{id}"))),
        Err(error) => refuse_review(&app, &form.by, &id, (error, &draft)).await,
    }
}

fn step_of(fields: &Fields) -> Result<ProposalStep, Problem> {
    match fields.get("step") {
        Some("approve") => Ok(ProposalStep::Approve),
        Some("request_changes") => Ok(ProposalStep::RequestChanges),
        Some("comment") => Ok(ProposalStep::Comment),
        Some("merge") => Ok(ProposalStep::Merge),
        Some("close") => Ok(ProposalStep::Close),
        Some(_) | None => Err(Problem::malformed(
            "the form names no step: approve, request_changes, comment, merge or close",
        )),
    }
}

/// The head that the person looked at: the page's forms all carry it.
fn head_of(fields: &Fields) -> Result<CommitId, Problem> {
    let head = fields.get("head").unwrap_or_default();
    head.parse().map_err(|_| Problem::malformed("the form does not name the commit it is about"))
}

/// Shows the promotion as it is now, why nothing was done, and the comment that was typed.
async fn refuse_review(
    app: &App,
    by: &SignedIn,
    id: &str,
    (error, draft): (AppError, &str),
) -> Result<Response, Refusal> {
    let problem = Problem::from(error);
    if app.allows(&by.identity, Right::Status, None) == Allowed::No {
        return Err(problem.into());
    }
    let Ok(view) = app.promotion(id).await else { return Err(problem.into()) };
    let viewer = viewer(app, by);
    let content = promotion::promotion(&view, &viewer, draft);
    let flash = Flash::refused(problem.detail());
    let title = format!("Not done: {} in {}", view.application, view.environment);
    let page = layout::page(&title, &viewer, Some(&flash), &content);
    Ok((problem.status(), page).into_response())
}

/// `POST /applications/{application}/promote`
pub(super) async fn promote(
    State(app): State<Arc<App>>,
    Path(application): Path<String>,
    form: SignedForm,
) -> Result<Response, Refusal> {
    let request = PromoteRequest {
        application: application.clone(),
        environment: environment_of(&form.fields),
        version: form.fields.said("version"),
        tag: None,
        digest: None,
        reason: form.fields.said("reason"),
        allow_older: form.fields.get("allow_older").is_some(),
        skip: form.fields.said("skip").map(|names| words_of(&names)).unwrap_or_default(),
        force_bad: form.fields.get("force_bad").is_some(),
    };
    let done = app.promote(&form.by.identity, request).await;
    back_to(&app, &application, done)
}

/// `POST /applications/{application}/roll-back`
pub(super) async fn roll_back(
    State(app): State<Arc<App>>,
    Path(application): Path<String>,
    form: SignedForm,
) -> Result<Response, Refusal> {
    let request = RollbackRequest {
        application: application.clone(),
        environment: environment_of(&form.fields),
        to: form.fields.said("to"),
        reason: form.fields.said("reason"),
        over_drift: form.fields.get("over_drift").is_some(),
        everywhere: form.fields.get("everywhere").is_some(),
    };
    let done = app.roll_back(&form.by.identity, request).await;
    back_to(&app, &application, done)
}

/// `POST /applications/{application}/hold`
pub(super) async fn hold(
    State(app): State<Arc<App>>,
    Path(application): Path<String>,
    form: SignedForm,
) -> Result<Response, Refusal> {
    let done = app.hold(&form.by.identity, hold_of(&application, &form.fields)).await;
    back_to(&app, &application, done)
}

/// `POST /applications/{application}/resume`
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    Path(application): Path<String>,
    form: SignedForm,
) -> Result<Response, Refusal> {
    let newer = match form.fields.get("newer") {
        Some("with") => Some(Newer::With),
        Some("without") => Some(Newer::Without),
        Some(_) | None => None,
    };
    let request = ResumeRequest {
        application: application.clone(),
        environment: environment_of(&form.fields),
        newer,
        reason: form.fields.said("reason"),
    };
    let done = app.resume(&form.by.identity, request).await;
    back_to(&app, &application, done)
}

/// `POST /applications/{application}/skip`
pub(super) async fn skip(
    State(app): State<Arc<App>>,
    Path(application): Path<String>,
    form: SignedForm,
) -> Result<Response, Refusal> {
    let request = SkipRequest {
        application: application.clone(),
        environment: environment_of(&form.fields),
        promotion: form.fields.get("promotion").and_then(|id| id.parse().ok()),
        gate: form.fields.said("gate").unwrap_or_default(),
        reason: form.fields.said("reason").unwrap_or_default(),
    };
    let done = app.skip(&form.by.identity, request).await;
    back_to(&app, &application, done)
}

/// `POST /freezes`
pub(super) async fn freeze(
    State(app): State<Arc<App>>,
    form: SignedForm,
) -> Result<Response, Refusal> {
    let allows_rollback = form.fields.get("allow_rollback").is_some();
    let request = FreezeRequest {
        environment: environment_of(&form.fields),
        length: form.fields.said("for"),
        reason: form.fields.said("reason").unwrap_or_default(),
        allow: allows_rollback.then_some(Allowance::Rollback).into_iter().collect(),
    };
    let done = app.freeze(&form.by.identity, request).await;
    back_to_page(&app, "/", done)
}

/// `POST /freezes/thaw`
pub(super) async fn thaw(
    State(app): State<Arc<App>>,
    form: SignedForm,
) -> Result<Response, Refusal> {
    let request = ThawRequest {
        environment: environment_of(&form.fields),
        reason: form.fields.said("reason"),
    };
    let done = app.thaw(&form.by.identity, request).await;
    back_to_page(&app, "/", done)
}

fn hold_of(application: &str, fields: &Fields) -> HoldRequest {
    HoldRequest {
        application: application.to_owned(),
        environment: environment_of(fields),
        length: fields.said("for"),
        reason: fields.said("reason"),
    }
}

/// The names that a person typed, with commas or blanks between them.
fn words_of(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn environment_of(fields: &Fields) -> String {
    fields.said("environment").unwrap_or_default()
}

/// Sends the person back to the application's page, with what came of it.
fn back_to(
    app: &App,
    application: &str,
    done: Result<CommandView, AppError>,
) -> Result<Response, Refusal> {
    let segment: String = url::form_urlencoded::byte_serialize(application.as_bytes())
        .map(|part| if part == "+" { "%20" } else { part })
        .collect();
    back_to_page(app, &format!("/applications/{segment}"), done)
}

/// Sends the person back to a page, with what came of it.
fn back_to_page(
    app: &App,
    page: &str,
    done: Result<CommandView, AppError>,
) -> Result<Response, Refusal> {
    match done {
        Ok(done) => Ok(done_at(app, &done, page)),
        Err(error @ AppError::NotFound { .. }) => Err(error.into()),
        Err(error) => {
            let mut jar = CookieJar::new(app);
            Flash::refused(Problem::from(error).detail()).keep(&mut jar);
            Ok((jar, see(page)).into_response())
        }
    }
}

/// Sends the person on, with what was done.
fn done_at(app: &App, done: &CommandView, page: &str) -> Response {
    let mut jar = CookieJar::new(app);
    Flash::done(&done.message).keep(&mut jar);
    let page = done.promotion.as_ref().map_or(page.to_owned(), |id| format!("/promotions/{id}"));
    (jar, see(&page)).into_response()
}
