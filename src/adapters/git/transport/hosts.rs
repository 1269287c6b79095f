//! Which SSH server is the one that was meant.

use base64::Engine;
use sha2::{Digest, Sha256};
use ssh2::{CheckResult, HostKeyType, KnownHostFileKind, Session};

use super::{Kind, TransportError};
use crate::adapters::git::settings::HostKeys as Settings;
use crate::domain::address::SshAddress;

/// The host keys that are known.
pub(super) struct HostKeys(Settings);

/// What a server's host key shows.
pub(super) enum Verdict {
    /// It is the server that was meant.
    Known,
    /// Nothing is known of this server. The text says so, and what to do.
    Unknown(String),
    /// It is known by another key, of this kind or of another. The text says so, and what to do.
    Other(String),
}

impl HostKeys {
    pub(super) fn new(known: Settings) -> Self {
        Self(known)
    }

    /// Judges the key that a server has shown and proved to have.
    pub(super) fn judge(
        &self,
        session: &Session,
        address: &SshAddress,
    ) -> Result<Verdict, TransportError> {
        let (key, kind) = session.host_key().ok_or_else(|| {
            TransportError::new(Kind::Unreachable, format!("{address}: it shows no host key"))
        })?;
        let shown = format!("{} ({})", fingerprint(key), name(kind));
        match &self.0 {
            Settings::Fingerprints(known) if known.contains(&fingerprint(key)) => {
                Ok(Verdict::Known)
            }
            Settings::Fingerprints(_) => Ok(Verdict::Other(format!(
                "{address}: it shows the host key {shown}, which is none of those in \
                 `known_hosts`; {ASK_FIRST}, and write its fingerprint there"
            ))),
            Settings::File(text) => {
                let broken = |cause: ssh2::Error| {
                    TransportError::new(Kind::Mirror, format!("reading `known_hosts`: {cause}"))
                };
                let mut known = session.known_hosts().map_err(broken)?;
                for line in text.lines().filter(|line| !is_remark(line)) {
                    // A key of a kind that libssh2 does not know can prove nothing, and is no harm.
                    let _unknown_kind = known.read_str(line, KnownHostFileKind::OpenSSH);
                }
                Ok(match known.check_port(&address.host, address.port, key) {
                    CheckResult::Match => Verdict::Known,
                    CheckResult::Mismatch => Verdict::Other(changed(address, &shown)),
                    CheckResult::NotFound | CheckResult::Failure => {
                        Verdict::Unknown(unknown(address, &shown))
                    }
                })
            }
        }
    }
}

const ASK_FIRST: &str = "compare it with what the server's administrators publish";

fn unknown(address: &SshAddress, shown: &str) -> String {
    let SshAddress { host, port, .. } = address;
    format!(
        "{address}: it shows the host key {shown}, and `known_hosts` does not name this server; \
         {ASK_FIRST}, and add what `ssh-keyscan -p {port} {host}` prints"
    )
}

fn changed(address: &SshAddress, shown: &str) -> String {
    format!(
        "{address}: it shows the host key {shown}, and `known_hosts` lists another for this server: \
         it was set up anew, or somebody stands between; {ASK_FIRST}, and replace its lines"
    )
}

fn is_remark(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// As `ssh-keygen -l` prints it.
fn fingerprint(key: &[u8]) -> String {
    let hash = Sha256::digest(key);
    format!("SHA256:{}", base64::engine::general_purpose::STANDARD_NO_PAD.encode(hash))
}

fn name(kind: HostKeyType) -> &'static str {
    match kind {
        HostKeyType::Rsa => "RSA",
        HostKeyType::Dss => "DSA",
        HostKeyType::Ecdsa256 | HostKeyType::Ecdsa384 | HostKeyType::Ecdsa521 => "ECDSA",
        HostKeyType::Ed25519 => "ED25519",
        HostKeyType::Unknown => "of an unknown kind",
    }
}
