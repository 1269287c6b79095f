//! Plans one application in one environment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::gates::{counted, judge};
use super::wanted::{Wanted, wanted};
use super::{Action, Because, Closed, Plan, Proposing};
use crate::domain::artifact::Artifact;
use crate::domain::gate::{Judged, SCHEDULE, Verdict};
use crate::domain::id::{ApplicationName, CommitId, EnvironmentName, PersonName, ScheduleName};
use crate::domain::pipeline::{Environment, MergePolicy};
use crate::domain::promotion::{FieldValue, Kind, Promotion, State};
use crate::domain::snapshot::{
    Branch, Judgement, ProposalFacts, ProposalStage, Reading, Snapshot, StatusWord, TeamWord,
    VersionField, values_of,
};

/// The branch that carries an application's proposal into an environment: its natural key.
pub fn branch_of(environment: &EnvironmentName, application: &ApplicationName) -> String {
    format!("hoist/{environment}/{application}")
}

/// The branch that carries a train's proposal into an environment.
pub fn train_branch(environment: &EnvironmentName, schedule: &ScheduleName) -> String {
    format!("hoist-train/{environment}/{schedule}")
}

/// Whose commit a proposal's branch ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    Ours,
    Foreign,
}

/// One environment of a snapshot, at one time.
pub(super) struct View<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) environment: &'a Environment,
    pub(super) now: Timestamp,
}

impl<'a> View<'a> {
    /// Adds what is to be done here to the plan.
    ///
    /// What the forge and Git say comes first, then what is in, then what wants to go in; a step
    /// that changes what the later ones would see ends the turn, and the next pass goes on.
    pub(super) fn plan(&self, plan: &mut Plan) {
        if self.settle_ended_proposals(plan) {
            return;
        }
        if let Some(file) = self.snapshot.vanished() {
            return self.without_files(plan, file);
        }
        let (tip, fields) = match self.snapshot.readings.get(&self.environment.name) {
            Some(Reading::Fields { tip, fields }) => (tip, fields.as_slice()),
            Some(Reading::Absent { file }) => return self.without_files(plan, file),
            Some(Reading::Refused { reason }) => {
                return self.wait(plan, None, Because::EditRefused(reason.clone()));
            }
            None => return,
        };
        if self.take_over_by_hand(plan, tip, fields) || self.advance(plan) || self.turn_away(plan) {
            return;
        }
        if !self.start(plan) {
            self.bring_in(plan, tip, fields);
        }
    }

    pub(super) fn promotions(&self) -> impl DoubleEndedIterator<Item = &'a Promotion> {
        self.snapshot.promotions_into(&self.environment.name)
    }

    pub(super) fn wait(&self, plan: &mut Plan, promotion: Option<&Promotion>, because: Because) {
        plan.wait(&self.environment.name, promotion.map(|p| &p.id), because, None);
    }

    /// What the forge says of a promotion's own proposal.
    fn facts(&self, promotion: &Promotion) -> Option<&'a ProposalFacts> {
        self.snapshot.proposals.get(&promotion.proposal.as_ref()?.number)
    }

    /// The proposal that is open into this environment, whoever's it is.
    pub(super) fn open_proposal(&self) -> Option<&'a ProposalFacts> {
        self.snapshot.proposals.values().find(|facts| {
            facts.environment == self.environment.name && facts.state == ProposalStage::Open
        })
    }

    /// Records what people did to proposals that were open: merged or closed them.
    fn settle_ended_proposals(&self, plan: &mut Plan) -> bool {
        let before = plan.actions.len();
        for promotion in self.promotions().filter(|p| p.state == State::Proposed) {
            let Some(facts) = self.facts(promotion) else { continue };
            let to = match &facts.state {
                ProposalStage::Open => continue,
                ProposalStage::Merged { commit, by } => {
                    State::Merged { commit: commit.clone(), by: by.clone() }
                }
                ProposalStage::Closed { by, reason } => State::Closed {
                    by: by.clone(),
                    reason: reason.clone().unwrap_or_else(|| "no reason was given".into()),
                },
            };
            plan.step(&promotion.id, to);
        }
        plan.actions.len() > before
    }

    /// The application's files are gone: what is open is closed with that reason.
    fn without_files(&self, plan: &mut Plan, file: &str) {
        if let Some(facts) = self.open_proposal() {
            let because = Closed::Vanished { file: file.to_owned() };
            plan.actions.push(Action::Close { number: facts.number, because });
            return;
        }
        for promotion in self.promotions().filter(|p| p.state.is_pending()) {
            let reason = format!("{file} is gone from the repository");
            plan.step(&promotion.id, State::Closed { by: None, reason });
        }
        self.wait(plan, None, Because::NoFiles(file.to_owned()));
    }

    /// Records what the files hold where hoist did not put it there: at first sight, and after
    /// somebody changed a version field by hand. Git is the truth; nothing is fought.
    fn take_over_by_hand(&self, plan: &mut Plan, tip: &CommitId, fields: &[VersionField]) -> bool {
        let values = values_of(fields);
        let known = self.snapshot.current(&self.environment.name);
        let expected = match known {
            // A rule that was added since reads fields that nobody recorded: no drift by itself.
            Some(current) => fields.iter().all(|field| holds(&current.values, field)),
            None => false,
        };
        let explained = self.promotions().any(|promotion| {
            promotion.state.is_pending()
                && !promotion.values.is_empty()
                && promotion.values == values
        });
        if expected || (explained && known.is_some()) {
            return false;
        }
        plan.actions.push(Action::Adopt {
            environment: self.environment.name.clone(),
            at: tip.clone(),
            values,
        });
        true
    }

    /// Moves what is in through its stages, and ends what it replaced or took back.
    fn advance(&self, plan: &mut Plan) -> bool {
        let Some(current) = self.snapshot.current(&self.environment.name) else { return false };
        let before = plan.actions.len();
        if let Kind::Rollback { undoes, .. } = &current.kind
            && let Some(undone) = self.snapshot.promotion(undoes)
            && undone.state.is_in()
        {
            plan.step(&undone.id, State::RolledBack { by: current.id.clone() });
        }
        for replaced in self.promotions().filter(|p| p.id != current.id) {
            let is_undone =
                matches!(&current.kind, Kind::Rollback { undoes, .. } if *undoes == replaced.id);
            if replaced.is_on_its_way() && !is_undone {
                plan.step(&replaced.id, State::Superseded { by: current.id.clone() });
            }
        }
        self.advance_current(plan, current);
        plan.actions[before..].iter().any(|action| !action.is_note())
    }

    /// Begins to move the newest artifact that may come here and has not been started yet.
    fn start(&self, plan: &mut Plan) -> bool {
        let accept = &self.snapshot.pipeline.accept;
        let candidate = self
            .newer()
            .filter(|artifact| self.has_arrived_upstream(artifact))
            .filter(|artifact| !self.snapshot.is_bad(&artifact.id, self.environment))
            .filter(|artifact| self.kept_out(artifact).is_none())
            .max_by_key(|artifact| (accept.rank(artifact), &artifact.id));
        let awaited = self.awaited().into_iter();
        let delays = awaited.filter_map(|artifact| self.snapshot.delays.get(&artifact.id));
        let asked_again = delays.map(|delay| delay.again_at).filter(|at| *at > self.now);
        asked_again.for_each(|at| plan.look_again(at));
        let Some(artifact) = candidate else { return false };
        plan.actions.push(Action::Start {
            environment: self.environment.name.clone(),
            artifact: artifact.id.clone(),
        });
        true
    }

    /// Tells whether the artifact runs in every environment that comes before this one.
    fn has_arrived_upstream(&self, artifact: &Artifact) -> bool {
        self.missing_upstream(artifact).is_none()
    }

    /// The first environment before this one in which the artifact does not run.
    pub(super) fn missing_upstream(&self, artifact: &Artifact) -> Option<&'a EnvironmentName> {
        self.environment.after.iter().find(|upstream| {
            !self.snapshot.promotions_into(upstream).any(|promotion| {
                let runs = match promotion.state {
                    State::Deployed { .. } | State::Soaking { .. } | State::Succeeded { .. } => {
                        true
                    }
                    State::Merged { .. }
                    | State::Waiting
                    | State::Proposed
                    | State::Superseded { .. }
                    | State::Closed { .. }
                    | State::Failed { .. }
                    | State::RolledBack { .. } => false,
                };
                runs && promotion.artifact.as_ref() == Some(&artifact.id)
            })
        })
    }

    /// Works on what wants to go in: one promotion carries the proposal, the others wait or end.
    pub(super) fn bring_in(&self, plan: &mut Plan, tip: &CommitId, fields: &[VersionField]) {
        let pending: Vec<&Promotion> = self.promotions().filter(|p| p.state.is_pending()).collect();
        let Some(bearer) = self.bearer(&pending) else { return self.ask(plan) };
        // What came after the bearer waits: for its gates, or after a rollback for a resume.
        for other in pending.iter().filter(|other| other.age() < bearer.age()) {
            plan.step(&other.id, State::Superseded { by: bearer.id.clone() });
        }
        for other in pending.iter().filter(|other| other.age() > bearer.age()) {
            self.behind(plan, bearer, other);
        }
        match wanted(self.snapshot, bearer, fields) {
            Wanted::Impossible(reason) => plan.step(&bearer.id, State::Failed { reason }),
            // It may have come in with its train a moment ago, which is told of that soon.
            Wanted::AlreadyThere { .. }
                if bearer.state == State::Proposed && self.train_of(bearer).is_some() =>
            {
                self.ride_out(plan, bearer);
            }
            Wanted::AlreadyThere { values } => self.already_there(plan, bearer, values),
            Wanted::Edits { edits, values } => {
                if let Some(drift) = self.drift_under(bearer) {
                    self.leave_aside(plan, bearer);
                    return self.wait(plan, Some(bearer), drift);
                }
                if let Some(schedule) = self.train_of(bearer) {
                    return self.ride(plan, bearer, schedule);
                }
                let base = tip.clone();
                let promotion = bearer.id.clone();
                let proposing = Proposing { promotion, base, edits, values, overwrites: None };
                self.carry(plan, bearer, proposing);
            }
        }
    }

    /// The promotion to work on: a rollback before all others; else the newest that is proposed
    /// or could be; else the newest that waits for nothing but a schedule's run; else the newest.
    ///
    /// A newer promotion whose gates are still shut does not take an older one's proposal away, nor
    /// its place in the next run: where something new comes every hour, nothing would ever go.
    pub(super) fn bearer(&self, pending: &[&'a Promotion]) -> Option<&'a Promotion> {
        let newest = || pending.iter().copied().max_by_key(|p| p.age());
        let rollback = pending.iter().copied().filter(|p| p.is_rollback()).max_by_key(|p| p.age());
        rollback
            .or_else(|| {
                let ready = |p: &&&Promotion| p.state == State::Proposed || self.is_proven(p, &[]);
                pending.iter().filter(ready).copied().max_by_key(|p| p.age())
            })
            .or_else(|| {
                let gathered = |p: &&&Promotion| self.is_proven(p, &[SCHEDULE]);
                pending.iter().filter(gathered).copied().max_by_key(|p| p.age())
            })
            .or_else(newest)
    }

    /// Notes what keeps a promotion from taking the bearer's place.
    fn behind(&self, plan: &mut Plan, bearer: &Promotion, other: &Promotion) {
        if !self.waits_at_the_door(plan, other) {
            let because = Because::Behind { version: bearer.version.clone() };
            self.wait(plan, Some(other), because);
        }
    }

    /// Tells whether no gate of its own keeps the proposal from being opened, but for some.
    ///
    /// What shuts the environment as a whole says nothing about which promotion is to enter it.
    fn is_proven(&self, promotion: &Promotion, but: &[&str]) -> bool {
        let judged = judge(self.snapshot, self.environment, promotion, None, self.now);
        let counts = |it: &&Judged| !it.is_common() && !but.contains(&it.name);
        !judged.iter().filter(counts).any(Judged::shuts_proposal)
    }

    fn already_there(&self, plan: &mut Plan, promotion: &Promotion, values: Vec<FieldValue>) {
        // A promotion that may not go in yet has not succeeded just because the field is right.
        if self.waits_at_the_door(plan, promotion) {
            return;
        }
        if let Some(facts) = self.open_proposal() {
            let because = Closed::AlreadyThere;
            plan.actions.push(Action::Close { number: facts.number, because });
        }
        let promotion = promotion.id.clone();
        plan.actions.push(Action::AlreadyThere { promotion, values });
    }

    /// Notes what keeps a promotion from being proposed, if anything does.
    pub(super) fn waits_at_the_door(&self, plan: &mut Plan, promotion: &Promotion) -> bool {
        if let Some(held) = self.hold_on(promotion) {
            let because = Because::Held { by: held.by.to_string(), reason: held.reason.clone() };
            plan.wait(&self.environment.name, Some(&promotion.id), because, held.until);
            return true;
        }
        let judged = judge(self.snapshot, self.environment, promotion, None, self.now);
        judged.iter().filter_map(|judged| judged.until).for_each(|until| plan.look_again(until));
        let shut: Vec<&Judged> = judged.iter().filter(|judged| judged.shuts_proposal()).collect();
        let Some(first) = shut.first() else { return false };
        if self.gives_up(plan, promotion, None, &shut) {
            return true;
        }
        let because = Because::Gate((*first).clone());
        plan.wait(&self.environment.name, Some(&promotion.id), because, opens_at(first));
        true
    }

    /// The hold that stops a promotion. A rollback is stopped by none.
    pub(super) fn hold_on(
        &self,
        promotion: &Promotion,
    ) -> Option<&'a crate::domain::snapshot::Held> {
        let held = self.snapshot.holds.get(&self.environment.name)?;
        (held.lasts(self.now) && !promotion.is_rollback()).then_some(held)
    }

    /// Notes that a hold has ended by itself, so that people hear of it; or when it will.
    pub(super) fn end_hold(&self, plan: &mut Plan) {
        let Some(held) = self.snapshot.holds.get(&self.environment.name) else { return };
        let Some(until) = held.until else { return };
        if held.lasts(self.now) {
            return plan.look_again(until);
        }
        let environment = self.environment.name.clone();
        plan.actions.push(Action::HoldEnded { environment, hold: held.id.clone() });
    }

    /// Proposes the change, keeps its proposal up to date, and merges it when it may be.
    fn carry(&self, plan: &mut Plan, bearer: &Promotion, proposing: Proposing) {
        let open = self.open_proposal();
        let own = open.filter(|facts| {
            bearer.proposal.as_ref().is_some_and(|proposed| proposed.number == facts.number)
        });
        match own {
            Some(facts) => self.tend(plan, bearer, facts, proposing),
            None if self.waits_at_the_door(plan, bearer) => self.leave_aside(plan, bearer),
            None => self.open(plan, bearer, open, proposing),
        }
    }

    /// Opens the proposal, or takes over the one that an older promotion had.
    fn open(
        &self,
        plan: &mut Plan,
        bearer: &Promotion,
        open: Option<&ProposalFacts>,
        mut proposing: Proposing,
    ) {
        if let Some(facts) = open {
            if self.closes(plan, bearer, facts) {
                return;
            }
            proposing.overwrites = (!self.is_ours(&facts.head)).then(|| facts.head.clone());
            self.take_back(plan, bearer, facts);
        }
        plan.actions.push(Action::Propose(proposing));
    }

    /// Tells whether the proposal is known to carry another promotion.
    ///
    /// One that nobody is known to have opened is the bearer's own, if a crash came between its
    /// opening and the record of it.
    pub(super) fn is_anothers(&self, bearer: &Promotion, facts: &ProposalFacts) -> bool {
        self.promotions().filter(|promotion| promotion.id != bearer.id).any(|promotion| {
            promotion.proposal.as_ref().is_some_and(|proposed| proposed.number == facts.number)
        })
    }

    /// Tells whether hoist made that commit for this environment.
    fn is_ours(&self, head: &CommitId) -> bool {
        self.promotions()
            .filter_map(|promotion| promotion.proposal.as_ref())
            .any(|proposed| &proposed.head == head)
    }

    /// Keeps an open proposal as it should be, and merges it when everything says yes.
    fn tend(
        &self,
        plan: &mut Plan,
        bearer: &Promotion,
        facts: &ProposalFacts,
        proposing: Proposing,
    ) {
        let ours = match &bearer.proposal {
            Some(proposed) if proposed.head == facts.head => Head::Ours,
            Some(_) | None => Head::Foreign,
        };
        let outdated = !facts.conflicts.is_empty() || bearer.values != proposing.values;
        if facts.branch == Branch::Gone || (ours == Head::Ours && outdated) {
            self.take_back(plan, bearer, facts);
            plan.actions.push(Action::Propose(proposing));
            return;
        }
        if ours == Head::Foreign && facts.told_of_push.as_ref() != Some(&facts.head) {
            plan.actions.push(Action::TellOfForeignPush {
                number: facts.number,
                head: facts.head.clone(),
                promotion: bearer.id.clone(),
            });
        }
        self.tell_of_skips(plan, bearer, facts);
        let judged = judge(self.snapshot, self.environment, bearer, Some(facts), self.now);
        self.publish(plan, (facts, &facts.head, &facts.statuses), &judged);
        // What a queue tests in its place is bound by the same, whoever put it there.
        if let Some(group) = facts.landing.group() {
            self.publish(plan, (facts, &group.head, &group.statuses), &judged);
        }
        // What is open now may shut, and its status says so then.
        judged.iter().filter_map(|judged| judged.until).for_each(|until| plan.look_again(until));
        if self.make_ready(plan, (bearer, facts, &judged)) {
            return;
        }
        let shut: Vec<&Judged> = judged.iter().filter(|judged| !judged.is_open()).collect();
        if self.gives_up(plan, bearer, Some(facts), &shut) {
            return;
        }
        if self.hold_on(bearer).is_some() {
            self.take_back(plan, bearer, facts);
            self.waits_at_the_door(plan, bearer);
            return;
        }
        match self.obstacle(bearer, facts, ours, &judged) {
            Some((because, until)) => {
                self.take_back(plan, bearer, facts);
                plan.wait(&self.environment.name, Some(&bearer.id), because, until);
            }
            None => {
                let renewal = (ours == Head::Ours).then_some(proposing);
                self.land(plan, (bearer, facts), renewal);
            }
        }
    }

    /// Says on the proposal which gates people let it pass, once for each.
    fn tell_of_skips(&self, plan: &mut Plan, bearer: &Promotion, facts: &ProposalFacts) {
        for skip in bearer.skipped.iter().filter(|it| !facts.told_of_skips.contains(&it.gate)) {
            plan.actions.push(Action::TellOfSkip {
                number: facts.number,
                promotion: bearer.id.clone(),
                skip: skip.clone(),
            });
        }
    }

    /// Whose approvals count.
    pub(super) fn approvals(&self, bearer: &Promotion, facts: &ProposalFacts) -> Vec<PersonName> {
        counted(self.snapshot, self.environment, bearer, facts).cloned().collect()
    }

    /// Publishes what is judged as statuses, where they differ from what stands there.
    pub(super) fn publish(
        &self,
        plan: &mut Plan,
        (facts, head, statuses): (
            &ProposalFacts,
            &CommitId,
            &BTreeMap<String, (StatusWord, String)>,
        ),
        judged: &[Judged],
    ) {
        let only_version = match &facts.judgement {
            Judgement::OnlyVersion => {
                (StatusWord::Success, "Only version fields change".to_owned())
            }
            Judgement::Otherwise(what) => (StatusWord::Failure, what.clone()),
        };
        let gates = judged.iter().map(|judged| {
            let word = if judged.is_open() { StatusWord::Success } else { StatusWord::Pending };
            let told = judged.stable.as_ref().unwrap_or(&judged.saw);
            (format!("hoist/{}", judged.name), (word, told.clone()))
        });
        let wanted = std::iter::once(("hoist/only-version".to_owned(), only_version)).chain(gates);
        for (context, (state, description)) in wanted {
            let description = shortened(&description);
            let stands = statuses.get(&context);
            if stands == Some(&(state, description.clone())) {
                continue;
            }
            let (number, head) = (facts.number, head.clone());
            plan.actions.push(Action::SetStatus { number, head, context, state, description });
        }
    }

    /// What keeps the proposal from being merged by hoist, if anything does.
    fn obstacle(
        &self,
        bearer: &Promotion,
        facts: &ProposalFacts,
        head: Head,
        judged: &[Judged],
    ) -> Option<(Because, Option<Timestamp>)> {
        if let Judgement::Otherwise(what) = &facts.judgement {
            return Some((Because::NotOnlyVersion(what.clone()), None));
        }
        if !facts.objections.is_empty() {
            return Some((Because::Objections(facts.objections.clone()), None));
        }
        if head == Head::Foreign && !facts.conflicts.is_empty() {
            return Some((Because::Conflict(facts.conflicts.clone()), None));
        }
        let have = u32::try_from(self.approvals(bearer, facts).len()).unwrap_or(u32::MAX);
        if head == Head::Foreign && have == 0 {
            return Some((Because::ForeignPush(facts.head.clone()), None));
        }
        let shut = judged.iter().find(|gate| gate.name != "approvals" && !gate.is_open());
        if let Some(shut) = shut {
            return Some((Because::Gate(shut.clone()), opens_at(shut)));
        }
        if let Some(shut) = judged.iter().find(|gate| !gate.is_open()) {
            if matches!(facts.team, TeamWord::Silent(_)) {
                return Some((Because::Gate(shut.clone()), None));
            }
            let need = self.environment.approvals_needed(bearer);
            return Some((Because::Approvals { have, need }, None));
        }
        match self.environment.merge_of(bearer) {
            MergePolicy::Manual => Some((Because::ManualMerge, None)),
            MergePolicy::Automatic | MergePolicy::OnApproval => None,
        }
    }
}

/// When a gate opens by itself.
fn opens_at(judged: &Judged) -> Option<Timestamp> {
    match judged.verdict {
        Verdict::OpensAt(at) => Some(at),
        Verdict::Open | Verdict::NeedsAction(_) | Verdict::Skipped => None,
    }
}

/// Tells whether `values` say of `field` what stands there, or nothing.
fn holds(values: &[FieldValue], field: &VersionField) -> bool {
    values
        .iter()
        .find(|value| value.file == field.file && value.place == field.place)
        .is_none_or(|value| value.value == field.value)
}

/// At most 140 characters: what forges take as a status's description.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 140 {
        return text.to_owned();
    }
    let head: String = text.chars().take(139).collect();
    format!("{head}…")
}
