//! One registry: asked over HTTP, with a login where it wants one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::{Host as UrlHost, Url};

use super::answer::{Answer, unreachable, why};
use super::challenge::Challenge;
use crate::app::ports::{Clock, RegistryError};

/// More than any token needs.
const LONGEST_TOKEN_ANSWER: usize = 64 * 1024;

/// How long a token lasts whose giver does not say (Docker's token specification).
const TOKEN_LASTS: u64 = 60;

/// How often an answer may lead elsewhere: layers and configurations often stand in a store of
/// their own.
const MOST_REDIRECTS: usize = 4;

/// How long a registry that could not be reached is left alone: many applications' images are in
/// it, and each would wait for it anew.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(15);

/// How many logins are remembered; one for each repository.
const MOST_LOGINS: usize = 1000;

/// A user and a password.
#[derive(Clone)]
pub struct RegistryLogin {
    /// The user.
    pub username: String,
    /// The password, or a token in its place.
    pub password: SecretString,
}

/// One registry.
pub(super) struct Host {
    /// As images name it.
    pub(super) name: String,
    pub(super) http: Client,
    /// Before `/v2/…`.
    pub(super) base: Url,
    /// Who gives out its tokens, where that is another host.
    pub(super) token_server: Option<Url>,
    pub(super) credentials: Option<RegistryLogin>,
    pub(super) clock: Arc<dyn Clock>,
    /// What it was told last to get in, by repository, and until when that is good.
    pub(super) logins: Mutex<BTreeMap<String, (HeaderValue, Timestamp)>>,
    /// Until when it is left alone, and why.
    pub(super) trouble: Mutex<Option<(Timestamp, RegistryError)>>,
}

/// What is asked of a registry.
pub(super) struct Question<'a> {
    pub(super) method: Method,
    pub(super) repository: &'a str,
    /// What follows the repository: `manifests/v1`.
    pub(super) path: String,
    pub(super) accept: &'static str,
    /// For people.
    pub(super) what: String,
    pub(super) limit: usize,
}

/// What the giver of tokens says.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Host {
    /// Asks, and logs in if that is wanted.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Result<Answer, RegistryError> {
        self.left_alone()?;
        let answer = self.ask_now(question).await;
        self.note_trouble(answer.as_ref().err());
        answer
    }

    async fn ask_now(&self, question: &Question<'_>) -> Result<Answer, RegistryError> {
        let remembered = self.remembered(question.repository);
        let mut answer = self.send(question, remembered).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            let login = self.log_in(question.repository, &answer).await?;
            answer = self.send(question, Some(login)).await?;
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            self.logins().remove(question.repository);
        }
        answer.accepted(&self.name, &question.what, self.clock.now())
    }

    /// Sends a question and follows where the answer leads. What gets in here goes nowhere else.
    async fn send(
        &self,
        question: &Question<'_>,
        login: Option<HeaderValue>,
    ) -> Result<Answer, RegistryError> {
        let base = self.base.as_str().trim_end_matches('/');
        let first = format!("{base}/v2/{}/{}", question.repository, question.path);
        let wrong = |why: String| unreachable(&self.name, why);
        let mut url = Url::parse(&first).map_err(|error| wrong(error.to_string()))?;
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.http.request(question.method.clone(), url.clone());
            request = request.header(ACCEPT, question.accept);
            if let Some(login) = login.clone().filter(|_| url.origin() == self.base.origin()) {
                request = request.header(AUTHORIZATION, login);
            }
            let response = request.send().await.map_err(|error| wrong(why(error)))?;
            if !response.status().is_redirection() {
                return Answer::read(&self.name, response, question.limit).await;
            }
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let to = to.and_then(|to| url.join(to).ok()).filter(keeps_secrets);
            url = to.ok_or_else(|| {
                wrong(format!("it answers {}, which leads to no https://", response.status()))
            })?;
        }
        Err(wrong("it leads from one address to the next without end".into()))
    }

    /// Gets in as the registry asks for it, and remembers how.
    async fn log_in(
        &self,
        repository: &str,
        refusal: &Answer,
    ) -> Result<HeaderValue, RegistryError> {
        let headers = refusal.headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges: Vec<Challenge> =
            headers.filter_map(|it| it.to_str().ok()).flat_map(Challenge::read).collect();
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service.as_deref())),
            Challenge::Basic => None,
        });
        let (login, seconds) = match bearer {
            Some((realm, service)) => {
                let token = self.token(realm, service, repository).await?;
                let seconds = token.expires_in.unwrap_or(TOKEN_LASTS);
                let token = token.token.or(token.access_token).unwrap_or_default();
                (format!("Bearer {token}"), seconds)
            }
            None if challenges.contains(&Challenge::Basic) => (self.basic()?, 3600),
            None => {
                let why = "it answers 401 and asks neither for a password nor for a token";
                return Err(self.unauthorized(why));
            }
        };
        let mut login = HeaderValue::from_str(&login)
            .map_err(|_| self.unauthorized("what gets in there does not fit into a header"))?;
        login.set_sensitive(true);
        // Half of it: nothing remembered ends on its way.
        let lasts = SignedDuration::from_secs(i64::try_from(seconds / 2).unwrap_or(30).min(3600));
        let mut logins = self.logins();
        if logins.len() >= MOST_LOGINS {
            logins.clear();
        }
        logins.insert(repository.to_owned(), (login.clone(), self.clock.now() + lasts));
        Ok(login)
    }

    /// The header of RFC 7617.
    fn basic(&self) -> Result<String, RegistryError> {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let Some(RegistryLogin { username, password }) = &self.credentials else {
            let why = format!("it wants a user and a password: write `registries.{}`", self.name);
            return Err(self.unauthorized(why));
        };
        let pair = format!("{username}:{}", password.expose_secret());
        Ok(format!("Basic {}", STANDARD.encode(pair)))
    }

    /// Asks for a token that opens one repository for reading, whatever the registry would have us
    /// ask for.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        repository: &str,
    ) -> Result<Token, RegistryError> {
        let mut url = self.trusted(realm)?;
        let scope = format!("repository:{repository}:pull");
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        let mut request = self.http.get(url);
        if self.credentials.is_some() {
            let mut login = HeaderValue::from_str(&self.basic()?)
                .map_err(|_| self.unauthorized("its password does not fit into a header"))?;
            login.set_sensitive(true);
            request = request.header(AUTHORIZATION, login);
        }
        let wrong = |why: String| unreachable(&self.name, format!("its giver of tokens: {why}"));
        let response = request.send().await.map_err(|error| wrong(why(error)))?;
        let answer = Answer::read(&self.name, response, LONGEST_TOKEN_ANSWER).await?;
        let answer = answer.accepted(&self.name, "token", self.clock.now())?;
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| wrong("the answer is no JSON with a token".into()))?;
        if token.token.as_ref().or(token.access_token.as_ref()).is_none_or(String::is_empty) {
            return Err(wrong("there is no token in the answer".into()));
        }
        Ok(token)
    }

    /// The giver of tokens that a registry names, if it may have what gets in there: anybody who
    /// answers in the registry's place could name one of their own.
    fn trusted(&self, realm: &str) -> Result<Url, RegistryError> {
        let url = Url::parse(realm).ok().filter(keeps_secrets);
        let url = url.ok_or_else(|| self.unauthorized("its giver of tokens is no https://"))?;
        let ours = [Some(&self.base), self.token_server.as_ref()];
        if ours.into_iter().flatten().any(|known| known.origin() == url.origin()) {
            return Ok(url);
        }
        let to = url.origin().ascii_serialization();
        let why = format!(
            "it sends hoist for a token to {to}, and nobody has said that this is right: if it \
             is, write `token_server: {to}` under `registries.{}`",
            self.name
        );
        Err(self.unauthorized(why))
    }

    fn unauthorized(&self, why: impl Into<String>) -> RegistryError {
        RegistryError::Unauthorized { registry: self.name.clone(), why: why.into() }
    }

    fn logins(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (HeaderValue, Timestamp)>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, repository: &str) -> Option<HeaderValue> {
        let now = self.clock.now();
        let logins = self.logins();
        logins.get(repository).filter(|(_, until)| now < *until).map(|(login, _)| login.clone())
    }

    fn left_alone(&self) -> Result<(), RegistryError> {
        let now = self.clock.now();
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match &*trouble {
            Some((until, error)) if now < *until => Err(error.clone()),
            Some(_) | None => Ok(()),
        }
    }

    fn note_trouble(&self, error: Option<&RegistryError>) {
        let length = match error {
            Some(RegistryError::RateLimited { seconds, .. }) => {
                SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(0))
            }
            Some(RegistryError::Unreachable { .. }) => LEFT_ALONE,
            // It answered; what it says of one repository says nothing of the others.
            Some(
                RegistryError::Missing { .. }
                | RegistryError::TooLong { .. }
                | RegistryError::Untrue { .. }
                | RegistryError::Unauthorized { .. },
            )
            | None => SignedDuration::ZERO,
        };
        let trouble = error.filter(|_| !length.is_zero());
        let until = self.clock.now().saturating_add(length).unwrap_or(Timestamp::MAX);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) =
            trouble.map(|error| (until, error.clone()));
    }
}

/// Tells whether what is sent there is encrypted, or stays on this machine.
fn keeps_secrets(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(UrlHost::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(UrlHost::Ipv4(address)) => address.is_loopback(),
        Some(UrlHost::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}
