//! Where images are kept, and how one is asked for there.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::artifact::{Digest, ImageName, Tag};

/// What images without a registry in their name mean, as Docker reads them.
const DOCKER_HUB: &str = "docker.io";

/// A registry's name, as it stands before the first `/` of an image's: `ghcr.io`,
/// `registry.example.com:5000`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistryName(String);

/// Why a text is not a registry's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no registry: write its host as images name it, as ghcr.io or localhost:5000")]
pub struct InvalidRegistry(String);

/// A repository of a registry: the two halves of an image's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shelf {
    /// The registry.
    pub registry: RegistryName,
    /// The repository in it: `acme/shop`.
    pub repository: String,
}

/// How something is asked for in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By a name that may mean another thing tomorrow.
    Tag(Tag),
    /// By what it is.
    Digest(Digest),
}

impl RegistryName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that is asked over HTTPS, unless the configuration names another.
    pub fn host(&self) -> &str {
        if self.0 == DOCKER_HUB { "registry-1.docker.io" } else { &self.0 }
    }

    /// Who gives out this registry's tokens, where that is known to be another host.
    pub fn token_host(&self) -> Option<&'static str> {
        match self.0.as_str() {
            DOCKER_HUB => Some("auth.docker.io"),
            "registry.gitlab.com" => Some("gitlab.com"),
            _ => None,
        }
    }
}

impl FromStr for RegistryName {
    type Err = InvalidRegistry;

    fn from_str(text: &str) -> Result<Self, InvalidRegistry> {
        let fits = |b: u8| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        };
        if text.is_empty() || text.len() > 255 || !text.bytes().all(fits) {
            return Err(InvalidRegistry(text.chars().take(80).collect()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl TryFrom<String> for RegistryName {
    type Error = InvalidRegistry;

    fn try_from(text: String) -> Result<Self, InvalidRegistry> {
        text.parse()
    }
}

impl From<RegistryName> for String {
    fn from(name: RegistryName) -> String {
        name.0
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ImageName {
    /// Where the image is kept. A name whose first part is no host is one of Docker Hub's.
    pub fn shelf(&self) -> Shelf {
        let is_host =
            |part: &str| part.contains(['.', ':']) || part.eq_ignore_ascii_case("localhost");
        let (host, repository) = match self.as_str().split_once('/') {
            Some((host, rest)) if is_host(host) => (host.to_ascii_lowercase(), rest),
            Some(_) | None => (DOCKER_HUB.to_owned(), self.as_str()),
        };
        // Docker Hub keeps what has no owner in a folder of its own.
        let folder = if host == DOCKER_HUB && !repository.contains('/') { "library/" } else { "" };
        Shelf { registry: RegistryName(host), repository: format!("{folder}{repository}") }
    }
}

impl Reference {
    /// As it stands at the end of an address.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Digest(digest) => digest.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_host_is_on_docker_hub() {
        let place = |image: &str| {
            let Shelf { registry, repository } = image.parse::<ImageName>().unwrap().shelf();
            format!("{} {repository}", registry.host())
        };
        assert_eq!(place("nginx"), "registry-1.docker.io library/nginx");
        assert_eq!(place("docker.io/nginx"), "registry-1.docker.io library/nginx");
        assert_eq!(place("acme/shop"), "registry-1.docker.io acme/shop");
        assert_eq!(place("GHCR.io/acme/shop"), "ghcr.io acme/shop");
        assert_eq!(place("localhost/shop"), "localhost shop");
        assert_eq!(place("registry:5000/shop"), "registry:5000 shop");
    }
}
