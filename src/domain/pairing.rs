//! What the files say of tags and digests: found when hoist first looked, or put there by other
//! hands.
//!
//! A tag means something from the day on which it stands in Git, also where nobody announced it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::artifact::{Artifact, Digest, ImageName, Tag};
use super::id::{ApplicationName, EnvironmentName};
use super::pipeline::{Pipeline, Target};
use super::promotion::{Kind, Promotion};
use super::template::Template;

/// A tag and a digest that stood together in an environment's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// Where.
    pub environment: EnvironmentName,
    /// The tag.
    pub tag: Tag,
    /// The digest.
    pub digest: Digest,
    /// When that was seen.
    pub at: Timestamp,
}

/// What was found in the files of one application, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairings(Vec<Pairing>);

impl Pairings {
    /// Reads what promotions hold that only record what was found.
    pub fn of<'a>(pipeline: &Pipeline, promotions: impl Iterator<Item = &'a Promotion>) -> Self {
        let found = promotions.filter(|it| match &it.kind {
            Kind::Found { .. } => true,
            Kind::Forward { .. } | Kind::Rollback { .. } => false,
        });
        Self(found.flat_map(|it| pairings(pipeline, it)).collect())
    }

    /// Where the artifact's tag stood last with another digest than the artifact's.
    ///
    /// Each environment's last word counts; one that has the artifact's own digest under the tag
    /// says that it has not moved.
    pub fn moved_from(&self, artifact: &Artifact) -> Option<&Pairing> {
        let tag = artifact.tag.as_ref()?;
        let mut last: BTreeMap<&EnvironmentName, &Pairing> = BTreeMap::new();
        for pairing in self.0.iter().filter(|it| it.tag == *tag) {
            last.insert(&pairing.environment, pairing);
        }
        if last.values().any(|it| it.digest == artifact.digest) {
            return None;
        }
        last.into_values().max_by_key(|it| it.at)
    }

    /// Where the artifact's digest stood under another tag, if it never stood under this one.
    pub fn retagged_from(&self, artifact: &Artifact) -> Option<&Pairing> {
        let tag = artifact.tag.as_ref()?;
        let mut same = self.0.iter().filter(|it| it.digest == artifact.digest);
        if same.clone().any(|it| it.tag == *tag) {
            return None;
        }
        same.next_back()
    }

    /// Those since a time.
    pub fn since(mut self, at: Timestamp) -> Self {
        self.0.retain(|it| it.at > at);
        self
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Pairing> {
        self.0.iter()
    }
}

/// The tags and digests that stand together in what was found.
fn pairings(pipeline: &Pipeline, found: &Promotion) -> Vec<Pairing> {
    let image = pipeline.image.for_application(&found.application.application);
    let Ok(image) = image.parse::<ImageName>() else { return Vec::new() };
    let templates = templates(pipeline, &found.environment, &found.application.application);
    let read: Vec<(Vec<Tag>, Option<Digest>)> = found
        .values
        .iter()
        .map(|value| {
            let of_file = templates.iter().filter(|(file, _)| *file == value.file);
            read(&value.value, of_file.map(|(_, template)| *template), &image)
        })
        .collect();
    // A reference with both says it itself; a tag alone goes with each digest that stands alone.
    let is_alone = |it: &&(Vec<Tag>, Option<Digest>)| it.0.is_empty() || it.1.is_none();
    let alone: Vec<&Digest> =
        read.iter().filter(is_alone).filter_map(|(_, digest)| digest.as_ref()).collect();
    let mut pairs = Vec::new();
    for (tags, digest) in &read {
        let digests = digest.iter().chain(alone.iter().copied().filter(|_| digest.is_none()));
        for digest in digests {
            for tag in tags {
                pairs.push(Pairing {
                    environment: found.environment.clone(),
                    tag: tag.clone(),
                    digest: digest.clone(),
                    at: found.created_at,
                });
            }
        }
    }
    pairs
}

/// What the rules of an environment write, by file.
fn templates<'a>(
    pipeline: &'a Pipeline,
    environment: &EnvironmentName,
    application: &ApplicationName,
) -> Vec<(String, &'a Template)> {
    let edits = pipeline.environment(environment).map(|it| it.edits.as_slice()).unwrap_or_default();
    let templates = edits.iter().filter_map(|rule| {
        let template = match &rule.target {
            Target::Path { value, .. } => Some(value),
            Target::Marker { value, .. } => value.as_ref(),
            Target::KustomizeImage(_) | Target::Image(_) => None,
        };
        Some((rule.file.for_application(application), template?))
    });
    templates.collect()
}

/// The tags that a version field may mean, by its templates first, and the digest in it.
fn read<'a>(
    value: &str,
    templates: impl Iterator<Item = &'a Template>,
    image: &ImageName,
) -> (Vec<Tag>, Option<Digest>) {
    let (bare, digest, is_reference) = match value.split_once("sha256:") {
        Some((before, after)) if after.len() >= 64 && after.is_char_boundary(64) => {
            let (digits, rest) = after.split_at(64);
            let digest = format!("sha256:{digits}").parse().ok();
            let bare = before.strip_suffix('@').unwrap_or(before);
            (format!("{bare}{rest}"), digest, before.ends_with('@'))
        }
        Some(_) | None => (value.to_owned(), None, false),
    };
    let mut tags: Vec<Tag> =
        templates.filter_map(|it| it.tag_in(&bare, image)?.parse().ok()).collect();
    let last = bare.rsplit('/').next().unwrap_or_default();
    let plain = match last.split_once(':') {
        Some((_, tag)) => tag,
        None if is_reference => "",
        None => bare.as_str(),
    };
    tags.extend(plain.parse::<Tag>().ok().filter(|tag| !tags.contains(tag)));
    (tags, digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: &str, templates: &[&str]) -> String {
        let known = ["tag", "digest", "image", "version"];
        let templates: Vec<Template> =
            templates.iter().map(|text| Template::parse(text, &known).unwrap()).collect();
        let image = "ghcr.io/acme/shop".parse().unwrap();
        let (tags, digest) = read(value, templates.iter(), &image);
        let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
        format!("{} {}", tags.join(","), digest.map_or("-".into(), |it| it.short().to_owned()))
    }

    #[test]
    fn a_version_field_tells_its_tag_and_its_digest_however_it_is_written() {
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(told("v1", &[]), "v1 -");
        assert_eq!(told(&digest, &[]), " aaaaaaaaaaaa");
        assert_eq!(told(&format!("r.io:5000/a/shop:v1@{digest}"), &[]), "v1 aaaaaaaaaaaa");
        assert_eq!(told(&format!("r.io:5000/a/shop@{digest}"), &[]), " aaaaaaaaaaaa");
        assert_eq!(told("r.io:5000/a/shop:v1", &[]), "v1 -");
        assert_eq!(told(&format!("v1@{digest}"), &["{tag}@{digest}"]), "v1 aaaaaaaaaaaa");
        assert_eq!(told("release-v1", &["release-{tag}"]), "v1,release-v1 -");
        assert_eq!(told("ghcr.io/acme/shop:v1", &["{image}:{tag}"]), "v1 -");
        assert_eq!(told("ghcr.io/acme/shop", &["{image}"]), " -");
        for odd in ["", "sha256:", "sha256:ä", &format!("sha256:{}", "ä".repeat(40)), "a b", ":"]
        {
            assert_eq!(told(odd, &["{tag}-{version}", "{digest}"]), " -", "{odd}");
        }
    }
}
