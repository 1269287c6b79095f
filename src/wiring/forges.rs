//! Puts the forges together that are asked by their APIs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use crate::adapters::forge::common::pace::Pace;
use crate::adapters::forge::common::people::ForgePeople;
use crate::adapters::forge::common::{AutoMerge, PATIENCE};
use crate::adapters::forge::github::{
    GitHubAccess, GitHubCredentials, GitHubForge, GitHubManners, GitHubServer, MergeMethod,
    github_name,
};
use crate::adapters::forge::gitlab::{
    GitLabAccess, GitLabForge, GitLabManners, GitLabServer, GitLabSquash, gitlab_name,
};
use crate::adapters::git::{Credentials, PushBudget, Pushes, RenewedToken, TokenSource};
use crate::app::forge_event::Dialect;
use crate::app::policy::ForgeHook;
use crate::app::ports::{Clock, Forge, ForgeError, GitError};
use crate::config::{self, Settings};
use crate::domain::id::RepositoryName;

use super::ssh_login;

/// A forge, and what its Git asks for.
type Opened = (Credentials, Arc<dyn Forge>);

/// The paces at which forges are asked: one for each of hoist's accounts there, since forges count
/// by account and not by repository; and at which they are pushed to.
pub(super) struct Paces {
    clock: Arc<dyn Clock>,
    known: Mutex<BTreeMap<String, Pace>>,
    pushes: Mutex<BTreeMap<String, Pushes>>,
}

impl Paces {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), known: Mutex::default(), pushes: Mutex::default() }
    }

    /// How often the Git of a repository's forge may be pushed to, together with all that the forge
    /// counts with it.
    pub(super) fn pushes(&self, repository: &config::Repository) -> Option<Pushes> {
        let (counted, budget) = pushes_of(repository)?;
        let mut known = self.pushes.lock().unwrap_or_else(PoisonError::into_inner);
        Some(known.entry(counted).or_insert_with(|| Pushes::within(budget)).clone())
    }

    fn of(&self, repository: &config::Repository, writes: Writes) -> Pace {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            let pace = Pace::new(Arc::clone(&self.clock), writes.a_minute);
            match writes.an_hour {
                Some(most) => pace.and_an_hour(most),
                None => pace,
            }
        };
        known.entry(account_of(repository)).or_insert_with(fresh).clone()
    }
}

/// How many writes a forge bears of one account: all of a minute, and those of an hour that people
/// are told of.
struct Writes {
    a_minute: usize,
    an_hour: Option<u32>,
}

/// Whom a forge takes hoist for: a token, or an App where one owner has installed it.
fn account_of(repository: &config::Repository) -> String {
    let home = repository.remote.home();
    let host = home.as_ref().and_then(Url::host_str).unwrap_or_default();
    let owner = home.as_ref().and_then(|it| it.path_segments()?.next()).unwrap_or_default();
    match &repository.credentials.account {
        Some(config::Account::Token(token)) => {
            let digest = Sha256::digest(token.expose_secret());
            format!("token {} at {host}", hex::encode(digest))
        }
        Some(config::Account::App { app_id, .. }) => format!("app {app_id} of {owner} at {host}"),
        Some(config::Account::Password { .. }) | None => format!("nobody at {host}/{owner}"),
    }
}

/// With which others a forge counts the pushes to a repository, and how many it bears.
///
/// GitHub asks for no more than six pushes a minute to one repository, however many an account has;
/// GitLab allows an account 600 Git operations a minute, of which a push may be half. Short bursts
/// are forgiven, and after one a push to GitHub still waits for no more than ten seconds, because it
/// may be a rollback.
fn pushes_of(repository: &config::Repository) -> Option<(String, PushBudget)> {
    match repository.forge {
        config::Forge::GitHub(_) => {
            let home = repository.remote.home().map(|url| url.to_string());
            let budget = PushBudget { burst: 6, every: Duration::from_secs(10) };
            Some((home.unwrap_or_default(), budget))
        }
        config::Forge::GitLab(_) => {
            let budget = PushBudget { burst: 60, every: Duration::from_millis(200) };
            Some((account_of(repository), budget))
        }
        config::Forge::Builtin => None,
    }
}

/// A repository of a GitHub.
pub(super) fn github(
    github: &config::GitHub,
    repository: &config::Repository,
    settings: &Settings,
    paces: &Paces,
) -> anyhow::Result<Opened> {
    let access = Arc::new(github_access(github, repository)?);
    let login = match &repository.credentials.ssh {
        Some(login) => Credentials::Ssh(ssh_login(login)),
        None => {
            Credentials::Renewed(RenewedToken::from(Arc::new(TokensOfGitHub(Arc::clone(&access)))))
        }
    };
    let manners = github_manners(github, settings, paces.of(repository, WRITES_TO_GITHUB));
    let forge = GitHubForge::new(access, manners);
    Ok((login, Arc::new(forge)))
}

/// A project of a GitLab.
///
/// Its Git takes any user beside a personal token, but `oauth2` beside every kind of one.
pub(super) fn gitlab(
    gitlab: &config::GitLab,
    repository: &config::Repository,
    settings: &Settings,
    paces: &Paces,
) -> anyhow::Result<Opened> {
    let Some(config::Account::Token(token)) = &repository.credentials.account else {
        bail!("GitLab wants a `token` in `credentials`")
    };
    let (api, ca) = (gitlab.api.clone(), repository.ca.clone());
    let server = GitLabServer { api, ca, patience: PATIENCE, token: token.clone() };
    let access = Arc::new(GitLabAccess::new(&server, &home(repository)?)?);
    let manners = gitlab_manners(gitlab, settings, paces.of(repository, WRITES_TO_GITLAB));
    let forge = GitLabForge::new(access, manners);
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
    let (api, ca) = (github.api.clone(), repository.ca.clone());
    let server = GitHubServer { api, ca, patience: PATIENCE, credentials };
    GitHubAccess::new(&server, &home(repository)?)
}

fn home(repository: &config::Repository) -> anyhow::Result<Url> {
    repository.remote.home().context("a forge's repository has to be on a server")
}

fn github_manners(github: &config::GitHub, settings: &Settings, pace: Pace) -> GitHubManners {
    let people = settings.people.iter();
    let people = people.filter_map(|(name, it)| Some((name.clone(), it.github.clone()?)));
    GitHubManners {
        merge_method: match github.merge_method {
            config::MergeMethod::Merge => MergeMethod::Merge,
            config::MergeMethod::Squash => MergeMethod::Squash,
            config::MergeMethod::Rebase => MergeMethod::Rebase,
        },
        auto_merge: auto_merge(github.auto_merge),
        people: ForgePeople::new("github", people),
        pace,
    }
}

fn auto_merge(configured: config::AutoMerge) -> AutoMerge {
    match configured {
        config::AutoMerge::Never => AutoMerge::Never,
        config::AutoMerge::Allowed => AutoMerge::Allowed,
    }
}

/// A GitHub limits what creates content to some 80 a minute and 500 an hour for each credential. What
/// that is it does not say; Octokit takes what people are notified of for it, as we do of an hour.
const WRITES_TO_GITHUB: Writes = Writes { a_minute: 80, an_hour: Some(500) };

fn gitlab_manners(gitlab: &config::GitLab, settings: &Settings, pace: Pace) -> GitLabManners {
    let people = settings.people.iter();
    let people = people.filter_map(|(name, it)| Some((name.clone(), it.gitlab.clone()?)));
    GitLabManners {
        squash: match gitlab.squash {
            config::Squash::AsProject => GitLabSquash::AsProject,
            config::Squash::Always => GitLabSquash::Always,
        },
        auto_merge: auto_merge(gitlab.auto_merge),
        people: ForgePeople::new("gitlab", people),
        pace,
    }
}

/// A GitLab limits notes to 60 a minute for each user, which are fewer than half of the writes, and
/// everything to some thousands.
const WRITES_TO_GITLAB: Writes = Writes { a_minute: 120, an_hour: None };

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
            ForgeError::RateLimited { seconds } | ForgeError::Paced { seconds } => {
                GitError::Busy { seconds, cause: error.into() }
            }
            ForgeError::Stale | ForgeError::Unreachable(_) => GitError::Unreachable(error.into()),
        })
    }

    async fn forget(&self) {
        self.0.forget().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(url: &str, account: config::Account) -> config::Repository {
        config::Repository {
            forge: config::Forge::Builtin,
            remote: config::Remote::Server(url.parse().unwrap()),
            branch: "main".to_owned(),
            credentials: config::Credentials { account: Some(account), ssh: None },
            ca: None,
            known_hosts: None,
            transport: config::Transport::default(),
            commits: config::Commits::default(),
        }
    }

    #[test]
    fn a_forge_counts_by_account_and_not_by_repository() {
        let token = |url: &str, token: &str| {
            account_of(&repository(url, config::Account::Token(token.to_owned().into())))
        };
        let one = token("https://github.com/acme/one.git", "t");
        assert_eq!(one, token("https://github.com/acme/two.git", "t"));
        assert_ne!(one, token("https://github.com/acme/two.git", "another"));
        assert_ne!(one, token("https://git.example.com/acme/one.git", "t"));
        assert!(!one.contains("token t "), "{one}");
        let app = |url: &str| {
            let private_key = "k".to_owned().into();
            account_of(&repository(url, config::Account::App { app_id: 7, private_key }))
        };
        let one = app("https://github.com/acme/one.git");
        assert_eq!(one, app("https://github.com/acme/two.git"));
        assert_ne!(one, app("https://github.com/other/two.git"), "each installation has its own");
    }

    fn on(forge: config::Forge, url: &str) -> config::Repository {
        let account = config::Account::Token("t".to_owned().into());
        config::Repository { forge, ..repository(url, account) }
    }

    fn on_github(url: &str) -> config::Repository {
        let api = "https://api.github.com".parse().unwrap();
        let (merge_method, auto_merge) = (config::MergeMethod::Merge, config::AutoMerge::Never);
        let it = config::GitHub { api, webhook_secret: None, merge_method, auto_merge };
        on(config::Forge::GitHub(Box::new(it)), url)
    }

    fn on_gitlab(url: &str) -> config::Repository {
        let api = "https://gitlab.com/api/v4".parse().unwrap();
        let (squash, auto_merge) = (config::Squash::AsProject, config::AutoMerge::Never);
        let it = config::GitLab { api, webhook_secret: None, squash, auto_merge };
        on(config::Forge::GitLab(Box::new(it)), url)
    }

    #[test]
    fn each_forge_is_pushed_to_as_often_as_it_bears() {
        let minute = Duration::from_secs(60);
        let (_, of_github) = pushes_of(&on_github("https://github.com/acme/one.git")).unwrap();
        assert_eq!((of_github.burst, of_github.every), (6, minute / 6));
        let (_, of_gitlab) = pushes_of(&on_gitlab("https://gitlab.com/acme/one.git")).unwrap();
        assert_eq!((of_gitlab.burst, of_gitlab.every), (60, minute / 300));
        assert_eq!(pushes_of(&on(config::Forge::Builtin, "https://example.com/x.git")), None);
    }

    #[test]
    fn what_a_forge_counts_together_is_pushed_within_one_budget() {
        let clock: Arc<dyn Clock> = Arc::new(crate::adapters::clock::SystemClock);
        let paces = Paces::new(&clock);
        let share = |one: &config::Repository, other: &config::Repository| {
            let [one, other] = [one, other].map(|it| paces.pushes(it).unwrap());
            one.is_shared_with(&other)
        };
        let [one, two] = ["one", "two"].map(|it| format!("https://gitlab.com/acme/{it}.git"));
        assert!(share(&on_gitlab(&one), &on_gitlab(&two)), "GitLab counts by account");
        let [one, two] = ["one", "two"].map(|it| format!("https://github.com/acme/{it}.git"));
        assert!(share(&on_github(&one), &on_github(&one)), "the configuration may be read anew");
        assert!(!share(&on_github(&one), &on_github(&two)), "GitHub counts by repository");
    }
}
