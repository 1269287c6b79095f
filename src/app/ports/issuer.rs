//! Who vouches for CI: makes tokens that say which repository and which branch speaks.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What a token says, by the names of its claims.
pub type Claims = Map<String, Value>;

/// Why a token's signature counts for nothing. No text repeats the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token.
    #[error("the bearer token is no JWT: {0}")]
    Unreadable(&'static str),
    /// It is signed in a way that proves nothing, or that nobody needs.
    #[error(
        "the bearer token is signed with {0:?}: only signatures of an issuer's public keys count, \
         RS256 or ES256"
    )]
    Algorithm(String),
    /// The issuer publishes no such key.
    #[error(
        "the bearer token is signed with a key that {issuer} does not publish: get a new token, \
         and check that its issuer is the one in `sources:`"
    )]
    UnknownKey {
        /// Who.
        issuer: String,
    },
    /// The signature is not the issuer's.
    #[error("the bearer token's signature is wrong: send the token as {issuer} gave it")]
    Forged {
        /// Who.
        issuer: String,
    },
    /// The issuer did not publish such a key when it was last asked, which was a moment ago; it may
    /// by now.
    #[error(
        "the bearer token is signed with a key that {issuer} did not publish {seconds} s ago, and it \
         is not asked again so soon"
    )]
    TooSoon {
        /// Who.
        issuer: String,
        /// How long ago it was asked.
        seconds: i64,
    },
    /// The issuer's keys cannot be had now; later they may.
    #[error("the keys of {issuer} cannot be read, so nobody can check the bearer token: {why}")]
    Unreachable {
        /// Who.
        issuer: String,
        /// Why.
        why: String,
    },
}

/// Somebody who makes tokens, and whose public keys tell them from others'.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// The claims of a token that one of the issuer's keys has signed. Whether the claims are
    /// good for anything, and at what time, is for the caller to say.
    async fn vouch(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError>;
}
