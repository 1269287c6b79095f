//! What a source's commit is told of what was built from it.

use crate::domain::promotion::{Promotion, State};
use crate::domain::snapshot::StatusWord;

/// How a promotion fares, and `instead` of it what took its place. What was replaced is not
/// there, and whoever waits for it must not go on.
pub fn status(promotion: &Promotion, instead: Option<&Promotion>) -> (StatusWord, String) {
    let (version, place) = (&promotion.version, &promotion.environment);
    let number = promotion.proposal.as_ref().map(|it| format!(" in {}", it.number));
    let number = number.unwrap_or_default();
    match &promotion.state {
        State::Waiting => (StatusWord::Pending, format!("{version} waits to go into {place}")),
        State::Proposed => (StatusWord::Pending, format!("{version} is proposed{number}")),
        State::Merged { .. } => (StatusWord::Pending, format!("{version} is merged{number}")),
        State::Deployed { .. } => (StatusWord::Pending, format!("{version} runs, and is watched")),
        State::Soaking { until, .. } => {
            let until = super::time(*until);
            (StatusWord::Pending, format!("{version} runs, and soaks until {until}"))
        }
        State::Succeeded { .. } => (StatusWord::Success, format!("{version} is in {place}")),
        State::Superseded { .. } => {
            let newer = instead.map_or("a newer one", |it| it.version.as_str());
            (StatusWord::Failure, format!("{newer} took the place of {version} in {place}"))
        }
        State::Closed { reason, .. } => {
            (StatusWord::Failure, format!("{version} does not go into {place}: {reason}"))
        }
        State::Failed { reason } => {
            (StatusWord::Failure, format!("{version} cannot go into {place}: {reason}"))
        }
        State::RolledBack { .. } => {
            (StatusWord::Failure, format!("{version} was taken back out of {place}"))
        }
    }
}
