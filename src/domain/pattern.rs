//! Texts with `*` and `{application}` in them: what a source may say, and who it says it is.

use std::fmt;
use std::str::FromStr;

use super::id::ApplicationName;

/// What stands for an application's name.
const APPLICATION: &str = "{application}";

/// A path in which `*` stands for any part of one segment, and `{application}` for one name.
///
/// Both end at the next `/`, so that `acme/*` fits neither `acme-evil/shop` nor `acme/team/shop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It says nothing.
    #[error("the pattern is empty")]
    Empty,
    /// A placeholder that means nothing here.
    #[error("in `{0}` only `*` and `{{application}}` may stand for something else")]
    Placeholder(String),
    /// Where one of two placeholders ends could be read in two ways.
    #[error(
        "the segment `{0}` has more than one placeholder, and where one ends could be read in two \
         ways"
    )]
    Ambiguous(String),
}

/// What a text that fits a pattern tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It fits, and names no application.
    Plain,
    /// It fits, and this stands where the pattern has `{application}`.
    Application(ApplicationName),
}

impl Pattern {
    /// Tells whether the pattern fits the whole of a text, and which application that means.
    pub fn fit(&self, text: &str) -> Option<Fit> {
        let patterns = self.0.split('/');
        let mut segments = text.split('/');
        let mut fit = Fit::Plain;
        for pattern in patterns {
            let segment = segments.next()?;
            match pattern.split_once(APPLICATION) {
                None if stretches(pattern, segment) => (),
                None => return None,
                Some((before, after)) => {
                    let name = segment.strip_prefix(before)?.strip_suffix(after)?;
                    let name: ApplicationName = name.parse().ok()?;
                    fit = fit.and(name)?;
                }
            }
        }
        segments.next().is_none().then_some(fit)
    }

    /// Tells whether an application's name is read out of what fits.
    pub fn names_application(&self) -> Named {
        if self.0.contains(APPLICATION) { Named::Yes } else { Named::No }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a pattern has `{application}` in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// It has.
    Yes,
    /// It has not.
    No,
}

impl Fit {
    /// Both at once: every place that names an application must name the same one.
    fn and(self, name: ApplicationName) -> Option<Self> {
        match self {
            Self::Application(earlier) if earlier != name => None,
            Self::Plain | Self::Application(_) => Some(Self::Application(name)),
        }
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        if text.replace(APPLICATION, "").contains(['{', '}']) {
            return Err(InvalidPattern::Placeholder(text.to_owned()));
        }
        let ambiguous = |segment: &&str| {
            let names = segment.matches(APPLICATION).count();
            names > 1 || (names == 1 && segment.contains('*'))
        };
        match text.split('/').find(ambiguous) {
            Some(segment) => Err(InvalidPattern::Ambiguous(segment.to_owned())),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tells whether `pattern`, in which `*` stands for any text, fits the whole of `segment`.
///
/// The parts between the stars are looked for from left to right: the earliest place of each
/// leaves the most room for the next, so nothing is ever tried twice.
fn stretches(pattern: &str, segment: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == segment };
    let Some(mut left) = segment.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(pattern: &str, text: &str) -> String {
        match pattern.parse::<Pattern>().unwrap().fit(text) {
            None => "no".into(),
            Some(Fit::Plain) => "yes".into(),
            Some(Fit::Application(name)) => name.to_string(),
        }
    }

    #[test]
    fn a_star_stays_in_its_segment() {
        assert_eq!(fit("ghcr.io/acme/*", "ghcr.io/acme/payments"), "yes");
        assert_eq!(fit("ghcr.io/acme/*", "ghcr.io/acme/team/payments"), "no");
        assert_eq!(fit("ghcr.io/acme/*", "ghcr.io/acme-evil/payments"), "no");
        assert_eq!(fit("ghcr.io/acme/*-api", "ghcr.io/acme/shop-api"), "yes");
        assert_eq!(fit("ghcr.io/acme/pay", "ghcr.io/acme/payments"), "no");
        assert_eq!(fit("refs/tags/v*.*.0", "refs/tags/v1.2.0"), "yes");
        assert_eq!(fit("a*bc*c", "abc"), "no");
    }

    #[test]
    fn an_application_is_read_out_of_its_place() {
        assert_eq!(fit("acme/{application}", "acme/shop"), "shop");
        assert_eq!(fit("acme/{application}", "acme/shop/evil"), "no");
        assert_eq!(fit("acme/{application}", "acme/"), "no");
        assert_eq!(fit("acme/{application}-src/*", "acme/shop-src/main"), "shop");
        assert_eq!(fit("{application}/{application}", "shop/shop"), "shop");
        assert_eq!(fit("{application}/{application}", "shop/cart"), "no");
    }

    #[test]
    fn a_pattern_that_could_be_read_in_two_ways_is_none() {
        for bad in ["", "{tag}", "a/{", "*{application}", "{application}{application}"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }
}
