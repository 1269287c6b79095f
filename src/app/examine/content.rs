//! What an artifact is, as its registry's bytes tell.

use std::collections::BTreeMap;

use super::{Open, Stop};
use crate::app::App;
use crate::domain::artifact::{Artifact, Digest, SourceCode};
use crate::domain::examination::{Labels, Strictness, Traits, Verify};
use crate::domain::oci::{Descriptor, ImageConfig, Index, Kind, Manifest, Platform, Single};
use crate::domain::registry::Reference;
use crate::domain::snapshot::Snapshot;
use crate::messages::examination as words;

/// More than any image's configuration needs.
const LONGEST_CONFIG: usize = 4 * 1024 * 1024;

const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";
const VERSION: &str = "org.opencontainers.image.version";

/// What stands under a digest.
struct Content {
    kind: Kind,
    /// The machines that it is for.
    platforms: Vec<Platform>,
    /// Those of its images that were read.
    images: Vec<Image>,
    /// What is said of all of them.
    annotations: BTreeMap<String, String>,
}

/// One image, with its configuration.
struct Image {
    single: Single,
    config: ImageConfig,
    /// What its index says of it.
    annotations: BTreeMap<String, String>,
}

impl App {
    /// Asks what an artifact is, and holds it against its announcement and the rules.
    pub(super) async fn traits(
        &self,
        snapshot: &Snapshot,
        artifact: &Artifact,
    ) -> Result<Traits, Stop> {
        let verify = &snapshot.pipeline.verify;
        let application = &snapshot.application.application;
        self.check_tag(snapshot, artifact).await?;
        let content = match self.manifest(artifact, &artifact.digest).await? {
            Manifest::Single(single) => self.of_single(artifact, *single).await?,
            Manifest::Index(index) => self.of_index(verify, artifact, index).await?,
        };
        for wanted in &verify.platforms {
            if !content.platforms.iter().any(|it| it.is(wanted)) {
                return Err(Stop::Unsound(words::no_platform(wanted, &content.platforms)));
            }
        }
        let warnings = content.contradictions(artifact);
        if let (Strictness::Refuse, Some(first)) = (verify.labels, warnings.first()) {
            return Err(Stop::Unsound(first.clone()));
        }
        let signature = match &verify.signature {
            Some(wanted) => Some(self.signature(wanted, artifact, application).await?),
            None => None,
        };
        let provenance = match &verify.provenance {
            Some(rule) => Some(self.provenance(rule, artifact, application).await?),
            None => None,
        };
        let labels = content.labels();
        let created = content.images.first().and_then(|image| image.config.created);
        let Content { kind, platforms, .. } = content;
        Ok(Traits { kind, platforms, created, labels, signature, provenance, warnings })
    }

    /// The tag is the registry's, and so is its word on what that means.
    ///
    /// A registry tells of what was pushed before it moves the tag there.
    async fn check_tag(&self, snapshot: &Snapshot, artifact: &Artifact) -> Result<(), Stop> {
        let Some(tag) = &artifact.tag else { return Ok(()) };
        let there = self.registry.resolve(&artifact.image, tag).await?;
        if there == artifact.digest {
            return Ok(());
        }
        let why = words::other_digest(&artifact.image, tag, &there, &artifact.digest);
        if snapshot.may_have_had(artifact, &there) {
            return Err(Stop::Open(Open::Missing(why)));
        }
        Err(Stop::Unsound(why))
    }

    async fn manifest(&self, artifact: &Artifact, digest: &Digest) -> Result<Manifest, Stop> {
        let reference = Reference::Digest(digest.clone());
        let fetched = self.registry.manifest(&artifact.image, &reference).await?;
        Ok(Manifest::parse(&fetched.media_type, &fetched.bytes)?)
    }

    async fn of_single(&self, artifact: &Artifact, single: Single) -> Result<Content, Stop> {
        let kind = single.kind.clone();
        let image = self.image(artifact, single, BTreeMap::new()).await?;
        let platforms = image.config.platform.iter().cloned().collect();
        Ok(Content { kind, platforms, images: vec![image], annotations: BTreeMap::new() })
    }

    /// Reads the images of an index that are wanted; where no platform is, the first one.
    async fn of_index(
        &self,
        verify: &Verify,
        artifact: &Artifact,
        Index { entries, annotations }: Index,
    ) -> Result<Content, Stop> {
        let platforms: Vec<Platform> = entries.iter().filter_map(Descriptor::platform).collect();
        let is_wanted = |entry: &&Descriptor| {
            let platform = entry.platform();
            platform.is_some_and(|it| verify.platforms.iter().any(|wanted| it.is(wanted)))
        };
        let mut read: Vec<&Descriptor> = entries.iter().filter(is_wanted).collect();
        if verify.platforms.is_empty() {
            read.extend(entries.iter().find(|entry| entry.platform().is_some()));
        }
        let mut images = Vec::new();
        // More entries for one platform than platforms are nobody's build.
        for entry in read.into_iter().take(2 * verify.platforms.len().max(1)) {
            let Manifest::Single(single) = self.manifest(artifact, &entry.digest).await? else {
                return Err(Stop::Unsound("its index leads to another index".into()));
            };
            let image = self.image(artifact, *single, entry.annotations.clone()).await?;
            if !verify.platforms.is_empty() {
                image.check_platform(entry)?;
            }
            images.push(image);
        }
        let kind = images.first().map_or(Kind::Image, |image| image.single.kind.clone());
        Ok(Content { kind, platforms, images, annotations })
    }

    /// Reads an image's configuration; that of a chart or another artifact is its own affair.
    async fn image(
        &self,
        artifact: &Artifact,
        single: Single,
        annotations: BTreeMap<String, String>,
    ) -> Result<Image, Stop> {
        let config = match &single.kind {
            Kind::Image => {
                let digest = &single.config.digest;
                let bytes = self.registry.blob(&artifact.image, digest, LONGEST_CONFIG).await?;
                ImageConfig::parse(&bytes)?
            }
            Kind::Chart | Kind::Other(_) => ImageConfig::default(),
        };
        Ok(Image { single, config, annotations })
    }
}

impl Content {
    /// What is said under a name: by the image's label first, which is part of what runs, then by
    /// its manifest, by what its index says of it, and by what the index says of all.
    fn said<'a>(
        &'a self,
        image: Option<&'a Image>,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let of_image = image.into_iter().flat_map(|image| {
            [&image.config.labels, &image.single.annotations, &image.annotations]
        });
        let places = of_image.chain([&self.annotations]);
        places
            .filter_map(move |place| place.get(name))
            .map(String::as_str)
            .filter(|it| !it.is_empty())
    }

    fn labels(&self) -> Labels {
        let first = |name| self.said(self.images.first(), name).next().map(str::to_owned);
        Labels { source: first(SOURCE), revision: first(REVISION), version: first(VERSION) }
    }

    /// What labels and annotations say of the source that the announcement says otherwise, each
    /// once.
    fn contradictions(&self, artifact: &Artifact) -> Vec<String> {
        let SourceCode { repository, commit, .. } = &artifact.source;
        let pairs = [
            (SOURCE, repository, is_same_repository as Same),
            (REVISION, commit, is_same_commit as Same),
        ];
        let mut found: Vec<String> = Vec::new();
        let images = self.images.iter().map(Some).chain([None]);
        for (image, (name, announced, is_same)) in
            images.flat_map(|image| pairs.into_iter().map(move |pair| (image, pair)))
        {
            let Some(announced) = announced else { continue };
            for said in self.said(image, name) {
                let told = words::contradiction(name, said, announced);
                if !is_same(said, announced) && !found.contains(&told) {
                    found.push(told);
                }
            }
        }
        found
    }
}

impl Image {
    /// Its index says for which machine it is; what runs goes by its own configuration.
    fn check_platform(&self, entry: &Descriptor) -> Result<(), Stop> {
        let (Kind::Image, Some(said)) = (&self.single.kind, entry.platform()) else {
            return Ok(());
        };
        match &self.config.platform {
            Some(own) if !own.contradicts(&said) => Ok(()),
            own => Err(Stop::Unsound(words::other_platform(&said, &entry.digest, own.as_ref()))),
        }
    }
}

type Same = fn(&str, &str) -> bool;

/// Tells whether two addresses lead to the same repository, however they are written.
pub(super) fn is_same_repository(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

/// Host and path: of `https://`, of `git@host:path`, with and without `.git`.
fn plain(address: &str) -> String {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    let rest = rest.strip_prefix("git+").unwrap_or(rest);
    let rest = match rest.split_once('/') {
        Some((host, path)) => {
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{}/{path}", host.replacen(':', "/", 1))
        }
        None => rest.to_owned(),
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    rest.strip_suffix(".git").unwrap_or(rest).to_lowercase()
}

/// Tells whether two texts name the same commit; one of them may be short.
fn is_same_commit(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    short.len() >= 7 && long.starts_with(&short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_however_it_is_written() {
        for same in [
            "https://github.com/acme/shop",
            "git@github.com:acme/shop.git",
            "GitHub.com/Acme/shop/",
        ] {
            assert!(is_same_repository("https://github.com/acme/shop.git", same), "{same}");
        }
        for other in ["https://github.com/acme/shop2", "https://gitlab.com/acme/shop", "shop", ""] {
            assert!(!is_same_repository("https://github.com/acme/shop", other), "{other}");
        }
    }

    #[test]
    fn a_commit_is_the_same_by_its_first_digits() {
        assert!(
            is_same_commit("9f2c1ab", "9F2C1AB000") && !is_same_commit("9f2c1ab", "9f2c1ac000")
        );
        assert!(!is_same_commit("9f", "9f2c1ab") && !is_same_commit("", "9f2c1ab"));
    }
}
