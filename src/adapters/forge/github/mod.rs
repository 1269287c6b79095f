//! GitHub: github.com and the Enterprise ones, by a token or as an App.
//!
//! What GitHub says is the truth; nothing is kept but answers that it confirms by their tags. Every
//! write looks first, and a write whose answer was lost is looked for before it is tried again.
//!
//! Read `access`, then `api`, then `answer`, which alone knows what GitHub's refusals mean.

mod access;
mod answer;
mod api;
mod checks;
mod commits;
mod graphql;
mod handing;
mod merging;
mod raw;
mod route;
mod sight;
mod standing;
mod statuses;
mod teams;

pub use access::{GitHubAccess, GitHubCredentials, GitHubServer};
pub use merging::MergeMethod;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::json;
use url::Url;

use super::common::note::Note;
use super::common::pace::Pace;
use super::common::people::ForgePeople;
use super::common::{AutoMerge, cut, lines};
use crate::app::ports::{
    Asks, Budget, Closing, Draft, Forge, ForgeError, MergeOutcome, MergeRequest, Opened, Proposal,
    ProposalSpec, ReviewDesk, Status, Turn,
};
use crate::domain::checks::{Check, SourceCommit};
use crate::domain::id::{CommitId, PersonName, ProposalNumber};
use crate::domain::landing::Drafted;
use crate::domain::team::Team;
use answer::{Answer, Call};
use api::Api;
use checks::Sources;
use commits::Made;
use handing::Ways;
use raw::{RawComment, RawPull, RawReview};
use teams::Memberships;

/// The longest title and body that GitHub takes, in characters; its limit is on encoded lengths,
/// so we stay below.
const LONGEST: (usize, usize) = (250, 60_000);

/// A repository's name on its GitHub, `acme/gitops`, by the address of its Git.
///
/// # Errors
///
/// When the address lacks an owner or a name.
pub fn github_name(url: &Url) -> anyhow::Result<String> {
    Ok(route::Repo::of(url)?.to_string())
}

/// How a GitHub is used, beyond how it is reached.
#[derive(Debug, Clone)]
pub struct GitHubManners {
    /// How pull requests are merged.
    pub merge_method: MergeMethod,
    /// Whether GitHub is asked to merge as soon as it may.
    pub auto_merge: AutoMerge,
    /// Who is who.
    pub people: ForgePeople,
    /// How often it is asked.
    pub pace: Pace,
}

/// The forge of one repository that lives on a GitHub.
pub struct GitHubForge {
    api: Api,
    people: ForgePeople,
    merge_method: MergeMethod,
    /// Commits that were made, and perhaps not yet used.
    made: Mutex<Made>,
    auto_merge: AutoMerge,
    /// What was asked about beside this repository.
    sources: Mutex<Sources>,
    /// Who is in which team, for a while.
    memberships: Mutex<Memberships>,
    /// How pull requests get in, as far as it is remembered.
    ways: Mutex<Ways>,
}

impl GitHubForge {
    /// A forge for the repository that `access` leads into.
    pub fn new(access: Arc<GitHubAccess>, manners: GitHubManners) -> Self {
        let GitHubManners { merge_method, auto_merge, people, pace } = manners;
        Self {
            api: Api::new(access, pace),
            people,
            merge_method,
            auto_merge,
            made: Mutex::default(),
            sources: Mutex::default(),
            memberships: Mutex::default(),
            ways: Mutex::default(),
        }
    }

    fn route(&self, segments: &[&str]) -> String {
        self.api.repo().route(segments)
    }

    fn pull_route(&self, number: ProposalNumber, rest: &[&str]) -> String {
        let number = number.0.to_string();
        self.route(&[&["pulls", number.as_str()], rest].concat())
    }

    fn issue_route(&self, number: ProposalNumber, rest: &[&str]) -> String {
        let number = number.0.to_string();
        self.route(&[&["issues", number.as_str()], rest].concat())
    }

    fn branch_route(&self, kind: &str, branch: &str) -> String {
        let parts: Vec<&str> =
            ["git", kind, "heads"].into_iter().chain(branch.split('/')).collect();
        self.route(&parts)
    }

    /// A yes, or the refusal sorted.
    fn check(&self, answer: &Answer, doing: &str) -> Result<(), ForgeError> {
        if answer.status.is_success() {
            return Ok(());
        }
        Err(answer.refusal(self.api.repo(), doing))
    }

    /// The pull request of that number.
    async fn pull(&self, number: ProposalNumber) -> Result<RawPull, ForgeError> {
        let answer = self.api.get(&self.pull_route(number, &[])).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(self.missing(number).await);
        }
        answer.expect(self.api.repo(), &format!("reading pull request {number}"))
    }

    /// What it means that a pull request is not found: GitHub says the same of a whole repository
    /// that our credentials may no longer see, and then nothing is known of the pull request.
    async fn missing(&self, number: ProposalNumber) -> ForgeError {
        match self.api.get(&self.route(&[])).await {
            Ok(answer) if answer.status.is_success() => ForgeError::NotFound(number),
            Ok(answer) => answer.refusal(self.api.repo(), "looking at the repository"),
            Err(error) => error,
        }
    }

    /// The open pull request of a branch of this repository, not of a fork.
    async fn open_pull(&self, branch: &str) -> Result<Option<RawPull>, ForgeError> {
        let head = format!("{}:{branch}", self.api.owner());
        let filter = [("state", "open"), ("head", head.as_str())];
        let found: Vec<RawPull> =
            self.api.list(&self.route(&["pulls"]), &filter, "looking for a pull request").await?;
        Ok(found.into_iter().find(|pull| {
            pull.head.name == branch && pull.head.repo == pull.base.repo && pull.state == "open"
        }))
    }

    async fn open(&self, spec: &ProposalSpec) -> Result<Opened, ForgeError> {
        let is_draft = spec.draft == Drafted::Ours && self.makes_ready().await?;
        let mut body = json!({
            "title": cut(&spec.title, LONGEST.0),
            "body": cut(&spec.body, LONGEST.1),
            "head": spec.branch,
            "base": spec.target,
            "draft": is_draft,
        });
        let route = self.route(&["pulls"]);
        let mut told = self.api.create(&route, Call::Post(&body)).await;
        if let Ok(answer) = &told
            && is_draft
            && answer.says("Draft pull requests are not supported")
        {
            let repo = self.api.repo();
            tracing::warn!("{repo} takes no drafts: {} is opened as it is", spec.branch);
            body["draft"] = false.into();
            told = self.api.create(&route, Call::Post(&body)).await;
        }
        // An answer may be lost on its way although the pull request was made, and somebody else may
        // have been faster.
        let may_exist = match &told {
            Ok(answer) if answer.status == StatusCode::UNPROCESSABLE_ENTITY => {
                answer.says("already exists")
            }
            Ok(answer) => answer.status.is_server_error(),
            Err(ForgeError::Unreachable(_)) => true,
            Err(_) => false,
        };
        if may_exist && let Ok(Some(found)) = self.open_pull(&spec.branch).await {
            return self.update(found, spec).await;
        }
        let pull: RawPull = told?.expect(self.api.repo(), "opening a pull request")?;
        self.dress(&pull, spec).await?;
        Ok(Opened::New(ProposalNumber(pull.number)))
    }

    async fn update(&self, pull: RawPull, spec: &ProposalSpec) -> Result<Opened, ForgeError> {
        let (title, body) = (cut(&spec.title, LONGEST.0), cut(&spec.body, LONGEST.1));
        let number = ProposalNumber(pull.number);
        let held = pull.body.as_deref().unwrap_or_default();
        let same_text = pull.title == title.trim() && lines(held) == lines(body);
        if !same_text || pull.base.name != spec.target {
            let change = json!({ "title": title, "body": body, "base": spec.target });
            let answer =
                self.api.write(&self.pull_route(number, &[]), Call::Patch(&change)).await?;
            self.check(&answer, &format!("updating pull request {number}"))?;
        }
        self.dress(&pull, spec).await?;
        Ok(Opened::AlreadyOpen(number))
    }

    /// Gives a pull request the labels and reviewers that it lacks.
    async fn dress(&self, pull: &RawPull, spec: &ProposalSpec) -> Result<(), ForgeError> {
        let number = ProposalNumber(pull.number);
        let has =
            |label: &&String| pull.labels.iter().any(|held| held.name.eq_ignore_ascii_case(label));
        let labels: Vec<&String> = spec.labels.iter().filter(|label| !has(label)).collect();
        if !labels.is_empty() {
            let route = self.issue_route(number, &["labels"]);
            let answer = self.api.write(&route, Call::Post(&json!({ "labels": labels }))).await?;
            self.check(&answer, &format!("labelling pull request {number}"))?;
        }
        self.assign(pull, spec).await?;
        if pull.draft {
            return Ok(());
        }
        self.ask_reviewers(pull, &spec.asks).await
    }

    /// Gives a pull request to those whose it is to see to.
    async fn assign(&self, pull: &RawPull, spec: &ProposalSpec) -> Result<(), ForgeError> {
        let held = lower(pull.assignees.iter().map(|it| &it.login));
        let logins = spec.asks.assignees.iter().map(|name| self.people.login(name));
        let lacks: Vec<_> = logins.filter(|it| !held.contains(&it.to_lowercase())).collect();
        if lacks.is_empty() {
            return Ok(());
        }
        let number = ProposalNumber(pull.number);
        let route = self.issue_route(number, &["assignees"]);
        let answer = self.api.write(&route, Call::Post(&json!({ "assignees": lacks }))).await?;
        self.check(&answer, &format!("assigning pull request {number}"))
    }

    /// Asks those who were not asked yet. Who has answered is no longer among the asked, and is not
    /// asked again; for a team somebody of it has answered, and nobody knows who.
    async fn ask_reviewers(&self, pull: &RawPull, asks: &Asks) -> Result<(), ForgeError> {
        let number = ProposalNumber(pull.number);
        let mut asked: BTreeSet<String> =
            lower(pull.requested_reviewers.iter().map(|it| &it.login));
        // Its author cannot be asked.
        asked.extend(pull.author().map(str::to_lowercase));
        let lacks = |asked: &BTreeSet<String>| {
            let logins = asks.reviewers.iter().map(|name| self.people.login(name));
            logins.filter(|it| !asked.contains(&it.to_lowercase())).collect::<Vec<_>>()
        };
        let held = lower(pull.requested_teams.iter().map(|it| &it.slug));
        let mut teams: Vec<&String> =
            asks.teams.iter().filter(|it| !held.contains(&it.to_lowercase())).collect();
        if lacks(&asked).is_empty() && teams.is_empty() {
            return Ok(());
        }
        let reviews = self.reviews(number).await?;
        asked.extend(lower(reviews.iter().filter_map(|it| Some(&it.user.as_ref()?.login))));
        let reviewers = lacks(&asked);
        if !reviews.is_empty() {
            teams.clear();
        }
        if reviewers.is_empty() && teams.is_empty() {
            return Ok(());
        }
        let route = self.pull_route(number, &["requested_reviewers"]);
        let body = json!({ "reviewers": reviewers, "team_reviewers": teams });
        let answer = self.api.create(&route, Call::Post(&body)).await?;
        if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
            // A promotion does not wait for somebody who may not review it, but people should know.
            let (repo, words) = (self.api.repo(), answer.words());
            tracing::warn!(
                "asking {reviewers:?} and the teams {teams:?} to review {repo}{number}: {words}; name \
                 collaborators in `review.reviewers`, and their logins in `people`; and in \
                 `review.teams` the slugs of teams that have the repository"
            );
            return Ok(());
        }
        self.check(&answer, &format!("asking for reviews of pull request {number}"))
    }

    async fn reviews(&self, number: ProposalNumber) -> Result<Vec<RawReview>, ForgeError> {
        let route = self.pull_route(number, &["reviews"]);
        self.api.list(&route, &[], &format!("reading the reviews of pull request {number}")).await
    }

    async fn comments(&self, number: ProposalNumber) -> Result<Vec<RawComment>, ForgeError> {
        let route = self.issue_route(number, &["comments"]);
        self.api.list(&route, &[], &format!("reading the comments on pull request {number}")).await
    }

    /// Writes a note of ours, or edits the one that is there.
    async fn write_note(&self, pull: &RawPull, note: &Note<'_>) -> Result<(), ForgeError> {
        let number = ProposalNumber(pull.number);
        let comments = self.comments(number).await?;
        let found = comments.iter().find(|it| note.is(it.ours(pull).unwrap_or_default()));
        let text = note.text(LONGEST.1);
        let body = json!({ "body": text });
        let doing = format!("commenting on pull request {number}");
        let answer = match found {
            Some(held) if lines(held.body.as_deref().unwrap_or_default()) == lines(&text) => {
                return Ok(());
            }
            Some(held) => {
                let route = self.route(&["issues", "comments", &held.id.to_string()]);
                self.api.write(&route, Call::Patch(&body)).await?
            }
            None => {
                let route = self.issue_route(number, &["comments"]);
                self.api.create(&route, Call::Post(&body)).await?
            }
        };
        self.check(&answer, &doing)
    }

    fn person(&self, login: &str) -> Option<PersonName> {
        self.people.person(login)
    }
}

#[async_trait]
impl Forge for GitHubForge {
    async fn make_commit(&self, draft: &Draft) -> Result<Vec<u8>, ForgeError> {
        self.commit_of(draft).await
    }

    async fn propose(&self, spec: &ProposalSpec, _at: Timestamp) -> Result<Opened, ForgeError> {
        match self.open_pull(&spec.branch).await? {
            Some(found) => self.update(found, spec).await,
            None => self.open(spec).await,
        }
    }

    async fn load(&self, number: ProposalNumber) -> Result<Proposal, ForgeError> {
        self.look_at(self.pull(number).await?).await
    }

    async fn find_open(&self, branch: &str) -> Result<Option<Proposal>, ForgeError> {
        match self.open_pull(branch).await? {
            // The list does not tell whether it could be merged.
            Some(found) => self.load(ProposalNumber(found.number)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn set_status(
        &self,
        _number: ProposalNumber,
        head: &CommitId,
        context: &str,
        status: &Status,
    ) -> Result<(), ForgeError> {
        statuses::write(&self.api, head, (context, None), status).await
    }

    async fn checks(
        &self,
        _number: ProposalNumber,
        head: &CommitId,
    ) -> Result<Vec<Check>, ForgeError> {
        self.checks_of(head.as_str()).await
    }

    async fn source_checks(&self, of: &SourceCommit) -> Result<Vec<Check>, ForgeError> {
        self.checks_elsewhere(of).await
    }

    async fn set_source_status(
        &self,
        of: &SourceCommit,
        (context, url): (&str, &str),
        status: &Status,
    ) -> Result<(), ForgeError> {
        let api = self.source(&of.repository)?;
        statuses::write(&api, &of.commit, (context, Some(url)), status).await
    }

    fn knows(&self, team: &Team) -> bool {
        matches!(team, Team::GitHub { .. })
    }

    async fn in_team(
        &self,
        team: &Team,
        people: &[PersonName],
    ) -> Result<Vec<PersonName>, ForgeError> {
        GitHubForge::in_team(self, team, people).await
    }

    async fn comment(
        &self,
        number: ProposalNumber,
        marker: &str,
        body: &str,
        _at: Timestamp,
    ) -> Result<(), ForgeError> {
        let pull = self.pull(number).await?;
        self.write_note(&pull, &Note { marker, by: None, body }).await
    }

    async fn acknowledge(&self, _number: ProposalNumber, comment: u64) -> Result<(), ForgeError> {
        let route = self.route(&["issues", "comments", &comment.to_string(), "reactions"]);
        let answer = self.api.write(&route, Call::Post(&json!({ "content": "eyes" }))).await?;
        self.check(&answer, "acknowledging a comment")
    }

    async fn turn_to_merge(&self) -> Result<Turn, ForgeError> {
        self.api.turn_to_tell().await
    }

    async fn merge(&self, request: &MergeRequest, turn: Turn) -> Result<MergeOutcome, ForgeError> {
        self.merge_pinned(request, &turn).await
    }

    async fn make_ready(&self, number: ProposalNumber, asks: &Asks) -> Result<(), ForgeError> {
        self.ready(number, asks).await
    }

    async fn take_back(&self, number: ProposalNumber) -> Result<(), ForgeError> {
        self.take_back_ours(number).await
    }

    async fn close(&self, closing: &Closing) -> Result<(), ForgeError> {
        self.close_unmerged(closing).await
    }

    fn renamed_to(&self) -> Option<String> {
        self.api.renamed_to()
    }

    fn budget(&self) -> Option<Budget> {
        Some(self.api.budget())
    }

    fn desk(&self) -> Option<&dyn ReviewDesk> {
        None
    }
}

fn lower<'a>(names: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    names.map(|name| name.to_lowercase()).collect()
}
