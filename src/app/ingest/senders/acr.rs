//! Azure's container registry (learn.microsoft.com, "Azure Container Registry webhook reference").

use serde::Deserialize;

use super::distribution::MANIFESTS;
use super::{Letter, Malformed, Manner, Origin, Reading, Told};

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Authorization,
    is_theirs: |letter| {
        let agent = letter.header("user-agent").unwrap_or_default();
        agent.starts_with("AzureContainerRegistry/")
    },
    read,
};

#[derive(Deserialize)]
struct RawEvent {
    id: Option<String>,
    action: String,
    target: Option<RawTarget>,
    request: Option<RawRequest>,
}

#[derive(Deserialize)]
struct RawTarget {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    digest: Option<String>,
    repository: String,
    tag: Option<String>,
}

#[derive(Deserialize)]
struct RawRequest {
    host: String,
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let RawEvent { id, action, target, request } = letter.parsed()?;
    let (Some(target), Some(request), "push") = (target, request, action.as_str()) else {
        return Ok(Reading::nothing(format!("it is a {action:?}, no push of an image")));
    };
    if let Some(kind) = target.media_type.filter(|kind| !MANIFESTS.contains(&kind.as_str())) {
        return Ok(Reading::nothing(format!("{kind:?} is no image's manifest")));
    }
    let mut reading = Reading::default();
    reading.add(Told {
        delivery: id,
        image: letter.image(&request.host, &target.repository)?,
        tag: target.tag.unwrap_or_default(),
        digest: target.digest,
        ..Told::default()
    });
    Ok(reading)
}
