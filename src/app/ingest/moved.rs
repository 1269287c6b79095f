//! Tags that come with another digest than before, and digests under another tag: said in the
//! history, whatever becomes of them.
//!
//! The planner decides whether they go (`moved_tags`, `retags`).

use crate::app::App;
use crate::app::ports::{AuditLine, StoreError};
use crate::app::reconcile::chain;
use crate::domain::artifact::Artifact;
use crate::domain::command::{Actor, Door};
use crate::domain::id::{ApplicationKey, SourceName};
use crate::messages::accept as words;

impl App {
    /// What moves with what an announcement brings.
    pub(super) async fn moved_lines(
        &self,
        source: &SourceName,
        brought: &[(ApplicationKey, Artifact)],
    ) -> Vec<AuditLine> {
        let mut lines = Vec::new();
        for (application, artifact) in brought {
            let earlier = found(self.store.moved_from(application, artifact).await);
            let text = earlier.map(|earlier| words::moved(source, &earlier, artifact));
            lines.extend(text.map(|text| self.moved_line("tag-moved", source, application, text)));
            let earlier = found(self.store.retagged_from(application, artifact).await);
            let text = earlier.map(|earlier| words::retagged(source, &earlier, artifact));
            lines.extend(text.map(|text| self.moved_line("retagged", source, application, text)));
        }
        lines
    }

    /// The tags that move back with what was announced before.
    pub(super) async fn returned_lines(
        &self,
        source: &SourceName,
        again: &[(ApplicationKey, Artifact)],
    ) -> Vec<AuditLine> {
        let mut lines = Vec::new();
        for (application, artifact) in again {
            let newest = found(self.store.moved_from(application, artifact).await);
            let text = newest.map(|newest| words::returned(source, &newest, artifact));
            lines.extend(text.map(|text| self.moved_line("tag-moved", source, application, text)));
        }
        lines
    }

    fn moved_line(
        &self,
        verb: &str,
        source: &SourceName,
        application: &ApplicationKey,
        text: String,
    ) -> AuditLine {
        AuditLine {
            at: self.clock.now(),
            actor: Actor { name: source.to_string(), door: Door::Ci },
            verb: verb.into(),
            application: Some(application.clone()),
            environment: None,
            promotion: None,
            commit: None,
            text,
        }
    }
}

/// A look that failed is logged: the announcement is good without it.
fn found(looked: Result<Option<Artifact>, StoreError>) -> Option<Artifact> {
    looked.unwrap_or_else(|error| {
        tracing::error!("looking for what an announcement moves: {}", chain(&error));
        None
    })
}
