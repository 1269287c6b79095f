//! Use-cases: everything hoist does, with I/O through ports only.
//!
//! In reading order: what the doors may call, what they get back, and what goes on behind them.

pub mod ports;

pub mod audit;

pub mod policy;

pub mod views;

pub mod readiness;

pub mod committing;

pub mod freshness;

pub mod ingest;

pub mod discover;

pub mod sessions;

pub mod edit;

pub mod verify;

pub mod survey;

mod commands;
mod freezes;
mod calendar;
mod schedules;
mod rollback;
mod rights;
pub mod trains;
mod skip;

pub mod recover;

mod execute;
mod proposing;
mod merging;
mod landing;
mod look;
mod proposals;
mod report;
mod reading;
mod remedy;

mod examine;

#[cfg(fuzzing)]
pub use examine::fuzzing;

pub mod watch;

mod question;

pub mod nudge;

pub mod forge_event;

pub mod reconcile;

mod status;

mod why;

mod foresee;

pub mod chat;

pub mod notifications;

mod feedback;

mod secrets;

mod following;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Notify, RwLock};

use crate::domain::id::RepositoryName;
use chat::Chat;
use committing::Committing;
use discover::Catalogue;
use freshness::Freshness;
use ingest::identity::Issuers;
use ingest::pace::Pace;
use policy::Policy;
use ports::{Clock, Dice, Forge, ForgeError, Git, GitError, Registry, Store, StoreError};
use readiness::Readiness;
use watch::Watchers;

/// One repository as the use-cases see it: its Git and its forge.
#[derive(Clone)]
pub struct Repository {
    /// The mirror and the remote behind it.
    pub git: Arc<dyn Git>,
    /// Its proposals.
    pub forge: Arc<dyn Forge>,
    /// The branch that environments stand on unless they say otherwise.
    pub branch: String,
    /// Whom the commits of promotions name.
    pub commits: Committing,
}

/// Everything hoist does. The front doors hold one of these and call it.
pub struct App {
    /// What neither Git nor the forge knows.
    pub store: Arc<dyn Store>,
    /// The repositories, by their names in the configuration.
    pub repositories: BTreeMap<RepositoryName, Repository>,
    /// Those who can say how an application is.
    pub watchers: Watchers,
    /// Those who vouch for CI, by what stands in `iss`.
    pub issuers: Issuers,
    /// Those who keep images.
    pub registry: Arc<dyn Registry>,
    /// The rules and the people.
    pub policy: Policy,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub dice: Arc<dyn Dice>,
    /// What was last seen of every application.
    pub seen: reconcile::Seen,
    /// Rung when something happened that the reconciler should look at.
    pub nudge: Notify,
    /// Whether each repository has been looked at since the start.
    pub readiness: Readiness,
    /// The applications as they were last read from the store.
    pub catalogue: Catalogue,
    /// When each mirror was last brought up to date.
    pub freshness: Freshness,
    /// How much each source has announced lately.
    pub pace: Pace,
    /// Whether anything outside is changed.
    pub mode: Mode,
    /// Read by whoever judges the gates and merges; written to wait until they are done.
    pub merging: RwLock<()>,
    /// What is known of the trains' riders.
    pub trains: trains::Trains,
    /// Those who talk with people.
    pub chat: Chat,
    /// The deliveries of forges that were taken lately.
    pub forge_deliveries: forge_event::Deliveries,
}

/// Whether hoist changes anything outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It works.
    Active,
    /// It plans, shows and answers, and changes nothing: `hoist serve --read-only`.
    ReadOnly,
}

/// The systems that hoist works with.
pub struct Outside {
    /// The repositories, by their names in the configuration.
    pub repositories: BTreeMap<RepositoryName, Repository>,
    /// Those who can say how an application is.
    pub watchers: Watchers,
    /// Those who vouch for CI, by what stands in `iss`.
    pub issuers: Issuers,
    /// Those who keep images.
    pub registry: Arc<dyn Registry>,
}

impl App {
    /// Puts the parts together. The store has its migrations behind it.
    pub fn new(
        store: Arc<dyn Store>,
        Outside { repositories, watchers, issuers, registry }: Outside,
        policy: Policy,
        clock: Arc<dyn Clock>,
        dice: Arc<dyn Dice>,
    ) -> Self {
        let readiness = Readiness::new(repositories.keys());
        Self {
            store,
            repositories,
            watchers,
            issuers,
            registry,
            policy,
            clock,
            dice,
            seen: reconcile::Seen::default(),
            nudge: Notify::new(),
            readiness,
            catalogue: Catalogue::default(),
            forge_deliveries: forge_event::Deliveries::default(),
            freshness: Freshness::default(),
            pace: Pace::default(),
            mode: Mode::Active,
            merging: RwLock::new(()),
            trains: trains::Trains::default(),
            chat: Chat::default(),
        }
    }

    /// The same, with people to talk to.
    #[must_use]
    pub fn with_chat(self, chat: Chat) -> Self {
        Self { chat, ..self }
    }
}

impl App {
    /// Refuses what would change something, where nothing is to be changed.
    pub(crate) fn may_change(&self) -> Result<(), AppError> {
        match self.mode {
            Mode::Active => Ok(()),
            Mode::ReadOnly => Err(AppError::Refused {
                what: "this hoist runs with --read-only: it plans, shows and answers, and changes \
                       nothing; start it without that, or ask the one that works"
                    .into(),
            }),
        }
    }
}

/// Why a use-case did not do what it was asked, sorted by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no such thing; the text says what there is.
    #[error("{what}")]
    NotFound {
        /// What was not found, and what is there instead.
        what: String,
    },
    /// The request makes no sense; the text says which field and why.
    #[error("{what}")]
    Invalid {
        /// The field of the request, where one is to blame.
        field: Option<&'static str>,
        /// What is wrong, and what to do.
        what: String,
    },
    /// They have no right to.
    #[error(transparent)]
    NotAllowed(#[from] crate::domain::command::NotAllowed),
    /// It cannot be done as things stand; the text says why and what to do.
    #[error("{what}")]
    Refused {
        /// Why, and what to do.
        what: String,
    },
    /// Git failed.
    #[error("asking Git")]
    Git(#[from] GitError),
    /// The forge failed.
    #[error("asking the forge")]
    Forge(#[from] ForgeError),
    /// The store failed.
    #[error("asking the store")]
    Store(#[from] StoreError),
}
