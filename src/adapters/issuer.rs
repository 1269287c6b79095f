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
        if !is_within(ring.asked_at, PACE) {
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
            (None, None) => Err(TokenError::UnknownKey { issuer: self.issuer.clone() }),
        }
    }

    /// The issuer's keys, as it publishes them now.
    async fn fetch(&self) -> Result<Vec<Jwk>, String> {
        let base = self.issuer.trim_end_matches('/');
        let description = self.get(&format!("{base}/.well-known/openid-configuration")).await?;
        let description: Description = serde_json::from_slice(&description)
            .map_err(|error| format!("its description is not what OpenID Connect says: {error}"))?;
        if description.issuer != self.issuer {
            return Err("it describes another issuer than itself".into());
        }
        let keys = Url::parse(&description.jwks_uri).ok().filter(keeps_integrity);
        let keys = keys.ok_or("its `jwks_uri` is no https:// address")?;
        let keys: KeySet = serde_json::from_slice(&self.get(keys.as_str()).await?)
            .map_err(|error| format!("its keys cannot be read: {error}"))?;
        // A key of a kind that nobody knows yet stands beside ours and is no mistake.
        let keys = keys.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(keys.filter(|key: &Jwk| key.common.key_id.is_some()).collect())
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
        let header = read_header(token)?;
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "ES256" => Algorithm::ES256,
            other => return Err(TokenError::Algorithm(other.chars().take(20).collect())),
        };
        let name = header.kid.ok_or(TokenError::Unreadable("its header names no key (`kid`)"))?;
        let key = self.key(&name, now).await?;
        let forged = || TokenError::Forged { issuer: self.issuer.clone() };
        if !is_for(&key, algorithm) {
            return Err(forged());
        }
        let key = DecodingKey::from_jwk(&key).map_err(|_| forged())?;
        let mut validation = Validation::new(algorithm);
        // The caller judges the claims, at its own clock's time.
        (validation.validate_exp, validation.validate_aud) = (false, false);
        validation.required_spec_claims.clear();
        let token = jsonwebtoken::decode::<Claims>(token, &key, &validation);
        Ok(token.map_err(|_| forged())?.claims)
    }
}

fn read_header(token: &str) -> Result<Header, TokenError> {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header);
    let header = header.map_err(|_| TokenError::Unreadable("its header is not base64url"))?;
    serde_json::from_slice(&header)
        .map_err(|_| TokenError::Unreadable("its header is no JSON with `alg`"))
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
