//! Announcements that came while their repository could not be read.

use super::body::Notice;
use super::identity::Speaker;
use super::resolve::Resolved;
use super::tagged::Whole;
use super::{AnnounceError, Malformed, set_aside};
use crate::app::discover::Discovery;
use crate::app::ports::{AuditLine, Decision, DeliveryRecord};
use crate::app::{App, AppError};
use crate::domain::command::Actor;
use crate::domain::id::{ApplicationKey, SourceName};

impl App {
    /// Decides the announcements that were kept, as far as the repositories can be read now.
    /// For the scheduler, after each [`App::discover`].
    pub async fn decide_undecided(&self, discovery: &Discovery) -> Result<(), AppError> {
        for record in self.store.undecided().await? {
            self.decide(&record, discovery).await?;
        }
        Ok(())
    }

    async fn decide(&self, record: &DeliveryRecord, discovery: &Discovery) -> Result<(), AppError> {
        let delivery = &record.delivery;
        let (decision, lines) = match self.resolve_again(record, discovery).await {
            Ok(Some((notice, source, concerned))) => {
                let artifacts = self.artifacts(&notice, &source, concerned, delivery.received_at);
                let set_aside = self.set_aside(&artifacts).await?;
                let told = set_aside::told(&set_aside);
                let mut lines = self.set_aside_lines(&set_aside);
                lines.extend(self.moved_lines(&source, &artifacts).await);
                (Decision::Accept { artifacts, set_aside: told }, lines)
            }
            Ok(None) => return Ok(()),
            Err(AnnounceError::App(error)) => return Err(error),
            Err(
                refusal @ (AnnounceError::Signature(_)
                | AnnounceError::Token(_)
                | AnnounceError::Issuer(_)
                | AnnounceError::TooMany { .. }
                | AnnounceError::Malformed(_)
                | AnnounceError::NotTheirs { .. }
                | AnnounceError::NotTheirApplication { .. }
                | AnnounceError::Unknown { .. }),
            ) => {
                let line = self.refusal_line(record, &refusal);
                tracing::warn!(event.id = %delivery.event, "{}", line.text);
                (Decision::Refuse { why: refusal.to_string() }, vec![line])
            }
        };
        self.store.decide(&delivery.event, decision, lines, self.clock.now()).await?;
        self.nudge.notify_one();
        Ok(())
    }

    /// Whom it concerns; nothing where that cannot be said yet.
    async fn resolve_again(
        &self,
        record: &DeliveryRecord,
        discovery: &Discovery,
    ) -> Result<Option<(Notice, SourceName, Vec<ApplicationKey>)>, AnnounceError> {
        let announced_by = record.delivery.source.as_ref();
        // The configuration may have lost the source since.
        let source = self.policy.sources.iter().find(|source| Some(&source.name) == announced_by);
        let source = source.ok_or(Malformed {
            field: None,
            problem: "its source is not in `sources:` any more".into(),
        })?;
        let speaker = Speaker { source, application: record.speaks_for.clone() };
        let received_at = record.delivery.received_at;
        let whole = self.complete(&record.body, &speaker, received_at).await?;
        let Whole::Body(body) = whole else { return Ok(None) };
        let mut notice = Notice::parse(&body)?;
        speaker.narrow(&mut notice)?;
        match self.resolve_after(discovery, &notice, &speaker).await? {
            Resolved::Applications(concerned) => Ok(Some((notice, source.name.clone(), concerned))),
            Resolved::Undecided { .. } => Ok(None),
        }
    }

    fn refusal_line(&self, record: &DeliveryRecord, refusal: &AnnounceError) -> AuditLine {
        AuditLine {
            at: self.clock.now(),
            actor: Actor::hoist(),
            verb: "refused".into(),
            application: None,
            environment: None,
            promotion: None,
            commit: None,
            text: format!("the announcement {} concerns nobody: {refusal}", record.delivery.event),
        }
    }
}
