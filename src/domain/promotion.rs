//! One artifact's move into one environment, and the states it goes through.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::command::Actor;
use super::id::{
    ApplicationKey, ArtifactId, CommitId, EnvironmentName, PersonName, PromotionId, ProposalNumber,
};
use crate::yaml_edit::Place;

/// One artifact's move into one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Our name for it; sorts by creation.
    pub id: PromotionId,
    /// What is promoted.
    pub application: ApplicationKey,
    /// Where to.
    pub environment: EnvironmentName,
    /// Why it exists.
    pub kind: Kind,
    /// The artifact it carries; none where only the files' values are known ("found").
    pub artifact: Option<ArtifactId>,
    /// What people call what it carries.
    pub version: String,
    /// What the version fields hold once it is in. Empty until it was first proposed.
    pub values: Vec<FieldValue>,
    /// Who asked.
    pub requested_by: Actor,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When it was asked for; also the time in its commit, so that the commit can be made again.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Since when it stands there.
    pub since: Timestamp,
    /// The proposal that carries it, once there is one.
    pub proposal: Option<Proposed>,
    /// The gates that people let it pass, in the order in which they did.
    #[serde(default)]
    pub skipped: Vec<Skip>,
}

/// A gate that a person let one promotion pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// Its name: `soak`, `window`.
    pub gate: String,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Why it does not count (any more): they have no right to it now. Asked anew at each look.
    #[serde(skip)]
    pub lapsed: Option<String>,
}

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, skipped by {}: {}", self.gate, self.by, self.reason)
    }
}

/// Why a promotion exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// The files held it when hoist first looked, or other hands put it there.
    Found {
        /// The commit at which it was seen.
        at: CommitId,
    },
    /// An artifact moves up.
    Forward {
        /// Environments that a person chose to skip on the way, with the right to do so.
        #[serde(default)]
        skips: Vec<EnvironmentName>,
        /// What becomes of it if its artifact was rolled back.
        #[serde(default)]
        bad: BadArtifact,
    },
    /// An earlier version comes back.
    Rollback {
        /// The promotion whose values are restored.
        restores: PromotionId,
        /// The promotion that is taken back.
        undoes: PromotionId,
    },
}

/// What becomes of a promotion whose artifact was rolled back, here or in an environment before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadArtifact {
    /// It is turned away.
    #[default]
    Refused,
    /// It goes in all the same: a person said so, with a reason.
    Forced,
}

/// A version field and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldValue {
    /// The file's path in the repository.
    pub file: String,
    /// Where in the file.
    pub place: Place,
    /// Its text.
    pub value: String,
}

/// The proposal of a promotion, as hoist last made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Its number on the forge.
    pub number: ProposalNumber,
    /// The commit that hoist put on its branch.
    pub head: CommitId,
    /// The commit that `head` was made on.
    pub base: CommitId,
}

/// Where a promotion stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// A gate is shut, or its turn has not come.
    Waiting,
    /// Its proposal is open.
    Proposed,
    /// The change reached the environment's branch.
    Merged {
        /// The commit that brought it.
        commit: CommitId,
        /// Who merged it, as far as the forge tells.
        by: Option<PersonName>,
    },
    /// The controller runs it.
    Deployed {
        /// The commit that brought it.
        commit: CommitId,
    },
    /// It runs and is watched, until the soak gates of what follows are open.
    Soaking {
        /// The commit that brought it.
        commit: CommitId,
        /// When the soak is over, if nothing happens.
        until: Timestamp,
    },
    /// It is in, and counts as good.
    Succeeded {
        /// The commit that brought it; none where the environment already had it.
        commit: Option<CommitId>,
    },
    /// A newer promotion took its place.
    Superseded {
        /// Which.
        by: PromotionId,
    },
    /// A person closed its proposal.
    Closed {
        /// Who, as far as the forge tells.
        by: Option<PersonName>,
        /// Why.
        reason: String,
    },
    /// It cannot be done, and the reason says why.
    Failed {
        /// Why, and what to do.
        reason: String,
    },
    /// It was in, and was taken back.
    RolledBack {
        /// The rollback.
        by: PromotionId,
    },
}

/// A step that a promotion cannot take from where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a promotion that is {from} cannot become {to}")]
pub struct InvalidTransition {
    from: &'static str,
    to: &'static str,
}

impl State {
    /// The state's name, as `docs/vocabulary.md` and the API have it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Proposed => "proposed",
            Self::Merged { .. } => "merged",
            Self::Deployed { .. } => "deployed",
            Self::Soaking { .. } => "soaking",
            Self::Succeeded { .. } => "succeeded",
            Self::Superseded { .. } => "superseded",
            Self::Closed { .. } => "closed",
            Self::Failed { .. } => "failed",
            Self::RolledBack { .. } => "rolled back",
        }
    }

    /// Tells whether hoist still has something to do to bring it in.
    pub fn is_pending(&self) -> bool {
        match self {
            Self::Waiting | Self::Proposed => true,
            Self::Merged { .. }
            | Self::Deployed { .. }
            | Self::Soaking { .. }
            | Self::Succeeded { .. }
            | Self::Superseded { .. }
            | Self::Closed { .. }
            | Self::Failed { .. }
            | Self::RolledBack { .. } => false,
        }
    }

    /// Tells whether its change is on the branch and has not been taken back or replaced.
    pub fn is_in(&self) -> bool {
        match self {
            Self::Merged { .. }
            | Self::Deployed { .. }
            | Self::Soaking { .. }
            | Self::Succeeded { .. } => true,
            Self::Waiting
            | Self::Proposed
            | Self::Superseded { .. }
            | Self::Closed { .. }
            | Self::Failed { .. }
            | Self::RolledBack { .. } => false,
        }
    }

    /// The commit that brought it to the branch, while it is in.
    pub fn commit(&self) -> Option<&CommitId> {
        match self {
            Self::Merged { commit, .. }
            | Self::Deployed { commit }
            | Self::Soaking { commit, .. } => Some(commit),
            Self::Succeeded { commit } => commit.as_ref(),
            Self::Waiting
            | Self::Proposed
            | Self::Superseded { .. }
            | Self::Closed { .. }
            | Self::Failed { .. }
            | Self::RolledBack { .. } => None,
        }
    }

    /// Goes on to `next`, if that can follow.
    ///
    /// What can follow is listed once, here; the store records nothing that did not pass.
    pub fn step(self, next: State) -> Result<State, InvalidTransition> {
        use State as S;
        let follows = match (&self, &next) {
            // Pending: proposed (again, after a new base), in, or ended.
            (
                S::Waiting | S::Proposed,
                S::Waiting
                | S::Proposed
                | S::Merged { .. }
                | S::Succeeded { .. }
                | S::Superseded { .. }
                | S::Closed { .. }
                | S::Failed { .. },
            ) => true,
            // In: forward through the stages, or replaced, or taken back.
            (
                S::Merged { .. },
                S::Deployed { .. } | S::Superseded { .. } | S::RolledBack { .. },
            )
            | (
                S::Deployed { .. },
                S::Soaking { .. }
                | S::Succeeded { .. }
                | S::Superseded { .. }
                | S::RolledBack { .. },
            )
            // A soak that was broken off or could not be watched ends later than was said.
            | (
                S::Soaking { .. },
                S::Soaking { .. } | S::Succeeded { .. } | S::Superseded { .. } | S::RolledBack { .. },
            )
            | (S::Succeeded { .. }, S::RolledBack { .. }) => true,
            (
                S::Waiting | S::Proposed,
                S::Deployed { .. } | S::Soaking { .. } | S::RolledBack { .. },
            )
            | (
                S::Merged { .. } | S::Deployed { .. } | S::Soaking { .. } | S::Succeeded { .. },
                _,
            )
            | (
                S::Superseded { .. } | S::Closed { .. } | S::Failed { .. } | S::RolledBack { .. },
                _,
            ) => false,
        };
        if follows {
            Ok(next)
        } else {
            Err(InvalidTransition { from: self.name(), to: next.name() })
        }
    }
}

impl Promotion {
    /// What orders promotions by age, the oldest first.
    ///
    /// An id alone does not: two made within one millisecond differ by chance only.
    pub fn age(&self) -> (Timestamp, &PromotionId) {
        (self.created_at, &self.id)
    }

    /// Tells whether it is in, and has not yet shown that it is good.
    pub fn is_on_its_way(&self) -> bool {
        match self.state {
            State::Merged { .. } | State::Deployed { .. } | State::Soaking { .. } => true,
            State::Waiting
            | State::Proposed
            | State::Succeeded { .. }
            | State::Superseded { .. }
            | State::Closed { .. }
            | State::Failed { .. }
            | State::RolledBack { .. } => false,
        }
    }

    /// Tells whether a person chose to skip an environment on its way.
    pub fn skips(&self, environment: &EnvironmentName) -> bool {
        match &self.kind {
            Kind::Forward { skips, .. } => skips.contains(environment),
            Kind::Found { .. } | Kind::Rollback { .. } => false,
        }
    }

    /// Tells whether it brings an earlier version back.
    pub fn is_rollback(&self) -> bool {
        match self.kind {
            Kind::Rollback { .. } => true,
            Kind::Found { .. } | Kind::Forward { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit() -> CommitId {
        "0123456789012345678901234567890123456789".parse().unwrap()
    }

    #[test]
    fn a_step_that_cannot_follow_says_from_where() {
        let closed = State::Closed { by: None, reason: "no".into() };
        let error = closed.step(State::Merged { commit: commit(), by: None }).unwrap_err();
        assert_eq!(error.to_string(), "a promotion that is closed cannot become merged");
    }

    #[test]
    fn a_promotion_goes_through_its_stages() {
        let stages = [
            State::Proposed,
            State::Merged { commit: commit(), by: None },
            State::Deployed { commit: commit() },
            State::Succeeded { commit: Some(commit()) },
        ];
        let end = stages.into_iter().try_fold(State::Waiting, State::step).unwrap();
        assert_eq!(end.name(), "succeeded");
    }
}
