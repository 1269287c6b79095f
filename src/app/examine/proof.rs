//! Whose signature something bears: cosign's keys, and certificates that a log vouches for.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA256_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use webpki::{EndEntityCert, KeyUsage, aws_lc_rs as algorithms};
use x509_cert::Certificate;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::domain::id::ApplicationName;
use crate::domain::pattern::Fit;
use crate::domain::sigstore::LogWord;
use crate::domain::trust::{KeyKind, Keyless, PublicKey, Signer, Trust, pem};

/// Who knew the holder, as Fulcio writes it today and as it did before (github.com/sigstore/fulcio,
/// docs/oid-info.md).
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
const OLD_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");

/// Signing code, in DER: 1.3.6.1.5.5.7.3.3.
const CODE_SIGNING: &[u8] = &[43, 6, 1, 5, 5, 7, 3, 3];

const CHAIN_ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
];

/// Something that bears a signature.
pub(super) struct Signed<'a> {
    /// The bytes that were signed.
    pub(super) bytes: Vec<u8>,
    /// The signature over them, ASN.1.
    pub(super) signature: Vec<u8>,
    /// What the log's entry is about: the payload, which is not always what was signed.
    pub(super) payload: Vec<u8>,
    /// What came beside it.
    pub(super) evidence: &'a Evidence,
}

/// What comes beside a signature, to tell whose it is.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The signer's certificate, in DER.
    pub(super) certificate: Option<Vec<u8>>,
    /// Who vouches for that, in DER.
    pub(super) chain: Vec<Vec<u8>>,
    /// The log's word.
    pub(super) log: Option<LogWord>,
}

/// Tells who signed, in words; or why that is nobody who counts.
pub(super) fn signer(
    signed: &Signed<'_>,
    wanted: &Signer,
    application: &ApplicationName,
) -> Result<String, String> {
    match wanted {
        Signer::Key(key) => {
            verify(key, &signed.bytes, &signed.signature)
                .map_err(|()| "it is not made with the key that counts".to_owned())?;
            Ok(format!("the key {key}"))
        }
        Signer::Keyless(rule) => keyless(signed, rule, application),
    }
}

fn keyless(
    signed: &Signed<'_>,
    rule: &Keyless,
    application: &ApplicationName,
) -> Result<String, String> {
    let evidence = signed.evidence;
    let der = evidence.certificate.as_deref().ok_or("it comes without a certificate")?;
    let at = logged_at(signed, rule, der)?;
    check_chain(der, &evidence.chain, &rule.trust, at)?;
    let certificate =
        Certificate::from_der(der).map_err(|_| "its certificate cannot be read".to_owned())?;
    let key = certificate.tbs_certificate.subject_public_key_info.to_der();
    let key = key.ok().and_then(PublicKey::of_der);
    let key = key.ok_or("its certificate's key is of no kind that can be checked")?;
    verify(&key, &signed.bytes, &signed.signature)
        .map_err(|()| "it is not made with its certificate's key".to_owned())?;
    let issuer = issuer_of(&certificate);
    check_holder(issuer.as_deref(), &holders(&certificate), (rule, application))
}

/// Tells who signed, if a certificate names somebody who counts.
pub(super) fn check_holder(
    issuer: Option<&str>,
    names: &[String],
    (rule, application): (&Keyless, &ApplicationName),
) -> Result<String, String> {
    let issuer = issuer.ok_or("its certificate does not say who knew its holder")?;
    if issuer != rule.issuer {
        return Err(format!("its signer was known by {issuer:?}, and {:?} counts", rule.issuer));
    }
    let fits = |name: &String| match rule.identity.fit(name) {
        Some(Fit::Plain) => true,
        Some(Fit::Application(named)) => &named == application,
        None => false,
    };
    match names.iter().find(|name| fits(name)) {
        Some(name) => Ok(format!("{name}, known by {issuer}")),
        None => Err(format!("it is signed by {}, who does not count", names.join(", "))),
    }
}

/// A key signs as cosign has it sign: over SHA-256, or since cosign 3 over the hash that is as
/// strong as the curve.
fn verify(key: &PublicKey, bytes: &[u8], signature: &[u8]) -> Result<(), ()> {
    let algorithms: &[&'static dyn VerificationAlgorithm] = match key.kind() {
        KeyKind::P256 => &[&ECDSA_P256_SHA256_ASN1],
        KeyKind::P384 => &[&ECDSA_P384_SHA256_ASN1, &ECDSA_P384_SHA384_ASN1],
        KeyKind::P521 => &[&ECDSA_P521_SHA256_ASN1, &ECDSA_P521_SHA512_ASN1],
        KeyKind::Ed25519 => &[&ED25519],
        KeyKind::Rsa => &[&RSA_PKCS1_2048_8192_SHA256],
    };
    let signs = |algorithm: &&'static dyn VerificationAlgorithm| {
        UnparsedPublicKey::new(*algorithm, key.der()).verify(bytes, signature).is_ok()
    };
    if algorithms.iter().any(signs) { Ok(()) } else { Err(()) }
}

/// When the log saw this very signature: nothing else tells a signature of then from one that
/// somebody makes today with a key that was stolen since.
fn logged_at(signed: &Signed<'_>, rule: &Keyless, certificate: &[u8]) -> Result<Timestamp, String> {
    let log = signed
        .evidence
        .log
        .as_ref()
        .ok_or("no word of a log that could be read says when it was made")?;
    let at = Timestamp::from_second(log.integrated_time);
    let at = at.map_err(|_| "the log's entry has no time".to_owned())?;
    check_log(log, &rule.trust.logs_at(at))?;
    let body = STANDARD.decode(&log.body).ok();
    let body: Option<Value> = body.and_then(|body| serde_json::from_slice(&body).ok());
    let body = body.ok_or("the log's entry cannot be read")?;
    if !is_about(&body, signed, certificate) {
        return Err("the log's entry is about another signature".into());
    }
    Ok(at)
}

/// The log signs its entry's fields in the form of RFC 8785.
fn check_log(word: &LogWord, keys: &[PublicKey]) -> Result<(), String> {
    let LogWord { body, integrated_time, log_index, log_id, promise } = word;
    let text = |text: &str| Value::from(text).to_string();
    let signed = format!(
        "{{\"body\":{},\"integratedTime\":{integrated_time},\"logID\":{},\"logIndex\":{log_index}}}",
        text(body),
        text(log_id)
    );
    let signs = |key: &PublicKey| verify(key, signed.as_bytes(), promise).is_ok();
    if keys.iter().any(signs) {
        Ok(())
    } else {
        Err("the log's word is not signed by the log that counts".to_owned())
    }
}

/// Tells whether a log's entry is of this payload and this certificate: of a signature
/// (`hashedrekord`), or of an attestation (`intoto`, `dsse`).
fn is_about(body: &Value, signed: &Signed<'_>, certificate: &[u8]) -> bool {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    let is_ours = |pointer: &str| {
        let held = text(pointer).and_then(|text| STANDARD.decode(text).ok());
        let held = held.and_then(|pem| String::from_utf8(pem).ok());
        held.is_some_and(|it| pem(&it, "CERTIFICATE").first().is_some_and(|it| it == certificate))
    };
    let payload = hex::encode(Sha256::digest(&signed.payload));
    let (hash, certificates): (&str, &[&str]) = match text("/kind") {
        Some("hashedrekord") => {
            let signature = text("/spec/signature/content");
            let signature = signature.and_then(|text| STANDARD.decode(text).ok());
            if signature.as_ref() != Some(&signed.signature) {
                return false;
            }
            ("/spec/data/hash/value", &["/spec/signature/publicKey/content"])
        }
        Some("intoto") => (
            "/spec/content/payloadHash/value",
            &["/spec/publicKey", "/spec/content/envelope/signatures/0/publicKey"],
        ),
        Some("dsse") => ("/spec/payloadHash/value", &["/spec/signatures/0/verifier"]),
        Some(_) | None => return false,
    };
    text(hash) == Some(payload.as_str()) && certificates.iter().any(|pointer| is_ours(pointer))
}

pub(super) fn check_chain(
    certificate: &[u8],
    chain: &[Vec<u8>],
    trust: &Trust,
    at: Timestamp,
) -> Result<(), String> {
    let wrong = |error: webpki::Error| {
        format!("its certificate does not hold at {at}, when it was signed: {error:?}")
    };
    let seconds = u64::try_from(at.as_second()).map_err(|_| "it was signed before 1970")?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let between: Vec<CertificateDer<'_>> =
        chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let roots = trust.authorities_at(at);
    let roots: Vec<CertificateDer<'_>> =
        roots.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let anchors: Result<Vec<_>, _> = roots.iter().map(webpki::anchor_from_trusted_cert).collect();
    let certificate = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&certificate).map_err(wrong)?;
    let usage = KeyUsage::required(CODE_SIGNING);
    certificate
        .verify_for_usage(
            CHAIN_ALGORITHMS,
            &anchors.map_err(wrong)?,
            &between,
            time,
            usage,
            None,
            None,
        )
        .map(drop)
        .map_err(wrong)
}

pub(super) fn issuer_of(certificate: &Certificate) -> Option<String> {
    let extensions = certificate.tbs_certificate.extensions.as_ref()?;
    let value = |oid: ObjectIdentifier| {
        let found = extensions.iter().find(|extension| extension.extn_id == oid);
        found.map(|extension| extension.extn_value.as_bytes())
    };
    if let Some(der) = value(ISSUER) {
        return Utf8StringRef::from_der(der).ok().map(|text| text.as_str().to_owned());
    }
    String::from_utf8(value(OLD_ISSUER)?.to_vec()).ok()
}

/// Whom a certificate names: mail addresses and addresses of workflows.
pub(super) fn holders(certificate: &Certificate) -> Vec<String> {
    let names = certificate.tbs_certificate.get::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(names)))) = names else { return Vec::new() };
    let text = |name: &GeneralName| {
        let (GeneralName::Rfc822Name(text) | GeneralName::UniformResourceIdentifier(text)) = name
        else {
            return None;
        };
        Some(text.as_str().chars().filter(|c| !c.is_control()).take(300).collect())
    };
    names.iter().filter_map(text).collect()
}
