//! Runs of schedules, and the promotions that they have let go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::changes;
use super::rows::{self, Cells};
use crate::app::ports::{Ran, Run, StoreError};
use crate::domain::id::{
    ApplicationKey, EnvironmentName, PromotionId, ProposalNumber, ScheduleName,
};
use crate::domain::promotion::Promotion;

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

/// The promotions into an environment that a schedule's runs have let go and that are not in yet.
pub(super) async fn riders(
    connection: &mut SqliteConnection,
    schedule: &ScheduleName,
    to: &EnvironmentName,
) -> Result<Vec<(ApplicationKey, PromotionId)>, StoreError> {
    let rows = sqlx::query(
        "SELECT promotions.id, promotions.pipeline, promotions.application
         FROM boarded JOIN promotions ON promotions.id = boarded.promotion
         WHERE boarded.schedule = ?1 AND promotions.environment = ?2
           AND promotions.state IN ('waiting', 'proposed')
         ORDER BY promotions.pipeline, promotions.application, promotions.id",
    )
    .bind(schedule.as_str())
    .bind(to.as_str())
    .fetch_all(connection)
    .await?;
    let rider = |row: &SqliteRow| {
        let cells = Cells::new("promotions", "id", row);
        let pipeline = cells.parsed("pipeline")?;
        let application = cells.parsed("application")?;
        Ok((ApplicationKey { pipeline, application }, cells.parsed("id")?))
    };
    rows.iter().map(rider).collect()
}

/// What a schedule's runs let go that has, or had, its place in a train's proposal.
pub(super) async fn passengers(
    connection: &mut SqliteConnection,
    (schedule, to): (&ScheduleName, &EnvironmentName),
    number: ProposalNumber,
) -> Result<Vec<Promotion>, StoreError> {
    let rows = sqlx::query(
        "SELECT promotions.id, pipeline, application, environment, state, created_at, since, details
         FROM boarded JOIN promotions ON promotions.id = boarded.promotion
         WHERE boarded.schedule = ?1 AND environment = ?2
           AND json_extract(details, '$.proposal.number') = ?3
         ORDER BY pipeline, application, promotions.id",
    )
    .bind(schedule.as_str())
    .bind(to.as_str())
    .bind(i64::try_from(number.0).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    rows.iter().map(changes::read_promotion).collect()
}

/// The promotions of an application that a run has let go, and which schedule's.
pub(super) async fn boarded(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
) -> Result<BTreeMap<PromotionId, ScheduleName>, StoreError> {
    let rows = sqlx::query(
        "SELECT boarded.promotion, boarded.schedule FROM promotions JOIN boarded ON boarded.promotion = promotions.id
         WHERE promotions.pipeline = ?1 AND promotions.application = ?2",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .fetch_all(connection)
    .await?;
    let entry = |row: &SqliteRow| {
        let cells = Cells::new("boarded", "promotion", row);
        Ok((cells.parsed("promotion")?, cells.parsed("schedule")?))
    };
    rows.iter().map(entry).collect()
}
