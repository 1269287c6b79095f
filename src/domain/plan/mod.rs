//! Decides what to do next.
//!
//! The planner never waits and never fails: whatever it is shown, it answers with actions, with
//! what each environment waits for, and with the time at which to look again.

mod accepted;
mod boarding;
mod environment;

mod course;

mod closures;
mod gates;
mod landing;
mod patience;
mod schedules;
mod train;
mod turned_away;
mod unstarted;
mod wanted;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::accept::Moved;
use super::artifact::Artifact;
use super::examination::Delay;
use super::gate::Judged;
use super::health::Remedy;
use super::id::{
    ArtifactId, CommitId, EnvironmentName, HoldId, PersonName, PromotionId, ProposalNumber,
    ScheduleName,
};
use super::landing::{Block, Handed};
use super::promotion::{FieldValue, Skip, State};
use super::pulse::Pulse;
use super::snapshot::{Ride, Snapshot, StatusWord};
use crate::yaml_edit::Place;

pub use boarding::{Behind, Boarding, Reason, board};
pub use environment::{branch_of, train_branch};
pub use gates::judge;
pub use landing::{keeps_draft, merges_still};
pub use train::{Shut, Ticket, TrainGate, ticket, train_gates};
pub use unstarted::{Unstarted, unstarted};

/// What to do now, what is waited for, and when to look again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// When to look again, where time alone decides.
    pub wake_at: Option<Timestamp>,
    /// What each environment waits for; one that has nothing on its way is not in it.
    pub waits: BTreeMap<EnvironmentName, Wait>,
    /// What other promotions of an environment wait for: what is in, and what comes after the one
    /// that is worked on. Each names its promotion.
    pub beside: Vec<Wait>,
}

/// One thing to do. Each looks before it acts, and may be done twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Record what the files hold, put there by other hands.
    Adopt {
        /// Where.
        environment: EnvironmentName,
        /// The commit at which it was seen.
        at: CommitId,
        /// What they hold.
        values: Vec<FieldValue>,
    },
    /// Begin to move an artifact into an environment.
    Start {
        /// Where to.
        environment: EnvironmentName,
        /// What.
        artifact: ArtifactId,
    },
    /// Record that a promotion goes on.
    Step {
        /// Which.
        promotion: PromotionId,
        /// Where to.
        to: State,
    },
    /// Record that an environment already holds what a promotion brings.
    AlreadyThere {
        /// Which.
        promotion: PromotionId,
        /// What the version fields hold.
        values: Vec<FieldValue>,
    },
    /// Record what was seen of the health of what is in.
    Observe {
        /// Where.
        environment: EnvironmentName,
        /// What is known of it now.
        pulse: Pulse,
    },
    /// Do what the rules say about an application that stays ill.
    Remedy {
        /// Where.
        environment: EnvironmentName,
        /// What.
        remedy: Remedy,
        /// How ill it is, marked as answered.
        pulse: Pulse,
    },
    /// Record that a hold has ended by itself.
    HoldEnded {
        /// Where.
        environment: EnvironmentName,
        /// Which.
        hold: HoldId,
    },
    /// Make the commit, push it, and open the proposal or bring the open one up to date.
    Propose(Proposing),
    /// Record that a promotion is proposed with others, in a train's proposal.
    Join {
        /// Which.
        promotion: PromotionId,
        /// Its place.
        ride: Ride,
    },
    /// Put a status on a proposal's head.
    SetStatus {
        /// Which proposal.
        number: ProposalNumber,
        /// The head that was judged.
        head: CommitId,
        /// `hoist/…`.
        context: String,
        /// Its state.
        state: StatusWord,
        /// A few words.
        description: String,
    },
    /// Say on the proposal that somebody else's commits are on its branch.
    TellOfForeignPush {
        /// Which proposal.
        number: ProposalNumber,
        /// Their head.
        head: CommitId,
        /// The promotion it carries.
        promotion: PromotionId,
    },
    /// Say on the proposal that a person let it pass a gate.
    TellOfSkip {
        /// Which proposal.
        number: ProposalNumber,
        /// The promotion it carries.
        promotion: PromotionId,
        /// Which gate, who and why.
        skip: Skip,
    },
    /// Say on the proposal that its forge's queue puts it out, and that it is left to people.
    TellOfPutOut {
        /// Which proposal.
        number: ProposalNumber,
        /// The promotion it carries.
        promotion: PromotionId,
        /// The head that is put out.
        head: CommitId,
        /// How it stands.
        block: Block,
    },
    /// Merge a proposal.
    Merge {
        /// What it carries.
        promotion: PromotionId,
        /// Which.
        number: ProposalNumber,
        /// The head that was judged.
        head: CommitId,
        /// Who approved it.
        approvals: Vec<PersonName>,
    },
    /// Say that a proposal is no draft any more, and ask those who are to review it.
    MakeReady {
        /// Which.
        number: ProposalNumber,
        /// What it carries.
        promotion: PromotionId,
    },
    /// Take back what hoist asked the forge to do by itself with a proposal.
    TakeBack {
        /// Which.
        number: ProposalNumber,
        /// What it carries.
        promotion: PromotionId,
    },
    /// Close a proposal.
    Close {
        /// Which.
        number: ProposalNumber,
        /// Why.
        because: Closed,
    },
}

impl Action {
    /// Where it does something.
    pub fn environment<'a>(&'a self, snapshot: &'a Snapshot) -> Option<&'a EnvironmentName> {
        let of = |id: &PromotionId| snapshot.promotion(id).map(|it| &it.environment);
        let on = |number| snapshot.proposals.get(number).map(|facts| &facts.environment);
        match self {
            Self::Adopt { environment, .. }
            | Self::Start { environment, .. }
            | Self::Observe { environment, .. }
            | Self::Remedy { environment, .. }
            | Self::HoldEnded { environment, .. } => Some(environment),
            Self::Step { promotion, .. }
            | Self::Join { promotion, .. }
            | Self::AlreadyThere { promotion, .. }
            | Self::TellOfForeignPush { promotion, .. }
            | Self::TellOfSkip { promotion, .. }
            | Self::TellOfPutOut { promotion, .. }
            | Self::Merge { promotion, .. }
            | Self::MakeReady { promotion, .. }
            | Self::TakeBack { promotion, .. } => of(promotion),
            Self::Propose(proposing) => of(&proposing.promotion),
            Self::SetStatus { number, .. } | Self::Close { number, .. } => on(number),
        }
    }

    /// Tells whether it only records what was seen: nothing follows that another look would show.
    pub fn is_note(&self) -> bool {
        match self {
            Self::Observe { .. } | Self::HoldEnded { .. } => true,
            Self::Adopt { .. }
            | Self::Start { .. }
            | Self::Step { .. }
            | Self::AlreadyThere { .. }
            | Self::Remedy { .. }
            | Self::Propose(_)
            | Self::Join { .. }
            | Self::SetStatus { .. }
            | Self::TellOfForeignPush { .. }
            | Self::TellOfSkip { .. }
            | Self::TellOfPutOut { .. }
            | Self::Merge { .. }
            | Self::MakeReady { .. }
            | Self::TakeBack { .. }
            | Self::Close { .. } => false,
        }
    }
}

/// Why hoist closes a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// A rollback takes back what it would have built on.
    RolledBack {
        /// The rollback.
        by: PromotionId,
    },
    /// The environment already holds what it brings.
    AlreadyThere,
    /// What it brings goes with a train from now on.
    Rides {
        /// Which.
        schedule: ScheduleName,
    },
    /// A gate kept it out for longer than its `timeout`.
    TimedOut {
        /// Which, for how long, and what it saw.
        reason: String,
    },
    /// What it brings was rolled back in an environment before.
    Bad {
        /// Where.
        environment: EnvironmentName,
    },
    /// The application's files are gone.
    Vanished {
        /// The first that is missing.
        file: String,
    },
}

/// A proposal to make or to bring up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposing {
    /// What it carries.
    pub promotion: PromotionId,
    /// The tip that its commit stands on.
    pub base: CommitId,
    /// What it changes.
    pub edits: Vec<PlannedEdit>,
    /// What the version fields hold once it is merged: the changed ones and the others.
    pub values: Vec<FieldValue>,
    /// Somebody else's head on the branch that goes away; they are told.
    pub overwrites: Option<CommitId>,
}

/// One field's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEdit {
    /// The file.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What must stand there.
    pub expect: String,
    /// What shall stand there.
    pub value: String,
}

/// What an environment waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The promotion that waits; none where not even that can be made.
    pub promotion: Option<PromotionId>,
    /// What for.
    pub because: Because,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// What something waits for. The words for it are in `messages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// A gate is shut.
    Gate(Judged),
    /// A person or a rollback holds the application there.
    Held {
        /// Who.
        by: String,
        /// Why.
        reason: Option<String>,
    },
    /// It soaks: it is in and is watched.
    Soaking,
    /// It is in, and is not deployed or not well, as far as that can be seen.
    Health(Box<Pulse>),
    /// Approvals are missing.
    Approvals {
        /// How many there are, the requester left out.
        have: u32,
        /// How many it takes.
        need: u32,
    },
    /// Somebody asked for changes.
    Objections(Vec<PersonName>),
    /// The policy is that a person merges.
    ManualMerge,
    /// Rules of the forge's keep it out.
    Blocked(Vec<Block>),
    /// The forge was asked to bring it in by itself.
    Handed(Handed),
    /// The branch holds more than version fields.
    NotOnlyVersion(String),
    /// Somebody else's commits are on the branch, and nobody has approved them.
    ForeignPush(CommitId),
    /// The branch conflicts, and hoist does not overwrite what others pushed.
    Conflict(Vec<String>),
    /// Other hands changed the version fields since the rollback was asked for.
    Drifted {
        /// What they put there.
        version: String,
        /// The commit at which it was seen.
        at: CommitId,
    },
    /// The rules cannot be applied to the files.
    EditRefused(String),
    /// The application has no files there.
    NoFiles(String),
    /// A tag has moved, and a person is to say whether that goes.
    Asks(Moved),
    /// A registry has not said yet what an artifact is.
    Unexamined(Option<Delay>),
    /// It goes with others: its place, or none before the train is put together.
    Train(Option<Box<Ride>>),
    /// hoist has written as much as it lets itself write in an hour.
    Pace,
    /// A rollback goes first.
    Behind {
        /// What it brings back.
        version: String,
    },
}

/// Decides what to do next.
///
/// Reads nothing but its arguments, so the same snapshot always gives the same plan,
/// and `hoist plan` shows exactly what the server would do.
pub fn plan(snapshot: &Snapshot, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    for environment in &snapshot.pipeline.environments {
        let view = environment::View { snapshot, environment, now };
        view.end_hold(&mut plan);
        view.plan(&mut plan);
    }
    plan
}

/// The artifact about which its registry is to be asked next: the newest of those that could go.
pub fn to_examine(snapshot: &Snapshot, now: Timestamp) -> Option<&Artifact> {
    let doors = snapshot.pipeline.environments.iter().filter(|it| it.after.is_empty());
    let mut unexamined = doors
        .filter_map(|environment| environment::View { snapshot, environment, now }.unexamined());
    unexamined.next()
}

/// The artifacts that could go as soon as their registry has said what they are.
pub fn awaited(snapshot: &Snapshot, now: Timestamp) -> Vec<&Artifact> {
    let doors = snapshot.pipeline.environments.iter().filter(|it| it.after.is_empty());
    doors
        .flat_map(|environment| environment::View { snapshot, environment, now }.awaited())
        .collect()
}

impl Plan {
    /// What a promotion waits for.
    pub fn wait_of(&self, promotion: &PromotionId) -> Option<&Wait> {
        let theirs = |wait: &&Wait| wait.promotion.as_ref() == Some(promotion);
        self.waits.values().chain(&self.beside).find(theirs)
    }

    /// Notes what an environment waits for, and wakes up when that ends by itself.
    ///
    /// What comes later is nearer to the door: it stands for the environment, and what was noted
    /// before stands beside it.
    fn wait(
        &mut self,
        environment: &EnvironmentName,
        promotion: Option<&PromotionId>,
        because: Because,
        until: Option<Timestamp>,
    ) {
        if let Some(until) = until {
            self.look_again(until);
        }
        let wait = Wait { promotion: promotion.cloned(), because, until };
        self.beside.extend(self.waits.insert(environment.clone(), wait));
    }

    /// Wakes up then, at the latest.
    pub fn look_again(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |sooner| sooner.min(at)));
    }

    /// Records that a promotion goes on.
    fn step(&mut self, promotion: &PromotionId, to: State) {
        self.actions.push(Action::Step { promotion: promotion.clone(), to });
    }
}
