//! Reads `sources` of the process file: who may announce artifacts, and how they show who they are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

use super::check;
use super::claims;
use super::fields::{Fields, checked, entries, items, parsed, text};
use super::policy::count;
use super::problem::Notes;
use super::secret::{Found, Vault};
use super::sender;
use super::settings::{Proof, Source, TokenRule};
use super::tables::{OIDC, SOURCE};
use super::tree::{Kind, Node};
use crate::domain::id::SourceName;
use crate::domain::pattern::{Named, Pattern};

/// How often in a minute a source may announce unless it says otherwise: far more than any CI.
const PER_MINUTE: u32 = 600;

/// Reads one source.
pub(super) fn read(
    vault: &Vault<'_>,
    node: &Node,
    missing: &mut Vec<PathBuf>,
    notes: &mut Notes<'_>,
) -> Option<Source> {
    let fields = Fields::open(node, &SOURCE, notes)?;
    let proof = proof(vault, &fields, missing, notes);
    let images = fields.get("images").and_then(|node| images(node, proof.as_ref(), notes));
    let per_minute = match fields.get("per_minute") {
        Some(node) => count(node, 1, 100_000, notes)?,
        None => PER_MINUTE,
    };
    Some(Source { proof: proof?, images: images?, per_minute })
}

fn proof(
    vault: &Vault<'_>,
    fields: &Fields<'_>,
    missing: &mut Vec<PathBuf>,
    notes: &mut Notes<'_>,
) -> Option<Proof> {
    let node = fields.node();
    if let Some(kind) = fields.get("sender") {
        return sender::read(vault, kind, fields, missing, notes).map(Proof::Hook);
    }
    sender::check_stray(fields, notes);
    match (fields.get("hmac"), fields.get("oidc"), fields.get("claims")) {
        (Some(hmac), None, None) => Some(Proof::Secrets(secrets(vault, hmac, missing, notes))),
        (None, Some(oidc), claims) => token_rule(vault, oidc, claims, notes).map(Proof::Token),
        (_, _, _) if !fields.all_known() => None,
        (Some(_), Some(_), _) => {
            let what = format!("{}: `hmac` and `oidc` stand together", node.path);
            notes.add(node.place, what, "keep one; the other way is a source of its own");
            None
        }
        (_, None, Some(claims)) => {
            let what = format!("{}: claims stand in tokens, and there is no `oidc`", claims.path);
            notes.add(claims.place, what, "write `oidc: {issuer: …, audience: …}`, or remove them");
            None
        }
        (None, None, None) => {
            let what = format!("{}: nothing tells who it is that announces", node.path);
            let hint = "write `hmac: {env: NAME}`, the secret that signs, or `oidc: {issuer: …, \
                        audience: …}` with `claims:`, the CI that vouches for it, or \
                        `sender: harbor` with `secret:`";
            notes.add(node.place, what, hint);
            None
        }
    }
}

pub(super) fn secrets(
    vault: &Vault<'_>,
    node: &Node,
    missing: &mut Vec<PathBuf>,
    notes: &mut Notes<'_>,
) -> Vec<SecretString> {
    let mut secrets = Vec::new();
    for secret in one_or_two(node, notes) {
        match vault.find_proof(secret, notes) {
            Some(Found::Secret(secret)) => secrets.push(secret),
            Some(Found::MayBeMade(path)) => missing.push(path),
            None => (),
        }
    }
    secrets
}

/// A secret, or a list of one or two.
pub(super) fn one_or_two<'n>(node: &'n Node, notes: &mut Notes<'_>) -> Vec<&'n Node> {
    let Kind::List(list) = &node.kind else { return vec![node] };
    if list.is_empty() || list.len() > 2 {
        let what = format!("{}: {} secrets stand here", node.path, list.len());
        notes.add(node.place, what, "write one, or two while one is being rotated");
    }
    list.iter().collect()
}

fn token_rule(
    vault: &Vault<'_>,
    oidc: &Node,
    written: Option<&Node>,
    notes: &mut Notes<'_>,
) -> Option<TokenRule> {
    let fields = Fields::open(oidc, &OIDC, notes)?;
    let issuer = fields.get("issuer").and_then(|node| checked(node, check::issuer, notes));
    let audience = fields.get("audience").and_then(|node| text(node, notes)).map(str::to_owned);
    let ca = match fields.get("ca") {
        Some(node) => Some(vault.certificates(node, notes)?),
        None => None,
    };
    let read = written.map(|node| patterns(node, notes)).unwrap_or_default();
    if let Some(issuer) = &issuer {
        claims::check(oidc, written, issuer, notes);
    }
    Some(TokenRule { issuer: issuer?, audience: audience?, ca, claims: read })
}

fn patterns(node: &Node, notes: &mut Notes<'_>) -> BTreeMap<String, Vec<Pattern>> {
    let hint = "write the value, with `*` for a part of a segment or `{application}` for one";
    let mut found = BTreeMap::new();
    for entry in entries(node, notes).unwrap_or_default() {
        let several = match &entry.value.kind {
            Kind::List(list) => list.iter().collect(),
            Kind::Null | Kind::Text(_) | Kind::Map(_) => vec![&entry.value],
        };
        if several.is_empty() {
            let what = format!("{}: no value would ever fit", entry.value.path);
            notes.add(entry.value.place, what, hint);
        }
        let read: Vec<_> =
            several.into_iter().filter_map(|node| parsed::<Pattern>(node, hint, notes)).collect();
        found.insert(entry.key.clone(), read);
    }
    found
}

fn images(node: &Node, proof: Option<&Proof>, notes: &mut Notes<'_>) -> Option<Vec<Pattern>> {
    let list = items(node, notes)?;
    if list.is_empty() {
        let what = format!("{}: this source may announce nothing", node.path);
        notes.add(node.place, what, "name at least one image, as ghcr.io/acme/*");
    }
    let mut images = Vec::new();
    for item in list {
        let Some(pattern) = checked(item, check::image_pattern, notes) else { continue };
        if pattern.names_application() == Named::Yes && !reads_a_name(proof) {
            let what =
                format!("{}: nothing says what `{{application}}` is in `{pattern}`", item.path);
            let hint = "write `*`, or `{application}` in one of the `claims` of a token, too";
            notes.add(item.place, what, hint);
        }
        images.push(pattern);
    }
    Some(images)
}

/// Tells whether the name of an application is read out of every token that fits. What could not
/// be read has been noted, and gets the benefit of the doubt.
fn reads_a_name(proof: Option<&Proof>) -> bool {
    match proof {
        None => true,
        Some(Proof::Secrets(_) | Proof::Hook(_)) => false,
        Some(Proof::Token(rule)) => rule.claims.values().any(|patterns| {
            patterns.iter().all(|pattern| pattern.names_application() == Named::Yes)
        }),
    }
}

/// Whoever signs with a secret is its source, so no two sources can have the same one; and a secret
/// in the form of Standard Webhooks must be base64, or nothing signed with it would ever fit.
pub(super) fn check_secrets(
    fields: &Fields<'_>,
    sources: &BTreeMap<SourceName, Source>,
    notes: &mut Notes<'_>,
) {
    let mut owners: BTreeMap<&str, &SourceName> = BTreeMap::new();
    for (name, source) in sources {
        let Proof::Secrets(secrets) = &source.proof else { continue };
        let place = fields.get("sources").and_then(|node| node.entry(name.as_str()));
        let Some(place) = place.map(|node| node.place) else { continue };
        for secret in secrets.iter().map(ExposeSecret::expose_secret) {
            if secret.strip_prefix("whsec_").is_some_and(|rest| !is_base64(rest)) {
                let what = format!("sources.{name}.hmac: what follows `whsec_` is no base64");
                notes.add(place, what, "copy it whole, or drop the prefix if it is not one");
            }
            match owners.insert(secret, name) {
                Some(owner) if owner != name => {
                    let what = format!("sources.{name}.hmac: `{owner}` has the same secret");
                    let hint = "give each source a secret of its own: it tells who announces";
                    notes.add(place, what, hint);
                }
                Some(_) | None => {}
            }
        }
    }
}

fn is_base64(text: &str) -> bool {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=')).is_ok()
}
