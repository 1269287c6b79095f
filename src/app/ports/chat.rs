//! Conversations: what was said, kept by the store, and those who carry answers to people.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit::AuditLine;
use super::store::StoreError;
use crate::domain::command::Door;
use crate::domain::id::{EnvironmentName, ProposalNumber, SayingId, ScheduleName};
use crate::domain::promotion::Promotion;

/// Something that was said to hoist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// Our name for it.
    pub id: SayingId,
    /// Through which door it came.
    pub door: Door,
    /// The sender's own id for it: the same one is the same saying.
    pub delivery: String,
    /// When.
    pub said_at: Timestamp,
    /// Who said what, and where.
    pub details: SayingDetails,
}

/// Who said what, and where the answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SayingDetails {
    /// The speaker, as the chat identifies them.
    pub speaker: String,
    /// What the chat calls them: to be shown, and trusted for nothing.
    pub called: String,
    /// The channel.
    pub channel: String,
    /// What was said.
    pub said: Said,
    /// Where the answer is to be sent: an address that the chat has given.
    pub answer_to: Option<String>,
}

/// What was said, in words or with a button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// A command, as it was typed.
    Words(String),
    /// A button: the value that hoist gave to it, and that is not believed before it is verified.
    Pressed(String),
}

/// What hearing a saying came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is new, and durable.
    New,
    /// It was heard before.
    Again,
}

/// An answer that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// To what.
    pub saying: Saying,
    /// The answer.
    pub answer: Message,
    /// How often delivering it has failed.
    pub tries: u32,
}

/// Somebody who is told what is in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follower {
    /// The number of the last entry that they were told of.
    pub after: u64,
    /// When they are to be told more, at the earliest.
    pub due_at: Timestamp,
    /// How often telling them has failed in a row.
    pub tries: u32,
}

/// The message about a promotion, as it was last sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// What the chat calls it.
    pub message: String,
    /// What it says.
    pub shown: Message,
}

/// A message to people: text in which `code` is the only markup, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What it says.
    pub text: String,
    /// What can be pressed.
    pub buttons: Vec<Button>,
}

impl Message {
    /// A message without buttons.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), buttons: Vec::new() }
    }
}

/// Something that can be pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What it does.
    pub does: Press,
}

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Press {
    /// It opens an address.
    Opens(String),
    /// It says something to hoist.
    Says {
        /// The value that comes back, signed.
        value: String,
        /// What the person is asked before; none where nothing can go wrong.
        asks: Option<String>,
    },
}

/// The part of the store that keeps conversations.
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Keeps a saying with its audit line, once: one whose door and delivery are known is left
    /// alone, and its line is not written again.
    async fn hear(&self, saying: &Saying, audit: AuditLine) -> Result<Heard, StoreError>;

    /// What was heard and not answered yet, oldest first.
    async fn unanswered(&self, limit: u32) -> Result<Vec<Saying>, StoreError>;

    /// Notes that a saying is about to be carried out. Answers with the audit log's last entry when
    /// that was noted before: what stands behind it may have been done already.
    async fn begin(&self, saying: &SayingId) -> Result<Option<u64>, StoreError>;

    /// Keeps the answer to a saying, which is due for delivery at `due_at`; none means never.
    async fn keep_answer(
        &self,
        saying: &SayingId,
        answer: &Message,
        due_at: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// The answers that are due, oldest first.
    async fn undelivered(&self, now: Timestamp, limit: u32)
    -> Result<Vec<Undelivered>, StoreError>;

    /// An answer was delivered, or never will be.
    async fn end_delivery(&self, saying: &SayingId) -> Result<(), StoreError>;

    /// Delivering an answer failed; it is due again at `due_at`.
    async fn put_off(&self, saying: &SayingId, due_at: Timestamp) -> Result<(), StoreError>;

    /// How far a follower is; none where nobody of that name was ever told anything.
    async fn follower(&self, name: &str) -> Result<Option<Follower>, StoreError>;

    /// Records how far a follower is.
    async fn keep_follower(&self, name: &str, follower: Follower) -> Result<(), StoreError>;

    /// The number of the audit log's last entry; 0 where there is none.
    async fn last_entry(&self) -> Result<u64, StoreError>;

    /// A follower's message about a promotion, or about a train, if one was sent.
    async fn card(&self, follower: &str, about: &str) -> Result<Option<Card>, StoreError>;

    /// Records the message about it.
    async fn keep_card(&self, follower: &str, about: &str, card: &Card) -> Result<(), StoreError>;

    /// Everything that a schedule's runs let go and that has, or had, its place in a proposal.
    async fn passengers(
        &self,
        schedule: &ScheduleName,
        to: &EnvironmentName,
        number: ProposalNumber,
    ) -> Result<Vec<Promotion>, StoreError>;
}

/// What can go wrong with a chat, sorted by what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// It asks for patience.
    #[error("the chat asks us to wait {seconds} s")]
    RateLimited {
        /// For how long.
        seconds: u64,
    },
    /// It could not be reached, or broke down.
    #[error("the chat could not be reached: {0}")]
    Unreachable(String),
    /// It says no, and will say so again.
    #[error("the chat refuses: {0}")]
    Refused(String),
}

/// Carries messages to the people of a chat.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Answers somebody, at the address that came with what they said. Nobody else sees it.
    async fn answer(&self, to: &str, answer: &Message) -> Result<(), ChatError>;
}

/// Keeps messages in a channel up to date.
#[async_trait]
pub trait Board: Send + Sync {
    /// Posts a message; answers with what the chat calls it.
    async fn post(&self, message: &Message) -> Result<String, ChatError>;

    /// Makes a message that was posted say something else.
    async fn update(&self, posted: &str, message: &Message) -> Result<(), ChatError>;
}
