//! A proposal's title, body and hoist's comments on it.

use std::fmt::Write;

use crate::domain::artifact::Artifact;
use crate::domain::examination::{Examination, Traits};
use crate::domain::gate::{Judged, Verdict};
use crate::domain::id::CommitId;
use crate::domain::plan::{Closed, PlannedEdit};
use crate::domain::promotion::{BadArtifact, Kind, Promotion, Skip};
use crate::domain::range::is_range;

use super::{commit, examination, quoted, time};

/// What a proposal's body tells about.
pub struct Story<'a> {
    /// The promotion it carries.
    pub promotion: &'a Promotion,
    /// What that brings, where it is known.
    pub artifact: Option<&'a Artifact>,
    /// What is there now.
    pub from: &'a str,
    /// What changes.
    pub edits: &'a [PlannedEdit],
    /// Its gates.
    pub gates: &'a [Judged],
    /// Where hoist tells the whole story.
    pub url: &'a str,
    /// What a rollback takes back, and what it brings back.
    pub back: Option<Back<'a>>,
    /// The promotions that brought the same into the environments before.
    pub before: Vec<&'a Promotion>,
    /// Where the commits can be looked at that come.
    pub compare: Option<String>,
}

/// What a rollback's body tells about.
pub struct Back<'a> {
    /// What comes back.
    pub restores: &'a Promotion,
    /// What goes.
    pub undoes: &'a Promotion,
    /// The commit that brought what goes.
    pub undone: Option<&'a CommitId>,
    /// Where the difference of the sources can be looked at.
    pub compare: Option<String>,
}

/// One line: what moves where.
pub fn title(promotion: &Promotion) -> String {
    commit::subject(promotion)
}

/// What changes, what it is, what the gates saw, and how to bring it down again.
pub fn body(story: &Story<'_>) -> String {
    let promotion = story.promotion;
    let mut text = String::new();
    let application = &promotion.application.application;
    let environment = &promotion.environment;
    let _ = writeln!(
        text,
        "**{application}** in **{environment}**: {} → {}\n",
        quoted(story.from),
        quoted(&promotion.version)
    );
    for edit in story.edits {
        let _ = writeln!(
            text,
            "- `{}` {}: {} → {}",
            edit.file,
            quoted(&edit.place.pointer),
            quoted(&edit.expect),
            quoted(&edit.value)
        );
        ranges(&mut text, edit);
    }
    text.push('\n');
    if let Some(told) = &story.back {
        back(&mut text, told);
    }
    if let Kind::Forward { bad: BadArtifact::Forced, .. } = promotion.kind {
        text.push_str("**It was rolled back before**, and goes in because a person says so.\n\n");
    }
    artifact(&mut text, story.artifact);
    if let Some(compare) = &story.compare {
        let _ = writeln!(text, "What comes: {compare}\n");
    }
    for before in &story.before {
        let (environment, state) = (&before.environment, before.state.name());
        let _ = writeln!(text, "In {environment} it is {state}, since {}.", time(before.since));
    }
    let _ = writeln!(text, "Asked for by {}", quoted(&promotion.requested_by.name));
    if let Some(reason) = &promotion.reason {
        let _ = writeln!(text, "because {}", quoted(reason));
    }
    gates(&mut text, story.gates);
    let _ = writeln!(
        text,
        "\nOnly the version field changes; the status `hoist/only-version` proves it at every \
         push.\nTo bring it down again: `hoist rollback {application} {environment}`.\n\
         The whole story: {}",
        story.url
    );
    text
}

/// Tells where a version takes the place of a range, or a range that of a version.
fn ranges(text: &mut String, edit: &PlannedEdit) {
    if is_range(&edit.expect) {
        let _ = writeln!(
            text,
            "  The range {} let others choose the version; from now on it is this one alone.",
            quoted(&edit.expect)
        );
    }
    if is_range(&edit.value) {
        let _ = writeln!(
            text,
            "  The range {} lets others choose the version again, and they may choose the one that \
             it replaces.",
            quoted(&edit.value)
        );
    }
}

/// What comes back and when that ran well, and what goes.
fn back(text: &mut String, told: &Back<'_>) {
    let Back { restores, undoes, undone, compare } = told;
    let _ = writeln!(
        text,
        "This is a rollback. What comes back: {}, which succeeded here at {}.\n\
         What goes: {}, in here since {}.",
        quoted(&restores.version),
        time(restores.since),
        quoted(&undoes.version),
        time(undoes.since),
    );
    if let Some(undone) = undone {
        let _ = writeln!(text, "It takes back commit {undone}.");
    }
    if let Some(compare) = compare {
        let _ = writeln!(text, "What is taken back: {compare}");
    }
    text.push('\n');
}

fn artifact(text: &mut String, artifact: Option<&Artifact>) {
    let Some(artifact) = artifact else { return };
    let _ = writeln!(text, "| artifact | |\n|---|---|");
    let _ = writeln!(text, "| image | {} |", quoted(artifact.image.as_str()));
    let _ = writeln!(text, "| digest | {} |", quoted(artifact.digest.as_str()));
    if let Some(tag) = &artifact.tag {
        let _ = writeln!(text, "| tag | {} |", quoted(tag.as_str()));
    }
    if let Some(commit) = &artifact.source.commit {
        let _ = writeln!(text, "| source commit | {} |", quoted(commit));
    }
    if let Some(url) = &artifact.build.url {
        let _ = writeln!(text, "| build | {} |", quoted(url));
    }
    if let Some(traits) = artifact.examination.as_ref().and_then(Examination::traits) {
        found(text, traits);
    }
    text.push('\n');
}

/// What the registry said of it.
fn found(text: &mut String, traits: &Traits) {
    for (name, said) in examination::lines(traits) {
        let name = if name == examination::CONTRADICTION { "**contradiction**" } else { name };
        let _ = writeln!(text, "| {name} | {} |", quoted(&said));
    }
}

fn gates(text: &mut String, gates: &[Judged]) {
    if gates.is_empty() {
        return;
    }
    text.push_str("\nGates:\n");
    for gate in gates {
        let word = match &gate.verdict {
            Verdict::Open => "open".to_owned(),
            Verdict::OpensAt(at) => format!("opens at {}", time(*at)),
            Verdict::NeedsAction(what) => what.clone(),
            // Who, and why: in their own words.
            Verdict::Skipped => {
                let _ = writeln!(text, "- {}: {}", gate.name, quoted(&gate.saw));
                continue;
            }
        };
        let _ = writeln!(text, "- {}: {word} ({})", gate.name, gate.saw);
    }
}

/// The marker by which hoist finds its comment about foreign commits again.
pub const FOREIGN_PUSH: &str = "<!-- hoist: foreign push ";

/// The marker by which hoist finds its comments about skipped gates again.
pub const SKIPPED_GATE: &str = "<!-- hoist: skipped ";

/// Tells that a person let it pass a gate.
pub fn skipped(skip: &Skip) -> String {
    format!(
        "{SKIPPED_GATE}{} -->\n{} skipped the gate `{}`: {}",
        skip.gate,
        quoted(&skip.by.name),
        skip.gate,
        quoted(&skip.reason)
    )
}

/// A text without the HTML comments by which hoist finds its own remarks again.
pub fn without_markers(text: &str) -> String {
    let mut rest = text;
    let mut shown = String::new();
    while let Some((before, after)) = rest.split_once("<!--") {
        let Some((_, after)) = after.split_once("-->") else { break };
        shown.push_str(before);
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    shown.push_str(rest);
    shown.trim().to_owned()
}

/// Tells that somebody else's commits are on the branch.
pub fn foreign_push(head: &CommitId) -> String {
    format!(
        "{FOREIGN_PUSH}{head} -->\nSomebody pushed {} to this branch. hoist overwrites nothing of \
         it and merges it only once somebody has approved it as it is; `hoist/only-version` says \
         whether it changes version fields only. A newer version would replace it, and would say \
         so here.",
        head.short()
    )
}

/// Tells that a newer version replaces somebody else's commits.
pub fn overwritten(head: &CommitId, version: &str) -> String {
    format!(
        "<!-- hoist: overwritten {head} -->\nA newer version, {}, replaces what somebody had pushed \
         here. The commit was {head}; `git cherry-pick {head}` brings it back on a branch of your \
         own.",
        quoted(version)
    )
}

/// Why hoist closed a proposal.
pub fn closed(because: &Closed) -> String {
    match because {
        Closed::RolledBack { by } => {
            format!(
                "A rollback takes its place: promotion {by}. The application is held there \
                 until somebody resumes it."
            )
        }
        Closed::AlreadyThere => {
            "The environment already holds this version; there is nothing left to change.".into()
        }
        Closed::Rides { schedule } => {
            format!("What it brings goes with the train {schedule} from now on.")
        }
        Closed::TimedOut { reason } => {
            format!("It waited for too long: {reason}. A newer version or a command starts again.")
        }
        Closed::Bad { environment } => format!(
            "What it brings was rolled back in {environment}, which comes before; `hoist promote \
             --force-bad --reason …` brings it all the same."
        ),
        Closed::Vanished { file } => {
            format!("{file} is gone from the repository, and with it what this would change.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_not_shown() {
        assert_eq!(without_markers("<!-- hoist: x -->\nHello"), "Hello");
        assert_eq!(without_markers("a <!-- b"), "a <!-- b");
    }
}
