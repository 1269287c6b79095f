//! Does what is left to do about a proposal that its forge brings in by itself, or that is a draft.

use crate::domain::id::{PromotionId, ProposalNumber};
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::Snapshot;
use crate::messages::landing;

use super::execute::Outcome;
use super::proposing::asks;
use super::{App, AppError};

impl App {
    /// Says that a draft is ready.
    pub(super) async fn make_ready(
        &self,
        snapshot: &Snapshot,
        number: ProposalNumber,
        promotion: &PromotionId,
    ) -> Result<Outcome, AppError> {
        let (pipeline, repository) = self.rules(&snapshot.application)?;
        let promotion = snapshot.promotion(promotion);
        let Some((promotion, environment)) =
            promotion.and_then(|it| Some((it, pipeline.environment(&it.environment)?)))
        else {
            return Ok(Outcome::LookAgain);
        };
        repository.forge.make_ready(number, &asks(&environment.review)).await?;
        Ok(self.told(snapshot, promotion, "ready", landing::READY))
    }

    /// Takes back what the forge was asked to do by itself.
    pub(super) async fn take_back(
        &self,
        snapshot: &Snapshot,
        number: ProposalNumber,
        promotion: &PromotionId,
    ) -> Result<Outcome, AppError> {
        let (_, repository) = self.rules(&snapshot.application)?;
        let Some(promotion) = snapshot.promotion(promotion) else { return Ok(Outcome::LookAgain) };
        repository.forge.take_back(number).await?;
        Ok(self.told(snapshot, promotion, "taken-back", landing::TAKEN_BACK))
    }

    /// An outcome of which only the audit log tells.
    pub(super) fn told(
        &self,
        snapshot: &Snapshot,
        promotion: &Promotion,
        verb: &str,
        what: &str,
    ) -> Outcome {
        let text = format!("{}: {what}", promotion.version);
        let audit = self.line(snapshot, verb, &promotion.environment, text).about(&promotion.id);
        Outcome::Done { changes: Vec::new(), audit: vec![audit] }
    }
}
