//! `/hooks/registry/…`: what registries and forges say by themselves, and the answer to what tells
//! of several things at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::SecretString;
use serde::Deserialize;

use super::body::{check_content_type, read_body};
use super::problem::Problem;
use crate::app::App;
use crate::app::ingest::Accepted;
use crate::app::ingest::hook::{Answer, Answers};
use crate::app::ingest::senders::{HEADERS, UnverifiedHook};
use crate::app::views::{AnnouncementView, AnswerView, AnswersView};

/// What registries and forges write in `Content-Type`.
const MEDIA_TYPES: [&str; 4] = [
    "application/json",
    "application/cloudevents+json",
    "application/vnd.docker.distribution.events.v1+json",
    "application/vnd.docker.distribution.events.v2+json",
];

/// The routes under `/hooks/registry/`.
pub(super) fn senders(app: Arc<App>) -> Router {
    Router::new().route("/hooks/registry/{name}", post(hear_sender)).with_state(app)
}

/// The secret of those who can put it nowhere else. Behind the `?`, because a path is what logs and
/// answers repeat.
#[derive(Deserialize)]
struct Shown {
    secret: Option<String>,
}

/// `POST /hooks/registry/{name}`
async fn hear_sender(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    shown: Result<Query<Shown>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    // What the rejection says would repeat the address.
    let Query(Shown { secret }) =
        shown.map_err(|_| Problem::malformed("what stands behind `?` cannot be read"))?;
    check_content_type(request.headers(), &MEDIA_TYPES)?;
    let header = |name: &'static str| {
        let value = request.headers().get(name)?;
        Some((name, String::from_utf8_lossy(value.as_bytes()).into_owned()))
    };
    let headers: BTreeMap<_, _> = HEADERS.into_iter().filter_map(header).collect();
    let secret = secret.map(SecretString::from);
    let body = read_body(request).await?;
    let answers = app.hear_sender(&name, UnverifiedHook { headers, secret, body }).await?;
    Ok(several(answers))
}

/// Answers what tells of several things at once. What of it was refused is no failure of the whole:
/// sent again, it would be refused again.
pub(super) fn several(answers: Answers) -> Response {
    (status_of(&answers), Json(view(answers))).into_response()
}

/// 202 if something new was stored, else 200.
fn status_of(answers: &Answers) -> StatusCode {
    let is_new = |answer: &Answer| matches!(answer.outcome, Ok(Accepted::New(_)));
    if answers.each.iter().any(is_new) { StatusCode::ACCEPTED } else { StatusCode::OK }
}

fn view(answers: Answers) -> AnswersView {
    AnswersView {
        answers: answers.each.into_iter().map(answer_view).collect(),
        ignored: answers.ignored,
    }
}

fn answer_view(Answer { what, outcome }: Answer) -> AnswerView {
    let taken = |status: StatusCode, AnnouncementView { id, url, why }| AnswerView {
        what: what.clone(),
        status: status.as_u16(),
        id: Some(id),
        url: Some(url),
        detail: why,
    };
    match outcome {
        Ok(Accepted::New(view)) => taken(StatusCode::ACCEPTED, view),
        Ok(Accepted::Same(view)) => taken(StatusCode::OK, view),
        Err(error) => {
            let problem = Problem::from(error);
            AnswerView {
                what: what.clone(),
                status: problem.status().as_u16(),
                id: None,
                url: None,
                detail: Some(problem.detail().to_owned()),
            }
        }
    }
}
