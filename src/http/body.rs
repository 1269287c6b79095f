//! What is taken from whoever knocks at a hook's door: nobody has vouched for them yet, so that the
//! body has its bounds in bytes, in time and, all senders together, in memory.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use futures::StreamExt;
use tokio::sync::Semaphore;

use super::problem::Problem;

/// The largest body that is taken: a hundred times what an announcement needs.
const LARGEST_BODY: usize = 1 << 20;

/// How long a sender may take over its body: a slow one holds a connection and memory.
const LONGEST_SENDING: Duration = Duration::from_secs(10);

/// How much of bodies that are still on their way is held at once: anybody can begin to send.
const ROOM: usize = 64 << 20;

/// The bytes of [`ROOM`] that are free. Bytes are counted and not senders, so that those who send
/// slowly keep nobody out.
static FREE: Semaphore = Semaphore::const_new(ROOM);

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    String::from_utf8_lossy(value).to_ascii_lowercase()
}

pub(super) fn has_type(headers: &HeaderMap, media_type: &str) -> bool {
    content_type(headers).split(';').next().is_some_and(|essence| essence.trim() == media_type)
}

/// Lets JSON pass under one of these names, as it is, and nothing else.
pub(super) fn check_content_type(headers: &HeaderMap, taken: &[&str]) -> Result<(), Problem> {
    let refuse = |why: String| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    // What was packed is signed as it was packed, and may be of any size once it is not.
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return refuse("`Content-Encoding` is set: send the body as it is, not packed".into());
    }
    let value = content_type(headers);
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    if !taken.contains(&essence) {
        return refuse(if essence.is_empty() {
            "`Content-Type` is missing, and it should be `application/json`".into()
        } else {
            format!("`Content-Type` is {essence:?}, and it should be `application/json`")
        });
    }
    match charset.map(|charset| charset.trim_matches('"')) {
        None | Some("utf-8" | "utf8") => Ok(()),
        Some(other) => refuse(format!("JSON is written in UTF-8, not in {other:?}")),
    }
}

/// Reads the whole body, within its bounds.
pub(super) async fn read_body(request: Request) -> Result<Vec<u8>, Problem> {
    read_within(request, LONGEST_SENDING, &FREE).await
}

async fn read_within(
    request: Request,
    longest: Duration,
    free: &Semaphore,
) -> Result<Vec<u8>, Problem> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse().ok()).is_some_and(|it: u64| it > LARGEST_BODY as u64)
    {
        return Err(too_large());
    }
    within(longest, gather(request.into_body(), free)).await?
}

/// What comes of reading a body at another door, where that takes no longer than at a hook's.
pub(super) async fn in_time<T>(reading: impl Future<Output = T>) -> Result<T, Problem> {
    within(LONGEST_SENDING, reading).await
}

async fn within<T>(longest: Duration, reading: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(longest, reading).await.map_err(|_| {
        let seconds = longest.as_secs();
        Problem::timed_out(format!("the body was not there after {seconds} s: send it at once"))
    })
}

async fn gather(body: Body, free: &Semaphore) -> Result<Vec<u8>, Problem> {
    let mut body = body.into_data_stream();
    // One permit for all of it: a sender may come by a byte at a time.
    let (mut gathered, mut held) = (Vec::new(), free.try_acquire_many(0).map_err(|_| no_room())?);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the body broke off"))?;
        if gathered.len() + chunk.len() > LARGEST_BODY {
            return Err(too_large());
        }
        let size = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        held.merge(free.try_acquire_many(size).map_err(|_| no_room())?);
        gathered.extend_from_slice(&chunk);
    }
    Ok(gathered)
}

fn too_large() -> Problem {
    let detail = format!("the body has more than {LARGEST_BODY} bytes, which is the limit");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn no_room() -> Problem {
    Problem::unavailable("too much is being sent at once: send it again in a while")
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::response::IntoResponse;
    use futures::stream;

    use super::*;

    fn request(chunks: Vec<Result<Bytes, std::io::Error>>) -> Request {
        Request::new(Body::from_stream(stream::iter(chunks)))
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let never = stream::pending::<Result<Bytes, std::io::Error>>();
        let request = Request::new(Body::from_stream(never));
        let problem = read_within(request, Duration::from_millis(1), &FREE).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(problem.into_response().headers()["connection"], "close");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_malformed() {
        let broken = request(vec![Ok("{".into()), Err(std::io::ErrorKind::BrokenPipe.into())]);
        let problem = read_body(broken).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn where_there_is_no_room_it_is_said_at_once_and_what_was_held_is_given_back() {
        let free = Semaphore::new(10);
        let read = |text: &'static str| {
            read_within(request(vec![Ok("12345".into()), Ok(text.into())]), LONGEST_SENDING, &free)
        };
        let problem = read("678901").await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(problem.into_response().headers().contains_key("retry-after"));
        assert_eq!(free.available_permits(), 10);
        assert_eq!(read("67890").await.unwrap(), b"1234567890");
        assert_eq!(free.available_permits(), 10);
    }
}
