//! `/metrics`: what hoist may still ask of its forges, as Prometheus reads it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::app::ports::Budget;

/// The media type of the OpenMetrics text format.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<u64, AtomicU64>>;

/// The route.
pub(super) fn metrics(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(show_metrics)).with_state(app)
}

/// `GET /metrics`: [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/). It asks no
/// forge: what is told is what was heard.
async fn show_metrics(State(app): State<Arc<App>>) -> Response {
    let mut registry = Registry::with_prefix("hoist_forge");
    let forges = Forges::registered(&mut registry);
    for (name, repository) in &app.repositories {
        if let Some(budget) = repository.forge.budget() {
            forges.tell(&vec![("repository", name.to_string())], &budget);
        }
    }
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What is told of each repository's forge. Repositories of one account share its numbers.
#[derive(Default)]
struct Forges {
    limit: Gauges,
    remaining: Gauges,
    resets_at: Gauges,
    quiet: Gauges,
    waiting: Gauges,
    answers: Family<Labels, Counter>,
}

impl Forges {
    fn registered(registry: &mut Registry) -> Self {
        let it = Self::default();
        for (name, help, gauges) in [
            (
                "requests_limit",
                "How many questions the forge allows in its span of time",
                &it.limit,
            ),
            ("requests_remaining", "How many of them are left", &it.remaining),
            ("requests_reset_timestamp_seconds", "When that span ends", &it.resets_at),
            ("quiet_seconds", "For how long the forge asked to be left alone", &it.quiet),
            ("writes_waiting", "How many writes wait for their turn", &it.waiting),
        ] {
            registry.register(name, help, gauges.clone());
        }
        let help = "How many questions were answered, by whether anything had changed";
        registry.register("answers", help, it.answers.clone());
        it
    }

    fn tell(&self, labels: &Labels, budget: &Budget) {
        let told = [
            (&self.limit, budget.limit),
            (&self.remaining, budget.remaining),
            (&self.resets_at, budget.resets_at),
            (&self.quiet, Some(budget.quiet)),
            (&self.waiting, Some(budget.waiting)),
        ];
        for (gauges, value) in told {
            if let Some(value) = value {
                gauges.get_or_create(labels).set(value);
            }
        }
        let changed = budget.asked.saturating_sub(budget.unchanged);
        for (word, count) in [("true", changed), ("false", budget.unchanged)] {
            let labels = [labels.as_slice(), &[("changed", word.to_owned())]].concat();
            self.answers.get_or_create(&labels).inc_by(count);
        }
    }
}
