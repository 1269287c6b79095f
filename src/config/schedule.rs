//! Reads the schedules of the pipelines file.

use jiff::Timestamp;

use crate::domain::id::{EnvironmentName, PipelineName};
use crate::domain::pattern::Pattern;
use crate::domain::pipeline::{Applications, Pipeline, Pipelines};
use crate::domain::schedule::{Group, IfMissed, Schedule};

use super::accept::patterns;
use super::fields::{Fields, dangling, items, names, parsed};
use super::gate::zone;
use super::policy::count;
use super::problem::Notes;
use super::table::Words;
use super::tables::SCHEDULE;
use super::tree::{Kind, Node};

pub(super) const GROUPS: Words<Group> = Words {
    built: &[("per-application", Group::PerApplication), ("one-pull-request", Group::OneProposal)],
    planned: &[],
};

pub(super) const MISSES: Words<IfMissed> =
    Words { built: &[("run", IfMissed::Run), ("skip", IfMissed::Skip)], planned: &[] };

/// A run takes them one after another; more want a pipeline of their own.
pub(super) const MOST: u32 = 10_000;

pub(super) fn schedules(
    node: &Node,
    pipelines: &Pipelines,
    notes: &mut Notes<'_>,
) -> Vec<Schedule> {
    let mut found: Vec<Schedule> = Vec::new();
    for item in items(node, notes).unwrap_or_default() {
        let Some(schedule) = schedule(item, pipelines, notes) else { continue };
        if found.iter().any(|earlier| earlier.name == schedule.name) {
            let what =
                format!("{}: there is a schedule named `{}` already", item.path, schedule.name);
            notes.add(item.place, what, "choose another name");
        } else {
            found.push(schedule);
        }
    }
    found
}

fn schedule(node: &Node, pipelines: &Pipelines, notes: &mut Notes<'_>) -> Option<Schedule> {
    let fields = Fields::open(node, &SCHEDULE, notes)?;
    let name = fields.get("name").and_then(|node| parsed(node, "choose another name", notes));
    let cron = fields.get("cron").and_then(|node| {
        let hint = "write minute, hour, day, month and day of the week: \"0 2 * * mon-fri\"";
        parsed(node, hint, notes)
    });
    let zone = fields.get("zone").and_then(|node| zone(node, notes));
    let pipeline = fields.get("pipeline").and_then(|node| pipeline(node, pipelines, notes));
    let known = pipeline.as_ref().and_then(|name| pipelines.get(name));
    let to = fields.get("to").and_then(|node| environments(node, known, notes));
    let applications = match fields.get("applications") {
        Some(node) => Some(applications(node, known, notes)?),
        None => None,
    };
    let group = match fields.get("group") {
        Some(node) => GROUPS.read(node, notes),
        None => Some(Group::default()),
    };
    let max = fields.get("max").map(|node| count(node, 1, MOST, notes));
    let if_missed = match fields.get("if_missed") {
        Some(node) => MISSES.read(node, notes),
        None => Some(IfMissed::default()),
    };
    let max = match max {
        Some(max) => Some(max?),
        None => None,
    };
    let schedule = Schedule {
        name: name?,
        cron: cron?,
        zone: zone?,
        pipeline: pipeline?,
        applications,
        to: to?,
        max,
        if_missed: if_missed?,
        group: group?,
    };
    if schedule.next(Timestamp::UNIX_EPOCH).is_none() {
        let what = format!("{}: it never runs: no day is ever like that", node.path);
        notes.add(node.place, what, "look at its day and its month");
        return None;
    }
    Some(schedule)
}

/// One environment of the pipeline, or a list of them that is not empty.
fn environments(
    node: &Node,
    pipeline: Option<&Pipeline>,
    notes: &mut Notes<'_>,
) -> Option<Vec<EnvironmentName>> {
    let found: Vec<(EnvironmentName, &Node)> = match &node.kind {
        Kind::List(_) => names(node, notes),
        Kind::Null | Kind::Text(_) | Kind::Map(_) => {
            vec![(parsed(node, "name an environment of the pipeline", notes)?, node)]
        }
    };
    let known = pipeline.map(|it| it.environments.iter().map(|it| it.name.as_str()));
    let known: Option<Vec<&str>> = known.map(Iterator::collect);
    for (name, node) in &found {
        if let Some(known) = known.as_ref().filter(|known| !known.contains(&name.as_str())) {
            dangling(node, name.as_str(), known, notes);
        }
    }
    if found.is_empty() {
        let what = format!("{}: it leads into no environment", node.path);
        notes.add(node.place, what, "name one of the pipeline's");
        return None;
    }
    Some(found.into_iter().map(|(name, _)| name).collect())
}

/// Names of the pipeline's applications, in which `*` stands for any text.
fn applications(
    node: &Node,
    pipeline: Option<&Pipeline>,
    notes: &mut Notes<'_>,
) -> Option<Vec<Pattern>> {
    let found = patterns(node, "write names of applications, as shop or pay-*", notes)?;
    // Those that are discovered come and go; of those that are listed each must mean one.
    if let Some(Applications::Named(known)) = pipeline.map(|it| &it.applications) {
        let means_none = |it: &&Pattern| known.iter().all(|name| it.fit(name.as_str()).is_none());
        let known: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
        found.iter().filter(means_none).for_each(|it| dangling(node, it.as_str(), &known, notes));
    }
    Some(found)
}

fn pipeline(node: &Node, pipelines: &Pipelines, notes: &mut Notes<'_>) -> Option<PipelineName> {
    let name: PipelineName = parsed(node, "name one of `pipelines`", notes)?;
    if pipelines.contains_key(&name) {
        return Some(name);
    }
    let known: Vec<&str> = pipelines.keys().map(|name| name.as_str()).collect();
    dangling(node, name.as_str(), &known, notes);
    None
}
