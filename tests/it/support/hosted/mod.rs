//! What simulated forges have in common: real Git behind HTTP, and calls that go wrong.

pub mod backend;
pub mod orders;
pub mod repository;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderName;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A call that was made, as `GET /repos/…`, and how it was answered.
#[derive(Debug, Clone)]
pub struct Asked {
    pub what: String,
    pub status: u16,
}

/// What goes wrong with the next call that it is about.
pub struct Fault {
    method: &'static str,
    end: String,
    /// How many such calls go well before.
    after: usize,
    times: usize,
    harm: Harm,
}

/// How it goes wrong.
#[derive(Debug, Clone)]
pub enum Harm {
    /// Nothing is done, and this is answered.
    Instead(u16, Vec<(&'static str, String)>, Value),
    /// It is done, and this is answered.
    Done(u16),
    /// It is done, and the answer breaks off in the middle.
    CutOff,
    /// It is done, and no answer comes.
    Silence,
    /// It is done, and the answer comes late.
    Late(Duration),
}

/// How much more a forge bears of what people are told of, if it counts that.
#[derive(Default)]
pub struct Bearing {
    left: Option<usize>,
    /// How often it was asked for more.
    pub refused: usize,
}

impl Bearing {
    /// It bears so many from here on.
    pub fn bear(&mut self, most: usize) {
        self.left = Some(most);
    }

    /// What is answered instead, if it bears no more; what opens and comments counts.
    pub fn refusal(&mut self, (method, path): (&str, &str), status: u16) -> Option<Harm> {
        let told = ["/pulls", "/merge_requests", "/comments", "/notes", "/requested_reviewers"];
        if method != "POST" || !told.iter().any(|end| path.ends_with(end)) {
            return None;
        }
        let left = self.left.as_mut()?;
        if *left > 0 {
            *left -= 1;
            return None;
        }
        self.refused += 1;
        let words = json!({"message": "You have exceeded a secondary rate limit"});
        Some(Harm::Instead(status, vec![("retry-after", "60".to_owned())], words))
    }
}

/// A delivery of a webhook.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: &'static str,
    pub delivery: String,
    pub body: Value,
}

impl Fault {
    /// Lets the next `times` calls go wrong whose method is this and whose path ends so.
    pub fn new((method, end): (&'static str, &str), times: usize, harm: Harm) -> Self {
        Self { method, end: end.to_owned(), after: 0, times, harm }
    }

    /// Lets so many such calls go well before.
    pub fn after(self, calls: usize) -> Self {
        Self { after: calls, ..self }
    }
}

/// What goes wrong with a call, which then goes wrong once less.
pub fn harm(faults: &mut [Fault], (method, path): (&str, &str)) -> Option<Harm> {
    let fits = |it: &&mut Fault| it.times > 0 && it.method == method && path.ends_with(&it.end);
    let fault = faults.iter_mut().find(fits)?;
    if fault.after > 0 {
        fault.after -= 1;
        return None;
    }
    fault.times -= 1;
    Some(fault.harm.clone())
}

/// Gives the answer, or none for ever.
pub async fn give(response: Response, harm: Option<&Harm>) -> Response {
    match harm {
        Some(Harm::Silence) => std::future::pending::<()>().await,
        Some(Harm::Late(wait)) => tokio::time::sleep(*wait).await,
        Some(Harm::Instead(..) | Harm::Done(_) | Harm::CutOff) | None => {}
    }
    response
}

/// A segment of a path as it was meant.
pub fn decode(segment: &str) -> String {
    url::form_urlencoded::parse(segment.replace('+', "%2B").as_bytes())
        .map(|(key, _)| key.into_owned())
        .collect()
}

/// Answers, or breaks off in the middle; what is as it is known is not sent again.
pub fn send(
    asked: &mut Asked,
    body: Value,
    (known, harm): (Option<&str>, Option<Harm>),
) -> Response {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let status = StatusCode::from_u16(asked.status).unwrap();
    if let Some(Harm::CutOff) = harm {
        let half = Bytes::from(text[..text.len() / 2].to_owned());
        let parts = [Ok(half), Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))];
        let body = Body::from_stream(futures::stream::iter(parts));
        return (status, [("content-length", text.len().to_string())], body).into_response();
    }
    let etag = format!("W/\"{}\"", hash(&text));
    if status == StatusCode::OK && known == Some(etag.as_str()) {
        asked.status = 304;
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert("content-type", "application/json; charset=utf-8".parse().unwrap());
    if status == StatusCode::OK {
        headers.insert(ETAG, etag.parse().unwrap());
    }
    if let Some(Harm::Instead(_, more, _)) = harm {
        for (name, value) in more {
            headers.insert(name, value.parse().unwrap());
        }
    }
    response
}

/// Tells what may still be asked, in headers that begin so.
pub fn tell_limit(response: &mut Response, prefix: &str, spent: u64) {
    for (name, value) in [("limit", 5000), ("remaining", 5000 - spent), ("reset", 1_795_000_000)] {
        let name: HeaderName = format!("{prefix}-{name}").parse().unwrap();
        response.headers_mut().insert(name, value.into());
    }
}

fn hash(text: &str) -> String {
    use sha2::Digest as _;
    hex::encode(&sha2::Sha256::digest(text)[..8])
}
