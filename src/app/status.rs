//! Answers "what is where, what is on its way, and what happened?"

use std::collections::BTreeMap;

use crate::domain::artifact::Artifact;
use crate::domain::command::Actor;
use crate::domain::examination::Delay;
use crate::domain::health::HealthRule;
use crate::domain::id::{ApplicationKey, ArtifactId, CommitId, EventId, PromotionId};
use crate::domain::pipeline::Environment;
use crate::domain::plan::{Because, Wait};
use crate::domain::promotion::{Kind, Promotion, State};
use crate::domain::snapshot::Snapshot;
use crate::messages::{accept, answer, explain};

use super::ingest::redact;
use super::ports::{AuditEntry, AuditLine, Delivery};
use super::reconcile::Sight;
use super::views::{
    AnnouncedArtifact, ApplicationView, DeliveryDetailView, DeliveryView, EnvironmentView,
    HealthView, HistoryLine, HistoryPromotion, HistoryView, HoldView, NextView, SeenView,
    StatusView,
};
use super::{App, AppError};

impl App {
    /// Every application in every environment.
    pub async fn status(&self) -> Result<StatusView, AppError> {
        let mut applications = Vec::new();
        for key in self.store.applications().await? {
            // A pipeline that left the configuration has applications in the store still.
            if self.rules(&key).is_ok() {
                applications.push(self.overview(&key).await?);
            }
        }
        let freezes = self.freezes().await?;
        let (unread, renamed) = (self.readiness.unread(), self.readiness.renamed());
        let schedules = self.timetable();
        Ok(StatusView { applications, unread, renamed, freezes, schedules })
    }

    /// One application in every environment.
    pub async fn application(&self, name: &str) -> Result<ApplicationView, AppError> {
        let key = self.find_application(name).await?;
        self.overview(&key).await
    }

    async fn overview(&self, key: &ApplicationKey) -> Result<ApplicationView, AppError> {
        let (pipeline, _) = self.rules(key)?;
        let record = self.store.load(key).await?;
        let mut unread = self.readiness.unread();
        unread.retain(|it| it.repository == pipeline.repository);
        let mut holds = record.holds.clone();
        holds.retain(|hold| hold.lasts(self.clock.now()));
        let snapshot = self.memory(record, pipeline);
        let sight = self.seen.of(key);
        let environments = pipeline
            .environments
            .iter()
            .map(|environment| {
                let hold = holds.iter().find(|hold| hold.environment == environment.name);
                let hold = hold.map(|hold| HoldView {
                    by: hold.by.to_string(),
                    reason: hold.reason.clone(),
                    since: hold.since,
                    until: hold.until,
                });
                self.environment_view(&snapshot, environment, hold, &sight)
            })
            .collect();
        Ok(ApplicationView {
            pipeline: key.pipeline.clone(),
            application: key.application.clone(),
            environments,
            unread: unread.pop(),
            trouble: sight.trouble,
        })
    }

    fn environment_view(
        &self,
        snapshot: &Snapshot,
        environment: &Environment,
        hold: Option<HoldView>,
        sight: &Sight,
    ) -> EnvironmentView {
        let name = &environment.name;
        let current = snapshot.current(name);
        let pending: Vec<&Promotion> = snapshot
            .promotions_into(name)
            .filter(|promotion| promotion.state.is_pending())
            .collect();
        let next = bearer(&pending);
        let behind = pending.iter().filter(|it| next.is_some_and(|next| it.id != next.id));
        // What is said of promotions on their way stands with them.
        let of_what_is_there = |wait: &Wait| {
            wait.promotion.as_ref().is_none_or(|id| current.is_some_and(|it| &it.id == id))
        };
        let wait = sight.waits.get(name).filter(|wait| of_what_is_there(wait));
        let wait = wait.or_else(|| sight.wait_of(&current?.id));
        let artifact = current.and_then(|p| snapshot.artifact(p.artifact.as_ref()?));
        EnvironmentView {
            environment: name.clone(),
            version: current.map(|promotion| promotion.version.clone()),
            digest: artifact.map(|artifact| artifact.digest.to_string()),
            since: current.map(|promotion| promotion.since),
            state: current.map_or("unknown yet", |current| current.state.name()).to_owned(),
            promotion: current.map(|promotion| promotion.id.clone()),
            next: next.map(|promotion| self.next_view(promotion, sight)),
            behind: behind.map(|promotion| self.next_view(promotion, sight)).collect(),
            health: self.health_view(snapshot, environment),
            hold,
            waits_for: wait.map(explain::wait),
            until: wait.and_then(|wait| wait.until),
        }
    }

    /// Who says how what is there is, and what they said while that was asked.
    fn health_view(&self, snapshot: &Snapshot, environment: &Environment) -> Option<HealthView> {
        if environment.health == HealthRule::Nobody {
            return None;
        }
        let watched = snapshot.current(&environment.name).filter(|it| it.is_on_its_way());
        let pulse = watched.and_then(|current| snapshot.pulse_of(current));
        Some(HealthView {
            url: self.watchers.page(environment, &snapshot.application.application),
            seen: pulse.map(|pulse| SeenView {
                finding: pulse.finding,
                saw: pulse.saw.clone(),
                since: pulse.since,
                at: pulse.seen_at,
            }),
        })
    }

    fn next_view(&self, promotion: &Promotion, sight: &Sight) -> NextView {
        let wait = sight.wait_of(&promotion.id);
        let is_held = wait.is_some_and(|wait| matches!(wait.because, Because::Held { .. }));
        NextView {
            promotion: promotion.id.clone(),
            version: promotion.version.clone(),
            state: if is_held { "held" } else { promotion.state.name() }.to_owned(),
            proposal: promotion.proposal.as_ref().map(|proposed| proposed.number),
            url: Some(self.promotion_url(&promotion.id)),
            waits_for: wait.filter(|_| !is_held).map(explain::wait),
            until: wait.and_then(|wait| wait.until),
        }
    }

    /// An application's promotions, newest first.
    pub async fn history(
        &self,
        name: &str,
        environment: Option<&str>,
    ) -> Result<HistoryView, AppError> {
        let key = self.find_application(name).await?;
        let environment = environment.map(|typed| self.environment_of(&key, typed)).transpose()?;
        let record = self.store.load(&key).await?;
        let wanted = record
            .promotions
            .iter()
            .rev()
            .filter(|p| environment.as_ref().is_none_or(|wanted| &p.environment == wanted));
        let mut promotions = Vec::new();
        for promotion in wanted {
            promotions.push(HistoryPromotion {
                promotion: promotion.id.clone(),
                environment: promotion.environment.clone(),
                kind: kind_name(&promotion.kind).to_owned(),
                version: promotion.version.clone(),
                state: promotion.state.name().to_owned(),
                since: promotion.since,
                requested_by: promotion.requested_by.to_string(),
                reason: promotion.reason.clone(),
                commit: self.commit_of(promotion).await?,
                ended: has_ended(&promotion.state)
                    .then(|| explain::state(promotion, &record.promotions)),
                skipped: promotion.skipped.iter().map(ToString::to_string).collect(),
            });
        }
        Ok(HistoryView { application: key.application, promotions })
    }

    /// The commit that brought a promotion in. What has ended does not know it any more; the audit
    /// log does.
    async fn commit_of(&self, promotion: &Promotion) -> Result<Option<CommitId>, AppError> {
        if let Kind::Found { at } = &promotion.kind {
            return Ok(Some(at.clone()));
        }
        if !has_ended(&promotion.state) {
            return Ok(promotion.state.commit().cloned());
        }
        let lines = self.store.audit_of(&promotion.id).await?.into_iter().map(|entry| entry.line);
        let mut merged = lines.filter(|line| line.verb == "merged").filter_map(|line| line.commit);
        Ok(merged.next_back())
    }

    /// The newest artifacts of one application, or of all.
    pub async fn list_artifacts(
        &self,
        application: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AnnouncedArtifact>, AppError> {
        let keys = match application {
            Some(typed) => vec![self.find_application(typed).await?],
            None => self.store.applications().await?,
        };
        let mut found = Vec::new();
        for key in keys {
            let artifacts = self.store.load(&key).await?.artifacts;
            found.extend(artifacts.iter().map(|artifact| announced(&key, artifact)));
        }
        found.sort_by_key(|it| std::cmp::Reverse(it.artifact.accepted_at));
        found.truncate(limit.min(1000) as usize);
        Ok(found)
    }

    /// The audit log after entry `after`.
    pub async fn audit(&self, after: u64, limit: u32) -> Result<Vec<HistoryLine>, AppError> {
        let entries = self.store.audit(after, limit.min(1000)).await?;
        Ok(entries.into_iter().map(history_line).collect())
    }

    /// The newest deliveries.
    pub async fn deliveries(&self, limit: u32) -> Result<Vec<DeliveryView>, AppError> {
        let deliveries = self.store.deliveries(limit.min(1000)).await?;
        let mut views: Vec<DeliveryView> = deliveries.into_iter().map(delivery_view).collect();
        let delays = self.seen.delays();
        // Most of the time nothing waits for its registry.
        if !delays.is_empty() {
            for view in &mut views {
                if let Some(record) = self.store.delivery(&view.id).await? {
                    tell_delays(view, &record.artifacts, &delays);
                }
            }
        }
        Ok(views)
    }

    /// The newest deliveries that were refused.
    pub async fn refused_deliveries(&self, limit: u32) -> Result<Vec<DeliveryView>, AppError> {
        let deliveries = self.store.refused(limit.min(1000)).await?;
        Ok(deliveries.into_iter().map(delivery_view).collect())
    }

    /// One delivery, and what it brought.
    pub async fn delivery(&self, id: &str) -> Result<DeliveryDetailView, AppError> {
        let unknown = || AppError::NotFound { what: answer::unknown_delivery(id) };
        let event: EventId = id.parse().map_err(|_| unknown())?;
        let record = self.store.delivery(&event).await?.ok_or_else(unknown)?;
        let artifacts = record.artifacts.iter().map(|(key, artifact)| announced(key, artifact));
        let artifacts = artifacts.collect();
        let body = redact::shown(&record.body);
        let mut delivery = delivery_view(record.delivery);
        tell_delays(&mut delivery, &record.artifacts, &self.seen.delays());
        Ok(DeliveryDetailView { delivery, artifacts, body })
    }

    /// The promotion of that id, as somebody typed it.
    pub(super) async fn find_promotion(&self, typed: &str) -> Result<Promotion, AppError> {
        let unknown = || AppError::NotFound { what: answer::unknown_promotion(typed) };
        let id: PromotionId = typed.parse().map_err(|_| unknown())?;
        self.store.promotion(&id).await?.ok_or_else(unknown)
    }
}

/// The one that is worked on: a rollback, else the one that is proposed, else the newest.
pub(super) fn bearer<'a>(pending: &[&'a Promotion]) -> Option<&'a Promotion> {
    let rank =
        |promotion: &Promotion| (promotion.is_rollback(), promotion.state == State::Proposed);
    pending.iter().copied().max_by_key(|it| (rank(it), it.age()))
}

fn delivery_view(delivery: Delivery) -> DeliveryView {
    DeliveryView {
        id: delivery.event,
        source: delivery.source.map(String::from),
        delivery: delivery.delivery,
        received_at: delivery.received_at,
        outcome: delivery.outcome.told(),
    }
}

/// Says of a delivery what that which it brought waits for, before its registry has said what it
/// is.
fn tell_delays(
    delivery: &mut DeliveryView,
    brought: &[(ApplicationKey, Artifact)],
    delays: &BTreeMap<ArtifactId, Delay>,
) {
    for (application, artifact) in brought {
        if let Some(delay) = delays.get(&artifact.id) {
            delivery.outcome.push_str(&accept::waits(application, delay));
        }
    }
}

fn announced(key: &ApplicationKey, artifact: &Artifact) -> AnnouncedArtifact {
    AnnouncedArtifact {
        pipeline: key.pipeline.clone(),
        application: key.application.clone(),
        artifact: artifact.into(),
    }
}

/// Tells whether a promotion ended without being in, or is not in any more.
fn has_ended(state: &State) -> bool {
    !state.is_in() && !state.is_pending()
}

/// A promotion's kind, as the API has it.
pub(super) fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Found { .. } => "found",
        Kind::Forward { .. } => "forward",
        Kind::Rollback { .. } => "rollback",
    }
}

/// A line of the audit log, for the wire.
pub(super) fn history_line(entry: AuditEntry) -> HistoryLine {
    let line = entry.line;
    let (pipeline, application) =
        line.application.map(|key| (key.pipeline, key.application)).unzip();
    HistoryLine {
        number: entry.number,
        at: line.at,
        actor: line.actor.name,
        door: line.actor.door,
        verb: line.verb,
        text: line.text,
        pipeline,
        application,
        environment: line.environment,
        promotion: line.promotion,
        commit: line.commit,
        hash: entry.hash,
    }
}

/// The entry that a line was made of: what its hash is judged by.
impl From<HistoryLine> for AuditEntry {
    fn from(line: HistoryLine) -> Self {
        let key = line.pipeline.zip(line.application);
        let key = key.map(|(pipeline, application)| ApplicationKey { pipeline, application });
        Self {
            number: line.number,
            line: AuditLine {
                at: line.at,
                actor: Actor { name: line.actor, door: line.door },
                verb: line.verb,
                application: key,
                environment: line.environment,
                promotion: line.promotion,
                commit: line.commit,
                text: line.text,
            },
            hash: line.hash,
        }
    }
}
