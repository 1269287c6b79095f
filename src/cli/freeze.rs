//! `hoist freeze`: lets nothing into an environment.

use clap::{Args, ValueEnum};

use crate::app::views::{Allowance, FreezeRequest};

use super::connection::Connection;
use super::failure::Trouble;
use super::hold::duration;
use super::output::Output;
use super::story;

/// What `hoist freeze` is told.
#[derive(Debug, Args)]
#[command(after_help = "Freezes that are known long before stand in the pipelines file. \
                        `hoist status` shows all of them.")]
pub(super) struct FreezeArgs {
    /// The environment, in every pipeline that has it; '*' (in quotes) is everywhere.
    #[arg(value_name = "ENV")]
    environment: String,

    /// For how long, as in 2h; without it until somebody thaws it.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<String>,

    /// Why: an incident's number, a link.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// What goes in nevertheless.
    #[arg(long, value_enum, value_name = "WHAT")]
    allow: Vec<Allowed>,
}

/// What may go in although it is frozen.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Allowed {
    /// Rollbacks, through their own approvals.
    Rollback,
}

impl FreezeArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let allow = self.allow.iter().map(|it| match it {
            Allowed::Rollback => Allowance::Rollback,
        });
        let request = FreezeRequest {
            environment: self.environment,
            length: self.length,
            reason: self.reason,
            allow: allow.collect(),
        };
        let done = connection.remote()?.freeze(&request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
