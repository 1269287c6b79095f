//! Tells why an artifact is not on its way into an environment.

use jiff::Timestamp;

use super::environment::View;
use crate::domain::accept::KeptOut;
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
    /// The pipeline's rules do not let it in.
    KeptOut(KeptOut),
    /// A newer one was started before it could be.
    Overtaken {
        /// What people call that.
        by: &'a str,
    },
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
    if let Some(kept_out) = view.kept_out(artifact) {
        return Some(Unstarted::KeptOut(kept_out));
    }
    let rank = snapshot.pipeline.accept.rank(artifact);
    let overtaken = snapshot.started_in(&environment.name).overtakes(&rank);
    Some(overtaken.map_or(Unstarted::Next, |by| Unstarted::Overtaken { by }))
}
