//! Looks for the signatures and the provenance of an artifact where their makers put them.
//!
//! Under tags that follow from the digest (`sha256-….sig`, `sha256-….att`), as cosign has always
//! done; and among what refers to it (OCI 1.1), with the tag that stands for that where a registry
//! does not keep it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bundle::{Holder, holder};
use super::content::is_same_repository;
use super::proof::{Evidence, Signed, check_holder, signer};
use super::{Open, Stop};
use crate::app::App;
use crate::app::ports::RegistryError;
use crate::domain::artifact::{Artifact, Digest, Tag};
use crate::domain::attestation::{Envelope, NoStatement, Provenance, check_simple_signing};
use crate::domain::id::ApplicationName;
use crate::domain::oci::{Descriptor, Index, Manifest};
use crate::domain::pattern::Fit;
use crate::domain::registry::Reference;
use crate::domain::sigstore::{self, Bundle, LogWord};
use crate::domain::trust::{Keyless, ProvenanceRule, Signer, Trust, TrustedRoot, pem};
use crate::messages::examination as words;

/// The kinds of layers that signatures and attestations stand in, besides Sigstore's bundles.
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";

/// More than a signature or a provenance needs. What is longer is something else: a list of what
/// is in an image often is.
///
/// Whoever may push can put it there, and read it takes many times its room.
const LONGEST: usize = 4 * 1024 * 1024;

/// How many are looked at: whoever may push can put as many there as they like.
const MOST_LAYERS: usize = 16;

/// How many of those that refer to an artifact are looked at.
const MOST_REFERRERS: usize = 8;

impl App {
    /// Finds a signature of somebody who counts, and tells whose.
    pub(super) async fn signature(
        &self,
        wanted: &Signer,
        artifact: &Artifact,
        application: &ApplicationName,
    ) -> Result<String, Stop> {
        let mut why = Vec::new();
        for layer in self.beside(artifact, "sig", SIMPLE_SIGNING).await? {
            let counts = self.bytes_of(&layer, artifact).await?.and_then(|bytes| {
                if layer.media_type == SIMPLE_SIGNING {
                    signed_payload(&layer, bytes, artifact, (wanted, application))
                } else {
                    signed_bundle(&bytes, artifact, (wanted, application))
                }
            });
            match counts {
                Ok(who) => return Ok(who),
                Err(reason) => why.push(reason),
            }
        }
        Err(unfit(&why, |why| words::unsigned(&artifact.image, why)))
    }

    /// Finds a provenance that says what it has to, by somebody who counts, and tells what it says.
    pub(super) async fn provenance(
        &self,
        rule: &ProvenanceRule,
        artifact: &Artifact,
        application: &ApplicationName,
    ) -> Result<String, Stop> {
        let mut why = Vec::new();
        for layer in self.beside(artifact, "att", ENVELOPE).await? {
            let bytes = self.bytes_of(&layer, artifact).await?;
            match bytes.and_then(|it| attested(&layer, &it, artifact, (rule, application))) {
                Ok(told) => return Ok(told),
                Err(reason) => why.push(reason),
            }
        }
        Err(unfit(&why, |why| words::unproven(&artifact.image, why)))
    }

    /// What a layer holds, or why it is none that counts; nobody can be passed over who is only
    /// silent.
    async fn bytes_of(
        &self,
        layer: &Descriptor,
        artifact: &Artifact,
    ) -> Result<Result<Vec<u8>, Misfit>, Stop> {
        match self.registry.blob(&artifact.image, &layer.digest, LONGEST).await {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(error @ (RegistryError::Missing { .. } | RegistryError::TooLong { .. })) => {
                Ok(Err(Misfit::Other(error.to_string())))
            }
            Err(error @ RegistryError::Untrue { .. }) => Ok(Err(Misfit::Wrong(error.to_string()))),
            Err(
                error @ (RegistryError::Unauthorized { .. }
                | RegistryError::RateLimited { .. }
                | RegistryError::Unreachable { .. }),
            ) => Err(error.into()),
        }
    }

    /// The layers of that kind, and Sigstore's bundles, in what stands beside an artifact.
    async fn beside(
        &self,
        artifact: &Artifact,
        suffix: &str,
        kind: &str,
    ) -> Result<Vec<Descriptor>, Stop> {
        let by_tag = tag_of(&artifact.digest, Some(suffix)).map(Reference::Tag);
        let mut places: Vec<Reference> = by_tag.into_iter().collect();
        let referrers = self.referrers(artifact).await?;
        places.extend(referrers.into_iter().map(|it| Reference::Digest(it.digest)));
        let mut layers = Vec::new();
        for place in places {
            let found = match self.registry.manifest(&artifact.image, &place).await {
                Ok(found) => found,
                Err(RegistryError::Missing { .. } | RegistryError::TooLong { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            // What else refers to an artifact need not be anything that hoist knows.
            if let Ok(Manifest::Single(single)) = Manifest::parse(&found.media_type, &found.bytes) {
                let counts = |it: &Descriptor| {
                    it.media_type == kind || it.media_type.starts_with(sigstore::MEDIA_TYPE)
                };
                layers.extend(single.layers.into_iter().filter(counts));
            }
        }
        layers.truncate(MOST_LAYERS);
        Ok(layers)
    }

    /// What refers to an artifact, in the registry's own list or under the tag that stands for it.
    async fn referrers(&self, artifact: &Artifact) -> Result<Vec<Descriptor>, Stop> {
        const INDEX: &str = "application/vnd.oci.image.index.v1+json";
        let (image, digest) = (&artifact.image, &artifact.digest);
        let index = match self.registry.referrers(image, digest).await {
            Ok(index) => index,
            Err(RegistryError::Missing { .. }) => {
                let Some(tag) = tag_of(digest, None) else { return Ok(Vec::new()) };
                match self.registry.manifest(image, &Reference::Tag(tag)).await {
                    Ok(found) => found.bytes,
                    Err(RegistryError::Missing { .. }) => return Ok(Vec::new()),
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        };
        match Manifest::parse(INDEX, &index) {
            Ok(Manifest::Index(Index { mut entries, .. })) => {
                entries.retain(|entry| entry.is_by_a_signer());
                entries.truncate(MOST_REFERRERS);
                Ok(entries)
            }
            Ok(Manifest::Single(_)) | Err(_) => Ok(Vec::new()),
        }
    }
}

/// Why what stands beside an artifact is not what is looked for.
enum Misfit {
    /// It is something else; what is looked for may still come.
    Other(String),
    /// It is that, and does not count.
    Wrong(String),
}

impl Misfit {
    fn why(&self) -> &str {
        match self {
            Self::Other(why) | Self::Wrong(why) => why,
        }
    }
}

impl From<String> for Misfit {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

impl From<NoStatement> for Misfit {
    fn from(error: NoStatement) -> Self {
        match error {
            NoStatement::NoSignature | NoStatement::NoProvenance => Self::Other(error.to_string()),
            NoStatement::Unreadable | NoStatement::Another => Self::Wrong(error.to_string()),
        }
    }
}

/// What is wrong is wrong for good; where only other things are there, or none, it may still come.
fn unfit(why: &[Misfit], told: impl FnOnce(&[&str]) -> String) -> Stop {
    let is_wrong = why.iter().any(|it| matches!(it, Misfit::Wrong(_)));
    let why: Vec<&str> = why.iter().map(Misfit::why).collect();
    let told = told(&why);
    if is_wrong { Stop::Unsound(told) } else { Stop::Open(Open::Missing(told)) }
}

/// `sha256-…`, with what follows a dot.
fn tag_of(digest: &Digest, suffix: Option<&str>) -> Option<Tag> {
    let name = digest.as_str().replacen(':', "-", 1);
    let dot = if suffix.is_some() { "." } else { "" };
    format!("{name}{dot}{}", suffix.unwrap_or_default()).parse().ok()
}

/// What stands beside a signature in its layer's annotations, as cosign writes them.
fn annotated(layer: &Descriptor) -> Evidence {
    let text = |name: &str| layer.annotations.get(name).map(String::as_str);
    let certificates = |name| pem(text(name).unwrap_or_default(), "CERTIFICATE");
    Evidence {
        certificate: certificates(CERTIFICATE).into_iter().next(),
        chain: certificates(CHAIN),
        log: text(BUNDLE).and_then(LogWord::of_cosign),
    }
}

fn signed_payload(
    layer: &Descriptor,
    payload: Vec<u8>,
    artifact: &Artifact,
    (wanted, application): (&Signer, &ApplicationName),
) -> Result<String, Misfit> {
    check_simple_signing(&payload, &artifact.digest)?;
    let signature = layer.annotations.get(SIGNATURE).and_then(|text| STANDARD.decode(text).ok());
    let signed = Signed {
        bytes: payload.clone(),
        signature: signature.ok_or_else(|| "it has no signature".to_owned())?,
        payload,
        evidence: &annotated(layer),
    };
    Ok(signer(&signed, wanted, application)?)
}

fn signed_bundle(
    bytes: &[u8],
    artifact: &Artifact,
    (wanted, application): (&Signer, &ApplicationName),
) -> Result<String, Misfit> {
    let (envelope, evidence) = opened(bytes)?;
    envelope.check_signature(&artifact.digest)?;
    match rooted(wanted) {
        Some((rule, root)) => Ok(bundle_signer(bytes, artifact, (rule, root), application)?),
        None => Ok(signer_of(&envelope, &evidence, (wanted, application))?),
    }
}

/// The rule and the trusted root by which a bundle is judged as a whole, where there is one.
fn rooted(wanted: &Signer) -> Option<(&Keyless, &TrustedRoot)> {
    match wanted {
        Signer::Keyless(rule) => match &rule.trust {
            Trust::Root(root) => Some((rule, root)),
            Trust::Listed { .. } => None,
        },
        Signer::Key(_) => None,
    }
}

fn bundle_signer(
    bytes: &[u8],
    artifact: &Artifact,
    (rule, root): (&Keyless, &TrustedRoot),
    application: &ApplicationName,
) -> Result<String, String> {
    let Holder { issuer, names } = holder(bytes, &artifact.digest, root)?;
    check_holder(issuer.as_deref(), &names, (rule, application))
}

fn attested(
    layer: &Descriptor,
    bytes: &[u8],
    artifact: &Artifact,
    (rule, application): (&ProvenanceRule, &ApplicationName),
) -> Result<String, Misfit> {
    let (envelope, evidence) = if layer.media_type == ENVELOPE {
        (Envelope::parse(bytes)?, annotated(layer))
    } else {
        opened(bytes)?
    };
    let provenance = envelope.provenance(&artifact.digest)?;
    let who = match rooted(&rule.signer).filter(|_| layer.media_type != ENVELOPE) {
        Some(by) => bundle_signer(bytes, artifact, by, application)?,
        None => signer_of(&envelope, &evidence, (&rule.signer, application))?,
    };
    check_provenance(&provenance, rule, artifact, application)?;
    Ok(words::proven(&provenance, &who))
}

/// What a bundle of Sigstore's holds.
pub(super) fn opened(bytes: &[u8]) -> Result<(Envelope, Evidence), String> {
    let bundle = Bundle::parse(bytes).map_err(|error| error.to_string())?;
    let Bundle { envelope, certificate, chain, log } = bundle;
    Ok((envelope, Evidence { certificate, chain, log }))
}

/// Who of those that signed an envelope counts, in words.
fn signer_of(
    envelope: &Envelope,
    evidence: &Evidence,
    (wanted, application): (&Signer, &ApplicationName),
) -> Result<String, String> {
    let told = |error: NoStatement| error.to_string();
    let mut who = Err("nobody has signed it".to_owned());
    for signature in envelope.signatures() {
        let (bytes, payload) =
            (envelope.signed().map_err(told)?, envelope.payload().map_err(told)?);
        who = signer(&Signed { bytes, signature, payload, evidence }, wanted, application);
        if who.is_ok() {
            break;
        }
    }
    who
}

fn check_provenance(
    found: &Provenance,
    rule: &ProvenanceRule,
    artifact: &Artifact,
    application: &ApplicationName,
) -> Result<(), String> {
    let fits = match rule.builder.fit(&found.builder) {
        Some(Fit::Plain) => true,
        Some(Fit::Application(named)) => &named == application,
        None => false,
    };
    if !fits {
        return Err(format!("it was built by {:?}, and `{}` counts", found.builder, rule.builder));
    }
    let wanted = rule.source.as_ref().map(|source| source.for_application(application));
    let Some(wanted) = wanted.or_else(|| artifact.source.repository.clone()) else {
        return Ok(());
    };
    match &found.source {
        Some(source) if is_same_repository(source, &wanted) => Ok(()),
        Some(source) => Err(format!("it was built from {source:?}, and {wanted:?} counts")),
        None => Err("it does not say from which repository it was built".into()),
    }
}
