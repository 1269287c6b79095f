//! Whether hoist has looked at the world once since it started.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::ports::GitError;
use super::reconcile::chain;
use super::views::{ReadinessView, UnreadView};
use crate::domain::id::RepositoryName;
use crate::messages::explain::unread;

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
    /// It was read, where its forge says that it is now.
    Renamed {
        /// What it is called there.
        to: String,
    },
    /// It could not be read.
    Failed {
        /// Why, in a sentence for anyone.
        why: String,
        /// The same with all that led to it, for those who may look.
        chain: String,
        /// What happens by itself, and what a person can do.
        next: &'static str,
    },
}

impl Reading {
    /// What a failure came to.
    pub fn failed(error: &GitError) -> Self {
        let next = match error {
            GitError::Unreachable(_) => unread::UNREACHABLE,
            GitError::Busy { .. } => unread::BUSY,
            GitError::Unauthorized(_) => unread::UNAUTHORIZED,
            GitError::Untrusted(_) => unread::UNTRUSTED,
            GitError::NoRepository(_) => unread::NO_REPOSITORY,
            GitError::Missing(_) => unread::MISSING,
            GitError::Mirror(_) => unread::MIRROR,
        };
        Self::Failed { why: error.to_string(), chain: chain(error), next }
    }
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
            Reading::Renamed { to } => unread::renamed(to),
            Reading::Failed { why, .. } => why.clone(),
        };
        let repositories =
            self.lock().iter().map(|(name, reading)| (name.to_string(), words(reading))).collect();
        ReadinessView { status: status.to_owned(), repositories }
    }

    /// The repositories that cannot be read.
    pub fn unread(&self) -> Vec<UnreadView> {
        let unread = |(name, reading): (&RepositoryName, &Reading)| match reading {
            Reading::Failed { chain, next, .. } => Some(UnreadView {
                repository: name.clone(),
                why: chain.clone(),
                next: (*next).to_owned(),
            }),
            Reading::NotTried | Reading::Read | Reading::Renamed { .. } => None,
        };
        self.lock().iter().filter_map(unread).collect()
    }

    /// The repositories that were renamed, with what to do about it.
    pub fn renamed(&self) -> BTreeMap<RepositoryName, String> {
        let renamed = |(name, reading): (&RepositoryName, &Reading)| match reading {
            Reading::Renamed { to } => Some((name.clone(), unread::renamed(to))),
            Reading::NotTried | Reading::Read | Reading::Failed { .. } => None,
        };
        self.lock().iter().filter_map(renamed).collect()
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
        let error = GitError::Unreachable(anyhow::anyhow!("no route to 10.0.0.7"));
        readiness.note(&other, Reading::failed(&error));
        assert_eq!(readiness.phase(), Phase::Ready);
        let told = readiness.view().repositories["other"].clone();
        assert_eq!(told, "the Git remote could not be reached");
        let [unread] = readiness.unread().try_into().unwrap();
        assert_eq!(unread.why, "the Git remote could not be reached: no route to 10.0.0.7");
        assert!(unread.next.starts_with("hoist tries again by itself"));
    }
}
