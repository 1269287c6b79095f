//! What is said when a verb cannot do as asked, and the status to end with.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::app::ports::RemoteError;

use super::connection::Connection;
use super::output::Output;

/// The exit status of what was refused, or failed.
const REFUSED: u8 = 1;

/// The exit status of wrong usage, which is clap's own too.
pub(super) const WRONG_USAGE: u8 = 2;

/// Why a verb did not do as asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It was not asked properly.
    Usage { what: String, next: Option<String> },
    /// It was refused, or failed.
    Failed { what: String, next: Option<String> },
    /// The running hoist did not do it.
    Remote(RemoteError),
    /// An announcement was not taken: there a signature or CI's token tells who speaks.
    Announcement(RemoteError),
    /// The answer could not be written.
    Output(io::Error),
}

impl Trouble {
    pub(super) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), next: Some(next.into()) }
    }

    pub(super) fn failed(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Failed { what: what.into(), next: Some(next.into()) }
    }

    /// Tells it, and gives the status to end with.
    pub(super) fn tell(self, connection: &Connection<'_>, out: &mut Output) -> ExitCode {
        let (status, what, next) = match self {
            Self::Usage { what, next } => (WRONG_USAGE, what, next),
            Self::Failed { what, next } => (REFUSED, what, next),
            Self::Remote(error) => {
                let (what, next) = remote(&error, connection, connection.how_to_be_known());
                (REFUSED, what, next)
            }
            Self::Announcement(error) => {
                let known = "look at the source in `sources:` of that hoist's configuration: the \
                             job's token must fit its `oidc` and `claims`, or \
                             HOIST_ANNOUNCE_SECRET (or --secret-file) be its secret";
                let (what, next) = remote(&error, connection, known);
                (REFUSED, what, next)
            }
            // The reader went away, as `head` does: it has what it wanted.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Self::Output(error) => {
                (REFUSED, format!("the answer cannot be written: {error}"), None)
            }
        };
        out.complain(&what, next.as_deref());
        ExitCode::from(status)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { what, .. } | Self::Failed { what, .. } => f.write_str(what),
            Self::Remote(error) | Self::Announcement(error) => error.fmt(f),
            Self::Output(error) => error.fmt(f),
        }
    }
}

impl From<RemoteError> for Trouble {
    fn from(error: RemoteError) -> Self {
        Self::Remote(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What happened and why, and what to do next; `known` is what to do where nobody knows who asks.
fn remote(
    error: &RemoteError,
    connection: &Connection<'_>,
    known: &str,
) -> (String, Option<String>) {
    let at = connection.address();
    match error {
        RemoteError::Unreachable(cause) => (
            format!("no hoist answers at {at}: {cause:#}"),
            Some(
                "start it with `hoist serve`, or set HOIST_SERVER (or --server) to where it runs"
                    .to_owned(),
            ),
        ),
        RemoteError::Unauthorized(problem) => (
            format!("the hoist at {at} does not know who asks: {}", problem.detail),
            Some(known.to_owned()),
        ),
        RemoteError::Refused(problem) => {
            let field = problem.field.as_ref().filter(|name| !problem.detail.contains(*name));
            let field = field.map(|name| format!(" (`{name}`)")).unwrap_or_default();
            (format!("{}{field}", problem.detail), None)
        }
        RemoteError::Unavailable { problem, retry_after } => {
            let again = retry_after.map_or_else(
                || "try again in a moment; hoist's log says more".to_owned(),
                |seconds| format!("try again in {seconds} s; hoist's log says more"),
            );
            (format!("the hoist at {at} cannot do it now: {}", problem.detail), Some(again))
        }
        RemoteError::NotHoist(what) => (
            format!("this is not hoist: at {at} {what}"),
            Some(
                "set HOIST_SERVER (or --server) to hoist's own address, without `/api` or a page's path"
                    .to_owned(),
            ),
        ),
    }
}
