//! Where images are kept: the only one whose word counts about what a digest or a tag is.

use async_trait::async_trait;

use crate::domain::artifact::{Digest, ImageName, Tag};
use crate::domain::registry::Reference;

/// What a registry has under a digest or a tag (OCI Distribution Specification 1.1, "Pulling
/// manifests").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What kind of manifest it is, in the registry's words.
    pub media_type: String,
    /// What it is: SHA-256 of the bytes.
    pub digest: Digest,
    /// The manifest, byte for byte.
    pub bytes: Vec<u8>,
}

/// Why a registry does not say what it was asked, sorted by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It was asked, and has no such thing.
    #[error("{registry} has no {what}")]
    Missing {
        /// Which registry.
        registry: String,
        /// What.
        what: String,
    },
    /// Its answer is longer than what is asked for has any need to be; it was not read to its end.
    #[error("the answer of {registry} is longer than the {kib} KiB that are read")]
    TooLong {
        /// Which registry.
        registry: String,
        /// How much is read.
        kib: usize,
    },
    /// Its answer cannot be true: other bytes than the digest says.
    #[error("the answer of {registry} cannot be true: {why}")]
    Untrue {
        /// Which registry.
        registry: String,
        /// Why.
        why: String,
    },
    /// It does not let us look.
    #[error("{registry} does not let hoist look: {why}")]
    Unauthorized {
        /// Which registry.
        registry: String,
        /// Why, and what to do.
        why: String,
    },
    /// It asks us to wait.
    #[error("{registry} was asked too often, and wants to be left alone for {seconds} s")]
    RateLimited {
        /// Which registry.
        registry: String,
        /// For how long.
        seconds: u64,
    },
    /// It cannot be asked now.
    #[error("{registry} cannot be asked: {why}")]
    Unreachable {
        /// Which registry.
        registry: String,
        /// Why.
        why: String,
    },
}

/// Every registry, by the names of the images in it.
#[async_trait]
pub trait Registry: Send + Sync {
    /// The digest that a tag has now.
    async fn resolve(&self, image: &ImageName, tag: &Tag) -> Result<Digest, RegistryError>;

    /// What stands under a digest, whose bytes are hashed and compared; or under a tag.
    async fn manifest(
        &self,
        image: &ImageName,
        reference: &Reference,
    ) -> Result<Fetched, RegistryError>;

    /// The bytes of a digest, hashed and compared; at most `limit` of them.
    async fn blob(
        &self,
        image: &ImageName,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<u8>, RegistryError>;

    /// The index of what refers to a digest, as JSON; missing where the registry keeps none.
    async fn referrers(&self, image: &ImageName, digest: &Digest)
    -> Result<Vec<u8>, RegistryError>;
}
