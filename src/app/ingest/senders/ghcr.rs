//! GitHub's packages (docs.github.com, "Webhook events and payloads": `package` and
//! `registry_package`).

use serde::Deserialize;

use super::{Letter, Malformed, Manner, Origin, Reading, Told};

pub(super) const MANNER: Manner = Manner {
    origin: Origin::Signature(&["x-hub-signature-256"], "sha256="),
    is_theirs: |letter| letter.header("x-github-event").is_some(),
    read,
};

#[derive(Deserialize)]
struct RawEvent {
    action: Option<String>,
    #[serde(alias = "registry_package")]
    package: Option<RawPackage>,
    repository: Option<RawRepository>,
    sender: Option<RawUser>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    namespace: Option<String>,
    owner: Option<RawUser>,
    package_type: Option<String>,
    package_version: Option<RawVersion>,
}

#[derive(Deserialize)]
struct RawVersion {
    package_url: Option<String>,
    container_metadata: Option<RawMetadata>,
}

#[derive(Deserialize)]
struct RawMetadata {
    tag: Option<RawTag>,
}

#[derive(Deserialize)]
struct RawTag {
    name: Option<String>,
    digest: Option<String>,
}

#[derive(Deserialize)]
struct RawRepository {
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct RawUser {
    login: String,
}

fn read(letter: &Letter<'_>) -> Result<Reading, Malformed> {
    let kind = letter.header("x-github-event").unwrap_or_default();
    if !matches!(kind, "package" | "registry_package") {
        return Ok(Reading::nothing(format!("the event {kind:?} tells of no package")));
    }
    let RawEvent { action, package, repository, sender } = letter.parsed()?;
    let action = action.unwrap_or_default();
    let Some(package) = package.filter(|_| matches!(&*action, "published" | "updated")) else {
        return Ok(Reading::nothing(format!("a package was {action:?}, which is no push")));
    };
    let kind = package.package_type.clone().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("container") {
        return Ok(Reading::nothing(format!("a package of the kind {kind:?} is no image")));
    }
    let image = image(letter, &package)?;
    let tag = package.package_version.and_then(|it| it.container_metadata).and_then(|it| it.tag);
    let (tag, digest) = tag.map_or((None, None), |tag| (tag.name, tag.digest));
    let mut reading = Reading::default();
    reading.add(Told {
        delivery: letter.header("x-github-delivery").map(str::to_owned),
        image,
        tag: tag.unwrap_or_default(),
        digest: digest.filter(|digest| !digest.is_empty()),
        repository: repository.and_then(|it| it.html_url),
        actor: sender.map(|it| it.login),
        ..Told::default()
    });
    Ok(reading)
}

/// The address of the package without its tag, which may be missing behind the colon; else its
/// owner and its name.
fn image(letter: &Letter<'_>, package: &RawPackage) -> Result<String, Malformed> {
    let address = package.package_version.as_ref().and_then(|it| it.package_url.as_deref());
    let address = address.filter(|it| it.contains('/')).map(|address| {
        let (path, last) = address.rsplit_once('/').unwrap_or(("", address));
        format!("{path}/{}", last.split([':', '@']).next().unwrap_or_default())
    });
    let owner = package.owner.as_ref().map(|it| it.login.clone());
    let owner = owner.or_else(|| package.namespace.clone()).unwrap_or_default();
    let image = address.unwrap_or_else(|| format!("ghcr.io/{owner}/{}", package.name));
    letter.moved(&image.to_lowercase())
}
