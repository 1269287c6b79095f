//! Who we are to GitLab, and which of its projects is ours.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::adapters::forge::common::{client, host_of};

/// Where every GitLab has its API, under the path that it is served at.
const API: &str = "/api/v4";

/// Where a GitLab is, and how one is let in.
#[derive(Debug, Clone)]
pub struct GitLabServer {
    /// The address of its API, with a path before `/api/v4` if it has one.
    pub api: Url,
    /// Certificates of a private authority, as PEM.
    pub ca: Option<String>,
    /// How long a whole question may take.
    pub patience: Duration,
    /// A project's, a group's or a person's access token.
    pub token: SecretString,
}

/// The way into one project of a GitLab.
pub struct GitLabAccess {
    api: Url,
    /// Its full path, as `acme/infrastructure/gitops`.
    project: String,
    /// Where its Git is served: the addresses of its neighbours begin so, too.
    host: String,
    client: Client,
}

impl GitLabAccess {
    /// Prepares the way; nothing is sent before something is asked.
    ///
    /// # Errors
    ///
    /// When the token or the certificates cannot be used, or `repository` is no project.
    pub fn new(server: &GitLabServer, repository: &Url) -> anyhow::Result<Self> {
        let project = gitlab_name(repository, &server.api)?;
        let mut token = HeaderValue::from_str(server.token.expose_secret())
            .map_err(|_| anyhow::anyhow!("the token has characters that no token has"))?;
        token.set_sensitive(true);
        let headers =
            HeaderMap::from_iter([(reqwest::header::HeaderName::from_static(TOKEN), token)]);
        let client = client(server.ca.as_deref(), headers, server.patience)?;
        Ok(Self { api: server.api.clone(), project, host: host_of(repository), client })
    }

    /// The way into another project of the same GitLab, by the same token.
    ///
    /// # Errors
    ///
    /// When it is no project of this GitLab: what is not asked of it is asked of nobody.
    pub(super) fn beside(&self, repository: &str) -> anyhow::Result<Self> {
        let url: Url = repository.parse().with_context(|| {
            format!("{repository} is no address, as https://gitlab.com/acme/shop is")
        })?;
        let host = host_of(&url);
        ensure!(
            host == self.host,
            "{repository} is not on {}, where this token is good",
            self.host
        );
        let project = gitlab_name(&url, &self.api)?;
        Ok(Self { api: self.api.clone(), project, host, client: self.client.clone() })
    }

    /// The project's full path.
    pub(super) fn project(&self) -> &str {
        &self.project
    }

    /// The address of the API.
    pub(super) fn api(&self) -> &Url {
        &self.api
    }

    /// What questions are sent by.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

/// The header that every kind of access token goes into.
const TOKEN: &str = "private-token";

/// A project's full path on its GitLab, `acme/infrastructure/gitops`, by the address of its Git.
///
/// A GitLab may be served under a path, which is no part of the project's: the address of its API
/// tells.
///
/// # Errors
///
/// When the address lacks a group or a name.
pub fn gitlab_name(url: &Url, api: &Url) -> anyhow::Result<String> {
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let root = api.path().trim_end_matches('/');
    let root = root.strip_suffix(API).unwrap_or_default();
    let below = path.strip_prefix(root).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let project = below.trim_matches('/');
    let parts = project.split('/');
    ensure!(
        parts.clone().count() >= 2 && parts.clone().all(|part| !part.is_empty()),
        "{url} is no project of a GitLab, as https://gitlab.com/acme/gitops.git is"
    );
    Ok(project.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_all_of_its_path_but_the_servers() {
        let name =
            |url: &str, api: &str| gitlab_name(&url.parse().unwrap(), &api.parse().unwrap()).ok();
        let com = "https://gitlab.com/api/v4";
        assert_eq!(name("https://gitlab.com/acme/gitops.git", com).unwrap(), "acme/gitops");
        assert_eq!(name("https://gitlab.com/acme/a/b/gitops/", com).unwrap(), "acme/a/b/gitops");
        let own = "https://example.com/gitlab/api/v4/";
        assert_eq!(name("https://example.com/gitlab/acme/gitops.git", own).unwrap(), "acme/gitops");
        assert_eq!(name("https://example.com/gitlab/gitops.git", own), None);
        // A group may be called as the path begins.
        assert_eq!(
            name("https://git.example.com/gitlab-x/gitops", own).unwrap(),
            "gitlab-x/gitops"
        );
        assert_eq!(name("https://gitlab.com/gitops", com), None);
        assert_eq!(name("https://gitlab.com/acme//gitops", com), None);
    }
}
