//! Reads those of `sources` that are registries and forges with a manner of their own.

use std::path::PathBuf;

use super::fields::{Fields, parsed};
use super::problem::Notes;
use super::secret::Vault;
use super::settings::Hook;
use super::source::secrets;
use super::table::Words;
use super::tree::Node;
use crate::domain::sender::SenderKind;

pub(super) const SENDERS: Words<SenderKind> = Words {
    built: &[
        word(SenderKind::Distribution),
        word(SenderKind::Harbor),
        word(SenderKind::DockerHub),
        word(SenderKind::Quay),
        word(SenderKind::Ghcr),
        word(SenderKind::Ecr),
        word(SenderKind::GitLab),
        word(SenderKind::Gitea),
        word(SenderKind::Acr),
        word(SenderKind::Artifactory),
    ],
    planned: &[],
};

/// The other ways of a source to show who it is.
const OTHERS: [&str; 3] = ["hmac", "oidc", "claims"];

const fn word(kind: SenderKind) -> (&'static str, SenderKind) {
    (kind.as_str(), kind)
}

/// Reads how a registry or a forge sends; `node` is what stands under `sender`.
pub(super) fn read(
    vault: &Vault<'_>,
    node: &Node,
    fields: &Fields<'_>,
    missing: &mut Vec<PathBuf>,
    notes: &mut Notes<'_>,
) -> Option<Hook> {
    for other in OTHERS.into_iter().filter_map(|name| fields.get(name)) {
        let what = format!("{}: this does not go with `sender`", other.path);
        notes.add(other.place, what, "keep one; the other way is a source of its own");
    }
    let kind = SENDERS.read(node, notes);
    let registry = match fields.get("registry") {
        Some(node) => Some(parsed(node, "write it as images have it before the first `/`", notes)?),
        None => None,
    };
    if let (Some(SenderKind::GitLab), None) = (kind, &registry) {
        let what = format!("{}: GitLab does not tell its registry", node.path);
        notes.add(node.place, what, "write `registry: registry.gitlab.com`, or yours, beside it");
        return None;
    }
    let Some(secret) = fields.get("secret") else {
        let what = format!("{}: there is no `secret`, so everybody could send", node.path);
        notes.add(node.place, what, "write `secret: {env: NAME}`, or a list of two");
        return None;
    };
    Some(Hook { kind: kind?, secrets: secrets(vault, secret, missing, notes), registry })
}

/// Notes what says something only about a sender, where there is none.
pub(super) fn check_stray(fields: &Fields<'_>, notes: &mut Notes<'_>) {
    for node in ["secret", "registry"].into_iter().filter_map(|name| fields.get(name)) {
        let what = format!("{}: this goes with `sender`, and there is none", node.path);
        notes.add(node.place, what, "write `sender: harbor` or another, or `hmac` for a CI");
    }
}
