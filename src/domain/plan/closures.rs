//! Judges what shuts an environment as a whole: windows, freezes and holds.

use jiff::Timestamp;

use crate::domain::freeze::{Freeze, Rollbacks, all_over, next_edge};
use crate::domain::gate::{FREEZE, HOLD, Judged, Shuts, Verdict, WINDOW};
use crate::domain::pipeline::Environment;
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::Snapshot;
use crate::domain::window::{Window, is_any_open, next_change};

use super::gates::short_time;

/// Judges the windows of an environment, where it has any. A rollback waits for none.
pub(super) fn window_gate(
    environment: &Environment,
    promotion: &Promotion,
    now: Timestamp,
) -> Option<Judged> {
    let windows = environment.windows();
    let first = windows.first()?;
    let shuts = environment.rule(WINDOW).map_or(Shuts::Merge, |rule| rule.shuts);
    if promotion.is_rollback() {
        let saw = "a rollback waits for no window".to_owned();
        return Some(Judged::new(WINDOW, shuts, Verdict::Open, saw));
    }
    let until = next_change(&windows, now);
    // Windows of several zones are told by the clock of the first one.
    let told = |at: Timestamp| first.zone.tell(at);
    let hours = || windows.iter().map(|window: &&Window| window.to_string()).collect::<Vec<_>>();
    let (verdict, saw) = match (is_any_open(&windows, now), until) {
        (true, Some(until)) => (Verdict::Open, format!("open until {}", told(until))),
        (true, None) => (Verdict::Open, "open".to_owned()),
        (false, Some(until)) => {
            let saw = format!("shut until {} ({})", told(until), hours().join("; "));
            (Verdict::OpensAt(until), saw)
        }
        (false, None) => {
            let saw = format!("does not open within three weeks ({})", hours().join("; "));
            (Verdict::NeedsAction(saw.clone()), saw)
        }
    };
    Some(Judged { until, ..Judged::new(WINDOW, shuts, verdict, saw) })
}

/// Judges the freezes that reach an environment.
///
/// A rollback's proposal is opened in any case, so that it lies ready for whoever may decide.
pub(super) fn freeze_gate(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &Promotion,
    now: Timestamp,
) -> Judged {
    let concerns = |freeze: &&Freeze| {
        let passes = promotion.is_rollback() && freeze.rollbacks == Rollbacks::Pass;
        freeze.scope.has(&environment.name) && !passes
    };
    let freezes: Vec<&Freeze> = snapshot.freezes.iter().filter(concerns).collect();
    let until = next_edge(&freezes, now);
    let on: Vec<&&Freeze> = freezes.iter().filter(|freeze| freeze.is_on(now)).collect();
    let strict = on.iter().any(|freeze| freeze.shuts == Shuts::Proposal);
    let shuts = if strict && !promotion.is_rollback() { Shuts::Proposal } else { Shuts::Merge };
    let (verdict, saw) = if on.is_empty() {
        let next = freezes.iter().filter(|freeze| freeze.begins > now);
        let saw = match next.min_by_key(|freeze| freeze.begins) {
            Some(next) => {
                format!("not frozen; {} begins {}", next.by(), next.tell(next.begins))
            }
            None => "not frozen".to_owned(),
        };
        (Verdict::Open, saw)
    } else {
        let described: Vec<String> = on.iter().map(|freeze| freeze.describe()).collect();
        let saw = format!("frozen by {}", described.join("; by "));
        match all_over(&freezes, now) {
            Some(at) => (Verdict::OpensAt(at), saw),
            None => (Verdict::NeedsAction(saw.clone()), saw),
        }
    };
    let since = on.iter().map(|freeze| freeze.begins).min();
    Judged { since, until, ..Judged::new(FREEZE, shuts, verdict, saw) }
}

/// Judges the hold on an application in an environment. A rollback is stopped by none.
pub(super) fn hold_gate(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &Promotion,
    now: Timestamp,
) -> Judged {
    let held = snapshot.holds.get(&environment.name);
    let held = held.filter(|held| held.until.is_none_or(|until| until > now));
    let (verdict, saw) = match held {
        None => (Verdict::Open, "not held".to_owned()),
        Some(held) if promotion.is_rollback() => {
            (Verdict::Open, format!("{} holds it, which stops no rollback", held.by))
        }
        Some(held) => {
            let why = held.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            match held.until {
                Some(until) => {
                    let saw = format!("held by {} until {}{why}", held.by, short_time(until));
                    (Verdict::OpensAt(until), saw)
                }
                None => {
                    let saw = format!("held by {}{why}", held.by);
                    (Verdict::NeedsAction(saw.clone()), saw)
                }
            }
        }
    };
    let since = held.map(|held| held.since);
    Judged { since, ..Judged::new(HOLD, Shuts::Proposal, verdict, saw) }
}
