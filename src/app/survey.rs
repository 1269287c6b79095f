//! Applies every rule to what stands in a repository now: what would be found, and what would not.

use std::collections::{BTreeMap, BTreeSet};

use super::ports::{Checkout, CheckoutError};
use super::reading::{fields_of, files_of};
use super::verify::applications_at;
use crate::domain::id::{ApplicationName, CommitId, EnvironmentName, PipelineName};
use crate::domain::pipeline::{Applications, Environment, Pipeline};
use crate::domain::range::is_range;
use crate::domain::schedule::Schedule;
use crate::messages::schedule as words;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many version fields the rules name.
    pub fields: usize,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// Whose rule it is about.
    pub pipeline: PipelineName,
    /// In which environment.
    pub environment: EnvironmentName,
    /// For which application, unless it is about all of them.
    pub application: Option<ApplicationName>,
    /// What it is, with the file and the place in it.
    pub what: String,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Nothing can be promoted there.
    Broken,
    /// It works, and may surprise.
    Notable,
}

/// Applies the rules of `pipelines` at the tips of their branches; `branch` is the one that
/// environments stand on unless they say otherwise.
///
/// # Errors
///
/// When the repository cannot be read.
pub fn survey(
    checkout: &dyn Checkout,
    (pipelines, schedules): (&[&Pipeline], &[Schedule]),
    branch: &str,
) -> Result<Survey, CheckoutError> {
    let mut survey = Survey::default();
    for pipeline in pipelines {
        let mut applications = None;
        for environment in &pipeline.environments {
            let branch = environment.branch.as_deref().unwrap_or(branch);
            let mut view = View { checkout, pipeline, environment, survey: &mut survey };
            let Some(tip) = view.tip(branch)? else { continue };
            let known = match &applications {
                Some(known) => known,
                None => applications.insert(view.applications(&tip)?),
            };
            view.apply(&tip, known)?;
            view.compare(schedules, known);
        }
    }
    Ok(survey)
}

/// One environment of a pipeline, and what is noted of it.
struct View<'v> {
    checkout: &'v dyn Checkout,
    pipeline: &'v Pipeline,
    environment: &'v Environment,
    survey: &'v mut Survey,
}

impl View<'_> {
    fn tip(&mut self, branch: &str) -> Result<Option<CommitId>, CheckoutError> {
        // In a clone, branches that nobody worked on are the server's.
        for revision in [format!("origin/{branch}"), branch.to_owned()] {
            match self.checkout.resolve(&revision) {
                Ok(tip) => return Ok(Some(tip)),
                Err(CheckoutError::UnknownRevision(_)) => (),
                Err(error) => return Err(error),
            }
        }
        self.note(Weight::Broken, None, format!("the repository has no branch {branch}"));
        Ok(None)
    }

    fn applications(&mut self, tip: &CommitId) -> Result<BTreeSet<ApplicationName>, CheckoutError> {
        let found = applications_at(self.checkout, self.pipeline, tip)?;
        if found.is_empty() {
            let files: Vec<&str> =
                self.environment.edits.iter().map(|it| it.file.as_str()).collect();
            let what = format!("no application has all of its files there: {}", files.join(", "));
            self.note(Weight::Broken, None, what);
        }
        Ok(found)
    }

    /// Notes names in schedules that no application has.
    fn compare(&mut self, schedules: &[Schedule], applications: &BTreeSet<ApplicationName>) {
        let known: Vec<&str> = applications.iter().map(|it| it.as_str()).collect();
        let leads_here = |it: &&Schedule| {
            it.pipeline == self.pipeline.name && it.leads_into(&self.environment.name)
        };
        for schedule in schedules.iter().filter(leads_here) {
            for name in schedule.unmatched(&known) {
                let what = words::matches_nothing(&schedule.name, name.as_str(), &known);
                self.note(Weight::Notable, None, what);
            }
        }
    }

    /// Applies each rule for each application.
    fn apply(
        &mut self,
        tip: &CommitId,
        applications: &BTreeSet<ApplicationName>,
    ) -> Result<(), CheckoutError> {
        for application in applications {
            let paths = files_of(self.environment, application).into_iter().collect();
            let files = self.checkout.read(tip, paths)?;
            self.apply_to(application, &files);
        }
        Ok(())
    }

    fn apply_to(&mut self, application: &ApplicationName, files: &BTreeMap<String, Vec<u8>>) {
        for rule in &self.environment.edits {
            let file = rule.file.for_application(application);
            let Some(text) = files.get(&file) else {
                let what = format!("{file} is not in the repository");
                self.note(self.weight_of_absence(), Some(application), what);
                continue;
            };
            match fields_of(rule, application, text) {
                Err(reason) => {
                    self.note(Weight::Broken, Some(application), format!("{file}: {reason}"));
                }
                Ok(fields) => {
                    self.survey.fields += fields.len();
                    for field in fields.iter().filter(|field| is_range(&field.value)) {
                        let what = format!(
                            "{file}: {} is the range `{}`; the first promotion writes one version \
                             over it",
                            field.place, field.value
                        );
                        self.note(Weight::Notable, Some(application), what);
                    }
                }
            }
        }
    }

    /// An application that was discovered may still be on its way up.
    fn weight_of_absence(&self) -> Weight {
        match self.pipeline.applications {
            Applications::Named(_) => Weight::Broken,
            Applications::Discover => Weight::Notable,
        }
    }

    fn note(&mut self, weight: Weight, application: Option<&ApplicationName>, what: String) {
        self.survey.findings.push(Finding {
            weight,
            pipeline: self.pipeline.name.clone(),
            environment: self.environment.name.clone(),
            application: application.cloned(),
            what,
        });
    }
}
