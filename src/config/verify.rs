//! Reads `verify` of a pipeline: what is asked about an artifact before it goes.

use jiff::SignedDuration;

use super::fields::{Fields, items, parsed, text};
use super::gate::length;
use super::problem::Notes;
use super::rule::template;
use super::table::Words;
use super::tables::{PROVENANCE, SIGNER, VERIFY};
use super::tree::Node;
use crate::domain::examination::{DigestCheck, PATIENCE, Strictness, Verify};
use crate::domain::oci::Platform;
use crate::domain::pattern::Pattern;
use crate::domain::trust::{Keyless, ProvenanceRule, PublicKey, Signer, Trust, TrustedRoot, pem};

pub(super) const DIGEST_CHECKS: Words<DigestCheck> = Words {
    built: &[("registry", DigestCheck::Registry), ("none", DigestCheck::Announcer)],
    planned: &[],
};

pub(super) const LABELS: Words<Strictness> =
    Words { built: &[("warn", Strictness::Warn), ("refuse", Strictness::Refuse)], planned: &[] };

/// Whoever takes longer to sign than this announces when it is done.
const LONGEST_PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// Each takes two questions, and nobody is to wait for a hundred.
const MOST_PLATFORMS: usize = 8;

/// Reads the key of a pipeline; none if it says what cannot be read.
pub(super) fn verify(pipeline: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Verify> {
    let Some(node) = pipeline.get("verify") else { return Some(Verify::default()) };
    let fields = Fields::open(node, &VERIFY, notes)?;
    let platforms = platforms(&fields, notes);
    let labels = match fields.get("labels") {
        Some(node) => LABELS.read(node, notes),
        None => Some(Strictness::default()),
    };
    // Whoever asks anything of an artifact asks its registry.
    let digest = match fields.get("digest") {
        Some(node) => DIGEST_CHECKS.read(node, notes),
        None => Some(DigestCheck::Registry),
    };
    if let (Some(DigestCheck::Announcer), Some(node)) = (digest, fields.get("digest")) {
        let asks = ["platforms", "labels", "signature", "provenance", "patience"]
            .into_iter()
            .find_map(|key| fields.get(key));
        if let Some(asks) = asks {
            let what = format!("{}: nobody is asked about that with `digest: none`", asks.path);
            notes.add(node.place, what, "write `digest: registry`, or remove the other keys");
        }
    }
    let signature = match fields.get("signature") {
        Some(node) => signer(node, notes).map(Some),
        None => Some(None),
    };
    let provenance = match fields.get("provenance") {
        Some(node) => {
            provenance(node, signature.as_ref().and_then(Option::as_ref), notes).map(Some)
        }
        None => Some(None),
    };
    let patience = match fields.get("patience") {
        Some(node) => patience(node, notes),
        None => Some(PATIENCE),
    };
    Some(Verify {
        digest: digest?,
        platforms: platforms?,
        labels: labels?,
        signature: signature?,
        provenance: provenance?,
        patience: patience?,
    })
}

fn patience(node: &Node, notes: &mut Notes<'_>) -> Option<SignedDuration> {
    let patience = length(node, notes)?;
    if patience > LONGEST_PATIENCE {
        let what = format!("{}: it would be waited for longer than a day", node.path);
        notes.add(node.place, what, "announce what is pushed and signed once it is");
        return None;
    }
    Some(patience)
}

fn platforms(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Vec<Platform>> {
    let Some(node) = fields.get("platforms") else { return Some(Vec::new()) };
    let list = items(node, notes)?;
    if list.is_empty() || list.len() > MOST_PLATFORMS {
        let what = format!("{}: {} platforms are listed", node.path, list.len());
        notes.add(node.place, what, format!("list at most {MOST_PLATFORMS}, or remove the key"));
        return None;
    }
    let read = |item| parsed(item, "write OS/ARCHITECTURE, as linux/amd64", notes);
    let platforms: Vec<Option<Platform>> = list.iter().map(read).collect();
    platforms.into_iter().collect()
}

/// Whose signature counts: of a key, or of whoever authorities knew.
fn signer(node: &Node, notes: &mut Notes<'_>) -> Option<Signer> {
    let fields = Fields::open(node, &SIGNER, notes)?;
    let key = fields.get("key").map(|node| key(node, notes));
    let who = ["identity", "issuer"].map(|name| fields.get(name));
    let trust = ["trusted_root", "roots", "rekor"].map(|name| fields.get(name));
    match (key, who, trust) {
        (Some(key), [None, None], [None, None, None]) => key.map(Signer::Key),
        (None, [Some(identity), Some(issuer)], [Some(root), None, None]) => {
            let hint = "write `sigstore`, `github`, or the text of a trusted_root.json as a block after `|`";
            let root: Option<TrustedRoot> = parsed(root, hint, notes);
            keyless(identity, issuer, root.map(Trust::Root), notes)
        }
        (None, [Some(identity), Some(issuer)], [None, Some(roots), Some(log)]) => {
            let (authorities, log) = (authorities(roots, notes), self::key(log, notes));
            let trust = authorities.zip(log);
            let trust = trust.map(|(authorities, log)| Trust::Listed { authorities, log });
            keyless(identity, issuer, trust, notes)
        }
        (_, _, _) if !fields.all_known() => None,
        (_, _, _) => {
            let what = format!("{}: it is not clear whose signature counts", node.path);
            let hint = "write `key`, or `identity` and `issuer` with either `trusted_root` or both \
                        `roots` and `rekor`: without the log nobody knows whether a certificate \
                        held when it signed";
            notes.add(node.place, what, hint);
            None
        }
    }
}

/// Whoever was known to an issuer, as far as that and whom to trust can be read.
fn keyless(
    identity: &Node,
    issuer: &Node,
    trust: Option<Trust>,
    notes: &mut Notes<'_>,
) -> Option<Signer> {
    let hint =
        "write it as https://github.com/acme/{application}/.github/workflows/*@refs/heads/main";
    let identity: Option<Pattern> = parsed(identity, hint, notes);
    let issuer = text(issuer, notes).map(str::to_owned);
    let (identity, issuer, trust) = (identity?, issuer?, trust?);
    Some(Signer::Keyless(Box::new(Keyless { identity, issuer, trust })))
}

fn key(node: &Node, notes: &mut Notes<'_>) -> Option<PublicKey> {
    parsed(node, "write the text of the PEM file here, as a block after `|`", notes)
}

fn authorities(node: &Node, notes: &mut Notes<'_>) -> Option<Vec<Vec<u8>>> {
    let found = pem(text(node, notes)?, "CERTIFICATE");
    if found.is_empty() {
        let what = format!("{}: there is no certificate in it", node.path);
        notes.add(node.place, what, "write the text of the PEM file here, as a block after `|`");
        return None;
    }
    Some(found)
}

fn provenance(
    node: &Node,
    signer_of_it: Option<&Signer>,
    notes: &mut Notes<'_>,
) -> Option<ProvenanceRule> {
    let fields = Fields::open(node, &PROVENANCE, notes)?;
    let hint = "write it as https://github.com/acme/builder/.github/workflows/*@refs/tags/v*";
    let builder = fields.get("builder").and_then(|node| parsed(node, hint, notes));
    let source = match fields.get("source") {
        Some(node) => template(node, &["application"], notes).map(Some),
        None => Some(None),
    };
    let signer = match (fields.get("signature"), signer_of_it) {
        (Some(node), _) => signer(node, notes),
        (None, Some(same)) => Some(same.clone()),
        (None, None) => {
            let what = format!("{}: nobody's signature counts on it", node.path);
            let hint = "write `signature` into it, or beside it for both";
            notes.add(node.place, what, hint);
            None
        }
    };
    Some(ProvenanceRule { builder: builder?, source: source?, signer: signer? })
}
