//! What one needs to know to reach a remote.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use base64::Engine;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::pace::Pushes;
use crate::app::ports::GitError;
use crate::domain::address::SshAddress;
use crate::domain::id::RepositoryName;

/// A remote, as the configuration names it.
#[derive(Debug, Clone)]
pub struct RemoteSettings {
    /// Its key in the configuration; the mirror's directory is named after it.
    pub name: RepositoryName,
    /// `file:///…` to a bare repository, `https://…`, or what SSH reaches.
    pub url: String,
    /// How we say who we are.
    pub credentials: Credentials,
    /// How we know that the server is the one that was meant.
    pub trust: Trust,
    /// Who speaks Git's protocol, where that is by HTTP.
    pub speaker: Speaker,
    /// How often it is pushed to at most; none where nobody minds.
    pub pushes: Option<Pushes>,
}

/// Who speaks Git's protocol with a server by HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Speaker {
    /// We do, as far as the server knows the protocol's second version.
    #[default]
    Own,
    /// libgit2.
    LibGit2,
}

/// How we know a server, beyond what everybody knows.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Certificates of a private authority, as PEM, beside those that the machine knows.
    pub authorities: Option<String>,
    /// The host keys of SSH servers. Without them no such server is trusted.
    pub host_keys: Option<HostKeys>,
}

/// The host keys of SSH servers.
#[derive(Debug, Clone)]
pub enum HostKeys {
    /// Lines as in OpenSSH's `known_hosts`.
    File(String),
    /// `SHA256:…`, as `ssh-keygen -l` prints it: any of these, and no other.
    Fingerprints(Vec<String>),
}

/// How we say who we are. Secrets do not print: `Debug` shows their places only.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Not at all.
    None,
    /// By name and password.
    Basic {
        /// The account's name.
        username: String,
        /// Its password, or an access token.
        password: SecretString,
    },
    /// By an access token alone.
    Token(SecretString),
    /// By an access token that ends, and is asked for anew before each transfer.
    Renewed(RenewedToken),
    /// By SSH.
    Ssh(Login),
}

/// How we say who we are by SSH.
#[derive(Debug, Clone)]
pub enum Login {
    /// By a private key, as OpenSSH or PEM.
    Key {
        /// Its text.
        key: SecretString,
        /// What it is locked with.
        passphrase: Option<SecretString>,
    },
    /// By the keys of an agent behind this socket.
    Agent(PathBuf),
}

/// Who hands out access tokens that end.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is good for a while.
    async fn token(&self) -> Result<SecretString, GitError>;

    /// Forgets the token that was handed out last: the server takes it no longer.
    async fn forget(&self);
}

/// An access token that ends, and where the next one comes from.
#[derive(Clone)]
pub struct RenewedToken {
    source: Arc<dyn TokenSource>,
    held: Arc<Mutex<SecretString>>,
}

impl RenewedToken {
    /// Takes its tokens from there.
    pub fn from(source: Arc<dyn TokenSource>) -> Self {
        Self { source, held: Arc::default() }
    }

    fn held(&self) -> SecretString {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for RenewedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RenewedToken(***)")
    }
}

impl Credentials {
    /// Makes sure that what is shown next is good: called before each transfer, because the thread
    /// that makes it cannot wait for others.
    pub(super) async fn renew(&self) -> Result<(), GitError> {
        if let Self::Renewed(renewed) = self {
            let token = renewed.source.token().await?;
            *renewed.held.lock().unwrap_or_else(PoisonError::into_inner) = token;
        }
        Ok(())
    }

    /// Tells whether it is worth another try: a token may be taken back before its time, and the
    /// next one may be good.
    pub(super) async fn can_do_better<T>(&self, told: &Result<T, GitError>) -> bool {
        let (Self::Renewed(renewed), Err(GitError::Unauthorized(_))) = (self, told) else {
            return false;
        };
        renewed.source.forget().await;
        true
    }

    /// The name and password for HTTP basic authentication.
    ///
    /// GitHub wants `x-access-token` beside a token; GitLab and Forgejo take any name.
    pub(super) fn basic(&self) -> Option<(&str, SecretString)> {
        match self {
            Self::None | Self::Ssh(_) => None,
            Self::Basic { username, password } => Some((username, password.clone())),
            Self::Token(token) => Some(("x-access-token", token.clone())),
            Self::Renewed(renewed) => Some(("x-access-token", renewed.held())),
        }
    }

    /// The value of the `Authorization` header that says the same before it is asked for.
    pub(super) fn header(&self) -> Option<SecretString> {
        let (username, password) = self.basic()?;
        let pair = format!("{username}:{}", password.expose_secret());
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        Some(format!("Basic {pair}").into())
    }

    /// Takes our secret out of a text that somebody else wrote.
    pub(super) fn scrub(&self, text: &str) -> String {
        match self.basic() {
            Some((_, password)) if !password.expose_secret().is_empty() => {
                text.replace(password.expose_secret(), "***")
            }
            Some(_) | None => text.to_owned(),
        }
    }
}

/// How a remote is reached, with all that this way asks for.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// A bare repository on this machine.
    Local(PathBuf),
    /// A server, whose address holds no secret.
    Http(Url, Credentials, Option<String>, Speaker),
    /// A server by SSH.
    Ssh(SshAddress, Login, HostKeys),
}

impl Way {
    /// Reads an address. What is wrong with it is said without repeating a password in it.
    pub(super) fn choose(
        url: &str,
        credentials: Credentials,
        trust: Trust,
        speaker: Speaker,
    ) -> anyhow::Result<Self> {
        if SshAddress::is_meant_by(url) {
            return Self::ssh(url, credentials, trust);
        }
        let mut url = Url::parse(url).context("reading the repository's url")?;
        ensure!(
            url.password().is_none(),
            "the repository's url holds a password; name it under the repository's credentials instead"
        );
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(path) => Ok(Self::Local(path)),
                Err(()) => bail!("{url} is not the path of a repository on this machine"),
            },
            "http" | "https" => {
                ensure!(url.host_str().is_some(), "{url} names no server");
                // A lone name, as in https://git@host/…, is for the credentials to say.
                url.set_username("").ok().context("taking the name out of the repository's url")?;
                url.set_fragment(None);
                Ok(Self::Http(url, credentials, trust.authorities, speaker))
            }
            scheme => bail!(
                "hoist cannot reach a repository by {scheme}:// (file:///, https://, http:// and ssh:// it can)"
            ),
        }
    }

    fn ssh(url: &str, credentials: Credentials, trust: Trust) -> anyhow::Result<Self> {
        let address: SshAddress = url.parse().context("reading the repository's url")?;
        let Credentials::Ssh(login) = credentials else {
            bail!("{address} is reached by SSH, and that wants an `ssh_key` or an `ssh_agent`")
        };
        let known = trust.host_keys.with_context(|| {
            format!("{address} is reached by SSH, and that wants the server's `known_hosts`")
        })?;
        Ok(Self::Ssh(address, login, known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(url: &str) -> anyhow::Result<Way> {
        Way::choose(url, Credentials::None, Trust::default(), Speaker::Own)
    }

    #[test]
    fn an_address_shows_no_secret_and_no_name() {
        for bad in ["https://bot:hunter2@git.example.com/x.git", "ssh://bot:hunter2@host/x"] {
            let error = choose(bad).unwrap_err();
            assert!(!format!("{error:#?}").contains("hunter2"), "{error:#?}");
        }
        let Way::Http(url, ..) = choose("https://git@git.example.com/x.git").unwrap() else {
            panic!()
        };
        assert_eq!(url.as_str(), "https://git.example.com/x.git");
    }

    #[test]
    fn an_address_is_of_a_kind_that_hoist_can_reach() {
        for bad in ["gitops", "/srv/gitops.git", "git://host/x", "file://host/x", ""] {
            assert!(choose(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ssh_wants_a_key_and_to_know_the_server() {
        let told = |result: anyhow::Result<Way>| format!("{:#}", result.unwrap_err());
        let url = "git@git.example.com:x.git";
        assert!(told(choose(url)).contains("wants an `ssh_key`"));
        let login = Login::Key { key: "k".to_owned().into(), passphrase: None };
        let login = Credentials::Ssh(login);
        let unknown = Way::choose(url, login, Trust::default(), Speaker::Own);
        assert!(told(unknown).contains("wants the server's `known_hosts`"));
    }

    #[test]
    fn credentials_do_not_print() {
        let credentials =
            Credentials::Basic { username: "bot".into(), password: "hunter2".to_owned().into() };
        assert!(!format!("{credentials:?}").contains("hunter2"));
        assert_eq!(credentials.scrub("bad password hunter2"), "bad password ***");
    }
}
