//! The builtin forge: proposals, reviews and merges for a Git repository that has none of its own.
//!
//! Everything it knows stands in the repository itself, under `refs/hoist/proposals/N`, so it is
//! cloned, pushed and backed up with it, and several processes can work on it: every write is a
//! compare-and-swap of one ref, tried again on what the winner wrote.
//!
//! What is read is read from the mirror, as of its last fetch, like the files beside it: whoever
//! looks at both sees one moment, and pays for one fetch. What judges or ends a proposal fetches.

mod record;
mod ledger;
mod sight;
mod merging;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::app::ports::{
    Asks, Budget, Closing, Comment, Draft, Forge, ForgeError, Git, GitError, MergeOutcome,
    MergeRequest, Opened, Proposal, ProposalSpec, ProposalState, Review, ReviewDesk, Signature,
    Status, StatusState, Turn,
};
use crate::domain::checks::{Check, CheckState, OWN, SourceCommit};
use crate::domain::id::{CommitId, PersonName, ProposalNumber, RepositoryName};
use crate::domain::team::Team;
use ledger::{Event, Ledger};
use record::{Record, State};
use sight::{Lookout, Sight};

/// The mail domain of those who have no mail address here; `.invalid` never becomes anybody's
/// (RFC 2606). A merge commit that bears it was made on hoist's page, by the person it names.
const NOBODYS_DOMAIN: &str = "hoist.invalid";

/// How often a lost race is run again. Somebody wins each round, so this is also how many may
/// write the same ref at once and all succeed.
const ATTEMPTS: usize = 50;

/// The forge of one repository that has no other.
pub struct BuiltinForge {
    git: Arc<dyn Git>,
    ledger: Ledger,
    lookout: Lookout,
    /// Held while a proposal is opened. Numbers are handed out without gaps, which is what keeps
    /// two processes from opening two proposals for one branch: whoever did not see the other's
    /// record asks for the same number.
    opening: tokio::sync::Mutex<()>,
}

impl BuiltinForge {
    /// A forge for `git`, known in the configuration as `repository`, whose proposals people find
    /// below `public_url`.
    pub fn new(git: Arc<dyn Git>, repository: &RepositoryName, public_url: &str) -> Self {
        let page =
            format!("{}/repositories/{repository}/proposals", public_url.trim_end_matches('/'));
        Self {
            ledger: Ledger::new(Arc::clone(&git)),
            lookout: Lookout::new(Arc::clone(&git), page),
            git,
            opening: tokio::sync::Mutex::new(()),
        }
    }

    async fn sight(&self, number: ProposalNumber) -> Result<Sight, ForgeError> {
        self.lookout.sight(self.ledger.entry(number).await?).await
    }

    /// Changes a record: `change` edits what it finds, and names the event if that is worth a
    /// commit. It is called again on what is there when somebody else was faster.
    ///
    /// It sees the record as the repository makes it: following its branch, and merged if it was.
    async fn amend(
        &self,
        number: ProposalNumber,
        change: impl Fn(&mut Record, &Sight) -> Result<Option<Event>, ForgeError> + Send + Sync,
    ) -> Result<(), ForgeError> {
        for attempt in 0..ATTEMPTS {
            let sight = self.sight(number).await?;
            let mut record = sight.settled();
            match change(&mut record, &sight) {
                Ok(None) => return Ok(()),
                Ok(Some(event)) => match self.ledger.append(&sight.entry, &record, event).await {
                    Err(ForgeError::Stale) => {}
                    done @ (Ok(()) | Err(_)) => return done,
                },
                // It may be our mirror that is behind: look once more before saying so.
                Err(ForgeError::Stale) if attempt == 0 => {}
                Err(refused) => return Err(refused),
            }
            self.fetch().await?;
        }
        Err(ForgeError::Stale)
    }

    async fn fetch(&self) -> Result<(), ForgeError> {
        self.git.fetch().await.map_err(sort_failure)
    }

    /// The newest proposal of a branch: the only one that can be open.
    async fn newest_of(&self, branch: &str) -> Result<Option<Sight>, ForgeError> {
        match self.ledger.newest(|record| record.branch == branch).await? {
            Some(entry) => self.lookout.sight(entry).await.map(Some),
            None => Ok(None),
        }
    }

    /// Opens a new proposal under the next number, if nobody takes that first.
    async fn open(&self, spec: &ProposalSpec, at: Timestamp) -> Result<ProposalNumber, ForgeError> {
        let tip = |name: &str, hint: &str| {
            ForgeError::Refused(format!("the repository has no branch `{name}`: {hint}"))
        };
        let head = self.lookout.tip(&spec.branch).await?;
        let head = head.ok_or_else(|| tip(&spec.branch, "push it before proposing it"))?;
        let base = self.lookout.tip(&spec.target).await?;
        let base = base.ok_or_else(|| tip(&spec.target, "look at the environment's `branch`"))?;
        if self.lookout.has(&base, &head).await? {
            return Err(ForgeError::Refused(format!(
                "`{}` has no commit that `{}` does not have: there is nothing to propose",
                spec.branch, spec.target
            )));
        }
        self.ledger.create(&Record::new(spec, head, base, at)).await
    }

    async fn update(
        &self,
        number: ProposalNumber,
        spec: &ProposalSpec,
        at: Timestamp,
    ) -> Result<(), ForgeError> {
        let target_tip = self.lookout.tip(&spec.target).await?;
        self.amend(number, |record, sight| {
            if sight.state != State::Open {
                return Err(ForgeError::Stale);
            }
            if record.target != spec.target {
                record.target.clone_from(&spec.target);
                record.base = target_tip.clone().unwrap_or_else(|| record.base.clone());
            }
            record.retitle(spec);
            let event = || Event::by_hoist("update", at);
            Ok((*record != *sight.entry.record).then(event))
        })
        .await
    }
}

#[async_trait]
impl Forge for BuiltinForge {
    async fn make_commit(&self, _draft: &Draft) -> Result<Vec<u8>, ForgeError> {
        Err(ForgeError::Refused("the builtin forge makes no commits".to_owned()))
    }

    async fn propose(&self, spec: &ProposalSpec, at: Timestamp) -> Result<Opened, ForgeError> {
        let _one_at_a_time = self.opening.lock().await;
        for attempt in 0..ATTEMPTS {
            let done = match self.newest_of(&spec.branch).await? {
                Some(found) if found.state == State::Open => {
                    let number = found.entry.number;
                    self.update(number, spec, at).await.map(|()| Opened::AlreadyOpen(number))
                }
                Some(_) | None => self.open(spec, at).await.map(Opened::New),
            };
            match done {
                Err(ForgeError::Stale) => {}
                // The branch may be there, or have more, and our mirror not know it yet.
                Err(ForgeError::Refused(_)) if attempt == 0 => {}
                Ok(_) | Err(_) => return done,
            }
            self.fetch().await?;
        }
        Err(ForgeError::Stale)
    }

    async fn load(&self, number: ProposalNumber) -> Result<Proposal, ForgeError> {
        self.lookout.proposal(self.ledger.entry(number).await?).await
    }

    async fn find_open(&self, branch: &str) -> Result<Option<Proposal>, ForgeError> {
        let Some(newest) = self.ledger.newest(|record| record.branch == branch).await? else {
            return Ok(None);
        };
        let proposal = self.lookout.proposal(newest).await?;
        Ok((proposal.state == ProposalState::Open).then_some(proposal))
    }

    async fn set_status(
        &self,
        number: ProposalNumber,
        head: &CommitId,
        context: &str,
        status: &Status,
    ) -> Result<(), ForgeError> {
        self.amend(number, |record, _| {
            if record.head != *head {
                return Err(ForgeError::Stale);
            }
            // A status has no time of its own, and the same change must make the same commit.
            let event = Event::by_hoist(&format!("status {context}"), record.updated_at);
            Ok(record.set_status(context, status).then(event))
        })
        .await
    }

    async fn checks(
        &self,
        number: ProposalNumber,
        head: &CommitId,
    ) -> Result<Vec<Check>, ForgeError> {
        let proposal = self.load(number).await?;
        if proposal.head != *head {
            return Err(ForgeError::Stale);
        }
        let others = proposal.statuses.into_iter().filter(|(name, _)| !name.starts_with(OWN));
        Ok(others.map(|(name, status)| check(name, status)).collect())
    }

    async fn source_checks(&self, of: &SourceCommit) -> Result<Vec<Check>, ForgeError> {
        Err(ForgeError::Refused(format!(
            "the builtin forge does not know {}: only a repository with `forge: github` can be \
             asked about checks of a source",
            of.repository
        )))
    }

    async fn set_source_status(
        &self,
        of: &SourceCommit,
        _about: (&str, &str),
        _status: &Status,
    ) -> Result<(), ForgeError> {
        Err(ForgeError::Refused(format!("the builtin forge does not know {}", of.repository)))
    }

    fn knows(&self, _team: &Team) -> bool {
        false
    }

    async fn in_team(
        &self,
        team: &Team,
        _people: &[PersonName],
    ) -> Result<Vec<PersonName>, ForgeError> {
        Err(ForgeError::Refused(format!("the builtin forge knows no teams, and so not {team}")))
    }

    async fn comment(
        &self,
        number: ProposalNumber,
        marker: &str,
        body: &str,
        at: Timestamp,
    ) -> Result<(), ForgeError> {
        let comment = Comment { by: "hoist".to_owned(), body: body.to_owned(), at };
        self.amend(number, |record, _| {
            let event = Event::by_hoist(&format!("comment {marker}"), at);
            Ok(record.set_comment(marker, comment.clone()).then(event))
        })
        .await
    }

    /// Comments are made on hoist's own page here, where whoever writes one sees it stand.
    async fn acknowledge(&self, _number: ProposalNumber, _comment: u64) -> Result<(), ForgeError> {
        Ok(())
    }

    async fn turn_to_merge(&self) -> Result<Turn, ForgeError> {
        Ok(Turn::free())
    }

    async fn merge(&self, request: &MergeRequest, _turn: Turn) -> Result<MergeOutcome, ForgeError> {
        self.merge_pinned(request).await
    }

    async fn make_ready(&self, _number: ProposalNumber, _asks: &Asks) -> Result<(), ForgeError> {
        Ok(())
    }

    async fn take_back(&self, _number: ProposalNumber) -> Result<(), ForgeError> {
        Ok(())
    }

    async fn close(&self, closing: &Closing) -> Result<(), ForgeError> {
        self.close_unmerged(closing).await
    }

    fn renamed_to(&self) -> Option<String> {
        None
    }

    fn budget(&self) -> Option<Budget> {
        None
    }

    fn desk(&self) -> Option<&dyn ReviewDesk> {
        Some(self)
    }
}

#[async_trait]
impl ReviewDesk for BuiltinForge {
    async fn review(&self, number: ProposalNumber, review: Review) -> Result<(), ForgeError> {
        self.fetch().await?;
        self.amend(number, |record, sight| {
            if sight.state != State::Open {
                return Err(ForgeError::Refused(format!("proposal {number} is no longer open")));
            }
            if record.head != review.head {
                return Err(ForgeError::Stale);
            }
            let event = Event::by_person("review", &review.by, review.at);
            Ok(record.add_review(review.clone()).then(event))
        })
        .await
    }

    async fn remark(&self, number: ProposalNumber, comment: Comment) -> Result<(), ForgeError> {
        self.amend(number, |record, _| {
            let event = match comment.by.parse() {
                Ok(person) => Event::by_person("remark", &person, comment.at),
                Err(_) => Event::by_hoist("remark", comment.at),
            };
            Ok(record.add_remark(comment.clone()).then(event))
        })
        .await
    }
}

/// A status by others.
fn check(name: String, status: Status) -> Check {
    let state = match status.state {
        StatusState::Pending => CheckState::Pending,
        StatusState::Success => CheckState::Success,
        StatusState::Failure => CheckState::Failure,
    };
    Check { name, state, description: status.description, url: None, since: None }
}

/// Who made a commit, for one who has no mail address here.
fn signature(name: &str, at: Timestamp) -> Signature {
    // Git delimits the address with angle brackets, so neither may stand inside.
    let name: String = name.chars().filter(|c| !matches!(c, '<' | '>')).collect();
    Signature { email: format!("{name}@{NOBODYS_DOMAIN}"), name, at }
}

/// The person that a signature of ours names; none if it is not ours.
fn signed_by(author: &Signature) -> Option<PersonName> {
    let name = author.email.strip_suffix(NOBODYS_DOMAIN)?.strip_suffix('@')?;
    name.parse().ok()
}

/// The only place that knows what Git's failures mean to those who ask a forge.
fn sort_failure(error: GitError) -> ForgeError {
    match error {
        GitError::Unauthorized(_) => ForgeError::Unauthorized,
        GitError::NoRepository(_) | GitError::Untrusted(_) => {
            ForgeError::Refused(error.to_string())
        }
        // It was there when we looked, or somebody named what nobody pushed: look again.
        GitError::Missing(_) => ForgeError::Stale,
        GitError::Unreachable(cause) => ForgeError::Unreachable(cause),
        GitError::Busy { seconds, .. } => ForgeError::RateLimited { seconds },
        GitError::Mirror(_) => ForgeError::Unreachable(error.into()),
    }
}
