//! What an edit that is not made says to the person who wanted it.

use std::fmt;

/// Why nothing was done: what stands where, why that cannot be edited, and what to do about it.
///
/// The text's name is not known here; the caller puts it in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The line, counted from 1, where there is one.
    pub line: Option<usize>,
    /// The column in characters, counted from 1.
    pub column: Option<usize>,
    /// What stands there.
    pub what: String,
    /// Why that is not edited.
    pub why: String,
    /// What a person can do about it.
    pub hint: String,
}

impl Refusal {
    pub(super) fn new(
        what: impl Into<String>,
        why: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { line: None, column: None, what: what.into(), why: why.into(), hint: hint.into() }
    }

    pub(super) fn at(mut self, (line, column): (usize, usize)) -> Self {
        self.line = Some(line);
        self.column = Some(column);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            (None, Some(_) | None) => (),
        }
        write!(f, "{}: {}; {}", self.what, self.why, self.hint)
    }
}

impl std::error::Error for Refusal {}
