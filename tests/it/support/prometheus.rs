//! A Prometheus that knows one metric: what it was from when on. It answers range queries as the
//! real one does, and refuses what the real one refuses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What was measured: a value from each time on; none means that nobody measured.
type Measured = BTreeMap<i64, Option<f64>>;

#[derive(Default)]
struct World {
    measured: Measured,
    queries: Vec<String>,
    broken: Option<StatusCode>,
}

pub struct Prometheus {
    port: u16,
    world: Arc<Mutex<World>>,
    server: JoinHandle<()>,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Prometheus {
    pub async fn start() -> Self {
        let world = Arc::<Mutex<World>>::default();
        let router = Router::new()
            .route("/prom/api/v1/query_range", get(query_range))
            .with_state(Arc::clone(&world));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, world, server }
    }

    /// Its address, with a path before the API as behind a proxy.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/prom", self.port)
    }

    /// The metric has this value from now on; none means that nobody measures it any more.
    pub fn measures(&self, from: Timestamp, value: Option<f64>) {
        self.world.lock().unwrap().measured.insert(from.as_second(), value);
    }

    /// Every answer has this status from now on; none ends that.
    pub fn breaks(&self, status: Option<u16>) {
        let status = status.map(|status| StatusCode::from_u16(status).unwrap());
        self.world.lock().unwrap().broken = status;
    }

    /// What was asked last.
    pub fn last_query(&self) -> String {
        self.world.lock().unwrap().queries.last().unwrap().clone()
    }
}

async fn query_range(
    State(world): State<Arc<Mutex<World>>>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Response {
    let mut world = world.lock().unwrap();
    if let Some(status) = world.broken {
        return (status, "upstream connect error").into_response();
    }
    let number = |name: &str| asked.get(name).and_then(|text| text.parse::<i64>().ok());
    let (Some(query), Some(start), Some(end), Some(step)) =
        (asked.get("query"), number("start"), number("end"), number("step"))
    else {
        return refusal("a parameter is missing");
    };
    if end < start || step <= 0 || (end - start) / step > 11_000 {
        return refusal("end timestamp must not be before start time");
    }
    world.queries.push(query.clone());
    let at = |time: i64| world.measured.range(..=time).next_back().and_then(|(_, value)| *value);
    let points = (0..).map(|number| start + number * step).take_while(|time| *time <= end);
    let values: Vec<Value> =
        points.filter_map(|time| Some(json!([time, at(time)?.to_string()]))).collect();
    let series =
        if values.is_empty() { vec![] } else { vec![json!({"metric": {}, "values": values})] };
    Json(json!({"status": "success", "data": {"resultType": "matrix", "result": series}}))
        .into_response()
}

fn refusal(error: &str) -> Response {
    let body = json!({"status": "error", "errorType": "bad_data", "error": error});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
