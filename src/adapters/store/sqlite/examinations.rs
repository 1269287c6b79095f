//! What came of asking registries about artifacts.

use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use super::queue;
use super::rows::{self, Cells};
use crate::app::ports::{DeliveryOutcome, StoreError};
use crate::domain::artifact::Artifact;
use crate::domain::examination::{Examination, Found};
use crate::domain::id::{ApplicationKey, ArtifactId, EventId};

/// Keeps an examination, and tells of it where the delivery is listed.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    artifact: &ArtifactId,
    examination: &Examination,
) -> Result<(), StoreError> {
    let row = sqlx::query(
        "UPDATE artifacts SET examination = ?4
         WHERE pipeline = ?1 AND application = ?2 AND id = ?3 RETURNING id, event",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(artifact.as_str())
    .bind(rows::json(examination)?)
    .fetch_optional(&mut *connection)
    .await?;
    let row = row.ok_or_else(|| StoreError::NotFound(format!("artifact {artifact}")))?;
    let event: EventId = Cells::new("artifacts", "id", &row).parsed("event")?;
    tell(connection, &event).await
}

/// Forgets that an artifact was refused: it was announced again, and is asked about again.
pub(super) async fn reopen(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    artifact: &Artifact,
    at: Timestamp,
) -> Result<(), StoreError> {
    let row = sqlx::query(
        "UPDATE artifacts SET examination = NULL
         WHERE pipeline = ?1 AND application = ?2 AND image = ?3 AND digest = ?4
         AND coalesce(tag, '') = coalesce(?5, '')
         AND json_extract(examination, '$.found.unsound') IS NOT NULL RETURNING id, event",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(artifact.image.as_str())
    .bind(artifact.digest.as_str())
    .bind(artifact.tag.as_ref().map(|tag| tag.as_str()))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(()) };
    queue::wake_one(connection, application, at).await?;
    let event: EventId = Cells::new("artifacts", "id", &row).parsed("event")?;
    tell(connection, &event).await
}

/// Says of a delivery what became of it: refused where something that it brought is.
async fn tell(connection: &mut SqliteConnection, event: &EventId) -> Result<(), StoreError> {
    let brought = sqlx::query(
        "SELECT id, application, examination FROM artifacts WHERE event = ?1 ORDER BY number",
    )
    .bind(event.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let mut refused = Vec::new();
    for row in &brought {
        let cells = Cells::new("artifacts", "id", row);
        let examination: Option<Examination> = cells.maybe_json("examination")?;
        if let Some(Examination { found: Found::Unsound { why }, .. }) = examination {
            refused.push(format!("{}: {why}", cells.get::<&str>("application")?));
        }
    }
    let row = sqlx::query("SELECT event, outcome FROM deliveries WHERE event = ?1")
        .bind(event.as_str())
        .fetch_one(&mut *connection)
        .await?;
    let before: DeliveryOutcome = Cells::new("deliveries", "event", &row).json("outcome")?;
    let outcome = match before {
        _ if !refused.is_empty() => DeliveryOutcome::Refused { why: refused.join("; ") },
        // What brought something was refused for nothing else.
        DeliveryOutcome::Refused { .. } => DeliveryOutcome::Accepted,
        other @ (DeliveryOutcome::Accepted
        | DeliveryOutcome::SetAside { .. }
        | DeliveryOutcome::Undecided { .. }) => other,
    };
    sqlx::query("UPDATE deliveries SET outcome = ?2 WHERE event = ?1")
        .bind(event.as_str())
        .bind(rows::json(&outcome)?)
        .execute(connection)
        .await?;
    Ok(())
}
