//! Tells the commit that an artifact was built from how it fares: a status for each environment.

use jiff::SignedDuration;

use super::execute::status_state;
use super::ports::{ForgeError, Status};
use super::reconcile::chain;
use super::{App, AppError, Mode};
use crate::domain::checks::SourceCommit;
use crate::domain::id::PromotionId;
use crate::domain::promotion::{Kind, Promotion, State};
use crate::messages::feedback as words;

/// What the progress is kept under.
const NAME: &str = "source statuses";

impl App {
    /// Tells the sources of what has moved how it fares now. No promotion waits for this.
    pub async fn tell_sources(&self) -> Result<(), AppError> {
        let wanted = self.policy.pipelines.values().any(|it| it.source_status.is_some());
        let Some(store) = self.chat.store.as_deref().filter(|_| wanted) else { return Ok(()) };
        if self.mode == Mode::ReadOnly {
            return Ok(());
        }
        let Some(news) = self.news(store, NAME).await? else { return Ok(()) };
        for promotion in &news.moved() {
            let told = self.tell_source(promotion).await?;
            if let Some(wait) = told.err().and_then(|error| patience(&error, news.tries)) {
                // A status that is there already is not written again.
                return news.later(wait).await;
            }
        }
        news.told_all().await
    }

    async fn tell_source(&self, id: &PromotionId) -> Result<Result<(), ForgeError>, AppError> {
        let Some(promotion) = self.store.promotion(id).await? else { return Ok(Ok(())) };
        let Ok((pipeline, repository)) = self.rules(&promotion.application) else {
            return Ok(Ok(()));
        };
        let (Some(only), false) =
            (&pipeline.source_status, matches!(promotion.kind, Kind::Found { .. }))
        else {
            return Ok(Ok(()));
        };
        let record = self.store.load(&promotion.application).await?;
        let built = record.artifacts.iter().find(|it| promotion.artifact.as_ref() == Some(&it.id));
        let Some(artifact) = built else { return Ok(Ok(())) };
        let application = &promotion.application.application;
        let of = match SourceCommit::of(&artifact.source, Some(only), application) {
            Ok(of) => of,
            Err(why) => {
                tracing::debug!(promotion.id = %id, "no source is told of it: {why}");
                return Ok(Ok(()));
            }
        };
        let instead = if let State::Superseded { by } = &promotion.state {
            record.promotions.iter().find(|it| &it.id == by)
        } else {
            None
        };
        let status = status(&promotion, instead);
        let context = format!("hoist/{application}/{}", promotion.environment);
        let url = self.promotion_url(id);
        Ok(repository.forge.set_source_status(&of, (&context, &url), &status).await)
    }
}

/// How it fares, and `instead` of it what took its place.
fn status(promotion: &Promotion, instead: Option<&Promotion>) -> Status {
    let (state, description) = words::status(promotion, instead);
    Status { state: status_state(state), description }
}

/// How long to wait after a failure; none where trying again would not help, so that one commit
/// that cannot be told does not keep all others from it.
fn patience(error: &ForgeError, tries: u32) -> Option<SignedDuration> {
    match error {
        ForgeError::RateLimited { seconds } | ForgeError::Paced { seconds } => {
            Some(SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(3600)))
        }
        ForgeError::Stale | ForgeError::Unauthorized | ForgeError::Unreachable(_) => {
            tracing::warn!("a source could not be told: {}", chain(error));
            Some(SignedDuration::from_secs(1 << tries.min(8)))
        }
        ForgeError::NotFound(_) | ForgeError::Refused(_) => {
            tracing::error!("a source cannot be told: {}", chain(error));
            None
        }
    }
}
