//! What people ask, and who may ask it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::artifact::Named;
use super::freeze::{Rollbacks, Scope};
use super::id::{ApplicationKey, EnvironmentName, PersonName, PromotionId, RoleName, ScheduleName};
use super::promotion::BadArtifact;
use super::team::Team;

/// Who acts, and through which door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Their name: a person of `people:`, a token's name, or what CI said.
    pub name: String,
    /// The door they came through.
    pub door: Door,
}

/// The doors that lead to the same verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// A CI pipeline's announcement.
    Ci,
    /// The API, and through it the command line.
    Api,
    /// The page.
    Page,
    /// A command or a button in Slack.
    Slack,
    /// A command in Mattermost.
    Mattermost,
    /// A comment on a proposal.
    Comment,
    /// hoist itself.
    Hoist,
}

impl Actor {
    /// hoist itself, where no person asked.
    pub fn hoist() -> Self {
        Self { name: "hoist".into(), door: Door::Hoist }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// One thing a role may do.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// Announce artifacts.
    Announce,
    /// Approve or refuse proposals of the builtin forge.
    Review,
    /// Merge or close proposals of the builtin forge.
    Merge,
    /// Ask for a promotion.
    Promote,
    /// Ask for a rollback.
    Rollback,
    /// Hold an application in an environment.
    Hold,
    /// End a hold.
    Resume,
    /// Freeze and thaw an environment.
    Freeze,
    /// Pass a shut gate.
    SkipGates,
    /// Look at what is where.
    Status,
    /// Read the audit log.
    Audit,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Announce => "announce",
            Self::Review => "review",
            Self::Merge => "merge",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Freeze => "freeze",
            Self::SkipGates => "skip-gates",
            Self::Status => "status",
            Self::Audit => "audit",
        })
    }
}

/// What a role allows, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// Who has it.
    pub people: Vec<PersonName>,
    /// Whose members have it, too, by the forge's word.
    pub teams: Vec<Team>,
    /// What it allows.
    pub may: Vec<Right>,
    /// Where; empty with `everywhere` unset means nowhere.
    pub environments: Reach,
}

/// The environments that a role reaches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// All of them: `"*"`.
    Everywhere,
    /// These; the default is none.
    #[default]
    Nowhere,
    /// Only those.
    Only(Vec<EnvironmentName>),
}

/// Every role, by name.
pub type Roles = BTreeMap<RoleName, Role>;

/// Somebody whom a door has identified, with the roles that they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who, through which door.
    pub actor: Actor,
    /// The roles that their token or their person holds.
    pub roles: Vec<RoleName>,
    /// Why some forge did not say whether they are in a team that has a role: they have none by it.
    pub unasked: Vec<String>,
}

impl Identity {
    /// Somebody with these roles.
    pub fn new(actor: Actor, roles: Vec<RoleName>) -> Self {
        Self { actor, roles, unasked: Vec::new() }
    }
}

/// What somebody asks hoist to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Bring a version into an environment.
    Promote {
        /// What.
        application: ApplicationKey,
        /// Where.
        environment: EnvironmentName,
        /// Which; none means the newest that may go.
        version: Option<Named>,
        /// Why.
        reason: Option<String>,
        /// Says yes to a version older than the one there.
        age: Age,
        /// Environments before it that are skipped.
        skips: Vec<EnvironmentName>,
        /// Says yes to a version that was rolled back.
        bad: BadArtifact,
    },
    /// Bring the last good version back.
    Rollback {
        /// What.
        application: ApplicationKey,
        /// Where.
        environment: EnvironmentName,
        /// To what: a version, digest or promotion that succeeded there; none means the last.
        to: Option<String>,
        /// Why.
        reason: Option<String>,
        /// What becomes of what other hands put there.
        drift: Drift,
    },
    /// Keep everything as it is, for one application in one environment.
    Hold {
        /// What.
        application: ApplicationKey,
        /// Where.
        environment: EnvironmentName,
        /// For how long; none means until someone resumes it.
        #[serde(rename = "for")]
        length: Option<SignedDuration>,
        /// Why.
        reason: Option<String>,
    },
    /// End a hold.
    Resume {
        /// What.
        application: ApplicationKey,
        /// Where.
        environment: EnvironmentName,
        /// What becomes of what is newer than what was rolled back.
        newer: Option<Newer>,
        /// Why.
        reason: Option<String>,
    },
    /// Let what is on its way into an environment pass one gate.
    Skip {
        /// What.
        application: ApplicationKey,
        /// Where.
        environment: EnvironmentName,
        /// Which promotion; none means the one that is next.
        promotion: Option<PromotionId>,
        /// Which gate: `soak`, `window`.
        gate: String,
        /// Why.
        reason: String,
    },
    /// Let nothing into some environments, whichever application it is.
    Freeze {
        /// Where.
        scope: Scope,
        /// For how long; none means until someone thaws it.
        #[serde(rename = "for")]
        length: Option<SignedDuration>,
        /// Why.
        reason: String,
        /// Whether rollbacks go in nevertheless.
        rollbacks: Rollbacks,
    },
    /// End the freezes that people asked for.
    Thaw {
        /// Where: those of exactly this scope.
        scope: Scope,
        /// Why.
        reason: Option<String>,
    },
    /// Run a schedule now.
    Run {
        /// Which.
        schedule: ScheduleName,
        /// Where it leads.
        environment: EnvironmentName,
    },
    /// Approve, refuse, merge or close a proposal of the builtin forge.
    Proposal {
        /// Which promotion's proposal.
        promotion: PromotionId,
        /// Where it leads.
        environment: EnvironmentName,
        /// What to do.
        step: ProposalStep,
        /// A word to the others.
        comment: Option<String>,
    },
}

/// Whether a promotion may bring an older version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Age {
    /// Only a newer one.
    #[default]
    NewerOnly,
    /// An older one, too: `--allow-older`.
    OlderToo,
}

/// What a rollback does with version fields that other hands changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// It says so, and asks.
    #[default]
    Asks,
    /// It takes them back, too: `--over-drift`.
    TakenBack,
}

/// What goes on after a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Newer {
    /// What is newer than what was rolled back goes in through its gates: `--with-newer`.
    With,
    /// Only what is announced from now on: `--without-newer`.
    Without,
}

/// What a person does with a proposal of the builtin forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalStep {
    /// Says yes.
    Approve,
    /// Says no, not like this.
    RequestChanges,
    /// Says something.
    Comment,
    /// Tells what a check found.
    Check,
    /// Merges it.
    Merge,
    /// Closes it.
    Close,
}

impl Command {
    /// The right it needs.
    pub fn right(&self) -> Right {
        match self {
            Self::Promote { skips, .. } if !skips.is_empty() => Right::SkipGates,
            Self::Promote { .. } | Self::Run { .. } => Right::Promote,
            Self::Rollback { .. } => Right::Rollback,
            Self::Hold { .. } => Right::Hold,
            Self::Resume { .. } => Right::Resume,
            Self::Freeze { .. } | Self::Thaw { .. } => Right::Freeze,
            Self::Skip { .. } => Right::SkipGates,
            Self::Proposal { step, .. } => match step {
                ProposalStep::Approve
                | ProposalStep::RequestChanges
                | ProposalStep::Comment
                | ProposalStep::Check => Right::Review,
                ProposalStep::Merge | ProposalStep::Close => Right::Merge,
            },
        }
    }

    /// The environments it is about.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Promote { environment, .. }
            | Self::Rollback { environment, .. }
            | Self::Hold { environment, .. }
            | Self::Resume { environment, .. }
            | Self::Skip { environment, .. }
            | Self::Run { environment, .. }
            | Self::Proposal { environment, .. } => Scope::Only(vec![environment.clone()]),
            Self::Freeze { scope, .. } | Self::Thaw { scope, .. } => scope.clone(),
        }
    }
}

/// A command that its author may give. Only [`authorize`] can make one.
#[derive(Debug)]
#[must_use = "an authorized command does nothing until it is recorded"]
pub struct Authorized<C> {
    command: C,
    by: Actor,
}

impl<C> Authorized<C> {
    /// What was asked, and by whom.
    pub fn into_parts(self) -> (C, Actor) {
        (self.command, self.by)
    }
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{actor} may not `{right}` in {place}: no role of theirs allows it; a role with \
     `may: [{right}]` that reaches {place} does (`roles:` in the configuration){silent}",
    place = scope.in_words(),
    silent = after_semicolons(unasked)
)]
pub struct NotAllowed {
    /// Who asked.
    pub actor: Actor,
    /// What they lack.
    pub right: Right,
    /// Where.
    pub scope: Scope,
    /// Why some forge did not say whether they are in a team that has a role.
    pub unasked: Vec<String>,
}

fn after_semicolons(texts: &[String]) -> String {
    texts.iter().flat_map(|text| ["; ", text.as_str()]).collect()
}

/// Decides whether `identity` may give `command`. What no role allows is refused.
pub fn authorize(
    identity: &Identity,
    command: Command,
    roles: &Roles,
) -> Result<Authorized<Command>, NotAllowed> {
    let right = command.right();
    let scope = command.scope();
    let is_allowed = match &scope {
        Scope::Everywhere => may_everywhere(identity, right, roles),
        Scope::Only(names) => names.iter().all(|name| may(identity, right, Some(name), roles)),
    };
    if is_allowed {
        Ok(Authorized { command, by: identity.actor.clone() })
    } else {
        let unasked = identity.unasked.clone();
        Err(NotAllowed { actor: identity.actor.clone(), right, scope, unasked })
    }
}

/// Tells whether `identity` has `right` in every environment, those included that come later: only
/// a role that reaches `"*"` gives that.
pub fn may_everywhere(identity: &Identity, right: Right, roles: &Roles) -> bool {
    let mut held = identity.roles.iter().filter_map(|name| roles.get(name));
    held.any(|role| role.environments == Reach::Everywhere && role.may.contains(&right))
}

/// Tells whether `identity` has `right` in `environment`, or anywhere where that is none.
pub fn may(
    identity: &Identity,
    right: Right,
    environment: Option<&EnvironmentName>,
    roles: &Roles,
) -> bool {
    identity.roles.iter().filter_map(|name| roles.get(name)).any(|role| {
        let reaches = match (&role.environments, environment) {
            (Reach::Everywhere, _) | (Reach::Only(_), None) => true,
            (Reach::Only(names), Some(environment)) => names.contains(environment),
            (Reach::Nowhere, None | Some(_)) => false,
        };
        reaches && role.may.contains(&right)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(environment: &str) -> Command {
        Command::Hold {
            application: ApplicationKey {
                pipeline: "services".parse().unwrap(),
                application: "shop".parse().unwrap(),
            },
            environment: environment.parse().unwrap(),
            length: None,
            reason: None,
        }
    }

    #[test]
    fn what_no_role_allows_is_refused() {
        let developers = Role {
            may: vec![Right::Hold, Right::Promote],
            environments: Reach::Only(vec!["staging".parse().unwrap()]),
            ..Role::default()
        };
        let roles = Roles::from([("developers".parse().unwrap(), developers)]);
        let actor = Actor { name: "alice".into(), door: Door::Api };
        let alice = Identity::new(actor, vec!["developers".parse().unwrap()]);
        assert!(authorize(&alice, hold("staging"), &roles).is_ok());
        let refusal = authorize(&alice, hold("prod"), &roles).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "alice may not `hold` in prod: no role of theirs allows it; a role with \
             `may: [hold]` that reaches prod does (`roles:` in the configuration)"
        );
        let unasked = vec!["GitHub did not say who is in github:acme/sre".to_owned()];
        let nobody = Identity { roles: vec![], unasked, ..alice };
        let refusal = authorize(&nobody, hold("staging"), &roles).unwrap_err().to_string();
        assert!(refusal.ends_with("; GitHub did not say who is in github:acme/sre"), "{refusal}");
    }

    #[test]
    fn everything_is_frozen_only_by_a_role_that_reaches_everything() {
        let freezers =
            |environments| Role { may: vec![Right::Freeze], environments, ..Role::default() };
        let prod = "prod".parse().unwrap();
        let roles = Roles::from([
            ("prod-owners".parse().unwrap(), freezers(Reach::Only(vec![prod]))),
            ("managers".parse().unwrap(), freezers(Reach::Everywhere)),
        ]);
        let identity = |role: &str| {
            let actor = Actor { name: "alice".into(), door: Door::Api };
            Identity::new(actor, vec![role.parse().unwrap()])
        };
        let thaw = |scope| Command::Thaw { scope, reason: None };
        let in_prod = || thaw(Scope::Only(vec!["prod".parse().unwrap()]));
        assert!(authorize(&identity("prod-owners"), in_prod(), &roles).is_ok());
        assert!(authorize(&identity("managers"), thaw(Scope::Everywhere), &roles).is_ok());
        let refusal =
            authorize(&identity("prod-owners"), thaw(Scope::Everywhere), &roles).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "alice may not `freeze` in every environment: no role of theirs allows it; a role with \
             `may: [freeze]` that reaches every environment does (`roles:` in the configuration)"
        );
    }
}
