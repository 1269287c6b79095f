//! GitLab's events.

use serde::Deserialize;

use super::{Concern, Told};
use crate::app::chat::Comment;

/// The events that can change what hoist would do.
const EVENTS: [&str; 4] = ["Push Hook", "Merge Request Hook", "Pipeline Hook", "Job Hook"];

/// A comment on a commit, an issue, a snippet or a merge request.
const COMMENT: &str = "Note Hook";

/// What an event of this kind is to hoist.
pub(super) fn concern(kind: &str) -> Concern {
    match kind {
        COMMENT => Concern::Comment,
        kind if EVENTS.contains(&kind) => Concern::Change,
        _ => Concern::Nothing,
    }
}

/// Reads an event.
pub(super) fn read(body: &[u8]) -> Result<Told, serde_json::Error> {
    let event: RawEvent = serde_json::from_slice(body)?;
    Ok(Told {
        repository: event.repository().map(str::to_owned),
        branches: event.branches().into_iter().map(str::to_owned).collect(),
        paths: event.paths().cloned().collect(),
        comment: event.comment(),
    })
}

#[derive(Deserialize)]
struct RawEvent {
    project: Option<RawProject>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    commits: Vec<RawCommit>,
    object_attributes: Option<RawAttributes>,
    merge_request: Option<RawMergeRequest>,
    user: Option<RawUser>,
}

#[derive(Deserialize)]
struct RawProject {
    path_with_namespace: String,
}

/// One name for what an event is about, whatever that is.
#[derive(Deserialize)]
struct RawAttributes {
    id: Option<u64>,
    source_branch: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    note: Option<String>,
    noteable_type: Option<String>,
    #[serde(default)]
    system: bool,
    action: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    updated_by_id: Option<u64>,
}

#[derive(Deserialize)]
struct RawMergeRequest {
    iid: Option<u64>,
    source_branch: Option<String>,
}

#[derive(Deserialize)]
struct RawUser {
    id: Option<u64>,
    username: Option<String>,
}

#[derive(Deserialize)]
struct RawCommit {
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
    #[serde(default)]
    modified: Vec<String>,
}

impl RawEvent {
    fn repository(&self) -> Option<&str> {
        self.project.as_ref().map(|it| it.path_with_namespace.as_str())
    }

    /// The branches that it is about.
    fn branches(&self) -> Vec<&str> {
        // A push names a ref, a job a branch.
        let named = self.reference.as_deref();
        let named = named.map(|it| it.strip_prefix("refs/heads/").unwrap_or(it));
        let attributes = self.object_attributes.as_ref();
        let source = attributes.and_then(|it| it.source_branch.as_deref());
        let pipeline = attributes.and_then(|it| it.reference.as_deref());
        let merge = self.merge_request.as_ref().and_then(|it| it.source_branch.as_deref());
        [named, source, pipeline, merge].into_iter().flatten().collect()
    }

    /// The files that a push changed.
    fn paths(&self) -> impl Iterator<Item = &String> {
        self.commits.iter().flat_map(|it| [&it.added, &it.removed, &it.modified]).flatten()
    }

    /// A comment that somebody has just written on a merge request, or edited.
    fn comment(self) -> Option<Comment> {
        let (note, user) = (self.object_attributes?, self.user?);
        let is_new = match note.action.as_deref() {
            Some(action) => action == "create",
            // Older servers do not say what happened to it.
            None => note.created_at == note.updated_at,
        };
        // Of an edit `user` may be whoever wrote it first; who edited it has a number only.
        let is_by_user = is_new || (user.id.is_some() && user.id == note.updated_by_id);
        if note.system || !is_by_user || note.noteable_type.as_deref() != Some("MergeRequest") {
            return None;
        }
        let (id, number) = (note.id?, self.merge_request?.iid?);
        Some(Comment { id, number, by: user.username?, text: note.note? })
    }
}
