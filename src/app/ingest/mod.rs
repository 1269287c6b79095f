//! How announcements come in: verified, read, resolved, stored. Nothing is decided here.

pub mod signature;

pub mod identity;

mod body;

pub mod cloud_event;

mod package;

mod batch;

pub mod senders;

mod tagged;

pub mod hook;

mod resolve;

mod undecided;

mod set_aside;

mod moved;

mod progress;

pub mod pace;

mod refused;

pub(super) mod redact;

pub mod send;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;

use jiff::Timestamp;
use secrecy::ExposeSecret;

pub use body::Malformed;

use super::policy::Source;
use super::ports::{Announced, Announcement, AuditLine, DeliveryOutcome, StoreError, TokenError};
use super::reconcile::chain;
use super::views::AnnouncementView;
use super::{App, AppError};
use crate::domain::artifact::{Artifact, ImageName};
use crate::domain::id::{ApplicationKey, ApplicationName, ArtifactId, EventId, SourceName};
use body::Notice;
use identity::{BadToken, Speaker};
use pace::Turn;
use refused::Sender;
use resolve::Resolved;
use signature::{BadSignature, UnverifiedDelivery, Verified};

/// How many artifacts one delivery may tell of: far more than any sender puts together.
const MOST_TOLD: usize = 100;

/// How long a sender's own id for a delivery may be.
const LONGEST_DELIVERY: usize = 255;

/// What became of an announcement that was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, and durable.
    New(AnnouncementView),
    /// It was announced before.
    Same(AnnouncementView),
}

/// Why an announcement is refused.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// Nobody known has signed it.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Its token proves nothing.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// Nobody can say now whether its token is good.
    #[error("{0}; nothing was stored: send it again in a while")]
    Issuer(#[source] TokenError),
    /// The source announces too much.
    #[error(
        "the source {name} announces more than {most} times in a minute: come back in {seconds} s, \
         or allow more with `sources.{name}.per_minute`"
    )]
    TooMany {
        /// The source's.
        name: SourceName,
        /// How often it may.
        most: u32,
        /// When the next one is taken.
        seconds: i64,
    },
    /// It cannot be understood.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The source has no business with that image.
    #[error(
        "the source {name} may not announce `{image}`: no pattern in `sources.{name}.images` fits"
    )]
    NotTheirs {
        /// The source's.
        name: SourceName,
        /// What.
        image: ImageName,
    },
    /// Its CI may speak for another application only.
    #[error(
        "the source {name} speaks for the application {own} here, as the bearer token says, and \
         not for {named}"
    )]
    NotTheirApplication {
        /// The source's.
        name: SourceName,
        /// The one it may speak for.
        own: ApplicationName,
        /// The one it spoke of.
        named: ApplicationName,
    },
    /// No application is concerned.
    #[error("{what}")]
    Unknown {
        /// The field to mend.
        field: &'static str,
        /// What was looked for, where, and what there is.
        what: String,
    },
    /// It could not be looked up or stored.
    #[error(transparent)]
    App(#[from] AppError),
}

impl From<StoreError> for AnnounceError {
    fn from(error: StoreError) -> Self {
        Self::App(error.into())
    }
}

impl App {
    /// Believes, understands and stores an announcement. Once this returns, it is durable.
    ///
    /// Neither body nor headers are logged: a sender may put a secret into either.
    #[tracing::instrument(name = "delivery", skip_all, fields(source.name, event.id))]
    pub async fn announce(&self, delivery: UnverifiedDelivery) -> Result<Accepted, AnnounceError> {
        let now = self.clock.now();
        let verified = self.believe(delivery, now).await?;
        let sender = Sender::of(&verified);
        let accepted = self.accept(verified, now).await;
        if let Err(error) = &accepted {
            self.keep_refusal(sender, error).await;
        }
        accepted
    }

    /// Finds out who sent it, and keeps what nobody known sent.
    async fn believe(
        &self,
        delivery: UnverifiedDelivery,
        now: Timestamp,
    ) -> Result<Verified<'_>, AnnounceError> {
        let verified = self.verify(delivery, now).await;
        if let Err(error) = &verified {
            self.keep_refusal(Sender::default(), error).await;
        }
        verified
    }

    /// Understands and stores what somebody sent who is known.
    async fn accept(
        &self,
        mut verified: Verified<'_>,
        now: Timestamp,
    ) -> Result<Accepted, AnnounceError> {
        for speaker in verified.speakers.iter().take(1) {
            self.take_turn(speaker.source, now)?;
        }
        verified.body = verified.envelope.wrap(verified.body)?;
        self.store_announcement(verified, now).await
    }

    /// Counts a delivery of a source's, if it has a turn.
    fn take_turn(&self, source: &Source, now: Timestamp) -> Result<(), AnnounceError> {
        let (name, most) = (&source.name, source.per_minute);
        match self.pace.of_source(name, most, now) {
            Turn::Yes => Ok(()),
            Turn::In(seconds) => Err(AnnounceError::TooMany { name: name.clone(), most, seconds }),
        }
    }

    /// Understands and stores one announcement.
    async fn store_announcement(
        &self,
        verified: Verified<'_>,
        now: Timestamp,
    ) -> Result<Accepted, AnnounceError> {
        let delivery = verified.delivery.or_else(|| cloud_event::delivery(&verified.body));
        let delivery = check_delivery(delivery)?;
        let mut notice = Notice::parse(&verified.body)?;
        let speaker = speaker_for(&verified.speakers, &notice);
        let source = speaker.source;
        tracing::Span::current().record("source.name", source.name.as_str());
        speaker.narrow(&mut notice)?;
        let (artifacts, undecided) = match self.resolve(&notice, &speaker).await? {
            Resolved::Applications(concerned) => {
                (self.artifacts(&notice, &source.name, concerned, now), None)
            }
            Resolved::Undecided { why } => (Vec::new(), Some(why)),
        };
        let set_aside = self.set_aside(&artifacts).await?;
        let repeats = delivery.clone();
        let outcome = match &undecided {
            Some(why) => DeliveryOutcome::Undecided { why: why.clone() },
            None => DeliveryOutcome::of(set_aside::told(&set_aside)),
        };
        let announcement = Announcement {
            event: EventId::new(now, self.dice.roll()),
            source: source.name.clone(),
            delivery,
            speaks_for: speaker.application.clone(),
            token: verified.token,
            body: verified.body,
            received_at: now,
            artifacts: artifacts.clone(),
            outcome: outcome.clone(),
        };
        match self.store.announce(announcement).await? {
            Announced::New(event) => {
                self.nudge.notify_one();
                tell(&notice, &source.name, &artifacts, &event);
                let mut lines = self.set_aside_lines(&set_aside);
                lines.extend(self.moved_lines(&source.name, &artifacts).await);
                self.write_down(lines).await;
                Ok(Accepted::New(self.announcement_view(event, outcome.why())))
            }
            Announced::Same(event) => {
                let first = self.store.delivery(&event).await?;
                let is_sent_again = repeats.is_some()
                    && first.as_ref().is_some_and(|it| it.delivery.delivery == repeats);
                if !is_sent_again {
                    let brought = first.as_ref().map(|it| it.artifacts.as_slice());
                    let brought = brought.unwrap_or_default();
                    let lines = self.returned_lines(&source.name, &artifacts, brought).await;
                    self.write_down(lines).await;
                }
                let why = first.and_then(|first| first.delivery.outcome.why());
                Ok(Accepted::Same(self.announcement_view(event, why)))
            }
            Announced::TokenUsed => Err(BadToken::Used.into()),
        }
    }

    /// Finds out who sent it: by the secret that signed it, or by its token.
    async fn verify(
        &self,
        delivery: UnverifiedDelivery,
        now: Timestamp,
    ) -> Result<Verified<'_>, AnnounceError> {
        let Some(token) = delivery.token() else {
            return Ok(delivery.verify(&self.policy.sources, now)?);
        };
        let identity = self.identify_token(token.expose_secret(), delivery.body(), now).await?;
        let (body, envelope) = delivery.into_parts();
        Ok(Verified {
            speakers: identity.speakers,
            token: Some(identity.token),
            delivery: Some(identity.delivery),
            body,
            envelope,
        })
    }

    /// One artifact for each application, all the same thing.
    ///
    /// Where CI does not say who started the build, its source did: somebody must have asked.
    fn artifacts(
        &self,
        notice: &Notice,
        source: &SourceName,
        concerned: Vec<ApplicationKey>,
        accepted_at: Timestamp,
    ) -> Vec<(ApplicationKey, Artifact)> {
        let artifact = || Artifact {
            id: ArtifactId::new(accepted_at, self.dice.roll()),
            image: notice.image.clone(),
            digest: notice.digest.clone(),
            tag: notice.tag.clone(),
            version: notice.version.clone(),
            source: notice.source.clone(),
            build: notice.build.clone(),
            actor: Some(notice.actor.clone().unwrap_or_else(|| source.to_string())),
            accepted_at,
            examination: None,
        };
        concerned.into_iter().map(|application| (application, artifact())).collect()
    }

    fn announcement_view(&self, id: EventId, why: Option<String>) -> AnnouncementView {
        let url = format!("{}/api/v1/deliveries/{id}", self.policy.public_url);
        AnnouncementView { id, url, why }
    }

    /// Writes down what there is to say of an announcement.
    ///
    /// It is durable by now, so that a failure here is logged and does not undo its answer.
    async fn write_down(&self, lines: Vec<AuditLine>) {
        for line in &lines {
            tracing::warn!("{}", line.text);
        }
        if !lines.is_empty()
            && let Err(error) = self.store.note(lines).await
        {
            tracing::error!("writing down what an announcement brought: {}", chain(&error));
        }
    }
}

/// Of several who may have spoken, the first who may speak for the image; else the first.
fn speaker_for<'a>(speakers: &[Speaker<'a>], notice: &Notice) -> Speaker<'a> {
    let speaker = speakers.iter().find(|speaker| speaker.may_name(&notice.image));
    let speaker = speaker.or_else(|| speakers.first());
    speaker.expect("a delivery that was verified has somebody who sent it").clone()
}

/// A delivery's id is an index's key: it is short.
fn check_delivery(delivery: Option<String>) -> Result<Option<String>, Malformed> {
    let delivery = delivery.filter(|id| !id.is_empty());
    match &delivery {
        Some(id) if id.len() > LONGEST_DELIVERY => Err(Malformed {
            field: Some("delivery"),
            problem: format!(
                "the delivery's id (`webhook-id`, `X-GitHub-Delivery` or `X-Hoist-Delivery`) has \
                 {} bytes, and at most {LONGEST_DELIVERY} fit",
                id.len()
            ),
        }),
        Some(_) | None => Ok(delivery),
    }
}

/// Tells in the log what came, and for whom.
fn tell(
    notice: &Notice,
    source: &SourceName,
    brought: &[(ApplicationKey, Artifact)],
    event: &EventId,
) {
    tracing::Span::current().record("event.id", event.as_str());
    let applications: Vec<_> = brought.iter().map(|(key, _)| key.to_string()).collect();
    let concerned = if applications.is_empty() {
        "undecided until its repository can be read".to_owned()
    } else {
        format!("for {}", applications.join(", "))
    };
    tracing::info!(
        event.id = %event,
        source.name = %source,
        artifact.digest = %notice.digest,
        "{source} announced {}@{}, {concerned}",
        notice.image,
        notice.digest.short(),
    );
}
