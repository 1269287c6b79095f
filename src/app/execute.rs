//! Does what was planned, one action at a time, and says what there is to record of it.
//!
//! Every action looks before it acts: it may be done twice, and a crash in its middle is mended by
//! doing it again.

use std::collections::BTreeMap;

use crate::domain::artifact::Artifact;
use crate::domain::command::Actor;
use crate::domain::id::{CommitId, EnvironmentName, PersonName, PromotionId, ProposalNumber};
use crate::domain::pairing::Pairings;
use crate::domain::pipeline::Environment;
use crate::domain::plan::{Action, Closed, Proposing, branch_of};
use crate::domain::promotion::{BadArtifact, FieldValue, Kind, Promotion, Proposed, State};
use crate::domain::snapshot::{Judgement, Ride, Snapshot, StatusWord};
use crate::messages::{accept as words, explain, pull_request};
use crate::yaml_edit;

use super::committing::made_before;
use super::ports::{
    AuditLine, Change, Closing, CommitSpec, RefOutcome, RefUpdate, Status, StatusState,
};
use super::proposing::own_message;
use super::{App, AppError, Repository, committing, reading};

/// What an action came to.
pub(super) enum Outcome {
    /// It is done; this is to be recorded.
    Done {
        /// What changes in the store.
        changes: Vec<Change>,
        /// What the audit log says.
        audit: Vec<AuditLine>,
    },
    /// Something moved since the snapshot: look again before anything else.
    LookAgain,
}

/// hoist's own name on commits, merges and closings.
pub(super) fn own_name() -> PersonName {
    "hoist".parse().expect("`hoist` is a name")
}

impl App {
    /// Does one action.
    pub(super) async fn execute(
        &self,
        snapshot: &Snapshot,
        action: Action,
    ) -> Result<Outcome, AppError> {
        match action {
            Action::Adopt { environment, at, values } => {
                Ok(self.adopt(snapshot, &environment, at, values))
            }
            Action::Start { environment, artifact } => {
                let artifact = snapshot.artifact(&artifact);
                Ok(artifact.map_or(Outcome::LookAgain, |artifact| {
                    self.start(snapshot, &environment, artifact)
                }))
            }
            Action::Step { promotion, to } => {
                if let State::Merged { .. } = &to {
                    self.tidy(snapshot, &promotion).await?;
                }
                Ok(self.step(snapshot, &promotion, to))
            }
            Action::AlreadyThere { promotion, values } => {
                Ok(self.already_there(snapshot, &promotion, values))
            }
            Action::Observe { environment, pulse } => {
                Ok(self.observe(snapshot, &environment, pulse))
            }
            Action::Remedy { environment, remedy, pulse } => {
                Ok(self.remedy(snapshot, &environment, (remedy, pulse)))
            }
            Action::HoldEnded { environment, hold } => {
                Ok(self.hold_ended(snapshot, environment, hold))
            }
            Action::Propose(proposing) => self.propose(snapshot, proposing).await,
            Action::Join { promotion, ride } => Ok(self.join(snapshot, &promotion, ride)),
            Action::SetStatus { number, head, context, state, description } => {
                let status = Status { state: status_state(state), description };
                let (_, repository) = self.rules(&snapshot.application)?;
                repository.forge.set_status(number, &head, &context, &status).await?;
                Ok(Outcome::nothing())
            }
            Action::TellOfForeignPush { number, head, promotion } => {
                self.tell_of_push(snapshot, number, &head, &promotion).await
            }
            Action::TellOfSkip { number, skip, .. } => {
                let (_, repository) = self.rules(&snapshot.application)?;
                let marker = format!("{}{} -->", pull_request::SKIPPED_GATE, skip.gate);
                let body = pull_request::skipped(&skip);
                repository.forge.comment(number, &marker, &body, self.clock.now()).await?;
                Ok(Outcome::nothing())
            }
            Action::TellOfPutOut { number, head, block, .. } => {
                let (_, repository) = self.rules(&snapshot.application)?;
                let marker = format!("{}{head} -->", pull_request::PUT_OUT);
                let body = pull_request::put_out(&head, &block);
                repository.forge.comment(number, &marker, &body, self.clock.now()).await?;
                Ok(Outcome::nothing())
            }
            Action::Merge { promotion, number, head, .. } => {
                self.merge(snapshot, &promotion, (number, head)).await
            }
            Action::MakeReady { number, promotion } => {
                self.make_ready(snapshot, number, &promotion).await
            }
            Action::TakeBack { number, promotion } => {
                self.take_back(snapshot, number, &promotion).await
            }
            Action::Close { number, because } => self.close(snapshot, number, &because).await,
        }
    }

    fn adopt(
        &self,
        snapshot: &Snapshot,
        environment: &EnvironmentName,
        at: CommitId,
        values: Vec<FieldValue>,
    ) -> Outcome {
        let now = snapshot.time_in(environment, self.clock.now());
        let id = PromotionId::new(now, self.dice.roll());
        let version = version_of(snapshot, &values);
        let drifted = snapshot.current(environment).is_some();
        let promotion = Promotion {
            id: id.clone(),
            application: snapshot.application.clone(),
            environment: environment.clone(),
            kind: Kind::Found { at: at.clone() },
            artifact: None,
            version: version.clone(),
            values,
            requested_by: Actor::hoist(),
            reason: drifted.then(|| "changed by other hands".to_owned()),
            created_at: now,
            state: State::Succeeded { commit: None },
            since: now,
            proposal: None,
            skipped: Vec::new(),
        };
        let (verb, text) = if drifted {
            ("drift", format!("{version} was put there by other hands"))
        } else {
            ("found", format!("{environment} holds {version}"))
        };
        let mut found = self.line(snapshot, verb, environment, text).about(&id);
        found.commit = Some(at);
        let mut audit = vec![found];
        audit.extend(
            moved_in_files(snapshot, &promotion)
                .map(|text| self.line(snapshot, "tag-moved", environment, text).about(&id)),
        );
        Outcome::Done { changes: vec![Change::Start(Box::new(promotion))], audit }
    }

    fn start(
        &self,
        snapshot: &Snapshot,
        environment: &EnvironmentName,
        artifact: &Artifact,
    ) -> Outcome {
        let promotion = self.promotion_of(snapshot, environment, artifact, self.clock.now());
        let text = format!("{} may go into {environment}", promotion.version);
        let audit = self.line(snapshot, "started", environment, text).about(&promotion.id);
        Outcome::Done { changes: vec![Change::Start(Box::new(promotion))], audit: vec![audit] }
    }

    /// A promotion that begins at `now`, as its artifact asks for it.
    pub(super) fn promotion_of(
        &self,
        snapshot: &Snapshot,
        environment: &EnvironmentName,
        artifact: &Artifact,
        now: jiff::Timestamp,
    ) -> Promotion {
        let actor = match &artifact.actor {
            Some(name) => Actor { name: name.clone(), door: crate::domain::command::Door::Ci },
            None => Actor::hoist(),
        };
        Promotion {
            id: PromotionId::new(now, self.dice.roll()),
            application: snapshot.application.clone(),
            environment: environment.clone(),
            kind: Kind::Forward { skips: Vec::new(), bad: BadArtifact::Refused },
            artifact: Some(artifact.id.clone()),
            version: artifact.version().to_owned(),
            values: Vec::new(),
            requested_by: actor,
            reason: None,
            created_at: now,
            state: State::Waiting,
            since: now,
            proposal: None,
            skipped: Vec::new(),
        }
    }

    pub(super) fn step(&self, snapshot: &Snapshot, id: &PromotionId, to: State) -> Outcome {
        let Some(promotion) = snapshot.promotion(id) else { return Outcome::LookAgain };
        let verb = to.name();
        let commit = to.commit().cloned();
        let after = Promotion { state: to.clone(), ..promotion.clone() };
        let text =
            format!("{}: {}", promotion.version, explain::state(&after, &snapshot.promotions));
        let mut audit = self.line(snapshot, verb, &promotion.environment, text).about(id);
        audit.commit = commit;
        let at = snapshot.time_in(&promotion.environment, self.clock.now());
        let change = Change::Step { promotion: id.clone(), to, at };
        Outcome::Done { changes: vec![change], audit: vec![audit] }
    }

    fn already_there(
        &self,
        snapshot: &Snapshot,
        id: &PromotionId,
        values: Vec<FieldValue>,
    ) -> Outcome {
        let Some(promotion) = snapshot.promotion(id) else { return Outcome::LookAgain };
        let text = format!("{} already holds {}", promotion.environment, promotion.version);
        let audit = self.line(snapshot, "succeeded", &promotion.environment, text).about(id);
        let at = snapshot.time_in(&promotion.environment, self.clock.now());
        let change = Change::AlreadyThere { promotion: id.clone(), values, at };
        Outcome::Done { changes: vec![change], audit: vec![audit] }
    }

    /// Records a place in a train's proposal.
    fn join(&self, snapshot: &Snapshot, id: &PromotionId, ride: Ride) -> Outcome {
        let Some(promotion) = snapshot.promotion(id) else { return Outcome::LookAgain };
        let text = format!("{} proposed with others as {}", promotion.version, ride.number);
        let mut audit = self.line(snapshot, "proposed", &promotion.environment, text).about(id);
        audit.commit = Some(ride.head.clone());
        let change = Change::Propose {
            promotion: id.clone(),
            proposed: Proposed { number: ride.number, head: ride.head, base: ride.base },
            values: ride.values,
            at: self.clock.now(),
        };
        Outcome::Done { changes: vec![change], audit: vec![audit] }
    }

    /// Makes the commit, pushes it, and opens the proposal or brings the open one up to date.
    async fn propose(
        &self,
        snapshot: &Snapshot,
        proposing: Proposing,
    ) -> Result<Outcome, AppError> {
        let (pipeline, repository) = self.rules(&snapshot.application)?;
        let (Some(promotion), Some(environment)) = (
            snapshot.promotion(&proposing.promotion),
            snapshot
                .promotion(&proposing.promotion)
                .and_then(|promotion| pipeline.environment(&promotion.environment)),
        ) else {
            return Ok(Outcome::LookAgain);
        };
        let branch = branch_of(&promotion.environment, &promotion.application.application);
        // Looked at before the commit is made, which may take a forge its time: what somebody pushes
        // meanwhile is not overwritten.
        let there = tip_of(repository, &branch).await?;
        let spec = self.commit_spec(snapshot, repository, promotion, &proposing).await?;
        let known = made_before(repository, there.as_ref(), 1).await?;
        let head = committing::make(repository, spec, &known).await?;
        prove(repository, &proposing.base, &head, environment, promotion).await?;
        // The same promotion makes, or finds, the same commit: what a crash kept from being recorded is its own.
        if let Some(foreign) = proposing.overwrites.as_ref().filter(|foreign| *foreign != &head) {
            self.tell_of_overwriting(snapshot, repository, promotion, foreign).await?;
        }
        if let Pushed::Stale = push(repository, &branch, (there, &head)).await? {
            return Ok(Outcome::LookAgain);
        }
        let spec = self.spec(snapshot, repository, (promotion, environment), &proposing);
        let opened = repository.forge.propose(&spec, self.clock.now()).await?;
        let number = opened.number();
        let text = format!("{} proposed as {number}", promotion.version);
        let mut audit =
            self.line(snapshot, "proposed", &promotion.environment, text).about(&promotion.id);
        audit.commit = Some(head.clone());
        let change = Change::Propose {
            promotion: promotion.id.clone(),
            proposed: Proposed { number, head, base: proposing.base },
            values: proposing.values,
            at: self.clock.now(),
        };
        Ok(Outcome::Done { changes: vec![change], audit: vec![audit] })
    }

    /// What the commit of a promotion is to be.
    pub(super) async fn commit_spec(
        &self,
        snapshot: &Snapshot,
        repository: &Repository,
        promotion: &Promotion,
        proposing: &Proposing,
    ) -> Result<CommitSpec, AppError> {
        Ok(CommitSpec {
            parents: vec![proposing.base.clone()],
            files: edited_files(repository, proposing).await?,
            message: repository.commits.complete(own_message(snapshot, promotion)),
            author: repository.commits.author(promotion.created_at),
        })
    }

    async fn tell_of_push(
        &self,
        snapshot: &Snapshot,
        number: ProposalNumber,
        head: &CommitId,
        promotion: &PromotionId,
    ) -> Result<Outcome, AppError> {
        let (_, repository) = self.rules(&snapshot.application)?;
        let body = pull_request::foreign_push(head);
        let marker = format!("{}{head}", pull_request::FOREIGN_PUSH);
        repository.forge.comment(number, &marker, &body, self.clock.now()).await?;
        let Some(promotion) = snapshot.promotion(promotion) else { return Ok(Outcome::LookAgain) };
        let text = format!("somebody pushed {} to the branch of {number}", head.short());
        let environment = &promotion.environment;
        let mut audit = self.line(snapshot, "foreign-push", environment, text).about(&promotion.id);
        audit.commit = Some(head.clone());
        Ok(Outcome::Done { changes: Vec::new(), audit: vec![audit] })
    }

    async fn tell_of_overwriting(
        &self,
        snapshot: &Snapshot,
        repository: &Repository,
        promotion: &Promotion,
        foreign: &CommitId,
    ) -> Result<(), AppError> {
        let carrying = snapshot.proposals.values().find(|facts| &facts.head == foreign);
        let Some(facts) = carrying else { return Ok(()) };
        let body = pull_request::overwritten(foreign, &promotion.version);
        let marker = format!("<!-- hoist: overwritten {foreign} -->");
        repository.forge.comment(facts.number, &marker, &body, self.clock.now()).await?;
        Ok(())
    }

    async fn close(
        &self,
        snapshot: &Snapshot,
        number: ProposalNumber,
        because: &Closed,
    ) -> Result<Outcome, AppError> {
        let (_, repository) = self.rules(&snapshot.application)?;
        let reason = pull_request::closed(because);
        let environment = snapshot.proposals.get(&number).map(|facts| facts.environment.clone());
        let text = format!("{number} closed: {reason}");
        let closing = Closing { number, by: own_name(), reason, at: self.clock.now() };
        repository.forge.close(&closing).await?;
        let audit =
            environment.map(|environment| self.line(snapshot, "closed", &environment, text));
        Ok(Outcome::Done { changes: Vec::new(), audit: audit.into_iter().collect() })
    }

    /// An audit line about this application, by hoist, now.
    pub(super) fn line(
        &self,
        snapshot: &Snapshot,
        verb: &str,
        environment: &EnvironmentName,
        text: String,
    ) -> AuditLine {
        AuditLine {
            at: self.clock.now(),
            actor: Actor::hoist(),
            verb: verb.to_owned(),
            application: Some(snapshot.application.clone()),
            environment: Some(environment.clone()),
            promotion: None,
            commit: None,
            text,
        }
    }

    /// Where a promotion's story is told.
    pub(super) fn promotion_url(&self, id: &PromotionId) -> String {
        format!("{}/promotions/{id}", self.policy.public_url)
    }
}

impl Outcome {
    fn nothing() -> Self {
        Self::Done { changes: Vec::new(), audit: Vec::new() }
    }
}

/// A tag that stands in what was found with another digest than it was last announced with, in
/// words.
fn moved_in_files(snapshot: &Snapshot, found: &Promotion) -> Option<String> {
    let pairings = Pairings::of(&snapshot.pipeline, std::iter::once(found));
    pairings.iter().find_map(|seen| {
        let announced = |it: &&Artifact| it.tag.as_ref() == Some(&seen.tag);
        let newest = snapshot.artifacts.iter().rfind(announced)?;
        (newest.digest != seen.digest).then(|| words::moved_in_files(newest, seen))
    })
}

/// The version fields' texts as a version: what is found has no artifact to tell its own.
fn version_of(snapshot: &Snapshot, values: &[FieldValue]) -> String {
    let known = snapshot.promotions.iter().rev().find(|promotion| promotion.values == values);
    if let Some(known) = known {
        return known.version.clone();
    }
    short_version(values)
}

/// What people would call the values of fields that no artifact explains.
pub(super) fn short_version(values: &[FieldValue]) -> String {
    let short = |value: &FieldValue| {
        let text = value.value.as_str();
        let text = text.split_once('@').map_or(text, |(name, _)| name);
        let tag = text.rsplit('/').next().and_then(|last| last.split_once(':'));
        match tag {
            Some((_, tag)) if !text.starts_with("sha256:") => tag.to_owned(),
            Some(_) | None => text.to_owned(),
        }
    };
    let texts: Vec<String> = values.iter().map(short).collect();
    let named = texts.iter().find(|text| !text.starts_with("sha256:"));
    named.or(texts.first()).cloned().unwrap_or_default()
}

/// The files with their new bytes, each proved to differ in its version fields only.
pub(super) async fn edited_files(
    repository: &Repository,
    proposing: &Proposing,
) -> Result<BTreeMap<String, Option<Vec<u8>>>, AppError> {
    let mut edits: BTreeMap<String, Vec<yaml_edit::Edit>> = BTreeMap::new();
    for edit in &proposing.edits {
        edits.entry(edit.file.clone()).or_default().push(yaml_edit::Edit {
            place: edit.place.clone(),
            expect: edit.expect.clone(),
            value: edit.value.clone(),
        });
    }
    let texts = repository.git.read(&proposing.base, edits.keys().cloned().collect()).await?;
    let mut files = BTreeMap::new();
    for (file, edits) in edits {
        let text = texts.get(&file).map(Vec::as_slice).unwrap_or_default();
        let edited = yaml_edit::edit(text, &edits)
            .map_err(|error| AppError::Refused { what: format!("{file}: {error}") })?;
        files.insert(file, Some(edited.text));
    }
    Ok(files)
}

/// Proves on the commit itself, before it is pushed, that it changes version fields only.
pub(super) async fn prove(
    repository: &Repository,
    base: &CommitId,
    head: &CommitId,
    environment: &Environment,
    promotion: &Promotion,
) -> Result<(), AppError> {
    let application = &promotion.application.application;
    let git = repository.git.as_ref();
    match reading::judge(git, base, head, environment, application).await? {
        Judgement::OnlyVersion => Ok(()),
        Judgement::Otherwise(what) => Err(AppError::Refused {
            what: format!("not pushed, because it would change more than the version: {what}"),
        }),
    }
}

/// What became of the branch.
enum Pushed {
    There,
    Stale,
}

/// Where a branch stands, as far as the mirror knows.
pub(super) async fn tip_of(
    repository: &Repository,
    branch: &str,
) -> Result<Option<CommitId>, AppError> {
    let name = format!("refs/heads/{branch}");
    Ok(repository.git.tip(&name).await?)
}

/// Puts the branch on `head`: compare and swap with what was seen of it.
async fn push(
    repository: &Repository,
    branch: &str,
    (expected, head): (Option<CommitId>, &CommitId),
) -> Result<Pushed, AppError> {
    if expected.as_ref() == Some(head) {
        return Ok(Pushed::There);
    }
    let name = format!("refs/heads/{branch}");
    let update = RefUpdate { name, expected, new: Some(head.clone()) };
    let outcomes = repository.git.push(vec![update]).await?;
    match outcomes.into_iter().next() {
        Some(RefOutcome::Moved | RefOutcome::AlreadyThere) => Ok(Pushed::There),
        Some(RefOutcome::Stale { .. }) | None => Ok(Pushed::Stale),
        Some(RefOutcome::Refused { reason }) => Err(AppError::Refused {
            what: format!("the Git server refuses the push to {branch}: {reason}"),
        }),
    }
}

pub(super) fn status_state(word: StatusWord) -> StatusState {
    match word {
        StatusWord::Pending => StatusState::Pending,
        StatusWord::Success => StatusState::Success,
        StatusWord::Failure => StatusState::Failure,
    }
}
