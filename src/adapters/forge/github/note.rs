//! Comments of ours, found again by a tail that people do not see.

use sha2::{Digest, Sha256};

use super::cut;
use super::raw::{RawComment, RawPull};
use crate::domain::id::PersonName;

/// How a tail begins.
const TAIL: &str = "\n\n<!-- hoist:";

/// The marker of the comment that tells why a proposal was closed.
pub(super) const CLOSED: &str = "closed";

/// A comment of ours.
pub(super) struct Note<'a> {
    /// What it is found by.
    pub(super) marker: &'a str,
    /// In whose name.
    pub(super) by: Option<&'a PersonName>,
    /// Markdown.
    pub(super) body: &'a str,
}

impl Note<'_> {
    /// The comment's whole text, of at most `longest` characters.
    pub(super) fn text(&self, longest: usize) -> String {
        let by = self.by.map(|by| format!(" by {}", hex::encode(by.as_str()))).unwrap_or_default();
        format!("{}{}{by} -->", cut(self.body, longest).trim_end(), tail(self.marker))
    }

    /// Tells whether a comment is this one. Others may write what they like: only what the pull
    /// request's author wrote, who is us, is ours.
    pub(super) fn is(&self, comment: &RawComment, pull: &RawPull) -> bool {
        is_ours(comment, pull)
            && comment.body.as_deref().is_some_and(|it| unix(it).contains(&tail(self.marker)))
    }
}

/// What a comment says, without our tail.
pub(super) fn body(comment: &RawComment, pull: &RawPull) -> String {
    let text = unix(comment.body.as_deref().unwrap_or_default());
    match text.rsplit_once(TAIL) {
        Some((body, _)) if is_ours(comment, pull) => body.to_owned(),
        Some(_) | None => text,
    }
}

/// Why we closed a pull request, and for whom, if it was us.
pub(super) fn closing(
    comments: &[RawComment],
    pull: &RawPull,
) -> Option<(String, Option<PersonName>)> {
    let note = Note { marker: CLOSED, by: None, body: "" };
    let comment = comments.iter().rfind(|it| note.is(it, pull))?;
    let text = unix(comment.body.as_deref()?);
    let (_, rest) = text.rsplit_once(&tail(CLOSED))?;
    let name = rest.trim().strip_prefix("by ").and_then(|it| it.strip_suffix(" -->"));
    let name = name.and_then(|it| hex::decode(it).ok()).and_then(|it| String::from_utf8(it).ok());
    Some((body(comment, pull), name.and_then(|it| it.parse().ok())))
}

fn is_ours(comment: &RawComment, pull: &RawPull) -> bool {
    comment.user.as_ref().map(|it| it.login.as_str()) == pull.author() && pull.author().is_some()
}

/// The tail of a marker: a digest of it, because it may hold what ends a comment of HTML.
fn tail(marker: &str) -> String {
    let digest = hex::encode(Sha256::digest(marker));
    format!("{TAIL}{}", digest.get(..16).unwrap_or(&digest))
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}
