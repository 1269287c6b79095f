//! Freezes that people asked for.

use sqlx::sqlite::{SqliteConnection, SqliteQueryResult};

use super::rows::{self, Cells};
use crate::app::ports::{Calendared, Edge, StoreError, Turned};
use crate::domain::freeze::AdHoc;
use crate::domain::id::FreezeId;

/// What stands for all environments.
const EVERYWHERE: &str = "*";

/// Adds a freeze.
pub(super) async fn add(
    connection: &mut SqliteConnection,
    freeze: &AdHoc,
) -> Result<(), StoreError> {
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

/// Ends a freeze, if it is there.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    freeze: &FreezeId,
) -> Result<Turned, StoreError> {
    let ended = sqlx::query("DELETE FROM freezes WHERE id = ?1").bind(freeze.as_str());
    Ok(turned(&ended.execute(connection).await?))
}

/// Keeps what has begun or ended by itself.
pub(super) async fn turn(
    connection: &mut SqliteConnection,
    edge: &Edge,
) -> Result<Turned, StoreError> {
    let (statement, place) = match edge {
        Edge::RanOut(freeze) => return end(connection, freeze).await,
        Edge::Begun(place) => {
            ("INSERT OR IGNORE INTO calendar (name, environment) VALUES (?1, ?2)", place)
        }
        Edge::Ended(place) => ("DELETE FROM calendar WHERE name = ?1 AND environment = ?2", place),
    };
    let environment = place.environment.as_ref().map_or(EVERYWHERE, |it| it.as_str());
    let query = sqlx::query(statement).bind(&place.name).bind(environment);
    Ok(turned(&query.execute(connection).await?))
}

/// Those of the pipelines file that have begun and not ended.
pub(super) async fn calendar(
    connection: &mut SqliteConnection,
) -> Result<Vec<Calendared>, StoreError> {
    let rows = sqlx::query(
        "SELECT name, nullif(environment, '*') AS environment FROM calendar
         ORDER BY name, environment",
    )
    .fetch_all(connection)
    .await?;
    let place = |row| {
        let cells = Cells::new("calendar", "name", row);
        Ok(Calendared { name: cells.get("name")?, environment: cells.maybe("environment")? })
    };
    rows.iter().map(place).collect()
}

fn turned(done: &SqliteQueryResult) -> Turned {
    if done.rows_affected() == 0 { Turned::Before } else { Turned::Now }
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
