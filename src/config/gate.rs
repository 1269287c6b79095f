//! Reads the gates of an environment.

use jiff::SignedDuration;

use crate::domain::evidence::{Bound, Call, Metric, PLACEHOLDERS, Query};
use crate::domain::gate::{Approvals, Gate, GateRule, Shuts};
use crate::domain::health::Expectation;
use crate::domain::id::RoleName;
use crate::domain::window::{Clock, Days, Window};

use super::check;
use super::duration::parse_duration;
use super::fields::{Fields, check_known, checked, items, parsed, text};
use super::health::expectation;
use super::policy::count;
use super::problem::Notes;
use super::rule::template;
use super::settings::Names;
use super::table::Words;
use super::tables::{APPROVALS, GATE, WINDOW};
use super::tree::{Kind, Node};

pub(super) const SHUTS: Words<Shuts> =
    Words { built: &[("proposal", Shuts::Proposal), ("merge", Shuts::Merge)], planned: &[] };

/// Keys that say how a gate works, and not what it asks for.
const MANNERS: [&str; 2] = ["before", "timeout"];

/// Keys that belong to another of the same gate.
const COMPANIONS: [(&str, &str); 4] =
    [("query", "prometheus"), ("until", "prometheus"), ("for", "prometheus"), ("expect", "http")];

pub(super) fn gates(node: &Node, names: Option<&Names>, notes: &mut Notes<'_>) -> Vec<GateRule> {
    let mut gates: Vec<GateRule> = Vec::new();
    for item in items(node, notes).unwrap_or_default() {
        let Some(rule) = gate(item, names, notes) else { continue };
        let same = gates.iter().find(|earlier| earlier.gate.name() == rule.gate.name());
        match (same, &rule.gate) {
            (None, _) => gates.push(rule),
            // Any of several windows lets promotions in; what they shut is one thing.
            (Some(first), Gate::Window(_)) => {
                if (first.shuts, first.timeout) != (rule.shuts, rule.timeout) {
                    let what =
                        format!("{}: the windows differ in `before` or `timeout`", item.path);
                    notes.add(item.place, what, "write the same at each of them");
                }
                gates.push(rule);
            }
            (Some(_), Gate::Soak(_) | Gate::Approvals(_) | Gate::Prometheus(_) | Gate::Http(_)) => {
                let what = format!("{}: this gate stands twice", item.path);
                notes.add(item.place, what, "keep one");
            }
        }
    }
    gates
}

fn gate(node: &Node, names: Option<&Names>, notes: &mut Notes<'_>) -> Option<GateRule> {
    let fields = Fields::open(node, &GATE, notes)?;
    let asks = |key: &str| {
        !MANNERS.contains(&key) && COMPANIONS.iter().all(|(companion, _)| *companion != key)
    };
    for (companion, owner) in COMPANIONS {
        if let (Some(node), None) = (fields.get(companion), fields.get(owner)) {
            let what = format!("{}: nobody would read this", node.path);
            notes.add(node.place, what, format!("`{companion}` goes with `{owner}`"));
        }
    }
    let count = match &node.kind {
        Kind::Map(entries) => entries.iter().filter(|entry| asks(&entry.key)).count(),
        Kind::Null | Kind::Text(_) | Kind::List(_) => 0,
    };
    if count != 1 {
        let what = format!("{}: a gate asks for one thing", node.path);
        let hint = "write each as an item of its own: `- {soak: 30m}`; beside it may stand \
                    `before` and `timeout`";
        notes.add(node.place, what, hint);
        return None;
    }
    let gate = if let Some(node) = fields.get("soak") {
        length(node, notes).map(Gate::Soak)
    } else if let Some(node) = fields.get("approvals") {
        approvals(node, names, notes).map(Gate::Approvals)
    } else if let Some(node) = fields.get("window") {
        window(node, notes).map(Gate::Window)
    } else if let Some(node) = fields.get("prometheus") {
        metric(&fields, node, notes).map(Gate::Prometheus)
    } else if let Some(node) = fields.get("http") {
        call(&fields, node, notes).map(Gate::Http)
    } else {
        None
    };
    let shuts = fields.get("before").map(|node| (node, SHUTS.read(node, notes)));
    let timeout = fields.get("timeout").map(|node| length(node, notes));
    let mut rule = GateRule::from(gate?);
    if let (Gate::Approvals(_), Some((node, Some(Shuts::Proposal)))) = (&rule.gate, &shuts) {
        let what = format!("{}: nobody can approve what is not proposed", node.path);
        notes.add(node.place, what, "remove `before`: approvals shut the merge");
    }
    if let Some((_, word)) = shuts {
        rule.shuts = word?;
    }
    rule.timeout = timeout.flatten();
    Some(rule)
}

/// A length of time.
pub(super) fn length(node: &Node, notes: &mut Notes<'_>) -> Option<SignedDuration> {
    parse_duration(text(node, notes)?)
        .map_err(|error| {
            let what = format!("{}: {error}", node.path);
            notes.add(node.place, what, "write a number and s, m, h or d: 30m, 2h, 1h30m, 1d");
        })
        .ok()
}

/// A number, or a number of those who have a role.
fn approvals(node: &Node, names: Option<&Names>, notes: &mut Notes<'_>) -> Option<Approvals> {
    if let Kind::Text(_) = node.kind {
        return Some(Approvals { count: count(node, 1, 20, notes)?, role: None });
    }
    let fields = Fields::open(node, &APPROVALS, notes)?;
    let count = fields.get("count").map_or(Some(1), |node| count(node, 1, 20, notes));
    let role = fields.get("role").and_then(|node| {
        let role: RoleName = parsed(node, "name one of `roles`", notes)?;
        if let Some(names) = names {
            check_known(node, role.as_str(), &names.roles, notes);
        }
        Some(role)
    });
    Some(Approvals { count: count?, role: Some(role?) })
}

/// A metric: where, what is asked, and what every value must be for how long.
fn metric(fields: &Fields<'_>, url: &Node, notes: &mut Notes<'_>) -> Option<Metric> {
    let called = checked(
        url,
        |text| check::called_url(text).map(|()| text.trim_end_matches('/').to_owned()),
        notes,
    );
    let mut needed = |key: &str, example: &str| {
        let node = fields.get(key);
        if node.is_none() {
            let place = fields.node();
            let what = format!("{}: `{key}` is missing", place.path);
            notes.add(place.place, what, format!("add it, as {example}"));
        }
        node
    };
    let query = needed("query", "`query: \"sum(rate(errors[5m]))\"`");
    let until = needed("until", "`until: \"< 0.01\"`");
    let query = query.and_then(|node| text(node, notes)).map(Query::new);
    let until: Option<Bound> =
        until.and_then(|node| parsed(node, "write a sign and a number: \"< 0.01\"", notes));
    let lasts = match fields.get("for") {
        Some(node) => length(node, notes)?,
        None => SignedDuration::ZERO,
    };
    Some(Metric { url: called?, query: query?, until: until?, lasts })
}

fn call(fields: &Fields<'_>, url: &Node, notes: &mut Notes<'_>) -> Option<Call> {
    let written = template(url, &PLACEHOLDERS, notes)?;
    let filled = PLACEHOLDERS.iter().fold(written.as_str().to_owned(), |text, placeholder| {
        text.replace(&format!("{{{placeholder}}}"), "x")
    });
    checked(url, |_| check::called_url(&filled), notes)?;
    let expect = match fields.get("expect") {
        Some(node) => expectation(node, notes)?,
        None => Expectation { status: None, text: None },
    };
    Some(Call { url: written, expect })
}

fn window(node: &Node, notes: &mut Notes<'_>) -> Option<Window> {
    let fields = Fields::open(node, &WINDOW, notes)?;
    let days: Option<Days> = match fields.get("days") {
        Some(node) => parsed(node, "write mon-thu, mon,wed or daily", notes),
        None => "daily".parse().ok(),
    };
    let mut clock = |key: &str| -> Option<Clock> {
        let hint = "write it as HH:MM in quotes, \"09:00\"; \"24:00\" is the day's end";
        fields.get(key).and_then(|node| parsed(node, hint, notes))
    };
    let (from, to) = (clock("from"), clock("to"));
    let zone = fields.get("zone").and_then(|node| zone(node, notes));
    let (from, to) = (from?, to?);
    if from == to || from == "24:00".parse().ok()? {
        let what = format!("{}: from {from} to {to} is no window", node.path);
        notes.add(node.place, what, "all day is from \"00:00\" to \"24:00\"");
        return None;
    }
    Some(Window { days: days?, from, to, zone: zone? })
}

/// A time zone: without one that is known, nobody can say when.
pub(super) fn zone(node: &Node, notes: &mut Notes<'_>) -> Option<crate::domain::zone::Zone> {
    parsed(node, "write its IANA name, as Europe/Stockholm or UTC", notes)
}
