//! What a version field is named by, and what it holds.

use serde::{Deserialize, Serialize};

use super::path::{InvalidPath, Path};
use super::place::Place;
use super::reference::{Reference, is_digest, is_tag};
use super::refusal::Refusal;

/// How a version field is named.
///
/// The entry of a kustomization's `images:` with this `name`, its `newTag`, its `digest` or both:
///
/// ```
/// use hoist::yaml_edit::{Part, Rule, Which, find};
/// let text = b"images:\n- name: shop\n  newName: ghcr.io/acme/shop\n  newTag: v1\n";
/// let fields = find(text, &Rule::KustomizeImage("shop".into()), &Which::Matching)?;
/// assert_eq!((fields[0].part, fields[0].value.as_str()), (Part::Tag, "v1"));
/// # Ok::<(), hoist::yaml_edit::Refusal>(())
/// ```
///
/// Every reference to this very repository:
///
/// ```
/// # use hoist::yaml_edit::{Part, Rule, Which, find};
/// let text = b"a: {image: r.io:5000/shop:v1}\nb: {image: r.io:5000/shop-admin:v7}\n";
/// let fields = find(text, &Rule::Image("r.io:5000/shop".into()), &Which::Matching)?;
/// assert_eq!(fields.len(), 1);
/// assert_eq!(fields[0].place.pointer, "/a/image");
/// # Ok::<(), hoist::yaml_edit::Refusal>(())
/// ```
///
/// A path:
///
/// ```
/// # use hoist::yaml_edit::{Part, Rule, Which, find};
/// let text = b"containers:\n- name: web\n  image: shop:v1\n";
/// let fields = find(text, &Rule::path("containers[name=web].image").unwrap(), &Which::Matching)?;
/// assert_eq!((fields[0].line, fields[0].column), (3, 10));
/// # Ok::<(), hoist::yaml_edit::Refusal>(())
/// ```
///
/// Every value behind which the comment `# hoist: NAME` stands, as a whole reference or, with `:tag` or
/// `:digest`, as that part:
///
/// ```
/// # use hoist::yaml_edit::{Part, Rule, Which, find};
/// let text = b"tag: v1 # hoist: shop:tag\nother: v1\nimage: shop:v1 # hoist: shop\n";
/// let fields = find(text, &Rule::Marker("shop".into()), &Which::Matching)?;
/// assert_eq!(fields.iter().map(|f| f.part).collect::<Vec<_>>(), [Part::Tag, Part::Reference]);
/// let fields = find(text, &Rule::Marker("shop:tag".into()), &Which::Matching)?;
/// assert_eq!(fields.len(), 1);
/// # Ok::<(), hoist::yaml_edit::Refusal>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The `images:` entry with this `name`: its `newTag` and `digest`, whichever there are.
    KustomizeImage(String),
    /// Every `repository:tag`, `repository@digest` and `repository:tag@digest` of this repository.
    Image(String),
    /// The one scalar at a path.
    Path(Path),
    /// Every scalar marked `# hoist: NAME`; `NAME:tag` and `NAME:digest` choose among these.
    Marker(String),
}

impl Rule {
    /// The rule of a dotted path or a JSON Pointer.
    pub fn path(path: &str) -> Result<Self, InvalidPath> {
        path.parse::<Path>().map(Self::Path)
    }
}

/// Which document of a file is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Which {
    /// For a path and a kustomize image the one document that has it; for an image and a marker all.
    #[default]
    Matching,
    /// By number, counted from 0.
    Index(usize),
    /// By what a Kubernetes object is called.
    Named {
        /// Its `kind`.
        kind: String,
        /// Its `metadata.name`.
        name: String,
    },
}

/// What a version field's scalar holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What the rule's own template says.
    Whole,
    /// A tag.
    Tag,
    /// A digest, `sha256:…`.
    Digest,
    /// A whole image reference.
    Reference,
}

impl Part {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Whole => "value",
            Self::Tag => "tag",
            Self::Digest => "digest",
            Self::Reference => "reference",
        }
    }
}

/// A version field that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it stands.
    pub place: Place,
    /// What it holds.
    pub part: Part,
    /// What it says now.
    pub value: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// Its column in characters, counted from 1.
    pub column: usize,
}

/// What a field becomes for an artifact: a tag, a digest, or a reference in the form it has now.
///
/// ```
/// use hoist::yaml_edit::{Part, written};
/// let digest = format!("sha256:{}", "0".repeat(64));
/// assert_eq!(written(Part::Reference, "r.io:5000/a:v1", Some("v2"), &digest)?, "r.io:5000/a:v2");
/// assert_eq!(written(Part::Digest, "", Some("v2"), &digest)?, digest);
/// assert!(written(Part::Tag, "v1", None, &digest).is_err());
/// # Ok::<(), hoist::yaml_edit::Refusal>(())
/// ```
///
/// # Errors
///
/// When the field needs a tag or a digest that the artifact does not have, when that is none that a
/// registry would take, or when the field holds a [`Part::Whole`], which only its rule can write.
pub fn written(
    part: Part,
    current: &str,
    tag: Option<&str>,
    digest: &str,
) -> Result<String, Refusal> {
    let sound_tag = || match tag {
        Some(tag) if is_tag(tag) => Ok(tag),
        Some(tag) => Err(lacking(part, format!("`{tag}` is no tag that a registry would take"))),
        None => Err(lacking(part, "the artifact has no tag".to_owned())),
    };
    let sound_digest = || match digest {
        "" => Err(lacking(part, "the artifact has no digest".to_owned())),
        digest if is_digest(digest) => Ok(digest),
        digest => Err(lacking(part, format!("`{digest}` is not sha256: and 64 hex digits"))),
    };
    match part {
        Part::Whole => Err(lacking(part, "only the rule's own template can write it".to_owned())),
        Part::Tag => sound_tag().map(str::to_owned),
        Part::Digest => sound_digest().map(str::to_owned),
        Part::Reference => {
            let Some(reference) = Reference::read(current) else {
                return Err(lacking(part, format!("`{current}` is no image reference")));
            };
            let mut text = reference.repository.to_owned();
            if reference.tag.is_some() {
                text.push(':');
                text.push_str(sound_tag()?);
            }
            if reference.digest.is_some() {
                text.push('@');
                text.push_str(sound_digest()?);
            }
            Ok(text)
        }
    }
}

fn lacking(part: Part, why: String) -> Refusal {
    let hint = "announce the artifact with what the field holds, or change the rule or the field";
    Refusal::new(format!("a field that holds a {}", part.name()), why, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_keeps_its_form() {
        let (old, new) =
            (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64)));
        let check = |current: &str, expected: &str| {
            assert_eq!(written(Part::Reference, current, Some("v2"), &new).unwrap(), expected);
        };
        check("r.io:5000/a:v1", "r.io:5000/a:v2");
        check(&format!("a@{old}"), &format!("a@{new}"));
        check(&format!("a:v1@{old}"), &format!("a:v2@{new}"));
    }

    #[test]
    fn what_the_artifact_lacks_is_refused() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (part, current, tag, digest) in [
            (Part::Whole, "v1", Some("v2"), digest.as_str()),
            (Part::Tag, "v1", None, digest.as_str()),
            (Part::Tag, "v1", Some("v 2"), digest.as_str()),
            (Part::Digest, "x", Some("v2"), ""),
            (Part::Digest, "x", Some("v2"), "sha256:12"),
            (Part::Reference, "a:v1", None, digest.as_str()),
            (Part::Reference, "bare", Some("v2"), digest.as_str()),
        ] {
            assert!(written(part, current, tag, digest).is_err(), "{part:?} {current} {tag:?}");
        }
    }
}
