//! Words about who may do what, where a forge's teams are asked.

use crate::domain::command::{Identity, Right};
use crate::domain::id::EnvironmentName;
use crate::domain::team::Team;

/// Whether somebody is in a team could not be asked.
pub fn unasked(team: &Team, why: &str) -> String {
    format!("who is in {team} could not be asked: {why}")
}

/// No repository is on the forge that knows a team.
pub fn no_forge(team: &Team) -> String {
    format!("no repository of the configuration has `forge: {}`", team.forge())
}

/// Whoever asked for a promotion may not any more.
pub fn withdrawn(
    who: &str,
    right: Right,
    environment: &EnvironmentName,
    identity: &Identity,
) -> String {
    let silent: String = identity.unasked.iter().flat_map(|text| ["; ", text.as_str()]).collect();
    format!("{who}, who asked for it, has no right to {right} in {environment} any more{silent}")
}
