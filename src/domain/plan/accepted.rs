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

    /// Nothing is on its way here: says what waits for a person to ask for it.
    pub(super) fn ask(&self, plan: &mut Plan) {
        let accept = &self.snapshot.pipeline.accept;
        let asks = self.newer().filter_map(|artifact| match self.kept_out(artifact)? {
            KeptOut::MovedAsks(moved) => Some((accept.rank(artifact), moved)),
            KeptOut::Tag { .. }
            | KeptOut::NoVersion { .. }
            | KeptOut::Range { .. }
            | KeptOut::Branch { .. }
            | KeptOut::MovedRefused(_) => None,
        });
        if let Some((_, moved)) = asks.max_by(|(one, _), (other, _)| one.cmp(other)) {
            plan.wait(&self.environment.name, None, Because::Asks(moved), None);
        }
    }
}
