//! GitLab's answers, as far as they are read.
//!
//! Lean on purpose: servers of different age and tier leave out different fields.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Deserialize)]
pub(super) struct RawMerge {
    pub(super) iid: u64,
    /// `opened`, `closed`, `merged`, or `locked` while it is being merged.
    pub(super) state: String,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) web_url: String,
    pub(super) author: Option<RawUser>,
    pub(super) source_branch: String,
    pub(super) target_branch: String,
    pub(super) source_project_id: Option<u64>,
    pub(super) target_project_id: Option<u64>,
    /// The head. GitLab has none for a moment after it was opened.
    pub(super) sha: Option<String>,
    #[serde(default)]
    pub(super) draft: bool,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    #[serde(default)]
    pub(super) reviewers: Vec<RawUser>,
    #[serde(default)]
    pub(super) assignees: Vec<RawUser>,
    pub(super) merge_user: Option<RawUser>,
    pub(super) merged_by: Option<RawUser>,
    pub(super) merged_at: Option<Timestamp>,
    pub(super) merge_commit_sha: Option<String>,
    pub(super) squash_commit_sha: Option<String>,
    pub(super) closed_at: Option<Timestamp>,
    pub(super) detailed_merge_status: Option<String>,
    pub(super) merge_status: Option<String>,
    #[serde(default)]
    pub(super) has_conflicts: bool,
    /// GitLab was asked to merge it by itself, or to let it go with a train.
    #[serde(default)]
    pub(super) merge_when_pipeline_succeeds: bool,
    pub(super) merge_after: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawProject {
    #[serde(default)]
    pub(super) merge_trains_enabled: bool,
}

/// The project's name.
#[derive(Debug, Deserialize)]
pub(super) struct RawNamed {
    pub(super) path_with_namespace: String,
}

impl RawMerge {
    /// Tells whether it may still be merged, or is being merged now.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "opened" | "locked")
    }

    /// What keeps it from being merged, in GitLab's words; older servers say less.
    pub(super) fn standing(&self) -> &str {
        self.detailed_merge_status.as_deref().or(self.merge_status.as_deref()).unwrap_or_default()
    }

    /// The commit on the target that brought it: by which method it was merged decides which.
    pub(super) fn landed(&self) -> &str {
        let commits = [&self.merge_commit_sha, &self.squash_commit_sha, &self.sha];
        commits.into_iter().find_map(Option::as_deref).unwrap_or_default()
    }

    /// Who opened it.
    pub(super) fn author(&self) -> Option<u64> {
        self.author.as_ref().map(|user| user.id)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawUser {
    pub(super) id: u64,
    pub(super) username: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawReviewer {
    pub(super) user: RawUser,
    #[serde(default)]
    pub(super) state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawApprovals {
    #[serde(default)]
    pub(super) approved_by: Vec<RawApproval>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawApproval {
    pub(super) user: RawUser,
    /// Older servers do not say.
    pub(super) approved_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawNote {
    pub(super) id: u64,
    pub(super) body: String,
    pub(super) author: RawUser,
    pub(super) created_at: Timestamp,
    /// Written by GitLab itself, of what somebody did.
    #[serde(default)]
    pub(super) system: bool,
}

/// What was pushed to a merge request, and when.
#[derive(Debug, Deserialize)]
pub(super) struct RawVersion {
    pub(super) id: u64,
    pub(super) head_commit_sha: String,
    pub(super) created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawStatus {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) description: Option<String>,
    pub(super) target_url: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) allow_failure: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawBranch {
    pub(super) commit: RawCommit,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawCommit {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawComparison {
    #[serde(default)]
    pub(super) commits: Vec<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawDiff {
    pub(super) new_path: String,
}
