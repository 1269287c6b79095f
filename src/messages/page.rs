//! The page's sentences: what things mean, and what a person can do next.

use jiff::{SignedDuration, Timestamp};

use crate::domain::command::Right;
use crate::domain::id::EnvironmentName;

/// How long ago, or in how long, in the largest unit that says enough.
pub fn ago(now: Timestamp, at: Timestamp) -> String {
    let length = now.duration_since(at);
    if length >= SignedDuration::ZERO {
        match length.as_secs() {
            0..45 => "just now".into(),
            _ => format!("{} ago", length_of(length)),
        }
    } else {
        match length.as_secs() {
            -44..=0 => "in a moment".into(),
            _ => format!("in {}", length_of(length)),
        }
    }
}

fn length_of(length: SignedDuration) -> String {
    let seconds = length.as_secs().unsigned_abs();
    let minutes = (seconds + 30) / 60;
    match minutes {
        0..90 => format!("{minutes} min"),
        90..2880 => format!("{} h", (minutes + 30) / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// A text as a sentence of its own. A version or a file's name stays as it is written.
pub fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    if !first.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return format!("{text}.");
    }
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// What to do where there is nothing to show yet.
pub const NOTHING_YET: &str = "hoist has not found an application yet. It lists every application \
    whose files exist in the first environment of a pipeline; `hoist check --repository PATH` says \
    what it looks for in a clone, and where.";

/// How the first promotion comes about.
pub const FIRST_STEP: &str = "Then announce an artifact: from CI with a signed POST to \
    /hooks/artifacts, or by hand with `hoist announce`.";

/// Where a token or a link comes from.
pub const WHERE_A_TOKEN_COMES_FROM: &str = "A token is one whose SHA-256 stands under `tokens:` in \
    hoist's configuration. Where there is none yet, `hoist serve` prints a one-time link at its \
    first start, and `hoist demo` prints one each time.";

/// Why a link asks for one more click.
pub const ONE_MORE_CLICK: &str =
    "This link works once, within an hour of being made. Only this button uses it up.";

/// Why a sign-in did not work.
pub const NOBODYS_TOKEN: &str = "Nobody has this token. Check that all of it was copied, and that its SHA-256 stands under \
     `tokens:` in the configuration that this hoist was started with.";

/// Why a one-time link did not work.
pub const CODE_SPENT: &str = "This link was used already, or is more than an hour old. Ask for a new one, or sign in with \
     a token.";

/// What was done.
pub const SIGNED_IN: &str = "You are signed in.";

/// What was done.
pub const SIGNED_OUT: &str = "You are signed out.";

/// Why a form was refused.
pub const FOREIGN_FORM: &str = "This form does not come from a page of your session, so nothing was done. Open the page \
     again and repeat it; if that does not help, sign out and in.";

/// Why a request was refused.
pub const FOREIGN_SITE: &str = "The request was sent by another site, so nothing was done. If you reach hoist by another \
     address than the configuration's `public_url`, let the proxy pass the Host header on.";

/// Why somebody may not look.
pub fn may_not_look(name: &str) -> String {
    format!(
        "{name} may not look at what is where: no role of theirs has the right `{}` \
         (`roles:` in the configuration).",
        Right::Status
    )
}

/// Why there are no buttons at all.
pub const ONLY_LOOKS: &str =
    "This hoist runs with --read-only: it shows what there is, and nothing can be done here.";

/// Why there are no buttons to review with.
pub fn may_not_review(name: &str, environment: &EnvironmentName) -> String {
    format!(
        "{name} may look, but neither review nor merge in {environment}: that takes a role with \
         `may: [review, merge]` that reaches {environment}."
    )
}

/// Why one's own approval is not counted.
pub const OWN_APPROVAL: &str = "You asked for this promotion, so your approval is not counted.";

/// What a merge past shut gates means.
pub fn gates_are_shut(gates: &[&str]) -> String {
    match gates {
        [one] => format!("The gate {one} is shut."),
        [] | [..] => format!("The gates {} are shut.", gates.join(" and ")),
    }
}

/// What that means for those who may merge past it.
pub const YOU_MAY_SKIP: &str =
    "You may merge past that; the merge commit and the history will say that you did.";

/// What that means for the others.
pub const YOU_MAY_NOT_SKIP: &str = "Merging past that takes the right `skip-gates`.";

/// Why it cannot be merged.
pub fn conflicts_in(paths: &[String]) -> String {
    format!(
        "It conflicts with its target in {}: someone changed the same lines. hoist makes the \
         change anew on the next pass where it can.",
        paths.join(", ")
    )
}

/// How many approvals there are.
pub fn approvals(have: usize, need: u32) -> String {
    match (have, need) {
        (0, 0) => "None needed".into(),
        (have, 0) => format!("{have}, none needed"),
        (have, need) => format!("{have} of {need}"),
    }
}

/// What happens after a merge, in one line over the button.
pub const WHAT_MERGE_DOES: &str =
    "hoist merges exactly the commit shown here; if the branch moves meanwhile, nothing happens.";

/// Where somebody else says how an application is.
pub const ITS_HEALTH: &str = "Its health";

/// What a hold does.
pub const WHAT_HOLD_DOES: &str = "Nothing enters this environment until someone resumes it.";

/// What a freeze does.
pub const WHAT_FREEZE_DOES: &str = "Nothing enters the environment, whichever application it is, until it ends or someone thaws it.";

/// Where it is frozen.
pub fn frozen_places(environments: &[String]) -> String {
    match environments {
        [one] if one == "*" => "every environment".to_owned(),
        several => several.join(", "),
    }
}

/// What skipping a gate does.
pub const WHAT_SKIP_DOES: &str = "This promotion passes that gate, now and later; its other gates stay as they are. The proposal, \
     the merge commit and the history say who skipped it, and why.";

/// What a rollback does.
pub const WHAT_ROLLBACK_DOES: &str = "hoist opens a revert proposal for the last version that succeeded here, closes what is on \
     its way, and holds the application until someone resumes it.";

/// What a promotion does.
pub const WHAT_PROMOTE_DOES: &str =
    "hoist opens a proposal as soon as the gates before it are open.";

/// What resuming does.
pub const WHAT_RESUME_DOES: &str = "Promotions enter this environment again.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_largest_unit_that_says_enough() {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        let told = |at: &str| ago(now, at.parse().unwrap());
        assert_eq!(told("2026-03-10T11:59:30Z"), "just now");
        assert_eq!(told("2026-03-10T11:57:00Z"), "3 min ago");
        assert_eq!(told("2026-03-10T09:00:00Z"), "3 h ago");
        assert_eq!(told("2026-03-01T12:00:00Z"), "9 days ago");
        assert_eq!(told("2026-03-10T12:25:10Z"), "in 25 min");
        assert_eq!(told("2026-03-10T12:00:10Z"), "in a moment");
    }
}
