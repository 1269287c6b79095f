//! `hoist promote`: brings a version into an environment.

use clap::Args;

use crate::app::views::PromoteRequest;

use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// What `hoist promote` is told.
#[derive(Debug, Args)]
#[command(after_help = "Without --version, --tag and --digest the newest that may go there goes.")]
pub(super) struct PromoteArgs {
    /// The application: `payments`, or `services/payments` where two pipelines have one.
    #[arg(value_name = "APP")]
    application: String,

    /// The environment it shall go to.
    #[arg(value_name = "ENV")]
    environment: String,

    #[command(flatten)]
    which: Which,

    /// Why; it stands in the proposal and in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Say yes to a version older than the one there.
    #[arg(long)]
    allow_older: bool,

    /// Pass an environment that comes before; needs the right `skip-gates`, and a reason. May
    /// stand several times.
    #[arg(long, value_name = "ENV", requires = "reason")]
    skip: Vec<String>,

    /// Say yes to a version that was rolled back; needs a reason.
    #[arg(long, requires = "reason")]
    force_bad: bool,
}

/// Which artifact is meant.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Which {
    /// By what people call it: its version, its tag, or at least 12 digits of its digest.
    #[arg(long)]
    version: Option<String>,

    /// By its tag.
    #[arg(long)]
    tag: Option<String>,

    /// By its digest, or at least 12 digits of it.
    #[arg(long)]
    digest: Option<String>,
}

impl PromoteArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let Which { version, tag, digest } = self.which;
        let request = PromoteRequest {
            application: self.application,
            environment: self.environment,
            version,
            tag,
            digest,
            reason: self.reason,
            allow_older: self.allow_older,
            skip: self.skip,
            force_bad: self.force_bad,
        };
        let done = connection.remote()?.promote(&request).await?;
        Ok(out.answer(&done, story::command)?)
    }
}
