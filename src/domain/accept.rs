//! Which artifacts go, and which of two is the newer one.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use semver::{BuildMetadata, Version, VersionReq};

use super::artifact::{Artifact, Digest, Tag};
use super::examination::{Delay, Examination, Found};
use super::id::{ArtifactId, EnvironmentName};
use super::pairing::Pairings;
use super::pattern::Pattern;
use super::promotion::{Promotion, State};
use super::snapshot::Snapshot;

/// What a pipeline lets in at its door, and how it orders what it has let in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accept {
    /// Patterns, one of which must fit the tag; none means that every tag does, and no tag, too.
    pub tags: Vec<Pattern>,
    /// The range in which the version must be.
    pub semver: Option<VersionRange>,
    /// Patterns, one of which must fit the branch that was built; none means that every one does.
    pub branches: Vec<Pattern>,
    /// Which of two is the newer one.
    pub newest_by: Order,
    /// What becomes of a tag that comes again with another digest.
    pub moved_tags: OnMove,
    /// What becomes of a digest that comes again under another tag.
    pub retags: OnMove,
}

/// Which of two artifacts is the newer one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The one that was accepted later.
    #[default]
    Time,
    /// The one with the higher version; of two with the same, the one that was accepted later.
    Semver,
}

/// What becomes of a tag that comes again with another digest, or of a digest that comes again
/// under another tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnMove {
    /// It goes as any other artifact does.
    #[default]
    Promote,
    /// It waits until a person asks for it by name.
    Ask,
    /// It never goes.
    Refuse,
}

/// Why an artifact does not go by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptOut {
    /// No pattern fits its tag, or it has none.
    Tag {
        /// What it is called.
        said: Option<Tag>,
        /// The patterns.
        wanted: Vec<Pattern>,
    },
    /// It has no version that could be compared.
    NoVersion {
        /// What it is called.
        said: Option<String>,
    },
    /// Its version is outside the range.
    Range {
        /// Its version.
        said: String,
        /// The range.
        wanted: VersionRange,
    },
    /// No pattern fits its branch, or it says none.
    Branch {
        /// The ref that was built.
        said: Option<String>,
        /// The patterns.
        wanted: Vec<Pattern>,
    },
    /// Tag and digest did not belong together before, and that does not go.
    MovedRefused(Moved),
    /// Tag and digest did not belong together before, and a person has not asked for it yet.
    MovedAsks(Moved),
    /// Its registry has not said yet what it is.
    Unexamined(Option<Delay>),
    /// It is not what was announced, or not what the rules want.
    Unsound {
        /// Why.
        why: String,
    },
}

/// A tag and a digest that belonged to others before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// A tag that came again with another digest.
    Tag {
        /// The tag.
        tag: Tag,
        /// What it was last.
        from: Digest,
        /// What it is now.
        to: Digest,
    },
    /// A digest that came again under another tag.
    Digest {
        /// The digest.
        digest: Digest,
        /// What it was called last.
        from: Tag,
        /// What it is called now.
        to: Tag,
    },
}

/// A range of versions: comparisons that must all hold, `>=1.2 <2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    range: VersionReq,
}

/// Why a text is no range of versions.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no range of versions: {cause}")]
pub struct InvalidRange {
    text: String,
    cause: semver::Error,
}

impl FromStr for VersionRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let mut comparisons: Vec<String> = Vec::new();
        for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
            match comparisons.last_mut() {
                // A sign that stands apart from its version.
                Some(last) if last.ends_with(['<', '>', '=', '^', '~']) => last.push_str(word),
                Some(_) | None => comparisons.push(word.to_owned()),
            }
        }
        match VersionReq::parse(&comparisons.join(", ")) {
            Ok(range) => Ok(Self { text: text.to_owned(), range }),
            Err(cause) => Err(InvalidRange { text: text.to_owned(), cause }),
        }
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Orders artifacts, the newest last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Its version, where that counts.
    version: Option<Version>,
    accepted_at: Timestamp,
}

impl OnMove {
    /// How what has moved is kept out, where it is.
    fn keeps_out(self) -> Option<fn(Moved) -> KeptOut> {
        match self {
            Self::Promote => None,
            Self::Ask => Some(KeptOut::MovedAsks),
            Self::Refuse => Some(KeptOut::MovedRefused),
        }
    }
}

impl Accept {
    /// Where an artifact stands among others.
    pub fn rank(&self, artifact: &Artifact) -> Rank {
        let version = match self.newest_by {
            Order::Time => None,
            Order::Semver => said_version(artifact).and_then(version),
        };
        Rank { version, accepted_at: artifact.accepted_at }
    }

    /// What the rules have against an artifact, whatever came before it.
    fn refuses(&self, artifact: &Artifact) -> Option<KeptOut> {
        let fits = |patterns: &[Pattern], text: Option<&str>| {
            let fits_one = |text| patterns.iter().any(|pattern| pattern.fit(text).is_some());
            patterns.is_empty() || text.is_some_and(fits_one)
        };
        if !fits(&self.tags, artifact.tag.as_ref().map(Tag::as_str)) {
            return Some(KeptOut::Tag { said: artifact.tag.clone(), wanted: self.tags.clone() });
        }
        if let Some(kept_out) = self.refuses_version(artifact) {
            return Some(kept_out);
        }
        let said = artifact.source.reference.as_deref();
        if !fits(&self.branches, said.and_then(branch)) {
            let said = said.map(str::to_owned);
            return Some(KeptOut::Branch { said, wanted: self.branches.clone() });
        }
        None
    }

    fn refuses_version(&self, artifact: &Artifact) -> Option<KeptOut> {
        if self.semver.is_none() && self.newest_by == Order::Time {
            return None;
        }
        let said = said_version(artifact);
        let Some(version) = said.and_then(version) else {
            return Some(KeptOut::NoVersion { said: said.map(str::to_owned) });
        };
        let wanted = self.semver.as_ref().filter(|range| !range.range.matches(&version))?;
        Some(KeptOut::Range { said: version.to_string(), wanted: wanted.clone() })
    }
}

fn said_version(artifact: &Artifact) -> Option<&str> {
    artifact.version.as_deref().or(artifact.tag.as_ref().map(Tag::as_str))
}

/// Reads a version, `1.4.2` or `v1.4.2`. What was built from it when does not count.
fn version(text: &str) -> Option<Version> {
    let version = Version::parse(text.strip_prefix(['v', 'V']).unwrap_or(text)).ok()?;
    Some(Version { build: BuildMetadata::EMPTY, ..version })
}

/// The branch that a ref names; none where it names something else.
fn branch(reference: &str) -> Option<&str> {
    match reference.strip_prefix("refs/heads/") {
        Some(branch) => Some(branch),
        None => (!reference.starts_with("refs/")).then_some(reference),
    }
}

/// What was ever started into an environment, as far as it keeps older artifacts out.
#[derive(Debug)]
pub struct Started<'a> {
    newest: Option<(Rank, &'a str)>,
    /// What was rolled back: since when, and what it was.
    taken_back: Vec<(Timestamp, Rank, &'a str)>,
}

impl<'a> Started<'a> {
    /// The version that keeps an artifact of that rank out; none if it is newer than all.
    ///
    /// What was rolled back before the artifact arrived keeps nothing out: what mends a bad 2.0
    /// may be a 1.9.
    pub fn overtakes(&self, rank: &Rank) -> Option<&'a str> {
        let newest = self.newest.as_ref().map(|(newest, version)| (newest, *version));
        let taken_back = self.taken_back.iter().filter_map(|(since, taken, version)| {
            (*since > rank.accepted_at).then_some((taken, *version))
        });
        let newest = taken_back.chain(newest).max_by(|one, other| one.0.cmp(other.0));
        newest.filter(|(newest, _)| *newest >= rank).map(|(_, version)| version)
    }
}

impl Snapshot {
    /// What was started into `environment`.
    pub fn started_in<'a>(&'a self, environment: &'a EnvironmentName) -> Started<'a> {
        let mut started = Started { newest: None, taken_back: Vec::new() };
        for promotion in self.promotions_into(environment) {
            let Some(rank) = self.rank_of(promotion) else { continue };
            let version = promotion.version.as_str();
            if matches!(promotion.state, State::RolledBack { .. }) {
                started.taken_back.push((promotion.since, rank, version));
            } else if started.newest.as_ref().is_none_or(|(newest, _)| rank > *newest) {
                started.newest = Some((rank, version));
            }
        }
        started
    }

    /// Where what a promotion brought stands among artifacts.
    ///
    /// What other hands put there counts where it has a version, and as long as it is there.
    pub fn rank_of(&self, promotion: &Promotion) -> Option<Rank> {
        if let Some(artifact) = &promotion.artifact {
            return self.artifact(artifact).map(|artifact| self.pipeline.accept.rank(artifact));
        }
        let is_there = self.current(&promotion.environment).is_some_and(|it| it.id == promotion.id);
        if self.pipeline.accept.newest_by == Order::Time || !is_there {
            return None;
        }
        // Whoever announces the version that was found is newer than that.
        let version = Some(version(&promotion.version)?);
        Some(Rank { version, accepted_at: Timestamp::MIN })
    }

    /// The artifacts, the newest first.
    pub fn newest_first(&self) -> Vec<&Artifact> {
        let accept = &self.pipeline.accept;
        let mut ranked: Vec<(Rank, &Artifact)> =
            self.artifacts.iter().map(|artifact| (accept.rank(artifact), artifact)).collect();
        // Stable: of two that are equal the one that was stored later is the newer one.
        ranked.reverse();
        ranked.sort_by(|(one, _), (other, _)| other.cmp(one));
        ranked.into_iter().map(|(_, artifact)| artifact).collect()
    }

    /// Why the pipeline does not let an artifact in by itself, if it does not.
    ///
    /// What was let in once is in: rules that change later keep out what comes later.
    pub fn kept_out(&self, artifact: &Artifact) -> Option<KeptOut> {
        if self.was_let_in(artifact) {
            return None;
        }
        let kept_out = self.pipeline.accept.refuses(artifact);
        let kept_out =
            kept_out.or_else(|| self.moved(artifact)).or_else(|| self.retagged(artifact));
        kept_out.or_else(|| self.unproved(artifact))
    }

    /// Tells whether an artifact was ever on its way.
    pub fn was_let_in(&self, artifact: &Artifact) -> bool {
        let of_it = |it: &Promotion| it.artifact.as_ref() == Some(&artifact.id);
        self.promotions.iter().any(of_it)
    }

    /// Takes in what came of asking about an artifact.
    pub fn note_examination(&mut self, artifact: &ArtifactId, examination: Examination) {
        self.delays.remove(artifact);
        let artifact = self.artifacts.iter_mut().find(|it| &it.id == artifact);
        artifact.into_iter().for_each(|it| it.examination = Some(examination.clone()));
    }

    /// Why an artifact may not go as far as its registry has a say, if it may not.
    pub fn unproved(&self, artifact: &Artifact) -> Option<KeptOut> {
        let verify = &self.pipeline.verify;
        if !verify.asks() {
            return None;
        }
        match artifact.examination.as_ref().filter(|it| it.rules == verify.print()) {
            Some(Examination { found: Found::Sound(_), .. }) => None,
            Some(Examination { found: Found::Unsound { why }, .. }) => {
                Some(KeptOut::Unsound { why: why.clone() })
            }
            None => Some(KeptOut::Unexamined(self.delays.get(&artifact.id).cloned())),
        }
    }

    /// Tells whether the artifact's tag may have had that digest before.
    ///
    /// Of a tag that nobody knew before it may be any: somebody moves it, and hoist hears of that
    /// for the first time.
    pub fn may_have_had(&self, artifact: &Artifact, digest: &Digest) -> bool {
        let announced = self.before(artifact).filter(|it| it.tag == artifact.tag);
        let found = self.found_in_files();
        let found = found.iter().filter(|it| Some(&it.tag) == artifact.tag.as_ref());
        let mut known = announced.map(|it| &it.digest).chain(found.map(|it| &it.digest)).peekable();
        known.peek().is_none() || known.any(|it| it == digest)
    }

    fn moved(&self, artifact: &Artifact) -> Option<KeptOut> {
        let kept_out = self.pipeline.accept.moved_tags.keeps_out()?;
        let tag = artifact.tag.clone()?;
        let has_moved =
            |it: &&Artifact| it.tag.as_ref() == Some(&tag) && it.digest != artifact.digest;
        let announced = self.before(artifact).rfind(has_moved).map(|it| it.digest.clone());
        let found = || Some(self.found_in_files().moved_from(artifact)?.digest.clone());
        let from = announced.or_else(found)?;
        Some(kept_out(Moved::Tag { tag, from, to: artifact.digest.clone() }))
    }

    fn retagged(&self, artifact: &Artifact) -> Option<KeptOut> {
        let kept_out = self.pipeline.accept.retags.keeps_out()?;
        let to = artifact.tag.clone()?;
        let has_moved = |it: &Artifact| {
            let from = it.tag.as_ref().filter(|from| **from != to)?;
            (it.digest == artifact.digest).then(|| from.clone())
        };
        let announced = self.before(artifact).rev().find_map(has_moved);
        let found = || Some(self.found_in_files().retagged_from(artifact)?.tag.clone());
        let from = announced.or_else(found)?;
        Some(kept_out(Moved::Digest { digest: artifact.digest.clone(), from, to }))
    }

    /// What tags and digests meant where nobody announced it.
    fn found_in_files(&self) -> Pairings {
        Pairings::of(&self.pipeline, self.promotions.iter())
    }

    /// What was accepted of the same image before an artifact, the oldest first.
    fn before<'a>(
        &'a self,
        artifact: &'a Artifact,
    ) -> impl DoubleEndedIterator<Item = &'a Artifact> {
        let place = self.artifacts.iter().position(|it| it.id == artifact.id);
        let before = &self.artifacts[..place.unwrap_or(self.artifacts.len())];
        before.iter().filter(|it| it.image == artifact.image)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_range_that_is_understood_is_the_same_when_it_is_read_again(
            text in r"((>|<|>=|<=|=|\^|~)? ?[0-9]{1,3}(\.([0-9]{1,3}|\*)){0,2}(-[a-z0-9.]{1,4})?[, ]{1,3}){0,5}|.{0,30}",
            version in r"v?[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|.{0,20}",
        ) {
            if let Ok(range) = text.parse::<VersionRange>() {
                let again: VersionRange = range.to_string().parse().unwrap();
                let version = super::version(&version);
                let fits = |range: &VersionRange| version.as_ref().map(|it| range.range.matches(it));
                prop_assert_eq!(fits(&range), fits(&again));
                prop_assert_eq!(range, again);
            }
        }
    }
}
