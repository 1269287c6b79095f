//! How fresh each mirror is, so that a hundred passes after one fetch need no fetch of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::ports::GitError;
use super::{App, Repository};
use crate::domain::id::RepositoryName;

/// When each mirror was last brought up to date.
#[derive(Debug, Default)]
pub struct Freshness(Mutex<BTreeMap<RepositoryName, Timestamp>>);

impl Freshness {
    fn of(&self, repository: &RepositoryName) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(repository).copied()
    }

    fn note(&self, repository: &RepositoryName, at: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = all.entry(repository.clone()).or_insert(at);
        *last = at.max(*last);
    }
}

impl App {
    /// Brings a mirror up to date.
    ///
    /// What is noted is when the fetch was asked for: it saw everything that was there by then.
    pub(super) async fn fetch(
        &self,
        name: &RepositoryName,
        repository: &Repository,
    ) -> Result<(), GitError> {
        let asked = self.clock.now();
        repository.git.fetch().await?;
        self.freshness.note(name, asked);
        Ok(())
    }

    /// Brings a mirror up to date unless it is as of `since`, or later.
    pub(super) async fn fetch_since(
        &self,
        name: &RepositoryName,
        repository: &Repository,
        since: Timestamp,
    ) -> Result<(), GitError> {
        if self.freshness.of(name).is_some_and(|fetched| fetched >= since) {
            return Ok(());
        }
        self.fetch(name, repository).await
    }
}
