//! The HTTP doors: each extracts, makes one call, and answers.

pub mod listener;

mod hooks;

mod senders;

mod chat;

mod body;

mod health;

mod metrics;

mod api;

mod page;

mod session;

mod security;

pub mod problem;

use std::sync::Arc;

use axum::Router;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// Every route that hoist serves.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(hooks::hooks(Arc::clone(&app)))
        .merge(senders::senders(Arc::clone(&app)))
        .merge(chat::chat(Arc::clone(&app)))
        .merge(health::health(Arc::clone(&app)))
        .merge(metrics::metrics(Arc::clone(&app)))
        .merge(api::api(Arc::clone(&app)))
        .merge(page::page(app))
        .fallback(find_nothing)
        // It reaches only the routes above it.
        .method_not_allowed_fallback(problem::method_not_allowed)
}

/// The answer to a path that leads nowhere: a page for a browser, a problem for everybody else.
async fn find_nothing(uri: Uri, headers: HeaderMap) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let problem = problem::not_found(uri).await;
    if accepts.contains("text/html") {
        security::forbid_page(page::Refusal::from(problem).into_response())
    } else {
        problem.into_response()
    }
}
