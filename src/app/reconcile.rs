//! The engine: snapshot, plan, actions, outcomes, one application at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use crate::domain::examination::Delay;
use crate::domain::id::{ApplicationKey, ArtifactId, EnvironmentName, PromotionId};
use crate::domain::landing::Course;
use crate::domain::plan::{Action, Because, Wait, plan};
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::{Findings, Snapshot};

use super::execute::Outcome;
use super::ports::{Claim, Errand, ForgeError, GitError, Haste, StoreError};
use super::watch::Asked;
use super::{App, AppError, Mode};

/// How long a worker may keep an application. Far longer than any step's own deadline.
const LEASE: SignedDuration = SignedDuration::from_mins(10);
/// How often a pass may look again before it is taken for a quarrel with somebody.
const ROUNDS: u32 = 24;

/// What was last seen of every application, for those who ask why.
#[derive(Default)]
pub struct Seen(Mutex<BTreeMap<ApplicationKey, Sight>>);

/// What the last pass over an application came to.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// What each environment waits for.
    pub waits: BTreeMap<EnvironmentName, Wait>,
    /// What other promotions there wait for.
    pub beside: Vec<Wait>,
    /// What the gates that ask the world outside were answered.
    pub evidence: Findings,
    /// The artifacts about which their registry could not be asked.
    pub delays: BTreeMap<ArtifactId, Delay>,
    /// Why the last pass failed, if it did.
    pub trouble: Option<String>,
}

impl Sight {
    /// What a promotion waits for.
    pub fn wait_of(&self, promotion: &PromotionId) -> Option<&Wait> {
        let theirs = |wait: &&Wait| wait.promotion.as_ref() == Some(promotion);
        self.waits.values().chain(&self.beside).find(theirs)
    }
}

/// A promotion that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Which.
    pub promotion: PromotionId,
    /// What for.
    pub wait: Wait,
}

impl Seen {
    /// Every promotion that waited when its application was last looked at.
    pub fn waiting(&self) -> Vec<Waiting> {
        let seen = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let waits = seen.values().flat_map(|sight| sight.waits.values().chain(&sight.beside));
        let waiting =
            |wait: &Wait| Some(Waiting { promotion: wait.promotion.clone()?, wait: wait.clone() });
        waits.filter_map(waiting).collect()
    }

    /// What was last seen of an application.
    pub fn of(&self, application: &ApplicationKey) -> Sight {
        let seen = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.get(application).cloned().unwrap_or_default()
    }

    /// Every artifact of which it was not found out yet what it is, and why.
    pub fn delays(&self) -> BTreeMap<ArtifactId, Delay> {
        let seen = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let delays = seen.values().flat_map(|sight| &sight.delays);
        delays.map(|(artifact, delay)| (artifact.clone(), delay.clone())).collect()
    }

    /// Those of which something was in a forge's queue when they were last looked at.
    pub fn queued(&self) -> BTreeSet<ApplicationKey> {
        let seen = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_queued = |wait: &Wait| matches!(&wait.because, Because::Handed(handed) if handed.course == Course::Queue);
        let queued = seen.iter().filter(|(_, sight)| sight.waits.values().any(is_queued));
        queued.map(|(application, _)| application.clone()).collect()
    }

    fn note(&self, application: &ApplicationKey, change: impl FnOnce(&mut Sight)) {
        let mut seen = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(seen.entry(application.clone()).or_default());
    }
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// Nothing is left to do until then.
    Settled {
        /// When to look again, where time alone decides.
        wake_at: Option<Timestamp>,
    },
    /// It failed and will be tried again.
    Failed {
        /// The whole chain of reasons.
        trouble: String,
        /// When.
        again_at: Timestamp,
    },
}

impl App {
    /// Claims what is due, up to `limit` applications.
    pub async fn claim(&self, limit: u32) -> Result<Vec<Claim>, AppError> {
        Ok(self.store.claim(self.clock.now(), LEASE, limit).await?)
    }

    /// Claims what is due of those whose rollback is on its way.
    pub async fn claim_rollbacks(&self, limit: u32) -> Result<Vec<Claim>, AppError> {
        Ok(self.store.claim_rollbacks(self.clock.now(), LEASE, limit).await?)
    }

    /// How many wait for nothing but their turn at a forge: at the one where most do, since all
    /// repositories of an account tell the same.
    pub fn waiting_for_turns(&self) -> usize {
        let budgets = self.repositories.values().filter_map(|it| it.forge.budget());
        let most = budgets.map(|it| it.waiting).max().unwrap_or(0);
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Works on one claimed application until nothing is left to do, and gives it back.
    ///
    /// Takes no hint about what changed: a webhook, a timer and a restart all lead here, so the
    /// path taken after a crash is the path taken every day.
    pub async fn pass(&self, claim: &Claim) -> Result<Pass, AppError> {
        let application = &claim.application;
        match self.settle(claim).await {
            Ok(wake_at) => {
                self.seen.note(application, |sight| sight.trouble = None);
                self.store.release(claim, wake_at, 0).await?;
                Ok(Pass::Settled { wake_at })
            }
            Err(AppError::Store(StoreError::FenceLost(application))) => {
                tracing::info!(application = %application, "another worker took {application} over");
                Ok(Pass::Settled { wake_at: None })
            }
            Err(error) => {
                let trouble = chain(&error);
                let again_at = self.clock.now() + backoff(&error, claim.failures, self.dice.roll());
                tracing::warn!(application = %application, "{application}: {trouble}");
                self.seen.note(application, |sight| sight.trouble = Some(trouble.clone()));
                self.store.release(claim, Some(again_at), claim.failures + 1).await?;
                Ok(Pass::Failed { trouble, again_at })
            }
        }
    }

    async fn settle(&self, claim: &Claim) -> Result<Option<Timestamp>, AppError> {
        let (pipeline, repository) = self.rules(&claim.application)?;
        let name = &pipeline.repository;
        self.fetch_since(name, repository, claim.asked_at).await?;
        let mut mirror = Mirror::Fresh;
        let mut asked = Asked::default();
        for _ in 0..ROUNDS {
            if let Mirror::Old = mirror {
                self.fetch(name, repository).await?;
            }
            let mut snapshot = self.look(&claim.application).await?;
            self.watch(&mut snapshot, &mut asked).await?;
            let rest = self.examine(claim, &mut snapshot).await?;
            let mut plan = plan(&snapshot, self.clock.now());
            rest.into_iter().for_each(|at| plan.look_again(at));
            self.seen.note(&claim.application, |sight| {
                sight.waits = plan.waits.clone();
                sight.beside = plan.beside.clone();
                sight.evidence = snapshot.evidence.clone();
                sight.delays = snapshot.delays.clone();
            });
            if plan.actions.is_empty() || self.mode == Mode::ReadOnly {
                return Ok(plan.wake_at);
            }
            mirror = Mirror::Fresh;
            let only_notes = plan.actions.iter().all(Action::is_note);
            let errand = Errand::of(&claim.application, haste_of(&snapshot));
            for action in plan.actions {
                if changes_the_remote(&action) {
                    mirror = Mirror::Old;
                }
                let place = action.environment(&snapshot).cloned();
                let done = match errand.clone().run(self.execute(&snapshot, action)).await {
                    // Nothing failed: it has its turn when the hour bears more.
                    Err(AppError::Forge(ForgeError::Paced { seconds })) => {
                        return Ok(Some(self.waits_its_turn(&snapshot, place, seconds)));
                    }
                    done => done?,
                };
                match done {
                    Outcome::Done { changes, audit } => {
                        if !(changes.is_empty() && audit.is_empty()) {
                            self.store.outcome(claim, changes, audit).await?;
                        }
                    }
                    Outcome::LookAgain => {
                        mirror = Mirror::Old;
                        break;
                    }
                }
            }
            if only_notes && matches!(mirror, Mirror::Fresh) {
                return Ok(plan.wake_at);
            }
        }
        Err(AppError::Refused {
            what: format!("the plan did not settle within {ROUNDS} rounds; look at the audit log"),
        })
    }

    /// Notes that a promotion waits for a turn that is long in coming; until when.
    fn waits_its_turn(
        &self,
        snapshot: &Snapshot,
        environment: Option<EnvironmentName>,
        seconds: u64,
    ) -> Timestamp {
        let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(3600));
        let until = self.clock.now() + wait;
        if let Some(environment) = environment {
            let pending = snapshot.promotions_into(&environment).rfind(|it| it.state.is_pending());
            let promotion = pending.map(|it| it.id.clone());
            let wait = Wait { promotion, because: Because::Pace, until: Some(until) };
            self.seen.note(&snapshot.application, |sight| {
                sight.waits.insert(environment, wait);
            });
        }
        until
    }
}

/// How long to wait after a failure: longer each time, with a spread so that many do not come back
/// at once, and not shorter than the other side asks for.
fn backoff(error: &AppError, failures: u32, roll: u128) -> SignedDuration {
    let (first, longest) = match error {
        AppError::Git(GitError::Unreachable(_) | GitError::Busy { .. })
        | AppError::Forge(
            ForgeError::Unreachable(_)
            | ForgeError::Stale
            | ForgeError::RateLimited { .. }
            | ForgeError::Paced { .. },
        )
        | AppError::Store(_) => (1_000_u64, 300_000_u64),
        // Somebody must do something first; asking often would not help.
        AppError::NotFound { .. }
        | AppError::Invalid { .. }
        | AppError::NotAllowed(_)
        | AppError::Refused { .. }
        | AppError::Git(_)
        | AppError::Forge(_) => (15_000, 300_000),
    };
    let grown = first.saturating_mul(1 << failures.min(10)).min(longest);
    let spread = u64::try_from(roll % u128::from(grown / 4 + 1)).unwrap_or(0);
    let grown = SignedDuration::from_millis(i64::try_from(grown - spread).unwrap_or(i64::MAX));
    grown.max(asked_for(error))
}

/// For how long the other side asks to be left alone. Who asks for no time at all, or until a date
/// that has passed, is in trouble all the same.
fn asked_for(error: &AppError) -> SignedDuration {
    if let AppError::Forge(ForgeError::RateLimited { seconds } | ForgeError::Paced { seconds })
    | AppError::Git(GitError::Busy { seconds, .. }) = error
    {
        let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
        return SignedDuration::from_secs(seconds.clamp(1, 7200));
    }
    SignedDuration::ZERO
}

/// How urgent it is what is done about an application.
fn haste_of(snapshot: &Snapshot) -> Haste {
    let is_going_back = |it: &Promotion| it.is_rollback() && it.state.is_pending();
    if snapshot.promotions.iter().any(is_going_back) { Haste::Rollback } else { Haste::Usual }
}

/// Whether the mirror must be brought up to date before the next look.
enum Mirror {
    Old,
    Fresh,
}

/// Tells whether an action moves something on the remote that the mirror does not follow by itself.
fn changes_the_remote(action: &Action) -> bool {
    match action {
        // What was to be taken back may have come in meanwhile.
        Action::Merge { .. }
        | Action::HoldEnded { .. }
        | Action::TakeBack { .. }
        | Action::Close { .. }
        | Action::Propose(_) => true,
        Action::Adopt { .. }
        | Action::Start { .. }
        | Action::Step { .. }
        | Action::AlreadyThere { .. }
        | Action::Observe { .. }
        | Action::Remedy { .. }
        | Action::Join { .. }
        | Action::SetStatus { .. }
        | Action::TellOfForeignPush { .. }
        | Action::TellOfSkip { .. }
        | Action::TellOfPutOut { .. }
        | Action::MakeReady { .. } => false,
    }
}

/// An error with everything that led to it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_a_pause_gets_it_and_a_longer_one_each_time_it_did_not_help() {
        let busy = |seconds| {
            let cause = anyhow::anyhow!("503 Service Unavailable");
            AppError::Git(GitError::Busy { seconds, cause })
        };
        let limited = |seconds| AppError::Forge(ForgeError::RateLimited { seconds });
        for error in [busy(0), limited(0)] {
            let pauses = [0, 1, 4, 30].map(|failures| backoff(&error, failures, 0).as_secs());
            assert_eq!(pauses, [1, 2, 16, 300]);
            let soonest = (0..=1_000).map(|roll| backoff(&error, 0, roll)).min();
            assert_eq!(soonest, Some(SignedDuration::from_secs(1)), "whatever the dice say");
        }
        for error in [busy(17), limited(17)] {
            let pauses = [0, 4, 5].map(|failures| backoff(&error, failures, 0).as_secs());
            assert_eq!(pauses, [17, 17, 32]);
        }
        assert_eq!(backoff(&busy(u64::MAX), 0, 0).as_secs(), 7200);
    }
}
