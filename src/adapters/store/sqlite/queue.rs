//! Applications as units of work: when each is due, and who has claimed it.
//!
//! `wake_at` stays while an application is claimed, so that a claim whose worker died leaves it
//! due; what woke it meanwhile stands in `woken_at`, so that the release cannot lose it.

use jiff::{SignedDuration, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::rows::{self, Cells};
use crate::app::ports::{Claim, Fence, StoreError};
use crate::domain::id::ApplicationKey;

/// Makes an application known, and due now; one that is known is left alone.
pub(super) async fn enlist(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO applications (pipeline, application, wake_at, asked_at)
         VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (pipeline, application) DO NOTHING",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(rows::time(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes an application due now at the latest, and known.
pub(super) async fn wake_one(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO applications (pipeline, application, wake_at, woken_at, asked_at)
         VALUES (?1, ?2, ?3, ?3, ?3)
         ON CONFLICT (pipeline, application) DO UPDATE
         SET wake_at = min(coalesce(wake_at, ?3), ?3), woken_at = min(coalesce(woken_at, ?3), ?3),
             asked_at = max(coalesce(asked_at, ?3), ?3)",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(rows::time(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes every application that is known due now at the latest.
pub(super) async fn wake_all(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE applications
         SET wake_at = min(coalesce(wake_at, ?1), ?1), woken_at = min(coalesce(woken_at, ?1), ?1),
             asked_at = max(coalesce(asked_at, ?1), ?1)",
    )
    .bind(rows::time(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// Every application known, by name.
pub(super) async fn applications(
    connection: &mut SqliteConnection,
) -> Result<Vec<ApplicationKey>, StoreError> {
    let rows = sqlx::query(
        "SELECT pipeline, application FROM applications ORDER BY pipeline, application",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Cells::new("applications", "application", row).application()).collect()
}

/// When an application is to be looked at next.
pub(super) async fn wake_at(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
) -> Result<Option<Timestamp>, StoreError> {
    let row = sqlx::query(
        "SELECT application, wake_at FROM applications WHERE pipeline = ?1 AND application = ?2",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Err(StoreError::NotFound(format!("application {application}")));
    };
    Cells::new("applications", "application", &row).maybe("wake_at")
}

/// When the next of those that nobody has claimed is due.
pub(super) async fn next_wake(
    connection: &mut SqliteConnection,
) -> Result<Option<Timestamp>, StoreError> {
    let row = sqlx::query(
        "SELECT application, wake_at FROM applications
         WHERE lease_until IS NULL AND wake_at IS NOT NULL ORDER BY wake_at LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| Cells::new("applications", "application", &row).parsed("wake_at")).transpose()
}

/// Claims what is due, longest waiting first.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    now: Timestamp,
    lease: SignedDuration,
    limit: u32,
) -> Result<Vec<Claim>, StoreError> {
    let due = "SELECT rowid FROM applications
        WHERE wake_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1)
        ORDER BY wake_at, pipeline, application LIMIT ?3";
    claim_of(connection, due, (now, lease, limit)).await
}

/// Claims what is due of those whose rollback is on its way.
pub(super) async fn claim_rollbacks(
    connection: &mut SqliteConnection,
    now: Timestamp,
    lease: SignedDuration,
    limit: u32,
) -> Result<Vec<Claim>, StoreError> {
    // In the words of the index `promotions_going_back`, which has a row or none most of the time.
    let due = "SELECT applications.rowid FROM promotions
        CROSS JOIN applications USING (pipeline, application)
        WHERE json_extract(promotions.details, '$.kind.kind') = 'rollback'
            AND promotions.state IN ('waiting', 'proposed')
            AND wake_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1)
        GROUP BY applications.rowid
        ORDER BY wake_at, pipeline, application LIMIT ?3";
    claim_of(connection, due, (now, lease, limit)).await
}

async fn claim_of(
    connection: &mut SqliteConnection,
    due: &'static str,
    (now, lease, limit): (Timestamp, SignedDuration, u32),
) -> Result<Vec<Claim>, StoreError> {
    let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
    let claiming = format!(
        "UPDATE applications SET fence = fence + 1, lease_until = ?2, woken_at = NULL
         WHERE rowid IN ({due})
         RETURNING pipeline, application, fence, failures,
             max(wake_at, coalesce(asked_at, wake_at)) AS asked_at"
    );
    let rows = sqlx::query(AssertSqlSafe(claiming))
        .bind(rows::time(now))
        .bind(rows::time(until))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    let claims = rows.iter().map(|row| {
        let cells = Cells::new("applications", "application", row);
        Ok(Claim {
            application: cells.application()?,
            fence: Fence(cells.get("fence")?),
            asked_at: cells.parsed("asked_at")?,
            failures: cells.count("failures")?,
        })
    });
    claims.collect()
}

/// Checks that a claim still holds; the transaction it is called in then owns the application.
pub(super) async fn check_fence(
    connection: &mut SqliteConnection,
    claim: &Claim,
) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT fence FROM applications
         WHERE pipeline = ?1 AND application = ?2 AND fence = ?3 AND lease_until IS NOT NULL",
    )
    .bind(claim.application.pipeline.as_str())
    .bind(claim.application.application.as_str())
    .bind(claim.fence.0)
    .fetch_optional(connection)
    .await?;
    match row {
        Some(_) => Ok(()),
        None => Err(StoreError::FenceLost(claim.application.clone())),
    }
}

/// Ends a claim that holds; the next wake-up is the earlier of `wake_at` and what came meanwhile.
pub(super) async fn release(
    connection: &mut SqliteConnection,
    claim: &Claim,
    wake_at: Option<Timestamp>,
    failures: u32,
) -> Result<(), StoreError> {
    let released = sqlx::query(
        "UPDATE applications
         SET lease_until = NULL, woken_at = NULL, failures = ?5,
             wake_at = min(coalesce(?4, woken_at), coalesce(woken_at, ?4))
         WHERE pipeline = ?1 AND application = ?2 AND fence = ?3 AND lease_until IS NOT NULL",
    )
    .bind(claim.application.pipeline.as_str())
    .bind(claim.application.application.as_str())
    .bind(claim.fence.0)
    .bind(wake_at.map(rows::time))
    .bind(i64::from(failures))
    .execute(connection)
    .await?;
    match released.rows_affected() {
        0 => Err(StoreError::FenceLost(claim.application.clone())),
        _ => Ok(()),
    }
}
