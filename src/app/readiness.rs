//! Whether hoist has looked at the world once since it started.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::views::ReadinessView;
use crate::domain::id::RepositoryName;

/// What the last reading of each repository came to.
///
/// A repository that cannot be read does not keep hoist from being ready: the others have their
/// work, and a restart would not mend it.
#[derive(Debug, Default)]
pub struct Readiness {
    repositories: Mutex<BTreeMap<RepositoryName, Reading>>,
}

/// One repository's last reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It has not been tried yet.
    NotTried,
    /// It was read.
    Read,
    /// It could not be read.
    Failed {
        /// Why.
        why: String,
    },
}

/// Whether hoist is ready for its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A repository has not been tried yet.
    Starting,
    /// Each repository has been tried.
    Ready,
}

impl Readiness {
    /// Waits for each of `repositories`.
    pub fn new<'a>(repositories: impl IntoIterator<Item = &'a RepositoryName>) -> Self {
        let untried = repositories.into_iter().map(|name| (name.clone(), Reading::NotTried));
        Self { repositories: Mutex::new(untried.collect()) }
    }

    /// Keeps what reading a repository came to.
    pub fn note(&self, repository: &RepositoryName, reading: Reading) {
        self.lock().insert(repository.clone(), reading);
    }

    /// Tells whether each repository has been tried.
    pub fn phase(&self) -> Phase {
        if self.lock().values().any(|reading| *reading == Reading::NotTried) {
            Phase::Starting
        } else {
            Phase::Ready
        }
    }

    /// The same, as `/readyz` tells it.
    pub fn view(&self) -> ReadinessView {
        let status = match self.phase() {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
        };
        let words = |reading: &Reading| match reading {
            Reading::NotTried => "not tried yet".to_owned(),
            Reading::Read => "read".to_owned(),
            Reading::Failed { why } => why.clone(),
        };
        let repositories =
            self.lock().iter().map(|(name, reading)| (name.to_string(), words(reading))).collect();
        ReadinessView { status: status.to_owned(), repositories }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<RepositoryName, Reading>> {
        // A map that a panicking thread held is whole all the same: each insert is one step.
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_attempt_at_each_repository_makes_it_ready() {
        let (gitops, other): (RepositoryName, RepositoryName) =
            ("gitops".parse().unwrap(), "other".parse().unwrap());
        let readiness = Readiness::new([&gitops, &other]);
        readiness.note(&gitops, Reading::Read);
        assert_eq!(readiness.phase(), Phase::Starting);
        readiness.note(&other, Reading::Failed { why: "the remote is down".into() });
        assert_eq!(readiness.phase(), Phase::Ready);
        assert_eq!(readiness.view().repositories["other"], "the remote is down");
    }
}
