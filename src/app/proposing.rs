//! What a promotion's proposal and its commit say.

use crate::domain::artifact::Artifact;
use crate::domain::id::CommitId;
use crate::domain::landing::Drafted;
use crate::domain::pipeline::{DraftPolicy, Environment, Review};
use crate::domain::plan::{Proposing, branch_of, judge, keeps_draft};
use crate::domain::promotion::{Kind, Promotion};
use crate::domain::rollback;
use crate::domain::snapshot::Snapshot;
use crate::messages::{commit, pull_request};

use super::ports::{Asks, ProposalSpec};
use super::{App, Repository};

impl App {
    /// The proposal as it should be now.
    pub(super) fn spec(
        &self,
        snapshot: &Snapshot,
        repository: &Repository,
        (promotion, environment): (&Promotion, &Environment),
        proposing: &Proposing,
    ) -> ProposalSpec {
        let gates = judge(snapshot, environment, promotion, None, self.clock.now());
        let url = self.promotion_url(&promotion.id);
        let current = snapshot.current(&promotion.environment);
        let story = pull_request::Story {
            promotion,
            artifact: artifact_of(snapshot, promotion),
            from: current.map_or("nothing known", |current| current.version.as_str()),
            edits: &proposing.edits,
            gates: &gates,
            url: &url,
            back: told_back(snapshot, promotion),
            before: evidence(snapshot, environment, promotion),
            compare: what_comes(snapshot, promotion),
        };
        let review = &environment.review;
        let (title, body) =
            pull_request::text(&story, review.title.as_deref(), review.body.as_deref());
        ProposalSpec {
            branch: branch_of(&promotion.environment, &promotion.application.application),
            target: environment.branch.clone().unwrap_or_else(|| repository.branch.clone()),
            title,
            body,
            labels: review.labels.clone(),
            asks: asks(review),
            draft: match review.draft {
                DraftPolicy::UntilOpen if keeps_draft(&gates) => Drafted::Ours,
                DraftPolicy::UntilOpen | DraftPolicy::Never => Drafted::Ready,
            },
        }
    }
}

/// Whom a proposal asks, in hoist's own names.
pub(super) fn asks(review: &Review) -> Asks {
    Asks {
        reviewers: review.reviewers.iter().map(ToString::to_string).collect(),
        teams: review.teams.clone(),
        assignees: review.assignees.iter().map(ToString::to_string).collect(),
    }
}

fn artifact_of<'a>(snapshot: &'a Snapshot, promotion: &Promotion) -> Option<&'a Artifact> {
    promotion.artifact.as_ref().and_then(|id| snapshot.artifact(id))
}

/// The promotions that brought the same thing into the environments before.
fn evidence<'a>(
    snapshot: &'a Snapshot,
    environment: &'a Environment,
    promotion: &Promotion,
) -> Vec<&'a Promotion> {
    if promotion.is_rollback() {
        return Vec::new();
    }
    let there = environment.after.iter().filter_map(|name| snapshot.current(name));
    there.filter(|it| it.artifact.is_some() && it.artifact == promotion.artifact).collect()
}

/// Where the commits can be looked at that come with a promotion.
fn what_comes(snapshot: &Snapshot, promotion: &Promotion) -> Option<String> {
    if promotion.is_rollback() {
        return None;
    }
    let there = snapshot.current(&promotion.environment)?;
    rollback::compare(artifact_of(snapshot, there)?, artifact_of(snapshot, promotion)?)
}

/// What a rollback's proposal tells of what goes and what comes back.
fn told_back<'a>(snapshot: &'a Snapshot, promotion: &Promotion) -> Option<pull_request::Back<'a>> {
    let Kind::Rollback { restores, undoes } = &promotion.kind else { return None };
    let (restores, undoes) = (snapshot.promotion(restores)?, snapshot.promotion(undoes)?);
    let compare = artifact_of(snapshot, restores)
        .zip(artifact_of(snapshot, undoes))
        .and_then(|(restored, undone)| rollback::compare(restored, undone));
    let undone = undone_commit(snapshot, promotion);
    Some(pull_request::Back { restores, undoes, undone, compare })
}

/// What the commit says that a promotion's proposal carries.
pub(super) fn own_message(snapshot: &Snapshot, promotion: &Promotion) -> String {
    let undone = undone_commit(snapshot, promotion);
    commit::promotion(promotion, artifact_of(snapshot, promotion), undone)
}

/// The commit that a rollback takes back.
fn undone_commit<'a>(snapshot: &'a Snapshot, promotion: &Promotion) -> Option<&'a CommitId> {
    let Kind::Rollback { undoes, .. } = &promotion.kind else { return None };
    let undone = snapshot.promotion(undoes)?;
    match &undone.kind {
        Kind::Found { at } => Some(at),
        Kind::Forward { .. } | Kind::Rollback { .. } => undone.state.commit(),
    }
}
