//! Asks GitLab: the crate's endpoints say what, and it is sent by our own client, with the tags of
//! what is known, at a pace that GitLab bears, and not while it asks us to wait.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use gitlab::api::common::NameOrId;
use gitlab::api::{Endpoint, Pageable};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::access::GitLabAccess;
use super::answer::{Answer, unreachable};
use super::raw::RawNamed;
use crate::adapters::forge::common::moved::{Moved, put};
use crate::adapters::forge::common::pace::Pace;
use crate::app::ports::{Budget, ForgeError, Turn};

/// How many answers are remembered. Past this all are forgotten, which costs one full read of each.
const REMEMBERED: usize = 4_000;

/// The most that GitLab puts on one page.
const PAGE: usize = 100;

/// How many pages are read of one list: nobody writes ten thousand comments on a promotion.
const PAGES: usize = 100;

/// The longest answer that is read: a hundred of the longest comments are shorter.
const LONGEST_ANSWER: usize = 16 << 20;

/// The API of one project.
pub(super) struct Api {
    access: Arc<GitLabAccess>,
    pace: Pace,
    /// Answers by their addresses. One that GitLab confirms by its tag is not sent again.
    known: Mutex<BTreeMap<String, Arc<Answer>>>,
    /// Where the project is, if it was renamed or moved.
    moved: Moved,
}

/// What is sent.
#[derive(Clone)]
struct Question {
    method: Method,
    url: Url,
    body: Option<(&'static str, Vec<u8>)>,
}

impl Api {
    /// Speaks to GitLab by `access` at that pace.
    pub(super) fn new(access: Arc<GitLabAccess>, pace: Pace) -> Self {
        Self { access, pace, known: Mutex::default(), moved: Moved::default() }
    }

    /// The API of another project of the same GitLab, by the same token and at its pace.
    pub(super) fn beside(&self, repository: &str) -> anyhow::Result<Self> {
        let access = Arc::new(self.access.beside(repository)?);
        Ok(Self::new(access, self.pace.clone()))
    }

    /// The full path of the project that is spoken of.
    pub(super) fn project(&self) -> &str {
        self.access.project()
    }

    /// What the project is called now, if it was renamed or moved.
    pub(super) fn renamed_to(&self) -> Option<String> {
        self.moved.name()
    }

    /// What may still be asked.
    pub(super) fn budget(&self) -> Budget {
        self.pace.budget()
    }

    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        self.pace.clock().now()
    }

    /// Reads what an endpoint tells, or knows that it is as it was.
    pub(super) async fn get(&self, endpoint: &impl Endpoint) -> Result<Arc<Answer>, ForgeError> {
        self.read(self.question(endpoint, &[])?).await
    }

    /// Reads a whole list, page by page.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        endpoint: &(impl Endpoint + Pageable + Sync),
        doing: &str,
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let (size, page) = (PAGE.to_string(), page.to_string());
            let question = self.question(endpoint, &[("per_page", &size), ("page", &page)])?;
            let items: Vec<T> = self.read(question).await?.expect(self.project(), doing)?;
            let is_last = items.len() < PAGE;
            all.extend(items);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Writes, when it is our turn.
    pub(super) async fn write(&self, endpoint: &impl Endpoint) -> Result<Answer, ForgeError> {
        let question = self.question(endpoint, &[])?;
        self.pace.in_turn(self.ask(question, None)).await
    }

    /// Writes at once, in a turn that was waited for.
    pub(super) async fn write_in(
        &self,
        turn: &Turn,
        endpoint: &impl Endpoint,
    ) -> Result<Answer, ForgeError> {
        self.pace.write_in(turn, self.ask(self.question(endpoint, &[])?, None)).await
    }

    /// Waits until something may be written.
    pub(super) async fn turn(&self) -> Turn {
        self.pace.turn().await
    }

    fn question(
        &self,
        endpoint: &impl Endpoint,
        more: &[(&str, &str)],
    ) -> Result<Question, ForgeError> {
        let path = endpoint.endpoint();
        let address = format!("{}/{path}", self.access.api().as_str().trim_end_matches('/'));
        let mut url = Url::parse(&address).map_err(|error| unasked(&error))?;
        endpoint.parameters().add_to_url(&mut url);
        if !more.is_empty() {
            url.query_pairs_mut().extend_pairs(more);
        }
        let body = endpoint.body().map_err(|error| unasked(&error))?;
        Ok(Question { method: endpoint.method(), url, body })
    }

    async fn read(&self, question: Question) -> Result<Arc<Answer>, ForgeError> {
        let address = question.url.to_string();
        let known = self.known().get(&address).cloned();
        let etag = known.as_ref().and_then(|known| known.etag());
        let answer = self.ask(question, etag).await?;
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (answer.status, known) {
            return Ok(known);
        }
        let answer = Arc::new(answer);
        if answer.status.is_success() && answer.etag().is_some() {
            let mut known = self.known();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(address, Arc::clone(&answer));
        }
        Ok(answer)
    }

    /// Asks; and where the project was renamed, there.
    async fn ask(&self, question: Question, etag: Option<&str>) -> Result<Answer, ForgeError> {
        let asked = self.now_at(question.clone());
        let answer = self.ask_at(asked.clone(), etag).await?;
        let led = if answer.is_of_moved() { self.led(&question, &answer).await? } else { None };
        if self.moved.lacks_a_name(self.now()) {
            self.learn_its_name().await;
        }
        let there = led.map(|led| {
            let there = put(&led, &self.before(), self.path(&question.url));
            self.at(question, &there)
        });
        match there.filter(|there| there.url != asked.url) {
            Some(there) => self.ask_at(there, etag).await,
            None => Ok(answer),
        }
    }

    /// Where the project is, as far as an answer leads there: what its paths begin with.
    ///
    /// GitLab sends on who reads, and turns away who writes: then it is read where it is.
    async fn led(&self, of: &Question, answer: &Answer) -> Result<Option<String>, ForgeError> {
        let home = Question { method: Method::GET, url: self.home()?, body: None };
        let led = match answer.status {
            StatusCode::METHOD_NOT_ALLOWED => &self.ask_at(home.clone(), None).await?,
            _ => answer,
        };
        let url = if of.method == Method::GET { &of.url } else { &home.url };
        let told = (led.status, &led.headers);
        Ok(self.moved.leads((self.access.api(), &self.before()), self.path(url), told))
    }

    async fn learn_its_name(&self) {
        let named = async {
            let home = Question { method: Method::GET, url: self.home()?, body: None };
            self.ask_at(self.now_at(home), None).await
        };
        match named.await.and_then(|it| it.expect(self.project(), "looking at the project")) {
            Ok(RawNamed { path_with_namespace: name }) => {
                let project = self.project();
                tracing::warn!("{project} was renamed to {name}: set its `url` to the new address");
                self.moved.is_called(&name);
            }
            Err(error) => tracing::warn!("{} was renamed: {error}", self.project()),
        }
    }

    /// What the project's paths begin with by its configured name.
    fn before(&self) -> String {
        format!("/projects/{}", NameOrId::from(self.project()))
    }

    /// The project's own address.
    fn home(&self) -> Result<Url, ForgeError> {
        let api = self.access.api().as_str().trim_end_matches('/');
        Url::parse(&format!("{api}{}", self.before())).map_err(|error| unasked(&error))
    }

    /// A path of the API, without where that begins.
    fn path<'u>(&self, url: &'u Url) -> &'u str {
        let api = self.access.api().path().trim_end_matches('/');
        url.path().strip_prefix(api).unwrap_or(url.path())
    }

    /// A question, put where the project is now.
    fn now_at(&self, question: Question) -> Question {
        let there = self.moved.path(&self.before(), self.path(&question.url)).into_owned();
        self.at(question, &there)
    }

    /// A question, put at a path of the API.
    fn at(&self, question: Question, there: &str) -> Question {
        let api = self.access.api().path().trim_end_matches('/');
        let mut url = question.url;
        url.set_path(&format!("{api}{there}"));
        Question { url, ..question }
    }

    async fn ask_at(&self, question: Question, etag: Option<&str>) -> Result<Answer, ForgeError> {
        self.pace.check_quiet()?;
        let answer = self.send(question, etag).await?;
        self.pace.heard(answer.status, &answer.headers);
        if let Some(seconds) = answer.wait() {
            tracing::warn!(repository = %self.project(), "GitLab asks us to wait {seconds} s");
            self.pace.keep_quiet(seconds);
            return Err(ForgeError::RateLimited { seconds });
        }
        Ok(answer)
    }

    /// Asks, and reads the answer to its end: one that breaks off is none.
    async fn send(&self, question: Question, etag: Option<&str>) -> Result<Answer, ForgeError> {
        let Question { method, url, body } = question;
        let mut request = self.access.client().request(method, url);
        if let Some((kind, body)) = body {
            request = request.header(CONTENT_TYPE, kind).body(body);
        }
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let mut response = request.send().await.map_err(broken)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(unreachable("GitLab's answer has no end"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Answer>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An endpoint as it was built, which fails only where a field is forgotten or too long.
pub(super) fn built<E, B: Display>(built: Result<E, B>) -> Result<E, ForgeError> {
    built.map_err(|error| unasked(&error))
}

fn unasked(why: &impl Display) -> ForgeError {
    ForgeError::Refused(format!("the question could not be put to GitLab: {why}"))
}

/// The innermost cause says it in words; reqwest's own sentence carries the address.
fn broken(error: reqwest::Error) -> ForgeError {
    let error = error.without_url();
    let causes =
        std::iter::successors(std::error::Error::source(&error), |cause| (*cause).source());
    let why = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
    unreachable(&why)
}
