//! A door to what is read of signatures for the fuzz targets in `fuzz/`; nobody else comes this way.

use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::bundle::holder;
use super::proof::{Signed, check_chain, holders, issuer_of, signer};
use super::signatures::opened;
use crate::domain::artifact::Digest;
use crate::domain::id::ApplicationName;
use crate::domain::trust::{Keyless, Signer, Trust};

/// Tells who signed what stands in a bundle of Sigstore's, if anybody did who counts.
pub fn bundle(
    bytes: &[u8],
    digest: &Digest,
    (wanted, application): (&Signer, &ApplicationName),
) -> Option<String> {
    if let Signer::Keyless(rule) = wanted
        && let Trust::Root(root) = &rule.trust
    {
        return holder(bytes, digest, root).ok()?.names.pop();
    }
    let (envelope, evidence) = opened(bytes).ok()?;
    drop((envelope.check_signature(digest), envelope.provenance(digest)));
    let (bytes, payload) = (envelope.signed().ok()?, envelope.payload().ok()?);
    let signature = envelope.signatures().into_iter().next()?;
    let signed = Signed { bytes, signature, payload, evidence: &evidence };
    signer(&signed, wanted, application).ok()
}

/// Reads a certificate of any bytes, and tells whether it leads to one of the rule's authorities.
pub fn certificate(der: &[u8], rule: &Keyless) -> bool {
    if let Ok(certificate) = Certificate::from_der(der) {
        drop((issuer_of(&certificate), holders(&certificate)));
    }
    let at = Timestamp::from_second(1_795_381_200).unwrap_or_default();
    check_chain(der, &[der.to_vec()], &rule.trust, at).is_ok()
}
