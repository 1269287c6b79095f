//! Texts with `{application}`, `{tag}` … in them, from the pipelines file.

use std::fmt;

use super::artifact::{Artifact, ImageName};
use super::id::ApplicationName;

/// A text with `{placeholders}`, checked when the configuration was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template {
    text: String,
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A placeholder that means nothing here.
    #[error("`{{{0}}}` is not known here; known are {1}")]
    UnknownPlaceholder(String, String),
    /// A `{` without its `}`.
    #[error("a `{{` has no `}}`")]
    Unclosed,
}

/// What a version-field template lacks in an artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule writes `{{tag}}` and the artifact was announced without a tag")]
pub struct NoTag;

impl Template {
    /// Parses `text`, in which only the placeholders `known` may stand.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, InvalidTemplate> {
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let Some(length) = rest[open..].find('}') else {
                return Err(InvalidTemplate::Unclosed);
            };
            let name = &rest[open + 1..open + length];
            if !known.contains(&name) {
                let known: Vec<String> = known.iter().map(|k| format!("`{{{k}}}`")).collect();
                return Err(InvalidTemplate::UnknownPlaceholder(name.into(), known.join(", ")));
            }
            rest = &rest[open + length + 1..];
        }
        Ok(Self { text: text.to_owned() })
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text for one application.
    pub fn for_application(&self, application: &ApplicationName) -> String {
        self.text.replace("{application}", application.as_str())
    }

    /// The text for any application: `*` stands for its name.
    pub fn pattern(&self) -> String {
        self.text.replace("{application}", "*")
    }

    /// The application whose text would be `candidate`, where there is one.
    ///
    /// `{application}` is one path segment, and every occurrence must be the same one.
    pub fn application_in(&self, candidate: &str) -> Option<ApplicationName> {
        let (before, after) = self.text.split_once("{application}")?;
        let rest = candidate.strip_prefix(before)?;
        let end_text = after.split("{application}").next().unwrap_or("");
        let name = if end_text.is_empty() {
            rest.split('/').next()?
        } else {
            &rest[..rest.find(end_text)?]
        };
        let application: ApplicationName = name.parse().ok()?;
        (self.for_application(&application) == candidate).then_some(application)
    }

    /// The tag in a version field's text from which the digest was taken out, where this says
    /// where it stands. What people call it counts for the tag: mostly it is.
    pub fn tag_in<'a>(&self, bare: &'a str, image: &ImageName) -> Option<&'a str> {
        let text = self.text.replace("@{digest}", "").replace("{digest}", "");
        let text = text.replace("{image}", image.as_str()).replace("{version}", "{tag}");
        let (before, after) = text.split_once("{tag}")?;
        if after.contains('{') {
            return None;
        }
        bare.strip_prefix(before)?.strip_suffix(after)
    }

    /// The version field's text for `artifact`.
    pub fn for_artifact(&self, artifact: &Artifact) -> Result<String, NoTag> {
        let tag = artifact.tag.as_ref();
        if tag.is_none() && self.text.contains("{tag}") {
            return Err(NoTag);
        }
        Ok(self
            .text
            .replace("{tag}", tag.map_or("", super::artifact::Tag::as_str))
            .replace("{digest}", artifact.digest.as_str())
            .replace("{image}", artifact.image.as_str())
            .replace("{version}", artifact.version()))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_application() {
        let template =
            Template::parse("environments/{application}/x-{application}.yaml", &["application"])
                .unwrap();
        let found = |path: &str| template.application_in(path).map(String::from);
        assert_eq!(found("environments/shop/x-shop.yaml").as_deref(), Some("shop"));
        assert_eq!(found("environments/shop/x-cart.yaml"), None);
        assert_eq!(found("environments/a/b/x-a.yaml"), None);
        let at_the_end = Template::parse("ghcr.io/acme/{application}", &["application"]).unwrap();
        assert_eq!(
            at_the_end.application_in("ghcr.io/acme/a").map(String::from).as_deref(),
            Some("a")
        );
        assert_eq!(at_the_end.application_in("ghcr.io/acme/a/b"), None);
    }

    #[test]
    fn an_unknown_placeholder_is_named_with_the_known_ones() {
        let error = Template::parse("{sha}", &["tag", "digest"]).unwrap_err();
        assert_eq!(error.to_string(), "`{sha}` is not known here; known are `{tag}`, `{digest}`");
    }
}
