//! Runs of schedules, and the promotions that they have let go.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::{self, Cells};
use crate::app::ports::{Ran, Run, StoreError};
use crate::domain::id::{ApplicationKey, PromotionId, ScheduleName};

/// The newest time of a schedule that was run or passed by.
pub(super) async fn last(
    connection: &mut SqliteConnection,
    schedule: &ScheduleName,
) -> Result<Option<Timestamp>, StoreError> {
    let row = sqlx::query(
        "SELECT schedule, due_at FROM runs WHERE schedule = ?1 ORDER BY due_at DESC LIMIT 1",
    )
    .bind(schedule.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|row: SqliteRow| Cells::new("runs", "schedule", &row).parsed("due_at")).transpose()
}

/// Records a run, once.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    run: &Run,
) -> Result<Ran, StoreError> {
    let kept = sqlx::query(
        "INSERT INTO runs (schedule, due_at, ran_at, details) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (schedule, due_at) DO NOTHING",
    )
    .bind(run.schedule.as_str())
    .bind(rows::time(run.due_at))
    .bind(rows::time(run.ran_at))
    .bind(rows::json(&run.details)?)
    .execute(&mut *connection)
    .await?;
    if kept.rows_affected() == 0 {
        return Ok(Ran::Before);
    }
    for (_, promotion) in &run.boarded {
        sqlx::query("INSERT OR IGNORE INTO boarded (promotion, schedule, at) VALUES (?1, ?2, ?3)")
            .bind(promotion.as_str())
            .bind(run.schedule.as_str())
            .bind(rows::time(run.ran_at))
            .execute(&mut *connection)
            .await?;
    }
    Ok(Ran::Now)
}

/// The promotions of an application that a run has let go.
pub(super) async fn boarded(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
) -> Result<BTreeSet<PromotionId>, StoreError> {
    let rows = sqlx::query(
        "SELECT boarded.promotion FROM promotions JOIN boarded ON boarded.promotion = promotions.id
         WHERE promotions.pipeline = ?1 AND promotions.application = ?2",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Cells::new("boarded", "promotion", row).parsed("promotion")).collect()
}
