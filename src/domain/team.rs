//! A team, as a forge knows it.

use std::fmt;
use std::str::FromStr;

/// A team of an organisation on GitHub: `github:acme/sre`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Team {
    /// The organisation.
    pub organisation: String,
    /// The team's name in addresses.
    pub slug: String,
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
        let parts = text.strip_prefix("github:").and_then(|rest| rest.split_once('/'));
        let parts = parts.filter(|(organisation, slug)| plain(organisation) && plain(slug));
        let (organisation, slug) = parts.ok_or_else(|| InvalidTeam(text.to_owned()))?;
        Ok(Self { organisation: organisation.to_owned(), slug: slug.to_owned() })
    }
}

impl fmt::Display for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "github:{}/{}", self.organisation, self.slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_says_where_it_is() {
        let team: Team = "github:acme/site-reliability".parse().unwrap();
        assert_eq!(team.to_string(), "github:acme/site-reliability");
        for text in ["sre", "acme/sre", "gitlab:acme/sre", "github:acme", "github:acme/a/b"] {
            text.parse::<Team>().unwrap_err();
        }
    }
}
