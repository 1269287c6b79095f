//! The records, where they stand, and how they are written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use jiff::Timestamp;

use super::record::{Changed, Record};
use super::{signature, sort_failure};
use crate::app::ports::{CommitSpec, ForgeError, Git, RefOutcome, RefUpdate, Signature};
use crate::domain::id::{CommitId, PersonName, ProposalNumber};

const FOLDER: &str = "refs/hoist/proposals/";
const FILE: &str = "proposal.json";

/// How long to wait before a refused push is tried again.
const PATIENCE: [Duration; 3] =
    [Duration::from_millis(10), Duration::from_millis(40), Duration::from_millis(160)];

/// A record and where it was read.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) number: ProposalNumber,
    /// The commit that holds it; whoever changes it must still find this.
    pub(super) commit: CommitId,
    pub(super) record: Arc<Record>,
}

/// What is told of a change in the commit that makes it.
#[derive(Debug, Clone)]
pub(super) struct Event {
    what: String,
    author: Signature,
    /// Refs that are to move along. They may fail: nothing that counts hangs on them.
    pub(super) along: Vec<RefUpdate>,
}

impl Event {
    pub(super) fn by_hoist(what: &str, at: Timestamp) -> Self {
        Self { what: what.to_owned(), author: signature("hoist", at), along: Vec::new() }
    }

    pub(super) fn by_person(what: &str, by: &PersonName, at: Timestamp) -> Self {
        Self { what: what.to_owned(), author: signature(by.as_str(), at), along: Vec::new() }
    }
}

impl Changed {
    /// The event, if there was one.
    pub(super) fn then(self, event: Event) -> Option<Event> {
        match self {
            Self::Something => Some(event),
            Self::Nothing => None,
        }
    }
}

/// All records of a repository.
pub(super) struct Ledger {
    git: Arc<dyn Git>,
    /// What was read already. A commit never changes, so neither does what it holds.
    known: Mutex<BTreeMap<ProposalNumber, Entry>>,
}

impl Ledger {
    pub(super) fn new(git: Arc<dyn Git>) -> Self {
        Self { git, known: Mutex::new(BTreeMap::new()) }
    }

    /// One record, as the mirror has it.
    pub(super) async fn entry(&self, number: ProposalNumber) -> Result<Entry, ForgeError> {
        let name = ref_name(number);
        let commit = self.git.tip(&name).await.map_err(sort_failure)?;
        let commit = commit.ok_or(ForgeError::NotFound(number))?;
        self.read(number, commit).await
    }

    /// The record with the highest number that `wanted` wants.
    ///
    /// A record that cannot be read is passed over: one that somebody spoiled must not stop the
    /// promotions of all the others.
    pub(super) async fn newest(
        &self,
        wanted: impl Fn(&Record) -> bool + Send,
    ) -> Result<Option<Entry>, ForgeError> {
        for (number, commit) in self.numbers().await?.into_iter().rev() {
            match self.read(number, commit).await {
                Ok(entry) if wanted(&entry.record) => return Ok(Some(entry)),
                Ok(_) => {}
                Err(ForgeError::Unreachable(error)) => {
                    tracing::warn!(proposal.number = number.0, "passing over a record: {error:#}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Writes the first record of a new proposal under the next free number; [`ForgeError::Stale`]
    /// if somebody took that number meanwhile.
    pub(super) async fn create(&self, record: &Record) -> Result<ProposalNumber, ForgeError> {
        let last = self.numbers().await?.last_key_value().map_or(0, |(number, _)| number.0);
        let number = ProposalNumber(last + 1);
        // All journals begin at the same empty commit, because a commit takes its tree from its
        // first parent, and a record's tree shall hold nothing of the repository's own files.
        let beginning = CommitSpec {
            parents: Vec::new(),
            files: BTreeMap::new(),
            message: "hoist: the beginning of every proposal's journal\n".to_owned(),
            author: signature("hoist", Timestamp::UNIX_EPOCH),
        };
        let beginning = self.git.commit(beginning).await.map_err(sort_failure)?;
        let event = Event::by_hoist("open", record.opened_at);
        let spec = journal_entry(number, vec![beginning, record.head.clone()], record, &event)?;
        self.push(number, None, spec, event.along).await?;
        Ok(number)
    }

    /// Writes a record upon the one that was read; [`ForgeError::Stale`] if that is not the last.
    pub(super) async fn append(
        &self,
        upon: &Entry,
        record: &Record,
        event: Event,
    ) -> Result<(), ForgeError> {
        let mut parents = vec![upon.commit.clone()];
        if record.head != upon.record.head {
            // Keeps what was proposed and reviewed in the repository when its branch is gone.
            parents.push(record.head.clone());
        }
        let spec = journal_entry(upon.number, parents, record, &event)?;
        self.push(upon.number, Some(upon.commit.clone()), spec, event.along).await
    }

    async fn push(
        &self,
        number: ProposalNumber,
        expected: Option<CommitId>,
        spec: CommitSpec,
        along: Vec<RefUpdate>,
    ) -> Result<(), ForgeError> {
        let new = self.git.commit(spec).await.map_err(sort_failure)?;
        let mut updates = vec![RefUpdate { name: ref_name(number), expected, new: Some(new) }];
        updates.extend(along);
        match push_first(self.git.as_ref(), updates).await? {
            RefOutcome::Moved | RefOutcome::AlreadyThere => Ok(()),
            RefOutcome::Stale { .. } => Err(ForgeError::Stale),
            RefOutcome::Refused { reason } => Err(ForgeError::Refused(reason)),
        }
    }

    /// The numbers in use, and the commits that hold their records.
    async fn numbers(&self) -> Result<BTreeMap<ProposalNumber, CommitId>, ForgeError> {
        let refs = self.git.refs(FOLDER).await.map_err(sort_failure)?;
        let numbered = |(name, commit): (String, CommitId)| {
            let number = ProposalNumber(name.strip_prefix(FOLDER)?.parse().ok()?);
            (ref_name(number) == name).then_some((number, commit))
        };
        Ok(refs.into_iter().filter_map(numbered).collect())
    }

    async fn read(&self, number: ProposalNumber, commit: CommitId) -> Result<Entry, ForgeError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        if let Some(entry) = known.filter(|entry| entry.commit == commit) {
            return Ok(entry);
        }
        let files = self.git.read(&commit, BTreeSet::from([FILE.to_owned()])).await;
        let bytes = files.map_err(sort_failure)?.remove(FILE);
        let record = bytes
            .ok_or_else(|| anyhow!("it holds no {FILE}"))
            .and_then(|bytes| Record::read(&bytes))
            .with_context(|| format!("reading {} at {commit}", ref_name(number)))
            .map_err(ForgeError::Unreachable)?;
        let entry = Entry { number, commit, record: Arc::new(record) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(number, entry.clone());
        Ok(entry)
    }
}

/// Pushes, and tells what became of the first ref.
///
/// A server says "refused" too while another process holds the lock on that ref, which is a matter
/// of milliseconds, so a refusal is believed when it has been repeated.
pub(super) async fn push_first(
    git: &dyn Git,
    updates: Vec<RefUpdate>,
) -> Result<RefOutcome, ForgeError> {
    let mut patience = PATIENCE.iter();
    loop {
        let outcomes = git.push(updates.clone()).await.map_err(sort_failure)?;
        let nothing = || ForgeError::Unreachable(anyhow!("the push came back without an outcome"));
        let outcome = outcomes.into_iter().next().ok_or_else(nothing)?;
        match (&outcome, patience.next()) {
            (RefOutcome::Refused { .. }, Some(wait)) => tokio::time::sleep(*wait).await,
            (_, _) => return Ok(outcome),
        }
    }
}

/// The commit of one event. The same event upon the same record makes the same commit.
fn journal_entry(
    number: ProposalNumber,
    parents: Vec<CommitId>,
    record: &Record,
    event: &Event,
) -> Result<CommitSpec, ForgeError> {
    let mut record = record.clone();
    record.updated_at = event.author.at;
    let bytes = record.write().map_err(ForgeError::Unreachable)?;
    Ok(CommitSpec {
        parents,
        files: BTreeMap::from([(FILE.to_owned(), Some(bytes))]),
        message: format!("proposal {number}: {}\n", event.what),
        author: event.author.clone(),
    })
}

fn ref_name(number: ProposalNumber) -> String {
    format!("{FOLDER}{}", number.0)
}
