//! Which applications there are: what the tips of the repositories hold, and the pipelines name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::join_all;

use super::ports::{Git, GitError};
use super::readiness::Reading;
use super::reconcile::chain;
use super::schedules::unmatched;
use super::{App, AppError, Repository};
use crate::domain::id::{ApplicationKey, ApplicationName, CommitId, PipelineName, RepositoryName};
use crate::domain::pipeline::{Applications, Environment, Pipeline};
use crate::domain::template::Template;

/// Every application known.
pub type Known = Arc<BTreeSet<ApplicationKey>>;

/// The applications as they were last read, so that not every announcement reads all of them.
#[derive(Debug, Default)]
pub struct Catalogue(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    known: Known,
    /// Those in the store whose files were gone when their repository was last read.
    vanished: BTreeSet<ApplicationKey>,
    /// What is wrong with the schedules' selections, as far as the log says it.
    told: BTreeSet<String>,
}

impl Catalogue {
    /// What was last read.
    pub fn last(&self) -> Known {
        Arc::clone(&self.pages().known)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes which of the `stored` applications are gone from the pipelines that were read, and
    /// tells all that are gone.
    fn strike_out(
        &self,
        stored: &BTreeSet<ApplicationKey>,
        reading: &Tips<'_>,
    ) -> BTreeSet<ApplicationKey> {
        let mut pages = self.pages();
        pages.vanished.retain(|key| !reading.found.contains(key));
        let missing = |key: &&ApplicationKey| {
            reading.pipelines.contains(&key.pipeline) && !reading.found.contains(*key)
        };
        pages.vanished.extend(stored.iter().filter(missing).cloned());
        pages.vanished.clone()
    }
}

/// What reading some tips told.
#[derive(Default)]
struct Tips<'a> {
    /// The pipelines whose applications were looked for.
    pipelines: BTreeSet<&'a PipelineName>,
    /// The applications that are there.
    found: BTreeSet<ApplicationKey>,
}

/// What looking at the repositories came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// Every application known, also from before; without those whose files are gone.
    pub known: Known,
    /// The repositories that could not be read, and why.
    pub unread: BTreeMap<RepositoryName, String>,
}

impl App {
    /// Fetches every repository once and makes known which applications there are.
    ///
    /// A repository that cannot be read takes nothing away: its applications stay known.
    pub async fn discover(&self) -> Result<Discovery, AppError> {
        self.discover_in(self.repositories.keys().collect()).await
    }

    /// The same, for some repositories.
    pub(super) async fn discover_in(
        &self,
        names: BTreeSet<&RepositoryName>,
    ) -> Result<Discovery, AppError> {
        let readings = join_all(names.into_iter().map(async |name| {
            let read = self.applications_in(name).await;
            (name.clone(), read.map_err(|error| self.note_unread(name, &error)))
        }));
        let mut tips = Tips::default();
        let mut unread = BTreeMap::new();
        for (name, reading) in readings.await {
            match reading {
                Ok(applications) => {
                    let read = self.policy.pipelines.values().filter(|it| it.repository == name);
                    tips.pipelines.extend(read.map(|pipeline| &pipeline.name));
                    tips.found.extend(applications);
                }
                Err(why) => {
                    unread.insert(name, why);
                }
            }
        }
        Ok(Discovery { known: self.enlist(tips).await?, unread })
    }

    /// Every application known, read from the store.
    pub async fn catalogue(&self) -> Result<Known, AppError> {
        self.enlist(Tips::default()).await
    }

    /// Makes applications known, with those that the pipelines name, and tells all there are.
    async fn enlist(&self, tips: Tips<'_>) -> Result<Known, AppError> {
        let stored: BTreeSet<_> = self.store.applications().await?.into_iter().collect();
        let vanished = self.catalogue.strike_out(&stored, &tips);
        let mut there = tips.found;
        there.extend(self.policy.pipelines.values().flat_map(named_in));
        there.extend(stored.difference(&vanished).cloned());
        let known = Arc::new(self.each_moved_once(there));
        let new: Vec<_> = known.difference(&stored).cloned().collect();
        if !new.is_empty() {
            tracing::info!(
                "found applications that were not known ({}): {}",
                new.len(),
                in_words(&new)
            );
            self.store.enlist(new, self.clock.now()).await?;
            self.nudge.notify_one();
        }
        self.catalogue.pages().known = Arc::clone(&known);
        self.tell_unmatched(&known);
        Ok(known)
    }

    /// Says in the log, once, which names of the schedules' selections no application has.
    fn tell_unmatched(&self, known: &BTreeSet<ApplicationKey>) {
        for schedule in &self.policy.schedules {
            for told in unmatched(schedule, known.iter()) {
                if self.catalogue.pages().told.insert(told.clone()) {
                    tracing::warn!(schedule = %schedule.name, "{told}");
                }
            }
        }
    }

    /// Leaves out what no pipeline moves any more, and an application that two pipelines find in
    /// one repository: two proposals would fight over one field. The first by name moves it.
    fn each_moved_once(&self, found: BTreeSet<ApplicationKey>) -> BTreeSet<ApplicationKey> {
        let mut movers: BTreeMap<(&RepositoryName, ApplicationName), PipelineName> =
            BTreeMap::new();
        let mut kept = BTreeSet::new();
        for key in found {
            let pipeline = self.policy.pipelines.get(&key.pipeline);
            let Some(pipeline) = pipeline.filter(|it| is_moved_by(it, &key.application)) else {
                continue;
            };
            let place = (&pipeline.repository, key.application.clone());
            let mover = movers.entry(place).or_insert_with(|| key.pipeline.clone());
            if *mover == key.pipeline {
                kept.insert(key);
            } else {
                tracing::warn!(
                    pipeline.name = %key.pipeline,
                    application.name = %key.application,
                    "{key} is left to pipeline {mover}: application names are unique in a \
                     repository, rename one or take it out of one pipeline's files",
                );
            }
        }
        kept
    }

    /// Fetches a repository and finds its applications.
    async fn applications_in(
        &self,
        name: &RepositoryName,
    ) -> Result<Vec<ApplicationKey>, GitError> {
        let Some(repository) = self.repositories.get(name) else { return Ok(Vec::new()) };
        self.fetch(name, repository).await?;
        let mut found = Vec::new();
        for pipeline in self.policy.pipelines.values().filter(|it| &it.repository == name) {
            let applications = applications_of(pipeline, repository).await?;
            let key = |application| ApplicationKey { pipeline: pipeline.name.clone(), application };
            found.extend(applications.into_iter().map(key));
        }
        let reading = match repository.forge.renamed_to() {
            Some(to) => Reading::Renamed { to },
            None => Reading::Read,
        };
        self.readiness.note(name, reading);
        Ok(found)
    }

    /// Keeps that a repository could not be read, and says why in a sentence for anyone.
    fn note_unread(&self, name: &RepositoryName, error: &GitError) -> String {
        tracing::warn!(
            repository.name = %name,
            "the repository {name} could not be read: {}",
            chain(error)
        );
        self.readiness.note(name, Reading::failed(error));
        error.to_string()
    }
}

/// The applications that a pipeline moves, as of the last fetch.
async fn applications_of(
    pipeline: &Pipeline,
    repository: &Repository,
) -> Result<BTreeSet<ApplicationName>, GitError> {
    let first = match &pipeline.applications {
        Applications::Named(names) => return Ok(names.iter().cloned().collect()),
        Applications::Discover => pipeline.environments.first(),
    };
    let Some(environment) = first else { return Ok(BTreeSet::new()) };
    let branch = environment.branch.as_ref().unwrap_or(&repository.branch);
    let name = format!("refs/heads/{branch}");
    let tip = repository.git.tip(&name).await?;
    let tip = tip.ok_or_else(|| GitError::Missing(format!("the branch {branch}")))?;
    names_in(repository.git.as_ref(), &tip, environment).await
}

/// The applications for which all files of an environment's rules exist.
async fn names_in(
    git: &dyn Git,
    tip: &CommitId,
    environment: &Environment,
) -> Result<BTreeSet<ApplicationName>, GitError> {
    let mut paths = BTreeMap::new();
    for file in environment.edits.iter().map(|rule| &rule.file) {
        paths.insert(file, git.list(tip, &file.pattern()).await?);
    }
    Ok(common_names(&paths))
}

/// The applications that have a path under each of the files' templates.
pub(super) fn common_names(paths: &BTreeMap<&Template, Vec<String>>) -> BTreeSet<ApplicationName> {
    let mut names: Option<BTreeSet<ApplicationName>> = None;
    for (file, paths) in paths {
        if !file.as_str().contains("{application}") {
            // One file for all of them: it is there for each, or for none.
            if paths.is_empty() {
                return BTreeSet::new();
            }
            continue;
        }
        let here: BTreeSet<_> = paths.iter().filter_map(|path| file.application_in(path)).collect();
        names = Some(match names {
            Some(before) => &before & &here,
            None => here,
        });
    }
    names.unwrap_or_default()
}

/// Tells whether a pipeline moves applications of that name, if there are any.
pub(super) fn is_moved_by(pipeline: &Pipeline, application: &ApplicationName) -> bool {
    match &pipeline.applications {
        Applications::Discover => true,
        Applications::Named(names) => names.contains(application),
    }
}

/// The applications that a pipeline names: they are known before anything is read.
fn named_in(pipeline: &Pipeline) -> Vec<ApplicationKey> {
    match &pipeline.applications {
        Applications::Discover => Vec::new(),
        Applications::Named(names) => {
            let key = |application: &ApplicationName| ApplicationKey {
                pipeline: pipeline.name.clone(),
                application: application.clone(),
            };
            names.iter().map(key).collect()
        }
    }
}

/// The first few, by name.
fn in_words(applications: &[ApplicationKey]) -> String {
    let names: Vec<_> = applications.iter().take(10).map(ToString::to_string).collect();
    let more = applications.len() - names.len();
    names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}
