//! The way back: rollbacks, and the resumes after them.

use crate::domain::command::{Command, Drift, Identity, Newer, authorize};
use crate::domain::id::{ArtifactId, EnvironmentName, PromotionId};
use crate::domain::promotion::{BadArtifact, Kind, Promotion, State};
use crate::domain::rollback;
use crate::domain::snapshot::Snapshot;
use crate::messages::answer;

use super::commands::Wish;
use super::ports::{Change, Hold};
use super::views::{CommandView, ResumeRequest, RollbackRequest};
use super::{App, AppError};

impl App {
    /// Brings the last good version back, in one environment or wherever the same runs.
    pub async fn roll_back(
        &self,
        by: &Identity,
        request: RollbackRequest,
    ) -> Result<CommandView, AppError> {
        let (application, environment) =
            self.target(&request.application, &request.environment).await?;
        let others = self.remembered(&application).await?.sharing(&environment);
        let drift = if request.over_drift { Drift::TakenBack } else { Drift::Asks };
        let command = |environment: &EnvironmentName, to: Option<String>| Command::Rollback {
            application: application.clone(),
            environment: environment.clone(),
            to,
            reason: request.reason.clone(),
            drift,
        };
        let roles = &self.policy.roles;
        if request.everywhere {
            // All of it is allowed before any of it is done.
            for other in &others {
                drop(authorize(by, command(other, None), roles)?);
            }
        }
        let first = authorize(by, command(&environment, request.to.clone()), roles)?;
        let mut done = self.obey(first).await?;
        if !request.everywhere {
            if !others.is_empty() {
                let offer = answer::also_there(&application.application, &others);
                done.message = format!("{} {offer}", done.message);
            }
            return Ok(done);
        }
        let to = self.common_target(request.to.as_deref(), done.promotion.as_ref()).await?;
        for other in &others {
            let authorized = authorize(by, command(other, to.clone()), roles)?;
            // One that cannot go back does not keep the others from it.
            let line = match self.obey(authorized).await {
                Ok(view) => view.message,
                Err(error) => answer::not_there(other, &super::reconcile::chain(&error)),
            };
            done.message = format!("{}\n{line}", done.message);
        }
        Ok(done)
    }

    /// What was named for one environment, as it can be named for the others: a promotion belongs
    /// to one of them.
    async fn common_target(
        &self,
        typed: Option<&str>,
        chosen: Option<&PromotionId>,
    ) -> Result<Option<String>, AppError> {
        match (typed, chosen) {
            (Some(typed), Some(chosen)) if typed.parse::<PromotionId>().is_ok() => {
                let chosen = self.store.promotion(chosen).await?;
                Ok(chosen.map(|promotion| promotion.version))
            }
            (typed, _) => Ok(typed.map(str::to_owned)),
        }
    }

    /// Ends a hold.
    pub async fn resume(
        &self,
        by: &Identity,
        request: ResumeRequest,
    ) -> Result<CommandView, AppError> {
        let (application, environment) =
            self.target(&request.application, &request.environment).await?;
        let ResumeRequest { newer, reason, .. } = request;
        let command = Command::Resume { application, environment, newer, reason };
        self.obey(authorize(by, command, &self.policy.roles)?).await
    }

    pub(super) async fn record_rollback(
        &self,
        wish: Wish,
        to: Option<String>,
        drift: Drift,
    ) -> Result<CommandView, AppError> {
        let snapshot = self.remembered(&wish.application).await?;
        let found = rollback::drift(&snapshot, &wish.environment);
        let under_way = under_way(&snapshot, &wish.environment);
        let (restores, undoes) = match (under_way, found, drift) {
            (Some(pending), Some((found, _)), Drift::TakenBack)
                if found.created_at > pending.created_at =>
            {
                again(&snapshot, pending)?
            }
            (Some(pending), _, Drift::Asks | Drift::TakenBack) => {
                let text = answer::already_on_its_way(pending);
                return Ok(self.answer(text, Some(&pending.id)));
            }
            (None, Some((found, at)), Drift::Asks) => {
                let application = &wish.application.application;
                return Err(AppError::Refused { what: answer::drifted(application, found, at) });
            }
            (None, Some(_) | None, Drift::Asks | Drift::TakenBack) => {
                let chosen = rollback::choose(&snapshot, &wish.environment, to.as_deref())
                    .map_err(|error| AppError::Refused { what: error.to_string() })?;
                (chosen.restores, chosen.undoes)
            }
        };
        let (promotion, hold) = self.rollback_for(&wish, restores, undoes);
        let text = answer::rolling_back(&promotion, undoes);
        let audit = self.said(&wish, "rollback", &text).about(&promotion.id);
        let id = promotion.id.clone();
        let changes = vec![Change::Start(Box::new(promotion)), Change::Hold(hold)];
        self.note(&wish, changes, audit).await?;
        Ok(self.answer(text, Some(&id)))
    }

    /// The promotion that goes back, and the hold that keeps the bad version from coming again.
    pub(super) fn rollback_for(
        &self,
        wish: &Wish,
        restores: &Promotion,
        undoes: &Promotion,
    ) -> (Promotion, Hold) {
        let kind = Kind::Rollback { restores: restores.id.clone(), undoes: undoes.id.clone() };
        let mut promotion = self.promotion_for(wish, kind, &restores.version);
        promotion.artifact.clone_from(&restores.artifact);
        let hold = self.hold_for(wish, None, Some(answer::held_by_rollback(undoes)));
        (promotion, hold)
    }

    pub(super) async fn record_resume(
        &self,
        wish: Wish,
        newer: Option<Newer>,
    ) -> Result<CommandView, AppError> {
        let snapshot = self.remembered(&wish.application).await?;
        let application = &wish.application.application;
        if let Some(rollback) = under_way(&snapshot, &wish.environment) {
            return Err(AppError::Refused { what: answer::rollback_is_open(rollback) });
        }
        if !snapshot.holds.contains_key(&wish.environment) {
            return Err(AppError::Refused {
                what: answer::not_held(application, &wish.environment),
            });
        }
        let came_since = CameSince::in_environment(&snapshot, &wish.environment);
        let versions = came_since.versions(&snapshot);
        let (mut changes, text) = match (newer, versions.is_empty()) {
            (None, false) => {
                let what = answer::newer_waits(&wish.environment, &versions);
                return Err(AppError::Refused { what });
            }
            (Some(Newer::Without), false) => {
                let text = answer::resumed_without(application, &wish.environment, &versions);
                (self.keep_out(&snapshot, &wish, &came_since), text)
            }
            (None | Some(Newer::Without), true) | (Some(Newer::With), _) => {
                (Vec::new(), answer::resumed(application, &wish.environment))
            }
        };
        changes.push(Change::Resume {
            application: wish.application.clone(),
            environment: wish.environment.clone(),
        });
        let audit = self.said(&wish, "resume", &text);
        self.note(&wish, changes, audit).await?;
        Ok(self.answer(text, None))
    }

    /// Closes what waits, and notes what has not come so far as closed, too: nothing that was ever
    /// started there is started again by itself.
    fn keep_out(&self, snapshot: &Snapshot, wish: &Wish, since: &CameSince<'_>) -> Vec<Change> {
        let at = self.clock.now();
        let closed = || State::Closed {
            by: wish.by.name.parse().ok(),
            reason: answer::WITHOUT_NEWER.to_owned(),
        };
        let mut changes: Vec<Change> = since
            .waiting
            .iter()
            .map(|it| Change::Step { promotion: it.id.clone(), to: closed(), at })
            .collect();
        if let Some(artifact) = since.to_come.as_ref().and_then(|id| snapshot.artifact(id)) {
            let kind = Kind::Forward { skips: Vec::new(), bad: BadArtifact::Refused };
            let mut promotion = self.promotion_for(wish, kind, artifact.version());
            promotion.artifact = Some(artifact.id.clone());
            promotion.state = closed();
            changes.push(Change::Start(Box::new(promotion)));
        }
        changes
    }
}

/// The rollback that is on its way into an environment.
fn under_way<'a>(
    snapshot: &'a Snapshot,
    environment: &'a EnvironmentName,
) -> Option<&'a Promotion> {
    snapshot
        .promotions_into(environment)
        .rfind(|promotion| promotion.state.is_pending() && promotion.is_rollback())
}

/// What a rollback takes back and brings back, for the one that takes its place over drift.
fn again<'a>(
    snapshot: &'a Snapshot,
    pending: &Promotion,
) -> Result<(&'a Promotion, &'a Promotion), AppError> {
    let ends = match &pending.kind {
        Kind::Rollback { restores, undoes } => {
            snapshot.promotion(restores).zip(snapshot.promotion(undoes))
        }
        Kind::Found { .. } | Kind::Forward { .. } => None,
    };
    ends.ok_or_else(|| AppError::Refused { what: answer::already_on_its_way(pending) })
}

/// What is newer than a rollback, and would go in after a resume.
struct CameSince<'a> {
    /// What waits at the door.
    waiting: Vec<&'a Promotion>,
    /// The newest that has not come so far.
    to_come: Option<ArtifactId>,
}

impl<'a> CameSince<'a> {
    fn in_environment(snapshot: &'a Snapshot, environment: &'a EnvironmentName) -> Self {
        let after_rollback = snapshot.current(environment).is_some_and(Promotion::is_rollback);
        let place = snapshot.pipeline.environment(environment).filter(|_| after_rollback);
        let Some(place) = place else { return Self { waiting: Vec::new(), to_come: None } };
        let waiting = snapshot
            .promotions_into(environment)
            .filter(|it| it.state == State::Waiting && !it.is_rollback())
            .collect();
        let started = snapshot.started_in(environment);
        let accept = &snapshot.pipeline.accept;
        let mut newest_first = snapshot.newest_first().into_iter();
        let to_come = newest_first
            .find(|it| {
                started.overtakes(&accept.rank(it)).is_none()
                    && !snapshot.is_bad(&it.id, place)
                    && snapshot.kept_out(it).is_none()
            })
            .map(|it| it.id.clone());
        Self { waiting, to_come }
    }

    fn versions<'b>(&self, snapshot: &'b Snapshot) -> Vec<&'b str>
    where
        'a: 'b,
    {
        let waiting = self.waiting.iter().map(|it| it.version.as_str());
        let to_come = self.to_come.as_ref().and_then(|id| snapshot.artifact(id));
        waiting.chain(to_come.map(|it| it.version())).collect()
    }
}
