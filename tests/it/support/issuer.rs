//! A CI's issuer of tokens, on a free loopback port: it publishes keys, rotates them, and breaks.
//!
//! It signs with `aws-lc-rs` and writes tokens by hand, so that a token may be wrong in any way.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub struct CiIssuer {
    port: u16,
    state: Arc<Mutex<Desk>>,
    server: JoinHandle<()>,
}

struct Desk {
    url: String,
    published: Vec<Value>,
    /// Set while it does not do its work: the status of every answer.
    broken: Option<StatusCode>,
    /// How often its keys were asked for.
    asked: u32,
}

/// A pair of keys, the private one for tokens.
pub struct SigningKey {
    pub name: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Drop for CiIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl CiIssuer {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(Desk {
            url: format!("http://127.0.0.1:{port}"),
            published: Vec::new(),
            broken: None,
            asked: 0,
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(show_keys))
            .with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, state, server }
    }

    /// What stands in `iss`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Publishes these keys and no others.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.desk().published = keys.iter().map(|key| key.jwk()).collect();
    }

    /// Publishes what may be no key at all.
    pub fn publish_raw(&self, keys: Vec<Value>) {
        self.desk().published = keys;
    }

    pub fn break_down(&self, status: StatusCode) {
        self.desk().broken = Some(status);
    }

    pub fn recover(&self) {
        self.desk().broken = None;
    }

    /// Describes itself as somebody else.
    pub fn pretend_to_be(&self, url: &str) {
        self.desk().url = url.to_owned();
    }

    pub fn times_asked(&self) -> u32 {
        self.desk().asked
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.state.lock().unwrap()
    }
}

async fn describe(State(desk): State<Arc<Mutex<Desk>>>) -> Response {
    let desk = desk.lock().unwrap();
    if let Some(status) = desk.broken {
        return status.into_response();
    }
    let url = &desk.url;
    Json(json!({"issuer": url, "jwks_uri": format!("{url}/keys")})).into_response()
}

async fn show_keys(State(desk): State<Arc<Mutex<Desk>>>) -> Response {
    let mut desk = desk.lock().unwrap();
    desk.asked += 1;
    match desk.broken {
        Some(status) => status.into_response(),
        None => Json(json!({"keys": desk.published})).into_response(),
    }
}

impl SigningKey {
    pub fn rsa(name: &str) -> Self {
        let pair = Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
        Self { name: name.to_owned(), pair }
    }

    pub fn ec(name: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { name: name.to_owned(), pair: Pair::Ec(pair) }
    }

    /// The public half, as RFC 7517 writes it.
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                json!({
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name,
                    "n": text(key.modulus().big_endian_without_leading_zero()),
                    "e": text(key.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::Ec(pair) => {
                // Uncompressed: 4, then both coordinates.
                let point = pair.public_key().as_ref();
                json!({
                    "kty": "EC", "crv": "P-256", "kid": self.name,
                    "x": text(&point[1..33]), "y": text(&point[33..]),
                })
            }
        }
    }

    /// The public half as a PEM file has it: what the confusion of RS256 and HS256 signs with.
    pub fn public_der(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> =
                    aws_lc_rs::encoding::AsDer::as_der(key).unwrap();
                der.as_ref().to_vec()
            }
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub fn token(&self, claims: &Value) -> String {
        let algorithm = match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        };
        self.token_with(&json!({"typ": "JWT", "alg": algorithm, "kid": self.name}), claims)
    }

    /// A token whose header says what it likes.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => {
                pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec()
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The first two parts of a token.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
