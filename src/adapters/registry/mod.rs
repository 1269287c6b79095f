//! Asks registries what their digests and tags are.
//!
//! OCI Distribution Specification 1.1, with Docker's media types and its way to tokens. Everything
//! that is asked for by a digest is hashed here, so that neither a mirror nor a store behind a
//! redirect has to be believed.

mod answer;
mod challenge;
mod host;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::app::ports::{Clock, Fetched, Registry, RegistryError};
use crate::domain::artifact::{Digest, ImageName, Tag};
use crate::domain::registry::{Reference, RegistryName, Shelf};

use answer::{Answer, unreachable};
use host::{Host, Question};

pub use host::RegistryLogin;

/// Reads what a registry asks for, and tells how many ways in it found: the parser's door for the
/// fuzz targets in `fuzz/`.
#[cfg(fuzzing)]
pub fn ways_in(header: &str) -> usize {
    challenge::Challenge::read(header).len()
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long each question may take, its answer's last byte included.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What registries themselves take for a manifest at most.
const LONGEST_MANIFEST: usize = 4 * 1024 * 1024;

/// Every kind of manifest that is asked for: images and indexes, the old and the new ones. A
/// registry that has another kind says so, instead of making one of these out of it.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
                         application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// What is known of a registry beyond its name.
#[derive(Clone, Default)]
pub struct RegistrySettings {
    /// Its address, where that is not `https://` and its name.
    pub url: Option<Url>,
    /// Who gives out its tokens, where that is another host.
    pub token_server: Option<Url>,
    /// What gets in.
    pub credentials: Option<RegistryLogin>,
    /// Certificates of a private authority, as PEM, trusted besides the system's.
    pub ca: Option<String>,
    /// Where what is asked for by digest is looked for first: HOST, or HOST/PREFIX.
    pub mirrors: Vec<RegistryMirror>,
}

/// A place that has copies of a registry's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryMirror {
    /// The registry that it is.
    pub registry: RegistryName,
    /// What stands before the repository's name there; may be empty.
    pub prefix: String,
}

/// Every registry.
pub struct Registries {
    /// Those that the configuration speaks of, with their mirrors.
    known: BTreeMap<RegistryName, (Arc<Host>, Vec<RegistryMirror>)>,
    /// The others, as they are first asked.
    others: Mutex<BTreeMap<RegistryName, Arc<Host>>>,
    http: Client,
    clock: Arc<dyn Clock>,
}

impl Registries {
    /// Prepares to ask; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When HTTPS cannot be prepared, or a certificate cannot be read.
    pub fn new(
        settings: BTreeMap<RegistryName, RegistrySettings>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let http = client(Vec::new())?;
        let mut known = BTreeMap::new();
        for (name, settings) in settings {
            let http = match &settings.ca {
                Some(pem) => {
                    let certificates = Certificate::from_pem_bundle(pem.as_bytes());
                    client(certificates.with_context(|| format!("reading registries.{name}.ca"))?)?
                }
                None => http.clone(),
            };
            let mirrors = settings.mirrors.clone();
            let host = host(&name, http, settings, &clock)?;
            known.insert(name, (Arc::new(host), mirrors));
        }
        Ok(Self { known, others: Mutex::default(), http, clock })
    }

    fn host(&self, name: &RegistryName) -> Result<Arc<Host>, RegistryError> {
        if let Some((host, _)) = self.known.get(name) {
            return Ok(Arc::clone(host));
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = others.get(name) {
            return Ok(Arc::clone(host));
        }
        let host = host(name, self.http.clone(), RegistrySettings::default(), &self.clock);
        let host = host.map_err(|error| unreachable(name.as_str(), error.to_string()))?;
        let host = Arc::new(host);
        others.insert(name.clone(), Arc::clone(&host));
        Ok(host)
    }

    /// Where what is named by its digest is looked for: its registry's mirrors, then itself.
    fn copies(&self, shelf: Shelf) -> Vec<Shelf> {
        let mirrors = self.known.get(&shelf.registry).map_or(&[][..], |(_, mirrors)| mirrors);
        let copy = |mirror: &RegistryMirror| {
            let (registry, repository) = (mirror.registry.clone(), &shelf.repository);
            let prefix = mirror.prefix.trim_end_matches('/');
            let slash = if prefix.is_empty() { "" } else { "/" };
            Shelf { registry, repository: format!("{prefix}{slash}{repository}") }
        };
        mirrors.iter().map(copy).chain([shelf.clone()]).collect()
    }

    async fn ask(&self, shelf: &Shelf, asked: Asked) -> Result<Answer, RegistryError> {
        let question = Question {
            method: asked.method,
            repository: &shelf.repository,
            path: format!("{}/{}", asked.room, asked.name),
            accept: asked.accept,
            what: format!("{} {}", shelf.repository, asked.name),
            limit: asked.limit,
        };
        self.host(&shelf.registry)?.ask(&question).await
    }

    /// What a digest names, wherever a copy of it is; hashed and compared.
    async fn by_digest(
        &self,
        image: &ImageName,
        digest: &Digest,
        asked: Asked,
    ) -> Result<Answer, RegistryError> {
        let mut last = None;
        for shelf in self.copies(image.shelf()) {
            let answer = self.ask(&shelf, asked.clone()).await;
            match answer.and_then(|answer| is_it(&shelf, digest, answer)) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    tracing::debug!("asking {} for {digest}: {error}", shelf.registry);
                    last = Some(error);
                }
            }
        }
        // The registry itself comes last, so that its word is the one that counts.
        Err(last.unwrap_or_else(|| unreachable(image.as_str(), "there is nobody to ask")))
    }
}

/// What is asked for, wherever it is kept.
#[derive(Clone)]
struct Asked {
    method: Method,
    /// `manifests`, `blobs` or `referrers`.
    room: &'static str,
    name: String,
    accept: &'static str,
    limit: usize,
}

impl Asked {
    fn manifest(name: &str) -> Self {
        Self {
            method: Method::GET,
            room: "manifests",
            name: name.to_owned(),
            accept: MANIFESTS,
            limit: LONGEST_MANIFEST,
        }
    }
}

#[async_trait]
impl Registry for Registries {
    async fn resolve(&self, image: &ImageName, tag: &Tag) -> Result<Digest, RegistryError> {
        let asked = Asked { method: Method::HEAD, ..Asked::manifest(tag.as_str()) };
        let answer = self.ask(&image.shelf(), asked).await?;
        let told = answer.header(&CONTENT_DIGEST).and_then(|digest| digest.parse().ok());
        match told {
            Some(digest) => Ok(digest),
            // It need not say: then it is what its bytes are.
            None => Ok(self.manifest(image, &Reference::Tag(tag.clone())).await?.digest),
        }
    }

    async fn manifest(
        &self,
        image: &ImageName,
        reference: &Reference,
    ) -> Result<Fetched, RegistryError> {
        let asked = Asked::manifest(reference.as_str());
        let answer = match reference {
            Reference::Digest(digest) => self.by_digest(image, digest, asked).await?,
            Reference::Tag(_) => self.ask(&image.shelf(), asked).await?,
        };
        let media_type = answer.header(&CONTENT_TYPE).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        Ok(Fetched { media_type, digest: digest_of(&answer.body), bytes: answer.body })
    }

    async fn blob(
        &self,
        image: &ImageName,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<u8>, RegistryError> {
        let asked = Asked {
            method: Method::GET,
            room: "blobs",
            name: digest.to_string(),
            accept: "*/*",
            limit,
        };
        Ok(self.by_digest(image, digest, asked).await?.body)
    }

    async fn referrers(
        &self,
        image: &ImageName,
        digest: &Digest,
    ) -> Result<Vec<u8>, RegistryError> {
        let asked = Asked {
            method: Method::GET,
            room: "referrers",
            name: digest.to_string(),
            accept: "application/vnd.oci.image.index.v1+json",
            limit: LONGEST_MANIFEST,
        };
        Ok(self.ask(&image.shelf(), asked).await?.body)
    }
}

/// A client with deadlines; where an answer leads is followed by hand, so that a login goes to
/// nobody but the registry.
fn client(certificates: Vec<Certificate>) -> anyhow::Result<Client> {
    let client = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(Policy::none())
        .user_agent(concat!("hoist/", env!("CARGO_PKG_VERSION")))
        .tls_certs_merge(certificates);
    Ok(client.build()?)
}

fn host(
    name: &RegistryName,
    http: Client,
    settings: RegistrySettings,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Host> {
    let of_host = |host: &str| {
        Url::parse(&format!("https://{host}")).with_context(|| format!("{host} is no host"))
    };
    let base = match settings.url {
        Some(url) => url,
        None => of_host(name.host())?,
    };
    let token_server = match (settings.token_server, name.token_host()) {
        (Some(url), _) => Some(url),
        (None, Some(host)) => Some(of_host(host)?),
        (None, None) => None,
    };
    Ok(Host {
        name: name.to_string(),
        http,
        base,
        token_server,
        credentials: settings.credentials,
        clock: Arc::clone(clock),
        logins: Mutex::default(),
        trouble: Mutex::default(),
    })
}

fn is_it(shelf: &Shelf, digest: &Digest, answer: Answer) -> Result<Answer, RegistryError> {
    let found = digest_of(&answer.body);
    if &found == digest {
        return Ok(answer);
    }
    let why = format!("under {digest} it has bytes whose digest is {found}");
    Err(RegistryError::Untrue { registry: shelf.registry.to_string(), why })
}

fn digest_of(bytes: &[u8]) -> Digest {
    let text = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
    text.parse().expect("SHA-256 in hex is a digest")
}
