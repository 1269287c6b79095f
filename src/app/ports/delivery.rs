//! What comes in at the door, as the store keeps it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::artifact::Artifact;
use crate::domain::id::{ApplicationKey, ApplicationName, EventId, SourceName};

/// A verified announcement, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Our id for it; used if it is new.
    pub event: EventId,
    /// Who announced it.
    pub source: SourceName,
    /// The sender's own id for the delivery: the same one is the same announcement.
    pub delivery: Option<String>,
    /// The one application that the sender may speak for, where its CI said so.
    pub speaks_for: Option<ApplicationName>,
    /// The token that vouches for it, if one does.
    pub token: Option<TokenUse>,
    /// The body as it came, for the deliveries' list.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
    /// One artifact for every application that it concerns.
    pub artifacts: Vec<(ApplicationKey, Artifact)>,
    /// What became of it. What is undecided brings nothing yet.
    pub outcome: DeliveryOutcome,
}

/// A token of CI, and what it was used for: it vouches for one announcement and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUse {
    /// Who made it.
    pub issuer: String,
    /// The issuer's own id for it: `jti`.
    pub id: String,
    /// SHA-256 of the body that it came with, in hex.
    pub fingerprint: String,
    /// When nobody believes it any more, so that it can be forgotten.
    pub until: Timestamp,
}

/// An announcement that was refused at the door, to be kept for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Our id for it.
    pub event: EventId,
    /// Who announced it, where that was found out.
    pub source: Option<SourceName>,
    /// The one application that the sender may speak for, where its CI said so.
    pub speaks_for: Option<ApplicationName>,
    /// Its body, of a sender who is known; else empty.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
    /// Why it was refused.
    pub why: String,
}

/// What storing an announcement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announced {
    /// It is new, and durable.
    New(EventId),
    /// It was announced before: same delivery id, or same application, image, digest and tag (for
    /// every application that it concerns; if it is new to one of them, it is new). What its
    /// registry refused before is asked about again.
    Same(EventId),
    /// Its token has vouched for another announcement before; nothing was stored.
    TokenUsed,
}

/// A delivery, for the list: believed or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Our id for it.
    pub event: EventId,
    /// Who announced it, where the signature told.
    pub source: Option<SourceName>,
    /// The sender's own id for it.
    pub delivery: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// What became of it.
    pub outcome: DeliveryOutcome,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// It was believed and stored.
    Accepted,
    /// It was believed and stored, and what it brought does not go by itself.
    SetAside {
        /// Which of it, and why.
        why: String,
    },
    /// It is kept until the remote can be read.
    Undecided {
        /// Why.
        why: String,
    },
    /// It was refused at the door, or kept and found to concern nobody later, or to bring what is
    /// not what it says.
    Refused {
        /// Why.
        why: String,
    },
}

impl DeliveryOutcome {
    /// What becomes of what is believed, where some of it may not go by itself.
    pub fn of(set_aside: Option<String>) -> Self {
        set_aside.map_or(Self::Accepted, |why| Self::SetAside { why })
    }

    /// Why nothing goes on by itself, where nothing does.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Accepted => None,
            Self::SetAside { .. } => Some(self.told()),
            Self::Undecided { why } | Self::Refused { why } => Some(why.clone()),
        }
    }

    /// In words.
    pub fn told(&self) -> String {
        match self {
            Self::Accepted => "accepted".to_owned(),
            Self::SetAside { why } => format!("accepted, and does not go by itself: {why}"),
            Self::Undecided { why } => format!("undecided: {why}"),
            Self::Refused { why } => format!("refused: {why}"),
        }
    }
}

/// What an undecided delivery turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It brings these artifacts.
    Accept {
        /// One for every application that it concerns.
        artifacts: Vec<(ApplicationKey, Artifact)>,
        /// Which of them do not go by themselves, and why.
        set_aside: Option<String>,
    },
    /// It concerns nobody.
    Refuse {
        /// Why.
        why: String,
    },
}

/// A delivery with its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The delivery.
    pub delivery: Delivery,
    /// The one application that its sender may speak for, where its CI said so.
    pub speaks_for: Option<ApplicationName>,
    /// Its body.
    pub body: Vec<u8>,
    /// The artifacts it brought, with their applications.
    pub artifacts: Vec<(ApplicationKey, Artifact)>,
}
