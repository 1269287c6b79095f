//! `hoist announce`: what CI says after a build.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::app::ingest::send::{Outgoing, SignedAnnouncement};
use crate::app::ports::{Remote, RemoteError};
use crate::app::views::AnnouncementView;
use crate::domain::artifact::{Build, Digest, ImageName, SourceCode, Tag};
use crate::domain::id::ApplicationName;

use super::connection::{Connection, secret_file, secret_variable};
use super::failure::Trouble;
use super::output::Output;
use super::words::printable;

/// The first pause before asking again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// No pause is longer, whoever asks for it: a build is waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What `hoist announce` is told.
#[derive(Debug, Args)]
#[command(after_help = "The announcement is signed with a source's secret, taken from the \
                        environment variable HOIST_ANNOUNCE_SECRET or from --secret-file. Its \
                        event's id is printed. The same announcement again is the same event.")]
pub(super) struct AnnounceArgs {
    /// The application; may be left out where the image decides it.
    #[arg(long, value_name = "NAME")]
    application: Option<ApplicationName>,

    /// The image without tag and digest, as in ghcr.io/acme/payments.
    #[arg(long)]
    image: ImageName,

    /// The image's digest: sha256: and 64 hex digits.
    #[arg(long)]
    digest: Digest,

    /// What the image was tagged.
    #[arg(long)]
    tag: Option<Tag>,

    /// What people call it, where that is not the tag.
    #[arg(long)]
    version: Option<String>,

    #[command(flatten)]
    origin: Origin,

    /// A file that holds the secret, instead of HOIST_ANNOUNCE_SECRET.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,

    /// How often to ask again where hoist does not answer, with growing pauses (about a minute).
    #[arg(long, value_name = "N", default_value_t = 6)]
    retries: u32,
}

/// Where it comes from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where it comes from")]
struct Origin {
    /// The source repository's address.
    #[arg(long, value_name = "URL")]
    source_repository: Option<String>,

    /// The commit it was built from.
    #[arg(long, value_name = "SHA")]
    source_commit: Option<String>,

    /// The ref that was built, as in refs/heads/main.
    #[arg(long, value_name = "REF")]
    source_ref: Option<String>,

    /// Where a person can look at the build.
    #[arg(long, value_name = "URL")]
    build_url: Option<String>,

    /// CI's own number for the build.
    #[arg(long, value_name = "ID")]
    build_id: Option<String>,

    /// Who made it.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
}

impl AnnounceArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let secret = match &self.secret_file {
            Some(path) => secret_file(path, "--secret-file")?,
            None => secret_variable("HOIST_ANNOUNCE_SECRET").ok_or_else(|| {
                let next = "set HOIST_ANNOUNCE_SECRET (or --secret-file) to the secret of a \
                            source in `sources:` of hoist's configuration";
                Trouble::usage("there is no secret to sign the announcement with", next)
            })?,
        };
        let retries = self.retries;
        let announcement = self.outgoing().signed(&secret);
        let remote = connection.remote_without_token()?;
        let view = send(remote.as_ref(), &announcement, retries, out)
            .await
            .map_err(Trouble::Announcement)?;
        if let Some(why) = &view.why {
            out.note(&format!("it is kept and not decided yet: {why}"));
        }
        Ok(out.answer(&view, |view| printable(view.id.as_str()))?)
    }

    fn outgoing(self) -> Outgoing {
        let Origin { source_repository, source_commit, source_ref, build_url, build_id, actor } =
            self.origin;
        Outgoing {
            application: self.application,
            image: self.image,
            digest: self.digest,
            tag: self.tag,
            version: self.version,
            source: SourceCode {
                repository: source_repository,
                commit: source_commit,
                reference: source_ref,
            },
            build: Build { url: build_url, id: build_id },
            actor,
        }
    }
}

/// Sends it until hoist has taken it, or has said that it never will.
async fn send(
    remote: &dyn Remote,
    announcement: &SignedAnnouncement,
    retries: u32,
    out: &mut Output,
) -> Result<AnnouncementView, RemoteError> {
    let mut pause = FIRST_PAUSE;
    let mut left = retries;
    loop {
        let error = match remote.announce(announcement).await {
            Ok(view) => return Ok(view),
            Err(error) => error,
        };
        let wanted = match &error {
            RemoteError::Unreachable(_) => None,
            RemoteError::Unavailable { retry_after, .. } => retry_after.map(Duration::from_secs),
            RemoteError::Unauthorized(_) | RemoteError::Refused(_) | RemoteError::NotHoist(_) => {
                return Err(error);
            }
        };
        if left == 0 {
            return Err(error);
        }
        left -= 1;
        let wait = wanted.unwrap_or(pause).clamp(pause, LONGEST_PAUSE.max(pause));
        out.note(&format!("{error}; asking again in {:.1} s", wait.as_secs_f32()));
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
