//! Reads `registries` of the process file: how registries are reached.

use url::Url;

use super::check::{self, Mistake};
use super::fields::{Fields, checked, items, text};
use super::problem::Notes;
use super::secret::Vault;
use super::settings::{MirrorAt, Registry};
use super::tables::REGISTRY;
use super::tree::Node;
use crate::domain::artifact::ImageName;

/// Reads one registry.
pub(super) fn read(vault: &Vault<'_>, node: &Node, notes: &mut Notes<'_>) -> Option<Registry> {
    let fields = Fields::open(node, &REGISTRY, notes)?;
    let url = address(&fields, "url", notes);
    let token_server = address(&fields, "token_server", notes);
    let login = login(vault, &fields, notes);
    let ca = match fields.get("ca") {
        Some(node) => Some(vault.certificates(node, notes)?),
        None => None,
    };
    let mut mirrors = Vec::new();
    for item in fields.get("mirrors").and_then(|node| items(node, notes)).unwrap_or_default() {
        mirrors.extend(checked(item, mirror, notes));
    }
    Some(Registry { url: url?, token_server: token_server?, login: login?, ca, mirrors })
}

/// An address that a password may be sent to; none if what stands there is none.
fn address(fields: &Fields<'_>, name: &str, notes: &mut Notes<'_>) -> Option<Option<Url>> {
    match fields.get(name) {
        Some(node) => checked(node, check::server, notes).map(Some),
        None => Some(None),
    }
}

type Login = (String, secrecy::SecretString);

fn login(vault: &Vault<'_>, fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Option<Login>> {
    match (fields.get("username"), fields.get("password")) {
        (None, None) => Some(None),
        (Some(username), Some(password)) => {
            let username = text(username, notes)?.to_owned();
            Some(Some((username, vault.secret(password, notes)?)))
        }
        (Some(node), None) | (None, Some(node)) => {
            let what = format!("{}: `username` and `password` belong together", node.path);
            notes.add(node.place, what, "write both, or neither for what everybody may read");
            None
        }
    }
}

/// `HOST` or `HOST/PREFIX`.
fn mirror(text: &str) -> Result<MirrorAt, Mistake> {
    let (host, prefix) = text.split_once('/').unwrap_or((text, ""));
    let prefix_fits = prefix.is_empty() || format!("a.b/{prefix}").parse::<ImageName>().is_ok();
    match host.parse() {
        Ok(registry) if prefix_fits => Ok(MirrorAt { registry, prefix: prefix.to_owned() }),
        Ok(_) | Err(_) => Err((
            format!("`{text}` is no mirror"),
            "write HOST or HOST/PREFIX, as harbor.example.com/dockerhub; how the host is reached \
             is an entry of `registries` of its own"
                .into(),
        )),
    }
}
