//! `hoist status`: what is where, and what is on its way.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;

use crate::app::views::{
    ApplicationView, EnvironmentView, FreezeView, NextView, StatusView, UnreadView,
};
use crate::messages::{explain, time};

use super::connection::Connection;
use super::failure::Trouble;
use super::output::{BAD, Output, STRONG};
use super::table::{Cell, Table};
use super::words::{age, printable, style_of};

/// What `hoist status` is told.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// One application; without it all of them.
    #[arg(value_name = "APP")]
    application: Option<String>,
}

impl StatusArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let remote = connection.remote()?;
        let now = connection.now();
        match self.application {
            Some(name) => {
                let view = remote.application(&name).await?;
                Ok(out.answer(&view, |view| one(view, now))?)
            }
            None => {
                let view = remote.status().await?;
                Ok(out.answer(&view, |view| overview(view, now))?)
            }
        }
    }
}

fn overview(status: &StatusView, now: Timestamp) -> String {
    let mut text: String = status.unread.iter().map(unread).collect();
    let renamed =
        |(name, what): (_, &String)| format!("the repository {name}: {}\n", printable(what));
    text.extend(status.renamed.iter().map(renamed));
    text.extend(status.freezes.iter().map(|it| freeze(it, now)));
    if !text.is_empty() {
        text.push('\n');
    }
    if status.applications.is_empty() {
        text.push_str(
            "no application is known yet: hoist lists those whose files exist in the first \
             environment of a pipeline",
        );
        return text;
    }
    let headings = ["APPLICATION", "ENVIRONMENT", "VERSION", "AGE", "STATE", "ON ITS WAY", "WHY"];
    let mut table = Table::new(headings);
    for application in &status.applications {
        for environment in &application.environments {
            table.row([
                Cell::new(application.application.as_str()).styled(STRONG),
                Cell::new(environment.environment.as_str()),
                Cell::or_none(environment.version.as_ref()),
                Cell::or_none(environment.since.map(|since| age(now, since))),
                Cell::new(&environment.state).styled(style_of(&environment.state)),
                Cell::new(on_their_way(environment)),
                Cell::new(why(application, environment)),
            ]);
        }
    }
    text + &table.to_string()
}

/// A repository that cannot be read.
fn unread(it: &UnreadView) -> String {
    format!(
        "{BAD}the repository {} cannot be read{BAD:#}: {}\n  next: {}\n",
        it.repository,
        printable(&it.why),
        printable(&it.next)
    )
}

/// What is frozen, or will be.
fn freeze(it: &FreezeView, now: Timestamp) -> String {
    let place = it.environments.join(", ");
    let verb = if it.on {
        format!("{BAD}is frozen{BAD:#}")
    } else {
        format!("will be frozen {}", age(now, it.from))
    };
    let until = match it.until {
        Some(until) => format!("until {}", time(until)),
        None => "until somebody thaws it".to_owned(),
    };
    let why = it.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!(
        "{STRONG}{place}{STRONG:#} {verb} by {} {until}{}\n",
        printable(&it.by),
        printable(&why)
    )
}

/// What is on its way, and what comes after it.
fn on_their_way(environment: &EnvironmentView) -> String {
    let all = environment.next.iter().chain(&environment.behind);
    all.map(on_its_way).collect::<Vec<_>>().join(", then ")
}

fn on_its_way(next: &NextView) -> String {
    match next.proposal {
        Some(number) => format!("{} {} ({number})", next.version, next.state),
        None => format!("{} {}", next.version, next.state),
    }
}

/// Everything that anything there waits for, what stops most first.
fn why(application: &ApplicationView, environment: &EnvironmentView) -> String {
    let hold = environment.hold.as_ref();
    let hold = hold.map(|it| explain::hold(&it.by, it.reason.as_deref(), it.until));
    let next = environment.next.as_ref().and_then(|next| next.waits_for.clone());
    let behind = environment
        .behind
        .iter()
        .filter_map(|it| it.waits_for.as_ref().map(|words| format!("{}: {words}", it.version)));
    let parts = application.trouble.iter().cloned().chain(hold).chain(next).chain(behind);
    parts.chain(environment.waits_for.clone()).collect::<Vec<_>>().join("; ")
}

/// One application, with all that is known of it.
fn one(application: &ApplicationView, now: Timestamp) -> String {
    let mut text = format!(
        "{STRONG}{}{STRONG:#} in pipeline {}\n",
        application.application, application.pipeline
    );
    if let Some(it) = &application.unread {
        text.push_str(&unread(it));
    } else if let Some(trouble) = &application.trouble {
        let _ = writeln!(text, "{BAD}the last look at it failed{BAD:#}: {}", printable(trouble));
    }
    for environment in &application.environments {
        text.push('\n');
        text.push_str(&one_environment(environment, now));
    }
    text
}

fn one_environment(environment: &EnvironmentView, now: Timestamp) -> String {
    let style = style_of(&environment.state);
    let name = &environment.environment;
    let state = printable(&environment.state);
    let mut text = format!("{STRONG}{name}{STRONG:#}: {style}{state}{style:#}\n");
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<11}{}", printable(&value));
    };
    if let Some(version) = &environment.version {
        let since = environment.since.map(|since| format!(", {}", age(now, since)));
        line("version", format!("{version}{}", since.unwrap_or_default()));
    }
    if let Some(digest) = &environment.digest {
        line("digest", digest.clone());
    }
    if let Some(promotion) = &environment.promotion {
        line("promotion", promotion.to_string());
    }
    if let Some(url) = environment.health.as_ref().and_then(|health| health.url.as_ref()) {
        line("health", url.clone());
    }
    let ways = environment.next.iter().zip(["on its way"]);
    let ways = ways.chain(environment.behind.iter().zip(std::iter::repeat("then")));
    for (next, name) in ways {
        line(name, on_its_way(next));
        if let Some(words) = &next.waits_for {
            line("", words.clone());
        }
        line("", format!("promotion {}", next.promotion));
        if let Some(url) = &next.url {
            line("", url.clone());
        }
    }
    if let Some(hold) = &environment.hold {
        line("why", explain::hold(&hold.by, hold.reason.as_deref(), hold.until));
        line("", format!("since {}", age(now, hold.since)));
    }
    if let Some(words) = &environment.waits_for {
        line("why", words.clone());
    }
    text
}
