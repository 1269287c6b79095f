//! What crosses the wire of why something is not in, and of what would be done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{GateView, HoldView, UnreadView};
use crate::domain::id::{
    ApplicationName, EnvironmentName, PipelineName, PromotionId, ScheduleName,
};
use crate::domain::plan::Reason;

/// `GET /api/v1/applications/{application}/why/{environment}`: why an environment has what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// Its pipeline.
    pub pipeline: PipelineName,
    /// What.
    pub application: ApplicationName,
    /// Where.
    pub environment: EnvironmentName,
    /// The answer in a sentence.
    pub answer: String,
    /// The version that is there; none before hoist first looked.
    pub version: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The hold, if there is one.
    pub hold: Option<HoldView>,
    /// What could go in, and why it has not: what is nearest to going in first.
    pub candidates: Vec<CandidateView>,
    /// When hoist looks again by itself, at the latest.
    pub looks_again: Timestamp,
    /// Its repository, where that cannot be read: the answer is of what was last seen.
    pub unread: Option<UnreadView>,
}

/// Something that could go into an environment, and why it has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateView {
    /// What people call it.
    pub version: String,
    /// The promotion that brings it; none where none has begun.
    pub promotion: Option<PromotionId>,
    /// Where that stands; `not started` where none has begun.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// Why it is not in.
    pub why: String,
    /// When that ends by itself.
    pub until: Option<Timestamp>,
    /// What a person can do.
    pub next: String,
    /// Its gates, each as it is judged now.
    pub gates: Vec<GateLine>,
}

/// A gate's verdict, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateLine {
    /// The verdict.
    #[serde(flatten)]
    pub gate: GateView,
    /// Since when it is as it is; where nobody knows, since when the promotion stands before it.
    pub since: Timestamp,
    /// When it is looked at again by itself, at the latest; none once it is open.
    pub looks_again: Option<Timestamp>,
    /// What a person can do; none once it is open.
    pub next: Option<String>,
}

/// `GET /api/v1/plan`: what would be done, by the server's own planner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// When.
    pub at: Timestamp,
    /// Each application for which something would be done, or that waits for something.
    pub applications: Vec<PlannedView>,
    /// The repositories that cannot be read: what is shown of theirs may be old.
    pub unread: Vec<UnreadView>,
}

/// What would be done for one application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedView {
    /// Its pipeline.
    pub pipeline: PipelineName,
    /// Its name.
    pub application: ApplicationName,
    /// What would be done, in this order.
    pub steps: Vec<PlannedStep>,
    /// What it would wait for then.
    pub waits: Vec<PlannedWait>,
    /// Why that cannot be told, where it cannot.
    pub trouble: Option<String>,
}

/// One thing that would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Where.
    pub environment: Option<EnvironmentName>,
    /// What, in words.
    pub what: String,
    /// The change that would be proposed, as a unified diff.
    pub diff: Option<String>,
}

/// What would be waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWait {
    /// Where.
    pub environment: EnvironmentName,
    /// What waits, where anything does.
    pub version: Option<String>,
    /// What for.
    pub why: String,
    /// When that ends by itself.
    pub until: Option<Timestamp>,
}

/// `GET /api/v1/schedules/{schedule}/plan`: what a run of a schedule would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Which schedule.
    pub schedule: ScheduleName,
    /// Whose applications.
    pub pipeline: PipelineName,
    /// Into which environments.
    pub environments: Vec<EnvironmentName>,
    /// When.
    pub at: Timestamp,
    /// What goes, in this order.
    pub goes: Vec<GoesView>,
    /// What stays behind.
    pub stays: Vec<StaysView>,
    /// What is wrong with its selection of applications: names that none has.
    #[serde(default)]
    pub unmatched: Vec<String>,
    /// The schedule's next times after that.
    pub next: Vec<Timestamp>,
}

/// An application that goes with a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoesView {
    /// Which.
    pub application: ApplicationName,
    /// Where to.
    pub environment: EnvironmentName,
    /// What is there before.
    pub from: Option<String>,
    /// What goes.
    pub version: String,
    /// The promotion that brings it; none where it is only to begin by then.
    pub promotion: Option<PromotionId>,
}

/// An application that a run leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaysView {
    /// Which.
    pub application: ApplicationName,
    /// Where to it does not go.
    pub environment: EnvironmentName,
    /// Why, in a word.
    pub reason: Reason,
    /// Why, in a sentence.
    pub why: String,
}
