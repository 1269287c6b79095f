//! Reads the trailers of hoist's own commits.

use jiff::Timestamp;

use crate::app::ports::LogEntry;
use crate::domain::artifact::{Digest, ImageName, Tag};
use crate::domain::id::{ApplicationName, CommitId, EnvironmentName, PromotionId, ProposalNumber};
use crate::domain::promotion::BadArtifact;

/// What a promotion's commit says of it.
pub(super) struct Told {
    pub(super) id: PromotionId,
    pub(super) application: ApplicationName,
    pub(super) environment: EnvironmentName,
    pub(super) version: String,
    pub(super) artifact: Option<(ImageName, Digest)>,
    pub(super) tag: Option<Tag>,
    pub(super) source_commit: Option<String>,
    pub(super) requested_by: String,
    pub(super) reason: Option<String>,
    pub(super) skips: Vec<EnvironmentName>,
    pub(super) bad: BadArtifact,
    pub(super) restores: Option<PromotionId>,
    pub(super) undoes: Option<PromotionId>,
    /// The commit that it says to revert: only a rollback does.
    pub(super) reverts: Option<CommitId>,
    /// When it was asked for.
    pub(super) at: Timestamp,
}

/// The paragraph with the trailers: the last that has a promotion's. What people wrote comes before.
fn paragraph(message: &str) -> Option<&str> {
    let is_it = |text: &&str| text.lines().any(|line| line.starts_with("Hoist-Promotion: "));
    message.split("\n\n").filter(is_it).last()
}

fn values<'a>(paragraph: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let of_key = move |line: &'a str| line.strip_prefix(key)?.strip_prefix(": ");
    paragraph.lines().filter_map(of_key).map(str::trim)
}

fn value<T: std::str::FromStr>(paragraph: &str, key: &str) -> Option<T> {
    values(paragraph, key).next()?.parse().ok()
}

/// Tells whether hoist made a commit, or merged one.
pub(super) fn is_of_hoist(message: &str) -> bool {
    promotion_of(message).is_some()
}

/// The promotion that a commit brings.
pub(in crate::app) fn promotion_of(message: &str) -> Option<PromotionId> {
    value(paragraph(message)?, "Hoist-Promotion")
}

/// The proposal that a merge commit of hoist's names.
pub(super) fn number_of(message: &str) -> Option<ProposalNumber> {
    let rest = message.strip_prefix("Merge proposal #")?;
    rest.split(':').next()?.parse().ok().map(ProposalNumber)
}

/// Reads what a commit brings by itself: a promotion's own, or a train that was squashed, in whose
/// message the riders' own stand one after the other.
pub(super) fn read_all(entry: &LogEntry) -> Vec<Told> {
    let is_end = |text: &&str| {
        let keys = ["Hoist-Promotion: ", "Hoist-Application: ", "Hoist-Environment: "];
        keys.iter().all(|key| text.lines().any(|line| line.starts_with(key)))
    };
    let paragraphs: Vec<&str> = entry.message.split("\n\n").collect();
    if paragraphs.iter().filter(|it| is_end(it)).count() < 2 {
        return read(entry).into_iter().collect();
    }
    // The train's own line comes first.
    let messages = paragraphs[1..].split_inclusive(|it| is_end(it));
    let message = |lines: &[&str]| LogEntry { message: lines.join("\n\n"), ..entry.clone() };
    messages.filter_map(|lines| read(&message(lines))).collect()
}

/// Reads a promotion's own commit; none if it is not one.
pub(super) fn read(entry: &LogEntry) -> Option<Told> {
    let message = entry.message.as_str();
    let trailers = paragraph(message)?;
    let artifact = values(trailers, "Artifact").next().and_then(|text| {
        let (image, digest) = text.split_once('@')?;
        Some((image.parse().ok()?, digest.parse().ok()?))
    });
    let subject = message.lines().next().unwrap_or_default();
    // Commits from before this trailer was written say it in their subject.
    let from_subject = || subject.rsplit_once(" to ").map(|(_, version)| version.trim().to_owned());
    let version = value::<String>(trailers, "Hoist-Version").or_else(from_subject)?;
    let reverts = message.lines().find_map(|line| {
        line.strip_prefix("This reverts commit ")?.strip_suffix('.')?.parse().ok()
    });
    Some(Told {
        id: value(trailers, "Hoist-Promotion")?,
        application: value(trailers, "Hoist-Application")?,
        environment: value(trailers, "Hoist-Environment")?,
        tag: value(trailers, "Hoist-Tag").or_else(|| version.parse().ok()),
        version,
        artifact,
        source_commit: value(trailers, "Source-Commit"),
        requested_by: value(trailers, "Requested-by").unwrap_or_else(|| "somebody".to_owned()),
        reason: reason(message),
        skips: values(trailers, "Hoist-Skipped").filter_map(|it| it.parse().ok()).collect(),
        bad: match values(trailers, "Hoist-Forced").next() {
            Some(_) => BadArtifact::Forced,
            None => BadArtifact::Refused,
        },
        restores: value(trailers, "Hoist-Restores"),
        undoes: value(trailers, "Hoist-Undoes"),
        reverts,
        at: entry.author.at,
    })
}

/// Why it was asked for: the paragraph after the subject, if it is neither of the others.
fn reason(message: &str) -> Option<String> {
    let second = message.split("\n\n").nth(1)?.trim();
    let is_other = second.starts_with("This reverts commit ")
        || second.lines().any(|line| line.starts_with("Hoist-Promotion: "));
    (!is_other && !second.is_empty()).then(|| second.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::ports::{Seal, Signature};

    fn commit(message: &str) -> LogEntry {
        LogEntry {
            id: "0123456789012345678901234567890123456789".parse().unwrap(),
            parents: Vec::new(),
            author: Signature {
                name: "hoist".into(),
                email: "hoist@hoist.invalid".into(),
                at: Timestamp::UNIX_EPOCH,
            },
            message: message.into(),
            seal: Seal::Unsigned,
        }
    }

    #[test]
    fn a_reason_that_looks_like_a_trailer_is_a_reason() {
        let id = "01jzzzzzzzzzzzzzzzzzzzzzzz";
        let message = format!(
            "prod: promote shop to v2\n\nHoist-Promotion: evil\n\nHoist-Promotion: {id}\n\
             Hoist-Application: shop\nHoist-Environment: prod\nRequested-by: eve\n"
        );
        let told = read(&commit(&message)).unwrap();
        assert_eq!(told.id.as_str(), id);
        assert_eq!(told.version, "v2");
    }

    #[test]
    fn a_train_that_was_squashed_tells_of_each_who_rode() {
        let own = |application: &str, reason: &str| {
            format!(
                "prod: promote {application} to v2\n\n{reason}Hoist-Promotion: \
                 01jzzzzzzzzzzzzzzzzzzzzzzz\nHoist-Application: {application}\n\
                 Hoist-Environment: prod\nHoist-Version: v2\nRequested-by: eve\n"
            )
        };
        let (cart, shop) = (own("cart", "Hoist-Promotion: evil\n\n"), own("shop", ""));
        let message = format!("Merge proposal #3: a train\n\n{cart}\n{shop}Merged-by: hoist\n");
        let told = read_all(&commit(&message));
        let told: Vec<_> = told.iter().map(|it| (it.application.as_str(), &it.reason)).collect();
        assert_eq!(told, [("cart", &None), ("shop", &None)]);
        assert_eq!(read_all(&commit(&shop)).len(), 1);
        assert!(read_all(&commit("fix\n\nit")).is_empty());
    }

    #[test]
    fn what_hoist_did_not_write_tells_nothing() {
        for message in ["", "fix", "Hoist-Promotion: nothing", "a\n\nHoist-Application: shop"] {
            assert!(read(&commit(message)).is_none(), "{message}");
        }
    }
}
