//! Announcements that were refused at the door: kept with their reason, and decided anew on demand.

use super::body::Notice;
use super::identity::Speaker;
use super::pace::Turn;
use super::resolve::Resolved;
use super::tagged::Whole;
use super::{AnnounceError, Verified, set_aside};
use crate::app::policy::Source;
use crate::app::ports::{AuditLine, Decision, DeliveryOutcome, Refusal};
use crate::app::reconcile::chain;
use crate::app::views::DeliveryDetailView;
use crate::app::{App, AppError};
use crate::domain::command::Identity;
use crate::domain::id::{ApplicationName, EventId, SourceName};
use crate::messages::answer;

/// Who sent something, as far as that was found out, and what they sent.
#[derive(Default)]
pub(super) struct Sender {
    pub(super) source: Option<SourceName>,
    pub(super) speaks_for: Option<ApplicationName>,
    /// Kept only of those who are known: anybody can send a mebibyte.
    pub(super) body: Vec<u8>,
}

impl Sender {
    /// Those who were verified, for whom the first stands.
    pub(super) fn of(verified: &Verified<'_>) -> Self {
        let first = verified.speakers.first();
        Self {
            source: first.map(|speaker| speaker.source.name.clone()),
            speaks_for: first.and_then(|speaker| speaker.application.clone()),
            body: verified.body.clone(),
        }
    }

    /// A registry or a forge.
    pub(super) fn of_hook(source: &Source, body: Vec<u8>) -> Self {
        Self { source: Some(source.name.clone()), speaks_for: None, body }
    }
}

impl App {
    /// Writes down that an announcement was refused, unless strangers send too many.
    ///
    /// The refusal is answered in any case, so that a failure here is logged and no more.
    pub(super) async fn keep_refusal(&self, sender: Sender, error: &AnnounceError) {
        let now = self.clock.now();
        let is_stranger = sender.source.is_none();
        let passes = match error {
            // It was not refused: it comes again.
            AnnounceError::App(_) | AnnounceError::Issuer(_) | AnnounceError::TooMany { .. } => {
                true
            }
            AnnounceError::Signature(_)
            | AnnounceError::Token(_)
            | AnnounceError::Malformed(_)
            | AnnounceError::NotTheirs { .. }
            | AnnounceError::NotTheirApplication { .. }
            | AnnounceError::Unknown { .. } => false,
        };
        if passes || (is_stranger && self.pace.of_stranger(now) != Turn::Yes) {
            return;
        }
        let refusal = Refusal {
            event: EventId::new(now, self.dice.roll()),
            source: sender.source,
            speaks_for: sender.speaks_for,
            body: sender.body,
            received_at: now,
            why: error.to_string(),
        };
        if let Err(error) = self.store.refuse(refusal).await {
            tracing::error!("keeping a refused announcement: {}", chain(&error));
        }
    }

    /// Decides a delivery anew, by the rules as they are now: for what was refused and is right
    /// since the configuration was mended.
    pub async fn replay(&self, typed: &str, by: &Identity) -> Result<DeliveryDetailView, AppError> {
        let unknown = || AppError::NotFound { what: answer::unknown_delivery(typed) };
        let event: EventId = typed.parse().map_err(|_| unknown())?;
        let record = self.store.delivery(&event).await?.ok_or_else(unknown)?;
        let refuse = |why: String| AppError::Refused { what: answer::not_replayed(&why) };
        let named = record.delivery.source.as_ref();
        let named = named.ok_or_else(|| refuse(answer::NOBODYS_DELIVERY.into()))?;
        let source = self.policy.sources.iter().find(|source| &source.name == named);
        let source = source.ok_or_else(|| refuse(answer::source_is_gone(named)))?;
        if record.body.is_empty() {
            return Err(refuse(answer::DELIVERY_IS_FORGOTTEN.into()));
        }
        let told = |error: AnnounceError| match error {
            AnnounceError::App(error) => error,
            error @ (AnnounceError::Signature(_)
            | AnnounceError::Token(_)
            | AnnounceError::Issuer(_)
            | AnnounceError::TooMany { .. }
            | AnnounceError::Malformed(_)
            | AnnounceError::NotTheirs { .. }
            | AnnounceError::NotTheirApplication { .. }
            | AnnounceError::Unknown { .. }) => refuse(error.to_string()),
        };
        let speaker = Speaker { source, application: record.speaks_for.clone() };
        let received_at = record.delivery.received_at;
        let body = match self.complete(&record.body, &speaker, received_at).await.map_err(told)? {
            Whole::Body(body) => body,
            Whole::Waits { why } => return Err(refuse(why)),
        };
        let mut notice = Notice::parse(&body).map_err(|error| refuse(error.to_string()))?;
        speaker.narrow(&mut notice).map_err(told)?;
        let concerned = match self.resolve(&notice, &speaker).await.map_err(told)? {
            Resolved::Applications(concerned) => concerned,
            Resolved::Undecided { why } => return Err(refuse(why)),
        };
        let now = self.clock.now();
        let brought = self.artifacts(&notice, named, concerned, now);
        let line = AuditLine {
            at: now,
            actor: by.actor.clone(),
            verb: "replayed".into(),
            application: None,
            environment: None,
            promotion: None,
            commit: None,
            text: answer::replayed(&event, &record.delivery.outcome.told()),
        };
        let set_aside = self.set_aside(&brought).await?;
        let mut lines = vec![line];
        lines.extend(self.set_aside_lines(&set_aside));
        let outcome = &record.delivery.outcome;
        if matches!(outcome, DeliveryOutcome::Refused { .. } | DeliveryOutcome::Undecided { .. }) {
            lines.extend(self.moved_lines(named, &brought).await);
        }
        let set_aside = set_aside::told(&set_aside);
        let decision = Decision::Accept { artifacts: brought, set_aside };
        self.store.decide(&event, decision, lines, now).await?;
        self.nudge.notify_one();
        self.delivery(event.as_str()).await
    }

    /// Forgets what came in long ago. For the scheduler.
    pub async fn forget_deliveries(&self) -> Result<(), AppError> {
        let before = self.clock.now().checked_sub(self.policy.keep_deliveries);
        let Ok(before) = before else { return Ok(()) };
        Ok(self.store.forget(before).await?)
    }
}
