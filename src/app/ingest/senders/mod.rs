//! Registries and forges that say by themselves that something was pushed: how each proves who it
//! is, how its deliveries are told from the others', and what they say.
//!
//! What they say is written down as the announcement that a CI would have sent, so that all that
//! follows knows one form only. Of a delivery's text nothing else is kept: some carry addresses
//! that are secrets.

mod acr;
mod artifactory;
mod distribution;
mod docker_hub;
mod ecr;
mod ghcr;
mod gitea;
mod gitlab;
mod harbor;
mod quay;

pub(super) mod proof;

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::MOST_TOLD;
use super::body::Malformed;
use crate::app::policy::Hook;
use crate::domain::registry::RegistryName;
use crate::domain::sender::SenderKind;
use proof::Origin;

/// A delivery of a registry or a forge that nobody has vouched for.
///
/// It has no `Debug`: some headers are secrets.
pub struct UnverifiedHook {
    /// What stands in the headers of [`HEADERS`] that are there.
    pub headers: BTreeMap<&'static str, String>,
    /// What stands in the address as `?secret=`.
    pub secret: Option<SecretString>,
    /// The bytes that came.
    pub body: Vec<u8>,
}

/// Every header that some sender says something in.
pub const HEADERS: [&str; 14] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "user-agent",
    "x-forgejo-event",
    "x-gitea-delivery",
    "x-gitea-event",
    "x-gitea-signature",
    "x-github-delivery",
    "x-github-event",
    "x-gitlab-event",
    "x-gitlab-token",
    "x-hub-signature-256",
    "x-jfrog-event-auth",
];

/// One manner of telling that something was pushed.
struct Manner {
    origin: Origin,
    is_theirs: fn(&Letter<'_>) -> bool,
    read: fn(&Letter<'_>) -> Result<Reading, Malformed>,
}

/// The order in which a delivery is tried: Gitea and Forgejo before GitHub, whose headers they
/// send, too; those that are known by a header before those that are known by their body alone.
pub(super) const ORDER: [SenderKind; 10] = [
    SenderKind::Gitea,
    SenderKind::Ghcr,
    SenderKind::GitLab,
    SenderKind::Artifactory,
    SenderKind::Distribution,
    SenderKind::Acr,
    SenderKind::Ecr,
    SenderKind::Harbor,
    SenderKind::DockerHub,
    SenderKind::Quay,
];

/// The manner of each kind of sender.
fn manner(kind: SenderKind) -> &'static Manner {
    match kind {
        SenderKind::Distribution => &distribution::MANNER,
        SenderKind::Harbor => &harbor::MANNER,
        SenderKind::DockerHub => &docker_hub::MANNER,
        SenderKind::Quay => &quay::MANNER,
        SenderKind::Ghcr => &ghcr::MANNER,
        SenderKind::Ecr => &ecr::MANNER,
        SenderKind::GitLab => &gitlab::MANNER,
        SenderKind::Gitea => &gitea::MANNER,
        SenderKind::Acr => &acr::MANNER,
        SenderKind::Artifactory => &artifactory::MANNER,
    }
}

/// A delivery that is believed, opened.
struct Letter<'a> {
    headers: &'a BTreeMap<&'static str, String>,
    body: Value,
    /// The registry's name in images, where the configuration says it.
    registry: Option<&'a RegistryName>,
}

/// What a delivery says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// What was pushed.
    pub(super) told: Vec<Told>,
    /// What else it speaks of, and why that is passed over.
    pub(super) ignored: Vec<String>,
}

/// One push of one tag.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The sender's own name for it.
    pub(super) delivery: Option<String>,
    /// The image, with its registry.
    pub(super) image: String,
    /// The tag that was pushed.
    pub(super) tag: String,
    /// What it is, where the sender says so.
    pub(super) digest: Option<String>,
    /// The address of the source.
    pub(super) repository: Option<String>,
    /// The commit it was built from.
    pub(super) commit: Option<String>,
    /// What was built, as `refs/heads/main`.
    pub(super) reference: Option<String>,
    /// Where the build can be looked at.
    pub(super) build: Option<String>,
    /// Who did it.
    pub(super) actor: Option<String>,
}

impl Reading {
    /// Nothing to do, and why.
    fn nothing(why: impl Into<String>) -> Self {
        Self { told: Vec::new(), ignored: vec![why.into()] }
    }

    /// Adds a push, or what it is instead of one.
    fn add(&mut self, told: Told) {
        match no_artifact(&told.tag) {
            None => self.told.push(told),
            Some(why) => self.ignored.push(format!("`{}`: {why}", told.image)),
        }
    }
}

impl Told {
    /// The announcement that a CI would have sent.
    pub(super) fn announcement(&self, kind: SenderKind) -> Map<String, Value> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| {
            body.insert(name.to_owned(), value);
        };
        put("sender", kind.as_str().into());
        put("image", self.image.clone().into());
        put("tag", self.tag.clone().into());
        if let Some(digest) = &self.digest {
            put("digest", digest.clone().into());
        }
        let source =
            [("repository", &self.repository), ("commit", &self.commit), ("ref", &self.reference)];
        put("source", object(&source));
        put("build", object(&[("url", &self.build)]));
        put("actor", self.actor.clone().into());
        body
    }
}

fn object(fields: &[(&str, &Option<String>)]) -> Value {
    let there =
        fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.as_ref()?)));
    Value::Object(there.map(|(name, value)| (name, value.as_str().into())).collect())
}

impl Letter<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body in the sender's own form.
    fn parsed<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        serde_json::from_value(self.body.clone())
            .map_err(|error| malformed(format!("the body is not what this sender sends: {error}")))
    }

    /// An image's name below the registry that the configuration says, else the sender.
    fn image(&self, host: &str, path: &str) -> Result<String, Malformed> {
        match self.registry.map_or(host, RegistryName::as_str) {
            "" => Err(malformed(format!(
                "it does not say in which registry `{path}` is: write the source's `registry`"
            ))),
            host => Ok(format!("{host}/{path}")),
        }
    }

    /// The image with another registry in front, if the configuration says which.
    fn moved(&self, image: &str) -> Result<String, Malformed> {
        let (host, path) = image.split_once('/').unwrap_or(("", image));
        self.image(host, path)
    }
}

/// Reads a delivery of a sender who has proved who it is.
pub(super) fn read(hook: &Hook, delivery: &UnverifiedHook) -> Result<Reading, Malformed> {
    let body = serde_json::from_slice(&delivery.body)
        .map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
    let letter = Letter { headers: &delivery.headers, body, registry: hook.registry.as_ref() };
    let sent_by = ORDER.into_iter().find(|kind| (manner(*kind).is_theirs)(&letter));
    if sent_by != Some(hook.kind) {
        let found = sent_by.map_or("nobody that hoist knows", SenderKind::as_str);
        return Err(malformed(format!(
            "this looks like a delivery of {found}, and the source's `sender` is `{}`: mend the \
             configuration or the address at the sender",
            hook.kind
        )));
    }
    let reading = (manner(hook.kind).read)(&letter)?;
    if reading.told.len() + reading.ignored.len() > MOST_TOLD {
        return Err(malformed(format!("it tells of more than {MOST_TOLD} things at once")));
    }
    Ok(reading)
}

/// Why something that was pushed under this tag is no artifact, if it is none.
fn no_artifact(tag: &str) -> Option<String> {
    if tag.is_empty() || tag.starts_with("sha256:") {
        return Some("it was pushed without a tag, as a part of an image is".to_owned());
    }
    let digits = tag.strip_prefix("sha256-")?.get(..64)?;
    let is_digest = digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_digest.then(|| format!("the tag `{tag}` is of a signature or another attachment"))
}

fn malformed(problem: String) -> Malformed {
    Malformed { field: None, problem }
}
