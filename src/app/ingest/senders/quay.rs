//! Quay's repository notifications (docs.projectquay.io, "Repository push"): no signature, and no
//! digest.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Letter, Malformed, Manner, Origin, Reading, Told};

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Address,
    is_theirs: |letter| letter.body.get("docker_url").is_some(),
    read,
};

#[derive(Deserialize)]
struct RawEvent {
    docker_url: String,
    updated_tags: Option<RawTags>,
}

/// A list; in older versions a mapping to what each tag means.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawTags {
    Names(Vec<String>),
    Ids(Map<String, Value>),
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let RawEvent { docker_url, updated_tags } = letter.parsed()?;
    let tags = match updated_tags {
        None => return Ok(Reading::nothing("it names no tags that were pushed")),
        Some(RawTags::Names(names)) => names,
        Some(RawTags::Ids(ids)) => ids.into_iter().map(|(name, _)| name).collect(),
    };
    let mut reading = Reading::default();
    for tag in tags {
        reading.add(Told { image: letter.moved(&docker_url)?, tag, ..Told::default() });
    }
    Ok(reading)
}
