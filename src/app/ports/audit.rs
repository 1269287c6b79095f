//! The audit log's lines.

use jiff::Timestamp;

use crate::domain::command::Actor;
use crate::domain::id::{ApplicationKey, CommitId, EnvironmentName, PromotionId};

/// One line for the audit log, before the store chains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What they did, as a verb: `promote`, `proposed`, `merged`.
    pub verb: String,
    /// To what.
    pub application: Option<ApplicationKey>,
    /// Where.
    pub environment: Option<EnvironmentName>,
    /// Which promotion it is about.
    pub promotion: Option<PromotionId>,
    /// The commit it made or saw.
    pub commit: Option<CommitId>,
    /// In words.
    pub text: String,
}

impl AuditLine {
    /// The same line, about a promotion.
    #[must_use]
    pub fn about(mut self, promotion: &PromotionId) -> Self {
        self.promotion = Some(promotion.clone());
        self
    }
}

/// A line of the audit log, chained to the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Counted from 1 without gaps.
    pub number: u64,
    /// The line.
    pub line: AuditLine,
    /// SHA-256 over the line and the hash of the entry before, in hex.
    pub hash: String,
}
