//! Judges the gates of one promotion.

use jiff::{SignedDuration, Timestamp};

use super::closures::{freeze_gate, hold_gate, window_gate};
use super::course::soak_ends;
use super::schedules::schedule_gate;
use crate::domain::evidence::Met;
use crate::domain::gate::{CHECKS, GateRule, Judged, REQUESTER, Shuts, Verdict, Voters};
use crate::domain::health::Finding;
use crate::domain::id::{EnvironmentName, PersonName};
use crate::domain::pipeline::Environment;
use crate::domain::promotion::{Kind, Promotion, State};
use crate::domain::pulse::Pulse;
use crate::domain::snapshot::{ProposalFacts, Snapshot, TeamWord};

/// Judges every gate of `promotion`: what it must have proved, then what shuts the environment as
/// a whole, then who must say yes.
///
/// A rollback passes soak and windows by design: it never waits for the health of what it takes
/// back, nor for office hours.
pub fn judge(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &Promotion,
    proposal: Option<&ProposalFacts>,
    now: Timestamp,
) -> Vec<Judged> {
    let mut judged: Vec<Judged> =
        requester_gate(snapshot, promotion, proposal).into_iter().collect();
    if let Kind::Forward { skips, .. } = &promotion.kind {
        let upstream = environment.after.iter().filter(|name| !skips.contains(name));
        for name in upstream {
            judged.push(upstream_gate(snapshot, environment, promotion, name, now));
        }
    }
    let asking =
        environment.asking().map(|rule| asking_gate(snapshot, (promotion, proposal), rule));
    judged.extend(asking.map(|it| it.after_skips(promotion)));
    let schedule = schedule_gate(snapshot, environment, promotion, now);
    judged.extend(schedule.map(|it| it.after_skips(promotion)));
    let window = window_gate(environment, promotion, now);
    judged.extend(window.map(|it| it.after_skips(promotion)));
    judged.push(freeze_gate(snapshot, environment, promotion, now).after_skips(promotion));
    // Nobody skips a hold: it is resumed.
    judged.push(hold_gate(snapshot, environment, promotion, now));
    if environment.approvals_needed(promotion) > 0 {
        let approvals = approvals_gate(snapshot, environment, promotion, proposal);
        judged.push(approvals.after_skips(promotion));
    }
    judged
}

/// Judges whether whoever asked still may; only where they may not, or could not lately.
fn requester_gate(
    snapshot: &Snapshot,
    promotion: &Promotion,
    proposal: Option<&ProposalFacts>,
) -> Option<Judged> {
    let judged = |verdict, saw| Judged::new(REQUESTER, Shuts::Proposal, verdict, saw);
    if let Some(why) = snapshot.withdrawn.get(&promotion.id) {
        let judged = judged(Verdict::NeedsAction(why.clone()), why.clone());
        return Some(judged.after_skips(promotion));
    }
    let told = proposal?.statuses.contains_key(&format!("hoist/{REQUESTER}"));
    told.then(|| judged(Verdict::Open, format!("{} may ask for it", promotion.requested_by)))
}

/// Judges what a gate that asks the world outside was answered. A rollback waits for none: what it
/// takes back may be what makes the answer bad.
fn asking_gate(
    snapshot: &Snapshot,
    (promotion, proposal): (&Promotion, Option<&ProposalFacts>),
    rule: &GateRule,
) -> Judged {
    let name = rule.gate.name();
    if promotion.is_rollback() {
        let saw = "a rollback does not ask".to_owned();
        return Judged::new(name, rule.shuts, Verdict::Open, saw);
    }
    let evidence = snapshot.evidence.get(&(promotion.id.clone(), name));
    // What was said of another head says nothing of this one.
    let head = proposal.map(|facts| &facts.head);
    let evidence = evidence.filter(|it| name != CHECKS || it.about.as_ref() == head);
    let Some(evidence) = evidence else {
        let saw = match name {
            CHECKS => "its proposal's checks are looked at once that is open",
            _ => "it is asked once the version runs in the environments before",
        };
        let saw = saw.to_owned();
        return Judged::new(name, rule.shuts, Verdict::NeedsAction(saw.clone()), saw);
    };
    let saw = evidence.saw.clone();
    let verdict = match evidence.met {
        Met::Yes => Verdict::Open,
        Met::NotBefore(at) => Verdict::OpensAt(at),
        Met::No => Verdict::NeedsAction(format!("{name} gate: {saw}")),
    };
    Judged {
        until: Some(evidence.asked_again()),
        stable: Some(evidence.stable.clone()),
        ..Judged::new(name, rule.shuts, verdict, saw)
    }
}

/// Judges what happened upstream: it must have gone in there, and have soaked.
fn upstream_gate(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &Promotion,
    upstream: &EnvironmentName,
    now: Timestamp,
) -> Judged {
    let (name, shuts) = match environment.rule("soak") {
        Some(rule) => ("soak", rule.shuts),
        None => ("after", Shuts::Proposal),
    };
    let version = &promotion.version;
    let best = snapshot
        .promotions_into(upstream)
        .rfind(|other| other.artifact == promotion.artifact && other.state.is_in());
    let Some(best) = best else {
        let what = format!("{version} is not in {upstream} (any more); promote it there first");
        return Judged::new(name, shuts, Verdict::NeedsAction(what.clone()), what);
    };
    let pulse = snapshot.pulse_now(best);
    let since = Some(pulse.as_ref().map_or(best.since, |pulse| pulse.since));
    let (verdict, saw) = match &best.state {
        State::Succeeded { .. } => (Verdict::Open, format!("{version} succeeded in {upstream}")),
        State::Deployed { .. } | State::Soaking { .. } => {
            let soak = environment.soak();
            match &pulse {
                Some(pulse) => by_pulse(best, pulse, soak, now),
                None => by_time(best, soak, now),
            }
        }
        State::Merged { .. }
        | State::Waiting
        | State::Proposed
        | State::Superseded { .. }
        | State::Closed { .. }
        | State::Failed { .. }
        | State::RolledBack { .. } => {
            let what = format!("{version} is merged in {upstream} and does not run there yet");
            (Verdict::NeedsAction(what.clone()), what)
        }
    };
    // What is not there any more, above, has nothing that could be skipped.
    Judged { since, ..Judged::new(name, shuts, verdict, saw) }.after_skips(promotion)
}

/// How far a soak is where nobody says whether it is well: it counts from when it went in.
fn by_time(best: &Promotion, soak: SignedDuration, now: Timestamp) -> (Verdict, String) {
    let opens_at = best.since.saturating_add(soak).unwrap_or(Timestamp::MAX);
    let since = short_time(best.since);
    let saw = format!("{} runs in {} since {since}", best.version, best.environment);
    if now >= opens_at { (Verdict::Open, saw) } else { (Verdict::OpensAt(opens_at), saw) }
}

/// How far a soak is by what was seen: only the time in which it was well counts.
fn by_pulse(
    best: &Promotion,
    pulse: &Pulse,
    soak: SignedDuration,
    now: Timestamp,
) -> (Verdict, String) {
    let Promotion { version, environment, .. } = best;
    let saw = &pulse.saw;
    match pulse.finding {
        Finding::Well => {
            let since = short_time(pulse.since);
            let saw = format!("{version} is well in {environment} since {since}");
            let verdict = if pulse.remains(soak).is_zero() {
                Verdict::Open
            } else {
                Verdict::OpensAt(soak_ends(now, pulse, soak))
            };
            (verdict, saw)
        }
        Finding::Ill | Finding::NotYet => {
            let what =
                format!("{version} is not well in {environment}: {saw}; the soak starts over");
            (Verdict::NeedsAction(what.clone()), what)
        }
        Finding::Unsettled | Finding::Unseen => {
            let what = format!("{version} in {environment}: {saw}; the soak waits");
            (Verdict::NeedsAction(what.clone()), what)
        }
    }
}

/// A time as people read it in one line.
pub(super) fn short_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Counts approvals of the head as it is, the requester's left out.
fn approvals_gate(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &Promotion,
    proposal: Option<&ProposalFacts>,
) -> Judged {
    let needed = environment.approvals_needed(promotion);
    let whose = voters(environment);
    let have = proposal.map_or(0, |facts| count(snapshot, environment, promotion, facts));
    let silent = match proposal.map(|facts| &facts.team) {
        Some(TeamWord::Silent(why)) => format!("; {why}"),
        Some(TeamWord::NotAsked | TeamWord::Members(_)) | None => String::new(),
    };
    let saw = format!("{have} of {needed} approvals{whose}, the requester's not counted{silent}");
    let verdict = if have >= needed {
        Verdict::Open
    } else {
        let missing = needed - have;
        Verdict::NeedsAction(format!("{missing} more{whose} must approve the proposal{silent}"))
    };
    Judged::new("approvals", Shuts::Merge, verdict, saw)
}

fn voters(environment: &Environment) -> &Voters {
    environment.approvals().map_or(&Voters::Anybody, |approvals| &approvals.of)
}

/// The approvals that count: not the requester's, and where a role or a team is asked for,
/// only of those who have it or are in it.
pub(super) fn counted<'a>(
    snapshot: &'a Snapshot,
    environment: &'a Environment,
    promotion: &'a Promotion,
    facts: &'a ProposalFacts,
) -> impl Iterator<Item = &'a PersonName> {
    let voters = voters(environment);
    facts.approvals.iter().filter(move |by| {
        let counts = match (voters, &facts.team) {
            (Voters::Anybody, _) => true,
            (Voters::Role(role), _) => {
                snapshot.members.get(role).is_some_and(|members| members.contains(by))
            }
            (Voters::Team(_), TeamWord::Members(members)) => members.contains(by),
            (Voters::Team(_), TeamWord::NotAsked | TeamWord::Silent(_)) => false,
        };
        counts && by.as_str() != promotion.requested_by.name
    })
}

/// How many approvals count.
fn count(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &Promotion,
    facts: &ProposalFacts,
) -> u32 {
    let counted = counted(snapshot, environment, promotion, facts).count();
    u32::try_from(counted).unwrap_or(u32::MAX)
}
