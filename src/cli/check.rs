//! `hoist check`: is the configuration good?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::config::{self, Configuration, Problem, Problems};

use super::failure::Trouble;
use super::output::{Format, Output};
use super::words::count;

/// What `hoist check` is told.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The process's configuration; it names the pipelines file.
    #[arg(long, value_name = "PATH", default_value = "config/hoist.yaml")]
    config: PathBuf,
}

/// What was found, for programs.
#[derive(Serialize)]
struct CheckView {
    file: String,
    problems: Vec<ProblemLine>,
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
    pub(super) fn run(self, out: &mut Output) -> Result<(), Trouble> {
        let file = self.config.display().to_string();
        let (problems, read) = match config::load(&self.config) {
            Ok(configuration) => (Vec::new(), Ok(configuration)),
            Err(problems) => (problems.iter().map(ProblemLine::from).collect(), Err(problems)),
        };
        let view = CheckView { file, problems };
        match read {
            Ok(configuration) => Ok(out.answer(&view, |view| good(&view.file, &configuration))?),
            Err(problems) => {
                if out.format() == Format::Json {
                    out.answer(&view, |_| String::new())?;
                }
                Err(Trouble::failed(told(&problems), "mend these and check again"))
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

fn good(file: &str, configuration: &Configuration) -> String {
    let Configuration { settings, pipelines } = configuration;
    format!(
        "{file} is good: {}, {}, {}",
        count(settings.repositories.len(), ["repository", "repositories"]),
        count(settings.sources.len(), ["source", "sources"]),
        count(pipelines.len(), ["pipeline", "pipelines"]),
    )
}
