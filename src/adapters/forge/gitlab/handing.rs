//! What GitLab brings in by itself: by auto-merge, or on the train of a project that has them; and
//! what keeps a merge request out until then.
//!
//! What GitLab was told may have been done although it says that it was not, so each is looked for
//! afterwards.

use std::borrow::Cow;
use std::sync::PoisonError;

use gitlab::api::common::NameOrId;
use gitlab::api::endpoint_prelude::{BodyError, Endpoint, FormParams, Method};
use gitlab::api::projects::Project;
use gitlab::api::projects::merge_requests::EditMergeRequest;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;

use super::GitLabForge;
use super::answer::Answer;
use super::api::built;
use super::merging::GitLabSquash;
use super::raw::{RawMerge, RawNote, RawProject};
use super::sight::{is_unknown, must_be_remade};
use super::text::without_draft;
use crate::adapters::forge::common::AutoMerge;
use crate::app::ports::{Asks, ForgeError, MergeOutcome, MergeRequest, Turn};
use crate::domain::id::ProposalNumber;
use crate::domain::landing::{Block, Course, Drafted, Handed, Lacking, Landing, Whose};

/// How long it is believed whether a project has trains.
const BELIEVED: SignedDuration = SignedDuration::from_hours(1);

/// How often a train may put the same head off before a person is to look: once may be the fault of
/// those that went before it.
const TRIES: usize = 2;

/// What GitLab notes of a train and of drafts; a reason follows where it was GitLab that did it.
const LEFT: &str = "removed this merge request from the merge train";
const BECAUSE: &str = " because ";
const ENTERED: [&str; 2] = ["started a merge train", "added this merge request to the merge train"];
const DRAFTED: &str = "marked this merge request as **draft**";

/// Whether a project has trains, and since when that is known.
pub(super) type Trains = Option<(Timestamp, Way)>;

/// How a project's merge requests get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Merged,
    ByTrain,
}

/// Puts a merge request on the train. The crate lacks it.
struct Board<'a> {
    project: &'a str,
    request: &'a MergeRequest,
    squash: GitLabSquash,
    /// Whether it may wait until its checks have passed.
    patience: AutoMerge,
}

impl Endpoint for Board<'_> {
    fn method(&self) -> Method {
        Method::POST
    }

    fn endpoint(&self) -> Cow<'static, str> {
        let project = NameOrId::from(self.project);
        let number = self.request.number.0;
        format!("projects/{project}/merge_trains/merge_requests/{number}").into()
    }

    fn body(&self) -> Result<Option<(&'static str, Vec<u8>)>, BodyError> {
        let mut params = FormParams::default();
        params.push("sha", self.request.head.as_str());
        if self.squash == GitLabSquash::Always {
            params.push("squash", true);
        }
        if self.patience == AutoMerge::Allowed {
            params.push("when_pipeline_succeeds", true);
        }
        params.into_body()
    }
}

/// Takes a merge request off the train, or takes back that GitLab merges it by itself. The crate
/// lacks it.
struct Cancel<'a> {
    project: &'a str,
    number: u64,
}

impl Endpoint for Cancel<'_> {
    fn method(&self) -> Method {
        Method::POST
    }

    fn endpoint(&self) -> Cow<'static, str> {
        let project = NameOrId::from(self.project);
        let what = "cancel_merge_when_pipeline_succeeds";
        format!("projects/{project}/merge_requests/{}/{what}", self.number).into()
    }
}

impl GitLabForge {
    /// How an open merge request stands to its branch, and whose draft it is.
    pub(super) async fn way_in(
        &self,
        merge: &RawMerge,
        notes: &[RawNote],
    ) -> Result<(Landing, Drafted), ForgeError> {
        if !merge.is_open() {
            return Ok((Landing::Free, Drafted::Ready));
        }
        let draft = draft(merge, notes);
        let blocks: Vec<Block> = block(merge).into_iter().collect();
        if merge.merge_when_pipeline_succeeds {
            let course = match self.way().await? {
                Way::Merged => Course::AutoMerge,
                Way::ByTrain => Course::Train,
            };
            let whose = if self.is_asked_by_us(merge).await? { Whose::Ours } else { Whose::Theirs };
            let handed = Handed { course, whose, blocks, group: None };
            return Ok((Landing::Handed(handed), draft));
        }
        if let Some(out) = self.thrown_out(merge, notes).await? {
            return Ok((Landing::Blocked { blocks: vec![out], offer: None }, draft));
        }
        if blocks.is_empty() {
            return Ok((Landing::Free, draft));
        }
        let offer = self.may_wait(&blocks).then_some(Course::AutoMerge);
        Ok((Landing::Blocked { blocks, offer }, draft))
    }

    /// Tells whether GitLab is to be asked to wait for the end of these.
    pub(super) fn may_wait(&self, blocks: &[Block]) -> bool {
        self.auto_merge == AutoMerge::Allowed && blocks.iter().all(Block::may_pass)
    }

    /// GitLab says who asked for it, where it is asked for, in the field of who merged.
    async fn is_asked_by_us(&self, merge: &RawMerge) -> Result<bool, ForgeError> {
        let me = self.me().await?;
        Ok(merge.merge_user.as_ref().is_some_and(|it| it.id == me))
    }

    /// That a train has put this head off again and again, or a person once.
    async fn thrown_out(
        &self,
        merge: &RawMerge,
        notes: &[RawNote],
    ) -> Result<Option<Block>, ForgeError> {
        let is_of_train = |it: &&RawNote| it.system && it.body.starts_with(LEFT);
        if !notes.iter().any(|it| is_of_train(&it)) {
            return Ok(None);
        }
        let Some(since) = self.since(merge).await? else { return Ok(None) };
        let me = self.me().await?;
        let mut out: Vec<&RawNote> = Vec::new();
        for note in notes.iter().filter(|it| it.system && it.created_at >= since) {
            let is_thrown = note.body.contains(BECAUSE);
            if is_of_train(&note) && (is_thrown || note.author.id != me) {
                out.push(note);
            }
            let is_entered = ENTERED.iter().any(|it| note.body.starts_with(it));
            if is_entered && note.author.id != me {
                out.clear();
            }
        }
        let Some(last) = out.last() else { return Ok(None) };
        let reason = last.body.split_once(BECAUSE).map(|(_, reason)| reason.to_owned());
        let by = if reason.is_none() { self.person(&last.author) } else { None };
        let is_final = by.is_some() || out.len() >= TRIES;
        Ok(is_final.then_some(Block::ThrownOut { course: Course::Train, by, reason }))
    }

    /// How this project's merge requests get in.
    pub(super) async fn way(&self) -> Result<Way, ForgeError> {
        let now = self.api.now();
        let known = *self.trains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, way)) = known
            && now >= at
            && now.duration_since(at) < BELIEVED
        {
            return Ok(way);
        }
        self.way_now().await
    }

    /// The same, asked anew: a merge goes past no train that was turned on a moment ago.
    pub(super) async fn way_now(&self) -> Result<Way, ForgeError> {
        let now = self.api.now();
        let endpoint = built(Project::builder().project(self.api.project()).build())?;
        let answer = self.api.get(&endpoint).await?;
        let project: RawProject = answer.expect(self.api.project(), "looking at the project")?;
        let way = if project.merge_trains_enabled { Way::ByTrain } else { Way::Merged };
        *self.trains.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, way));
        Ok(way)
    }

    /// Puts a merge request on the train, where it waits for its turn.
    pub(super) async fn board(
        &self,
        request: &MergeRequest,
        turn: &Turn,
    ) -> Result<MergeOutcome, ForgeError> {
        let (project, squash) = (self.api.project(), self.squash);
        let board = Board { project, request, squash, patience: AutoMerge::Never };
        let told = self.api.write_in(turn, &board).await;
        if matches!(&told, Ok(answer) if answer.status.is_success()) {
            return Ok(MergeOutcome::Handed(Course::Train));
        }
        let merge = self.merge_request(request.number).await?;
        if merge.merged_at.is_some() || !merge.is_open() {
            return self.look_why(request, told).await;
        }
        if merge.merge_when_pipeline_succeeds {
            return Ok(MergeOutcome::Handed(Course::Train));
        }
        if merge.sha.as_deref() != Some(request.head.as_str()) || is_unknown(&merge) {
            return Ok(MergeOutcome::HeadMoved);
        }
        let blocks: Vec<Block> = block(&merge).into_iter().collect();
        if blocks.is_empty() || !self.may_wait(&blocks) {
            return self.look_why(request, told).await;
        }
        let board = Board { project, request, squash, patience: AutoMerge::Allowed };
        let told = self.api.write_in(turn, &board).await?;
        if told.status.is_success() {
            return Ok(MergeOutcome::Handed(Course::Train));
        }
        self.look_why(request, Ok(told)).await
    }

    /// Makes a draft ready, and asks those who are to review it, at once.
    pub(super) async fn ready(
        &self,
        number: ProposalNumber,
        asks: &Asks,
    ) -> Result<(), ForgeError> {
        let merge = self.merge_request(number).await?;
        if !merge.is_open() {
            return Ok(());
        }
        let mut endpoint = EditMergeRequest::builder();
        endpoint.project(self.api.project()).merge_request(number.0);
        let reviewers = self.ids_of(&asks.reviewers).await?;
        let lacks_reviewers = merge.reviewers.is_empty() && !reviewers.is_empty();
        if lacks_reviewers {
            endpoint.reviewers(reviewers.into_iter());
        }
        if merge.draft {
            endpoint.title(without_draft(&merge.title));
        } else if !lacks_reviewers {
            return Ok(());
        }
        let answer = self.api.write(&built(endpoint.build())?).await?;
        answer.check(self.api.project(), &format!("making !{} ready", number.0))
    }

    pub(super) async fn take_back_ours(&self, number: ProposalNumber) -> Result<(), ForgeError> {
        let merge = self.merge_request(number).await?;
        if !self.is_left_to_gitlab(&merge).await? {
            return Ok(());
        }
        let cancel = Cancel { project: self.api.project(), number: number.0 };
        let told = self.api.write(&cancel).await;
        if matches!(&told, Ok(answer) if answer.status.is_success()) {
            return Ok(());
        }
        // It may have been done all the same, or it has come in.
        let merge = self.merge_request(number).await?;
        if !self.is_left_to_gitlab(&merge).await? {
            return Ok(());
        }
        told?.check(self.api.project(), &format!("taking !{} back", number.0))
    }

    async fn is_left_to_gitlab(&self, merge: &RawMerge) -> Result<bool, ForgeError> {
        let is_left = merge.is_open() && merge.merge_when_pipeline_succeeds;
        Ok(is_left && self.is_asked_by_us(merge).await?)
    }
}

/// Tells whether GitLab says that a merge is refused by a right that is missing, and by no rule.
pub(super) fn lacks_right(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// The rule that keeps a merge request out, by GitLab's word for it: all that are documented.
///
/// What a new commit would mend, what GitLab has not worked out yet, and a draft are told otherwise.
pub(super) fn block(merge: &RawMerge) -> Option<Block> {
    if must_be_remade(merge) || is_unknown(merge) {
        return None;
    }
    Some(match merge.standing() {
        "mergeable" | "can_be_merged" | "draft_status" | "" => return None,
        "not_approved" => Block::Reviews { have: None, need: None },
        "requested_changes" => Block::ChangesRequested,
        "discussions_not_resolved" => Block::Conversations(None),
        "ci_must_pass" => Block::Pipeline(Lacking::Failed),
        "ci_still_running" => Block::Pipeline(Lacking::Pending),
        "external_status_checks" | "status_checks_must_pass" => Block::ExternalChecks,
        "blocked_status" | "merge_request_blocked" => Block::Dependency,
        "locked_paths" | "locked_lfs_files" => Block::LockedFiles,
        "merge_time" => Block::NotBefore(merge.merge_after),
        "security_policy_violations" | "security_policy_pipeline_check" => Block::SecurityPolicy,
        "jira_association_missing" => Block::Ticket,
        "title_regex" | "title_not_matching" => Block::Title,
        other => Block::Other(other.to_owned()),
    })
}

/// Whose draft it is: hoist opens drafts, and makes none of what was ready.
fn draft(merge: &RawMerge, notes: &[RawNote]) -> Drafted {
    let was_made_one = notes.iter().any(|it| it.system && it.body.starts_with(DRAFTED));
    match (merge.draft, was_made_one) {
        (false, _) => Drafted::Ready,
        (true, false) => Drafted::Ours,
        (true, true) => Drafted::Theirs,
    }
}
