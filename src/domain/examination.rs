//! What is asked about an artifact before it goes anywhere, and what was answered.
//!
//! No event is believed about content: where a pipeline says so, an artifact waits at its door
//! until its registry has said what it is.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::oci::{Kind, Platform};
use super::trust::{ProvenanceRule, Signer};

/// What a pipeline wants to know of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verify {
    /// Who vouches for the digest.
    pub digest: DigestCheck,
    /// The machines that it must run on.
    pub platforms: Vec<Platform>,
    /// What becomes of one whose labels say another source than its announcement.
    pub labels: Strictness,
    /// Who has to have signed it.
    pub signature: Option<Signer>,
    /// What its provenance has to say.
    pub provenance: Option<ProvenanceRule>,
}

/// Who vouches for a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DigestCheck {
    /// Whoever announced it.
    #[default]
    Announcer,
    /// The registry.
    Registry,
}

/// What becomes of a contradiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// It is told.
    #[default]
    Warn,
    /// It keeps the artifact out.
    Refuse,
}

/// What came of asking about an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// By which rules: others want another examination.
    pub rules: RulesPrint,
    /// When.
    pub at: Timestamp,
    /// What was found.
    pub found: Found,
}

/// Tells one set of rules from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesPrint(String);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// It is what was announced, and what the rules want.
    Sound(Traits),
    /// It is not.
    Unsound {
        /// Why.
        why: String,
    },
}

/// What an artifact is, in its registry's words and its builder's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// What kind of thing.
    pub kind: Kind,
    /// The machines that it is for.
    pub platforms: Vec<Platform>,
    /// When it was built, as its builder says.
    pub created: Option<Timestamp>,
    /// The labels that say where it comes from.
    pub labels: Labels,
    /// Who signed it, where that was asked.
    #[serde(default)]
    pub signature: Option<String>,
    /// What its provenance says, where that was asked.
    #[serde(default)]
    pub provenance: Option<String>,
    /// What contradicts itself and keeps nothing out.
    pub warnings: Vec<String>,
}

/// What an image's labels say of its source (OCI Image Specification 1.1, "Pre-Defined Annotation
/// Keys").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Labels {
    /// `org.opencontainers.image.source`.
    pub source: Option<String>,
    /// `org.opencontainers.image.revision`.
    pub revision: Option<String>,
    /// `org.opencontainers.image.version`.
    pub version: Option<String>,
}

/// Nobody could be asked about an artifact; it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delay {
    /// Why.
    pub why: String,
    /// How often in a row nobody could be asked.
    pub tries: u32,
    /// When somebody is asked again.
    pub again_at: Timestamp,
}

impl Verify {
    /// Tells whether anybody is asked at all.
    pub fn asks(&self) -> bool {
        self.digest == DigestCheck::Registry
    }

    /// What tells these rules from others.
    pub fn print(&self) -> RulesPrint {
        let text = format!("{self:?}");
        RulesPrint(hex::encode(&Sha256::digest(text)[..16]))
    }
}

impl Examination {
    /// What was found, where the artifact may go.
    pub fn traits(&self) -> Option<&Traits> {
        match &self.found {
            Found::Sound(traits) => Some(traits),
            Found::Unsound { .. } => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image => f.write_str("an image"),
            Self::Chart => f.write_str("a Helm chart"),
            Self::Other(what) => f.write_str(what),
        }
    }
}
