//! Somebody who takes webhooks: believes only what is signed, keeps it, and can be away.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::task::JoinHandle;

/// What it shares with whoever may post.
pub const SECRET: &str = "whsec_c2VjcmV0cyBhcmUgc2FmZSBoZXJl";

pub struct Receiver {
    port: u16,
    state: Arc<Mutex<Kept>>,
    server: JoinHandle<()>,
}

/// What it took, and how it behaves.
#[derive(Default)]
pub struct Kept {
    /// The id and the body of each.
    pub taken: Vec<(String, Value)>,
    /// What it answers from now on, that many times.
    pub failing: Option<(StatusCode, usize)>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(Kept::default()));
        let router = Router::new().route("/hoist", post(take)).with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, state, server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hoist", self.port)
    }

    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap()
    }

    /// What it was told so far: the kind and the first line of each, without the commits.
    pub fn told(&self) -> String {
        let line = |body: &Value| {
            let text = body["data"]["text"].as_str().unwrap();
            let commit = body["data"]["facts"]["commit"].as_str().map_or("\u{0}", |it| &it[..10]);
            let text = text.lines().next().unwrap().replace(commit, "…");
            format!("{}: {text}", body["type"].as_str().unwrap())
        };
        let kept = self.kept();
        kept.taken.iter().map(|(_, body)| line(body)).collect::<Vec<_>>().join("\n")
    }
}

async fn take(
    State(state): State<Arc<Mutex<Kept>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&body);
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header("webhook-signature"), signature);
    let mut kept = state.lock().unwrap();
    if let Some((status, left)) = &mut kept.failing
        && *left > 0
    {
        *left -= 1;
        return (*status, "not now");
    }
    kept.taken.push((id, serde_json::from_slice(&body).unwrap()));
    (StatusCode::OK, "")
}
