//! A team, as a forge knows it.

use std::fmt;
use std::str::FromStr;

/// People who may speak for something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Team {
    /// A team of an organisation on GitHub: `github:acme/sre`.
    GitHub {
        /// The organisation.
        organisation: String,
        /// The team's name in addresses.
        slug: String,
    },
    /// A group on GitLab with all that it inherits, by its full path: `gitlab:acme/sre`.
    GitLab {
        /// The group.
        group: String,
    },
}

impl Team {
    /// The forge that knows it, as it is called in the configuration.
    pub fn forge(&self) -> &'static str {
        match self {
            Self::GitHub { .. } => "github",
            Self::GitLab { .. } => "gitlab",
        }
    }
}

/// A text is no team.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no team")]
pub struct InvalidTeam(String);

impl FromStr for Team {
    type Err = InvalidTeam;

    fn from_str(text: &str) -> Result<Self, InvalidTeam> {
        let plain = |part: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.chars().all(fits)
        };
        let (host, path) = text.split_once(':').unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        match (host, parts.as_slice()) {
            ("github", [organisation, slug]) if plain(organisation) && plain(slug) => {
                Ok(Self::GitHub {
                    organisation: (*organisation).to_owned(),
                    slug: (*slug).to_owned(),
                })
            }
            ("gitlab", parts) if parts.iter().all(|part| plain(part)) => {
                Ok(Self::GitLab { group: path.to_owned() })
            }
            (_, _) => Err(InvalidTeam(text.to_owned())),
        }
    }
}

impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitHub { organisation, slug } => write!(f, "github:{organisation}/{slug}"),
            Self::GitLab { group } => write!(f, "gitlab:{group}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_says_where_it_is() {
        for text in ["github:acme/site-reliability", "gitlab:sre", "gitlab:acme/infra/sre"] {
            assert_eq!(text.parse::<Team>().unwrap().to_string(), text);
        }
        for text in ["sre", "acme/sre", "gitlab:", "gitlab:a//b", "github:acme", "github:acme/a/b"]
        {
            text.parse::<Team>().unwrap_err();
        }
    }
}
