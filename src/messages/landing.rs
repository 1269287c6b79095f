//! What a forge says stands in a proposal's way, and what it does with it by itself.

use super::time;
use crate::domain::landing::{Block, Course, Handed, Lacking, Whose};

/// Tells by which rules a forge keeps a proposal out.
pub fn blocked(blocks: &[Block]) -> String {
    format!("its forge does not let it in yet: {}", listed(blocks))
}

/// Tells that a forge brings a proposal in by itself, and what it waits for.
pub fn handed(handed: &Handed) -> String {
    let by = match handed.whose {
        Whose::Ours => "",
        Whose::Theirs => ", as a person asked for",
    };
    let what = match handed.course {
        Course::AutoMerge => "its forge merges it as soon as its rules let it",
        Course::Queue => "it is in the merge queue",
        Course::Train => "it is on the merge train",
    };
    if handed.blocks.is_empty() {
        return format!("{what}{by}");
    }
    format!("{what}{by}: {}", listed(&handed.blocks))
}

/// Tells that a forge was asked to bring a proposal in by itself.
pub fn handed_over(course: Course) -> &'static str {
    match course {
        Course::AutoMerge => "handed over: its forge merges it as soon as its rules let it",
        Course::Queue => "put into the merge queue",
        Course::Train => "put on the merge train",
    }
}

/// A draft was made ready.
pub const READY: &str = "its proposal is no draft any more";

/// What was asked of the forge was taken back.
pub const TAKEN_BACK: &str = "taken back from its forge: it may not go in by itself any more";

/// What a person can do about what a forge blocks.
pub fn next(blocks: &[Block]) -> String {
    let mut steps: Vec<String> = Vec::new();
    for step in blocks.iter().map(step) {
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    if steps.is_empty() { NOTHING.to_owned() } else { steps.join("; ") }
}

const NOTHING: &str = "nothing is needed: it goes on by itself";

fn listed(blocks: &[Block]) -> String {
    let blocks: Vec<String> = blocks.iter().map(block).collect();
    blocks.join("; ")
}

/// Tells that a queue has put a proposal out.
pub fn put_out(rule: &Block) -> String {
    block(rule)
}

/// A rule that is in the way.
fn block(block: &Block) -> String {
    match block {
        Block::Check { name, lacking } => format!("the required check `{name}` {}", far(*lacking)),
        Block::Pipeline(lacking) => format!("its pipeline {}", far(*lacking)),
        Block::ExternalChecks => "external status checks have to pass".into(),
        Block::Reviews { have: Some(have), need: Some(need) } => {
            format!("it has {have} of {need} approving reviews that its branch requires")
        }
        Block::Reviews { .. } => "it lacks approving reviews that its branch requires".into(),
        Block::CodeOwners => "a code owner of what it changes has to approve it".into(),
        Block::ChangesRequested => "a reviewer asks for changes".into(),
        Block::Conversations(Some(1)) => "1 conversation on it is not resolved".into(),
        Block::Conversations(Some(count)) => {
            format!("{count} conversations on it are not resolved")
        }
        Block::Conversations(None) => "not all of its threads are resolved".into(),
        Block::Signatures => "its commits have to be signed".into(),
        Block::Method { method, allowed } => {
            format!(
                "its branch does not take the merge method {method}, but {}",
                allowed.join(", ")
            )
        }
        Block::Restricted => "these credentials may not move its branch, or it is locked".into(),
        Block::Behind => "it has to stand on its branch as that is now".into(),
        Block::Conflict => "it conflicts with its branch".into(),
        Block::Draft => "a person made a draft of it".into(),
        Block::Deployments(places) => {
            format!("it has to be deployed first to {}", places.join(", "))
        }
        Block::Dependency => "another one has to go in before it".into(),
        Block::LockedFiles => "somebody has locked files that it changes".into(),
        Block::NotBefore(Some(at)) => format!("it may not be merged before {}", time(*at)),
        Block::NotBefore(None) => "it may not be merged before its time".into(),
        Block::SecurityPolicy => "a security policy forbids it".into(),
        Block::Ticket => "its title or description has to name a ticket".into(),
        Block::Title => "its title has not the form that is asked for".into(),
        Block::ThrownOut { course, by, reason } => {
            let of = match course {
                Course::AutoMerge | Course::Queue => "merge queue",
                Course::Train => "merge train",
            };
            let why = reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            match by {
                Some(by) => format!("{by} took it out of the {of}{why}"),
                None => format!("the {of} put it out again and again{why}"),
            }
        }
        Block::Other(words) => words.clone(),
        Block::Unnamed => "it does not say by which rule".into(),
    }
}

fn far(lacking: Lacking) -> &'static str {
    match lacking {
        Lacking::Missing => "is not there yet",
        Lacking::Pending => "goes on",
        Lacking::Failed => "failed",
    }
}

/// What ends a block.
fn step(block: &Block) -> String {
    match block {
        Block::Check { name, lacking: Lacking::Failed } => {
            format!("mend what `{name}` checks, or run it again")
        }
        Block::Check { name, lacking: Lacking::Missing } => {
            format!("if `{name}` never comes, nothing runs it: look at the branch's rules")
        }
        Block::Pipeline(Lacking::Failed) => "mend what its pipeline checks, or run it again".into(),
        Block::Check { .. } | Block::Pipeline(_) | Block::NotBefore(_) | Block::Behind => {
            NOTHING.into()
        }
        Block::ExternalChecks => "look at its external status checks".into(),
        Block::Reviews { .. } => "somebody who may write there approves it".into(),
        Block::CodeOwners => "a code owner approves it".into(),
        Block::ChangesRequested => {
            "those who asked for changes approve it, or their review is dismissed".into()
        }
        Block::Conversations(_) => "somebody resolves its conversations".into(),
        Block::Signatures => {
            "let hoist sign its commits (`commits:`), or make them on the forge".into()
        }
        Block::Method { .. } => "set `merge_method` to one that the branch takes".into(),
        Block::Restricted => {
            "let hoist's account merge there, or unlock the branch; or a person merges".into()
        }
        Block::Conflict => "resolve it on the branch, or close it".into(),
        Block::Draft => "a person marks it as ready".into(),
        Block::Deployments(_) => "deploy it there".into(),
        Block::Dependency => "merge the other one first".into(),
        Block::LockedFiles => "somebody unlocks the files".into(),
        Block::SecurityPolicy => "look at what the policy found".into(),
        Block::Ticket | Block::Title => {
            "give it such a text by `review: {title: …, body: …}`".into()
        }
        Block::ThrownOut { .. } => "put it in again by hand, or let a newer version come".into(),
        Block::Other(_) | Block::Unnamed => "look at it on its forge".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forge_names_its_rules_and_hoist_says_what_ends_them() {
        let blocks = [
            Block::Check { name: "build".into(), lacking: Lacking::Failed },
            Block::Reviews { have: Some(1), need: Some(2) },
            Block::Method { method: "merge", allowed: vec!["squash".into(), "rebase".into()] },
        ];
        insta::assert_snapshot!(blocked(&blocks), @"its forge does not let it in yet: the required check `build` failed; it has 1 of 2 approving reviews that its branch requires; its branch does not take the merge method merge, but squash, rebase");
        insta::assert_snapshot!(next(&blocks), @"mend what `build` checks, or run it again; somebody who may write there approves it; set `merge_method` to one that the branch takes");
        let queued =
            Handed { course: Course::Queue, whose: Whose::Theirs, blocks: Vec::new(), group: None };
        insta::assert_snapshot!(handed(&queued), @"it is in the merge queue, as a person asked for");
        insta::assert_snapshot!(next(&queued.blocks), @"nothing is needed: it goes on by itself");
    }
}
