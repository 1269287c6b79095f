//! Whom it concerns: the applications that an announcement brings an artifact for.

use std::collections::BTreeSet;

use super::AnnounceError;
use super::body::Notice;
use super::identity::Speaker;
use crate::app::discover::{Discovery, Known, is_moved_by};
use crate::app::{App, AppError};
use crate::domain::id::{ApplicationKey, ApplicationName, RepositoryName};
use crate::domain::pipeline::{EditRule, Pipeline};

/// Whom an announcement concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resolved {
    /// These applications; never none.
    Applications(Vec<ApplicationKey>),
    /// A repository that may have the application cannot be read now.
    Undecided {
        /// Which, and why.
        why: String,
    },
}

/// A pipeline whose image fits, and the application that the announcement means there: the one it
/// names, or the one its image tells, or (none) all of them, because they share one image.
struct Candidate<'a> {
    pipeline: &'a Pipeline,
    application: Option<ApplicationName>,
}

impl App {
    /// Finds the applications an announcement concerns, with one fresh reading of the tips if
    /// none is known.
    pub(super) async fn resolve(
        &self,
        notice: &Notice,
        speaker: &Speaker<'_>,
    ) -> Result<Resolved, AnnounceError> {
        let candidates = self.permitted(notice, speaker).await?;
        let mut concerned = among(&candidates, &self.catalogue.last());
        if concerned.is_empty() {
            concerned = among(&candidates, &self.catalogue().await?);
        }
        if !concerned.is_empty() {
            return Ok(Resolved::Applications(concerned));
        }
        let discovery = self.discover_in(repositories(&candidates)).await?;
        judge(notice, &candidates, &discovery)
    }

    /// The same, after a reading of the tips.
    pub(super) async fn resolve_after(
        &self,
        discovery: &Discovery,
        notice: &Notice,
        speaker: &Speaker<'_>,
    ) -> Result<Resolved, AnnounceError> {
        let candidates = self.permitted(notice, speaker).await?;
        judge(notice, &candidates, discovery)
    }

    /// The pipelines that may be meant, if the source may speak for the image and there are any.
    async fn permitted(
        &self,
        notice: &Notice,
        speaker: &Speaker<'_>,
    ) -> Result<Vec<Candidate<'_>>, AnnounceError> {
        if !speaker.may_name(&notice.image) {
            let (name, image) = (speaker.source.name.clone(), notice.image.clone());
            return Err(AnnounceError::NotTheirs { name, image });
        }
        let candidates = self.candidates(notice);
        if candidates.is_empty() {
            return Err(self.explain_misfit(notice).await?);
        }
        Ok(candidates)
    }

    fn candidates(&self, notice: &Notice) -> Vec<Candidate<'_>> {
        let candidate = |pipeline| candidate(pipeline, notice);
        self.policy.pipelines.values().filter_map(candidate).collect()
    }

    /// Says why no pipeline can take the announcement, whatever its repository holds.
    async fn explain_misfit(&self, notice: &Notice) -> Result<AnnounceError, AppError> {
        let pipelines = self.policy.pipelines.values();
        let Some(application) = &notice.application else {
            let images: Vec<_> = pipelines.map(|it| format!("`{}`", it.image)).collect();
            return Ok(AnnounceError::Unknown {
                field: "image",
                what: format!(
                    "no pipeline moves the image `{}`; pipelines move {}",
                    notice.image,
                    in_words(&images, "none")
                ),
            });
        };
        let known = self.catalogue().await?;
        let movers = pipelines.filter(|pipeline| {
            known.contains(&key(pipeline, application)) || is_moved_by(pipeline, application)
        });
        let images: Vec<_> = movers
            .map(|it| format!("`{}` (pipeline {})", it.image.for_application(application), it.name))
            .collect();
        if !self.is_there(application, &known).await? {
            return Ok(AnnounceError::Unknown {
                field: "application",
                what: format!(
                    "no application is called {application}, and the image of one would not be \
                     `{}` but {}",
                    notice.image,
                    in_words(&images, "in no pipeline")
                ),
            });
        }
        Ok(AnnounceError::Unknown {
            field: "image",
            what: format!(
                "`{}` is not the image of the application {application}; that is {}",
                notice.image,
                in_words(&images, "in no pipeline")
            ),
        })
    }
}

impl App {
    /// Tells whether some pipeline has an application of that name, after one fresh reading of the
    /// tips if none is known. Where a tip cannot be read, there may be.
    async fn is_there(
        &self,
        application: &ApplicationName,
        known: &Known,
    ) -> Result<bool, AppError> {
        let has = |known: &Known| known.iter().any(|key| &key.application == application);
        if has(known) {
            return Ok(true);
        }
        let discovery = self.discover().await?;
        Ok(has(&discovery.known) || !discovery.unread.is_empty())
    }
}

fn candidate<'a>(pipeline: &'a Pipeline, notice: &Notice) -> Option<Candidate<'a>> {
    let image = notice.image.as_str();
    let application = match &notice.application {
        Some(named) => pipeline.is_image_of(&notice.image, named).then(|| Some(named.clone())),
        None if pipeline.image.as_str() == image => Some(None),
        None => pipeline.image.application_in(image).map(Some),
    }?;
    let moved = application.as_ref().is_none_or(|name| is_moved_by(pipeline, name));
    moved.then_some(Candidate { pipeline, application })
}

fn key(pipeline: &Pipeline, application: &ApplicationName) -> ApplicationKey {
    ApplicationKey { pipeline: pipeline.name.clone(), application: application.clone() }
}

fn repositories<'a>(candidates: &[Candidate<'a>]) -> BTreeSet<&'a RepositoryName> {
    candidates.iter().map(|candidate| &candidate.pipeline.repository).collect()
}

/// Decides after the tips were read.
fn judge(
    notice: &Notice,
    candidates: &[Candidate<'_>],
    discovery: &Discovery,
) -> Result<Resolved, AnnounceError> {
    let concerned = among(candidates, &discovery.known);
    if !concerned.is_empty() {
        return Ok(Resolved::Applications(concerned));
    }
    let repositories = repositories(candidates);
    match discovery.unread.iter().find(|(repository, _)| repositories.contains(repository)) {
        Some((repository, why)) => Ok(Resolved::Undecided {
            why: format!(
                "the repository {repository} could not be read ({why}): the announcement is \
                 kept, and decided once it can be read"
            ),
        }),
        None => Err(unknown(notice, candidates)),
    }
}

/// The known applications that the candidates mean.
fn among(candidates: &[Candidate<'_>], known: &Known) -> Vec<ApplicationKey> {
    let meant = |candidate: &Candidate<'_>| match &candidate.application {
        Some(name) => Vec::from_iter(known.get(&key(candidate.pipeline, name)).cloned()),
        None => {
            let ours = known.iter().filter(|it| it.pipeline == candidate.pipeline.name);
            ours.cloned().collect()
        }
    };
    candidates.iter().flat_map(meant).collect()
}

/// Says that no application is there, and which files would make it one.
fn unknown(notice: &Notice, candidates: &[Candidate<'_>]) -> AnnounceError {
    let tips: Vec<_> = repositories(candidates).iter().map(ToString::to_string).collect();
    let wanted: Vec<_> = candidates.iter().flat_map(files_wanted).collect();
    let because = format!(
        "the tip of {} was just read; {} would make one",
        in_words(&tips, "no repository"),
        in_words(&wanted, "no file")
    );
    match &notice.application {
        Some(name) => AnnounceError::Unknown {
            field: "application",
            what: format!("there is no application {name}: {because}"),
        },
        None => AnnounceError::Unknown {
            field: "image",
            what: format!("no application has the image `{}`: {because}", notice.image),
        },
    }
}

fn files_wanted(candidate: &Candidate<'_>) -> Vec<String> {
    let first = candidate.pipeline.environments.first();
    let rules = first.map_or(&[][..], |environment| &environment.edits);
    let file = |rule: &EditRule| match &candidate.application {
        Some(name) => rule.file.for_application(name),
        None => rule.file.to_string(),
    };
    let files: BTreeSet<_> = rules.iter().map(|rule| format!("`{}`", file(rule))).collect();
    files.into_iter().collect()
}

fn in_words(things: &[String], none: &str) -> String {
    if things.is_empty() { none.to_owned() } else { things.join(", ") }
}
