//! Sign-in codes and sessions, known by the SHA-256 of what opens them.

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::{self, Cells};
use crate::app::ports::{Session, StoreError};

fn read(table: &'static str, row: &SqliteRow) -> Result<Session, StoreError> {
    let cells = Cells::new(table, "key", row);
    Ok(Session {
        key: cells.get("key")?,
        actor: cells.get("actor")?,
        roles: cells.json("roles")?,
        form_key: cells.get("form_key")?,
        until: cells.parsed("until")?,
    })
}

async fn insert(
    connection: &mut SqliteConnection,
    statement: &'static str,
    session: &Session,
) -> Result<(), StoreError> {
    sqlx::query(statement)
        .bind(&session.key)
        .bind(&session.actor)
        .bind(rows::json(&session.roles)?)
        .bind(&session.form_key)
        .bind(rows::time(session.until))
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps a code; the same key again replaces it.
pub(super) async fn keep_code(
    connection: &mut SqliteConnection,
    code: &Session,
) -> Result<(), StoreError> {
    let statement = "INSERT OR REPLACE INTO codes (key, actor, roles, form_key, until)
                     VALUES (?1, ?2, ?3, ?4, ?5)";
    insert(connection, statement, code).await
}

/// Takes a code away. Whatever has ended, codes and sessions, goes with it: signing in is rare,
/// and comes before every session.
pub(super) async fn take_code(
    connection: &mut SqliteConnection,
    key: &str,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    sqlx::query("DELETE FROM codes WHERE until <= ?1")
        .bind(rows::time(now))
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM sessions WHERE until <= ?1")
        .bind(rows::time(now))
        .execute(&mut *connection)
        .await?;
    let taken = sqlx::query(
        "DELETE FROM codes WHERE key = ?1 RETURNING key, actor, roles, form_key, until",
    )
    .bind(key)
    .fetch_all(connection)
    .await?;
    taken.first().map(|row| read("codes", row)).transpose()
}

/// Opens a session; the same key again replaces it.
pub(super) async fn open(
    connection: &mut SqliteConnection,
    session: &Session,
) -> Result<(), StoreError> {
    let statement = "INSERT OR REPLACE INTO sessions (key, actor, roles, form_key, until)
                     VALUES (?1, ?2, ?3, ?4, ?5)";
    insert(connection, statement, session).await
}

/// The session of that key, if it has not ended.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    key: &str,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query(
        "SELECT key, actor, roles, form_key, until FROM sessions WHERE key = ?1 AND until > ?2",
    )
    .bind(key)
    .bind(rows::time(now))
    .fetch_optional(connection)
    .await?;
    row.map(|row| read("sessions", &row)).transpose()
}

/// Ends a session, if there is one.
pub(super) async fn close(connection: &mut SqliteConnection, key: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE key = ?1").bind(key).execute(connection).await?;
    Ok(())
}
