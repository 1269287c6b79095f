//! A pull request with all that belongs to it, as the port tells it.

use std::collections::BTreeMap;

use reqwest::StatusCode;

use super::raw::{RawComment, RawFile, RawGitRef, RawPull, RawReview};
use super::{GitHubForge, statuses};
use crate::adapters::forge::common::note;
use crate::app::ports::{
    Approval, BranchState, Comment, ForgeError, Mergeability, Proposal, ProposalState, Review,
    ReviewVerdict,
};
use crate::domain::id::{CommitId, PersonName, ProposalNumber};

/// Whose reviews count: who may write to the repository is among these, a passer-by is not.
const INSIDERS: [&str; 3] = ["OWNER", "MEMBER", "COLLABORATOR"];

/// Who opened what nobody claims any more.
const GHOST: &str = "ghost";

impl GitHubForge {
    pub(super) async fn look_at(&self, pull: RawPull) -> Result<Proposal, ForgeError> {
        let number = ProposalNumber(pull.number);
        let is_open = pull.state == "open";
        let statuses = async {
            if is_open {
                statuses::latest(&self.api, &pull.head.sha).await
            } else {
                Ok(BTreeMap::new())
            }
        };
        let (raw_reviews, comments, statuses, branch_state, mergeability, (landing, draft)) = futures::try_join!(
            self.reviews(number),
            self.comments(number),
            statuses,
            self.branch_state(&pull),
            self.mergeability(&pull),
            self.way_in(&pull),
        )?;
        let reviews = self.verdicts(&raw_reviews);
        let latest = self.latest_words(&raw_reviews);
        Ok(Proposal {
            number,
            head: commit(&pull.head.sha)?,
            branch_state,
            state: self.state(&pull, &comments)?,
            mergeability,
            draft,
            landing,
            approvals: approvals(&latest, &pull.head.sha),
            objections: objections(&latest),
            statuses,
            reviews,
            comments: comments.iter().map(|it| told(it, &pull)).collect(),
            branch: pull.head.name,
            target: pull.base.name,
            title: pull.title,
            body: pull.body.unwrap_or_default().replace("\r\n", "\n"),
            url: pull.html_url,
        })
    }

    /// What a branch points at, if it stands.
    pub(super) async fn tip(&self, branch: &str) -> Result<Option<String>, ForgeError> {
        let answer = self.api.get(&self.branch_route("ref", branch)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let found: RawGitRef = answer.expect(self.api.repo(), "looking for a branch")?;
        Ok(Some(found.object.sha))
    }

    /// The paths that a pull request changes.
    pub(super) async fn paths(&self, number: ProposalNumber) -> Result<Vec<String>, ForgeError> {
        let route = self.pull_route(number, &["files"]);
        let doing = format!("reading the files of pull request {number}");
        let files: Vec<RawFile> = self.api.list(&route, &[], &doing).await?;
        Ok(files.into_iter().map(|file| file.filename).collect())
    }

    /// GitHub closes a pull request whose branch is deleted, so that of an open one stands.
    async fn branch_state(&self, pull: &RawPull) -> Result<BranchState, ForgeError> {
        if pull.state == "open" || self.tip(&pull.head.name).await?.is_some() {
            return Ok(BranchState::Stands);
        }
        Ok(BranchState::Gone)
    }

    /// GitHub does not tell which paths conflict; they are among those that are changed.
    async fn mergeability(&self, pull: &RawPull) -> Result<Mergeability, ForgeError> {
        match pull.mergeable {
            _ if pull.state != "open" => Ok(Mergeability::Unknown),
            None => Ok(Mergeability::Unknown),
            Some(true) => Ok(Mergeability::Clean),
            Some(false) => {
                self.paths(ProposalNumber(pull.number)).await.map(Mergeability::Conflict)
            }
        }
    }

    fn state(&self, pull: &RawPull, comments: &[RawComment]) -> Result<ProposalState, ForgeError> {
        if let Some(at) = pull.merged_at {
            let by = pull.merged_by.as_ref().and_then(|it| self.person(&it.login));
            let commit = commit(pull.merge_commit_sha.as_deref().unwrap_or_default())?;
            return Ok(ProposalState::Merged { commit, by, at });
        }
        match pull.closed_at {
            Some(at) if pull.state != "open" => {
                let (reason, by) =
                    note::closing(comments.iter().filter_map(|it| it.ours(pull))).unzip();
                Ok(ProposalState::Closed { by: by.flatten(), reason, at })
            }
            Some(_) | None => Ok(ProposalState::Open),
        }
    }

    /// All reviews that say yes or no, oldest first.
    fn verdicts(&self, reviews: &[RawReview]) -> Vec<Review> {
        let review = |it: &RawReview| {
            Some(Review {
                by: self.person(&it.user.as_ref()?.login)?,
                verdict: verdict(it)?,
                head: it.commit_id.as_deref()?.parse().ok()?,
                comment: it.body.clone().filter(|text| !text.is_empty()),
                at: it.submitted_at?,
            })
        };
        reviews.iter().filter_map(review).collect()
    }

    /// Everybody's latest word, in the order of their first.
    ///
    /// A comment takes nothing back; a dismissed word counts no longer.
    fn latest_words<'r>(&self, reviews: &'r [RawReview]) -> Vec<(PersonName, &'r RawReview)> {
        let mut latest: Vec<(PersonName, &RawReview)> = Vec::new();
        let counts = |it: &&RawReview| INSIDERS.contains(&it.author_association.as_str());
        let speaks = |it: &&RawReview| verdict(it).is_some() || it.state == "DISMISSED";
        for review in reviews.iter().filter(counts).filter(speaks) {
            let Some(person) = review.user.as_ref().and_then(|it| self.person(&it.login)) else {
                continue;
            };
            match latest.iter_mut().find(|(known, _)| *known == person) {
                Some((_, word)) => *word = review,
                None => latest.push((person, review)),
            }
        }
        latest
    }
}

fn verdict(review: &RawReview) -> Option<ReviewVerdict> {
    match review.state.as_str() {
        "APPROVED" => Some(ReviewVerdict::Approve),
        "CHANGES_REQUESTED" => Some(ReviewVerdict::RequestChanges),
        _ => None,
    }
}

/// Those who said yes to the head as it is.
fn approvals(latest: &[(PersonName, &RawReview)], head: &str) -> Vec<Approval> {
    let approves = |review: &RawReview| {
        verdict(review) == Some(ReviewVerdict::Approve) && review.commit_id.as_deref() == Some(head)
    };
    let approval = |(by, review): &(PersonName, &RawReview)| {
        Some(Approval { by: by.clone(), at: review.submitted_at? })
    };
    latest.iter().filter(|(_, review)| approves(review)).filter_map(approval).collect()
}

fn objections(latest: &[(PersonName, &RawReview)]) -> Vec<PersonName> {
    let objects = |review: &RawReview| verdict(review) == Some(ReviewVerdict::RequestChanges);
    latest.iter().filter(|(_, it)| objects(it)).map(|(by, _)| by.clone()).collect()
}

fn told(comment: &RawComment, pull: &RawPull) -> Comment {
    let by = comment.user.as_ref().map_or(GHOST, |user| user.login.as_str()).to_owned();
    let body = match comment.ours(pull) {
        Some(ours) => note::body(ours),
        None => note::unix(comment.body.as_deref().unwrap_or_default()),
    };
    Comment { by, body, at: comment.created_at }
}

/// A commit's id out of an answer.
pub(super) fn commit(sha: &str) -> Result<CommitId, ForgeError> {
    sha.parse().map_err(|_| {
        super::answer::unreachable(&format!("GitHub's answer makes no sense: {sha:?} is no commit"))
    })
}
