//! What is told of an artifact.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::artifact::{Artifact, Build, SourceCode};
use crate::domain::examination::{Examination, Found, Traits};

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactView {
    /// What people call it.
    pub version: String,
    /// The image.
    pub image: String,
    /// What it is.
    pub digest: String,
    /// What it was tagged.
    pub tag: Option<String>,
    /// Where its source stands.
    pub source: SourceCode,
    /// What built it.
    pub build: Build,
    /// Who made it.
    pub actor: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// What its registry said of it, where that was asked.
    #[serde(default)]
    pub examination: Option<ExaminationView>,
}

/// What came of asking a registry about an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExaminationView {
    /// When it was asked.
    pub at: Timestamp,
    /// What was found; none where it may not go.
    pub found: Option<Traits>,
    /// Why it may not go.
    pub refused: Option<String>,
}

impl From<&Examination> for ExaminationView {
    fn from(examination: &Examination) -> Self {
        let (found, refused) = match &examination.found {
            Found::Sound(traits) => (Some(traits.clone()), None),
            Found::Unsound { why } => (None, Some(why.clone())),
        };
        Self { at: examination.at, found, refused }
    }
}

impl From<&Artifact> for ArtifactView {
    fn from(artifact: &Artifact) -> Self {
        Self {
            version: artifact.version().to_owned(),
            image: artifact.image.to_string(),
            digest: artifact.digest.to_string(),
            tag: artifact.tag.as_ref().map(ToString::to_string),
            source: artifact.source.clone(),
            build: artifact.build.clone(),
            actor: artifact.actor.clone(),
            accepted_at: artifact.accepted_at,
            examination: artifact.examination.as_ref().map(ExaminationView::from),
        }
    }
}
