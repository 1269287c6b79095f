//! Registries and forges that say by themselves that something was pushed.

use std::fmt;

/// Whose manner of telling it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SenderKind {
    /// The registry of the Distribution project, and what is built on it.
    Distribution,
    /// Harbor, in its own form or as CDEvents.
    Harbor,
    /// Docker Hub.
    DockerHub,
    /// Quay.
    Quay,
    /// GitHub's packages.
    Ghcr,
    /// Amazon's ECR, by way of EventBridge.
    Ecr,
    /// Pipelines of GitLab.
    GitLab,
    /// Packages of Gitea and Forgejo.
    Gitea,
    /// Azure's container registry.
    Acr,
    /// JFrog's Artifactory.
    Artifactory,
}

impl SenderKind {
    /// The word for it in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::Harbor => "harbor",
            Self::DockerHub => "docker-hub",
            Self::Quay => "quay",
            Self::Ghcr => "ghcr",
            Self::Ecr => "ecr",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Acr => "acr",
            Self::Artifactory => "artifactory",
        }
    }
}

impl fmt::Display for SenderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
