//! Harbor's webhooks (goharbor.io, "Configure Webhook Notifications"), in both of their formats.

use serde::Deserialize;

use super::{Letter, Malformed, Manner, Origin, Reading, Told};

/// The one event of the default format that tells of something new.
const PUSHED: &str = "PUSH_ARTIFACT";

/// What stands before all of its events in the format of CloudEvents.
const CLOUD_EVENT: &str = "harbor.artifact.";

/// The same in CDEvents' words.
const CD_EVENT: &str = "dev.cdevents.artifact.published.";

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Authorization,
    is_theirs: |letter| {
        let has = |body: &serde_json::Value, name: &str| body.get(name).is_some();
        has(&letter.body, "event_data")
            || letter.body.pointer("/data/customData/resources").is_some()
            || letter.body.pointer("/data/resources").is_some()
    },
    read,
};

/// Either format: what one has and the other has not is optional.
#[derive(Deserialize)]
struct RawEvent {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    operator: Option<String>,
    event_data: Option<RawData>,
    data: Option<RawCloudData>,
}

#[derive(Deserialize)]
struct RawCloudData {
    #[serde(rename = "customData")]
    custom: Option<RawData>,
    resources: Option<Vec<RawResource>>,
    repository: Option<RawRepository>,
}

#[derive(Deserialize)]
struct RawData {
    resources: Vec<RawResource>,
    repository: RawRepository,
}

#[derive(Deserialize)]
struct RawResource {
    digest: Option<String>,
    tag: Option<String>,
    resource_url: String,
}

#[derive(Deserialize)]
struct RawRepository {
    repo_full_name: String,
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let event: RawEvent = letter.parsed()?;
    let pushes = event.kind == PUSHED
        || event.kind.starts_with(CD_EVENT)
        || event.kind.strip_prefix(CLOUD_EVENT).is_some_and(|what| what == "pushed");
    let data = event.event_data.or(event.data.and_then(inner));
    let (true, Some(RawData { resources, repository })) = (pushes, data) else {
        return Ok(Reading::nothing(format!("it is a {:?}, no push of an image", event.kind)));
    };
    let mut reading = Reading::default();
    for (number, resource) in resources.into_iter().enumerate() {
        let host = resource.resource_url.split('/').next().unwrap_or_default();
        reading.add(Told {
            delivery: event.id.as_ref().map(|id| format!("{id}/{number}")),
            image: letter.image(host, &repository.repo_full_name)?,
            tag: resource.tag.unwrap_or_default(),
            digest: resource.digest,
            actor: event.operator.clone(),
            ..Told::default()
        });
    }
    Ok(reading)
}

/// What a CloudEvent carries: as CDEvents have it, or Harbor's own.
fn inner(data: RawCloudData) -> Option<RawData> {
    let own = data.resources.zip(data.repository);
    let own = own.map(|(resources, repository)| RawData { resources, repository });
    data.custom.or(own)
}
