//! One released thing, named by digest.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::examination::Examination;
use super::id::ArtifactId;

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    /// The algorithm is not one we accept.
    #[error("a digest starts with `sha256:`, and {0:?} does not")]
    Algorithm(String),
    /// The length is wrong.
    #[error("after `sha256:` a digest has 64 hex digits, not {0}")]
    Length(usize),
    /// A character is not a lower-case hex digit.
    #[error("after `sha256:` a digest has only the digits 0-9 and a-f")]
    Digits,
}

/// A content digest, `sha256:` and 64 hex digits.
///
/// A tag can move; a digest cannot. Everything past intake names artifacts by digest
/// (OCI Image Specification 1.1, "Digests").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest with its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve hex digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(7..19).unwrap_or(&self.0)
    }

    /// Tells whether a person's `typed` text names this digest: at least twelve of its digits,
    /// with or without the algorithm.
    pub fn is_named_by(&self, typed: &str) -> bool {
        let digits = typed.strip_prefix("sha256:").unwrap_or(typed);
        digits.len() >= 12 && self.0[7..].starts_with(&digits.to_ascii_lowercase())
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let Some(digits) = text.strip_prefix("sha256:") else {
            return Err(InvalidDigest::Algorithm(text.chars().take(80).collect()));
        };
        if digits.len() != 64 {
            return Err(InvalidDigest::Length(digits.len()));
        }
        if !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidDigest::Digits);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a tag: it starts with a letter, a digit or `_`, goes on with those, `.` and \
     `-`, and has at most 128 characters"
)]
pub struct InvalidTag(String);

/// A movable label of an image (OCI Distribution Specification 1.1, "Pulling manifests").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let first = text.bytes().next().is_some_and(word);
        let rest = text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'));
        if first && rest && text.len() <= 128 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTag(text.chars().take(140).collect()))
        }
    }
}

impl TryFrom<String> for Tag {
    type Error = InvalidTag;

    fn try_from(text: String) -> Result<Self, InvalidTag> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> String {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not an image's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an image's name: write the repository with its registry and without tag or \
     digest, as in `ghcr.io/acme/payments`"
)]
pub struct InvalidImage(String);

/// An image's repository with its registry, without tag or digest: `ghcr.io/acme/payments`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName(String);

impl ImageName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageName {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        let (host, path) = text.split_once('/').unwrap_or(("", text));
        let host_fits = host.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        });
        let path_fits = !path.is_empty()
            && path.split('/').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|b| {
                        b.is_ascii_lowercase()
                            || b.is_ascii_digit()
                            || matches!(b, b'.' | b'-' | b'_')
                    })
            });
        if host_fits && path_fits && text.len() <= 255 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidImage(text.chars().take(260).collect()))
        }
    }
}

impl TryFrom<String> for ImageName {
    type Error = InvalidImage;

    fn try_from(text: String) -> Result<Self, InvalidImage> {
        text.parse()
    }
}

impl From<ImageName> for String {
    fn from(image: ImageName) -> String {
        image.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an artifact's source stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceCode {
    /// The source repository's address.
    pub repository: Option<String>,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// The ref that was built, as `refs/heads/main`.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
}

/// The build that made an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Build {
    /// Where a person can look at it.
    pub url: Option<String>,
    /// CI's own number for it.
    pub id: Option<String>,
}

/// A released thing as one application sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Our name for it.
    pub id: ArtifactId,
    /// The image's repository.
    pub image: ImageName,
    /// What it is.
    pub digest: Digest,
    /// What it was called when it was announced.
    pub tag: Option<Tag>,
    /// What people call it, where that is not the tag.
    pub version: Option<String>,
    /// Where its source stands.
    #[serde(default)]
    pub source: SourceCode,
    /// What built it.
    #[serde(default)]
    pub build: Build,
    /// Who made it, in the announcer's words.
    pub actor: Option<String>,
    /// When we accepted it: the order of artifacts.
    pub accepted_at: Timestamp,
    /// What came of asking its registry about it; none before that.
    #[serde(default)]
    pub examination: Option<Examination>,
}

impl Artifact {
    /// What people call it: the version, else the tag, else the digest's first digits.
    pub fn version(&self) -> &str {
        let tag = self.tag.as_ref().map(Tag::as_str);
        self.version.as_deref().or(tag).unwrap_or(self.digest.short())
    }

    /// Tells whether this artifact is the one that is named.
    pub fn is(&self, named: &Named) -> bool {
        match named {
            Named::AsTyped(typed) => self.is_named_by(typed),
            Named::Tag(tag) => self.tag.as_ref().is_some_and(|it| it.as_str() == tag),
            Named::Digest(digits) => self.digest.is_named_by(digits),
        }
    }

    /// Tells whether a person's `typed` text means this artifact: its version, its tag or at
    /// least twelve digits of its digest.
    pub fn is_named_by(&self, typed: &str) -> bool {
        self.version.as_deref() == Some(typed)
            || self.tag.as_ref().is_some_and(|tag| tag.as_str() == typed)
            || self.digest.is_named_by(typed)
    }
}

/// Which artifact a person means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// By whatever fits: its version, its tag, or at least twelve digits of its digest.
    AsTyped(String),
    /// By its tag.
    Tag(String),
    /// By its digest, or at least twelve digits of it.
    Digest(String),
}

impl Named {
    /// What was typed.
    pub fn text(&self) -> &str {
        match self {
            Self::AsTyped(text) | Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_in_a_digest_has_its_own_error() {
        let digits = "a".repeat(64);
        assert!(format!("sha256:{digits}").parse::<Digest>().is_ok());
        let error = |text: &str| text.parse::<Digest>().unwrap_err();
        assert_eq!(error("md5:1"), InvalidDigest::Algorithm("md5:1".into()));
        assert_eq!(error("sha256:abc"), InvalidDigest::Length(3));
        assert_eq!(error(&format!("sha256:{}", "G".repeat(64))), InvalidDigest::Digits);
    }

    #[test]
    fn an_image_has_neither_tag_nor_digest() {
        for good in
            ["ghcr.io/acme/payments", "localhost:5000/a", "registry:5000/a/b_c.d-e", "nginx"]
        {
            assert!(good.parse::<ImageName>().is_ok(), "{good}");
        }
        for bad in ["", "ghcr.io/acme/payments:v1", "ghcr.io/a@sha256:1", "ghcr.io//a", "a b/c"] {
            assert!(bad.parse::<ImageName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_digest_is_named_by_twelve_digits_or_more() {
        let digest: Digest = format!("sha256:{}", "0123456789abcdef".repeat(4)).parse().unwrap();
        assert!(digest.is_named_by("0123456789ab"));
        assert!(digest.is_named_by("sha256:0123456789abcd"));
        assert!(!digest.is_named_by("0123456789a"));
        assert!(!digest.is_named_by("1123456789ab"));
    }
}
