//! `hoist hold`: keeps an application as it is.

use clap::Args;

use crate::app::views::HoldRequest;
use crate::config::parse_duration;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist hold` is told.
#[derive(Debug, Args)]
#[command(after_help = "Nothing but a rollback goes in while it is held.")]
pub(super) struct HoldArgs {
    /// The application: `payments`, or `services/payments` where two pipelines have one.
    #[arg(value_name = "APP")]
    application: String,

    /// The environment.
    #[arg(value_name = "ENV")]
    environment: String,

    /// For how long, as in 2h; without it until somebody resumes it.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<String>,

    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Finds a mistake before anything is sent; the text itself is what the API takes.
pub(super) fn duration(text: &str) -> Result<String, String> {
    parse_duration(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

impl HoldArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let request = HoldRequest {
            application: self.application,
            environment: self.environment,
            length: self.length,
            reason: self.reason,
        };
        let done = connection.remote()?.hold(&request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
