//! Docker Hub's webhooks (docs.docker.com, "Webhooks"): no signature, and no digest.

use serde::Deserialize;

use super::{Letter, Malformed, Manner, Origin, Reading, Told};

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Address,
    is_theirs: |letter| letter.body.get("push_data").is_some(),
    read,
};

#[derive(Deserialize)]
struct RawEvent {
    push_data: RawPush,
    repository: RawRepository,
}

#[derive(Deserialize)]
struct RawPush {
    tag: String,
    pusher: Option<String>,
}

#[derive(Deserialize)]
struct RawRepository {
    repo_name: String,
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let RawEvent { push_data, repository } = letter.parsed()?;
    let mut reading = Reading::default();
    reading.add(Told {
        image: letter.image("docker.io", &repository.repo_name)?,
        tag: push_data.tag,
        actor: push_data.pusher.filter(|name| !name.is_empty()),
        ..Told::default()
    });
    Ok(reading)
}
