//! Freezes that people asked for.

use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use super::rows::{self, Cells};
use crate::app::ports::StoreError;
use crate::domain::freeze::AdHoc;
use crate::domain::id::FreezeId;

/// Adds a freeze. What is over since long goes away with it: the audit log keeps what was.
pub(super) async fn add(
    connection: &mut SqliteConnection,
    freeze: &AdHoc,
) -> Result<(), StoreError> {
    forget_before(connection, freeze.begins).await?;
    sqlx::query(
        "INSERT INTO freezes (id, scope, frozen_by, reason, begins, ends, rollbacks)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(freeze.id.as_str())
    .bind(rows::json(&freeze.scope)?)
    .bind(rows::json(&freeze.by)?)
    .bind(freeze.reason.as_str())
    .bind(rows::time(freeze.begins))
    .bind(freeze.ends.map(rows::time))
    .bind(rows::json(&freeze.rollbacks)?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn forget_before(connection: &mut SqliteConnection, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM freezes WHERE ends <= ?1")
        .bind(rows::time(at))
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a freeze, if it is there.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    freeze: &FreezeId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM freezes WHERE id = ?1")
        .bind(freeze.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// All of them, oldest first.
pub(super) async fn all(connection: &mut SqliteConnection) -> Result<Vec<AdHoc>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, scope, frozen_by, reason, begins, ends, rollbacks FROM freezes
         ORDER BY begins, id",
    )
    .fetch_all(connection)
    .await?;
    let freezes = rows.iter().map(|row| {
        let cells = Cells::new("freezes", "id", row);
        Ok(AdHoc {
            id: cells.parsed("id")?,
            scope: cells.json("scope")?,
            by: cells.json("frozen_by")?,
            reason: cells.get("reason")?,
            begins: cells.parsed("begins")?,
            ends: cells.maybe("ends")?,
            rollbacks: cells.json("rollbacks")?,
        })
    });
    freezes.collect()
}
