//! Secrets: where they are, never what they are.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::fields::{Fields, text};
use super::problem::Notes;
use super::tables::SECRET;
use super::tree::{Kind, Node};

/// Longer than any secret: somebody named the wrong file.
const LONGEST: usize = 64 * 1024;

/// Fewer bytes than that can be tried one after the other by whoever has seen one signature.
const SHORTEST_PROOF: usize = 16;

/// Where secrets come from: the machine, or a test.
pub trait Surroundings {
    /// An environment variable; none if it is not set or no text.
    fn variable(&self, name: &str) -> Option<String>;
    /// A file's text.
    fn file(&self, path: &Path) -> io::Result<String>;
}

/// The machine that hoist runs on.
pub struct Machine;

impl Surroundings for Machine {
    #[expect(clippy::disallowed_methods, reason = "the one place where settings are read")]
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// What came of reading a secret.
pub(super) enum Found {
    /// It is there.
    Secret(SecretString),
    /// Its file is not there, and is under `data`, where hoist may make one.
    MayBeMade(PathBuf),
}

/// Where a secret is read from, and what may be made there.
pub(super) struct Vault<'a> {
    pub(super) surroundings: &'a dyn Surroundings,
    /// The folder in which a missing secret is no problem.
    pub(super) data: &'a Path,
}

impl Vault<'_> {
    /// Reads a secret that must exist.
    pub(super) fn secret(&self, node: &Node, notes: &mut Notes<'_>) -> Option<SecretString> {
        match self.find(node, notes)? {
            Found::Secret(secret) => Some(secret),
            Found::MayBeMade(path) => {
                let what = format!("{}: the file {} does not exist", node.path, path.display());
                notes.add(node.place, what, "put the secret there");
                None
            }
        }
    }

    /// Reads a secret by which others show who they are: it must exist.
    pub(super) fn proof(&self, node: &Node, notes: &mut Notes<'_>) -> Option<SecretString> {
        let secret = self.secret(node, notes)?;
        is_long_enough(&secret, node, notes).then_some(secret)
    }

    /// The same, or says where one is to be made.
    pub(super) fn find_proof(&self, node: &Node, notes: &mut Notes<'_>) -> Option<Found> {
        match self.find(node, notes)? {
            Found::Secret(secret) => {
                is_long_enough(&secret, node, notes).then_some(Found::Secret(secret))
            }
            Found::MayBeMade(path) => Some(Found::MayBeMade(path)),
        }
    }

    /// Reads a secret, or says where one is to be made.
    pub(super) fn find(&self, node: &Node, notes: &mut Notes<'_>) -> Option<Found> {
        if let Kind::Text(_) = node.kind {
            // What stands there may be the secret itself: it is not repeated.
            let what = format!("{}: a secret is never written into this file", node.path);
            let hint = "put it into an environment variable or a file, and write `{env: NAME}` or \
                        `{file: PATH}`; if this file was shared, replace the secret";
            notes.add(node.place, what, hint);
            return None;
        }
        let fields = Fields::open(node, &SECRET, notes)?;
        match (fields.get("env"), fields.get("file")) {
            (Some(env), None) => self.variable(env, notes).map(Found::Secret),
            (None, Some(file)) => self.file(file, notes),
            (Some(_), Some(_)) | (None, None) => {
                let what = format!("{}: a secret is in one place", node.path);
                notes.add(node.place, what, "write either `{env: NAME}` or `{file: PATH}`");
                None
            }
        }
    }

    /// Reads a file of certificates: no secret, and found where secrets are.
    pub(super) fn certificates(&self, node: &Node, notes: &mut Notes<'_>) -> Option<String> {
        let pem = self.secret(node, notes)?.expose_secret().to_owned();
        if pem.contains("-----BEGIN CERTIFICATE-----") {
            return Some(pem);
        }
        let what = format!("{}: there is no certificate in it", node.path);
        notes.add(node.place, what, "name a PEM file: it has `-----BEGIN CERTIFICATE-----` in it");
        None
    }

    fn variable(&self, node: &Node, notes: &mut Notes<'_>) -> Option<SecretString> {
        let name = text(node, notes)?;
        if !is_variable_name(name) {
            // A secret written here by mistake is not repeated.
            let what = format!("{}: this is no name of an environment variable", node.path);
            notes.add(node.place, what, "a name has letters, digits and `_`, as HOIST_CI_SECRET");
            return None;
        }
        let Some(value) = self.surroundings.variable(name).filter(|value| !value.is_empty()) else {
            // Lower case is rare in a variable's name and common in a secret put here by mistake.
            let shown = if name.contains(|c: char| c.is_ascii_lowercase()) { "" } else { name };
            let what = format!("{}: the environment variable {shown} is not set", node.path);
            let hint = "start hoist with it, or write `{file: PATH}` instead";
            notes.add(node.place, what.replace("  ", " "), hint);
            return None;
        };
        Some(value.into())
    }

    fn file(&self, node: &Node, notes: &mut Notes<'_>) -> Option<Found> {
        let path = Path::new(text(node, notes)?);
        let shown = path.display();
        let content = match self.surroundings.file(path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound && self.is_under_data(path) => {
                return Some(Found::MayBeMade(path.to_owned()));
            }
            Err(error) => {
                let what = format!("{}: the file {shown} cannot be read: {error}", node.path);
                notes.add(node.place, what, "put the secret there, readable for hoist's user");
                return None;
            }
        };
        let secret = without_line_end(&content);
        if secret.is_empty() || secret.len() > LONGEST {
            let what = if secret.is_empty() { "is empty" } else { "is longer than 64 KiB" };
            let what = format!("{}: the file {shown} {what}", node.path);
            notes.add(node.place, what, "put the secret there, and nothing else");
            return None;
        }
        Some(Found::Secret(secret.to_owned().into()))
    }

    fn is_under_data(&self, path: &Path) -> bool {
        let plain = |path: &Path| -> PathBuf {
            path.components().filter(|part| *part != Component::CurDir).collect()
        };
        let climbs = path.components().any(|part| part == Component::ParentDir);
        !climbs && plain(path).starts_with(plain(self.data))
    }
}

/// Notes a secret that could be guessed.
fn is_long_enough(secret: &SecretString, node: &Node, notes: &mut Notes<'_>) -> bool {
    let text = secret.expose_secret();
    // What Standard Webhooks write is base64.
    let length = text.strip_prefix("whsec_").map_or(text.len(), |rest| rest.len() / 4 * 3);
    if length < SHORTEST_PROOF {
        let what = format!(
            "{}: the secret there has {length} bytes, and one so short can be guessed",
            node.path
        );
        let hint = format!(
            "take at least {SHORTEST_PROOF}, as `openssl rand -hex 32` makes them, and give the \
             sender the same"
        );
        notes.add(node.place, what, hint);
    }
    length >= SHORTEST_PROOF
}

fn without_line_end(content: &str) -> &str {
    let content = content.strip_suffix('\n').unwrap_or(content);
    content.strip_suffix('\r').unwrap_or(content)
}

fn is_variable_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.len() <= 100
        && name.bytes().all(fits)
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// Makes a secret's file that only hoist's user may read, with missing folders.
///
/// `random` is drawn by the caller. The text is hex, so that any CI can hold it in a variable. A
/// file that exists is left as it is: another process may have been faster.
pub fn make_secret_file(path: &Path, random: [u8; 32]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(mut file) => {
            writeln!(file, "{}", hex::encode(random))?;
            file.sync_all()
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
