//! Reads a repository of the process file: its Git, and the forge where its proposals live.

use secrecy::ExposeSecret;
use url::Url;

use crate::domain::address::SshAddress;

use super::credentials::{check_use_of_credentials, credentials};
use super::fields::{Fields, checked};
use super::problem::Notes;
use super::process::or_default;
use super::secret::Vault;
use super::settings::{
    Account, AutoMerge, CommitsBy, Credentials, Forge, GitHub, GitLab, KnownHosts, MergeMethod,
    Remote, Repository, Squash, Transport,
};
use super::table::Words;
use super::tables::REPOSITORY;
use super::tree::{Entry, Kind as Shown, Node};
use super::{check, commits};

/// The word after `forge:`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Builtin,
    GitHub,
    GitLab,
}

pub(super) const FORGES: Words<Kind> = Words {
    built: &[("builtin", Kind::Builtin), ("github", Kind::GitHub), ("gitlab", Kind::GitLab)],
    planned: &["forgejo"],
};

pub(super) const MERGE_METHODS: Words<MergeMethod> = Words {
    built: &[
        ("merge", MergeMethod::Merge),
        ("squash", MergeMethod::Squash),
        ("rebase", MergeMethod::Rebase),
    ],
    planned: &[],
};

pub(super) const AUTO_MERGES: Words<AutoMerge> =
    Words { built: &[("never", AutoMerge::Never), ("allowed", AutoMerge::Allowed)], planned: &[] };

pub(super) const TRANSPORTS: Words<Transport> =
    Words { built: &[("own", Transport::Own), ("libgit2", Transport::LibGit2)], planned: &[] };

/// A kind of forge that is asked by its API, as people write of it.
struct Host {
    name: &'static str,
    /// Where everybody's is, and its API.
    public: (&'static str, &'static str),
    /// Where everybody's is reached by SSH, too, on the port of https.
    other_door: &'static str,
    /// The path of the API on every other.
    api: &'static str,
    /// Credentials that it takes.
    credentials: &'static str,
}

const GITHUB: Host = Host {
    name: "GitHub",
    public: ("github.com", "https://api.github.com"),
    other_door: "ssh.github.com",
    api: "/api/v3",
    credentials: "write `{token: {env: NAME}}`, or `{app_id: N, private_key: {file: PATH}}`",
};

const GITLAB: Host = Host {
    name: "GitLab",
    public: ("gitlab.com", "https://gitlab.com/api/v4"),
    other_door: "altssh.gitlab.com",
    api: "/api/v4",
    credentials: "write `{token: {env: NAME}}`: a project's, a group's or a person's access token",
};

/// What only a forge with an API of its own has a use for.
const OF_A_SERVER: [&str; 4] = ["api", "webhook_secret", "merge_method", "auto_merge"];

/// Reads an entry of `repositories`.
pub(super) fn repository(
    vault: &Vault<'_>,
    entry: &Entry,
    notes: &mut Notes<'_>,
) -> Option<Repository> {
    let fields = Fields::open(&entry.value, &REPOSITORY, notes)?;
    let kind = fields.get("forge").and_then(|node| FORGES.read(node, notes));
    let remote = match fields.get("url") {
        Some(node) => checked(node, check::remote, notes),
        None => {
            let folder = vault.data.join("forge").join(format!("{}.git", entry.key));
            Some(Remote::Own(folder))
        }
    };
    let branch = or_default(&fields, "branch", "main", check::branch, notes);
    let credentials = fields.get("credentials").map(|node| credentials(vault, node, notes));
    let known_hosts = fields.get("known_hosts").map(|node| known_hosts(vault, node, notes));
    let ca = fields.get("ca").map(|node| vault.certificates(node, notes));
    let transport = fields.get("transport").map(|node| TRANSPORTS.read(node, notes));
    let commits = fields.get("commits").map(|node| commits::commits(vault, node, notes));
    let known = credentials.as_ref().and_then(Option::as_ref);
    if let (Some(kind), Some(remote)) = (kind, &remote) {
        check_use(&fields, (kind, remote, known), notes);
    }
    if let (Some(kind), Some(Some(commits))) = (kind, &commits) {
        check_maker(&fields, (kind, known, commits.by), notes);
    }
    let forge = match kind? {
        Kind::Builtin => {
            check_builtin(&fields, known, notes);
            Some(Forge::Builtin)
        }
        Kind::GitHub => {
            check_access(&GITHUB, &fields, (remote.as_ref(), known), notes);
            let github = github(vault, &fields, remote.as_ref(), notes);
            github.map(|github| Forge::GitHub(Box::new(github)))
        }
        Kind::GitLab => {
            check_access(&GITLAB, &fields, (remote.as_ref(), known), notes);
            let gitlab = gitlab(vault, &fields, (remote.as_ref(), known), notes);
            gitlab.map(|gitlab| Forge::GitLab(Box::new(gitlab)))
        }
    };
    Some(Repository {
        forge: forge?,
        remote: remote?,
        branch: branch?,
        credentials: if_any(credentials)?.unwrap_or_default(),
        ca: if_any(ca)?,
        known_hosts: if_any(known_hosts)?,
        transport: if_any(transport)?.unwrap_or_default(),
        commits: if_any(commits)?.unwrap_or_default(),
    })
}

/// Notes where nobody is there who could make commits by an API, or would sign them.
fn check_maker(
    fields: &Fields<'_>,
    (kind, known, by): (Kind, Option<&Credentials>, CommitsBy),
    notes: &mut Notes<'_>,
) {
    let Some(node) = fields.get("commits").filter(|_| by == CommitsBy::Api) else { return };
    if kind != Kind::GitHub {
        let what = format!("{}: only a GitHub makes commits by its API", node.path);
        notes.add(node.place, what, "leave out `api`; `commits: {sign: …}` signs them by a key");
    } else if matches!(account(known), Some(Account::Token(_))) {
        let what =
            format!("{}: GitHub signs what an App commits, and nothing by a token", node.path);
        let hint =
            "write `credentials: {app_id: N, private_key: {file: PATH}}`, or leave out `api`";
        notes.add(node.place, what, hint);
    }
}

/// What may be left out, and must be right if it stands.
fn if_any<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}

/// Notes what the builtin forge has no use for: somebody meant another forge.
fn check_builtin(fields: &Fields<'_>, credentials: Option<&Credentials>, notes: &mut Notes<'_>) {
    let hint = "remove it, or write `forge: github` or `forge: gitlab`";
    for node in OF_A_SERVER.iter().filter_map(|name| fields.get(name)) {
        let what = format!("{}: the builtin forge has no use for this", node.path);
        notes.add(node.place, what, hint);
    }
    if let (Some(Account::App { .. }), Some(node)) =
        (account(credentials), fields.get("credentials"))
    {
        let what = format!("{}: an App is only known to GitHub", node.path);
        notes.add(node.place, what, "write a `token`, or `forge: github`");
    }
}

/// Notes what keeps hoist from speaking to a forge by its API.
fn check_access(
    host: &Host,
    fields: &Fields<'_>,
    (remote, credentials): (Option<&Remote>, Option<&Credentials>),
    notes: &mut Notes<'_>,
) {
    let node = fields.node();
    let Host { name, public: (domain, _), .. } = host;
    let place = fields.get("url").unwrap_or(node).place;
    if let Some(Remote::Own(_) | Remote::File(_)) = remote {
        let what = format!("{}: a {name}'s repositories are not on this machine", node.path);
        notes.add(place, what, format!("write `url: https://{domain}/OWNER/NAME.git`"));
    }
    if let Some(url) = remote.and_then(Remote::home)
        && url.path_segments().is_none_or(|parts| parts.filter(|it| !it.is_empty()).count() < 2)
    {
        let what = format!("{}.url: `{url}` lacks an owner or a name", node.path);
        notes.add(place, what, format!("write https://{domain}/OWNER/NAME.git"));
    }
    match (account(credentials), fields.get("credentials")) {
        (Some(Account::Password { .. }), Some(given)) => {
            let what = format!("{}: {name}'s API takes no passwords", given.path);
            notes.add(given.place, what, host.credentials);
        }
        (None, Some(given)) if credentials.is_some() => {
            let what = format!("{}: {name}'s API takes no keys", given.path);
            notes.add(given.place, what, host.credentials);
        }
        (None, None) => {
            let what = format!("`{}.credentials` is missing, and {name} asks for them", node.path);
            notes.add(node.place, what, host.credentials);
        }
        (Some(_), _) | (None, Some(_)) => {}
    }
}

fn account(credentials: Option<&Credentials>) -> Option<&Account> {
    credentials.and_then(|it| it.account.as_ref())
}

fn github(
    vault: &Vault<'_>,
    fields: &Fields<'_>,
    remote: Option<&Remote>,
    notes: &mut Notes<'_>,
) -> Option<GitHub> {
    let api = match fields.get("api") {
        Some(node) => checked(node, check::server, notes),
        None => default_api(&GITHUB, fields.node(), remote, notes),
    };
    let webhook_secret = fields.get("webhook_secret").map(|node| vault.proof(node, notes));
    let merge_method = fields.get("merge_method").map(|node| MERGE_METHODS.read(node, notes));
    let auto_merge = auto_merge(fields, notes);
    Some(GitHub {
        api: api?,
        webhook_secret: if_any(webhook_secret)?,
        merge_method: if_any(merge_method)?.unwrap_or(MergeMethod::Merge),
        auto_merge: auto_merge?,
    })
}

fn gitlab(
    vault: &Vault<'_>,
    fields: &Fields<'_>,
    (remote, credentials): (Option<&Remote>, Option<&Credentials>),
    notes: &mut Notes<'_>,
) -> Option<GitLab> {
    let api = match fields.get("api") {
        Some(node) => checked(node, check::server, notes).filter(|api| is_gitlab(api, node, notes)),
        None => default_api(&GITLAB, fields.node(), remote, notes),
    };
    let webhook_secret = fields.get("webhook_secret").map(|node| vault.proof(node, notes));
    let squash = fields.get("merge_method").map(|node| squash(node, notes));
    if let (Some(Account::App { .. }), Some(node)) =
        (account(credentials), fields.get("credentials"))
    {
        let what = format!("{}: an App is only known to GitHub", node.path);
        notes.add(node.place, what, GITLAB.credentials);
        return None;
    }
    let auto_merge = auto_merge(fields, notes);
    Some(GitLab {
        api: api?,
        webhook_secret: if_any(webhook_secret)?,
        squash: if_any(squash)?.unwrap_or(Squash::AsProject),
        auto_merge: auto_merge?,
    })
}

fn auto_merge(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<AutoMerge> {
    fields.get("auto_merge").map_or(Some(AutoMerge::default()), |it| AUTO_MERGES.read(it, notes))
}

/// Every GitLab has its API under one path, and without it the project's cannot be told apart from
/// the server's.
fn is_gitlab(api: &Url, node: &Node, notes: &mut Notes<'_>) -> bool {
    let fits = api.path().trim_end_matches('/').ends_with(GITLAB.api);
    if !fits {
        let what = format!("{}: `{api}` is not where a GitLab has its API", node.path);
        notes.add(node.place, what, "write the whole address, as https://HOST/api/v4");
    }
    fits
}

fn squash(node: &Node, notes: &mut Notes<'_>) -> Option<Squash> {
    match MERGE_METHODS.read(node, notes)? {
        MergeMethod::Merge => Some(Squash::AsProject),
        MergeMethod::Squash => Some(Squash::Always),
        MergeMethod::Rebase => {
            let what = format!("{}: a GitLab decides that by a setting of the project", node.path);
            let hint =
                "remove it, and choose *Fast-forward merge* under *Settings → Merge requests*";
            notes.add(node.place, what, hint);
            None
        }
    }
}

/// Everybody's has its API at one address; every other server is asked about it.
fn default_api(
    host: &Host,
    node: &Node,
    remote: Option<&Remote>,
    notes: &mut Notes<'_>,
) -> Option<Url> {
    let url = remote?.home()?;
    let (domain, api) = host.public;
    let server = url.host_str().unwrap_or("HOST");
    // Where a firewall shuts SSH's own port, both have a door on another name.
    if server == domain || host.other_door == server {
        return Url::parse(api).ok();
    }
    let what = format!("`{}.api` is missing, and {server} is not {domain}", node.path);
    let path = host.api;
    notes.add(node.place, what, format!("write the address of its API, as https://{server}{path}"));
    None
}

fn known_hosts(vault: &Vault<'_>, node: &Node, notes: &mut Notes<'_>) -> Option<KnownHosts> {
    if let Shown::List(list) = &node.kind {
        let prints = list.iter().map(|item| checked(item, check::fingerprint, notes));
        let prints: Vec<_> = prints.collect();
        if prints.is_empty() {
            notes.add(node.place, format!("{}: the list is empty", node.path), ABOUT_HOSTS);
        }
        return prints.into_iter().collect::<Option<_>>().map(KnownHosts::Fingerprints);
    }
    let text = vault.secret(node, notes)?.expose_secret().to_owned();
    let lines = || text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
    if lines().any(|line| line.starts_with('@')) {
        let what = format!("{}: hoist knows no @cert-authority and no @revoked", node.path);
        notes.add(node.place, what, "write the host keys themselves, a line each");
        return None;
    }
    if lines().all(|line| line.split_whitespace().count() < 3) {
        notes.add(node.place, format!("{}: there is no host key in it", node.path), ABOUT_HOSTS);
        return None;
    }
    Some(KnownHosts::File(text))
}

const ABOUT_HOSTS: &str = "`ssh-keyscan HOST` prints the server's host keys: compare their \
                           fingerprints with what its administrators publish, and write \
                           `known_hosts: {file: PATH}`";

/// Notes what has no use for a repository, or what it cannot do without.
fn check_use(
    fields: &Fields<'_>,
    (kind, remote, credentials): (Kind, &Remote, Option<&Credentials>),
    notes: &mut Notes<'_>,
) {
    check_use_of_trust(fields, (kind, remote), notes);
    if let Remote::Ssh(address) = remote {
        check_ssh(fields, (kind, address), notes);
    }
    if let Some(node) = fields.get("credentials") {
        check_use_of_credentials(node, (kind, remote, credentials), notes);
    }
}

/// Notes what SSH cannot do without.
fn check_ssh(fields: &Fields<'_>, (kind, address): (Kind, &SshAddress), notes: &mut Notes<'_>) {
    let node = fields.node();
    if fields.get("known_hosts").is_none() {
        let (path, host) = (&node.path, &address.host);
        let what = format!("`{path}.known_hosts` is missing: anybody could say to be {host}");
        notes.add(node.place, what, ABOUT_HOSTS);
    }
    if kind == Kind::Builtin && fields.get("credentials").is_none() {
        let what = format!("`{}.credentials` is missing, and SSH asks for a key", node.path);
        notes.add(node.place, what, "write `credentials: {ssh_key: {file: PATH}}`");
    }
}

/// Notes what shows who a server is where no such server is asked.
fn check_use_of_trust(fields: &Fields<'_>, (kind, remote): (Kind, &Remote), notes: &mut Notes<'_>) {
    // A forge's API is asked by https even where its Git is not.
    let by_https = matches!(remote, Remote::Server(url) if url.scheme() == "https")
        || matches!((kind, remote), (Kind::GitHub | Kind::GitLab, Remote::Ssh(_)));
    if let Some(given) = fields.get("ca").filter(|_| !by_https) {
        let what = format!("{}: only https has a use for this", given.path);
        notes.add(given.place, what, "remove it, or write an https:// url");
    }
    let by_ssh = matches!(remote, Remote::Ssh(_));
    if let Some(given) = fields.get("known_hosts").filter(|_| !by_ssh) {
        let what = format!("{}: only SSH has a use for this", given.path);
        notes.add(given.place, what, "remove it, or write `url: git@HOST:PATH.git`");
    }
}
