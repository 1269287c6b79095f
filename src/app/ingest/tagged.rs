//! What a registry or a forge says without a digest: the tag is asked for at the registry.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::AnnounceError;
use super::body::{Fields, Malformed};
use super::identity::Speaker;
use crate::app::App;
use crate::app::policy::Proof;
use crate::app::ports::RegistryError;
use crate::domain::artifact::{ImageName, Tag};
use crate::domain::examination::PATIENCE;
use crate::messages::time;

/// What an announcement is with the registry's word.
pub(super) enum Whole {
    /// An announcement.
    Body(Vec<u8>),
    /// The registry cannot be asked now.
    Waits {
        /// Why.
        why: String,
    },
}

impl App {
    /// Adds the digest to what a registry or a forge said without one.
    ///
    /// An image that is not the source's is asked for nowhere: it is the sender who names the
    /// registry.
    pub(super) async fn complete(
        &self,
        body: &[u8],
        speaker: &Speaker<'_>,
        received_at: Timestamp,
    ) -> Result<Whole, AnnounceError> {
        let as_it_is = || Ok(Whole::Body(body.to_vec()));
        match &speaker.source.proof {
            // CI says what it has built, and whoever leaves the digest out is told so.
            Proof::Secrets(_) | Proof::Token(_) => return as_it_is(),
            Proof::Hook(_) => (),
        }
        let mut told: Map<String, Value> = match serde_json::from_slice(body) {
            Ok(Value::Object(told)) => told,
            Ok(_) | Err(_) => return as_it_is(),
        };
        let fields = Fields(Some(&told));
        let Some(image) = fields.parsed::<ImageName>("image")? else { return as_it_is() };
        if !speaker.may_name(&image) {
            let name = speaker.source.name.clone();
            return Err(AnnounceError::NotTheirs { name, image });
        }
        if told.contains_key("digest") {
            return as_it_is();
        }
        let Some(tag) = fields.parsed::<Tag>("tag")? else { return as_it_is() };
        match self.registry.resolve(&image, &tag).await {
            Ok(digest) => {
                told.insert("digest".to_owned(), digest.as_str().into());
                Ok(Whole::Body(Value::Object(told).to_string().into_bytes()))
            }
            Err(error) => {
                let until = received_at.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
                let is_over = self.clock.now() >= until;
                waits_or_not(&image, &tag, &error, (!is_over).then_some(until))
            }
        }
    }
}

/// What a registry does not have is refused once it had time to come; until it answers it is asked
/// again.
fn waits_or_not(
    image: &ImageName,
    tag: &Tag,
    error: &RegistryError,
    until: Option<Timestamp>,
) -> Result<Whole, AnnounceError> {
    let asked = format!("what `{image}:{tag}` is could not be found out: {error}");
    match (error, until) {
        (RegistryError::Missing { .. }, Some(until)) => {
            let until = time(until);
            let why = format!("{asked}; that may still come, and is waited for until {until}");
            Ok(Whole::Waits { why })
        }
        (RegistryError::Missing { .. }, None)
        | (RegistryError::TooLong { .. } | RegistryError::Untrue { .. }, _) => {
            Err(Malformed { field: Some("tag"), problem: asked }.into())
        }
        (
            RegistryError::Unauthorized { .. }
            | RegistryError::RateLimited { .. }
            | RegistryError::Unreachable { .. },
            _,
        ) => Ok(Whole::Waits { why: format!("{asked}; it is kept, and asked for again") }),
    }
}
