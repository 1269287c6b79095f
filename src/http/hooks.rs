//! `/hooks/…`: what other systems tell hoist.

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// The routes under `/hooks/`.
pub(super) fn hooks(app: Arc<App>) -> Router {
    Router::new().with_state(app)
}
