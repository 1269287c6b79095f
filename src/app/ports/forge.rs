//! A forge: proposals, their reviews, statuses and comments.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::git::Draft;
use crate::domain::checks::{Check, SourceCommit};
use crate::domain::id::{CommitId, PersonName, ProposalNumber};
use crate::domain::landing::{Block, Course, Drafted, Landing};
use crate::domain::team::Team;

/// A proposal as hoist wants it to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalSpec {
    /// The branch that carries the change, without `refs/heads/`.
    pub branch: String,
    /// The branch it shall go into.
    pub target: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Labels to put on it.
    pub labels: Vec<String>,
    /// Whom to ask, once it is no draft.
    pub asks: Asks,
    /// Whether it is opened as a draft. What is open is left as it is.
    pub draft: Drafted,
}

/// Whom a proposal asks: people by their names in hoist, teams by the forge's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asks {
    /// Who is to review it.
    pub reviewers: Vec<String>,
    /// The teams that are to review it.
    pub teams: Vec<String>,
    /// Whose it is to see to.
    pub assignees: Vec<String>,
}

/// What [`Forge::propose`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// Opened a new proposal.
    New(ProposalNumber),
    /// Found the branch's open proposal, and gave it the title and body if they differed.
    AlreadyOpen(ProposalNumber),
}

impl Opened {
    /// The proposal's number, whoever opened it.
    pub fn number(self) -> ProposalNumber {
        match self {
            Self::New(number) | Self::AlreadyOpen(number) => number,
        }
    }
}

/// A proposal as the forge has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub number: ProposalNumber,
    /// The branch that carries the change.
    pub branch: String,
    /// The branch it shall go into.
    pub target: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The tip of its branch; while it is open and its branch is gone, the last one seen.
    pub head: CommitId,
    /// Tells whether the branch stands.
    pub branch_state: BranchState,
    /// Where it stands.
    pub state: ProposalState,
    /// Whether its changes go together with what its target holds now.
    pub mergeability: Mergeability,
    /// Whether it is a draft, and whose.
    pub draft: Drafted,
    /// What else stands in its way there, and whether the forge brings it in by itself.
    pub landing: Landing,
    /// Everybody's latest word, stale ones left out: a push makes earlier approvals stale.
    pub approvals: Vec<Approval>,
    /// Those who asked for changes since, and did not take it back.
    pub objections: Vec<PersonName>,
    /// Statuses on the head, by context.
    pub statuses: BTreeMap<String, Status>,
    /// All reviews, oldest first.
    pub reviews: Vec<Review>,
    /// All comments, oldest first.
    pub comments: Vec<Comment>,
    /// Where a person looks at it.
    pub url: String,
}

/// Whether a proposal's branch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchState {
    /// It does.
    Stands,
    /// Somebody deleted it.
    Gone,
}

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalState {
    /// Open.
    Open,
    /// Merged.
    Merged {
        /// The commit on the target branch that brought it.
        commit: CommitId,
        /// Who merged.
        by: Option<PersonName>,
        /// When.
        at: Timestamp,
    },
    /// Closed without a merge.
    Closed {
        /// Who closed it.
        by: Option<PersonName>,
        /// What they said.
        reason: Option<String>,
        /// When.
        at: Timestamp,
    },
}

/// Whether a proposal could be merged now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mergeability {
    /// It could.
    Clean,
    /// These paths conflict with the target branch.
    Conflict(Vec<String>),
    /// The forge has not worked it out yet, or the question makes no sense now.
    Unknown,
}

/// A yes to the head as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Whose.
    pub by: PersonName,
    /// When.
    pub at: Timestamp,
}

/// A commit status's state, in the words that forges share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusState {
    /// Not yet.
    Pending,
    /// Yes.
    Success,
    /// No.
    Failure,
}

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its state.
    pub state: StatusState,
    /// A few words, at most 140 characters.
    pub description: String,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    /// Yes.
    Approve,
    /// Not like this.
    RequestChanges,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Whose.
    pub by: PersonName,
    /// What it says.
    pub verdict: ReviewVerdict,
    /// What it looked at.
    pub head: CommitId,
    /// In words.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Whose; hoist's own are found by their marker.
    pub by: String,
    /// Markdown.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

/// A merge to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequest {
    /// Which proposal.
    pub number: ProposalNumber,
    /// The head that was judged: anything else is not merged.
    pub head: CommitId,
    /// The merge commit's message.
    pub message: String,
    /// The message where the forge makes one commit of it all: with what the proposal's own commit
    /// says, which is not in the branch's history then.
    pub squashed: String,
    /// Who merges.
    pub by: PersonName,
    /// When, for the commit.
    pub at: Timestamp,
}

/// The forge's leave to write once, at once.
///
/// A merge takes it first and is judged afterwards: however long it had to wait for it, nothing has
/// come in between.
#[must_use = "a turn that nothing is done in was waited for in vain"]
pub struct Turn {
    permit: Option<Box<dyn Permit>>,
}

/// What a turn was given for; it takes note when that ends.
pub trait Permit: Send + Sync {
    /// Something is written by it. One by which nothing was is another's at once.
    fn spend(&self);
}

impl Turn {
    /// One that nobody has to wait for.
    pub fn free() -> Self {
        Self { permit: None }
    }

    /// One that others wait for, and which ends with this.
    pub fn of(permit: impl Permit + 'static) -> Self {
        Self { permit: Some(Box::new(permit)) }
    }

    /// Notes that something is written in it now.
    pub fn spend(&self) {
        if let Some(permit) = &self.permit {
            permit.spend();
        }
    }
}

/// What became of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// It is merged, by this call or an earlier one.
    Merged(CommitId),
    /// The head is not the one that was judged, or the target moved meanwhile: look again.
    HeadMoved,
    /// It conflicts with the target branch.
    Conflict(Vec<String>),
    /// The forge brings it in by itself, when it may or when its turn has come.
    Handed(Course),
    /// Rules of the forge's keep it out.
    Blocked(Vec<Block>),
    /// The forge does not let us, and says why.
    Refused(String),
}

/// A proposal to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Which.
    pub number: ProposalNumber,
    /// Who closes it.
    pub by: PersonName,
    /// Why; shown on it.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A forge's refusals, sorted by what the caller can do about them.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// Asked too often.
    #[error("the forge asks us to wait {seconds}s")]
    RateLimited {
        /// How long.
        seconds: u64,
    },
    /// hoist has written as much as it lets itself write in an hour: the forge asks for nothing.
    #[error(
        "hoist has told people as much as this forge bears in an hour, and goes on in {seconds}s"
    )]
    Paced {
        /// How long.
        seconds: u64,
    },
    /// Something moved since we read it.
    #[error("what we read of the proposal is no longer so")]
    Stale,
    /// Wrong or expired credentials.
    #[error("the forge does not know us, or no longer trusts us")]
    Unauthorized,
    /// No such proposal.
    #[error("the forge has no proposal {0}")]
    NotFound(ProposalNumber),
    /// The forge understood, and said no.
    #[error("the forge refuses: {0}")]
    Refused(String),
    /// The forge could not be reached, or answered nonsense.
    #[error("the forge could not be reached")]
    Unreachable(#[source] anyhow::Error),
}

/// What an account may still ask of its forge, and what it has asked: as the forge last said, and
/// as hoist has counted since it started. All repositories of one account have this in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// How many questions the forge allows in its span of time.
    pub limit: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// When the span ends, in seconds since 1970.
    pub resets_at: Option<u64>,
    /// How many more seconds the forge asked to be left alone.
    pub quiet: u64,
    /// How many writes wait for their turn.
    pub waiting: u64,
    /// How many questions were answered.
    pub asked: u64,
    /// How many of them by *304 not modified*: nothing had changed.
    pub unchanged: u64,
}

/// A code host for one repository: the builtin one, GitHub, GitLab.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Makes a commit that no branch has, in the name and with the signature that the forge gives
    /// it: the bytes of the commit. Asked again it may make another one.
    async fn make_commit(&self, draft: &Draft) -> Result<Vec<u8>, ForgeError>;

    /// Opens a proposal for the branch, or finds the one already open and gives it this title,
    /// body, labels and reviewers where they differ. The branch must have been pushed.
    async fn propose(&self, spec: &ProposalSpec, at: Timestamp) -> Result<Opened, ForgeError>;

    /// One proposal as it is now.
    async fn load(&self, number: ProposalNumber) -> Result<Proposal, ForgeError>;

    /// The open proposal that a branch carries, if there is one.
    async fn find_open(&self, branch: &str) -> Result<Option<Proposal>, ForgeError>;

    /// Puts a status on a proposal's head. A status that is there already is not written again.
    async fn set_status(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        context: &str,
        status: &Status,
    ) -> Result<(), ForgeError>;

    /// What others say of a proposal's head: hoist's own statuses are left out. They are of the head
    /// that is named, or it is [`ForgeError::Stale`].
    async fn checks(
        &self,
        number: ProposalNumber,
        head: &CommitId,
    ) -> Result<Vec<Check>, ForgeError>;

    /// What is said of a commit of a source's repository on the same host.
    async fn source_checks(&self, of: &SourceCommit) -> Result<Vec<Check>, ForgeError>;

    /// Puts a status on a commit of a source's repository on the same host, with the address of
    /// the promotion that it tells of. A status that is there already is not written again.
    async fn set_source_status(
        &self,
        of: &SourceCommit,
        about: (&str, &str),
        status: &Status,
    ) -> Result<(), ForgeError>;

    /// Whether it can be asked who is in a team.
    fn knows(&self, team: &Team) -> bool;

    /// Those of `people` who are in a team, in the order in which they are named. Answers may be a
    /// minute old.
    async fn in_team(
        &self,
        team: &Team,
        people: &[PersonName],
    ) -> Result<Vec<PersonName>, ForgeError>;

    /// Writes hoist's own comment that carries `marker`, or edits the one that does.
    async fn comment(
        &self,
        number: ProposalNumber,
        marker: &str,
        body: &str,
        at: Timestamp,
    ) -> Result<(), ForgeError>;

    /// Lets whoever commented on a proposal see that hoist has read it. The comment's number is the
    /// forge's own, as its event told it.
    async fn acknowledge(&self, number: ProposalNumber, comment: u64) -> Result<(), ForgeError>;

    /// Waits until a merge may be asked for; [`ForgeError::Paced`] where that would be long.
    async fn turn_to_merge(&self) -> Result<Turn, ForgeError>;

    /// Merges, if the head is still the one that was judged; or asks the forge to bring it in by
    /// itself, where that is its way, or the repository is set so. Nothing goes past its rules.
    async fn merge(&self, request: &MergeRequest, turn: Turn) -> Result<MergeOutcome, ForgeError>;

    /// Says that a draft is ready, and asks those who are to review it. What is no draft is only
    /// asked for.
    async fn make_ready(&self, number: ProposalNumber, asks: &Asks) -> Result<(), ForgeError>;

    /// Takes back what hoist asked the forge to do by itself with a proposal. What a person asked
    /// it for stays, and what it has merged is merged.
    async fn take_back(&self, number: ProposalNumber) -> Result<(), ForgeError>;

    /// Closes without merging. One that is closed or merged already is left as it is.
    async fn close(&self, closing: &Closing) -> Result<(), ForgeError>;

    /// What the forge calls the repository now, where that was renamed since it was configured and
    /// is followed.
    fn renamed_to(&self) -> Option<String>;

    /// What may still be asked of it; none where nobody counts.
    fn budget(&self) -> Option<Budget>;

    /// Where people review on hoist's own page; none where the forge has a page of its own.
    fn desk(&self) -> Option<&dyn ReviewDesk>;
}

/// What people do to proposals of a forge that has no page of its own.
#[async_trait]
pub trait ReviewDesk: Send + Sync {
    /// Records a review. A review of a head that is no longer the proposal's is [`ForgeError::Stale`].
    async fn review(&self, number: ProposalNumber, review: Review) -> Result<(), ForgeError>;

    /// Records a person's comment.
    async fn remark(&self, number: ProposalNumber, comment: Comment) -> Result<(), ForgeError>;
}
