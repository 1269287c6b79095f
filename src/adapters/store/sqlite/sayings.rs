//! What was said, who is told what, and how far they are.

use async_trait::async_trait;
use jiff::Timestamp;

use sqlx::sqlite::SqliteRow;

use super::rows::{self, Cells};
use super::{SqliteStore, log, runs};
use crate::app::ports::{
    AuditLine, Card, Conversations, Follower, Heard, Message, Saying, StoreError, Undelivered,
};
use crate::domain::id::{EnvironmentName, ProposalNumber, SayingId, ScheduleName};
use crate::domain::promotion::Promotion;

fn saying(row: &SqliteRow) -> Result<Saying, StoreError> {
    let cells = Cells::new("sayings", "id", row);
    Ok(Saying {
        id: cells.parsed("id")?,
        door: cells.json("door")?,
        delivery: cells.get("delivery")?,
        said_at: cells.parsed("said_at")?,
        details: cells.json("details")?,
    })
}

fn undelivered(row: &SqliteRow) -> Result<Undelivered, StoreError> {
    let cells = Cells::new("sayings", "id", row);
    let (saying, answer, tries) = (saying(row)?, cells.json("answer")?, cells.count("tries")?);
    Ok(Undelivered { saying, answer, tries })
}

#[async_trait]
impl Conversations for SqliteStore {
    async fn hear(&self, saying: &Saying, audit: AuditLine) -> Result<Heard, StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        let kept = sqlx::query(
            "INSERT INTO sayings (id, door, delivery, said_at, details)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (door, delivery) DO NOTHING",
        )
        .bind(saying.id.as_str())
        .bind(rows::json(&saying.door)?)
        .bind(&saying.delivery)
        .bind(rows::time(saying.said_at))
        .bind(rows::json(&saying.details)?)
        .execute(&mut *transaction)
        .await?;
        if kept.rows_affected() == 0 {
            return Ok(Heard::Again);
        }
        log::append(&mut transaction, vec![audit]).await?;
        transaction.commit().await?;
        Ok(Heard::New)
    }

    async fn unanswered(&self, limit: u32) -> Result<Vec<Saying>, StoreError> {
        let found = sqlx::query(
            "SELECT id, door, delivery, said_at, details FROM sayings WHERE answer IS NULL
             ORDER BY number LIMIT ?1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await?;
        found.iter().map(saying).collect()
    }

    async fn begin(&self, saying: &SayingId) -> Result<Option<u64>, StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        let begun: Option<i64> =
            sqlx::query_scalar("SELECT begun_after FROM sayings WHERE id = ?1")
                .bind(saying.as_str())
                .fetch_optional(&mut *transaction)
                .await?
                .flatten();
        if begun.is_none() {
            sqlx::query(
                "UPDATE sayings SET begun_after = (SELECT coalesce(max(number), 0) FROM audit)
                 WHERE id = ?1",
            )
            .bind(saying.as_str())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
        }
        Ok(begun.and_then(|number| u64::try_from(number).ok()))
    }

    async fn keep_answer(
        &self,
        saying: &SayingId,
        answer: &Message,
        due_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        sqlx::query("UPDATE sayings SET answer = ?2, due_at = ?3 WHERE id = ?1")
            .bind(saying.as_str())
            .bind(rows::json(answer)?)
            .bind(due_at.map(rows::time))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn undelivered(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Undelivered>, StoreError> {
        let found = sqlx::query(
            "SELECT id, door, delivery, said_at, details, answer, tries FROM sayings
             WHERE due_at <= ?1 AND answer IS NOT NULL ORDER BY number LIMIT ?2",
        )
        .bind(rows::time(now))
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await?;
        found.iter().map(undelivered).collect()
    }

    async fn end_delivery(&self, saying: &SayingId) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        sqlx::query("UPDATE sayings SET due_at = NULL WHERE id = ?1")
            .bind(saying.as_str())
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn put_off(&self, saying: &SayingId, due_at: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        sqlx::query("UPDATE sayings SET due_at = ?2, tries = tries + 1 WHERE id = ?1")
            .bind(saying.as_str())
            .bind(rows::time(due_at))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn follower(&self, name: &str) -> Result<Option<Follower>, StoreError> {
        let row = sqlx::query("SELECT name, after, due_at, tries FROM followers WHERE name = ?1")
            .bind(name)
            .fetch_optional(&mut *self.read().await?)
            .await?;
        let read = |row: SqliteRow| {
            let cells = Cells::new("followers", "name", &row);
            let (after, due_at) = (cells.count("after")?, cells.parsed("due_at")?);
            Ok(Follower { after, due_at, tries: cells.count("tries")? })
        };
        row.map(read).transpose()
    }

    async fn keep_follower(&self, name: &str, follower: Follower) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        sqlx::query(
            "INSERT OR REPLACE INTO followers (name, after, due_at, tries)
             VALUES (?1, ?2, ?3, ?4)",
        )
        .bind(name)
        .bind(i64::try_from(follower.after).unwrap_or(i64::MAX))
        .bind(rows::time(follower.due_at))
        .bind(i64::from(follower.tries))
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    async fn last_entry(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT coalesce(max(number), 0) AS number FROM audit")
            .fetch_one(&mut *self.read().await?)
            .await?;
        Cells::new("audit", "number", &row).count("number")
    }

    async fn card(&self, follower: &str, about: &str) -> Result<Option<Card>, StoreError> {
        let row = sqlx::query(
            "SELECT promotion, message, shown FROM cards WHERE follower = ?1 AND promotion = ?2",
        )
        .bind(follower)
        .bind(about)
        .fetch_optional(&mut *self.read().await?)
        .await?;
        let read = |row: SqliteRow| {
            let cells = Cells::new("cards", "promotion", &row);
            Ok(Card { message: cells.get("message")?, shown: cells.json("shown")? })
        };
        row.map(read).transpose()
    }

    async fn keep_card(&self, follower: &str, about: &str, card: &Card) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await?;
        sqlx::query(
            "INSERT OR REPLACE INTO cards (follower, promotion, message, shown)
             VALUES (?1, ?2, ?3, ?4)",
        )
        .bind(follower)
        .bind(about)
        .bind(&card.message)
        .bind(rows::json(&card.shown)?)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }
    async fn passengers(
        &self,
        schedule: &ScheduleName,
        to: &EnvironmentName,
        number: ProposalNumber,
    ) -> Result<Vec<Promotion>, StoreError> {
        runs::passengers(&mut *self.read().await?, (schedule, to), number).await
    }
}
