//! GitHub's events.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use super::{Concern, Told};
use crate::app::chat::Comment;

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

/// What the branches begin with on which GitHub's merge queues test.
pub(super) const QUEUES: &str = "gh-readonly-queue/";

/// A comment on an issue or a pull request.
const COMMENT: &str = "issue_comment";

/// What an event of this kind is to hoist.
pub(super) fn concern(kind: &str) -> Concern {
    match kind {
        COMMENT => Concern::Comment,
        kind if EVENTS.contains(&kind) => Concern::Change,
        _ => Concern::Nothing,
    }
}

/// Reads an event.
pub(super) fn read(body: &[u8]) -> Result<Told, serde_json::Error> {
    let event: RawEvent = serde_json::from_slice(body)?;
    Ok(Told {
        repository: event.repository.as_ref().map(|it| it.full_name.clone()),
        branches: event.branches().into_iter().map(str::to_owned).collect(),
        paths: event.paths().cloned().collect(),
        comment: event.comment(),
    })
}

/// Tells whether a secret made a signature over the very bytes, in a time that tells nothing.
pub(super) fn is_signed(secret: &SecretString, signature: Option<&str>, body: &[u8]) -> bool {
    let digits = signature.and_then(|it| it.strip_prefix("sha256="));
    let Some(signature) = digits.and_then(|digits| hex::decode(digits).ok()) else { return false };
    let secret = secret.expose_secret().as_bytes();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
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
    sender: Option<RawUser>,
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

    /// A comment that a person has just written on a pull request, or edited.
    fn comment(self) -> Option<Comment> {
        let (issue, comment) = (self.issue?, self.comment?);
        issue.pull_request?;
        let is_person = |user: &RawUser| user.kind != "Bot";
        let author = comment.user.filter(is_person)?;
        let by = match self.action.as_deref()? {
            "created" => author,
            // Perhaps by somebody else: it is they who say what it says now.
            "edited" => self.sender.filter(is_person)?,
            _ => return None,
        };
        let (id, number, text) = (comment.id, issue.number, comment.body);
        Some(Comment { id, number, by: by.login, text })
    }

    /// The files that a push changed.
    fn paths(&self) -> impl Iterator<Item = &String> {
        self.commits.iter().flat_map(|it| [&it.added, &it.removed, &it.modified]).flatten()
    }
}
