//! Applies the rules to files: which scalars are the version fields, and what stands there.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{ApplicationName, CommitId};
use crate::domain::pipeline::{DocumentChoice, EditRule, Environment, Target};
use crate::domain::snapshot::{Judgement, Reading, VersionField};
use crate::domain::template::Template;
use crate::yaml_edit::{self, Place, Rule, Which};

use super::AppError;
use super::ports::{FileChange, Git, ModeChange};

/// Reads an application's version fields in an environment at `tip`.
pub(super) async fn read(
    git: &dyn Git,
    tip: &CommitId,
    environment: &Environment,
    application: &ApplicationName,
) -> Result<Reading, AppError> {
    let paths: BTreeSet<String> = files_of(environment, application).into_iter().collect();
    let files = git.read(tip, paths).await?;
    Ok(apply(tip, environment, application, &files))
}

/// The files that an environment's rules name for an application, in the rules' order.
pub(super) fn files_of(environment: &Environment, application: &ApplicationName) -> Vec<String> {
    environment.edits.iter().map(|rule| rule.file.for_application(application)).collect()
}

fn apply(
    tip: &CommitId,
    environment: &Environment,
    application: &ApplicationName,
    files: &BTreeMap<String, Vec<u8>>,
) -> Reading {
    let mut fields: Vec<VersionField> = Vec::new();
    for rule in &environment.edits {
        let file = rule.file.for_application(application);
        let Some(text) = files.get(&file) else { return Reading::Absent { file } };
        match fields_of(rule, application, text) {
            Ok(found) => fields.extend(found),
            Err(reason) => return Reading::Refused { reason: format!("{file}: {reason}") },
        }
    }
    Reading::Fields { tip: tip.clone(), fields }
}

/// The version fields that one rule finds in a file; the error says where and why.
pub(super) fn fields_of(
    rule: &EditRule,
    application: &ApplicationName,
    text: &[u8],
) -> Result<Vec<VersionField>, String> {
    let (editor_rule, template) = editor_rule(&rule.target, application)?;
    let which = match &rule.document {
        None => Which::Matching,
        Some(DocumentChoice::Index(index)) => Which::Index(*index),
        Some(DocumentChoice::Named { kind, name }) => {
            Which::Named { kind: kind.clone(), name: name.for_application(application) }
        }
    };
    let found = yaml_edit::find(text, &editor_rule, &which).map_err(|e| e.to_string())?;
    let file = rule.file.for_application(application);
    Ok(found
        .into_iter()
        .map(|field| VersionField {
            file: file.clone(),
            place: field.place,
            part: field.part,
            template: template.cloned(),
            value: field.value,
        })
        .collect())
}

fn editor_rule<'a>(
    target: &'a Target,
    application: &ApplicationName,
) -> Result<(Rule, Option<&'a Template>), String> {
    Ok(match target {
        Target::KustomizeImage(name) => {
            (Rule::KustomizeImage(name.for_application(application)), None)
        }
        Target::Image(image) => (Rule::Image(image.for_application(application)), None),
        Target::Path { path, value } => {
            let path = path.for_application(application);
            let path = path.parse::<yaml_edit::Path>().map_err(|error| error.to_string())?;
            (Rule::Path(path), Some(value))
        }
        Target::Marker { name, value } => {
            (Rule::Marker(name.for_application(application)), value.as_ref())
        }
    })
}

/// Judges a branch: does it change version fields of this application, here, and nothing else?
pub(super) async fn judge(
    git: &dyn Git,
    base: &CommitId,
    head: &CommitId,
    environment: &Environment,
    application: &ApplicationName,
) -> Result<Judgement, AppError> {
    let changes = git.diff(base, head).await?;
    for change in &changes {
        if let Err(what) = judge_file(change, environment, application) {
            return Ok(Judgement::Otherwise(format!("{}: {what}", change.path)));
        }
    }
    Ok(Judgement::OnlyVersion)
}

fn judge_file(
    change: &FileChange,
    environment: &Environment,
    application: &ApplicationName,
) -> Result<(), String> {
    let rules: Vec<&EditRule> = environment
        .edits
        .iter()
        .filter(|rule| rule.file.for_application(application) == change.path)
        .collect();
    if rules.is_empty() {
        return Err("no rule names this file".into());
    }
    let (before, after) = both_sides(change)?;
    let mut allowed: Vec<Place> = Vec::new();
    for rule in rules {
        allowed.extend(fields_of(rule, application, before)?.into_iter().map(|f| f.place));
    }
    yaml_edit::only_changed(before, after, &allowed).map_err(|e| e.to_string())?;
    Ok(())
}

/// A file's bytes before and after, if it is still the same kind of file.
pub(super) fn both_sides(change: &FileChange) -> Result<(&[u8], &[u8]), String> {
    match (&change.before, &change.after, change.mode) {
        (Some(before), Some(after), ModeChange::Same) => Ok((before, after)),
        (Some(_), Some(_), ModeChange::Differs) => Err("the file's mode changed".to_owned()),
        (None, _, ModeChange::Same | ModeChange::Differs) => Err("the file was added".to_owned()),
        (Some(_), None, ModeChange::Same | ModeChange::Differs) => {
            Err("the file was deleted".to_owned())
        }
    }
}
