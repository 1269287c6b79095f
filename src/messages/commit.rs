//! Commit messages, with the trailers that make Git history the audit trail.

use std::fmt::Write;

use crate::domain::artifact::Artifact;
use crate::domain::id::{CommitId, PersonName, ProposalNumber};
use crate::domain::promotion::{BadArtifact, Kind, Promotion};

use super::{one_line, outside_line};

/// The message of the commit that a proposal carries.
///
/// `undone` is the commit that a rollback takes back.
pub fn promotion(
    promotion: &Promotion,
    artifact: Option<&Artifact>,
    undone: Option<&CommitId>,
) -> String {
    let mut text = subject(promotion);
    text.push_str("\n\n");
    if let Some(reason) = &promotion.reason {
        let _ = writeln!(text, "{}\n", outside_line(reason));
    }
    if let Some(undone) = undone {
        let _ = writeln!(text, "This reverts commit {undone}.\n");
    }
    let _ = writeln!(text, "Hoist-Promotion: {}", promotion.id);
    let _ = writeln!(text, "Hoist-Application: {}", promotion.application.application);
    let _ = writeln!(text, "Hoist-Environment: {}", promotion.environment);
    let _ = writeln!(text, "Hoist-Version: {}", outside_line(&promotion.version));
    kind(&mut text, &promotion.kind);
    if let Some(artifact) = artifact {
        let _ = writeln!(text, "Artifact: {}@{}", artifact.image, artifact.digest);
        if let Some(tag) = &artifact.tag {
            let _ = writeln!(text, "Hoist-Tag: {tag}");
        }
        if let Some(commit) = &artifact.source.commit {
            let _ = writeln!(text, "Source-Commit: {}", outside_line(commit));
        }
    }
    let _ = writeln!(text, "Requested-by: {}", outside_line(&promotion.requested_by.name));
    text
}

/// The trailer of the Developer Certificate of Origin.
pub const SIGNED_OFF: &str = "Signed-off-by";

/// Adds trailers to a message that ends in trailers.
pub fn with_trailers<'a>(
    mut message: String,
    trailers: impl IntoIterator<Item = (&'a str, String)>,
) -> String {
    for (name, value) in trailers {
        let _ = writeln!(message, "{name}: {}", one_line(&value));
    }
    message
}

/// What `hoist recover` needs to know of a promotion besides its artifact.
fn kind(text: &mut String, kind: &Kind) {
    match kind {
        Kind::Forward { skips, bad } => {
            for skipped in skips {
                let _ = writeln!(text, "Hoist-Skipped: {skipped}");
            }
            match bad {
                BadArtifact::Refused => {}
                BadArtifact::Forced => text.push_str("Hoist-Forced: rolled back before\n"),
            }
        }
        Kind::Rollback { restores, undoes } => {
            let _ = writeln!(text, "Hoist-Restores: {restores}");
            let _ = writeln!(text, "Hoist-Undoes: {undoes}");
        }
        Kind::Found { .. } => {}
    }
}

/// One line: what moves where.
pub fn subject(promotion: &Promotion) -> String {
    let application = &promotion.application.application;
    let (environment, version) = (&promotion.environment, outside_line(&promotion.version));
    match &promotion.kind {
        Kind::Forward { .. } => format!("{environment}: promote {application} to {version}"),
        Kind::Rollback { .. } => format!("{environment}: roll {application} back to {version}"),
        Kind::Found { .. } => format!("{environment}: found {application} at {version}"),
    }
}

/// How a proposal got in.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// Whose approvals counted.
    pub approvals: &'a [PersonName],
    /// Who merged.
    pub by: &'a PersonName,
    /// The gates that were shut, in words: somebody with the right to skip them let it pass, or
    /// merged past them.
    pub past: &'a [String],
}

/// The gates that people let a promotion pass, in words.
pub fn skipped(promotion: &Promotion) -> Vec<String> {
    promotion.skipped.iter().map(ToString::to_string).collect()
}

/// The message of the commit that merges a proposal: who said yes, who merged, and past what.
pub fn merge(promotion: &Promotion, number: ProposalNumber, passage: &Passage<'_>) -> String {
    let mut text = format!("Merge proposal {number}: {}\n\n", subject(promotion));
    let _ = writeln!(text, "Hoist-Promotion: {}", promotion.id);
    pass(&mut text, passage);
    text
}

/// The message of the commit that a proposal becomes where the forge squashes: `own`, what the
/// proposal's own commit says ([`promotion`]), and what a merge says besides.
pub fn squashed(own: &str, number: ProposalNumber, passage: &Passage<'_>) -> String {
    let mut text = format!("Merge proposal {number}: {own}");
    pass(&mut text, passage);
    text
}

/// Who reviewed and merged, and past which gates.
pub(super) fn pass(text: &mut String, passage: &Passage<'_>) {
    for approval in passage.approvals {
        let _ = writeln!(text, "Reviewed-by: {approval}");
    }
    for gate in passage.past {
        let _ = writeln!(text, "Hoist-Past-Gate: {}", outside_line(gate));
    }
    let _ = writeln!(text, "Merged-by: {}", passage.by);
}
