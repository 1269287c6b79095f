//! Reads who may do what: `people`, `roles` and `tokens` of the process file.

use std::collections::BTreeSet;

use crate::domain::command::{Reach, Right, Role};
use crate::domain::id::{EnvironmentName, PersonName, PipelineName};
use crate::domain::pipeline::Pipelines;
use crate::domain::team::Team;

use super::fields::{Fields, check_known, dangling_at, items, known, names, parsed, text};
use super::problem::{Notes, Place};
use super::settings::{Person, Token};
use super::table::Words;
use super::tables::{PERSON, ROLE, TOKEN};
use super::tree::{Entry, Kind, Node};

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

/// A name that stands in the process file and that only the pipelines file can confirm.
#[derive(Clone)]
pub(super) struct Pointer {
    to: Target,
    name: String,
    place: Place,
    path: String,
}

#[derive(Clone, Copy)]
enum Target {
    Environment,
    Pipeline,
}

impl Pointer {
    pub(super) fn to_environment(name: &EnvironmentName, node: &Node) -> Self {
        Self::to(Target::Environment, name.to_string(), node)
    }

    pub(super) fn to_pipeline(name: &PipelineName, node: &Node) -> Self {
        Self::to(Target::Pipeline, name.to_string(), node)
    }

    fn to(to: Target, name: String, node: &Node) -> Self {
        Self { to, name, place: node.place, path: node.path.clone() }
    }
}

/// The names that roles and tokens may refer to.
pub(super) struct Access {
    /// The keys of `people`.
    pub(super) people: BTreeSet<String>,
    /// The keys of `roles`.
    pub(super) roles: BTreeSet<String>,
    /// The kinds of the forges of `repositories`.
    pub(super) forges: BTreeSet<String>,
}

impl Access {
    pub(super) fn role(
        &self,
        node: &Node,
        pointers: &mut Vec<Pointer>,
        notes: &mut Notes<'_>,
    ) -> Option<Role> {
        let fields = Fields::open(node, &ROLE, notes)?;
        let people = fields.get("people").map(|node| known(node, &self.people, notes));
        let teams = fields.get("teams").map(|node| self.teams(node, notes));
        let may = fields.get("may").and_then(|node| items(node, notes)).unwrap_or_default();
        let may = may.iter().filter_map(|item| RIGHTS.read(item, notes)).collect();
        let environments = fields.get("environments").map(|node| reach(node, notes));
        if let Some((Reach::Only(_), list)) = &environments {
            pointers.extend(list.iter().cloned());
        }
        let environments = environments.map(|(reach, _)| reach).unwrap_or_default();
        let (people, teams) = (people.unwrap_or_default(), teams.unwrap_or_default());
        Some(Role { people, teams, may, environments })
    }

    /// Teams, each of a forge that can be asked.
    fn teams(&self, node: &Node, notes: &mut Notes<'_>) -> Vec<Team> {
        let hint = "write `github:ORGANISATION/TEAM` or `gitlab:GROUP`";
        let mut teams = Vec::new();
        for item in items(node, notes).unwrap_or_default() {
            let Some(team) = parsed::<Team>(item, hint, notes) else { continue };
            if self.forges.contains(team.forge()) {
                teams.push(team);
                continue;
            }
            let what = format!(
                "{}: nobody can be asked who is in {team}: no repository has `forge: {}`",
                item.path,
                team.forge()
            );
            notes.add(item.place, what, "list who has the role under `people`");
        }
        teams
    }

    pub(super) fn tokens(&self, node: &Node, notes: &mut Notes<'_>) -> Vec<Token> {
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
        let name: PersonName = name?;
        if person.is_none() && self.people.contains(name.as_str()) {
            let what = format!("{}: `{name}` is a person, and the token is not theirs", node.path);
            let hint = format!("add `person: {name}`, or choose another name");
            notes.add(node.place, what, hint);
        }
        Some(Token { name, sha256: sha256?, roles: roles?, person })
    }
}

/// A person's names in other systems; all of them may be left out.
pub(super) fn person(entry: &Entry, notes: &mut Notes<'_>) -> Option<Person> {
    if matches!(entry.value.kind, Kind::Null) {
        return Some(Person::default());
    }
    let fields = Fields::open(&entry.value, &PERSON, notes)?;
    let mut read =
        |key: &str| fields.get(key).and_then(|node| text(node, notes)).map(str::to_owned);
    Some(Person {
        github: read("github"),
        gitlab: read("gitlab"),
        slack: read("slack"),
        mattermost: read("mattermost"),
    })
}

/// Where a role reaches, with the place of each name.
fn reach(node: &Node, notes: &mut Notes<'_>) -> (Reach, Vec<Pointer>) {
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
    let places = found.iter().map(|(name, item)| Pointer::to_environment(name, item)).collect();
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

/// Notes every name that no pipeline confirms.
pub(super) fn check_pointers(pointers: &[Pointer], pipelines: &Pipelines, notes: &mut Notes<'_>) {
    let environments = pipelines.values().flat_map(|pipeline| &pipeline.environments);
    let environments: BTreeSet<&str> = environments.map(|it| it.name.as_str()).collect();
    let environments: Vec<&str> = environments.into_iter().collect();
    let pipelines: Vec<&str> = pipelines.keys().map(PipelineName::as_str).collect();
    for Pointer { to, name, place, path } in pointers {
        let known = match to {
            Target::Environment => &environments,
            Target::Pipeline => &pipelines,
        };
        if !known.contains(&name.as_str()) {
            dangling_at(*place, path, name, known, notes);
        }
    }
}
