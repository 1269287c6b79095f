//! Commits that GitHub makes for an App, which it signs and shows as verified.
//!
//! Only the objects are made by the API. A branch is moved by Git, which alone can compare and swap:
//! the API moves a branch wherever it is, or only forward.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::GitHubForge;
use super::answer::{Call, unreachable};
use super::raw::{RawMadeCommit, RawObject};
use crate::app::ports::{Draft, DraftFile, ForgeError};
use crate::domain::id::CommitId;

/// How many commits are remembered that were made.
const KEPT: usize = 1_000;

/// Commits that were made, by the drafts of them: of a train that breaks off in its middle the
/// commits before need not be made again.
pub(super) type Made = BTreeMap<CommitId, Vec<u8>>;

impl GitHubForge {
    /// Makes a commit that no branch has.
    pub(super) async fn commit_of(&self, draft: &Draft) -> Result<Vec<u8>, ForgeError> {
        if let Some(made) = self.made().get(&draft.commit) {
            return Ok(made.clone());
        }
        self.make_tree(draft).await?;
        // Who it is by is left to GitHub: it signs nothing that names anybody else.
        let body = json!({"message": draft.message, "tree": draft.tree, "parents": draft.parents});
        let answer = self.api.write(&self.route(&["git", "commits"]), Call::Post(&body)).await?;
        let told: RawMadeCommit = answer.expect(self.api.repo(), "making a commit")?;
        let object = signed(&told)?;
        let mut made = self.made();
        if made.len() >= KEPT {
            made.clear();
        }
        made.insert(draft.commit.clone(), object.clone());
        Ok(object)
    }

    /// Makes the tree, which has to be the one that was drafted.
    async fn make_tree(&self, draft: &Draft) -> Result<(), ForgeError> {
        let mut entries = Vec::new();
        for (path, file) in &draft.files {
            entries.push(self.entry(path, file.as_ref()).await?);
        }
        let body = json!({"base_tree": draft.base, "tree": entries});
        let answer = self.api.write(&self.route(&["git", "trees"]), Call::Post(&body)).await?;
        let tree: RawObject = answer.expect(self.api.repo(), "making the tree of a commit")?;
        if tree.sha == draft.tree {
            return Ok(());
        }
        Err(unreachable(&format!(
            "making the tree of a commit: GitHub made {} of the files of {}",
            tree.sha, draft.tree
        )))
    }

    /// A file as a tree is told of it. Only text can stand there itself.
    async fn entry(&self, path: &str, file: Option<&DraftFile>) -> Result<Value, ForgeError> {
        let Some(DraftFile { mode, bytes }) = file else {
            return Ok(json!({"path": path, "mode": "100644", "type": "blob", "sha": null}));
        };
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(json!({"path": path, "mode": mode, "type": "blob", "content": text}));
        }
        let body = json!({"content": STANDARD.encode(bytes), "encoding": "base64"});
        let answer = self.api.write(&self.route(&["git", "blobs"]), Call::Post(&body)).await?;
        let blob: RawObject = answer.expect(self.api.repo(), "making a file of a commit")?;
        Ok(json!({"path": path, "mode": mode, "type": "blob", "sha": blob.sha}))
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a commit that GitHub signed: what was signed, with the signature among its headers.
/// That these are its bytes is shown by its id, which is their hash.
fn signed(told: &RawMadeCommit) -> Result<Vec<u8>, ForgeError> {
    let RawMadeCommit { sha, verification } = told;
    let (Some(payload), Some(signature)) = (&verification.payload, &verification.signature) else {
        return Err(ForgeError::Refused(format!(
            "GitHub did not sign the commit that it made ({}): it signs what an App commits, and an \
             Enterprise server does once its administrator turns on web commit signing; or leave \
             out `commits: api`",
            verification.reason
        )));
    };
    let (headers, message) = payload.split_once("\n\n").unwrap_or((payload, ""));
    let object = |signature: &str| {
        let signature = signature.replace('\n', "\n ");
        format!("{headers}\ngpgsig {signature}\n\n{message}").into_bytes()
    };
    // GitHub's own signatures end in an empty line; what others wrote may not.
    let as_told = [signature.as_str(), signature.trim_end()].map(object);
    let found = as_told.into_iter().find(|bytes| is_named(bytes, sha));
    found.ok_or_else(|| {
        unreachable(&format!("making a commit: what GitHub tells of {sha} is not what it made"))
    })
}

/// Tells whether a commit of these bytes has this id.
fn is_named(object: &[u8], id: &str) -> bool {
    let header = format!("commit {}\0", object.len());
    hex::encode(Sha1::new().chain_update(header).chain_update(object).finalize()) == id
}
