//! `hoist check`: is the configuration good?

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::app::survey::{Finding, Survey, Weight, survey};
use crate::config::Remote;
use crate::config::{self, Configuration, Problem, Problems};
use crate::domain::id::RepositoryName;
use crate::domain::pipeline::Pipeline;
use crate::domain::schedule::Schedule;
use crate::messages::schedule::what_goes;

use super::World;
use super::beliefs;
use super::failure::Trouble;
use super::output::{Format, Output};
use super::verify::OpenCheckout;
use super::words::count;

/// Tries the keys that sign commits, and tells what is wrong with each that cannot.
pub type TryKeys<'w> = &'w dyn Fn(&Configuration) -> Vec<String>;

/// What `hoist check` is told.
#[derive(Debug, Args)]
#[command(
    after_help = "Where a repository's Git is on this machine, or a clone of it is given, every \
                        rule is applied to the files at the tip of its branch: a file, a field or a \
                        branch that is not there ends it with 1, and a version range that would be \
                        pinned is told. Nothing is fetched: the tip is the clone's."
)]
pub(super) struct CheckArgs {
    /// The process's configuration; it names the pipelines file.
    #[arg(long, value_name = "PATH", default_value = "config/hoist.yaml")]
    config: PathBuf,

    /// A clone of the repository, to apply the rules to.
    #[arg(long, value_name = "PATH")]
    repository: Option<PathBuf>,

    /// Which repository of the configuration that is a clone of, where there are several.
    #[arg(long = "as", value_name = "NAME", requires = "repository")]
    name: Option<RepositoryName>,
}

/// What was found, for programs.
#[derive(Serialize)]
struct CheckView {
    file: String,
    problems: Vec<ProblemLine>,
    /// What the rules find in the repositories that could be looked at.
    rules: Vec<RuleLine>,
    /// Whom it believes, where people should know.
    beliefs: Vec<String>,
    /// When the schedules run next.
    schedules: Vec<ScheduleLine>,
}

/// When a schedule runs next.
#[derive(Serialize)]
struct ScheduleLine {
    name: String,
    /// What goes where to with it.
    what: String,
    next: Vec<Timestamp>,
    /// The same by the clock of its zone.
    local: Vec<String>,
}

impl ScheduleLine {
    fn of(line: &Schedule, now: Timestamp) -> Self {
        let next: Vec<Timestamp> = line.following(now).take(5).collect();
        let local = next.iter().map(|at| line.zone.tell(*at)).collect();
        let applications = line.applications.as_ref();
        let applications: Option<Vec<String>> =
            applications.map(|only| only.iter().map(ToString::to_string).collect());
        let what = what_goes(&line.pipeline, applications.as_deref(), &line.to);
        Self { name: line.name.to_string(), what, next, local }
    }
}

/// Something that a rule finds, or does not.
#[derive(Serialize)]
struct RuleLine {
    broken: bool,
    pipeline: String,
    environment: String,
    application: Option<String>,
    what: String,
}

impl From<&Finding> for RuleLine {
    fn from(finding: &Finding) -> Self {
        Self {
            broken: finding.weight == Weight::Broken,
            pipeline: finding.pipeline.to_string(),
            environment: finding.environment.to_string(),
            application: finding.application.as_ref().map(ToString::to_string),
            what: finding.what.clone(),
        }
    }
}

impl std::fmt::Display for RuleLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pipeline, environment, application, what, .. } = self;
        match application {
            Some(application) => {
                write!(f, "{pipeline}, {application} in {environment}: {what}")
            }
            None => write!(f, "{pipeline} in {environment}: {what}"),
        }
    }
}

/// One thing to mend.
#[derive(Serialize)]
struct ProblemLine {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    what: String,
    hint: String,
}

impl From<&Problem> for ProblemLine {
    fn from(problem: &Problem) -> Self {
        Self {
            file: problem.file.clone(),
            line: problem.place.map(|place| place.line),
            column: problem.place.map(|place| place.column),
            what: problem.what.clone(),
            hint: problem.hint.clone(),
        }
    }
}

impl CheckArgs {
    pub(super) fn run(self, world: &World<'_>, out: &mut Output) -> Result<(), Trouble> {
        let file = self.config.display().to_string();
        let configuration = match config::load(&self.config) {
            Ok(configuration) => configuration,
            Err(problems) => {
                let lines = problems.iter().map(ProblemLine::from).collect();
                let (rules, beliefs, schedules) = (Vec::new(), Vec::new(), Vec::new());
                let view = CheckView { file, problems: lines, rules, beliefs, schedules };
                if out.format() == Format::Json {
                    out.answer(&view, |_| String::new())?;
                }
                return Err(Trouble::failed(told(&problems), "mend these and check again"));
            }
        };
        let unfit = (world.try_keys)(&configuration);
        if !unfit.is_empty() {
            let lines: String = unfit.iter().map(|why| format!("\n{why}")).collect();
            let what = format!("commits cannot be signed{lines}");
            return Err(Trouble::failed(what, "give another key, or leave out `sign`"));
        }
        let survey = self.survey(&configuration, world.open_checkout)?;
        let now = world.clock.now();
        let rules = survey.iter().flat_map(|it| &it.findings).map(RuleLine::from).collect();
        let schedules =
            configuration.schedules.iter().map(|it| ScheduleLine::of(it, now)).collect();
        let beliefs = beliefs::of(&configuration);
        let view = CheckView { file, problems: Vec::new(), rules, beliefs, schedules };
        let broken: Vec<&RuleLine> = view.rules.iter().filter(|line| line.broken).collect();
        if broken.is_empty() {
            return Ok(out.answer(&view, |view| good(view, &configuration, survey.as_ref()))?);
        }
        if out.format() == Format::Json {
            out.answer(&view, |_| String::new())?;
        }
        let lines: String = broken.iter().map(|line| format!("\n{line}")).collect();
        Err(Trouble::failed(
            format!("{} cannot be applied{lines}", count(broken.len(), ["rule", "rules"])),
            "correct the rule, or write the field into the file by hand: hoist never creates one",
        ))
    }

    /// Applies the rules of every repository that can be looked at here; nothing where none can.
    fn survey(
        &self,
        configuration: &Configuration,
        open: OpenCheckout<'_>,
    ) -> Result<Option<Survey>, Trouble> {
        let given = self.given(configuration)?;
        let mut all: Option<Survey> = None;
        for (name, repository) in &configuration.settings.repositories {
            let path = match (&repository.remote, &given) {
                (_, Some((meant, path))) if *meant == name => Some(*path),
                (Remote::Own(path) | Remote::File(path), None) if path.exists() => Some(path),
                (Remote::Own(_) | Remote::File(_) | Remote::Server(_) | Remote::Ssh(_), _) => None,
            };
            let Some(path) = path else { continue };
            let rules: Vec<&Pipeline> =
                configuration.pipelines.values().filter(|it| it.repository == *name).collect();
            let found = survey(
                open(path)?.as_ref(),
                (&rules, &configuration.schedules),
                &repository.branch,
            )?;
            let all = all.get_or_insert_default();
            all.fields += found.fields;
            all.findings.extend(found.findings);
        }
        Ok(all)
    }

    /// The clone that was given, and what it is a clone of.
    fn given<'c>(
        &'c self,
        configuration: &'c Configuration,
    ) -> Result<Option<(&'c RepositoryName, &'c PathBuf)>, Trouble> {
        let Some(path) = &self.repository else { return Ok(None) };
        let names: Vec<&RepositoryName> = configuration.settings.repositories.keys().collect();
        let known = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (&self.name, names.as_slice()) {
            (Some(name), _) if names.contains(&name) => Ok(Some((name, path))),
            (Some(name), _) => {
                let what = format!("the configuration has no repository `{name}`");
                Err(Trouble::usage(what, format!("name one of: {known}")))
            }
            (None, [one]) => Ok(Some((*one, path))),
            (None, _) => {
                let what = format!("the configuration has several repositories: {known}");
                Err(Trouble::usage(what, "say which of them this is: --as NAME"))
            }
        }
    }
}

/// Every problem on a line of its own, as compilers write them.
fn told(problems: &Problems) -> String {
    let lines: String = problems.iter().map(|problem| format!("\n{problem}")).collect();
    format!(
        "the configuration has {}{lines}",
        count(problems.iter().count(), ["problem", "problems"])
    )
}

fn good(view: &CheckView, configuration: &Configuration, survey: Option<&Survey>) -> String {
    let Configuration { settings, pipelines, .. } = configuration;
    let mut text = format!(
        "{} is good: {}, {}, {}",
        view.file,
        count(settings.repositories.len(), ["repository", "repositories"]),
        count(settings.sources.len(), ["source", "sources"]),
        count(pipelines.len(), ["pipeline", "pipelines"]),
    );
    match survey {
        Some(survey) => {
            let fields = count(survey.fields, ["version field", "version fields"]);
            text.push_str(&format!("; the rules find {fields}"));
        }
        None => text.push_str(
            "\nthe rules were not applied to any file: give a clone of the repository with \
             --repository PATH",
        ),
    }
    for line in &view.rules {
        text.push_str(&format!("\nnote: {line}"));
    }
    for line in &view.beliefs {
        text.push_str(&format!("\nnote: {line}"));
    }
    for line in &view.schedules {
        text.push_str(&format!("\nschedule {} ({}) runs next:", line.name, line.what));
        line.local.iter().for_each(|at| text.push_str(&format!("\n  {at}")));
    }
    text
}
