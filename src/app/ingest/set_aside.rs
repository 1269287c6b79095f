//! What was brought and does not go by itself: said where the delivery is listed, and in the
//! history.
//!
//! The planner decides it, from what it sees when it looks; this is what it would say at the time
//! of the announcement.

use crate::app::App;
use crate::app::ports::{AuditLine, StoreError};
use crate::domain::accept::{Accept, KeptOut};
use crate::domain::artifact::Artifact;
use crate::domain::command::Actor;
use crate::domain::id::ApplicationKey;
use crate::messages::accept as words;

/// An artifact that does not go by itself, and why.
pub(super) struct SetAside {
    application: ApplicationKey,
    version: String,
    why: String,
}

impl App {
    /// The artifacts that their pipelines do not let in.
    pub(super) async fn set_aside(
        &self,
        brought: &[(ApplicationKey, Artifact)],
    ) -> Result<Vec<SetAside>, StoreError> {
        let mut found = Vec::new();
        for (application, artifact) in brought {
            let Some(pipeline) = self.policy.pipelines.get(&application.pipeline) else { continue };
            if pipeline.accept == Accept::default() {
                continue;
            }
            let record = self.store.load(application).await?;
            let mut snapshot = self.memory(record, pipeline);
            snapshot.artifacts.push(artifact.clone());
            let door = pipeline.environments.iter().find(|it| it.after.is_empty());
            let rank = pipeline.accept.rank(artifact);
            let older = || door.and_then(|door| snapshot.started_in(&door.name).overtakes(&rank));
            let why = match snapshot.kept_out(artifact) {
                // That is asked next; what comes of it is said then.
                None | Some(KeptOut::Unexamined(_)) => older().map(words::older),
                Some(kept_out) => Some(words::kept_out(&kept_out)),
            };
            found.extend(why.map(|why| SetAside {
                application: application.clone(),
                version: artifact.version().to_owned(),
                why,
            }));
        }
        Ok(found)
    }

    /// The lines of the history about them.
    pub(super) fn set_aside_lines(&self, set_aside: &[SetAside]) -> Vec<AuditLine> {
        let lines = set_aside.iter().map(|it| AuditLine {
            at: self.clock.now(),
            actor: Actor::hoist(),
            verb: "set-aside".into(),
            application: Some(it.application.clone()),
            environment: None,
            promotion: None,
            commit: None,
            text: format!("{} does not go by itself: {}", it.version, it.why),
        });
        lines.collect()
    }
}

/// The same, in the words of the list of deliveries; none if everything goes.
pub(super) fn told(set_aside: &[SetAside]) -> Option<String> {
    let told: Vec<String> =
        set_aside.iter().map(|it| words::set_aside(&it.application, &it.why)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}
