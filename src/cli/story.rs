//! A promotion and a command's answer, as people read them.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::app::recover::RecoveredView;
use crate::app::views::{CommandView, PromotionView, ProposalView};

use super::output::{BAD, FAINT, GOOD, STRONG};
use super::words::{age, one_line, printable, style_of};

/// What a command did, and where to look.
pub(super) fn command(done: &CommandView) -> String {
    let mut text = printable(&done.message);
    text.push('\n');
    // Writing to a String cannot fail, here and below.
    if let Some(promotion) = &done.promotion {
        let _ = writeln!(text, "{FAINT}promotion{FAINT:#} {promotion}");
    }
    if let Some(url) = &done.url {
        let _ = writeln!(text, "{FAINT}look at{FAINT:#}   {}", printable(url));
    }
    text
}

/// What was rebuilt of a lost store, and what was not.
pub(super) fn recovered(it: &RecoveredView) -> String {
    let mut text = format!(
        "Rebuilt from Git and the forge: {} applications, {} artifacts, {} merged promotions \
         ({} of them rollbacks), {} versions found there, {} open proposals.\n\
         Every application is held in every environment until `hoist resume APP ENV`; a rollback \
         works at once.\n\nWhat cannot be known any more:\n",
        it.applications, it.artifacts, it.merged, it.rollbacks, it.found, it.open
    );
    for unknown in &it.unknown {
        let _ = writeln!(text, "- {unknown}");
    }
    text
}

/// A promotion's whole story.
pub(super) fn promotion(it: &PromotionView, now: Timestamp) -> String {
    let style = style_of(&it.state);
    let mut text = format!(
        "{STRONG}{} {} into {}{STRONG:#}: {style}{}{style:#}, {}\n{}\n\n",
        it.application,
        one_line(&it.version),
        it.environment,
        one_line(&it.state),
        age(now, it.since),
        printable(&it.explanation),
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<11}{}", one_line(value));
    };
    line("promotion", it.id.as_str());
    line("kind", &it.kind);
    line("asked by", &format!("{}, {}", it.requested_by, age(now, it.created_at)));
    if let Some(reason) = &it.reason {
        line("why", reason);
    }
    if let Some(artifact) = &it.artifact {
        line("artifact", &format!("{}@{}", artifact.image, artifact.digest));
    }
    for gate in &it.gates {
        line("gate", &format!("{}: {}, {}", gate.name, gate.verdict, gate.saw));
    }
    for skipped in &it.skipped {
        line("past gate", skipped);
    }
    if let Some(proposal) = &it.proposal {
        describe_proposal(&mut text, proposal);
    }
    if let Some(diff) = &it.diff {
        text.push('\n');
        text.push_str(&coloured(diff));
    }
    text
}

fn describe_proposal(text: &mut String, proposal: &ProposalView) {
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<11}{}", one_line(value));
    };
    line("proposal", &format!("{} is {}, {}", proposal.number, proposal.state, proposal.title));
    line("", &proposal.url);
    line("head", proposal.head.as_str());
    let given = proposal.approvals.len();
    if proposal.approvals_needed > 0 || given > 0 {
        let by = proposal.approvals.join(", ");
        let by = if by.is_empty() { by } else { format!(" ({by})") };
        line("approvals", &format!("{given} of {}{by}", proposal.approvals_needed));
    }
    for review in &proposal.reviews {
        let comment = review.comment.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
        let of = if review.head == proposal.head { "" } else { " (of an earlier commit)" };
        line("review", &format!("{} {}{of}{comment}", review.by, review.verdict));
    }
    for comment in &proposal.comments {
        line("comment", &format!("{}: {}", comment.by, comment.body));
    }
    for path in &proposal.conflicts {
        line("conflict", path);
    }
}

/// A unified diff, as Git colours it.
pub(super) fn coloured(diff: &str) -> String {
    let mut text = String::with_capacity(diff.len() + 256);
    for line in diff.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') if !line.starts_with("+++") => GOOD,
            Some(b'-') if !line.starts_with("---") => BAD,
            Some(b'@') => FAINT,
            Some(_) | None => anstyle::Style::new(),
        };
        let _ = writeln!(text, "{style}{}{style:#}", printable(line));
    }
    text
}
