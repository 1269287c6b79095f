//! What is told to people who did not ask.

use jiff::SignedDuration;

use super::{quoted, time};
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
        Happening::Held | Happening::Frozen => "⏸",
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
pub fn going_back(promotion: &Promotion, said: &str) -> String {
    let why = promotion.reason.as_deref().map(|why| format!(", because {}", quoted(why)));
    format!("it goes back: {said}{}", why.unwrap_or_default())
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
