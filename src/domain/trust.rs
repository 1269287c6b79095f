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

/// How the DER of every public key on a curve begins (RFC 5480, RFC 8410): the algorithm, the
/// curve, and that the point follows; and how many bytes that has.
const CURVES: [(KeyKind, &[u8], usize); 4] = [
    (
        KeyKind::P256,
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\
          \x07\x03\x42\x00\x04",
        64,
    ),
    (
        KeyKind::P384,
        b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\
          \x00\x04",
        96,
    ),
    (
        KeyKind::P521,
        b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\
          \x81\x86\x00\x04",
        132,
    ),
    (KeyKind::Ed25519, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 32),
];

/// What follows the length in the DER of every RSA key (RFC 8017).
const RSA: [u8; 15] = *b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// The DER of an RSA key of 2048 bits; what is shorter proves little.
const SHORTEST_RSA: usize = 294;

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

/// A public key, as DER.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    der: Vec<u8>,
}

/// The kinds of keys that can be checked: those that cosign takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256, as `cosign generate-key-pair` makes them.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA of 2048 bits or more.
    Rsa,
}

/// Why a text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// There is none in it.
    #[error("there is no `-----BEGIN PUBLIC KEY-----` in it")]
    NoKey,
    /// It is of another kind.
    #[error(
        "it is no key that can be checked: those are ECDSA on P-256, P-384 or P-521, Ed25519, and \
         RSA of 2048 bits or more"
    )]
    OtherKind,
}

impl PublicKey {
    /// Reads a key (RFC 5280, `SubjectPublicKeyInfo`); none where it is of no kind that is known.
    pub fn of_der(der: Vec<u8>) -> Option<Self> {
        let is_on = |(_, begin, point): &&(_, &[u8], _)| {
            der.len() == begin.len() + point && der.starts_with(begin)
        };
        let curve = CURVES.iter().find(is_on).map(|(kind, _, _)| *kind);
        let is_rsa = || {
            // Three bytes of length follow the first: it has more than 255.
            der.len() >= SHORTEST_RSA && der.get(4..4 + RSA.len()).is_some_and(|it| it == RSA)
        };
        let kind = curve.or_else(|| is_rsa().then_some(KeyKind::Rsa))?;
        Some(Self { kind, der })
    }

    /// The key as DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What kind it is of.
    pub fn kind(&self) -> KeyKind {
        self.kind
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
        f.write_str(&hex::encode(&Sha256::digest(&self.der)[..8]))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(Sha256::digest(&self.der)))
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
    fn a_key_is_of_a_kind_that_is_known() {
        let pem = |der: &[u8]| {
            format!(
                "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
                STANDARD.encode(der)
            )
        };
        for (kind, begin, point) in CURVES {
            let der = [begin, &vec![7; point]].concat();
            let key = pem(&der).parse::<PublicKey>().unwrap();
            assert_eq!((key.kind(), key.der()), (kind, der.as_slice()));
            assert_eq!(pem(&der[1..]).parse::<PublicKey>(), Err(InvalidKey::OtherKind));
        }
        let rsa = |length: usize| [&[0x30, 0x82, 1, 34], &RSA[..], &vec![7; length - 19]].concat();
        assert_eq!(pem(&rsa(294)).parse::<PublicKey>().unwrap().kind(), KeyKind::Rsa);
        assert_eq!(pem(&rsa(200)).parse::<PublicKey>(), Err(InvalidKey::OtherKind));
        assert_eq!(pem(&[]).parse::<PublicKey>(), Err(InvalidKey::OtherKind));
        assert_eq!("".parse::<PublicKey>(), Err(InvalidKey::NoKey));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        #[test]
        fn a_root_that_is_cut_or_spoiled_is_a_whole_root_or_none(
            place in 0..100_000_usize,
            with in "[\\x00-\\x7f]{0,3}",
            cut in proptest::bool::ANY,
        ) {
            let whole = sigstore::SIGSTORE_GITHUB_TRUSTED_ROOT;
            let place = (0..=place % whole.len()).rfind(|at| whole.is_char_boundary(*at));
            let (before, after) = whole.split_at(place.unwrap_or_default());
            let after = if cut { "" } else { after.get(1..).unwrap_or_default() };
            if let Ok(root) = format!("{before}{with}{after}").parse::<TrustedRoot>() {
                let trust = Trust::Root(root);
                let _times = (trust.authorities_at(Timestamp::MIN), trust.logs_at(Timestamp::MAX));
            }
        }
    }
}
