//! A forge says that something happened: a reason to look, and never the answer.
//!
//! Events come late, twice, out of order or not at all, and everything is looked at regardless; so
//! of an event only the branches are read that it is about.

mod github;
mod gitlab;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::chat::Comment;
use super::policy::ForgeHook;
use super::secrets::is_shown;
use super::views::NudgeView;
use super::{App, AppError};
use crate::domain::id::{ApplicationKey, RepositoryName};

/// Reads an event of either forge, for the fuzz targets in `fuzz/`.
#[cfg(fuzzing)]
pub fn read_any(body: &[u8]) {
    drop((github::read(body), gitlab::read(body)));
}

/// Tells whether a proof is one of either forge's: the same door.
#[cfg(any(test, fuzzing))]
pub(super) fn vouches_any(secret: &secrecy::SecretString, proof: &str, body: &[u8]) -> bool {
    github::is_signed(secret, Some(proof), body) || is_shown(secret, proof)
}

/// How many deliveries are remembered: a forge repeats one within minutes.
const REMEMBERED: usize = 10_000;

/// A kind of forge: each has its own events, and its own way to show that they are its.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// GitHub's.
    GitHub,
    /// GitLab's.
    GitLab,
}

impl Dialect {
    /// What people write of it: the key under `people` that knows somebody there.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
        }
    }
}

/// An event that nobody has vouched for. It can be heard, and nothing else.
pub struct UnverifiedEvent {
    /// What it says of itself to those who know GitHub's headers.
    pub github: Envelope,
    /// The same, by GitLab's headers.
    pub gitlab: Envelope,
    /// What was sent.
    pub body: Vec<u8>,
}

/// What an event's headers say of it.
#[derive(Debug, Default)]
pub struct Envelope {
    /// What happened, by the forge's name for it.
    pub kind: Option<String>,
    /// Which delivery it is.
    pub delivery: Option<String>,
    /// What shows who sent it: a signature, or the secret itself.
    pub proof: Option<String>,
}

/// What an event came to.
#[derive(Debug)]
pub enum Heard {
    /// These are looked at now.
    Woken(NudgeView),
    /// Somebody said something to hoist, and is answered on the proposal.
    Said,
    /// It is of a kind that changes nothing for hoist.
    Ignored,
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub enum HearError {
    /// Nobody knows who sent it. It does not tell which repositories there are.
    #[error(
        "no repository is known here under this name with a secret that made this signature: look \
         at `webhook_secret` of `repositories:`, and at the secret and address on the forge"
    )]
    Unauthorized,
    /// Something else.
    #[error(transparent)]
    App(#[from] AppError),
}

/// The deliveries that were taken lately.
#[derive(Default)]
pub struct Deliveries(Mutex<VecDeque<String>>);

impl Deliveries {
    /// Tells whether this delivery was taken before, and remembers it.
    fn repeats(&self, delivery: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|it| it == delivery) {
            return true;
        }
        if known.len() >= REMEMBERED {
            known.pop_front();
        }
        known.push_back(delivery.to_owned());
        false
    }
}

/// What an event tells; whatever else stands in it is not read.
struct Told {
    /// The full name of the repository that it happened in.
    repository: Option<String>,
    /// The branches that it is about.
    branches: Vec<String>,
    /// The files that a push changed.
    paths: Vec<String>,
    /// What a person has just said on a proposal.
    comment: Option<Comment>,
}

/// What an event of some kind is to hoist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Concern {
    /// Something may have changed.
    Change,
    /// Somebody said something.
    Comment,
    /// Nothing.
    Nothing,
}

impl ForgeHook {
    fn vouches(&self, envelope: &Envelope, body: &[u8]) -> bool {
        let proof = envelope.proof.as_deref();
        match self.dialect {
            Dialect::GitHub => github::is_signed(&self.secret, proof, body),
            Dialect::GitLab => proof.is_some_and(|it| is_shown(&self.secret, it)),
        }
    }

    fn concern(&self, kind: &str) -> Concern {
        match self.dialect {
            Dialect::GitHub => github::concern(kind),
            Dialect::GitLab => gitlab::concern(kind),
        }
    }

    fn read(&self, body: &[u8]) -> Result<Told, serde_json::Error> {
        match self.dialect {
            Dialect::GitHub => github::read(body),
            Dialect::GitLab => gitlab::read(body),
        }
    }
}

impl App {
    /// Looks at the applications that an event of a repository's forge is about.
    pub async fn hear_forge(
        &self,
        repository: &str,
        event: UnverifiedEvent,
    ) -> Result<Heard, HearError> {
        let hook = self.policy.forge_hooks.iter().find(|it| it.repository.as_str() == repository);
        let hook = hook.ok_or(HearError::Unauthorized)?;
        let envelope = match hook.dialect {
            Dialect::GitHub => event.github,
            Dialect::GitLab => event.gitlab,
        };
        if !hook.vouches(&envelope, &event.body) {
            return Err(HearError::Unauthorized);
        }
        let kind = envelope.kind.unwrap_or_default();
        let concern = hook.concern(&kind);
        // A comment is kept under its own number: told again, in another delivery or after it could
        // not be kept, it is obeyed once.
        let repeats = || envelope.delivery.is_some_and(|it| self.forge_deliveries.repeats(&it));
        if concern == Concern::Nothing || (concern == Concern::Change && repeats()) {
            return Ok(Heard::Ignored);
        }
        let told = hook.read(&event.body).map_err(|error| AppError::Invalid {
            field: None,
            what: format!("this is no `{kind}` event: {error}"),
        })?;
        if !self.is_of(hook, &told) {
            // One secret may serve a whole organisation.
            return Ok(Heard::Ignored);
        }
        if concern == Concern::Comment {
            let Some(comment) = &told.comment else { return Ok(Heard::Ignored) };
            let said = self.hear_comment(hook, comment).await?;
            return Ok(said.map_or(Heard::Ignored, |_| Heard::Said));
        }
        let woken = self.concerned(&hook.repository, &told).await?;
        let names = woken.iter().map(ToString::to_string).collect();
        if !woken.is_empty() {
            self.store.wake(Some(woken), self.clock.now()).await.map_err(AppError::from)?;
            self.nudge.notify_one();
        }
        Ok(Heard::Woken(NudgeView { woken: names }))
    }

    /// Tells whether an event happened in the repository of a hook, whatever that is called now.
    fn is_of(&self, hook: &ForgeHook, told: &Told) -> bool {
        let renamed = self.repositories.get(&hook.repository).and_then(|it| it.forge.renamed_to());
        let names = [Some(&hook.full_name), renamed.as_ref()];
        told.repository.as_ref().is_some_and(|told| {
            names.into_iter().flatten().any(|it| it.to_lowercase() == told.to_lowercase())
        })
    }

    /// The applications of a repository that an event may change something for: those of hoist's
    /// branches, and those whose names stand in the paths of what was pushed to another.
    async fn concerned(
        &self,
        repository: &RepositoryName,
        told: &Told,
    ) -> Result<Vec<ApplicationKey>, AppError> {
        // What a queue tests carries several proposals, and is on a branch of its own.
        let of_queue = |it: &String| it.starts_with(github::QUEUES);
        let queued = match told.branches.iter().any(of_queue) {
            true => self.seen.queued(),
            false => BTreeSet::new(),
        };
        let is_about = |key: &ApplicationKey| {
            let Ok((pipeline, _)) = self.rules(key) else { return false };
            let name = key.application.as_str();
            let is_ours = |branch: &String| {
                branch.strip_prefix("hoist/").and_then(|it| it.split_once('/')).is_some_and(
                    |(environment, application)| {
                        application == name
                            && pipeline
                                .environments
                                .iter()
                                .any(|it| it.name.as_str() == environment)
                    },
                )
            };
            pipeline.repository == *repository
                && (queued.contains(key)
                    || told.branches.iter().any(is_ours)
                    || told.paths.iter().any(|path| path.contains(name)))
        };
        let known = self.store.applications().await?;
        Ok(known.into_iter().filter(is_about).collect())
    }
}
