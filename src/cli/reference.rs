//! `docs/commands.md`, made from the commands themselves.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;
use crate::domain::grammar::Verb;

/// The whole page.
pub fn reference() -> String {
    let mut command = Cli::command();
    command.build();
    let mut page = String::from(
        "# Commands\n\n<!-- Generated from src/cli/ by tests/it/cli.rs: run `HOIST_BLESS=1 cargo test` \
         after a change. -->\n\n",
    );
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.push_str(&about);
    page.push_str(
        ".\n\nExit status: 0 done, 1 refused or failed, 2 wrong usage.\n\
         Answers go to standard output, everything else to standard error.\n\
         Errors say what happened, why, and what to do next.\n\n## Everywhere\n\n",
    );
    let global = |arg: &&Arg| arg.is_global_set() && !arg.is_hide_set();
    command.get_arguments().filter(global).for_each(|arg| argument(&mut page, arg));
    page.push_str(
        "- `HOIST_TOKEN`: the token to show to a running hoist. \
         It is never an argument, because everybody on the machine can read those.\n",
    );
    for verb in command.get_subcommands().filter(|it| it.get_name() != "help") {
        section(&mut page, "hoist", verb);
    }
    page
}

/// A verb's part of the page, or its verbs' where it has some.
fn section(page: &mut String, before: &str, verb: &Command) {
    let name = format!("{before} {}", verb.get_name());
    if verb.has_subcommands() {
        let verbs = verb.get_subcommands().filter(|it| it.get_name() != "help");
        return verbs.for_each(|it| section(page, &name, it));
    }
    let usage = verb.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
    // Writing to a String cannot fail, here and below.
    let _ = write!(page, "\n## {name}\n\n{about}.\n\n```text\n{usage}\n```\n");
    let own = |arg: &&Arg| !arg.is_global_set() && !arg.is_hide_set();
    let is_help = |arg: &Arg| {
        matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong)
    };
    let mut own = verb.get_arguments().filter(own).filter(|arg| !is_help(arg)).peekable();
    if own.peek().is_some() {
        page.push('\n');
    }
    own.for_each(|arg| argument(page, arg));
    if let Some(after) = verb.get_after_help() {
        let _ = write!(page, "\n{after}\n");
    }
    // Whoever reads how it is typed here wants to know how it is said there.
    if let Some(said) = Verb::ALL.into_iter().find(|it| format!("hoist {it}") == name) {
        let _ = write!(page, "\nIn a conversation: `{}`.\n", said.usage());
    }
}

fn argument(page: &mut String, arg: &Arg) {
    let values = arg.get_value_names().unwrap_or_default();
    let values = values.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(" ");
    let takes_value =
        arg.get_action().takes_values() && arg.get_num_args().is_none_or(|n| n.max_values() > 0);
    let shown = match arg.get_long() {
        Some(long) if takes_value => format!("--{long} {values}"),
        Some(long) => format!("--{long}"),
        None => values,
    };
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string);
    let help = help.unwrap_or_default();
    let _ = write!(page, "- `{shown}`: {help}");
    if !help.ends_with('.') {
        page.push('.');
    }
    let choices: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|_| takes_value)
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !choices.is_empty() {
        let _ = write!(page, " One of {}.", choices.join(", "));
    }
    let default = arg.get_default_values().first().map(|it| it.to_string_lossy().into_owned());
    if let Some(default) = default.filter(|_| takes_value) {
        let _ = write!(page, " Default: `{default}`.");
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(page, " Environment: `{}`.", variable.to_string_lossy());
    }
    page.push('\n');
}
