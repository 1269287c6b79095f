//! `hoist deliveries`: which announcements came in, and what became of them.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::app::views::{DeliveryDetailView, DeliveryView};

use super::connection::Connection;
use super::failure::Trouble;
use super::output::{FAINT, Output, STRONG};
use super::table::{Cell, Table};
use super::words::{age, printable};

/// What `hoist deliveries` is told.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DeliveriesArgs {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// How many, from the newest on.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,

    /// Only those that were refused.
    #[arg(long)]
    failed: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show one with its body, in which secrets are hidden.
    Show {
        /// Its event's id.
        id: String,
    },
    /// Decide one anew, by the configuration as it is now.
    Replay {
        /// Its event's id.
        id: String,
    },
}

impl DeliveriesArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let remote = connection.remote()?;
        let now = connection.now();
        match self.verb {
            Some(Verb::Show { id }) => {
                let delivery = remote.delivery(&id).await?;
                Ok(out.answer(&delivery, |it| one(it, now))?)
            }
            Some(Verb::Replay { id }) => {
                let delivery = remote.replay(&id).await?;
                Ok(out.answer(&delivery, |it| one(it, now))?)
            }
            None => {
                let deliveries = if self.failed {
                    remote.refused_deliveries(self.limit).await?
                } else {
                    remote.deliveries(self.limit).await?
                };
                let none = if self.failed {
                    "nothing was refused"
                } else {
                    "nothing was announced yet; `hoist announce` does"
                };
                Ok(out.answer(&deliveries, |deliveries| told(deliveries, none, now))?)
            }
        }
    }
}

fn told(deliveries: &[DeliveryView], none: &str, now: Timestamp) -> String {
    if deliveries.is_empty() {
        return none.to_owned();
    }
    let mut table = Table::new(["RECEIVED", "EVENT", "SOURCE", "DELIVERY", "OUTCOME"]);
    for delivery in deliveries {
        table.row([
            Cell::new(age(now, delivery.received_at)),
            Cell::new(delivery.id.as_str()),
            Cell::or_none(delivery.source.as_ref()),
            Cell::or_none(delivery.delivery.as_ref()),
            Cell::new(&delivery.outcome),
        ]);
    }
    table.to_string()
}

fn one(detail: &DeliveryDetailView, now: Timestamp) -> String {
    let delivery = &detail.delivery;
    let by = delivery.source.as_deref().unwrap_or("nobody that is known");
    let mut text = format!(
        "{STRONG}{}{STRONG:#} by {} {FAINT}{}{FAINT:#}\n{}\n",
        delivery.id.as_str(),
        printable(by),
        age(now, delivery.received_at),
        printable(&delivery.outcome),
    );
    for brought in &detail.artifacts {
        let version = printable(&brought.artifact.version);
        text.push_str(&format!("brought {version} to {}\n", brought.application));
    }
    if let Some(body) = &detail.body {
        text.push_str(&printable(&format!("{body:#}")));
    }
    text
}
