//! Who said yes, who said no, and to what.
//!
//! GitLab counts who approves, and leaves out who may not; but it does not say to which head, and
//! where it is not set to take approvals back at a push it never does. So an approval counts that
//! came after the head did. What was said before is told by GitLab's own notes of it.

use std::borrow::Cow;

use gitlab::api::endpoint_prelude::{Endpoint, Method, Pageable};
use gitlab::api::projects::merge_requests::MergeRequestReviewers;
use gitlab::api::projects::merge_requests::approvals::MergeRequestApprovals;
use jiff::Timestamp;

use super::GitLabForge;
use super::api::built;
use super::raw::{RawApproval, RawApprovals, RawMerge, RawNote, RawReviewer, RawUser, RawVersion};
use crate::app::ports::{Approval, ForgeError, Review, ReviewVerdict};
use crate::domain::id::PersonName;

/// What GitLab notes when somebody approves, and when they ask for changes.
const NOTED: [(&str, ReviewVerdict); 2] = [
    ("approved this merge request", ReviewVerdict::Approve),
    ("requested changes", ReviewVerdict::RequestChanges),
];

/// What is said of a merge request.
#[derive(Default)]
pub(super) struct Words {
    pub(super) approvals: Vec<Approval>,
    pub(super) objections: Vec<PersonName>,
    pub(super) reviews: Vec<Review>,
}

/// The versions of a merge request: what was pushed to it, newest first. The crate lacks it.
struct Versions<'a> {
    project: &'a str,
    number: u64,
}

impl Endpoint for Versions<'_> {
    fn method(&self) -> Method {
        Method::GET
    }

    fn endpoint(&self) -> Cow<'static, str> {
        let project = gitlab::api::common::NameOrId::from(self.project);
        format!("projects/{project}/merge_requests/{}/versions", self.number).into()
    }
}

impl Pageable for Versions<'_> {}

impl GitLabForge {
    /// What is said of a merge request, with the fewest questions: most have no review yet.
    pub(super) async fn words_on(
        &self,
        merge: &RawMerge,
        notes: &[RawNote],
    ) -> Result<Words, ForgeError> {
        let (approved_by, reviewers) = if merge.is_open() {
            futures::try_join!(self.approved_by(merge), self.reviewers(merge))?
        } else {
            (Vec::new(), Vec::new())
        };
        let noted: Vec<(&RawNote, ReviewVerdict)> =
            notes.iter().filter_map(|note| Some((note, verdict(note)?))).collect();
        if approved_by.is_empty() && reviewers.is_empty() && noted.is_empty() {
            return Ok(Words::default());
        }
        let versions = self.versions(merge.iid).await?;
        let objecting: Vec<&RawUser> = reviewers
            .iter()
            .filter(|it| it.state == "requested_changes")
            .map(|it| &it.user)
            .collect();
        let since = came(&versions, merge.sha.as_deref());
        let approval = |it: &RawApproval| {
            let at = it.approved_at.or_else(|| said_yes(&noted, &it.user))?;
            let counts = since.is_some_and(|since| at >= since)
                && Some(it.user.id) != merge.author()
                && !objecting.iter().any(|other| other.id == it.user.id);
            if counts { Some(Approval { by: self.person(&it.user)?, at }) } else { None }
        };
        let review = |(note, verdict): &(&RawNote, ReviewVerdict)| {
            let at = note.created_at;
            let head = version_at(&versions, at)?.head_commit_sha.parse().ok()?;
            let by = self.person(&note.author)?;
            Some(Review { by, verdict: *verdict, head, comment: None, at })
        };
        let mut approvals: Vec<Approval> = approved_by.iter().filter_map(approval).collect();
        approvals.sort_by_key(|it| it.at);
        Ok(Words {
            approvals,
            objections: objecting.into_iter().filter_map(|it| self.person(it)).collect(),
            reviews: noted.iter().filter_map(review).collect(),
        })
    }

    /// When the head came.
    pub(super) async fn since(&self, merge: &RawMerge) -> Result<Option<Timestamp>, ForgeError> {
        Ok(came(&self.versions(merge.iid).await?, merge.sha.as_deref()))
    }

    async fn approved_by(&self, merge: &RawMerge) -> Result<Vec<RawApproval>, ForgeError> {
        let mut endpoint = MergeRequestApprovals::builder();
        endpoint.project(self.api.project()).merge_request(merge.iid);
        let answer = self.api.get(&built(endpoint.build())?).await?;
        let doing = format!("reading the approvals of !{}", merge.iid);
        let told: RawApprovals = answer.expect(self.api.project(), &doing)?;
        Ok(told.approved_by)
    }

    /// What the reviewers have said; nobody who asks for changes is not among them.
    async fn reviewers(&self, merge: &RawMerge) -> Result<Vec<RawReviewer>, ForgeError> {
        if merge.reviewers.is_empty() {
            return Ok(Vec::new());
        }
        let mut endpoint = MergeRequestReviewers::builder();
        endpoint.project(self.api.project()).merge_request(merge.iid);
        let answer = self.api.get(&built(endpoint.build())?).await?;
        answer.expect(self.api.project(), &format!("reading the reviewers of !{}", merge.iid))
    }

    async fn versions(&self, number: u64) -> Result<Vec<RawVersion>, ForgeError> {
        let endpoint = Versions { project: self.api.project(), number };
        let doing = format!("reading what was pushed to !{number}");
        let mut versions: Vec<RawVersion> = self.api.list(&endpoint, &doing).await?;
        versions.sort_by_key(|it| it.id);
        Ok(versions)
    }
}

fn verdict(note: &RawNote) -> Option<ReviewVerdict> {
    let noted = NOTED.iter().find(|(words, _)| note.system && note.body.starts_with(words));
    noted.map(|(_, verdict)| *verdict)
}

/// When the head came; nobody knows while GitLab is behind with what was pushed.
fn came(versions: &[RawVersion], head: Option<&str>) -> Option<Timestamp> {
    let newest = versions.last().filter(|it| Some(it.head_commit_sha.as_str()) == head);
    newest.map(|it| it.created_at)
}

/// When somebody last said yes, where the list of approvals does not tell.
fn said_yes(noted: &[(&RawNote, ReviewVerdict)], user: &RawUser) -> Option<Timestamp> {
    let theirs = |(note, verdict): &&(&RawNote, ReviewVerdict)| {
        note.author.id == user.id && *verdict == ReviewVerdict::Approve
    };
    noted.iter().filter(theirs).map(|(note, _)| note.created_at).max()
}

/// What stood there when something was said.
fn version_at(versions: &[RawVersion], at: Timestamp) -> Option<&RawVersion> {
    versions.iter().rfind(|it| it.created_at <= at)
}
