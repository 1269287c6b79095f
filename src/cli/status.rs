//! `hoist status`: what is where, and what is on its way.

use clap::Args;
use jiff::Timestamp;

use crate::app::views::{ApplicationView, EnvironmentView, NextView};

use super::connection::Connection;
use super::failure::Trouble;
use super::output::{Output, STRONG};
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
                Ok(out.answer(&view, |view| overview(&view.applications, now))?)
            }
        }
    }
}

fn overview(applications: &[ApplicationView], now: Timestamp) -> String {
    if applications.is_empty() {
        return "no application is known yet: hoist lists those whose files exist in the first \
                environment of a pipeline"
            .to_owned();
    }
    let headings = ["APPLICATION", "ENVIRONMENT", "VERSION", "AGE", "STATE", "ON ITS WAY", "WHY"];
    let mut table = Table::new(headings);
    for application in applications {
        for environment in &application.environments {
            table.row([
                Cell::new(application.application.as_str()).styled(STRONG),
                Cell::new(environment.environment.as_str()),
                Cell::or_none(environment.version.as_ref()),
                Cell::or_none(environment.since.map(|since| age(now, since))),
                Cell::new(&environment.state).styled(style_of(&environment.state)),
                Cell::or_none(environment.next.as_ref().map(on_its_way)),
                Cell::or_none(waits_for(environment, now)),
            ]);
        }
    }
    table.to_string()
}

fn on_its_way(next: &NextView) -> String {
    match next.proposal {
        Some(number) => format!("{} ({number})", next.version),
        None => next.version.clone(),
    }
}

/// What it waits for, and until when, where that is known.
fn waits_for(environment: &EnvironmentView, now: Timestamp) -> Option<String> {
    let words = environment.waits_for.as_ref()?;
    Some(match environment.until {
        Some(until) => format!("{words} ({})", age(now, until)),
        None => words.clone(),
    })
}

/// One application, with all that is known of it.
fn one(application: &ApplicationView, now: Timestamp) -> String {
    let mut text = format!(
        "{STRONG}{}{STRONG:#} in pipeline {}\n",
        application.application, application.pipeline
    );
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
        text.push_str(&format!("  {name:<11}{}\n", printable(&value)));
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
    if let Some(next) = &environment.next {
        line("on its way", format!("{}, {}", on_its_way(next), next.state));
        line("", format!("promotion {}", next.promotion));
        if let Some(url) = &next.url {
            line("", url.clone());
        }
    }
    if let Some(hold) = &environment.hold {
        let why = hold.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let until = hold.until.map(|until| format!(", ends {}", age(now, until)));
        let until = until.unwrap_or_default();
        line("held", format!("by {}, {}{until}{why}", hold.by, age(now, hold.since)));
    }
    if let Some(words) = waits_for(environment, now) {
        line("why", words);
    }
    text
}
