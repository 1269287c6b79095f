//! Tells why an artifact is not on its way into an environment.

use jiff::Timestamp;

use super::environment::View;
use crate::domain::artifact::Artifact;
use crate::domain::id::EnvironmentName;
use crate::domain::pipeline::Environment;
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::Snapshot;

/// Why no promotion brings an artifact into an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unstarted<'a> {
    /// A promotion of it was there, and ended.
    Ended(&'a Promotion),
    /// It was rolled back there, or before.
    Bad,
    /// It does not run yet where it must run before.
    Upstream {
        /// Where.
        environment: &'a EnvironmentName,
        /// What is to bring it there, or was.
        promotion: Option<&'a Promotion>,
    },
    /// A newer one was started before it could be.
    Overtaken,
    /// Nothing keeps it: the next look starts it.
    Next,
}

/// Tells why no promotion brings `artifact` into `environment`; none if one does, or has.
pub fn unstarted<'a>(
    snapshot: &'a Snapshot,
    environment: &'a Environment,
    artifact: &'a Artifact,
    now: Timestamp,
) -> Option<Unstarted<'a>> {
    let of_it = |promotion: &&Promotion| promotion.artifact.as_ref() == Some(&artifact.id);
    let last = snapshot.promotions_into(&environment.name).rfind(of_it);
    if last.is_some_and(|last| last.state.is_pending() || last.state.is_in()) {
        return None;
    }
    if snapshot.is_bad(&artifact.id, environment) {
        return Some(Unstarted::Bad);
    }
    if let Some(last) = last {
        return Some(Unstarted::Ended(last));
    }
    let view = View { snapshot, environment, now };
    if let Some(upstream) = view.missing_upstream(artifact) {
        let promotion = snapshot.promotions_into(upstream).rfind(of_it);
        return Some(Unstarted::Upstream { environment: upstream, promotion });
    }
    let newest = snapshot.newest_started(&environment.name);
    let is_overtaken = newest.is_some_and(|newest| artifact.accepted_at <= newest);
    Some(if is_overtaken { Unstarted::Overtaken } else { Unstarted::Next })
}
