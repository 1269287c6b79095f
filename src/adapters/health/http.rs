//! Asks an application itself, by an address that answers yes or no.

use async_trait::async_trait;
use reqwest::Client;
use url::Url;

use super::common::{ask, client, unreachable};
use crate::app::ports::{Caller, HealthError};
use crate::domain::health::CallAnswer;

/// How much of an answer is read: enough for a version in a status page.
const LONGEST_BODY: usize = 64 * 1024;

/// Calls addresses that the pipelines file names.
pub struct HttpCaller {
    http: Client,
}

impl HttpCaller {
    /// Makes one; nothing is called before it is asked to.
    ///
    /// # Errors
    ///
    /// When HTTPS cannot be prepared.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { http: client(Vec::new())? })
    }
}

#[async_trait]
impl Caller for HttpCaller {
    async fn call(&self, url: &str) -> Result<CallAnswer, HealthError> {
        let who = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let Some(who) = who else { return Err(unreachable("an address", "it is no URL")) };
        let answer = ask(&who, self.http.get(url), LONGEST_BODY).await?;
        Ok(CallAnswer {
            status: answer.status.as_u16(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
        })
    }
}
