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
use crate::domain::pairing::Pairings;
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
            let moved = logged(self.moved(source, application, artifact).await);
            lines.extend(moved.map(|text| self.moved_line("tag-moved", source, application, text)));
            let retagged = logged(self.retagged(source, application, artifact).await);
            lines.extend(
                retagged.map(|text| self.moved_line("retagged", source, application, text)),
            );
        }
        lines
    }

    /// The tags that move back with what was announced before, as `first`.
    pub(super) async fn returned_lines(
        &self,
        source: &SourceName,
        again: &[(ApplicationKey, Artifact)],
        first: &[(ApplicationKey, Artifact)],
    ) -> Vec<AuditLine> {
        let mut lines = Vec::new();
        for (application, artifact) in again {
            let first = first.iter().find(|(key, _)| key == application).map(|(_, first)| first);
            let moved = logged(self.moved_since(source, application, artifact, first).await);
            let text = moved.map(|moved| words::returned(&moved, artifact));
            lines.extend(text.map(|text| self.moved_line("tag-moved", source, application, text)));
        }
        lines
    }

    /// How the tag of what was announced for the first time has moved, in words.
    async fn moved(
        &self,
        source: &SourceName,
        application: &ApplicationKey,
        artifact: &Artifact,
    ) -> Result<Option<String>, StoreError> {
        if let Some(earlier) = self.store.moved_from(application, artifact).await? {
            return Ok(Some(words::moved(source, &earlier.digest, artifact)));
        }
        let found = self.found_in_files(application).await?;
        let seen = found.as_ref().and_then(|found| found.moved_from(artifact));
        Ok(seen.map(|seen| words::moved_from_files(source, seen, artifact)))
    }

    async fn retagged(
        &self,
        source: &SourceName,
        application: &ApplicationKey,
        artifact: &Artifact,
    ) -> Result<Option<String>, StoreError> {
        if let Some(earlier) = self.store.retagged_from(application, artifact).await? {
            return Ok(Some(words::retagged(source, &earlier, artifact)));
        }
        let found = self.found_in_files(application).await?;
        let seen = found.as_ref().and_then(|found| found.retagged_from(artifact));
        Ok(seen.map(|seen| words::retagged_from_files(source, seen, artifact)))
    }

    /// How the tag of what was announced before has moved since then, in words.
    async fn moved_since(
        &self,
        source: &SourceName,
        application: &ApplicationKey,
        again: &Artifact,
        first: Option<&Artifact>,
    ) -> Result<Option<String>, StoreError> {
        if let Some(newest) = self.store.moved_from(application, again).await? {
            return Ok(Some(words::moved(source, &newest.digest, again)));
        }
        let Some(first) = first else { return Ok(None) };
        let found = self.found_in_files(application).await?;
        let found = found.map(|found| found.since(first.accepted_at));
        let seen = found.as_ref().and_then(|found| found.moved_from(again));
        Ok(seen.map(|seen| words::moved_from_files(source, seen, again)))
    }

    /// What tags and digests meant where nobody announced it; none where the rules are gone.
    async fn found_in_files(
        &self,
        application: &ApplicationKey,
    ) -> Result<Option<Pairings>, StoreError> {
        let Some(pipeline) = self.policy.pipelines.get(&application.pipeline) else {
            return Ok(None);
        };
        let found = self.store.found_in_files(application).await?;
        Ok(Some(Pairings::of(pipeline, found.iter())))
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
fn logged(looked: Result<Option<String>, StoreError>) -> Option<String> {
    looked.unwrap_or_else(|error| {
        tracing::error!("looking for what an announcement moves: {}", chain(&error));
        None
    })
}
