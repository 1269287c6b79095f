//! Distribution's notifications (distribution.github.io, "Work with notifications").

use serde::Deserialize;

use super::{Letter, Malformed, Manner, Origin, Reading, Told};

/// What stands in its `Content-Type`, by its version.
const MEDIA_TYPES: [&str; 2] = [
    "application/vnd.docker.distribution.events.v1+json",
    "application/vnd.docker.distribution.events.v2+json",
];

/// What an image is kept as; all else that is pushed is a part of one.
pub(super) const MANIFESTS: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Authorization,
    is_theirs: |letter| {
        let kind = letter.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        MEDIA_TYPES.contains(&kind.as_str())
    },
    read,
};

#[derive(Deserialize)]
struct RawEnvelope {
    events: Vec<RawEvent>,
}

#[derive(Deserialize)]
struct RawEvent {
    id: Option<String>,
    action: String,
    target: RawTarget,
    #[serde(default)]
    request: RawRequest,
    #[serde(default)]
    actor: RawActor,
}

#[derive(Deserialize)]
struct RawTarget {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    digest: Option<String>,
    repository: String,
    tag: Option<String>,
}

#[derive(Deserialize, Default)]
struct RawRequest {
    #[serde(default)]
    host: String,
}

#[derive(Deserialize, Default)]
struct RawActor {
    name: Option<String>,
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let RawEnvelope { events } = letter.parsed()?;
    let mut reading = Reading::default();
    for event in events {
        let RawEvent { id, action, target, request, actor } = event;
        let media_type = target.media_type.unwrap_or_default();
        if action != "push" {
            reading.ignored.push(format!("`{}`: it is a {action:?}, no push", target.repository));
        } else if !MANIFESTS.contains(&media_type.as_str()) {
            let why = format!("`{}`: {media_type:?} is no image's manifest", target.repository);
            reading.ignored.push(why);
        } else {
            reading.add(Told {
                delivery: id,
                image: letter.image(&request.host, &target.repository)?,
                tag: target.tag.unwrap_or_default(),
                digest: target.digest,
                actor: actor.name.filter(|name| !name.is_empty()),
                ..Told::default()
            });
        }
    }
    Ok(reading)
}
