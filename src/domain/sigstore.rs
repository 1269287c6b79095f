//! Sigstore's bundles: a signature, whose it is, and the log's word on it, in one JSON document
//! (github.com/sigstore/protobuf-specs, `sigstore_bundle.proto`, media type
//! `application/vnd.dev.sigstore.bundle.v0.3+json` and the older ones).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::attestation::{Envelope, NoStatement};

/// What the media type of every version of a bundle begins with.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle";

/// The log's word on a signature: its signed entry timestamp, and what that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogWord {
    /// The log's entry, in base64 as it was signed.
    pub body: String,
    /// When the log took it in, in seconds since 1970.
    pub integrated_time: i64,
    /// Its place in the log.
    pub log_index: i64,
    /// Which log, in hex digits.
    pub log_id: String,
    /// The log's signature over these.
    pub promise: Vec<u8>,
}

/// The same as cosign keeps it in an annotation.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawAnnotation {
    signed_entry_timestamp: String,
    payload: RawPayload,
}

#[derive(Deserialize)]
struct RawPayload {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: i64,
    #[serde(rename = "logIndex")]
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

impl LogWord {
    /// Reads the annotation `dev.sigstore.cosign/bundle`.
    pub fn of_cosign(text: &str) -> Option<Self> {
        let RawAnnotation { signed_entry_timestamp, payload } = serde_json::from_str(text).ok()?;
        let RawPayload { body, integrated_time, log_index, log_id } = payload;
        let promise = decoded(&signed_entry_timestamp).ok()?;
        Some(Self { body, integrated_time, log_index, log_id, promise })
    }
}

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The statement, and its signatures.
    pub envelope: Envelope,
    /// The signer's certificate, in DER; none where a key is to be known beforehand.
    pub certificate: Option<Vec<u8>>,
    /// Who vouches for that, in DER.
    pub chain: Vec<Vec<u8>>,
    /// The log's word, where it gave one.
    pub log: Option<LogWord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBundle {
    verification_material: RawMaterial,
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMaterial {
    certificate: Option<RawCertificate>,
    x509_certificate_chain: Option<RawChain>,
    #[serde(default)]
    tlog_entries: Vec<RawEntry>,
}

#[derive(Deserialize)]
struct RawChain {
    certificates: Vec<RawCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCertificate {
    raw_bytes: String,
}

/// Numbers are text here, as Protocol Buffers write 64 bits in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry {
    log_index: String,
    log_id: RawLogId,
    #[serde(default)]
    integrated_time: String,
    inclusion_promise: Option<RawPromise>,
    #[serde(default)]
    canonicalized_body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLogId {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPromise {
    signed_entry_timestamp: String,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds something else than a signed statement.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoStatement> {
        let raw: RawBundle = serde_json::from_slice(bytes).map_err(|_| NoStatement::Unreadable)?;
        let RawMaterial { certificate, x509_certificate_chain, tlog_entries } =
            raw.verification_material;
        let chain = x509_certificate_chain.map(|chain| chain.certificates).unwrap_or_default();
        let certificates: Result<Vec<_>, _> =
            certificate.into_iter().chain(chain).map(|it| decoded(&it.raw_bytes)).collect();
        let mut certificates = certificates?.into_iter();
        Ok(Self {
            envelope: raw.dsse_envelope.ok_or(NoStatement::Unreadable)?,
            certificate: certificates.next(),
            chain: certificates.collect(),
            log: tlog_entries.into_iter().find_map(RawEntry::word).transpose()?,
        })
    }
}

impl RawEntry {
    /// What the log promised, if it did: newer logs prove instead that the entry is in them, and
    /// say nothing of when.
    fn word(self) -> Option<Result<LogWord, NoStatement>> {
        let promise = self.inclusion_promise?;
        Some((|| {
            Ok(LogWord {
                body: self.canonicalized_body,
                integrated_time: number(&self.integrated_time)?,
                log_index: number(&self.log_index)?,
                log_id: hex::encode(decoded(&self.log_id.key_id)?),
                promise: decoded(&promise.signed_entry_timestamp)?,
            })
        })())
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, NoStatement> {
    STANDARD.decode(text).map_err(|_| NoStatement::Unreadable)
}

fn number(text: &str) -> Result<i64, NoStatement> {
    text.parse().map_err(|_| NoStatement::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &str = r#"{"payloadType": "text/x", "payload": "aGk=", "signatures": []}"#;

    fn bundle(material: &str) -> Result<Bundle, NoStatement> {
        let text = format!(r#"{{"verificationMaterial": {material}, "dsseEnvelope": {ENVELOPE}}}"#);
        Bundle::parse(text.as_bytes())
    }

    #[test]
    fn a_bundle_of_a_key_has_neither_certificate_nor_log() {
        let bundle = bundle(r#"{"publicKey": {"hint": "x"}}"#).unwrap();
        assert_eq!((bundle.certificate, bundle.log), (None, None));
    }

    #[test]
    fn a_chain_of_the_older_form_begins_with_the_signer() {
        let chain = r#"{"x509CertificateChain": {"certificates":
            [{"rawBytes": "AQ=="}, {"rawBytes": "Ag=="}]}}"#;
        let bundle = bundle(chain).unwrap();
        assert_eq!((bundle.certificate, bundle.chain), (Some(vec![1]), vec![vec![2]]));
    }

    #[test]
    fn an_entry_without_a_promise_is_no_word() {
        let entry = r#"{"tlogEntries": [{"logIndex": "7", "logId": {"keyId": "wN4="}}]}"#;
        assert_eq!(bundle(entry).unwrap().log, None);
        let promised = r#"{"tlogEntries": [{"logIndex": "7", "logId": {"keyId": "wN4="},
            "integratedTime": "12", "inclusionPromise": {"signedEntryTimestamp": "AQ=="},
            "canonicalizedBody": "e30="}]}"#;
        let word = bundle(promised).unwrap().log.unwrap();
        assert_eq!((word.log_index, word.integrated_time, &*word.log_id), (7, 12, "c0de"));
        let wrong = promised.replace("\"12\"", "\"soon\"");
        assert_eq!(bundle(&wrong), Err(NoStatement::Unreadable));
    }
}
