//! Those who are told what happens without having asked.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use super::chat::ChatError;
use crate::domain::id::{ApplicationName, EnvironmentName, PipelineName, PromotionId};
use crate::domain::notification::Happening;

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The same happening is told under the same id, also when it is told again.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
    /// In words, in which `code` is the only markup.
    pub text: String,
    /// To what, for machines.
    pub facts: Facts,
}

/// What a notification is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The application's pipeline.
    pub pipeline: Option<PipelineName>,
    /// The application; none where it concerns all of an environment.
    pub application: Option<ApplicationName>,
    /// Where; none where it concerns everything.
    pub environment: Option<EnvironmentName>,
    /// The promotion.
    pub promotion: Option<PromotionId>,
    /// What people call what is promoted.
    pub version: Option<String>,
    /// The commit that was made or seen.
    pub commit: Option<String>,
    /// Who did it, and through which door.
    pub actor: String,
    /// Its page.
    pub url: Option<String>,
}

/// Carries notifications to one place.
#[async_trait]
pub trait Herald: Send + Sync {
    /// Tells it. What was told before may come again after a crash, under the same id.
    async fn tell(&self, notification: &Notification) -> Result<(), ChatError>;
}
