//! Asks registries about artifacts before they go anywhere.
//!
//! A look like all others: it happens in the pass, its outcome is recorded, and the planner decides
//! by what is recorded. Whoever cannot be asked is asked again; nothing goes unasked meanwhile.

mod content;
mod signatures;
mod bundle;

#[cfg(fuzzing)]
pub mod fuzzing;
mod proof;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::ports::{AuditLine, Change, Claim, RegistryError};
use super::{App, AppError};
use crate::domain::accept::KeptOut;
use crate::domain::artifact::Artifact;
use crate::domain::command::Actor;
use crate::domain::examination::{Delay, Examination, Found, Lack};
use crate::domain::id::ArtifactId;
use crate::domain::oci::NoManifest;
use crate::domain::plan::{awaited, to_examine};
use crate::domain::snapshot::Snapshot;
use crate::messages::{accept, examination as words};

/// How many artifacts one pass asks about: a refused one makes room for the next.
const MOST_AT_ONCE: usize = 4;

/// How long a registry is left alone after it could not be asked; doubled each time.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(15);

/// The longest of these waits.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// How long until what is not there yet is looked for again; doubled each time.
///
/// Most often it is a tag that the registry is just writing.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(2);

/// How long until those have their turn that one pass did not come to.
///
/// Shorter than [`FIRST_LOOK`]: or else the newest, which lack something, are looked for again
/// before anybody has asked about an older one that has all that it needs.
const BREATH: SignedDuration = SignedDuration::from_secs(1);

/// Why an examination ends early.
pub(super) enum Stop {
    /// The artifact is not what it should be.
    Unsound(String),
    /// That cannot be said yet.
    Open(Open),
}

/// Why it cannot be said yet what an artifact is.
pub(super) enum Open {
    /// Something is not there that may still come.
    Missing(String),
    /// Somebody cannot be asked now.
    Silent(RegistryError),
}

impl From<RegistryError> for Stop {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::TooLong { .. } | RegistryError::Untrue { .. } => {
                Self::Unsound(error.to_string())
            }
            RegistryError::Missing { .. } => Self::Open(Open::Missing(error.to_string())),
            RegistryError::Unauthorized { .. }
            | RegistryError::RateLimited { .. }
            | RegistryError::Unreachable { .. } => Self::Open(Open::Silent(error)),
        }
    }
}

impl From<NoManifest> for Stop {
    fn from(error: NoManifest) -> Self {
        Self::Unsound(format!(
            "what its registry has under its digest is nothing to promote: {error}"
        ))
    }
}

impl App {
    /// Asks about the newest artifacts that could go, until one may; tells when the rest has its
    /// turn, where more are left than a pass asks about.
    pub(super) async fn examine(
        &self,
        claim: &Claim,
        snapshot: &mut Snapshot,
    ) -> Result<Option<Timestamp>, AppError> {
        for _ in 0..MOST_AT_ONCE {
            let Some(artifact) = due(snapshot, self.clock.now()).cloned() else { break };
            let earlier = snapshot.delays.get(&artifact.id).cloned();
            let patience = snapshot.pipeline.verify.patience;
            let found = match self.ask_about(snapshot, &artifact).await {
                Ok(found) => found,
                Err(open) => match delayed(open, earlier.as_ref(), patience, self.clock.now()) {
                    Err(why) => Found::Unsound { why },
                    Ok(delay) if delay.is_its_own() => {
                        self.note_delay(snapshot, &artifact, delay);
                        continue;
                    }
                    Ok(delay) => {
                        self.note_delay(snapshot, &artifact, delay);
                        break;
                    }
                },
            };
            let examination = self.examination(snapshot, found);
            let line = self.examined_line(snapshot, &artifact, &examination);
            let change = examined(&artifact, &examination);
            self.store.outcome(claim, vec![change], vec![line]).await?;
            snapshot.note_examination(&artifact.id, examination);
        }
        let now = self.clock.now();
        forget_overtaken(snapshot, now);
        Ok(due(snapshot, now).map(|_| later(now, BREATH)))
    }

    fn note_delay(&self, snapshot: &mut Snapshot, artifact: &Artifact, delay: Delay) {
        let why = accept::unexamined(Some(&delay));
        match delay.lack {
            Lack::Thing { .. } => {
                tracing::info!(artifact.digest = %artifact.digest, "{}: {why}", artifact.image);
            }
            Lack::Answer => {
                tracing::warn!(artifact.digest = %artifact.digest, "{}: {why}", artifact.image);
            }
        }
        snapshot.delays.insert(artifact.id.clone(), delay);
    }

    /// Refuses a person what its registry does not vouch for, and asks it if nobody has.
    pub(super) async fn refuse_unproved(
        &self,
        snapshot: &Snapshot,
        artifact: &Artifact,
    ) -> Result<(), AppError> {
        let refuse = |what: String| Err(AppError::Refused { what });
        match snapshot.unproved(artifact).filter(|_| !snapshot.was_let_in(artifact)) {
            None => return Ok(()),
            Some(KeptOut::Unexamined(_)) => {}
            Some(why) => return refuse(accept::refused(artifact.version(), &why)),
        }
        let found = match self.ask_about(snapshot, artifact).await {
            Ok(found) => found,
            Err(Open::Silent(error)) => {
                return refuse(words::cannot_ask(artifact.version(), &error.to_string()));
            }
            Err(Open::Missing(why)) if self.may_still_come(snapshot, artifact) => {
                return refuse(words::not_there_yet(artifact.version(), &why));
            }
            Err(Open::Missing(why)) => Found::Unsound { why },
        };
        let examination = self.examination(snapshot, found);
        let line = self.examined_line(snapshot, artifact, &examination);
        let changes = vec![examined(artifact, &examination)];
        self.store.record(&snapshot.application, changes, vec![line], self.clock.now()).await?;
        match examination.found {
            Found::Sound(_) => Ok(()),
            Found::Unsound { why } => {
                refuse(accept::refused(artifact.version(), &KeptOut::Unsound { why }))
            }
        }
    }

    /// Tells whether what an artifact lacks is still waited for.
    fn may_still_come(&self, snapshot: &Snapshot, artifact: &Artifact) -> bool {
        let now = self.clock.now();
        let awaited = snapshot.delays.get(&artifact.id).is_some_and(|delay| match delay.lack {
            Lack::Thing { until } => now < until,
            Lack::Answer => false,
        });
        awaited || now < later(artifact.accepted_at, snapshot.pipeline.verify.patience)
    }

    async fn ask_about(&self, snapshot: &Snapshot, artifact: &Artifact) -> Result<Found, Open> {
        match self.traits(snapshot, artifact).await {
            Ok(traits) => Ok(Found::Sound(traits)),
            Err(Stop::Unsound(why)) => Ok(Found::Unsound { why }),
            Err(Stop::Open(open)) => Err(open),
        }
    }

    fn examination(&self, snapshot: &Snapshot, found: Found) -> Examination {
        Examination { rules: snapshot.pipeline.verify.print(), at: self.clock.now(), found }
    }

    fn examined_line(
        &self,
        snapshot: &Snapshot,
        artifact: &Artifact,
        examination: &Examination,
    ) -> AuditLine {
        let version = artifact.version();
        let (verb, text) = match &examination.found {
            Found::Sound(traits) => ("examined", words::sound(version, &artifact.image, traits)),
            Found::Unsound { why } => ("refused", words::unsound(version, why)),
        };
        AuditLine {
            at: examination.at,
            actor: Actor::hoist(),
            verb: verb.into(),
            application: Some(snapshot.application.clone()),
            environment: None,
            promotion: None,
            commit: None,
            text,
        }
    }
}

/// The artifact that is to be asked about now.
fn due(snapshot: &Snapshot, now: Timestamp) -> Option<&Artifact> {
    to_examine(snapshot, now).filter(|artifact| {
        snapshot.delays.get(&artifact.id).is_none_or(|delay| delay.again_at <= now)
    })
}

fn examined(artifact: &Artifact, examination: &Examination) -> Change {
    let examination = Box::new(examination.clone());
    Change::Examine { artifact: artifact.id.clone(), examination }
}

/// What is waited for, and when somebody is asked again; or why that is over.
fn delayed(
    open: Open,
    earlier: Option<&Delay>,
    patience: SignedDuration,
    now: Timestamp,
) -> Result<Delay, String> {
    let earlier = earlier.map(|it| (it.lack, it.tries));
    match (open, earlier) {
        (Open::Missing(why), Some((Lack::Thing { until }, tries))) => {
            if now >= until {
                return Err(why);
            }
            let again_at = later(now, grown(FIRST_LOOK, tries)).min(until);
            Ok(Delay { why, lack: Lack::Thing { until }, tries: tries.saturating_add(1), again_at })
        }
        (Open::Missing(why), Some((Lack::Answer, _)) | None) => {
            if patience.is_zero() {
                return Err(why);
            }
            let until = later(now, patience);
            let again_at = later(now, FIRST_LOOK).min(until);
            Ok(Delay { why, lack: Lack::Thing { until }, tries: 1, again_at })
        }
        (Open::Silent(error), earlier) => {
            let tries = match earlier {
                Some((Lack::Answer, tries)) => tries,
                Some((Lack::Thing { .. }, _)) | None => 0,
            };
            let again_at = later(now, pause(&error, tries));
            let (why, tries) = (error.to_string(), tries.saturating_add(1));
            Ok(Delay { why, lack: Lack::Answer, tries, again_at })
        }
    }
}

/// What a newer one has overtaken meanwhile waits for nothing.
fn forget_overtaken(snapshot: &mut Snapshot, now: Timestamp) {
    if snapshot.delays.is_empty() {
        return;
    }
    let awaited: BTreeSet<ArtifactId> =
        awaited(snapshot, now).into_iter().map(|artifact| artifact.id.clone()).collect();
    snapshot.delays.retain(|artifact, _| awaited.contains(artifact));
}

/// How long somebody is left alone who could not be asked: as they ask for, else longer each time.
fn pause(error: &RegistryError, tries: u32) -> SignedDuration {
    match error {
        RegistryError::RateLimited { seconds, .. } => {
            SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(3600)).max(FIRST_WAIT)
        }
        RegistryError::Missing { .. }
        | RegistryError::TooLong { .. }
        | RegistryError::Untrue { .. }
        | RegistryError::Unauthorized { .. }
        | RegistryError::Unreachable { .. } => grown(FIRST_WAIT, tries).min(LONGEST_WAIT),
    }
}

fn grown(first: SignedDuration, tries: u32) -> SignedDuration {
    first.saturating_mul(1 << tries.min(8))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
