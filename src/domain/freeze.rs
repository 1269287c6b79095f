//! Freezes: times in which nothing is promoted into some environments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::command::Actor;
use super::gate::Shuts;
use super::id::{EnvironmentName, FreezeId};
use super::zone::Zone;

/// A time in which nothing is promoted into some environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Where it comes from.
    pub origin: Origin,
    /// Where it is frozen.
    pub scope: Scope,
    /// Why.
    pub reason: Option<String>,
    /// When it begins: that moment is frozen.
    pub begins: Timestamp,
    /// When it ends by itself: that moment is not frozen any more. None means that somebody thaws.
    pub ends: Option<Timestamp>,
    /// Whether rollbacks go in nevertheless.
    pub rollbacks: Rollbacks,
    /// What it shuts.
    pub shuts: Shuts,
}

/// Where a freeze comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The pipelines file.
    File {
        /// Its name there.
        name: String,
        /// Who answers for it, where the file says so.
        owner: Option<String>,
        /// Whose clock it is told by.
        zone: Zone,
    },
    /// Somebody said so.
    Command {
        /// Our name for it.
        id: FreezeId,
        /// Who.
        by: Actor,
    },
}

/// A freeze that somebody asked for, beside those of the pipelines file.
///
/// Several may stand side by side, also on the same environment: whoever freezes for ten minutes
/// does not shorten what another froze for the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdHoc {
    /// Our name for it.
    pub id: FreezeId,
    /// Where it is frozen.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// When they asked: it is frozen from then on.
    pub begins: Timestamp,
    /// When it ends by itself. None means that somebody thaws.
    pub ends: Option<Timestamp>,
    /// Whether rollbacks go in nevertheless.
    pub rollbacks: Rollbacks,
}

impl From<AdHoc> for Freeze {
    fn from(it: AdHoc) -> Self {
        Self {
            origin: Origin::Command { id: it.id, by: it.by },
            scope: it.scope,
            reason: Some(it.reason),
            begins: it.begins,
            ends: it.ends,
            rollbacks: it.rollbacks,
            // Who freezes wants peace at once: nothing is opened, either.
            shuts: Shuts::Proposal,
        }
    }
}

/// Where it is frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In every environment: `*`.
    Everywhere,
    /// In these.
    Only(Vec<EnvironmentName>),
}

/// Whether rollbacks go in although it is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollbacks {
    /// They wait like everything else.
    #[default]
    Wait,
    /// They go in: `allow: [rollback]`.
    Pass,
}

impl Scope {
    /// Tells whether it reaches an environment.
    pub fn has(&self, environment: &EnvironmentName) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Only(names) => names.contains(environment),
        }
    }

    /// Tells whether it has an environment in common with another.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everywhere, _) | (_, Self::Everywhere) => true,
            (Self::Only(names), Self::Only(_)) => names.iter().any(|name| other.has(name)),
        }
    }

    /// In words: `every environment`, `prod`.
    pub fn in_words(&self) -> String {
        match self {
            Self::Everywhere => "every environment".to_owned(),
            Self::Only(_) => self.to_string(),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everywhere => f.write_str("*"),
            Self::Only(names) => {
                let names: Vec<&str> = names.iter().map(EnvironmentName::as_str).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl Freeze {
    /// Tells whether it is frozen then.
    pub fn is_on(&self, at: Timestamp) -> bool {
        self.begins <= at && self.ends.is_none_or(|ends| at < ends)
    }

    /// Tells whether it is over.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.ends.is_some_and(|ends| ends <= at)
    }

    /// Who or what freezes.
    pub fn by(&self) -> String {
        match &self.origin {
            Origin::File { name, owner: Some(owner), .. } => format!("{name} ({owner})"),
            Origin::File { name, owner: None, .. } => name.clone(),
            Origin::Command { by, .. } => by.to_string(),
        }
    }

    /// A moment as those who froze would tell it.
    pub fn tell(&self, at: Timestamp) -> String {
        match &self.origin {
            Origin::File { zone, .. } => zone.tell(at),
            Origin::Command { .. } => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }
    }

    /// Who freezes, until when, and why: `alice until 2026-11-23 14:00 UTC: INC-123`.
    pub fn describe(&self) -> String {
        let until = match self.ends {
            Some(ends) => format!(" until {}", self.tell(ends)),
            None => " until somebody thaws it".to_owned(),
        };
        let why = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{}{until}{why}", self.by())
    }
}

/// When none of the freezes is on any more, if they all end by themselves.
///
/// What begins before another has ended goes on from there: the answer is a moment at which it is
/// really open.
pub fn all_over(freezes: &[&Freeze], at: Timestamp) -> Option<Timestamp> {
    let mut open_at = at;
    loop {
        let on: Vec<_> = freezes.iter().filter(|freeze| freeze.is_on(open_at)).collect();
        if on.is_empty() {
            return Some(open_at);
        }
        for freeze in on {
            open_at = open_at.max(freeze.ends?);
        }
    }
}

/// When the next of the freezes begins or ends.
pub fn next_edge(freezes: &[&Freeze], at: Timestamp) -> Option<Timestamp> {
    let edges = freezes.iter().flat_map(|freeze| [Some(freeze.begins), freeze.ends]);
    edges.flatten().filter(|edge| *edge > at).min()
}
