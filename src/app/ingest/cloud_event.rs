//! Announcements in standard clothes: CloudEvents that carry CDEvents.
//!
//! CloudEvents 1.0 (cloudevents.io) in HTTP's structured and binary modes; CDEvents (cdevents.dev)
//! `artifact.packaged` and `artifact.published` of any version, whose subject is a package URL. What
//! the versions differ in (the context's fields, links, an SBOM) is not asked for here.

use serde_json::{Map, Value, json};

use super::body::{Fields, Malformed, Notice, wrong};
use super::package::Package;

/// The events that say that an artifact was built; a version of the specification follows.
const BUILT: [&str; 2] = ["dev.cdevents.artifact.packaged.", "dev.cdevents.artifact.published."];

/// The member that makes a JSON object a CloudEvent.
const MARK: &str = "specversion";

/// How a body is wrapped, as its headers tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Envelope {
    /// It says itself what it is: an announcement, or a CloudEvent in structured mode.
    #[default]
    None,
    /// It is the data of a CloudEvent in binary mode.
    Binary(Attributes),
}

/// The attributes of a CloudEvent in binary mode: the headers `ce-…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// `ce-specversion`.
    pub specification: String,
    /// `ce-type`.
    pub kind: String,
    /// `ce-source`.
    pub source: String,
    /// `ce-id`.
    pub id: String,
}

impl Envelope {
    /// The body with its attributes: in structured mode, so that what is kept can be read again.
    pub(super) fn wrap(&self, body: Vec<u8>) -> Result<Vec<u8>, Malformed> {
        let Self::Binary(attributes) = self else { return Ok(body) };
        let data: Value = serde_json::from_slice(&body).map_err(|error| Malformed {
            field: None,
            problem: format!("the body is not JSON: {error}"),
        })?;
        let Attributes { specification, kind, source, id } = attributes;
        let event = json!({
            MARK: specification, "type": kind, "source": source, "id": id, "data": data,
        });
        Ok(event.to_string().into_bytes())
    }
}

/// Tells whether an object is a CloudEvent.
pub(super) fn is_one(body: &Map<String, Value>) -> bool {
    body.contains_key(MARK)
}

/// What names an event among all of its sender's, for the same delivery is the same announcement.
pub(super) fn delivery(body: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(body).ok()?;
    let event = event.as_object().filter(|event| is_one(event))?;
    let text = |name: &str| event.get(name)?.as_str().filter(|text| !text.is_empty());
    Some(format!("{} {}", text("source")?, text("id")?))
}

/// Reads a CloudEvent as an announcement.
pub(super) fn notice(event: &Map<String, Value>) -> Result<Notice, Malformed> {
    let event = Fields(Some(event));
    check_specification(event.text(MARK)?.as_deref())?;
    check_type(event.text("type")?.as_deref())?;
    if event.value("data_base64").is_some() {
        return Err(wrong("data_base64", "`data_base64` is not read: send JSON in `data`"));
    }
    let data = event.object("data")?;
    let subject = data.object("data.subject")?;
    let package = subject.parsed::<Package>("data.subject.id")?.ok_or_else(|| {
        let problem = "`data.subject.id` is missing: it is a package URL as \
                       `pkg:oci/shop@sha256%3A…?repository_url=ghcr.io/acme/shop&tag=v1.4.2`";
        wrong("data.subject.id", problem)
    })?;
    let content = subject.object("data.subject.content")?;
    // What CDEvents has no word for may stand there, in the words of a plain announcement.
    // Of another form it is somebody else's, as its `customDataContentType` says.
    let custom = Fields(data.value("data.customData").and_then(Value::as_object));
    let mut notice = Notice::told_by(&custom, package.name, package.digest)?;
    notice.tag = package.tag;
    notice.version = notice.version.or(package.version);
    notice.actor = notice.actor.or(content.text("data.subject.content.user")?);
    Ok(notice)
}

fn check_specification(version: Option<&str>) -> Result<(), Malformed> {
    match version {
        Some(version) if version == "1.0" || version.starts_with("1.0.") => Ok(()),
        Some(_) | None => Err(wrong(MARK, "`specversion` is not 1.0, the one that is understood")),
    }
}

fn check_type(kind: Option<&str>) -> Result<(), Malformed> {
    let kind = kind.unwrap_or_default();
    if BUILT.iter().any(|built| kind.starts_with(built)) {
        return Ok(());
    }
    let problem = format!(
        "the event's `type` is {kind:?}, which announces nothing: hoist takes \
         `dev.cdevents.artifact.packaged` and `dev.cdevents.artifact.published`; let the sender \
         leave the others out"
    );
    Err(wrong("type", problem))
}
