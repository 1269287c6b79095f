//! GitLab, as a simulated one answers.

mod troubles;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hoist::adapters::clock::SystemClock;
use hoist::adapters::forge::common::pace::Pace;
use hoist::adapters::forge::common::people::ForgePeople;
use hoist::adapters::forge::common::{AutoMerge, PATIENCE};
use hoist::adapters::forge::gitlab::{
    GitLabAccess, GitLabForge, GitLabManners, GitLabServer, GitLabSquash,
};
use hoist::app::ports::{Forge, ReviewVerdict};
use hoist::domain::id::ProposalNumber;

use super::{FILE, World, contract};
use crate::support::gitlab::{GitLab, TOKEN};
use crate::support::remote::Remote;

contract!(Simulated);

// GitLab keeps a merge request open whose branch is gone.
contract! { Simulated:
    a_deleted_branch_is_told_and_its_head_remembered,
    a_branch_that_comes_back_carries_the_same_proposal,
}

pub struct Simulated {
    pub lab: GitLab,
    pub remote: Remote,
    pub forge: Arc<dyn Forge>,
}

/// A forge by that token, which waits for nothing.
pub fn forge(lab: &GitLab, token: &str, squash: GitLabSquash) -> Arc<dyn Forge> {
    forge_within(PATIENCE, lab, token, squash)
}

/// One that waits no longer than that for an answer.
pub fn forge_within(
    patience: Duration,
    lab: &GitLab,
    token: &str,
    squash: GitLabSquash,
) -> Arc<dyn Forge> {
    let server = GitLabServer { api: lab.api(), ca: None, patience, token: token.into() };
    let access = Arc::new(GitLabAccess::new(&server, &lab.git()).unwrap());
    forge_through(access, squash, Pace::new(Arc::new(SystemClock), 100_000))
}

/// A forge that is asked at this pace.
pub fn forge_at(lab: &GitLab, pace: Pace) -> Arc<dyn Forge> {
    let server = GitLabServer { api: lab.api(), ca: None, patience: PATIENCE, token: TOKEN.into() };
    let access = Arc::new(GitLabAccess::new(&server, &lab.git()).unwrap());
    forge_through(access, GitLabSquash::AsProject, pace)
}

fn forge_through(access: Arc<GitLabAccess>, squash: GitLabSquash, pace: Pace) -> Arc<dyn Forge> {
    let people = ForgePeople::new("gitlab", []);
    let manners = GitLabManners { squash, auto_merge: AutoMerge::Never, people, pace };
    Arc::new(GitLabForge::new(access, manners))
}

#[async_trait]
impl World for Simulated {
    async fn begin() -> Self {
        let remote = Remote::with_main(&[(FILE, "tag: 1.0\n")]);
        let lab = GitLab::start(remote.path()).await;
        let forge = forge(&lab, TOKEN, GitLabSquash::AsProject);
        Self { lab, remote, forge }
    }

    fn remote(&self) -> &Remote {
        &self.remote
    }

    fn forge(&self) -> Arc<dyn Forge> {
        Arc::clone(&self.forge)
    }

    async fn another_process(&self) -> Arc<dyn Forge> {
        forge(&self.lab, TOKEN, GitLabSquash::AsProject)
    }

    async fn refresh(&self) {}

    async fn review(&self, number: ProposalNumber, by: &str, verdict: ReviewVerdict) {
        match verdict {
            ReviewVerdict::Approve => self.lab.approve(number.0, by),
            ReviewVerdict::RequestChanges => self.lab.request_changes(number.0, by),
        }
    }
}
