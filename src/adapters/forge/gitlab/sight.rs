//! A merge request with all that belongs to it, as the port tells it.

use std::collections::BTreeMap;

use gitlab::api::common::SortOrder;
use gitlab::api::projects::merge_requests::MergeRequestDiffs;
use gitlab::api::projects::merge_requests::notes::{MergeRequestNotes, NoteOrderBy};
use gitlab::api::projects::repository::branches::Branch;
use reqwest::StatusCode;

use super::GitLabForge;
use super::answer::unreachable;
use super::api::built;
use super::raw::{RawBranch, RawDiff, RawMerge, RawNote};
use crate::adapters::forge::common::note;
use crate::app::ports::{BranchState, Comment, ForgeError, Mergeability, Proposal, ProposalState};
use crate::domain::id::{CommitId, ProposalNumber};

/// What GitLab says while it has not worked out yet whether it could be merged.
const NOT_YET: [&str; 6] = [
    "unchecked",
    "checking",
    "preparing",
    "approvals_syncing",
    "cannot_be_merged_recheck",
    "cannot_be_merged_rechecking",
];

/// What GitLab says where a new commit on the target as it is would help.
const TO_BE_REMADE: [&str; 3] = ["conflict", "need_rebase", "cannot_be_merged"];

impl GitLabForge {
    pub(super) async fn look_at(&self, merge: RawMerge) -> Result<Proposal, ForgeError> {
        let statuses = async {
            match &merge.sha {
                Some(head) if merge.is_open() => self.statuses(head).await,
                Some(_) | None => Ok(BTreeMap::new()),
            }
        };
        let (notes, statuses, tip) =
            futures::try_join!(self.notes(merge.iid), statuses, self.tip(&merge.source_branch),)?;
        let (words, mergeability) =
            futures::try_join!(self.words_on(&merge, &notes), self.mergeability(&merge, &tip))?;
        // GitLab works out the head a moment after it was opened.
        let head = merge.sha.as_deref().or(tip.as_deref()).unwrap_or_default();
        let ours = self.ours(&merge).await?;
        let (landing, draft) = self.way_in(&merge, &notes).await?;
        Ok(Proposal {
            number: ProposalNumber(merge.iid),
            head: commit(head)?,
            branch_state: if tip.is_some() { BranchState::Stands } else { BranchState::Gone },
            state: self.state(&merge, &notes, &ours)?,
            mergeability,
            draft,
            landing,
            approvals: words.approvals,
            objections: words.objections,
            reviews: words.reviews,
            statuses,
            comments: notes.iter().filter(|it| !it.system).map(|it| told(it, &ours)).collect(),
            branch: merge.source_branch,
            target: merge.target_branch,
            title: merge.title,
            body: note::unix(&merge.description.unwrap_or_default()),
            url: merge.web_url,
        })
    }

    pub(super) async fn notes(&self, number: u64) -> Result<Vec<RawNote>, ForgeError> {
        let mut endpoint = MergeRequestNotes::builder();
        endpoint.project(self.api.project()).merge_request(number);
        endpoint.order_by(NoteOrderBy::CreatedAt).sort(SortOrder::Ascending);
        let doing = format!("reading the comments on !{number}");
        self.api.list(&built(endpoint.build())?, &doing).await
    }

    /// What a branch points at, if it stands.
    pub(super) async fn tip(&self, branch: &str) -> Result<Option<String>, ForgeError> {
        let mut endpoint = Branch::builder();
        endpoint.project(self.api.project()).branch(branch);
        let answer = self.api.get(&built(endpoint.build())?).await?;
        if answer.status == StatusCode::NOT_FOUND && answer.says("branch") {
            return Ok(None);
        }
        let found: RawBranch = answer.expect(self.api.project(), "looking for a branch")?;
        Ok(Some(found.commit.id))
    }

    /// The paths that a merge request changes.
    pub(super) async fn paths(&self, number: u64) -> Result<Vec<String>, ForgeError> {
        let mut endpoint = MergeRequestDiffs::builder();
        endpoint.project(self.api.project()).merge_request(number);
        let doing = format!("reading the files of !{number}");
        let diffs: Vec<RawDiff> = self.api.list(&built(endpoint.build())?, &doing).await?;
        Ok(diffs.into_iter().map(|diff| diff.new_path).collect())
    }

    /// GitLab does not tell which paths conflict; they are among those that are changed. A project
    /// that merges by fast-forward alone wants a commit on the target as it is, which is what
    /// hoist makes of a conflict.
    async fn mergeability(
        &self,
        merge: &RawMerge,
        tip: &Option<String>,
    ) -> Result<Mergeability, ForgeError> {
        if merge.state != "opened" || tip.is_none() || NOT_YET.contains(&merge.standing()) {
            return Ok(Mergeability::Unknown);
        }
        if must_be_remade(merge) {
            return self.paths(merge.iid).await.map(Mergeability::Conflict);
        }
        Ok(Mergeability::Clean)
    }

    fn state(
        &self,
        merge: &RawMerge,
        notes: &[RawNote],
        ours: &[u64],
    ) -> Result<ProposalState, ForgeError> {
        if let Some(at) = merge.merged_at {
            let by = merge.merge_user.as_ref().or(merge.merged_by.as_ref());
            let by = by.and_then(|it| self.person_or_machine(it));
            return Ok(ProposalState::Merged { commit: commit(merge.landed())?, by, at });
        }
        match merge.closed_at {
            Some(at) if !merge.is_open() => {
                let written = notes.iter().filter(|it| ours.contains(&it.author.id));
                let (reason, by) = note::closing(written.map(|it| it.body.as_str())).unzip();
                Ok(ProposalState::Closed { by: by.flatten(), reason, at })
            }
            Some(_) | None => Ok(ProposalState::Open),
        }
    }
}

/// Tells whether only a new commit can bring it in.
pub(super) fn must_be_remade(merge: &RawMerge) -> bool {
    merge.has_conflicts || TO_BE_REMADE.contains(&merge.standing())
}

/// Tells whether GitLab has not worked out yet what stands in the way.
pub(super) fn is_unknown(merge: &RawMerge) -> bool {
    NOT_YET.contains(&merge.standing())
}

fn told(note: &RawNote, ours: &[u64]) -> Comment {
    let is_ours = ours.contains(&note.author.id);
    let body = if is_ours { note::body(&note.body) } else { note::unix(&note.body) };
    Comment { by: note.author.username.clone(), body, at: note.created_at }
}

/// A commit's id out of an answer.
pub(super) fn commit(sha: &str) -> Result<CommitId, ForgeError> {
    sha.parse()
        .map_err(|_| unreachable(&format!("GitLab's answer makes no sense: {sha:?} is no commit")))
}
