//! Trains: what a schedule's run lets go together goes in by one proposal, with a commit for each.
//!
//! A train is tended as a whole: who may ride rides, the branch is made of the riders' commits, and
//! it is merged when every gate of every rider is open. Each application's own pass records what
//! that means for it, from what is kept here; after a restart it is looked at anew.

mod asking;
mod by_hand;
mod landing;
mod merging;
mod proof;

pub(super) use by_hand::schedule_of;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::evidence::Evidence;
use crate::domain::gate::Voters;
use crate::domain::id::{
    ApplicationKey, CommitId, EnvironmentName, PersonName, PromotionId, ProposalNumber,
    ScheduleName,
};
use crate::domain::landing::Drafted;
use crate::domain::pipeline::{Environment, Pipeline};
use crate::domain::plan::{Proposing, Reason, Ticket, ticket, train_branch};
use crate::domain::promotion::{FieldValue, Promotion, Proposed, State};
use crate::domain::schedule::{Group, Schedule};
use crate::domain::snapshot::{Judgement, Ride, Snapshot, StatusWord};
use crate::messages::train::{self as words, Staying};

use super::execute::{edited_files, own_name, prove, tip_of};
use super::look::facts_of;
use super::ports::{
    BranchState, Closing, CommitSpec, Errand, Haste, Mergeability, Proposal, ProposalSpec,
    ProposalState, RefOutcome, RefUpdate,
};
use super::proposing::{asks, own_message};
use super::reconcile::chain;
use super::recover::promotion_of;
use super::{App, AppError, Mode, Repository, committing};
use landing::{
    Waits, gates_of, judgements, obstacle, publish, set_status, take_back, waits_for_its_forge,
};

/// How far a train's branch is looked through: more commits than it can have riders.
const LONGEST: usize = 10_000;

/// What is known of the trains' riders.
#[derive(Default)]
pub struct Trains(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Who has a place in an open proposal; none has not.
    rides: BTreeMap<PromotionId, Option<Ride>>,
    /// The proposals that ended, as each of their riders is to see them.
    ended: BTreeMap<PromotionId, Proposal>,
    /// The head of each train's branch whose commits were proved last.
    proved: BTreeMap<String, CommitId>,
    /// What others said last of the head of each train's branch.
    checks: BTreeMap<String, Evidence>,
}

impl Trains {
    /// Where a promotion rides, if that is known.
    pub(super) fn ride(&self, promotion: &PromotionId) -> Option<Option<Ride>> {
        self.known().rides.get(promotion).cloned()
    }

    /// How the proposal ended in which a promotion rode.
    pub(super) fn ended(&self, promotion: &PromotionId) -> Option<Proposal> {
        self.known().ended.get(promotion).cloned()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A train on its way.
struct Train<'a> {
    schedule: &'a Schedule,
    repository: &'a Repository,
    environment: &'a Environment,
    branch: String,
    target: String,
}

impl<'a> Train<'a> {
    /// A schedule's train into an environment, where the pipeline has that.
    fn of(
        (schedule, to): (&'a Schedule, &EnvironmentName),
        (pipeline, repository): (&'a Pipeline, &'a Repository),
    ) -> Option<Self> {
        let environment = pipeline.environment(to)?;
        Some(Self {
            schedule,
            repository,
            environment,
            branch: train_branch(to, &schedule.name),
            target: environment.branch.clone().unwrap_or_else(|| repository.branch.clone()),
        })
    }

    /// Which it is: its schedule, and where it goes.
    fn name(&self) -> (&ScheduleName, &EnvironmentName) {
        (&self.schedule.name, &self.environment.name)
    }
}

/// One that rides.
#[derive(Clone)]
struct Rider {
    snapshot: Snapshot,
    promotion: Promotion,
    proposing: Proposing,
}

impl Rider {
    fn application(&self) -> &str {
        self.snapshot.application.application.as_str()
    }

    /// Whether its own pass has recorded its place: what is merged before that would look like the
    /// work of other hands.
    fn has_joined(&self, number: ProposalNumber, head: &CommitId) -> bool {
        let Promotion { state, proposal, values, .. } = &self.promotion;
        let is_here = |it: &Proposed| it.number == number && it.head == *head;
        *state == State::Proposed
            && proposal.as_ref().is_some_and(is_here)
            && *values == self.proposing.values
    }
}

/// Who rides, who does not and why, and where those who ride were recorded.
struct Boarded {
    riding: Vec<Rider>,
    staying: Vec<Staying>,
    recorded: Option<Proposed>,
}

/// The commits of a branch that are not in its target yet, the oldest first, and where they begin.
struct Cars {
    base: CommitId,
    cars: Vec<(Option<PromotionId>, CommitId)>,
}

/// One that does not ride.
fn stays(key: &ApplicationKey, reason: Reason, why: String) -> Staying {
    Staying { application: key.application.to_string(), reason, why }
}

impl App {
    /// Tends every train that anything rides with. What is wrong with one keeps no other.
    pub async fn tend_trains(&self) {
        if self.mode == Mode::ReadOnly {
            return;
        }
        let schedules = self.policy.schedules.iter();
        for schedule in schedules.filter(|it| it.group == Group::OneProposal) {
            for to in &schedule.to {
                let whose = format!("{} into {to}", schedule.name);
                let errand = Errand { whose, haste: Haste::Usual };
                if let Err(error) = errand.run(self.tend(schedule, to)).await {
                    let why = chain(&error);
                    tracing::warn!(schedule = %schedule.name, %to, "tending a train: {why}");
                }
            }
        }
    }

    async fn tend(&self, schedule: &Schedule, to: &EnvironmentName) -> Result<(), AppError> {
        let riders = self.store.riders(&schedule.name, to).await?;
        let Some((first, _)) = riders.first() else { return Ok(()) };
        let (pipeline, repository) = self.rules(first)?;
        let Some(train) = Train::of((schedule, to), (pipeline, repository)) else { return Ok(()) };
        self.fetch(&pipeline.repository, repository).await?;
        let open = repository.forge.find_open(&train.branch).await?;
        let Boarded { mut riding, staying, recorded } = self.board_train(&train, &riders).await?;
        if self.note_ended(&train, recorded, open.as_ref()).await? {
            let keys = riders.into_iter().map(|(key, _)| key).collect();
            self.store.wake(Some(keys), self.clock.now()).await?;
            self.nudge.notify_one();
            return Ok(());
        }
        self.ask_about_approvers(&train, &mut riding, open.as_ref()).await;
        let rides = self.bring(&train, &mut riding, &staying, open).await?;
        let mut changed: Vec<ApplicationKey> = Vec::new();
        for (key, promotion) in riders {
            let ride = rides.get(&promotion).cloned();
            let before = self.trains.known().rides.insert(promotion, ride.clone());
            if before != Some(ride) {
                changed.push(key);
            }
        }
        if !changed.is_empty() {
            self.store.wake(Some(changed), self.clock.now()).await?;
            self.nudge.notify_one();
        }
        Ok(())
    }

    /// Who rides, and who does not and why.
    async fn board_train(
        &self,
        train: &Train<'_>,
        riders: &[(ApplicationKey, PromotionId)],
    ) -> Result<Boarded, AppError> {
        let name = format!("refs/heads/{}", train.target);
        let tip = train.repository.git.tip(&name).await?;
        let (mut riding, mut staying, mut recorded) = (Vec::new(), Vec::new(), None);
        for (key, id) in riders {
            let mut snapshot = match self.look_at_files(key).await {
                Ok(snapshot) => snapshot,
                Err(error @ AppError::Store(_)) => return Err(error),
                // One that cannot be looked at does not stop the train.
                Err(error) => {
                    staying.push(stays(key, Reason::Unseen, chain(&error)));
                    continue;
                }
            };
            self.ask_teams(&mut snapshot).await;
            let known = snapshot.promotion(id).filter(|it| it.state == State::Proposed);
            recorded = recorded.or_else(|| known?.proposal.clone());
            let told = ticket(&snapshot, train.environment, id, self.clock.now());
            match (told, snapshot.promotion(id).cloned(), &tip) {
                (Ticket::Rides { edits, values }, Some(promotion), Some(tip)) => {
                    let promotion_id = id.clone();
                    let proposing = Proposing {
                        promotion: promotion_id,
                        base: tip.clone(),
                        edits,
                        values,
                        overwrites: None,
                    };
                    riding.push(Rider { snapshot, promotion, proposing });
                }
                (Ticket::Stays(reason, why), _, _) => staying.push(stays(key, reason, why)),
                (Ticket::Rides { .. }, _, _) => (),
            }
        }
        Ok(Boarded { riding, staying, recorded })
    }

    /// Asks which of those who approved have the role that the environment asks for by a team.
    async fn ask_about_approvers(
        &self,
        train: &Train<'_>,
        riding: &mut [Rider],
        open: Option<&Proposal>,
    ) {
        let of = train.environment.approvals().map(|approvals| &approvals.of);
        let (Some(Voters::Role(role)), Some(open)) = (of, open) else { return };
        let approvers: Vec<PersonName> = open.approvals.iter().map(|it| it.by.clone()).collect();
        let members = self.in_role(role, &approvers).await;
        for rider in riding {
            let known = rider.snapshot.members.entry(role.clone()).or_default();
            known.extend(members.iter().cloned());
        }
    }

    /// Keeps how the proposal ended that riders are recorded in, where it is not open any more.
    async fn note_ended(
        &self,
        train: &Train<'_>,
        recorded: Option<Proposed>,
        open: Option<&Proposal>,
    ) -> Result<bool, AppError> {
        let is_open = |it: &Proposed| open.is_some_and(|open| open.number == it.number);
        let Some(recorded) = recorded.filter(|it| !is_open(it)) else { return Ok(false) };
        let proposal = train.repository.forge.load(recorded.number).await?;
        if let ProposalState::Open = proposal.state {
            return Ok(false);
        }
        let git = train.repository.git.as_ref();
        let cars = cars(train.repository, &recorded.base, &proposal.head).await?;
        for (promotion, own) in cars.cars {
            let Some(promotion) = promotion else { continue };
            let mut seen = proposal.clone();
            // Its own commit is what brought it, where the forge kept that.
            if let ProposalState::Merged { commit, .. } = &mut seen.state
                && git.contains(commit, &own).await?
            {
                *commit = own;
            }
            let mut known = self.trains.known();
            known.rides.remove(&promotion);
            known.ended.insert(promotion, seen);
        }
        self.tidy_train(train, &proposal).await?;
        Ok(true)
    }

    /// Makes the proposal what it should be, and merges it when it may be. Tells who rides where.
    async fn bring(
        &self,
        train: &Train<'_>,
        riding: &mut [Rider],
        staying: &[Staying],
        open: Option<Proposal>,
    ) -> Result<BTreeMap<PromotionId, Ride>, AppError> {
        if riding.is_empty() {
            if let Some(open) = open {
                let reason = words::nobody_rides(&train.schedule.name);
                let at = self.clock.now();
                let closing = Closing { number: open.number, by: own_name(), reason, at };
                train.repository.forge.close(&closing).await?;
            }
            return Ok(BTreeMap::new());
        }
        let tip = &riding[0].proposing.base;
        let stands = match &open {
            Some(open) => self.as_it_should_be(train, riding, (open, tip)).await?,
            None => Standing::Outdated,
        };
        let (base, head) = match stands {
            Standing::Foreign(head) => return self.leave_alone(train, riding, (open, &head)).await,
            Standing::Good(base, head) => (base, head),
            Standing::Outdated => {
                if let Some(open) = &open {
                    take_back(train, open).await?;
                }
                // Looked at before the commits are made, which may take a forge its time: what
                // somebody pushes meanwhile is not overwritten.
                let there = tip_of(train.repository, &train.branch).await?;
                let head = self.couple(train, riding, there.as_ref()).await?;
                if !push(train, (there, &head)).await? {
                    return Ok(BTreeMap::new());
                }
                (tip.clone(), head)
            }
        };
        let spec = self.train_spec(train, riding, staying);
        let number = train.repository.forge.propose(&spec, self.clock.now()).await?.number();
        let proposal = train.repository.forge.load(number).await?;
        let waits = self.merge_or_wait(train, riding, (proposal, &head)).await?;
        Ok(places(riding, (number, &base, &head), &waits))
    }

    /// Whether the open proposal holds the commits of exactly those who ride.
    async fn as_it_should_be(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        (open, tip): (&Proposal, &CommitId),
    ) -> Result<Standing, AppError> {
        if open.branch_state == BranchState::Gone {
            return Ok(Standing::Outdated);
        }
        let git = train.repository.git.as_ref();
        let Some(base) = git.merge_base(tip, &open.head).await? else {
            return Ok(Standing::Foreign(open.head.clone()));
        };
        let Cars { base, cars } = cars(train.repository, &base, &open.head).await?;
        if cars.iter().any(|(promotion, _)| promotion.is_none()) {
            return Ok(Standing::Foreign(open.head.clone()));
        }
        let conflicts = matches!(&open.mergeability, Mergeability::Conflict(_));
        let ours = riding.iter().map(|rider| &rider.promotion.id);
        let same = ours.eq(cars.iter().filter_map(|(promotion, _)| promotion.as_ref()));
        if !same || conflicts {
            return Ok(Standing::Outdated);
        }
        match self.judge_cars(train, riding, &Cars { base: base.clone(), cars }).await? {
            Judgement::OnlyVersion => Ok(Standing::Good(base, open.head.clone())),
            Judgement::Otherwise(_) => Ok(Standing::Foreign(open.head.clone())),
        }
    }

    /// Somebody pushed to the branch: nothing of theirs is overwritten, and nothing merged.
    async fn leave_alone(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        (open, head): (Option<Proposal>, &CommitId),
    ) -> Result<BTreeMap<PromotionId, Ride>, AppError> {
        let Some(open) = open else { return Ok(BTreeMap::new()) };
        take_back(train, &open).await?;
        let what = words::foreign(head);
        let told = (StatusWord::Failure, what.clone());
        set_status(train, &open, ("hoist/only-version", told)).await?;
        let base = riding[0].proposing.base.clone();
        Ok(places(riding, (open.number, &base, head), &Waits::for_people(what)))
    }

    /// Makes the commits, one upon the other; each is proved to change version fields only.
    async fn couple(
        &self,
        train: &Train<'_>,
        riding: &[Rider],
        there: Option<&CommitId>,
    ) -> Result<CommitId, AppError> {
        let repository = train.repository;
        let mut head = riding[0].proposing.base.clone();
        let known = committing::made_before(repository, there, riding.len()).await?;
        for rider in riding {
            let proposing = Proposing { base: head.clone(), ..rider.proposing.clone() };
            let own = own_message(&rider.snapshot, &rider.promotion);
            let spec = CommitSpec {
                parents: vec![head.clone()],
                files: edited_files(repository, &proposing).await?,
                message: repository.commits.complete(own),
                author: repository.commits.author(rider.promotion.created_at),
            };
            let commit = committing::make(repository, spec, &known).await?;
            prove(repository, &head, &commit, train.environment, &rider.promotion).await?;
            head = commit;
        }
        Ok(head)
    }

    fn train_spec(&self, train: &Train<'_>, riding: &[Rider], staying: &[Staying]) -> ProposalSpec {
        let rows: Vec<words::Row<'_>> = riding
            .iter()
            .map(|rider| words::Row {
                promotion: &rider.promotion,
                from: rider.snapshot.current(&rider.promotion.environment),
                artifact: rider
                    .promotion
                    .artifact
                    .as_ref()
                    .and_then(|id| rider.snapshot.artifact(id)),
                url: self.promotion_url(&rider.promotion.id),
            })
            .collect();
        let review = &train.environment.review;
        ProposalSpec {
            branch: train.branch.clone(),
            target: train.target.clone(),
            title: words::title(train.name(), riding.len()),
            body: words::body(train.name(), &rows, staying),
            labels: review.labels.clone(),
            asks: asks(review),
            // Its riders come and go, and are reviewed together.
            draft: Drafted::Ready,
        }
    }

    /// Publishes what the gates say of all riders, and merges when all of them are open. What the
    /// train waits for, in words.
    async fn merge_or_wait(
        &self,
        train: &Train<'_>,
        riding: &mut [Rider],
        (proposal, head): (Proposal, &CommitId),
    ) -> Result<Waits, AppError> {
        let facts = facts_of(train.repository, train.environment, proposal.clone()).await;
        let now = self.clock.now();
        self.ask_about_head(train, riding, (&facts, |it: &Evidence| now < it.asked_again())).await;
        let judged = judgements(train, riding, (&facts, now));
        let gates = gates_of(riding, &judged);
        publish(train, &proposal, &gates).await?;
        if let Some(waits) = obstacle(train, riding, (&facts, &gates)) {
            take_back(train, &proposal).await?;
            return Ok(waits);
        }
        if !riding.iter().all(|rider| rider.has_joined(proposal.number, head)) {
            return Ok(Waits::for_others(words::JOINING.to_owned()));
        }
        if let Some(waits) = waits_for_its_forge(&facts.landing) {
            return Ok(waits);
        }
        self.merge_train(train, riding, (&proposal.title, &facts, head)).await
    }

    /// Takes a merged train's branch away, unless somebody has gone on with it.
    async fn tidy_train(&self, train: &Train<'_>, proposal: &Proposal) -> Result<(), AppError> {
        let name = format!("refs/heads/{}", train.branch);
        let git = train.repository.git.as_ref();
        let is_merged = matches!(proposal.state, ProposalState::Merged { .. });
        if !is_merged || git.tip(&name).await?.as_ref() != Some(&proposal.head) {
            return Ok(());
        }
        let update = RefUpdate { name, expected: Some(proposal.head.clone()), new: None };
        drop(git.push(vec![update]).await?);
        Ok(())
    }
}

/// How an open proposal stands to those who ride.
enum Standing {
    /// It holds their commits, from here to there.
    Good(CommitId, CommitId),
    /// It does not, and is made anew.
    Outdated,
    /// Somebody else pushed to it.
    Foreign(CommitId),
}

fn places(
    riding: &[Rider],
    (number, base, head): (ProposalNumber, &CommitId, &CommitId),
    waits: &Waits,
) -> BTreeMap<PromotionId, Ride> {
    let place = |values: &Vec<FieldValue>| Ride {
        number,
        head: head.clone(),
        base: base.clone(),
        values: values.clone(),
        waits_for: waits.what.clone(),
        turn: waits.turn,
    };
    let places = riding.iter().map(|it| (it.promotion.id.clone(), place(&it.proposing.values)));
    places.collect()
}

/// The commits between a base and a head.
async fn cars(repository: &Repository, base: &CommitId, head: &CommitId) -> Result<Cars, AppError> {
    let log = repository.git.log(head, None, LONGEST).await?;
    let own = log.into_iter().take_while(|entry| entry.id != *base);
    let mut cars: Vec<_> = own.map(|entry| (promotion_of(&entry.message), entry.id)).collect();
    cars.reverse();
    Ok(Cars { base: base.clone(), cars })
}

/// Puts the branch on `head`, by compare and swap with what was seen of it; tells whether it is there.
async fn push(
    train: &Train<'_>,
    (expected, head): (Option<CommitId>, &CommitId),
) -> Result<bool, AppError> {
    if expected.as_ref() == Some(head) {
        return Ok(true);
    }
    let name = format!("refs/heads/{}", train.branch);
    let git = train.repository.git.as_ref();
    let update = RefUpdate { name, expected, new: Some(head.clone()) };
    match git.push(vec![update]).await?.into_iter().next() {
        Some(RefOutcome::Moved | RefOutcome::AlreadyThere) => Ok(true),
        Some(RefOutcome::Stale { .. }) | None => Ok(false),
        Some(RefOutcome::Refused { reason }) => Err(AppError::Refused {
            what: format!("the Git server refuses the push to {}: {reason}", train.branch),
        }),
    }
}
