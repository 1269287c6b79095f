//! Asks GitHub Actions for the job's own token (OpenID Connect).
//!
//! docs.github.com, "Security hardening with OpenID Connect": a job with the permission
//! `id-token: write` finds the address and what to show there in its environment.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::app::ports::{JobTokens, NoToken, TokenDesk};

const TIMEOUT: Duration = Duration::from_secs(15);

/// GitHub Actions, seen from inside a job.
pub struct ActionsTokens;

#[derive(Deserialize)]
struct Given {
    value: String,
}

#[async_trait]
impl JobTokens for ActionsTokens {
    async fn token(&self, desk: &TokenDesk) -> Result<SecretString, NoToken> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("hoist/", env!("CARGO_PKG_VERSION")))
            .build();
        let mut url = desk.url.clone();
        url.query_pairs_mut().append_pair("audience", &desk.audience);
        let request = http.map_err(no_token)?.get(url).bearer_auth(desk.bearer.expose_secret());
        let response = request.send().await.map_err(no_token)?;
        if !response.status().is_success() {
            return Err(NoToken(format!("the answer is {}", response.status())));
        }
        let given: Given = response.json().await.map_err(no_token)?;
        Ok(given.value.into())
    }
}

/// Without the address, in which there may be a secret.
fn no_token(error: reqwest::Error) -> NoToken {
    let error = error.without_url();
    if error.is_timeout() {
        return NoToken(format!("no answer came within {} s", TIMEOUT.as_secs()));
    }
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    NoToken(causes.last().map_or_else(|| error.to_string(), ToString::to_string))
}
