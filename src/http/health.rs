//! `/healthz` and `/readyz`: for the machines that start, watch and replace hoist.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};

use crate::app::App;
use crate::app::readiness::Phase;
use crate::app::views::ReadinessView;

/// The two routes.
pub(super) fn health(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(show_health))
        .route("/readyz", get(show_readiness))
        .with_state(app)
}

/// `GET /healthz`: it answers, so it lives. It asks nobody: a broken remote is no reason to
/// restart hoist.
async fn show_health() -> Json<serde_json::Value> {
    Json(serde_json::json!({"status": "ok"}))
}

/// `GET /readyz`: 200 once the store is migrated (there is no [`App`] before) and each
/// repository has been tried.
async fn show_readiness(State(app): State<Arc<App>>) -> (StatusCode, Json<ReadinessView>) {
    let status = match app.readiness.phase() {
        Phase::Ready => StatusCode::OK,
        Phase::Starting => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(app.readiness.view()))
}
