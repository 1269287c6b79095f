//! Reads a repository of the process file: its Git, and the forge where its proposals live.

use url::{Host, Url};

use super::check;
use super::fields::{Fields, checked, text};
use super::problem::Notes;
use super::process::or_default;
use super::secret::Vault;
use super::settings::{Credentials, Forge, GitHub, MergeMethod, Remote, Repository};
use super::table::Words;
use super::tables::{CREDENTIALS, REPOSITORY};
use super::tree::{Entry, Node};

/// The word after `forge:`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Builtin,
    GitHub,
}

pub(super) const FORGES: Words<Kind> = Words {
    built: &[("builtin", Kind::Builtin), ("github", Kind::GitHub)],
    planned: &["gitlab", "forgejo"],
};

pub(super) const MERGE_METHODS: Words<MergeMethod> = Words {
    built: &[
        ("merge", MergeMethod::Merge),
        ("squash", MergeMethod::Squash),
        ("rebase", MergeMethod::Rebase),
    ],
    planned: &[],
};

/// What only a forge with an API of its own has a use for.
const OF_A_SERVER: [&str; 4] = ["api", "ca", "webhook_secret", "merge_method"];

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
    let credentials = fields.get("credentials").map(|node| {
        check_use_of_credentials(node, remote.as_ref(), notes);
        read_credentials(vault, node, notes)
    });
    let known = credentials.as_ref().and_then(Option::as_ref);
    let forge = match kind? {
        Kind::Builtin => {
            check_builtin(&fields, known, notes);
            Some(Forge::Builtin)
        }
        Kind::GitHub => {
            check_access(&fields, (remote.as_ref(), known), notes);
            let github = github(vault, &fields, remote.as_ref(), notes);
            github.map(|github| Forge::GitHub(Box::new(github)))
        }
    };
    Some(Repository {
        forge: forge?,
        remote: remote?,
        branch: branch?,
        credentials: if_any(credentials)?,
    })
}

/// What may be left out, and must be right if it stands.
fn if_any<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}

/// Notes what the builtin forge has no use for: somebody meant another forge.
fn check_builtin(fields: &Fields<'_>, credentials: Option<&Credentials>, notes: &mut Notes<'_>) {
    let hint = "remove it, or write `forge: github`";
    for node in OF_A_SERVER.iter().filter_map(|name| fields.get(name)) {
        let what = format!("{}: the builtin forge has no use for this", node.path);
        notes.add(node.place, what, hint);
    }
    if let (Some(Credentials::App { .. }), Some(node)) = (credentials, fields.get("credentials")) {
        let what = format!("{}: an App is only known to GitHub", node.path);
        notes.add(node.place, what, "write a `token`, or `forge: github`");
    }
}

/// Notes what keeps hoist from speaking to GitHub.
fn check_access(
    fields: &Fields<'_>,
    (remote, credentials): (Option<&Remote>, Option<&Credentials>),
    notes: &mut Notes<'_>,
) {
    let node = fields.node();
    if let Some(Remote::Own(_) | Remote::File(_)) = remote {
        let place = fields.get("url").unwrap_or(node).place;
        let what = format!("{}: a GitHub has its repositories on a server", node.path);
        notes.add(place, what, "write `url: https://github.com/OWNER/NAME.git`");
    }
    if let Some(Remote::Server(url)) = remote
        && url.path_segments().is_none_or(|parts| parts.filter(|it| !it.is_empty()).count() < 2)
    {
        let place = fields.get("url").unwrap_or(node).place;
        let what = format!("{}.url: `{url}` lacks an owner or a name", node.path);
        notes.add(place, what, "write https://github.com/OWNER/NAME.git");
    }
    let hint = "write `{token: {env: NAME}}`, or `{app_id: N, private_key: {file: PATH}}`";
    match (credentials, fields.get("credentials")) {
        (Some(Credentials::Password { .. }), Some(given)) => {
            let what = format!("{}: GitHub takes no passwords", given.path);
            notes.add(given.place, what, hint);
        }
        (None, None) => {
            let what = format!("`{}.credentials` is missing, and GitHub asks for them", node.path);
            notes.add(node.place, what, hint);
        }
        (Some(_), _) | (None, Some(_)) => {}
    }
}

fn github(
    vault: &Vault<'_>,
    fields: &Fields<'_>,
    remote: Option<&Remote>,
    notes: &mut Notes<'_>,
) -> Option<GitHub> {
    let api = match fields.get("api") {
        Some(node) => checked(node, check::server, notes),
        None => default_api(fields.node(), remote, notes),
    };
    let ca = fields.get("ca").map(|node| vault.certificates(node, notes));
    let webhook_secret = fields.get("webhook_secret").map(|node| vault.secret(node, notes));
    let merge_method = fields.get("merge_method").map(|node| MERGE_METHODS.read(node, notes));
    Some(GitHub {
        api: api?,
        ca: if_any(ca)?,
        webhook_secret: if_any(webhook_secret)?,
        merge_method: if_any(merge_method)?.unwrap_or(MergeMethod::Merge),
    })
}

/// github.com has its API at one address; every other server is asked about it.
fn default_api(node: &Node, remote: Option<&Remote>, notes: &mut Notes<'_>) -> Option<Url> {
    let Some(Remote::Server(url)) = remote else { return None };
    if url.host() == Some(Host::Domain("github.com")) {
        return Url::parse("https://api.github.com").ok();
    }
    let host = url.host_str().unwrap_or("HOST");
    let what = format!("`{}.api` is missing, and {host} is not github.com", node.path);
    notes.add(node.place, what, format!("write the address of its API, as https://{host}/api/v3"));
    None
}

fn read_credentials(vault: &Vault<'_>, node: &Node, notes: &mut Notes<'_>) -> Option<Credentials> {
    let fields = Fields::open(node, &CREDENTIALS, notes)?;
    let given = ["token", "username", "password", "app_id", "private_key"].map(|it| fields.get(it));
    match given {
        [Some(token), None, None, None, None] => vault.secret(token, notes).map(Credentials::Token),
        [None, Some(username), Some(password), None, None] => {
            let username = text(username, notes).map(str::to_owned);
            let password = vault.secret(password, notes);
            Some(Credentials::Password { username: username?, password: password? })
        }
        [None, None, None, Some(app_id), Some(private_key)] => {
            let app_id = checked(app_id, check::app_id, notes);
            let private_key = vault.secret(private_key, notes);
            Some(Credentials::App { app_id: app_id?, private_key: private_key? })
        }
        _ if !fields.all_known() => None,
        _ => {
            let what = format!("{}: these are no credentials", node.path);
            let hint = "write either `token`, or `username` and `password`, or `app_id` and \
                        `private_key`";
            notes.add(node.place, what, hint);
            None
        }
    }
}

fn check_use_of_credentials(node: &Node, remote: Option<&Remote>, notes: &mut Notes<'_>) {
    let (what, hint) = match remote {
        Some(Remote::Server(url)) if !check::keeps_secrets(url) => {
            ("would cross the network in the clear, over http", "write an https:// url")
        }
        Some(Remote::Own(_) | Remote::File(_)) => (
            "have no use for a repository on this machine",
            "remove them, or write an https:// url",
        ),
        Some(Remote::Server(_)) | None => return,
    };
    notes.add(node.place, format!("{}: these {what}", node.path), hint);
}
