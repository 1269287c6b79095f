//! Several CloudEvents in one request (CloudEvents 1.0, JSON Event Format, "JSON Batch Format"):
//! each is an announcement with an answer of its own.

use jiff::Timestamp;
use serde_json::Value;

use super::cloud_event;
use super::hook::Answers;
use super::refused::Sender;
use super::signature::{UnverifiedDelivery, Verified};
use super::{AnnounceError, MOST_TOLD, Malformed};
use crate::app::App;

impl App {
    /// Believes, understands and stores each event of a batch. Once this returns, they are
    /// durable.
    #[tracing::instrument(name = "delivery", skip_all, fields(source.name, event.id))]
    pub async fn announce_batch(
        &self,
        delivery: UnverifiedDelivery,
    ) -> Result<Answers, AnnounceError> {
        let now = self.clock.now();
        let verified = self.believe(delivery, now).await?;
        let events = match self.open_batch(&verified, now) {
            Ok(events) => events,
            Err(error) => {
                self.keep_refusal(Sender::of(&verified), &error).await;
                return Err(error);
            }
        };
        let mut answers = Answers::default();
        for (place, event) in events.iter().enumerate() {
            let body = event.to_string().into_bytes();
            let named = cloud_event::delivery(&body);
            // The batch's own id is of all of them.
            let one = Verified { body, delivery: None, ..verified.clone() };
            let sender = Sender::of(&one);
            let outcome = self.store_announcement(one, now).await;
            if let Err(error) = &outcome {
                self.keep_refusal(sender, error).await;
            }
            answers.add(named.unwrap_or_else(|| format!("event {}", place + 1)), outcome)?;
        }
        Ok(answers)
    }

    /// The events of a batch, which takes one turn of its source's.
    fn open_batch(
        &self,
        verified: &Verified<'_>,
        now: Timestamp,
    ) -> Result<Vec<Value>, AnnounceError> {
        for speaker in verified.speakers.iter().take(1) {
            self.take_turn(speaker.source, now)?;
        }
        let malformed = |problem: String| Malformed { field: None, problem };
        let events: Vec<Value> = serde_json::from_slice(&verified.body)
            .map_err(|error| malformed(format!("the body is no list of events: {error}")))?;
        if events.len() > MOST_TOLD {
            let problem =
                format!("the batch has {} events, and at most {MOST_TOLD} are taken", events.len());
            return Err(malformed(problem).into());
        }
        Ok(events)
    }
}
