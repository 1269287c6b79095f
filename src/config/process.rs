//! Reads the process file: `config/hoist.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::domain::command::{Reach, Right, Role, Roles};
use crate::domain::id::{EnvironmentName, PersonName};
use crate::domain::pipeline::Pipelines;

use super::check::{self, Mistake};
use super::fields::{
    Fields, dangling, dangling_at, entries, items, names, parsed, parsed_key, text,
};
use super::problem::{Notes, Place};
use super::secret::{Found, Surroundings, Vault};
use super::settings::{
    Credentials, Forge, Names, Person, PipelinesAt, Remote, Repository, Settings, Source, StoreAt,
    Token,
};
use super::table::Words;
use super::tables::{CREDENTIALS, PERSON, PROCESS, REPOSITORY, ROLE, SOURCE, TOKEN};
use super::tree::{Entry, Kind, Node, parse};

pub(super) const FORGES: Words<Forge> =
    Words { built: &[("builtin", Forge::Builtin)], planned: &["github", "gitlab", "forgejo"] };

pub(super) const RIGHTS: Words<Right> = Words {
    built: &[
        ("announce", Right::Announce),
        ("review", Right::Review),
        ("merge", Right::Merge),
        ("promote", Right::Promote),
        ("rollback", Right::Rollback),
        ("hold", Right::Hold),
        ("resume", Right::Resume),
        ("freeze", Right::Freeze),
        ("skip-gates", Right::SkipGates),
        ("status", Right::Status),
        ("audit", Right::Audit),
    ],
    planned: &[],
};

/// What came of reading the process file: as much as could be read, for the checks that follow.
#[derive(Default)]
pub(super) struct Process {
    /// All of it, if nothing was wrong.
    pub(super) settings: Option<Settings>,
    /// The names that stand in it; none if it is no YAML.
    pub(super) names: Option<Names>,
    /// The pipelines file, and where it is named.
    pub(super) pipelines: Option<(PathBuf, Place)>,
    /// Environments that roles speak of, and where.
    pub(super) reached: Vec<Reached>,
}

/// An environment that a role speaks of, which only the pipelines file can confirm.
#[derive(Clone)]
pub(super) struct Reached {
    environment: EnvironmentName,
    place: Place,
    path: String,
}

/// Reads the process file's text.
pub(super) fn read(text: &str, surroundings: &dyn Surroundings, notes: &mut Notes<'_>) -> Process {
    let Some(root) = parse(text, notes) else { return Process::default() };
    let Some(fields) = Fields::open(&root, &PROCESS, notes) else { return Process::default() };
    let names =
        Names { repositories: keys(&fields, "repositories"), people: keys(&fields, "people") };
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
        None => listen.as_ref().map(|listen| format!("http://{listen}")),
    };
    let store = match fields.get("store") {
        Some(node) => checked(node, check::store, notes),
        None => data.as_ref().map(|data| StoreAt::Sqlite(data.join("hoist.db"))),
    };
    let folder = data.clone().unwrap_or_else(|| PathBuf::from("var"));
    let reader = Reader {
        vault: Vault { surroundings, data: &folder },
        people: keys(fields, "people"),
        roles: keys(fields, "roles"),
    };
    let mut missing_secret_files = Vec::new();
    let repositories =
        named(fields, "repositories", notes, |_, entry, notes| reader.repository(entry, notes));
    let sources = named(fields, "sources", notes, |_, entry, notes| {
        reader.source(&entry.value, &mut missing_secret_files, notes)
    });
    let people = named(fields, "people", notes, |_, entry, notes| person(entry, notes));
    let roles: Roles = named(fields, "roles", notes, |_, entry, notes| {
        reader.role(&entry.value, &mut process.reached, notes)
    });
    let tokens = fields.get("tokens").map(|node| reader.tokens(node, notes)).unwrap_or_default();
    let (pipelines, _) = process.pipelines.clone()?;
    Some(Settings {
        listen: listen?,
        public_url: public_url?,
        store: store?,
        data: data?,
        pipelines: PipelinesAt::File(pipelines),
        repositories,
        sources,
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

/// Reads a text by rules of its own, and notes its mistake.
pub(super) fn checked<T>(
    node: &Node,
    check: impl FnOnce(&str) -> Result<T, Mistake>,
    notes: &mut Notes<'_>,
) -> Option<T> {
    let (what, hint) = match check(text(node, notes)?) {
        Ok(value) => return Some(value),
        Err(mistake) => mistake,
    };
    notes.add(node.place, format!("{}: {what}", node.path), hint);
    None
}

fn or_default<T>(
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

/// Reads a mapping from names; what cannot be read is noted and left out.
pub(super) fn named<K, V>(
    fields: &Fields<'_>,
    name: &str,
    notes: &mut Notes<'_>,
    mut read: impl FnMut(&K, &Entry, &mut Notes<'_>) -> Option<V>,
) -> BTreeMap<K, V>
where
    K: std::str::FromStr + Ord,
    K::Err: std::fmt::Display,
{
    let mut found = BTreeMap::new();
    let Some(node) = fields.get(name) else { return found };
    for entry in entries(node, notes).unwrap_or_default() {
        let Some(key) = parsed_key::<K>(entry, notes) else { continue };
        if let Some(value) = read(&key, entry, notes) {
            found.insert(key, value);
        }
    }
    found
}

fn pipelines_at(node: &Node, notes: &mut Notes<'_>) -> Option<(PathBuf, Place)> {
    if let Kind::Map(_) = node.kind {
        let what = "pipelines: a policy in a repository is planned and not built yet";
        notes.add(node.place, what, "write the path of a file on this machine");
        return None;
    }
    Some((PathBuf::from(text(node, notes)?), node.place))
}

fn person(entry: &Entry, notes: &mut Notes<'_>) -> Option<Person> {
    if matches!(entry.value.kind, Kind::Null) {
        return Some(Person::default());
    }
    let fields = Fields::open(&entry.value, &PERSON, notes)?;
    let mut read =
        |key: &str| fields.get(key).and_then(|node| text(node, notes)).map(str::to_owned);
    Some(Person { github: read("github"), gitlab: read("gitlab"), slack: read("slack") })
}

/// What reading an entry needs to know about the rest of the file.
struct Reader<'a> {
    vault: Vault<'a>,
    people: BTreeSet<String>,
    roles: BTreeSet<String>,
}

impl Reader<'_> {
    fn repository(&self, entry: &Entry, notes: &mut Notes<'_>) -> Option<Repository> {
        let fields = Fields::open(&entry.value, &REPOSITORY, notes)?;
        let forge = fields.get("forge").and_then(|node| FORGES.read(node, notes));
        let remote = match fields.get("url") {
            Some(node) => checked(node, check::remote, notes),
            None => {
                let folder = self.vault.data.join("forge").join(format!("{}.git", entry.key));
                Some(Remote::Own(folder))
            }
        };
        let branch = or_default(&fields, "branch", "main", check::branch, notes);
        let credentials = match fields.get("credentials") {
            Some(node) => {
                check_use_of_credentials(node, remote.as_ref(), notes);
                Some(self.credentials(node, notes)?)
            }
            None => None,
        };
        Some(Repository { forge: forge?, remote: remote?, branch: branch?, credentials })
    }

    fn credentials(&self, node: &Node, notes: &mut Notes<'_>) -> Option<Credentials> {
        let fields = Fields::open(node, &CREDENTIALS, notes)?;
        match (fields.get("token"), fields.get("username"), fields.get("password")) {
            (Some(token), None, None) => self.vault.secret(token, notes).map(Credentials::Token),
            (None, Some(username), Some(password)) => {
                let username = text(username, notes).map(str::to_owned);
                let password = self.vault.secret(password, notes);
                Some(Credentials::Password { username: username?, password: password? })
            }
            (_, _, _) if !fields.all_known() => None,
            (_, _, _) => {
                let what = format!("{}: these are no credentials", node.path);
                let hint = "write either `token`, or `username` and `password`";
                notes.add(node.place, what, hint);
                None
            }
        }
    }

    fn source(
        &self,
        node: &Node,
        missing: &mut Vec<PathBuf>,
        notes: &mut Notes<'_>,
    ) -> Option<Source> {
        let fields = Fields::open(node, &SOURCE, notes)?;
        let mut secrets = Vec::new();
        for secret in fields.get("hmac").map(|node| one_or_two(node, notes)).unwrap_or_default() {
            match self.vault.find(secret, notes) {
                Some(Found::Secret(secret)) => secrets.push(secret),
                Some(Found::MayBeMade(path)) => missing.push(path),
                None => (),
            }
        }
        let mut images = Vec::new();
        if let Some(node) = fields.get("images") {
            let list = items(node, notes)?;
            if list.is_empty() {
                let what = format!("{}: this source may announce nothing", node.path);
                notes.add(node.place, what, "name at least one image, as ghcr.io/acme/*");
            }
            images
                .extend(list.iter().filter_map(|item| checked(item, check::image_pattern, notes)));
        }
        Some(Source { secrets, images })
    }

    fn role(&self, node: &Node, reached: &mut Vec<Reached>, notes: &mut Notes<'_>) -> Option<Role> {
        let fields = Fields::open(node, &ROLE, notes)?;
        let people = fields.get("people").map(|node| known(node, &self.people, notes));
        let may = fields.get("may").and_then(|node| items(node, notes)).unwrap_or_default();
        let may = may.iter().filter_map(|item| RIGHTS.read(item, notes)).collect();
        let environments = fields.get("environments").map(|node| reach(node, notes));
        if let Some((Reach::Only(_), list)) = &environments {
            reached.extend(list.iter().cloned());
        }
        let environments = environments.map(|(reach, _)| reach).unwrap_or_default();
        Some(Role { people: people.unwrap_or_default(), may, environments })
    }

    fn tokens(&self, node: &Node, notes: &mut Notes<'_>) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        for item in items(node, notes).unwrap_or_default() {
            let Some(token) = self.token(item, notes) else { continue };
            if tokens.iter().any(|earlier| earlier.name == token.name) {
                let what =
                    format!("{}: there is a token named `{}` already", item.path, token.name);
                notes.add(
                    item.place,
                    what,
                    "choose another name, so that the history tells them apart",
                );
            } else if tokens.iter().any(|earlier| earlier.sha256 == token.sha256) {
                let what = format!("{}: another entry is the same token", item.path);
                notes.add(item.place, what, "make a token of its own for each");
            } else {
                tokens.push(token);
            }
        }
        tokens
    }

    fn token(&self, node: &Node, notes: &mut Notes<'_>) -> Option<Token> {
        let fields = Fields::open(node, &TOKEN, notes)?;
        let name = fields.get("name").and_then(|node| parsed(node, "choose another name", notes));
        let sha256 = fields.get("sha256").and_then(|node| sha256(node, notes));
        let roles = fields.get("roles").map(|node| known(node, &self.roles, notes));
        let person = fields.get("person").and_then(|node| {
            let person: PersonName = parsed(node, "name one of `people`", notes)?;
            check_known(node, person.as_str(), &self.people, notes);
            Some(person)
        });
        Some(Token { name: name?, sha256: sha256?, roles: roles?, person })
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

/// A secret, or a list of one or two.
fn one_or_two<'n>(node: &'n Node, notes: &mut Notes<'_>) -> Vec<&'n Node> {
    let Kind::List(list) = &node.kind else { return vec![node] };
    if list.is_empty() || list.len() > 2 {
        let what = format!("{}: {} secrets stand here", node.path, list.len());
        notes.add(node.place, what, "write one, or two while one is being rotated");
    }
    list.iter().collect()
}

/// A list of names that must all be in `known`.
pub(super) fn known<T>(node: &Node, known: &BTreeSet<String>, notes: &mut Notes<'_>) -> Vec<T>
where
    T: std::str::FromStr + PartialEq + std::fmt::Display,
    T::Err: std::fmt::Display,
{
    let found = names::<T>(node, notes);
    for (name, item) in &found {
        check_known(item, &name.to_string(), known, notes);
    }
    found.into_iter().map(|(name, _)| name).collect()
}

/// Notes a name that is not in `known`.
pub(super) fn check_known(
    node: &Node,
    name: &str,
    known: &BTreeSet<String>,
    notes: &mut Notes<'_>,
) {
    if !known.contains(name) {
        dangling(node, name, &known.iter().map(String::as_str).collect::<Vec<_>>(), notes);
    }
}

/// Where a role reaches, with the place of each name.
fn reach(node: &Node, notes: &mut Notes<'_>) -> (Reach, Vec<Reached>) {
    if let Kind::List(list) = &node.kind
        && list.iter().any(|item| matches!(&item.kind, Kind::Text(text) if text == "*"))
    {
        if list.len() > 1 {
            let what = format!("{}: `*` stands among names", node.path);
            notes.add(node.place, what, "keep `[\"*\"]` alone, or the names alone");
        }
        return (Reach::Everywhere, Vec::new());
    }
    let found = names::<EnvironmentName>(node, notes);
    let place = |(name, item): &(EnvironmentName, &Node)| Reached {
        environment: name.clone(),
        place: item.place,
        path: item.path.clone(),
    };
    let places = found.iter().map(place).collect();
    (Reach::Only(found.into_iter().map(|(name, _)| name).collect()), places)
}

fn sha256(node: &Node, notes: &mut Notes<'_>) -> Option<String> {
    let text = text(node, notes)?;
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some(text.to_ascii_lowercase());
    }
    // What stands there may be the token itself: it is not repeated.
    let what = format!("{}: this is no SHA-256, which has 64 hex digits", node.path);
    notes.add(node.place, what, "write what `printf %s \"$TOKEN\" | sha256sum` prints first");
    None
}

/// Notes environments that roles speak of and no pipeline has.
pub(super) fn check_reach(reached: &[Reached], pipelines: &Pipelines, notes: &mut Notes<'_>) {
    let environments = pipelines.values().flat_map(|pipeline| &pipeline.environments);
    let known: BTreeSet<&str> = environments.map(|environment| environment.name.as_str()).collect();
    let known: Vec<&str> = known.into_iter().collect();
    for Reached { environment, place, path } in reached {
        if !known.contains(&environment.as_str()) {
            dangling_at(*place, path, environment.as_str(), &known, notes);
        }
    }
}
