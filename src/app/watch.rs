//! Looks at the health of what is in, where somebody can be asked, and translates what they say
//! into what it means for the promotion that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::artifact::Digest;
use crate::domain::health::{CallAnswer, Glance, HealthRule, Report, Standing, judge, judge_call};
use crate::domain::id::{ApplicationName, CommitId, ControllerName, EnvironmentName};
use crate::domain::pipeline::Environment;
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::{Findings, Reading, Snapshot};

use super::ports::{Caller, Controller, Deployment, Git, GitError, HealthError, Metrics, Sighting};
use super::{App, AppError, reading};

/// How long a controller that could not be asked is left alone: many applications are its, and
/// each would wait for it anew.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(15);

/// Those who can say how an application is.
pub struct Watchers {
    /// The controllers that deploy, by their names in the configuration.
    pub controllers: BTreeMap<ControllerName, Arc<dyn Controller>>,
    /// Calls applications that answer for themselves, and what answers for gates.
    pub caller: Arc<dyn Caller>,
    /// Knows what was measured.
    pub metrics: Arc<dyn Metrics>,
    /// Controllers that are left alone, until when and why.
    troubled: Mutex<BTreeMap<ControllerName, (Timestamp, HealthError)>>,
}

/// What was answered during one pass: nobody is asked twice in it.
#[derive(Default)]
pub(super) struct Asked {
    health: BTreeMap<EnvironmentName, (Timestamp, Result<Answer, HealthError>)>,
    /// What gates were answered.
    pub(super) gates: Findings,
}

#[derive(Clone)]
enum Answer {
    Sighting(Sighting),
    Call(CallAnswer),
}

impl Watchers {
    /// Puts them together.
    pub fn new(
        controllers: BTreeMap<ControllerName, Arc<dyn Controller>>,
        caller: Arc<dyn Caller>,
        metrics: Arc<dyn Metrics>,
    ) -> Self {
        Self { controllers, caller, metrics, troubled: Mutex::default() }
    }

    /// Where a person looks at an application of `environment`, where there is such a page.
    pub fn page(&self, environment: &Environment, of: &ApplicationName) -> Option<String> {
        match &environment.health {
            HealthRule::Controller { controller, .. } => {
                let controller = self.controllers.get(controller)?;
                Some(controller.page(&deployment(&environment.health, of)?))
            }
            HealthRule::Http { url, .. } => Some(url.for_application(of)),
            HealthRule::Nobody => None,
        }
    }

    async fn ask(
        &self,
        rule: &HealthRule,
        application: &ApplicationName,
        now: Timestamp,
    ) -> Result<Answer, HealthError> {
        match rule {
            HealthRule::Controller { controller: name, .. } => {
                let at = deployment(rule, application).zip(self.controllers.get(name));
                let Some((at, controller)) = at else {
                    let why = "the configuration that hoist runs with has none of that name";
                    return Err(HealthError::Unreachable {
                        who: format!("the controller {name}"),
                        why: why.into(),
                    });
                };
                self.trouble_with(name, now).map_or(Ok(()), Err)?;
                let answer = controller.look(&at).await;
                self.note_trouble(name, now, answer.as_ref().err());
                answer.map(Answer::Sighting)
            }
            HealthRule::Http { url, .. } => {
                let url = url.for_application(application);
                self.caller.call(&url).await.map(Answer::Call)
            }
            HealthRule::Nobody => Ok(Answer::Sighting(Sighting::Missing)),
        }
    }

    fn trouble_with(&self, controller: &ControllerName, now: Timestamp) -> Option<HealthError> {
        let troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, error) = troubled.get(controller)?;
        // A clock that was set back must not make this last.
        let lasts = now < *until && until.duration_since(now) <= LONGEST_ALONE;
        lasts.then(|| error.clone())
    }

    fn note_trouble(&self, name: &ControllerName, now: Timestamp, error: Option<&HealthError>) {
        let length = match error {
            Some(HealthError::RateLimited { seconds, .. }) => {
                let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
                SignedDuration::from_secs(seconds).min(LONGEST_ALONE)
            }
            Some(HealthError::Unreachable { .. } | HealthError::Unauthorized { .. }) => LEFT_ALONE,
            // It answered; that we may not look at one application says nothing of the others.
            Some(HealthError::Forbidden { .. }) | None => SignedDuration::ZERO,
        };
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) if !length.is_zero() => {
                let until = now.saturating_add(length).unwrap_or(Timestamp::MAX);
                troubled.insert(name.clone(), (until, error.clone()));
            }
            Some(_) | None => drop(troubled.remove(name)),
        }
    }
}

/// The longest that a controller is left alone, whatever it asks for.
const LONGEST_ALONE: SignedDuration = SignedDuration::from_mins(10);

/// An application as its controller knows it.
pub(super) fn deployment(rule: &HealthRule, of: &ApplicationName) -> Option<Deployment> {
    match rule {
        HealthRule::Controller { application, project, namespace, .. } => Some(Deployment {
            application: application.for_application(of),
            project: project.for_application(of),
            namespace: namespace.clone(),
        }),
        HealthRule::Nobody | HealthRule::Http { .. } => None,
    }
}

impl App {
    /// Adds to a snapshot how what is on its way is, wherever somebody can say.
    ///
    /// Nobody who cannot be asked stops a pass: what is not seen is written down as not seen.
    pub(super) async fn watch(
        &self,
        snapshot: &mut Snapshot,
        asked: &mut Asked,
    ) -> Result<(), AppError> {
        let mut glances = BTreeMap::new();
        for environment in &snapshot.pipeline.environments {
            let name = &environment.name;
            let Some((current, commit)) = watched(snapshot, environment) else { continue };
            if !asked.health.contains_key(name) {
                let now = self.clock.now();
                let application = &snapshot.application.application;
                let answer = self.watchers.ask(&environment.health, application, now).await;
                asked.health.insert(name.clone(), (now, answer));
            }
            let Some((at, answer)) = asked.health.get(name) else { continue };
            let glance = match answer {
                Err(error) => Glance::unseen(*at, error.to_string()),
                Ok(Answer::Sighting(Sighting::Missing)) => {
                    let application = &snapshot.application.application;
                    Glance::not_yet(*at, missing(&environment.health, application))
                }
                Ok(Answer::Sighting(Sighting::Found(report))) => {
                    let standings = self.standings(snapshot, (current, commit), report).await?;
                    judge(report, &standings, digest(snapshot, current), *at)
                }
                Ok(Answer::Call(answer)) => match &environment.health {
                    HealthRule::Http { expect, .. } => {
                        let artifact =
                            current.artifact.as_ref().and_then(|id| snapshot.artifact(id));
                        judge_call(expect, answer, artifact, *at)
                    }
                    HealthRule::Nobody | HealthRule::Controller { .. } => continue,
                },
            };
            glances.insert(name.clone(), glance);
        }
        snapshot.glances = glances;
        self.ask_for_gates(snapshot, &mut asked.gates).await;
        Ok(())
    }

    /// What the mirror says of every revision that a report names.
    async fn standings(
        &self,
        snapshot: &Snapshot,
        (current, merge): (&Promotion, &CommitId),
        report: &Report,
    ) -> Result<BTreeMap<String, Standing>, AppError> {
        let (pipeline, repository) = self.rules(&snapshot.application)?;
        let Some(environment) = pipeline.environment(&current.environment) else {
            return Ok(BTreeMap::new());
        };
        let operation = report.operation.iter().flat_map(|operation| &operation.revisions);
        let revisions: BTreeSet<&String> = report.revisions.iter().chain(operation).collect();
        let mut standings = BTreeMap::new();
        for revision in revisions {
            // A chart's version is a revision, too.
            let Ok(commit) = revision.parse::<CommitId>() else { continue };
            let git = repository.git.as_ref();
            let standing = match git.contains(&commit, merge).await {
                Ok(true) => values_at(git, &commit, environment, current).await?,
                Ok(false) => Standing::Before,
                Err(GitError::Missing(_)) => Standing::Elsewhere,
                Err(error) => return Err(error.into()),
            };
            standings.insert(revision.clone(), standing);
        }
        Ok(standings)
    }
}

/// The controller has no such application: one that is still being generated, or a wrong name.
fn missing(rule: &HealthRule, of: &ApplicationName) -> String {
    match deployment(rule, of) {
        Some(Deployment { application, project, .. }) => {
            format!("there is no application {application} in project {project} (yet)")
        }
        None => "there is no such application (yet)".into(),
    }
}

/// What is to be watched in an environment: what is in and on its way, with its commit.
fn watched<'a>(
    snapshot: &'a Snapshot,
    environment: &'a Environment,
) -> Option<(&'a Promotion, &'a CommitId)> {
    if environment.health == HealthRule::Nobody {
        return None;
    }
    let current = snapshot.current(&environment.name)?;
    current.is_on_its_way().then_some(())?;
    Some((current, current.state.commit()?))
}

/// The digest that must run, where the promotion's artifact is known.
fn digest<'a>(snapshot: &'a Snapshot, current: &Promotion) -> Option<&'a Digest> {
    Some(&snapshot.artifact(current.artifact.as_ref()?)?.digest)
}

/// Whether the version fields at a commit hold what the promotion brought.
async fn values_at(
    git: &dyn Git,
    commit: &CommitId,
    environment: &Environment,
    promotion: &Promotion,
) -> Result<Standing, AppError> {
    let application = &promotion.application.application;
    let fields = match reading::read(git, commit, environment, application).await? {
        Reading::Fields { fields, .. } => fields,
        Reading::Absent { file } => {
            return Ok(Standing::Otherwise(format!("nowhere: {file} is gone")));
        }
        Reading::Refused { reason } => {
            return Ok(Standing::Otherwise(format!("not to be read: {reason}")));
        }
    };
    let other = fields.iter().find(|field| {
        let ours = promotion
            .values
            .iter()
            .find(|value| value.file == field.file && value.place == field.place);
        ours.is_some_and(|ours| ours.value != field.value)
    });
    Ok(match other {
        None => Standing::Ours,
        Some(field) => Standing::Otherwise(field.value.clone()),
    })
}
