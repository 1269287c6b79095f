//! Packages of Gitea and Forgejo (docs.gitea.com and forgejo.org, "Webhooks"): no digest.
//!
//! Both send GitHub's headers, too.

use serde::Deserialize;

use super::{Letter, Malformed, Manner, Origin, Reading, Told};

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Signature(&["x-gitea-signature", "x-hub-signature-256"], "sha256="),
    is_theirs: |letter| event(letter).is_some(),
    read,
};

#[derive(Deserialize)]
struct RawEvent {
    action: String,
    package: RawPackage,
    repository: Option<RawRepository>,
    sender: Option<RawUser>,
}

#[derive(Deserialize)]
struct RawPackage {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    version: String,
    owner: RawUser,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct RawRepository {
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct RawUser {
    login: String,
}

fn event<'a>(letter: &'a Letter<'_>) -> Option<&'a str> {
    letter.header("x-forgejo-event").or_else(|| letter.header("x-gitea-event"))
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let kind = event(letter).unwrap_or_default();
    if kind != "package" {
        return Ok(Reading::nothing(format!("the event {kind:?} tells of no package")));
    }
    let RawEvent { action, package, repository, sender } = letter.parsed()?;
    if action != "created" || package.kind != "container" {
        let why = format!("a package of the kind {:?} was {action:?}", package.kind);
        return Ok(Reading::nothing(why));
    }
    let host = package.html_url.as_deref().and_then(host_of).unwrap_or_default();
    let path = format!("{}/{}", package.owner.login, package.name).to_lowercase();
    let mut reading = Reading::default();
    reading.add(Told {
        delivery: letter.header("x-gitea-delivery").map(str::to_owned),
        image: letter.image(&host, &path)?,
        tag: package.version,
        repository: repository.and_then(|it| it.html_url),
        actor: sender.map(|it| it.login),
        ..Told::default()
    });
    Ok(reading)
}

/// The host of an address, with its port.
pub(super) fn host_of(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}
