//! Holds the difference of two revisions against the rules: version fields, and what else changed.

use std::collections::{BTreeMap, BTreeSet};

use super::discover::{common_names, is_moved_by};
use super::ports::{Checkout, CheckoutError, FileChange};
use super::reading::{both_sides, fields_of};
use crate::domain::id::{ApplicationName, CommitId};
use crate::domain::pipeline::{Applications, EditRule, Pipeline};
use crate::yaml_edit::{self, Change, Difference, Place};

/// What was found in one changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFindings {
    /// Its path.
    pub path: String,
    /// The version fields that changed; where anything else did, none is listed.
    pub fields: Vec<Change>,
    /// What else changed; empty for a file in which only version fields did.
    pub others: Vec<Difference>,
}

/// Tells for every file that differs between two commits whether only version fields do.
///
/// A version field is what any rule of `pipelines` names, for any of their applications.
///
/// # Errors
///
/// When the repository cannot be read.
pub fn verify(
    checkout: &dyn Checkout,
    pipelines: &[&Pipeline],
    base: &CommitId,
    head: &CommitId,
) -> Result<Vec<FileFindings>, CheckoutError> {
    let changes = checkout.diff(base, head)?;
    let mut movers = Vec::with_capacity(pipelines.len());
    for pipeline in pipelines {
        movers.push((*pipeline, applications_at(checkout, pipeline, base)?));
    }
    let moved = Moves::among(&changes);
    let findings = changes.iter().map(|change| {
        let (fields, others) = match judge(change, &rules_for(&change.path, &movers), &moved) {
            Ok(fields) => (fields, Vec::new()),
            Err(others) => (Vec::new(), others),
        };
        FileFindings { path: change.path.clone(), fields, others }
    });
    Ok(findings.collect())
}

/// The applications that a pipeline moves in the tree of a commit.
pub(super) fn applications_at(
    checkout: &dyn Checkout,
    pipeline: &Pipeline,
    commit: &CommitId,
) -> Result<BTreeSet<ApplicationName>, CheckoutError> {
    let first = match &pipeline.applications {
        Applications::Named(names) => return Ok(names.iter().cloned().collect()),
        Applications::Discover => pipeline.environments.first(),
    };
    let rules = first.map(|environment| environment.edits.as_slice()).unwrap_or_default();
    let mut paths = BTreeMap::new();
    for file in rules.iter().map(|rule| &rule.file) {
        paths.insert(file, checkout.list(commit, &file.pattern())?);
    }
    Ok(common_names(&paths))
}

/// The rules that fit a file, each with an application that it fits for.
fn rules_for<'p>(
    path: &str,
    movers: &'p [(&'p Pipeline, BTreeSet<ApplicationName>)],
) -> Vec<(&'p EditRule, ApplicationName)> {
    let mut fitting = Vec::new();
    for (pipeline, applications) in movers {
        for rule in pipeline.environments.iter().flat_map(|environment| &environment.edits) {
            if rule.file.as_str() == path {
                // One file for all of them.
                fitting.extend(applications.iter().map(|it| (rule, it.clone())));
            } else if let Some(application) = rule.file.application_in(path)
                && is_moved_by(pipeline, &application)
            {
                fitting.push((rule, application));
            }
        }
    }
    fitting
}

/// Gives the version fields that changed in a file, or what else did.
fn judge(
    change: &FileChange,
    rules: &[(&EditRule, ApplicationName)],
    moved: &Moves<'_>,
) -> Result<Vec<Change>, Vec<Difference>> {
    let whole = |what: String| vec![Difference { line: None, what }];
    let (before, after) = match both_sides(change) {
        Ok(sides) => sides,
        Err(what) => return Err(whole(moved.tell(change).unwrap_or(what))),
    };
    if rules.is_empty() {
        return Err(whole("no rule names this file".to_owned()));
    }
    let mut allowed: Vec<Place> = Vec::new();
    let mut refusals = Vec::new();
    for (rule, application) in rules {
        match fields_of(rule, application, before) {
            Ok(fields) => allowed.extend(fields.into_iter().map(|field| field.place)),
            Err(reason) => refusals.push(format!("no version field of {application}: {reason}")),
        }
    }
    yaml_edit::only_changed(before, after, &allowed).map_err(|not_proved| {
        let mut differences = not_proved.differences;
        // With several applications in one file, most rules find nothing in it, and that is no news.
        if allowed.is_empty() {
            differences.extend(refusals.into_iter().take(1).flat_map(whole));
        }
        differences
    })
}

/// Files that only changed their paths: told as such, not as one that came and one that went.
struct Moves<'c> {
    to: BTreeMap<&'c str, &'c str>,
    from: BTreeMap<&'c str, &'c str>,
}

impl<'c> Moves<'c> {
    fn among(changes: &'c [FileChange]) -> Self {
        let mut gone: BTreeMap<&[u8], Vec<&str>> = BTreeMap::new();
        for change in changes.iter().rev() {
            if let (Some(before), None) = (&change.before, &change.after) {
                gone.entry(before).or_default().push(&change.path);
            }
        }
        let mut moves = Self { to: BTreeMap::new(), from: BTreeMap::new() };
        for change in changes {
            if let (None, Some(after)) = (&change.before, &change.after)
                && let Some(old) = gone.get_mut(after.as_slice()).and_then(Vec::pop)
            {
                moves.to.insert(old, &change.path);
                moves.from.insert(&change.path, old);
            }
        }
        moves
    }

    fn tell(&self, change: &FileChange) -> Option<String> {
        let path = change.path.as_str();
        let to = self.to.get(path).map(|new| format!("the file was renamed to {new}"));
        to.or_else(|| self.from.get(path).map(|old| format!("the file was renamed from {old}")))
    }
}
