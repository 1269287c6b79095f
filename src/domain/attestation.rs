//! What signers say about an artifact: signatures as cosign makes them, and provenance.
//!
//! cosign's SIGNATURE_SPEC.md ("simple signing"), and its statement of the same since version 3;
//! DSSE 1.0; in-toto Statement v0.1 and v1; SLSA provenance v0.2 and v1.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::artifact::Digest;

/// What stands in a payload that cosign signs.
const SIMPLE_SIGNING: &str = "cosign container image signature";

/// The payload of every in-toto envelope.
const IN_TOTO: &str = "application/vnd.in-toto+json";

const STATEMENTS: [&str; 2] =
    ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];

/// What cosign 3 says of what it signs.
const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";

const PROVENANCE_1: &str = "https://slsa.dev/provenance/v1";
const PROVENANCE_0_2: &str = "https://slsa.dev/provenance/v0.2";

/// Why something that was signed says nothing about an artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoStatement {
    /// It cannot be read.
    #[error("what it signs cannot be read")]
    Unreadable,
    /// It is about something else.
    #[error("it is about another digest")]
    Another,
    /// It says something else of it.
    #[error("it says something else than that it is signed")]
    NoSignature,
    /// It is no provenance that is understood.
    #[error("it is no provenance (SLSA v0.2 or v1)")]
    NoProvenance,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: SignedImage,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SignedImage {
    docker_manifest_digest: String,
}

/// Holds a signed payload against the digest that it should be about.
pub fn check_simple_signing(payload: &[u8], digest: &Digest) -> Result<(), NoStatement> {
    let payload: Payload = serde_json::from_slice(payload).map_err(|_| NoStatement::Unreadable)?;
    if payload.critical.kind != SIMPLE_SIGNING {
        return Err(NoStatement::Unreadable);
    }
    let signed = payload.critical.image.docker_manifest_digest;
    if signed == digest.as_str() { Ok(()) } else { Err(NoStatement::Another) }
}

/// A signed envelope.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

/// What a provenance says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Who built it.
    pub builder: String,
    /// The repository it was built from, without what says which revision.
    pub source: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

impl Envelope {
    /// Reads an envelope.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoStatement> {
        serde_json::from_slice(bytes).map_err(|_| NoStatement::Unreadable)
    }

    /// What was signed, in the envelope's words.
    pub fn payload(&self) -> Result<Vec<u8>, NoStatement> {
        STANDARD.decode(&self.payload).map_err(|_| NoStatement::Unreadable)
    }

    /// The bytes that are really signed ("pre-authentication encoding").
    pub fn signed(&self) -> Result<Vec<u8>, NoStatement> {
        let payload = self.payload()?;
        let kind = &self.payload_type;
        let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
        Ok([head.into_bytes(), payload].concat())
    }

    /// The signatures, decoded.
    pub fn signatures(&self) -> Vec<Vec<u8>> {
        self.signatures.iter().filter_map(|it| STANDARD.decode(&it.sig).ok()).collect()
    }

    /// The provenance in it, if it is one of that digest.
    pub fn provenance(&self, digest: &Digest) -> Result<Provenance, NoStatement> {
        let statement = self.statement(NoStatement::NoProvenance)?;
        let found = provenance(&statement.predicate_type, &statement.predicate)
            .ok_or(NoStatement::NoProvenance)?;
        statement.check_about(digest)?;
        Ok(found)
    }

    /// Holds it against what cosign says of what it signs: that digest, and nothing else.
    pub fn check_signature(&self, digest: &Digest) -> Result<(), NoStatement> {
        let statement = self.statement(NoStatement::NoSignature)?;
        if statement.predicate_type != SIGNATURE {
            return Err(NoStatement::NoSignature);
        }
        statement.check_about(digest)
    }

    fn statement(&self, otherwise: NoStatement) -> Result<Statement, NoStatement> {
        if self.payload_type != IN_TOTO {
            return Err(otherwise);
        }
        let statement: Statement =
            serde_json::from_slice(&self.payload()?).map_err(|_| NoStatement::Unreadable)?;
        let is_known = STATEMENTS.contains(&statement.kind.as_str());
        if is_known { Ok(statement) } else { Err(otherwise) }
    }
}

impl Statement {
    fn check_about(&self, digest: &Digest) -> Result<(), NoStatement> {
        let digits = digest.as_str().strip_prefix("sha256:");
        let is_it = |subject: &Subject| subject.digest.get("sha256").map(String::as_str) == digits;
        if self.subject.iter().any(is_it) { Ok(()) } else { Err(NoStatement::Another) }
    }
}

fn provenance(kind: &str, predicate: &Value) -> Option<Provenance> {
    let text = |pointer: &str| predicate.pointer(pointer)?.as_str();
    let (builder, source) = match kind {
        PROVENANCE_1 => {
            let workflow = text("/buildDefinition/externalParameters/workflow/repository");
            let first = || text("/buildDefinition/resolvedDependencies/0/uri");
            (text("/runDetails/builder/id")?, workflow.or_else(first))
        }
        PROVENANCE_0_2 => {
            let first = || text("/materials/0/uri");
            (text("/builder/id")?, text("/invocation/configSource/uri").or_else(first))
        }
        _ => return None,
    };
    Some(Provenance { builder: builder.to_owned(), source: source.map(repository_of) })
}

/// `git+https://github.com/acme/shop@refs/heads/main` is of `https://github.com/acme/shop`.
fn repository_of(uri: &str) -> String {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    let start = uri.find("://").map_or(0, |at| at + 3);
    let path = uri[start..].find('/').map_or(uri.len(), |at| start + at);
    let end = uri[path..].find('@').map_or(uri.len(), |at| path + at);
    uri[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_told_without_its_revision() {
        for (uri, repository) in [
            ("git+https://github.com/acme/shop@refs/heads/main", "https://github.com/acme/shop"),
            ("https://github.com/acme/shop", "https://github.com/acme/shop"),
            ("git+ssh://git@github.com/acme/shop@v1", "ssh://git@github.com/acme/shop"),
            ("", ""),
        ] {
            assert_eq!(repository_of(uri), repository);
        }
    }

    #[test]
    fn what_is_signed_is_the_payload_with_its_type() {
        let envelope =
            r#"{"payloadType": "text/x", "payload": "aGk=", "signatures": [{"sig": ""}]}"#;
        let envelope = Envelope::parse(envelope.as_bytes()).unwrap();
        assert_eq!(envelope.signed().unwrap(), b"DSSEv1 6 text/x 2 hi");
        assert_eq!(Envelope::parse(b"[]"), Err(NoStatement::Unreadable));
    }
}
