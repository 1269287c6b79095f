//! Takes the snapshot of one application: the store's memory, the files, the forge.

use std::collections::BTreeMap;

use crate::domain::freeze::Freeze;
use crate::domain::gate::Voters;
use crate::domain::id::{ApplicationKey, EnvironmentName, PersonName};
use crate::domain::pipeline::{Environment, Pipeline};
use crate::domain::plan::branch_of;
use crate::domain::promotion::{Proposed, State};
use crate::domain::schedule::{Schedule, Timetable};
use crate::domain::snapshot::{
    Branch, Held, Judgement, ProposalFacts, ProposalStage, Reading, Snapshot, StatusWord, TeamWord,
};
use crate::messages::pull_request::{FOREIGN_PUSH, PUT_OUT, SKIPPED_GATE};

use super::ports::{
    ApplicationRecord, BranchState, Mergeability, Proposal, ProposalState, StatusState,
};
use super::reconcile::{Sight, chain};
use super::{App, AppError, Repository, reading};

impl App {
    /// The pipeline of an application, and its repository.
    pub(super) fn rules(
        &self,
        application: &ApplicationKey,
    ) -> Result<(&Pipeline, &Repository), AppError> {
        let pipeline =
            self.policy.pipelines.get(&application.pipeline).ok_or_else(|| AppError::NotFound {
                what: format!("no pipeline is called {}; see `hoist check`", application.pipeline),
            })?;
        let repository = self.repositories.get(&pipeline.repository).ok_or_else(|| {
            AppError::NotFound { what: format!("no repository is called {}", pipeline.repository) }
        })?;
        Ok((pipeline, repository))
    }

    /// What the store remembers, without a look at Git and the forge.
    pub(super) fn memory(&self, record: ApplicationRecord, pipeline: &Pipeline) -> Snapshot {
        let holds = record
            .holds
            .into_iter()
            .map(|hold| {
                (
                    hold.environment,
                    Held {
                        id: hold.id,
                        by: hold.by,
                        reason: hold.reason,
                        since: hold.since,
                        until: hold.until,
                    },
                )
            })
            .collect();
        let mut freezes = self.policy.freezes.clone();
        freezes.extend(record.freezes.into_iter().map(Freeze::from));
        let Sight { evidence, delays, .. } = self.seen.of(&record.application);
        let schedules = &self.policy.schedules;
        let takes = |it: &&Schedule| {
            it.pipeline == pipeline.name && it.takes(&record.application.application)
        };
        let schedules = schedules.iter().filter(takes).cloned();
        let timetable = Timetable { schedules: schedules.collect(), boarded: record.boarded };
        Snapshot {
            at: self.clock.now(),
            timetable,
            application: record.application,
            pipeline: pipeline.clone(),
            artifacts: record.artifacts,
            delays,
            promotions: record.promotions,
            holds,
            freezes,
            withdrawn: BTreeMap::new(),
            rides: BTreeMap::new(),
            members: self.policy.members(),
            readings: BTreeMap::new(),
            proposals: BTreeMap::new(),
            pulses: record.pulses,
            evidence,
            glances: BTreeMap::new(),
        }
    }

    /// Everything there is to know of an application. The mirror is read as it is: fetch before.
    pub(super) async fn look(&self, application: &ApplicationKey) -> Result<Snapshot, AppError> {
        let (pipeline, repository) = self.rules(application)?;
        let mut snapshot = self.look_at_files(application).await?;
        for environment in &pipeline.environments {
            for proposal in self.proposals(repository, &snapshot, environment).await? {
                let facts = facts(repository, environment, application, proposal).await?;
                snapshot.proposals.insert(facts.number, facts);
            }
        }
        self.ask_teams(&mut snapshot).await;
        Ok(snapshot)
    }

    /// What the store remembers and what the files hold. The forge is not asked about proposals:
    /// a run that looks at hundreds of applications would ask it a thousand times.
    pub(super) async fn look_at_files(
        &self,
        application: &ApplicationKey,
    ) -> Result<Snapshot, AppError> {
        let (pipeline, repository) = self.rules(application)?;
        let record = self.store.load(application).await?;
        let mut snapshot = self.memory(record, pipeline);
        for environment in &pipeline.environments {
            let branch = environment.branch.as_ref().unwrap_or(&repository.branch);
            let reading = read_tip(repository, branch, environment, application).await?;
            snapshot.readings.insert(environment.name.clone(), reading);
        }
        self.look_at_trains(&mut snapshot);
        Ok(snapshot)
    }

    /// Notes who rides with a train, as far as those were looked at.
    fn look_at_trains(&self, snapshot: &mut Snapshot) {
        for promotion in snapshot.promotions.iter().filter(|it| it.state.is_pending()) {
            let is_rider = snapshot.timetable.train_of(&promotion.id).is_some();
            if is_rider && let Some(ride) = self.trains.ride(&promotion.id) {
                snapshot.rides.insert(promotion.id.clone(), ride);
            }
        }
    }

    /// The proposals that concern an environment: the open one, and those of pending promotions.
    ///
    /// Of a train's, which concerns many, only how it ended: open, it is tended as a whole.
    async fn proposals(
        &self,
        repository: &Repository,
        snapshot: &Snapshot,
        environment: &Environment,
    ) -> Result<Vec<Proposal>, AppError> {
        let branch = branch_of(&environment.name, &snapshot.application.application);
        let mut found: Vec<Proposal> =
            repository.forge.find_open(&branch).await?.into_iter().collect();
        let proposed = snapshot
            .promotions_into(&environment.name)
            .filter(|promotion| promotion.state == State::Proposed);
        for promotion in proposed {
            let Some(Proposed { number, .. }) = &promotion.proposal else { continue };
            if snapshot.timetable.train_of(&promotion.id).is_some() {
                found.extend(self.trains.ended(&promotion.id));
            } else if found.iter().all(|proposal| proposal.number != *number) {
                found.push(repository.forge.load(*number).await?);
            }
        }
        Ok(found)
    }
}

async fn read_tip(
    repository: &Repository,
    branch: &str,
    environment: &Environment,
    application: &ApplicationKey,
) -> Result<Reading, AppError> {
    let name = format!("refs/heads/{branch}");
    match repository.git.tip(&name).await? {
        Some(tip) => {
            reading::read(repository.git.as_ref(), &tip, environment, &application.application)
                .await
        }
        None => Ok(Reading::Refused {
            reason: format!(
                "the repository has no branch {branch}; push it, or name another with `branch:`"
            ),
        }),
    }
}

/// What the forge says of a proposal, and what its branch changes.
pub(super) async fn facts(
    repository: &Repository,
    environment: &Environment,
    application: &ApplicationKey,
    proposal: Proposal,
) -> Result<ProposalFacts, AppError> {
    let judgement = match proposal.state {
        ProposalState::Open => judgement(repository, environment, application, &proposal).await?,
        ProposalState::Merged { .. } | ProposalState::Closed { .. } => Judgement::OnlyVersion,
    };
    let team = team_word(repository, environment, &proposal).await;
    Ok(ProposalFacts { team, ..translate(&environment.name, proposal, judgement) })
}

/// What the forge says of a proposal whose commits were proved one by one.
pub(super) async fn facts_of(
    repository: &Repository,
    environment: &Environment,
    proposal: Proposal,
) -> ProposalFacts {
    let team = team_word(repository, environment, &proposal).await;
    let facts = translate(&environment.name, proposal, Judgement::OnlyVersion);
    ProposalFacts { team, ..facts }
}

/// Asks the forge who of those who approved is in the team that an environment asks for. Nobody who
/// cannot be asked stops a pass: then nobody counts, and the gate says why.
async fn team_word(
    repository: &Repository,
    environment: &Environment,
    proposal: &Proposal,
) -> TeamWord {
    let of = environment.approvals().map(|approvals| &approvals.of);
    let (Some(Voters::Team(team)), ProposalState::Open) = (of, &proposal.state) else {
        return TeamWord::NotAsked;
    };
    let approvers: Vec<PersonName> = proposal.approvals.iter().map(|it| it.by.clone()).collect();
    match repository.forge.in_team(team, &approvers).await {
        Ok(members) => TeamWord::Members(members),
        Err(error) => TeamWord::Silent(chain(&error)),
    }
}

/// Judges what a proposal's branch changes since it left the branch it shall go into.
async fn judgement(
    repository: &Repository,
    environment: &Environment,
    application: &ApplicationKey,
    proposal: &Proposal,
) -> Result<Judgement, AppError> {
    let git = repository.git.as_ref();
    let target = format!("refs/heads/{}", proposal.target);
    let Some(tip) = git.tip(&target).await? else {
        return Ok(Judgement::Otherwise(format!("{} is gone", proposal.target)));
    };
    let Some(base) = git.merge_base(&tip, &proposal.head).await? else {
        return Ok(Judgement::Otherwise("the branch shares no history with its target".into()));
    };
    reading::judge(git, &base, &proposal.head, environment, &application.application).await
}

fn translate(
    environment: &EnvironmentName,
    proposal: Proposal,
    judgement: Judgement,
) -> ProposalFacts {
    let told_of_push = proposal
        .comments
        .iter()
        .rev()
        .filter_map(|comment| comment.body.strip_prefix(FOREIGN_PUSH))
        .find_map(|rest| rest.get(..40)?.parse().ok());
    let told_put_out = proposal
        .comments
        .iter()
        .rev()
        .filter_map(|comment| comment.body.strip_prefix(PUT_OUT))
        .find_map(|rest| rest.split_once(" -->")?.0.parse().ok());
    let told_of_skips = proposal
        .comments
        .iter()
        .filter_map(|comment| comment.body.strip_prefix(SKIPPED_GATE)?.split_once(" -->"))
        .map(|(gate, _)| gate.to_owned())
        .collect();
    ProposalFacts {
        number: proposal.number,
        environment: environment.clone(),
        head: proposal.head,
        branch: match proposal.branch_state {
            BranchState::Stands => Branch::Stands,
            BranchState::Gone => Branch::Gone,
        },
        state: match proposal.state {
            ProposalState::Open => ProposalStage::Open,
            ProposalState::Merged { commit, by, .. } => ProposalStage::Merged { commit, by },
            ProposalState::Closed { by, reason, .. } => ProposalStage::Closed { by, reason },
        },
        conflicts: match proposal.mergeability {
            Mergeability::Conflict(paths) => paths,
            Mergeability::Clean | Mergeability::Unknown => Vec::new(),
        },
        approvals: proposal.approvals.into_iter().map(|approval| approval.by).collect(),
        objections: proposal.objections,
        statuses: proposal
            .statuses
            .into_iter()
            .map(|(context, status)| (context, (word(status.state), status.description)))
            .collect(),
        judgement,
        told_of_push,
        told_of_skips,
        told_put_out,
        team: TeamWord::NotAsked,
        draft: proposal.draft,
        landing: proposal.landing,
    }
}

fn word(state: StatusState) -> StatusWord {
    match state {
        StatusState::Pending => StatusWord::Pending,
        StatusState::Success => StatusWord::Success,
        StatusState::Failure => StatusWord::Failure,
    }
}
