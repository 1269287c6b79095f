//! Placeholder types until the editor's room lands (its branch replaces this file whole).

use serde::{Deserialize, Serialize};

/// Where a version field stands in its file, independent of bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Counted from 0.
    pub document: usize,
    /// A JSON Pointer (RFC 6901).
    pub pointer: String,
}

/// What a version field's scalar holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Whatever the rule's template says.
    Whole,
    /// A tag.
    Tag,
    /// A digest.
    Digest,
    /// An image reference, whose form is kept.
    Reference,
}
