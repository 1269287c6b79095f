//! Reads the public keys of an OpenID Connect issuer, and checks tokens with them.
//!
//! OpenID Connect Discovery 1.0, RFC 7517 (keys), RFC 7519 (tokens). Keys are kept for a while and
//! fetched at once when a token names one that is not known: that is how issuers rotate them.

use std::error::Error as _;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::{Host, Url};

use crate::app::ports::{Claims, Issuer, TokenError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long each of the two questions may take: a pipeline waits for the answer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// More than any issuer's keys need.
const LONGEST_ANSWER: usize = 256 * 1024;

/// How long keys are believed before they are asked for again: a key that was withdrawn is not
/// believed for longer.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// How long keys are believed while the issuer cannot be reached.
const STALE: SignedDuration = SignedDuration::from_hours(6);

/// How often the issuer is asked at most, whatever tokens come: anybody can invent a key's name.
const PACE: SignedDuration = SignedDuration::from_secs(10);

/// One issuer of tokens, by the address that stands in `iss`.
pub struct OidcIssuer {
    http: Client,
    issuer: String,
    /// Held while keys are fetched, so that whoever comes meanwhile waits for the same answer.
    ring: Mutex<Ring>,
}

/// What was learned of the issuer's keys, and when.
#[derive(Default)]
struct Ring {
    keys: Vec<Jwk>,
    read_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    failure: Option<String>,
}

/// The part of a token's header that matters.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// The part of an issuer's description that matters.
#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

/// An issuer's keys.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl OidcIssuer {
    /// Prepares to ask the issuer; nothing is asked before a token comes.
    ///
    /// `certificates` are those of private authorities, as PEM, trusted besides the system's.
    ///
    /// # Errors
    ///
    /// When HTTPS cannot be prepared, or a certificate cannot be read.
    pub fn new(issuer: &str, certificates: &[String]) -> anyhow::Result<Self> {
        let mut trusted = Vec::new();
        for pem in certificates {
            let bundle = Certificate::from_pem_bundle(pem.as_bytes());
            trusted.extend(bundle.context("reading the certificates of `ca`")?);
        }
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("hoist/", env!("CARGO_PKG_VERSION")))
            .tls_certs_merge(trusted)
            .build()?;
        Ok(Self { http, issuer: issuer.to_owned(), ring: Mutex::default() })
    }

    /// The key of that name: kept, or just fetched.
    async fn key(&self, name: &str, now: Timestamp) -> Result<Jwk, TokenError> {
        let mut ring = self.ring.lock().await;
        let is_within = |time: Option<Timestamp>, long: SignedDuration| {
            time.is_some_and(|time| now.duration_since(time) < long)
        };
        let known = ring.find(name);
        if let Some(key) = &known
            && is_within(ring.read_at, FRESH)
        {
            return Ok(key.clone());
        }
        let asked_before = ring.asked_at.filter(|_| is_within(ring.asked_at, PACE));
        if asked_before.is_none() {
            ring.asked_at = Some(now);
            ring.failure = match self.fetch().await {
                Ok(keys) => {
                    (ring.keys, ring.read_at) = (keys, Some(now));
                    None
                }
                Err(why) => Some(why),
            };
        }
        match (&ring.failure, ring.find(name)) {
            (None, Some(key)) => Ok(key),
            (Some(why), Some(key)) if is_within(ring.read_at, STALE) => {
                tracing::warn!("the keys of {} are kept longer: {why}", self.issuer);
                Ok(key)
            }
            (Some(why), Some(_) | None) => {
                Err(TokenError::Unreachable { issuer: self.issuer.clone(), why: why.clone() })
            }
            (None, None) => {
                let issuer = self.issuer.clone();
                Err(match asked_before.map(|at| now.duration_since(at).as_secs()) {
                    // It may have been published meanwhile: an honest token is not refused for good.
                    Some(seconds) => TokenError::TooSoon { issuer, seconds },
                    None => TokenError::UnknownKey { issuer },
                })
            }
        }
    }

    /// The issuer's keys, as it publishes them now.
    async fn fetch(&self) -> Result<Vec<Jwk>, String> {
        let base = self.issuer.trim_end_matches('/');
        let description = self.get(&format!("{base}/.well-known/openid-configuration")).await?;
        let keys = read_description(&description, &self.issuer)?;
        read_keys(&self.get(keys.as_str()).await?)
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let mut response = self.http.get(url).send().await.map_err(why)?;
        if !response.status().is_success() {
            return Err(format!("it answers {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(why)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err("its answer is longer than 256 KiB".into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Ring {
    fn find(&self, name: &str) -> Option<Jwk> {
        self.keys.iter().find(|key| key.common.key_id.as_deref() == Some(name)).cloned()
    }
}

#[async_trait]
impl Issuer for OidcIssuer {
    async fn vouch(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let (algorithm, name) = read_header(token)?;
        let key = self.key(&name, now).await?;
        claims(token, algorithm, &key)
            .ok_or_else(|| TokenError::Forged { issuer: self.issuer.clone() })
    }
}

/// How a token says that it is signed, and with which key.
fn read_header(token: &str) -> Result<(Algorithm, String), TokenError> {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header);
    let header = header.map_err(|_| TokenError::Unreadable("its header is not base64url"))?;
    let header: Header = serde_json::from_slice(&header)
        .map_err(|_| TokenError::Unreadable("its header is no JSON with `alg`"))?;
    let algorithm = match header.alg.as_str() {
        "RS256" => Algorithm::RS256,
        "ES256" => Algorithm::ES256,
        other => return Err(TokenError::Algorithm(other.chars().take(20).collect())),
    };
    let name = header.kid.ok_or(TokenError::Unreadable("its header names no key (`kid`)"))?;
    Ok((algorithm, name))
}

/// What a token says that this key has signed; none where it has not.
fn claims(token: &str, algorithm: Algorithm, key: &Jwk) -> Option<Claims> {
    if !is_for(key, algorithm) {
        return None;
    }
    let key = DecodingKey::from_jwk(key).ok()?;
    let mut validation = Validation::new(algorithm);
    // The caller judges the claims, at its own clock's time.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    let token = jsonwebtoken::decode::<Claims>(token, &key, &validation);
    Some(token.ok()?.claims)
}

/// Where an issuer's keys are, as its description says.
fn read_description(bytes: &[u8], issuer: &str) -> Result<Url, String> {
    let description: Description = serde_json::from_slice(bytes)
        .map_err(|error| format!("its description is not what OpenID Connect says: {error}"))?;
    if description.issuer != issuer {
        return Err("it describes another issuer than itself".into());
    }
    let keys = Url::parse(&description.jwks_uri).ok().filter(keeps_integrity);
    keys.ok_or_else(|| "its `jwks_uri` is no https:// address".into())
}

/// The keys that have a name.
fn read_keys(bytes: &[u8]) -> Result<Vec<Jwk>, String> {
    let keys: KeySet = serde_json::from_slice(bytes)
        .map_err(|error| format!("its keys cannot be read: {error}"))?;
    // A key of a kind that nobody knows yet stands beside ours and is no mistake.
    let keys = keys.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
    Ok(keys.filter(|key: &Jwk| key.common.key_id.is_some()).collect())
}

/// Reads a token, a description and keys of any bytes: the parsers' door for the fuzz targets in
/// `fuzz/`. Gives what the token says, if one of the keys signed it.
#[cfg(any(test, fuzzing))]
pub fn read_any(token: &str, description: &[u8], keys: &[u8]) -> Option<Claims> {
    if let Ok(url) = read_description(description, "https://ci.example.com") {
        assert!(keeps_integrity(&url), "{url}");
    }
    let (algorithm, name) = read_header(token).ok()?;
    let ring = Ring { keys: read_keys(keys).ok()?, ..Ring::default() };
    claims(token, algorithm, &ring.find(&name)?)
}

/// Tells whether a key is meant for signatures of that kind: its own words decide, not the token's.
fn is_for(key: &Jwk, algorithm: Algorithm) -> bool {
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256) => "RS256",
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256)
            if curve.curve == EllipticCurve::P256 =>
        {
            "ES256"
        }
        (_, _) => return false,
    };
    let signs = key.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    let named = key.common.key_algorithm.map(|named| named.to_string());
    signs && named.is_none_or(|named| named == kind)
}

/// Tells whether what comes from there is what was sent: encrypted, or from this machine.
fn keeps_integrity(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

/// A failure in words; the address is the issuer's, which the caller names.
fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return format!("no answer came within {} s", TOTAL_TIMEOUT.as_secs());
    }
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A key whose other half nobody has kept, beside one that is none.
    const KEYS: &str = r#"{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "alg": "ES256",
        "x": "e1bnk7_pQEOdCksAIIx_3eWGyfJYmDSwk_f5Dn1AOSQ",
        "y": "KsXCO2uNAHKKAnUcT6xYQjNug24m610cR7x5joepE-8"}, {"kty": "x", "kid": 1}]}"#;

    fn token(header: &str, claims: &str, signature: &[u8]) -> String {
        let parts = [header.as_bytes(), claims.as_bytes(), signature];
        parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
    }

    proptest! {
        #[test]
        fn no_bytes_are_anybodys_token(
            header in r#"(\{"alg": ?"(RS256|ES256|HS256|none|.{0,9})", "kid": ?"(a|.{0,9})"\})|.{0,40}"#,
            claims in r#"(\{"iss": "x"\})|.{0,40}"#,
            signature in prop::collection::vec(any::<u8>(), 0..80),
            keys in r#"(\{"keys": \[(\{"kty": "(EC|RSA|oct)", "kid": "a", "n": ".{0,9}", "k": "AA"\})?\]\})|.{0,60}"#,
            any in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let token = token(&header, &claims, &signature);
            for keys in [KEYS.as_bytes(), keys.as_bytes(), &any] {
                prop_assert_eq!(read_any(&token, &any, keys), None);
            }
            prop_assert_eq!(read_any(&String::from_utf8_lossy(&any), &any, KEYS.as_bytes()), None);
        }

        #[test]
        fn keys_are_only_fetched_where_nobody_can_change_them(place in "(https?|ftp|file)://[a-z0-9.:@/]{0,20}|.{0,30}") {
            let said = serde_json::json!({"issuer": "https://ci.example.com", "jwks_uri": place});
            let url = read_description(said.to_string().as_bytes(), "https://ci.example.com");
            prop_assert!(url.iter().all(keeps_integrity), "{:?}", url);
        }
    }
}
