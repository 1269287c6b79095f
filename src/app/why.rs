//! Answers "why is it not in?", from a fresh look and by the planner's own judgement.

use jiff::{SignedDuration, Timestamp};

use crate::domain::artifact::{Artifact, ImageName};
use crate::domain::gate::{CHECKS, Judged};
use crate::domain::id::ApplicationKey;
use crate::domain::pipeline::Environment;
use crate::domain::plan::{Because, Plan, Unstarted, Wait, judge, plan, unstarted};
use crate::domain::promotion::{Promotion, State};
use crate::domain::snapshot::Snapshot;
use crate::messages::why::{self, Subject};
use crate::messages::{explain, intention};

use super::ports::Forge;
use super::proposals::gate_view;
use super::reconcile::chain;
use super::views::{CandidateView, GateLine, HoldView, UnreadView, WhyView};
use super::{App, AppError};

/// How often everything is looked at, whether anything happened or not.
const SWEEP: SignedDuration = SignedDuration::from_mins(1);

/// Everything that an answer is made of.
struct Look<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    environment: &'a Environment,
    forge: &'a dyn Forge,
    now: Timestamp,
    /// When hoist looks again by itself, at the latest.
    again: Timestamp,
}

impl App {
    /// Tells why an environment has what it has, and not what is newer.
    pub async fn why(&self, application: &str, environment: &str) -> Result<WhyView, AppError> {
        let (key, name) = self.target(application, environment).await?;
        let (pipeline, repository) = self.rules(&key)?;
        let environment = pipeline.environments.iter().find(|it| it.name == name);
        let Some(environment) = environment else {
            return Err(AppError::NotFound { what: format!("{name} is not in the pipeline") });
        };
        let (snapshot, unread) = self.fresh(&key).await?;
        let now = self.clock.now();
        let plan = plan(&snapshot, now);
        let sweep = now.saturating_add(SWEEP).unwrap_or(now);
        let again = plan.wake_at.map_or(sweep, |wake| wake.clamp(now, sweep));
        let forge = repository.forge.as_ref();
        let look = Look { snapshot: &snapshot, plan: &plan, environment, forge, now, again };
        let candidates = look.candidates();
        let current = snapshot.current(&name);
        let answer = self.answer_of(&look, &candidates, current, unread.as_ref());
        let holds = self.store.load(&key).await?.holds.into_iter();
        let hold = holds.filter(|it| it.lasts(now)).find(|it| it.environment == name);
        Ok(WhyView {
            pipeline: key.pipeline.clone(),
            application: key.application.clone(),
            answer,
            version: current.map(|it| it.version.clone()),
            since: current.map(|it| it.since),
            hold: hold.map(|hold| HoldView {
                by: hold.by.to_string(),
                reason: hold.reason,
                since: hold.since,
                until: hold.until,
            }),
            candidates,
            looks_again: again,
            unread,
            environment: name,
        })
    }

    /// A snapshot of now; where the repository cannot be read, of what the store remembers.
    pub(super) async fn fresh(
        &self,
        key: &ApplicationKey,
    ) -> Result<(Snapshot, Option<UnreadView>), AppError> {
        let (pipeline, repository) = self.rules(key)?;
        let fetched = match repository.git.fetch().await {
            Ok(_) => self.look(key).await,
            Err(error) => Err(AppError::Git(error)),
        };
        match fetched {
            Ok(snapshot) => Ok((snapshot, None)),
            Err(error @ AppError::Store(_)) => Err(error),
            Err(error) => {
                let unread = UnreadView {
                    repository: pipeline.repository.clone(),
                    why: chain(&error),
                    next: explain::unread::UNREACHABLE.to_owned(),
                };
                let record = self.store.load(key).await?;
                Ok((self.memory(record, pipeline), Some(unread)))
            }
        }
    }

    /// The answer in a sentence.
    fn answer_of(
        &self,
        look: &Look<'_>,
        candidates: &[CandidateView],
        current: Option<&Promotion>,
        unread: Option<&UnreadView>,
    ) -> String {
        let nothing = String::new();
        let version = current.map_or(&nothing, |it| &it.version);
        let about = look.about(version, None);
        if let Some(unread) = unread {
            return why::nothing_there(&about, &format!("{}; {}", unread.why, unread.next));
        }
        let of_all = look.plan.waits.get(&look.environment.name);
        let is_question =
            |wait: &&Wait| matches!(wait.because, Because::Asks(_) | Because::Unexamined(_));
        if let Some(wait) = of_all.filter(|it| it.promotion.is_none() && !is_question(it)) {
            let next = why::next(&wait.because, &about);
            return why::nothing_there(&about, &format!("{}; {next}", explain::wait(wait)));
        }
        match candidates.first() {
            Some(first) => why::waiting(&look.about(&first.version, None), &first.why),
            None if look.snapshot.artifacts.is_empty() => {
                let [what, next] = self.no_artifact(look, &about);
                why::nothing_there(&about, &format!("{what}; {next}"))
            }
            None => why::up_to_date(&about),
        }
    }

    /// Nothing was announced: what could be, and by whom.
    fn no_artifact(&self, look: &Look<'_>, about: &Subject<'_>) -> [String; 2] {
        let image = look.snapshot.pipeline.image.for_application(about.application);
        let parsed: Option<ImageName> = image.parse().ok();
        let may = self.policy.sources.iter().filter(|source| {
            parsed.as_ref().is_some_and(|image| {
                source.images.iter().any(|it| it.fit(image.as_str()).is_some())
            })
        });
        let sources: Vec<&str> = may.map(|source| source.name.as_str()).collect();
        why::no_artifact(about, &image, &sources)
    }
}

impl<'a> Look<'a> {
    fn about(&self, version: &'a str, promotion: Option<&'a Promotion>) -> Subject<'a> {
        Subject {
            application: &self.snapshot.application.application,
            environment: &self.environment.name,
            version,
            promotion: promotion.filter(|it| it.proposal.is_some()).map(|it| &it.id),
            others: &self.snapshot.promotions,
        }
    }

    /// What could go in: the promotions on their way, then the newest artifact that is on none,
    /// and the one that came last, where that is another.
    fn candidates(&self) -> Vec<CandidateView> {
        let name = &self.environment.name;
        let mut pending: Vec<&Promotion> =
            self.snapshot.promotions_into(name).filter(|it| it.state.is_pending()).collect();
        pending.sort_by_key(|it| (!it.is_rollback(), it.state != State::Proposed, it.age()));
        let on_their_way = pending.into_iter().map(|it| self.on_its_way(it));
        let by_rank = self.snapshot.newest_first();
        let newest = by_rank.into_iter().find(|it| self.snapshot.kept_out(it).is_none());
        let last = self.snapshot.artifacts.last();
        let last = last.filter(|last| newest.is_none_or(|newest| newest.id != last.id));
        let current = self.snapshot.current(name);
        // Where what is there moved on by other hands, the newest artifact is not what is missing.
        let unstarted = newest.into_iter().chain(last).filter_map(|artifact| {
            let why = unstarted(self.snapshot, self.environment, artifact, self.now)?;
            let is_there = current.is_some_and(|it| it.artifact.as_ref() == Some(&artifact.id));
            (!is_there).then(|| self.not_started(artifact, &why))
        });
        on_their_way.chain(unstarted).collect()
    }

    fn on_its_way(&self, promotion: &Promotion) -> CandidateView {
        let about = self.about(&promotion.version, Some(promotion));
        let number = promotion.proposal.as_ref().map(|it| it.number);
        let facts = number.and_then(|number| self.snapshot.proposals.get(&number));
        let gates = judge(self.snapshot, self.environment, promotion, facts, self.now);
        let gates = gates.into_iter().map(|judged| {
            let next = why::gate(&judged, &about).map(|next| {
                let next = match about.promotion.filter(|_| self.is_told_of(&judged)) {
                    Some(id) => why::or_ci_tells(&next, id),
                    None => next,
                };
                match self.ends(promotion, judged.name) {
                    Some(at) => why::until_it_is_closed(&next, at),
                    None => next,
                }
            });
            let since = judged.since.unwrap_or(promotion.since);
            let gate = gate_view(judged);
            let looks_again = next.is_some().then_some(self.again);
            GateLine { gate, since, looks_again, next }
        });
        let (why, until, next) = match self.plan.wait_of(&promotion.id) {
            Some(wait) => (explain::wait(wait), wait.until, why::next(&wait.because, &about)),
            None => {
                let of_it = |it: &&crate::domain::plan::Action| {
                    it.environment(self.snapshot) == Some(&promotion.environment)
                };
                let action = self.plan.actions.iter().find(of_it);
                let what = action.map_or_else(
                    || explain::state(promotion, &self.snapshot.promotions),
                    |it| why::about_to(&intention::action(self.snapshot, it)),
                );
                (what, None, why::next(&Because::Soaking, &about))
            }
        };
        CandidateView {
            version: promotion.version.clone(),
            promotion: Some(promotion.id.clone()),
            state: promotion.state.name().to_owned(),
            since: promotion.since,
            why,
            until,
            next,
            gates: gates.collect(),
        }
    }

    /// Tells whether what a gate waits for is told to hoist: the builtin forge has no checks but
    /// those that are.
    fn is_told_of(&self, judged: &Judged) -> bool {
        judged.name == CHECKS && self.forge.desk().is_some()
    }

    /// When a promotion is closed if that gate keeps it out until then.
    fn ends(&self, promotion: &Promotion, gate: &str) -> Option<Timestamp> {
        let timeout = self.environment.rule(gate)?.timeout?;
        let ends = promotion.since.saturating_add(timeout).unwrap_or(Timestamp::MAX);
        (!promotion.is_rollback()).then_some(ends)
    }

    fn not_started(&self, artifact: &Artifact, unstarted: &Unstarted<'_>) -> CandidateView {
        let about = self.about(artifact.version(), None);
        let of_all = |name| self.plan.waits.get(name).filter(|wait| wait.promotion.is_none());
        let wait = match unstarted {
            Unstarted::Upstream { promotion: Some(it), .. } => self.plan.wait_of(&it.id),
            Unstarted::Upstream { promotion: None, environment } => of_all(environment),
            Unstarted::Next => of_all(&self.environment.name),
            Unstarted::Ended(_)
            | Unstarted::Bad
            | Unstarted::KeptOut(_)
            | Unstarted::Overtaken { .. } => None,
        };
        let [why, next] = why::unstarted(unstarted, &about, wait);
        CandidateView {
            version: artifact.version().to_owned(),
            promotion: None,
            state: "not started".to_owned(),
            since: artifact.accepted_at,
            why,
            until: wait.and_then(|wait| wait.until),
            next,
            gates: Vec::new(),
        }
    }
}
