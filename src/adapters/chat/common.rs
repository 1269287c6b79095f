//! What posting to a chat has in common: deadlines, bounds, and errors without secrets.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};

use crate::app::ports::ChatError;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a whole request may take.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// How much of somebody's own words is shown.
const SHOWN: usize = 200;

/// How long to leave a chat alone that asked for that and did not say for how long.
const DEFAULT_WAIT: u64 = 30;

/// A client with deadlines that follows no redirect: what is said goes nowhere but where it was
/// meant to go.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(Policy::none())
        .user_agent(concat!("hoist/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends a request to an address that came with what somebody said; the body of a good answer, or
/// what can be done about a bad one. What is refused will be refused again.
pub(super) async fn send(request: RequestBuilder) -> Result<Vec<u8>, ChatError> {
    exchange(request).await.map_err(|failure| match failure {
        Failure::Answer { status, why } if is_passing(status) => {
            ChatError::Unreachable(format!("the answer is {status}: {why}"))
        }
        Failure::Answer { status, why } => {
            ChatError::Refused(format!("the answer is {status}: {why}"))
        }
        Failure::Chat(error) => error,
    })
}

/// The same to an address of the configuration. A refusal may be mended there, or by whoever takes
/// it, and what waits is told then; only what is wrong with this very message stays refused.
pub(super) async fn deliver(request: RequestBuilder) -> Result<(), ChatError> {
    exchange(request).await.map(drop).map_err(|failure| match failure {
        Failure::Answer { status, why } if is_about_the_message(status) => {
            ChatError::Refused(format!("the answer is {status}: {why}"))
        }
        Failure::Answer { status, why } => {
            ChatError::Unreachable(format!("the answer is {status}: {why}"))
        }
        Failure::Chat(error) => error,
    })
}

fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

fn is_about_the_message(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// Why there is no good answer.
enum Failure {
    /// There is a bad one, which says why.
    Answer { status: StatusCode, why: String },
    /// There is none, or one that asks for patience.
    Chat(ChatError),
}

async fn exchange(request: RequestBuilder) -> Result<Vec<u8>, Failure> {
    let unreachable = |error| Failure::Chat(unreachable(error));
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = wait.and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_WAIT);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend(chunk.iter().take(LONGEST_ANSWER - body.len()));
        if body.len() == LONGEST_ANSWER {
            break;
        }
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Failure::Chat(ChatError::RateLimited { seconds }));
    }
    if status.is_success() {
        return Ok(body);
    }
    let said: String = String::from_utf8_lossy(&body)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SHOWN)
        .collect();
    Err(Failure::Answer { status, why: said.trim().to_owned() })
}

/// A failure in words, without the address: that is as good as a password.
fn unreachable(error: reqwest::Error) -> ChatError {
    let error = error.without_url();
    if error.is_timeout() {
        let seconds = TOTAL_TIMEOUT.as_secs();
        return ChatError::Unreachable(format!("no answer came within {seconds} s"));
    }
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let why = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    ChatError::Unreachable(why)
}
