//! How the mirror follows the remote: its refs are the remote's, as of the last time.

use git2::Repository;

use super::history::refs;
use super::transport::{RemoteRefs, Transport, TransportError};
use super::{broken, oid_of};
use crate::app::ports::{GitError, RefOutcome, RefUpdate};

/// Fetches what a mirror lacks, and sets its refs.
pub(super) fn bring_up_to_date(
    transport: &dyn Transport,
    mirror: &Repository,
) -> Result<(), TransportError> {
    let remote = transport.fetch(mirror)?;
    follow(mirror, &remote)
        .map_err(|cause| TransportError::mirror("updating the mirror's refs", &cause))
}

/// Sets the mirror's refs to the remote's. What is gone goes first: a new ref may need its place.
fn follow(mirror: &Repository, remote: &RemoteRefs) -> Result<(), git2::Error> {
    let mut held = RemoteRefs::new();
    for reference in mirror.references()? {
        let mut reference = reference?;
        let Some(target) = reference.target() else { continue };
        let name = reference.name()?.to_owned();
        if remote.contains_key(&name) {
            held.insert(name, target);
        } else {
            reference.delete()?;
        }
    }
    for (name, target) in remote {
        if held.get(name) != Some(target) {
            mirror.reference(name, *target, true, "")?;
        }
    }
    Ok(())
}

/// Sets the ref of an update to what it became on the remote.
pub(super) fn follow_one(
    mirror: &Repository,
    update: &RefUpdate,
    outcome: &RefOutcome,
) -> Result<(), GitError> {
    match outcome {
        RefOutcome::Moved | RefOutcome::AlreadyThere => (),
        RefOutcome::Stale { .. } | RefOutcome::Refused { .. } => return Ok(()),
    }
    match &update.new {
        Some(new) => {
            mirror
                .reference(&update.name, oid_of(new)?, true, "")
                .map_err(broken("setting a ref of the mirror"))?;
        }
        None if refs(mirror, &update.name)?.contains_key(&update.name) => {
            mirror
                .find_reference(&update.name)
                .and_then(|mut reference| reference.delete())
                .map_err(broken("deleting a ref of the mirror"))?;
        }
        None => (),
    }
    Ok(())
}
