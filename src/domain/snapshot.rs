//! What the planner sees of one application: everything, at one moment.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::artifact::{Artifact, Tag};
use super::command::Actor;
use super::evidence::Evidence;
use super::examination::Delay;
use super::freeze::Freeze;
use super::health::Glance;
use super::id::{
    ApplicationKey, ArtifactId, CommitId, EnvironmentName, HoldId, PersonName, PromotionId,
    ProposalNumber, RoleName,
};
use super::landing::{Drafted, Landing};
use super::pipeline::{Applications, Environment, Pipeline};
use super::promotion::{FieldValue, Promotion, State};
use super::pulse::Pulse;
use super::schedule::Timetable;
use super::template::Template;
use crate::yaml_edit::{Part, Place, written};

/// One application at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The moment.
    pub at: Timestamp,
    /// Which.
    pub application: ApplicationKey,
    /// The rules that apply to it.
    pub pipeline: Pipeline,
    /// Its artifacts, in the order in which they were accepted.
    pub artifacts: Vec<Artifact>,
    /// The artifacts about which nobody can be asked for a while.
    pub delays: BTreeMap<ArtifactId, Delay>,
    /// Its promotions, oldest first.
    pub promotions: Vec<Promotion>,
    /// What is held, by environment.
    pub holds: BTreeMap<EnvironmentName, Held>,
    /// What is frozen, or was, or will be: in whichever environment.
    pub freezes: Vec<Freeze>,
    /// When what gathers before an environment is let go, and what was.
    pub timetable: Timetable,
    /// Why whoever asked for a promotion may not ask for it any more, where that is so.
    pub withdrawn: BTreeMap<PromotionId, String>,
    /// Who has each role, as approvals know them.
    pub members: BTreeMap<RoleName, Vec<PersonName>>,
    /// What the files hold at the tip, by environment.
    pub readings: BTreeMap<EnvironmentName, Reading>,
    /// What the forge says of the proposals that concern us, by number.
    pub proposals: BTreeMap<ProposalNumber, ProposalFacts>,
    /// What is remembered of the health of what is in, by environment.
    pub pulses: BTreeMap<EnvironmentName, Pulse>,
    /// Who has a place in a train's proposal, of those of whom it was looked; none has not.
    pub rides: BTreeMap<PromotionId, Option<Ride>>,
    /// What the gates that ask the world outside were answered, by promotion and gate.
    pub evidence: Findings,
    /// What was just seen of it, where somebody can be asked and it is watched.
    pub glances: BTreeMap<EnvironmentName, Glance>,
}

/// What gates were answered, by promotion and the gate's name.
pub type Findings = BTreeMap<(PromotionId, &'static str), Evidence>;

/// A promotion's place in a train's proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ride {
    /// The proposal's number.
    pub number: ProposalNumber,
    /// Its head: the last rider's commit.
    pub head: CommitId,
    /// The tip that the first rider's commit stands on.
    pub base: CommitId,
    /// What this promotion's version fields hold once it is merged.
    pub values: Vec<FieldValue>,
    /// What the whole train waits for, in words.
    pub waits_for: String,
    /// Whose turn it is.
    pub turn: Turn,
}

/// Whose turn it is with a train's proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It waits for nothing but people: approvals, an answer, or whoever merges.
    Peoples,
    /// Time, a gate or hoist itself lets it go on.
    Anothers,
}

/// A hold, as the planner needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Our name for it.
    pub id: HoldId,
    /// Who holds.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
    /// When they began to.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl Held {
    /// Tells whether it lasts: one that ends by itself stays recorded until somebody looks.
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Tells whether it lasts at least until then; none is until somebody resumes.
    pub fn outlasts(&self, until: Option<Timestamp>) -> bool {
        match (self.until, until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => ours >= theirs,
        }
    }
}

/// What an environment's files hold at the tip of their branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The version fields, found and read.
    Fields {
        /// The tip.
        tip: CommitId,
        /// The fields, in the order of the rules.
        fields: Vec<VersionField>,
    },
    /// The application has no files there (any more).
    Absent {
        /// The first file that is not there.
        file: String,
    },
    /// The rules cannot be applied to what stands there; the text says where and why.
    Refused {
        /// In words, with file, line and column.
        reason: String,
    },
}

/// A version field as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionField {
    /// The file.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What kind of text it holds.
    pub part: Part,
    /// What is written there, where the rule says so.
    pub template: Option<Template>,
    /// What stands there.
    pub value: String,
}

/// What the forge says of a proposal, as far as the planner cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalFacts {
    /// Its number.
    pub number: ProposalNumber,
    /// Where it leads.
    pub environment: EnvironmentName,
    /// Its branch's tip, or the last one seen.
    pub head: CommitId,
    /// Whether somebody deleted its branch.
    pub branch: Branch,
    /// Where it stands.
    pub state: ProposalStage,
    /// Paths that conflict with the target branch.
    pub conflicts: Vec<String>,
    /// Who approved the head as it is.
    pub approvals: Vec<PersonName>,
    /// Who asked for changes.
    pub objections: Vec<PersonName>,
    /// The statuses on the head: state's word and description, by context.
    pub statuses: BTreeMap<String, (StatusWord, String)>,
    /// What the branch changes, judged: version fields only, or what else.
    pub judgement: Judgement,
    /// The foreign head that hoist has already told people about.
    pub told_of_push: Option<CommitId>,
    /// The gates of which hoist has already said that a person let it pass.
    pub told_of_skips: Vec<String>,
    /// The head of which hoist has already said that its queue puts it out again and again.
    pub told_put_out: Option<CommitId>,
    /// Who of those who approved is in the team that is asked for.
    pub team: TeamWord,
    /// Whether it is a draft, and whose.
    pub draft: Drafted,
    /// What the forge says stands in its way, and whether it brings it in by itself.
    pub landing: Landing,
}

/// What a forge says of those who approved, where a team of its is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TeamWord {
    /// No team is asked for.
    NotAsked,
    /// These are in it.
    Members(Vec<PersonName>),
    /// It did not say; why.
    Silent(String),
}

/// Whether a proposal's branch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// It does.
    Stands,
    /// Somebody deleted it.
    Gone,
}

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalStage {
    /// Open.
    Open,
    /// Merged.
    Merged {
        /// The commit that brought it.
        commit: CommitId,
        /// Who.
        by: Option<PersonName>,
    },
    /// Closed.
    Closed {
        /// Who.
        by: Option<PersonName>,
        /// What they said.
        reason: Option<String>,
    },
}

/// A status's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusWord {
    /// Not yet.
    Pending,
    /// Yes.
    Success,
    /// No.
    Failure,
}

/// Whether a branch changes version fields only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing but version fields of this application and environment.
    OnlyVersion,
    /// Something else, too; the text says what.
    Otherwise(String),
}

/// Why a rule cannot write an artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// The field needs what the artifact does not have.
    #[error("{file}: {why}")]
    Lacking {
        /// The file.
        file: String,
        /// What is missing, and what to do.
        why: String,
    },
    /// Only tags are written and the tag stays the same although the digest moved.
    #[error(
        "the tag {tag} is there already, and the rules write no digest: a tag that moves cannot be \
         promoted this way; let a rule write the digest (`value: \"{{digest}}\"`, or a `digest:` \
         in the kustomization's image)"
    )]
    TagMoved {
        /// The tag.
        tag: String,
    },
}

impl VersionField {
    /// What this field holds once `artifact` is in.
    pub fn wanted(&self, artifact: &Artifact) -> Result<String, Unwritable> {
        let lacking = |why: String| Unwritable::Lacking { file: self.file.clone(), why };
        if let Some(template) = &self.template {
            return template.for_artifact(artifact).map_err(|error| lacking(error.to_string()));
        }
        let tag = artifact.tag.as_ref().map(Tag::as_str);
        match self.part {
            Part::Whole => Ok(artifact.version().to_owned()),
            Part::Tag | Part::Digest | Part::Reference => {
                written(self.part, &self.value, tag, artifact.digest.as_str())
                    .map_err(|error| lacking(error.to_string()))
            }
        }
    }
}

impl Reading {
    /// The tip and the fields, where they could be read.
    pub fn fields(&self) -> Option<(&CommitId, &[VersionField])> {
        match self {
            Self::Fields { tip, fields } => Some((tip, fields)),
            Self::Absent { .. } | Self::Refused { .. } => None,
        }
    }
}

/// What the fields hold, as values to record.
pub fn values_of(fields: &[VersionField]) -> Vec<FieldValue> {
    fields
        .iter()
        .map(|field| FieldValue {
            file: field.file.clone(),
            place: field.place.clone(),
            value: field.value.clone(),
        })
        .collect()
}

impl Snapshot {
    /// The file for lack of which this is no application any more: where they are discovered, one
    /// is there as long as its files in the first environment are.
    pub fn vanished(&self) -> Option<&str> {
        match self.pipeline.applications {
            Applications::Discover => {}
            Applications::Named(_) => return None,
        }
        let first = self.pipeline.environments.first()?;
        match self.readings.get(&first.name)? {
            Reading::Absent { file } => Some(file),
            Reading::Fields { .. } | Reading::Refused { .. } => None,
        }
    }

    /// The artifact of that id.
    pub fn artifact(&self, id: &ArtifactId) -> Option<&Artifact> {
        self.artifacts.iter().find(|artifact| &artifact.id == id)
    }

    /// The promotion of that id.
    pub fn promotion(&self, id: &PromotionId) -> Option<&Promotion> {
        self.promotions.iter().find(|promotion| &promotion.id == id)
    }

    /// The promotions into `environment`, oldest first.
    pub fn promotions_into<'a>(
        &'a self,
        environment: &'a EnvironmentName,
    ) -> impl DoubleEndedIterator<Item = &'a Promotion> {
        self.promotions.iter().filter(move |promotion| &promotion.environment == environment)
    }

    /// The promotion that is in `environment` now: the latest that went in and was not taken back.
    ///
    /// Only the current one advances, so `since` orders them.
    pub fn current<'a>(&'a self, environment: &'a EnvironmentName) -> Option<&'a Promotion> {
        self.promotions_into(environment)
            .filter(|promotion| promotion.state.is_in())
            .max_by_key(|promotion| (promotion.since, &promotion.id))
    }

    /// The time to record something at that happens in `environment` now.
    ///
    /// After what happened there last, even where a clock was set back: [`Self::current`] is known
    /// by these times.
    pub fn time_in(&self, environment: &EnvironmentName, now: Timestamp) -> Timestamp {
        let last = self.promotions_into(environment).map(|promotion| promotion.since).max();
        match last.filter(|last| *last > now) {
            Some(last) => last.saturating_add(SignedDuration::from_millis(1)).unwrap_or(last),
            None => now,
        }
    }

    /// What is remembered of the health of a promotion's application there.
    pub fn pulse_of(&self, promotion: &Promotion) -> Option<&Pulse> {
        self.pulses.get(&promotion.environment).filter(|pulse| pulse.promotion == promotion.id)
    }

    /// Goes on in thought: what is well stays well until then.
    pub fn stay_as_it_is_until(&mut self, at: Timestamp) {
        for pulse in self.pulses.values_mut() {
            *pulse = pulse.lasting(at);
        }
    }

    /// What is known of its health now: what is remembered, and what this pass has just seen. Who
    /// decides by the health of a promotion asks this.
    pub fn pulse_now(&self, promotion: &Promotion) -> Option<Pulse> {
        let remembered = self.pulse_of(promotion);
        let current = self.current(&promotion.environment);
        let is_looked_at =
            promotion.is_on_its_way() && current.is_some_and(|it| it.id == promotion.id);
        match self.glances.get(&promotion.environment).filter(|_| is_looked_at) {
            Some(glance) => Some(Pulse::after(remembered, &promotion.id, glance)),
            // Somebody asks what would be done, and nobody was asked how it is.
            None => remembered.cloned(),
        }
    }

    /// Tells whether the artifact was rolled back in `environment` or in one before it.
    pub fn is_bad(&self, artifact: &ArtifactId, environment: &Environment) -> bool {
        self.rolled_back(artifact, environment).is_some()
    }

    /// The latest promotion of the artifact that was taken back, or is being, in `environment` or
    /// in one before it.
    pub fn rolled_back(
        &self,
        artifact: &ArtifactId,
        environment: &Environment,
    ) -> Option<&Promotion> {
        self.promotions.iter().rfind(|promotion| {
            self.is_taken_back(promotion)
                && self.carries(promotion, artifact)
                && (promotion.environment == environment.name
                    || self.is_before(&promotion.environment, environment))
        })
    }

    /// Tells whether a rollback took the promotion back, or is about to.
    pub fn is_taken_back(&self, promotion: &Promotion) -> bool {
        matches!(promotion.state, State::RolledBack { .. }) || self.is_being_undone(promotion)
    }

    /// Tells whether a promotion holds what the artifact brought: also by other hands.
    fn carries(&self, promotion: &Promotion, artifact: &ArtifactId) -> bool {
        let brought = |other: &Promotion| {
            other.artifact.as_ref() == Some(artifact)
                && other.environment == promotion.environment
                && other.values == promotion.values
        };
        match &promotion.artifact {
            Some(carried) => carried == artifact,
            None => !promotion.values.is_empty() && self.promotions.iter().any(brought),
        }
    }

    /// The environments that run what `environment` runs and do not come before it: waves, regions.
    pub fn sharing(&self, environment: &EnvironmentName) -> Vec<EnvironmentName> {
        let (Some(here), Some(place)) =
            (self.current(environment), self.pipeline.environment(environment))
        else {
            return Vec::new();
        };
        let others = self
            .pipeline
            .environments
            .iter()
            .filter(|other| other.name != *environment && !self.is_before(&other.name, place));
        others
            .filter(|other| {
                self.current(&other.name)
                    .is_some_and(|there| here.artifact.is_some() && there.artifact == here.artifact)
            })
            .map(|other| other.name.clone())
            .collect()
    }

    /// Tells whether a rollback that is still under way takes `promotion` back.
    fn is_being_undone(&self, promotion: &Promotion) -> bool {
        self.promotions.iter().any(|other| match &other.kind {
            super::promotion::Kind::Rollback { undoes, .. } => {
                other.state.is_pending() && undoes == &promotion.id
            }
            super::promotion::Kind::Found { .. } | super::promotion::Kind::Forward { .. } => false,
        })
    }

    /// Tells whether `earlier` comes before `environment`, directly or through others.
    fn is_before(&self, earlier: &EnvironmentName, environment: &Environment) -> bool {
        environment.after.iter().any(|name| {
            name == earlier
                || self
                    .pipeline
                    .environment(name)
                    .is_some_and(|upstream| self.is_before(earlier, upstream))
        })
    }
}
