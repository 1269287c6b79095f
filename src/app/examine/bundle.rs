//! Whose a bundle of Sigstore's is, by all that a trusted root tells: its authorities and their own
//! transparency (SCT), its logs with their proofs of inclusion, and its clocks (RFC 3161).
//!
//! Sigstore's own library finds that out; what is here says what it is asked.

use sigstore_verify::types::{Bundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, Verifier};

use crate::domain::artifact::Digest;
use crate::domain::trust::TrustedRoot;

/// Whom a certificate that holds names.
pub(super) struct Holder {
    /// Who knew them.
    pub(super) issuer: Option<String>,
    /// What it calls them.
    pub(super) names: Vec<String>,
}

/// Tells who signed a bundle that is about this digest; or why that is not sure.
///
/// Logs are asked of an instance that has some: GitHub's own has none for private repositories, and
/// its clocks say when something was signed.
pub(super) fn holder(bytes: &[u8], digest: &Digest, root: &TrustedRoot) -> Result<Holder, String> {
    let root = root.parsed().map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(bytes).map_err(|_| "its bundle is no text")?;
    let bundle = Bundle::from_json(text).map_err(|error| shown(&error))?;
    let digits = digest.as_str().trim_start_matches("sha256:");
    let digest = Sha256Hash::from_hex(digits).map_err(|error| shown(&error))?;
    // Who may sign is a pattern of ours, asked afterwards.
    let mut policy = VerificationPolicy::any_identity();
    if root.tlogs.is_empty() {
        policy = policy.skip_tlog_unsafe();
    }
    if root.ctlogs.is_empty() {
        policy = policy.skip_sct();
    }
    let verifier = Verifier::new(&root).map_err(|error| shown(&error))?;
    let found = verifier.verify(digest, &bundle, &policy).map_err(|error| shown(&error))?;
    let name = found.identity().map(|name| plain(name.as_str()));
    Ok(Holder { issuer: found.issuer().map(str::to_owned), names: name.into_iter().collect() })
}

/// The library's own words, which may repeat what stands in the bundle.
fn shown(error: &dyn std::error::Error) -> String {
    format!("its bundle does not hold: {}", plain(&error.to_string()))
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sigstore_verify::trust_root::SIGSTORE_STAGING_TRUSTED_ROOT as STAGING;

    use super::*;

    const PUBLIC: &str = include_str!("../../../tests/fixtures/sigstore/public.json");
    const PRIVATE: &str = include_str!("../../../tests/fixtures/sigstore/github_private.json");
    const REKOR_2: &str = include_str!("../../../tests/fixtures/sigstore/rekor_2.json");

    const CONDA: &str = "54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f";
    const RELEASE: &str = "76f1fe8593bf227cca2c089e3c16dc95014a8d3e89c5dd220530469ca043c428";

    /// Who made a bundle about a digest, by a root; or why that is nobody.
    fn told(bundle: &str, digits: &str, root: &str) -> String {
        let digest = format!("sha256:{digits}").parse().unwrap();
        match holder(bundle.as_bytes(), &digest, &root.parse().unwrap()) {
            Ok(Holder { issuer, names }) => {
                format!("{} by {}", names.join(", "), issuer.unwrap_or_default())
            }
            Err(why) => why,
        }
    }

    #[test]
    fn bundles_that_were_really_made_hold_by_their_instances_roots() {
        let all =
            [(PUBLIC, CONDA, "sigstore"), (PRIVATE, RELEASE, "github"), (REKOR_2, CONDA, STAGING)];
        let all = all.map(|(bundle, digits, root)| told(bundle, digits, root));
        insta::assert_snapshot!(all.join("\n"), @"
        https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main by https://token.actions.githubusercontent.com
        https://dotcom.releases.github.com by 
        jku@goto.fi by https://github.com/login/oauth
        ");
    }

    /// The same bundle with one thing changed.
    fn changed(bundle: &str, pointer: &str, value: Value) -> String {
        let mut bundle: Value = serde_json::from_str(bundle).unwrap();
        *bundle.pointer_mut(pointer).unwrap() = value;
        bundle.to_string()
    }

    #[test]
    fn what_is_not_as_it_was_made_does_not_hold() {
        let entry = "/verificationMaterial/tlogEntries/0";
        let clock = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
        let foreign: Value = serde_json::from_str(REKOR_2).unwrap();
        let foreign = foreign.pointer(clock).unwrap();
        let zeros = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        let cases = [
            ("another digest", told(PUBLIC, RELEASE, "sigstore")),
            ("another instance", told(PUBLIC, CONDA, "github")),
            ("the other one", told(PRIVATE, RELEASE, "sigstore")),
            (
                "not in the log",
                told(
                    &changed(PUBLIC, &format!("{entry}/inclusionProof/hashes/0"), zeros),
                    CONDA,
                    "sigstore",
                ),
            ),
            (
                "no promise of the log",
                told(
                    &changed(PUBLIC, &format!("{entry}/inclusionPromise"), json!(null)),
                    CONDA,
                    "sigstore",
                ),
            ),
            (
                "another time",
                told(
                    &changed(PUBLIC, &format!("{entry}/integratedTime"), json!("1700000000")),
                    CONDA,
                    "sigstore",
                ),
            ),
            ("no clock", told(&changed(PRIVATE, clock, json!([])), RELEASE, "github")),
            ("another's clock", told(&changed(PRIVATE, clock, foreign.clone()), RELEASE, "github")),
            (
                "no log where there is one",
                told(
                    &changed(REKOR_2, "/verificationMaterial/tlogEntries", json!([])),
                    CONDA,
                    STAGING,
                ),
            ),
            ("no bundle", told("{}", CONDA, "sigstore")),
        ];
        let cases = cases.map(|(what, told)| format!("{what} -> {told}"));
        insta::assert_snapshot!(cases.join("\n"), @"
        another digest -> its bundle does not hold: artifact mismatch: artifact hash does not match any subject in attestation
        another instance -> its bundle does not hold: invalid inclusion promise: No log key valid at integrated time 2025-09-01T12:13:59Z for log ID wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=
        the other one -> its bundle does not hold: Bundle error: application/vnd.dev.sigstore.bundle.v0.3+json bundle must have an inclusion proof
        not in the log -> its bundle does not hold: invalid inclusion proof: inclusion proof verification failed: root hash mismatch: expected 7618e44c8818a7392ffbbeb2fc7392d11c3ddd9d0d3a93192fea179b66edce24, computed fff0f0e7589d49eeb10e749d004042398ad4994d3518bb4ed9cff0b5ba9c8d23
        no promise of the log -> its bundle does not hold: no verified timestamp: No verified timestamp found. V1 bundles require either an RFC3161 timestamp or a tlog entry with both an integrated time and an inclusion_promise (SET).
        another time -> its bundle does not hold: invalid inclusion promise: SET verification failed: Verification error: ECDSA_P256_SHA256 signature invalid
        no clock -> its bundle does not hold: Bundle error: bundle must have at least one tlog entry or timestamp verification data
        another's clock -> its bundle does not hold: invalid RFC 3161 timestamp: TSA timestamp verification failed: Timestamp message hash mismatch: expected 4feb32121c01b05241ce91ac4f398afd5f9661a45abec96b58d72e6cb209f7c7, got 853c43bddc0c2c7152bbc4e37654ecb444ad58afdbbee54d1c07fd057f841cb9
        no log where there is one -> its bundle does not hold: Bundle error: application/vnd.dev.sigstore.bundle.v0.3+json bundle must have an inclusion proof
        no bundle -> its bundle does not hold: JSON error: missing field `verificationMaterial` at line 1 column 2
        ");
    }
}
