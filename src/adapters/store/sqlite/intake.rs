//! Announcements: those that come together share one transaction, and are answered after its
//! commit.
//!
//! The commit waits for the disk, and the disk takes as long for one announcement as for a
//! hundred: while one transaction is written, the next ones gather.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::rows::{self, Cells};
use super::writer::Writer;
use super::{artifacts, examinations, queue};
use crate::app::ports::{
    Announced, Announcement, Decision, DeliveryOutcome, Refusal, StoreError, TokenUse,
};
use crate::domain::id::EventId;

/// How many announcements share a transaction at most, so that the first of them is not kept
/// waiting for ever.
const BATCH: usize = 256;

/// How many refused announcements are kept, so that nobody can fill the disk with them.
const MOST_REFUSED: i64 = 1000;

/// An announcement, and where its answer goes.
pub(super) struct Waiting {
    pub(super) announcement: Announcement,
    pub(super) answer: oneshot::Sender<Result<Announced, StoreError>>,
}

/// Stores announcements until nobody can send any more.
pub(super) async fn run(mut queue: mpsc::Receiver<Waiting>, writer: Arc<Mutex<Writer>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let (announcements, answers): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|it| (it.announcement, it.answer)).unzip();
        let outcomes = store(&writer, &announcements).await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Whoever asked may have gone; what is stored stays stored.
            let _gone = answer.send(outcome);
        }
    }
}

/// Stores all of them in one transaction; if one of them does not go in, each in its own, so that
/// it fails alone.
async fn store(
    writer: &Mutex<Writer>,
    announcements: &[Announcement],
) -> Vec<Result<Announced, StoreError>> {
    if let Ok(outcomes) = store_together(writer, announcements).await {
        return outcomes.into_iter().map(Ok).collect();
    }
    let mut outcomes = Vec::with_capacity(announcements.len());
    for announcement in announcements {
        let outcome = store_together(writer, std::slice::from_ref(announcement)).await;
        outcomes.push(outcome.and_then(|stored| {
            stored.into_iter().next().ok_or_else(|| {
                StoreError::Unavailable(anyhow::anyhow!("an announcement got no answer"))
            })
        }));
    }
    outcomes
}

async fn store_together(
    writer: &Mutex<Writer>,
    announcements: &[Announcement],
) -> Result<Vec<Announced>, StoreError> {
    let mut writer = writer.lock().await;
    let mut transaction = writer.begin().await?;
    let mut outcomes = Vec::with_capacity(announcements.len());
    for announcement in announcements {
        outcomes.push(store_one(&mut transaction, announcement).await?);
    }
    transaction.commit().await?;
    Ok(outcomes)
}

async fn store_one(
    connection: &mut SqliteConnection,
    announcement: &Announcement,
) -> Result<Announced, StoreError> {
    let announced = store_if_new(connection, announcement).await?;
    if let Announced::Same(_) = &announced {
        for (application, artifact) in &announcement.artifacts {
            let at = announcement.received_at;
            examinations::reopen(connection, application, artifact, at).await?;
        }
    }
    Ok(announced)
}

async fn store_if_new(
    connection: &mut SqliteConnection,
    announcement: &Announcement,
) -> Result<Announced, StoreError> {
    if let Some(first) = same_delivery(connection, announcement).await? {
        return Ok(Announced::Same(first));
    }
    if let Some(token) = &announcement.token
        && let Used::ForAnother = use_token(connection, token, announcement.received_at).await?
    {
        return Ok(Announced::TokenUsed);
    }
    let mut first = None;
    let mut fresh = Vec::new();
    for (application, artifact) in &announcement.artifacts {
        match artifacts::announced_by(connection, application, artifact).await? {
            Some(event) => first = first.or(Some(event)),
            None => fresh.push((application, artifact)),
        }
    }
    if let (Some(first), true) = (first, fresh.is_empty()) {
        return Ok(Announced::Same(first));
    }
    insert_delivery(connection, announcement).await?;
    for (application, artifact) in fresh {
        let arrived = announcement.received_at;
        queue::wake_one(connection, application, arrived).await?;
        artifacts::insert(connection, &announcement.event, application, artifact).await?;
    }
    Ok(Announced::New(announcement.event.clone()))
}

/// Whether a token may vouch for what it came with.
enum Used {
    /// It vouches for this, and did for nothing else.
    ForThis,
    /// It has vouched for something else.
    ForAnother,
}

/// Writes down what a token vouches for; tokens that nobody believes any more are forgotten.
async fn use_token(
    connection: &mut SqliteConnection,
    token: &TokenUse,
    now: jiff::Timestamp,
) -> Result<Used, StoreError> {
    sqlx::query("DELETE FROM tokens_used WHERE until < ?1")
        .bind(rows::time(now))
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO tokens_used (issuer, id, fingerprint, until) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )
    .bind(&token.issuer)
    .bind(&token.id)
    .bind(&token.fingerprint)
    .bind(rows::time(token.until))
    .execute(&mut *connection)
    .await?;
    let first: String =
        sqlx::query_scalar("SELECT fingerprint FROM tokens_used WHERE issuer = ?1 AND id = ?2")
            .bind(&token.issuer)
            .bind(&token.id)
            .fetch_one(connection)
            .await?;
    Ok(if first == token.fingerprint { Used::ForThis } else { Used::ForAnother })
}

/// The event of the same delivery, if it came before: by the sender's id for it, or by ours.
async fn same_delivery(
    connection: &mut SqliteConnection,
    announcement: &Announcement,
) -> Result<Option<EventId>, StoreError> {
    let row = sqlx::query(
        "SELECT event FROM deliveries WHERE event = ?1 OR (source = ?2 AND delivery = ?3)",
    )
    .bind(announcement.event.as_str())
    .bind(announcement.source.as_str())
    .bind(announcement.delivery.as_deref())
    .fetch_optional(connection)
    .await?;
    row.map(|row| Cells::new("deliveries", "event", &row).parsed("event")).transpose()
}

async fn insert_delivery(
    connection: &mut SqliteConnection,
    announcement: &Announcement,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO deliveries (event, source, delivery, received_at, body, outcome, speaks_for)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(announcement.event.as_str())
    .bind(announcement.source.as_str())
    .bind(announcement.delivery.as_deref())
    .bind(rows::time(announcement.received_at))
    .bind(announcement.body.as_slice())
    .bind(rows::json(&announcement.outcome)?)
    .bind(announcement.speaks_for.as_ref().map(|name| name.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends an undecided delivery's waiting.
pub(super) async fn decide(
    connection: &mut SqliteConnection,
    event: &EventId,
    decision: &Decision,
    at: jiff::Timestamp,
) -> Result<(), StoreError> {
    let (outcome, brought) = match decision {
        Decision::Accept { artifacts, set_aside } => {
            (DeliveryOutcome::of(set_aside.clone()), artifacts.as_slice())
        }
        Decision::Refuse { why } => (DeliveryOutcome::Refused { why: why.clone() }, &[][..]),
    };
    let decided = sqlx::query("UPDATE deliveries SET outcome = ?2 WHERE event = ?1")
        .bind(event.as_str())
        .bind(rows::json(&outcome)?)
        .execute(&mut *connection)
        .await?;
    if decided.rows_affected() == 0 {
        return Err(StoreError::NotFound(format!("delivery {event}")));
    }
    for (application, artifact) in brought {
        queue::wake_one(connection, application, at).await?;
        match artifacts::announced_by(connection, application, artifact).await? {
            Some(_) => examinations::reopen(connection, application, artifact, at).await?,
            None => artifacts::insert(connection, event, application, artifact).await?,
        }
    }
    Ok(())
}

/// Keeps a refused announcement. It has no delivery id: the same one may come again and be right.
pub(super) async fn refuse(
    connection: &mut SqliteConnection,
    refusal: &Refusal,
) -> Result<(), StoreError> {
    let outcome = DeliveryOutcome::Refused { why: refusal.why.clone() };
    sqlx::query(
        "INSERT INTO deliveries (event, source, received_at, body, outcome, speaks_for)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(refusal.event.as_str())
    .bind(refusal.source.as_ref().map(|name| name.as_str()))
    .bind(rows::time(refusal.received_at))
    .bind(refusal.body.as_slice())
    .bind(rows::json(&outcome)?)
    .bind(refusal.speaks_for.as_ref().map(|name| name.as_str()))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM deliveries WHERE json_extract(outcome, '$.outcome') = 'refused'
         AND NOT EXISTS (SELECT 1 FROM artifacts WHERE artifacts.event = deliveries.event)
         AND number <= (SELECT number FROM deliveries
                        WHERE json_extract(outcome, '$.outcome') = 'refused'
                        ORDER BY number DESC LIMIT 1 OFFSET ?1)",
    )
    .bind(MOST_REFUSED)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets what came before a time.
pub(super) async fn forget(
    connection: &mut SqliteConnection,
    before: jiff::Timestamp,
) -> Result<(), StoreError> {
    const STATEMENTS: [&str; 3] = [
        "DELETE FROM deliveries
         WHERE json_extract(outcome, '$.outcome') = 'refused' AND received_at < ?1
         AND NOT EXISTS (SELECT 1 FROM artifacts WHERE artifacts.event = deliveries.event)",
        "DELETE FROM deliveries
         WHERE length(body) > 0 AND received_at < ?1
         AND json_extract(outcome, '$.outcome') <> 'undecided'
         AND NOT EXISTS (SELECT 1 FROM artifacts WHERE artifacts.event = deliveries.event)",
        "UPDATE deliveries SET body = x''
         WHERE length(body) > 0 AND received_at < ?1
         AND json_extract(outcome, '$.outcome') <> 'undecided'",
    ];
    for statement in STATEMENTS {
        sqlx::query(statement).bind(rows::time(before)).execute(&mut *connection).await?;
    }
    Ok(())
}
