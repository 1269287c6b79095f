//! Whose tokens a source believes: at least one claim has to say it, and to write its owner out.

use super::problem::Notes;
use super::tree::{Entry, Kind, Node};

/// Issuers that make tokens for everybody: of claims that nobody here knows, none is enough.
const PUBLIC_ISSUERS: [&str; 2] =
    ["https://token.actions.githubusercontent.com", "https://gitlab.com"];

/// Claims that are a number or a name as a whole.
const NAMES: [&str; 6] = [
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "project_id",
    "namespace_id",
    "oidc.circleci.com/project-id",
];

/// Claims that are a path, whose first segment is the owner.
const PATHS: [&str; 4] = ["repository", "project_path", "namespace_path", "workflow_ref"];

/// Claims that stand in everybody's tokens, whatever they say.
///
/// `job_workflow_ref` is among them: a workflow that others may use is called by whom it likes.
const OF_ANYBODY: [&str; 19] = [
    "actor",
    "aud",
    "base_ref",
    "environment",
    "environment_protected",
    "event_name",
    "head_ref",
    "iss",
    "job_workflow_ref",
    "pipeline_source",
    "ref",
    "ref_path",
    "ref_protected",
    "ref_type",
    "repository_visibility",
    "runner_environment",
    "sha",
    "user_login",
    "workflow",
];

/// Notes claims that everybody's tokens would fit.
pub(super) fn check(oidc: &Node, claims: Option<&Node>, issuer: &str, notes: &mut Notes<'_>) {
    let entries = match claims.map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries.as_slice(),
        Some(Kind::Null | Kind::Text(_) | Kind::List(_)) | None => &[],
    };
    let place = claims.unwrap_or(oidc);
    if entries.is_empty() {
        let what = format!("{}: no claim says whose tokens count", place.path);
        let hint = "write `claims:`, as {repository: \"acme/{application}\", ref: refs/heads/main}";
        notes.add(place.place, what, hint);
        return;
    }
    let is_public = PUBLIC_ISSUERS.iter().any(|public| issuer.trim_end_matches('/') == *public);
    let says_whose = |entry: &&Entry| {
        let name = entry.key.as_str();
        let is_known = name == "sub" || NAMES.contains(&name) || PATHS.contains(&name);
        is_known || !(is_public || OF_ANYBODY.contains(&name))
    };
    let whose: Vec<&Entry> = entries.iter().filter(says_whose).collect();
    if whose.iter().any(|entry| writes_its_owner_out(entry)) {
        return;
    }
    let everybody = if is_public { ", and its tokens are made for everybody" } else { "" };
    let what = match whose.first() {
        Some(open) => format!(
            "{}: whoever has a token of {issuer} could announce: in `{}` the owner is not written \
             out{everybody}",
            open.value.path,
            values(&open.value).join("`, `")
        ),
        None => format!(
            "{}: whoever has a token of {issuer} could announce: none of these claims says whose \
             pipeline it is{everybody}",
            place.path
        ),
    };
    let hint = "write the owner out, as in `repository: \"acme/{application}\"` (GitHub) or \
                `project_path: \"acme/{application}\"` (GitLab), or add a claim that names it, as \
                `repository_owner: acme`";
    notes.add(place.place, what, hint);
}

/// Tells whether a claim names one owner, whichever of its values fits.
fn writes_its_owner_out(entry: &Entry) -> bool {
    let name = entry.key.as_str();
    let values = values(&entry.value);
    let is_literal = |text: &str| !text.is_empty() && !text.contains(['*', '{']);
    let names_one = |text: &&str| {
        if NAMES.contains(&name) {
            is_literal(text)
        } else if name == "sub" {
            names_a_subject(text)
        } else {
            is_literal(text.split('/').next().unwrap_or_default())
        }
    };
    !values.is_empty() && values.iter().all(names_one)
}

/// A subject says what kind of thing it names before it says which: `repo:acme/shop:ref:…`,
/// `project_path:acme/shop:…`, `system:serviceaccount:NAMESPACE:NAME`.
fn names_a_subject(text: &str) -> bool {
    let Some(end) = text.find(['*', '{']) else { return !text.is_empty() };
    let separators = [':', '/'];
    let whole = text[..end].rfind(separators).map_or("", |at| &text[..at]);
    let parts = whole.split(separators).filter(|part| !part.is_empty()).count();
    let needed = if text.starts_with("system:serviceaccount:") { 3 } else { 2 };
    parts >= needed
}

fn values(node: &Node) -> Vec<&str> {
    match &node.kind {
        Kind::Text(text) => vec![text],
        Kind::List(list) => list.iter().flat_map(values).collect(),
        Kind::Null | Kind::Map(_) => Vec::new(),
    }
}
