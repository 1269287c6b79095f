//! The client of our own API: what the command line speaks to a running hoist with.

use std::error::Error as _;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::app::ingest::send::{SenderProof, SignedAnnouncement};
use crate::app::ports::{Remote, RemoteError, Server};
use crate::app::views::{
    AnnouncementView, ApplicationView, CommandView, DeliveryDetailView, DeliveryView,
    FreezeRequest, HistoryLine, HistoryView, HoldRequest, PlanView, ProblemView, ProgressView,
    PromoteRequest, PromotionView, ProposalRequest, ResumeRequest, RollbackRequest, RunView,
    SkipRequest, StatusView, ThawRequest, WhyView,
};
use crate::domain::command::ProposalStep;

/// How long a connection may take: past this, nobody is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer may take: hoist may have to read a far repository first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How much is shown of an answer that is not hoist's.
const SHOWN: usize = 200;

/// A running hoist, over HTTP.
pub struct Client {
    http: reqwest::Client,
    server: Server,
}

impl Client {
    /// Makes a client; nothing is sent before it is asked something.
    ///
    /// Redirects are reported instead of followed: a command must not become a question on its way,
    /// and a token goes to nobody but the server that was named.
    pub fn new(server: Server) -> Result<Self, RemoteError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("hoist/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("preparing HTTPS")
            .map_err(RemoteError::Unreachable)?;
        Ok(Self { http, server })
    }

    /// The address of what stands at `segments` under the server's own; each is escaped.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.server.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        // Only an address such as `mailto:` has no path, and no `Server` is made with one.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, RemoteError> {
        let request = self.http.request(method, url);
        let Some(token) = &self.server.token else { return Ok(request) };
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| {
                let detail = "the token has characters that no token has: copy it again";
                RemoteError::Unauthorized(problem(StatusCode::UNAUTHORIZED, detail.to_owned()))
            })?;
        header.set_sensitive(true);
        Ok(request.header(AUTHORIZATION, header))
    }

    /// What is sent to a hook: our own token has no business there, the proof says who speaks.
    fn delivery(&self, to: Url, announcement: &SignedAnnouncement) -> RequestBuilder {
        let request = self
            .http
            .post(to)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Hoist-Delivery", &announcement.delivery)
            .body(announcement.body.clone());
        match &announcement.proof {
            SenderProof::Signature(signature) => request.header("X-Hub-Signature-256", signature),
            SenderProof::Token(token) => request.bearer_auth(token.expose_secret()),
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, RemoteError> {
        let mut url = self.url(&[&["api", "v1"], segments].concat());
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        answer(self.request(Method::GET, url)?).await
    }

    async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        segments: &[&str],
        body: &B,
    ) -> Result<T, RemoteError> {
        let url = self.url(&[&["api", "v1"], segments].concat());
        answer(self.request(Method::POST, url)?.json(body)).await
    }
}

#[async_trait::async_trait]
impl Remote for Client {
    async fn status(&self) -> Result<StatusView, RemoteError> {
        self.get(&["applications"], &[]).await
    }

    async fn application(&self, application: &str) -> Result<ApplicationView, RemoteError> {
        self.get(&["applications", application], &[]).await
    }

    async fn why(&self, application: &str, environment: &str) -> Result<WhyView, RemoteError> {
        self.get(&["applications", application, "why", environment], &[]).await
    }

    async fn plan(
        &self,
        application: Option<&str>,
        at: Option<&str>,
    ) -> Result<PlanView, RemoteError> {
        let query = [("application", application), ("at", at)];
        let query: Vec<_> = query.into_iter().filter_map(|(k, v)| Some((k, v?))).collect();
        self.get(&["plan"], &query).await
    }

    async fn foresee_run(&self, schedule: &str, at: Option<&str>) -> Result<RunView, RemoteError> {
        let query: Vec<_> = at.map(|at| ("at", at)).into_iter().collect();
        self.get(&["schedules", schedule, "plan"], &query).await
    }

    async fn run(&self, schedule: &str) -> Result<CommandView, RemoteError> {
        self.post(&["schedules", schedule, "runs"], &()).await
    }

    async fn history(
        &self,
        application: &str,
        environment: Option<&str>,
    ) -> Result<HistoryView, RemoteError> {
        let query: Vec<_> = environment.map(|name| ("environment", name)).into_iter().collect();
        self.get(&["applications", application, "history"], &query).await
    }

    async fn promotion(&self, promotion: &str) -> Result<PromotionView, RemoteError> {
        self.get(&["promotions", promotion], &[]).await
    }

    async fn deliveries(&self, limit: u32) -> Result<Vec<DeliveryView>, RemoteError> {
        self.get(&["deliveries"], &[("limit", &limit.to_string())]).await
    }

    async fn refused_deliveries(&self, limit: u32) -> Result<Vec<DeliveryView>, RemoteError> {
        let query = [("limit", limit.to_string()), ("outcome", "refused".to_owned())];
        self.get(&["deliveries"], &query.each_ref().map(|(name, value)| (*name, value.as_str())))
            .await
    }

    async fn delivery(&self, id: &str) -> Result<DeliveryDetailView, RemoteError> {
        self.get(&["deliveries", id], &[]).await
    }

    async fn replay(&self, id: &str) -> Result<DeliveryDetailView, RemoteError> {
        self.post(&["deliveries", id, "replay"], &()).await
    }

    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<HistoryLine>, RemoteError> {
        let (after, limit) = (after.to_string(), limit.to_string());
        self.get(&["audit"], &[("after", &after), ("limit", &limit)]).await
    }

    async fn promote(&self, request: &PromoteRequest) -> Result<CommandView, RemoteError> {
        self.post(&["promotions"], request).await
    }

    async fn roll_back(&self, request: &RollbackRequest) -> Result<CommandView, RemoteError> {
        self.post(&["rollbacks"], request).await
    }

    async fn hold(&self, request: &HoldRequest) -> Result<CommandView, RemoteError> {
        self.post(&["holds"], request).await
    }

    async fn resume(&self, request: &ResumeRequest) -> Result<CommandView, RemoteError> {
        self.post(&["holds", "resume"], request).await
    }

    async fn skip(&self, request: &SkipRequest) -> Result<CommandView, RemoteError> {
        self.post(&["skips"], request).await
    }

    async fn freeze(&self, request: &FreezeRequest) -> Result<CommandView, RemoteError> {
        self.post(&["freezes"], request).await
    }

    async fn thaw(&self, request: &ThawRequest) -> Result<CommandView, RemoteError> {
        self.post(&["freezes", "thaw"], request).await
    }

    async fn review(
        &self,
        promotion: &str,
        request: &ProposalRequest,
    ) -> Result<CommandView, RemoteError> {
        let door = match request.step {
            ProposalStep::Approve | ProposalStep::RequestChanges | ProposalStep::Comment => {
                "reviews"
            }
            ProposalStep::Check => "checks",
            ProposalStep::Merge => "merge",
            ProposalStep::Close => "close",
        };
        self.post(&["promotions", promotion, door], request).await
    }

    async fn announce(
        &self,
        announcement: &SignedAnnouncement,
    ) -> Result<AnnouncementView, RemoteError> {
        answer(self.delivery(self.url(&["hooks", "artifacts"]), announcement)).await
    }

    async fn progress(
        &self,
        announcement: &SignedAnnouncement,
        environment: &str,
    ) -> Result<ProgressView, RemoteError> {
        let mut url = self.url(&["hooks", "artifacts", "progress"]);
        url.query_pairs_mut().append_pair("environment", environment);
        answer(self.delivery(url, announcement)).await
    }
}

/// Sends a request and reads what comes back.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, RemoteError> {
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if status.is_success() {
        let body = response.bytes().await.map_err(unreachable)?;
        return serde_json::from_slice(&body).map_err(|error| {
            RemoteError::NotHoist(format!("its answer is not one that hoist gives ({error})"))
        });
    }
    Err(refusal(response).await)
}

/// The only place that knows what status codes mean to the command line.
async fn refusal(response: Response) -> RemoteError {
    let status = response.status();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header(RETRY_AFTER).and_then(|value| value.parse().ok());
    let location = header(LOCATION).map(str::to_owned);
    if status.is_redirection() {
        let to = location.unwrap_or_else(|| "nowhere".to_owned());
        return RemoteError::NotHoist(format!("the answer is {status}, a redirect to {to}"));
    }
    let is_page = header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html"));
    let body = response.bytes().await.unwrap_or_default();
    let shown = if is_page { ", with a page for browsers".to_owned() } else { excerpt(&body) };
    let told = serde_json::from_slice::<Box<ProblemView>>(&body).ok();
    let may_pass = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    match told {
        Some(problem) if status == StatusCode::UNAUTHORIZED => RemoteError::Unauthorized(problem),
        Some(problem) if may_pass => RemoteError::Unavailable { problem, retry_after },
        Some(problem) => RemoteError::Refused(problem),
        // A proxy in front of hoist, while hoist is down. Anybody's server may say 500 and 501.
        None if is_proxys(status) => {
            let problem = problem(status, format!("the answer is {status}{shown}"));
            RemoteError::Unavailable { problem, retry_after }
        }
        None => RemoteError::NotHoist(format!("the answer is {status}{shown}")),
    }
}

/// Tells whether a proxy says so of a server that it cannot reach now, or that has too much to do.
fn is_proxys(status: StatusCode) -> bool {
    [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ]
    .contains(&status)
}

fn problem(status: StatusCode, detail: String) -> Box<ProblemView> {
    Box::new(ProblemView {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Problem").to_owned(),
        status: status.as_u16(),
        detail,
        instance: None,
        field: None,
    })
}

/// The beginning of a text that is not ours, where there is one.
fn excerpt(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).trim().chars().take(SHOWN).collect();
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// Without the address, which may hold a password and which the caller names itself.
fn unreachable(error: reqwest::Error) -> RemoteError {
    let error = error.without_url();
    if error.is_timeout() {
        return RemoteError::Unreachable(anyhow::anyhow!("no answer came in time"));
    }
    // The innermost cause says it in words: "Connection refused".
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let told = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    RemoteError::Unreachable(anyhow::anyhow!(told))
}
