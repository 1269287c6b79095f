//! Manifests, bundles, certificates and keys of any bytes: none of them is anybody's signature.
#![no_main]

use hoist::app::fuzzing;
use hoist::domain::artifact::Digest;
use hoist::domain::id::ApplicationName;
use hoist::domain::oci::{ImageConfig, Manifest};
use hoist::domain::trust::{Keyless, PublicKey, Signer, Trust};
use libfuzzer_sys::fuzz_target;

/// A key whose other half nobody has kept.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEe1bnk7/pQEOdCksAIIx/3eWGyfJY
mDSwk/f5Dn1AOSQqxcI7a40AcooCdRxPFrhCM26DbibrXRxHvHmOh6kT7w==
-----END PUBLIC KEY-----
";

const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

fn keyless(rule: Keyless) -> Signer {
    Signer::Keyless(Box::new(rule))
}

fuzz_target!(|bytes: &[u8]| {
    for media_type in MEDIA_TYPES {
        drop(Manifest::parse(media_type, bytes));
    }
    drop(ImageConfig::parse(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(text.parse::<PublicKey>());
    }
    let digest: Digest = format!("sha256:{}", "0".repeat(64)).parse().expect("it is one");
    let application: ApplicationName = "shop".parse().expect("it is one");
    let key: PublicKey = KEY.parse().expect("it is one");
    let rule = Keyless {
        identity: "https://github.com/acme/{application}/*".parse().expect("it is one"),
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        trust: Trust::Listed { authorities: Vec::new(), log: key.clone() },
    };
    assert!(!fuzzing::certificate(bytes, &rule));
    let of_github = Trust::Root("github".parse().expect("it is built in"));
    let rooted = Keyless { trust: of_github, ..rule.clone() };
    for wanted in [Signer::Key(key), keyless(rule), keyless(rooted)] {
        assert_eq!(fuzzing::bundle(bytes, &digest, (&wanted, &application)), None);
    }
});
