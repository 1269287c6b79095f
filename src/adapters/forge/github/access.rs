//! Who we are to GitHub: a token, or an App installed on the repository.
//!
//! An App signs a short JWT with its key, and is given a token of its installation that lasts an
//! hour; octocrab renews it half a minute before it ends, and once more when it is answered 401.
//! Where no other is given, the repository may have been renamed or moved, and is looked for anew.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use octocrab::Octocrab;
use octocrab::models::{AppId, InstallationId, RepositoryId};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::answer::{Answer, Call, unreachable};
use super::route::Repo;
use crate::adapters::forge::common::moved::beginning;
use crate::adapters::forge::common::{client, host_of};
use crate::app::ports::ForgeError;

/// What GitHub asks for.
#[derive(Debug, Clone)]
pub enum GitHubCredentials {
    /// A fine-grained token, or any other.
    Token(SecretString),
    /// A GitHub App.
    App {
        /// Its number.
        app_id: u64,
        /// The PEM file of one of its keys.
        private_key: SecretString,
    },
}

/// Where a GitHub is, and how one is let in.
#[derive(Debug, Clone)]
pub struct GitHubServer {
    /// The address of its API, with a path if it has one: `https://github.example.com/api/v3`.
    pub api: Url,
    /// Certificates of a private authority, as PEM.
    pub ca: Option<String>,
    /// How long a whole question may take.
    pub patience: Duration,
    /// What it asks for.
    pub credentials: GitHubCredentials,
}

/// The way into one repository of a GitHub, for its API and for its Git alike.
pub struct GitHubAccess {
    repo: Repo,
    /// Where its Git is served: the addresses of its neighbours begin so, too.
    host: String,
    api: Url,
    graphql: String,
    entry: Entry,
}

enum Entry {
    Token { client: Arc<Octocrab>, token: SecretString },
    App { app: Box<Octocrab>, installed: Mutex<Option<Arc<Octocrab>>> },
}

impl GitHubAccess {
    /// Prepares the way; nothing is sent before something is asked.
    ///
    /// # Errors
    ///
    /// When the credentials or the certificates cannot be used, or `repository` has no owner.
    pub fn new(server: &GitHubServer, repository: &Url) -> anyhow::Result<Self> {
        let repo = Repo::of(repository)?;
        let builder = Octocrab::builder()
            .base_uri(server.api.as_str())
            .context("reading the address of the API")?
            .add_header(ACCEPT, "application/vnd.github+json".to_owned());
        let http = client(server.ca.as_deref(), HeaderMap::new(), server.patience)?;
        let entry = match &server.credentials {
            GitHubCredentials::Token(token) => {
                // octocrab takes for granted that a token fits into a header.
                HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                    .map_err(|_| anyhow::anyhow!("the token has characters that no token has"))?;
                let builder = builder.personal_token(token.clone());
                let client = builder.build_with_reqwest(http).context("preparing the client")?;
                Entry::Token { client: Arc::new(client), token: token.clone() }
            }
            GitHubCredentials::App { app_id, private_key } => {
                let pem = private_key.expose_secret();
                let builder = builder
                    .app_from_rsa_pem(AppId(*app_id), pem)
                    .map_err(|_| anyhow::anyhow!("`private_key` is no RSA key in PEM, as GitHub hands out when a key is made for an App"))?;
                let app = builder.build_with_reqwest(http).context("preparing the client")?;
                Entry::App { app: Box::new(app), installed: Mutex::new(None) }
            }
        };
        let (api, graphql) = (server.api.clone(), graphql_of(&server.api));
        Ok(Self { repo, host: host_of(repository), api, graphql, entry })
    }

    /// The way into another repository of the same GitHub, by the same credentials; an App must be
    /// installed there, too.
    ///
    /// # Errors
    ///
    /// When it is no repository of this GitHub: what is not asked of it is asked of nobody.
    pub(super) fn beside(&self, repository: &str) -> anyhow::Result<Self> {
        let url: Url = repository.parse().with_context(|| {
            format!("{repository} is no address, as https://github.com/acme/shop is")
        })?;
        let host = host_of(&url);
        anyhow::ensure!(
            host == self.host,
            "{repository} is not on {}, where these credentials are good",
            self.host
        );
        let entry = match &self.entry {
            Entry::Token { client, token } => {
                Entry::Token { client: Arc::clone(client), token: token.clone() }
            }
            Entry::App { app, .. } => Entry::App { app: app.clone(), installed: Mutex::new(None) },
        };
        let (api, graphql) = (self.api.clone(), self.graphql.clone());
        Ok(Self { repo: Repo::of(&url)?, host, api, graphql, entry })
    }

    /// The address of its API.
    pub(super) fn api(&self) -> &Url {
        &self.api
    }

    /// The path of its other API.
    pub(super) fn graphql(&self) -> &str {
        &self.graphql
    }

    /// The repository that it leads into.
    pub(super) fn repo(&self) -> &Repo {
        &self.repo
    }

    /// A token for Git over HTTPS, good for half a minute at least.
    ///
    /// # Errors
    ///
    /// When GitHub gives none.
    pub async fn token(&self) -> Result<SecretString, ForgeError> {
        match &self.entry {
            Entry::Token { token, .. } => Ok(token.clone()),
            Entry::App { .. } => {
                let client = self.client().await?;
                client.installation_token().await.map_err(|error| self.sort(&error))
            }
        }
    }

    /// Forgets an App's token, which was taken back before its time.
    pub async fn forget(&self) {
        if let Entry::App { installed, .. } = &self.entry {
            *installed.lock().await = None;
        }
    }

    /// Asks as who we are, and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// When nobody lets us in, or no answer comes.
    pub(super) async fn ask(&self, path: &str, call: Call<'_>) -> Result<Answer, ForgeError> {
        let client = self.client().await?;
        let mut told = Answer::to(&client, path, call).await;
        if told.as_ref().is_err_and(is_of_another_installation) {
            // Its token was taken back, and that installation is given no other.
            self.forget().await;
            told = Answer::to(self.client().await?.as_ref(), path, call).await;
        }
        told.map_err(|error| self.sort(&error))
    }

    /// A client that may speak for us now.
    async fn client(&self) -> Result<Arc<Octocrab>, ForgeError> {
        let (app, installed) = match &self.entry {
            Entry::Token { client, .. } => return Ok(Arc::clone(client)),
            Entry::App { app, installed } => (app, installed),
        };
        // Held while a token is made, so that those who come meanwhile share it.
        let mut installed = installed.lock().await;
        if let Some(client) = installed.take() {
            match client.installation_token().await {
                Ok(_) => {
                    *installed = Some(Arc::clone(&client));
                    return Ok(client);
                }
                Err(error) if is_of_another_installation(&error) => (),
                Err(error) => {
                    *installed = Some(client);
                    return Err(self.sort(&error));
                }
            }
        }
        let client = Arc::new(self.find_installation(app).await?);
        client.installation_token().await.map_err(|error| self.sort(&error))?;
        *installed = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn find_installation(&self, app: &Octocrab) -> Result<Octocrab, ForgeError> {
        let route = self.repo.route(&["installation"]);
        let ask = async |path: &str| {
            let answer = Answer::to(app, path, Call::Get { etag: None }).await;
            answer.map_err(|error| self.sort(&error))
        };
        let mut answer = ask(&route).await?;
        // One that was renamed, or that has another owner now, is known by its number.
        let to = answer.sent_on_to();
        let moved = to.and_then(|to| beginning((&self.api, &self.repo.route(&[])), &route, to));
        if let Some(moved) = &moved {
            answer = ask(&format!("{moved}/installation")).await?;
        }
        if answer.status == StatusCode::NOT_FOUND {
            let repo = &self.repo;
            return Err(ForgeError::Refused(match moved {
                None => format!(
                    "the App is not installed on {repo}: install it there, or look at `app_id`"
                ),
                Some(_) => format!(
                    "{repo} has moved to where the App is not installed: install it there, and set \
                     the repository's `url` to its new address"
                ),
            }));
        }
        let RawInstallation { id } = answer.expect(&self.repo, "finding the App's installation")?;
        // The App may be installed on more: what it does not need here it does not get.
        let only_this = app.installation_builder(InstallationId(id));
        let number = moved.and_then(|it| it.rsplit('/').next()?.parse().ok());
        let only_this = match number {
            Some(number) => only_this.repository_ids(vec![RepositoryId(number)]),
            None => only_this.repositories(vec![self.repo.name.clone()]),
        };
        only_this.build().map_err(|error| self.sort(&error))
    }

    /// Sorts what kept octocrab from an answer.
    fn sort(&self, error: &octocrab::Error) -> ForgeError {
        if let octocrab::Error::GitHub { source, .. } = error {
            // It is about the installation's token: nothing else is read by octocrab itself.
            let answer = Answer {
                status: source.status_code,
                headers: source.headers.clone().unwrap_or_default(),
                body: serde_json::json!({ "message": source.message }).to_string(),
            };
            return answer.refusal(&self.repo, "getting a token for the App's installation");
        }
        unreachable(&why(error))
    }
}

/// Tells whether an installation was asked for a token that it does not give any more: it was
/// removed and made anew under another number, or its repository was renamed or has another owner.
///
/// Of itself octocrab reads nothing else than the answers to that question.
fn is_of_another_installation(error: &octocrab::Error) -> bool {
    let octocrab::Error::GitHub { source, .. } = error else { return false };
    matches!(source.status_code, StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY)
}

/// The path of the other API, which an Enterprise server has beside this one and not under it.
///
/// The client puts the address of the API before every path that does not begin with it.
fn graphql_of(api: &Url) -> String {
    match api.path().trim_end_matches('/') {
        base if base.ends_with("/v3") => format!("{base}/../graphql"),
        _ => "/graphql".to_owned(),
    }
}

#[derive(serde::Deserialize)]
struct RawInstallation {
    id: u64,
}

/// The innermost cause, which says it in words; octocrab's own sentences carry a backtrace.
fn why(error: &octocrab::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| "the question could not be sent".to_owned(), ToString::to_string)
}
