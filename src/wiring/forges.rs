//! Puts the forges together that are asked by their APIs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::adapters::forge::common::people::ForgePeople;
use crate::adapters::forge::github::{
    GitHubAccess, GitHubCredentials, GitHubForge, GitHubManners, GitHubServer, MergeMethod,
    github_name,
};
use crate::adapters::forge::gitlab::{
    GitLabAccess, GitLabForge, GitLabManners, GitLabServer, GitLabSquash, gitlab_name,
};
use crate::adapters::git::{Credentials, PushBudget, RenewedToken, TokenSource};
use crate::app::forge_event::Dialect;
use crate::app::policy::ForgeHook;
use crate::app::ports::{Clock, Forge, ForgeError, GitError};
use crate::config::{self, Settings};
use crate::domain::id::RepositoryName;

use super::ssh_login;

/// A forge, and what its Git asks for.
type Opened = (Credentials, Arc<dyn Forge>);

/// A repository of a GitHub.
pub(super) fn github(
    github: &config::GitHub,
    repository: &config::Repository,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Opened> {
    let access = Arc::new(github_access(github, repository)?);
    let login = match &repository.credentials.ssh {
        Some(login) => Credentials::Ssh(ssh_login(login)),
        None => {
            Credentials::Renewed(RenewedToken::from(Arc::new(TokensOfGitHub(Arc::clone(&access)))))
        }
    };
    let manners = github_manners(github, settings);
    let forge = GitHubForge::new(access, Arc::clone(clock), manners);
    Ok((login, Arc::new(forge)))
}

/// A project of a GitLab.
///
/// Its Git takes any user beside a personal token, but `oauth2` beside every kind of one.
pub(super) fn gitlab(
    gitlab: &config::GitLab,
    repository: &config::Repository,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Opened> {
    let Some(config::Account::Token(token)) = &repository.credentials.account else {
        bail!("GitLab wants a `token` in `credentials`")
    };
    let (api, ca) = (gitlab.api.clone(), repository.ca.clone());
    let server = GitLabServer { api, ca, token: token.clone() };
    let access = Arc::new(GitLabAccess::new(&server, &home(repository)?)?);
    let forge = GitLabForge::new(access, Arc::clone(clock), gitlab_manners(gitlab, settings));
    let login = match &repository.credentials.ssh {
        Some(login) => Credentials::Ssh(ssh_login(login)),
        None => Credentials::Basic { username: "oauth2".to_owned(), password: token.clone() },
    };
    Ok((login, Arc::new(forge)))
}

/// Who may tell of a repository's events.
pub(super) fn hook(name: RepositoryName, repository: config::Repository) -> Option<ForgeHook> {
    let url = repository.remote.home()?;
    let (dialect, full_name, secret) = match repository.forge {
        config::Forge::GitHub(github) => {
            (Dialect::GitHub, github_name(&url), github.webhook_secret)
        }
        config::Forge::GitLab(gitlab) => {
            (Dialect::GitLab, gitlab_name(&url, &gitlab.api), gitlab.webhook_secret)
        }
        config::Forge::Builtin => return None,
    };
    Some(ForgeHook { repository: name, dialect, full_name: full_name.ok()?, secret: secret? })
}

/// How often a forge's Git may be pushed to.
///
/// GitHub asks for no more than six pushes a minute to one repository, and a burst is forgiven;
/// GitLab allows 600 Git operations a minute, of which a push may be half.
pub(super) fn pushes(forge: &config::Forge) -> Option<PushBudget> {
    match forge {
        config::Forge::GitHub(_) => Some(PushBudget { most: 30, span: Duration::from_secs(300) }),
        config::Forge::GitLab(_) => Some(PushBudget { most: 300, span: Duration::from_secs(60) }),
        config::Forge::Builtin => None,
    }
}

fn github_access(
    github: &config::GitHub,
    repository: &config::Repository,
) -> anyhow::Result<GitHubAccess> {
    let credentials = match &repository.credentials.account {
        Some(config::Account::Token(token)) => GitHubCredentials::Token(token.clone()),
        Some(config::Account::App { app_id, private_key }) => {
            GitHubCredentials::App { app_id: *app_id, private_key: private_key.clone() }
        }
        Some(config::Account::Password { .. }) | None => {
            bail!("GitHub wants a `token`, or `app_id` and `private_key`, in `credentials`")
        }
    };
    let server = GitHubServer { api: github.api.clone(), ca: repository.ca.clone(), credentials };
    GitHubAccess::new(&server, &home(repository)?)
}

fn home(repository: &config::Repository) -> anyhow::Result<Url> {
    repository.remote.home().context("a forge's repository has to be on a server")
}

fn github_manners(github: &config::GitHub, settings: &Settings) -> GitHubManners {
    let people = settings.people.iter();
    let people = people.filter_map(|(name, it)| Some((name.clone(), it.github.clone()?)));
    GitHubManners {
        merge_method: match github.merge_method {
            config::MergeMethod::Merge => MergeMethod::Merge,
            config::MergeMethod::Squash => MergeMethod::Squash,
            config::MergeMethod::Rebase => MergeMethod::Rebase,
        },
        people: ForgePeople::new("github", people),
        writes_a_minute: WRITES_TO_GITHUB,
    }
}

/// The most writes a minute to a GitHub, which limits what creates content to some 80 for each
/// credential.
const WRITES_TO_GITHUB: usize = 80;

fn gitlab_manners(gitlab: &config::GitLab, settings: &Settings) -> GitLabManners {
    let people = settings.people.iter();
    let people = people.filter_map(|(name, it)| Some((name.clone(), it.gitlab.clone()?)));
    GitLabManners {
        squash: match gitlab.squash {
            config::Squash::AsProject => GitLabSquash::AsProject,
            config::Squash::Always => GitLabSquash::Always,
        },
        people: ForgePeople::new("gitlab", people),
        writes_a_minute: WRITES_TO_GITLAB,
    }
}

/// The most writes a minute to a GitLab: it limits notes to 60 for each user, which are fewer than
/// half of them, and everything to some thousands.
const WRITES_TO_GITLAB: usize = 120;

/// The tokens of a GitHub, for its Git: no adapter names another.
struct TokensOfGitHub(Arc<GitHubAccess>);

#[async_trait]
impl TokenSource for TokensOfGitHub {
    async fn token(&self) -> Result<SecretString, GitError> {
        self.0.token().await.map_err(|error| match error {
            ForgeError::Unauthorized => GitError::Unauthorized(error.into()),
            ForgeError::Refused(_) | ForgeError::NotFound(_) => {
                GitError::NoRepository(error.into())
            }
            ForgeError::RateLimited { seconds } => GitError::Busy { seconds, cause: error.into() },
            ForgeError::Stale | ForgeError::Unreachable(_) => GitError::Unreachable(error.into()),
        })
    }
}
