//! The paths of GitHub's API.

use std::fmt;

use anyhow::{bail, ensure};
use url::Url;
use url::form_urlencoded::Serializer;

/// A repository of a GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repo {
    /// Whose it is.
    pub(super) owner: String,
    /// Its name.
    pub(super) name: String,
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl Repo {
    /// Reads whose repository it is from the address of its Git.
    pub(super) fn of(url: &Url) -> anyhow::Result<Self> {
        let path = url.path().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        // A GitHub may be served under a path: the last two segments count.
        let mut parts = path.rsplit('/');
        let (Some(name), Some(owner)) = (parts.next(), parts.next()) else {
            bail!("{url} is no repository of a GitHub, as https://github.com/acme/gitops.git is");
        };
        ensure!(!name.is_empty() && !owner.is_empty(), "{url} lacks an owner or a name");
        Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// The path of what stands at `segments` under the repository; each is escaped.
    pub(super) fn route(&self, segments: &[&str]) -> String {
        format!("/repos/{}/{}{}", self.owner, self.name, escaped_path(segments))
    }
}

/// The path of these segments; each is escaped.
pub(super) fn escaped_path(segments: &[&str]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.extend(escaped(segment));
    }
    path
}

/// A segment of a path: a branch's name may hold what a path may not.
fn escaped(segment: &str) -> impl Iterator<Item = char> {
    segment.bytes().flat_map(|byte| {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let text = if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.chars().collect::<Vec<_>>()
    })
}

/// A path with a query.
pub(super) fn with_query(route: &str, pairs: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{route}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_end_of_its_address() {
        let repo = |url: &str| Repo::of(&url.parse().unwrap()).map(|it| it.to_string()).ok();
        let acme = Some("acme/gitops".to_owned());
        assert_eq!(repo("https://github.com/acme/gitops.git"), acme);
        assert_eq!(repo("https://git.example.com/hub/acme/gitops/"), acme);
        assert_eq!(repo("https://github.com/gitops"), None);
        assert_eq!(repo("https://github.com/"), None);
    }

    #[test]
    fn what_a_path_may_not_hold_is_escaped() {
        let repo = Repo { owner: "acme".to_owned(), name: "gitops".to_owned() };
        let route = repo.route(&["git", "ref", "heads", "hoist", "prod", "a+b?é"]);
        assert_eq!(route, "/repos/acme/gitops/git/ref/heads/hoist/prod/a%2Bb%3F%C3%A9");
        let query = with_query("/pulls", &[("head", "acme:hoist/prod/a+b")]);
        assert_eq!(query, "/pulls?head=acme%3Ahoist%2Fprod%2Fa%2Bb");
    }
}
