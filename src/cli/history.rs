//! `hoist history`: what happened to an application.

use clap::Args;
use jiff::Timestamp;

use crate::app::views::{HistoryPromotion, HistoryView};

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::table::{Cell, Table};
use super::words::{age, style_of};

/// What `hoist history` is told.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// The application.
    #[arg(value_name = "APP")]
    application: String,

    /// One environment; without it all of them.
    #[arg(value_name = "ENV")]
    environment: Option<String>,
}

impl HistoryArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let remote = connection.remote()?;
        let history = remote.history(&self.application, self.environment.as_deref()).await?;
        let now = connection.now();
        Ok(out.answer(&history, |history| told(history, now))?)
    }
}

fn told(history: &HistoryView, now: Timestamp) -> String {
    if history.promotions.is_empty() {
        return format!("nothing has happened to {} yet", history.application);
    }
    let headings =
        ["SINCE", "ENVIRONMENT", "VERSION", "KIND", "STATE", "BY", "COMMIT", "PROMOTION", "WHY"];
    let mut table = Table::new(headings);
    for it in &history.promotions {
        table.row([
            Cell::new(age(now, it.since)),
            Cell::new(it.environment.as_str()),
            Cell::new(&it.version),
            Cell::new(&it.kind),
            Cell::new(&it.state).styled(style_of(&it.state)),
            Cell::new(&it.requested_by),
            Cell::or_none(it.commit.as_ref().map(|commit| commit.short())),
            Cell::new(it.promotion.as_str()),
            Cell::new(why(it)),
        ]);
    }
    table.to_string()
}

/// Why it was asked for, past which gates it went, and how it ended where it did not succeed.
fn why(it: &HistoryPromotion) -> String {
    let parts = it.reason.iter().chain(&it.ended).chain(&it.skipped);
    parts.cloned().collect::<Vec<_>>().join("; ")
}
