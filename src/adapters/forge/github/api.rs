//! Asks GitHub: with the tags of what is known, at a pace that it bears, and not while it asks us to
//! wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use super::access::GitHubAccess;
use super::answer::{Answer, Call};
use super::raw::RawRepository;
use super::route::{Repo, with_query};
use crate::adapters::forge::common::moved::{Moved, put};
use crate::adapters::forge::common::pace::Pace;
use crate::app::ports::{Budget, ForgeError, Turn};

/// How many answers are remembered. Past this all are forgotten, which costs one full read of each.
const REMEMBERED: usize = 4_000;

/// The most that GitHub puts on one page.
const PAGE: usize = 100;

/// How many pages are read of one list: nobody writes ten thousand comments on a promotion.
const PAGES: usize = 100;

/// The API of one repository.
pub(super) struct Api {
    access: Arc<GitHubAccess>,
    pace: Pace,
    /// Answers by their paths. One that GitHub confirms by its tag costs nothing of the limit.
    known: Mutex<BTreeMap<String, Arc<Answer>>>,
    /// Where the repository is, if it was renamed.
    moved: Moved,
}

impl Api {
    /// Speaks to GitHub by `access` at that pace.
    pub(super) fn new(access: Arc<GitHubAccess>, pace: Pace) -> Self {
        Self { access, pace, known: Mutex::default(), moved: Moved::default() }
    }

    /// The API of another repository of the same GitHub, by the same credentials and at their pace.
    pub(super) fn beside(&self, repository: &str) -> anyhow::Result<Self> {
        let access = Arc::new(self.access.beside(repository)?);
        Ok(Self::new(access, self.pace.clone()))
    }

    /// The repository that is spoken of.
    pub(super) fn repo(&self) -> &Repo {
        self.access.repo()
    }

    /// What the repository is called now, if it was renamed.
    pub(super) fn renamed_to(&self) -> Option<String> {
        self.moved.name()
    }

    /// Whose repository it is.
    pub(super) fn owner(&self) -> String {
        let name = self.renamed_to();
        let owner = name.as_deref().and_then(|it| it.split('/').next());
        owner.unwrap_or(&self.repo().owner).to_owned()
    }

    /// What may still be asked.
    pub(super) fn budget(&self) -> Budget {
        self.pace.budget()
    }

    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        self.pace.clock().now()
    }

    /// Reads what stands at a path, or knows that it is as it was.
    pub(super) async fn get(&self, path: &str) -> Result<Arc<Answer>, ForgeError> {
        let known = self.known().get(path).cloned();
        let etag = known.as_ref().and_then(|known| known.etag());
        let answer = self.ask(path, Call::Get { etag }).await?;
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (answer.status, known) {
            return Ok(known);
        }
        let answer = Arc::new(answer);
        if answer.status.is_success() && answer.etag().is_some() {
            let mut known = self.known();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(path.to_owned(), Arc::clone(&answer));
        }
        Ok(answer)
    }

    /// Reads a whole list, page by page.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        route: &str,
        filter: &[(&str, &str)],
        doing: &str,
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let (size, page) = (PAGE.to_string(), page.to_string());
            let mut pairs = filter.to_vec();
            pairs.extend([("per_page", size.as_str()), ("page", page.as_str())]);
            let answer = self.get(&with_query(route, &pairs)).await?;
            if answer.status == StatusCode::NOT_FOUND {
                // There is such a list wherever we may look: it may have another owner now.
                self.access.forget().await;
            }
            let items: Vec<T> = answer.expect(self.repo(), doing)?;
            let is_last = items.len() < PAGE;
            all.extend(items);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Writes, when it is our turn.
    pub(super) async fn write(&self, path: &str, call: Call<'_>) -> Result<Answer, ForgeError> {
        self.pace.in_turn(self.ask(path, call)).await
    }

    /// Writes at once, in a turn that was waited for.
    pub(super) async fn write_in(
        &self,
        turn: &Turn,
        path: &str,
        call: Call<'_>,
    ) -> Result<Answer, ForgeError> {
        self.pace.write_in(turn, self.ask(path, call)).await
    }

    /// Waits until something may be written.
    pub(super) async fn turn(&self) -> Turn {
        self.pace.turn().await
    }

    /// Waits until something may be written that GitHub tells people of.
    pub(super) async fn turn_to_tell(&self) -> Result<Turn, ForgeError> {
        self.pace.turn_to_tell().await
    }

    /// The path of its other API.
    pub(super) fn graphql(&self) -> &str {
        self.access.graphql()
    }

    /// Writes what GitHub tells people of, of which it bears less, when it is our turn.
    pub(super) async fn create(&self, path: &str, call: Call<'_>) -> Result<Answer, ForgeError> {
        self.pace.creating(self.ask(path, call)).await
    }

    /// Asks; and where the repository was renamed, there.
    pub(super) async fn ask(&self, path: &str, call: Call<'_>) -> Result<Answer, ForgeError> {
        let before = self.repo().route(&[]);
        let asked = self.moved.path(&before, path);
        let answer = self.ask_at(&asked, call).await?;
        let told = (answer.status, &answer.headers);
        let led = self.moved.leads((self.access.api(), &before), path, told);
        if self.moved.lacks_a_name(self.now()) {
            self.learn_its_name(&before).await;
        }
        match led.map(|led| put(&led, &before, path)).filter(|there| *there != asked) {
            Some(there) => self.ask_at(&there, call).await,
            None => Ok(answer),
        }
    }

    async fn learn_its_name(&self, before: &str) {
        let there = self.moved.path(before, before).into_owned();
        let named = self.ask_at(&there, Call::Get { etag: None }).await;
        let named = named.and_then(|it| it.expect(self.repo(), "looking at the repository"));
        match named {
            Ok(RawRepository { full_name }) => {
                let repo = self.repo();
                tracing::warn!(
                    "{repo} was renamed to {full_name}: set its `url` to the new address"
                );
                self.moved.is_called(&full_name);
            }
            Err(error) => tracing::warn!("{} was renamed: {error}", self.repo()),
        }
    }

    async fn ask_at(&self, path: &str, call: Call<'_>) -> Result<Answer, ForgeError> {
        self.pace.check_quiet()?;
        if path == self.graphql() {
            self.pace.check_quiet_beside()?;
        }
        match self.ask_at_once(path, call).await {
            Err(ForgeError::RateLimited { seconds }) => Err(self.limited(path, seconds)),
            told => told,
        }
    }

    /// What it means that GitHub asks us to wait: it is left alone until then. What its other API
    /// says of itself keeps nobody from this one.
    pub(super) fn limited(&self, path: &str, seconds: u64) -> ForgeError {
        tracing::warn!(repository = %self.repo(), "GitHub asks us to wait {seconds} s");
        if path == self.graphql() {
            self.pace.keep_quiet_beside(seconds);
        } else {
            self.pace.keep_quiet(seconds);
        }
        ForgeError::RateLimited { seconds }
    }

    async fn ask_at_once(&self, path: &str, call: Call<'_>) -> Result<Answer, ForgeError> {
        let answer = self.access.ask(path, call).await?;
        // The other API has a limit of its own, which is told in the same words.
        if path == self.graphql() {
            self.pace.heard(answer.status, &HeaderMap::new());
        } else {
            self.pace.heard(answer.status, &answer.headers);
        }
        match answer.wait() {
            Some(seconds) => Err(ForgeError::RateLimited { seconds }),
            None => Ok(answer),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Answer>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
