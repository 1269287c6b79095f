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

use jiff::{SignedDuration, Timestamp};

use super::ports::{AuditLine, Change, Claim, RegistryError};
use super::{App, AppError, Mode};
use crate::domain::accept::KeptOut;
use crate::domain::artifact::Artifact;
use crate::domain::command::Actor;
use crate::domain::examination::{Delay, Examination, Found};
use crate::domain::oci::NoManifest;
use crate::domain::plan::to_examine;
use crate::domain::snapshot::Snapshot;
use crate::messages::{accept, examination as words};

/// How many artifacts one pass asks about: a refused one makes room for the next.
const MOST_AT_ONCE: usize = 4;

/// How long a registry is left alone after it could not be asked; doubled each time.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(15);

/// The longest of these waits.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// Why an examination ends early.
pub(super) enum Stop {
    /// The artifact is not what it should be.
    Unsound(String),
    /// Somebody cannot be asked now.
    Later(RegistryError),
}

impl From<RegistryError> for Stop {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Missing { .. } | RegistryError::Untrue { .. } => {
                Self::Unsound(error.to_string())
            }
            RegistryError::Unauthorized { .. }
            | RegistryError::RateLimited { .. }
            | RegistryError::Unreachable { .. } => Self::Later(error),
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
    /// Asks about the newest artifacts that could go, until one may.
    pub(super) async fn examine(
        &self,
        claim: &Claim,
        snapshot: &mut Snapshot,
    ) -> Result<(), AppError> {
        if self.mode == Mode::ReadOnly {
            return Ok(());
        }
        for _ in 0..MOST_AT_ONCE {
            let now = self.clock.now();
            let Some(artifact) = to_examine(snapshot, now).cloned() else { return Ok(()) };
            let delay = snapshot.delays.get(&artifact.id);
            if delay.is_some_and(|delay| now < delay.again_at) {
                return Ok(());
            }
            let tries = delay.map_or(0, |delay| delay.tries);
            match self.ask_about(snapshot, &artifact).await {
                Ok(examination) => {
                    let line = self.examined_line(snapshot, &artifact, &examination);
                    let change = examined(&artifact, &examination);
                    self.store.outcome(claim, vec![change], vec![line]).await?;
                    snapshot.note_examination(&artifact.id, examination);
                }
                Err(error) => {
                    tracing::warn!(artifact.digest = %artifact.digest, "{}: {error}", artifact.image);
                    let delay = Delay {
                        why: error.to_string(),
                        tries: tries.saturating_add(1),
                        again_at: again_at(self.clock.now(), &error, tries),
                    };
                    snapshot.delays.insert(artifact.id, delay);
                    return Ok(());
                }
            }
        }
        Ok(())
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
        let examination = match self.ask_about(snapshot, artifact).await {
            Ok(examination) => examination,
            Err(error) => return refuse(words::cannot_ask(artifact.version(), &error.to_string())),
        };
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

    async fn ask_about(
        &self,
        snapshot: &Snapshot,
        artifact: &Artifact,
    ) -> Result<Examination, RegistryError> {
        let verify = &snapshot.pipeline.verify;
        let application = &snapshot.application.application;
        let found = match self.traits(verify, artifact, application).await {
            Ok(traits) => Found::Sound(traits),
            Err(Stop::Unsound(why)) => Found::Unsound { why },
            Err(Stop::Later(error)) => return Err(error),
        };
        Ok(Examination { rules: verify.print(), at: self.clock.now(), found })
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

fn examined(artifact: &Artifact, examination: &Examination) -> Change {
    let examination = Box::new(examination.clone());
    Change::Examine { artifact: artifact.id.clone(), examination }
}

/// When somebody is asked again who could not be: what they ask for, else longer each time.
fn again_at(now: Timestamp, error: &RegistryError, tries: u32) -> Timestamp {
    let grown = FIRST_WAIT.saturating_mul(1 << tries.min(8)).min(LONGEST_WAIT);
    let wait = match error {
        RegistryError::RateLimited { seconds, .. } => {
            SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(3600)).max(FIRST_WAIT)
        }
        RegistryError::Missing { .. }
        | RegistryError::Untrue { .. }
        | RegistryError::Unauthorized { .. }
        | RegistryError::Unreachable { .. } => grown,
    };
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}
