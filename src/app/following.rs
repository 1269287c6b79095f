//! The audit log as those read it who are told of what happens: each from where they were last told.
//!
//! Nothing is lost by a restart, and whoever cannot be told now is told the rest later.

use jiff::{SignedDuration, Timestamp};

use super::chat::after;
use super::ports::{AuditEntry, Conversations, Follower};
use super::{App, AppError};
use crate::domain::id::PromotionId;

/// How much of the log is read at once.
const BATCH: u32 = 200;

/// What somebody has not been told yet.
pub(super) struct News<'a> {
    store: &'a dyn Conversations,
    name: &'a str,
    now: Timestamp,
    /// How often it was tried to tell them.
    pub(super) tries: u32,
    /// Up to where they know everything.
    after: u64,
    /// Up to where there is anything to know.
    last: u64,
    /// What stands in the log since then.
    pub(super) entries: Vec<AuditEntry>,
}

impl App {
    /// What somebody is to be told now; none where that is nothing.
    ///
    /// Nobody wants to be told of all that happened before they were there.
    pub(super) async fn news<'a>(
        &self,
        store: &'a dyn Conversations,
        name: &'a str,
    ) -> Result<Option<News<'a>>, AppError> {
        let now = self.clock.now();
        let Some(Follower { after, due_at, tries }) = store.follower(name).await? else {
            let after = store.last_entry().await?;
            store.keep_follower(name, Follower { after, due_at: now, tries: 0 }).await?;
            return Ok(None);
        };
        if due_at > now {
            return Ok(None);
        }
        let entries = self.store.audit(after, BATCH).await?;
        let Some(last) = entries.last().map(|entry| entry.number) else { return Ok(None) };
        Ok(Some(News { store, name, now, tries, after, last, entries }))
    }
}

impl News<'_> {
    /// The promotions that moved, each once.
    pub(super) fn moved(&self) -> Vec<PromotionId> {
        let mut moved: Vec<PromotionId> = Vec::new();
        for promotion in self.entries.iter().filter_map(|entry| entry.line.promotion.as_ref()) {
            if !moved.contains(promotion) {
                moved.push(promotion.clone());
            }
        }
        moved
    }

    /// They know everything up to this entry.
    pub(super) async fn told(&mut self, number: u64) -> Result<(), AppError> {
        (self.after, self.tries) = (number, 0);
        self.keep(self.now).await
    }

    /// They know all of it.
    pub(super) async fn told_all(mut self) -> Result<(), AppError> {
        self.told(self.last).await
    }

    /// What they do not know is told later.
    pub(super) async fn later(mut self, wait: SignedDuration) -> Result<(), AppError> {
        self.tries = self.tries.saturating_add(1);
        self.keep(after(self.now, wait)).await
    }

    async fn keep(&self, due_at: Timestamp) -> Result<(), AppError> {
        let follower = Follower { after: self.after, due_at, tries: self.tries };
        Ok(self.store.keep_follower(self.name, follower).await?)
    }
}
