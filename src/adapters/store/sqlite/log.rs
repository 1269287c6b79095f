//! The audit log. The tables' triggers keep it append-only, [`crate::app::audit`] chains it.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::{self, Cells};
use crate::app::audit::chain;
use crate::app::ports::{AuditEntry, AuditLine, StoreError};
use crate::domain::command::Actor;
use crate::domain::id::{ApplicationKey, PromotionId};

/// Adds lines at the end, each chained to the one before.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    lines: Vec<AuditLine>,
) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let (mut number, mut hash) = last(connection).await?;
    for line in lines {
        number += 1;
        hash = chain(&hash, &line);
        insert(connection, number, &line, &hash).await?;
    }
    Ok(())
}

async fn last(connection: &mut SqliteConnection) -> Result<(i64, String), StoreError> {
    let row = sqlx::query("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok((0, String::new())) };
    let cells = Cells::new("audit", "number", &row);
    Ok((cells.get("number")?, cells.get("hash")?))
}

async fn insert(
    connection: &mut SqliteConnection,
    number: i64,
    line: &AuditLine,
    hash: &str,
) -> Result<(), StoreError> {
    let application = line.application.as_ref();
    sqlx::query(
        "INSERT INTO audit (number, at, actor, door, verb, pipeline, application, environment,
                            promotion, commit_id, text, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )
    .bind(number)
    .bind(rows::time(line.at))
    .bind(&line.actor.name)
    .bind(rows::json(&line.actor.door)?)
    .bind(&line.verb)
    .bind(application.map(|key| key.pipeline.as_str()))
    .bind(application.map(|key| key.application.as_str()))
    .bind(line.environment.as_ref().map(|name| name.as_str()))
    .bind(line.promotion.as_ref().map(|id| id.as_str()))
    .bind(line.commit.as_ref().map(|id| id.as_str()))
    .bind(&line.text)
    .bind(hash)
    .execute(connection)
    .await?;
    Ok(())
}

/// The log after entry `after`, oldest first.
pub(super) async fn entries(
    connection: &mut SqliteConnection,
    after: u64,
    limit: u32,
) -> Result<Vec<AuditEntry>, StoreError> {
    // No log has that many entries: past the end is past the end.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = sqlx::query(
        "SELECT number, at, actor, door, verb, pipeline, application, environment, promotion,
                commit_id, text, hash
         FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_entry).collect()
}

/// The entries about one promotion, oldest first.
pub(super) async fn entries_of(
    connection: &mut SqliteConnection,
    promotion: &PromotionId,
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = sqlx::query(
        "SELECT number, at, actor, door, verb, pipeline, application, environment, promotion,
                commit_id, text, hash
         FROM audit WHERE promotion = ?1 ORDER BY number",
    )
    .bind(promotion.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_entry).collect()
}

fn read_entry(row: &SqliteRow) -> Result<AuditEntry, StoreError> {
    let cells = Cells::new("audit", "number", row);
    let pipeline = cells.maybe("pipeline")?;
    let application = cells.maybe("application")?;
    Ok(AuditEntry {
        number: cells.count("number")?,
        line: AuditLine {
            at: cells.parsed("at")?,
            actor: Actor { name: cells.get("actor")?, door: cells.json("door")? },
            verb: cells.get("verb")?,
            application: pipeline
                .zip(application)
                .map(|(pipeline, application)| ApplicationKey { pipeline, application }),
            environment: cells.maybe("environment")?,
            promotion: cells.maybe("promotion")?,
            commit: cells.maybe("commit_id")?,
            text: cells.get("text")?,
        },
        hash: cells.get("hash")?,
    })
}
