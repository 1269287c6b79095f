//! A Git that stops working where it is told to, as a process does that is killed there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use hoist::app::ports::{
    CommitSpec, Draft, FileChange, Git, GitError, LogEntry, Merged, RefOutcome, RefUpdate,
    Signature,
};
use hoist::domain::id::CommitId;

/// What is left of a push at which the world ends.
#[derive(Debug, Clone, Copy)]
pub enum LastPush {
    /// It never left.
    Lost,
    /// Its first ref moved, and nobody was told.
    Begun,
    /// It was done, and nobody was told.
    Done,
}

/// Works for so many pushes, does to the one after that what [`LastPush`] says, and is dead.
pub struct Dying {
    git: Arc<dyn Git>,
    pushes: AtomicUsize,
    last: LastPush,
}

impl Dying {
    pub fn after(pushes: usize, last: LastPush, git: Arc<dyn Git>) -> Arc<Self> {
        Arc::new(Self { git, pushes: AtomicUsize::new(pushes + 1), last })
    }

    /// Tells whether it lived to the end of the story.
    pub fn survived(&self) -> bool {
        self.pushes.load(Ordering::SeqCst) > 0
    }

    fn alive(&self) -> Result<&dyn Git, GitError> {
        if self.survived() { Ok(self.git.as_ref()) } else { Err(dead()) }
    }
}

fn dead() -> GitError {
    GitError::Unreachable(anyhow::anyhow!("killed"))
}

#[async_trait]
impl Git for Dying {
    async fn push(&self, mut updates: Vec<RefUpdate>) -> Result<Vec<RefOutcome>, GitError> {
        let git = self.alive()?;
        if self.pushes.fetch_sub(1, Ordering::SeqCst) > 1 {
            return git.push(updates).await;
        }
        match self.last {
            LastPush::Lost => {}
            LastPush::Begun => {
                updates.truncate(1);
                git.push(updates).await?;
            }
            LastPush::Done => {
                git.push(updates).await?;
            }
        }
        Err(dead())
    }

    async fn fetch(&self) -> Result<(), GitError> {
        self.alive()?.fetch().await
    }

    async fn tip(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        self.alive()?.tip(name).await
    }

    async fn refs(&self, prefix: &str) -> Result<BTreeMap<String, CommitId>, GitError> {
        self.alive()?.refs(prefix).await
    }

    async fn read(
        &self,
        commit: &CommitId,
        paths: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
        self.alive()?.read(commit, paths).await
    }

    async fn list(&self, commit: &CommitId, pattern: &str) -> Result<Vec<String>, GitError> {
        self.alive()?.list(commit, pattern).await
    }

    async fn draft(&self, commit: &CommitId) -> Result<Draft, GitError> {
        self.alive()?.draft(commit).await
    }

    async fn adopt(&self, object: Vec<u8>) -> Result<CommitId, GitError> {
        self.alive()?.adopt(object).await
    }

    async fn commit(&self, spec: CommitSpec) -> Result<CommitId, GitError> {
        self.alive()?.commit(spec).await
    }

    async fn diff(&self, base: &CommitId, head: &CommitId) -> Result<Vec<FileChange>, GitError> {
        self.alive()?.diff(base, head).await
    }

    async fn patch(
        &self,
        base: &CommitId,
        head: &CommitId,
        limit: usize,
    ) -> Result<String, GitError> {
        self.alive()?.patch(base, head, limit).await
    }

    async fn merge_base(&self, a: &CommitId, b: &CommitId) -> Result<Option<CommitId>, GitError> {
        self.alive()?.merge_base(a, b).await
    }

    async fn contains(&self, commit: &CommitId, ancestor: &CommitId) -> Result<bool, GitError> {
        self.alive()?.contains(commit, ancestor).await
    }

    async fn merge(
        &self,
        onto: &CommitId,
        head: &CommitId,
        message: String,
        author: Signature,
    ) -> Result<Merged, GitError> {
        self.alive()?.merge(onto, head, message, author).await
    }

    async fn log(
        &self,
        from: &CommitId,
        path: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LogEntry>, GitError> {
        self.alive()?.log(from, path, limit).await
    }
}
