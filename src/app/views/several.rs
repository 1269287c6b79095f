//! The answer to what tells of several things at once.

use serde::{Deserialize, Serialize};

use crate::domain::id::EventId;

/// The answer to a delivery that tells of several things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswersView {
    /// One for each announcement in it, in their order.
    pub answers: Vec<AnswerView>,
    /// What else it speaks of, and why that is passed over.
    pub ignored: Vec<String>,
}

/// The answer to one announcement among several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerView {
    /// Which: its image and its tag, or its number.
    pub what: String,
    /// The status that it would have been answered with alone.
    pub status: u16,
    /// The event's id, if it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// Where it can be looked at, if it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why it was refused, or is not decided yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
