//! What is written down about a proposal, and what follows from it alone.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::ports::{
    Approval, Comment, ProposalSpec, ProposalState, Review, ReviewVerdict, Status,
};
use crate::domain::id::{CommitId, PersonName};

/// The only form there is yet. A reader that meets a later one must not guess.
const FORMAT: u32 = 1;

/// A proposal's record: `proposal.json` in the commit that `refs/hoist/proposals/N` points at.
///
/// It holds the whole state, and each change is a commit on the one before, so `git log -p` of the
/// ref is the journal; nothing has to be folded to read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    format: u32,
    pub(super) branch: String,
    pub(super) target: String,
    pub(super) title: String,
    pub(super) body: String,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    #[serde(default)]
    pub(super) reviewers: Vec<String>,
    /// The last tip of the branch that was seen.
    pub(super) head: CommitId,
    /// The target's tip when `head` was first seen. A head that the target contains was merged
    /// only if this did not contain it yet: a branch put back onto its target is not a merge.
    pub(super) base: CommitId,
    pub(super) state: State,
    /// Statuses on `head`; those of earlier heads say nothing any more.
    #[serde(default)]
    pub(super) statuses: BTreeMap<String, Status>,
    #[serde(default)]
    pub(super) reviews: Vec<Review>,
    #[serde(default)]
    pub(super) comments: Vec<Note>,
    pub(super) opened_at: Timestamp,
    /// When the last event happened that had a time.
    pub(super) updated_at: Timestamp,
}

/// [`ProposalState`], as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Open,
    Merged { commit: CommitId, by: Option<PersonName>, at: Timestamp },
    Closed { by: Option<PersonName>, reason: Option<String>, at: Timestamp },
}

impl From<State> for ProposalState {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Merged { commit, by, at } => Self::Merged { commit, by, at },
            State::Closed { by, reason, at } => Self::Closed { by, reason, at },
        }
    }
}

/// A comment; hoist's own carry the marker they are found by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) marker: Option<String>,
    #[serde(flatten)]
    pub(super) comment: Comment,
}

/// Whether a change to a record left anything to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    Something,
    Nothing,
}

impl Record {
    pub(super) fn new(spec: &ProposalSpec, head: CommitId, base: CommitId, at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            branch: spec.branch.clone(),
            target: spec.target.clone(),
            title: spec.title.clone(),
            body: spec.body.clone(),
            labels: spec.labels.clone(),
            reviewers: spec.asks.reviewers.clone(),
            head,
            base,
            state: State::Open,
            statuses: BTreeMap::new(),
            reviews: Vec::new(),
            comments: Vec::new(),
            opened_at: at,
            updated_at: at,
        }
    }

    pub(super) fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        /// Read first, so that a later form is named and not called broken.
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let Form { format } = serde_json::from_slice(bytes).context("reading its format")?;
        if format != FORMAT {
            anyhow::bail!("it has format {format}, and this hoist reads {FORMAT}: use a newer one");
        }
        serde_json::from_slice(bytes).context("reading its fields")
    }

    pub(super) fn write(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).context("writing a proposal's record")?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Takes note of what the branch points at now.
    pub(super) fn follow(&mut self, tip: &CommitId, target_tip: &CommitId) {
        if self.head != *tip {
            self.head = tip.clone();
            self.base = target_tip.clone();
            self.statuses.clear();
        }
    }

    /// Makes it say what the spec says.
    pub(super) fn retitle(&mut self, spec: &ProposalSpec) {
        self.title.clone_from(&spec.title);
        self.body.clone_from(&spec.body);
        self.labels.clone_from(&spec.labels);
        self.reviewers.clone_from(&spec.asks.reviewers);
    }

    pub(super) fn set_status(&mut self, context: &str, status: &Status) -> Changed {
        match self.statuses.insert(context.to_owned(), status.clone()) {
            Some(before) if before == *status => Changed::Nothing,
            Some(_) | None => Changed::Something,
        }
    }

    /// Adds a review; the same one again, as when a person clicks twice, is one.
    pub(super) fn add_review(&mut self, review: Review) -> Changed {
        if self.reviews.contains(&review) {
            return Changed::Nothing;
        }
        self.reviews.push(review);
        Changed::Something
    }

    /// Adds a person's comment; the same one again is one.
    pub(super) fn add_remark(&mut self, comment: Comment) -> Changed {
        let note = Note { marker: None, comment };
        if self.comments.contains(&note) {
            return Changed::Nothing;
        }
        self.comments.push(note);
        Changed::Something
    }

    /// Adds the comment with this marker, or gives it a new body where it stands.
    pub(super) fn set_comment(&mut self, marker: &str, comment: Comment) -> Changed {
        let ours = self.comments.iter_mut().find(|note| note.marker.as_deref() == Some(marker));
        match ours {
            Some(note) if note.comment.body == comment.body => Changed::Nothing,
            Some(note) => {
                note.comment.body = comment.body;
                Changed::Something
            }
            None => {
                self.comments.push(Note { marker: Some(marker.to_owned()), comment });
                Changed::Something
            }
        }
    }

    /// Who said yes to `head` and did not say otherwise since.
    pub(super) fn approvals(&self, head: &CommitId) -> Vec<Approval> {
        let yes = |review: &&Review| match review.verdict {
            ReviewVerdict::Approve => review.head == *head,
            ReviewVerdict::RequestChanges => false,
        };
        let approval = |review: &Review| Approval { by: review.by.clone(), at: review.at };
        self.last_words().filter(yes).map(approval).collect()
    }

    /// Who asked for changes and did not take it back. A push does not take it back for them:
    /// whether it answers the objection is theirs to say.
    pub(super) fn objections(&self) -> Vec<PersonName> {
        let no = |review: &&Review| match review.verdict {
            ReviewVerdict::Approve => false,
            ReviewVerdict::RequestChanges => true,
        };
        self.last_words().filter(no).map(|review| review.by.clone()).collect()
    }

    /// Everybody's latest review, oldest first.
    fn last_words(&self) -> impl Iterator<Item = &Review> {
        self.reviews.iter().enumerate().filter_map(|(place, review)| {
            let later = self.reviews.get(place + 1..).unwrap_or_default();
            (!later.iter().any(|it| it.by == review.by)).then_some(review)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::landing::Drafted;

    fn commit(digit: &str) -> CommitId {
        digit.repeat(40).parse().unwrap()
    }

    fn record() -> Record {
        let spec = ProposalSpec {
            draft: Drafted::Ready,
            branch: "hoist/prod/shop".to_owned(),
            target: "main".to_owned(),
            title: "shop: 1.2 to prod".to_owned(),
            body: String::new(),
            labels: Vec::new(),
            asks: crate::app::ports::Asks::default(),
        };
        Record::new(&spec, commit("a"), commit("b"), Timestamp::UNIX_EPOCH)
    }

    fn review(by: &str, verdict: ReviewVerdict, head: &str, second: i64) -> Review {
        Review {
            by: by.parse().unwrap(),
            verdict,
            head: commit(head),
            comment: None,
            at: Timestamp::from_second(second).unwrap(),
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut record = record();
        record.add_review(review("alice", ReviewVerdict::Approve, "a", 1));
        let note =
            Comment { by: "hoist".to_owned(), body: "…".to_owned(), at: Timestamp::UNIX_EPOCH };
        record.set_comment("story", note);
        record.state = State::Closed { by: None, reason: None, at: Timestamp::UNIX_EPOCH };
        assert_eq!(Record::read(&record.write().unwrap()).unwrap(), record);
    }

    #[test]
    fn a_record_of_a_later_format_is_named_as_such() {
        let refused = Record::read(br#"{"format": 2, "anything": "else"}"#).unwrap_err();
        assert!(refused.to_string().contains("format 2"), "{refused}");
    }

    #[test]
    fn only_the_latest_word_of_each_person_counts() {
        let mut record = record();
        record.add_review(review("alice", ReviewVerdict::RequestChanges, "a", 1));
        record.add_review(review("bob", ReviewVerdict::Approve, "a", 2));
        record.add_review(review("alice", ReviewVerdict::Approve, "a", 3));
        record.add_review(review("bob", ReviewVerdict::RequestChanges, "a", 4));
        let approved: Vec<_> =
            record.approvals(&commit("a")).into_iter().map(|it| it.by.to_string()).collect();
        assert_eq!(approved, ["alice"]);
        assert_eq!(record.objections(), ["bob".parse().unwrap()]);
        assert!(record.approvals(&commit("c")).is_empty(), "an approval is for one head");
    }
}
