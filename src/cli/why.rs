//! `hoist why`: what keeps a version out of an environment.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;

use crate::app::views::{CandidateView, GateView, WhyView};
use crate::messages::explain;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::{FAINT, Output, STRONG};
use super::words::{age, lasted, one_line, printable, style_of};

/// What `hoist why` is told.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The application: `payments`, or `services/payments` where two pipelines have one.
    #[arg(value_name = "APP")]
    application: String,

    /// The environment.
    #[arg(value_name = "ENV")]
    environment: String,
}

impl WhyArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let view = connection.remote()?.why(&self.application, &self.environment).await?;
        let now = connection.now();
        Ok(out.answer(&view, |view| told(view, now))?)
    }
}

// Writing to a String cannot fail, throughout.
fn told(view: &WhyView, now: Timestamp) -> String {
    let mut text = format!("{STRONG}{}{STRONG:#}\n", printable(&view.answer));
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {FAINT}{name:<11}{FAINT:#}{}", one_line(value));
    };
    if let Some(version) = &view.version {
        let since = view.since.map(|since| format!(", {}", age(now, since)));
        line("there", &format!("{version}{}", since.unwrap_or_default()));
    }
    if let Some(hold) = &view.hold {
        line("hold", &explain::hold(&hold.by, hold.reason.as_deref(), hold.until));
    }
    line("next look", &age(now, view.looks_again));
    for candidate in &view.candidates {
        text.push('\n');
        text.push_str(&one(candidate, now));
    }
    text
}

fn one(it: &CandidateView, now: Timestamp) -> String {
    let style = style_of(&it.state);
    let mut text = format!(
        "{STRONG}{}{STRONG:#}: {style}{}{style:#}, {}\n",
        one_line(&it.version),
        one_line(&it.state),
        age(now, it.since)
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {FAINT}{name:<11}{FAINT:#}{}", one_line(value));
    };
    if let Some(promotion) = &it.promotion {
        line("promotion", promotion.as_str());
    }
    line("why", &it.why);
    line("next", &it.next);
    for gate in &it.gates {
        let GateView { name, saw, verdict, .. } = &gate.gate;
        let (verdict, so_for) = (explain::verdict(verdict), lasted(now, gate.since));
        line("gate", &format!("{name}: {verdict}, {saw} (for {so_for})"));
        if let Some(next) = &gate.next {
            let again = gate.looks_again.map(|at| format!("; looks again {}", age(now, at)));
            line("", &format!("{next}{}", again.unwrap_or_default()));
        }
    }
    text
}
