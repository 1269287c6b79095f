//! Conditions for entering an environment, and their answers.

use jiff::{SignedDuration, Timestamp};

/// A condition that a promotion must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Healthy upstream for a contiguous length of time. Shuts the proposal.
    Soak(SignedDuration),
    /// That many people, the requester not among them, said yes. Shuts the merge.
    Approvals(u32),
}

/// A gate's answer now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The condition is met.
    Open,
    /// Time alone will open it.
    OpensAt(Timestamp),
    /// Somebody or something must act; the text says who and what.
    NeedsAction(String),
}

/// A gate's name, verdict and what it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// `soak`, `approvals`: the status on the proposal is `hoist/<name>`.
    pub name: &'static str,
    /// Its answer.
    pub verdict: Verdict,
    /// What it looked at, in a few words for people.
    pub saw: String,
}

impl Judged {
    /// Tells whether the gate lets the promotion through.
    pub fn is_open(&self) -> bool {
        self.verdict == Verdict::Open
    }
}
