//! What people are told of without asking, and who wants to hear what.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::id::{EnvironmentName, PipelineName};

/// Something that people may want to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// A proposal is open.
    Proposed,
    /// A proposal waits for nothing but people: approvals, or whoever merges.
    NeedsReview,
    /// A proposal was merged.
    Merged,
    /// What was merged runs well, or runs well again.
    Healthy,
    /// What was merged does not run well.
    Unhealthy,
    /// An earlier version is back.
    RolledBack,
    /// Somebody held an application, or ended that.
    Held,
    /// Somebody froze an environment, or ended that.
    Frozen,
    /// Other hands changed a version.
    Drift,
    /// A promotion has stood where it is for longer than it should.
    Stuck,
}

impl Happening {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::Proposed,
        Self::NeedsReview,
        Self::Merged,
        Self::Healthy,
        Self::Unhealthy,
        Self::RolledBack,
        Self::Held,
        Self::Frozen,
        Self::Drift,
        Self::Stuck,
    ];

    /// Its name in the configuration, and for those who are told by a webhook.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::NeedsReview => "needs-review",
            Self::Merged => "merged",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::RolledBack => "rolled-back",
            Self::Held => "held",
            Self::Frozen => "frozen",
            Self::Drift => "drift",
            Self::Stuck => "stuck",
        }
    }
}

/// What somebody wants to be told of. Of each kind none means everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// What happened.
    pub kinds: Option<BTreeSet<Happening>>,
    /// In which pipelines.
    pub pipelines: Option<BTreeSet<PipelineName>>,
    /// In which environments.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// For how long a promotion may stand where it is before it counts as stuck.
    pub stuck_after: SignedDuration,
}

impl Interest {
    /// Tells whether they want to hear of this. What happens to no pipeline or environment of its
    /// own, as a freeze of everything, happens to all.
    pub fn wants(
        &self,
        what: Happening,
        pipeline: Option<&PipelineName>,
        environment: Option<&EnvironmentName>,
    ) -> bool {
        has(self.kinds.as_ref(), Some(&what))
            && has(self.pipelines.as_ref(), pipeline)
            && has(self.environments.as_ref(), environment)
    }
}

fn has<T: Ord>(wanted: Option<&BTreeSet<T>>, one: Option<&T>) -> bool {
    wanted.zip(one).is_none_or(|(wanted, one)| wanted.contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interest_is_in_what_it_names_and_in_what_concerns_all() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let staging: EnvironmentName = "staging".parse().unwrap();
        let services: PipelineName = "services".parse().unwrap();
        let interest = Interest {
            kinds: Some([Happening::Merged, Happening::Frozen].into()),
            pipelines: None,
            environments: Some([prod.clone()].into()),
            stuck_after: SignedDuration::from_hours(24),
        };
        assert!(interest.wants(Happening::Merged, Some(&services), Some(&prod)));
        assert!(!interest.wants(Happening::Merged, Some(&services), Some(&staging)));
        assert!(!interest.wants(Happening::Held, Some(&services), Some(&prod)));
        assert!(interest.wants(Happening::Frozen, None, None));
    }
}
