//! Signatures and provenance as cosign makes them, made with `openssl`: of a key, and of whoever an
//! authority certifies for a moment, with the word of a log.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::registry::{Blob, IMAGE_CONFIG, Layout, Part};

const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const SIGSTORE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A pair of keys, on P-256 where nothing else is said.
pub struct Keys {
    directory: TempDir,
}

/// Kinds of keys, as `openssl genpkey` is asked for them, with how they sign.
pub const KINDS: [(&[&str], Hash); 7] = [
    (&["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], Hash::Before("-sha256")),
    (&["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], Hash::Before("-sha256")),
    (&["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], Hash::Before("-sha384")),
    (&["EC", "-pkeyopt", "ec_paramgen_curve:P-521"], Hash::Before("-sha512")),
    (&["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], Hash::Before("-sha256")),
    (&["RSA", "-pkeyopt", "rsa_keygen_bits:4096"], Hash::Before("-sha256")),
    (&["ED25519"], Hash::Within),
];

/// How what is signed is hashed.
#[derive(Clone, Copy)]
pub enum Hash {
    /// Before it is signed.
    Before(&'static str),
    /// As part of that.
    Within,
}

/// Somebody whom an authority certified.
pub struct Holder {
    keys: Keys,
    pub certificate: String,
}

/// A certificate authority, as Fulcio is one.
pub struct Authority(Holder);

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    let done = process.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

impl Keys {
    pub fn generate() -> Self {
        Self::of_kind(KINDS[0].0)
    }

    pub fn of_kind(kind: &[&str]) -> Self {
        let keys = Self { directory: tempfile::tempdir().unwrap() };
        let private = keys.private();
        let out = ["-out", private.to_str().unwrap()];
        openssl(&[&["genpkey", "-algorithm"], kind, &out].concat(), &[]);
        keys
    }

    fn private(&self) -> PathBuf {
        self.directory.path().join("private.pem")
    }

    /// The public half, as PEM.
    pub fn public(&self) -> String {
        let made = openssl(&["pkey", "-in", self.private().to_str().unwrap(), "-pubout"], &[]);
        String::from_utf8(made).unwrap()
    }

    /// ECDSA over SHA-256, ASN.1, in base64; it holds for others than hoist, too.
    pub fn sign(&self, bytes: &[u8]) -> String {
        let private = self.private();
        let made = openssl(&["dgst", "-sha256", "-sign", private.to_str().unwrap()], bytes);
        let signature = STANDARD.encode(made);
        assert!(self.others_believe(bytes, &signature));
        signature
    }

    /// What a key of any kind signs, in base64.
    pub fn sign_with(&self, hash: Hash, bytes: &[u8]) -> String {
        let private = self.private();
        let private = private.to_str().unwrap();
        STANDARD.encode(match hash {
            Hash::Before(hash) => openssl(&["dgst", hash, "-sign", private], bytes),
            Hash::Within => {
                let message = self.directory.path().join("message");
                std::fs::write(&message, bytes).unwrap();
                let message = message.to_str().unwrap();
                openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", message], &[])
            }
        })
    }

    /// Whether an implementation that hoist does not use takes this for the key's signature.
    pub fn others_believe(&self, bytes: &[u8], signature: &str) -> bool {
        let key = VerifyingKey::from_public_key_pem(&self.public()).unwrap();
        let signature = Signature::from_der(&STANDARD.decode(signature).unwrap()).unwrap();
        key.verify(bytes, &signature).is_ok()
    }
}

impl Authority {
    pub fn new() -> Self {
        let keys = Keys::generate();
        let private = keys.private();
        let made = openssl(
            &["req", "-x509", "-key", private.to_str().unwrap(), "-days", "2", "-subj", "/CN=test"],
            &[],
        );
        Self(Holder { keys, certificate: String::from_utf8(made).unwrap() })
    }

    /// Its own certificate.
    pub fn root(&self) -> &str {
        &self.0.certificate
    }

    /// Certifies a workflow that an issuer knows, from now until tomorrow.
    pub fn certify(&self, identity: &str, issuer: &str) -> Holder {
        self.issue(
            "/",
            &[
                &format!("subjectAltName=critical,URI:{identity}"),
                "extendedKeyUsage=codeSigning",
                &format!("1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:{issuer}"),
            ],
        )
    }

    /// Certifies anybody, with these extensions.
    pub fn issue(&self, subject: &str, extensions: &[&str]) -> Holder {
        let keys = Keys::generate();
        let (directory, private) = (keys.directory.path(), keys.private());
        let root = directory.join("root.pem");
        std::fs::write(&root, self.root()).unwrap();
        let authority = self.0.keys.private();
        let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let (private, root, authority) = (path(&private), path(&root), path(&authority));
        let mut arguments = vec!["req", "-x509", "-key", &private, "-CA", &root];
        arguments.extend(["-CAkey", &authority, "-days", "1", "-subj", subject]);
        let always = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"];
        for extension in always.iter().chain(extensions) {
            arguments.extend(["-addext", extension]);
        }
        let made = openssl(&arguments, &[]);
        Holder { keys, certificate: String::from_utf8(made).unwrap() }
    }
}

/// What cosign signs of a digest.
pub fn payload(digest: &str) -> Vec<u8> {
    let critical = json!({
        "identity": {"docker-reference": ""},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    });
    json!({"critical": critical, "optional": null}).to_string().into_bytes()
}

/// A layer with a signature over a payload.
pub fn signature(payload: Vec<u8>, signature: &str) -> Blob {
    let annotations = json!({"dev.cosignproject.cosign/signature": signature});
    Blob { media_type: SIMPLE_SIGNING.into(), bytes: payload, annotations }
}

/// What is pushed as `sha256-….sig` or `sha256-….att`.
pub fn beside(layers: Vec<Blob>) -> Layout {
    let config = json!({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}});
    Layout::of(&Part::artifact(IMAGE_CONFIG, config, layers))
}

/// The log's word on a signature of a holder's over a payload.
pub fn logged(log: &Keys, payload: &[u8], signed: (&str, &Holder), seconds: i64) -> String {
    let (signature, holder) = signed;
    let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": hex::encode(Sha256::digest(payload))}},
        "signature": {
            "content": signature,
            "publicKey": {"content": STANDARD.encode(&holder.certificate)},
        },
    }});
    bundle(log, &body, seconds)
}

/// The same on an attestation.
pub fn logged_attestation(log: &Keys, payload: &[u8], holder: &Holder, seconds: i64) -> String {
    let hash = json!({"algorithm": "sha256", "value": hex::encode(Sha256::digest(payload))});
    let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "payloadHash": hash,
        "signatures": [{"signature": "", "verifier": STANDARD.encode(&holder.certificate)}],
    }});
    bundle(log, &body, seconds)
}

/// A layer with a statement that the keys signed, as cosign 3 makes it.
pub fn sigstore_bundle(statement: &Value, keys: &Keys) -> Blob {
    sigstore(&json!({"publicKey": {"hint": "it"}}), statement, keys)
}

fn sigstore(material: &Value, statement: &Value, keys: &Keys) -> Blob {
    let envelope: Value = serde_json::from_slice(&attestation(statement, keys).bytes).unwrap();
    let bundle = json!({
        "mediaType": SIGSTORE, "verificationMaterial": material, "dsseEnvelope": envelope,
    });
    let bytes = bundle.to_string().into_bytes();
    Blob { media_type: SIGSTORE.into(), bytes, annotations: json!({}) }
}

/// What is pushed to refer to an image, as cosign 3 and GitHub do.
pub fn referring(layer: Blob) -> Layout {
    let empty = "application/vnd.oci.empty.v1+json";
    let mut part = Part::artifact(empty, json!({}), vec![layer]);
    part.more = json!({"artifactType": SIGSTORE});
    Layout::of(&part)
}

fn bundle(log: &Keys, body: &Value, seconds: i64) -> String {
    let body = STANDARD.encode(body.to_string());
    let signed = format!(
        "{{\"body\":\"{body}\",\"integratedTime\":{seconds},\"logID\":\"c0de\",\"logIndex\":7}}"
    );
    let timestamp = log.sign(signed.as_bytes());
    let payload: Value = serde_json::from_str(&signed).unwrap();
    json!({"SignedEntryTimestamp": timestamp, "Payload": payload}).to_string()
}

impl Holder {
    /// A layer with their signature over a payload, their certificate and a log's word.
    pub fn signature(&self, payload: Vec<u8>, log: &Keys, seconds: i64) -> Blob {
        let signed = self.keys.sign(&payload);
        let bundle = logged(log, &payload, (&signed, self), seconds);
        let mut layer = signature(payload, &signed);
        layer.annotations["dev.sigstore.cosign/certificate"] = json!(self.certificate);
        layer.annotations["dev.sigstore.cosign/bundle"] = json!(bundle);
        layer
    }

    /// A layer with a statement that they signed.
    pub fn attestation(&self, statement: &Value, log: &Keys, seconds: i64) -> Blob {
        let mut layer = attestation(statement, &self.keys);
        let payload = statement.to_string().into_bytes();
        let bundle = logged_attestation(log, &payload, self, seconds);
        layer.annotations["dev.sigstore.cosign/certificate"] = json!(self.certificate);
        layer.annotations["dev.sigstore.cosign/bundle"] = json!(bundle);
        layer
    }
}

impl Holder {
    /// Where the private half of their key is.
    pub fn private_key(&self) -> PathBuf {
        self.keys.private()
    }

    /// A layer with a statement that they signed, and nobody's word on when.
    pub fn signed_bundle(&self, statement: &Value) -> Blob {
        let material = json!({"certificate": {"rawBytes": self.raw()}, "tlogEntries": []});
        sigstore(&material, statement, &self.keys)
    }

    /// The certificate without the marks of PEM.
    fn raw(&self) -> String {
        self.certificate.lines().filter(|line| !line.starts_with("-----")).collect()
    }

    /// A layer with a statement that they signed, as cosign 3 and GitHub's attestations have it.
    pub fn sigstore_bundle(&self, statement: &Value, log: &Keys, seconds: i64) -> Blob {
        let payload = statement.to_string().into_bytes();
        let word = logged_attestation(log, &payload, self, seconds);
        let word: Value = serde_json::from_str(&word).unwrap();
        let entry = json!({
            "logIndex": word["Payload"]["logIndex"].to_string(),
            "logId": {"keyId": STANDARD.encode(hex::decode("c0de").unwrap())},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": word["Payload"]["integratedTime"].to_string(),
            "inclusionPromise": {"signedEntryTimestamp": word["SignedEntryTimestamp"]},
            "canonicalizedBody": word["Payload"]["body"],
        });
        let material = json!({"certificate": {"rawBytes": self.raw()}, "tlogEntries": [entry]});
        sigstore(&material, statement, &self.keys)
    }
}

/// What cosign 3 says of a digest that it signs.
pub fn signed_statement(digest: &str) -> Value {
    let kind = "https://in-toto.io/Statement/v1";
    statement(kind, digest, "https://sigstore.dev/cosign/sign/v1", json!({}))
}

/// A layer with a statement that the keys signed.
pub fn attestation(statement: &Value, keys: &Keys) -> Blob {
    let payload = statement.to_string();
    let signed = format!("DSSEv1 {} {IN_TOTO} {} {payload}", IN_TOTO.len(), payload.len());
    let envelope = json!({
        "payloadType": IN_TOTO, "payload": STANDARD.encode(&payload),
        "signatures": [{"keyid": "", "sig": keys.sign(signed.as_bytes())}],
    });
    let bytes = envelope.to_string().into_bytes();
    Blob { media_type: ENVELOPE.into(), bytes, annotations: json!({}) }
}

/// What SLSA v1 says of a build.
pub fn provenance_1(digest: &str, builder: &str, source: &str) -> Value {
    let workflow = json!({"repository": source, "ref": "refs/heads/main"});
    let predicate = json!({
        "buildDefinition": {"externalParameters": {"workflow": workflow}},
        "runDetails": {"builder": {"id": builder}},
    });
    statement(
        "https://in-toto.io/Statement/v1",
        digest,
        "https://slsa.dev/provenance/v1",
        predicate,
    )
}

/// What SLSA v0.2 says of a build.
pub fn provenance_0_2(digest: &str, builder: &str, source: &str) -> Value {
    let uri = format!("git+{source}@refs/heads/main");
    let predicate = json!({
        "builder": {"id": builder},
        "invocation": {"configSource": {"uri": uri, "digest": {"sha1": "9f2c"}}},
    });
    let kind = "https://slsa.dev/provenance/v0.2";
    statement("https://in-toto.io/Statement/v0.1", digest, kind, predicate)
}

fn statement(kind: &str, digest: &str, predicate_type: &str, predicate: Value) -> Value {
    let digits = digest.strip_prefix("sha256:").unwrap();
    json!({
        "_type": kind, "predicateType": predicate_type, "predicate": predicate,
        "subject": [{"name": "ghcr.io/acme/shop", "digest": {"sha256": digits}}],
    })
}
