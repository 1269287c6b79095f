//! Builds the adapters and hands them to the doors; the only room that names both.

mod forges;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use futures::future::BoxFuture;
use url::Url;

use crate::adapters::chat::mattermost::{MattermostAnswers, MattermostChannel};
use crate::adapters::chat::slack::{SlackAnswers, SlackChannel};
use crate::adapters::chat::webhook::SignedWebhook;
use crate::adapters::ci::ActionsTokens;
use crate::adapters::client::Client;
use crate::adapters::clock::{SystemClock, SystemDice};
use crate::adapters::forge::builtin::BuiltinForge;
use crate::adapters::git::{
    Credentials, HostKeys, LocalRepository, Login, Mirror, RemoteSettings, Signer, Speaker, Trust,
    create_bare,
};
use crate::adapters::health::argocd::{ArgoCd, ArgoCdSettings};
use crate::adapters::health::http::HttpCaller;
use crate::adapters::health::prometheus::Prometheus;
use crate::adapters::issuer::OidcIssuer;
use crate::adapters::registry::{Registries, RegistryLogin, RegistryMirror, RegistrySettings};
use crate::adapters::store::sqlite::SqliteStore;
use crate::app::chat::{Chat, Mattermost, Slack, speaker};
use crate::app::committing::{Committing, Maker, SignOff};
use crate::app::forge_event::Dialect;
use crate::app::ingest::identity::Issuers;
use crate::app::notifications::{Audience, Reads};
use crate::app::policy::{Hook, Notifier, Person, Policy, Proof, Source, Token, TokenRule};
use crate::app::ports::{
    Board, Checkout, CheckoutError, Clock, Controller, Conversations, Dice, Forge, Git, Herald,
    JobTokens, Remote, RemoteError, Server, Store,
};
use crate::app::watch::Watchers;
use crate::app::{App, Outside, Repository};
use crate::config::{self, Configuration, Receiver, Settings, StoreAt};
use crate::domain::command::Door;
use crate::domain::id::{ControllerName, NotificationName, PersonName, RepositoryName, RoleName};

/// The machine's clock.
pub fn clock() -> impl Clock {
    SystemClock
}

/// The CI that runs the command line.
pub fn job_tokens() -> impl JobTokens {
    ActionsTokens
}

/// A running hoist, as the command line speaks to it.
///
/// # Errors
///
/// When no HTTP client can be made.
pub fn remote(server: Server) -> Result<Arc<dyn Remote>, RemoteError> {
    Ok(Arc::new(Client::new(server)?))
}

/// The Git repository that a folder is in, only to be read.
///
/// # Errors
///
/// When there is none, or it is not to be trusted.
pub fn checkout(path: &Path) -> Result<Box<dyn Checkout>, CheckoutError> {
    Ok(Box::new(LocalRepository::open(path)?))
}

/// Whether this is the first start with this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The store did not exist.
    First,
    /// It did.
    Again,
}

/// A configuration that is whole: secrets that hoist makes itself have been made.
///
/// # Errors
///
/// With every problem of both files at once.
pub fn configuration(path: &Path) -> anyhow::Result<Configuration> {
    let configuration = config::load(path)?;
    if configuration.settings.missing_secret_files.is_empty() {
        return Ok(configuration);
    }
    for missing in &configuration.settings.missing_secret_files {
        config::make_secret_file(missing, random_bytes())
            .with_context(|| format!("making the secret {}", missing.display()))?;
        tracing::info!(file = %missing.display(), "made a random secret: {}", missing.display());
    }
    Ok(config::load(path)?)
}

fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&SystemDice.roll().to_le_bytes());
    bytes[16..].copy_from_slice(&SystemDice.roll().to_le_bytes());
    bytes
}

/// Builds everything that hoist does, with the machine's own clock and dice.
///
/// # Errors
///
/// When the store or a mirror cannot be opened; a remote that is down is no error.
pub async fn app(configuration: Configuration) -> anyhow::Result<(App, Start)> {
    app_at(configuration, Arc::new(SystemClock)).await
}

/// The same, from the process file on, for a verb that works here and then ends.
pub fn open_app(config: &Path) -> BoxFuture<'static, anyhow::Result<App>> {
    let config = config.to_owned();
    Box::pin(async move { Ok(app(configuration(&config)?).await?.0) })
}

/// The same, at another clock's time.
///
/// # Errors
///
/// As for [`app`].
pub async fn app_at(
    configuration: Configuration,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<(App, Start)> {
    let Configuration { mut settings, pipelines, freezes, schedules } = configuration;
    let StoreAt::Sqlite(path) = &settings.store;
    let start = if path.exists() { Start::Again } else { Start::First };
    let sqlite = Arc::new(SqliteStore::open(path).await?);
    let store: Arc<dyn Store> = Arc::clone(&sqlite) as Arc<dyn Store>;
    let mut repositories = BTreeMap::new();
    let paces = forges::Paces::new(&clock);
    for (name, repository) in &settings.repositories {
        let opened = open_repository(&settings, (name, repository), &paces)
            .with_context(|| format!("opening the repository {name}"))?;
        repositories.insert(name.clone(), opened);
    }
    let watchers = watchers(&settings)?;
    let audiences = audiences(&settings, &clock)?;
    let mut chat = chat(std::mem::take(&mut settings.chat), Arc::clone(&sqlite) as _)?;
    chat.audiences = audiences;
    let tells_sources = pipelines.values().any(|it| it.source_status.is_some());
    if hears_comments(&settings) || tells_sources || !chat.audiences.is_empty() {
        chat.store = Some(sqlite);
    }
    let issuers = issuers(&settings)?;
    let registry = Arc::new(registries(&mut settings, &clock)?);
    let policy = Policy { schedules, ..policy(settings, pipelines, freezes)? };
    let outside = Outside { repositories, watchers, issuers, registry };
    let app = App::new(store, outside, policy, clock, Arc::new(SystemDice));
    Ok((app.with_chat(chat), start))
}

/// Tells whether any forge says what people comment.
fn hears_comments(settings: &Settings) -> bool {
    settings.repositories.values().any(|repository| match &repository.forge {
        config::Forge::GitHub(github) => github.webhook_secret.is_some(),
        config::Forge::GitLab(gitlab) => gitlab.webhook_secret.is_some(),
        config::Forge::Builtin => false,
    })
}

fn chat(settings: config::Chat, store: Arc<dyn Conversations>) -> anyhow::Result<Chat> {
    let slack = match settings.slack {
        Some(slack) => {
            let board: Option<Arc<dyn Board>> = match slack.channel {
                Some((token, channel)) => {
                    Some(Arc::new(SlackChannel::new(slack.api, token, channel)?))
                }
                None => None,
            };
            Some(Slack {
                signing_secret: slack.signing_secret,
                answers: slack.answers,
                messenger: Arc::new(SlackAnswers::new()?),
                board,
            })
        }
        None => None,
    };
    let mattermost = match settings.mattermost {
        Some(it) => Some(Mattermost {
            tokens: it.tokens,
            answers: it.url,
            messenger: Arc::new(MattermostAnswers::new()?),
        }),
        None => None,
    };
    let listens = slack.is_some() || mattermost.is_some();
    let store = listens.then_some(store);
    Ok(Chat { slack, mattermost, store, zone: settings.zone, ..Chat::default() })
}

/// Everybody who is told what happens.
fn audiences(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Vec<Audience>> {
    let slack = settings.chat.slack.as_ref();
    let open = |to: &Receiver| -> anyhow::Result<Arc<dyn Herald>> {
        Ok(match to {
            Receiver::Slack(channel) => {
                let bot = slack.and_then(|it| Some((it.api.clone(), it.channel.as_ref()?)));
                let (api, (token, _)) = bot.context("no bot can post in Slack")?;
                Arc::new(SlackChannel::new(api, token.clone(), channel.clone())?)
            }
            Receiver::Mattermost(address) => Arc::new(MattermostChannel::new(address.clone())?),
            Receiver::Webhook { url, secret } => {
                Arc::new(SignedWebhook::new(url.clone(), secret.clone(), Arc::clone(clock))?)
            }
        })
    };
    let audience = |(name, it): (&NotificationName, &config::Notification)| {
        let herald = open(&it.to).with_context(|| format!("preparing the notification {name}"))?;
        let reads = match &it.to {
            Receiver::Slack(_) | Receiver::Mattermost(_) => Reads::People,
            Receiver::Webhook { .. } => Reads::Program,
        };
        Ok(Audience { name: name.clone(), interest: it.interest.clone(), herald, reads })
    };
    settings.notifications.iter().map(audience).collect()
}

/// Everybody who vouches for some source's CI, with the certificates that any of them needs.
fn issuers(settings: &Settings) -> anyhow::Result<Issuers> {
    let mut trusted: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in settings.sources.values() {
        if let config::Proof::Token(rule) = &source.proof {
            trusted.entry(&rule.issuer).or_default().extend(rule.ca.clone());
        }
    }
    let mut issuers = Issuers::new();
    for (issuer, certificates) in trusted {
        let opened = OidcIssuer::new(issuer, &certificates)
            .with_context(|| format!("preparing the issuer {issuer}"))?;
        issuers.insert(issuer.to_owned(), Arc::new(opened));
    }
    Ok(issuers)
}

/// Every registry, as far as something is known of it.
fn registries(settings: &mut Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Registries> {
    let mirror = |it: config::MirrorAt| RegistryMirror { registry: it.registry, prefix: it.prefix };
    let known = std::mem::take(&mut settings.registries).into_iter().map(|(name, it)| {
        let credentials = it.login.map(|(username, password)| RegistryLogin { username, password });
        let settings = RegistrySettings {
            url: it.url,
            token_server: it.token_server,
            credentials,
            ca: it.ca,
            mirrors: it.mirrors.into_iter().map(mirror).collect(),
        };
        (name, settings)
    });
    Registries::new(known.collect(), Arc::clone(clock))
}

fn watchers(settings: &Settings) -> anyhow::Result<Watchers> {
    let mut controllers: BTreeMap<ControllerName, Arc<dyn Controller>> = BTreeMap::new();
    for (name, argocd) in &settings.argocd {
        let settings = ArgoCdSettings {
            url: argocd.url.clone(),
            token: argocd.token.clone(),
            ca: argocd.ca.clone(),
        };
        let opened = ArgoCd::new(&settings).with_context(|| format!("preparing argocd.{name}"))?;
        controllers.insert(name.clone(), Arc::new(opened));
    }
    let metrics = Arc::new(Prometheus::new()?);
    Ok(Watchers::new(controllers, Arc::new(HttpCaller::new()?), metrics))
}

fn open_repository(
    settings: &Settings,
    (name, repository): (&RepositoryName, &config::Repository),
    paces: &forges::Paces,
) -> anyhow::Result<Repository> {
    let url = match &repository.remote {
        config::Remote::Own(path) => {
            create_bare(path, &repository.branch)?;
            file_url(&std::path::absolute(path)?)?
        }
        config::Remote::File(path) if !path.exists() => bail!(
            "{} does not exist; make it with `git init --bare`, or leave `url` out and hoist \
             makes one of its own",
            path.display()
        ),
        config::Remote::File(path) => file_url(path)?,
        config::Remote::Server(url) => url.to_string(),
        config::Remote::Ssh(address) => address.to_string(),
    };
    let trust = Trust {
        authorities: repository.ca.clone(),
        host_keys: repository.known_hosts.as_ref().map(|known| match known {
            config::KnownHosts::File(text) => HostKeys::File(text.clone()),
            config::KnownHosts::Fingerprints(all) => HostKeys::Fingerprints(all.clone()),
        }),
    };
    let git = |credentials| -> anyhow::Result<Arc<dyn Git>> {
        let remote = RemoteSettings {
            name: name.clone(),
            url: url.clone(),
            credentials,
            trust: trust.clone(),
            speaker: match repository.transport {
                config::Transport::Own => Speaker::Own,
                config::Transport::LibGit2 => Speaker::LibGit2,
            },
            pushes: paces.pushes(repository),
        };
        let signer =
            signer(repository).with_context(|| format!("preparing repositories.{name}"))?;
        Ok(Arc::new(Mirror::open(remote, &settings.data)?.signing_with(signer)))
    };
    let (git, forge): (Arc<dyn Git>, Arc<dyn Forge>) = match &repository.forge {
        config::Forge::Builtin => {
            let git = git(credentials(&repository.credentials))?;
            let forge = BuiltinForge::new(Arc::clone(&git), name, &settings.public_url);
            (git, Arc::new(forge))
        }
        config::Forge::GitHub(github) => {
            let (login, forge) = forges::github(github, repository, settings, paces)?;
            (git(login)?, forge)
        }
        config::Forge::GitLab(gitlab) => {
            let (login, forge) = forges::gitlab(gitlab, repository, settings, paces)?;
            (git(login)?, forge)
        }
    };
    let commits = committing(&repository.commits);
    Ok(Repository { git, forge, branch: repository.branch.clone(), commits })
}

/// What is wrong with the keys that sign commits, of each that cannot.
pub fn unfit_keys(configuration: &Configuration) -> Vec<String> {
    let repositories = configuration.settings.repositories.iter();
    let unfit = repositories.filter_map(|(name, repository)| {
        let why = signer(repository).err()?;
        Some(format!("repositories.{name}: {why:#}"))
    });
    unfit.collect()
}

fn signer(repository: &config::Repository) -> anyhow::Result<Option<Signer>> {
    let Some(config::SigningKey { key, passphrase }) = &repository.commits.sign else {
        return Ok(None);
    };
    let passphrase = passphrase.as_ref();
    let signer = match key {
        config::SecretKey::Ssh(key) => {
            Signer::ssh(key, passphrase).context("reading commits.sign.ssh_key")
        }
        config::SecretKey::Gpg(key) => {
            Signer::openpgp(key, passphrase).context("reading commits.sign.gpg_key")
        }
    };
    signer.map(Some)
}

fn committing(settings: &config::Commits) -> Committing {
    let usual = Committing::default();
    let trailers = settings.trailers.iter();
    Committing {
        maker: match settings.by {
            config::CommitsBy::Git => Maker::Hoist,
            config::CommitsBy::Api => Maker::Forge,
        },
        name: settings.name.clone().unwrap_or(usual.name),
        email: settings.email.clone().unwrap_or(usual.email),
        trailers: trailers.map(|(name, value)| (name.clone(), value.clone())).collect(),
        sign_off: match settings.sign_off {
            config::SignOff::Nobody => SignOff::Nobody,
            config::SignOff::Committer => SignOff::Committer,
        },
    }
}

fn file_url(path: &Path) -> anyhow::Result<String> {
    let url = Url::from_file_path(path);
    let url = url.map_err(|()| anyhow::anyhow!("{} is not an absolute path", path.display()))?;
    Ok(url.to_string())
}

/// What Git is told over https, or by SSH.
fn credentials(settings: &config::Credentials) -> Credentials {
    match (&settings.ssh, &settings.account) {
        (Some(login), _) => Credentials::Ssh(ssh_login(login)),
        (None, Some(config::Account::Token(token))) => Credentials::Token(token.clone()),
        (None, Some(config::Account::Password { username, password })) => {
            Credentials::Basic { username: username.clone(), password: password.clone() }
        }
        // Only a GitHub knows Apps, and the configuration has seen to that.
        (None, Some(config::Account::App { .. }) | None) => Credentials::None,
    }
}

fn ssh_login(login: &config::SshLogin) -> Login {
    match login {
        config::SshLogin::Key { key, passphrase } => {
            Login::Key { key: key.clone(), passphrase: passphrase.clone() }
        }
        config::SshLogin::Agent(socket) => Login::Agent(socket.clone()),
    }
}

fn policy(
    settings: Settings,
    pipelines: crate::domain::pipeline::Pipelines,
    freezes: Vec<crate::domain::freeze::Freeze>,
) -> anyhow::Result<Policy> {
    let tokens = settings.tokens.iter().map(|token| token_of(&settings, token)).collect();
    let people = settings.people.iter().map(|(name, person)| person_of(&settings, name, person));
    let people = people.collect();
    let sources = settings
        .sources
        .into_iter()
        .map(|(name, source)| {
            let proof = match source.proof {
                // A source without a secret would believe everybody.
                config::Proof::Secrets(secrets) if secrets.is_empty() => {
                    bail!("sources.{name} has no secret; its file could not be made")
                }
                config::Proof::Hook(hook) if hook.secrets.is_empty() => {
                    bail!("sources.{name} has no secret; its file could not be made")
                }
                config::Proof::Secrets(secrets) => Proof::Secrets(secrets),
                config::Proof::Hook(config::Hook { kind, secrets, registry }) => {
                    Proof::Hook(Hook { kind, secrets, registry })
                }
                config::Proof::Token(rule) => {
                    let config::TokenRule { issuer, audience, ca: _, claims } = rule;
                    Proof::Token(TokenRule { issuer, audience, claims })
                }
            };
            Ok(Source { name, proof, images: source.images, per_minute: source.per_minute })
        })
        .collect::<anyhow::Result<Vec<Source>>>()?;
    let notifiers = settings.argocd.into_iter().filter_map(|(controller, argocd)| {
        Some(Notifier { controller, secret: argocd.webhook_secret? })
    });
    let forge_hooks = settings.repositories.into_iter();
    let forge_hooks = forge_hooks.filter_map(|(name, repository)| forges::hook(name, repository));
    Ok(Policy {
        notifiers: notifiers.collect(),
        people,
        forge_hooks: forge_hooks.collect(),
        pipelines,
        freezes,
        schedules: Vec::new(),
        sources,
        roles: settings.roles,
        tokens,
        keep_deliveries: settings.keep_deliveries,
        public_url: settings.public_url,
    })
}

/// A token with its own roles and those of its person.
fn token_of(settings: &Settings, token: &config::Token) -> Token {
    let mut roles = token.roles.clone();
    if let Some(person) = &token.person {
        roles.extend(roles_of(settings, person));
    }
    let name = token.person.clone().unwrap_or_else(|| token.name.clone());
    Token { name, sha256: token.sha256.clone(), roles }
}

/// A person with the roles that list them.
fn person_of(settings: &Settings, name: &PersonName, person: &config::Person) -> Person {
    let known_as = [
        (Door::Slack, person.slack.clone()),
        (Door::Mattermost, person.mattermost.clone()),
        (Door::Comment, on_forge(Dialect::GitHub, &person.github)),
        (Door::Comment, on_forge(Dialect::GitLab, &person.gitlab)),
    ];
    Person {
        name: name.clone(),
        known_as: known_as.into_iter().filter_map(|(door, id)| Some((door, id?))).collect(),
        roles: roles_of(settings, name).collect(),
    }
}

fn on_forge(forge: Dialect, login: &Option<String>) -> Option<String> {
    login.as_ref().map(|login| speaker(forge, login))
}

fn roles_of<'a>(
    settings: &'a Settings,
    person: &'a PersonName,
) -> impl Iterator<Item = RoleName> + 'a {
    let of_theirs = settings.roles.iter().filter(|(_, role)| role.people.contains(person));
    of_theirs.map(|(name, _)| name.clone())
}
