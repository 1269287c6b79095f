//! What neither Git nor the forge knows: announcements, promotions, timers, holds, audit.
//!
//! Methods are transaction-sized: each is one transaction, and either all of it happened or none.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::audit::{AuditEntry, AuditLine};
use super::delivery::{Announced, Announcement, Decision, Delivery, DeliveryRecord, Refusal};
use crate::domain::artifact::Artifact;
use crate::domain::command::Actor;
use crate::domain::examination::Examination;
use crate::domain::freeze::AdHoc;
use crate::domain::id::{
    ApplicationKey, ArtifactId, EnvironmentName, EventId, FreezeId, HoldId, PromotionId,
    ScheduleName,
};
use crate::domain::promotion::{FieldValue, Promotion, Proposed, Skip, State};
use crate::domain::pulse::Pulse;

/// Somebody (or a rollback) keeps one application in one environment as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Our name for it.
    pub id: HoldId,
    /// What is held.
    pub application: ApplicationKey,
    /// Where.
    pub environment: EnvironmentName,
    /// By whom.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself; none means that a person resumes.
    pub until: Option<Timestamp>,
}

impl Hold {
    /// Tells whether it lasts: one that ended by itself stays recorded until somebody resumes.
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// Everything the store knows of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationRecord {
    /// Which.
    pub application: ApplicationKey,
    /// Its artifacts, in the order in which they were accepted.
    pub artifacts: Vec<Artifact>,
    /// Its promotions, oldest first.
    pub promotions: Vec<Promotion>,
    /// Its holds that nobody has ended. The store reads no clock: whether `until` has passed is for
    /// the reader to say.
    pub holds: Vec<Hold>,
    /// The freezes that people asked for and nobody has ended, of whatever application and
    /// environment. As with holds, the reader says whether one is over.
    pub freezes: Vec<AdHoc>,
    /// The promotions of it that a schedule's run has let go, and which schedule's.
    pub boarded: BTreeMap<PromotionId, ScheduleName>,
    /// What is known of the health of what is in, by environment.
    pub pulses: BTreeMap<EnvironmentName, Pulse>,
    /// When it is to be looked at next.
    pub wake_at: Option<Timestamp>,
}

/// A number that grows with every claim: a worker that lost its claim cannot record any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub i64);

/// A worker's exclusive hold on one application for a while. Only the store makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which application.
    pub application: ApplicationKey,
    /// Which claim on it.
    pub fence: Fence,
    /// When it was last asked for, or due by itself: what was read before that is too old for it.
    pub asked_at: Timestamp,
    /// How many passes in a row have failed before this one, for the backoff.
    pub failures: u32,
}

/// One thing to record. Changes that are recorded together happen in their order: what makes room
/// for another comes before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new promotion. One whose id is there already is left alone.
    Start(Box<Promotion>),
    /// A promotion's next state.
    Step {
        /// Which.
        promotion: PromotionId,
        /// Where it goes; refused unless [`State::step`] allows it from where it stands.
        to: State,
        /// When.
        at: Timestamp,
    },
    /// A promotion's proposal, and the values that it carries. It is a step to
    /// [`State::Proposed`], too; made again, it keeps the time since when it is proposed.
    Propose {
        /// Which.
        promotion: PromotionId,
        /// The proposal.
        proposed: Proposed,
        /// What the version fields hold once it is merged.
        values: Vec<FieldValue>,
        /// When.
        at: Timestamp,
    },
    /// A promotion found its version there already: it succeeded without a commit of its own.
    AlreadyThere {
        /// Which.
        promotion: PromotionId,
        /// What the version fields hold; a rollback may want to bring them back.
        values: Vec<FieldValue>,
        /// When.
        at: Timestamp,
    },
    /// A person lets a promotion pass a gate; the same gate again takes the first one's place.
    Skip {
        /// Which.
        promotion: PromotionId,
        /// Which gate, who and why.
        skip: Skip,
    },
    /// What came of asking an artifact's registry about it. What was refused is told where its
    /// delivery is listed, too.
    Examine {
        /// Which artifact of the application.
        artifact: ArtifactId,
        /// What came of it.
        examination: Box<Examination>,
    },
    /// What was seen of the health of what is in; it takes the place of what was known before.
    Observe {
        /// Where.
        environment: EnvironmentName,
        /// What is known now.
        pulse: Pulse,
    },
    /// A new hold. A second one on the same application and environment replaces the first.
    Hold(Hold),
    /// The end of a hold, if there is one.
    Resume {
        /// Where.
        environment: EnvironmentName,
        /// This one only, as it may have been replaced meanwhile; none means whichever is there.
        hold: Option<HoldId>,
    },
}

/// A time of a schedule, and what was let go then.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which schedule.
    pub schedule: ScheduleName,
    /// Its time; for a run that somebody asked for, when they did.
    pub due_at: Timestamp,
    /// When it was run.
    pub ran_at: Timestamp,
    /// Who asked, what went and what did not: for whoever wants to know later.
    pub details: serde_json::Value,
    /// What was let go.
    pub boarded: Vec<(ApplicationKey, PromotionId)>,
}

/// What recording a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// It is recorded, and durable.
    Now,
    /// That time was recorded before; nothing was done.
    Before,
}

/// A freeze of the pipelines file, in one of its environments; none is all there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendared {
    /// Its name there.
    pub name: String,
    /// Where.
    pub environment: Option<EnvironmentName>,
}

/// What becomes of a freeze by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edge {
    /// One of the pipelines file has begun.
    Begun(Calendared),
    /// One of the pipelines file has ended, or does not stand there any more.
    Ended(Calendared),
    /// The time of one that somebody asked for is over.
    RanOut(FreezeId),
}

/// What recording an edge came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// It is recorded, and durable.
    Now,
    /// It was recorded before, or somebody was faster; nothing was done.
    Before,
}

/// A signed-in person on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's value, in hex: the value itself is stored nowhere.
    pub key: String,
    /// Who.
    pub actor: String,
    /// Their roles, by name.
    pub roles: Vec<String>,
    /// SHA-256 of the form token that state-changing requests must carry, in hex.
    pub form_key: String,
    /// When it ends.
    pub until: Timestamp,
}

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another worker has claimed the application meanwhile; what was to be recorded is not.
    #[error("another worker has taken over {0}")]
    FenceLost(ApplicationKey),
    /// A step that cannot be taken from where the promotion stands; nothing was recorded.
    #[error("promotion {promotion} did not move")]
    Step {
        /// Which.
        promotion: PromotionId,
        /// Why.
        #[source]
        cause: crate::domain::promotion::InvalidTransition,
    },
    /// Another promotion of the application has its proposal open there; nothing was recorded.
    #[error("{application} has another open proposal in {environment}")]
    Taken {
        /// What.
        application: ApplicationKey,
        /// Where.
        environment: EnvironmentName,
    },
    /// There is no such thing.
    #[error("the store has no {0}")]
    NotFound(String),
    /// A row that cannot be read back: somebody wrote into the database, or an update went wrong.
    #[error("the row {row} of table {table} cannot be read: {problem}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// Its key.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The database could not be reached or written.
    #[error("the store could not be reached")]
    Unavailable(#[source] anyhow::Error),
}

/// The store: SQLite, and later PostgreSQL, with one suite of tests.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores an announcement with its artifacts and wakes its applications. Returns once it is
    /// durable: announcements that come together share one transaction (group commit).
    async fn announce(&self, announcement: Announcement) -> Result<Announced, StoreError>;

    /// Ends an undecided delivery's waiting, and writes down what there is to say of it. The
    /// applications that it concerns are woken; the artifacts that one has already are left alone.
    async fn decide(
        &self,
        event: &EventId,
        decision: Decision,
        audit: Vec<AuditLine>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The deliveries that wait to be decided, oldest first: the order of artifacts is the order in
    /// which they came.
    async fn undecided(&self) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// The newest artifact of the application with this one's image and tag, this one aside, if it
    /// has another digest: the tag has moved.
    async fn moved_from(
        &self,
        application: &ApplicationKey,
        artifact: &Artifact,
    ) -> Result<Option<Artifact>, StoreError>;

    /// The newest artifact of the application with this one's image and digest, and with another
    /// tag: the same thing is called by another name.
    async fn retagged_from(
        &self,
        application: &ApplicationKey,
        artifact: &Artifact,
    ) -> Result<Option<Artifact>, StoreError>;

    /// The promotions of the application that only record what was found in the files, oldest
    /// first.
    async fn found_in_files(
        &self,
        application: &ApplicationKey,
    ) -> Result<Vec<Promotion>, StoreError>;

    /// The newest deliveries, newest first.
    async fn deliveries(&self, limit: u32) -> Result<Vec<Delivery>, StoreError>;

    /// The newest deliveries that were refused, newest first.
    async fn refused(&self, limit: u32) -> Result<Vec<Delivery>, StoreError>;

    /// Keeps an announcement that was refused; of all refused ones the newest thousand are kept.
    async fn refuse(&self, refusal: Refusal) -> Result<(), StoreError>;

    /// Forgets the deliveries from before a time: those that brought nothing as a whole, of the
    /// others the bodies. What waits to be decided stays.
    async fn forget(&self, before: Timestamp) -> Result<(), StoreError>;

    /// One delivery with its body, if there is one.
    async fn delivery(&self, event: &EventId) -> Result<Option<DeliveryRecord>, StoreError>;

    /// Records what a person asked, with its audit lines, and wakes the application. All changes
    /// are about that application.
    async fn record(
        &self,
        application: &ApplicationKey,
        changes: Vec<Change>,
        audit: Vec<AuditLine>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Makes applications known; those that are known already are left alone. New ones are due now.
    async fn enlist(
        &self,
        applications: Vec<ApplicationKey>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Every application known, by name.
    async fn applications(&self) -> Result<Vec<ApplicationKey>, StoreError>;

    /// Sets applications' `wake_at` to now at the latest; none means all of them. Named ones that
    /// are not known yet become known.
    async fn wake(
        &self,
        applications: Option<Vec<ApplicationKey>>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Claims up to `limit` due applications that nobody's lease holds, for the length of `lease`:
    /// those whose rollback is on its way before the others, and then the longest waiting first.
    async fn claim(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Claims as [`Store::claim`] does, and only those whose rollback is on its way.
    async fn claim_rollbacks(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: u32,
    ) -> Result<Vec<Claim>, StoreError>;

    /// The earliest `wake_at` of all applications that nobody has claimed.
    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Records outcomes and their audit lines, if the claim still holds: nobody has claimed the
    /// application since, and it was not released. All changes are about that application.
    async fn outcome(
        &self,
        claim: &Claim,
        changes: Vec<Change>,
        audit: Vec<AuditLine>,
    ) -> Result<(), StoreError>;

    /// Ends a claim. A wake-up that came during the claim is kept: the earlier time counts.
    /// `failures` is what the next claim will carry.
    async fn release(
        &self,
        claim: &Claim,
        wake_at: Option<Timestamp>,
        failures: u32,
    ) -> Result<(), StoreError>;

    /// The newest time of a schedule that was run, or passed by; none where it was never seen.
    async fn last_run(&self, schedule: &ScheduleName) -> Result<Option<Timestamp>, StoreError>;

    /// Records a run of a schedule with its audit lines, once for each of its times, and wakes the
    /// applications whose promotions it lets go.
    async fn keep_run(&self, run: Run, audit: Vec<AuditLine>) -> Result<Ran, StoreError>;

    /// What a schedule's runs have let go into an environment and is not in yet, by application.
    async fn riders(
        &self,
        schedule: &ScheduleName,
        to: &EnvironmentName,
    ) -> Result<Vec<(ApplicationKey, PromotionId)>, StoreError>;

    /// Everything known of one application.
    async fn load(&self, application: &ApplicationKey) -> Result<ApplicationRecord, StoreError>;

    /// Records a freeze with its audit line, and wakes every application.
    async fn freeze(&self, freeze: AdHoc, audit: AuditLine) -> Result<(), StoreError>;

    /// Ends freezes, those that are still there, and wakes every application.
    async fn thaw(&self, freezes: Vec<FreezeId>, audit: AuditLine) -> Result<(), StoreError>;

    /// The freezes that people asked for and nobody has ended, oldest first.
    async fn freezes(&self) -> Result<Vec<AdHoc>, StoreError>;

    /// The freezes of the pipelines file that have begun and not ended, as far as is recorded.
    async fn calendar(&self) -> Result<Vec<Calendared>, StoreError>;

    /// Records once that a freeze has begun or ended by itself, with its audit line, and wakes
    /// every application.
    async fn turn(&self, edge: Edge, audit: AuditLine) -> Result<Turned, StoreError>;

    /// One promotion, if there is one.
    async fn promotion(&self, id: &PromotionId) -> Result<Option<Promotion>, StoreError>;

    /// The audit log after entry `after`, oldest first.
    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;

    /// The audit lines about one promotion, oldest first.
    async fn audit_of(&self, promotion: &PromotionId) -> Result<Vec<AuditEntry>, StoreError>;

    /// Adds audit lines that belong to no application's transaction.
    async fn note(&self, audit: Vec<AuditLine>) -> Result<(), StoreError>;

    /// Keeps a one-time sign-in code (its SHA-256 in hex), for the roles it gives.
    async fn keep_code(&self, code: Session) -> Result<(), StoreError>;

    /// Takes a one-time code away, if it is there and has not ended: it works once.
    async fn take_code(&self, key: &str, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Opens a session.
    async fn open_session(&self, session: Session) -> Result<(), StoreError>;

    /// The session of that key, if it has not ended.
    async fn session(&self, key: &str, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Ends a session.
    async fn close_session(&self, key: &str) -> Result<(), StoreError>;
}
