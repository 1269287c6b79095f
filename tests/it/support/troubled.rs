//! A remote in trouble: the forge does what it is told and answers 504, and fetches fail; or it
//! takes its time over a merge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use hoist::app::ports::{
    Asks, Budget, Closing, CommitSpec, Draft, FileChange, Forge, ForgeError, Git, GitError,
    LogEntry, MergeOutcome, MergeRequest, Merged, Opened, Proposal, ProposalSpec, RefOutcome,
    RefUpdate, ReviewDesk, Signature, Status, Turn,
};
use hoist::domain::checks::{Check, SourceCommit};
use hoist::domain::id::{CommitId, PersonName, ProposalNumber};
use hoist::domain::team::Team;
use jiff::Timestamp;
use tokio::sync::Notify;

/// What is wrong with it.
enum Trouble {
    /// Half of its answers are lost.
    LostAnswers { calls: AtomicU64 },
    /// It merges when the test lets it.
    SlowMerges(Arc<Gate>),
    /// Its turn to merge comes when the test lets it.
    LateTurns(Arc<Gate>),
}

/// Where a merge waits until the test opens it.
#[derive(Default)]
pub struct Gate {
    reached: Notify,
    opened: Notify,
    waiting: AtomicU64,
}

impl Gate {
    /// Waits until a merge stands before it.
    pub async fn is_reached(&self) {
        self.reached.notified().await;
    }

    /// Lets one merge through.
    pub fn open(&self) {
        self.opened.notify_one();
    }

    async fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.reached.notify_one();
        self.opened.notified().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A forge or a Git with whom something is wrong.
pub struct Troubled<T: ?Sized> {
    inner: Arc<T>,
    trouble: Trouble,
}

impl<T: ?Sized> Troubled<T> {
    /// One of whose answers half are lost.
    pub fn new(inner: Arc<T>) -> Self {
        Self { inner, trouble: Trouble::LostAnswers { calls: AtomicU64::new(0) } }
    }

    /// One whose merges wait at a gate.
    pub fn slow(inner: Arc<T>, gate: &Arc<Gate>) -> Self {
        Self { inner, trouble: Trouble::SlowMerges(Arc::clone(gate)) }
    }

    /// One whose turns to merge are waited for at a gate.
    pub fn busy(inner: Arc<T>, gate: &Arc<Gate>) -> Self {
        Self { inner, trouble: Trouble::LateTurns(Arc::clone(gate)) }
    }

    fn is_lost(&self) -> bool {
        let Trouble::LostAnswers { calls } = &self.trouble else { return false };
        let call = calls.fetch_add(1, Ordering::SeqCst);
        // Half of them, mixed well (the finalizer of SplitMix64): a plain multiple has a rhythm,
        // and a pass that falls into it loses the same answer every time.
        let mixed = call.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) & 1 == 0
    }

    /// What was done is done; the answer does not arrive.
    fn answer<V>(&self, done: Result<V, ForgeError>) -> Result<V, ForgeError> {
        if self.is_lost() {
            return Err(ForgeError::Unreachable(anyhow::anyhow!("504 Gateway Timeout")));
        }
        done
    }
}

#[async_trait]
impl Forge for Troubled<dyn Forge> {
    async fn make_commit(&self, draft: &Draft) -> Result<Vec<u8>, ForgeError> {
        self.answer(self.inner.make_commit(draft).await)
    }

    async fn propose(&self, spec: &ProposalSpec, at: Timestamp) -> Result<Opened, ForgeError> {
        self.answer(self.inner.propose(spec, at).await)
    }

    async fn load(&self, number: ProposalNumber) -> Result<Proposal, ForgeError> {
        self.inner.load(number).await
    }

    async fn find_open(&self, branch: &str) -> Result<Option<Proposal>, ForgeError> {
        self.inner.find_open(branch).await
    }

    async fn set_status(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        context: &str,
        status: &Status,
    ) -> Result<(), ForgeError> {
        self.answer(self.inner.set_status(number, head, context, status).await)
    }

    async fn checks(
        &self,
        number: ProposalNumber,
        head: &CommitId,
    ) -> Result<Vec<Check>, ForgeError> {
        self.inner.checks(number, head).await
    }

    async fn source_checks(&self, of: &SourceCommit) -> Result<Vec<Check>, ForgeError> {
        self.inner.source_checks(of).await
    }

    async fn set_source_status(
        &self,
        of: &SourceCommit,
        about: (&str, &str),
        status: &Status,
    ) -> Result<(), ForgeError> {
        self.answer(self.inner.set_source_status(of, about, status).await)
    }

    fn knows(&self, team: &Team) -> bool {
        self.inner.knows(team)
    }

    async fn in_team(
        &self,
        team: &Team,
        people: &[PersonName],
    ) -> Result<Vec<PersonName>, ForgeError> {
        self.inner.in_team(team, people).await
    }

    async fn comment(
        &self,
        number: ProposalNumber,
        marker: &str,
        body: &str,
        at: Timestamp,
    ) -> Result<(), ForgeError> {
        self.answer(self.inner.comment(number, marker, body, at).await)
    }

    async fn acknowledge(&self, number: ProposalNumber, comment: u64) -> Result<(), ForgeError> {
        self.answer(self.inner.acknowledge(number, comment).await)
    }

    async fn turn_to_merge(&self) -> Result<Turn, ForgeError> {
        let turn = self.inner.turn_to_merge().await;
        if let Trouble::LateTurns(gate) = &self.trouble {
            gate.pass().await;
        }
        turn
    }

    async fn merge(&self, request: &MergeRequest, turn: Turn) -> Result<MergeOutcome, ForgeError> {
        if let Trouble::SlowMerges(gate) = &self.trouble {
            gate.pass().await;
        }
        self.answer(self.inner.merge(request, turn).await)
    }

    async fn make_ready(&self, number: ProposalNumber, asks: &Asks) -> Result<(), ForgeError> {
        self.answer(self.inner.make_ready(number, asks).await)
    }

    async fn take_back(&self, number: ProposalNumber) -> Result<(), ForgeError> {
        self.answer(self.inner.take_back(number).await)
    }

    async fn close(&self, closing: &Closing) -> Result<(), ForgeError> {
        self.answer(self.inner.close(closing).await)
    }

    fn renamed_to(&self) -> Option<String> {
        self.inner.renamed_to()
    }

    fn budget(&self) -> Option<Budget> {
        if let Trouble::LateTurns(gate) = &self.trouble {
            let waiting = gate.waiting.load(Ordering::SeqCst);
            return Some(Budget { waiting, ..Budget::default() });
        }
        self.inner.budget()
    }

    fn desk(&self) -> Option<&dyn ReviewDesk> {
        self.inner.desk()
    }
}

/// Its mirror is stale half of the time: the fetch failed.
#[async_trait]
impl Git for Troubled<dyn Git> {
    async fn fetch(&self) -> Result<(), GitError> {
        if self.is_lost() {
            return Err(GitError::Unreachable(anyhow::anyhow!("the connection broke off")));
        }
        self.inner.fetch().await
    }

    async fn tip(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        self.inner.tip(name).await
    }

    async fn refs(&self, prefix: &str) -> Result<BTreeMap<String, CommitId>, GitError> {
        self.inner.refs(prefix).await
    }

    async fn read(
        &self,
        commit: &CommitId,
        paths: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        self.inner.read(commit, paths).await
    }

    async fn list(&self, commit: &CommitId, pattern: &str) -> Result<Vec<String>, GitError> {
        self.inner.list(commit, pattern).await
    }

    async fn draft(&self, commit: &CommitId) -> Result<Draft, GitError> {
        self.inner.draft(commit).await
    }

    async fn adopt(&self, object: Vec<u8>) -> Result<CommitId, GitError> {
        self.inner.adopt(object).await
    }

    async fn commit(&self, spec: CommitSpec) -> Result<CommitId, GitError> {
        self.inner.commit(spec).await
    }

    async fn push(&self, updates: Vec<RefUpdate>) -> Result<Vec<RefOutcome>, GitError> {
        self.inner.push(updates).await
    }

    async fn diff(&self, base: &CommitId, head: &CommitId) -> Result<Vec<FileChange>, GitError> {
        self.inner.diff(base, head).await
    }

    async fn patch(
        &self,
        base: &CommitId,
        head: &CommitId,
        limit: usize,
    ) -> Result<String, GitError> {
        self.inner.patch(base, head, limit).await
    }

    async fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError> {
        self.inner.merge_base(a, b).await
    }

    async fn contains(&self, commit: &CommitId, ancestor: &CommitId) -> Result<bool, GitError> {
        self.inner.contains(commit, ancestor).await
    }

    async fn merge(
        &self,
        onto: &CommitId,
        head: &CommitId,
        message: String,
        author: Signature,
    ) -> Result<Merged, GitError> {
        self.inner.merge(onto, head, message, author).await
    }

    async fn log(
        &self,
        from: &CommitId,
        path: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogEntry>, GitError> {
        self.inner.log(from, path, limit).await
    }
}
