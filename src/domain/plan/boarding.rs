//! Decides what a schedule's run lets go, and why it leaves the others behind.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::gates::judge;
use super::unstarted::{Unstarted, unstarted};
use super::wanted::{Wanted, wanted};
use crate::domain::artifact::Artifact;
use crate::domain::gate::{FREEZE, HOLD, Judged, SCHEDULE, Verdict};
use crate::domain::pipeline::Environment;
use crate::domain::promotion::{BadArtifact, Kind, Promotion, State};
use crate::domain::snapshot::{Reading, Snapshot};

/// What a run does with an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boarding<'a> {
    /// It lets this go.
    Goes(&'a Promotion),
    /// It leaves it behind.
    Stays(Behind<'a>),
}

/// Why a run leaves an application behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind<'a> {
    /// Nothing is newer than what is there.
    NothingNew,
    /// It is on its way already.
    UnderWay(&'a Promotion),
    /// What is newer has not come so far.
    Unstarted(&'a Artifact, Unstarted<'a>),
    /// What waits was rolled back meanwhile.
    Bad(&'a Promotion),
    /// A gate is shut.
    Shut(&'a Promotion, Judged),
    /// Its fields there cannot be changed; the text says why.
    Unwritable(String),
}

/// The same in a word, for those who sort and count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing is newer than what is there.
    NothingNew,
    /// It is not well in an environment before, or not there.
    NotHealthy,
    /// Somebody holds it.
    Held,
    /// The environment is frozen.
    Frozen,
    /// It has not been well for long enough.
    Soaking,
    /// It was rolled back.
    MarkedBad,
    /// A proposal is open, or about to be.
    AlreadyProposed,
    /// Its fields cannot be changed.
    EditRefused,
    /// Another gate is shut.
    Gate,
    /// The pipeline's rules do not let it in.
    KeptOut,
    /// It was on its way and ended, a newer one was faster, or it begins at the next look.
    NotStarted,
    /// The run has no place left.
    Full,
    /// It could not be looked at.
    Unseen,
}

impl Reason {
    /// Its name for people: as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NothingNew => "nothing-new",
            Self::NotHealthy => "not-healthy",
            Self::Held => "held",
            Self::Frozen => "frozen",
            Self::Soaking => "soaking",
            Self::MarkedBad => "marked-bad",
            Self::AlreadyProposed => "already-proposed",
            Self::EditRefused => "edit-refused",
            Self::Gate => "gate",
            Self::KeptOut => "kept-out",
            Self::NotStarted => "not-started",
            Self::Full => "full",
            Self::Unseen => "unseen",
        }
    }
}

impl Behind<'_> {
    /// It in a word.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NothingNew => Reason::NothingNew,
            Self::UnderWay(_) => Reason::AlreadyProposed,
            Self::Bad(_) | Self::Unstarted(_, Unstarted::Bad) => Reason::MarkedBad,
            Self::Unstarted(_, Unstarted::Upstream { .. }) => Reason::NotHealthy,
            Self::Unstarted(_, Unstarted::KeptOut(_)) => Reason::KeptOut,
            Self::Unstarted(
                _,
                Unstarted::Ended(_) | Unstarted::Overtaken { .. } | Unstarted::Next,
            ) => Reason::NotStarted,
            Self::Shut(_, judged) => of_gate(judged),
            Self::Unwritable(_) => Reason::EditRefused,
        }
    }
}

/// The gate that is shut, in a word.
pub(super) fn of_gate(judged: &Judged) -> Reason {
    match (judged.name, &judged.verdict) {
        (HOLD, _) => Reason::Held,
        (FREEZE, _) => Reason::Frozen,
        // Time alone ends a soak; what is not well there is not even soaking.
        ("soak", Verdict::OpensAt(_)) => Reason::Soaking,
        ("soak" | "after", _) => Reason::NotHealthy,
        (_, _) => Reason::Gate,
    }
}

/// Decides what a run at `now` would do with an application in `environment`.
///
/// The newest that may go goes. One that is newer and may not yet, because it still soaks, does not
/// keep back the one that has: where something new comes every hour, nothing would ever go.
pub fn board<'a>(
    snapshot: &'a Snapshot,
    environment: &'a Environment,
    now: Timestamp,
) -> Boarding<'a> {
    if let Some(reason) = unreadable(snapshot, environment) {
        return Boarding::Stays(Behind::Unwritable(reason));
    }
    let pending = || snapshot.promotions_into(&environment.name).filter(|it| it.state.is_pending());
    let boarded = |it: &&Promotion| snapshot.timetable.boarded.contains_key(&it.id);
    let waits = |it: &&Promotion| it.state == State::Waiting && !it.is_rollback() && !boarded(it);
    let newest_first = || {
        let mut waiting: Vec<&Promotion> = pending().filter(waits).collect();
        waiting.sort_by_key(|it| std::cmp::Reverse(it.age()));
        waiting
    };
    let mut newest_stays = None;
    for promotion in newest_first() {
        match obstacle(snapshot, environment, promotion, now) {
            None => return Boarding::Goes(promotion),
            Some(behind) => newest_stays = newest_stays.or(Some(behind)),
        }
    }
    let under_way = || pending().max_by_key(|it| it.age()).map(Behind::UnderWay);
    let behind = newest_stays.or_else(under_way);
    Boarding::Stays(behind.unwrap_or_else(|| nothing_waits(snapshot, environment, now)))
}

/// Why nothing can be written there, whatever waits.
fn unreadable(snapshot: &Snapshot, environment: &Environment) -> Option<String> {
    match snapshot.readings.get(&environment.name) {
        Some(Reading::Refused { reason }) => Some(reason.clone()),
        Some(Reading::Absent { file }) => Some(format!("{file} is not in the repository")),
        Some(Reading::Fields { .. }) | None => None,
    }
}

/// What keeps one that waits from going with the run.
fn obstacle<'a>(
    snapshot: &'a Snapshot,
    environment: &'a Environment,
    promotion: &'a Promotion,
    now: Timestamp,
) -> Option<Behind<'a>> {
    let is_bad = promotion.artifact.as_ref().is_some_and(|it| snapshot.is_bad(it, environment));
    if is_bad && matches!(promotion.kind, Kind::Forward { bad: BadArtifact::Refused, .. }) {
        return Some(Behind::Bad(promotion));
    }
    let judged = judge(snapshot, environment, promotion, None, now);
    let shut = judged.into_iter().find(|it| it.shuts_proposal() && it.name != SCHEDULE);
    if let Some(judged) = shut {
        return Some(Behind::Shut(promotion, judged));
    }
    let Some(Reading::Fields { fields, .. }) = snapshot.readings.get(&environment.name) else {
        return None;
    };
    match wanted(snapshot, promotion, fields) {
        // What is there already is recorded as such once it was let go.
        Wanted::Edits { .. } | Wanted::AlreadyThere { .. } => None,
        Wanted::Impossible(reason) => Some(Behind::Unwritable(reason)),
    }
}

/// Why nothing waits: what keeps the newest artifact from coming so far, if anything does.
fn nothing_waits<'a>(
    snapshot: &'a Snapshot,
    environment: &'a Environment,
    now: Timestamp,
) -> Behind<'a> {
    let newest = snapshot.newest_first().into_iter().find(|it| snapshot.kept_out(it).is_none());
    let current = snapshot.current(&environment.name);
    let why = newest.and_then(|artifact| {
        let is_there = current.is_some_and(|it| it.artifact.as_ref() == Some(&artifact.id));
        let why = unstarted(snapshot, environment, artifact, now).filter(|_| !is_there)?;
        Some(Behind::Unstarted(artifact, why))
    });
    why.unwrap_or(Behind::NothingNew)
}
