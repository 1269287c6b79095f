//! `hoist plan`: what would be done, now or at a time to come.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;

use crate::app::views::{PlanView, PlannedView, RunView};
use crate::messages::schedule::{counted, place};
use crate::messages::time;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::{BAD, FAINT, GOOD, Output, STRONG};
use super::story::coloured;
use super::words::{age, one_line, printable};

/// What `hoist plan` is told.
#[derive(Debug, Args)]
#[command(after_help = "The running hoist answers with its own planner, and does nothing.")]
pub(super) struct PlanArgs {
    /// One application; without it all of them.
    #[arg(value_name = "APP")]
    application: Option<String>,

    /// What a run of this schedule would do.
    #[arg(long, value_name = "NAME", conflicts_with = "application")]
    schedule: Option<String>,

    /// A time to come, as in 17:00, 2026-11-23T09:00 or 2026-11-23T09:00Z; without it now. It is
    /// read by the clock of the schedule, else of `chat.zone`, unless it names its own.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

impl PlanArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let remote = connection.remote()?;
        if let Some(schedule) = &self.schedule {
            let view = remote.foresee_run(schedule, self.at.as_deref()).await?;
            return Ok(out.answer(&view, run_told)?);
        }
        let view = remote.plan(self.application.as_deref(), self.at.as_deref()).await?;
        let now = connection.now();
        Ok(out.answer(&view, |view| told(view, now))?)
    }
}

fn run_told(view: &RunView) -> String {
    let mut text = format!(
        "{STRONG}{}{STRONG:#} at {}: {}\n",
        view.schedule,
        time(view.at),
        counted(&view.environments, view.goes.len(), view.stays.len())
    );
    for it in &view.goes {
        let from = it.from.as_deref().unwrap_or("nothing");
        let _ = writeln!(
            text,
            "  {GOOD}goes{GOOD:#}   {}{}: {} → {}",
            it.application,
            place(&view.environments, &it.environment),
            one_line(from),
            one_line(&it.version)
        );
    }
    for it in &view.stays {
        let _ = writeln!(
            text,
            "  {FAINT}stays{FAINT:#}  {}{} ({}): {}",
            it.application,
            place(&view.environments, &it.environment),
            it.reason.name(),
            one_line(&it.why)
        );
    }
    for note in &view.unmatched {
        let _ = writeln!(text, "  {BAD}note{BAD:#}   {}", one_line(note));
    }
    let next: Vec<String> = view.next.iter().map(|at| time(*at)).collect();
    let _ = writeln!(text, "  {FAINT}then{FAINT:#}   {}", next.join(", "));
    text
}

// Writing to a String cannot fail, throughout.
fn told(view: &PlanView, now: Timestamp) -> String {
    let mut text = String::new();
    for it in &view.unread {
        let _ = writeln!(
            text,
            "{BAD}the repository {} cannot be read{BAD:#}: {}; {}",
            it.repository,
            printable(&it.why),
            printable(&it.next)
        );
    }
    let told: Vec<&PlannedView> = view
        .applications
        .iter()
        .filter(|it| !it.steps.is_empty() || !it.waits.is_empty())
        .collect();
    if told.is_empty() {
        text.push_str("nothing is to be done, and nothing waits");
    }
    for application in told {
        text.push_str(&one(application, now));
    }
    text
}

fn one(it: &PlannedView, now: Timestamp) -> String {
    let mut text = format!("{STRONG}{}{STRONG:#} in pipeline {}\n", it.application, it.pipeline);
    for step in &it.steps {
        let place = step.environment.as_ref().map_or("-", |name| name.as_str());
        let _ = writeln!(text, "  {place}: {}", one_line(&step.what));
        for line in step
            .diff
            .iter()
            .flat_map(|diff| coloured(diff).lines().map(str::to_owned).collect::<Vec<_>>())
        {
            let _ = writeln!(text, "    {line}");
        }
    }
    for wait in &it.waits {
        let version = wait.version.as_ref().map(|it| format!("{it} ")).unwrap_or_default();
        let until = wait.until.map(|at| format!(", {}", age(now, at))).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {FAINT}{}: {}waits: {}{until}{FAINT:#}",
            wait.environment,
            one_line(&version) + if version.is_empty() { "" } else { " " },
            one_line(&wait.why)
        );
    }
    if let Some(trouble) = &it.trouble {
        let _ = writeln!(text, "  {BAD}{}{BAD:#}", one_line(trouble));
    }
    text
}
