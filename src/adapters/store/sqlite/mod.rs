//! The store in one SQLite file: the default, for one process.
//!
//! One connection writes, behind a lock; a few read, each from one state of the database.
//! Announcements go through `intake`, which writes many of them at once.
//! The tables are in `migrations/sqlite/`; every statement is run by the store's contract tests.

mod artifacts;
mod changes;
mod examinations;
mod freezes;
mod intake;
mod log;
mod queue;
mod rows;
mod runs;
mod sayings;
mod sessions;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::Transaction;
use sqlx::sqlite::{Sqlite, SqlitePool, SqlitePoolOptions};
use tokio::sync::{Mutex, RwLock, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::app::ports::{
    Announced, Announcement, ApplicationRecord, AuditEntry, AuditLine, Calendared, Change, Claim,
    Decision, Delivery, DeliveryRecord, Edge, Ran, Refusal, Run, Session, Store, StoreError,
    Turned,
};
use crate::domain::artifact::Artifact;
use crate::domain::freeze::AdHoc;
use crate::domain::id::{
    ApplicationKey, EnvironmentName, EventId, FreezeId, PromotionId, ScheduleName,
};
use crate::domain::promotion::Promotion;
use intake::Waiting;
use writer::Writer;

/// Connections that read. A read takes well under a millisecond; more would only wait for the disk.
const READERS: u32 = 4;

/// Announcements that may wait before their senders do.
const QUEUE: usize = 1024;

/// The store in one SQLite file.
pub struct SqliteStore {
    writer: Arc<Mutex<Writer>>,
    readers: SqlitePool,
    intake: RwLock<Option<Intake>>,
    /// Held until the store is closed or dropped.
    lock: Mutex<Option<File>>,
}

struct Intake {
    queue: mpsc::Sender<Waiting>,
    task: JoinHandle<()>,
}

impl SqliteStore {
    /// Opens the database at `path`, and makes it if there is none. A second process that opens
    /// the same one is refused.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = Self::open_file(path).await;
        opened
            .with_context(|| format!("opening the store {}", path.display()))
            .map_err(StoreError::Unavailable)
    }

    async fn open_file(path: &Path) -> anyhow::Result<Self> {
        writer::create(path)?;
        let lock = writer::lock(path)?;
        let options = writer::options(path);
        let writer = Arc::new(Mutex::new(Writer::open(options.clone()).await?));
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let task = tokio::spawn(intake::run(waiting, Arc::clone(&writer)));
        let intake = RwLock::new(Some(Intake { queue, task }));
        Ok(Self { writer, readers, intake, lock: Mutex::new(Some(lock)) })
    }

    /// Stores what is waiting and closes the file. Whatever is asked after that fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        if let Some(Intake { queue, task }) = self.intake.write().await.take() {
            drop(queue);
            task.await.map_err(|error| StoreError::Unavailable(error.into()))?;
        }
        self.readers.close().await;
        self.writer.lock().await.close().await?;
        self.lock.lock().await.take();
        Ok(())
    }

    /// Begins to read: everything until it is dropped comes from one state of the database.
    async fn read(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable(anyhow!("the store has been closed"))
}

#[async_trait]
impl Store for SqliteStore {
    async fn announce(&self, announcement: Announcement) -> Result<Announced, StoreError> {
        let queue = self.intake.read().await.as_ref().map(|it| it.queue.clone());
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { announcement, answer };
        queue.ok_or_else(closed)?.send(waiting).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    async fn decide(
        &self,
        event: &EventId,
        decision: Decision,
        audit: Vec<AuditLine>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        intake::decide(&mut transaction, event, &decision, at).await?;
        log::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    async fn undecided(&self) -> Result<Vec<DeliveryRecord>, StoreError> {
        artifacts::undecided(&mut *self.read().await?).await
    }

    async fn moved_from(
        &self,
        application: &ApplicationKey,
        artifact: &Artifact,
    ) -> Result<Option<Artifact>, StoreError> {
        artifacts::moved_from(&mut *self.read().await?, application, artifact).await
    }

    async fn retagged_from(
        &self,
        application: &ApplicationKey,
        artifact: &Artifact,
    ) -> Result<Option<Artifact>, StoreError> {
        artifacts::retagged_from(&mut *self.read().await?, application, artifact).await
    }

    async fn found_in_files(
        &self,
        application: &ApplicationKey,
    ) -> Result<Vec<Promotion>, StoreError> {
        changes::found_in_files(&mut *self.read().await?, application).await
    }

    async fn deliveries(&self, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        artifacts::deliveries(&mut *self.read().await?, limit).await
    }

    async fn refused(&self, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        artifacts::refused(&mut *self.read().await?, limit).await
    }

    async fn refuse(&self, refusal: Refusal) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        intake::refuse(&mut transaction, &refusal).await?;
        Ok(transaction.commit().await?)
    }

    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        intake::forget(&mut transaction, before).await?;
        Ok(transaction.commit().await?)
    }

    async fn delivery(&self, event: &EventId) -> Result<Option<DeliveryRecord>, StoreError> {
        artifacts::delivery(&mut *self.read().await?, event).await
    }

    async fn record(
        &self,
        application: &ApplicationKey,
        changes: Vec<Change>,
        audit: Vec<AuditLine>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        queue::wake_one(&mut transaction, application, now).await?;
        changes::apply(&mut transaction, application, changes).await?;
        log::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    async fn enlist(
        &self,
        applications: Vec<ApplicationKey>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        for application in &applications {
            queue::enlist(&mut transaction, application, now).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn applications(&self) -> Result<Vec<ApplicationKey>, StoreError> {
        queue::applications(&mut *self.read().await?).await
    }

    async fn wake(
        &self,
        applications: Option<Vec<ApplicationKey>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        match applications {
            None => queue::wake_all(&mut transaction, now).await?,
            Some(applications) => {
                for application in &applications {
                    queue::wake_one(&mut transaction, application, now).await?;
                }
            }
        }
        Ok(transaction.commit().await?)
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        let mut claims = queue::claim_rollbacks(&mut transaction, now, lease, limit).await?;
        let left = limit.saturating_sub(u32::try_from(claims.len()).unwrap_or(limit));
        if left > 0 {
            claims.extend(queue::claim(&mut transaction, now, lease, left).await?);
        }
        transaction.commit().await?;
        Ok(claims)
    }

    async fn claim_rollbacks(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        let claims = queue::claim_rollbacks(&mut transaction, now, lease, limit).await?;
        transaction.commit().await?;
        Ok(claims)
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        queue::next_wake(&mut *self.read().await?).await
    }

    async fn outcome(
        &self,
        claim: &Claim,
        changes: Vec<Change>,
        audit: Vec<AuditLine>,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        queue::check_fence(&mut transaction, claim).await?;
        changes::apply(&mut transaction, &claim.application, changes).await?;
        log::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    async fn release(
        &self,
        claim: &Claim,
        wake_at: Option<Timestamp>,
        failures: u32,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        queue::release(&mut transaction, claim, wake_at, failures).await?;
        Ok(transaction.commit().await?)
    }

    async fn last_run(&self, schedule: &ScheduleName) -> Result<Option<Timestamp>, StoreError> {
        runs::last(&mut *self.read().await?, schedule).await
    }

    async fn keep_run(&self, run: Run, audit: Vec<AuditLine>) -> Result<Ran, StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        if runs::insert(&mut transaction, &run).await? == Ran::Before {
            return Ok(Ran::Before);
        }
        for (application, _) in &run.boarded {
            queue::wake_one(&mut transaction, application, run.ran_at).await?;
        }
        log::append(&mut transaction, audit).await?;
        transaction.commit().await?;
        Ok(Ran::Now)
    }

    async fn riders(
        &self,
        schedule: &ScheduleName,
        to: &EnvironmentName,
    ) -> Result<Vec<(ApplicationKey, PromotionId)>, StoreError> {
        runs::riders(&mut *self.read().await?, schedule, to).await
    }

    async fn load(&self, application: &ApplicationKey) -> Result<ApplicationRecord, StoreError> {
        let mut transaction = self.read().await?;
        Ok(ApplicationRecord {
            application: application.clone(),
            wake_at: queue::wake_at(&mut transaction, application).await?,
            artifacts: artifacts::of_application(&mut transaction, application).await?,
            promotions: changes::promotions(&mut transaction, application).await?,
            holds: changes::holds(&mut transaction, application).await?,
            freezes: freezes::all(&mut transaction).await?,
            boarded: runs::boarded(&mut transaction, application).await?,
            pulses: changes::pulses(&mut transaction, application).await?,
        })
    }

    async fn freeze(&self, freeze: AdHoc, audit: AuditLine) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        freezes::add(&mut transaction, &freeze).await?;
        queue::wake_all(&mut transaction, audit.at).await?;
        log::append(&mut transaction, vec![audit]).await?;
        Ok(transaction.commit().await?)
    }

    async fn thaw(&self, freezes: Vec<FreezeId>, audit: AuditLine) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        for freeze in &freezes {
            freezes::end(&mut transaction, freeze).await?;
        }
        queue::wake_all(&mut transaction, audit.at).await?;
        log::append(&mut transaction, vec![audit]).await?;
        Ok(transaction.commit().await?)
    }

    async fn freezes(&self) -> Result<Vec<AdHoc>, StoreError> {
        freezes::all(&mut *self.read().await?).await
    }

    async fn calendar(&self) -> Result<Vec<Calendared>, StoreError> {
        freezes::calendar(&mut *self.read().await?).await
    }

    async fn turn(&self, edge: Edge, audit: AuditLine) -> Result<Turned, StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        if freezes::turn(&mut transaction, &edge).await? == Turned::Before {
            return Ok(Turned::Before);
        }
        queue::wake_all(&mut transaction, audit.at).await?;
        log::append(&mut transaction, vec![audit]).await?;
        transaction.commit().await?;
        Ok(Turned::Now)
    }

    async fn promotion(&self, id: &PromotionId) -> Result<Option<Promotion>, StoreError> {
        changes::promotion(&mut *self.read().await?, id).await
    }

    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        log::entries(&mut *self.read().await?, after, limit).await
    }

    async fn audit_of(&self, promotion: &PromotionId) -> Result<Vec<AuditEntry>, StoreError> {
        log::entries_of(&mut *self.read().await?, promotion).await
    }

    async fn note(&self, audit: Vec<AuditLine>) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        log::append(&mut transaction, audit).await?;
        Ok(transaction.commit().await?)
    }

    async fn keep_code(&self, code: Session) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        sessions::keep_code(&mut transaction, &code).await?;
        Ok(transaction.commit().await?)
    }

    async fn take_code(&self, key: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        let code = sessions::take_code(&mut transaction, key, now).await?;
        transaction.commit().await?;
        Ok(code)
    }

    async fn open_session(&self, session: Session) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        sessions::open(&mut transaction, &session).await?;
        Ok(transaction.commit().await?)
    }

    async fn session(&self, key: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        sessions::find(&mut *self.read().await?, key, now).await
    }

    async fn close_session(&self, key: &str) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        sessions::close(&mut transaction, key).await?;
        Ok(transaction.commit().await?)
    }
}
