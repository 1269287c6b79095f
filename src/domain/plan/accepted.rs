//! What the pipeline's rules keep out at its door.

use super::environment::View;
use super::{Because, Plan};
use crate::domain::accept::KeptOut;
use crate::domain::artifact::Artifact;

impl<'a> View<'a> {
    /// The artifacts that are newer than all that was ever started here.
    pub(super) fn newer(&self) -> impl Iterator<Item = &'a Artifact> {
        let started = self.snapshot.started_in(&self.environment.name);
        let accept = &self.snapshot.pipeline.accept;
        let is_newer = move |it: &&Artifact| started.overtakes(&accept.rank(it)).is_none();
        self.snapshot.artifacts.iter().filter(is_newer)
    }

    /// Why an artifact may not come in here.
    ///
    /// The pipeline's door is where it begins: what runs in an environment before was let in.
    pub(super) fn kept_out(&self, artifact: &Artifact) -> Option<KeptOut> {
        let is_door = self.environment.after.is_empty();
        if is_door { self.snapshot.kept_out(artifact) } else { None }
    }

    /// The newest artifact that may come here, if only its registry has not said yet what it is.
    ///
    /// What lacks something is passed over until it is looked for again: what is older and has all
    /// that it needs goes meanwhile.
    pub(super) fn unexamined(&self) -> Option<&'a Artifact> {
        let accept = &self.snapshot.pipeline.accept;
        let candidates = self.newer().filter_map(|artifact| match self.kept_out(artifact) {
            None => Some((artifact, false)),
            Some(KeptOut::Unexamined(Some(delay)))
                if delay.is_its_own() && self.now < delay.again_at =>
            {
                None
            }
            Some(KeptOut::Unexamined(_)) => Some((artifact, true)),
            Some(_) => None,
        });
        let candidates = candidates
            .filter(|(artifact, _)| !self.snapshot.is_bad(&artifact.id, self.environment));
        let newest = candidates.max_by_key(|(artifact, _)| (accept.rank(artifact), &artifact.id));
        newest.filter(|(_, is_unexamined)| *is_unexamined).map(|(artifact, _)| artifact)
    }

    /// What may come here as soon as its registry has said what it is.
    pub(super) fn awaited(&self) -> Vec<&'a Artifact> {
        let is_awaited =
            |artifact: &&Artifact| matches!(self.kept_out(artifact), Some(KeptOut::Unexamined(_)));
        self.newer().filter(is_awaited).collect()
    }

    /// Nothing is on its way here: says what waits for a word, of a person or of a registry.
    pub(super) fn ask(&self, plan: &mut Plan) {
        let accept = &self.snapshot.pipeline.accept;
        let asks = self.newer().filter_map(|artifact| match self.kept_out(artifact)? {
            KeptOut::MovedAsks(moved) => Some((accept.rank(artifact), Because::Asks(moved), None)),
            KeptOut::Unexamined(delay) => {
                // What lacks something says itself until when that may come.
                let again = delay.as_ref().filter(|delay| !delay.is_its_own());
                let until = again.map(|delay| delay.again_at);
                Some((accept.rank(artifact), Because::Unexamined(delay), until))
            }
            KeptOut::Tag { .. }
            | KeptOut::NoVersion { .. }
            | KeptOut::Range { .. }
            | KeptOut::Branch { .. }
            | KeptOut::Unsound { .. }
            | KeptOut::MovedRefused(_) => None,
        });
        if let Some((_, because, until)) = asks.max_by(|one, other| one.0.cmp(&other.0)) {
            plan.wait(&self.environment.name, None, because, until);
        }
    }
}
