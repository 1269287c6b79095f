//! The CI that runs us, as the command line sees it: it gives its jobs tokens.

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

/// Where a job of GitHub Actions gets its tokens.
#[derive(Debug, Clone)]
pub struct TokenDesk {
    /// The address, which CI gives the job.
    pub url: Url,
    /// What the job shows there.
    pub bearer: SecretString,
    /// For whom the token is to be.
    pub audience: String,
}

/// CI gave no token, and says why. No text holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("CI gives no token: {0}")]
pub struct NoToken(pub String);

/// Gives the job that runs us a token that says who it is.
#[async_trait]
pub trait JobTokens: Send + Sync {
    /// A fresh token.
    async fn token(&self, desk: &TokenDesk) -> Result<SecretString, NoToken>;
}
