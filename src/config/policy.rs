//! Reads the pipelines file: `config/pipelines.yaml`, or text from a repository.
//!
//! No file is opened here and nothing is asked: policy may come from Git, at any commit.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::domain::artifact::ImageName;
use crate::domain::examination::{DigestCheck, Verify};
use crate::domain::freeze::Freeze;
use crate::domain::gate::{SOURCE_CHECKS, Voters};
use crate::domain::health::HealthRule;
use crate::domain::id::{
    ApplicationName, EnvironmentName, PersonName, PipelineName, RepositoryName,
};
use crate::domain::pipeline::{
    Applications, DraftPolicy, EditRule, Environment, MergePolicy, Pipeline, Pipelines, Review,
    RollbackRules,
};
use crate::domain::schedule::Schedule;
use crate::domain::template::Template;
use crate::messages::pull_request::{self, Text};

use super::accept::accept;
use super::check;
use super::fields::{
    Fields, check_known, checked, dangling, items, known, named, names, parsed, text,
};
use super::freeze::freezes;
use super::gate::{gates, source_repository};
use super::health;
use super::order::topological;
use super::problem::Notes;
use super::rule::{edit_rule, template};
use super::schedule::schedules;
use super::settings::Names;
use super::table::Words;
use super::tables::{ENVIRONMENT, PIPELINE, POLICY, REVIEW, ROLLBACK};
use super::tree::{Kind, Node, parse};
use super::verify::verify;

pub(super) const MERGES: Words<MergePolicy> = Words {
    built: &[
        ("automatic", MergePolicy::Automatic),
        ("on-approval", MergePolicy::OnApproval),
        ("manual", MergePolicy::Manual),
    ],
    planned: &[],
};

/// Bounds the time that ordering takes, which grows with the square: policy may come from a
/// repository, and is not ours to trust.
const MOST_ENVIRONMENTS: usize = 200;

/// What the pipelines file says.
pub(super) struct Policy {
    pub(super) pipelines: Pipelines,
    pub(super) freezes: Vec<Freeze>,
    pub(super) schedules: Vec<Schedule>,
}

/// Reads the pipelines file's text. Without `names` (their file is no YAML), names are not checked.
pub(super) fn read(text: &str, names: Option<&Names>, notes: &mut Notes<'_>) -> Option<Policy> {
    let root = parse(text, notes)?;
    let fields = Fields::open(&root, &POLICY, notes)?;
    let pipelines: Pipelines =
        named(&fields, "pipelines", notes, |name: &PipelineName, entry, notes| {
            pipeline(name, &entry.value, names, notes)
        });
    if let Some(node) = fields.get("pipelines") {
        check_applications(node, &pipelines, notes);
    }
    let freezes = fields.get("freezes").map(|node| freezes(node, &pipelines, notes));
    let schedules = fields.get("schedules").map(|node| schedules(node, &pipelines, notes));
    let (freezes, schedules) = (freezes.unwrap_or_default(), schedules.unwrap_or_default());
    Some(Policy { pipelines, freezes, schedules })
}

/// An application that two pipelines of a repository move would have two owners of one branch.
fn check_applications(node: &Node, pipelines: &Pipelines, notes: &mut Notes<'_>) {
    let mut owners: BTreeMap<(&RepositoryName, &ApplicationName), &PipelineName> = BTreeMap::new();
    for pipeline in pipelines.values() {
        let Applications::Named(applications) = &pipeline.applications else { continue };
        for application in applications {
            let key = (&pipeline.repository, application);
            let Some(owner) = owners.insert(key, &pipeline.name) else { continue };
            let place = node
                .entry(pipeline.name.as_str())
                .and_then(|node| node.entry("applications"))
                .map_or(node.place, |node| node.place);
            let what = format!(
                "pipelines.{}.applications: `{application}` is in pipeline `{owner}`, too",
                pipeline.name
            );
            let hint = "an application's name is unique in a repository; keep it in one pipeline";
            notes.add(place, what, hint);
        }
    }
}

fn pipeline(
    name: &PipelineName,
    node: &Node,
    names: Option<&Names>,
    notes: &mut Notes<'_>,
) -> Option<Pipeline> {
    let fields = Fields::open(node, &PIPELINE, notes)?;
    let repository = fields.get("repository").and_then(|node| {
        let repository: RepositoryName = parsed(node, "name one of `repositories`", notes)?;
        if let Some(names) = names {
            check_known(node, repository.as_str(), &names.repositories, notes);
        }
        Some(repository)
    });
    let applications = match fields.get("applications") {
        Some(node) => applications(node, notes),
        None => Some(Applications::Discover),
    };
    let image = fields.get("image").and_then(|node| image_template(node, notes));
    let accept = accept(&fields, notes);
    let verify = verify(&fields, notes);
    let verify = match (&image, verify) {
        (Some(image), Some(verify)) => Some(askable(&fields, image, verify, notes)),
        (_, verify) => verify,
    };
    let source_status = match fields.get("source_status") {
        Some(node) => source_repository(node, notes).map(Some),
        None => Some(None),
    };
    let environments = environments(fields.get("environments")?, names, notes)?;
    if applications == Some(Applications::Discover) {
        check_discovery(&fields, &environments, notes);
    }
    let (repository, applications, image) = (repository?, applications?, image?);
    let (name, accept, verify) = (name.clone(), accept?, verify?);
    let source_status = source_status?;
    if let (Some(names), Some(node)) = (names, fields.get("source_status")) {
        check_tells_sources(node, (&repository, names), notes);
    }
    if let (Some(names), Some(node)) = (names, fields.get("environments")) {
        check_forge(node, (&repository, names), &environments, notes);
    }
    Some(Pipeline {
        name,
        repository,
        applications,
        image,
        accept,
        verify,
        source_status,
        environments,
    })
}

/// What is known by its package URL alone is in no registry that could be asked.
fn askable(fields: &Fields<'_>, image: &Template, verify: Verify, notes: &mut Notes<'_>) -> Verify {
    if !verify.asks() || !image.as_str().starts_with("pkg:") {
        return verify;
    }
    let Some(node) = fields.get("verify") else {
        return Verify { digest: DigestCheck::Announcer, ..verify };
    };
    let what = format!("{}: `{}` is in no registry that could be asked", node.path, image);
    notes.add(node.place, what, "write `verify: {digest: none}`, or remove `verify`");
    verify
}

/// The builtin forge knows no other repository.
fn check_tells_sources(
    node: &Node,
    (repository, names): (&RepositoryName, &Names),
    notes: &mut Notes<'_>,
) {
    if names.forges.get(repository.as_str()).is_some_and(|forge| forge == "builtin") {
        let what =
            format!("{}: `{repository}` has `forge: builtin`, which tells nobody", node.path);
        notes.add(node.place, what, "it needs `forge: github` or `forge: gitlab`; or remove it");
    }
}

/// When a proposal is a draft.
pub(super) const DRAFTS: Words<DraftPolicy> = Words {
    built: &[("never", DraftPolicy::Never), ("until-open", DraftPolicy::UntilOpen)],
    planned: &[],
};

/// The builtin forge knows its own repository and nobody's teams, and others know their own: what a
/// forge cannot be asked is said before anything waits for it.
fn check_forge(
    node: &Node,
    (repository, names): (&RepositoryName, &Names),
    environments: &[Environment],
    notes: &mut Notes<'_>,
) {
    let Some(forge) = names.forges.get(repository.as_str()) else { return };
    let has = format!("`{repository}` has `forge: {forge}`");
    for environment in environments {
        if !environment.review.teams.is_empty() && forge != "github" {
            let node = entry_of(node, &environment.name, "review");
            let what = format!("{}: no team can be asked to review: {has}", node.path);
            let hint = "name people in `review.reviewers`; on GitLab its approval rules and \
                        CODEOWNERS ask groups by themselves";
            notes.add(node.place, what, hint);
        }
        if environment.review.draft != DraftPolicy::Never && forge == "builtin" {
            let node = entry_of(node, &environment.name, "review");
            let what = format!("{}: there are no drafts: {has}", node.path);
            notes.add(
                node.place,
                what,
                "remove `draft`: a shut gate binds the builtin forge's \
                                         merges by itself",
            );
        }
        let node = entry_of(node, &environment.name, "gates");
        let asks_source = environment.gates.iter().any(|rule| rule.gate.name() == SOURCE_CHECKS);
        if asks_source && forge == "builtin" {
            let what =
                format!("{}: nobody can be asked about checks of a source: {has}", node.path);
            let hint = "they need a repository with `forge: github` or `forge: gitlab`; with the \
                        builtin forge, let CI announce what has passed, or ask its service by an \
                        `http` gate";
            notes.add(node.place, what, hint);
        }
        if let Some(Voters::Team(team)) = environment.approvals().map(|approvals| &approvals.of)
            && team.forge() != forge
        {
            let what = format!("{}: nobody can be asked who is in {team}: {has}", node.path);
            notes.add(node.place, what, "write `role`, and list who has it under `roles`");
        }
    }
}

/// A key's value of an environment in the list of them, or the list.
fn entry_of<'n>(node: &'n Node, environment: &EnvironmentName, key: &str) -> &'n Node {
    let is_it = |item: &&Node| match item.entry("name") {
        Some(Node { kind: Kind::Text(name), .. }) => name == environment.as_str(),
        Some(_) | None => false,
    };
    let item = match &node.kind {
        Kind::List(items) => items.iter().find(is_it),
        Kind::Null | Kind::Text(_) | Kind::Map(_) => None,
    };
    item.and_then(|item| item.entry(key)).unwrap_or(node)
}

fn applications(node: &Node, notes: &mut Notes<'_>) -> Option<Applications> {
    if let Kind::Text(word) = &node.kind {
        if word == "discover" {
            return Some(Applications::Discover);
        }
        let what = format!("{}: `{word}` is neither `discover` nor a list", node.path);
        notes.add(node.place, what, format!("write `discover` or `[{word}]`"));
        return None;
    }
    let found = names::<ApplicationName>(node, notes);
    if matches!(&node.kind, Kind::List(list) if list.is_empty()) {
        let what = format!("{}: no application is named", node.path);
        notes.add(node.place, what, "name one, or write `discover`");
    }
    Some(Applications::Named(found.into_iter().map(|(name, _)| name).collect()))
}

/// A template of an image's name, which must be one for an application named `app`.
pub(super) fn image_template(node: &Node, notes: &mut Notes<'_>) -> Option<Template> {
    let image = template(node, &["application"], notes)?;
    let example = image.as_str().replace("{application}", "app");
    if let Err(error) = example.parse::<ImageName>() {
        let what = format!("{}: {error}", node.path);
        notes.add(node.place, what, "write REGISTRY/PATH, as ghcr.io/acme/{application}");
        return None;
    }
    Some(image)
}

/// Without `{application}` in a file of the first environment there is nothing to discover by.
fn check_discovery(fields: &Fields<'_>, environments: &[Environment], notes: &mut Notes<'_>) {
    let Some(first) = environments.first() else { return };
    let found_by = |rule: &EditRule| rule.file.as_str().contains("{application}");
    if first.edits.is_empty() || first.edits.iter().any(found_by) {
        return;
    }
    let node = fields.get("applications").unwrap_or(fields.node());
    let what = format!(
        "{}: nothing can be discovered: no file of `{}` has `{{application}}` in its path",
        fields.node().path,
        first.name
    );
    notes.add(node.place, what, "name the applications: `applications: [NAME]`");
}

/// An environment as listed, before its place in the order is known.
struct Listed<'n> {
    node: &'n Node,
    environment: Environment,
    /// The names of `after` with their nodes; none if it is left out.
    after: Option<Vec<(EnvironmentName, &'n Node)>>,
}

fn environments(
    node: &Node,
    names: Option<&Names>,
    notes: &mut Notes<'_>,
) -> Option<Vec<Environment>> {
    let list = items(node, notes)?;
    if list.is_empty() {
        let what = format!("{}: no environment is listed", node.path);
        notes.add(node.place, what, "list at least one, with `name` and `edit`");
    }
    if list.len() > MOST_ENVIRONMENTS {
        let what = format!("{}: {} environments are listed", node.path, list.len());
        notes.add(node.place, what, format!("a pipeline has at most {MOST_ENVIRONMENTS}"));
        return None;
    }
    let mut listed: Vec<Listed<'_>> = Vec::new();
    for item in list {
        let Some(next) = environment(item, names, notes) else { continue };
        let name = &next.environment.name;
        if listed.iter().any(|earlier| earlier.environment.name == *name) {
            let what = format!("{}: there is an environment named `{name}` already", item.path);
            notes.add(item.place, what, "choose another name, or put both into one");
        } else {
            listed.push(next);
        }
    }
    // With one left out, the default of `after` and the order would be guesses.
    if listed.len() != list.len() {
        return None;
    }
    in_order(listed, notes)
}

fn in_order(listed: Vec<Listed<'_>>, notes: &mut Notes<'_>) -> Option<Vec<Environment>> {
    let all: Vec<EnvironmentName> =
        listed.iter().map(|listed| listed.environment.name.clone()).collect();
    let mut after: Vec<Vec<usize>> = Vec::new();
    for (index, environment) in listed.iter().enumerate() {
        after.push(match &environment.after {
            Some(names) => positions(names, &all, notes),
            None => index.checked_sub(1).into_iter().collect(),
        });
    }
    let order = match topological(&after) {
        Ok(order) => order,
        Err(cycle) => {
            note_cycle(&cycle, &listed, notes);
            return None;
        }
    };
    for (environment, after) in listed.iter().zip(&after) {
        check_soak(environment, after, notes);
    }
    let mut environments: Vec<Option<Environment>> = listed
        .into_iter()
        .zip(&after)
        .map(|(listed, after)| {
            let after = after.iter().map(|&index| all[index].clone()).collect();
            Some(Environment { after, ..listed.environment })
        })
        .collect();
    Some(order.into_iter().filter_map(|index| environments[index].take()).collect())
}

fn positions(
    names: &[(EnvironmentName, &Node)],
    all: &[EnvironmentName],
    notes: &mut Notes<'_>,
) -> Vec<usize> {
    let mut found = Vec::new();
    for (name, node) in names {
        match all.iter().position(|known| known == name) {
            Some(index) => found.push(index),
            None => {
                let known: Vec<&str> = all.iter().map(EnvironmentName::as_str).collect();
                dangling(node, name.as_str(), &known, notes);
            }
        }
    }
    found
}

fn note_cycle(cycle: &[usize], listed: &[Listed<'_>], notes: &mut Notes<'_>) {
    let names = cycle.iter().chain(cycle.first()).filter_map(|&index| listed.get(index));
    let names: Vec<&str> = names.map(|listed| listed.environment.name.as_str()).collect();
    // Somebody wrote at least one `after` of a cycle: the default only looks back.
    let written = cycle.iter().filter_map(|&index| listed.get(index)?.node.entry("after")).next();
    let place = written.or(listed.first().map(|listed| listed.node)).map(|node| node.place);
    let what = format!("these environments wait for each other: {}", names.join(" after "));
    if let Some(place) = place {
        notes.add(place, what, "remove one name from an `after`");
    }
}

fn check_soak(listed: &Listed<'_>, after: &[usize], notes: &mut Notes<'_>) {
    let nothing_before = after.is_empty() && listed.after.as_ref().is_none_or(Vec::is_empty);
    if nothing_before && listed.environment.soak() > SignedDuration::ZERO {
        let node = listed.node.entry("gates").unwrap_or(listed.node);
        let what = format!(
            "{}: `{}` comes after no environment, so nothing soaks before it",
            node.path, listed.environment.name
        );
        notes.add(node.place, what, "put the soak gate on the environment after it");
    }
}

fn environment<'n>(
    node: &'n Node,
    names: Option<&Names>,
    notes: &mut Notes<'_>,
) -> Option<Listed<'n>> {
    let fields = Fields::open(node, &ENVIRONMENT, notes)?;
    let name = fields.get("name").and_then(|node| parsed(node, "choose another name", notes));
    let after = fields.get("after").map(|node| super::fields::names(node, notes));
    let branch = fields.get("branch").map(|node| checked(node, check::branch, notes));
    let edits = fields.get("edit").map(|node| edits(node, notes)).unwrap_or_default();
    let gates = fields.get("gates").map(|node| gates(node, names, notes)).unwrap_or_default();
    let review = fields.get("review").map(|node| review(node, names, notes)).unwrap_or_default();
    let merge = match fields.get("merge") {
        Some(node) => MERGES.read(node, notes),
        None => Some(MergePolicy::OnApproval),
    };
    let health = fields.get("health").map(|node| health::rule(node, names, notes));
    let on_unhealthy = health::on_unhealthy(&fields, notes);
    let rollback = fields.get("rollback").map(|node| rollback(node, notes)).unwrap_or_default();
    let environment = Environment {
        name: name?,
        after: Vec::new(),
        branch: branch.flatten(),
        edits,
        gates,
        merge: merge?,
        review,
        health: health.map_or(Some(HealthRule::Nobody), |rule| rule)?,
        on_unhealthy: on_unhealthy?,
        rollback,
    };
    Some(Listed { node, environment, after })
}

/// What a rollback needs. An incident may be one click, and is reviewed all the same if it says so.
fn rollback(node: &Node, notes: &mut Notes<'_>) -> RollbackRules {
    let Some(fields) = Fields::open(node, &ROLLBACK, notes) else {
        return RollbackRules::default();
    };
    let approvals = fields.get("approvals").and_then(|node| count(node, 0, 20, notes));
    let merge = fields.get("merge").and_then(|node| MERGES.read(node, notes));
    if let (Some(node), Some(0), Some(MergePolicy::OnApproval)) =
        (fields.get("approvals"), approvals, merge)
    {
        let what = format!("{}: `on-approval` takes at least one", node.path);
        notes.add(node.place, what, "write `merge: automatic`, or a number of approvals");
    }
    RollbackRules { approvals, merge }
}

fn edits(node: &Node, notes: &mut Notes<'_>) -> Vec<EditRule> {
    let Some(list) = items(node, notes) else { return Vec::new() };
    if list.is_empty() {
        let what = format!("{}: no rule says what to change", node.path);
        notes.add(node.place, what, "write `- {file: PATH, image: IMAGE}` or another rule");
    }
    list.iter().filter_map(|item| edit_rule(item, notes)).collect()
}

/// A whole number within bounds.
pub(super) fn count(node: &Node, least: u32, most: u32, notes: &mut Notes<'_>) -> Option<u32> {
    let number = text(node, notes)?;
    let value = number.parse().ok().filter(|value| (least..=most).contains(value));
    if value.is_none() {
        let what = format!("{}: `{number}` is no number from {least} to {most}", node.path);
        notes.add(node.place, what, "write one in digits");
    }
    value
}

fn review(node: &Node, names: Option<&Names>, notes: &mut Notes<'_>) -> Review {
    let Some(fields) = Fields::open(node, &REVIEW, notes) else { return Review::default() };
    let mut people = |key: &str| -> Vec<PersonName> {
        match (fields.get(key), names) {
            (Some(node), Some(names)) => known(node, &names.people, notes),
            (Some(node), None) => {
                super::fields::names(node, notes).into_iter().map(|(name, _)| name).collect()
            }
            (None, _) => Vec::new(),
        }
    };
    let (reviewers, assignees) = (people("reviewers"), people("assignees"));
    let mut texts = |key: &str| -> Vec<String> {
        let nodes = fields.get(key).and_then(|node| items(node, notes)).unwrap_or_default();
        nodes.iter().filter_map(|node| text(node, notes)).map(str::to_owned).collect()
    };
    let (teams, labels) = (texts("teams"), texts("labels"));
    let (title, body) = (written(&fields, Text::Title, notes), written(&fields, Text::Body, notes));
    let draft = fields.get("draft").and_then(|node| DRAFTS.read(node, notes)).unwrap_or_default();
    Review { reviewers, teams, assignees, labels, title, body, draft }
}

/// A template of what a proposal says, tried before anything is proposed.
fn written(fields: &Fields<'_>, of: Text, notes: &mut Notes<'_>) -> Option<String> {
    let node = fields.get(of.key())?;
    let template = text(node, notes)?;
    if let Err(wrong) = pull_request::check(of, template) {
        let hint = "docs/templates.md lists what a template can tell";
        notes.add(node.place, format!("{}: {wrong}", node.path), hint);
        return None;
    }
    Some(template.to_owned())
}
