//! What a check by others found, told to a forge that has no page of its own.

use super::ports::{Proposal, Status, StatusState};
use super::views::{CheckRequest, CheckWord};
use super::{AppError, Repository};
use crate::domain::checks::OWN;

/// The longest name of a check.
const LONGEST_NAME: usize = 100;

/// The longest description of a status that forges share.
const LONGEST_WORDS: usize = 140;

/// Writes what a check found as a status on a proposal's head.
///
/// A push makes it stale: the forge forgets the statuses of another head.
pub(super) async fn report(
    repository: &Repository,
    proposal: &Proposal,
    check: Option<&CheckRequest>,
    words: Option<&str>,
) -> Result<String, AppError> {
    let invalid = |what: &str| AppError::Invalid { field: Some("check"), what: what.into() };
    let Some(CheckRequest { name, state }) = check else {
        return Err(invalid("say which check it is, and what it found"));
    };
    if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
        return Err(invalid("a check's name is one line of text, without blanks around it"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(invalid("a check's name has at most 100 characters"));
    }
    if name.to_lowercase().starts_with(OWN) {
        return Err(invalid("names that begin with `hoist/` are those of hoist's own gates"));
    }
    let state = match state {
        CheckWord::Pending => StatusState::Pending,
        CheckWord::Success => StatusState::Success,
        CheckWord::Failure => StatusState::Failure,
    };
    let words = words.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c });
    let description: String = words.take(LONGEST_WORDS).collect();
    let status = Status { state, description };
    repository.forge.set_status(proposal.number, &proposal.head, name, &status).await?;
    let head = proposal.head.short();
    Ok(format!("The check `{name}` is told on proposal {} at {head}.", proposal.number))
}
