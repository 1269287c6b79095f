//! Who gives out a registry's tokens (Docker's token specification): JWTs that `docker-registry`
//! checks with the certificate of their signer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::git_server::certify;
use super::registry::{PASSWORD, USER};

pub const SERVICE: &str = "the test's registry";

pub struct TokenServer {
    port: u16,
    directory: TempDir,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

struct Desk {
    key: EcdsaKeyPair,
    certificate: String,
    asked: Mutex<Vec<String>>,
}

#[derive(serde::Deserialize)]
struct Wanted {
    scope: Option<String>,
    service: Option<String>,
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl TokenServer {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        certify((&place("signer.pem"), &place("signer-key.pem")), "/CN=giver of tokens", &[]);
        let key = der(&place("signer-key.pem"));
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key).unwrap();
        let certificate = STANDARD.encode(der(&place("signer.pem")));
        let desk = Arc::new(Desk { key, certificate, asked: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().route("/token", get(give)).with_state(Arc::clone(&desk));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, directory, desk, server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What makes a `docker-registry` send people here.
    pub fn auth(&self) -> String {
        format!(
            "auth: {{token: {{realm: \"{}/token\", service: \"{SERVICE}\", issuer: giver, \
             rootcertbundle: {}}}}}\n",
            self.url(),
            self.certificate().display()
        )
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("signer.pem")
    }

    /// Who asked for what since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.desk.asked.lock().unwrap())
    }
}

fn der(pem: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(pem).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

/// Anybody who knows the password gets what they ask for.
async fn give(
    State(desk): State<Arc<Desk>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let login = headers.get(header::AUTHORIZATION).map_or("nobody", |it| it.to_str().unwrap());
    let scope = wanted.scope.unwrap_or_default();
    let right = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let who = if login == right { USER } else { "a stranger" };
    desk.asked.lock().unwrap().push(format!("{who}: {scope}"));
    if login != right {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let access: Vec<Value> = scope.split(' ').filter_map(access).collect();
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": "giver", "aud": wanted.service.unwrap_or_default(), "sub": USER, "access": access,
        "nbf": now - 60, "iat": now - 60, "exp": now + 600, "jti": "1",
    });
    let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [desk.certificate]});
    let signed = super::issuer::unsigned(&header, &claims);
    let signature = desk.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
    Json(json!({"token": token, "expires_in": 600})).into_response()
}

fn access(scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<&str> = actions.split(',').collect();
    Some(json!({"type": kind, "name": name, "actions": actions}))
}
