//! Those who can say how an application is: the controller that deploys it, or the application.

use async_trait::async_trait;

use crate::domain::evidence::Span;
use crate::domain::health::{CallAnswer, Report};

/// An application, as its controller knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deployment {
    /// Its name.
    pub application: String,
    /// The project it belongs to. It is always said: without it, an application that is missing
    /// cannot be told from one that is not ours to see.
    pub project: String,
    /// The namespace it is kept in, where that is not the controller's own.
    pub namespace: Option<String>,
}

/// What a controller knows of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// This.
    Found(Box<Report>),
    /// There is none of that name (yet).
    Missing,
}

/// Why nobody could be asked, sorted by what can be done about it. No text holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HealthError {
    /// It could not be reached, or answered nonsense; later it may work.
    #[error("{who} could not be asked: {why}")]
    Unreachable {
        /// Who, by the address that the configuration has.
        who: String,
        /// Why.
        why: String,
    },
    /// It asks to be left alone for a while.
    #[error("{who} asks us to wait {seconds}s")]
    RateLimited {
        /// Who.
        who: String,
        /// How long.
        seconds: u64,
    },
    /// It does not know our token, or no longer.
    #[error(
        "{who} refuses the token: it is wrong or has expired; make a new one and restart hoist"
    )]
    Unauthorized {
        /// Who.
        who: String,
    },
    /// Our token gives no right to look at this.
    #[error("{who} does not let the token look at {what}: {why}")]
    Forbidden {
        /// Who.
        who: String,
        /// At what.
        what: String,
        /// What to do.
        why: String,
    },
}

/// A controller that deploys what is merged.
#[async_trait]
pub trait Controller: Send + Sync {
    /// What it says of an application now.
    async fn look(&self, at: &Deployment) -> Result<Sighting, HealthError>;

    /// Where a person looks at an application.
    fn page(&self, of: &Deployment) -> String;
}

/// Knows what was measured.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// The values of every series that `query` finds at `url`, at each point of `span` at which it
    /// has one, oldest first.
    async fn over(&self, url: &str, query: &str, span: Span) -> Result<Vec<Vec<f64>>, HealthError>;
}

/// Calls what answers for itself.
#[async_trait]
pub trait Caller: Send + Sync {
    /// Gets what stands at `url`: follows no redirect, and reads the beginning of the body.
    async fn call(&self, url: &str) -> Result<CallAnswer, HealthError>;
}
