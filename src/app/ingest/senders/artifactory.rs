//! JFrog's Artifactory (jfrog.com/help, "Webhooks", the domain `docker`).

use serde::Deserialize;

use super::gitea::host_of;
use super::{Letter, Malformed, Manner, Origin, Reading, Told};

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Signature(&["x-jfrog-event-auth"], "sha256="),
    is_theirs: |letter| letter.header("x-jfrog-event-auth").is_some(),
    read,
};

#[derive(Deserialize)]
struct RawEvent {
    domain: Option<String>,
    event_type: String,
    data: Option<RawData>,
    #[serde(default)]
    jpd_origin: String,
}

#[derive(Deserialize)]
struct RawData {
    repo_key: String,
    image_name: String,
    tag: Option<String>,
    sha256: Option<String>,
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let RawEvent { domain, event_type, data, jpd_origin } = letter.parsed()?;
    let domain = domain.unwrap_or_default();
    let (Some(data), "docker", "pushed") = (data, domain.as_str(), event_type.as_str()) else {
        return Ok(Reading::nothing(format!("{domain:?} {event_type:?} is no push of an image")));
    };
    let host = host_of(&jpd_origin).unwrap_or_default();
    let mut reading = Reading::default();
    reading.add(Told {
        image: letter.image(&host, &format!("{}/{}", data.repo_key, data.image_name))?,
        tag: data.tag.unwrap_or_default(),
        digest: data.sha256.map(|digits| format!("sha256:{digits}")),
        ..Told::default()
    });
    Ok(reading)
}
