//! Words about freezes: what is frozen, what goes in nevertheless, what ends it.

use std::collections::BTreeSet;

use crate::domain::freeze::{Freeze, Origin, Rollbacks, Scope};
use crate::domain::id::EnvironmentName;

use super::answer::meant;

/// A freeze was recorded.
pub fn frozen(freeze: &Freeze) -> String {
    let scope = &freeze.scope;
    let place = scope.in_words();
    let until = match freeze.ends {
        Some(ends) => format!("until {}", freeze.tell(ends)),
        None => format!("until somebody says `hoist thaw {}`", typed(scope)),
    };
    format!("{place} is frozen {until}{}: {}.", because(freeze), what_waits(freeze))
}

/// The same, while a merge that was judged before is still under way.
pub fn with_merge_in_flight(text: &str) -> String {
    format!("{text} A merge that had begun before is still under way, and may go in.")
}

/// Freezes were ended.
pub fn thawed(scope: &Scope, thawed: &[&Freeze], stay: &[&Freeze], reason: Option<&str>) -> String {
    let ended: Vec<String> = thawed.iter().map(|freeze| freeze.describe()).collect();
    let why = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let place = scope.in_words();
    let ended = format!("{place} was thawed{why}: it was frozen by {}.", ended.join("; by "));
    if stay.is_empty() {
        return format!("{ended} What waited there goes on.");
    }
    format!("{ended} {}", still_frozen(stay))
}

/// A freeze of the pipelines file has begun somewhere.
pub fn begun(freeze: &Freeze, scope: &Scope) -> String {
    let until = freeze.ends.map(|ends| format!(" until {}", freeze.tell(ends)));
    let (place, by, until) = (scope.in_words(), freeze.by(), until.unwrap_or_default());
    format!("{place} is frozen by {by}{until}{}: {}.", because(freeze), what_waits(freeze))
}

/// The time of a freeze that somebody asked for is over.
pub fn ran_out(freeze: &Freeze, on: &[&Freeze]) -> String {
    let (place, by, why) = (freeze.scope.in_words(), freeze.by(), because(freeze));
    let at = freeze.ends.map(|ends| format!(" at {}", freeze.tell(ends))).unwrap_or_default();
    let over = format!("{place} is no longer frozen by {by}{why}: that time was over{at}.");
    format!("{over} {}", afterwards(&freeze.scope, on))
}

/// A freeze of the pipelines file has ended somewhere.
pub fn ended(name: &str, scope: &Scope, on: &[&Freeze]) -> String {
    let place = scope.in_words();
    format!("{place} is no longer frozen by {name}. {}", afterwards(scope, on))
}

/// What follows where a freeze has ended.
fn afterwards(scope: &Scope, on: &[&Freeze]) -> String {
    let stay: Vec<&Freeze> = on.iter().filter(|it| it.scope.meets(scope)).copied().collect();
    if stay.is_empty() { "What waited there goes on.".to_owned() } else { still_frozen(&stay) }
}

/// Why it is frozen, in parentheses.
fn because(freeze: &Freeze) -> String {
    freeze.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// What a freeze keeps out.
fn what_waits(freeze: &Freeze) -> &'static str {
    match freeze.rollbacks {
        Rollbacks::Wait => "nothing goes in, and no rollback either",
        Rollbacks::Pass => "nothing but a rollback goes in",
    }
}

/// There is no freeze that this could end.
pub fn nothing_to_thaw(scope: &Scope, stay: &[&Freeze]) -> String {
    let place = scope.in_words();
    if stay.is_empty() {
        return format!("{place} is not frozen, so nothing is to be thawed");
    }
    format!("nobody froze {place} by a command of its own. {}", still_frozen(stay))
}

/// What keeps it frozen, and what would end that.
fn still_frozen(stay: &[&Freeze]) -> String {
    let each = stay.iter().map(|freeze| {
        let how = match &freeze.origin {
            Origin::File { .. } => "it stands in the pipelines file".to_owned(),
            Origin::Command { .. } => format!("`hoist thaw {}` ends it", typed(&freeze.scope)),
        };
        format!("It is still frozen by {} ({how}).", freeze.describe())
    });
    each.collect::<Vec<_>>().join(" ")
}

/// No pipeline has that environment.
pub fn unknown_environment(typed: &str, known: &BTreeSet<&EnvironmentName>) -> String {
    let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
    format!(
        "no pipeline has an environment {typed:?}; {}there are {}, and `*` is all of them",
        meant(typed, &names),
        names.join(", ")
    )
}

/// A scope as it is typed in a shell, where a bare star would be expanded.
fn typed(scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => "'*'".to_owned(),
        Scope::Only(_) => scope.to_string(),
    }
}
