//! How far what was announced has come: asked by whoever may announce it, with the same proof.

use super::AnnounceError;
use super::body::Notice;
use super::resolve::Resolved;
use super::set_aside::{Aside, aside};
use super::signature::UnverifiedDelivery;
use super::speaker_for;
use crate::app::views::{Arrival, ArrivalView, ProgressView};
use crate::app::{App, AppError};
use crate::domain::artifact::Artifact;
use crate::domain::id::{ApplicationKey, EnvironmentName};
use crate::domain::promotion::{Promotion, State};
use crate::domain::snapshot::Snapshot;
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
        let (pipeline, _) = self.rules(&key)?;
        let record = self.store.load(&key).await?;
        let snapshot = self.memory(record, pipeline);
        let theirs = |artifact: &&Artifact| {
            artifact.image == notice.image
                && artifact.digest == notice.digest
                && artifact.tag == notice.tag
        };
        let artifact = snapshot.artifacts.iter().rev().find(theirs);
        let promotion = artifact.and_then(|artifact| {
            let brings = |promotion: &&Promotion| {
                promotion.environment == environment
                    && promotion.artifact.as_ref() == Some(&artifact.id)
            };
            snapshot.promotions.iter().rev().find(brings)
        });
        let Some(promotion) = promotion else {
            let (arrival, told) = not_started(&snapshot, artifact, &environment);
            let state = "not started".to_owned();
            let (pipeline, application) = (key.pipeline, key.application);
            let url = None;
            return Ok(ArrivalView {
                arrival,
                state,
                told,
                url,
                pipeline,
                application,
                environment,
            });
        };
        let wait = self.seen.of(&key).wait_of(&promotion.id).map(explain::wait);
        let name = promotion.state.name();
        let told = || explain::state(promotion, &snapshot.promotions);
        let (arrival, state, told) = match arrival(&promotion.state) {
            Arrival::OnItsWay => (Arrival::OnItsWay, name, wait.unwrap_or_else(told)),
            Arrival::Arrived => match replaced(&snapshot, promotion) {
                Some(other) => (Arrival::Ended, "replaced", explain::replaced(other)),
                None => (Arrival::Arrived, name, told()),
            },
            Arrival::Ended => (Arrival::Ended, name, told()),
        };
        Ok(ArrivalView {
            arrival,
            state: state.to_owned(),
            told,
            url: Some(self.promotion_url(&promotion.id)),
            pipeline: key.pipeline,
            application: key.application,
            environment,
        })
    }
}

/// Whether what has no promotion into an environment may still come there, and why it has not.
fn not_started(
    snapshot: &Snapshot,
    artifact: Option<&Artifact>,
    environment: &EnvironmentName,
) -> (Arrival, String) {
    match artifact.and_then(|artifact| aside(snapshot, artifact)) {
        Some(Aside::Stays(why)) => (Arrival::Ended, why),
        Some(Aside::Asks(why) | Aside::Unexamined(why)) => (Arrival::OnItsWay, why),
        None => (Arrival::OnItsWay, answer::not_started(environment)),
    }
}

/// What runs there now, where that is something else than what once went in well.
///
/// Whoever waits goes on with what runs: tests it, or tells people of it. A job that is run again
/// long after, and one that was overtaken between two looks, are told so and do not go on.
fn replaced<'a>(snapshot: &'a Snapshot, promotion: &'a Promotion) -> Option<&'a Promotion> {
    let current = snapshot.current(&promotion.environment)?;
    (current.id != promotion.id && current.values != promotion.values).then_some(current)
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
