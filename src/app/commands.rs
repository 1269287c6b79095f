//! What people ask: promote and hold; `rollback` has the way back.
//!
//! Each command is understood, checked against the rights, and recorded as an intent together with
//! its audit line; the reconciler does the rest.

use jiff::{SignedDuration, SpanRelativeTo};

use crate::domain::accept::KeptOut;
use crate::domain::artifact::{Artifact, Named};
use crate::domain::command::{Actor, Age, Authorized, Command, Identity, authorize};
use crate::domain::id::{ApplicationKey, EnvironmentName, HoldId, PromotionId};
use crate::domain::pipeline::Pipeline;
use crate::domain::plan::Because;
use crate::domain::promotion::{BadArtifact, Kind, Promotion, State};
use crate::domain::snapshot::Snapshot;
use crate::messages::answer::{self, Obstacle};
use crate::messages::{accept, explain};

use super::ports::{AuditLine, Change, Hold};
use super::views::{CommandView, HoldRequest, PromoteRequest};
use super::{App, AppError};

impl App {
    /// Brings a version into an environment.
    pub async fn promote(
        &self,
        by: &Identity,
        request: PromoteRequest,
    ) -> Result<CommandView, AppError> {
        let (application, environment) =
            self.target(&request.application, &request.environment).await?;
        let skips = request
            .skip
            .iter()
            .map(|name| self.environment_of(&application, name))
            .collect::<Result<Vec<_>, _>>()?;
        let command = Command::Promote {
            application,
            environment,
            version: named(request.version, request.tag, request.digest)?,
            reason: request.reason,
            age: if request.allow_older { Age::OlderToo } else { Age::NewerOnly },
            skips,
            bad: if request.force_bad { BadArtifact::Forced } else { BadArtifact::Refused },
        };
        self.obey(authorize(by, command, &self.policy.roles)?).await
    }

    /// Keeps an application in an environment as it is.
    pub async fn hold(&self, by: &Identity, request: HoldRequest) -> Result<CommandView, AppError> {
        let (application, environment) =
            self.target(&request.application, &request.environment).await?;
        let length = request.length.as_deref().map(parse_length).transpose()?;
        let command = Command::Hold { application, environment, length, reason: request.reason };
        self.obey(authorize(by, command, &self.policy.roles)?).await
    }

    pub(super) async fn obey(
        &self,
        authorized: Authorized<Command>,
    ) -> Result<CommandView, AppError> {
        self.may_change()?;
        let (command, by) = authorized.into_parts();
        match command {
            Command::Promote { application, environment, version, reason, age, skips, bad } => {
                let wish = Wish { application, environment, by, reason };
                self.record_promotion(wish, Which { version, age, skips, bad }).await
            }
            Command::Rollback { application, environment, to, reason, drift } => {
                let wish = Wish { application, environment, by, reason };
                self.record_rollback(wish, to, drift).await
            }
            Command::Hold { application, environment, length, reason } => {
                self.record_hold(Wish { application, environment, by, reason }, length).await
            }
            Command::Resume { application, environment, newer, reason } => {
                self.record_resume(Wish { application, environment, by, reason }, newer).await
            }
            Command::Skip { application, environment, promotion, gate, reason } => {
                let wish = Wish { application, environment, by, reason: Some(reason) };
                self.record_skip(wish, promotion.as_ref(), gate).await
            }
            Command::Freeze { scope, length, reason, rollbacks } => {
                let freeze = self.ad_hoc((scope, rollbacks), length, (by, reason));
                self.record_freeze(freeze).await
            }
            Command::Thaw { scope, reason } => self.record_thaw(&scope, &by, reason).await,
            Command::Proposal { .. } | Command::Run { .. } => Err(AppError::Invalid {
                field: None,
                what: "a step on a proposal and a schedule's run have doors of their own".into(),
            }),
        }
    }

    async fn record_promotion(
        &self,
        wish: Wish,
        Which { version, age, skips, bad }: Which,
    ) -> Result<CommandView, AppError> {
        if !skips.is_empty() && wish.reason.is_none() {
            return Err(AppError::Invalid {
                field: Some("reason"),
                what: "skipping an environment needs a reason: add `--reason`".into(),
            });
        }
        if bad == BadArtifact::Forced && wish.reason.is_none() {
            return Err(AppError::Invalid {
                field: Some("reason"),
                what: "bringing back what was rolled back needs a reason: add `--reason`".into(),
            });
        }
        let snapshot = self.remembered(&wish.application).await?;
        let before = self.obstacle_before(&snapshot, &wish);
        let artifact = choose(&snapshot, &wish, version.as_ref(), before.as_ref())?;
        refuse_kept_out(&snapshot, artifact)?;
        refuse_older(&snapshot, &wish, artifact, age)?;
        refuse_unproven(&snapshot, &wish, (artifact, &skips), before.as_ref())?;
        let current = snapshot.current(&wish.environment);
        if let Some(current) = current.filter(|it| it.artifact.as_ref() == Some(&artifact.id)) {
            return Ok(self.answer(answer::in_already(current), Some(&current.id)));
        }
        let bad = refuse_bad(&snapshot, &wish, artifact, bad)?;
        self.refuse_unproved(&snapshot, artifact).await?;
        let pending = snapshot.promotions_into(&wish.environment).find(|promotion| {
            // One that waits for an environment which is to be skipped now gives way to a new one.
            let skips_enough = match &promotion.kind {
                Kind::Forward { skips: has, .. } => skips.iter().all(|skip| has.contains(skip)),
                Kind::Found { .. } | Kind::Rollback { .. } => false,
            };
            promotion.state.is_pending()
                && skips_enough
                && promotion.artifact.as_ref() == Some(&artifact.id)
        });
        if let Some(pending) = pending {
            return Ok(self.answer(answer::already_on_its_way(pending), Some(&pending.id)));
        }
        let mut promotion =
            self.promotion_for(&wish, Kind::Forward { skips, bad }, artifact.version());
        promotion.artifact = Some(artifact.id.clone());
        let now = self.clock.now();
        let held = snapshot.holds.get(&wish.environment).filter(|held| held.lasts(now));
        let obstacle = self.obstacle(&wish.application, &wish.environment);
        let text = answer::promoting(&promotion, held, obstacle.as_ref());
        let audit = self.said(&wish, "promote", &text).about(&promotion.id);
        let id = promotion.id.clone();
        self.note(&wish, vec![Change::Start(Box::new(promotion))], vec![audit]).await?;
        Ok(self.answer(text, Some(&id)))
    }

    async fn record_hold(
        &self,
        wish: Wish,
        length: Option<SignedDuration>,
    ) -> Result<CommandView, AppError> {
        let hold = self.hold_for(&wish, length, wish.reason.clone());
        let (application, reason) = (&wish.application.application, wish.reason.as_deref());
        let snapshot = self.remembered(&wish.application).await?;
        let standing = snapshot.holds.get(&wish.environment);
        if let Some(standing) = standing.filter(|it| it.outlasts(hold.until)) {
            let text = answer::held_already(application, &wish.environment, standing);
            return Ok(self.answer(text, None));
        }
        let text = answer::held(application, &wish.environment, hold.until, reason);
        let audit = self.said(&wish, "hold", &text);
        self.note(&wish, vec![Change::Hold(hold)], vec![audit]).await?;
        Ok(self.answer(self.after_merges(text).await, None))
    }

    /// What the store remembers of an application.
    pub(super) async fn remembered(
        &self,
        application: &ApplicationKey,
    ) -> Result<Snapshot, AppError> {
        let (pipeline, _) = self.rules(application)?;
        Ok(self.memory(self.store.load(application).await?, pipeline))
    }

    /// Why nothing can be changed in an environment, as of the last pass.
    fn obstacle(
        &self,
        application: &ApplicationKey,
        environment: &EnvironmentName,
    ) -> Option<Obstacle> {
        let sight = self.seen.of(application);
        let wait = sight.waits.get(environment)?;
        matches!(wait.because, Because::EditRefused(_) | Because::NoFiles(_))
            .then(|| Obstacle { environment: environment.clone(), reason: explain::wait(wait) })
    }

    /// The same, for the first environment before the wished one of which that is so.
    fn obstacle_before(&self, snapshot: &Snapshot, wish: &Wish) -> Option<Obstacle> {
        let environment = snapshot.pipeline.environment(&wish.environment)?;
        environment.after.iter().find_map(|before| self.obstacle(&wish.application, before))
    }

    /// A promotion that somebody asked for, before it is known what it carries.
    pub(super) fn promotion_for(&self, wish: &Wish, kind: Kind, version: &str) -> Promotion {
        let now = self.clock.now();
        Promotion {
            id: PromotionId::new(now, self.dice.roll()),
            application: wish.application.clone(),
            environment: wish.environment.clone(),
            kind,
            artifact: None,
            version: version.to_owned(),
            values: Vec::new(),
            requested_by: wish.by.clone(),
            reason: wish.reason.clone(),
            created_at: now,
            state: State::Waiting,
            since: now,
            proposal: None,
            skipped: Vec::new(),
        }
    }

    pub(super) fn hold_for(
        &self,
        wish: &Wish,
        length: Option<SignedDuration>,
        reason: Option<String>,
    ) -> Hold {
        let now = self.clock.now();
        Hold {
            id: HoldId::new(now, self.dice.roll()),
            application: wish.application.clone(),
            environment: wish.environment.clone(),
            by: wish.by.clone(),
            reason,
            since: now,
            until: length.and_then(|length| now.saturating_add(length).ok()),
        }
    }

    /// The audit line of a command.
    pub(super) fn said(&self, wish: &Wish, verb: &str, text: &str) -> AuditLine {
        AuditLine {
            at: self.clock.now(),
            actor: wish.by.clone(),
            verb: verb.to_owned(),
            application: Some(wish.application.clone()),
            environment: Some(wish.environment.clone()),
            promotion: None,
            commit: None,
            text: text.to_owned(),
        }
    }

    pub(super) async fn note(
        &self,
        wish: &Wish,
        changes: Vec<Change>,
        audit: Vec<AuditLine>,
    ) -> Result<(), AppError> {
        let now = self.clock.now();
        for line in &audit {
            tracing::info!(actor = %wish.by, application = %wish.application, "{}", line.text);
        }
        self.store.record(&wish.application, changes, audit, now).await?;
        self.nudge.notify_one();
        Ok(())
    }

    pub(super) fn answer(&self, message: String, promotion: Option<&PromotionId>) -> CommandView {
        let url = promotion.map(|id| self.promotion_url(id));
        CommandView { message, promotion: promotion.cloned(), url }
    }

    /// Finds the application and the environment that a person typed.
    pub(super) async fn target(
        &self,
        application: &str,
        environment: &str,
    ) -> Result<(ApplicationKey, EnvironmentName), AppError> {
        let found = match self.find_application(application).await {
            Ok(found) => found,
            Err(AppError::NotFound { .. }) if self.is_place(environment, application).await => {
                let what = answer::the_other_way_round(application, environment);
                return Err(AppError::NotFound { what });
            }
            Err(error) => return Err(error),
        };
        let environment = self.environment_of(&found, environment)?;
        Ok((found, environment))
    }

    /// Tells whether there is such an application with such an environment.
    pub(super) async fn is_place(&self, application: &str, environment: &str) -> bool {
        let found = self.find_application(application).await;
        found.is_ok_and(|found| self.environment_of(&found, environment).is_ok())
    }

    /// Finds the application that a person typed, as `payments` or as `services/payments`.
    pub(super) async fn find_application(&self, typed: &str) -> Result<ApplicationKey, AppError> {
        let known = self.store.applications().await?;
        let fits = |key: &&ApplicationKey| match typed.split_once('/') {
            Some((pipeline, name)) => {
                key.pipeline.as_str() == pipeline && key.application.as_str() == name
            }
            None => key.application.as_str() == typed,
        };
        let found: Vec<&ApplicationKey> = known.iter().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(AppError::NotFound { what: answer::unknown_application(typed, &known) }),
            several => {
                Err(AppError::Refused { what: answer::ambiguous_application(typed, several) })
            }
        }
    }

    /// Finds the environment that a person typed.
    pub(super) fn environment_of(
        &self,
        application: &ApplicationKey,
        typed: &str,
    ) -> Result<EnvironmentName, AppError> {
        let (pipeline, _) = self.rules(application)?;
        let found = pipeline.environments.iter().find(|e| e.name.as_str() == typed);
        match found {
            Some(environment) => Ok(environment.name.clone()),
            None => Err(AppError::NotFound { what: unknown_environment(pipeline, typed) }),
        }
    }
}

/// What every command has: what, where, who and why.
pub(super) struct Wish {
    pub(super) application: ApplicationKey,
    pub(super) environment: EnvironmentName,
    pub(super) by: Actor,
    pub(super) reason: Option<String>,
}

/// What a promotion is to bring, and past what.
struct Which {
    version: Option<Named>,
    age: Age,
    skips: Vec<EnvironmentName>,
    bad: BadArtifact,
}

fn unknown_environment(pipeline: &Pipeline, typed: &str) -> String {
    let known: Vec<&str> = pipeline.environments.iter().map(|e| e.name.as_str()).collect();
    answer::unknown_environment(pipeline.name.as_str(), typed, &known)
}

/// Reads a length of time as people type it: `30m`, `2h`, `1d`.
pub(super) fn parse_length(text: &str) -> Result<SignedDuration, AppError> {
    let invalid = || AppError::Invalid {
        field: Some("for"),
        what: format!("{text:?} is not a length of time: write it as `30m`, `2h` or `1d`"),
    };
    let span: jiff::Span = text.parse().map_err(|_| invalid())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| invalid())?;
    if length.is_positive() { Ok(length) } else { Err(invalid()) }
}

/// How a person named an artifact: in one way, or not at all.
fn named(
    version: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
) -> Result<Option<Named>, AppError> {
    match (version, tag, digest) {
        (None, None, None) => Ok(None),
        (Some(version), None, None) => Ok(Some(Named::AsTyped(version))),
        (None, Some(tag), None) => Ok(Some(Named::Tag(tag))),
        (None, None, Some(digest)) => Ok(Some(Named::Digest(digest))),
        (_, _, _) => Err(AppError::Invalid {
            field: Some("version"),
            what: "name the artifact once: by `version`, by `tag` or by `digest`".into(),
        }),
    }
}

/// The artifact that a person means; without a version, the newest that may go there.
fn choose<'a>(
    snapshot: &'a Snapshot,
    wish: &Wish,
    version: Option<&Named>,
    before: Option<&Obstacle>,
) -> Result<&'a Artifact, AppError> {
    let newest_first = || snapshot.newest_first().into_iter();
    let Some(meant) = version else {
        return newest_first()
            .filter(|artifact| missing_upstream(snapshot, wish, artifact, &[]).is_none())
            .find(|artifact| snapshot.kept_out(artifact).is_none())
            .ok_or_else(|| AppError::Refused {
                what: answer::nothing_to_promote(&wish.environment, before),
            });
    };
    let named: Vec<&Artifact> = newest_first().filter(|a| a.is(meant)).collect();
    let typed = meant.text();
    let Some(first) = named.first() else {
        let known: Vec<&str> = newest_first().take(10).map(Artifact::version).collect();
        return Err(AppError::NotFound { what: answer::unknown_version(typed, &known) });
    };
    if named.iter().any(|artifact| artifact.digest != first.digest) {
        let known: Vec<String> =
            named.iter().map(|a| format!("{} ({})", a.version(), a.digest)).collect();
        return Err(AppError::Refused { what: answer::ambiguous_version(typed, &known) });
    }
    Ok(first)
}

/// Refuses what the pipeline's rules do not let in; what they ask a person about goes.
fn refuse_kept_out(snapshot: &Snapshot, artifact: &Artifact) -> Result<(), AppError> {
    match snapshot.kept_out(artifact) {
        // What its registry says is asked next.
        None | Some(KeptOut::MovedAsks(_) | KeptOut::Unexamined(_)) => Ok(()),
        Some(why) => Err(AppError::Refused { what: accept::refused(artifact.version(), &why) }),
    }
}

/// Refuses a version older than the one that is there, unless the person says so.
fn refuse_older(
    snapshot: &Snapshot,
    wish: &Wish,
    artifact: &Artifact,
    age: Age,
) -> Result<(), AppError> {
    let current = snapshot
        .current(&wish.environment)
        .and_then(|promotion| Some((snapshot.rank_of(promotion)?, &promotion.version)));
    match (age, current) {
        (Age::NewerOnly, Some((rank, current)))
            if rank > snapshot.pipeline.accept.rank(artifact) =>
        {
            Err(AppError::Refused {
                what: answer::older(artifact.version(), current, &wish.environment),
            })
        }
        (Age::NewerOnly | Age::OlderToo, _) => Ok(()),
    }
}

/// Refuses what was rolled back, unless the person says so; tells whether it must be forced.
fn refuse_bad(
    snapshot: &Snapshot,
    wish: &Wish,
    artifact: &Artifact,
    bad: BadArtifact,
) -> Result<BadArtifact, AppError> {
    let place = snapshot.pipeline.environment(&wish.environment);
    let Some(taken) = place.and_then(|it| snapshot.rolled_back(&artifact.id, it)) else {
        return Ok(BadArtifact::Refused);
    };
    match bad {
        BadArtifact::Forced => Ok(BadArtifact::Forced),
        BadArtifact::Refused => Err(AppError::Refused {
            what: answer::rolled_back_before(artifact.version(), &taken.environment),
        }),
    }
}

/// Refuses what has not been in the environments before, unless those are skipped.
fn refuse_unproven(
    snapshot: &Snapshot,
    wish: &Wish,
    (artifact, skips): (&Artifact, &[EnvironmentName]),
    before: Option<&Obstacle>,
) -> Result<(), AppError> {
    let Some(missing) = missing_upstream(snapshot, wish, artifact, skips) else { return Ok(()) };
    let why = before.filter(|obstacle| obstacle.environment == missing);
    let what = answer::not_upstream(artifact.version(), &missing, &wish.environment, why);
    Err(AppError::Refused { what })
}

/// The first environment before this one in which the artifact is not.
fn missing_upstream(
    snapshot: &Snapshot,
    wish: &Wish,
    artifact: &Artifact,
    skips: &[EnvironmentName],
) -> Option<EnvironmentName> {
    let environment = snapshot.pipeline.environment(&wish.environment)?;
    environment
        .after
        .iter()
        .filter(|upstream| !skips.contains(upstream))
        .find(|upstream| {
            !snapshot.promotions_into(upstream).any(|promotion| {
                promotion.state.is_in() && promotion.artifact.as_ref() == Some(&artifact.id)
            })
        })
        .cloned()
}
