//! Reads the process file: `config/hoist.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::SignedDuration;

use super::access::{Access, Pointer, person};
use super::chat::chat;
use super::check::{self, Mistake};
use super::fields::{Fields, checked, named, text};
use super::gate::length;
use super::notification;
use super::problem::{Notes, Place};
use super::registry;
use super::repository::repository;
use super::secret::{Surroundings, Vault};
use super::settings::{ArgoCd, Chat, Names, PipelinesAt, Settings, StoreAt};
use super::source;
use super::tables::{ARGOCD, PROCESS};
use super::tree::{Entry, Kind, Node, parse};

/// How long it is kept what came in, unless the file says otherwise: 90 days.
const KEEP_DELIVERIES: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What came of reading the process file: as much as could be read, for the checks that follow.
#[derive(Default)]
pub(super) struct Process {
    /// All of it, if nothing was wrong.
    pub(super) settings: Option<Settings>,
    /// The names that stand in it; none if it is no YAML.
    pub(super) names: Option<Names>,
    /// The pipelines file, and where it is named.
    pub(super) pipelines: Option<(PathBuf, Place)>,
    /// Environments and pipelines that it speaks of, and where.
    pub(super) pointers: Vec<Pointer>,
}

/// Reads the process file's text.
pub(super) fn read(text: &str, surroundings: &dyn Surroundings, notes: &mut Notes<'_>) -> Process {
    let Some(root) = parse(text, notes) else { return Process::default() };
    let Some(fields) = Fields::open(&root, &PROCESS, notes) else { return Process::default() };
    let names = Names {
        repositories: keys(&fields, "repositories"),
        forges: forges(&fields),
        people: keys(&fields, "people"),
        controllers: keys(&fields, "argocd"),
        roles: keys(&fields, "roles"),
    };
    let mut process = Process { names: Some(names), ..Process::default() };
    process.pipelines = fields.get("pipelines").and_then(|node| pipelines_at(node, notes));
    process.settings = settings(&fields, surroundings, &mut process, notes);
    process
}

fn settings(
    fields: &Fields<'_>,
    surroundings: &dyn Surroundings,
    process: &mut Process,
    notes: &mut Notes<'_>,
) -> Option<Settings> {
    let data = or_default(fields, "data", "var", |text| Ok(PathBuf::from(text)), notes);
    let listen = or_default(fields, "listen", "127.0.0.1:8080", check::listen_address, notes);
    let public_url = match fields.get("public_url") {
        Some(node) => checked(node, check::public_url, notes),
        None => listen.as_deref().map(check::url_of),
    };
    let store = match fields.get("store") {
        Some(node) => checked(node, check::store, notes),
        None => data.as_ref().map(|data| StoreAt::Sqlite(data.join("hoist.db"))),
    };
    let folder = data.clone().unwrap_or_else(|| PathBuf::from("var"));
    let reader = Reader { vault: Vault { surroundings, data: &folder } };
    let access = Access {
        people: keys(fields, "people"),
        roles: keys(fields, "roles"),
        forges: forges(fields).into_values().collect(),
    };
    let mut missing_secret_files = Vec::new();
    let repositories = named(fields, "repositories", notes, |_, entry, notes| {
        repository(&reader.vault, entry, notes)
    });
    let sources = named(fields, "sources", notes, |_, entry, notes| {
        source::read(&reader.vault, &entry.value, &mut missing_secret_files, notes)
    });
    source::check_secrets(fields, &sources, notes);
    let keep_deliveries = match fields.get("keep_deliveries") {
        Some(node) => length(node, notes),
        None => Some(KEEP_DELIVERIES),
    };
    let registries = named(fields, "registries", notes, |_, entry, notes| {
        registry::read(&reader.vault, &entry.value, notes)
    });
    let argocd = named(fields, "argocd", notes, |_, entry, notes| reader.argocd(entry, notes));
    let chat = fields.get("chat").map(|node| chat(node, &reader.vault, notes));
    let notifications = named(fields, "notifications", notes, |_, entry, notes| {
        notification::read(&entry.value, &reader.vault, &mut process.pointers, notes)
    });
    notification::check_slack(fields, chat.as_ref().and_then(Option::as_ref), notes);
    let people = named(fields, "people", notes, |_, entry, notes| person(entry, notes));
    let roles = named(fields, "roles", notes, |_, entry, notes| {
        access.role(&entry.value, &mut process.pointers, notes)
    });
    let tokens = fields.get("tokens").map(|node| access.tokens(node, notes)).unwrap_or_default();
    let (pipelines, _) = process.pipelines.clone()?;
    Some(Settings {
        listen: listen?,
        public_url: public_url?,
        store: store?,
        data: data?,
        pipelines: PipelinesAt::File(pipelines),
        repositories,
        sources,
        keep_deliveries: keep_deliveries?,
        registries,
        argocd,
        chat: chat.map_or(Some(Chat::default()), |chat| chat)?,
        notifications,
        people,
        roles,
        tokens,
        missing_secret_files,
    })
}

/// The keys of a mapping, whatever its values are.
fn keys(fields: &Fields<'_>, name: &str) -> BTreeSet<String> {
    let Some(Node { kind: Kind::Map(entries), .. }) = fields.get(name) else {
        return BTreeSet::new();
    };
    entries.iter().map(|entry| entry.key.clone()).collect()
}

/// The repositories whose forge is the builtin one.
fn forges(fields: &Fields<'_>) -> BTreeMap<String, String> {
    let Some(Node { kind: Kind::Map(entries), .. }) = fields.get("repositories") else {
        return BTreeMap::new();
    };
    let forge = |entry: &Entry| match entry.value.entry("forge").map(|forge| &forge.kind) {
        Some(Kind::Text(word)) => Some((entry.key.clone(), word.clone())),
        Some(Kind::Null | Kind::Map(_) | Kind::List(_)) | None => None,
    };
    entries.iter().filter_map(forge).collect()
}

pub(super) fn or_default<T>(
    fields: &Fields<'_>,
    name: &str,
    default: &str,
    check: impl FnOnce(&str) -> Result<T, Mistake>,
    notes: &mut Notes<'_>,
) -> Option<T> {
    match fields.get(name) {
        Some(node) => checked(node, check, notes),
        None => check(default).ok(),
    }
}

fn pipelines_at(node: &Node, notes: &mut Notes<'_>) -> Option<(PathBuf, Place)> {
    if let Kind::Map(_) = node.kind {
        let what = "pipelines: a policy in a repository is planned and not built yet";
        notes.add(node.place, what, "write the path of a file on this machine");
        return None;
    }
    Some((PathBuf::from(text(node, notes)?), node.place))
}

/// Reads what names secrets.
struct Reader<'a> {
    vault: Vault<'a>,
}

impl Reader<'_> {
    fn argocd(&self, entry: &Entry, notes: &mut Notes<'_>) -> Option<ArgoCd> {
        let fields = Fields::open(&entry.value, &ARGOCD, notes)?;
        let url = fields.get("url").and_then(|node| checked(node, check::server, notes));
        let token = fields.get("token").and_then(|node| self.vault.secret(node, notes));
        let ca = match fields.get("ca") {
            Some(node) => Some(self.vault.certificates(node, notes)?),
            None => None,
        };
        let webhook_secret = match fields.get("webhook_secret") {
            Some(node) => Some(self.vault.proof(node, notes)?),
            None => None,
        };
        Some(ArgoCd { url: url?, token: token?, ca, webhook_secret })
    }
}
