//! Whose signature counts, and what a provenance has to say.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sigstore_verify::Verifier;
use sigstore_verify::trust_root as sigstore;
use sigstore_verify::types::TimeRange;

use super::pattern::Pattern;
use super::template::Template;

/// How the DER of every public key on P-256 begins (RFC 5480): the algorithm, the curve, and that
/// both coordinates follow.
const P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// Whose signature counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// Whoever has the private half of this key.
    Key(PublicKey),
    /// Whoever a certificate authority knew at the time.
    Keyless(Box<Keyless>),
}

/// Whoever a certificate authority knew at the time of signing (Sigstore: Fulcio and Rekor).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyless {
    /// Who they are: a mail address or the address of a workflow.
    pub identity: Pattern,
    /// Who knew that: exactly what stands in the certificate.
    pub issuer: String,
    /// Who is trusted to say all that.
    pub trust: Trust,
}

/// Who is trusted to say who signed something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Authorities and a log, each named.
    Listed {
        /// The authorities, as DER.
        authorities: Vec<Vec<u8>>,
        /// What the log of signatures signs with: it says when something was signed.
        log: PublicKey,
    },
    /// A whole instance of Sigstore.
    Root(TrustedRoot),
}

/// What an instance of Sigstore is known by: its authorities, its logs and its clocks, each with
/// its time (github.com/sigstore/protobuf-specs, `sigstore_trustroot.proto`).
#[derive(Clone, PartialEq, Eq)]
pub struct TrustedRoot(String);

/// Why a text is no trusted root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no trusted root of Sigstore's: {0}")]
pub struct InvalidRoot(String);

/// What a provenance has to say, and who has to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenanceRule {
    /// Who built it.
    pub builder: Pattern,
    /// The repository it was built from; none means the announced one.
    pub source: Option<Template>,
    /// Whose signature counts.
    pub signer: Signer,
}

impl TrustedRoot {
    /// The same in the words of Sigstore's own library.
    pub fn parsed(&self) -> Result<sigstore::TrustedRoot, InvalidRoot> {
        sigstore::TrustedRoot::from_json(&self.0).map_err(|error| InvalidRoot(error.to_string()))
    }
}

impl FromStr for TrustedRoot {
    type Err = InvalidRoot;

    /// Reads `sigstore` (the public instance), `github` (GitHub's own, of private repositories), or
    /// the text of a `trusted_root.json`.
    fn from_str(text: &str) -> Result<Self, InvalidRoot> {
        let root = Self(match text {
            "sigstore" => sigstore::SIGSTORE_PRODUCTION_TRUSTED_ROOT.to_owned(),
            "github" => sigstore::SIGSTORE_GITHUB_TRUSTED_ROOT.to_owned(),
            json => json.to_owned(),
        });
        let parsed = root.parsed()?;
        if parsed.certificate_authorities.is_empty() {
            return Err(InvalidRoot("there is no certificate authority in it".to_owned()));
        }
        Verifier::new(&parsed).map_err(|error| InvalidRoot(error.to_string()))?;
        Ok(root)
    }
}

impl fmt::Debug for TrustedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedRoot({})", hex::encode(Sha256::digest(&self.0)))
    }
}

impl Trust {
    /// The authorities that counted at a time, as DER.
    pub fn authorities_at(&self, time: Timestamp) -> Vec<Vec<u8>> {
        match self {
            Self::Listed { authorities, .. } => authorities.clone(),
            Self::Root(root) => {
                let all = root.parsed().map(|root| root.certificate_authorities);
                let then = all.into_iter().flatten().filter(|it| counts(it.valid_for, time));
                let certificates = then.flat_map(|it| it.cert_chain.certificates);
                certificates.map(|it| it.raw_bytes.as_bytes().to_vec()).collect()
            }
        }
    }

    /// The keys of the logs that counted at a time.
    pub fn logs_at(&self, time: Timestamp) -> Vec<PublicKey> {
        match self {
            Self::Listed { log, .. } => vec![log.clone()],
            Self::Root(root) => {
                let keys = root.parsed().map(|root| root.tlogs);
                let keys = keys.into_iter().flatten().map(|log| log.public_key);
                let then = keys.filter(|key| counts(key.valid_for, time));
                then.filter_map(|key| PublicKey::of_der(key.raw_bytes.as_bytes().to_vec()))
                    .collect()
            }
        }
    }
}

fn counts(within: Option<TimeRange>, time: Timestamp) -> bool {
    within.is_none_or(|within| within.contains(time))
}

/// A public key on the curve P-256, as DER.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

/// Why a text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// There is none in it.
    #[error("there is no `-----BEGIN PUBLIC KEY-----` in it")]
    NoKey,
    /// It is of another kind.
    #[error("it is no ECDSA key on P-256, which is the kind that `cosign generate-key-pair` makes")]
    OtherKind,
}

impl PublicKey {
    fn of_der(der: Vec<u8>) -> Option<Self> {
        let fits = der.len() == P256.len() + 64 && der.starts_with(&P256);
        fits.then_some(Self(der))
    }

    /// The key as DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let der = pem(text, "PUBLIC KEY").into_iter().next().ok_or(InvalidKey::NoKey)?;
        Self::of_der(der).ok_or(InvalidKey::OtherKind)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&Sha256::digest(&self.0)[..8]))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(Sha256::digest(&self.0)))
    }
}

/// What stands between the marks of a PEM text (RFC 7468), each block decoded.
pub fn pem(text: &str, label: &str) -> Vec<Vec<u8>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let blocks = text.split(&begin).skip(1).filter_map(|rest| rest.split_once(&end));
    let decode = |(block, _): (&str, &str)| {
        let block: String = block.split_whitespace().collect();
        STANDARD.decode(block).ok()
    };
    blocks.filter_map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_on_p256() {
        let pem = |der: &[u8]| {
            format!(
                "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
                STANDARD.encode(der)
            )
        };
        let der = [&P256[..], &[7; 64]].concat();
        assert_eq!(pem(&der).parse::<PublicKey>().unwrap().der(), der);
        assert_eq!(pem(&der[1..]).parse::<PublicKey>(), Err(InvalidKey::OtherKind));
        assert_eq!(pem(&[]).parse::<PublicKey>(), Err(InvalidKey::OtherKind));
        assert_eq!("".parse::<PublicKey>(), Err(InvalidKey::NoKey));
    }
}
