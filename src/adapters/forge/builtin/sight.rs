//! What a proposal is, once its record is held against its branches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::ledger::Entry;
use super::record::{Note, Record, State};
use super::{signature, signed_by, sort_failure};
use crate::app::ports::{
    BranchState, ForgeError, Git, GitError, LogEntry, Mergeability, Merged, Proposal,
};
use crate::domain::id::{CommitId, ProposalNumber};
use crate::domain::landing::{Drafted, Landing};

/// A record, its branches, and what follows from the two.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    pub(super) entry: Entry,
    pub(super) branches: Branches,
    /// Where it really stands: a record that says open is wrong once its head is in the target.
    pub(super) state: State,
    /// The commit that is proposed, or was when it was merged or closed.
    pub(super) head: CommitId,
}

/// What a proposal's two branches point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Branches {
    pub(super) tip: Option<CommitId>,
    pub(super) target_tip: Option<CommitId>,
}

impl Sight {
    /// The record as it would be if it had been kept up at every push that anyone made.
    pub(super) fn settled(&self) -> Record {
        let mut record = (*self.entry.record).clone();
        match &self.state {
            State::Open => {
                if let (Some(tip), Some(target)) = (&self.branches.tip, &self.branches.target_tip) {
                    record.follow(tip, target);
                }
            }
            State::Merged { .. } | State::Closed { .. } => {
                record.state = self.state.clone();
                record.head = self.head.clone();
            }
        }
        record
    }
}

/// Looks at proposals through the mirror.
pub(super) struct Lookout {
    git: Arc<dyn Git>,
    page: String,
    /// What was worked out last, and from what: most proposals are looked at many times
    /// before anything about them changes.
    known: Mutex<BTreeMap<ProposalNumber, Known>>,
}

struct Known {
    record: CommitId,
    branches: Branches,
    proposal: Proposal,
}

impl Lookout {
    pub(super) fn new(git: Arc<dyn Git>, page: String) -> Self {
        Self { git, page, known: Mutex::new(BTreeMap::new()) }
    }

    /// Holds a record against its branches.
    pub(super) async fn sight(&self, entry: Entry) -> Result<Sight, ForgeError> {
        let branches = self.branches(&entry.record).await?;
        self.judge(entry, branches).await
    }

    /// The proposal as the port tells it.
    pub(super) async fn proposal(&self, entry: Entry) -> Result<Proposal, ForgeError> {
        let branches = self.branches(&entry.record).await?;
        if let Some(proposal) = self.known(&entry, &branches) {
            return Ok(proposal);
        }
        let sight = self.judge(entry, branches).await?;
        let mergeability = self.mergeability(&sight).await?;
        let Sight { entry, branches, .. } = &sight;
        let proposal = self.tell(&sight, mergeability);
        let known = Known {
            record: entry.commit.clone(),
            branches: branches.clone(),
            proposal: proposal.clone(),
        };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.number, known);
        Ok(proposal)
    }

    /// What a branch points at in the mirror.
    pub(super) async fn tip(&self, branch: &str) -> Result<Option<CommitId>, ForgeError> {
        let name = format!("refs/heads/{branch}");
        self.git.tip(&name).await.map_err(sort_failure)
    }

    /// Tells whether `commit` has `ancestor`. What is not in the repository contains nothing.
    pub(super) async fn has(
        &self,
        commit: &CommitId,
        ancestor: &CommitId,
    ) -> Result<bool, ForgeError> {
        match self.git.contains(commit, ancestor).await {
            Err(GitError::Missing(_)) => Ok(false),
            answer @ (Ok(_) | Err(_)) => answer.map_err(sort_failure),
        }
    }

    /// Reads the target after the branch: a merge that ends in between is seen on the target.
    async fn branches(&self, record: &Record) -> Result<Branches, ForgeError> {
        let tip = self.tip(&record.branch).await?;
        let target_tip = self.tip(&record.target).await?;
        Ok(Branches { tip, target_tip })
    }

    fn known(&self, entry: &Entry, branches: &Branches) -> Option<Proposal> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&entry.number)?;
        (known.record == entry.commit && known.branches == *branches)
            .then(|| known.proposal.clone())
    }

    async fn judge(&self, entry: Entry, branches: Branches) -> Result<Sight, ForgeError> {
        let record = Arc::clone(&entry.record);
        if record.state != State::Open {
            return Ok(Sight {
                state: record.state.clone(),
                head: record.head.clone(),
                entry,
                branches,
            });
        }
        if let Some((head, arrival)) = self.merged_head(&record, &branches).await? {
            let state = merged_by(&head, arrival);
            return Ok(Sight { entry, branches, state, head });
        }
        let head = branches.tip.clone().unwrap_or_else(|| record.head.clone());
        Ok(Sight { entry, branches, state: State::Open, head })
    }

    /// The head that reached the target though no record says so, and the commit it came with: we
    /// stopped between the merge and its record, or a person merged with plain Git.
    async fn merged_head(
        &self,
        record: &Record,
        branches: &Branches,
    ) -> Result<Option<(CommitId, LogEntry)>, ForgeError> {
        let Some(target) = branches.target_tip.as_ref().filter(|it| **it != record.base) else {
            return Ok(None);
        };
        if let Some(tip) = &branches.tip
            && self.came_since(target, tip, record).await?
            && let Some(arrival) = self.arrival(target, tip).await?
        {
            // A tip that is on the target's own line and does not carry on what was proposed is a
            // branch that was put back to a commit of its target, and merged nothing.
            if arrival.id != *tip || self.has(tip, &record.head).await? {
                return Ok(Some((tip.clone(), arrival)));
            }
        }
        if self.came_since(target, &record.head, record).await? {
            let arrival = self.arrival(target, &record.head).await?;
            return Ok(arrival.map(|arrival| (record.head.clone(), arrival)));
        }
        Ok(None)
    }

    async fn came_since(
        &self,
        target: &CommitId,
        head: &CommitId,
        record: &Record,
    ) -> Result<bool, ForgeError> {
        Ok(self.has(target, head).await? && !self.has(&record.base, head).await?)
    }

    /// The first commit on the target's own line that has `head`.
    ///
    /// Each commit on that line has all that the one before it has, so halving finds it.
    async fn arrival(
        &self,
        target: &CommitId,
        head: &CommitId,
    ) -> Result<Option<LogEntry>, ForgeError> {
        let mut limit = 64;
        loop {
            let mut line = self.git.log(target, None, limit).await.map_err(sort_failure)?;
            let (mut has, mut has_not) = (0, line.len());
            while has + 1 < has_not {
                let middle = has.midpoint(has_not);
                let Some(commit) = line.get(middle) else { break };
                if self.has(&commit.id, head).await? {
                    has = middle;
                } else {
                    has_not = middle;
                }
            }
            if has_not < line.len() || line.len() < limit {
                return Ok((has < line.len()).then(|| line.swap_remove(has)));
            }
            limit *= 8;
        }
    }

    async fn mergeability(&self, sight: &Sight) -> Result<Mergeability, ForgeError> {
        let (State::Open, Some(tip), Some(target)) =
            (&sight.state, &sight.branches.tip, &sight.branches.target_tip)
        else {
            return Ok(Mergeability::Unknown);
        };
        // Nobody sees this commit; with a fixed time it is the same each time we ask.
        let author = signature("hoist", Timestamp::UNIX_EPOCH);
        let merged = self.git.merge(target, tip, "hoist: would it merge?\n".to_owned(), author);
        Ok(match merged.await.map_err(sort_failure)? {
            Merged::Clean(_) => Mergeability::Clean,
            Merged::Conflict(paths) => Mergeability::Conflict(paths),
            Merged::AlreadyIn => Mergeability::Unknown,
        })
    }

    fn tell(&self, sight: &Sight, mergeability: Mergeability) -> Proposal {
        let record = sight.settled();
        let number = sight.entry.number;
        let branch_state = match sight.branches.tip {
            Some(_) => BranchState::Stands,
            None => BranchState::Gone,
        };
        Proposal {
            number,
            head: sight.head.clone(),
            branch_state,
            mergeability,
            draft: Drafted::Ready,
            landing: Landing::Free,
            approvals: record.approvals(&sight.head),
            objections: record.objections(),
            url: format!("{}/{}", self.page, number.0),
            branch: record.branch,
            target: record.target,
            title: record.title,
            body: record.body,
            state: record.state.into(),
            statuses: record.statuses,
            reviews: record.reviews,
            comments: record.comments.into_iter().map(|Note { comment, .. }| comment).collect(),
        }
    }
}

/// A merge as its commit tells it.
fn merged_by(head: &CommitId, arrival: LogEntry) -> State {
    // Somebody else's merge commit may have carried this head along with more.
    let ours = arrival.parents.get(1) == Some(head);
    let by = if ours { signed_by(&arrival.author) } else { None };
    State::Merged { commit: arrival.id, by, at: arrival.author.at }
}
