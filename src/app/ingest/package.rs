//! What a package URL names (github.com/package-url/purl-spec): an image, a chart, or any file.

use std::str::FromStr;

use packageurl::PackageUrl;

use crate::domain::artifact::{Digest, ImageName, Tag};

/// A released thing, as a package URL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// Where it is kept: the repository of an image or a chart; for a file that is in none the
    /// package URL without its version.
    pub(super) name: ImageName,
    /// What it is.
    pub(super) digest: Digest,
    /// What it is called, where that can be a tag.
    pub(super) tag: Option<Tag>,
    /// What people call it, where the package URL says it beside the digest.
    pub(super) version: Option<String>,
}

impl FromStr for Package {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let purl = PackageUrl::from_str(text)
            .map_err(|error| format!("this is no package URL: {error}"))?;
        match purl.ty() {
            "oci" => image(&purl),
            "helm" => chart(&purl),
            "generic" => file(&purl),
            other => Err(format!(
                "hoist knows nothing of packages of type `{other}`: it takes `pkg:oci/…` (images, \
                 and charts in an OCI registry), `pkg:helm/…` and `pkg:generic/…`"
            )),
        }
    }
}

fn image(purl: &PackageUrl<'_>) -> Result<Package, String> {
    let name = qualifier(purl, "repository_url")
        .ok_or("it has no `repository_url`: without it nobody can tell the registry")?;
    let version =
        purl.version().ok_or("it has no version: that is the digest, as `@sha256%3A…`")?;
    let tag = qualifier(purl, "tag").map(str::parse).transpose();
    Ok(Package {
        name: name.parse().map_err(|error| format!("`repository_url`: {error}"))?,
        digest: version.parse().map_err(|error| format!("its version: {error}"))?,
        tag: tag.map_err(|error| format!("`tag`: {error}"))?,
        version: None,
    })
}

/// A chart in a chart repository (helm.sh), which has an index and no digests of its own.
fn chart(purl: &PackageUrl<'_>) -> Result<Package, String> {
    let repository = qualifier(purl, "repository_url")
        .ok_or("it has no `repository_url`: without it nobody can tell the chart's repository")?;
    if repository.starts_with("oci://") {
        return Err("a chart in an OCI registry is named by its manifest's digest, which `helm \
                    push` prints: write `pkg:oci/NAME@sha256%3A…?repository_url=…&tag=VERSION`"
            .to_owned());
    }
    let folder = ["https://", "http://"].into_iter().find_map(|it| repository.strip_prefix(it));
    let folder = folder.unwrap_or(repository).trim_end_matches('/');
    named(purl, &format!("{folder}/{}", path_of(purl)))
}

/// Anything else, by its own name.
fn file(purl: &PackageUrl<'_>) -> Result<Package, String> {
    named(purl, &format!("pkg:generic/{}", path_of(purl)))
}

/// What has a version, and a checksum beside it.
fn named(purl: &PackageUrl<'_>, name: &str) -> Result<Package, String> {
    let version = purl.version().ok_or("it has no version, as `@1.4.2`")?;
    let checksums = qualifier(purl, "checksum").unwrap_or_default();
    let digest = checksums.split(',').find(|it| it.starts_with("sha256:")).ok_or(
        "it has no `checksum=sha256:…`: a version can be given twice, and only the checksum says \
         what it is",
    )?;
    Ok(Package {
        name: name.parse().map_err(|error| format!("its name: {error}"))?,
        digest: digest.parse().map_err(|error| format!("`checksum`: {error}"))?,
        // What a version may have and a tag may not (`+build`) is still the version.
        tag: version.parse().ok(),
        version: Some(version.to_owned()),
    })
}

fn path_of(purl: &PackageUrl<'_>) -> String {
    let namespace = purl.namespace().map(|it| format!("{it}/")).unwrap_or_default();
    format!("{namespace}{}", purl.name())
}

fn qualifier<'a>(purl: &'a PackageUrl<'_>, name: &str) -> Option<&'a str> {
    purl.qualifiers().get(name).map(AsRef::as_ref).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

    fn read(purl: &str) -> Package {
        purl.replace("DIGEST", ONE).parse().unwrap_or_else(|error| panic!("{purl}: {error}"))
    }

    #[test]
    fn an_image_is_named_by_its_repository() {
        let image = read("pkg:oci/shop@DIGEST?repository_url=ghcr.io/acme/shop&tag=v1");
        assert_eq!(image.name.as_str(), "ghcr.io/acme/shop");
        assert_eq!(image.tag.unwrap().as_str(), "v1");
        assert_eq!((image.digest.as_str(), image.version), (ONE, None));
    }

    #[test]
    fn a_chart_is_named_by_its_repository_and_its_version() {
        let purl = "pkg:helm/shop@1.4.2%2Bb1?repository_url=https://charts.acme.example/stable/";
        let chart = read(&format!("{purl}&checksum=sha1:00,DIGEST"));
        assert_eq!(chart.name.as_str(), "charts.acme.example/stable/shop");
        assert_eq!(chart.version.as_deref(), Some("1.4.2+b1"));
        assert_eq!((chart.tag, chart.digest.as_str()), (None, ONE));
    }

    #[test]
    fn a_file_is_named_by_its_package_url() {
        let file = read("pkg:generic/acme/prices@2026.11?checksum=DIGEST");
        assert_eq!(file.name.as_str(), "pkg:generic/acme/prices");
        assert_eq!(file.tag.unwrap().as_str(), "2026.11");
    }
}
