//! `hoist run`: runs a schedule now.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures::future::BoxFuture;

use crate::app::App;

use super::World;
use super::connection::Connection;
use super::failure::Trouble;
use super::output::Output;
use super::story;

/// Does everything that there is to do now.
pub type WorkOff<'w> = &'w dyn Fn(Arc<App>) -> BoxFuture<'static, ()>;

/// What `hoist run` is told.
#[derive(Debug, Args)]
#[command(after_help = "What waits and may go goes, as at the schedule's own time; \
                        `hoist plan --schedule NAME` says before what that is. With `--once` no \
                        hoist is running: this one does what there is to do, and ends. A proposal \
                        that needs a review is merged by a later run.")]
pub(super) struct RunArgs {
    /// The schedule, by its name in the pipelines file.
    #[arg(value_name = "SCHEDULE")]
    schedule: String,
    /// Work here, with the store and the repositories themselves, instead of asking a running hoist.
    #[arg(long)]
    once: bool,
    /// The process file, for `--once`.
    #[arg(long, value_name = "PATH", default_value = "config/hoist.yaml", requires = "once")]
    config: PathBuf,
}

impl RunArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        world: &World<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        if self.once {
            return self.run_here(world, out).await;
        }
        let done = connection.remote()?.run(&self.schedule).await?;
        Ok(out.answer(&done, story::command)?)
    }

    async fn run_here(self, world: &World<'_>, out: &mut Output) -> Result<(), Trouble> {
        let failed =
            |error: anyhow::Error| Trouble::Failed { what: format!("{error:#}"), next: None };
        let app = Arc::new((world.open_app)(&self.config).await.map_err(failed)?);
        // What came since the last run is looked at first, so that it can go with this one.
        (world.work_off)(Arc::clone(&app)).await;
        let done = app.run_alone(&self.schedule).await.map_err(|error| failed(error.into()))?;
        (world.work_off)(Arc::clone(&app)).await;
        // A train is put together, each application takes its place in it, and then it may go in.
        for _ in 0..2 {
            app.tend_trains().await;
            (world.work_off)(Arc::clone(&app)).await;
        }
        out.answer(&done, story::command)?;
        match app.troubles().await.map_err(|error| failed(error.into()))?.as_slice() {
            [] => Ok(()),
            troubles => Err(Trouble::Failed { what: troubles.join("\n"), next: None }),
        }
    }
}
