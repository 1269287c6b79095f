//! GitHub, as a simulated one answers.

mod commits;
mod credentials;
mod independent;
mod troubles;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hoist::adapters::clock::SystemClock;
use hoist::adapters::forge::common::pace::Pace;
use hoist::adapters::forge::common::people::ForgePeople;
use hoist::adapters::forge::common::{AutoMerge, PATIENCE};
use hoist::adapters::forge::github::{
    GitHubAccess, GitHubCredentials, GitHubForge, GitHubManners, GitHubServer, MergeMethod,
};
use hoist::app::ports::{Forge, ReviewVerdict};
use hoist::domain::id::ProposalNumber;

use super::{FILE, World, contract};
use crate::support::github::{GitHub, TOKEN};
use crate::support::remote::Remote;

contract!(Simulated);

pub struct Simulated {
    pub hub: GitHub,
    pub remote: Remote,
    pub forge: Arc<dyn Forge>,
}

/// A way into a GitHub by these credentials.
pub fn access(hub: &GitHub, credentials: GitHubCredentials) -> Arc<GitHubAccess> {
    access_within(PATIENCE, hub, credentials)
}

/// One that waits no longer than that for an answer.
pub fn access_within(
    patience: Duration,
    hub: &GitHub,
    credentials: GitHubCredentials,
) -> Arc<GitHubAccess> {
    let server = GitHubServer { api: hub.api(), ca: None, patience, credentials };
    Arc::new(GitHubAccess::new(&server, &hub.git()).unwrap())
}

pub fn by_token(hub: &GitHub) -> Arc<GitHubAccess> {
    access(hub, GitHubCredentials::Token(TOKEN.into()))
}

/// A forge behind that way, which waits for nothing.
pub fn forge(access: Arc<GitHubAccess>) -> Arc<dyn Forge> {
    forge_at(access, Pace::new(Arc::new(SystemClock), 100_000))
}

/// A forge that is asked at this pace.
pub fn forge_at(access: Arc<GitHubAccess>, pace: Pace) -> Arc<dyn Forge> {
    let people = ForgePeople::new("github", []);
    let auto_merge = AutoMerge::Never;
    let manners = GitHubManners { merge_method: MergeMethod::Merge, auto_merge, people, pace };
    Arc::new(GitHubForge::new(access, manners))
}

#[async_trait]
impl World for Simulated {
    async fn begin() -> Self {
        let remote = Remote::with_main(&[(FILE, "tag: 1.0\n")]);
        let hub = GitHub::start(remote.path()).await;
        let forge = forge(by_token(&hub));
        Self { hub, remote, forge }
    }

    fn remote(&self) -> &Remote {
        &self.remote
    }

    fn forge(&self) -> Arc<dyn Forge> {
        Arc::clone(&self.forge)
    }

    async fn another_process(&self) -> Arc<dyn Forge> {
        forge(by_token(&self.hub))
    }

    async fn refresh(&self) {}

    async fn review(&self, number: ProposalNumber, by: &str, verdict: ReviewVerdict) {
        let state = match verdict {
            ReviewVerdict::Approve => "APPROVED",
            ReviewVerdict::RequestChanges => "CHANGES_REQUESTED",
        };
        self.hub.review(number.0, by, state);
    }
}
