//! Is what was merged deployed, and is it well? Judged from what others say, one look at a time.
//!
//! One look decides nothing: [`super::pulse`] keeps what several looks come to.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::artifact::{Artifact, Digest};
use super::id::ControllerName;
use super::template::{NoTag, Template};

/// Who says whether an application is well in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HealthRule {
    /// Nobody: what is merged counts as deployed.
    #[default]
    Nobody,
    /// The controller that deploys it.
    Controller {
        /// Which, by its key in the configuration.
        controller: ControllerName,
        /// What the controller calls the application, over `{application}`.
        application: Template,
        /// The controller's project that it belongs to, over `{application}`.
        project: Template,
        /// The namespace that the controller keeps the application in, where it is not its own.
        namespace: Option<String>,
    },
    /// A call that answers yes or no.
    Http {
        /// Where, over `{application}`.
        url: Template,
        /// What a yes looks like.
        expect: Expectation,
    },
}

/// What the answer to a call must be to count as a yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The status; none means any from 200 to 299.
    pub status: Option<u16>,
    /// What stands in the body, over `{tag}`, `{digest}`, `{version}` and `{image}`.
    pub text: Option<Template>,
}

/// What hoist does when an application stays ill after a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhealthy {
    /// What.
    pub remedy: Remedy,
    /// How long it must have been ill without a break.
    pub after: SignedDuration,
    /// How long it is watched once it runs, at least.
    pub watch: SignedDuration,
}

/// What hoist does when an application stays ill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// It says so, and leaves it to people.
    Nothing,
    /// Nothing more goes in until a person resumes it.
    Hold,
    /// The last good version comes back.
    Rollback,
}

impl Default for Unhealthy {
    fn default() -> Self {
        Self {
            remedy: Remedy::Nothing,
            after: SignedDuration::from_mins(10),
            watch: SignedDuration::ZERO,
        }
    }
}

/// What a controller says of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether the cluster is as the files say.
    pub sync: Sync,
    /// What it last compared the cluster with: a revision a source. Some are of other repositories.
    pub revisions: Vec<String>,
    /// How the application is.
    pub condition: Condition,
    /// The controller's own word for that, and what it adds.
    pub told: String,
    /// What it last did to bring the cluster to the files.
    pub operation: Option<Operation>,
    /// When it last looked at all of it.
    pub reconciled_at: Option<Timestamp>,
    /// The images that run.
    pub images: Vec<String>,
}

/// Whether a cluster is as the files say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// It is.
    Synced,
    /// It is not, or not in everything.
    OutOfSync,
    /// The controller cannot tell.
    Unknown,
}

/// How an application is, in the controller's judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// All is well.
    Healthy,
    /// It is on its way somewhere, or paused.
    Progressing,
    /// It is ill.
    Degraded,
    /// The controller cannot tell.
    Unknown,
}

/// What a controller did to bring the cluster to the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// How far it is.
    pub phase: Phase,
    /// What the controller adds.
    pub message: Option<String>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What it brought: a revision a source.
    pub revisions: Vec<String>,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Under way.
    Running,
    /// Done.
    Succeeded,
    /// It did not work.
    Failed,
}

/// What our mirror says of a revision that a controller names. What says more is greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is no commit that the mirror has: another source's, or newer than the last fetch.
    Elsewhere,
    /// A commit without the merge.
    Before,
    /// It has the merge, and its version fields hold something else; the text says what.
    Otherwise(String),
    /// It has the merge, and its version fields hold what was merged.
    Ours,
}

/// What one look came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// When.
    pub at: Timestamp,
    /// What was found.
    pub finding: Finding,
    /// What it is known by.
    pub sign: Sign,
    /// What was seen, in a few words for people.
    pub saw: String,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Nothing: nobody could be asked, or the answer tells nothing.
    Unseen,
    /// What was merged does not run there.
    NotYet,
    /// It runs, or is about to, and is neither well nor ill.
    Unsettled,
    /// It runs and is well.
    Well,
    /// It runs and is ill.
    Ill,
}

/// What it is known by that the new version, and not the old one, is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The wanted digest is among the images that run.
    Digest,
    /// The revision only: health may lag behind it, so it must have stayed so for a while.
    Revision,
}

impl Glance {
    /// A look that found nothing out.
    pub fn unseen(at: Timestamp, why: String) -> Self {
        Self { at, finding: Finding::Unseen, sign: Sign::Revision, saw: why }
    }

    /// A look that did not find it there.
    pub fn not_yet(at: Timestamp, why: String) -> Self {
        Self { at, finding: Finding::NotYet, sign: Sign::Revision, saw: why }
    }
}

/// Judges a report: do the revisions that it names carry what was merged, and is it well?
///
/// `standings` tells what the mirror says of each revision. Deployed is what the last operation
/// brought, or what the cluster is in sync with; that it *contains* the merge is enough, because on
/// a shared branch it is seldom the merge itself. A revision that contains the merge was read after
/// the merge, so no clock is compared with another.
pub fn judge(
    report: &Report,
    standings: &BTreeMap<String, Standing>,
    digest: Option<&Digest>,
    at: Timestamp,
) -> Glance {
    let runs = |digest: Sign, finding, saw| Glance { at, finding, sign: digest, saw };
    if let Some(obstacle) = under_way(report) {
        return runs(Sign::Revision, Finding::Unsettled, obstacle);
    }
    let applied = report.operation.as_ref().map_or(&[][..], |operation| &operation.revisions);
    let (revision, standing) = match (best(applied, standings), best(&report.revisions, standings))
    {
        (Some((revision, Standing::Ours)), _) => (revision, &Standing::Ours),
        (_, Some(found)) if report.sync == Sync::Synced => found,
        (_, Some((revision, Standing::Ours))) => {
            let saw = format!("{} is known there and not synced yet", short(revision));
            return Glance::not_yet(at, saw);
        }
        (Some(found), _) | (None, Some(found)) => found,
        (None, None) => return Glance::not_yet(at, "nothing has been synced there yet".into()),
    };
    let revision = short(revision);
    match standing {
        Standing::Elsewhere => {
            let saw = format!("it is synced to {revision}, which hoist's mirror does not have");
            return Glance::unseen(at, saw);
        }
        Standing::Before => {
            let saw = format!("it is synced to {revision}, which is from before the merge");
            return Glance::not_yet(at, saw);
        }
        Standing::Otherwise(holds) => {
            let saw = format!("it is synced to {revision}, where the version is {holds}");
            return Glance::not_yet(at, saw);
        }
        Standing::Ours => {}
    }
    let sign = match digest {
        Some(digest) if report.images.iter().any(|it| it.contains(digest.as_str())) => Sign::Digest,
        Some(_) | None => Sign::Revision,
    };
    let saw = format!("{} at {revision}", report.told);
    match report.condition {
        Condition::Healthy => runs(sign, Finding::Well, saw),
        Condition::Progressing => runs(sign, Finding::Unsettled, saw),
        Condition::Degraded => runs(sign, Finding::Ill, saw),
        Condition::Unknown => Glance::unseen(at, saw),
    }
}

/// What keeps a report's health from meaning anything yet.
fn under_way(report: &Report) -> Option<String> {
    let operation = report.operation.as_ref()?;
    let message = operation.message.as_deref().unwrap_or("no reason was given");
    match operation.phase {
        Phase::Running => Some("it is being synced".into()),
        Phase::Failed => Some(format!("its last sync failed: {message}")),
        // Health lags behind sync: what was judged before the sync ended is the old version's.
        Phase::Succeeded => {
            let lags = operation.finished_at? > report.reconciled_at?;
            lags.then(|| "its health has not been looked at since it was synced".into())
        }
    }
}

/// The revision that says most.
fn best<'a>(
    revisions: &'a [String],
    standings: &'a BTreeMap<String, Standing>,
) -> Option<(&'a str, &'a Standing)> {
    let known = |revision: &'a String| {
        (revision.as_str(), standings.get(revision).unwrap_or(&Standing::Elsewhere))
    };
    revisions.iter().map(known).max_by_key(|(_, standing)| *standing)
}

/// A revision's beginning, for people.
fn short(revision: &str) -> String {
    revision.chars().take(10).collect()
}

/// What a call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAnswer {
    /// The status.
    pub status: u16,
    /// The body, as far as it was read.
    pub body: String,
}

impl Expectation {
    /// Tells in words why an answer is no yes; none means that it is one.
    pub fn unmet(&self, answer: &CallAnswer, artifact: Option<&Artifact>) -> Result<(), Unmet> {
        let fits = match self.status {
            Some(status) => answer.status == status,
            None => (200..300).contains(&answer.status),
        };
        if !fits {
            return Err(Unmet::Status(answer.status));
        }
        let Some(text) = &self.text else { return Ok(()) };
        let wanted = match artifact {
            Some(artifact) => text.for_artifact(artifact)?,
            None if text.as_str().contains('{') => return Ok(()),
            None => text.as_str().to_owned(),
        };
        if answer.body.contains(&wanted) { Ok(()) } else { Err(Unmet::Text(wanted)) }
    }
}

/// Why an answer is no yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// Another status than a yes has.
    #[error("the answer is {0}")]
    Status(u16),
    /// The text is not in the body.
    #[error("{0:?} is not in the answer")]
    Text(String),
    /// What is expected cannot be said of this artifact.
    #[error(transparent)]
    NoTag(#[from] NoTag),
}

/// Judges the answer to a health call. Another text than the new version's is the old version.
pub fn judge_call(
    expect: &Expectation,
    answer: &CallAnswer,
    artifact: Option<&Artifact>,
    at: Timestamp,
) -> Glance {
    let (finding, saw) = match expect.unmet(answer, artifact) {
        Ok(()) => (Finding::Well, format!("it answers {}", answer.status)),
        Err(unmet @ Unmet::Status(_)) => (Finding::Ill, unmet.to_string()),
        Err(unmet @ (Unmet::Text(_) | Unmet::NoTag(_))) => (Finding::NotYet, unmet.to_string()),
    };
    // A text that only the new version has is as good as its digest.
    let sign = match &expect.text {
        Some(text) if text.as_str().contains('{') => Sign::Digest,
        Some(_) | None => Sign::Revision,
    };
    Glance { at, finding, sign, saw }
}
