//! Names and identifiers; none of them can stand in for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {kind}: {problem}")]
pub struct InvalidName {
    kind: &'static str,
    text: String,
    problem: &'static str,
}

/// Checks that `text` is one path segment that Git accepts inside a ref name.
///
/// Every name of ours may end up in a branch name or a URL, so one rule serves all
/// (git-check-ref-format(1), one component).
fn check_segment(text: &str) -> Result<(), &'static str> {
    let forbidden = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '/' | '\\' | '~' | '^' | ':' | '?' | '*' | '[' | '{' | '}' | '"' | '\'')
    };
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 100 {
        return Err("it is longer than 100 bytes");
    }
    if text.chars().any(forbidden) {
        return Err("only letters, digits, `-`, `_`, `.` and `+` make a name");
    }
    if text.starts_with(['.', '-']) || text.ends_with('.') || text.ends_with(".lock") {
        return Err("Git accepts no ref that starts with `.` or `-`, or ends with `.` or `.lock`");
    }
    if text.contains("..") || text.contains("@{") || text == "@" {
        return Err("Git accepts no ref with `..`, `@{` or a lone `@`");
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match check_segment(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(problem) => {
                        Err(InvalidName { kind: $kind, text: text.to_owned(), problem })
                    }
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// An ordered set of environments for some applications: `services`.
    PipelineName,
    "a pipeline name"
);
name_type!(
    /// A promotion target: `staging`, `prod-eu`.
    EnvironmentName,
    "an environment name"
);
name_type!(
    /// What is deployed: `payments`. One path segment, unique in its repository.
    ApplicationName,
    "an application name"
);
name_type!(
    /// A GitOps repository's key in the configuration.
    RepositoryName,
    "a repository name"
);
name_type!(
    /// A deploying controller's key in the configuration.
    ControllerName,
    "a controller's name"
);
name_type!(
    /// Who may announce artifacts: a key of `sources:`.
    SourceName,
    "a source name"
);
name_type!(
    /// A person, token or machine that acts: a key of `people:` or a token's name.
    PersonName,
    "a person's name"
);
name_type!(
    /// What a schedule is called.
    ScheduleName,
    "a schedule's name"
);
name_type!(
    /// A key of `notifications:`.
    NotificationName,
    "a notification's name"
);
name_type!(
    /// A key of `roles:`.
    RoleName,
    "a role name"
);

/// One name is never another; this does not compile:
///
/// ```compile_fail
/// # use hoist::domain::id::*;
/// let environment: EnvironmentName = "prod".parse().unwrap();
/// let pipeline: PipelineName = environment;
/// ```
pub struct NamesDoNotMix;

/// An application within its pipeline: the engine's unit of work, of locking and of scale.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ApplicationKey {
    /// The pipeline that moves it.
    pub pipeline: PipelineName,
    /// Its name.
    pub application: ApplicationName,
}

impl fmt::Display for ApplicationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pipeline, self.application)
    }
}

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not {1}")]
pub struct InvalidId(String, &'static str);

macro_rules! ulid_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Makes an id that sorts by time; `random` keeps two of one millisecond apart.
            pub fn new(at: jiff::Timestamp, random: u128) -> Self {
                let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
                Self(ulid::Ulid::from_parts(millis, random).to_string().to_lowercase())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match ulid::Ulid::from_string(&text.to_uppercase()) {
                    Ok(_) => Ok(Self(text.to_lowercase())),
                    Err(_) => Err(InvalidId(text.to_owned(), $kind)),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

ulid_type!(
    /// One artifact's move into one environment.
    PromotionId,
    "a promotion's id (26 letters and digits)"
);
ulid_type!(
    /// An announcement that was believed and stored.
    EventId,
    "an event's id (26 letters and digits)"
);
ulid_type!(
    /// An artifact as one application sees it.
    ArtifactId,
    "an artifact's id (26 letters and digits)"
);
ulid_type!(
    /// A hold on one application in one environment.
    HoldId,
    "a hold's id (26 letters and digits)"
);
ulid_type!(
    /// Something that was said to hoist in a conversation.
    SayingId,
    "a saying's id (26 letters and digits)"
);
ulid_type!(
    /// A freeze that somebody asked for.
    FreezeId,
    "a freeze's id (26 letters and digits)"
);

/// A Git commit's object id: 40 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl FromStr for CommitId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let hex = text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if hex {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidId(text.to_owned(), "a commit id (40 hex digits)"))
        }
    }
}

impl TryFrom<String> for CommitId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> String {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A proposal's number on its forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProposalNumber(pub u64);

impl fmt::Display for ProposalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_that_git_accepts() {
        for good in ["payments", "prod-eu", "v1.2", "a_b+c", "Ünïcode"] {
            assert!(good.parse::<ApplicationName>().is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a b", ".a", "a..b", "a.lock", "a~1", "@", "-rf", "{app}"] {
            assert!(bad.parse::<ApplicationName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let early = PromotionId::new("2026-01-01T00:00:00Z".parse().unwrap(), 9);
        let late = PromotionId::new("2026-01-01T00:00:01Z".parse().unwrap(), 1);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<PromotionId>().unwrap(), early);
    }
}
