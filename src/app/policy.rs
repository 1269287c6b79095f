//! The rules and the people, as the configuration has them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use secrecy::SecretString;

use super::forge_event::Dialect;
use crate::domain::command::{Actor, Door, Identity, Role, Roles};
use crate::domain::freeze::Freeze;
use crate::domain::id::{ControllerName, PersonName, RepositoryName, RoleName, SourceName};
use crate::domain::pattern::Pattern;
use crate::domain::pipeline::Pipelines;
use crate::domain::registry::RegistryName;
use crate::domain::schedule::Schedule;
use crate::domain::sender::SenderKind;

/// Everything that the two files say about who may do what to which application.
pub struct Policy {
    /// The pipelines, by name.
    pub pipelines: Pipelines,
    /// The freezes of the pipelines file.
    pub freezes: Vec<Freeze>,
    /// The schedules of the pipelines file.
    pub schedules: Vec<Schedule>,
    /// Who may announce artifacts.
    pub sources: Vec<Source>,
    /// Who may do what.
    pub roles: Roles,
    /// Who may speak to the API and sign in to the page.
    pub tokens: Vec<Token>,
    /// People, as chats know them.
    pub people: Vec<Person>,
    /// The controllers that may say that something happened.
    pub notifiers: Vec<Notifier>,
    /// How long it is kept what came in.
    pub keep_deliveries: SignedDuration,
    /// The forges that may say that something happened.
    pub forge_hooks: Vec<ForgeHook>,
    /// Where people reach the page, without a final `/`.
    pub public_url: String,
}

/// A person, as chats know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their name.
    pub name: PersonName,
    /// What they are to each chat: identifiers that only the chat gives, and never names that they
    /// choose themselves.
    pub known_as: Vec<(Door, String)>,
    /// The roles that list them.
    pub roles: Vec<RoleName>,
}

/// A forge that may say that something happened in a repository.
pub struct ForgeHook {
    /// Which repository.
    pub repository: RepositoryName,
    /// Its kind.
    pub dialect: Dialect,
    /// Its name there: `acme/gitops`.
    pub full_name: String,
    /// What signs its events, or is sent with them.
    pub secret: SecretString,
}

/// A controller that may say that something happened.
pub struct Notifier {
    /// Which.
    pub controller: ControllerName,
    /// What its notifications carry.
    pub secret: SecretString,
}

impl Person {
    /// Whether it is said who they are on a forge. A name there that nobody gave is anybody's.
    pub fn is_known_to(&self, forge: &str) -> bool {
        let is_of = |name: &String| name.strip_prefix(forge).is_some_and(|it| it.starts_with(':'));
        self.known_as.iter().any(|(door, name)| *door == Door::Comment && is_of(name))
    }
}

impl Policy {
    /// Who speaks; none where nobody of `people:` is known to the chat by that.
    pub fn speaker(&self, door: Door, known_as: &str) -> Option<Identity> {
        let is = |person: &&Person| {
            person.known_as.iter().any(|(of, name)| *of == door && name == known_as)
        };
        let person = self.people.iter().find(is)?;
        let actor = Actor { name: person.name.to_string(), door };
        Some(Identity::new(actor, person.roles.clone()))
    }

    /// The person of that name.
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.name.as_str() == name)
    }

    /// Whether it is said who somebody is on a forge.
    pub fn is_known(&self, name: &PersonName, forge: &str) -> bool {
        self.person(name.as_str()).is_some_and(|person| person.is_known_to(forge))
    }

    /// The roles that the configuration lists for somebody who came through a door; none where it
    /// does not know who comes through that door.
    pub fn listed_roles(&self, name: &str, door: Door) -> Option<Vec<RoleName>> {
        let of_person = self.person(name).map(|person| person.roles.clone());
        let of_tokens: Vec<&Token> =
            self.tokens.iter().filter(|token| token.name.as_str() == name).collect();
        match door {
            Door::Slack | Door::Mattermost | Door::Comment => Some(of_person.unwrap_or_default()),
            // A session may have begun with a one-time link, which is not in the configuration.
            Door::Page if of_person.is_none() && of_tokens.is_empty() => None,
            Door::Api | Door::Page => {
                let of_tokens = of_tokens.into_iter().flat_map(|token| token.roles.clone());
                Some(of_person.unwrap_or_default().into_iter().chain(of_tokens).collect())
            }
            Door::Ci | Door::Hoist => None,
        }
    }

    /// Who has each role: people, and tokens that are nobody's in particular.
    pub fn members(&self) -> BTreeMap<RoleName, Vec<PersonName>> {
        let of = |(name, role): (&RoleName, &Role)| {
            let tokens = self.tokens.iter().filter(|token| token.roles.contains(name));
            let mut members = role.people.clone();
            members.extend(tokens.map(|token| token.name.clone()));
            (name.clone(), members)
        };
        self.roles.iter().map(of).collect()
    }
}

/// Somebody who may announce artifacts.
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// How it shows that it is the one who speaks.
    pub proof: Proof,
    /// The images it may speak for.
    pub images: Vec<Pattern>,
    /// How often in a minute it may announce.
    pub per_minute: u32,
}

/// How a source shows that it is the one who speaks.
pub enum Proof {
    /// It signs with one of these: two while one is being rotated. Never empty.
    Secrets(Vec<SecretString>),
    /// Its CI vouches for it with a token.
    Token(TokenRule),
    /// It is a registry or a forge, which has a door of its own and a manner of its own.
    Hook(Hook),
}

/// A registry or a forge that says by itself that something was pushed.
pub struct Hook {
    /// Whose manner it has.
    pub kind: SenderKind,
    /// What it proves itself with: two while one is being rotated. Never empty.
    pub secrets: Vec<SecretString>,
    /// The registry's name in images, where that is not what the sender says.
    pub registry: Option<RegistryName>,
}

/// Which tokens of which CI are a source's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRule {
    /// Who makes them: exactly what stands in `iss`.
    pub issuer: String,
    /// For whom they are made: what must stand in `aud`.
    pub audience: String,
    /// What must stand in other claims: of each, one of these.
    pub claims: BTreeMap<String, Vec<Pattern>>,
}

/// A token for the API and the page; only its SHA-256 is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Who uses it.
    pub name: PersonName,
    /// SHA-256 of the token, in hex.
    pub sha256: String,
    /// The roles it gives.
    pub roles: Vec<RoleName>,
}
