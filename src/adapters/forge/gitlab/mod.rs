//! GitLab: gitlab.com and those that people run themselves, by an access token.
//!
//! What GitLab says is the truth; nothing is kept but answers that it confirms by their tags. Every
//! write looks first, and a write whose answer was lost is looked for before it is tried again.
//!
//! Read `access`, then `api`, then `answer`, which alone knows what GitLab's refusals mean, and
//! `text`, which alone knows what GitLab would obey.

mod access;
mod answer;
mod api;
mod groups;
mod handing;
mod merging;
mod raw;
mod reviews;
mod sight;
mod statuses;
mod text;
mod users;

pub use access::{GitLabAccess, GitLabServer, gitlab_name};
pub use merging::GitLabSquash;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gitlab::api::projects::Project;
use gitlab::api::projects::merge_requests::notes::awards::CreateMergeRequestNoteAward;
use gitlab::api::projects::merge_requests::notes::{CreateMergeRequestNote, EditMergeRequestNote};
use gitlab::api::projects::merge_requests::{
    CreateMergeRequest, EditMergeRequest, MergeRequest as OneMergeRequest, MergeRequestState,
    MergeRequests,
};
use gitlab::api::projects::repository::commits::CompareCommits;
use jiff::Timestamp;
use reqwest::StatusCode;

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
use api::{Api, built};
use groups::Members;
use handing::Trains;
use raw::{RawComparison, RawMerge};
use statuses::Sources;
use text::{LONGEST, title, without_actions};
use users::Users;

/// How a GitLab is used, beyond how it is reached.
#[derive(Debug, Clone)]
pub struct GitLabManners {
    /// What becomes of a branch's commits.
    pub squash: GitLabSquash,
    /// Whether GitLab is asked to merge as soon as it may.
    pub auto_merge: AutoMerge,
    /// Who is who.
    pub people: ForgePeople,
    /// How often it is asked.
    pub pace: Pace,
}

/// The forge of one project on a GitLab.
pub struct GitLabForge {
    api: Api,
    people: ForgePeople,
    squash: GitLabSquash,
    auto_merge: AutoMerge,
    /// Whether the project has trains, as far as it is remembered.
    trains: Mutex<Trains>,
    /// What was asked about beside this project.
    sources: Mutex<Sources>,
    /// The numbers that GitLab knows users by.
    users: Users,
    /// Who is in which group, for a while.
    members: Mutex<Members>,
}

impl GitLabForge {
    /// A forge for the project that `access` leads into.
    pub fn new(access: Arc<GitLabAccess>, manners: GitLabManners) -> Self {
        let GitLabManners { squash, auto_merge, people, pace } = manners;
        let api = Api::new(access, pace);
        Self {
            api,
            people,
            squash,
            auto_merge,
            trains: Mutex::default(),
            sources: Mutex::default(),
            users: Users::default(),
            members: Mutex::default(),
        }
    }

    /// The merge request of that number.
    async fn merge_request(&self, number: ProposalNumber) -> Result<RawMerge, ForgeError> {
        let mut endpoint = OneMergeRequest::builder();
        endpoint.project(self.api.project()).merge_request(number.0);
        let answer = self.api.get(&built(endpoint.build())?).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(self.missing(number).await);
        }
        answer.expect(self.api.project(), &format!("reading !{}", number.0))
    }

    /// What it means that a merge request is not found: GitLab says the same of a whole project
    /// that our token may no longer see, and then nothing is known of the merge request.
    async fn missing(&self, number: ProposalNumber) -> ForgeError {
        let endpoint = match built(Project::builder().project(self.api.project()).build()) {
            Ok(endpoint) => endpoint,
            Err(error) => return error,
        };
        match self.api.get(&endpoint).await {
            Ok(answer) if answer.status.is_success() => ForgeError::NotFound(number),
            Ok(answer) => answer.refusal(self.api.project(), "looking at the project"),
            Err(error) => error,
        }
    }

    /// The open merge request of a branch of this project, not of a fork.
    async fn open_merge_request(&self, branch: &str) -> Result<Option<RawMerge>, ForgeError> {
        let mut endpoint = MergeRequests::builder();
        endpoint.project(self.api.project()).source_branch(branch);
        endpoint.state(MergeRequestState::Opened);
        let doing = "looking for a merge request";
        let found: Vec<RawMerge> = self.api.list(&built(endpoint.build())?, doing).await?;
        Ok(found.into_iter().find(|it| {
            it.source_branch == branch
                && it.source_project_id == it.target_project_id
                && it.is_open()
        }))
    }

    /// GitLab opens a merge request of nothing, and even of a branch that is not there.
    async fn check_news(&self, spec: &ProposalSpec) -> Result<(), ForgeError> {
        let mut endpoint = CompareCommits::builder();
        endpoint.project(self.api.project());
        endpoint.from(spec.target.as_str()).to(spec.branch.as_str());
        let answer = self.api.get(&built(endpoint.build())?).await?;
        let doing = format!("comparing {} with {}", spec.branch, spec.target);
        let told: RawComparison = answer.expect(self.api.project(), &doing)?;
        if told.commits.is_empty() {
            let (branch, target) = (&spec.branch, &spec.target);
            let why = format!("{branch} has nothing that {target} has not");
            return Err(ForgeError::Refused(why));
        }
        Ok(())
    }

    async fn open(&self, spec: &ProposalSpec) -> Result<Opened, ForgeError> {
        self.check_news(spec).await?;
        let is_draft = spec.draft == Drafted::Ours;
        let reviewers =
            if is_draft { BTreeSet::new() } else { self.ids_of(&spec.asks.reviewers).await? };
        let assignees = self.ids_of(&spec.asks.assignees).await?;
        let body = without_actions(cut(&spec.body, LONGEST.1));
        let mut endpoint = CreateMergeRequest::builder();
        endpoint.project(self.api.project());
        endpoint.source_branch(spec.branch.as_str()).target_branch(spec.target.as_str());
        endpoint.title(title(&spec.title, is_draft)).description(body);
        endpoint.labels(spec.labels.iter().map(String::as_str)).remove_source_branch(true);
        if !reviewers.is_empty() {
            endpoint.reviewers(reviewers.into_iter());
        }
        if !assignees.is_empty() {
            endpoint.assignees(assignees.into_iter());
        }
        let told = self.api.write(&built(endpoint.build())?).await;
        // An answer may be lost on its way although the merge request was made, and somebody else
        // may have been faster.
        let may_exist = match &told {
            Ok(answer) => answer.status == StatusCode::CONFLICT || answer.status.is_server_error(),
            Err(ForgeError::Unreachable(_)) => true,
            Err(_) => false,
        };
        if may_exist && let Ok(Some(found)) = self.open_merge_request(&spec.branch).await {
            return self.update(found, spec).await;
        }
        let merge: RawMerge = told?.expect(self.api.project(), "opening a merge request")?;
        Ok(Opened::New(ProposalNumber(merge.iid)))
    }

    /// Gives a merge request what it lacks, all at once.
    async fn update(&self, merge: RawMerge, spec: &ProposalSpec) -> Result<Opened, ForgeError> {
        let title = title(&spec.title, merge.draft);
        let body = without_actions(cut(&spec.body, LONGEST.1));
        let mut endpoint = EditMergeRequest::builder();
        endpoint.project(self.api.project()).merge_request(merge.iid);
        let mut lacks = Lacks::Nothing;
        if merge.title != *title {
            endpoint.title(title);
            lacks = Lacks::Something;
        }
        if lines(merge.description.as_deref().unwrap_or_default()) != lines(&body) {
            endpoint.description(body);
            lacks = Lacks::Something;
        }
        if merge.target_branch != spec.target {
            endpoint.target_branch(spec.target.as_str());
            lacks = Lacks::Something;
        }
        for label in spec.labels.iter().filter(|label| !merge.labels.contains(label)) {
            endpoint.add_label(label.as_str());
            lacks = Lacks::Something;
        }
        let held: BTreeSet<u64> = merge.reviewers.iter().map(|it| it.id).collect();
        let wanted = self.ids_of(&spec.asks.reviewers).await?;
        // They replace those who are there, and where a tier allows one only, the one stays.
        if held.is_empty() && !wanted.is_empty() && !merge.draft {
            endpoint.reviewers(wanted.into_iter());
            lacks = Lacks::Something;
        }
        let wanted = self.ids_of(&spec.asks.assignees).await?;
        if merge.assignees.is_empty() && !wanted.is_empty() {
            endpoint.assignees(wanted.into_iter());
            lacks = Lacks::Something;
        }
        if lacks == Lacks::Something {
            let answer = self.api.write(&built(endpoint.build())?).await?;
            answer.check(self.api.project(), &format!("updating !{}", merge.iid))?;
        }
        Ok(Opened::AlreadyOpen(ProposalNumber(merge.iid)))
    }

    /// Writes a note of ours, or edits the one that is there: only what we wrote can we edit.
    async fn write_note(&self, number: u64, note: &Note<'_>) -> Result<(), ForgeError> {
        let me = self.me().await?;
        let notes = self.notes(number).await?;
        let found = notes.iter().find(|it| it.author.id == me && note.is(&it.body));
        let text = without_actions(&note.text(LONGEST.1));
        let answer = match found {
            Some(held) if lines(&held.body) == lines(&text) => return Ok(()),
            Some(held) => {
                let mut endpoint = EditMergeRequestNote::builder();
                endpoint.project(self.api.project()).merge_request(number);
                endpoint.note(held.id).body(text);
                self.api.write(&built(endpoint.build())?).await?
            }
            None => {
                let mut endpoint = CreateMergeRequestNote::builder();
                endpoint.project(self.api.project()).merge_request(number).body(text);
                self.api.write(&built(endpoint.build())?).await?
            }
        };
        answer.check(self.api.project(), &format!("commenting on !{number}"))
    }
}

/// Whether a merge request is as it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Nothing,
    Something,
}

#[async_trait]
impl Forge for GitLabForge {
    async fn make_commit(&self, _draft: &Draft) -> Result<Vec<u8>, ForgeError> {
        Err(ForgeError::Refused("hoist makes no commits through a GitLab's API".to_owned()))
    }

    async fn propose(&self, spec: &ProposalSpec, _at: Timestamp) -> Result<Opened, ForgeError> {
        match self.open_merge_request(&spec.branch).await? {
            Some(found) => self.update(found, spec).await,
            None => self.open(spec).await,
        }
    }

    async fn load(&self, number: ProposalNumber) -> Result<Proposal, ForgeError> {
        self.look_at(self.merge_request(number).await?).await
    }

    async fn find_open(&self, branch: &str) -> Result<Option<Proposal>, ForgeError> {
        match self.open_merge_request(branch).await? {
            // GitLab works out whether it could be merged where one alone is asked for.
            Some(found) => self.load(ProposalNumber(found.iid)).await.map(Some),
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
        self.write_status(head.as_str(), context, status).await
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
        about: (&str, &str),
        status: &Status,
    ) -> Result<(), ForgeError> {
        self.write_status_elsewhere(of, about, status).await
    }

    fn knows(&self, team: &Team) -> bool {
        matches!(team, Team::GitLab { .. })
    }

    async fn in_team(
        &self,
        team: &Team,
        people: &[PersonName],
    ) -> Result<Vec<PersonName>, ForgeError> {
        self.in_group(team, people).await
    }

    async fn comment(
        &self,
        number: ProposalNumber,
        marker: &str,
        body: &str,
        _at: Timestamp,
    ) -> Result<(), ForgeError> {
        self.write_note(number.0, &Note { marker, by: None, body }).await
    }

    async fn acknowledge(&self, number: ProposalNumber, comment: u64) -> Result<(), ForgeError> {
        let mut endpoint = CreateMergeRequestNoteAward::builder();
        endpoint.project(self.api.project()).merge_request(number.0);
        endpoint.note(comment).name("eyes");
        let answer = self.api.write(&built(endpoint.build())?).await?;
        // It is there already: GitLab says that in words.
        if answer.says("has already been taken") {
            return Ok(());
        }
        answer.check(self.api.project(), "acknowledging a comment")
    }

    async fn turn_to_merge(&self) -> Result<Turn, ForgeError> {
        Ok(self.api.turn().await)
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
