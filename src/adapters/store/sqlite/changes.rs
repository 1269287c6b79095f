//! Promotions and holds, and the changes that are recorded of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::examinations;
use super::rows::{self, Cells};
use crate::app::ports::{Change, Hold, StoreError};
use crate::domain::command::Actor;
use crate::domain::id::{ApplicationKey, ArtifactId, EnvironmentName, HoldId, PromotionId};
use crate::domain::promotion::{FieldValue, Kind, Promotion, Proposed, Skip, State};
use crate::domain::pulse::Pulse;

/// What nobody searches for, in one column.
#[derive(Serialize, Deserialize)]
struct DetailsRow {
    kind: Kind,
    artifact: Option<ArtifactId>,
    version: String,
    values: Vec<FieldValue>,
    requested_by: Actor,
    reason: Option<String>,
    state: State,
    proposal: Option<Proposed>,
    #[serde(default)]
    skipped: Vec<Skip>,
}

fn details(promotion: &Promotion) -> Result<String, StoreError> {
    rows::json(&DetailsRow {
        kind: promotion.kind.clone(),
        artifact: promotion.artifact.clone(),
        version: promotion.version.clone(),
        values: promotion.values.clone(),
        requested_by: promotion.requested_by.clone(),
        reason: promotion.reason.clone(),
        state: promotion.state.clone(),
        proposal: promotion.proposal.clone(),
        skipped: promotion.skipped.clone(),
    })
}

pub(super) fn read_promotion(row: &SqliteRow) -> Result<Promotion, StoreError> {
    let cells = Cells::new("promotions", "id", row);
    let details: DetailsRow = cells.json("details")?;
    let name: &str = cells.get("state")?;
    if name != details.state.name() {
        let problem = format!("it says {name:?}, and `details` says {:?}", details.state.name());
        return Err(cells.problem("state", &problem));
    }
    Ok(Promotion {
        id: cells.parsed("id")?,
        application: cells.application()?,
        environment: cells.parsed("environment")?,
        kind: details.kind,
        artifact: details.artifact,
        version: details.version,
        values: details.values,
        requested_by: details.requested_by,
        reason: details.reason,
        created_at: cells.parsed("created_at")?,
        state: details.state,
        since: cells.parsed("since")?,
        proposal: details.proposal,
        skipped: details.skipped,
    })
}

/// One promotion, if there is one.
pub(super) async fn promotion(
    connection: &mut SqliteConnection,
    id: &PromotionId,
) -> Result<Option<Promotion>, StoreError> {
    let row = sqlx::query(
        "SELECT id, pipeline, application, environment, state, created_at, since, details
         FROM promotions WHERE id = ?1",
    )
    .bind(id.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_promotion).transpose()
}

/// An application's promotions, oldest first.
pub(super) async fn promotions(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
) -> Result<Vec<Promotion>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, pipeline, application, environment, state, created_at, since, details
         FROM promotions WHERE pipeline = ?1 AND application = ?2 ORDER BY created_at, id",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_promotion).collect()
}

/// An application's promotions that only record what was found in the files, oldest first.
pub(super) async fn found_in_files(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
) -> Result<Vec<Promotion>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, pipeline, application, environment, state, created_at, since, details
         FROM promotions WHERE pipeline = ?1 AND application = ?2
         AND json_extract(details, '$.kind.kind') = 'found' ORDER BY created_at, id",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(read_promotion).collect()
}

/// An application's holds, by environment.
pub(super) async fn holds(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
) -> Result<Vec<Hold>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, pipeline, application, environment, held_by, reason, since, until FROM holds
         WHERE pipeline = ?1 AND application = ?2 ORDER BY environment",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .fetch_all(connection)
    .await?;
    let holds = rows.iter().map(|row| {
        let cells = Cells::new("holds", "id", row);
        Ok(Hold {
            id: cells.parsed("id")?,
            application: cells.application()?,
            environment: cells.parsed("environment")?,
            by: cells.json("held_by")?,
            reason: cells.get("reason")?,
            since: cells.parsed("since")?,
            until: cells.maybe("until")?,
        })
    });
    holds.collect()
}

/// What is known of the health of what an application's environments hold.
pub(super) async fn pulses(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
) -> Result<BTreeMap<EnvironmentName, Pulse>, StoreError> {
    let rows = sqlx::query(
        "SELECT environment, pulse FROM pulses WHERE pipeline = ?1 AND application = ?2",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .fetch_all(connection)
    .await?;
    let pulses = rows.iter().map(|row| {
        let cells = Cells::new("pulses", "environment", row);
        Ok((cells.parsed("environment")?, cells.json("pulse")?))
    });
    pulses.collect()
}

/// Records changes to `application`, in their order.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    changes: Vec<Change>,
) -> Result<(), StoreError> {
    for change in changes {
        match change {
            Change::Start(promotion) => {
                same_application(application, &promotion.application)?;
                start(connection, &promotion).await?;
            }
            Change::Step { promotion, to, at } => {
                let promotion = find(connection, application, &promotion).await?;
                step(connection, promotion, to, at).await?;
            }
            Change::Propose { promotion, proposed, values, at } => {
                let mut promotion = find(connection, application, &promotion).await?;
                promotion.proposal = Some(proposed);
                promotion.values = values;
                step(connection, promotion, State::Proposed, at).await?;
            }
            Change::AlreadyThere { promotion, values, at } => {
                let mut promotion = find(connection, application, &promotion).await?;
                promotion.values = values;
                step(connection, promotion, State::Succeeded { commit: None }, at).await?;
            }
            Change::Skip { promotion, skip } => {
                let mut promotion = find(connection, application, &promotion).await?;
                promotion.skipped.retain(|it| it.gate != skip.gate);
                promotion.skipped.push(skip);
                update(connection, &promotion).await?;
            }
            Change::Examine { artifact, examination } => {
                examinations::keep(connection, application, &artifact, &examination).await?;
            }
            Change::Observe { environment, pulse } => {
                observe(connection, application, &environment, &pulse).await?;
            }
            Change::Hold(hold) => {
                same_application(application, &hold.application)?;
                keep_hold(connection, &hold).await?;
            }
            Change::Resume { environment, hold } => {
                resume(connection, application, &environment, hold.as_ref()).await?;
            }
        }
    }
    Ok(())
}

/// Refuses a change to one application under the claim on another: no fence would guard it.
fn same_application(ours: &ApplicationKey, theirs: &ApplicationKey) -> Result<(), StoreError> {
    if ours == theirs {
        return Ok(());
    }
    let problem = anyhow::anyhow!("a change to {theirs} was recorded as one to {ours}");
    Err(StoreError::Unavailable(problem))
}

async fn find(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    id: &PromotionId,
) -> Result<Promotion, StoreError> {
    promotion(connection, id)
        .await?
        .filter(|promotion| &promotion.application == application)
        .ok_or_else(|| StoreError::NotFound(format!("promotion {id} of {application}")))
}

async fn start(connection: &mut SqliteConnection, promotion: &Promotion) -> Result<(), StoreError> {
    let started = sqlx::query(
        "INSERT INTO promotions
         (id, pipeline, application, environment, state, created_at, since, details)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING",
    )
    .bind(promotion.id.as_str())
    .bind(promotion.application.pipeline.as_str())
    .bind(promotion.application.application.as_str())
    .bind(promotion.environment.as_str())
    .bind(promotion.state.name())
    .bind(rows::time(promotion.created_at))
    .bind(rows::time(promotion.since))
    .bind(details(promotion)?)
    .execute(connection)
    .await;
    started.map_err(|error| taken(promotion, error))?;
    Ok(())
}

/// Moves a promotion on to `to`, if that can follow. Where the state keeps its name, it keeps the
/// time since when.
async fn step(
    connection: &mut SqliteConnection,
    mut promotion: Promotion,
    to: State,
    at: Timestamp,
) -> Result<(), StoreError> {
    let from = promotion.state.name();
    promotion.state = promotion
        .state
        .step(to)
        .map_err(|cause| StoreError::Step { promotion: promotion.id.clone(), cause })?;
    if promotion.state.name() != from {
        promotion.since = at;
    }
    update(connection, &promotion).await
}

async fn update(
    connection: &mut SqliteConnection,
    promotion: &Promotion,
) -> Result<(), StoreError> {
    let updated =
        sqlx::query("UPDATE promotions SET state = ?2, since = ?3, details = ?4 WHERE id = ?1")
            .bind(promotion.id.as_str())
            .bind(promotion.state.name())
            .bind(rows::time(promotion.since))
            .bind(details(promotion)?)
            .execute(connection)
            .await;
    updated.map_err(|error| taken(promotion, error))?;
    Ok(())
}

/// The only unique index that a promotion with an id of its own can run into is the backstop.
fn taken(promotion: &Promotion, error: sqlx::Error) -> StoreError {
    if error.as_database_error().is_some_and(|error| error.is_unique_violation()) {
        let Promotion { application, environment, .. } = promotion.clone();
        StoreError::Taken { application, environment }
    } else {
        error.into()
    }
}

async fn observe(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    environment: &EnvironmentName,
    pulse: &Pulse,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO pulses (pipeline, application, environment, pulse)
         VALUES (?1, ?2, ?3, ?4)",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(environment.as_str())
    .bind(rows::json(pulse)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps a hold in the place of the one before, unless that lasts longer: who may hold may not
/// resume for that reason alone.
async fn keep_hold(connection: &mut SqliteConnection, hold: &Hold) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO holds
         (id, pipeline, application, environment, held_by, reason, since, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (pipeline, application, environment) DO UPDATE SET
         id = excluded.id, held_by = excluded.held_by, reason = excluded.reason,
         since = excluded.since, until = excluded.until
         WHERE excluded.until IS NULL OR excluded.until >= holds.until",
    )
    .bind(hold.id.as_str())
    .bind(hold.application.pipeline.as_str())
    .bind(hold.application.application.as_str())
    .bind(hold.environment.as_str())
    .bind(rows::json(&hold.by)?)
    .bind(hold.reason.as_deref())
    .bind(rows::time(hold.since))
    .bind(hold.until.map(rows::time))
    .execute(connection)
    .await?;
    Ok(())
}

async fn resume(
    connection: &mut SqliteConnection,
    application: &ApplicationKey,
    environment: &EnvironmentName,
    hold: Option<&HoldId>,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM holds WHERE pipeline = ?1 AND application = ?2 AND environment = ?3
         AND id = coalesce(?4, id)",
    )
    .bind(application.pipeline.as_str())
    .bind(application.application.as_str())
    .bind(environment.as_str())
    .bind(hold.map(HoldId::as_str))
    .execute(connection)
    .await?;
    Ok(())
}
