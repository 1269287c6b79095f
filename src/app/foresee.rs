//! Tells what would be done, now or at a time to come, by the planner itself. Nothing is done.

use jiff::Timestamp;

use crate::domain::id::{ApplicationKey, PromotionId};
use crate::domain::plan::{Action, Boarding, Plan, board, plan};
use crate::domain::promotion::{Promotion, State};
use crate::domain::schedule::Schedule;
use crate::domain::snapshot::Snapshot;
use crate::messages::{explain, intention, schedule as words};

use super::proposals::DIFF_LIMIT;
use super::reconcile::chain;
use super::views::{PlanView, PlannedStep, PlannedView, PlannedWait, UnreadView};
use super::{App, AppError};

/// How many rounds are thought ahead: a start, a proposal, and what follows in the next
/// environment are a few.
const ROUNDS: usize = 8;

/// How many runs of a schedule are thought ahead at most.
const MOST_RUNS: usize = 1000;

impl App {
    /// Tells what would be done at `at`, for one application or for all.
    pub async fn foresee(
        &self,
        application: Option<&str>,
        at: Option<Timestamp>,
    ) -> Result<PlanView, AppError> {
        let now = self.clock.now();
        let at = at.unwrap_or(now);
        if at < now {
            return Err(AppError::Invalid {
                field: Some("at"),
                what: format!("{at} is over: name a time to come, or leave it out"),
            });
        }
        let keys = match application {
            Some(typed) => vec![self.find_application(typed).await?],
            None => self.store.applications().await?,
        };
        let mut view = PlanView { at, applications: Vec::new(), unread: Vec::new() };
        for key in keys.iter().filter(|key| self.rules(key).is_ok()) {
            let (planned, unread) = self.foresee_one(key, at).await?;
            if let Some(unread) = unread
                && view.unread.iter().all(|it| it.repository != unread.repository)
            {
                view.unread.push(unread);
            }
            view.applications.push(planned);
        }
        Ok(view)
    }

    /// Goes on in thought to a time to come, if nothing else happens until then: what is well stays
    /// well, and what begins by itself has begun. Tells what that is.
    pub(super) fn think_ahead(&self, snapshot: &mut Snapshot, at: Timestamp) -> Vec<PromotionId> {
        let begun = snapshot.promotions.len();
        snapshot.stay_as_it_is_until(at);
        for _ in 0..ROUNDS {
            let actions = plan(snapshot, at).actions;
            let moved = actions.iter().filter(|action| !action.is_note()).fold(
                Moved::Nothing,
                |moved, action| match self.imagine(snapshot, action, at) {
                    Moved::Something => Moved::Something,
                    Moved::Nothing => moved,
                },
            );
            if moved == Moved::Nothing {
                break;
            }
        }
        snapshot.promotions.iter().skip(begun).map(|it| it.id.clone()).collect()
    }

    async fn foresee_one(
        &self,
        key: &ApplicationKey,
        at: Timestamp,
    ) -> Result<(PlannedView, Option<UnreadView>), AppError> {
        let now = self.clock.now();
        let (mut snapshot, unread) = self.fresh(key).await?;
        let mut thought = Thought::default();
        for (due, schedule) in runs_until(&snapshot.timetable.schedules, now, at) {
            self.go_on(&mut snapshot, due, &mut thought).await;
            thought.steps.extend(let_go(&mut snapshot, &schedule, due));
        }
        self.go_on(&mut snapshot, at, &mut thought).await;
        let Thought { steps, last, trouble, .. } = thought;
        let planned = PlannedView {
            pipeline: key.pipeline.clone(),
            application: key.application.clone(),
            steps,
            waits: waits(&snapshot, &last),
            trouble,
        };
        Ok((planned, unread))
    }

    /// Goes on in thought to a time to come, and keeps what would be done until then.
    async fn go_on(&self, snapshot: &mut Snapshot, at: Timestamp, thought: &mut Thought) {
        snapshot.stay_as_it_is_until(at);
        for _ in 0..ROUNDS {
            thought.last = plan(snapshot, at);
            let mut moved = Moved::Nothing;
            let actions = thought.last.actions.clone();
            for action in actions.into_iter().filter(|action| !action.is_note()) {
                if thought.seen.contains(&action) {
                    continue;
                }
                let diff = match self.diff_of(snapshot, &action).await {
                    Ok(diff) => diff,
                    Err(error) => {
                        thought.trouble = Some(chain(&error));
                        None
                    }
                };
                thought.steps.push(PlannedStep {
                    environment: action.environment(snapshot).cloned(),
                    what: intention::action(snapshot, &action),
                    diff,
                });
                if self.imagine(snapshot, &action, at) == Moved::Something {
                    moved = Moved::Something;
                }
                thought.seen.push(action);
            }
            if moved == Moved::Nothing {
                break;
            }
        }
    }

    /// The change that an action would propose. Its commit is made in our mirror and goes nowhere.
    async fn diff_of(
        &self,
        snapshot: &Snapshot,
        action: &Action,
    ) -> Result<Option<String>, AppError> {
        let Action::Propose(proposing) = action else { return Ok(None) };
        let Some(promotion) = snapshot.promotion(&proposing.promotion) else { return Ok(None) };
        let (_, repository) = self.rules(&snapshot.application)?;
        let spec = self.commit_spec(snapshot, repository, promotion, proposing).await?;
        let head = repository.git.commit(spec).await?;
        Ok(Some(repository.git.patch(&proposing.base, &head, DIFF_LIMIT).await?))
    }

    /// Goes on in thought. What the forge or a person would answer is not known, so that only what
    /// hoist records by itself is followed.
    fn imagine(&self, snapshot: &mut Snapshot, action: &Action, at: Timestamp) -> Moved {
        match action {
            Action::Start { environment, artifact } => {
                let Some(artifact) = snapshot.artifact(artifact) else { return Moved::Nothing };
                let promotion = self.promotion_of(snapshot, environment, artifact, at);
                snapshot.promotions.push(promotion);
                Moved::Something
            }
            Action::Step { promotion, to } => {
                let found = snapshot.promotions.iter_mut().find(|it| &it.id == promotion);
                found.map_or(Moved::Nothing, |it| step(it, to.clone(), at))
            }
            Action::AlreadyThere { promotion, values } => {
                let found = snapshot.promotions.iter_mut().find(|it| &it.id == promotion);
                found.map_or(Moved::Nothing, |it| {
                    it.values.clone_from(values);
                    step(it, State::Succeeded { commit: None }, at)
                })
            }
            Action::Adopt { .. }
            | Action::Observe { .. }
            | Action::Remedy { .. }
            | Action::Propose(_)
            | Action::Join { .. }
            | Action::SetStatus { .. }
            | Action::TellOfForeignPush { .. }
            | Action::TellOfSkip { .. }
            | Action::TellOfPutOut { .. }
            | Action::Merge { .. }
            | Action::MakeReady { .. }
            | Action::HoldEnded { .. }
            | Action::TakeBack { .. }
            | Action::Close { .. } => Moved::Nothing,
        }
    }
}

/// What was thought so far.
#[derive(Default)]
struct Thought {
    seen: Vec<Action>,
    steps: Vec<PlannedStep>,
    last: Plan,
    trouble: Option<String>,
}

/// The runs of schedules until then, in their order: of each the first and the last, for those in
/// between let go what one of these does.
fn runs_until(schedules: &[Schedule], now: Timestamp, at: Timestamp) -> Vec<(Timestamp, Schedule)> {
    let mut runs = Vec::new();
    for schedule in schedules {
        let mut due = schedule.following(now).take_while(|due| *due <= at).take(MOST_RUNS);
        let ends = [due.next(), due.last()];
        runs.extend(ends.into_iter().flatten().map(|due| (due, schedule.clone())));
    }
    runs.sort_by_key(|(due, _)| *due);
    runs
}

/// Lets go what a run would. Whether it has room for all of them is not asked.
fn let_go(snapshot: &mut Snapshot, schedule: &Schedule, due: Timestamp) -> Vec<PlannedStep> {
    let places = snapshot.pipeline.environments.iter();
    let places = places.filter(|it| schedule.leads_into(&it.name));
    let goes: Vec<Promotion> = places
        .filter_map(|environment| match board(snapshot, environment, due) {
            Boarding::Goes(promotion) => Some(promotion.clone()),
            Boarding::Stays(_) => None,
        })
        .collect();
    let step = |it: Promotion| {
        snapshot.timetable.boarded.insert(it.id, schedule.name.clone());
        let what = words::boarded(&schedule.name, &it.version, &it.environment);
        PlannedStep { environment: Some(it.environment), what, diff: None }
    };
    goes.into_iter().map(step).collect()
}

/// Whether there is more to see in another round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    Something,
    Nothing,
}

fn step(promotion: &mut Promotion, to: State, at: Timestamp) -> Moved {
    promotion.state = to;
    promotion.since = at;
    Moved::Something
}

fn waits(snapshot: &Snapshot, plan: &Plan) -> Vec<PlannedWait> {
    let here = plan.waits.iter().map(|(environment, wait)| (environment.clone(), wait));
    let beside = plan.beside.iter().filter_map(|wait| {
        let promotion = snapshot.promotion(wait.promotion.as_ref()?)?;
        Some((promotion.environment.clone(), wait))
    });
    let wait = |(environment, wait): (_, &crate::domain::plan::Wait)| {
        let promotion = wait.promotion.as_ref().and_then(|id| snapshot.promotion(id));
        PlannedWait {
            environment,
            version: promotion.map(|it| it.version.clone()),
            why: explain::wait(wait),
            until: wait.until,
        }
    };
    here.chain(beside).map(wait).collect()
}
