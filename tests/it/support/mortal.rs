//! A Git and a store that die together at one write, as the process around them does.
//!
//! What the forge does goes through Git, so these two are all that a process leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use hoist::app::ports::{
    Announced, Announcement, ApplicationRecord, AuditEntry, AuditLine, Calendared, Change, Claim,
    CommitSpec, Decision, Delivery, DeliveryRecord, Draft, Edge, FileChange, Git, GitError,
    LogEntry, Merged, Ran, RefOutcome, RefUpdate, Refusal, Run, Session, Signature, Store,
    StoreError, Turned,
};
use hoist::domain::artifact::Artifact;
use hoist::domain::freeze::AdHoc;
use hoist::domain::id::{
    ApplicationKey, CommitId, EnvironmentName, EventId, FreezeId, PromotionId, ScheduleName,
};
use hoist::domain::promotion::Promotion;
use jiff::{SignedDuration, Timestamp};

/// What is left of the write at which the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastWrite {
    /// It never happened.
    Lost,
    /// It happened, and nobody was told.
    Done,
}

/// How many writes are left to a process, and how often it fetched.
pub struct Life {
    writes: AtomicI64,
    last: LastWrite,
    fetches: AtomicU64,
}

/// What to do with a write.
enum Write {
    Do,
    DoAndDie,
    Die,
}

impl Life {
    pub fn of(writes: i64, last: LastWrite) -> Arc<Self> {
        Arc::new(Self { writes: AtomicI64::new(writes), last, fetches: AtomicU64::new(0) })
    }

    /// One that does not end.
    pub fn without_end() -> Arc<Self> {
        Self::of(i64::MAX, LastWrite::Lost)
    }

    pub fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Tells whether the process lived to the end of the story.
    pub fn survived(&self) -> bool {
        self.writes.load(Ordering::SeqCst) >= 0
    }

    fn read(&self) -> anyhow::Result<()> {
        if self.survived() { Ok(()) } else { Err(dead()) }
    }

    fn write(&self) -> Write {
        match self.writes.fetch_sub(1, Ordering::SeqCst) {
            1.. => Write::Do,
            0 if self.last == LastWrite::Done => Write::DoAndDie,
            _ => Write::Die,
        }
    }
}

fn dead() -> anyhow::Error {
    anyhow::anyhow!("the process has ended")
}

/// A Git that dies.
pub struct MortalGit {
    pub git: Arc<dyn Git>,
    pub life: Arc<Life>,
}

impl MortalGit {
    fn alive(&self) -> Result<&dyn Git, GitError> {
        self.life.read().map_err(GitError::Mirror)?;
        Ok(self.git.as_ref())
    }

    async fn write<T>(
        &self,
        write: impl Future<Output = Result<T, GitError>> + Send,
    ) -> Result<T, GitError> {
        match self.life.write() {
            Write::Do => write.await,
            Write::DoAndDie => {
                write.await?;
                Err(GitError::Mirror(dead()))
            }
            Write::Die => Err(GitError::Mirror(dead())),
        }
    }
}

#[async_trait]
impl Git for MortalGit {
    async fn draft(&self, commit: &CommitId) -> Result<Draft, GitError> {
        self.git.draft(commit).await
    }

    async fn adopt(&self, object: Vec<u8>) -> Result<CommitId, GitError> {
        self.write(self.git.adopt(object)).await
    }

    async fn commit(&self, spec: CommitSpec) -> Result<CommitId, GitError> {
        self.write(self.git.commit(spec)).await
    }

    async fn push(&self, updates: Vec<RefUpdate>) -> Result<Vec<RefOutcome>, GitError> {
        self.write(self.git.push(updates)).await
    }

    async fn merge(
        &self,
        onto: &CommitId,
        head: &CommitId,
        message: String,
        author: Signature,
    ) -> Result<Merged, GitError> {
        // It writes objects that nothing names yet: to die in it is to die before the push.
        self.alive()?.merge(onto, head, message, author).await
    }

    async fn fetch(&self) -> Result<(), GitError> {
        self.life.fetches.fetch_add(1, Ordering::SeqCst);
        self.alive()?.fetch().await
    }

    async fn tip(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        self.git.tip(name).await
    }

    async fn refs(&self, prefix: &str) -> Result<BTreeMap<String, CommitId>, GitError> {
        self.alive()?.refs(prefix).await
    }

    async fn read(
        &self,
        commit: &CommitId,
        paths: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        self.alive()?.read(commit, paths).await
    }

    async fn list(&self, commit: &CommitId, pattern: &str) -> Result<Vec<String>, GitError> {
        self.alive()?.list(commit, pattern).await
    }

    async fn diff(&self, base: &CommitId, head: &CommitId) -> Result<Vec<FileChange>, GitError> {
        self.alive()?.diff(base, head).await
    }

    async fn patch(
        &self,
        base: &CommitId,
        head: &CommitId,
        limit: usize,
    ) -> Result<String, GitError> {
        self.alive()?.patch(base, head, limit).await
    }

    async fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError> {
        self.alive()?.merge_base(a, b).await
    }

    async fn contains(&self, commit: &CommitId, ancestor: &CommitId) -> Result<bool, GitError> {
        self.alive()?.contains(commit, ancestor).await
    }

    async fn log(
        &self,
        from: &CommitId,
        path: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogEntry>, GitError> {
        self.alive()?.log(from, path, limit).await
    }
}

/// A store that dies.
pub struct MortalStore {
    pub store: Arc<dyn Store>,
    pub life: Arc<Life>,
}

impl MortalStore {
    fn alive(&self) -> Result<&dyn Store, StoreError> {
        self.life.read().map_err(StoreError::Unavailable)?;
        Ok(self.store.as_ref())
    }

    async fn write<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.life.write() {
            Write::Do => write.await,
            Write::DoAndDie => {
                write.await?;
                Err(StoreError::Unavailable(dead()))
            }
            Write::Die => Err(StoreError::Unavailable(dead())),
        }
    }
}

#[async_trait]
impl Store for MortalStore {
    async fn announce(&self, announcement: Announcement) -> Result<Announced, StoreError> {
        self.write(self.store.announce(announcement)).await
    }

    async fn decide(
        &self,
        event: &EventId,
        decision: Decision,
        audit: Vec<AuditLine>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(self.store.decide(event, decision, audit, at)).await
    }

    async fn undecided(&self) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.alive()?.undecided().await
    }

    async fn moved_from(
        &self,
        application: &ApplicationKey,
        artifact: &Artifact,
    ) -> Result<Option<Artifact>, StoreError> {
        self.alive()?.moved_from(application, artifact).await
    }

    async fn retagged_from(
        &self,
        application: &ApplicationKey,
        artifact: &Artifact,
    ) -> Result<Option<Artifact>, StoreError> {
        self.alive()?.retagged_from(application, artifact).await
    }

    async fn found_in_files(
        &self,
        application: &ApplicationKey,
    ) -> Result<Vec<Promotion>, StoreError> {
        self.alive()?.found_in_files(application).await
    }

    async fn record(
        &self,
        application: &ApplicationKey,
        changes: Vec<Change>,
        audit: Vec<AuditLine>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(self.store.record(application, changes, audit, now)).await
    }

    async fn enlist(
        &self,
        applications: Vec<ApplicationKey>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(self.store.enlist(applications, now)).await
    }

    async fn wake(
        &self,
        applications: Option<Vec<ApplicationKey>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(self.store.wake(applications, now)).await
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        self.write(self.store.claim(now, lease, limit)).await
    }

    async fn claim_rollbacks(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError> {
        self.write(self.store.claim_rollbacks(now, lease, limit)).await
    }

    async fn outcome(
        &self,
        claim: &Claim,
        changes: Vec<Change>,
        audit: Vec<AuditLine>,
    ) -> Result<(), StoreError> {
        self.write(self.store.outcome(claim, changes, audit)).await
    }

    async fn release(
        &self,
        claim: &Claim,
        wake_at: Option<Timestamp>,
        failures: u32,
    ) -> Result<(), StoreError> {
        self.write(self.store.release(claim, wake_at, failures)).await
    }

    async fn last_run(&self, schedule: &ScheduleName) -> Result<Option<Timestamp>, StoreError> {
        self.alive()?.last_run(schedule).await
    }

    async fn riders(
        &self,
        schedule: &ScheduleName,
        to: &EnvironmentName,
    ) -> Result<Vec<(ApplicationKey, PromotionId)>, StoreError> {
        self.alive()?.riders(schedule, to).await
    }

    async fn keep_run(&self, run: Run, audit: Vec<AuditLine>) -> Result<Ran, StoreError> {
        self.write(self.store.keep_run(run, audit)).await
    }

    async fn note(&self, audit: Vec<AuditLine>) -> Result<(), StoreError> {
        self.write(self.store.note(audit)).await
    }

    async fn keep_code(&self, code: Session) -> Result<(), StoreError> {
        self.write(self.store.keep_code(code)).await
    }

    async fn take_code(&self, key: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        self.write(self.store.take_code(key, now)).await
    }

    async fn open_session(&self, session: Session) -> Result<(), StoreError> {
        self.write(self.store.open_session(session)).await
    }

    async fn close_session(&self, key: &str) -> Result<(), StoreError> {
        self.write(self.store.close_session(key)).await
    }

    async fn session(&self, key: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        self.alive()?.session(key, now).await
    }

    async fn deliveries(&self, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        self.alive()?.deliveries(limit).await
    }

    async fn refused(&self, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        self.alive()?.refused(limit).await
    }

    async fn refuse(&self, refusal: Refusal) -> Result<(), StoreError> {
        self.write(self.store.refuse(refusal)).await
    }

    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        self.write(self.store.forget(before)).await
    }

    async fn delivery(&self, event: &EventId) -> Result<Option<DeliveryRecord>, StoreError> {
        self.alive()?.delivery(event).await
    }

    async fn applications(&self) -> Result<Vec<ApplicationKey>, StoreError> {
        self.alive()?.applications().await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.alive()?.next_wake().await
    }

    async fn load(&self, application: &ApplicationKey) -> Result<ApplicationRecord, StoreError> {
        self.alive()?.load(application).await
    }

    async fn freeze(&self, freeze: AdHoc, audit: AuditLine) -> Result<(), StoreError> {
        self.write(self.store.freeze(freeze, audit)).await
    }

    async fn thaw(&self, freezes: Vec<FreezeId>, audit: AuditLine) -> Result<(), StoreError> {
        self.write(self.store.thaw(freezes, audit)).await
    }

    async fn freezes(&self) -> Result<Vec<AdHoc>, StoreError> {
        self.alive()?.freezes().await
    }

    async fn calendar(&self) -> Result<Vec<Calendared>, StoreError> {
        self.alive()?.calendar().await
    }

    async fn turn(&self, edge: Edge, audit: AuditLine) -> Result<Turned, StoreError> {
        self.write(self.store.turn(edge, audit)).await
    }

    async fn promotion(&self, id: &PromotionId) -> Result<Option<Promotion>, StoreError> {
        self.alive()?.promotion(id).await
    }

    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.alive()?.audit(after, limit).await
    }

    async fn audit_of(&self, promotion: &PromotionId) -> Result<Vec<AuditEntry>, StoreError> {
        self.alive()?.audit_of(promotion).await
    }
}
