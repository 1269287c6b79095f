//! Tells people what happens, without their having asked.
//!
//! What happened stands in the audit log, and each of those who are told follows it by itself from
//! where they were last told: nothing is lost by a restart, whoever cannot be reached is told the
//! rest later, and no promotion waits for anybody. What lasts, as a review that nobody does, is in
//! no log; it is looked for every minute, and told once.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::chat::{after, patience};
use super::ports::{
    AuditEntry, AuditLine, Card, ChatError, Conversations, Facts, Follower, Herald, Message,
    Notification,
};
use super::reconcile::Waiting;
use super::{App, AppError, Mode};
use crate::domain::command::Actor;
use crate::domain::gate::SCHEDULE;
use crate::domain::id::{
    ApplicationKey, NotificationName, ProposalNumber, RepositoryName, ScheduleName,
};
use crate::domain::landing::Block;
use crate::domain::notification::{Happening, Interest};
use crate::domain::plan::Because;
use crate::domain::promotion::{Kind, Promotion};
use crate::domain::schedule::{Group, Schedule};
use crate::domain::snapshot::Turn;
use crate::messages::{explain, notification as words};

/// How often it is looked for what lasts.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Somebody who is told, and what of.
pub struct Audience {
    /// Their key in the configuration.
    pub name: NotificationName,
    /// What they want to hear.
    pub interest: Interest,
    /// Carries it there.
    pub herald: Arc<dyn Herald>,
    /// Who reads it.
    pub reads: Reads,
}

/// Who reads what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// People: of what goes with a train they are told once for all that ride.
    People,
    /// A program: it is told of each application.
    Program,
}

/// A train's proposal.
pub(super) struct Train {
    pub(super) schedule: ScheduleName,
    pub(super) repository: RepositoryName,
    pub(super) number: ProposalNumber,
    /// What the whole of it waits for, where that is asked.
    waits_for: String,
}

/// Somebody's notification, and under which name it is kept that they had it, where that is not
/// told by how far they are.
type Addressed = (Notification, Option<String>);

/// What may be told, before anybody's interest in it is known.
struct Told<'a> {
    what: Happening,
    id: String,
    at: Timestamp,
    said: String,
    facts: Facts,
    promotion: Option<&'a Promotion>,
    train: Option<Train>,
}

impl App {
    /// Tells everybody what they have not been told yet. Nobody waits for anybody else.
    pub async fn tell_audiences(&self) {
        let Some(store) = &self.chat.store else { return };
        if self.mode == Mode::ReadOnly {
            return;
        }
        let told = self.chat.audiences.iter().map(|audience| async move {
            let happened = self.tell_what_happened(store.as_ref(), audience).await;
            let lasts = self.tell_what_lasts(store.as_ref(), audience).await;
            for error in [happened, lasts].into_iter().filter_map(Result::err) {
                tracing::error!(notification.name = %audience.name, "telling it: {error:#}");
            }
        });
        futures::future::join_all(told).await;
    }

    async fn tell_what_happened(
        &self,
        store: &dyn Conversations,
        audience: &Audience,
    ) -> Result<(), AppError> {
        let name = format!("notification {}", audience.name);
        let Some(mut news) = self.news(store, &name).await? else { return Ok(()) };
        for entry in std::mem::take(&mut news.entries) {
            let number = entry.number;
            let Some(addressed) = self.wanted(audience, entry).await? else { continue };
            if let Some(wait) = self.tell(store, audience, (addressed, news.tries)).await? {
                return news.later(wait).await;
            }
            news.told(number).await?;
        }
        news.told_all().await
    }

    /// Tells it, unless that was done already; how long to wait where that failed.
    async fn tell(
        &self,
        store: &dyn Conversations,
        audience: &Audience,
        ((notification, once), tries): (Addressed, u32),
    ) -> Result<Option<SignedDuration>, AppError> {
        if let Some(name) = &once
            && store.follower(name).await?.is_some()
        {
            return Ok(None);
        }
        if let Some(wait) = refused(audience.herald.tell(&notification).await, tries) {
            return Ok(Some(wait));
        }
        if let Some(name) = &once {
            let told = Follower { after: 0, due_at: self.clock.now(), tries: 0 };
            store.keep_follower(name, told).await?;
        }
        Ok(None)
    }

    /// What an entry of the log is to somebody, if they want to hear of it.
    async fn wanted(
        &self,
        audience: &Audience,
        entry: AuditEntry,
    ) -> Result<Option<Addressed>, AppError> {
        let line = entry.line;
        let promotion = match &line.promotion {
            Some(id) => self.store.promotion(id).await?,
            None => None,
        };
        let Some(what) = happening(&line.verb, promotion.as_ref()) else { return Ok(None) };
        let (pipeline, application) =
            line.application.clone().map(|key| (key.pipeline, key.application)).unzip();
        let facts = Facts {
            pipeline,
            application,
            environment: line.environment.clone(),
            promotion: line.promotion.clone(),
            version: promotion.as_ref().map(|it| it.version.clone()),
            commit: line.commit.as_ref().map(ToString::to_string),
            actor: line.actor.to_string(),
            url: None,
        };
        let id = format!("hoist-{}", entry.number);
        let promotion = promotion.as_ref();
        let said = self.told_alone(what, promotion, &line).await?;
        let rides = matches!(what, Happening::Proposed | Happening::Merged);
        let train = match promotion.filter(|_| rides) {
            Some(promotion) => self.train_of(promotion).await?,
            None => None,
        };
        let told = Told { what, id, at: line.at, said, facts, promotion, train };
        Ok(self.for_audience(audience, told))
    }

    /// What is said of a line of the log: those who read it there know more than those who are
    /// told of it alone.
    async fn told_alone(
        &self,
        what: Happening,
        promotion: Option<&Promotion>,
        line: &AuditLine,
    ) -> Result<String, AppError> {
        let by_hoist = line.actor == Actor::hoist();
        match (what, promotion) {
            (Happening::Healthy, Some(it)) if line.verb == "succeeded" => Ok(words::succeeded(it)),
            (Happening::Proposed, Some(it)) if it.is_rollback() => {
                let from = self.undone_by(it).await?;
                Ok(words::going_back(it, from.as_ref(), &line.text))
            }
            (Happening::RolledBack, Some(it)) => {
                let from = self.undone_by(it).await?;
                Ok(words::went_back(it, from.as_ref(), &line.text))
            }
            (Happening::Held | Happening::Frozen, _) if !by_hoist => {
                Ok(words::done_by(&line.actor, &line.text))
            }
            (_, _) => Ok(line.text.clone()),
        }
    }

    /// What a rollback takes back.
    async fn undone_by(&self, rollback: &Promotion) -> Result<Option<Promotion>, AppError> {
        match &rollback.kind {
            Kind::Rollback { undoes, .. } => Ok(self.store.promotion(undoes).await?),
            Kind::Found { .. } | Kind::Forward { .. } => Ok(None),
        }
    }

    /// The train with which a promotion goes, or went.
    pub(super) async fn train_of(&self, promotion: &Promotion) -> Result<Option<Train>, AppError> {
        let key = &promotion.application;
        let Ok((pipeline, _)) = self.rules(key) else { return Ok(None) };
        let trains = self.trains_for(promotion);
        let (false, Some(proposal)) = (trains.is_empty(), &promotion.proposal) else {
            return Ok(None);
        };
        let mut boarded = self.store.load(key).await?.boarded;
        let schedule = boarded.remove(&promotion.id);
        let schedule = schedule.filter(|name| trains.iter().any(|it| it.name == *name));
        let (repository, number) = (pipeline.repository.clone(), proposal.number);
        let waits_for = String::new();
        Ok(schedule.map(|schedule| Train { schedule, repository, number, waits_for }))
    }

    /// The schedules with whose trains a promotion may go.
    pub(super) fn trains_for(&self, promotion: &Promotion) -> Vec<&Schedule> {
        let ApplicationKey { pipeline, application } = &promotion.application;
        let fits = |it: &&Schedule| {
            it.group == Group::OneProposal
                && it.pipeline == *pipeline
                && it.takes(application)
                && it.leads_into(&promotion.environment)
        };
        self.policy.schedules.iter().filter(fits).collect()
    }

    fn for_audience(&self, audience: &Audience, told: Told<'_>) -> Option<Addressed> {
        let Told { what, id, at, said, mut facts, promotion, train } = told;
        let (pipeline, environment) = (facts.pipeline.as_ref(), facts.environment.as_ref());
        if !audience.interest.wants(what, pipeline, environment) {
            return None;
        }
        facts.url = promotion.map(|it| self.promotion_url(&it.id));
        if let (Some(train), Reads::People, Some(to)) =
            (train, audience.reads, facts.environment.as_ref())
        {
            let Train { schedule, repository, number, waits_for } = train;
            let about = (&schedule, to, number);
            let text = words::train(what, about, (&waits_for, facts.url.as_deref()));
            let text = self.chat.by_the_clock(&text);
            let id = format!("hoist-{}-{repository}-{}", what.name(), number.0);
            let once = format!("notification {}: {id}", audience.name);
            return Some((Notification { id, at, what, text, facts }, Some(once)));
        }
        let place = (facts.application.as_ref(), facts.environment.as_ref());
        let text = words::told(what, place.0, place.1, (&said, facts.url.as_deref()));
        let text = match audience.reads {
            Reads::People => self.chat.by_the_clock(&text),
            Reads::Program => text,
        };
        Some((Notification { id, at, what, text, facts }, None))
    }

    /// Reviews that nobody does, and promotions that do not move.
    async fn tell_what_lasts(
        &self,
        store: &dyn Conversations,
        audience: &Audience,
    ) -> Result<(), AppError> {
        let (name, now) = (format!("notification {} (lasting)", audience.name), self.clock.now());
        let tries = match store.follower(&name).await? {
            Some(follower) if follower.due_at > now => return Ok(()),
            Some(follower) => follower.tries,
            None => 0,
        };
        let mut next = Follower { after: 0, due_at: after(now, LOOK_EVERY), tries: 0 };
        for waiting in self.seen.waiting() {
            let Some(promotion) = self.store.promotion(&waiting.promotion).await? else { continue };
            for mut told in self.lasting(audience, &waiting, &promotion) {
                let mark = format!("{} in {}", told.what.name(), promotion.state.name());
                let follower = format!("{name} {mark}");
                if store.card(&follower, promotion.id.as_str()).await?.is_some() {
                    continue;
                }
                told.train = self.train_of(&promotion).await?;
                if let (Some(train), Because::Train(Some(ride))) =
                    (&mut told.train, &waiting.wait.because)
                {
                    train.waits_for.clone_from(&ride.waits_for);
                }
                let Some(addressed) = self.for_audience(audience, told) else { continue };
                let Notification { id, text, .. } = &addressed.0;
                let card = Card { message: id.clone(), shown: Message::plain(text.as_str()) };
                if let Some(wait) = self.tell(store, audience, (addressed, tries)).await? {
                    let tries = tries.saturating_add(1);
                    next = Follower { due_at: after(now, wait), tries, ..next };
                    return Ok(store.keep_follower(&name, next).await?);
                }
                store.keep_card(&follower, promotion.id.as_str(), &card).await?;
            }
        }
        Ok(store.keep_follower(&name, next).await?)
    }

    /// What of a promotion that waits has to be told by now.
    fn lasting<'a>(
        &self,
        audience: &Audience,
        waiting: &Waiting,
        promotion: &'a Promotion,
    ) -> Vec<Told<'a>> {
        let limit = audience.interest.stuck_after;
        let now = self.clock.now();
        let waits_for = explain::wait(&waiting.wait);
        let mut found = Vec::new();
        if promotion.proposal.is_some() && is_up_to_people(&waiting.wait.because) {
            found.push((Happening::NeedsReview, words::needs_review(promotion, &waits_for)));
        }
        if now.duration_since(promotion.since) >= limit && !gathers(&waiting.wait.because) {
            found.push((Happening::Stuck, words::stuck(promotion, limit, &waits_for)));
        }
        let told = |(what, said): (Happening, String)| Told {
            what,
            id: format!("hoist-{}-{}-{}", what.name(), promotion.id, promotion.since.as_second()),
            at: now,
            said,
            facts: Facts {
                pipeline: Some(promotion.application.pipeline.clone()),
                application: Some(promotion.application.application.clone()),
                environment: Some(promotion.environment.clone()),
                promotion: Some(promotion.id.clone()),
                version: Some(promotion.version.clone()),
                commit: None,
                actor: promotion.requested_by.to_string(),
                url: None,
            },
            promotion: Some(promotion),
            train: None,
        };
        found.into_iter().map(told).collect()
    }
}

/// How long to wait before it is told again; none where it was told, or never will be.
fn refused(told: Result<(), ChatError>, tries: u32) -> Option<SignedDuration> {
    told.err().and_then(|error| patience(&error, tries))
}

/// What a line of the audit log is to those who are told. A rollback is told of once, when its own
/// promotion is merged, and not again for the one that it takes back.
fn happening(verb: &str, promotion: Option<&Promotion>) -> Option<Happening> {
    match verb {
        "proposed" => Some(Happening::Proposed),
        "merged" if promotion.is_some_and(Promotion::is_rollback) => Some(Happening::RolledBack),
        "merged" => Some(Happening::Merged),
        "succeeded" | "healthy" => {
            let found = promotion.is_some_and(|it| matches!(it.kind, Kind::Found { .. }));
            (!found).then_some(Happening::Healthy)
        }
        "unhealthy" => Some(Happening::Unhealthy),
        "hold" | "resume" => Some(Happening::Held),
        "freeze" | "thaw" => Some(Happening::Frozen),
        "drift" => Some(Happening::Drift),
        _ => None,
    }
}

/// Tells whether it waits for a schedule's run as it should: that is not stuck.
fn gathers(because: &Because) -> bool {
    matches!(because, Because::Gate(judged) if judged.name == SCHEDULE)
}

/// Tells whether a proposal waits for nothing but people.
fn is_up_to_people(because: &Because) -> bool {
    match because {
        Because::Approvals { .. }
        | Because::Objections(_)
        | Because::ManualMerge
        | Because::ForeignPush(_) => true,
        Because::Train(Some(ride)) => ride.turn == Turn::Peoples,
        Because::Blocked(blocks) => blocks.iter().any(Block::is_up_to_people),
        Because::Gate(_)
        | Because::Asks(_)
        | Because::Unexamined(_)
        | Because::Held { .. }
        | Because::Soaking
        | Because::Health(_)
        | Because::NotOnlyVersion(_)
        | Because::Conflict(_)
        | Because::Handed(_)
        | Because::Drifted { .. }
        | Because::EditRefused(_)
        | Because::NoFiles(_)
        | Because::Train(None)
        | Because::Pace
        | Because::Behind { .. } => false,
    }
}
