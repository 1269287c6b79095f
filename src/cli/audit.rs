//! `hoist audit`: is the audit log what was written?

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app::audit::Chain;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;

/// How many entries are asked for at once.
const PAGE: u32 = 1000;

/// What `hoist audit` is told.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    verb: AuditVerb,
}

#[derive(Debug, Subcommand)]
enum AuditVerb {
    /// Read the whole audit log and compute every hash anew.
    Verify(VerifyArgs),
}

/// What `hoist audit verify` is told.
#[derive(Debug, Args)]
#[command(
    after_help = "A changed, removed or inserted entry is found, and named. That the newest \
                        ones were cut off shows only in the last hash: keep what is printed \
                        elsewhere, and give it with --known the next time."
)]
struct VerifyArgs {
    /// A hash that an earlier run printed: an entry with it must still be there.
    #[arg(long, value_name = "HASH")]
    known: Option<String>,
}

/// What was found, for programs.
#[derive(Serialize)]
struct VerifiedView {
    entries: u64,
    last_hash: String,
}

impl AuditArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        match self.verb {
            AuditVerb::Verify(args) => args.run(connection, out).await,
        }
    }
}

impl VerifyArgs {
    async fn run(self, connection: &Connection<'_>, out: &mut Output) -> Result<(), Trouble> {
        let remote = connection.remote()?;
        let mut chain = Chain::default();
        let mut missing = self.known;
        loop {
            let lines = remote.audit(chain.number(), PAGE).await?;
            if lines.is_empty() {
                break;
            }
            for line in lines {
                chain.follow(&line.into()).map_err(|broken| {
                    let next = "compare the store with a copy from before: somebody changed it";
                    Trouble::failed(broken.to_string(), next)
                })?;
                missing = missing.filter(|known| known != chain.hash());
            }
        }
        if let Some(known) = missing {
            let what = format!(
                "each of the {} entries follows from the one before, and none has the hash {known}",
                chain.number()
            );
            let next = "compare the store with a copy from before: its newest entries were cut \
                        off, or it was written anew";
            return Err(Trouble::failed(what, next));
        }
        let view = VerifiedView { entries: chain.number(), last_hash: chain.hash().to_owned() };
        Ok(out.answer(&view, told)?)
    }
}

fn told(view: &VerifiedView) -> String {
    match view.entries {
        0 => "the audit log is empty".to_owned(),
        entries => format!(
            "each of the {entries} entries follows from the one before; the last hash is\n{}",
            view.last_hash
        ),
    }
}
