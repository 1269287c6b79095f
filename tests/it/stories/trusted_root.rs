//! An artifact goes where an instance of Sigstore's services vouches for who signed it, and when:
//! its authority, its logs and its clocks, all in one trusted root.

use serde_json::{Value, json};

use super::signatures::{BUILDER, ISSUER, SOURCE, WORKFLOW, outcome, shop, with_bundle};
use crate::support::instance::Instance;
use crate::support::registry::Blob;
use crate::support::signing::{Keys, beside, payload, provenance_1, signed_statement};

fn signer(root: &str) -> String {
    let identity = "https://github.com/acme/{application}/.github/workflows/*@refs/heads/main";
    format!("{{identity: {identity:?}, issuer: {ISSUER:?}, trusted_root: {root:?}}}")
}

fn rule(root: &str) -> String {
    format!("verify: {{signature: {}}}", signer(root))
}

/// The same layer with something else in its bundle.
fn changed(layer: &Blob, pointer: &str, value: Value) -> Blob {
    let mut bundle: Value = serde_json::from_slice(&layer.bytes).unwrap();
    *bundle.pointer_mut(pointer).unwrap() = value;
    let (media_type, annotations) = (layer.media_type.clone(), layer.annotations.clone());
    Blob { media_type, bytes: bundle.to_string().into_bytes(), annotations }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_workflow_signed_goes_by_the_word_of_a_clock() {
    let (instance, shop) = (Instance::new(), shop());
    let release = instance.authority.certify(WORKFLOW, ISSUER);
    let signed = instance.bundle(&release, &signed_statement(shop.digest.as_str()));
    let told = with_bundle(&rule(&instance.trusted_root(&[])), signed).await;
    insta::assert_snapshot!(told, @"
    accepted, and goes:
    | signed by | `https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main, known by https://token.actions.githubusercontent.com` |
    ");

    // What GitHub attests of a private repository's build has neither a log nor an SCT.
    let built = provenance_1(shop.digest.as_str(), BUILDER, SOURCE);
    let attested = instance.bundle(&release, &built);
    let signer = signer(&instance.trusted_root(&[]));
    let rule = format!("verify: {{provenance: {{builder: {BUILDER:?}, signature: {signer}}}}}");
    let told = with_bundle(&rule, attested).await;
    assert!(told.starts_with("accepted, and goes:\n| provenance | `built by"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_instance_does_not_vouch_for_is_refused_with_the_reason() {
    let (instance, other, shop) = (Instance::new(), Instance::new(), shop());
    let rule = rule(&instance.trusted_root(&[]));
    let statement = signed_statement(shop.digest.as_str());
    let release = instance.authority.certify(WORKFLOW, ISSUER);
    let good = instance.bundle(&release, &statement);
    let clock = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    let stamps = |bundle: &Blob| -> Value {
        let bundle: Value = serde_json::from_slice(&bundle.bytes).unwrap();
        bundle.pointer(clock).unwrap().clone()
    };

    let stranger = other.authority.certify(WORKFLOW, ISSUER);
    let cart = "https://github.com/acme/cart/.github/workflows/release.yml@refs/heads/main";
    let cart = instance.authority.certify(cart, ISSUER);
    let elsewhere = instance.authority.certify(WORKFLOW, "https://gitlab.com");
    let again = instance.bundle(&release, &statement);
    let cases = [
        ("another authority", instance.bundle(&stranger, &statement)),
        ("another clock", other.stamped(&good)),
        ("the word on another signature", changed(&good, clock, stamps(&again))),
        ("no word", changed(&good, clock, json!([]))),
        ("another workflow", instance.bundle(&cart, &statement)),
        ("another issuer", instance.bundle(&elsewhere, &statement)),
        ("another signature", changed(&good, "/dsseEnvelope/signatures/0/sig", json!("MEUCIQ=="))),
    ];
    let mut all = String::new();
    for (what, layer) in cases {
        all += &format!("{what} -> {}\n", with_bundle(&rule, layer).await);
    }
    // Another instance has a log, and wants to hear from it.
    let log = Keys::generate();
    let logged = super::trusted_root::rule(&instance.trusted_root(&[&log]));
    all += &format!("no word of the log -> {}\n", with_bundle(&logged, good).await);
    insta::assert_snapshot!(all, @r#"
    another authority -> refused: shop: nobody who counts has signed it: its bundle does not hold: certificate chain is invalid: certificate chain validation failed: InvalidSignatureForPublicKey
    another clock -> refused: shop: nobody who counts has signed it: its bundle does not hold: invalid RFC 3161 timestamp: TSA timestamp verification failed: Failed to verify timestamp signature: CMS signer does not match any trusted TSA certificate
    the word on another signature -> refused: shop: nobody who counts has signed it: its bundle does not hold: invalid RFC 3161 timestamp: TSA timestamp verification failed: Timestamp message hash mismatch: expected DIGEST, got DIGEST
    no word -> refused: shop: nobody who counts has signed it: its bundle does not hold: Bundle error: bundle must have at least one tlog entry or timestamp verification data
    another workflow -> refused: shop: nobody who counts has signed it: it is signed by https://github.com/acme/cart/.github/workflows/release.yml@refs/heads/main, who does not count
    another issuer -> refused: shop: nobody who counts has signed it: its signer was known by "https://gitlab.com", and "https://token.actions.githubusercontent.com" counts
    another signature -> refused: shop: nobody who counts has signed it: its bundle does not hold: invalid RFC 3161 timestamp: TSA timestamp verification failed: Timestamp message hash mismatch: expected DIGEST, got DIGEST
    no word of the log -> refused: shop: nobody who counts has signed it: its bundle does not hold: Bundle error: application/vnd.dev.sigstore.bundle.v0.3+json bundle must have an inclusion proof
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn cosigns_own_form_goes_by_a_trusted_root_too() {
    let (instance, shop, log) = (Instance::new(), shop(), Keys::generate());
    let now = jiff::Timestamp::now().as_second() + 60;
    let about = payload(shop.digest.as_str());
    let layer = instance.authority.certify(WORKFLOW, ISSUER).signature(about, &log, now);
    let stranger = Keys::generate();
    let rule = rule(&instance.trusted_root(&[&stranger]));
    let layers = beside(vec![layer]);
    let told = outcome(&rule, &[(".sig", layers)]).await;
    assert!(told.contains("not signed by the log that counts"), "{told}");

    let about = payload(shop.digest.as_str());
    let layer = instance.authority.certify(WORKFLOW, ISSUER).signature(about, &log, now);
    let rule = super::trusted_root::rule(&instance.trusted_root(&[&stranger, &log]));
    let told = outcome(&rule, &[(".sig", beside(vec![layer]))]).await;
    assert!(told.starts_with("accepted, and goes"), "{told}");
}
