//! What is told to people who did not ask.

use jiff::SignedDuration;

use super::{quoted, time};
use crate::domain::command::Actor;
use crate::domain::id::{ApplicationName, EnvironmentName, ProposalNumber, ScheduleName};
use crate::domain::notification::Happening;
use crate::domain::promotion::Promotion;

/// The sign by which people see what it is about before they read it.
fn mark(what: Happening) -> &'static str {
    match what {
        Happening::Proposed | Happening::NeedsReview => "📬",
        Happening::Merged => "🚚",
        Happening::Healthy => "✅",
        Happening::Unhealthy => "🔥",
        Happening::RolledBack => "↩",
        Happening::Held => "⏸",
        Happening::Frozen => "❄",
        Happening::Drift => "✋",
        Happening::Stuck => "⏳",
    }
}

/// One happening, with where it happened, what the audit log says of it, and where to read on.
pub fn told(
    what: Happening,
    application: Option<&ApplicationName>,
    environment: Option<&EnvironmentName>,
    (said, url): (&str, Option<&str>),
) -> String {
    let place = match (application, environment) {
        // Answers to commands name it themselves.
        (Some(application), _) if said.starts_with(application.as_str()) => String::new(),
        (Some(application), Some(environment)) => format!("{application} in {environment}: "),
        (Some(application), None) => format!("{application}: "),
        (None, Some(_) | None) => String::new(),
    };
    let url = url.map(|url| format!("\n{url}")).unwrap_or_default();
    format!("{} {place}{said}{url}", mark(what))
}

/// The same of a whole train: once for all that ride.
pub fn train(
    what: Happening,
    (schedule, to, number): (&ScheduleName, &EnvironmentName, ProposalNumber),
    (waits_for, url): (&str, Option<&str>),
) -> String {
    let story = match what {
        Happening::Proposed => format!("is proposed in {number}"),
        Happening::NeedsReview => format!("({number}) waits for people: {waits_for}"),
        Happening::Stuck => format!("({number}) stands still: {waits_for}"),
        Happening::Merged
        | Happening::Healthy
        | Happening::Unhealthy
        | Happening::RolledBack
        | Happening::Held
        | Happening::Frozen
        | Happening::Drift => format!("({number}) is {}", what.name()),
    };
    let url = url.map(|url| format!("\n{url}")).unwrap_or_default();
    format!("{} {to}: the train {schedule} {story}{url}", mark(what))
}

/// A rollback's proposal is open.
pub fn going_back(rollback: &Promotion, from: Option<&Promotion>, said: &str) -> String {
    format!("it is to go back{}: {said}; {}", undone(from), asked(rollback))
}

/// A rollback's proposal is merged.
pub fn went_back(rollback: &Promotion, from: Option<&Promotion>, said: &str) -> String {
    // How it was merged; the version is said here, and with it the one before.
    let merged = said.strip_prefix(&format!("{}: ", rollback.version)).unwrap_or(said);
    let to = quoted(&rollback.version);
    format!("rolled back{} to {to}; {}. {merged}", undone(from), asked(rollback))
}

/// What a rollback takes back.
fn undone(from: Option<&Promotion>) -> String {
    from.map(|from| format!(" from {}", quoted(&from.version))).unwrap_or_default()
}

/// Who asked for a promotion, and why.
fn asked(promotion: &Promotion) -> String {
    let why = promotion.reason.as_deref().map(|why| format!(", because {}", quoted(why)));
    format!("{} asked{}", promotion.requested_by, why.unwrap_or_default())
}

/// What somebody did, and who.
pub fn done_by(actor: &Actor, said: &str) -> String {
    format!("{said} Asked for by {actor}.")
}

/// A promotion reached its end.
pub fn succeeded(promotion: &Promotion) -> String {
    format!("{} has succeeded", quoted(&promotion.version))
}

/// A proposal waits for people.
pub fn needs_review(promotion: &Promotion, waits_for: &str) -> String {
    let number = promotion.proposal.as_ref().map(|it| format!(" ({})", it.number));
    let (version, number) = (quoted(&promotion.version), number.unwrap_or_default());
    format!("{version}{number} waits for people: {waits_for}")
}

/// A promotion has stood where it is for too long.
pub fn stuck(promotion: &Promotion, after: SignedDuration, waits_for: &str) -> String {
    let (version, state) = (quoted(&promotion.version), promotion.state.name());
    let since = time(promotion.since);
    format!("{version} is {state} since {since}, longer than {after:#}: {waits_for}")
}
