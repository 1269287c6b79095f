//! A promotion's story, and what people do with its proposal on hoist's own page.

use crate::domain::command::{Actor, Command, Identity, ProposalStep, Right, authorize, may};
use crate::domain::gate::{Judged, Verdict};
use crate::domain::id::{ApplicationKey, CommitId, PersonName, PromotionId, ProposalNumber};
use crate::domain::plan::judge;
use crate::domain::promotion::{Promotion, Proposed, State};
use crate::domain::snapshot::{Judgement, ProposalStage, Snapshot};
use crate::messages::pull_request::without_markers;
use crate::messages::{commit, explain, landing, train as words};

use super::ports::{
    AuditLine, Closing, Comment, ForgeError, MergeOutcome, MergeRequest, Proposal, ProposalState,
    Review, ReviewDesk, ReviewVerdict,
};
use super::proposing::own_message;
use super::report::report;
use super::status::{history_line, kind_name};
use super::trains::schedule_of;
use super::views::{
    ArtifactView, CommandView, CommentView, GateView, PromotionView, ProposalRequest, ProposalView,
    ReviewView, ReviewedHere, StatusLine,
};
use super::{App, AppError, Repository, reading};

/// How much of a diff is shown.
pub(super) const DIFF_LIMIT: usize = 64 * 1024;

impl App {
    /// One promotion's story.
    pub async fn promotion(&self, id: &str) -> Result<PromotionView, AppError> {
        let promotion = self.find_promotion(id).await?;
        let (pipeline, repository) = self.rules(&promotion.application)?;
        let snapshot = self.look(&promotion.application).await?;
        let promotion = as_the_forge_has_it(promotion, &snapshot);
        let environment = pipeline.environment(&promotion.environment);
        let pending = promotion.state.is_pending();
        let gates = match environment {
            Some(environment) if pending => {
                let facts =
                    promotion.proposal.as_ref().and_then(|p| snapshot.proposals.get(&p.number));
                judge(&snapshot, environment, &promotion, facts, self.clock.now())
            }
            Some(_) | None => Vec::new(),
        };
        let needed = environment.map_or(0, |it| it.approvals_needed(&promotion));
        let sight = self.seen.of(&promotion.application);
        let wait = sight.wait_of(&promotion.id).filter(|_| pending);
        let explanation = match wait {
            Some(wait) => explain::wait(wait),
            None => explain::state(&promotion, &snapshot.promotions),
        };
        let artifact = promotion.artifact.as_ref().and_then(|id| snapshot.artifact(id));
        Ok(PromotionView {
            id: promotion.id.clone(),
            pipeline: promotion.application.pipeline.clone(),
            application: promotion.application.application.clone(),
            environment: promotion.environment.clone(),
            kind: kind_name(&promotion.kind).to_owned(),
            version: promotion.version.clone(),
            artifact: artifact.map(ArtifactView::from),
            requested_by: promotion.requested_by.to_string(),
            reason: promotion.reason.clone(),
            created_at: promotion.created_at,
            state: promotion.state.name().to_owned(),
            explanation,
            since: promotion.since,
            gates: gates.into_iter().map(gate_view).collect(),
            skipped: promotion.skipped.iter().map(ToString::to_string).collect(),
            proposal: proposal_view(repository, &promotion, needed).await?,
            diff: diff(repository, &promotion).await,
            history: self.story(&promotion.id).await?,
        })
    }

    async fn story(&self, id: &PromotionId) -> Result<Vec<super::views::HistoryLine>, AppError> {
        let entries = self.store.audit_of(id).await?;
        Ok(entries.into_iter().map(history_line).collect())
    }

    /// The promotion that a proposal carries or carried last.
    pub async fn promotion_of_proposal(
        &self,
        repository: &str,
        number: u64,
    ) -> Result<PromotionId, AppError> {
        for key in self.store.applications().await? {
            let Ok((pipeline, _)) = self.rules(&key) else { continue };
            if pipeline.repository.as_str() != repository {
                continue;
            }
            let record = self.store.load(&key).await?;
            let carries = |p: &&Promotion| {
                p.proposal.as_ref().is_some_and(|proposed| proposed.number.0 == number)
            };
            if let Some(found) = record.promotions.iter().rfind(carries) {
                return Ok(found.id.clone());
            }
        }
        Err(AppError::NotFound {
            what: format!("{repository} has no proposal #{number} of hoist's"),
        })
    }

    /// Judges whether `base..head` changes version fields of a promotion's place and nothing else.
    pub async fn judge_change(
        &self,
        promotion: &PromotionView,
        base: &CommitId,
        head: &CommitId,
    ) -> Result<Judgement, AppError> {
        let application = ApplicationKey {
            pipeline: promotion.pipeline.clone(),
            application: promotion.application.clone(),
        };
        let (pipeline, repository) = self.rules(&application)?;
        let environment = self.environment_of(&application, promotion.environment.as_str())?;
        match pipeline.environment(&environment) {
            Some(environment) => {
                let git = repository.git.as_ref();
                reading::judge(git, base, head, environment, &application.application).await
            }
            None => Ok(Judgement::Otherwise(format!("{environment} is not in the pipeline"))),
        }
    }

    /// Approves, refuses, comments on, merges or closes a proposal of a forge without a page.
    pub async fn review(
        &self,
        by: &Identity,
        promotion: &str,
        request: ProposalRequest,
    ) -> Result<CommandView, AppError> {
        let promotion = self.find_promotion(promotion).await?;
        let command = Command::Proposal {
            promotion: promotion.id.clone(),
            environment: promotion.environment.clone(),
            step: request.step,
            comment: request.comment.clone(),
        };
        let (_, actor) = authorize(by, command, &self.policy.roles)?.into_parts();
        self.may_change()?;
        let (_, repository) = self.rules(&promotion.application)?;
        let desk = repository.forge.desk().ok_or_else(|| AppError::Refused {
            what: "this repository's forge has a page of its own: review the proposal there".into(),
        })?;
        let (Some(proposed), true) = (&promotion.proposal, promotion.state.is_pending()) else {
            return Err(AppError::Refused {
                what: format!(
                    "the promotion has no open proposal: it is {}",
                    promotion.state.name()
                ),
            });
        };
        repository.git.fetch().await?;
        let at = Desk { repository, desk, promotion: &promotion, proposed, actor: &actor };
        let message = match request.step {
            ProposalStep::Merge => self.merge_by_hand(&at, by, &request).await?,
            ProposalStep::Close => self.close_by_hand(&at, &request).await?,
            ProposalStep::Comment => self.remark(&at, &request).await?,
            ProposalStep::Check => {
                let proposal = repository.forge.load(proposed.number).await?;
                same_head(&request, &proposal)?;
                let words = request.comment.as_deref();
                report(repository, &proposal, request.check.as_ref(), words).await?
            }
            ProposalStep::Approve => self.vote(&at, &request, ReviewVerdict::Approve).await?,
            ProposalStep::RequestChanges => {
                self.vote(&at, &request, ReviewVerdict::RequestChanges).await?
            }
        };
        self.remember(&promotion, &actor, request.step, &message).await?;
        let url = Some(self.promotion_url(&promotion.id));
        Ok(CommandView { message, promotion: Some(promotion.id), url })
    }

    /// Records what was done, and wakes the application.
    async fn remember(
        &self,
        promotion: &Promotion,
        actor: &Actor,
        step: ProposalStep,
        text: &str,
    ) -> Result<(), AppError> {
        let now = self.clock.now();
        let line = AuditLine {
            at: now,
            actor: actor.clone(),
            verb: verb(step).to_owned(),
            application: Some(promotion.application.clone()),
            environment: Some(promotion.environment.clone()),
            promotion: Some(promotion.id.clone()),
            commit: None,
            text: text.to_owned(),
        };
        self.store.record(&promotion.application, Vec::new(), vec![line], now).await?;
        self.nudge.notify_one();
        Ok(())
    }

    async fn vote(
        &self,
        at: &Desk<'_>,
        request: &ProposalRequest,
        verdict: ReviewVerdict,
    ) -> Result<String, AppError> {
        let proposal = at.repository.forge.load(at.proposed.number).await?;
        let head = same_head(request, &proposal)?;
        let review = Review {
            by: person(at.actor)?,
            verdict,
            head,
            comment: request.comment.clone(),
            at: self.clock.now(),
        };
        at.desk.review(at.proposed.number, review).await.map_err(stale)?;
        let own = at.actor.name == at.promotion.requested_by.name;
        let note = match verdict {
            ReviewVerdict::Approve if own => " It does not count: they asked for the promotion.",
            ReviewVerdict::Approve | ReviewVerdict::RequestChanges => "",
        };
        let did = match verdict {
            ReviewVerdict::Approve => "approved",
            ReviewVerdict::RequestChanges => "asked for changes in",
        };
        Ok(format!("{} {did} proposal {}.{note}", at.actor, at.proposed.number))
    }

    async fn remark(&self, at: &Desk<'_>, request: &ProposalRequest) -> Result<String, AppError> {
        let Some(body) = request.comment.clone().filter(|text| !text.trim().is_empty()) else {
            return Err(AppError::Invalid {
                field: Some("comment"),
                what: "a comment needs a text".into(),
            });
        };
        let comment = Comment { by: at.actor.name.clone(), body, at: self.clock.now() };
        at.desk.remark(at.proposed.number, comment).await?;
        Ok(format!("{} commented on proposal {}.", at.actor, at.proposed.number))
    }

    async fn close_by_hand(
        &self,
        at: &Desk<'_>,
        request: &ProposalRequest,
    ) -> Result<String, AppError> {
        let number = at.proposed.number;
        let reason = request.comment.clone().unwrap_or_else(|| "no reason was given".into());
        let closing = Closing { number, by: person(at.actor)?, reason, at: self.clock.now() };
        at.repository.forge.close(&closing).await?;
        Ok(format!(
            "{} closed proposal {number}. It stays closed until a newer version or a command.",
            at.actor
        ))
    }

    async fn merge_by_hand(
        &self,
        at: &Desk<'_>,
        by: &Identity,
        request: &ProposalRequest,
    ) -> Result<String, AppError> {
        let number = at.proposed.number;
        let turn = at.repository.forge.turn_to_merge().await?;
        let _merging = self.merging.read().await;
        // The turn may have been long in coming: what the proposal carried may have gone on.
        let snapshot = self.look(&at.promotion.application).await?;
        let promotion = still_carried(&snapshot, at).ok_or_else(moved)?;
        let proposal = at.repository.forge.load(number).await?;
        let head = same_head(request, &proposal)?;
        let train = schedule_of(&snapshot, promotion, &proposal);
        let shut = match train {
            // All who ride are judged together.
            Some(train) => self.shut_for_train(train, promotion, &proposal).await?,
            None => self.shut_for(&snapshot, promotion, (number, &head))?,
        };
        let may_skip = may(by, Right::SkipGates, Some(&promotion.environment), &self.policy.roles);
        if !shut.is_empty() && !may_skip {
            return Err(AppError::Refused {
                what: format!(
                    "not merged: {}; somebody with the right skip-gates may merge past that",
                    shut.join("; ")
                ),
            });
        }
        let past = [commit::skipped(promotion), shut].concat();
        let requester = promotion.requested_by.name.as_str();
        let approvals: Vec<PersonName> = proposal
            .approvals
            .into_iter()
            .map(|approval| approval.by)
            .filter(|by| by.as_str() != requester)
            .collect();
        let by = person(at.actor)?;
        let passage = commit::Passage { approvals: &approvals, by: &by, past: &past };
        let (message, squashed) = if train.is_some() {
            let message = words::merge(&proposal.title, number, &passage);
            (message.clone(), message)
        } else {
            let own = at.repository.commits.complete(own_message(&snapshot, promotion));
            let message = commit::merge(promotion, number, &passage);
            (message, commit::squashed(&own, number, &passage))
        };
        let merge = MergeRequest { number, head, message, squashed, by, at: self.clock.now() };
        match at.repository.forge.merge(&merge, turn).await? {
            MergeOutcome::Merged(commit) if past.is_empty() => {
                Ok(format!("{} merged proposal {number} in {}.", at.actor, commit.short()))
            }
            MergeOutcome::Merged(commit) => Ok(format!(
                "{} merged proposal {number} in {}, past shut gates: {}.",
                at.actor,
                commit.short(),
                past.join("; ")
            )),
            MergeOutcome::HeadMoved => Err(moved()),
            MergeOutcome::Conflict(paths) => Err(AppError::Refused {
                what: format!(
                    "not merged: it conflicts in {}; hoist makes a new commit on the new base",
                    paths.join(", ")
                ),
            }),
            MergeOutcome::Handed(course) => {
                Ok(format!("Proposal {number} is {}.", landing::handed_over(course)))
            }
            MergeOutcome::Blocked(blocks) => {
                Err(AppError::Refused { what: landing::blocked(&blocks) })
            }
            MergeOutcome::Refused(reason) => Err(AppError::Refused { what: reason }),
        }
    }

    /// What keeps everybody without the right to skip gates from merging.
    fn shut_for(
        &self,
        snapshot: &Snapshot,
        promotion: &Promotion,
        (number, head): (ProposalNumber, &CommitId),
    ) -> Result<Vec<String>, AppError> {
        let facts = snapshot.proposals.get(&number);
        if facts.is_some_and(|facts| facts.head != *head) {
            return Err(moved());
        }
        let environment = snapshot.pipeline.environment(&promotion.environment);
        let Some(environment) = environment else { return Ok(Vec::new()) };
        let gates = judge(snapshot, environment, promotion, facts, self.clock.now());
        let mut shut: Vec<String> = gates
            .iter()
            .filter(|gate| !gate.is_open())
            .map(|gate| format!("{} is shut ({})", gate.name, gate.saw))
            .collect();
        if let Some(Judgement::Otherwise(what)) = facts.map(|facts| &facts.judgement) {
            shut.push(format!("it changes more than version fields ({what})"));
        }
        Ok(shut)
    }
}

/// A proposal on the table, and who stands before it.
struct Desk<'a> {
    repository: &'a Repository,
    desk: &'a dyn ReviewDesk,
    promotion: &'a Promotion,
    proposed: &'a Proposed,
    actor: &'a Actor,
}

fn verb(step: ProposalStep) -> &'static str {
    match step {
        ProposalStep::Approve => "approve",
        ProposalStep::RequestChanges => "request-changes",
        ProposalStep::Comment => "comment",
        ProposalStep::Check => "check",
        ProposalStep::Merge => "merge",
        ProposalStep::Close => "close",
    }
}

fn person(actor: &Actor) -> Result<PersonName, AppError> {
    actor.name.parse().map_err(|_| AppError::Refused {
        what: format!("{} is not a name that can review", actor.name),
    })
}

/// The promotion as it is now, if the proposal before the person carries it still.
fn still_carried<'a>(snapshot: &'a Snapshot, at: &Desk<'_>) -> Option<&'a Promotion> {
    let promotion = snapshot.promotion(&at.promotion.id).filter(|it| it.state.is_pending())?;
    let number = promotion.proposal.as_ref().map(|proposed| proposed.number);
    (number == Some(at.proposed.number)).then_some(promotion)
}

/// The head that the person looked at, if it is still the head.
fn same_head(request: &ProposalRequest, proposal: &Proposal) -> Result<CommitId, AppError> {
    match &request.head {
        Some(head) if head != &proposal.head => Err(moved()),
        Some(_) | None => Ok(proposal.head.clone()),
    }
}

fn moved() -> AppError {
    AppError::Refused {
        what: "the proposal changed since you looked at it: look again, then decide".into(),
    }
}

fn stale(error: ForgeError) -> AppError {
    match error {
        ForgeError::Stale => moved(),
        other @ (ForgeError::RateLimited { .. }
        | ForgeError::Paced { .. }
        | ForgeError::Unauthorized
        | ForgeError::NotFound(_)
        | ForgeError::Refused(_)
        | ForgeError::Unreachable(_)) => AppError::Forge(other),
    }
}

/// The promotion as its proposal says that it stands: somebody may have merged or closed it a
/// moment ago, and the next pass has yet to record that.
fn as_the_forge_has_it(promotion: Promotion, snapshot: &Snapshot) -> Promotion {
    let number = promotion.proposal.as_ref().map(|proposed| proposed.number);
    let facts = number.and_then(|number| snapshot.proposals.get(&number));
    let state = match facts.map(|facts| &facts.state) {
        Some(ProposalStage::Merged { commit, by }) if promotion.state == State::Proposed => {
            State::Merged { commit: commit.clone(), by: by.clone() }
        }
        Some(ProposalStage::Closed { by, reason }) if promotion.state == State::Proposed => {
            State::Closed { by: by.clone(), reason: reason.clone().unwrap_or_default() }
        }
        Some(_) | None => return promotion,
    };
    Promotion { state, ..promotion }
}

pub(super) fn gate_view(judged: Judged) -> GateView {
    let (verdict, opens_at) = match judged.verdict {
        Verdict::Open => ("open", None),
        Verdict::OpensAt(at) => ("opens_at", Some(at)),
        Verdict::NeedsAction(_) => ("needs_action", None),
        Verdict::Skipped => ("skipped", None),
    };
    GateView {
        name: judged.name.to_owned(),
        verdict: verdict.to_owned(),
        saw: judged.saw,
        opens_at,
    }
}

/// What a merge would bring, or has brought: everything on the branch, whoever pushed it.
///
/// A reviewer approves the forge's head, so that is what must be shown, and not hoist's own commit.
async fn diff(repository: &Repository, promotion: &Promotion) -> Option<String> {
    let proposed = promotion.proposal.as_ref()?;
    let git = repository.git.as_ref();
    let proposal = repository.forge.load(proposed.number).await.ok()?;
    let (base, head) = match proposal.state {
        ProposalState::Merged { commit, .. } => {
            let merge = git.log(&commit, None, 1).await.ok()?.into_iter().next()?;
            (merge.parents.into_iter().next()?, commit)
        }
        ProposalState::Open | ProposalState::Closed { .. } => {
            let target = format!("refs/heads/{}", proposal.target);
            let tip = git.tip(&target).await.ok()??;
            (git.merge_base(&tip, &proposal.head).await.ok()??, proposal.head)
        }
    };
    git.patch(&base, &head, DIFF_LIMIT).await.ok()
}

async fn proposal_view(
    repository: &Repository,
    promotion: &Promotion,
    needed: u32,
) -> Result<Option<ProposalView>, AppError> {
    let Some(proposed) = &promotion.proposal else { return Ok(None) };
    let proposal = repository.forge.load(proposed.number).await?;
    let (state, merge_commit, ended_by) = match &proposal.state {
        ProposalState::Open => ("open", None, None),
        ProposalState::Merged { commit, by, .. } => ("merged", Some(commit.clone()), by.clone()),
        ProposalState::Closed { by, .. } => ("closed", None, by.clone()),
    };
    let conflicts = match &proposal.mergeability {
        super::ports::Mergeability::Conflict(paths) => paths.clone(),
        super::ports::Mergeability::Clean | super::ports::Mergeability::Unknown => Vec::new(),
    };
    let requester = promotion.requested_by.name.as_str();
    let approvals = proposal.approvals.iter().map(|approval| approval.by.to_string());
    Ok(Some(ProposalView {
        number: proposal.number,
        url: proposal.url,
        state: state.to_owned(),
        title: proposal.title,
        body: without_markers(&proposal.body),
        branch: proposal.branch,
        target: proposal.target,
        head: proposal.head,
        merge_commit,
        ended_by: ended_by.map(String::from),
        conflicts,
        approvals_needed: needed,
        approvals: approvals.filter(|by| by != requester).collect(),
        reviews: proposal.reviews.into_iter().map(review_view).collect(),
        comments: proposal
            .comments
            .into_iter()
            .map(|comment| CommentView {
                by: comment.by,
                body: without_markers(&comment.body),
                at: comment.at,
            })
            .collect(),
        statuses: proposal
            .statuses
            .into_iter()
            .map(|(context, status)| StatusLine {
                context,
                state: status_word(status.state).to_owned(),
                description: status.description,
            })
            .collect(),
        reviewed_here: match repository.forge.desk() {
            Some(_) => ReviewedHere::Yes,
            None => ReviewedHere::No,
        },
    }))
}

fn review_view(review: Review) -> ReviewView {
    ReviewView {
        by: review.by.to_string(),
        verdict: match review.verdict {
            ReviewVerdict::Approve => "approve",
            ReviewVerdict::RequestChanges => "request_changes",
        }
        .to_owned(),
        head: review.head,
        comment: review.comment,
        at: review.at,
    }
}

fn status_word(state: super::ports::StatusState) -> &'static str {
    match state {
        super::ports::StatusState::Pending => "pending",
        super::ports::StatusState::Success => "success",
        super::ports::StatusState::Failure => "failure",
    }
}
