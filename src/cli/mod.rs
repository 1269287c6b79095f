//! The command line: one file per verb, each thin.
//!
//! In reading order: what is printed and said, how a running hoist is reached, the verbs, and what
//! several of them share.

pub mod output;

mod failure;

mod connection;

mod serve;

mod demo;

mod check;

mod beliefs;

mod edit;

mod verify;

mod announce;

mod follow;

mod job;

mod promote;

mod rollback;

mod run;

mod hold;

mod resume;

mod skip;

mod freeze;

mod thaw;

mod review;

mod status;

mod why;

mod plan;

mod history;

mod deliveries;

mod audit;

mod completions;

mod recover;

mod planned;

pub mod reference;

mod story;
mod summary;

mod words;

mod table;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::app::ports::{Clock, JobTokens};
use connection::{Connection, ConnectionArgs};
use output::{Format, Output};

pub use check::TryKeys;
pub use connection::Connect;
pub use demo::DemoArgs;
pub use recover::OpenApp;
pub use run::WorkOff;
pub use serve::ServeArgs;
pub use verify::OpenCheckout;

/// Moves a built artifact up a GitOps repository's environments, one reviewed pull request at a
/// time, and brings it down again when it is bad.
#[derive(Debug, Parser)]
#[command(name = "hoist", version, max_term_width = 100)]
#[command(after_help = "Exit status: 0 done, 1 refused or failed, 2 wrong usage.")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,

    /// How answers are written: tables for people, JSON for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,

    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the service.
    Serve(ServeArgs),
    /// See it work, in a folder of its own.
    Demo(DemoArgs),
    #[command(flatten)]
    Here(Box<Here>),
}

/// The verbs that are done here and now, by this room.
#[derive(Debug, Subcommand)]
enum Here {
    /// Read the configuration and tell everything that is wrong with it.
    Check(check::CheckArgs),
    /// Change values of a YAML or JSON file and not a byte more.
    Edit(edit::EditArgs),
    /// Tell whether only version fields changed between two revisions of a Git repository.
    Verify(verify::VerifyArgs),
    /// Tell a running hoist that an artifact was built.
    Announce(Box<announce::AnnounceArgs>),
    /// Bring a version into an environment.
    Promote(promote::PromoteArgs),
    /// Bring back the last version that was good.
    Rollback(rollback::RollbackArgs),
    /// Keep an application as it is in an environment.
    Hold(hold::HoldArgs),
    /// End a hold.
    Resume(resume::ResumeArgs),
    /// Let what is on its way into an environment pass one gate.
    Skip(skip::SkipArgs),
    /// Let nothing into an environment, whichever application it is.
    Freeze(freeze::FreezeArgs),
    /// End a freeze.
    Thaw(thaw::ThawArgs),
    /// Run a schedule now.
    Run(run::RunArgs),
    /// Look at a promotion's proposal, and review, merge or close it.
    Review(review::ReviewArgs),
    /// Show what is where, and what is on its way.
    Status(status::StatusArgs),
    /// Tell what keeps a version out of an environment, and what can be done about it.
    Why(why::WhyArgs),
    /// Tell what would be done, now or at a time to come.
    Plan(plan::PlanArgs),
    /// Show an application's promotions, newest first.
    History(history::HistoryArgs),
    /// Show which announcements came in, newest first.
    Deliveries(deliveries::DeliveriesArgs),
    /// Check the audit log.
    Audit(audit::AuditArgs),
    /// Rebuild a lost store from Git and the forge.
    Recover(recover::RecoverArgs),
    /// Print a script that completes hoist's commands in a shell.
    Completions(completions::CompletionsArgs),
}

/// What was typed.
#[derive(Debug)]
pub enum Typed {
    /// `hoist serve`.
    Serve(ServeArgs),
    /// `hoist demo`.
    Demo(DemoArgs),
    /// Any other verb; [`Errand::run`] does it.
    Errand(Box<Errand>),
}

/// A verb that needs no service of its own: it is done here, or a running hoist is asked.
#[derive(Debug)]
pub struct Errand {
    verb: Box<Here>,
    connection: ConnectionArgs,
}

/// What an errand has to work with besides its arguments.
pub struct World<'w> {
    /// Reaches a running hoist.
    pub connect: Connect<'w>,
    /// Gives the job that runs us its tokens.
    pub job_tokens: &'w dyn JobTokens,
    /// The time.
    pub clock: &'w dyn Clock,
    /// Opens the Git repository that a folder is in.
    pub open_checkout: OpenCheckout<'w>,
    /// Tries the keys that sign commits.
    pub try_keys: TryKeys<'w>,
    /// Opens the store and the repositories that a configuration names.
    pub open_app: OpenApp<'w>,
    /// Does everything that there is to do now.
    pub work_off: WorkOff<'w>,
}

/// Reads the command line; where it cannot, tells why and gives the status to end with.
pub fn read() -> Result<(Typed, Output), ExitCode> {
    let Cli { verb, connection, output } =
        Cli::try_parse().map_err(|error| planned::explain(&error))?;
    let typed = match verb {
        Verb::Serve(args) => Typed::Serve(args),
        Verb::Demo(args) => Typed::Demo(args),
        Verb::Here(verb) => Typed::Errand(Box::new(Errand { verb, connection })),
    };
    Ok((typed, Output::new(output)))
}

impl Errand {
    /// Does it, and gives the status to end with.
    pub async fn run(self, world: &World<'_>, out: &mut Output) -> ExitCode {
        let connection = Connection::new(self.connection, world);
        let done = match *self.verb {
            Here::Check(args) => args.run(world, out),
            Here::Edit(args) => args.run(out),
            Here::Verify(args) => args.run(world.open_checkout, out),
            Here::Announce(args) => args.run(&connection, out).await,
            Here::Promote(args) => args.run(&connection, out).await,
            Here::Rollback(args) => args.run(&connection, out).await,
            Here::Hold(args) => args.run(&connection, out).await,
            Here::Resume(args) => args.run(&connection, out).await,
            Here::Skip(args) => args.run(&connection, out).await,
            Here::Freeze(args) => args.run(&connection, out).await,
            Here::Thaw(args) => args.run(&connection, out).await,
            Here::Run(args) => args.run(&connection, world, out).await,
            Here::Review(args) => args.run(&connection, out).await,
            Here::Status(args) => args.run(&connection, out).await,
            Here::Why(args) => args.run(&connection, out).await,
            Here::Plan(args) => args.run(&connection, out).await,
            Here::History(args) => args.run(&connection, out).await,
            Here::Deliveries(args) => args.run(&connection, out).await,
            Here::Audit(args) => args.run(&connection, out).await,
            Here::Recover(args) => args.run(world.open_app, out).await,
            Here::Completions(args) => args.run(&mut Cli::command(), out),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(trouble) => trouble.tell(&connection, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }
}
