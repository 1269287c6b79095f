//! How far what was announced has come: asked by whoever may announce it, with the same proof.

use super::AnnounceError;
use super::body::Notice;
use super::resolve::Resolved;
use super::set_aside::{Aside, aside};
use super::signature::UnverifiedDelivery;
use super::speaker_for;
use crate::app::ports::ApplicationRecord;
use crate::app::views::{Arrival, ArrivalView, ProgressView};
use crate::app::{App, AppError};
use crate::domain::artifact::Artifact;
use crate::domain::id::{ApplicationKey, EnvironmentName};
use crate::domain::promotion::{Promotion, State};
use crate::messages::{answer, explain};

impl App {
    /// Tells how far what a delivery announces has come on its way into an environment.
    ///
    /// Nothing is stored: a pipeline that waits asks again and again.
    pub async fn progress(
        &self,
        delivery: UnverifiedDelivery,
        environment: &str,
    ) -> Result<ProgressView, AnnounceError> {
        let mut verified = self.verify(delivery, self.clock.now()).await?;
        verified.body = verified.envelope.wrap(verified.body)?;
        let mut notice = Notice::parse(&verified.body)?;
        let speaker = speaker_for(&verified.speakers, &notice);
        speaker.narrow(&mut notice)?;
        let concerned = match self.resolve(&notice, &speaker).await? {
            Resolved::Applications(concerned) => concerned,
            Resolved::Undecided { why } => {
                return Ok(ProgressView { why: Some(why), applications: Vec::new() });
            }
        };
        let mut applications = Vec::new();
        for key in concerned {
            let environment = self.environment_of(&key, environment)?;
            applications.push(self.arrival(&notice, key, environment).await?);
        }
        Ok(ProgressView { why: None, applications })
    }

    async fn arrival(
        &self,
        notice: &Notice,
        key: ApplicationKey,
        environment: EnvironmentName,
    ) -> Result<ArrivalView, AppError> {
        let record = self.store.load(&key).await?;
        let theirs = |artifact: &&Artifact| {
            artifact.image == notice.image
                && artifact.digest == notice.digest
                && artifact.tag == notice.tag
        };
        let artifact = record.artifacts.iter().rev().find(theirs);
        let promotion = artifact.and_then(|artifact| {
            let brings = |promotion: &&Promotion| {
                promotion.environment == environment
                    && promotion.artifact.as_ref() == Some(&artifact.id)
            };
            record.promotions.iter().rev().find(brings)
        });
        let wait = promotion.and_then(|it| self.seen.of(&key).wait_of(&it.id).map(explain::wait));
        let (arrival, told) = match (promotion, wait) {
            (Some(promotion), Some(wait)) if arrival(&promotion.state) == Arrival::OnItsWay => {
                (Arrival::OnItsWay, wait)
            }
            (Some(promotion), _) => {
                (arrival(&promotion.state), explain::state(promotion, &record.promotions))
            }
            (None, _) => self.not_started(&key, &record, artifact, &environment),
        };
        Ok(ArrivalView {
            arrival,
            state: promotion.map_or("not started", |it| it.state.name()).to_owned(),
            told,
            url: promotion.map(|it| self.promotion_url(&it.id)),
            pipeline: key.pipeline,
            application: key.application,
            environment,
        })
    }

    /// Whether what has no promotion into an environment may still come there, and why it has not.
    fn not_started(
        &self,
        key: &ApplicationKey,
        record: &ApplicationRecord,
        artifact: Option<&Artifact>,
        environment: &EnvironmentName,
    ) -> (Arrival, String) {
        let pipeline = self.policy.pipelines.get(&key.pipeline);
        let aside = pipeline.zip(artifact).and_then(|(pipeline, artifact)| {
            aside(&self.memory(record.clone(), pipeline), artifact)
        });
        match aside {
            Some(Aside::Stays(why)) => (Arrival::Ended, why),
            Some(Aside::Asks(why) | Aside::Unexamined(why)) => (Arrival::OnItsWay, why),
            None => (Arrival::OnItsWay, answer::not_started(environment)),
        }
    }
}

/// What runs and is well has arrived, although it is still watched: a pipeline that waits for the
/// end of a soak of a day waits for nothing that it can mend.
fn arrival(state: &State) -> Arrival {
    match state {
        State::Soaking { .. } | State::Succeeded { .. } => Arrival::Arrived,
        State::Waiting | State::Proposed | State::Merged { .. } | State::Deployed { .. } => {
            Arrival::OnItsWay
        }
        State::Superseded { .. }
        | State::Closed { .. }
        | State::Failed { .. }
        | State::RolledBack { .. } => Arrival::Ended,
    }
}
