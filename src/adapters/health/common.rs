//! What the questions over HTTP have in common: deadlines, bounds, and errors without secrets.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, StatusCode};

use crate::app::ports::HealthError;

/// How long a connection may take: past this, nobody is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a whole question may take, its answer's last byte included.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of somebody's own words is shown.
const SHOWN: usize = 200;

/// How long to leave somebody alone who asked for that and did not say for how long.
const DEFAULT_WAIT: u64 = 30;

/// A client with deadlines that follows no redirect: a token goes to nobody but who was named.
///
/// `certificates` are trusted besides those of the system.
pub(super) fn client(certificates: Vec<Certificate>) -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(Policy::none())
        .user_agent(concat!("hoist/", env!("CARGO_PKG_VERSION")))
        .tls_certs_merge(certificates)
        .build()
}

/// What was answered: the status, and the body up to `limit` bytes.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    pub(super) completeness: Completeness,
    pub(super) retry_after: Option<u64>,
    pub(super) location: Option<String>,
}

/// Whether a body was read to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    Whole,
    CutOff,
}

/// Sends a request and reads its answer, at most `limit` bytes of it.
pub(super) async fn ask(
    who: &str,
    request: RequestBuilder,
    limit: usize,
) -> Result<Answer, HealthError> {
    let failed = |error| unreachable(who, &why(error));
    let mut response = request.send().await.map_err(failed)?;
    let mut answer = Answer {
        status: response.status(),
        body: Vec::new(),
        completeness: Completeness::Whole,
        retry_after: header(&response, RETRY_AFTER.as_str()).and_then(|text| text.parse().ok()),
        location: header(&response, LOCATION.as_str()).map(str::to_owned),
    };
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        let room = limit - answer.body.len();
        answer.body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            answer.completeness = Completeness::CutOff;
            break;
        }
    }
    Ok(answer)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

pub(super) fn unreachable(who: &str, why: &str) -> HealthError {
    HealthError::Unreachable { who: who.to_owned(), why: why.to_owned() }
}

/// A failure in words, without the address: that may hold a secret, and the caller names it itself.
fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return format!("no answer came within {} s", TOTAL_TIMEOUT.as_secs());
    }
    // The innermost cause says it in words: "Connection refused".
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}

impl Answer {
    /// What everybody's answers have in common: redirects, too many questions, broken servers.
    pub(super) fn common_refusal(&self, who: &str) -> Option<HealthError> {
        if self.status.is_redirection() {
            let to = self.location.as_deref().unwrap_or("nowhere");
            let to: String = to.chars().take(SHOWN).collect();
            let why = format!("the answer is {}, a redirect to {to}", self.status);
            return Some(unreachable(who, &why));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = self.retry_after.unwrap_or(DEFAULT_WAIT);
            return Some(HealthError::RateLimited { who: who.to_owned(), seconds });
        }
        let why = || format!("the answer is {}{}", self.status, self.excerpt());
        self.status.is_server_error().then(|| unreachable(who, &why()))
    }

    /// The beginning of what was said, in one line; of JSON, what stands in `message`.
    pub(super) fn excerpt(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let message = json.as_ref().and_then(|json| json.get("message")?.as_str());
        let text = match message {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text: String = text.trim().chars().take(SHOWN).collect();
        if text.is_empty() { text } else { format!(": {text}") }
    }
}
