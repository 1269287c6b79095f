//! What is said in a conversation. `code` is the only markup: every chat and forge knows it.

use jiff::Timestamp;

use crate::domain::command::{Actor, Door};
use crate::domain::grammar::{Misunderstanding, Utterance, Verb};
use crate::domain::id::{EnvironmentName, ProposalNumber, ScheduleName};
use crate::domain::promotion::{Promotion, State};

use super::{quoted, time, train};

/// No application is known.
pub const NOTHING_KNOWN: &str = "No application is known yet.";

/// Nothing would be done.
pub const NOTHING_TO_DO: &str = "Nothing is to be done, and nothing waits.";

/// Nothing was ever promoted.
pub const NOTHING_PROMOTED: &str = "Nothing was promoted yet.";

/// What a verb does.
pub fn says(verb: Verb) -> &'static str {
    match verb {
        Verb::Status => "what is where, and what is on its way",
        Verb::Why => "what keeps a version out, and what would let it in",
        Verb::Promote => "bring a version into an environment; without one, the newest that may go",
        Verb::Rollback => "bring back the last version that ran well, and keep the bad one out",
        Verb::Hold => "keep everything as it is",
        Verb::Resume => "end a hold",
        Verb::Freeze => "stop an environment for every application; `*` is all of them",
        Verb::Thaw => "end a freeze",
        Verb::Skip => "let a promotion pass a gate",
        Verb::Plan => "what would be done, now or later, or with a schedule's run",
        Verb::Run => "let what waits for a schedule go now",
        Verb::Review => "do something about a proposal, where hoist is the forge",
        Verb::History => "what was promoted, and who asked",
        Verb::Help => "this list",
    }
}

/// The commands that belong to whoever runs hoist, or to CI.
pub const ELSEWHERE: [&str; 10] = [
    "serve",
    "demo",
    "check",
    "edit",
    "verify",
    "announce",
    "deliveries",
    "audit",
    "recover",
    "completions",
];

/// Everything that can be said.
pub fn help() -> String {
    let line = |verb: Verb| format!("• `{}`: {}", verb.usage(), says(verb));
    let lines: Vec<String> = Verb::ALL.into_iter().map(line).collect();
    format!(
        "{}\nA name with spaces stands in quotation marks; `because` takes the rest of the line.",
        lines.join("\n")
    )
}

/// It was heard, and is carried out.
pub fn receipt(text: &str) -> String {
    match text.trim() {
        "" => "One moment.".to_owned(),
        text => format!("Heard: {}. The answer follows.", quoted(text)),
    }
}

/// Who asked for what, and where: for the audit log.
pub fn asked(by: &Actor, channel: &str, text: &str) -> String {
    format!("{by} said {} in {} {channel}", quoted(text), place(by.door))
}

/// Who pressed a button, and where.
pub fn pressed(by: &Actor, channel: &str) -> String {
    format!("{by} pressed a button in {} {channel}", place(by.door))
}

/// What a door is called.
fn place(door: Door) -> &'static str {
    match door {
        Door::Slack => "Slack",
        Door::Mattermost => "Mattermost",
        Door::Comment => "a comment on",
        Door::Page => "the page",
        Door::Api => "the API",
        Door::Ci => "CI",
        Door::Hoist => "hoist",
    }
}

/// The key of `people:` that knows somebody in a chat, and what it knows them by. On a forge both
/// stand in who speaks: `github:mallory`.
fn key(door: Door, speaker: &str) -> (&str, &str) {
    match door {
        Door::Mattermost => ("mattermost", speaker),
        Door::Comment => speaker.split_once(':').unwrap_or(("github", speaker)),
        Door::Slack | Door::Page | Door::Api | Door::Ci | Door::Hoist => ("slack", speaker),
    }
}

/// Somebody whom nobody has introduced.
pub fn stranger(door: Door, speaker: &str, called: &str) -> String {
    let (key, known_as) = key(door, speaker);
    format!(
        "hoist does not know who {} is. Whoever keeps its configuration can add you: put `{key}: \
         {known_as}` at your name under `people:`, and your name into a role that allows what you \
         want to do.",
        quoted(called)
    )
}

/// The marker by which hoist finds its answers on a proposal again: all stand in one comment.
pub const ANSWERS: &str = "<!-- hoist: answer -->";

/// An answer to a comment on a proposal. In a block of code nobody is mentioned and nothing is a
/// link, whatever stands in it.
pub fn comment(called: &str, said: &str, answer: &str) -> String {
    let answer: String = answer.chars().map(|c| if c == '`' { '\'' } else { c }).collect();
    format!("{ANSWERS}\n{} said {}:\n\n```text\n{answer}\n```", quoted(called), quoted(said))
}

/// They have no right to look.
pub fn may_not_look(by: &Actor) -> String {
    format!(
        "{by} lacks the right `status`: no role of theirs allows it; a role with `may: [status]` \
         does (`roles:` in the configuration)"
    )
}

/// It was not done.
pub fn refused(why: &str) -> String {
    format!("Not done: {why}")
}

/// It was not understood: what seems to have been meant.
pub fn misunderstood(what: &Misunderstanding) -> String {
    let usage = |verb: &Verb| format!("It is said like this: `{}`", verb.usage());
    let hint = match what {
        Misunderstanding::UnknownVerb { meant: Some(meant), .. } => {
            format!("Did you mean {}?", quoted(&meant.to_string()))
        }
        Misunderstanding::UnknownVerb { meant: None, typed }
            if ELSEWHERE.iter().any(|verb| typed.eq_ignore_ascii_case(verb)) =>
        {
            format!("`hoist {}` is said at a command line.", typed.to_ascii_lowercase())
        }
        Misunderstanding::UnknownVerb { meant: None, .. }
        | Misunderstanding::OpenQuote
        | Misunderstanding::TooLong => "`help` lists what can be said.".to_owned(),
        Misunderstanding::UnknownOption { nearest: Some(nearest), .. } => {
            format!("Did you mean `{nearest}`?")
        }
        Misunderstanding::UnknownOption { verb, nearest: None, .. }
        | Misunderstanding::Missing { verb, .. }
        | Misunderstanding::Unexpected { verb, .. }
        | Misunderstanding::Twice { verb, .. } => usage(verb),
        Misunderstanding::Time(_) => return format!("Not understood: {what}."),
    };
    format!("Not understood: {what}. {hint}")
}

/// It was heard too late to be carried out.
pub fn too_late() -> String {
    "Not done: hoist was away when this was said, and came back too late. Say it again.".to_owned()
}

/// Here nobody talks about one promotion, so it has to be named.
pub fn skip_where(gate: &str) -> String {
    format!("say of what and where: `skip {gate} APP ENV because …`")
}

/// A sentence of its own. One that begins with a version keeps it as it is: `v1.1.0 is not in`.
pub fn sentence(text: &str) -> String {
    let names = text.split(' ').next().is_some_and(|it| it.contains(|c: char| c.is_ascii_digit()));
    let mut letters = text.chars();
    let first = letters.next().filter(|_| !names).map(|first| first.to_uppercase().to_string());
    let rest = if names { text } else { letters.as_str() };
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{rest}{stop}", first.unwrap_or_default())
}

/// Lines, as many as are read in a conversation.
pub fn listed(lines: Vec<String>, most: usize, nothing: &str, page: &str) -> String {
    if lines.is_empty() {
        return nothing.to_owned();
    }
    let left = lines.len().saturating_sub(most);
    let mut text = lines.into_iter().take(most).collect::<Vec<_>>().join("\n");
    if left > 0 {
        text.push_str(&format!("\n… and {left} more: {page}"));
    }
    text
}

/// What is frozen.
pub fn frozen(
    environments: &[String],
    by: &str,
    reason: Option<&str>,
    until: Option<Timestamp>,
) -> String {
    let reason = reason.map(|reason| format!(": {}", quoted(reason))).unwrap_or_default();
    let until = until.map(|until| format!(" until {}", time(until))).unwrap_or_default();
    format!("❄ {} is frozen{until} by {by}{reason}", environments.join(", "))
}

/// One application in one environment.
pub fn status(
    application: &str,
    environment: &str,
    version: Option<&str>,
    state: &str,
    notes: &[String],
) -> String {
    let version = version.map_or_else(|| "nothing".to_owned(), quoted);
    let notes = notes.iter().map(|note| format!("; {note}")).collect::<String>();
    format!("• {application} in {environment}: {version}, {state}{notes}")
}

/// What is on its way.
pub fn coming(version: &str, state: &str, waits_for: Option<&str>) -> String {
    let why = waits_for.map(|why| format!(" ({why})")).unwrap_or_default();
    format!("next {}, {state}{why}", quoted(version))
}

/// What could go in, and why it has not.
pub fn candidate(version: &str, why: &str, next: &str) -> String {
    format!("• {}: {why}. What helps: {next}", quoted(version))
}

/// A gate that is shut.
pub fn gate(name: &str, saw: &str) -> String {
    format!("    ◦ gate {name}: {saw}")
}

/// A repository that cannot be read.
pub fn unread(why: &str, next: &str) -> String {
    format!("What is shown may be old: {why}; {next}")
}

/// The last look failed.
pub fn trouble(application: &str, trouble: &str) -> String {
    format!("• {application}: the last look at it failed: {trouble}")
}

/// What would be done.
pub fn step(application: &str, environment: Option<&str>, what: &str) -> String {
    let place = environment.map(|name| format!(" in {name}")).unwrap_or_default();
    format!("• {application}{place}: {what}")
}

/// What would be waited for.
pub fn waits(application: &str, environment: &str, version: Option<&str>, why: &str) -> String {
    let version = version.map(|version| format!(" {}", quoted(version))).unwrap_or_default();
    format!("• {application}{version} into {environment} waits: {why}")
}

/// What a run of a schedule would do.
pub fn run_planned(schedule: &ScheduleName, at: Timestamp, counted: &str) -> String {
    format!("The schedule {schedule} at {}: {counted}", time(at))
}

/// What would go with it.
pub fn would_go(application: &str, to: &str, from: Option<&str>, version: &str) -> String {
    let from = from.map_or_else(|| "nothing".to_owned(), quoted);
    format!("• {application}{to}: {from} → {}", quoted(version))
}

/// A line of a list.
pub fn point(line: &str) -> String {
    format!("• {line}")
}

/// A line of a history. Nobody asked for what was found there.
pub fn promoted(
    version: &str,
    environment: &str,
    state: &str,
    (since, by): (Timestamp, Option<&str>),
    reason: Option<&str>,
) -> String {
    let reason = reason.map(|reason| format!(", because {}", quoted(reason))).unwrap_or_default();
    let whence = by.map_or_else(|| "found there".to_owned(), |by| format!("{by} asked"));
    format!(
        "• {} into {environment}: {state} since {}; {whence}{reason}",
        quoted(version),
        time(since)
    )
}

/// What is known of a promotion beside its state, in words.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// What its state means.
    pub state: String,
    /// Who holds it.
    pub held: Option<String>,
    /// How what it brought is ill.
    pub ill: Option<String>,
}

/// The sign of a state.
fn mark(state: &State) -> &'static str {
    match state {
        State::Waiting => "⏳",
        State::Proposed => "📬",
        State::Merged { .. } | State::Deployed { .. } | State::Soaking { .. } => "🚚",
        State::Succeeded { .. } => "✅",
        State::Superseded { .. } | State::Closed { .. } => "⏹",
        State::Failed { .. } => "❌",
        State::RolledBack { .. } => "↩",
    }
}

/// The sign of what is ill.
const ILL: &str = "🔥";

/// The message about a promotion, which is brought up to date as it moves.
pub fn card(promotion: &Promotion, beside: &Beside) -> String {
    let Promotion { application, environment, version, requested_by, reason, .. } = promotion;
    let mark = if beside.ill.is_some() { ILL } else { mark(&promotion.state) };
    let verb = if promotion.is_rollback() { "goes back to" } else { "→" };
    let number = promotion.proposal.as_ref();
    let number = number.map(|it| format!(" ({})", it.number)).unwrap_or_default();
    let reason = reason.as_deref().map(|why| format!(", because {}", quoted(why)));
    format!(
        "{mark} {} in {environment} {verb} {}: {}{number}\n{}{}{}\n{requested_by} asked{}",
        application.application,
        quoted(version),
        promotion.state.name(),
        beside.state,
        beside.ill.as_deref().map(|ill| format!(" {ILL} {}", sentence(ill))).unwrap_or_default(),
        beside.held.as_deref().map(|held| format!(" ⏸ {}", sentence(held))).unwrap_or_default(),
        reason.unwrap_or_default()
    )
}

/// How many of those who ride with a train its message names.
const RIDERS: usize = 15;

/// The message about a train: one for all that ride, with those first that are not like the others.
pub fn train_card(
    (schedule, to, number): (&ScheduleName, &EnvironmentName, ProposalNumber),
    riders: &[(Promotion, Option<String>)],
) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for (rider, _) in riders {
        let name = rider.state.name();
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let usual = counts.first().map_or("", |(name, _)| *name);
    let ill = riders.iter().filter(|(_, ill)| ill.is_some()).count();
    let mut told: Vec<String> =
        counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if ill > 0 {
        told.push(format!("{ill} not well"));
    }
    let mut rows: Vec<&(Promotion, Option<String>)> = riders.iter().collect();
    rows.sort_by_key(|(rider, ill)| {
        (ill.is_none(), rider.state.name() == usual, &rider.application.application)
    });
    let first = riders.iter().find(|(rider, _)| rider.state.name() == usual);
    let mark = if ill > 0 { ILL } else { first.map_or("⏳", |(rider, _)| mark(&rider.state)) };
    let mut text = format!("{mark} The train {schedule} into {to} ({number}): {}", told.join(", "));
    for (rider, ill) in rows.iter().take(RIDERS) {
        let (application, version) = (&rider.application.application, quoted(&rider.version));
        let ill = ill.as_deref().map(|ill| format!("; {}", train::short(ill))).unwrap_or_default();
        text.push_str(&format!("\n• {application} → {version}: {}{ill}", rider.state.name()));
    }
    if rows.len() > RIDERS {
        text.push_str(&format!("\n… and {} more", rows.len() - RIDERS));
    }
    text
}

/// What stands on a button.
pub mod button {
    /// Says yes to a proposal.
    pub const APPROVE: &str = "Approve";
    /// Holds the application.
    pub const HOLD: &str = "Hold";
    /// Brings the last good version back.
    pub const ROLL_BACK: &str = "Roll back";
    /// Opens the promotion's page.
    pub const OPEN: &str = "Open";
    /// Asked before a rollback.
    pub const SURE: &str = "This proposes the last version that ran well, and holds the \
        application until somebody resumes it.";
    /// Why a button holds or rolls back.
    pub const REASON: &str = "asked for with a button";
}

/// A button that hoist did not make, or made with another secret.
pub const UNKNOWN_BUTTON: &str = "Not done: that button is not one that this hoist has made.";

/// What a button is about has changed since.
pub fn moved_on(promotion: &Promotion, now: Option<&str>) -> String {
    let Promotion { application, environment, version, .. } = promotion;
    let now = now.map_or_else(|| "something else".to_owned(), quoted);
    let rollback = Utterance::Rollback {
        place: crate::domain::grammar::Place {
            application: application.application.to_string(),
            environment: environment.to_string(),
        },
        to: None,
        drift: crate::domain::command::Drift::Asks,
        spread: crate::domain::grammar::Spread::Here,
        reason: None,
    };
    format!(
        "{} is not what is in {environment} any more: {now} is. Say `{rollback}` if that is to go \
         back.",
        quoted(version)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        misunderstood(&text.parse::<Utterance>().unwrap_err())
    }

    #[test]
    fn whoever_is_not_understood_is_told_the_nearest_right_thing() {
        insta::assert_snapshot!(told("promte payments to prod"), @r#"Not understood: "promte" is nothing that hoist understands. Did you mean `promote payments to prod`?"#);
        insta::assert_snapshot!(told("frobnicate"), @r#"Not understood: "frobnicate" is nothing that hoist understands. `help` lists what can be said."#);
        insta::assert_snapshot!(told("check"), @r#"Not understood: "check" is nothing that hoist understands. `hoist check` is said at a command line."#);
        insta::assert_snapshot!(told("why payments"), @"Not understood: why needs an environment after the application. It is said like this: `why APP ENV`");
        insta::assert_snapshot!(told("hold payments prod for ever"), @r#"Not understood: "ever" is not a length of time: write it as `30m`, `2h` or `1d`."#);
    }

    #[test]
    fn strangers_are_told_how_they_are_added() {
        insta::assert_snapshot!(stranger(Door::Slack, "U0X", "mallory`"), @"hoist does not know who `mallory'` is. Whoever keeps its configuration can add you: put `slack: U0X` at your name under `people:`, and your name into a role that allows what you want to do.");
    }

    #[test]
    fn long_lists_are_cut_off() {
        let lines = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(listed(lines, 2, "", "https://h"), "a\nb\n… and 1 more: https://h");
        assert_eq!(listed(Vec::new(), 2, "nothing", ""), "nothing");
    }
}
