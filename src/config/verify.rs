//! Reads `verify` of a pipeline: what is asked about an artifact before it goes.

use super::fields::{Fields, items, parsed};
use super::problem::Notes;
use super::table::Words;
use super::tables::VERIFY;
use crate::domain::examination::{DigestCheck, Strictness, Verify};
use crate::domain::oci::Platform;

pub(super) const DIGEST_CHECKS: Words<DigestCheck> = Words {
    built: &[("registry", DigestCheck::Registry), ("none", DigestCheck::Announcer)],
    planned: &[],
};

pub(super) const LABELS: Words<Strictness> =
    Words { built: &[("warn", Strictness::Warn), ("refuse", Strictness::Refuse)], planned: &[] };

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
        let asks = ["platforms", "labels"].into_iter().find_map(|key| fields.get(key));
        if let Some(asks) = asks {
            let what = format!("{}: nobody is asked about that with `digest: none`", asks.path);
            notes.add(node.place, what, "write `digest: registry`, or remove the other keys");
        }
    }
    Some(Verify { digest: digest?, platforms: platforms?, labels: labels? })
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
