//! What crosses the wire: typed here once, for the API, the page and the command line.

mod artifact;
mod foresight;
mod requests;
mod several;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::command::Door;
use crate::domain::health::Finding;
use crate::domain::id::{
    ApplicationName, CommitId, EnvironmentName, EventId, FreezeId, PipelineName, PromotionId,
    ProposalNumber, RepositoryName, ScheduleName,
};

pub use artifact::{ArtifactView, ExaminationView};
pub use foresight::{
    CandidateView, GateLine, GoesView, PlanView, PlannedStep, PlannedView, PlannedWait, RunView,
    StaysView, WhyView,
};
pub use requests::{
    Allowance, CheckRequest, CheckWord, FreezeRequest, HoldRequest, PromoteRequest,
    ProposalRequest, ResumeRequest, RollbackRequest, SkipRequest, ThawRequest,
};
pub use several::{AnswerView, AnswersView};

/// `GET /api/v1/applications`: everything at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// Every application, by name.
    pub applications: Vec<ApplicationView>,
    /// The repositories that cannot be read: what is shown of theirs may be old.
    #[serde(default)]
    pub unread: Vec<UnreadView>,
    /// The repositories that have another name than the configured one, and what to do about it.
    #[serde(default)]
    pub renamed: BTreeMap<RepositoryName, String>,
    /// What is frozen or will be.
    #[serde(default)]
    pub freezes: Vec<FreezeView>,
    /// When what gathers goes.
    #[serde(default)]
    pub schedules: Vec<ScheduleView>,
}

/// A schedule, and its next times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleView {
    /// Its name.
    pub name: ScheduleName,
    /// Whose applications go.
    pub pipeline: PipelineName,
    /// Which of them; none means all.
    #[serde(default)]
    pub applications: Option<Vec<String>>,
    /// Into which environments.
    pub environments: Vec<EnvironmentName>,
    /// What is wrong with its selection of applications: names that none has.
    #[serde(default)]
    pub unmatched: Vec<String>,
    /// Its next times, the nearest first.
    pub next: Vec<Timestamp>,
    /// The same by the clock of its zone.
    pub local: Vec<String>,
}

/// A repository that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadView {
    /// Which.
    pub repository: RepositoryName,
    /// Why.
    pub why: String,
    /// What happens by itself, and what a person can do.
    pub next: String,
}

/// One application in all its environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationView {
    /// Its pipeline.
    pub pipeline: PipelineName,
    /// Its name.
    pub application: ApplicationName,
    /// Its environments, in the pipeline's order.
    pub environments: Vec<EnvironmentView>,
    /// Its repository, where that cannot be read: what is shown may be old.
    #[serde(default)]
    pub unread: Option<UnreadView>,
    /// Why the last look at it failed, where it did.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// One application in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentView {
    /// Which.
    pub environment: EnvironmentName,
    /// What people call what is there; none before hoist first looked.
    pub version: Option<String>,
    /// Its digest, where that is known.
    pub digest: Option<String>,
    /// Since when it is there.
    pub since: Option<Timestamp>,
    /// The state of what is there; `unknown yet` before hoist first looked.
    pub state: String,
    /// The promotion that brought what is there.
    pub promotion: Option<PromotionId>,
    /// What is on its way: the one that is proposed, or will be next.
    pub next: Option<NextView>,
    /// What comes after that, newest last.
    #[serde(default)]
    pub behind: Vec<NextView>,
    /// How what is there is, where somebody can say.
    pub health: Option<HealthView>,
    /// The hold, if there is one.
    pub hold: Option<HoldView>,
    /// What becomes of what is there, or what keeps anything from going in, in words.
    pub waits_for: Option<String>,
    /// When that ends by itself.
    pub until: Option<Timestamp>,
}

/// How an application is in an environment, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthView {
    /// Where a person looks at it: the controller's page of the application.
    pub url: Option<String>,
    /// What was last seen, while what is there is on its way to having succeeded.
    pub seen: Option<SeenView>,
}

/// What was last seen of an application's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenView {
    /// `well`, `ill`, `not_yet` deployed, `unsettled` or `unseen`.
    pub finding: Finding,
    /// In words.
    pub saw: String,
    /// Since when it is so.
    pub since: Timestamp,
    /// When it was looked at.
    pub at: Timestamp,
}

/// What is on its way into an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextView {
    /// The promotion.
    pub promotion: PromotionId,
    /// What it brings.
    pub version: String,
    /// Where it stands; `held` where a hold stops it.
    pub state: String,
    /// Its proposal, once there is one.
    pub proposal: Option<ProposalNumber>,
    /// Where the proposal is looked at.
    pub url: Option<String>,
    /// What it waits for, in words. What a hold stops waits for the hold's end.
    #[serde(default)]
    pub waits_for: Option<String>,
    /// When that ends by itself.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if it ends by itself.
    pub until: Option<Timestamp>,
}

/// `GET /api/v1/promotions/{id}`: one promotion's story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionView {
    /// Which.
    pub id: PromotionId,
    /// Its pipeline.
    pub pipeline: PipelineName,
    /// What.
    pub application: ApplicationName,
    /// Where to.
    pub environment: EnvironmentName,
    /// `forward`, `rollback` or `found`.
    pub kind: String,
    /// What people call what it brings.
    pub version: String,
    /// The artifact, where it is known.
    pub artifact: Option<ArtifactView>,
    /// Who asked.
    pub requested_by: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: String,
    /// In words: what that means, and why.
    pub explanation: String,
    /// Since when.
    pub since: Timestamp,
    /// Its gates, as they are judged now. Empty once it is in.
    pub gates: Vec<GateView>,
    /// The gates that people let it pass: each with who and why.
    #[serde(default)]
    pub skipped: Vec<String>,
    /// Its proposal, as the forge has it, once there is one.
    pub proposal: Option<ProposalView>,
    /// The change, as a unified diff.
    pub diff: Option<String>,
    /// What happened, oldest first.
    pub history: Vec<HistoryLine>,
}

/// A gate's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateView {
    /// Its name.
    pub name: String,
    /// `open`, `opens_at`, `needs_action` or `skipped`.
    pub verdict: String,
    /// What it saw, and what would open it.
    pub saw: String,
    /// When it opens by itself.
    pub opens_at: Option<Timestamp>,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalView {
    /// Its number.
    pub number: ProposalNumber,
    /// Where a person looks at it.
    pub url: String,
    /// `open`, `merged` or `closed`.
    pub state: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Its branch.
    pub branch: String,
    /// Where it shall go.
    pub target: String,
    /// Its branch's tip.
    pub head: CommitId,
    /// The commit that brought it to the target, once it is merged.
    pub merge_commit: Option<CommitId>,
    /// Who merged or closed it.
    pub ended_by: Option<String>,
    /// Paths that conflict with the target.
    pub conflicts: Vec<String>,
    /// How many approvals it needs.
    pub approvals_needed: u32,
    /// Who approved the head as it is, the requester left out.
    pub approvals: Vec<String>,
    /// Reviews, oldest first.
    pub reviews: Vec<ReviewView>,
    /// Comments, oldest first.
    pub comments: Vec<CommentView>,
    /// Statuses on the head.
    pub statuses: Vec<StatusLine>,
    /// What a signed-in person can do with it on hoist's page; none where the forge has its own.
    pub reviewed_here: ReviewedHere,
}

/// Whether a proposal is reviewed and merged on hoist's own page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewedHere {
    /// It is: the builtin forge.
    Yes,
    /// The forge has a page of its own.
    No,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewView {
    /// Whose.
    pub by: String,
    /// `approve` or `request_changes`.
    pub verdict: String,
    /// What it looked at.
    pub head: CommitId,
    /// In words.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentView {
    /// Whose.
    pub by: String,
    /// Markdown.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusLine {
    /// `hoist/only-version`, `hoist/soak` …
    pub context: String,
    /// `pending`, `success` or `failure`.
    pub state: String,
    /// A few words.
    pub description: String,
}

/// `GET /api/v1/applications/{application}/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryView {
    /// Which application.
    pub application: ApplicationName,
    /// Its promotions, newest first.
    pub promotions: Vec<HistoryPromotion>,
}

/// A promotion in a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPromotion {
    /// Which.
    pub promotion: PromotionId,
    /// Where to.
    pub environment: EnvironmentName,
    /// `forward`, `rollback` or `found`.
    pub kind: String,
    /// What.
    pub version: String,
    /// Where it stands.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// Who asked.
    pub requested_by: String,
    /// Why.
    pub reason: Option<String>,
    /// The commit that brought it, also where it was taken back since; for what was found, the one
    /// at which it was seen.
    pub commit: Option<CommitId>,
    /// How it ended, in words, where it did not succeed.
    #[serde(default)]
    pub ended: Option<String>,
    /// The gates that people let it pass: each with who and why.
    #[serde(default)]
    pub skipped: Vec<String>,
}

/// One thing that happened: a line of the audit log, with all that its hash is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// Its number in the audit log.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// The door they came through.
    pub door: Door,
    /// What, as a verb.
    pub verb: String,
    /// In words.
    pub text: String,
    /// The pipeline of what it was done to.
    pub pipeline: Option<PipelineName>,
    /// To what.
    pub application: Option<ApplicationName>,
    /// Where.
    pub environment: Option<EnvironmentName>,
    /// The promotion it is about.
    pub promotion: Option<PromotionId>,
    /// The commit it made or saw.
    pub commit: Option<CommitId>,
    /// SHA-256 over this line and the hash before, in hex.
    pub hash: String,
}

/// `GET /api/v1/deliveries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Our id for it.
    pub id: EventId,
    /// Who announced it.
    pub source: Option<String>,
    /// The sender's own id for it.
    pub delivery: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// What became of it, in words.
    pub outcome: String,
}

/// `GET /api/v1/deliveries/{id}`: a delivery and what it brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryDetailView {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryView,
    /// What it brought, for each application.
    pub artifacts: Vec<AnnouncedArtifact>,
    /// What was sent, its secrets hidden; none of a stranger's, or once it is forgotten.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
}

/// An artifact that a delivery brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedArtifact {
    /// The application's pipeline.
    pub pipeline: PipelineName,
    /// Whose it is.
    pub application: ApplicationName,
    /// The artifact.
    pub artifact: ArtifactView,
}

/// `GET /api/v1/freezes`: one that is on, or will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeView {
    /// Our name for it, where a person asked for it.
    pub id: Option<FreezeId>,
    /// Its name in the pipelines file, where it stands there.
    pub name: Option<String>,
    /// Where; `*` is everywhere.
    pub environments: Vec<String>,
    /// Who or what freezes.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when, or from when.
    pub from: Timestamp,
    /// Until when, if it ends by itself.
    pub until: Option<Timestamp>,
    /// Whether it is on now.
    pub on: bool,
    /// What goes in nevertheless.
    pub allow: Vec<Allowance>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandView {
    /// One sentence: what happened and what follows by itself.
    pub message: String,
    /// The promotion it started or touched.
    pub promotion: Option<PromotionId>,
    /// Where to look.
    pub url: Option<String>,
}

/// `GET /readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessView {
    /// `ready` or `starting`.
    pub status: String,
    /// What each repository's first reading came to.
    pub repositories: std::collections::BTreeMap<String, String>,
}

/// The answer to a controller's notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeView {
    /// The applications that are looked at now.
    pub woken: Vec<String>,
}

/// The answer to an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncementView {
    /// The event's id.
    pub id: EventId,
    /// Where it can be looked at.
    pub url: String,
    /// Why nothing goes on by itself, where it is not decided yet or set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What stands in an answer that is not a success: `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemView {
    /// The kind of problem, as a URI; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What happened, why, and what to do.
    pub detail: String,
    /// The thing it is about, by its URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The field of the request that is to be mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// `POST /hooks/artifacts/progress`: how far what was announced has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// Why it is not decided yet, where it is not.
    pub why: Option<String>,
    /// For each application that it concerns.
    pub applications: Vec<ArrivalView>,
}

/// How far an artifact has come on its way into an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalView {
    /// The application's pipeline.
    pub pipeline: PipelineName,
    /// Whose it is.
    pub application: ApplicationName,
    /// Where it goes.
    pub environment: EnvironmentName,
    /// Whether it is there.
    pub arrival: Arrival,
    /// The promotion's state.
    pub state: String,
    /// In words: what it waits for, or what became of it.
    pub told: String,
    /// Where a person looks at the promotion.
    pub url: Option<String>,
}

/// Whether something is where it was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Not yet.
    OnItsWay,
    /// It is in and runs well, as far as anybody can say.
    Arrived,
    /// It will not come there: it failed, was closed, taken back, or a newer one took its place.
    Ended,
}
