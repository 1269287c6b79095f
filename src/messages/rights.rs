//! Words about who may do what, where a forge's teams are asked.

use crate::domain::command::{Actor, Identity, Right};
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
    let silent = silent(identity);
    format!("{who}, who asked for it, has no right to {right} in {environment} any more{silent}")
}

/// Whoever skipped a gate may not any more.
pub fn lapsed(who: &Actor, environment: &EnvironmentName, identity: &Identity) -> String {
    let (right, silent) = (Right::SkipGates, silent(identity));
    format!("{who} skipped it, and has no right to {right} in {environment} any more{silent}")
}

/// Whom a forge could not be asked about.
fn silent(identity: &Identity) -> String {
    identity.unasked.iter().flat_map(|text| ["; ", text.as_str()]).collect()
}
