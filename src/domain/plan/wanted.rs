//! What the version fields shall hold once a promotion is in.

use crate::domain::artifact::Artifact;
use crate::domain::promotion::{FieldValue, Kind, Promotion};
use crate::domain::snapshot::{Snapshot, Unwritable, VersionField, values_of};

use super::PlannedEdit;

/// What a promotion would do to the fields as they stand.
pub(super) enum Wanted {
    /// These fields change.
    Edits {
        /// What changes.
        edits: Vec<PlannedEdit>,
        /// What all fields hold afterwards.
        values: Vec<FieldValue>,
    },
    /// They hold it already.
    AlreadyThere {
        /// What all fields hold.
        values: Vec<FieldValue>,
    },
    /// It cannot be written, and never will be.
    Impossible(String),
}

/// Works out what `promotion` would do to `fields`.
pub(super) fn wanted(
    snapshot: &Snapshot,
    promotion: &Promotion,
    fields: &[VersionField],
) -> Wanted {
    let values = match &promotion.kind {
        Kind::Rollback { restores, .. } => restored(snapshot, restores, fields),
        Kind::Forward { .. } | Kind::Found { .. } => carried(snapshot, promotion, fields),
    };
    let values = match values {
        Ok(values) => values,
        Err(reason) => return Wanted::Impossible(reason),
    };
    let edits: Vec<PlannedEdit> = fields
        .iter()
        .zip(&values)
        .filter(|(field, wanted)| field.value != wanted.value)
        .map(|(field, wanted)| PlannedEdit {
            file: field.file.clone(),
            place: field.place.clone(),
            expect: field.value.clone(),
            value: wanted.value.clone(),
        })
        .collect();
    if !edits.is_empty() {
        return Wanted::Edits { edits, values };
    }
    match moved_tag(snapshot, promotion) {
        Some(error) => Wanted::Impossible(error.to_string()),
        None => Wanted::AlreadyThere { values },
    }
}

/// The values that the promotion's artifact gives.
fn carried(
    snapshot: &Snapshot,
    promotion: &Promotion,
    fields: &[VersionField],
) -> Result<Vec<FieldValue>, String> {
    let artifact = artifact_of(snapshot, promotion)
        .ok_or_else(|| format!("the artifact of {} is not known any more", promotion.version))?;
    let mut values = values_of(fields);
    for (field, value) in fields.iter().zip(&mut values) {
        value.value = field.wanted(artifact).map_err(|error: Unwritable| error.to_string())?;
    }
    Ok(values)
}

/// The values that the restored promotion had, field by field.
fn restored(
    snapshot: &Snapshot,
    restores: &crate::domain::id::PromotionId,
    fields: &[VersionField],
) -> Result<Vec<FieldValue>, String> {
    let target = snapshot
        .promotion(restores)
        .ok_or_else(|| format!("promotion {restores}, which was to come back, is not known"))?;
    let mut values = values_of(fields);
    for value in &mut values {
        let before = target
            .values
            .iter()
            .find(|old| old.file == value.file && old.place == value.place)
            .ok_or_else(|| {
                format!(
                    "{} had no version field at {} in {}: the rules changed since; name a \
                     version with `--to`, or edit it by hand",
                    target.version, value.place.pointer, value.file
                )
            })?;
        value.value = before.value.clone();
    }
    Ok(values)
}

/// Tells whether the same tag now means another digest that no rule writes.
fn moved_tag(snapshot: &Snapshot, promotion: &Promotion) -> Option<Unwritable> {
    let new = artifact_of(snapshot, promotion)?;
    let old = artifact_of(snapshot, snapshot.current(&promotion.environment)?)?;
    let tag = new.tag.as_ref()?;
    let moved = old.tag.as_ref() == Some(tag) && old.digest != new.digest;
    moved.then(|| Unwritable::TagMoved { tag: tag.to_string() })
}

fn artifact_of<'a>(snapshot: &'a Snapshot, promotion: &Promotion) -> Option<&'a Artifact> {
    snapshot.artifact(promotion.artifact.as_ref()?)
}
