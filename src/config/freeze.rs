//! Reads the freezes of the pipelines file.

use std::collections::BTreeSet;

use jiff::civil::DateTime;

use crate::domain::freeze::{Freeze, Origin, Rollbacks, Scope};
use crate::domain::gate::Shuts;
use crate::domain::id::EnvironmentName;
use crate::domain::pipeline::Pipelines;

use super::check::Mistake;
use super::fields::{Fields, checked, dangling, items, names, text};
use super::gate::{SHUTS, zone};
use super::problem::Notes;
use super::table::Words;
use super::tables::FREEZE;
use super::tree::{Kind, Node};

pub(super) const ALLOWED: Words<Rollbacks> =
    Words { built: &[("rollback", Rollbacks::Pass)], planned: &[] };

pub(super) fn freezes(node: &Node, pipelines: &Pipelines, notes: &mut Notes<'_>) -> Vec<Freeze> {
    let mut found: Vec<(String, Freeze)> = Vec::new();
    for item in items(node, notes).unwrap_or_default() {
        let Some((name, freeze)) = freeze(item, pipelines, notes) else { continue };
        if found.iter().any(|(earlier, _)| *earlier == name) {
            let what = format!("{}: there is a freeze named `{name}` already", item.path);
            notes.add(item.place, what, "choose another name");
        } else {
            found.push((name, freeze));
        }
    }
    found.into_iter().map(|(_, freeze)| freeze).collect()
}

fn freeze(node: &Node, pipelines: &Pipelines, notes: &mut Notes<'_>) -> Option<(String, Freeze)> {
    let fields = Fields::open(node, &FREEZE, notes)?;
    let mut said =
        |key: &str| fields.get(key).and_then(|node| text(node, notes)).map(str::to_owned);
    let (name, owner, reason) = (said("name"), said("owner"), said("reason"));
    let scope = fields.get("environments").and_then(|node| scope(node, pipelines, notes));
    let mut local = |key: &str| fields.get(key).and_then(|node| checked(node, moment, notes));
    let (from, to) = (local("from"), local("to"));
    let zone = fields.get("zone").and_then(|node| zone(node, notes));
    let mut rollbacks = Rollbacks::Wait;
    for item in fields.get("allow").and_then(|node| items(node, notes)).unwrap_or_default() {
        rollbacks = ALLOWED.read(item, notes)?;
    }
    let shuts = match fields.get("before") {
        Some(node) => SHUTS.read(node, notes),
        None => Some(Shuts::Proposal),
    };
    let zone = zone?;
    // Never shorter than the calendar says: an hour that comes twice is frozen both times.
    let begins = zone.shown(from?)?.first();
    let ends = zone.shown(to?)?.last();
    if ends <= begins {
        let what = format!("{}: it ends before it begins", node.path);
        notes.add(node.place, what, "write `from` before `to`");
        return None;
    }
    let name = name?;
    let freeze = Freeze {
        origin: Origin::File { name: name.clone(), owner, zone },
        scope: scope?,
        reason,
        begins,
        ends: Some(ends),
        rollbacks,
        shuts: shuts?,
    };
    Some((name, freeze))
}

/// The environments that are frozen, all of which some pipeline must have.
fn scope(node: &Node, pipelines: &Pipelines, notes: &mut Notes<'_>) -> Option<Scope> {
    let is_star = |item: &Node| matches!(&item.kind, Kind::Text(text) if text == "*");
    if let Kind::List(list) = &node.kind
        && list.iter().any(is_star)
    {
        if list.len() > 1 {
            let what = format!("{}: `*` stands among names", node.path);
            notes.add(node.place, what, "keep `[\"*\"]` alone, or the names alone");
        }
        return Some(Scope::Everywhere);
    }
    let found = names::<EnvironmentName>(node, notes);
    let known: BTreeSet<&str> = pipelines
        .values()
        .flat_map(|pipeline| &pipeline.environments)
        .map(|environment| environment.name.as_str())
        .collect();
    let listed: Vec<&str> = known.iter().copied().collect();
    for (name, item) in &found {
        if !known.contains(name.as_str()) {
            dangling(item, name.as_str(), &listed, notes);
        }
    }
    if found.is_empty() {
        notes.add(node.place, format!("{}: nothing is frozen", node.path), "name environments");
        return None;
    }
    Some(Scope::Only(found.into_iter().map(|(name, _)| name).collect()))
}

/// A day and a time of day, by the clock of the zone.
fn moment(text: &str) -> Result<DateTime, Mistake> {
    // jiff takes more than people should write here: offsets, which the zone would contradict.
    let plain = text.len() == 16 && text.as_bytes().get(10) == Some(&b'T');
    let parsed: Option<DateTime> = plain.then(|| text.parse().ok()).flatten();
    parsed.filter(|at| (2000..=2200).contains(&at.year())).ok_or_else(|| {
        let what = format!("`{text}` is no day and time of day");
        (what, "write YYYY-MM-DDTHH:MM, by the clock of `zone`: 2026-11-26T00:00".to_owned())
    })
}
