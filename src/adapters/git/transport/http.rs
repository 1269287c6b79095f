//! A server behind HTTP or HTTPS, by the client that the rest of hoist uses.
//!
//! libgit2's own HTTP asks each time who we are, keeps no connection, tells a status only in a
//! text, knows the machine's authorities and no others, and can be ended by nobody.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use git2::transport::{Service, SmartSubtransportStream};
use jiff::fmt::rfc2822;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Request, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use tokio::runtime::Runtime;
use url::Url;

use super::wire::{Manner, Wire};
use super::{Kind, Patience, TransportError, WORDS_LIMIT, readable};
use crate::adapters::git::settings::Credentials;
use crate::app::reconcile::chain;

/// How long a connection may take: past this, nobody is there.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest silence of the server in the middle of an exchange.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a connection is kept for the next question: shorter than servers keep it.
const IDLE: Duration = Duration::from_secs(15);

/// How long a server is left alone that has had too much of us and does not say for how long.
const TOO_MUCH: u64 = 60;

/// What is asked of a repository.
const ENDS: [&str; 3] = ["/info/refs", "/git-upload-pack", "/git-receive-pack"];

/// The header that asks a server for a later version of the protocol than the first.
const VERSION: &str = "git-protocol";

pub(super) struct HttpWire {
    line: Arc<Line>,
}

/// What the exchanges with one server share.
struct Line {
    url: Url,
    /// Where the repository is, if it was renamed for good.
    place: Mutex<Option<Url>>,
    credentials: Credentials,
    patience: Patience,
    client: Client,
    /// Looks after the connections on a thread of its own: one that the server ends is forgotten at
    /// once, and one whose answer is read is there for the next question. None at the end.
    runtime: Option<Runtime>,
}

impl Drop for Line {
    /// A runtime that ends inside another one would wait there, and may not.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl HttpWire {
    /// Prepares the way; nothing is sent before something is asked.
    pub(super) fn new(
        url: Url,
        credentials: Credentials,
        authorities: Option<&str>,
        patience: Patience,
    ) -> anyhow::Result<Self> {
        let mut client = Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            // Our credentials go to nobody but the server that was named.
            .redirect(Policy::none())
            .user_agent(concat!("git/2.0 (hoist/", env!("CARGO_PKG_VERSION"), ")"));
        if let Some(pem) = authorities {
            let certificates =
                Certificate::from_pem_bundle(pem.as_bytes()).context("reading `ca`")?;
            client = client.tls_certs_merge(certificates);
        }
        let client = client.build().context("preparing HTTPS")?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("git-http")
            .enable_all()
            .build()
            .context("preparing to wait for a Git server")?;
        Ok(Self {
            line: Arc::new(Line {
                url,
                place: Mutex::default(),
                credentials,
                patience,
                client,
                runtime: Some(runtime),
            }),
        })
    }
}

impl HttpWire {
    /// Asks a service, and gives its answer to read.
    pub(super) fn exchange(
        &self,
        service: &'static str,
        question: Question,
        version: Version,
    ) -> Result<Exchange, TransportError> {
        let mut exchange = self.prepare(service, question, version);
        exchange.ask()?;
        Ok(exchange)
    }

    /// Asks what a service can while another question waits for its answer: that takes no longer
    /// than one of them. None where the service does not say, which whoever needs it may ask.
    pub(super) fn exchange_beside(
        &self,
        (service, question, version): (&'static str, Question, Version),
        other: &'static str,
    ) -> Result<(Exchange, Option<Exchange>), TransportError> {
        let mut first = self.prepare(service, question, version);
        let mut second = self.prepare(other, Question::WhatIsThere, Version::Any);
        let (Some((one, expected)), Some((two, of_other))) = (first.request(), second.request())
        else {
            return Ok((first, None));
        };
        let line = &self.line;
        let (one, two) = line.wait(async || {
            let (one, two) = tokio::join!(line.send(one), line.send(two));
            Ok((one?, two))
        })?;
        first.answer = Some(line.judge(one, &expected)?);
        second.answer = two.ok().and_then(|two| line.judge(two, &of_other).ok());
        Ok((first, second.answer.is_some().then_some(second)))
    }

    /// What went wrong in the middle of an answer.
    pub(super) fn cut_short(&self, cause: &io::Error) -> TransportError {
        let known: Option<&TransportError> = cause.get_ref().and_then(|it| it.downcast_ref());
        let told = || self.line.error(Kind::Unreachable, &self.scrub(&cause.to_string()));
        known.cloned().unwrap_or_else(told)
    }

    fn prepare(&self, service: &'static str, question: Question, version: Version) -> Exchange {
        Exchange {
            line: Arc::clone(&self.line),
            service,
            version,
            question: Some(question),
            answer: None,
            unread: io::Cursor::default(),
        }
    }
}

impl Wire for HttpWire {
    fn open(&self, service: Service) -> Result<Box<dyn SmartSubtransportStream>, TransportError> {
        let (name, question) = match service {
            Service::UploadPackLs => ("git-upload-pack", Question::WhatIsThere),
            Service::ReceivePackLs => ("git-receive-pack", Question::WhatIsThere),
            Service::UploadPack => ("git-upload-pack", Question::Work(Vec::new())),
            Service::ReceivePack => ("git-receive-pack", Question::Work(Vec::new())),
        };
        let mut exchange = self.prepare(name, question, Version::Any);
        if let Some(Question::WhatIsThere) = exchange.question {
            exchange.ask()?;
        }
        Ok(Box::new(exchange))
    }

    fn manner(&self) -> Manner {
        Manner::Exchanges
    }

    fn scrub(&self, text: &str) -> String {
        self.line.credentials.scrub(text)
    }
}

impl Line {
    /// Waits for the server, unless nobody waits for us any more.
    fn wait<T>(&self, work: impl AsyncFnOnce() -> reqwest::Result<T>) -> Result<T, TransportError> {
        let Some(runtime) = &self.runtime else {
            return Err(self.error(Kind::Unreachable, "hoist is leaving"));
        };
        runtime.block_on(async {
            tokio::select! {
                done = work() => done.map_err(|cause| self.broken(cause)),
                () = self.patience.lost() => {
                    Err(self.error(Kind::Unreachable, "nobody waits for it any more"))
                }
            }
        })
    }

    /// Sends it to where the repository is; where it is no more, to where it is configured, whose
    /// server may know of yet another name.
    async fn send(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let request = self.introduce(request).build()?;
        let Some(place) = lock(&self.place).clone() else { return self.follow(request).await };
        let as_configured = request.try_clone();
        let answer = self.follow(asked_at(&place, request)).await?;
        match (answer.status(), as_configured) {
            (StatusCode::NOT_FOUND | StatusCode::GONE, Some(request)) => {
                lock(&self.place).take();
                self.follow(request).await
            }
            _ => Ok(answer),
        }
    }

    /// Sends it, and once more to where the server sends it on, which has not heard it. Only a new
    /// name that is one for good is kept.
    async fn follow(&self, request: Request) -> reqwest::Result<Response> {
        let again = request.try_clone();
        let answer = self.send_there(request).await?;
        let (Some((to, place)), Some(mut again)) = (sent_on_to(&answer), again) else {
            return Ok(answer);
        };
        if is_for_good(answer.status()) {
            tracing::warn!("{} was renamed: set the repository's `url` to {place}", self.url);
            *lock(&self.place) = Some(place);
        }
        *again.url_mut() = to;
        self.client.execute(again).await
    }

    /// Sends it once more where the connection that was kept turns out to have ended: servers end
    /// what nobody uses, and do not say so. It does no harm to what was heard the first time,
    /// because a push compares before it swaps.
    async fn send_there(&self, request: Request) -> reqwest::Result<Response> {
        let again = request.try_clone();
        let sent = self.client.execute(request).await;
        match (sent, again) {
            (Err(cause), Some(again))
                if cause.is_request() && !cause.is_connect() && !cause.is_timeout() =>
            {
                self.client.execute(again).await
            }
            (sent, _) => sent,
        }
    }

    /// Says who we are before it is asked, which saves a round trip.
    fn introduce(&self, request: RequestBuilder) -> RequestBuilder {
        let Some(header) = self.credentials.header() else { return request };
        match HeaderValue::from_str(header.expose_secret()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(AUTHORIZATION, value)
            }
            // Base64 always is a header; without one the server says that it wants to know us.
            Err(_) => request,
        }
    }

    /// Keeps an answer that is what was asked for; sorts any other by what can be done about it.
    fn judge(&self, answer: Response, expected: &str) -> Result<Response, TransportError> {
        let status = answer.status();
        if status == StatusCode::OK {
            let kind = answer.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
            if kind.is_some_and(|kind| kind == expected) {
                return Ok(answer);
            }
            let told = "what answers there is no Git server; check the repository's url";
            return Err(self.error(Kind::NoRepository, told));
        }
        let (headers, words) = (answer.headers().clone(), self.words(answer));
        let wait = match wait_asked(&headers) {
            None if status == StatusCode::TOO_MANY_REQUESTS => Some(TOO_MUCH),
            wait => wait,
        };
        let (kind, hint) = match (status, wait) {
            (moved, _) if moved.is_redirection() => (Kind::NoRepository, new_place(&headers)),
            // Forges have several statuses for that they have had too much of us.
            (_, Some(seconds)) => (Kind::Busy(seconds), String::new()),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, None) => (
                Kind::Unauthorized,
                "; check the repository's credentials and what they may do".to_owned(),
            ),
            (StatusCode::NOT_FOUND | StatusCode::GONE, None) => (
                Kind::NoRepository,
                "; check the repository's url, and that our account may see it".to_owned(),
            ),
            (_, None) => (Kind::Unreachable, String::new()),
        };
        Err(self.error(kind, &format!("the server answered {status}{words}{hint}")))
    }

    /// What a server says beside a status, where it says it in plain words.
    fn words(&self, mut answer: Response) -> String {
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/plain")) {
            return String::new();
        }
        let mut words = Vec::new();
        while words.len() < WORDS_LIMIT {
            match self.wait(async || answer.chunk().await) {
                Ok(Some(chunk)) => words.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        words.truncate(WORDS_LIMIT);
        let words = readable(&self.credentials.scrub(&String::from_utf8_lossy(&words)));
        if words.is_empty() { words } else { format!(": {words}") }
    }

    fn broken(&self, cause: reqwest::Error) -> TransportError {
        let told = chain(&cause.without_url());
        match remedy(&told) {
            Some(hint) => self.error(Kind::Untrusted, &format!("{told}; {hint}")),
            None => self.error(Kind::Unreachable, &told),
        }
    }

    fn error(&self, kind: Kind, told: &str) -> TransportError {
        TransportError::new(kind, format!("{}: {told}", self.url))
    }
}

/// The same request, of the repository at another place.
fn asked_at(place: &Url, mut request: Request) -> Request {
    let asked = request.url();
    let end = ENDS.into_iter().find(|end| asked.path().ends_with(end)).unwrap_or_default();
    let mut there = at(place, end);
    there.set_query(asked.query());
    *request.url_mut() = there;
    request
}

/// Where a question is asked of the repository at a place.
fn at(place: &Url, end: &str) -> Url {
    let mut url = place.clone();
    url.set_path(&format!("{}{end}", place.path().trim_end_matches('/')));
    url
}

/// Where on the same server an answer sends on to from a repository's name, and which repository
/// that is.
fn sent_on_to(answer: &Response) -> Option<(Url, Url)> {
    let asked = answer.url();
    let to = answer.headers().get(LOCATION).and_then(|it| it.to_str().ok());
    let to = to.filter(|_| answer.status().is_redirection())?;
    // Our credentials go to nobody else.
    let to = asked.join(to).ok().filter(|to| to.origin() == asked.origin())?;
    let end = ENDS.into_iter().find(|end| asked.path().ends_with(end))?;
    let now = to.path().strip_suffix(end)?;
    if now.is_empty() || asked.path().strip_suffix(end) == Some(now) {
        return None;
    }
    let mut place = to.clone();
    place.set_path(now);
    place.set_query(None);
    Some((to, place))
}

/// Whether who is sent on with this status need not ask at the old place again.
fn is_for_good(status: StatusCode) -> bool {
    matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT)
}

/// What helps against a certificate that rustls does not accept, by its own words; none where
/// something else went wrong.
fn remedy(told: &str) -> Option<&'static str> {
    let (_, why) = told.split_once("invalid peer certificate: ")?;
    Some(if why.starts_with("certificate expired") {
        "have the server's certificate renewed, or set the clock of this machine right"
    } else if why.starts_with("certificate not valid yet") {
        "set the clock of this machine right"
    } else if why.starts_with("certificate not valid for name") {
        "give the repository's `url` the name that the certificate is for"
    } else {
        "if its authority is your own, give its certificate as the repository's `ca`"
    })
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_place(headers: &HeaderMap) -> String {
    let place = headers.get(LOCATION).and_then(|it| it.to_str().ok()).unwrap_or("elsewhere");
    let place = place.split(['?', '#']).next().unwrap_or_default();
    let place = ENDS.iter().find_map(|it| place.strip_suffix(it)).unwrap_or(place);
    format!("; it has moved: set the repository's url to {place} if that is right")
}

/// For how many seconds a server asks to be left alone. Where it names a date, that is one of its own
/// clock, which it tells as well.
fn wait_asked(headers: &HeaderMap) -> Option<u64> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let wait = text(RETRY_AFTER)?;
    if let Ok(seconds) = wait.parse() {
        return Some(seconds);
    }
    let parser = rfc2822::DateTimeParser::new();
    let then = parser.parse_timestamp(wait).ok()?;
    let now = parser.parse_timestamp(text(DATE)?).ok()?;
    Some(u64::try_from(then.duration_since(now).as_secs()).unwrap_or(0))
}

/// What a server is asked.
pub(super) enum Question {
    /// What it has, and what it can.
    WhatIsThere,
    /// A service, with what is written for it.
    Work(Vec<u8>),
}

/// Which version of the protocol is spoken.
#[derive(Clone, Copy)]
pub(super) enum Version {
    /// What the server begins with.
    Any,
    /// The second.
    Second,
}

/// One question, and its answer as it comes.
pub(super) struct Exchange {
    line: Arc<Line>,
    service: &'static str,
    version: Version,
    /// None once it was asked.
    question: Option<Question>,
    answer: Option<Response>,
    unread: io::Cursor<Vec<u8>>,
}

impl Exchange {
    fn ask(&mut self) -> Result<(), TransportError> {
        let Some((request, expected)) = self.request() else { return Ok(()) };
        let line = &self.line;
        let answer = line.wait(async || line.send(request).await)?;
        self.answer = Some(line.judge(answer, &expected)?);
        Ok(())
    }

    /// What is asked, and of what kind its answer is; none if it was asked already.
    fn request(&mut self) -> Option<(RequestBuilder, String)> {
        let (line, service) = (&self.line, self.service);
        let (request, expected) = match self.question.take()? {
            Question::WhatIsThere => {
                let mut url = at(&line.url, "/info/refs");
                url.query_pairs_mut().append_pair("service", service);
                (line.client.get(url), format!("application/x-{service}-advertisement"))
            }
            Question::Work(body) => {
                let expected = format!("application/x-{service}-result");
                let request = line.client.post(at(&line.url, &format!("/{service}")));
                let kind = format!("application/x-{service}-request");
                (request.header(CONTENT_TYPE, kind).header(ACCEPT, &expected).body(body), expected)
            }
        };
        let request = match self.version {
            Version::Any => request,
            Version::Second => request.header(VERSION, "version=2"),
        };
        Some((request, expected))
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.ask().map_err(io::Error::other)?;
        loop {
            let read = self.unread.read(buffer)?;
            let Some(answer) = self.answer.as_mut().filter(|_| read == 0) else { return Ok(read) };
            match self.line.wait(async || answer.chunk().await).map_err(io::Error::other)? {
                Some(chunk) => {
                    self.line.patience.note(chunk.len());
                    self.unread = io::Cursor::new(chunk.to_vec());
                }
                None => self.answer = None,
            }
        }
    }
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.question {
            Some(Question::Work(body)) => {
                body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            Some(Question::WhatIsThere) | None => {
                Err(io::Error::other("nothing is written after the question"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(HeaderName, &'static str)]) -> Option<u64> {
        let value = |text| HeaderValue::from_static(text);
        wait_asked(&headers.iter().map(|(name, text)| (name.clone(), value(text))).collect())
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_by_the_servers_own_clock() {
        assert_eq!(asked(&[(RETRY_AFTER, "17")]), Some(17));
        let then = (RETRY_AFTER, "Wed, 21 Oct 2026 07:28:00 GMT");
        let now = |text| asked(&[then.clone(), (DATE, text)]);
        assert_eq!(now("Wed, 21 Oct 2026 07:25:30 GMT"), Some(150));
        assert_eq!(now("Wed, 21 Oct 2026 07:28:01 GMT"), Some(0), "it has passed");
        assert_eq!(now("soon"), None);
        assert_eq!(asked(&[then]), None, "nobody knows what its clock says");
        assert_eq!(asked(&[(RETRY_AFTER, "later")]), None);
        assert_eq!(asked(&[]), None);
    }
}
