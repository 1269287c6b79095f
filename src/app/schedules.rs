//! The runs of schedules: what has gathered before an environment is let go at its time.
//!
//! A run only lets go: the planner and the gates do the rest, so that whatever goes in with a run
//! goes in as it would have gone in without one.

use jiff::{SignedDuration, Timestamp};

use crate::domain::command::{Actor, Command, Identity, authorize};
use crate::domain::grammar::{InvalidTime, Until};
use crate::domain::id::{ApplicationKey, EnvironmentName, PromotionId};
use crate::domain::pattern::Pattern;
use crate::domain::plan::{Boarding, Reason, board};
use crate::domain::schedule::{IfMissed, Schedule};
use crate::domain::snapshot::Snapshot;
use crate::domain::zone::Zone;
use crate::messages::schedule as words;

use super::ports::{AuditLine, Ran, Run};
use super::reconcile::chain;
use super::views::{CommandView, GoesView, RunView, ScheduleView, StaysView};
use super::{App, AppError, Mode};

/// How late a run may be and still count as in time: a restart takes less.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// A run before it is recorded.
struct Train {
    view: RunView,
    boarded: Vec<(ApplicationKey, PromotionId)>,
}

/// One that may go, if the run has a place left.
struct Passenger {
    waits_since: Timestamp,
    key: ApplicationKey,
    promotion: PromotionId,
    goes: GoesView,
}

/// Whether a run is planned for now, or for a time to come: until then more may begin by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    Later,
}

impl App {
    /// Runs every schedule whose time has come.
    pub async fn run_due(&self) -> Result<(), AppError> {
        if self.mode == Mode::ReadOnly {
            return Ok(());
        }
        for schedule in &self.policy.schedules {
            let now = self.clock.now();
            let Some(last) = self.store.last_run(&schedule.name).await? else {
                // Its times count from when it was first seen: nothing was missed before that.
                self.pass_by(schedule, now, &words::kept(&schedule.name)).await?;
                continue;
            };
            let Some(due) = schedule.due(last, now) else { continue };
            let late = now.duration_since(due) > LATE;
            if late && schedule.if_missed == IfMissed::Skip {
                self.pass_by(schedule, due, &words::passed_by(&schedule.name)).await?;
                continue;
            }
            // What failed for one is tried again, and keeps no other from its time.
            if let Err(error) = self.depart(schedule, due, &Actor::hoist()).await {
                tracing::warn!(schedule = %schedule.name, "running a schedule: {}", chain(&error));
            }
        }
        Ok(())
    }

    /// Runs a schedule now, because somebody asks.
    pub async fn run_schedule(&self, by: &Identity, name: &str) -> Result<CommandView, AppError> {
        let schedule = self.find_schedule(name)?;
        // Whoever lets something go into several environments may do so in each.
        let mut actor = by.actor.clone();
        for environment in schedule.to.iter().cloned() {
            let command = Command::Run { schedule: schedule.name.clone(), environment };
            (_, actor) = authorize(by, command, &self.policy.roles)?.into_parts();
        }
        self.may_change()?;
        self.run_as(schedule, &actor).await
    }

    /// The same in a process of its own, for whoever may start one with the store and its secrets.
    pub async fn run_alone(&self, name: &str) -> Result<CommandView, AppError> {
        self.run_as(self.find_schedule(name)?, &Actor::hoist()).await
    }

    async fn run_as(&self, schedule: &Schedule, by: &Actor) -> Result<CommandView, AppError> {
        let view = self.depart(schedule, self.clock.now(), by).await?;
        let head = words::ran(&schedule.name, &schedule.to, view.goes.len(), view.stays.len());
        let place = |to: &EnvironmentName| words::place(&schedule.to, to);
        let goes = view.goes.iter();
        let goes =
            goes.map(|it| words::goes(&it.application, &place(&it.environment), &it.version));
        let stays = view
            .stays
            .iter()
            .map(|it| words::stays(&it.application, &place(&it.environment), (it.reason, &it.why)));
        let (goes, stays): (Vec<String>, Vec<String>) = (goes.collect(), stays.collect());
        let message = words::run_told(&head, &goes, &stays, &view.unmatched);
        Ok(CommandView { message, promotion: None, url: None })
    }

    /// Every schedule with its next five times.
    pub fn timetable(&self) -> Vec<ScheduleView> {
        let (now, known) = (self.clock.now(), self.catalogue.last());
        let view = |schedule: &Schedule| {
            let next: Vec<Timestamp> = schedule.following(now).take(5).collect();
            ScheduleView {
                unmatched: unmatched(schedule, known.iter()),
                name: schedule.name.clone(),
                pipeline: schedule.pipeline.clone(),
                applications: schedule.applications.as_ref().map(|chosen| texts(chosen)),
                environments: schedule.to.clone(),
                local: next.iter().map(|at| schedule.zone.tell(*at)).collect(),
                next,
            }
        };
        self.policy.schedules.iter().map(view).collect()
    }

    /// Why the last look at some applications, or at the repositories, failed.
    pub async fn troubles(&self) -> Result<Vec<String>, AppError> {
        let status = self.status().await?;
        let unread = status.unread.iter().map(|it| format!("{}: {}", it.repository, it.why));
        let of_applications = status
            .applications
            .iter()
            .filter_map(|it| it.trouble.as_ref().map(|why| format!("{}: {why}", it.application)));
        Ok(unread.chain(of_applications).collect())
    }

    /// What a run of a schedule would do at `at`. Nothing is done.
    pub async fn foresee_run(
        &self,
        name: &str,
        at: Option<Timestamp>,
    ) -> Result<RunView, AppError> {
        let schedule = self.find_schedule(name)?;
        let now = self.clock.now();
        let at = at.unwrap_or(now);
        if at < now {
            return Err(AppError::Invalid {
                field: Some("at"),
                what: format!("{at} is over: name a time to come, or leave it out"),
            });
        }
        let when = if at > now { When::Later } else { When::Now };
        Ok(self.train(schedule, at, when).await?.view)
    }

    /// A time that somebody names, by the clock of a schedule, else by that of the conversations.
    pub(super) fn moment(
        &self,
        at: Option<&Until>,
        schedule: Option<&str>,
        said_at: Timestamp,
    ) -> Result<Option<Timestamp>, AppError> {
        let Some(at) = at else { return Ok(None) };
        let schedule = schedule.map(|name| self.find_schedule(name)).transpose()?;
        let zone = schedule.map(|it| &it.zone).or(self.chat.zone.as_ref());
        let utc = zone.is_none().then(|| "UTC".parse::<Zone>().ok()).flatten();
        let invalid =
            |error: InvalidTime| AppError::Invalid { field: Some("at"), what: error.to_string() };
        let ends = zone.or(utc.as_ref()).map(|zone| at.ends(said_at, zone));
        ends.transpose().map_err(invalid)
    }

    /// The same as it is typed at another door: with an offset, or as people say it.
    pub fn moment_of(
        &self,
        at: Option<&str>,
        schedule: Option<&str>,
    ) -> Result<Option<Timestamp>, AppError> {
        let Some(at) = at else { return Ok(None) };
        if let Ok(at) = at.parse::<Timestamp>() {
            return Ok(Some(at));
        }
        let until = Until::at(at).map_err(|error: InvalidTime| AppError::Invalid {
            field: Some("at"),
            what: error.to_string(),
        })?;
        self.moment(Some(&until), schedule, self.clock.now())
    }

    fn find_schedule(&self, typed: &str) -> Result<&Schedule, AppError> {
        let schedules = &self.policy.schedules;
        schedules.iter().find(|it| it.name.as_str() == typed).ok_or_else(|| {
            let known: Vec<&str> = schedules.iter().map(|it| it.name.as_str()).collect();
            AppError::NotFound { what: words::unknown(typed, &known) }
        })
    }

    /// Records a time of a schedule at which nothing goes.
    async fn pass_by(
        &self,
        schedule: &Schedule,
        due_at: Timestamp,
        text: &str,
    ) -> Result<(), AppError> {
        let run = Run {
            schedule: schedule.name.clone(),
            due_at,
            ran_at: self.clock.now(),
            details: text.into(),
            boarded: Vec::new(),
        };
        let line = self.run_line(schedule, &Actor::hoist(), text);
        self.store.keep_run(run, vec![line]).await?;
        Ok(())
    }

    async fn depart(
        &self,
        schedule: &Schedule,
        due_at: Timestamp,
        by: &Actor,
    ) -> Result<RunView, AppError> {
        let Train { view, boarded } = self.train(schedule, self.clock.now(), When::Now).await?;
        let text = words::ran(&schedule.name, &schedule.to, view.goes.len(), view.stays.len());
        let mut lines = vec![self.run_line(schedule, by, &text)];
        for ((application, promotion), goes) in boarded.iter().zip(&view.goes) {
            let text = words::boarded(&schedule.name, &goes.version, &goes.environment);
            let line = AuditLine {
                application: Some(application.clone()),
                environment: Some(goes.environment.clone()),
                verb: "boarded".into(),
                ..self.run_line(schedule, by, &text)
            };
            lines.push(line.about(promotion));
        }
        let run = Run {
            schedule: schedule.name.clone(),
            due_at,
            ran_at: self.clock.now(),
            details: serde_json::json!({"by": by, "run": &view}),
            boarded,
        };
        match self.store.keep_run(run, lines).await? {
            Ran::Now => tracing::info!(schedule = %schedule.name, "{text}"),
            Ran::Before => tracing::debug!(schedule = %schedule.name, "it was run before"),
        }
        self.nudge.notify_one();
        Ok(view)
    }

    fn run_line(&self, schedule: &Schedule, by: &Actor, text: &str) -> AuditLine {
        let only = schedule.to.first().filter(|_| schedule.to.len() == 1).cloned();
        AuditLine {
            at: self.clock.now(),
            actor: by.clone(),
            verb: "run".into(),
            application: None,
            environment: only,
            promotion: None,
            commit: None,
            text: text.to_owned(),
        }
    }

    /// Plans a run: for every application what goes where to, or why it does not.
    async fn train(
        &self,
        schedule: &Schedule,
        at: Timestamp,
        when: When,
    ) -> Result<Train, AppError> {
        let known = self.store.applications().await?;
        let takes = |key: &&ApplicationKey| {
            key.pipeline == schedule.pipeline && schedule.takes(&key.application)
        };
        let keys: Vec<ApplicationKey> = known.iter().filter(takes).cloned().collect();
        if let Some(key) = keys.first() {
            let (_, repository) = self.rules(key)?;
            repository.git.fetch().await?;
        }
        let unmatched = unmatched(schedule, known.iter());
        let (mut going, mut stays) = (Vec::new(), Vec::new());
        for key in keys {
            let mut snapshot = match self.look_at_files(&key).await {
                Ok(snapshot) => snapshot,
                Err(error @ AppError::Store(_)) => return Err(error),
                // One that cannot be looked at does not stop the train.
                Err(error) => {
                    let why = chain(&error);
                    let stay = |to: &EnvironmentName| stay(&key, to, Reason::Unseen, why.clone());
                    stays.extend(schedule.to.iter().map(stay));
                    continue;
                }
            };
            self.ask_teams(&mut snapshot).await;
            let to_begin = match when {
                When::Now => Vec::new(),
                When::Later => self.think_ahead(&mut snapshot, at),
            };
            for to in &schedule.to {
                match passenger(&key, &snapshot, (to, at), &to_begin) {
                    Some(Ok(passenger)) => going.push(passenger),
                    Some(Err(staying)) => stays.push(staying),
                    None => (),
                }
            }
        }
        // Whoever has waited longest goes first.
        going.sort_by(|one, other| {
            (one.waits_since, &one.key).cmp(&(other.waits_since, &other.key))
        });
        if let Some(max) = schedule.max {
            let most = usize::try_from(max).unwrap_or(usize::MAX).min(going.len());
            let left = going.split_off(most);
            let stay =
                |it: Passenger| stay(&it.key, &it.goes.environment, Reason::Full, words::full(max));
            stays.extend(left.into_iter().map(stay));
        }
        let boarded = going.iter().map(|it| (it.key.clone(), it.promotion.clone())).collect();
        let view = RunView {
            schedule: schedule.name.clone(),
            pipeline: schedule.pipeline.clone(),
            environments: schedule.to.clone(),
            at,
            goes: going.into_iter().map(|it| it.goes).collect(),
            stays,
            unmatched,
            next: schedule.following(at).take(5).collect(),
        };
        Ok(Train { view, boarded })
    }
}

/// The names of a schedule's selection that no application of its pipeline has, in words; nothing
/// is wrong with any while none is known.
pub(super) fn unmatched<'k>(
    schedule: &Schedule,
    known: impl Iterator<Item = &'k ApplicationKey>,
) -> Vec<String> {
    let ours = known.filter(|key| key.pipeline == schedule.pipeline);
    let ours: Vec<&str> = ours.map(|key| key.application.as_str()).collect();
    if ours.is_empty() {
        return Vec::new();
    }
    let told = |it: &Pattern| words::matches_nothing(&schedule.name, it.as_str(), &ours);
    schedule.unmatched(&ours).into_iter().map(told).collect()
}

/// What of an application goes into an environment, or why it stays; none where its pipeline has no
/// such environment any more.
fn passenger(
    key: &ApplicationKey,
    snapshot: &Snapshot,
    (to, at): (&EnvironmentName, Timestamp),
    to_begin: &[PromotionId],
) -> Option<Result<Passenger, StaysView>> {
    let environment = snapshot.pipeline.environment(to)?;
    let promotion = match board(snapshot, environment, at) {
        Boarding::Goes(promotion) => promotion,
        Boarding::Stays(behind) => {
            let why = words::behind(&behind, (&key.application, to), &snapshot.promotions);
            return Some(Err(stay(key, to, behind.reason(), why)));
        }
    };
    let has_begun = !to_begin.contains(&promotion.id);
    let goes = GoesView {
        application: key.application.clone(),
        environment: to.clone(),
        from: snapshot.current(to).map(|it| it.version.clone()),
        version: promotion.version.clone(),
        promotion: has_begun.then(|| promotion.id.clone()),
    };
    let (waits_since, promotion) = (promotion.since, promotion.id.clone());
    Some(Ok(Passenger { waits_since, key: key.clone(), promotion, goes }))
}

fn stay(key: &ApplicationKey, to: &EnvironmentName, reason: Reason, why: String) -> StaysView {
    StaysView { application: key.application.clone(), environment: to.clone(), reason, why }
}

fn texts(patterns: &[Pattern]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}
