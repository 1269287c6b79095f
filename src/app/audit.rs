//! The audit log's chain: every line carries the hash of the line before, so that a changed,
//! removed or inserted line breaks all that follow.
//!
//! Anybody can check it without hoist. The hash of a line is the SHA-256, in hex, of one compact
//! JSON array (RFC 8785) in UTF-8:
//! `[previous, at, actor, door, verb, pipeline, application, environment, promotion, commit, text]`,
//! where `previous` is the hash before (`""` for the first line), `at` has nine digits of a second,
//! and what a line does not have is `null`.
//!
//! What a chain cannot show is that its newest lines were cut off: keep the last hash elsewhere.

use sha2::{Digest as _, Sha256};

use super::ports::{AuditEntry, AuditLine};

/// The hash of `line` after the line whose hash is `previous`; the first line's `previous` is empty.
pub fn chain(previous: &str, line: &AuditLine) -> String {
    let application = line.application.as_ref();
    let fields = (
        previous,
        format!("{:.9}", line.at),
        &line.actor.name,
        line.actor.door,
        &line.verb,
        application.map(|key| &key.pipeline),
        application.map(|key| &key.application),
        line.environment.as_ref(),
        line.promotion.as_ref(),
        line.commit.as_ref(),
        &line.text,
    );
    let text = serde_json::to_string(&fields).expect("an array of texts and nulls is always JSON");
    hex::encode(Sha256::digest(text))
}

/// Where a log is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A number is missing, or stands twice.
    #[error("after entry {after} of the audit log comes {found}: entries were removed or inserted")]
    Gap {
        /// The last number that was right.
        after: u64,
        /// The one that came instead of the next.
        found: u64,
    },
    /// A line does not have the hash that follows from it and from the line before.
    #[error(
        "entry {number} of the audit log does not have the hash that follows from it and from the \
         entry before: one of the two was changed"
    )]
    Altered {
        /// Its number.
        number: u64,
    },
}

/// A log that is read page by page, and verified as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    number: u64,
    hash: String,
}

impl Chain {
    /// The number of the last entry that was followed; 0 before the first.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The hash of the last entry that was followed; empty before the first.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Goes on to the next entry, if it is the one that can follow.
    pub fn follow(&mut self, entry: &AuditEntry) -> Result<(), Broken> {
        if entry.number != self.number + 1 {
            return Err(Broken::Gap { after: self.number, found: entry.number });
        }
        let hash = chain(&self.hash, &entry.line);
        if hash != entry.hash {
            return Err(Broken::Altered { number: entry.number });
        }
        *self = Self { number: entry.number, hash };
        Ok(())
    }
}

/// Checks a whole log, from its first entry on.
pub fn verify<'a>(entries: impl IntoIterator<Item = &'a AuditEntry>) -> Result<(), Broken> {
    let mut chain = Chain::default();
    entries.into_iter().try_for_each(|entry| chain.follow(entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Actor;
    use crate::domain::id::ApplicationKey;

    fn line(text: &str) -> AuditLine {
        AuditLine {
            at: "2026-11-22T21:58:57.5Z".parse().unwrap(),
            actor: Actor::hoist(),
            verb: "merged".into(),
            application: Some(ApplicationKey {
                pipeline: "services".parse().unwrap(),
                application: "shop".parse().unwrap(),
            }),
            environment: None,
            promotion: None,
            commit: None,
            text: text.into(),
        }
    }

    fn log(texts: &[&str]) -> Vec<AuditEntry> {
        let mut previous = String::new();
        let mut entries = Vec::new();
        for (number, text) in (1..).zip(texts) {
            previous = chain(&previous, &line(text));
            entries.push(AuditEntry { number, line: line(text), hash: previous.clone() });
        }
        entries
    }

    #[test]
    fn the_hash_is_what_the_documentation_says() {
        let array = concat!(
            r#"["","2026-11-22T21:58:57.500000000Z","hoist","hoist","merged","services","shop","#,
            r#"null,null,null,"it is \"in\""]"#
        );
        let expected = hex::encode(Sha256::digest(array));
        assert_eq!(chain("", &line("it is \"in\"")), expected);
    }

    #[test]
    fn an_untouched_log_verifies() {
        assert_eq!(verify(&log(&["one", "two", "three"])), Ok(()));
        assert_eq!(verify(&[]), Ok(()));
    }

    #[test]
    fn a_changed_line_is_found_where_it_stands() {
        let mut entries = log(&["one", "two", "three"]);
        entries[1].line.text = "2".into();
        assert_eq!(verify(&entries), Err(Broken::Altered { number: 2 }));
    }

    #[test]
    fn a_line_whose_hash_was_made_anew_breaks_the_next() {
        let mut entries = log(&["one", "two", "three"]);
        entries[1].line.text = "2".into();
        entries[1].hash = chain(&entries[0].hash, &entries[1].line);
        assert_eq!(verify(&entries), Err(Broken::Altered { number: 3 }));
    }

    #[test]
    fn a_removed_line_is_missed() {
        let mut entries = log(&["one", "two", "three"]);
        entries.remove(1);
        assert_eq!(verify(&entries), Err(Broken::Gap { after: 1, found: 3 }));
    }
}
