//! The HTTP doors: each extracts, makes one call, and answers.

mod hooks;

mod health;

mod api;

mod page;

mod session;

mod security;

pub mod problem;

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// Every route that hoist serves.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(hooks::hooks(Arc::clone(&app)))
        .merge(health::health(Arc::clone(&app)))
        .merge(api::api(Arc::clone(&app)))
        .merge(page::page(app))
        .fallback(problem::not_found)
        // It reaches only the routes above it.
        .method_not_allowed_fallback(problem::method_not_allowed)
}
