//! Puts what Git tells of one application together again.

use jiff::{SignedDuration, Timestamp};

use crate::app::execute::short_version;
use crate::app::ports::{Dice, LogEntry};
use crate::domain::artifact::{Artifact, Build, SourceCode};
use crate::domain::command::Actor;
use crate::domain::id::{
    ApplicationKey, ArtifactId, CommitId, EnvironmentName, PromotionId, ProposalNumber,
};
use crate::domain::promotion::{FieldValue, Kind, Promotion, Proposed, State};

use super::trailers::Told;

/// A promotion that reached its branch.
pub(super) struct Landed {
    pub(super) told: Told,
    /// The proposal it came by, where the merge says so.
    pub(super) number: Option<ProposalNumber>,
    /// The commit on the branch.
    pub(super) commit: CommitId,
    /// What the branch was before.
    pub(super) before: Option<CommitId>,
    /// hoist's own commit, which may be the same.
    pub(super) carrier: CommitId,
    /// When it came.
    pub(super) at: Timestamp,
}

/// One application, as far as it is known again.
pub(super) struct Rebuilt<'a> {
    dice: &'a dyn Dice,
    pub(super) application: ApplicationKey,
    pub(super) promotions: Vec<Promotion>,
    pub(super) artifacts: Vec<Artifact>,
}

impl<'a> Rebuilt<'a> {
    pub(super) fn new(application: ApplicationKey, dice: &'a dyn Dice) -> Self {
        Self { dice, application, promotions: Vec::new(), artifacts: Vec::new() }
    }

    /// Notes what the fields held before something landed, if that is not what landed before it:
    /// other hands put it there.
    pub(super) fn found(
        &mut self,
        environment: &EnvironmentName,
        at: &CommitId,
        values: Vec<FieldValue>,
        until: Timestamp,
    ) {
        let last = self.last(environment);
        if last.is_some_and(|last| last.values == values) {
            return;
        }
        let since = self.after(environment, until - SignedDuration::from_secs(1));
        let version = short_version(&values);
        let promotion = Promotion {
            id: PromotionId::new(since, self.dice.roll()),
            application: self.application.clone(),
            environment: environment.clone(),
            kind: Kind::Found { at: at.clone() },
            artifact: None,
            version,
            values,
            requested_by: Actor::hoist(),
            reason: last.map(|_| "changed by other hands".to_owned()),
            created_at: since,
            state: State::Succeeded { commit: None },
            since,
            proposal: None,
            skipped: Vec::new(),
        };
        self.promotions.push(promotion);
    }

    /// Notes a promotion that reached its branch.
    pub(super) fn landed(
        &mut self,
        environment: &EnvironmentName,
        landed: &Landed,
        values: Vec<FieldValue>,
    ) {
        if self.promotions.iter().any(|it| it.id == landed.told.id) {
            return;
        }
        let kind = self.kind(environment, &landed.told, &values);
        if let Kind::Rollback { undoes, .. } = &kind
            && let Some(undone) = self.promotions.iter_mut().find(|it| it.id == *undoes)
        {
            undone.state = State::RolledBack { by: landed.told.id.clone() };
        }
        let since = self.after(environment, landed.at);
        let state = State::Succeeded { commit: Some(landed.commit.clone()) };
        let mut promotion = self.promotion(environment, &landed.told, kind);
        promotion.values = values;
        promotion.state = state;
        promotion.since = since;
        promotion.proposal = landed
            .number
            .zip(landed.before.clone())
            .map(|(number, base)| Proposed { number, head: landed.carrier.clone(), base });
        self.promotions.push(promotion);
    }

    /// Notes a promotion whose proposal is open.
    pub(super) fn open(
        &mut self,
        environment: &EnvironmentName,
        (entry, told): (&LogEntry, &Told),
        (number, values): (ProposalNumber, Vec<FieldValue>),
    ) {
        let Some(base) = entry.parents.first().cloned() else { return };
        if self.promotions.iter().any(|it| it.id == told.id) {
            return;
        }
        let kind = self.kind(environment, told, &values);
        let mut promotion = self.promotion(environment, told, kind);
        promotion.values = values;
        promotion.state = State::Proposed;
        promotion.proposal = Some(Proposed { number, head: entry.id.clone(), base });
        self.promotions.push(promotion);
    }

    fn promotion(&mut self, environment: &EnvironmentName, told: &Told, kind: Kind) -> Promotion {
        Promotion {
            id: told.id.clone(),
            application: self.application.clone(),
            environment: environment.clone(),
            artifact: self.artifact(told, &kind),
            kind,
            version: told.version.clone(),
            values: Vec::new(),
            requested_by: Actor { name: told.requested_by.clone(), ..Actor::hoist() },
            reason: told.reason.clone(),
            created_at: told.at,
            state: State::Waiting,
            since: told.at,
            proposal: None,
            skipped: Vec::new(),
        }
    }

    /// Why it exists. What was found at first sight has an id that stands in no commit, so that a
    /// rollback to it is recognised by what it brought back.
    fn kind(&self, environment: &EnvironmentName, told: &Told, values: &[FieldValue]) -> Kind {
        if told.undoes.is_none() && told.reverts.is_none() {
            return Kind::Forward { skips: told.skips.clone(), bad: told.bad };
        }
        let here = || self.promotions.iter().filter(|it| it.environment == *environment);
        let named = |id: &Option<PromotionId>| {
            here().find(|it| id.as_ref() == Some(&it.id)).map(|it| it.id.clone())
        };
        let by_values = || here().rfind(|it| it.values == values).map(|it| it.id.clone());
        let by_commit = || {
            let of_it = |it: &&Promotion| {
                it.state.commit().is_some_and(|c| Some(c) == told.reverts.as_ref())
            };
            here().find(of_it).map(|it| it.id.clone())
        };
        let last = || self.last(environment).map(|it| it.id.clone());
        let restores = named(&told.restores).or_else(by_values).or_else(|| told.restores.clone());
        let undoes = named(&told.undoes).or_else(by_commit).or_else(last);
        match restores.zip(undoes) {
            Some((restores, undoes)) => Kind::Rollback { restores, undoes },
            None => Kind::Forward { skips: told.skips.clone(), bad: told.bad },
        }
    }

    /// The artifact that a commit names, made known if it is not yet.
    fn artifact(&mut self, told: &Told, kind: &Kind) -> Option<ArtifactId> {
        let (image, digest) = told.artifact.clone()?;
        let same = |it: &&mut Artifact| it.image == image && it.digest == digest;
        if let Some(known) = self.artifacts.iter_mut().find(same) {
            known.accepted_at = known.accepted_at.min(told.at);
            return Some(known.id.clone());
        }
        let id = ArtifactId::new(told.at, self.dice.roll());
        let version = told.tag.as_ref().is_none_or(|tag| tag.as_str() != told.version);
        let actor = match kind {
            Kind::Forward { .. } => Some(told.requested_by.clone()),
            Kind::Found { .. } | Kind::Rollback { .. } => None,
        };
        self.artifacts.push(Artifact {
            id: id.clone(),
            image,
            digest,
            tag: told.tag.clone(),
            version: version.then(|| told.version.clone()),
            source: SourceCode { commit: told.source_commit.clone(), ..SourceCode::default() },
            build: Build::default(),
            actor,
            accepted_at: told.at,
            examination: None,
        });
        Some(id)
    }

    /// What is in an environment, as far as it is rebuilt.
    fn last(&self, environment: &EnvironmentName) -> Option<&Promotion> {
        self.promotions.iter().rfind(|it| it.environment == *environment)
    }

    /// `at`, or just after what came before: the clocks of those who commit need not agree.
    fn after(&self, environment: &EnvironmentName, at: Timestamp) -> Timestamp {
        let last = self.last(environment).map(|it| it.since + SignedDuration::from_millis(1));
        last.map_or(at, |last| last.max(at))
    }
}
