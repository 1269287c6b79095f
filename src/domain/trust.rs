//! Whose signature counts, and what a provenance has to say.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

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
    /// The authorities, as DER.
    pub roots: Vec<Vec<u8>>,
    /// What the log of signatures signs with: it says when something was signed.
    pub log: PublicKey,
}

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
    /// The key as DER.
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let der = pem(text, "PUBLIC KEY").into_iter().next().ok_or(InvalidKey::NoKey)?;
        let fits = der.len() == P256.len() + 64 && der.starts_with(&P256);
        fits.then_some(Self(der)).ok_or(InvalidKey::OtherKind)
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
