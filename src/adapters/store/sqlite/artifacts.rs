//! Artifacts and the deliveries that brought them.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::{self, Cells};
use crate::app::ports::{Delivery, DeliveryRecord, StoreError};
use crate::domain::artifact::{Artifact, Build, SourceCode};
use crate::domain::id::{ApplicationKey, EventId};

/// What nobody searches for, in one column.
#[derive(Serialize, Deserialize)]
struct DetailsRow {
    version: Option<String>,
    #[serde(default)]
    source: SourceCode,
    #[serde(default)]
    build: Build,
    actor: Option<String>,
}

fn read_artifact(row: &SqliteRow) -> Result<Artifact, StoreError> {
    let cells = Cells::new("artifacts", "id", row);
    let DetailsRow { version, source, build, actor } = cells.json("details")?;
    Ok(Artifact {
        id: cells.parsed("id")?,
        image: cells.parsed("image")?,
        digest: cells.parsed("digest")?,
        tag: cells.maybe("tag")?,
        version,
        source,
        build,
        actor,
        accepted_at: cells.parsed("accepted_at")?,
        examination: cells.maybe_json("examination")?,
    })
}

/// The event that brought the same artifact to the application before.
pub(super) async fn announced_by(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    artifact: &Artifact,
) -> Result<Option<EventId>, StoreError> {
    let row = sqlx::query(
        "SELECT id, event FROM artifacts WHERE pipeline = ?1 AND application = ?2 AND image = ?3
         AND digest = ?4 AND coalesce(tag, '') = coalesce(?5, '')",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(artifact.image.as_str())
    .bind(artifact.digest.as_str())
    .bind(artifact.tag.as_ref().map(|tag| tag.as_str()))
    .fetch_optional(connection)
    .await?;
    row.map(|row| Cells::new("artifacts", "id", &row).parsed("event")).transpose()
}

/// Adds an artifact to an application that is known.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    event: &EventId,
    application: &ApplicationKey,
    artifact: &Artifact,
) -> Result<(), StoreError> {
    let details = DetailsRow {
        version: artifact.version.clone(),
        source: artifact.source.clone(),
        build: artifact.build.clone(),
        actor: artifact.actor.clone(),
    };
    sqlx::query(
        "INSERT INTO artifacts
         (id, event, pipeline, application, image, digest, tag, accepted_at, details)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .bind(artifact.id.as_str())
    .bind(event.as_str())
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(artifact.image.as_str())
    .bind(artifact.digest.as_str())
    .bind(artifact.tag.as_ref().map(|tag| tag.as_str()))
    .bind(rows::time(artifact.accepted_at))
    .bind(rows::json(&details)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// An application's artifacts, in the order in which they were accepted.
pub(super) async fn of_application(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
) -> Result<Vec<Artifact>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, image, digest, tag, accepted_at, details, examination FROM artifacts
         WHERE pipeline = ?1 AND application = ?2 ORDER BY accepted_at, number",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_artifact).collect()
}

/// The newest artifact with this one's image and tag, if it has another digest.
pub(super) async fn moved_from(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    artifact: &Artifact,
) -> Result<Option<Artifact>, StoreError> {
    let Some(tag) = &artifact.tag else { return Ok(None) };
    let row = sqlx::query(
        "SELECT id, image, digest, tag, accepted_at, details, examination FROM artifacts
         WHERE pipeline = ?1 AND application = ?2 AND image = ?3 AND tag = ?4 AND id <> ?5
         ORDER BY accepted_at DESC, number DESC LIMIT 1",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(artifact.image.as_str())
    .bind(tag.as_str())
    .bind(artifact.id.as_str())
    .fetch_optional(connection)
    .await?;
    let newest = row.as_ref().map(read_artifact).transpose()?;
    Ok(newest.filter(|newest| newest.digest != artifact.digest))
}

/// The newest artifact with this one's image and digest and another tag.
pub(super) async fn retagged_from(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    artifact: &Artifact,
) -> Result<Option<Artifact>, StoreError> {
    let Some(tag) = &artifact.tag else { return Ok(None) };
    let row = sqlx::query(
        "SELECT id, image, digest, tag, accepted_at, details, examination FROM artifacts
         WHERE pipeline = ?1 AND application = ?2 AND image = ?3 AND digest = ?4
         AND tag IS NOT NULL AND tag <> ?5
         ORDER BY accepted_at DESC, number DESC LIMIT 1",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(artifact.image.as_str())
    .bind(artifact.digest.as_str())
    .bind(tag.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_artifact).transpose()
}

fn read_delivery(row: &SqliteRow) -> Result<Delivery, StoreError> {
    let cells = Cells::new("deliveries", "event", row);
    Ok(Delivery {
        event: cells.parsed("event")?,
        source: cells.maybe("source")?,
        delivery: cells.get("delivery")?,
        received_at: cells.parsed("received_at")?,
        outcome: cells.json("outcome")?,
    })
}

/// The newest deliveries, newest first.
pub(super) async fn deliveries(
    connection: &mut SqliteConnection,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let rows = sqlx::query(
        "SELECT event, source, delivery, received_at, outcome FROM deliveries
         ORDER BY number DESC LIMIT ?1",
    )
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_delivery).collect()
}

/// The newest deliveries that were refused, newest first.
pub(super) async fn refused(
    connection: &mut SqliteConnection,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let rows = sqlx::query(
        "SELECT event, source, delivery, received_at, outcome FROM deliveries
         WHERE json_extract(outcome, '$.outcome') = 'refused' ORDER BY number DESC LIMIT ?1",
    )
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_delivery).collect()
}

/// One delivery with its body and what it brought.
pub(super) async fn delivery(
    connection: &mut SqliteConnection,
    event: &EventId,
) -> Result<Option<DeliveryRecord>, StoreError> {
    let row = sqlx::query(
        "SELECT event, source, delivery, received_at, outcome, speaks_for, body FROM deliveries
         WHERE event = ?1",
    )
    .bind(event.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let brought = sqlx::query(
        "SELECT id, pipeline, application, image, digest, tag, accepted_at, details, examination
         FROM artifacts WHERE event = ?1 ORDER BY number",
    )
    .bind(event.as_str())
    .fetch_all(connection)
    .await?;
    let artifacts = brought.iter().map(|row| {
        let application = Cells::new("artifacts", "id", row).application()?;
        Ok((application, read_artifact(row)?))
    });
    Ok(Some(DeliveryRecord {
        delivery: read_delivery(&row)?,
        speaks_for: Cells::new("deliveries", "event", &row).maybe("speaks_for")?,
        body: Cells::new("deliveries", "event", &row).get("body")?,
        artifacts: artifacts.collect::<Result<_, StoreError>>()?,
    }))
}

/// The deliveries that wait to be decided, oldest first. They have brought nothing yet.
pub(super) async fn undecided(
    connection: &mut SqliteConnection,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let rows = sqlx::query(
        "SELECT event, source, delivery, received_at, outcome, speaks_for, body FROM deliveries
         WHERE json_extract(outcome, '$.outcome') = 'undecided' ORDER BY number",
    )
    .fetch_all(connection)
    .await?;
    let records = rows.iter().map(|row| {
        let cells = Cells::new("deliveries", "event", row);
        Ok(DeliveryRecord {
            delivery: read_delivery(row)?,
            speaks_for: cells.maybe("speaks_for")?,
            body: cells.get("body")?,
            artifacts: Vec::new(),
        })
    });
    records.collect()
}
