//! A Slack that signs what people type, keeps what it is told, and can be slow or overworked.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinHandle;

/// What it signs with.
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// What the bot shows.
pub const BOT_TOKEN: &str = "xoxb-a-token-of-slack";

pub struct Slack {
    port: u16,
    state: Arc<Mutex<Told>>,
    server: JoinHandle<()>,
}

/// What it was told, and how it behaves.
#[derive(Default)]
pub struct Told {
    /// Answers to somebody, each with the address it came to.
    pub answers: Vec<(String, Value)>,
    /// Messages in the channel, as they are now.
    pub channel: Vec<Value>,
    /// How often a message was changed.
    pub updates: usize,
    /// How many requests are refused from now on for being too many.
    pub overworked: usize,
    /// How many requests fail from now on.
    pub broken: usize,
    /// How long it takes over each request.
    pub slow: Duration,
}

impl Drop for Slack {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Slack {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(Told::default()));
        let router = Router::new()
            .route("/commands/{speaker}", post(take_answer))
            .route("/api/chat.postMessage", post(post_message))
            .route("/api/chat.update", post(update_message))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, state, server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap()
    }

    /// The texts of the answers so far.
    pub fn answers(&self) -> Vec<String> {
        let told = self.told();
        told.answers.iter().map(|(_, body)| body["text"].as_str().unwrap().to_owned()).collect()
    }

    /// The texts of the channel's messages as they are now.
    pub fn channel(&self) -> Vec<String> {
        let told = self.told();
        told.channel.iter().map(|it| it["text"].as_str().unwrap().to_owned()).collect()
    }

    /// The value of a button of the newest message in the channel.
    pub fn button(&self, label: &str) -> String {
        let told = self.told();
        let blocks = told.channel.last().expect("the channel was told something")["blocks"].clone();
        let row = blocks.as_array().unwrap().last().unwrap();
        let elements = row["elements"].as_array().unwrap();
        let button = elements.iter().find(|it| it["text"]["text"] == label);
        let button = button.unwrap_or_else(|| panic!("no button {label} in {blocks}"));
        button["value"].as_str().unwrap_or_default().to_owned()
    }

    /// What it sends when somebody types a command; `trigger` is its own id for that.
    pub fn types(&self, speaker: &str, text: &str, trigger: &str) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", "deprecated")
            .append_pair("command", "/hoist")
            .append_pair("user_id", speaker)
            .append_pair("user_name", &speaker.to_lowercase())
            .append_pair("channel_id", "C1")
            .append_pair("text", text)
            .append_pair("response_url", &format!("{}/commands/{speaker}", self.url()))
            .append_pair("trigger_id", trigger)
            .finish()
    }

    /// What it sends when somebody presses a button.
    pub fn presses(&self, speaker: &str, value: &str, trigger: &str) -> String {
        let payload = json!({
            "type": "block_actions",
            "user": {"id": speaker, "username": speaker.to_lowercase(), "team_id": "T1"},
            "trigger_id": trigger,
            "channel": {"id": "C1", "name": "deploys"},
            "response_url": format!("{}/commands/{speaker}", self.url()),
            "actions": [{"type": "button", "action_id": "hoist-0", "value": value, "action_ts": "1.2"}],
        });
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
    }
}

/// A request with that body, signed at that time.
pub fn signed(body: &str, at: Timestamp) -> Request<Body> {
    let at = at.as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_SECRET.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    Request::post("/hooks/slack")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-slack-request-timestamp", at.to_string())
        .header("x-slack-signature", signature)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn take_answer(
    State(state): State<Arc<Mutex<Told>>>,
    Path(speaker): Path<String>,
    body: Bytes,
) -> Response {
    if let Some(refusal) = mood(&state).await {
        return refusal;
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    if let Some(refusal) = too_much(&body) {
        return (StatusCode::BAD_REQUEST, refusal).into_response();
    }
    state.lock().unwrap().answers.push((speaker, body));
    "ok".into_response()
}

async fn post_message(
    State(state): State<Arc<Mutex<Told>>>,
    headers: HeaderMap,
    Json(mut body): Json<Value>,
) -> Response {
    if let Some(refusal) = mood(&state).await {
        return refusal;
    }
    if let Some(refusal) = stranger(&headers) {
        return refusal;
    }
    if let Some(error) = too_much(&body).or_else(|| too_much_together(&body)) {
        return Json(json!({"ok": false, "error": error})).into_response();
    }
    let mut told = state.lock().unwrap();
    let ts = format!("{}.0001", told.channel.len());
    body["ts"] = ts.as_str().into();
    told.channel.push(body);
    Json(json!({"ok": true, "channel": "C1", "ts": ts})).into_response()
}

async fn update_message(
    State(state): State<Arc<Mutex<Told>>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if let Some(refusal) = mood(&state).await {
        return refusal;
    }
    if let Some(refusal) = stranger(&headers) {
        return refusal;
    }
    assert_eq!(body["channel"], "C1", "an update names the channel by its id");
    if let Some(error) = too_much(&body).or_else(|| too_much_together(&body)) {
        return Json(json!({"ok": false, "error": error})).into_response();
    }
    let mut told = state.lock().unwrap();
    told.updates += 1;
    let Some(message) = told.channel.iter_mut().find(|it| it["ts"] == body["ts"]) else {
        return Json(json!({"ok": false, "error": "message_not_found"})).into_response();
    };
    *message = body;
    Json(json!({"ok": true, "channel": "C1"})).into_response()
}

/// Slack's bounds: of a message's text and blocks, of a section, of a row of buttons.
fn too_much(body: &Value) -> Option<&'static str> {
    let length = |it: &Value| it.as_str().unwrap_or_default().chars().count();
    let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
    let fits = |block: &Value| match block["type"].as_str() {
        Some("section") => (1..=3000).contains(&length(&block["text"]["text"])),
        Some("actions") => block["elements"].as_array().is_some_and(|it| {
            it.len() <= 25
                && it
                    .iter()
                    .all(|it| length(&it["value"]) <= 2000 && length(&it["text"]["text"]) <= 75)
        }),
        Some(_) | None => false,
    };
    if length(&body["text"]) > 40_000 {
        return Some("msg_too_long");
    }
    (blocks.len() > 50 || !blocks.iter().all(fits)).then_some("invalid_blocks")
}

/// What it takes of all sections of a message in a channel.
fn too_much_together(body: &Value) -> Option<&'static str> {
    let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
    let texts = blocks.iter().filter_map(|block| block["text"]["text"].as_str());
    let length: usize = texts.map(|text| text.chars().count()).sum();
    (length > 13_000).then_some("msg_blocks_too_long")
}

fn stranger(headers: &HeaderMap) -> Option<Response> {
    let shown = headers.get("authorization").and_then(|value| value.to_str().ok());
    (shown != Some(&format!("Bearer {BOT_TOKEN}")))
        .then(|| Json(json!({"ok": false, "error": "invalid_auth"})).into_response())
}

/// Takes its time, and may have none.
async fn mood(state: &Mutex<Told>) -> Option<Response> {
    let slow = state.lock().unwrap().slow;
    tokio::time::sleep(slow).await;
    let mut told = state.lock().unwrap();
    if told.broken > 0 {
        told.broken -= 1;
        return Some((StatusCode::BAD_GATEWAY, "no").into_response());
    }
    if told.overworked > 0 {
        told.overworked -= 1;
        let refusal = Json(json!({"ok": false, "error": "ratelimited"}));
        return Some(
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], refusal).into_response(),
        );
    }
    None
}
