//! `hoist recover`: rebuilds what a lost store knew, from Git and the forge.
//!
//! Git says what was merged where; the trailers of hoist's own commits say the rest. What neither
//! knows is named, and every environment is held until a person has looked.

mod rebuilt;
mod trailers;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::artifact::Artifact;
use crate::domain::command::Actor;
use crate::domain::id::{ApplicationKey, CommitId, EventId, HoldId, RepositoryName};
use crate::domain::pipeline::Environment;
use crate::domain::plan::branch_of;
use crate::domain::promotion::{FieldValue, Kind, Promotion};
use crate::domain::snapshot::{Reading, values_of};
use crate::messages::recover as words;

use super::ports::{Announcement, AuditLine, Change, DeliveryOutcome, GitError, Hold, LogEntry};
use super::{App, AppError, Repository, reading};
use rebuilt::{Landed, Rebuilt};
use trailers::Told;
pub(super) use trailers::promotion_of;

/// How many commits a train has at most; each is of one application.
const LONGEST_TRAIN: usize = 50_000;

/// How many commits of a branch that people may have pushed to are looked through for hoist's own.
const FOREIGN: usize = 50;

/// How far back is looked for hoist's traces before a new store is believed to be the first one.
const TRACES: usize = 1000;

/// What landed on a branch, by application and environment.
type Landings = BTreeMap<(String, String), Vec<Landed>>;

/// What `hoist recover` rebuilt, and what it could not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RecoveredView {
    /// Applications, each held in every environment.
    pub applications: usize,
    /// Artifacts that stand in a commit.
    pub artifacts: usize,
    /// Promotions that are merged.
    pub merged: usize,
    /// Those of them that are rollbacks.
    pub rollbacks: usize,
    /// Versions found before hoist's commits, or put there by other hands.
    pub found: usize,
    /// Proposals that are open.
    pub open: usize,
    /// What cannot be known any more.
    pub unknown: Vec<String>,
}

impl RecoveredView {
    /// Counts one application's.
    fn count(&mut self, promotions: &[Promotion], artifacts: &[Artifact]) {
        self.applications += 1;
        self.artifacts += artifacts.len();
        for promotion in promotions {
            match &promotion.kind {
                Kind::Found { .. } => self.found += 1,
                Kind::Forward { .. } | Kind::Rollback { .. } if promotion.state.is_pending() => {
                    self.open += 1;
                }
                Kind::Forward { .. } => self.merged += 1,
                Kind::Rollback { .. } => {
                    self.merged += 1;
                    self.rollbacks += 1;
                }
            }
        }
    }
}

impl App {
    /// Why this store, in which nothing is, is not the first one of its repositories.
    ///
    /// Going on would forget what succeeded where and what was rolled back. A remote that cannot be
    /// read tells nothing.
    pub async fn lost_history(&self) -> Result<Option<String>, AppError> {
        if !self.store.applications().await?.is_empty() {
            return Ok(None);
        }
        for (name, repository) in &self.repositories {
            if let Err(error) = repository.git.fetch().await {
                tracing::warn!(repository.name = %name, "{name} cannot be read: {error}");
                continue;
            }
            for tip in self.tips(name, repository).await?.values() {
                let log = repository.git.log(tip, None, TRACES).await?;
                let traces = log.iter().filter(|it| trailers::is_of_hoist(&it.message)).count();
                if traces > 0 {
                    return Ok(Some(words::lost(name.as_str(), traces)));
                }
            }
        }
        Ok(None)
    }

    /// Rebuilds the store, in which no promotion may be yet.
    pub async fn recover(&self) -> Result<RecoveredView, AppError> {
        let discovery = self.discover().await?;
        if let Some((name, why)) = discovery.unread.first_key_value() {
            return Err(AppError::Refused { what: words::unreadable(name.as_str(), why) });
        }
        for application in &*discovery.known {
            if !self.store.load(application).await?.promotions.is_empty() {
                return Err(AppError::Refused { what: words::NOT_EMPTY.to_owned() });
            }
        }
        let mut landings = BTreeMap::new();
        for (name, repository) in &self.repositories {
            for (branch, tip) in self.tips(name, repository).await? {
                let landed = landed_on(repository, &tip).await?;
                landings.insert((name.clone(), branch), landed);
            }
        }
        let mut view = RecoveredView { unknown: words::unknown(), ..RecoveredView::default() };
        for application in &*discovery.known {
            self.recover_one(application, &landings, &mut view).await?;
        }
        Ok(view)
    }

    /// The branches of a repository on which environments stand, with their tips.
    async fn tips(
        &self,
        name: &RepositoryName,
        repository: &Repository,
    ) -> Result<BTreeMap<String, CommitId>, GitError> {
        let pipelines = self.policy.pipelines.values().filter(|it| &it.repository == name);
        let environments = pipelines.flat_map(|it| &it.environments);
        let branches: BTreeSet<&String> =
            environments.map(|it| it.branch.as_ref().unwrap_or(&repository.branch)).collect();
        let mut tips = BTreeMap::new();
        for branch in branches {
            let full = format!("refs/heads/{branch}");
            if let Some(tip) = repository.git.tip(&full).await? {
                tips.insert(branch.clone(), tip);
            }
        }
        Ok(tips)
    }

    async fn recover_one(
        &self,
        application: &ApplicationKey,
        landings: &BTreeMap<(RepositoryName, String), Landings>,
        view: &mut RecoveredView,
    ) -> Result<(), AppError> {
        let (pipeline, repository) = self.rules(application)?;
        let mut rebuilt = Rebuilt::new(application.clone(), self.dice.as_ref());
        for environment in &pipeline.environments {
            let branch = environment.branch.as_ref().unwrap_or(&repository.branch);
            let key = (application.application.to_string(), environment.name.to_string());
            let landed = landings
                .get(&(pipeline.repository.clone(), branch.clone()))
                .and_then(|landings| landings.get(&key));
            for landed in landed.into_iter().flatten() {
                let before = match &landed.before {
                    Some(before) => fields_at(repository, before, environment, application).await?,
                    None => Vec::new(),
                };
                if let (false, Some(at)) = (before.is_empty(), &landed.before) {
                    let until = landed.at.min(landed.told.at);
                    rebuilt.found(&environment.name, at, before, until);
                }
                let values =
                    fields_at(repository, &landed.commit, environment, application).await?;
                rebuilt.landed(&environment.name, landed, values);
            }
            self.recover_open(repository, environment, &mut rebuilt).await?;
        }
        self.keep(rebuilt, pipeline.environments.as_slice(), view).await
    }

    /// The open proposal into an environment, if hoist opened it and its branch stands.
    async fn recover_open(
        &self,
        repository: &Repository,
        environment: &Environment,
        rebuilt: &mut Rebuilt<'_>,
    ) -> Result<(), AppError> {
        let branch = branch_of(&environment.name, &rebuilt.application.application);
        let full = format!("refs/heads/{branch}");
        if repository.git.tip(&full).await?.is_none() {
            return Ok(());
        }
        let Some(proposal) = repository.forge.find_open(&branch).await? else { return Ok(()) };
        let log = repository.git.log(&proposal.head, None, FOREIGN).await?;
        let ours = log.iter().find_map(|it| Some((it, trailers::read(it)?)));
        if let Some((entry, told)) = ours {
            let application = rebuilt.application.clone();
            let values = fields_at(repository, &entry.id, environment, &application).await?;
            rebuilt.open(&environment.name, (entry, &told), (proposal.number, values));
        }
        Ok(())
    }

    /// Records what was rebuilt of one application, and holds it everywhere.
    async fn keep(
        &self,
        rebuilt: Rebuilt<'_>,
        environments: &[Environment],
        view: &mut RecoveredView,
    ) -> Result<(), AppError> {
        let now = self.clock.now();
        let Rebuilt { application, promotions, artifacts, .. } = rebuilt;
        view.count(&promotions, &artifacts);
        if !artifacts.is_empty() {
            let announcement = Announcement {
                event: EventId::new(now, self.dice.roll()),
                source: "recovered".parse().expect("`recovered` is a name"),
                delivery: Some(application.to_string()),
                speaks_for: None,
                token: None,
                body: words::DELIVERY.as_bytes().to_vec(),
                received_at: now,
                artifacts: artifacts.into_iter().map(|it| (application.clone(), it)).collect(),
                outcome: DeliveryOutcome::Accepted,
            };
            self.store.announce(announcement).await?;
        }
        let count = promotions.len();
        let mut changes: Vec<Change> =
            promotions.into_iter().map(|it| Change::Start(Box::new(it))).collect();
        changes.extend(environments.iter().map(|environment| {
            Change::Hold(Hold {
                id: HoldId::new(now, self.dice.roll()),
                application: application.clone(),
                environment: environment.name.clone(),
                by: Actor::hoist(),
                reason: Some(words::HELD.to_owned()),
                since: now,
                until: None,
            })
        }));
        let line = AuditLine {
            at: now,
            actor: Actor::hoist(),
            verb: "recovered".to_owned(),
            application: Some(application.clone()),
            environment: None,
            promotion: None,
            commit: None,
            text: words::rebuilt(count),
        };
        Ok(self.store.record(&application, changes, vec![line], now).await?)
    }
}

/// What an application's version fields held at a commit; nothing where today's rules do not fit.
async fn fields_at(
    repository: &Repository,
    commit: &CommitId,
    environment: &Environment,
    application: &ApplicationKey,
) -> Result<Vec<FieldValue>, AppError> {
    let git = repository.git.as_ref();
    Ok(match reading::read(git, commit, environment, &application.application).await? {
        Reading::Fields { fields, .. } => values_of(&fields),
        Reading::Absent { .. } | Reading::Refused { .. } => Vec::new(),
    })
}

/// Everything that hoist brought to a branch, oldest first.
async fn landed_on(repository: &Repository, tip: &CommitId) -> Result<Landings, AppError> {
    let mut landings = Landings::new();
    let log = repository.git.log(tip, None, usize::MAX).await?;
    for entry in log.iter().rev() {
        for (told, carrier) in told_by(repository, entry).await? {
            let key = (told.application.to_string(), told.environment.to_string());
            landings.entry(key).or_default().push(Landed {
                number: trailers::number_of(&entry.message),
                commit: entry.id.clone(),
                before: entry.parents.first().cloned(),
                carrier,
                at: entry.author.at,
                told,
            });
        }
    }
    Ok(landings)
}

/// What a commit on the line brought, each with hoist's own commit: by itself (squashed, or
/// rebased), or by merging it.
async fn told_by(
    repository: &Repository,
    entry: &LogEntry,
) -> Result<Vec<(Told, CommitId)>, AppError> {
    let itself = trailers::read_all(entry);
    let [onto, merged] = entry.parents.as_slice() else {
        return Ok(itself.into_iter().map(|told| (told, entry.id.clone())).collect());
    };
    let git = repository.git.as_ref();
    let log = git.log(merged, None, FOREIGN).await?;
    if !log.iter().any(|it| trailers::is_of_hoist(&it.message)) {
        return Ok(Vec::new());
    }
    // A branch that started from a promotion's commit is not that promotion.
    let Some(start) = git.merge_base(onto, merged).await? else { return Ok(Vec::new()) };
    let log = git.log(merged, None, LONGEST_TRAIN).await?;
    let named = trailers::promotion_of(&entry.message);
    let mut told: Vec<(Told, CommitId)> = Vec::new();
    let since = log.iter().take_while(|it| it.id != start);
    for (it, one) in
        since.flat_map(|it| trailers::read_all(it).into_iter().map(move |one| (it, one)))
    {
        let is_it = named.as_ref().is_none_or(|id| *id == one.id);
        let is_newer = |(newer, _): &(Told, _)| {
            (&newer.application, &newer.environment) == (&one.application, &one.environment)
        };
        // The newest of each application is what came.
        if is_it && !told.iter().any(is_newer) {
            told.push((one, it.id.clone()));
        }
    }
    Ok(told)
}
