//! What is meant to be typed one day, and cannot be yet: it is told apart from what is a mistake.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};

use super::failure::WRONG_USAGE;
use super::output::{Format, Output};

/// Verbs that are planned.
const VERBS: &[&str] = &["init"];

/// Arguments that are planned, of verbs that are built.
const ARGUMENTS: &[&str] = &["--online"];

/// Prints what clap found, and what it cannot know; gives the status to end with.
pub(super) fn explain(error: &clap::Error) -> ExitCode {
    // Where neither stream can be written there is nobody to tell.
    let _ = error.print();
    if let Some(planned) = planned(error) {
        Output::new(Format::Table).note(&format!("\n`{planned}` is planned, not built yet"));
    }
    // Help and the version are answers, and go to standard output.
    if error.use_stderr() { ExitCode::from(WRONG_USAGE) } else { ExitCode::SUCCESS }
}

fn planned(error: &clap::Error) -> Option<&'static str> {
    let typed = |kind| match error.get(kind) {
        Some(ContextValue::String(typed)) => Some(typed.as_str()),
        Some(_) | None => None,
    };
    let verb = typed(ContextKind::InvalidSubcommand);
    let argument = typed(ContextKind::InvalidArg);
    let verb = VERBS.iter().find(|it| Some(**it) == verb);
    let argument = || ARGUMENTS.iter().find(|it| argument.is_some_and(|typed| typed == **it));
    verb.or_else(argument).copied()
}
