//! Comments of ours, found again by a tail that people do not see.

use sha2::{Digest, Sha256};

use super::cut;
use crate::domain::id::PersonName;

/// How a tail begins.
const TAIL: &str = "\n\n<!-- hoist:";

/// The marker of the comment that tells why a proposal was closed.
pub(in crate::adapters::forge) const CLOSED: &str = "closed";

/// A comment of ours.
pub(in crate::adapters::forge) struct Note<'a> {
    /// What it is found by.
    pub(in crate::adapters::forge) marker: &'a str,
    /// In whose name.
    pub(in crate::adapters::forge) by: Option<&'a PersonName>,
    /// Markdown.
    pub(in crate::adapters::forge) body: &'a str,
}

impl Note<'_> {
    /// The comment's whole text, of at most `longest` characters.
    pub(in crate::adapters::forge) fn text(&self, longest: usize) -> String {
        let by = self.by.map(|by| format!(" by {}", hex::encode(by.as_str()))).unwrap_or_default();
        format!("{}{}{by} -->", cut(self.body, longest).trim_end(), tail(self.marker))
    }

    /// Tells whether a text of ours is this comment's. Others may write what they like: only texts
    /// of ours are to be asked about.
    pub(in crate::adapters::forge) fn is(&self, ours: &str) -> bool {
        unix(ours).contains(&tail(self.marker))
    }
}

/// What a text of ours says, without its tail.
pub(in crate::adapters::forge) fn body(ours: &str) -> String {
    let text = unix(ours);
    match text.rsplit_once(TAIL) {
        Some((body, _)) => body.to_owned(),
        None => text,
    }
}

/// Why a proposal was closed, and for whom, by the texts of ours on it.
pub(in crate::adapters::forge) fn closing<'a>(
    ours: impl DoubleEndedIterator<Item = &'a str>,
) -> Option<(String, Option<PersonName>)> {
    let note = Note { marker: CLOSED, by: None, body: "" };
    let text = unix(ours.rev().find(|text| note.is(text))?);
    let (said, rest) = text.rsplit_once(&tail(CLOSED))?;
    let name = rest.trim().strip_prefix("by ").and_then(|it| it.strip_suffix(" -->"));
    let name = name.and_then(|it| hex::decode(it).ok()).and_then(|it| String::from_utf8(it).ok());
    Some((said.to_owned(), name.and_then(|it| it.parse().ok())))
}

/// The tail of a marker: a digest of it, because it may hold what ends a comment of HTML.
fn tail(marker: &str) -> String {
    let digest = hex::encode(Sha256::digest(marker));
    format!("{TAIL}{}", digest.get(..16).unwrap_or(&digest))
}

/// A text with the line ends that we write.
pub(in crate::adapters::forge) fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}
