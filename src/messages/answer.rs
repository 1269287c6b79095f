//! Answers to commands: what happened, what follows by itself, what you can do.

use crate::domain::id::{
    ApplicationKey, ApplicationName, CommitId, EnvironmentName, EventId, SourceName,
};
use crate::domain::nearest::nearest;
use crate::domain::promotion::Promotion;
use crate::domain::range::is_range;
use crate::domain::snapshot::Held;

use super::{explain, one_line, time};

/// Why nothing can be changed in an environment, as was last seen there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The environment.
    pub environment: EnvironmentName,
    /// What is wrong with its files, and where.
    pub reason: String,
}

/// It was asked for before.
pub fn already_on_its_way(promotion: &Promotion) -> String {
    let Promotion { application, environment, version, state, .. } = promotion;
    format!(
        "{} {version} is already on its way into {environment}: it is {}.",
        application.application,
        state.name()
    )
}

/// What was asked for is there.
pub fn in_already(current: &Promotion) -> String {
    let Promotion { application, environment, version, state, .. } = current;
    format!(
        "{} {version} is in {environment} already ({}): nothing is to be done.",
        application.application,
        state.name()
    )
}

/// A promotion was recorded.
///
/// What keeps it out can be a hold, or an obstacle: that its fields there cannot be changed.
pub fn promoting(
    promotion: &Promotion,
    held: Option<&Held>,
    obstacle: Option<&Obstacle>,
) -> String {
    let Promotion { application, environment, version, .. } = promotion;
    let follows = match (held, obstacle) {
        (Some(held), _) => format!(
            "It waits, because {} holds it there; `hoist resume {} {environment}` ends that.",
            held.by, application.application
        ),
        (None, Some(obstacle)) => {
            format!("It waits until its field there can be changed: {}", obstacle.reason)
        }
        (None, None) => "Its proposal opens as soon as its gates do.".to_owned(),
    };
    format!("{} {version} goes into {environment}. {follows}", application.application)
}

/// A rollback was recorded.
pub fn rolling_back(promotion: &Promotion, undoes: &Promotion) -> String {
    let Promotion { application, environment, version, .. } = promotion;
    let application = &application.application;
    let range = if is_range(version) {
        format!(
            " {version} is a range: whoever deploys it may choose {} again; `--to VERSION` names one.",
            undoes.version
        )
    } else {
        String::new()
    };
    format!(
        "{application} in {environment} goes back from {} to {version}. The revert proposal opens \
         now; the application is held there until `hoist resume {application} {environment}`.{range}",
        undoes.version
    )
}

/// A gate was skipped.
pub fn skipped(promotion: &Promotion, gate: &str, reason: &str) -> String {
    let Promotion { application, environment, version, .. } = promotion;
    format!(
        "{} {version} passes the gate {gate} of {environment} ({reason}). Its other gates stay as \
         they are; the proposal and the merge commit say so.",
        application.application
    )
}

/// There is no promotion that could skip anything.
pub fn nothing_on_its_way(application: &ApplicationName, environment: &EnvironmentName) -> String {
    format!(
        "nothing of {application} is on its way into {environment}, so no gate can be skipped; \
         `hoist why {application} {environment}` says what keeps a version out"
    )
}

/// A hold is not a gate to skip.
pub fn hold_is_not_skipped(application: &ApplicationName, environment: &EnvironmentName) -> String {
    format!("a hold is not skipped but ended: `hoist resume {application} {environment}`")
}

/// The gate lets it pass anyway.
pub fn gate_is_open(gate: &str, promotion: &Promotion, saw: &str) -> String {
    let Promotion { environment, version, .. } = promotion;
    format!("the gate {gate} of {environment} is open for {version} already: {saw}")
}

/// The promotion has no such gate.
pub fn unknown_gate(gate: &str, promotion: &Promotion, known: &[&str]) -> String {
    let Promotion { environment, version, .. } = promotion;
    format!(
        "{version} meets no gate {gate:?} on its way into {environment}; {}it meets {}",
        meant(gate, known),
        known.join(", ")
    )
}

/// Why a rollback holds the application.
pub fn held_by_rollback(undoes: &Promotion) -> String {
    format!("{} was rolled back", undoes.version)
}

/// A hold was recorded.
pub fn held(
    application: &ApplicationName,
    environment: &EnvironmentName,
    until: Option<jiff::Timestamp>,
    reason: Option<&str>,
) -> String {
    let ends = match until {
        Some(until) => format!("until {}", time(until)),
        None => "until somebody resumes it".to_owned(),
    };
    let why = because(reason);
    format!("{application} is held in {environment} {ends}{why}: nothing but a rollback goes in.")
}

/// It is held already, and for at least as long.
pub fn held_already(
    application: &ApplicationName,
    environment: &EnvironmentName,
    held: &Held,
) -> String {
    let standing = explain::hold(&held.by.to_string(), held.reason.as_deref(), held.until);
    format!(
        "{application} stays as it is in {environment}: {standing}. That lasts at least as long; \
         `hoist resume {application} {environment}` ends it."
    )
}

/// Another rollback is on its way there.
pub fn another_rollback(pending: &Promotion, typed: &str) -> String {
    let Promotion { application, environment, version, state, proposal, .. } = pending;
    let number = proposal.as_ref().map(|it| format!(" in {}", it.number)).unwrap_or_default();
    format!(
        "a rollback of {} in {environment} to {version} is {}{number}: close that one first, to go \
         back to {typed} instead",
        application.application,
        state.name()
    )
}

/// A reason behind what it is the reason of.
fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({})", one_line(reason))).unwrap_or_default()
}

/// There is no hold to end.
pub fn not_held(application: &ApplicationName, environment: &EnvironmentName) -> String {
    format!(
        "{application} is not held in {environment}, so nothing is to be resumed; `hoist why \
         {application} {environment}` says what keeps a version out"
    )
}

/// A hold was ended.
pub fn resumed(
    application: &ApplicationName,
    environment: &EnvironmentName,
    reason: Option<&str>,
) -> String {
    let why = because(reason);
    format!("{application} is no longer held in {environment}{why}: what waited there goes on.")
}

/// A hold ended by itself.
pub fn hold_ended(application: &ApplicationName, environment: &EnvironmentName) -> String {
    format!(
        "{application} is no longer held in {environment}: the hold's time is over, and what \
         waited there goes on."
    )
}

/// Others run what was rolled back.
pub fn also_there(application: &ApplicationName, others: &[EnvironmentName]) -> String {
    let names: Vec<&str> = others.iter().map(EnvironmentName::as_str).collect();
    format!(
        "The same version is in {}, too: `--everywhere` rolls {application} back there as well.",
        names.join(" and ")
    )
}

/// A rollback with `--everywhere` could not be recorded in one environment.
pub fn not_there(environment: &EnvironmentName, why: &str) -> String {
    format!("Not rolled back in {environment}: {why}")
}

/// There is no such delivery.
pub fn unknown_delivery(typed: &str) -> String {
    format!("no delivery has the id {typed:?}; `hoist deliveries` lists them")
}

/// A delivery cannot be decided anew.
pub fn not_replayed(why: &str) -> String {
    format!("it is left as it was: {why}")
}

/// Nobody knows who sent a delivery.
pub const NOBODYS_DELIVERY: &str = "nobody has vouched for it; its sender has to announce it again with a right signature or token";

/// A delivery's body is not kept any more.
pub const DELIVERY_IS_FORGOTTEN: &str =
    "its body is not kept any more; its sender has to announce it again";

/// A delivery's source has left the configuration.
pub fn source_is_gone(source: &SourceName) -> String {
    format!("its source {source} is not in `sources:` any more")
}

/// A delivery was decided anew.
pub fn replayed(event: &EventId, was: &str) -> String {
    format!("the announcement {event} is accepted; it was {was}")
}

/// Nothing has been asked of an environment yet.
pub fn not_started(environment: &EnvironmentName) -> String {
    format!("it is not on its way into {environment} yet: that follows what comes before")
}

/// Other hands changed what is to be rolled back.
pub fn drifted(application: &ApplicationName, found: &Promotion, at: &CommitId) -> String {
    let Promotion { environment, version, .. } = found;
    format!(
        "other hands put {version} into {environment} (seen in {}): hoist does not take that back \
         unasked; say `hoist rollback {application} {environment} --over-drift` if that is meant",
        at.short()
    )
}

/// It was rolled back.
pub fn rolled_back_before(version: &str, environment: &EnvironmentName) -> String {
    format!(
        "{version} was rolled back in {environment}; if it is to go in all the same, say \
         `--force-bad --reason …`"
    )
}

/// A rollback is still under way there.
pub fn rollback_is_open(rollback: &Promotion) -> String {
    let Promotion { environment, version, proposal, .. } = rollback;
    let carried = proposal.as_ref().map_or(String::new(), |it| format!(" in {}", it.number));
    format!(
        "the rollback of {environment} to {version} is still {}{carried}: until it is in, nothing \
         is resumed; merge it, or close it if it is not wanted any more",
        rollback.state.name()
    )
}

/// A resume has to say what becomes of what is newer.
pub fn newer_waits(
    application: &ApplicationName,
    environment: &EnvironmentName,
    versions: &[&str],
) -> String {
    format!(
        "{environment} was rolled back, and {} would go in next: say `hoist resume {application} \
         {environment} --with-newer` to let that go in through its gates, or `hoist resume \
         {application} {environment} --without-newer` to go on only with what is announced from \
         now on",
        versions.join(", ")
    )
}

/// A hold was ended, and what is newer stays out.
pub fn resumed_without(
    application: &ApplicationName,
    environment: &EnvironmentName,
    (versions, reason): (&[&str], Option<&str>),
) -> String {
    format!(
        "{application} is no longer held in {environment}{}; {} stays out, and what is announced \
         from now on may go in.",
        because(reason),
        versions.join(", ")
    )
}

/// Why what is newer stays out.
pub const WITHOUT_NEWER: &str = "it was resumed without what came since the rollback";

/// Nobody knows that application.
pub fn unknown_application(typed: &str, known: &[ApplicationKey]) -> String {
    if known.is_empty() {
        return format!(
            "no application is called {typed:?}; none is known yet: hoist finds them in the files that \
             the first environment's rules name, at the tip of its branch; `/readyz` says whether the \
             repository could be read"
        );
    }
    let names: Vec<&str> = known.iter().map(|key| key.application.as_str()).collect();
    let (shown, more) = names.split_at(names.len().min(20));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!(
        "no application is called {typed:?}; {}known are {}{more}",
        meant(typed, &names),
        shown.join(", ")
    )
}

/// Somebody named the environment before the application.
pub fn the_other_way_round(environment: &str, application: &str) -> String {
    format!(
        "no application is called {environment:?}: the application comes first; did you mean \
         `{application} {environment}`?"
    )
}

/// Two pipelines have one of that name.
pub fn ambiguous_application(typed: &str, several: &[&ApplicationKey]) -> String {
    let names: Vec<String> = several.iter().map(ToString::to_string).collect();
    format!("{typed:?} is in several pipelines; say which: {}", names.join(", "))
}

/// The pipeline has no such environment.
pub fn unknown_environment(pipeline: &str, typed: &str, known: &[&str]) -> String {
    format!(
        "pipeline {pipeline} has no environment {typed:?}; {}it has {}",
        meant(typed, known),
        known.join(", ")
    )
}

/// The nearest name, as a question; nothing where none is near.
pub(super) fn meant(typed: &str, known: &[&str]) -> String {
    nearest(typed, known).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default()
}

/// Nobody announced that version.
pub fn unknown_version(typed: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return format!("{typed:?} is not known: no artifact was announced yet");
    }
    format!(
        "{typed:?} is not known; the newest versions are {}; a digest is recognised by at least \
         12 of its digits",
        known.join(", ")
    )
}

/// Several artifacts are called that.
pub fn ambiguous_version(typed: &str, known: &[String]) -> String {
    format!("{typed:?} means several artifacts; name one by its digest: {}", known.join(", "))
}

/// Nothing may go there.
pub fn nothing_to_promote(environment: &EnvironmentName, before: Option<&Obstacle>) -> String {
    match before {
        Some(Obstacle { environment: blocked, reason }) => format!(
            "no artifact may go into {environment} now: none can get into {blocked} before it: \
             {reason}"
        ),
        None => format!(
            "no artifact may go into {environment} now: none has succeeded in every environment \
             before it; `hoist status` shows what is where"
        ),
    }
}

/// It is older than what is there.
pub fn older(version: &str, current: &str, environment: &EnvironmentName) -> String {
    format!(
        "{version} is older than {current}, which is in {environment}; say `--allow-older` if \
         that is meant, or `hoist rollback` to bring back what ran well"
    )
}

/// It has not been where it must have been before.
pub fn not_upstream(
    version: &str,
    missing: &EnvironmentName,
    to: &EnvironmentName,
    obstacle: Option<&Obstacle>,
) -> String {
    match obstacle {
        Some(Obstacle { environment: blocked, reason }) => format!(
            "{version} is not in {missing}, which comes before {to}, as nothing can get into \
             {blocked}: {reason}"
        ),
        None => format!(
            "{version} is not in {missing}, which comes before {to}; promote it there first, or \
             say `--skip {missing} --reason …` if you have the right to skip gates"
        ),
    }
}

/// There is no such promotion.
pub fn unknown_promotion(typed: &str) -> String {
    format!("no promotion has the id {typed:?}; `hoist history APP` lists them")
}
