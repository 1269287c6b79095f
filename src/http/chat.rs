//! `/hooks/slack`, `/hooks/mattermost`: what people say in a chat.
//!
//! Each is answered as soon as the words are kept: Slack waits three seconds and no longer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

use super::body::read_body;
use super::problem::Problem;
use crate::app::App;
use crate::app::AppError;
use crate::app::chat::{BadSaying, Receipt, SlackRequest};

/// The routes of the chats.
pub(super) fn chat(app: Arc<App>) -> Router {
    Router::new()
        .route("/hooks/slack", post(hear_slack))
        .route("/hooks/mattermost", post(hear_mattermost))
        .with_state(app)
}

/// `POST /hooks/slack`
async fn hear_slack(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let timestamp = header(request.headers(), "x-slack-request-timestamp");
    let signature = header(request.headers(), "x-slack-signature");
    let body = read_body(request).await?;
    let receipt = app.hear_slack(SlackRequest::new(timestamp, signature, body)).await?;
    Ok(acknowledge(receipt))
}

/// `POST /hooks/mattermost`
async fn hear_mattermost(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    let body = read_body(request).await?;
    Ok(acknowledge(app.hear_mattermost(&body).await?))
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Both chats understand the same receipt, which nobody but the speaker sees.
fn acknowledge(receipt: Receipt) -> Response {
    match receipt {
        Receipt::Empty => StatusCode::OK.into_response(),
        Receipt::Told(message) => {
            Json(json!({"response_type": "ephemeral", "text": message.text})).into_response()
        }
    }
}

impl From<BadSaying> for Problem {
    fn from(error: BadSaying) -> Self {
        let detail = error.to_string();
        match error {
            BadSaying::NobodyListens => Self::not_found(detail),
            BadSaying::Unsigned(_) => {
                tracing::info!("something that was said was not believed: {detail}");
                Self::unauthorized("HMAC-SHA256", detail)
            }
            BadSaying::Malformed(_) => Self::malformed(detail),
            BadSaying::Elsewhere { .. } => {
                tracing::warn!("something that was said was not taken: {detail}");
                Self::malformed(detail).with_field("response_url")
            }
            BadSaying::Store(error) => Self::from(AppError::from(error)),
        }
    }
}
