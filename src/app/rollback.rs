//! The way back: rollbacks, and the resumes after them.

use crate::domain::command::{Command, Drift, Identity, Newer, authorize};
use crate::domain::id::{ArtifactId, EnvironmentName, PromotionId};
use crate::domain::promotion::{BadArtifact, Kind, Promotion, State};
use crate::domain::rollback;
use crate::domain::snapshot::Snapshot;
use crate::messages::answer;

use super::commands::Wish;
use super::ports::{AuditLine, Change, Hold};
use super::reconcile::chain;
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
            let mut by_whom = Vec::new();
            for place in std::iter::once(&environment).chain(&others) {
                let (_, actor) = authorize(by, command(place, None), roles)?.into_parts();
                by_whom.push(Wish {
                    application: application.clone(),
                    environment: place.clone(),
                    by: actor,
                    reason: request.reason.clone(),
                });
            }
            return self.record_rollbacks(by_whom, request.to.as_deref(), drift).await;
        }
        let first = authorize(by, command(&environment, request.to.clone()), roles)?;
        let mut done = self.obey(first).await?;
        if !others.is_empty() {
            let offer = answer::also_there(&application.application, &others);
            done.message = format!("{} {offer}", done.message);
        }
        Ok(done)
    }

    /// Records the rollbacks of several environments at once: no crash leaves a part of them
    /// undone. One that cannot go back does not keep the others from it, unless it is the first.
    async fn record_rollbacks(
        &self,
        wishes: Vec<Wish>,
        to: Option<&str>,
        drift: Drift,
    ) -> Result<CommandView, AppError> {
        self.may_change()?;
        let Some((first, others)) = wishes.split_first() else {
            return Ok(self.answer(String::new(), None));
        };
        let snapshot = self.remembered(&first.application).await?;
        let begun = self.rollback_of(&snapshot, first, to, drift)?;
        // A promotion's id names something of one environment alone.
        let version = begun.promotion.version.clone();
        let to = to.map(|typed| match typed.parse::<PromotionId>() {
            Ok(_) => version.as_str(),
            Err(_) => typed,
        });
        let mut done = self.answer(begun.text, Some(&begun.promotion.id));
        let (mut changes, mut audit) = (begun.changes, begun.audit);
        for other in others {
            let line = match self.rollback_of(&snapshot, other, to, drift) {
                Ok(back) => {
                    changes.extend(back.changes);
                    audit.extend(back.audit);
                    back.text
                }
                Err(error) => answer::not_there(&other.environment, &chain(&error)),
            };
            done.message = format!("{}\n{line}", done.message);
        }
        if !changes.is_empty() {
            self.note(first, changes, audit).await?;
        }
        Ok(done)
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
        let back = self.rollback_of(&snapshot, &wish, to.as_deref(), drift)?;
        if !back.changes.is_empty() {
            self.note(&wish, back.changes, back.audit).await?;
        }
        Ok(self.answer(back.text, Some(&back.promotion.id)))
    }

    /// What a rollback of one environment changes: nothing where it is on its way already.
    fn rollback_of(
        &self,
        snapshot: &Snapshot,
        wish: &Wish,
        to: Option<&str>,
        drift: Drift,
    ) -> Result<Back, AppError> {
        let found = rollback::drift(snapshot, &wish.environment);
        let under_way = under_way(snapshot, &wish.environment);
        let chosen = || {
            let chosen = rollback::choose(snapshot, &wish.environment, to);
            chosen.map_err(|error| AppError::Refused { what: error.to_string() })
        };
        let (restores, undoes) = match (under_way, found, drift) {
            (Some(pending), Some((found, _)), Drift::TakenBack)
                if found.created_at > pending.created_at =>
            {
                again(snapshot, pending)?
            }
            (Some(pending), _, Drift::Asks | Drift::TakenBack) => {
                if let Some(typed) = to
                    && chosen()?.restores.artifact != pending.artifact
                {
                    let what = answer::another_rollback(pending, typed);
                    return Err(AppError::Refused { what });
                }
                return Ok(Back::under_way(pending));
            }
            (None, Some((found, at)), Drift::Asks) => {
                let application = &wish.application.application;
                return Err(AppError::Refused { what: answer::drifted(application, found, at) });
            }
            (None, Some(_) | None, Drift::Asks | Drift::TakenBack) => {
                let chosen = chosen()?;
                (chosen.restores, chosen.undoes)
            }
        };
        let (promotion, hold) = self.rollback_for(wish, restores, undoes);
        let text = answer::rolling_back(&promotion, undoes);
        let audit = vec![
            self.said(wish, "rollback", &text).about(&promotion.id),
            self.said(wish, "hold", &holding(&hold)),
        ];
        let changes = vec![Change::Start(Box::new(promotion.clone())), Change::Hold(hold)];
        Ok(Back { promotion, text, changes, audit })
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
        let held = snapshot.holds.get(&wish.environment);
        if held.is_none_or(|held| !held.lasts(self.clock.now())) {
            return Err(AppError::Refused {
                what: answer::not_held(application, &wish.environment),
            });
        }
        let rollback = self.to_resume(&snapshot, &wish.environment).await?;
        let came_since =
            rollback.map(|it| CameSince::a_rollback(&snapshot, it)).unwrap_or_default();
        let versions = came_since.versions(&snapshot);
        // Where nobody went back after all, nothing has to be asked.
        let asks = !versions.is_empty() && rollback.is_some_and(|it| it.state.is_in());
        let (mut changes, text) = match newer {
            None if asks => {
                let what = answer::newer_waits(application, &wish.environment, &versions);
                return Err(AppError::Refused { what });
            }
            Some(Newer::Without) if !versions.is_empty() => {
                let said = (versions.as_slice(), wish.reason.as_deref());
                let text = answer::resumed_without(application, &wish.environment, said);
                (self.keep_out(&snapshot, &wish, &came_since), text)
            }
            None | Some(Newer::With | Newer::Without) => {
                let text = answer::resumed(application, &wish.environment, wish.reason.as_deref());
                (self.begin_again(came_since.overrun), text)
            }
        };
        changes.push(Change::Resume { environment: wish.environment.clone(), hold: None });
        let mut audit = self.said(&wish, "resume", &text);
        if let Some(rollback) = rollback {
            audit = audit.about(&rollback.id);
        }
        self.note(&wish, changes, vec![audit]).await?;
        Ok(self.answer(text, None))
    }

    /// The rollback after which nobody has resumed yet; it may have been given up.
    ///
    /// A resume stands in the log as one of its rollback's: a hold that somebody sets much later
    /// is about something else.
    async fn to_resume<'a>(
        &self,
        snapshot: &'a Snapshot,
        environment: &'a EnvironmentName,
    ) -> Result<Option<&'a Promotion>, AppError> {
        let last = snapshot.promotions_into(environment).rfind(|it| it.is_rollback());
        let current = snapshot.current(environment);
        let counts = |it: &&Promotion| current.is_none_or(|current| current.age() <= it.age());
        let Some(last) = last.filter(counts) else { return Ok(None) };
        let story = self.store.audit_of(&last.id).await?;
        let is_resumed = story.iter().any(|entry| entry.line.verb == "resume");
        Ok((!is_resumed).then_some(last))
    }

    /// Begins anew what was on its way when a rollback took its place, as whoever asked for it
    /// asked for it.
    fn begin_again(&self, overrun: Option<&Promotion>) -> Vec<Change> {
        let now = self.clock.now();
        let again = overrun.map(|before| Promotion {
            id: PromotionId::new(now, self.dice.roll()),
            values: Vec::new(),
            created_at: now,
            state: State::Waiting,
            since: now,
            proposal: None,
            skipped: Vec::new(),
            ..before.clone()
        });
        again.into_iter().map(|it| Change::Start(Box::new(it))).collect()
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

/// A rollback of one environment, before it is recorded.
struct Back {
    promotion: Promotion,
    text: String,
    changes: Vec<Change>,
    audit: Vec<AuditLine>,
}

impl Back {
    /// One that nobody has to begin.
    fn under_way(pending: &Promotion) -> Self {
        Self {
            promotion: pending.clone(),
            text: answer::already_on_its_way(pending),
            changes: Vec::new(),
            audit: Vec::new(),
        }
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

/// How a hold is told of.
fn holding(hold: &Hold) -> String {
    let application = &hold.application.application;
    answer::held(application, &hold.environment, hold.until, hold.reason.as_deref())
}

/// What is newer than what a rollback took back, and would go in after a resume.
#[derive(Default)]
struct CameSince<'a> {
    /// What was on its way when the rollback took its place; none where something newer waits.
    overrun: Option<&'a Promotion>,
    /// What waits at the door.
    waiting: Vec<&'a Promotion>,
    /// The newest that has not come so far.
    to_come: Option<ArtifactId>,
}

impl<'a> CameSince<'a> {
    fn a_rollback(snapshot: &'a Snapshot, rollback: &'a Promotion) -> Self {
        let environment = &rollback.environment;
        let Some(place) = snapshot.pipeline.environment(environment) else {
            return Self::default();
        };
        let waiting: Vec<&Promotion> = snapshot
            .promotions_into(environment)
            .filter(|it| it.state == State::Waiting && !it.is_rollback())
            .collect();
        let is_bad = |it: &Promotion| {
            it.artifact.as_ref().is_none_or(|artifact| snapshot.is_bad(artifact, place))
        };
        let overrun = snapshot
            .promotions_into(environment)
            .filter(|it| was_overrun(snapshot, it, rollback) && !is_bad(it))
            .max_by_key(|it| it.age())
            .filter(|_| waiting.is_empty());
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
        Self { overrun, waiting, to_come }
    }

    fn versions<'b>(&self, snapshot: &'b Snapshot) -> Vec<&'b str>
    where
        'a: 'b,
    {
        let promoted = self.overrun.iter().chain(&self.waiting).map(|it| it.version.as_str());
        let to_come = self.to_come.as_ref().and_then(|id| snapshot.artifact(id));
        promoted.chain(to_come.map(|it| it.version())).collect()
    }
}

/// Tells whether a promotion was on its way when `rollback`, or one that it took the place of, was
/// asked for.
fn was_overrun(snapshot: &Snapshot, promotion: &Promotion, rollback: &Promotion) -> bool {
    let Kind::Rollback { undoes, .. } = &rollback.kind else { return false };
    let State::Superseded { by } = &promotion.state else { return false };
    let came_after = snapshot.promotion(undoes).is_some_and(|it| promotion.age() > it.age());
    let by_rollback = snapshot.promotion(by).is_some_and(Promotion::is_rollback);
    came_after && by_rollback && !promotion.is_rollback()
}
