//! `hoist announce`: what CI says after a build.

use std::time::Duration;

use clap::Args;

use crate::app::ingest::send::Outgoing;
use crate::app::ports::{JobTokens, Remote, RemoteError};
use crate::app::views::AnnouncementView;
use crate::domain::artifact::{Build, Digest, ImageName, SourceCode, Tag};
use crate::domain::id::{ApplicationName, EnvironmentName};

use super::connection::Connection;
use super::failure::Trouble;
use super::follow;
use super::hold::duration;
use super::job::{Job, Proof, ProofArgs};
use super::output::Output;
use super::summary::{self, Became};
use super::words::printable;

/// The first pause before asking again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// No pause is longer, whoever asks for it: a build is waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What `hoist announce` is told.
#[derive(Debug, Args)]
#[command(after_help = "Who announces is shown by the job's own token (OpenID Connect) where CI \
                        gives one: in GitHub Actions by itself, elsewhere in HOIST_ID_TOKEN or \
                        --id-token-file; or by a source's secret in HOIST_ANNOUNCE_SECRET or \
                        --secret-file, which signs. The event's id is printed. The same \
                        announcement again is the same event. Where the build comes from is read \
                        from the variables of GitHub Actions, GitLab CI, CircleCI and Jenkins. In \
                        GitHub Actions a summary is written for the job's page.")]
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

    #[command(flatten)]
    proof: ProofArgs,

    /// How often to ask again where hoist does not answer, with growing pauses (about a minute).
    #[arg(long, value_name = "N", default_value_t = 6)]
    retries: u32,

    /// Wait until it runs well in this environment; what keeps it from that is a failure.
    #[arg(long, value_name = "ENVIRONMENT")]
    wait: Option<EnvironmentName>,

    /// How long to wait: 90s, 15m, 2h.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "15m", requires = "wait")]
    timeout: String,
}

/// Where it comes from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where it comes from (default: what CI says)")]
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

/// An announcement, and what it takes to send it.
pub(super) struct Sending<'a> {
    pub(super) remote: &'a dyn Remote,
    pub(super) tokens: &'a dyn JobTokens,
    pub(super) proof: &'a Proof,
    pub(super) outgoing: &'a Outgoing,
}

impl AnnounceArgs {
    pub(super) async fn run(
        self,
        connection: &Connection<'_>,
        out: &mut Output,
    ) -> Result<(), Trouble> {
        let proof = self.proof.find()?;
        let (retries, wait, timeout) = (self.retries, self.wait.clone(), self.timeout.clone());
        let outgoing = self.outgoing();
        let remote = connection.remote_without_token()?;
        let sending = Sending {
            remote: remote.as_ref(),
            tokens: connection.job_tokens(),
            proof: &proof,
            outgoing: &outgoing,
        };
        let view = match sending.send(retries, out).await {
            Ok(view) => view,
            Err(trouble) => {
                summary::write(&outgoing, &Became::NotTaken(&trouble), out);
                return Err(trouble);
            }
        };
        if let Some(why) = &view.why {
            out.note(why);
        }
        out.answer(&view, |view| printable(view.id.as_str()))?;
        let Some(environment) = &wait else {
            summary::write(&outgoing, &Became::Taken { why: view.why.as_deref() }, out);
            return Ok(());
        };
        let followed = follow::until_there(&sending, environment, &timeout, out).await;
        let became = match &followed {
            Ok(followed) => Became::Followed(followed),
            Err(trouble) => Became::Lost(trouble),
        };
        summary::write(&outgoing, &became, out);
        followed?.outcome()
    }

    fn outgoing(self) -> Outgoing {
        let Origin { source_repository, source_commit, source_ref, build_url, build_id, actor } =
            self.origin;
        let job = Job::here();
        Outgoing {
            application: self.application,
            image: self.image,
            digest: self.digest,
            tag: self.tag,
            version: self.version,
            source: SourceCode {
                repository: source_repository.or(job.source.repository),
                commit: source_commit.or(job.source.commit),
                reference: source_ref.or(job.source.reference),
            },
            build: Build { url: build_url.or(job.build.url), id: build_id.or(job.build.id) },
            actor: actor.or(job.actor),
        }
    }
}

impl Sending<'_> {
    /// Sends it until hoist has taken it, or has said that it never will.
    async fn send(&self, retries: u32, out: &mut Output) -> Result<AnnouncementView, Trouble> {
        let mut pause = FIRST_PAUSE;
        let mut left = retries;
        loop {
            let (trouble, wanted) = match self.try_once().await {
                Ok(view) => return Ok(view),
                Err(Failed::ForGood(trouble)) => return Err(trouble),
                Err(Failed::ForNow { trouble, wanted }) => (trouble, wanted),
            };
            if left == 0 {
                return Err(trouble);
            }
            left -= 1;
            let wait = wanted.unwrap_or(pause).clamp(pause, LONGEST_PAUSE.max(pause));
            out.note(&format!("{trouble}; asking again in {:.1} s", wait.as_secs_f32()));
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_once(&self) -> Result<AnnouncementView, Failed> {
        let signed = self.proof.put_on(self.outgoing, self.tokens).await?;
        Ok(self.remote.announce(&signed).await?)
    }
}

/// Why hoist has not taken it.
pub(super) enum Failed {
    /// Asking again may help.
    ForNow { trouble: Trouble, wanted: Option<Duration> },
    /// Asking again changes nothing.
    ForGood(Trouble),
}

impl From<crate::app::ports::NoToken> for Failed {
    fn from(error: crate::app::ports::NoToken) -> Self {
        let next = "look at the job's permission to have a token, or use a secret: \
                    docs/announcing.md says how";
        Self::ForNow { trouble: Trouble::failed(error.to_string(), next), wanted: None }
    }
}

impl From<RemoteError> for Failed {
    fn from(error: RemoteError) -> Self {
        let wanted = match &error {
            RemoteError::Unreachable(_) => None,
            RemoteError::Unavailable { retry_after, .. } => retry_after.map(Duration::from_secs),
            RemoteError::Unauthorized(_) | RemoteError::Refused(_) | RemoteError::NotHoist(_) => {
                return Self::ForGood(Trouble::Announcement(error));
            }
        };
        Self::ForNow { trouble: Trouble::Announcement(error), wanted }
    }
}
