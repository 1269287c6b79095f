//! Somebody else's idea of a Slack and of a GitHub: the npm package `emulate`, which `tests/run`
//! installs.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where `tests/run` puts it.
const PROGRAM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/node/node_modules/emulate/dist/index.js");

/// Who is who on its GitHub: `bob` reviews, `hoist-bot` is hoist.
const PEOPLE_OF_GITHUB: &str = "tokens:
  hoist-token: {login: hoist-bot, scopes: [repo, user]}
  bob-token: {login: bob, scopes: [repo, user]}
github:
  users: [{login: hoist-bot}, {login: bob}]
  orgs: [{login: acme, members: [{login: bob, role: member}, {login: hoist-bot, role: admin}]}]
  repos: [{owner: acme, name: gitops, auto_init: true, default_branch: main}]
";

/// A running one; it ends with the test.
pub struct Emulate {
    child: Child,
    port: u16,
    http: reqwest::Client,
    _seed: TempDir,
}

impl Emulate {
    /// Starts a Slack with a few channels.
    pub async fn slack() -> Self {
        Self::start("slack", None).await
    }

    /// Starts a GitHub with the repository `acme/gitops`, whose branch `main` has one commit.
    pub async fn github() -> Self {
        Self::start("github", Some(PEOPLE_OF_GITHUB)).await
    }

    async fn start(service: &str, seed: Option<&str>) -> Self {
        assert!(Path::new(PROGRAM).exists(), "`tests/run` installs `emulate`: run it once");
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let mut node = Command::new("node");
        node.args([PROGRAM, "start", "--service", service, "--port", &port.to_string()]);
        if let Some(seed) = seed {
            let file = folder.path().join("seed.yaml");
            std::fs::write(&file, seed).unwrap();
            node.arg("--seed").arg(file);
        }
        let child = node.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let emulate = Self { child, port, http: reqwest::Client::new(), _seed: folder };
        for _ in 0..600 {
            if emulate.http.get(emulate.address("/")).send().await.is_ok() {
                return emulate;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("`emulate` does not answer");
    }

    fn address(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Where its Slack's API is.
    pub fn api(&self) -> String {
        self.address("/api")
    }

    /// Asks its GitHub as the one with that token.
    pub async fn ask(&self, token: &str, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, self.address(path)).bearer_auth(token);
        let answer = request.json(&body).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Where its GitHub's API is, with commit statuses, which it does not know.
    pub async fn with_statuses(&self) -> String {
        let desk =
            Statuses { behind: self.address(""), http: self.http.clone(), ..Statuses::default() };
        let front = Router::new().fallback(in_front).with_state(Arc::new(desk));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, front).await });
        address
    }

    /// Calls it as the bot with that token.
    pub async fn call(&self, method: &str, token: &str, form: &[(&str, &str)]) -> Value {
        let request = self.http.post(self.address(&format!("/api/{method}"))).bearer_auth(token);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(body).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    }
}

impl Drop for Emulate {
    fn drop(&mut self) {
        let _gone = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Commit statuses, kept before a GitHub that knows none.
#[derive(Default)]
struct Statuses {
    behind: String,
    http: reqwest::Client,
    written: Mutex<Vec<(String, Value)>>,
}

async fn in_front(State(desk): State<Arc<Statuses>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path: Vec<&str> = parts.uri.path().split('/').collect();
    match (&parts.method, path.as_slice()) {
        (&Method::POST, [.., "statuses", sha]) => {
            let status: Value = serde_json::from_slice(&body).unwrap();
            desk.written.lock().unwrap().push(((*sha).to_owned(), status.clone()));
            (StatusCode::CREATED, Json(status)).into_response()
        }
        (&Method::GET, [.., "commits", sha, "status"]) => {
            let written = desk.written.lock().unwrap();
            let of_it = written.iter().filter(|(of, _)| of == sha).map(|(_, status)| status);
            Json(json!({"sha": sha, "statuses": of_it.collect::<Vec<_>>()})).into_response()
        }
        _ => behind(&desk, &parts, body).await,
    }
}

async fn behind(desk: &Statuses, parts: &axum::http::request::Parts, body: Bytes) -> Response {
    let mut request =
        desk.http.request(parts.method.clone(), format!("{}{}", desk.behind, parts.uri));
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT] {
        if let Some(value) = parts.headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let answer = request.body(body).send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = (status, answer.bytes().await.unwrap()).into_response();
    for name in [header::CONTENT_TYPE, header::ETAG, header::LINK] {
        if let Some(value) = headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
