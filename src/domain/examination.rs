//! What is asked about an artifact before it goes anywhere, and what was answered.
//!
//! No event is believed about content: unless a pipeline says otherwise, an artifact waits at its
//! door until its registry has said what it is.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::oci::{Kind, Platform};
use super::trust::{ProvenanceRule, Signer};

/// How long what is not there yet may take to come, where nobody says otherwise.
///
/// A registry tells of a push before it has written the tag, and whoever signs signs what was
/// pushed: the announcement comes first.
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// What a pipeline wants to know of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// How long what is not there yet may take to come.
    pub patience: SignedDuration,
}

impl Default for Verify {
    fn default() -> Self {
        Self {
            digest: DigestCheck::default(),
            platforms: Vec::new(),
            labels: Strictness::default(),
            signature: None,
            provenance: None,
            patience: PATIENCE,
        }
    }
}

/// Who vouches for a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DigestCheck {
    /// The registry: no announcement is believed about what its tag means.
    #[default]
    Registry,
    /// Whoever announced it.
    Announcer,
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

/// What an artifact is was not found out yet; it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delay {
    /// Why.
    pub why: String,
    /// What for.
    pub lack: Lack,
    /// How often in a row the answer was such.
    pub tries: u32,
    /// When somebody is asked again.
    pub again_at: Timestamp,
}

/// What an artifact waits for before it is known what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Somebody who can be asked.
    Answer,
    /// Something that is not there yet: it, its tag, or what its signers say.
    Thing {
        /// When that is refused which still lacks it.
        until: Timestamp,
    },
}

impl Delay {
    /// Tells whether others of the same registry need not wait with it.
    pub fn is_its_own(&self) -> bool {
        match self.lack {
            Lack::Answer => false,
            Lack::Thing { .. } => true,
        }
    }
}

impl Verify {
    /// Tells whether anybody is asked at all.
    pub fn asks(&self) -> bool {
        self.digest == DigestCheck::Registry
    }

    /// What tells these rules from others.
    pub fn print(&self) -> RulesPrint {
        let Self { digest, platforms, labels, signature, provenance, patience: _ } = self;
        let text = format!("{:?}", (digest, platforms, labels, signature, provenance));
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
