//! A small instance of Sigstore's services, made with `openssl`: an authority that certifies for a
//! moment, a clock that says when something was signed (RFC 3161), and a log if one is wanted.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::registry::Blob;
use super::signing::{Authority, Holder, Keys};

/// An authority and a clock that belong together.
pub struct Instance {
    pub authority: Authority,
    clock: Clock,
}

/// A giver of timestamps.
struct Clock {
    authority: Authority,
    certified: Holder,
    directory: TempDir,
}

impl Instance {
    pub fn new() -> Self {
        Self { authority: Authority::new(), clock: Clock::new() }
    }

    /// What others know it by, with the keys of its logs.
    pub fn trusted_root(&self, logs: &[&Keys]) -> String {
        let chain = |certificates: &[&str]| {
            let raw = certificates.iter().map(|it| json!({"rawBytes": body_of(it)}));
            json!({"certificates": raw.collect::<Vec<Value>>()})
        };
        let always = json!({"start": "2020-01-01T00:00:00Z"});
        let log = |keys: &&Keys| {
            let der = STANDARD.decode(body_of(&keys.public())).unwrap();
            json!({
                "baseUrl": "https://rekor.example.com", "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(&der), "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": always,
                },
                "logId": {"keyId": STANDARD.encode(Sha256::digest(&der))},
            })
        };
        let clock = [self.clock.certified.certificate.as_str(), self.clock.authority.root()];
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": logs.iter().map(log).collect::<Vec<Value>>(),
            "certificateAuthorities": [{
                "subject": {"organization": "acme", "commonName": "test"},
                "uri": "https://fulcio.example.com",
                "certChain": chain(&[self.authority.root()]), "validFor": always,
            }],
            "timestampAuthorities": [{
                "subject": {"organization": "acme", "commonName": "clock"},
                "uri": "https://clock.example.com", "certChain": chain(&clock), "validFor": always,
            }],
        })
        .to_string()
    }

    /// A bundle with what somebody signed, and this instance's word on when.
    pub fn bundle(&self, holder: &Holder, statement: &Value) -> Blob {
        self.stamped(&holder.signed_bundle(statement))
    }

    /// The same bundle with this instance's word on when it was signed.
    pub fn stamped(&self, signed: &Blob) -> Blob {
        let mut bundle: Value = serde_json::from_slice(&signed.bytes).unwrap();
        let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
        let stamp = self.clock.stamp(&STANDARD.decode(signature).unwrap());
        bundle["verificationMaterial"]["timestampVerificationData"] =
            json!({"rfc3161Timestamps": [{"signedTimestamp": STANDARD.encode(stamp)}]});
        let (media_type, annotations) = (signed.media_type.clone(), signed.annotations.clone());
        Blob { media_type, bytes: bundle.to_string().into_bytes(), annotations }
    }
}

impl Clock {
    fn new() -> Self {
        let authority = Authority::new();
        let certified = authority.issue("/CN=clock", &["extendedKeyUsage=critical,timeStamping"]);
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().display();
        std::fs::write(directory.path().join("clock.pem"), &certified.certificate).unwrap();
        std::fs::write(directory.path().join("serial"), "01").unwrap();
        let key = certified.private_key();
        let configuration = format!(
            "[tsa]\ndefault_tsa = clock\n[clock]\nserial = {place}/serial\n\
             signer_cert = {place}/clock.pem\nsigner_key = {}\nsigner_digest = sha256\n\
             default_policy = 1.2.3.4\ndigests = sha256\ness_cert_id_alg = sha256\n",
            key.display()
        );
        std::fs::write(directory.path().join("clock.cnf"), configuration).unwrap();
        Self { authority, certified, directory }
    }

    /// The word of the clock on some bytes, now.
    fn stamp(&self, bytes: &[u8]) -> Vec<u8> {
        let place = |name: &str| self.directory.path().join(name);
        std::fs::write(place("bytes"), bytes).unwrap();
        let run = |arguments: &[&str]| {
            let mut openssl = Command::new("openssl");
            let ran = openssl.args(arguments).current_dir(self.directory.path()).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        };
        run(&["ts", "-query", "-data", "bytes", "-sha256", "-no_nonce", "-out", "question"]);
        let question = ["ts", "-reply", "-config", "clock.cnf", "-queryfile", "question"];
        run(&[&question[..], &["-out", "answer"]].concat());
        std::fs::read(place("answer")).unwrap()
    }
}

/// What stands between the marks of a PEM text.
fn body_of(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}
