//! GitHub's answers, as far as they are read.
//!
//! Lean on purpose: servers of different age leave out different fields, and octocrab's own models
//! refuse what lacks one of theirs.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Deserialize)]
pub(super) struct RawPull {
    pub(super) number: u64,
    #[serde(default)]
    pub(super) node_id: String,
    pub(super) state: String,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) html_url: String,
    pub(super) user: Option<RawUser>,
    pub(super) head: RawRef,
    pub(super) base: RawRef,
    #[serde(default)]
    pub(super) labels: Vec<RawLabel>,
    #[serde(default)]
    pub(super) requested_reviewers: Vec<RawUser>,
    #[serde(default)]
    pub(super) requested_teams: Vec<RawTeam>,
    #[serde(default)]
    pub(super) assignees: Vec<RawUser>,
    pub(super) merged_at: Option<Timestamp>,
    pub(super) merged_by: Option<RawUser>,
    pub(super) merge_commit_sha: Option<String>,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) mergeable: Option<bool>,
    /// What stands in its way, in a word.
    pub(super) mergeable_state: Option<String>,
    /// That GitHub was asked to merge it by itself.
    pub(super) auto_merge: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) draft: bool,
    pub(super) updated_at: Option<String>,
}

impl RawPull {
    /// Who opened it: whose own comments are hoist's.
    pub(super) fn author(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.login.as_str())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RawRef {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) sha: String,
    pub(super) repo: Option<RawRepo>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct RawRepo {
    pub(super) id: u64,
}

/// The repository itself.
#[derive(Debug, Deserialize)]
pub(super) struct RawRepository {
    pub(super) full_name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawUser {
    pub(super) login: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawTeam {
    pub(super) slug: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawLabel {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawReview {
    pub(super) user: Option<RawUser>,
    pub(super) state: String,
    pub(super) commit_id: Option<String>,
    pub(super) body: Option<String>,
    pub(super) submitted_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) author_association: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawComment {
    pub(super) id: u64,
    pub(super) user: Option<RawUser>,
    pub(super) body: Option<String>,
    pub(super) created_at: Timestamp,
}

impl RawComment {
    /// What it says, if we wrote it: only what the pull request's author wrote, who is us, is ours.
    pub(super) fn ours(&self, pull: &RawPull) -> Option<&str> {
        let by = self.user.as_ref().map(|user| user.login.as_str());
        self.body.as_deref().filter(|_| by.is_some() && by == pull.author())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RawCombinedStatus {
    pub(super) statuses: Vec<RawStatus>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawStatus {
    pub(super) context: String,
    pub(super) state: String,
    pub(super) description: Option<String>,
    pub(super) target_url: Option<String>,
    pub(super) updated_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawCheckRuns {
    pub(super) check_runs: Vec<RawCheckRun>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawCheckRun {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) details_url: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) completed_at: Option<Timestamp>,
    pub(super) output: Option<RawOutput>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawOutput {
    pub(super) title: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawGitRef {
    pub(super) object: RawObject,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawObject {
    pub(super) sha: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawMerge {
    pub(super) sha: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawFile {
    pub(super) filename: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawMembership {
    pub(super) state: String,
}

/// A commit that was made.
#[derive(Debug, Deserialize)]
pub(super) struct RawMadeCommit {
    pub(super) sha: String,
    pub(super) verification: RawVerification,
}

/// Its signature, if it has one.
#[derive(Debug, Deserialize)]
pub(super) struct RawVerification {
    pub(super) reason: String,
    pub(super) signature: Option<String>,
    pub(super) payload: Option<String>,
}
