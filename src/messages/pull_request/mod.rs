//! A proposal's title, body and hoist's comments on it.

mod facts;
mod template;

use crate::domain::artifact::Artifact;
use crate::domain::gate::Judged;
use crate::domain::id::CommitId;
use crate::domain::landing::Block;
use crate::domain::plan::{Closed, PlannedEdit};
use crate::domain::promotion::{Promotion, Skip};

use super::{landing, quoted};
use facts::Facts;

pub use template::{Text, check};

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

/// What a proposal says: its title, and its body in Markdown. The templates are the policy's, where
/// it has them.
pub fn text(story: &Story<'_>, title: Option<&str>, body: Option<&str>) -> (String, String) {
    let facts = Facts::of(story);
    let title = template::write(Text::Title, title, &facts);
    (title, template::write(Text::Body, body, &facts))
}

/// The marker by which hoist finds its comment about foreign commits again.
pub const FOREIGN_PUSH: &str = "<!-- hoist: foreign push ";

/// The marker by which hoist finds its comments about skipped gates again.
pub const SKIPPED_GATE: &str = "<!-- hoist: skipped ";

/// The marker by which hoist finds its comment about a queue that puts it out again.
pub const PUT_OUT: &str = "<!-- hoist: put out ";

/// Tells that its forge's queue puts it out again and again, and who goes on.
pub fn put_out(head: &CommitId, block: &Block) -> String {
    format!(
        "{PUT_OUT}{head} -->\nhoist leaves this to you: {}. It goes on when somebody puts it in \
         again, when something is pushed, or when a newer version takes its place.",
        quoted(&landing::put_out(block))
    )
}

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
