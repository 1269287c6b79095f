//! Why something waits, and what a state means.

use crate::domain::gate::Verdict;
use crate::domain::plan::{Because, Wait};
use crate::domain::promotion::{Kind, Promotion, State};

use super::time;

/// Tells what an environment waits for, and what would move it on.
pub fn wait(wait: &Wait) -> String {
    let text = because(&wait.because);
    match wait.until {
        Some(until) => format!("{text} (until {})", time(until)),
        None => text,
    }
}

fn because(because: &Because) -> String {
    match because {
        Because::Gate(judged) => match &judged.verdict {
            Verdict::Open => format!("{} is open", judged.name),
            Verdict::OpensAt(_) => format!("{} gate: {}", judged.name, judged.saw),
            Verdict::NeedsAction(what) => what.clone(),
        },
        Because::Held { by, reason: Some(reason) } => {
            format!("held by {by}: {reason}; `hoist resume` ends it")
        }
        Because::Held { by, reason: None } => format!("held by {by}; `hoist resume` ends it"),
        Because::Soaking => "soaking: it runs and is watched".into(),
        Because::Approvals { have, need } => {
            format!("waiting for review: {have} of {need} approvals, the requester's not counted")
        }
        Because::Objections(people) => {
            let names: Vec<&str> = people.iter().map(|p| p.as_str()).collect();
            format!("{} asked for changes", names.join(", "))
        }
        Because::ManualMerge => "waiting for a person to merge it: the policy is manual".into(),
        Because::NotOnlyVersion(what) => {
            format!("its branch changes more than version fields: {what}")
        }
        Because::ForeignPush(head) => {
            format!("somebody pushed {} to its branch, and nobody has approved that", head.short())
        }
        Because::Conflict(paths) => format!(
            "its branch conflicts in {}, and hoist overwrites nothing that others pushed; resolve \
             it there, or close the proposal",
            paths.join(", ")
        ),
        Because::EditRefused(reason) => reason.clone(),
        Because::NoFiles(file) => format!("{file} is not in the repository"),
    }
}

/// Tells what a promotion's state means.
pub fn state(promotion: &Promotion) -> String {
    match &promotion.state {
        State::Waiting => "Its turn has not come.".into(),
        State::Proposed => "Its proposal is open.".into(),
        State::Merged { commit, by } => match by {
            Some(by) => format!("Merged by {by} in {}.", commit.short()),
            None => format!("Merged in {}.", commit.short()),
        },
        State::Deployed { commit } => format!("Deployed with {}.", commit.short()),
        State::Soaking { until, .. } => format!("It runs and is watched until {}.", time(*until)),
        State::Succeeded { commit: Some(commit) } => format!("In since {}.", commit.short()),
        State::Succeeded { commit: None } => match &promotion.kind {
            Kind::Found { at } => {
                format!("Found in the repository at {}: not put there by hoist.", at.short())
            }
            Kind::Forward { .. } | Kind::Rollback { .. } => {
                "The environment already had it: nothing was changed.".into()
            }
        },
        State::Superseded { by } => format!("A newer promotion took its place: {by}."),
        State::Closed { by: Some(by), reason } => format!("Closed by {by}: {reason}"),
        State::Closed { by: None, reason } => format!("Closed: {reason}"),
        State::Failed { reason } => format!("It cannot be done: {reason}"),
        State::RolledBack { by } => format!("Taken back by promotion {by}."),
    }
}
