//! The mirror, as the use-cases hold it: a handle to the thread that owns it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use tokio::sync::oneshot;

use super::desk::Desk;
use super::disk::Place;
use super::history::{self, MergeWords};
use super::keeper::{Doubt, Keeper, Push, Request};
use super::pace::Pace;
use super::renewal::Renewal;
use super::settings::{Credentials, RemoteSettings, Way};
use super::signing::Signer;
use super::transport::{self, Patience};
use super::{draft, trees, tuning};
use crate::app::ports::{
    CommitSpec, Draft, FileChange, Git, GitError, LogEntry, Merged, RefOutcome, RefUpdate,
    Signature,
};
use crate::domain::id::CommitId;

/// How long a mirror is waited for, and how far it may grow.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Longest wait for anything asked of it.
    pub wait: Duration,
    /// How many bytes it may weigh beyond twice what it weighed when it was new.
    pub slack: u64,
    /// In how many packs its objects may be: each fetch brings one, and libgit2 looks through all of
    /// them, and through their folder, for each object that is not there. So it does before it
    /// writes one: with 16 packs that takes 0.05 ms, with 128 0.3, with 256 0.8 and with 512 2.6 (the
    /// square of them), and a hundred promotions write some six hundred.
    pub packs: usize,
    /// How long nobody tries to build it anew after that has failed once; longer each time after.
    pub again: Duration,
}

impl Default for Bounds {
    /// The first fetch of a big repository fits in.
    fn default() -> Self {
        let ten_minutes = Duration::from_secs(600);
        Self { wait: ten_minutes, slack: 64 * 1024 * 1024, packs: 128, again: ten_minutes }
    }
}

/// Longest wait for the thread when the mirror is closed.
const PARTING: Duration = Duration::from_secs(2);

/// One repository's mirror and the remote behind it.
#[derive(Debug)]
pub struct Mirror {
    requests: Option<Sender<Request>>,
    credentials: Credentials,
    patience: Patience,
    wait: Duration,
    signer: Option<Signer>,
    ended: std::sync::Mutex<Receiver<()>>,
}

impl Mirror {
    /// Opens the mirror of a repository under `data`, or starts an empty one.
    ///
    /// The remote is not asked: a server that is down keeps nothing from starting.
    pub fn open(settings: RemoteSettings, data: &Path) -> Result<Self, GitError> {
        Self::open_within(settings, data, Bounds::default())
    }

    /// The same, within bounds of the caller's.
    pub fn open_within(
        settings: RemoteSettings,
        data: &Path,
        bounds: Bounds,
    ) -> Result<Self, GitError> {
        tuning::tune();
        Self::start(settings, data, bounds).map_err(GitError::Mirror)
    }

    fn start(settings: RemoteSettings, data: &Path, bounds: Bounds) -> anyhow::Result<Self> {
        let RemoteSettings { name, url, credentials, trust, speaker, pushes } = settings;
        let way = Way::choose(&url, credentials.clone(), trust, speaker)?;
        let pace = match way {
            Way::Local(_) => Pace::of_disk(pushes),
            Way::Http(..) | Way::Ssh(..) => Pace::of_server(pushes),
        };
        let place = Arc::new(Place::claim(&name, data)?);
        let mirror = Desk::of(place.open()?);
        let patience = Patience::default();
        let transport = transport::to(way.clone(), patience.clone())?;
        let renewal = Renewal::of(Arc::clone(&place), way, bounds);
        let keeper = Keeper {
            place,
            mirror,
            transport,
            pace,
            patience: patience.clone(),
            doubt: None,
            renewal,
            bounds,
            unweighed: 0,
        };
        let (requests, queue) = mpsc::channel();
        let (leaving, ended) = mpsc::channel();
        thread::Builder::new()
            .name(format!("git-{name}"))
            .spawn(move || {
                keeper.serve(queue);
                drop(leaving);
            })
            .context("starting the mirror's thread")?;
        let ended = std::sync::Mutex::new(ended);
        Ok(Self {
            requests: Some(requests),
            credentials,
            patience,
            wait: bounds.wait,
            signer: None,
            ended,
        })
    }

    /// The same mirror, whose commits are signed from here on.
    #[must_use]
    pub fn signing_with(mut self, signer: Option<Signer>) -> Self {
        self.signer = signer;
        self
    }

    fn send(&self, request: Request) -> Result<(), GitError> {
        let sent = self.requests.as_ref().and_then(|requests| requests.send(request).ok());
        sent.ok_or_else(|| GitError::Mirror(anyhow!("the mirror's thread has ended")))
    }

    /// Waits for an answer, but not for ever: a blocked thread cannot be woken, only left alone.
    async fn wait<T>(&self, answer: oneshot::Receiver<Result<T, GitError>>) -> Result<T, GitError> {
        match tokio::time::timeout(self.wait, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(GitError::Mirror(anyhow!("the mirror's thread gave no answer"))),
            Err(_) => {
                let waited = self.wait.as_secs();
                Err(GitError::Unreachable(match self.patience.tire(self.wait) {
                    None => anyhow!("no answer within {waited} s, gave up waiting"),
                    Some(bytes) => anyhow!(
                        "no answer within {waited} s; the transfer goes on, {} MiB have come so far",
                        bytes >> 20
                    ),
                }))
            }
        }
    }

    /// Has something done with the mirror alone.
    async fn local<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let (answer, told) = oneshot::channel();
        self.send(Request::Local(Box::new(move |mirror| {
            if answer.is_closed() {
                return None;
            }
            let done = work(mirror);
            let doubt = Doubt::of(&done);
            drop(answer.send(done));
            doubt
        })))?;
        self.wait(told).await
    }

    async fn fetch_once(&self) -> Result<(), GitError> {
        self.credentials.renew().await?;
        let (answer, told) = oneshot::channel();
        self.send(Request::Fetch(answer))?;
        self.wait(told).await
    }

    async fn push_once(&self, updates: Vec<RefUpdate>) -> Result<Vec<RefOutcome>, GitError> {
        self.credentials.renew().await?;
        let (answer, told) = oneshot::channel();
        self.send(Request::Push(Push { updates, answer }))?;
        self.wait(told).await
    }
}

impl Drop for Mirror {
    /// Lets the thread end what it does, so that the mirror can be opened again at once.
    fn drop(&mut self) {
        self.requests = None;
        self.patience.lose();
        if let Ok(ended) = self.ended.lock() {
            let _either_way = ended.recv_timeout(PARTING);
        }
    }
}

#[async_trait]
impl Git for Mirror {
    async fn fetch(&self) -> Result<(), GitError> {
        let told = self.fetch_once().await;
        if self.credentials.can_do_better(&told).await { self.fetch_once().await } else { told }
    }

    async fn tip(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        let name = name.to_owned();
        self.local(move |mirror| history::tip(mirror, &name)).await
    }

    async fn refs(&self, prefix: &str) -> Result<BTreeMap<String, CommitId>, GitError> {
        let prefix = prefix.to_owned();
        self.local(move |mirror| history::refs(mirror, &prefix)).await
    }

    async fn read(
        &self,
        commit: &CommitId,
        paths: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        let commit = commit.clone();
        self.local(move |mirror| trees::read(mirror, &commit, paths)).await
    }

    async fn list(&self, commit: &CommitId, pattern: &str) -> Result<Vec<String>, GitError> {
        let (commit, pattern) = (commit.clone(), pattern.to_owned());
        self.local(move |mirror| trees::list(mirror, &commit, &pattern)).await
    }

    async fn commit(&self, spec: CommitSpec) -> Result<CommitId, GitError> {
        let signer = self.signer.clone();
        self.local(move |mirror| {
            trees::commit(mirror, &spec, signer.as_ref()).inspect(|id| mirror.note_made(id))
        })
        .await
    }

    async fn draft(&self, commit: &CommitId) -> Result<Draft, GitError> {
        let commit = commit.clone();
        self.local(move |mirror| draft::draft(mirror, &commit)).await
    }

    async fn adopt(&self, object: Vec<u8>) -> Result<CommitId, GitError> {
        self.local(move |mirror| draft::adopt(mirror, &object).inspect(|id| mirror.note_made(id)))
            .await
    }

    async fn push(&self, updates: Vec<RefUpdate>) -> Result<Vec<RefOutcome>, GitError> {
        let told = self.push_once(updates.clone()).await;
        if self.credentials.can_do_better(&told).await {
            self.push_once(updates).await
        } else {
            told
        }
    }

    async fn diff(&self, base: &CommitId, head: &CommitId) -> Result<Vec<FileChange>, GitError> {
        let (base, head) = (base.clone(), head.clone());
        self.local(move |mirror| history::diff(mirror, &base, &head)).await
    }

    async fn patch(
        &self,
        base: &CommitId,
        head: &CommitId,
        limit: usize,
    ) -> Result<String, GitError> {
        let (base, head) = (base.clone(), head.clone());
        self.local(move |mirror| history::patch(mirror, &base, &head, limit)).await
    }

    async fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError> {
        let (a, b) = (a.clone(), b.clone());
        self.local(move |mirror| history::merge_base(mirror, &a, &b)).await
    }

    async fn contains(&self, commit: &CommitId, ancestor: &CommitId) -> Result<bool, GitError> {
        let (commit, ancestor) = (commit.clone(), ancestor.clone());
        self.local(move |mirror| history::contains(mirror, &commit, &ancestor)).await
    }

    async fn merge(
        &self,
        onto: &CommitId,
        head: &CommitId,
        message: String,
        author: Signature,
    ) -> Result<Merged, GitError> {
        let (onto, head) = (onto.clone(), head.clone());
        let words = MergeWords { message, author, signer: self.signer.clone() };
        self.local(move |mirror| {
            let merged = history::merge(mirror, &onto, &head, &words)?;
            if let Merged::Clean(id) = &merged {
                mirror.note_made(id);
            }
            Ok(merged)
        })
        .await
    }

    async fn log(
        &self,
        from: &CommitId,
        path: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogEntry>, GitError> {
        let (from, path) = (from.clone(), path.map(str::to_owned));
        self.local(move |mirror| history::log(mirror, &from, path.as_deref(), limit)).await
    }
}
