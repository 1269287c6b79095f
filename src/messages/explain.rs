//! Why something waits, and what a state means.

use jiff::Timestamp;

use crate::domain::gate::{FREEZE, Verdict};
use crate::domain::plan::{Because, Wait};
use crate::domain::promotion::{Kind, Promotion, State};

use super::time;

/// Tells what an environment waits for, and what would move it on.
pub fn wait(wait: &Wait) -> String {
    let text = because(&wait.because);
    // A freeze says when it ends by the clock of those who froze.
    let is_frozen = matches!(&wait.because, Because::Gate(judged) if judged.name == FREEZE);
    match wait.until.filter(|_| !is_frozen) {
        Some(until) => format!("{text} (until {})", time(until)),
        None => text,
    }
}

fn because(because: &Because) -> String {
    match because {
        Because::Gate(judged) => match &judged.verdict {
            Verdict::Open | Verdict::Skipped => format!("{} is open", judged.name),
            // What freezes says so itself.
            Verdict::OpensAt(_) if judged.name == FREEZE => judged.saw.clone(),
            Verdict::OpensAt(_) => format!("{} gate: {}", judged.name, judged.saw),
            Verdict::NeedsAction(what) => what.clone(),
        },
        Because::Held { by, reason: Some(reason) } => {
            format!("held by {by}: {reason}")
        }
        Because::Held { by, reason: None } => format!("held by {by}"),
        Because::Health(pulse) => super::health::not_well(pulse),
        Because::Soaking => "it runs and is watched".into(),
        Because::Approvals { have, need } => {
            format!("it needs review: {have} of {need} approvals, the requester's not counted")
        }
        Because::Objections(people) => {
            let names: Vec<&str> = people.iter().map(|p| p.as_str()).collect();
            format!("{} asked for changes", names.join(", "))
        }
        Because::ManualMerge => "a person has to merge it: the policy is manual".into(),
        Because::Blocked(blocks) => super::landing::blocked(blocks),
        Because::Handed(handed) => super::landing::handed(handed),
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
        Because::Drifted { version, at } => format!(
            "other hands put {version} there in {} since this rollback was asked for; a rollback \
             with `--over-drift` takes that back, too, or close this one",
            at.short()
        ),
        Because::EditRefused(reason) => reason.clone(),
        Because::Train(Some(ride)) => {
            format!("it goes with others in {}: {}", ride.number, ride.waits_for)
        }
        Because::Train(None) => "it goes with others, and its train is looked at next".into(),
        Because::Pace => {
            "it waits for its turn: hoist has told people as much as this forge bears in \
                          an hour"
                .into()
        }
        Because::Behind { version } => format!("the rollback to {version} goes first"),
        Because::Asks(moved) => super::accept::asks(moved),
        Because::Unexamined(delay) => super::accept::unexamined(delay.as_ref()),
        Because::NoFiles(file) => format!("{file} is not in the repository"),
    }
}

/// Tells who holds an application somewhere, why, and how that ends.
pub fn hold(by: &str, reason: Option<&str>, until: Option<Timestamp>) -> String {
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let ends = match until {
        Some(until) => format!("until {}", time(until)),
        None => "until somebody resumes it".to_owned(),
    };
    format!("held by {by}{reason} ({ends})")
}

/// What happens next where a repository cannot be read.
pub mod unread {
    /// Nobody answers.
    pub const UNREACHABLE: &str = "hoist tries again by itself and then goes on; if it lasts, \
        check the repository's `url` and the network";
    /// It is asked too often, or is being mended.
    pub const BUSY: &str = "hoist asks again when that is over, and goes on; if it comes again and \
        again, ask the server's administrators what it allows";
    /// The credentials are refused.
    pub const UNAUTHORIZED: &str = "give `credentials` that may read and push there, and start \
        hoist again";
    /// The server does not prove who it is.
    pub const UNTRUSTED: &str = "hoist sends nothing there before that is settled: compare the \
        server's key or certificate with what its administrators publish, give it as \
        `known_hosts` or `ca`, and start hoist again";
    /// There is no such repository.
    pub const NO_REPOSITORY: &str = "check the repository's `url`, and that the credentials may \
        see it";
    /// It has another name.
    pub fn renamed(to: &str) -> String {
        format!(
            "read as {to}, which it was renamed to: set its `url` to that, since the old name leads \
             there only until something else is given it"
        )
    }
    /// A branch is not there.
    pub const MISSING: &str = "push it, or name another with `branch:`";
    /// Our own copy is broken.
    pub const MIRROR: &str = "check that hoist may write its `data` folder and that its disk is \
        not full; a broken mirror may be deleted, and is made anew";
}

/// A gate's verdict, as people say it.
pub fn verdict(verdict: &str) -> &str {
    match verdict {
        "opens_at" => "opens by itself",
        "needs_action" => "needs someone",
        other => other,
    }
}

/// Something else runs where it ran well.
pub fn replaced(by: &Promotion) -> String {
    let hands = match &by.kind {
        Kind::Found { .. } => ", put there by other hands,",
        Kind::Forward { .. } | Kind::Rollback { .. } => "",
    };
    format!("it ran well there, and {}{hands} has taken its place since", by.version)
}

/// Tells what a promotion's state means. What took its place is named where it is one of `others`:
/// the application's promotions, as far as they are at hand.
pub fn state(promotion: &Promotion, others: &[Promotion]) -> String {
    match &promotion.state {
        State::Waiting => "It is not proposed yet.".into(),
        State::Proposed => "Its proposal is open.".into(),
        State::Merged { commit, by } => match by {
            Some(by) => format!("Merged by {by} in {}.", commit.short()),
            None => format!("Merged in {}.", commit.short()),
        },
        State::Deployed { commit } => format!("Deployed with {}.", commit.short()),
        // Where nobody looked for long, its time was over before it was known to run.
        State::Soaking { until, .. } if *until <= promotion.since => {
            "It runs, and was watched for long enough.".into()
        }
        State::Soaking { until, .. } => format!("It runs and is watched until {}.", time(*until)),
        State::Succeeded { commit: Some(commit) } => {
            format!("It is in, by commit {}.", commit.short())
        }
        State::Succeeded { commit: None } => match &promotion.kind {
            Kind::Found { at } => {
                format!("Found in the repository at {}: not put there by hoist.", at.short())
            }
            Kind::Forward { .. } | Kind::Rollback { .. } => {
                "The environment already had it: nothing was changed.".into()
            }
        },
        State::Superseded { by } => match others.iter().find(|it| it.id == *by) {
            Some(other) => format!("{} took its place.", called(other)),
            None => "A newer promotion took its place.".into(),
        },
        State::Closed { by: Some(by), reason } => format!("Closed by {by}: {reason}"),
        State::Closed { by: None, reason } => format!("Closed: {reason}"),
        State::Failed { reason } => format!("It cannot be done: {reason}"),
        State::RolledBack { by } => match others.iter().find(|it| it.id == *by) {
            Some(other) => format!("Taken back by {}.", called(other)),
            None => "It was taken back.".into(),
        },
    }
}

/// What a promotion is called beside another.
fn called(promotion: &Promotion) -> String {
    let version = &promotion.version;
    if promotion.is_rollback() { format!("the rollback to {version}") } else { version.clone() }
}
