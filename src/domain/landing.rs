//! How an open proposal gets into its branch: what its forge says stands in the way, and whether
//! the forge brings it in by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::id::{CommitId, PersonName};
use super::snapshot::StatusWord;

/// Whether a proposal is a draft, and who made one of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drafted {
    /// It is none.
    #[default]
    Ready,
    /// hoist opened it as one.
    Ours,
    /// A person made one of it, and a person takes that back.
    Theirs,
}

/// How a forge brings a proposal in by itself, once it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It merges as soon as its rules let it.
    AutoMerge,
    /// It tests it together with others that were queued before, and merges them together.
    Queue,
    /// The same, as GitLab does it.
    Train,
}

/// Who asked the forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// hoist.
    Ours,
    /// A person.
    Theirs,
}

/// How an open proposal stands to its branch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Landing {
    /// Nothing of the forge's is known to be in the way.
    #[default]
    Free,
    /// The forge does not let it in as it is.
    Blocked {
        /// By which rules.
        blocks: Vec<Block>,
        /// How the forge would bring it in by itself when that is over, if hoist is to ask for it.
        offer: Option<Course>,
    },
    /// The forge was asked to bring it in by itself.
    Handed(Handed),
}

/// What a forge was asked to bring in by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// How.
    pub course: Course,
    /// By whom.
    pub whose: Whose,
    /// What is still in the way.
    pub blocks: Vec<Block>,
    /// What the queue tests before it merges, where it has made that.
    pub group: Option<Group>,
}

impl Handed {
    /// Tells whether the forge could merge at once what it was asked to merge as soon as it can. A
    /// queue takes its time, and nothing goes past it.
    pub fn is_through(&self) -> bool {
        self.course == Course::AutoMerge && self.blocks.is_empty()
    }
}

/// The commit that a queue tests: what it would merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The commit.
    pub head: CommitId,
    /// What is said of it, by context: what the branch requires of a head it requires of this, too.
    pub statuses: BTreeMap<String, (StatusWord, String)>,
}

/// How far a check is that has to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// Nobody has said anything yet.
    Missing,
    /// It goes on.
    Pending,
    /// It failed.
    Failed,
}

/// A rule of the forge's that keeps a proposal out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A check has to pass.
    Check {
        /// Its name.
        name: String,
        /// How far it is.
        lacking: Lacking,
    },
    /// The pipeline has to pass.
    Pipeline(Lacking),
    /// Checks of services outside have to pass.
    ExternalChecks,
    /// Approvals are missing, as the forge counts them.
    Reviews {
        /// How many there are.
        have: Option<u32>,
        /// How many it takes.
        need: Option<u32>,
    },
    /// Those who own the files have to approve.
    CodeOwners,
    /// A reviewer asks for changes.
    ChangesRequested,
    /// Not everything that was said of it is settled.
    Conversations(Option<u32>),
    /// All commits have to be signed.
    Signatures,
    /// The branch does not take the configured method.
    Method {
        /// Which.
        method: &'static str,
        /// What it takes.
        allowed: Vec<String>,
    },
    /// These credentials may not move the branch, or nobody may.
    Restricted,
    /// It has to stand on the branch as it is now.
    Behind,
    /// It conflicts.
    Conflict,
    /// A person made a draft of it.
    Draft,
    /// It has to be deployed there first.
    Deployments(Vec<String>),
    /// Another proposal has to go first.
    Dependency,
    /// Somebody has locked files that it changes.
    LockedFiles,
    /// It may not be merged before its time.
    NotBefore(Option<Timestamp>),
    /// A security policy forbids it.
    SecurityPolicy,
    /// Its text has to name a ticket.
    Ticket,
    /// Its title has to have a certain form.
    Title,
    /// The queue or the train has put it out.
    ThrownOut {
        /// Which of them.
        course: Course,
        /// Who, where it was a person.
        by: Option<PersonName>,
        /// Why, in the forge's words.
        reason: Option<String>,
    },
    /// What the forge has a word for, and hoist none.
    Other(String),
    /// The forge does not say what.
    Unnamed,
}

impl Block {
    /// Tells whether it ends without another push: the forge can wait for it.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Check { .. }
            | Self::Pipeline(_)
            | Self::ExternalChecks
            | Self::Reviews { .. }
            | Self::CodeOwners
            | Self::ChangesRequested
            | Self::Conversations(_)
            | Self::Deployments(_)
            | Self::Dependency
            | Self::LockedFiles
            | Self::NotBefore(_) => true,
            Self::Signatures
            | Self::Method { .. }
            | Self::Restricted
            | Self::Behind
            | Self::Conflict
            | Self::Draft
            | Self::SecurityPolicy
            | Self::Ticket
            | Self::Title
            | Self::ThrownOut { .. }
            | Self::Other(_)
            | Self::Unnamed => false,
        }
    }
}

impl Block {
    /// Tells whether a person has to look at the proposal, and nothing else.
    pub fn is_up_to_people(&self) -> bool {
        match self {
            Self::Reviews { .. }
            | Self::CodeOwners
            | Self::ChangesRequested
            | Self::Conversations(_)
            | Self::Draft
            | Self::ThrownOut { .. } => true,
            Self::Check { .. }
            | Self::Pipeline(_)
            | Self::ExternalChecks
            | Self::Signatures
            | Self::Method { .. }
            | Self::Restricted
            | Self::Behind
            | Self::Conflict
            | Self::Deployments(_)
            | Self::Dependency
            | Self::LockedFiles
            | Self::NotBefore(_)
            | Self::SecurityPolicy
            | Self::Ticket
            | Self::Title
            | Self::Other(_)
            | Self::Unnamed => false,
        }
    }
}

impl Landing {
    /// What hoist itself has asked the forge for.
    pub fn ours(&self) -> Option<&Handed> {
        match self {
            Self::Handed(handed) if handed.whose == Whose::Ours => Some(handed),
            Self::Free | Self::Blocked { .. } | Self::Handed(_) => None,
        }
    }

    /// What a queue tests of it.
    pub fn group(&self) -> Option<&Group> {
        match self {
            Self::Handed(handed) => handed.group.as_ref(),
            Self::Free | Self::Blocked { .. } => None,
        }
    }
}
