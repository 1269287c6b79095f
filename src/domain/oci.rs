//! What stands in a registry's manifests (OCI Image Specification 1.1; Docker's manifests, version
//! 2, schema 2).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::artifact::Digest;

const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

/// Says of an artifact that is no image: what it is stands elsewhere.
const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";

/// A machine that an image runs on: `linux/arm64`, or `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Why a text names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no platform: write OS/ARCHITECTURE, as linux/amd64, or with a variant linux/arm/v7"
)]
pub struct InvalidPlatform(String);

impl Platform {
    /// Tells whether this is what was wanted; a variant counts where it was asked for.
    pub fn is(&self, wanted: &Self) -> bool {
        self.is_like(wanted) && (wanted.variant.is_none() || self.variant() == wanted.variant())
    }

    /// Tells whether two that are said of one image cannot both be true. A variant that only one
    /// of them says is no contradiction: builders leave it out.
    pub fn contradicts(&self, other: &Self) -> bool {
        let (one, another) = (self.variant(), other.variant());
        !self.is_like(other) || one.zip(another).is_some_and(|(one, another)| one != another)
    }

    fn is_like(&self, other: &Self) -> bool {
        self.os == other.os && self.architecture == other.architecture
    }

    fn variant(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            // There is one 64-bit ARM that images are built for, with its name or without.
            ("arm64", None) => Some("v8"),
            (_, variant) => variant,
        }
    }
}

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let refuse = || InvalidPlatform(text.chars().take(80).collect());
        let fits = |part: &&str| {
            let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            !part.is_empty() && part.bytes().all(word)
        };
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [os, architecture, variant @ ..]
                if variant.len() <= 1 && text.len() <= 80 && parts.iter().all(fits) =>
            {
                Ok(Self {
                    os: (*os).to_owned(),
                    architecture: (*architecture).to_owned(),
                    variant: variant.first().map(|it| (*it).to_owned()),
                })
            }
            _ => Err(refuse()),
        }
    }
}

impl TryFrom<String> for Platform {
    type Error = InvalidPlatform;

    fn try_from(text: String) -> Result<Self, InvalidPlatform> {
        text.parse()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> String {
        platform.to_string()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// A manifest, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// One image for several platforms, or whatever else belongs together.
    Index(Index),
    /// One image, chart or other artifact.
    Single(Box<Single>),
}

/// One image for several platforms, or whatever else belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// What belongs together.
    pub entries: Vec<Descriptor>,
    /// What is said about all of it.
    pub annotations: BTreeMap<String, String>,
}

/// One image, chart or other artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Single {
    /// What it is.
    pub kind: Kind,
    /// Where it is described.
    pub config: Descriptor,
    /// Its parts.
    pub layers: Vec<Descriptor>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest is of, as its configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A container image.
    Image,
    /// A Helm chart.
    Chart,
    /// Something else, of this type.
    Other(String),
}

/// How a manifest names something else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What kind of thing it is.
    pub media_type: String,
    /// What it is.
    pub digest: Digest,
    /// What it is of, where that is an artifact.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// What is said about it.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    platform: Option<PlatformRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct PlatformRow {
    os: String,
    architecture: String,
    variant: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManifestRow {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// Why bytes are no manifest that is understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoManifest {
    /// They are of another kind.
    #[error("{0:?} is no media type of an image, an index or an artifact that hoist knows")]
    MediaType(String),
    /// They say of themselves to be of another kind than the registry says.
    #[error("the registry says that it is {said:?}, and it says of itself {itself:?}")]
    Torn {
        /// What the registry says.
        said: String,
        /// What the bytes say.
        itself: String,
    },
    /// They cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl Descriptor {
    /// Tells whether it may be a signature or an attestation: some registries list what they are
    /// of by the type of their configuration, and some say nothing.
    pub fn is_by_a_signer(&self) -> bool {
        let known = |kind: &str| ["cosign", "dsse", "sigstore"].iter().any(|it| kind.contains(it));
        self.artifact_type
            .as_deref()
            .is_none_or(|kind| known(kind) || IMAGE_CONFIGS.contains(&kind))
    }

    /// The machine that it is for, where it says one that exists: builders put notes about an
    /// image beside it, for `unknown/unknown`.
    pub fn platform(&self) -> Option<Platform> {
        self.platform.as_ref().and_then(PlatformRow::platform)
    }
}

impl PlatformRow {
    fn platform(&self) -> Option<Platform> {
        let Self { os, architecture, variant } = self.clone();
        let variant = variant.filter(|variant| !variant.is_empty());
        let text = Platform { os, architecture, variant }.to_string();
        text.parse().ok().filter(|platform: &Platform| platform.os != "unknown")
    }
}

impl Manifest {
    /// Reads what a registry gave as a manifest of that media type.
    pub fn parse(media_type: &str, bytes: &[u8]) -> Result<Self, NoManifest> {
        let is_index = INDEXES.contains(&media_type);
        if !is_index && !MANIFESTS.contains(&media_type) {
            return Err(NoManifest::MediaType(media_type.chars().take(120).collect()));
        }
        let unreadable = |why: &str| NoManifest::Unreadable(why.to_owned());
        let row: ManifestRow =
            serde_json::from_slice(bytes).map_err(|error| unreadable(&error.to_string()))?;
        // What the bytes say is what the digest stands for, and two readings of the same bytes are
        // how one thing is checked and another one runs.
        if let Some(itself) = row.media_type.as_ref().filter(|itself| *itself != media_type) {
            let itself = itself.chars().take(120).collect();
            return Err(NoManifest::Torn { said: media_type.to_owned(), itself });
        }
        match (is_index, row.manifests, row.config, row.layers) {
            (true, Some(entries), None, None) => {
                Ok(Self::Index(Index { entries, annotations: row.annotations }))
            }
            (false, None, Some(config), Some(layers)) => {
                let kind = kind_of(&config, row.artifact_type);
                let annotations = row.annotations;
                Ok(Self::Single(Box::new(Single { kind, config, layers, annotations })))
            }
            (true, _, _, _) => Err(unreadable("an index lists `manifests` and nothing else")),
            (false, _, _, _) => Err(unreadable("a manifest has `config` and `layers`")),
        }
    }
}

fn kind_of(config: &Descriptor, artifact_type: Option<String>) -> Kind {
    let media_type = config.media_type.as_str();
    match artifact_type {
        Some(other) => Kind::Other(shown(&other)),
        None if IMAGE_CONFIGS.contains(&media_type) => Kind::Image,
        None if media_type == CHART_CONFIG => Kind::Chart,
        None if media_type == EMPTY_CONFIG => Kind::Other("an artifact without a type".to_owned()),
        None => Kind::Other(shown(media_type)),
    }
}

/// A builder's own word, fit to be shown.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// What an image's configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    /// The machine that it is for.
    pub platform: Option<Platform>,
    /// When it was built.
    pub created: Option<Timestamp>,
    /// What its builder wrote on it.
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ConfigRow {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    created: Option<String>,
    config: Option<LabelsRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LabelsRow {
    labels: Option<BTreeMap<String, String>>,
}

impl ImageConfig {
    /// Reads an image's configuration.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoManifest> {
        let row: ConfigRow = serde_json::from_slice(bytes)
            .map_err(|error| NoManifest::Unreadable(error.to_string()))?;
        let platform = row.os.zip(row.architecture);
        let platform = platform.and_then(|(os, architecture)| {
            PlatformRow { os, architecture, variant: row.variant }.platform()
        });
        Ok(Self {
            platform,
            created: row.created.and_then(|created| created.parse().ok()),
            labels: row.config.and_then(|config| config.labels).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_another_by_the_variant_that_was_asked_for() {
        let is = |one: &str, wanted: &str| {
            let platform = |text: &str| text.parse::<Platform>().unwrap();
            platform(one).is(&platform(wanted))
        };
        assert!(is("linux/amd64", "linux/amd64") && is("linux/arm/v7", "linux/arm"));
        assert!(is("linux/arm64", "linux/arm64/v8") && is("linux/arm64/v8", "linux/arm64"));
        assert!(!is("linux/arm/v6", "linux/arm/v7") && !is("windows/amd64", "linux/amd64"));
        let contradicts = |one: &str, other: &str| {
            let platform = |text: &str| text.parse::<Platform>().unwrap();
            platform(one).contradicts(&platform(other))
        };
        assert!(contradicts("linux/amd64", "linux/arm64") && contradicts("linux/a", "windows/a"));
        assert!(
            contradicts("linux/arm/v6", "linux/arm/v7")
                && !contradicts("linux/arm", "linux/arm/v7")
        );
        assert!(!contradicts("linux/arm64", "linux/arm64/v8"));
        for bad in ["", "linux", "linux/", "linux/arm/v7/x", "li nux/arm"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_manifest_is_what_both_say_that_it_is() {
        let read = |media_type: &str, text: &str| {
            Manifest::parse(media_type, text.as_bytes()).map_err(|error| error.to_string())
        };
        let told = |media_type: &str, text: &str| read(media_type, text).unwrap_err();
        let index = INDEXES[0];
        assert_eq!(
            read(index, r#"{"manifests": []}"#),
            Ok(Manifest::Index(Index { entries: vec![], annotations: BTreeMap::new() }))
        );
        assert!(told("application/vnd.docker.distribution.manifest.v1+json", "{}").contains("v1"));
        assert!(told(MANIFESTS[0], r#"{"mediaType": "x"}"#).contains("says of itself"));
        assert!(told(MANIFESTS[0], r#"{"manifests": []}"#).contains("`config` and `layers`"));
        assert!(told(index, r#"{"manifests": [], "layers": []}"#).contains("nothing else"));
        for broken in ["", "[]", "{\"manifests\": [{}]}", "{\"manifests\": 1}"] {
            assert!(told(index, broken).starts_with("it cannot be read"), "{broken}");
        }
    }
}
