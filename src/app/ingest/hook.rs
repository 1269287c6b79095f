//! The door of registries and forges: one delivery, and each push that it tells of an announcement
//! with an answer of its own.

use jiff::Timestamp;

use super::cloud_event::Envelope;
use super::identity::{BadToken, Speaker};
use super::refused::Sender;
use super::senders::{self, Told, UnverifiedHook, proof};
use super::signature::{BadSignature, Verified};
use super::tagged::Whole;
use super::{Accepted, AnnounceError, check_delivery};
use crate::app::App;
use crate::app::policy::{Hook, Proof, Source};
use crate::app::ports::{Announced, Announcement, DeliveryOutcome};
use crate::domain::id::EventId;

/// What became of a delivery that tells of several things.
#[derive(Debug, Default)]
pub struct Answers {
    /// Of each announcement in it.
    pub each: Vec<Answer>,
    /// What else it speaks of, and why that is passed over.
    pub ignored: Vec<String>,
}

/// What became of one announcement among several.
#[derive(Debug)]
pub struct Answer {
    /// Which.
    pub what: String,
    /// What became of it.
    pub outcome: Result<Accepted, AnnounceError>,
}

impl Answers {
    /// Adds an answer; a failure that is over later ends it all, so that the sender asks again.
    pub(super) fn add(
        &mut self,
        what: String,
        outcome: Result<Accepted, AnnounceError>,
    ) -> Result<(), AnnounceError> {
        match outcome {
            Err(
                error @ (AnnounceError::App(_)
                | AnnounceError::Issuer(_)
                | AnnounceError::TooMany { .. }),
            ) => Err(error),
            outcome => {
                self.each.push(Answer { what, outcome });
                Ok(())
            }
        }
    }
}

impl App {
    /// Believes, reads and stores what a registry or a forge tells. Once this returns, it is
    /// durable.
    #[tracing::instrument(name = "delivery", skip_all, fields(source.name, event.id))]
    pub async fn hear_sender(
        &self,
        name: &str,
        delivery: UnverifiedHook,
    ) -> Result<Answers, AnnounceError> {
        let now = self.clock.now();
        let Some((source, hook)) = self.known_sender(name, &delivery) else {
            let error = BadSignature::Hook.into();
            self.keep_refusal(Sender::default(), &error).await;
            return Err(error);
        };
        tracing::Span::current().record("source.name", source.name.as_str());
        self.take_turn(source, now)?;
        let reading = match senders::read(hook, &delivery) {
            Ok(reading) => reading,
            Err(error) => {
                let (error, sender) = (error.into(), Sender::of_hook(source, Vec::new()));
                self.keep_refusal(sender, &error).await;
                return Err(error);
            }
        };
        for why in &reading.ignored {
            tracing::info!("passed over what {name} tells: {why}");
        }
        let mut answers = Answers { each: Vec::new(), ignored: reading.ignored };
        for told in reading.told {
            let outcome = self.hear_push(source, hook, &told, now).await;
            answers.add(format!("{}:{}", told.image, told.tag), outcome)?;
        }
        Ok(answers)
    }

    /// The source of that name, if the delivery proves that it comes from there.
    fn known_sender(&self, name: &str, delivery: &UnverifiedHook) -> Option<(&Source, &Hook)> {
        let source = self.policy.sources.iter().find(|source| source.name.as_str() == name)?;
        match &source.proof {
            Proof::Hook(hook) => proof::verify(hook, delivery).ok().map(|()| (source, hook)),
            Proof::Secrets(_) | Proof::Token(_) => None,
        }
    }

    async fn hear_push(
        &self,
        source: &Source,
        hook: &Hook,
        told: &Told,
        now: Timestamp,
    ) -> Result<Accepted, AnnounceError> {
        let body = serde_json::Value::Object(told.announcement(hook.kind)).to_string();
        let speaker = Speaker { source, application: None };
        let whole = match self.complete(body.as_bytes(), &speaker, now).await {
            Ok(whole) => whole,
            Err(error) => {
                self.keep_refused_push(source, body.into_bytes(), &error).await;
                return Err(error);
            }
        };
        match whole {
            Whole::Waits { why } => self.keep_waiting(source, told, body.into_bytes(), why).await,
            Whole::Body(body) => {
                let verified = Verified {
                    speakers: vec![speaker],
                    token: None,
                    delivery: told.delivery.clone(),
                    body: body.clone(),
                    envelope: Envelope::None,
                };
                let accepted = self.store_announcement(verified, now).await;
                if let Err(error) = &accepted {
                    self.keep_refused_push(source, body, error).await;
                }
                accepted
            }
        }
    }

    /// Keeps what was refused, unless it is of an image that is not the source's: a registry tells
    /// of everything it has, and `images` says what of that counts here.
    async fn keep_refused_push(&self, source: &Source, body: Vec<u8>, error: &AnnounceError) {
        if let AnnounceError::NotTheirs { .. } = error {
            return;
        }
        self.keep_refusal(Sender::of_hook(source, body), error).await;
    }

    /// Keeps a push until the registry can be asked what the tag is.
    async fn keep_waiting(
        &self,
        source: &Source,
        told: &Told,
        body: Vec<u8>,
        why: String,
    ) -> Result<Accepted, AnnounceError> {
        let now = self.clock.now();
        let announcement = Announcement {
            event: EventId::new(now, self.dice.roll()),
            source: source.name.clone(),
            delivery: check_delivery(told.delivery.clone())?,
            speaks_for: None,
            token: None,
            body,
            received_at: now,
            artifacts: Vec::new(),
            outcome: DeliveryOutcome::Undecided { why: why.clone() },
        };
        match self.store.announce(announcement).await? {
            Announced::New(event) => {
                tracing::info!(event.id = %event, "{} waits: {why}", source.name);
                Ok(Accepted::New(self.announcement_view(event, Some(why))))
            }
            Announced::Same(event) => Ok(Accepted::Same(self.announcement_view(event, Some(why)))),
            Announced::TokenUsed => Err(BadToken::Used.into()),
        }
    }
}
