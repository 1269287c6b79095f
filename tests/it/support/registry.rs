//! A real registry, Debian's `docker-registry`, on a free loopback port, and images that are pushed
//! to it with `skopeo`.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hoist::domain::artifact::Digest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// Who may pull where a password is wanted.
pub const USER: &str = "hoist";
/// Their password; no error may ever show it.
pub const PASSWORD: &str = "open-hunter2-registry";

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Keeps images until it is dropped.
pub struct DockerRegistry {
    pub port: u16,
    directory: TempDir,
    process: Child,
}

impl DockerRegistry {
    /// Lets everybody in.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Lets in who knows [`PASSWORD`].
    pub fn start_with_password() -> Self {
        Self::start_with_password_and("")
    }

    /// The same, with more in its configuration.
    pub fn start_with_password_and(more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("htpasswd").args(["-Bbn", USER, PASSWORD]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let users = directory.path().join("users");
        std::fs::write(&users, made.stdout).unwrap();
        let auth = format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", users.display());
        Self::start_in(directory, &format!("{auth}{more}"))
    }

    /// Runs with more in its configuration.
    pub fn start_with(more: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more)
    }

    fn start_in(directory: TempDir, more: &str) -> Self {
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let place = |name: &str| directory.path().join(name);
        let tls = if place("server.pem").exists() {
            let (certificate, key) = (place("server.pem"), place("server-key.pem"));
            format!(", tls: {{certificate: {}, key: {}}}", certificate.display(), key.display())
        } else {
            String::new()
        };
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"127.0.0.1:{port}\"{tls}}}\n{more}",
            place("images").display()
        );
        std::fs::write(place("config.yml"), text).unwrap();
        let log = std::fs::File::create(place("log")).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(place("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let registry = Self { port, directory, process };
        registry.wait();
        registry
    }

    /// Lets everybody in over HTTPS, with a certificate that only whoever trusts the returned
    /// authority accepts.
    pub fn start_tls() -> (Self, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        let (ca, ca_key) = (place("ca.pem"), place("ca-key.pem"));
        super::git_server::certify((&ca, &ca_key), "/CN=hoist test authority", &[]);
        let by = ["-CA".as_ref(), ca.as_os_str(), "-CAkey".as_ref(), ca_key.as_os_str()];
        let pair = (place("server.pem"), place("server-key.pem"));
        super::git_server::certify((&pair.0, &pair.1), "/CN=hoist test", &by);
        (Self::start_in(directory, ""), ca)
    }

    fn wait(&self) {
        for _ in 0..800 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        let log = std::fs::read_to_string(self.directory.path().join("log"));
        panic!("docker-registry does not answer: {}", log.unwrap_or_default());
    }

    /// Where it is, without TLS.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Pushes what a layout has under its tag, with every digest as it is.
    pub fn push(&self, layout: &Layout, repository: &str, tag: &str) {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests"]);
        skopeo.args(["--dest-tls-verify=false", "--dest-creds", &format!("{USER}:{PASSWORD}")]);
        skopeo.arg(format!("oci:{}:it", layout.directory.path().display()));
        skopeo.arg(format!("docker://127.0.0.1:{}/{repository}:{tag}", self.port));
        let pushed = skopeo.output().unwrap();
        assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A folder in the form of the OCI Image Layout Specification, with one thing to push.
pub struct Layout {
    directory: TempDir,
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// One manifest in the making.
pub struct Part {
    pub config_type: &'static str,
    pub config: Value,
    pub platform: Option<(&'static str, &'static str)>,
    pub layers: Vec<Blob>,
    /// More of the manifest's own keys.
    pub more: Value,
}

/// A layer.
pub struct Blob {
    pub media_type: String,
    pub bytes: Vec<u8>,
    pub annotations: Value,
}

impl Part {
    /// An image for a platform, with these labels.
    pub fn image(platform: (&'static str, &'static str), labels: Value) -> Self {
        let (os, architecture) = platform;
        let layer = vec![0; 1024];
        let config = json!({
            "os": os, "architecture": architecture, "created": "2026-11-22T20:00:00Z",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(&layer)]},
        });
        let layer = Blob { media_type: LAYER.into(), bytes: layer, annotations: json!({}) };
        let more = json!({});
        let config_type = IMAGE_CONFIG;
        Self { config_type, config, platform: Some(platform), layers: vec![layer], more }
    }

    /// Something else than an image, with these layers.
    pub fn artifact(config_type: &'static str, config: Value, layers: Vec<Blob>) -> Self {
        Self { config_type, config, platform: None, layers, more: json!({}) }
    }
}

impl Layout {
    /// One manifest.
    pub fn of(part: &Part) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let descriptor = write_part(directory.path(), part);
        Self::finish(directory, descriptor)
    }

    /// An index of several.
    pub fn index(parts: &[Part]) -> Self {
        Self::index_saying(parts, &json!({}))
    }

    /// The same, with what it says of all of them.
    pub fn index_saying(parts: &[Part], annotations: &Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let manifests: Vec<Value> =
            parts.iter().map(|part| write_part(directory.path(), part)).collect();
        let index = json!({
            "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests,
            "annotations": annotations,
        });
        let descriptor = write_blob(directory.path(), INDEX, index.to_string().as_bytes());
        Self::finish(directory, descriptor)
    }

    fn finish(directory: TempDir, mut descriptor: Value) -> Self {
        let digest = descriptor["digest"].as_str().unwrap().to_owned();
        let media_type = descriptor["mediaType"].as_str().unwrap().to_owned();
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": "it"});
        let index = json!({"schemaVersion": 2, "manifests": [descriptor]});
        std::fs::write(directory.path().join("index.json"), index.to_string()).unwrap();
        let version = json!({"imageLayoutVersion": "1.0.0"});
        std::fs::write(directory.path().join("oci-layout"), version.to_string()).unwrap();
        let blob = directory.path().join("blobs/sha256").join(&digest["sha256:".len()..]);
        let bytes = std::fs::read(blob).unwrap();
        Self { directory, digest: digest.parse().unwrap(), media_type, bytes }
    }

    /// Every blob in it, by digest.
    pub fn blobs(&self) -> Vec<(String, Vec<u8>)> {
        let files = std::fs::read_dir(self.directory.path().join("blobs/sha256")).unwrap();
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            (digest_of(&bytes), bytes)
        };
        files.map(read).collect()
    }
}

pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn write_part(directory: &Path, part: &Part) -> Value {
    let config = write_blob(directory, part.config_type, part.config.to_string().as_bytes());
    let layer = |layer: &Blob| {
        let mut descriptor = write_blob(directory, &layer.media_type, &layer.bytes);
        descriptor["annotations"] = layer.annotations.clone();
        descriptor
    };
    let layers: Vec<Value> = part.layers.iter().map(layer).collect();
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
    });
    for (key, value) in part.more.as_object().unwrap() {
        manifest[key] = value.clone();
    }
    let mut descriptor = write_blob(directory, MANIFEST, manifest.to_string().as_bytes());
    if let Some((os, architecture)) = part.platform {
        descriptor["platform"] = json!({"os": os, "architecture": architecture});
    }
    descriptor
}

fn write_blob(directory: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = digest_of(bytes);
    let blobs = directory.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(blobs.join(&digest["sha256:".len()..]), bytes).unwrap();
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}
