//! `hoist deliveries`: which announcements came in.

use clap::Args;
use jiff::Timestamp;

use crate::app::views::DeliveryView;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::table::{Cell, Table};
use super::words::age;

/// What `hoist deliveries` is told.
#[derive(Debug, Args)]
pub(super) struct DeliveriesArgs {
    /// How many, from the newest on.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl DeliveriesArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let deliveries = connection.remote()?.deliveries(self.limit).await?;
        let now = connection.now();
        Ok(out.answer(&deliveries, |deliveries| told(deliveries, now))?)
    }
}

fn told(deliveries: &Vec<DeliveryView>, now: Timestamp) -> String {
    if deliveries.is_empty() {
        return "nothing was announced yet; `hoist announce` does".to_owned();
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
