//! What it says: the body of an announcement, parsed once, every mistake with its field's name.

use std::str::FromStr;

use serde_json::{Map, Value};
use url::Url;

use super::cloud_event;
use crate::domain::artifact::{Build, Digest, ImageName, SourceCode, Tag};
use crate::domain::id::ApplicationName;

/// No field of an announcement needs more; each is stored, logged and shown.
const LONGEST_TEXT: usize = 2048;

/// What an announcement says, in types that cannot be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) application: Option<ApplicationName>,
    pub(super) image: ImageName,
    pub(super) digest: Digest,
    pub(super) tag: Option<Tag>,
    pub(super) version: Option<String>,
    pub(super) source: SourceCode,
    pub(super) build: Build,
    pub(super) actor: Option<String>,
}

/// Why a body is not an announcement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Malformed {
    /// The field to mend, as `source.repository`; none where it is the whole body.
    pub field: Option<&'static str>,
    /// What is wrong with it, and what belongs there.
    pub problem: String,
}

impl Notice {
    /// Reads the body of a delivery that was believed: now, or before it was stored.
    ///
    /// Fields that nobody knows are passed over, so that a sender may be newer than hoist. One
    /// that means something in `product.md` and is not built yet is refused: passed over, it would
    /// look as if it had been obeyed.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let body: Value = serde_json::from_slice(body).map_err(|error| Malformed {
            field: None,
            problem: format!("the body is not JSON: {error}"),
        })?;
        let Value::Object(body) = body else {
            return Err(Malformed {
                field: None,
                problem: format!("the body is {}, and it should be an object", kind_of(&body)),
            });
        };
        if body.contains_key("artifacts") {
            let problem = "several artifacts in one announcement are planned and not built yet: \
                           announce each by itself, with `image`, `digest` and `tag`";
            return Err(wrong("artifacts", problem));
        }
        if cloud_event::is_one(&body) {
            return cloud_event::notice(&body);
        }
        let body = Fields(Some(&body));
        let image = required(body.parsed("image")?, "image", "ghcr.io/acme/shop")?;
        let digest = required(body.parsed("digest")?, "digest", "sha256:…")?;
        Self::told_by(&body, image, digest)
    }

    /// What is told about an image besides its name and its digest.
    pub(super) fn told_by(
        body: &Fields<'_>,
        image: ImageName,
        digest: Digest,
    ) -> Result<Self, Malformed> {
        let (source, build) = (body.object("source")?, body.object("build")?);
        Ok(Self {
            application: body.parsed("application")?,
            image,
            digest,
            tag: body.parsed("tag")?,
            version: body.text("version")?,
            source: SourceCode {
                repository: source.url("source.repository")?,
                commit: source.text("source.commit")?,
                reference: source.text("source.ref")?,
            },
            build: Build { url: build.url("build.url")?, id: build.text("build.id")? },
            actor: body.text("actor")?,
        })
    }
}

/// An object's fields, asked for by their whole path: `source.commit` is `commit` in `source`.
pub(super) struct Fields<'a>(pub(super) Option<&'a Map<String, Value>>);

impl<'a> Fields<'a> {
    /// What stands there; `null` is nothing.
    pub(super) fn value(&self, field: &'static str) -> Option<&'a Value> {
        let key = field.rsplit('.').next().unwrap_or(field);
        self.0?.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn object(&self, field: &'static str) -> Result<Fields<'a>, Malformed> {
        match self.value(field) {
            None => Ok(Fields(None)),
            Some(value) => match value.as_object() {
                Some(inner) => Ok(Fields(Some(inner))),
                None => Err(misplaced(field, value, "an object")),
            },
        }
    }

    /// A text as it came, which may be empty.
    fn raw(&self, field: &'static str) -> Result<Option<&'a str>, Malformed> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| misplaced(field, value, "a string"))?;
        if text.len() > LONGEST_TEXT {
            let problem =
                format!("`{field}` has {} bytes, and at most {LONGEST_TEXT} fit", text.len());
            return Err(wrong(field, problem));
        }
        match text.chars().find(|c| steers(*c)) {
            Some(c) => {
                let problem =
                    format!("`{field}` has the control character {c:?} in it: leave it out");
                Err(wrong(field, problem))
            }
            None => Ok(Some(text)),
        }
    }

    /// A text of the sender's own. An empty one is none: CI writes it for what it does not know.
    pub(super) fn text(&self, field: &'static str) -> Result<Option<String>, Malformed> {
        Ok(self.raw(field)?.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// A text with a form. An empty one is a mistake: passed over, it would widen what is asked.
    pub(super) fn parsed<T>(&self, field: &'static str) -> Result<Option<T>, Malformed>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let parsed = self.raw(field)?.map(str::parse).transpose();
        parsed.map_err(|error| wrong(field, format!("`{field}`: {error}")))
    }

    /// An address that people follow on the page: anything but `http(s)` could do more than lead
    /// somewhere, and what stands before an `@` is often a token of CI.
    fn url(&self, field: &'static str) -> Result<Option<String>, Malformed> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url else {
            let problem =
                format!("`{field}` is not an address that starts with `https://` or `http://`");
            return Err(wrong(field, problem));
        };
        if !url.username().is_empty() || url.password().is_some() {
            let problem = format!(
                "`{field}` has a name or a password before `@`: leave them out, hoist shows the \
                 address to people"
            );
            return Err(wrong(field, problem));
        }
        Ok(Some(text))
    }
}

/// Tells whether a character steers a terminal or a page instead of standing on it: control
/// characters, line separators, and what turns the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn wrong(field: &'static str, problem: impl Into<String>) -> Malformed {
    Malformed { field: Some(field), problem: problem.into() }
}

fn misplaced(field: &'static str, value: &Value, wanted: &str) -> Malformed {
    wrong(field, format!("`{field}` is {}, and it should be {wanted}", kind_of(value)))
}

fn required<T>(value: Option<T>, field: &'static str, example: &str) -> Result<T, Malformed> {
    value
        .ok_or_else(|| wrong(field, format!("`{field}` is missing: it is a string as `{example}`")))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
