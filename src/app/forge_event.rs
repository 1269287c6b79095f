//! A forge says that something happened: a reason to look, and never the answer.
//!
//! Events come late, twice, out of order or not at all, and everything is looked at regardless; so
//! of an event only the branches are read that it is about.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use super::chat::Comment;
use super::views::NudgeView;
use super::{App, AppError};
use crate::domain::id::{ApplicationKey, RepositoryName};

/// How many deliveries are remembered: a forge repeats one within minutes.
const REMEMBERED: usize = 10_000;

/// The events that can change what hoist would do; GitHub's names.
const EVENTS: [&str; 7] = [
    "pull_request",
    "pull_request_review",
    "pull_request_review_thread",
    "push",
    "check_run",
    "check_suite",
    "status",
];

/// A comment on an issue or a pull request.
const COMMENT: &str = "issue_comment";

/// An event that nobody has vouched for. It can be heard, and nothing else.
pub struct UnverifiedEvent {
    /// `X-GitHub-Event`.
    pub kind: Option<String>,
    /// `X-GitHub-Delivery`.
    pub delivery: Option<String>,
    /// `X-Hub-Signature-256`.
    pub signature: Option<String>,
    /// The bytes that were signed.
    pub body: Vec<u8>,
}

/// What an event came to.
#[derive(Debug)]
pub enum Heard {
    /// These are looked at now.
    Woken(NudgeView),
    /// Somebody said something to hoist, and is answered on the proposal.
    Said,
    /// It is of a kind that changes nothing for hoist.
    Ignored,
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// Nobody knows who sent it. It does not tell which repositories there are.
    #[error(
        "no repository is known here under this name with a secret that made this signature: look \
         at `webhook_secret` of `repositories:`, and at the secret and address on the forge"
    )]
    Unauthorized,
    /// Something else.
    #[error(transparent)]
    App(#[from] AppError),
}

/// The deliveries that were taken lately.
#[derive(Default)]
pub struct Deliveries(Mutex<VecDeque<String>>);

impl Deliveries {
    /// Tells whether this delivery was taken before, and remembers it.
    fn repeats(&self, delivery: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|it| it == delivery) {
            return true;
        }
        if known.len() >= REMEMBERED {
            known.pop_front();
        }
        known.push_back(delivery.to_owned());
        false
    }
}

/// What an event tells; whatever else stands in it is not read.
#[derive(Deserialize)]
struct RawEvent {
    repository: Option<RawRepository>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    commits: Vec<RawCommit>,
    pull_request: Option<RawPull>,
    check_run: Option<RawRun>,
    check_suite: Option<RawSuite>,
    #[serde(default)]
    branches: Vec<RawBranch>,
    action: Option<String>,
    comment: Option<RawComment>,
    issue: Option<RawIssue>,
}

#[derive(Deserialize)]
struct RawComment {
    id: u64,
    #[serde(default)]
    body: String,
    user: Option<RawUser>,
}

#[derive(Deserialize)]
struct RawUser {
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct RawIssue {
    number: u64,
    /// There where the issue is a pull request.
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RawRepository {
    full_name: String,
}

#[derive(Deserialize)]
struct RawCommit {
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
    #[serde(default)]
    modified: Vec<String>,
}

#[derive(Deserialize)]
struct RawPull {
    head: RawHead,
}

#[derive(Deserialize)]
struct RawHead {
    #[serde(rename = "ref")]
    name: String,
}

#[derive(Deserialize)]
struct RawRun {
    check_suite: Option<RawSuite>,
}

#[derive(Deserialize)]
struct RawSuite {
    head_branch: Option<String>,
}

#[derive(Deserialize)]
struct RawBranch {
    name: String,
}

impl RawEvent {
    /// The branches that it is about.
    fn branches(&self) -> Vec<&str> {
        let pushed = self.reference.as_deref().and_then(|it| it.strip_prefix("refs/heads/"));
        let pull = self.pull_request.as_ref().map(|it| it.head.name.as_str());
        let of_run = self.check_run.as_ref().and_then(|it| it.check_suite.as_ref());
        let suites = [of_run, self.check_suite.as_ref()].into_iter().flatten();
        let suites = suites.filter_map(|it| it.head_branch.as_deref());
        let named = self.branches.iter().map(|it| it.name.as_str());
        pushed.into_iter().chain(pull).chain(suites).chain(named).collect()
    }

    /// A comment that a person has just written on a pull request.
    fn new_comment(self) -> Option<Comment> {
        let (issue, comment) = (self.issue?, self.comment?);
        issue.pull_request?;
        let by = comment.user.filter(|user| user.kind != "Bot")?.login;
        let is_new = self.action.as_deref() == Some("created");
        let comment = Comment { id: comment.id, number: issue.number, by, text: comment.body };
        is_new.then_some(comment)
    }

    /// The files that a push changed.
    fn paths(&self) -> impl Iterator<Item = &String> {
        self.commits.iter().flat_map(|it| [&it.added, &it.removed, &it.modified]).flatten()
    }
}

impl App {
    /// Looks at the applications that an event of a repository's forge is about.
    pub async fn hear_forge(
        &self,
        repository: &str,
        event: UnverifiedEvent,
    ) -> Result<Heard, HearError> {
        let hook = self.policy.forge_hooks.iter().find(|it| it.repository.as_str() == repository);
        let hook = hook.ok_or(HearError::Unauthorized)?;
        if !is_signed(&hook.secret, event.signature.as_deref(), &event.body) {
            return Err(HearError::Unauthorized);
        }
        let kind = event.kind.unwrap_or_default();
        let is_comment = kind == COMMENT;
        // A comment is kept under its own number: told again, in another delivery or after it could
        // not be kept, it is obeyed once.
        let repeats = || event.delivery.is_some_and(|it| self.forge_deliveries.repeats(&it));
        if !is_comment && (repeats() || !EVENTS.contains(&kind.as_str())) {
            return Ok(Heard::Ignored);
        }
        let event: RawEvent = serde_json::from_slice(&event.body).map_err(|error| {
            AppError::Invalid { field: None, what: format!("this is no `{kind}` event: {error}") }
        })?;
        let told_of = event.repository.as_ref().map(|it| it.full_name.to_lowercase());
        if told_of.as_ref() != Some(&hook.full_name.to_lowercase()) {
            // One secret may serve a whole organisation.
            return Ok(Heard::Ignored);
        }
        if is_comment {
            let Some(comment) = event.new_comment() else { return Ok(Heard::Ignored) };
            let said = self.hear_comment(&hook.repository, &comment).await?;
            return Ok(said.map_or(Heard::Ignored, |_| Heard::Said));
        }
        let woken = self.concerned(&hook.repository, &event).await?;
        let names = woken.iter().map(ToString::to_string).collect();
        if !woken.is_empty() {
            self.store.wake(Some(woken), self.clock.now()).await.map_err(AppError::from)?;
            self.nudge.notify_one();
        }
        Ok(Heard::Woken(NudgeView { woken: names }))
    }

    /// The applications of a repository that an event may change something for: those of hoist's
    /// branches, and those whose names stand in the paths of what was pushed to another.
    async fn concerned(
        &self,
        repository: &RepositoryName,
        event: &RawEvent,
    ) -> Result<Vec<ApplicationKey>, AppError> {
        let branches = event.branches();
        let is_about = |key: &ApplicationKey| {
            let Ok((pipeline, _)) = self.rules(key) else { return false };
            let name = key.application.as_str();
            let is_ours = |branch: &&str| {
                branch.strip_prefix("hoist/").and_then(|it| it.split_once('/')).is_some_and(
                    |(environment, application)| {
                        application == name
                            && pipeline
                                .environments
                                .iter()
                                .any(|it| it.name.as_str() == environment)
                    },
                )
            };
            pipeline.repository == *repository
                && (branches.iter().any(is_ours) || event.paths().any(|path| path.contains(name)))
        };
        let known = self.store.applications().await?;
        Ok(known.into_iter().filter(is_about).collect())
    }
}

/// Tells whether a secret made a signature over the very bytes, in a time that tells nothing.
fn is_signed(secret: &SecretString, signature: Option<&str>, body: &[u8]) -> bool {
    let digits = signature.and_then(|it| it.strip_prefix("sha256="));
    let Some(signature) = digits.and_then(|digits| hex::decode(digits).ok()) else { return false };
    let secret = secret.expose_secret().as_bytes();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}
