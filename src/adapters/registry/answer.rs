//! What a registry answered, read within bounds, and what its refusals mean.

use std::error::Error as _;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::TOTAL_TIMEOUT;
use crate::app::ports::RegistryError;

/// How much of a registry's own words is shown.
const SHOWN: usize = 200;

/// How long to leave a registry alone that asked for that and did not say for how long.
const DEFAULT_WAIT: u64 = 30;

/// The longest that it is left alone, whatever it asks for.
pub(super) const LONGEST_WAIT: u64 = 3600;

/// An answer with its whole body.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Reads an answer, at most `limit` bytes of it.
    pub(super) async fn read(
        registry: &str,
        mut response: Response,
        limit: usize,
    ) -> Result<Self, RegistryError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let failed = |error| unreachable(registry, why(error));
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit {
                let registry = registry.to_owned();
                return Err(RegistryError::TooLong { registry, kib: limit / 1024 });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self { status, headers, body })
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer, if it is what was asked for; `what` that is.
    pub(super) fn accepted(
        self,
        registry: &str,
        what: &str,
        now: Timestamp,
    ) -> Result<Self, RegistryError> {
        let (status, registry) = (self.status, registry.to_owned());
        let retry_after = self.retry_after(now);
        let told = || format!("it answers {status}{}", self.excerpt());
        if status.is_success() {
            return Ok(self);
        }
        Err(match (status, retry_after) {
            (StatusCode::NOT_FOUND, _) => RegistryError::Missing { registry, what: what.into() },
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                RegistryError::Unauthorized { registry, why: told() }
            }
            (StatusCode::TOO_MANY_REQUESTS, seconds) => {
                RegistryError::RateLimited { registry, seconds: seconds.unwrap_or(DEFAULT_WAIT) }
            }
            (StatusCode::SERVICE_UNAVAILABLE, Some(seconds)) => {
                RegistryError::RateLimited { registry, seconds }
            }
            (_, _) => RegistryError::Unreachable { registry, why: told() },
        })
    }

    /// How long it wants to be left alone: in seconds, or until a time.
    fn retry_after(&self, now: Timestamp) -> Option<u64> {
        let text = self.header(&RETRY_AFTER)?.trim();
        let seconds = text.parse().ok().or_else(|| {
            let until = DateTimeParser::new().parse_timestamp(text).ok()?;
            u64::try_from(until.duration_since(now).as_secs()).ok()
        });
        seconds.map(|seconds| seconds.min(LONGEST_WAIT))
    }

    /// The beginning of what was said, in one line: the first error's message, or the text.
    fn excerpt(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let message = json.as_ref().and_then(|json| json.pointer("/errors/0/message")?.as_str());
        let text = match message {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text: String = text.trim().chars().take(SHOWN).collect();
        if text.is_empty() { text } else { format!(": {text}") }
    }
}

pub(super) fn unreachable(registry: &str, why: impl Into<String>) -> RegistryError {
    RegistryError::Unreachable { registry: registry.to_owned(), why: why.into() }
}

/// A failure in words, without the address: the caller names the registry itself, and where a
/// redirect led is often signed.
pub(super) fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return format!("no answer came within {} s", TOTAL_TIMEOUT.as_secs());
    }
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
