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
use crate::domain::snapshot::Snapshot;
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
            let why = match aside(&snapshot, artifact) {
                // Its registry is asked next; what comes of it is said then.
                None | Some(Aside::Unexamined(_)) => None,
                Some(Aside::Asks(why) | Aside::Stays(why)) => Some(why),
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

/// How an artifact that is not on its way comes no further by itself, and why.
pub(super) enum Aside {
    /// Its registry has not said yet what it is.
    Unexamined(String),
    /// A person is to say whether it goes.
    Asks(String),
    /// It does not go.
    Stays(String),
}

/// Why an artifact does not go into the pipeline by itself, if it does not.
pub(super) fn aside(snapshot: &Snapshot, artifact: &Artifact) -> Option<Aside> {
    if snapshot.was_let_in(artifact) {
        return None;
    }
    let door = snapshot.pipeline.environments.iter().find(|it| it.after.is_empty());
    let rank = snapshot.pipeline.accept.rank(artifact);
    let newer = door.and_then(|door| snapshot.started_in(&door.name).overtakes(&rank));
    let kept_out = snapshot.kept_out(artifact);
    let told = kept_out.as_ref().map(words::kept_out).unwrap_or_default();
    match (kept_out, newer) {
        (None | Some(KeptOut::Unexamined(_)), Some(newer)) => {
            Some(Aside::Stays(words::older(newer)))
        }
        (None, None) => None,
        (Some(KeptOut::Unexamined(_)), None) => Some(Aside::Unexamined(told)),
        (Some(KeptOut::MovedAsks(_)), _) => Some(Aside::Asks(told)),
        (
            Some(
                KeptOut::Tag { .. }
                | KeptOut::NoVersion { .. }
                | KeptOut::Range { .. }
                | KeptOut::Branch { .. }
                | KeptOut::MovedRefused(_)
                | KeptOut::Unsound { .. },
            ),
            _,
        ) => Some(Aside::Stays(told)),
    }
}

/// The same, in the words of the list of deliveries; none if everything goes.
pub(super) fn told(set_aside: &[SetAside]) -> Option<String> {
    let told: Vec<String> =
        set_aside.iter().map(|it| words::set_aside(&it.application, &it.why)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}
