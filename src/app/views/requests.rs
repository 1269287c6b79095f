//! What people and machines ask for.

use serde::{Deserialize, Serialize};

use crate::domain::command::{Newer, ProposalStep};
use crate::domain::id::{CommitId, PromotionId};

/// `POST /api/v1/promotions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromoteRequest {
    /// What: `payments`, or `services/payments` where two pipelines have one.
    pub application: String,
    /// Where to.
    pub environment: String,
    /// Which, by whatever fits: a version, a tag, or at least twelve digits of a digest. Without
    /// this, `tag` and `digest` the newest that may go goes.
    pub version: Option<String>,
    /// Which, by its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Which, by its digest, or at least twelve digits of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Says yes to a version older than the one there.
    #[serde(default)]
    pub allow_older: bool,
    /// Environments before it that are skipped; needs the right `skip-gates` and a reason.
    #[serde(default)]
    pub skip: Vec<String>,
    /// Says yes to a version that was rolled back; needs a reason.
    #[serde(default)]
    pub force_bad: bool,
}

/// `POST /api/v1/rollbacks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// What.
    pub application: String,
    /// Where.
    pub environment: String,
    /// To what: a version, digest or promotion that succeeded there; none means the last one.
    pub to: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Says yes to taking back what other hands put there.
    #[serde(default)]
    pub over_drift: bool,
    /// Rolls back the environments after it, and beside it, that run the same, too.
    #[serde(default)]
    pub everywhere: bool,
}

/// `POST /api/v1/holds/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// What.
    pub application: String,
    /// Where.
    pub environment: String,
    /// After a rollback: whether what is newer than what was rolled back goes on.
    pub newer: Option<Newer>,
    /// Why.
    pub reason: Option<String>,
}

/// `POST /api/v1/holds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// What.
    pub application: String,
    /// Where.
    pub environment: String,
    /// For how long, as `2h`; none means until someone resumes it.
    #[serde(rename = "for")]
    pub length: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// `POST /api/v1/skips`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipRequest {
    /// What.
    pub application: String,
    /// Where.
    pub environment: String,
    /// Which promotion; none means the one that is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<PromotionId>,
    /// The gate that it may pass: `soak`, `window`.
    pub gate: String,
    /// Why.
    pub reason: String,
}

/// `POST /api/v1/freezes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeRequest {
    /// Where, in every pipeline that has it; `*` is everywhere.
    pub environment: String,
    /// For how long, as `2h`; none means until someone thaws it.
    #[serde(rename = "for")]
    pub length: Option<String>,
    /// Why.
    pub reason: String,
    /// What goes in nevertheless.
    #[serde(default)]
    pub allow: Vec<Allowance>,
}

/// What goes in although it is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// Rollbacks.
    Rollback,
}

/// `POST /api/v1/freezes/thaw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThawRequest {
    /// Where: what was frozen by exactly this name.
    pub environment: String,
    /// Why.
    pub reason: Option<String>,
}

/// `POST /api/v1/promotions/{id}/reviews`, `…/merge`, `…/close`: for the builtin forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalRequest {
    /// `approve`, `request_changes`, `comment`, `check`, `merge` or `close`.
    pub step: ProposalStep,
    /// The head that the person looked at: a step on anything else is refused.
    pub head: Option<CommitId>,
    /// A word to the others.
    pub comment: Option<String>,
    /// With the step `check`: which, and what it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckRequest>,
}

/// What a check by others found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// Its name, as a `checks` gate names it.
    pub name: String,
    /// What it found.
    pub state: CheckWord,
}

/// What a check found, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckWord {
    /// Nothing yet.
    Pending,
    /// Yes.
    Success,
    /// No.
    Failure,
}
