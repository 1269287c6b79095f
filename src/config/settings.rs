//! What the process file says, as values that cannot be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::SignedDuration;
use secrecy::SecretString;
use url::Url;

use crate::domain::address::SshAddress;
use crate::domain::command::Roles;
use crate::domain::id::{
    ControllerName, NotificationName, PersonName, RepositoryName, RoleName, SourceName,
};
use crate::domain::notification::Interest;
use crate::domain::pattern::Pattern;
use crate::domain::registry::RegistryName;
use crate::domain::sender::SenderKind;
use crate::domain::zone::Zone;

/// Everything the process file says.
#[derive(Debug)]
pub struct Settings {
    /// The address to listen on, `HOST:PORT`.
    pub listen: String,
    /// Where people reach the page, without a final `/`.
    pub public_url: String,
    /// Where the store is.
    pub store: StoreAt,
    /// The folder of the mirrors and of the builtin forge.
    pub data: PathBuf,
    /// Where the policy is.
    pub pipelines: PipelinesAt,
    /// The GitOps repositories.
    pub repositories: BTreeMap<RepositoryName, Repository>,
    /// Who may announce artifacts, and which.
    pub sources: BTreeMap<SourceName, Source>,
    /// How long it is kept what came in.
    pub keep_deliveries: SignedDuration,
    /// How registries are reached, by their names in images.
    pub registries: BTreeMap<RegistryName, Registry>,
    /// The Argo CDs that deploy, by the names that `health` uses.
    pub argocd: BTreeMap<ControllerName, ArgoCd>,
    /// Where people talk with hoist.
    pub chat: Chat,
    /// Who is told what happens.
    pub notifications: BTreeMap<NotificationName, Notification>,
    /// People, as each system knows them.
    pub people: BTreeMap<PersonName, Person>,
    /// Who may do what, and where.
    pub roles: Roles,
    /// Who may speak to the API and sign in to the page.
    pub tokens: Vec<Token>,
    /// Files under `data` that should hold the secrets of sources and do not exist yet.
    ///
    /// Such a source has no secret here, so nobody can speak for it. Make the files with
    /// [`make_secret_file`](super::make_secret_file) and load again.
    pub missing_secret_files: Vec<PathBuf>,
}

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAt {
    /// An SQLite file.
    Sqlite(PathBuf),
}

/// Where the policy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PipelinesAt {
    /// A file on this machine.
    File(PathBuf),
}

/// A GitOps repository.
#[derive(Debug)]
pub struct Repository {
    /// Where its proposals live.
    pub forge: Forge,
    /// Where its Git is.
    pub remote: Remote,
    /// The branch that environments stand on unless they say otherwise.
    pub branch: String,
    /// What its servers ask for.
    pub credentials: Credentials,
    /// Certificates of a private authority, as PEM, for its Git and its forge.
    pub ca: Option<String>,
    /// The host keys of a server that is reached by SSH.
    pub known_hosts: Option<KnownHosts>,
    /// Who speaks Git's protocol with a server over HTTP.
    pub transport: Transport,
    /// How hoist commits into it.
    pub commits: Commits,
}

/// Who speaks Git's protocol with a server over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// hoist itself.
    #[default]
    Own,
    /// libgit2.
    LibGit2,
}

/// How hoist commits into a repository; what is not said is hoist's own.
#[derive(Debug, Default)]
pub struct Commits {
    /// Who makes them.
    pub by: CommitsBy,
    /// The name on commits of promotions.
    pub name: Option<String>,
    /// The mail address beside it.
    pub email: Option<String>,
    /// Trailers beside hoist's own, by name.
    pub trailers: BTreeMap<String, String>,
    /// Whether they are signed off.
    pub sign_off: SignOff,
    /// The key that signs all of hoist's commits.
    pub sign: Option<SigningKey>,
}

/// Who makes the commits of promotions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommitsBy {
    /// hoist, which pushes them by Git.
    #[default]
    Git,
    /// The forge, asked by its API.
    Api,
}

/// Whether commits of promotions say `Signed-off-by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignOff {
    /// They do not.
    #[default]
    Nobody,
    /// They do, by whom they name.
    Committer,
}

/// A key that signs commits.
#[derive(Debug)]
pub struct SigningKey {
    /// The private key.
    pub key: SecretKey,
    /// What it is locked with.
    pub passphrase: Option<SecretString>,
}

/// A private key's text, by the program that made it.
#[derive(Debug)]
pub enum SecretKey {
    /// OpenSSH's form.
    Ssh(SecretString),
    /// GPG's armour.
    Gpg(SecretString),
}

/// The host keys of a server that is reached by SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownHosts {
    /// Lines as in OpenSSH's `known_hosts`.
    File(String),
    /// Fingerprints, as `SHA256:…`.
    Fingerprints(Vec<String>),
}

/// Where a repository's proposals live.
#[derive(Debug)]
pub enum Forge {
    /// In the repository itself.
    Builtin,
    /// On a GitHub, as pull requests.
    GitHub(Box<GitHub>),
    /// On a GitLab, as merge requests.
    GitLab(Box<GitLab>),
}

impl Forge {
    /// The word after `forge:`.
    fn word(&self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::GitHub(_) => "github",
            Self::GitLab(_) => "gitlab",
        }
    }
}

/// A GitHub, beyond what is asked for by its Git.
#[derive(Debug)]
pub struct GitHub {
    /// The address of its API, with the path under which it is served, if there is one.
    pub api: Url,
    /// What signs the events that it sends.
    pub webhook_secret: Option<SecretString>,
    /// How pull requests are merged.
    pub merge_method: MergeMethod,
    /// Whether GitHub is asked to merge as soon as its rules let it.
    pub auto_merge: AutoMerge,
}

/// Whether a forge is asked to merge by itself.
///
/// hoist looks at every event and every minute, and merges what its forge lets in; so that nothing
/// is lost by [`AutoMerge::Never`], and a gate that shuts while hoist does not run is not passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoMerge {
    /// It is not: hoist merges when it may.
    #[default]
    Never,
    /// It is, once all of hoist's gates are open and only the forge's own rules are in the way.
    Allowed,
}

/// How pull requests are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeMethod {
    /// By a merge commit.
    Merge,
    /// As one commit upon the target.
    Squash,
    /// By putting its commits upon the target.
    Rebase,
}

/// A GitLab, beyond what is asked for by its Git.
#[derive(Debug)]
pub struct GitLab {
    /// The address of its API, which ends in `/api/v4`.
    pub api: Url,
    /// What its events carry to show that they are its.
    pub webhook_secret: Option<SecretString>,
    /// What becomes of a branch's commits.
    pub squash: Squash,
    /// Whether GitLab is asked to merge as soon as its rules let it.
    pub auto_merge: AutoMerge,
}

/// What becomes of a branch's commits on a GitLab, where a setting of the project says how they are
/// merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Squash {
    /// As the project has it.
    AsProject,
    /// They become one.
    Always,
}

/// Where a repository's Git is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// A bare repository under `data`, which hoist makes when it is missing.
    Own(PathBuf),
    /// An existing bare repository on this machine: its absolute path.
    File(PathBuf),
    /// A Git server, by `https://` or `http://`; no user and no password stand in it.
    Server(Url),
    /// A Git server, by SSH.
    Ssh(SshAddress),
}

impl Remote {
    /// Where people would find it, with the path that its forge knows it by.
    #[must_use]
    pub fn home(&self) -> Option<Url> {
        match self {
            Self::Own(_) | Self::File(_) => None,
            Self::Server(url) => Some(url.clone()),
            Self::Ssh(address) => {
                let path = address.path.trim_start_matches('/');
                Url::parse(&format!("https://{}/{path}", address.host)).ok()
            }
        }
    }
}

/// What a repository's servers ask for.
#[derive(Debug, Default)]
pub struct Credentials {
    /// Who hoist is to the forge, and to Git over https.
    pub account: Option<Account>,
    /// Who it is to Git by SSH.
    pub ssh: Option<SshLogin>,
}

/// Who hoist is to a server.
#[derive(Debug)]
pub enum Account {
    /// An access token.
    Token(SecretString),
    /// A user and a password.
    Password {
        /// The user.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A GitHub App.
    App {
        /// Its number.
        app_id: u64,
        /// One of its keys, as PEM.
        private_key: SecretString,
    },
}

/// Who hoist is to a server that is reached by SSH.
#[derive(Debug)]
pub enum SshLogin {
    /// A key.
    Key {
        /// The private key's text.
        key: SecretString,
        /// What it is locked with.
        passphrase: Option<SecretString>,
    },
    /// The keys of an SSH agent behind this socket.
    Agent(PathBuf),
}

/// Somebody who may announce artifacts.
#[derive(Debug)]
pub struct Source {
    /// How it shows that it is the one who speaks.
    pub proof: Proof,
    /// The images it may announce.
    pub images: Vec<Pattern>,
    /// How often in a minute it may announce.
    pub per_minute: u32,
}

/// How a source shows that it is the one who speaks.
#[derive(Debug)]
pub enum Proof {
    /// It signs with one of these, the newest first: two while one is being rotated. `whsec_` is
    /// kept.
    ///
    /// Empty only while its file is in [`Settings::missing_secret_files`].
    Secrets(Vec<SecretString>),
    /// Its CI vouches for it with tokens.
    Token(TokenRule),
    /// It is a registry or a forge, which has a door of its own and a manner of its own.
    Hook(Hook),
}

/// A registry or a forge that says by itself that something was pushed.
#[derive(Debug)]
pub struct Hook {
    /// Whose manner it has.
    pub kind: SenderKind,
    /// What it proves itself with: two while one is being rotated.
    ///
    /// Empty only while its file is in [`Settings::missing_secret_files`].
    pub secrets: Vec<SecretString>,
    /// The registry's name in images, where that is not what the sender says.
    pub registry: Option<RegistryName>,
}

/// Which tokens are a source's.
#[derive(Debug)]
pub struct TokenRule {
    /// Who makes them: exactly what stands in `iss`.
    pub issuer: String,
    /// For whom they are made: what must stand in `aud`.
    pub audience: String,
    /// Certificates of a private authority, as PEM.
    pub ca: Option<String>,
    /// What must stand in other claims: of each, one of these.
    pub claims: BTreeMap<String, Vec<Pattern>>,
}

/// How a registry is reached.
#[derive(Debug)]
pub struct Registry {
    /// Its address, where that is not `https://` and its name.
    pub url: Option<Url>,
    /// Who gives out its tokens, where that is another host.
    pub token_server: Option<Url>,
    /// A user and a password.
    pub login: Option<(String, SecretString)>,
    /// Certificates of a private authority, as PEM.
    pub ca: Option<String>,
    /// Where what is asked for by digest is looked for first.
    pub mirrors: Vec<MirrorAt>,
}

/// A place that has copies of a registry's images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorAt {
    /// The registry that it is.
    pub registry: RegistryName,
    /// What stands before a repository's name there; may be empty.
    pub prefix: String,
}

/// An Argo CD.
#[derive(Debug)]
pub struct ArgoCd {
    /// Its address.
    pub url: Url,
    /// The token of an account that may look at applications.
    pub token: SecretString,
    /// Certificates of a private authority, as PEM.
    pub ca: Option<String>,
    /// What its notifications authenticate themselves with, if it sends any.
    pub webhook_secret: Option<SecretString>,
}

/// A person's names in other systems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Their login on GitHub.
    pub github: Option<String>,
    /// Their user name on GitLab.
    pub gitlab: Option<String>,
    /// Their member ID in Slack.
    pub slack: Option<String>,
    /// Their user ID in Mattermost.
    pub mattermost: Option<String>,
}

/// Where people talk with hoist.
#[derive(Debug, Default)]
pub struct Chat {
    /// Slack.
    pub slack: Option<Slack>,
    /// Mattermost.
    pub mattermost: Option<Mattermost>,
    /// Whose clock a time of day means.
    pub zone: Option<Zone>,
}

/// A Slack app.
#[derive(Debug)]
pub struct Slack {
    /// What it signs its requests with.
    pub signing_secret: SecretString,
    /// The bot's token, and the channel in which promotions are told of.
    pub channel: Option<(SecretString, String)>,
    /// The Web API.
    pub api: Url,
    /// Where answers may be sent.
    pub answers: Url,
}

/// A Mattermost with a slash command.
#[derive(Debug)]
pub struct Mattermost {
    /// Its address.
    pub url: Url,
    /// The command's tokens.
    pub tokens: Vec<SecretString>,
}

/// Somebody who is told what happens.
#[derive(Debug)]
pub struct Notification {
    /// Where they are told.
    pub to: Receiver,
    /// What of.
    pub interest: Interest,
}

/// Where notifications go.
#[derive(Debug)]
pub enum Receiver {
    /// A channel in Slack, as the bot of `chat.slack`.
    Slack(String),
    /// A channel in Mattermost: the address of its incoming webhook.
    Mattermost(SecretString),
    /// An address that takes signed webhooks.
    Webhook {
        /// Where.
        url: Url,
        /// What they are signed with.
        secret: SecretString,
    },
}

/// A token for the API and the page; only its SHA-256 is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Who uses it.
    pub name: PersonName,
    /// SHA-256 of the token, 64 lower-case hex digits.
    pub sha256: String,
    /// The roles it gives, besides those of its person.
    pub roles: Vec<RoleName>,
    /// Whose it is.
    pub person: Option<PersonName>,
}

/// The names that a pipelines file may refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The keys of `repositories`.
    pub repositories: BTreeSet<String>,
    /// What stands after `forge:` of each of them, as far as it is known.
    pub forges: BTreeMap<String, String>,
    /// The keys of `people`.
    pub people: BTreeSet<String>,
    /// The keys of `argocd`.
    pub controllers: BTreeSet<String>,
    /// The keys of `roles`.
    pub roles: BTreeSet<String>,
}

impl Settings {
    /// The names that a pipelines file may refer to.
    pub fn names(&self) -> Names {
        Names {
            repositories: self.repositories.keys().map(ToString::to_string).collect(),
            forges: self
                .repositories
                .iter()
                .map(|(name, repository)| (name.to_string(), repository.forge.word().to_owned()))
                .collect(),
            people: self.people.keys().map(ToString::to_string).collect(),
            controllers: self.argocd.keys().map(ToString::to_string).collect(),
            roles: self.roles.keys().map(ToString::to_string).collect(),
        }
    }
}
