//! The runs of schedules: what has gathered before an environment is let go at its time.
//!
//! A run only lets go: the planner and the gates do the rest, so that whatever goes in with a run
//! goes in as it would have gone in without one.

use jiff::{SignedDuration, Timestamp};

use crate::domain::command::{Actor, Command, Identity, authorize};
use crate::domain::id::{ApplicationKey, PromotionId};
use crate::domain::pipeline::Environment;
use crate::domain::plan::{Behind, Boarding, board, unstarted};
use crate::domain::schedule::{IfMissed, Schedule};
use crate::domain::snapshot::Snapshot;
use crate::messages::schedule as words;
use crate::messages::why::{self, Subject};

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
        let (name, environment) = (schedule.name.clone(), schedule.to.clone());
        let command = Command::Run { schedule: name, environment };
        let (_, actor) = authorize(by, command, &self.policy.roles)?.into_parts();
        self.may_change()?;
        self.run_as(schedule, &actor).await
    }

    /// The same in a process of its own, for whoever may start one with the store and its secrets.
    pub async fn run_alone(&self, name: &str) -> Result<CommandView, AppError> {
        self.run_as(self.find_schedule(name)?, &Actor::hoist()).await
    }

    async fn run_as(&self, schedule: &Schedule, by: &Actor) -> Result<CommandView, AppError> {
        let view = self.depart(schedule, self.clock.now(), by).await?;
        let mut message =
            words::ran(&schedule.name, &schedule.to, view.goes.len(), view.stays.len());
        for goes in &view.goes {
            let line = format!("\n{} {}", goes.application, goes.version);
            message.push_str(&line);
        }
        Ok(CommandView { message, promotion: None, url: None })
    }

    /// Every schedule with its next five times.
    pub fn timetable(&self) -> Vec<ScheduleView> {
        let now = self.clock.now();
        let view = |schedule: &Schedule| {
            let next: Vec<Timestamp> = schedule.following(now).take(5).collect();
            ScheduleView {
                name: schedule.name.clone(),
                pipeline: schedule.pipeline.clone(),
                environment: schedule.to.clone(),
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
        Ok(self.train(schedule, at).await?.view)
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
        let Train { view, boarded } = self.train(schedule, self.clock.now()).await?;
        let text = words::ran(&schedule.name, &schedule.to, view.goes.len(), view.stays.len());
        let mut lines = vec![self.run_line(schedule, by, &text)];
        for ((application, promotion), goes) in boarded.iter().zip(&view.goes) {
            let text = words::boarded(&schedule.name, &goes.version, &schedule.to);
            let line = AuditLine {
                application: Some(application.clone()),
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
        AuditLine {
            at: self.clock.now(),
            actor: by.clone(),
            verb: "run".into(),
            application: None,
            environment: Some(schedule.to.clone()),
            promotion: None,
            commit: None,
            text: text.to_owned(),
        }
    }

    /// Plans a run: for every application what goes, or why it does not.
    async fn train(&self, schedule: &Schedule, at: Timestamp) -> Result<Train, AppError> {
        let mut going = Vec::new();
        let mut stays = Vec::new();
        let known = self.store.applications().await?;
        let keys: Vec<ApplicationKey> =
            known.into_iter().filter(|key| key.pipeline == schedule.pipeline).collect();
        if let Some(key) = keys.first() {
            let (_, repository) = self.rules(key)?;
            repository.git.fetch().await?;
        }
        for key in keys {
            let application = key.application.clone();
            let stay = |why: String| StaysView { application: application.clone(), why };
            let (pipeline, _) = self.rules(&key)?;
            let Some(environment) = pipeline.environment(&schedule.to) else { continue };
            let snapshot = match self.look(&key).await {
                Ok(snapshot) => snapshot,
                Err(error @ AppError::Store(_)) => return Err(error),
                // One that cannot be looked at does not stop the train.
                Err(error) => {
                    stays.push(stay(chain(&error)));
                    continue;
                }
            };
            match board(&snapshot, environment, at) {
                Boarding::Goes(promotion) => {
                    let from = snapshot.current(&schedule.to).map(|it| it.version.clone());
                    let goes = GoesView {
                        application: application.clone(),
                        from,
                        version: promotion.version.clone(),
                        promotion: promotion.id.clone(),
                    };
                    going.push((promotion.since, key.clone(), goes));
                }
                Boarding::Stays(Behind::NothingWaits) => {
                    stays.push(stay(nothing_waits(&snapshot, environment, at)));
                }
                Boarding::Stays(why) => stays.push(stay(words::behind(&why))),
            }
        }
        // Whoever has waited longest goes first.
        going.sort_by(|(one, key, _), (other, with, _)| (one, key).cmp(&(other, with)));
        if let Some(max) = schedule.max {
            let most = usize::try_from(max).unwrap_or(usize::MAX).min(going.len());
            let left = going.split_off(most).into_iter().map(|(_, key, _)| StaysView {
                application: key.application,
                why: words::full(max),
            });
            stays.extend(left);
        }
        let boarded =
            going.iter().map(|(_, key, goes)| (key.clone(), goes.promotion.clone())).collect();
        let view = RunView {
            schedule: schedule.name.clone(),
            pipeline: schedule.pipeline.clone(),
            environment: schedule.to.clone(),
            at,
            goes: going.into_iter().map(|(_, _, goes)| goes).collect(),
            stays,
            next: schedule.following(at).take(5).collect(),
        };
        Ok(Train { view, boarded })
    }
}

/// Why nothing waits: what keeps the newest artifact from coming so far, if anything does.
fn nothing_waits(snapshot: &Snapshot, environment: &Environment, at: Timestamp) -> String {
    let newest = snapshot.newest_first().into_iter().find(|it| snapshot.kept_out(it).is_none());
    let current = snapshot.current(&environment.name);
    let why = newest.and_then(|artifact| {
        let is_there = current.is_some_and(|it| it.artifact.as_ref() == Some(&artifact.id));
        let why = unstarted(snapshot, environment, artifact, at).filter(|_| !is_there)?;
        let about = Subject {
            application: &snapshot.application.application,
            environment: &environment.name,
            version: artifact.version(),
            promotion: None,
        };
        let [what, _] = why::unstarted(&why, &about, None);
        Some(format!("{}: {what}", artifact.version()))
    });
    why.unwrap_or_else(|| words::behind(&Behind::NothingWaits))
}
