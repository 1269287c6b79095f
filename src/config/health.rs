//! Reads who says whether an application is well, and what happens when it is not.

use jiff::SignedDuration;

use crate::domain::health::{Expectation, HealthRule, Remedy, Unhealthy};
use crate::domain::id::ControllerName;
use crate::domain::template::Template;

use super::check;
use super::fields::{Fields, check_known, checked, parsed, text};
use super::gate::length;
use super::problem::Notes;
use super::rule::template;
use super::settings::Names;
use super::table::Words;
use super::tables::{HEALTH, ON_UNHEALTHY};
use super::tree::{Kind, Node};

pub(super) const HEALTHS: Words<()> = Words { built: &[("none", ())], planned: &[] };

pub(super) const REMEDIES: Words<Remedy> = Words {
    built: &[("nothing", Remedy::Nothing), ("hold", Remedy::Hold), ("rollback", Remedy::Rollback)],
    planned: &[],
};

/// How long it is watched once it runs, where something is to be done about its being ill.
const WATCH: SignedDuration = SignedDuration::from_mins(15);

/// Without a break, so that one bad reading decides nothing.
const LEAST_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// An environment's `health`.
pub(super) fn rule(
    node: &Node,
    names: Option<&Names>,
    notes: &mut Notes<'_>,
) -> Option<HealthRule> {
    if let Kind::Text(_) = node.kind {
        return HEALTHS.read(node, notes).map(|()| HealthRule::Nobody);
    }
    let fields = Fields::open(node, &HEALTH, notes)?;
    match (fields.get("argocd"), fields.get("http")) {
        (Some(argocd), None) => controller(&fields, argocd, names, notes),
        (None, Some(url)) => http(&fields, url, notes),
        (_, _) if !fields.all_known() => None,
        (_, _) => {
            let what = format!("{}: one says whether it is well", node.path);
            notes.add(node.place, what, "write either `argocd: NAME` or `http: URL`");
            None
        }
    }
}

fn controller(
    fields: &Fields<'_>,
    argocd: &Node,
    names: Option<&Names>,
    notes: &mut Notes<'_>,
) -> Option<HealthRule> {
    refuse(fields, &["expect"], "`expect` goes with `http`", notes);
    let controller: ControllerName = parsed(argocd, "name one of `argocd`", notes)?;
    if let Some(names) = names {
        check_known(argocd, controller.as_str(), &names.controllers, notes);
    }
    let application = over_application(fields, "application", "{application}", notes);
    let project = over_application(fields, "project", "default", notes);
    let namespace = fields.get("namespace").map(|node| text(node, notes).map(str::to_owned));
    Some(HealthRule::Controller {
        controller,
        application: application?,
        project: project?,
        namespace: match namespace {
            Some(namespace) => Some(namespace?),
            None => None,
        },
    })
}

fn over_application(
    fields: &Fields<'_>,
    name: &str,
    default: &str,
    notes: &mut Notes<'_>,
) -> Option<Template> {
    match fields.get(name) {
        Some(node) => template(node, &["application"], notes),
        None => Template::parse(default, &["application"]).ok(),
    }
}

fn http(fields: &Fields<'_>, url: &Node, notes: &mut Notes<'_>) -> Option<HealthRule> {
    refuse(fields, &["application", "project", "namespace"], "these go with `argocd`", notes);
    checked(url, check::called_url, notes)?;
    let url = template(url, &["application"], notes)?;
    let expect = match fields.get("expect") {
        Some(node) => expectation(node, notes)?,
        None => Expectation { status: None, text: None },
    };
    Some(HealthRule::Http { url, expect })
}

/// A status, or a text over what the artifact has.
pub(super) fn expectation(node: &Node, notes: &mut Notes<'_>) -> Option<Expectation> {
    let written = text(node, notes)?;
    if let Ok(status) = written.parse::<u16>() {
        if (100..600).contains(&status) {
            return Some(Expectation { status: Some(status), text: None });
        }
        let what = format!("{}: {status} is no status of HTTP", node.path);
        notes.add(node.place, what, "write one from 100 to 599, or a text");
        return None;
    }
    let text = template(node, &["tag", "digest", "version", "image"], notes)?;
    Some(Expectation { status: None, text: Some(text) })
}

fn refuse(fields: &Fields<'_>, keys: &[&str], hint: &str, notes: &mut Notes<'_>) {
    for node in keys.iter().filter_map(|key| fields.get(key)) {
        notes.add(node.place, format!("{}: nobody would read this", node.path), hint);
    }
}

/// An environment's `on_unhealthy`.
pub(super) fn on_unhealthy(fields: &Fields<'_>, notes: &mut Notes<'_>) -> Option<Unhealthy> {
    let Some(node) = fields.get("on_unhealthy") else { return Some(Unhealthy::default()) };
    let rule = match node.kind {
        Kind::Map(_) => in_full(node, notes)?,
        Kind::Null | Kind::Text(_) | Kind::List(_) => with(REMEDIES.read(node, notes)?),
    };
    let has_health = fields.get("health").is_some_and(|node| matches!(node.kind, Kind::Map(_)));
    if rule.remedy != Remedy::Nothing && !has_health {
        let what = format!("{}: nobody says whether it is well here", node.path);
        notes.add(node.place, what, "add `health: {argocd: NAME}` or `health: {http: URL}`");
    }
    Some(rule)
}

fn with(remedy: Remedy) -> Unhealthy {
    match remedy {
        Remedy::Nothing => Unhealthy::default(),
        Remedy::Hold | Remedy::Rollback => {
            Unhealthy { remedy, watch: WATCH, ..Unhealthy::default() }
        }
    }
}

fn in_full(node: &Node, notes: &mut Notes<'_>) -> Option<Unhealthy> {
    let fields = Fields::open(node, &ON_UNHEALTHY, notes)?;
    let remedy = fields.get("do").and_then(|node| REMEDIES.read(node, notes));
    let mut written = |name: &str| fields.get(name).map(|node| length(node, notes));
    let (after, watch) = (written("after"), written("watch"));
    let mut rule = with(remedy?);
    if let Some(after) = after {
        rule.after = after?;
    }
    if let Some(watch) = watch {
        rule.watch = watch?;
    }
    if rule.after < LEAST_AFTER {
        let node = fields.get("after").unwrap_or(node);
        let what = format!("{}: one bad moment would decide", node.path);
        notes.add(node.place, what, "write 1m or more");
    }
    Some(rule)
}
