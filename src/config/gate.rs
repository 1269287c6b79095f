//! Reads the gates of an environment.

use jiff::SignedDuration;

use crate::domain::checks::{Checked, Checks, OWN};
use crate::domain::evidence::{Bound, Call, Metric, PLACEHOLDERS, Query};
use crate::domain::gate::{Approvals, Gate, GateRule, Shuts, Voters};
use crate::domain::health::Expectation;
use crate::domain::id::RoleName;
use crate::domain::team::Team;
use crate::domain::template::Template;
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

use super::tables::{APPROVALS, CHECKS, GATE, WINDOW};
use super::tree::{Kind, Node};

pub(super) const SHUTS: Words<Shuts> =
    Words { built: &[("proposal", Shuts::Proposal), ("merge", Shuts::Merge)], planned: &[] };

pub(super) const CHECKED: Words<On> =
    Words { built: &[("proposal", On::Proposal), ("source", On::Source)], planned: &[] };

/// Whose checks are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Proposal,
    Source,
}

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
            (
                Some(_),
                Gate::Soak(_)
                | Gate::Approvals(_)
                | Gate::Prometheus(_)
                | Gate::Http(_)
                | Gate::Checks(_),
            ) => {
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
    } else if let Some(node) = fields.get("checks") {
        checks(node, notes).map(Gate::Checks)
    } else {
        None
    };
    let shuts = fields.get("before").map(|node| (node, SHUTS.read(node, notes)));
    let timeout = fields.get("timeout").map(|node| length(node, notes));
    let mut rule = GateRule::from(gate?);
    if let Some((node, Some(Shuts::Proposal))) = &shuts {
        check_opening(&rule.gate, node, notes);
    }
    if let Some((_, word)) = shuts {
        rule.shuts = word?;
    }
    rule.timeout = timeout.flatten();
    Some(rule)
}

/// What looks at the proposal cannot keep it from being opened.
fn check_opening(gate: &Gate, node: &Node, notes: &mut Notes<'_>) {
    let (what, hint) = match gate {
        Gate::Approvals(_) => {
            ("nobody can approve what is not proposed", "remove `before`: approvals shut the merge")
        }
        Gate::Checks(Checks { on: Checked::Proposal, .. }) => (
            "nothing can check what is not proposed",
            "remove `before`: checks of the proposal shut the merge; or write `on: source`",
        ),
        Gate::Checks(Checks { on: Checked::Source(_), .. })
        | Gate::Soak(_)
        | Gate::Window(_)
        | Gate::Prometheus(_)
        | Gate::Http(_) => return,
    };
    notes.add(node.place, format!("{}: {what}", node.path), hint);
}

/// Names alone, or with whose they are.
fn checks(node: &Node, notes: &mut Notes<'_>) -> Option<Checks> {
    if let Kind::List(_) = node.kind {
        return Some(Checks { names: check_names(node, notes)?, on: Checked::Proposal });
    }
    let fields = Fields::open(node, &CHECKS, notes)?;
    let on = fields.get("on").map_or(Some(On::Proposal), |node| CHECKED.read(node, notes));
    let repository = fields.get("repository");
    if let (Some(node), Some(On::Proposal)) = (repository, on) {
        let what = format!("{}: nobody would read this", node.path);
        notes.add(node.place, what, "`repository` goes with `on: source`");
    }
    let only = match repository {
        Some(node) => Some(source_repository(node, notes)?),
        None => None,
    };
    let names = check_names(fields.get("names")?, notes)?;
    Some(match on? {
        On::Proposal => Checks { names, on: Checked::Proposal },
        On::Source => Checks { names, on: Checked::Source(only) },
    })
}

/// The address of the repository that an application is built from.
pub(super) fn source_repository(node: &Node, notes: &mut Notes<'_>) -> Option<Template> {
    let written = template(node, &["application"], notes)?;
    let filled = written.as_str().replace("{application}", "x");
    checked(node, |_| check::called_url(&filled), notes)?;
    Some(written)
}

/// The names of checks: at least one, each once, and none of hoist's own.
fn check_names(node: &Node, notes: &mut Notes<'_>) -> Option<Vec<String>> {
    let list = items(node, notes)?;
    let mut names: Vec<String> = Vec::new();
    for item in list {
        let Some(name) = text(item, notes) else { continue };
        if name.to_lowercase().starts_with(OWN) {
            let what = format!("{}: `{name}` is a gate of hoist's own", item.path);
            notes.add(item.place, what, "name checks by others; hoist's gates count anyway");
        } else if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
            let what = format!("{}: {name:?} is no check's name", item.path);
            notes.add(item.place, what, "write it as the forge shows it");
        } else if names.iter().any(|known| known == name) {
            let what = format!("{}: `{name}` stands twice", item.path);
            notes.add(item.place, what, "keep one");
        } else {
            names.push(name.to_owned());
        }
    }
    if list.is_empty() {
        let what = format!("{}: no check is named", node.path);
        notes.add(node.place, what, "name at least one, as [e2e]; or remove the gate");
    }
    (!names.is_empty() && names.len() == list.len()).then_some(names)
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

/// A number, or a number of those who have a role or are in a team.
fn approvals(node: &Node, names: Option<&Names>, notes: &mut Notes<'_>) -> Option<Approvals> {
    if let Kind::Text(_) = node.kind {
        return Some(Approvals { count: count(node, 1, 20, notes)?, of: Voters::Anybody });
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
    let team = fields.get("team").and_then(|node| {
        parsed::<Team>(
            node,
            "write github:ORGANISATION/TEAM or gitlab:GROUP, as github:acme/sre",
            notes,
        )
    });
    let of = match (fields.get("role"), fields.get("team")) {
        (Some(_), None) => Voters::Role(role?),
        (None, Some(_)) => Voters::Team(team?),
        (Some(_), Some(_)) | (None, None) => {
            let what = format!("{}: it is not clear whose approvals count", node.path);
            notes.add(node.place, what, "write `role` or `team`; of anybody, write `approvals: 2`");
            return None;
        }
    };
    Some(Approvals { count: count?, of })
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
