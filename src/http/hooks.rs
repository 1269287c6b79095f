//! `/hooks/…`: what other systems tell hoist.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::SecretString;
use serde::Deserialize;

use super::body::{check_content_type, has_type, read_body};
use super::problem::Problem;
use super::senders::several;
use crate::app::App;
use crate::app::forge_event::{self, HearError, Heard, UnverifiedEvent};
use crate::app::ingest::cloud_event::{Attributes, Envelope};
use crate::app::ingest::signature::{Headers, UnverifiedDelivery};
use crate::app::ingest::{Accepted, AnnounceError};
use crate::app::nudge::NudgeError;
use crate::app::views::ProgressView;

/// What an announcement, and an event of a forge or a controller, is written in.
const MEDIA_TYPES: [&str; 2] = ["application/json", "application/cloudevents+json"];

/// Several CloudEvents at once.
const BATCH: &str = "application/cloudevents-batch+json";

/// The routes under `/hooks/`.
pub(super) fn hooks(app: Arc<App>) -> Router {
    Router::new()
        .route("/hooks/artifacts", post(announce_artifact))
        .route("/hooks/artifacts/progress", post(show_progress))
        .route("/hooks/argocd", post(nudge_applications))
        .route("/hooks/forge/{repository}", post(hear_forge))
        .with_state(app)
}

/// `POST /hooks/artifacts`
async fn announce_artifact(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    let is_batch = has_type(request.headers(), BATCH);
    check_content_type(request.headers(), if is_batch { &[BATCH] } else { &MEDIA_TYPES })?;
    let headers = read_headers(request.headers());
    let delivery = UnverifiedDelivery::new(headers, read_body(request).await?);
    if is_batch {
        return Ok(several(app.announce_batch(delivery).await?));
    }
    let (status, view) = match app.announce(delivery).await? {
        Accepted::New(view) => (StatusCode::ACCEPTED, view),
        Accepted::Same(view) => (StatusCode::OK, view),
    };
    let location = HeaderValue::try_from(&view.url).map_err(|_| Problem::ours())?;
    Ok((status, [(LOCATION, location)], Json(view)).into_response())
}

/// Where an announcement is followed to.
#[derive(Deserialize)]
struct Destination {
    environment: String,
}

/// `POST /hooks/artifacts/progress?environment=`
async fn show_progress(
    State(app): State<Arc<App>>,
    destination: Result<Query<Destination>, QueryRejection>,
    request: Request,
) -> Result<Json<ProgressView>, Problem> {
    let Query(Destination { environment }) = destination?;
    check_content_type(request.headers(), &MEDIA_TYPES)?;
    let headers = read_headers(request.headers());
    let delivery = UnverifiedDelivery::new(headers, read_body(request).await?);
    Ok(Json(app.progress(delivery, &environment).await?))
}

/// `POST /hooks/argocd`
async fn nudge_applications(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    check_content_type(request.headers(), &MEDIA_TYPES)?;
    let authorization = request.headers().get(AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = read_body(request).await?;
    let view = app.nudge(authorization.as_deref(), &body).await?;
    Ok((StatusCode::ACCEPTED, Json(view)).into_response())
}

/// `POST /hooks/forge/{repository}`
async fn hear_forge(
    State(app): State<Arc<App>>,
    Path(repository): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    check_content_type(request.headers(), &MEDIA_TYPES)?;
    let headers = request.headers().clone();
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let github = forge_event::Envelope {
        kind: header("x-github-event"),
        delivery: header("x-github-delivery"),
        proof: header("x-hub-signature-256"),
    };
    // Hooks that lead to hooks share the event's id; older servers have no other.
    let gitlab = forge_event::Envelope {
        kind: header("x-gitlab-event"),
        delivery: header("idempotency-key").or_else(|| header("x-gitlab-event-uuid")),
        proof: header("x-gitlab-token"),
    };
    let body = read_body(request).await?;
    let event = UnverifiedEvent { github, gitlab, body };
    match app.hear_forge(&repository, event).await? {
        Heard::Woken(view) => Ok((StatusCode::ACCEPTED, Json(view)).into_response()),
        Heard::Said => Ok(StatusCode::ACCEPTED.into_response()),
        Heard::Ignored => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// Takes from the headers what the signature is made of.
fn read_headers(headers: &HeaderMap) -> Headers {
    let header = |name: &str| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let bearer = header(AUTHORIZATION.as_str()).and_then(|value| bearer(&value));
    Headers {
        hub_signature: header("x-hub-signature-256"),
        webhook_id: header("webhook-id"),
        webhook_timestamp: header("webhook-timestamp"),
        webhook_signature: header("webhook-signature"),
        delivery: header("x-hoist-delivery").or_else(|| header("x-github-delivery")),
        envelope: envelope(&header),
        bearer,
    }
}

/// The token of `Authorization: Bearer`.
fn bearer(authorization: &str) -> Option<SecretString> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

/// What the body is wrapped in: the `ce-` headers of a CloudEvent in binary mode, or nothing.
fn envelope(header: &impl Fn(&str) -> Option<String>) -> Envelope {
    match header("ce-specversion") {
        None => Envelope::None,
        Some(specification) => Envelope::Binary(Attributes {
            specification,
            kind: header("ce-type").unwrap_or_default(),
            source: header("ce-source").unwrap_or_default(),
            id: header("ce-id").unwrap_or_default(),
        }),
    }
}

impl From<NudgeError> for Problem {
    fn from(error: NudgeError) -> Self {
        match error {
            NudgeError::Unauthorized => {
                tracing::info!("a notification was refused: it carries no secret that is known");
                Self::unauthorized("Bearer", error.to_string())
            }
            NudgeError::App(error) => Self::from(error),
        }
    }
}

impl From<HearError> for Problem {
    fn from(error: HearError) -> Self {
        match error {
            HearError::Unauthorized => {
                tracing::info!("an event of a forge was refused: nobody knows who signed it");
                Self::unauthorized("HMAC-SHA256", error.to_string())
            }
            HearError::App(error) => Self::from(error),
        }
    }
}

impl From<AnnounceError> for Problem {
    fn from(error: AnnounceError) -> Self {
        let detail = error.to_string();
        log(&error);
        match error {
            AnnounceError::App(error) => Self::from(error),
            AnnounceError::Signature(_) => Self::unauthorized("HMAC-SHA256", detail),
            AnnounceError::Token(_) => Self::unauthorized("Bearer", detail),
            AnnounceError::Issuer(_) => Self::unavailable(detail),
            AnnounceError::TooMany { seconds, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
                    .with_header(RETRY_AFTER, HeaderValue::from(seconds))
            }
            AnnounceError::Malformed(malformed) => {
                let problem = Self::malformed(detail);
                match malformed.field {
                    Some(field) => problem.with_field(field),
                    None => problem,
                }
            }
            AnnounceError::NotTheirs { .. } => Self::forbidden(detail).with_field("image"),
            AnnounceError::NotTheirApplication { .. } => {
                Self::forbidden(detail).with_field("application")
            }
            AnnounceError::Unknown { field, .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with_field(field)
            }
        }
    }
}

/// Logs that an announcement was refused, without a word of its body: the sender gets those.
fn log(error: &AnnounceError) {
    match error {
        // Its conversion logs it.
        AnnounceError::App(_) => (),
        AnnounceError::Signature(error) => tracing::info!("an announcement was refused: {error}"),
        AnnounceError::Token(error) => tracing::info!("an announcement was refused: {error}"),
        AnnounceError::TooMany { .. } => tracing::warn!("an announcement has to wait: {error}"),
        AnnounceError::Issuer(error) => tracing::warn!("an announcement has to wait: {error}"),
        AnnounceError::Malformed(error) => {
            let field = error.field.unwrap_or("body");
            tracing::info!("an announcement was refused: its {field} is malformed");
        }
        AnnounceError::NotTheirs { name, .. } => {
            tracing::info!("an announcement was refused: its image is not one of {name}'s");
        }
        AnnounceError::NotTheirApplication { name, .. } => {
            tracing::info!("an announcement was refused: {name}'s token is of another application");
        }
        AnnounceError::Unknown { field, .. } => {
            tracing::info!("an announcement was refused: nothing is known of its {field}");
        }
    }
}
