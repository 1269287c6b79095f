//! How a train gets in: what keeps it from that, what its statuses say, and what is left to the
//! forge.

use jiff::Timestamp;

use super::super::AppError;
use super::super::execute::status_state;
use super::super::ports::{Proposal, Status};
use super::{Rider, Train};
use crate::domain::gate::Judged;
use crate::domain::landing::Landing;
use crate::domain::pipeline::MergePolicy;
use crate::domain::plan::{Shut, TrainGate, judge, train_gates};
use crate::domain::snapshot::{ProposalFacts, StatusWord, Turn};
use crate::messages::{landing, train as words};

/// What a train waits for, in words, and whose turn it is.
pub(super) struct Waits {
    pub(super) what: String,
    pub(super) turn: Turn,
}

impl Waits {
    pub(super) fn for_people(what: String) -> Self {
        Self { what, turn: Turn::Peoples }
    }

    pub(super) fn for_others(what: String) -> Self {
        Self { what, turn: Turn::Anothers }
    }
}

/// What the gates say of each who rides.
pub(super) fn judgements(
    train: &Train<'_>,
    riding: &[Rider],
    (facts, now): (&ProposalFacts, Timestamp),
) -> Vec<Vec<Judged>> {
    let of = |it: &Rider| judge(&it.snapshot, train.environment, &it.promotion, Some(facts), now);
    riding.iter().map(of).collect()
}

/// The same for the train as a whole.
pub(super) fn gates_of<'a>(riding: &'a [Rider], judged: &'a [Vec<Judged>]) -> Vec<TrainGate<'a>> {
    train_gates(riding.iter().zip(judged).map(|(it, gates)| (it.application(), gates.as_slice())))
}

/// What keeps a train from being merged by hoist, if anything does.
pub(super) fn obstacle(
    train: &Train<'_>,
    riding: &[Rider],
    (facts, gates): (&ProposalFacts, &[TrainGate<'_>]),
) -> Option<Waits> {
    let shut: Vec<Shut<'_>> = gates.iter().filter_map(|gate| gate.shut).collect();
    if let Some(first) = shut.first() {
        let is_up_to_people = shut.iter().all(|it| it.judged.name == "approvals");
        let turn = if is_up_to_people { Turn::Peoples } else { Turn::Anothers };
        return Some(Waits { what: words::waits(*first), turn });
    }
    if !facts.objections.is_empty() {
        return Some(Waits::for_people(words::objections(&facts.objections)));
    }
    let mut merge = riding.iter().map(|rider| train.environment.merge_of(&rider.promotion));
    let is_manual = merge.any(|it| it == MergePolicy::Manual);
    is_manual.then(|| Waits::for_people(words::MANUAL.to_owned()))
}

/// What a train that nothing of hoist's keeps out waits for at its forge, if for anything.
pub(super) fn waits_for_its_forge(landing: &Landing) -> Option<Waits> {
    match landing {
        Landing::Blocked { blocks, offer: None } => {
            let is_up_to_people = blocks.iter().any(|it| it.is_up_to_people());
            let turn = if is_up_to_people { Turn::Peoples } else { Turn::Anothers };
            Some(Waits { what: landing::blocked(blocks), turn })
        }
        Landing::Handed(handed) if !handed.is_through() => {
            Some(Waits::for_others(landing::handed(handed)))
        }
        Landing::Free | Landing::Blocked { .. } | Landing::Handed(_) => None,
    }
}

/// Takes back what hoist asked the forge to do by itself, where it did.
pub(super) async fn take_back(train: &Train<'_>, proposal: &Proposal) -> Result<(), AppError> {
    if proposal.landing.ours().is_some() {
        train.repository.forge.take_back(proposal.number).await?;
    }
    Ok(())
}

/// Says on a train's head what its gates say, and on what a queue tests of it.
pub(super) async fn publish(
    train: &Train<'_>,
    proposal: &Proposal,
    gates: &[TrainGate<'_>],
) -> Result<(), AppError> {
    let proved = (StatusWord::Success, words::ONLY_VERSIONS.to_owned());
    set_status(train, proposal, ("hoist/only-version", proved)).await?;
    for gate in gates {
        let told = words::gate(gate.shut);
        set_status(train, proposal, (&format!("hoist/{}", gate.name), told)).await?;
    }
    Ok(())
}

/// Sets a status where it differs from what stands there.
pub(super) async fn set_status(
    train: &Train<'_>,
    proposal: &Proposal,
    (context, (word, description)): (&str, (StatusWord, String)),
) -> Result<(), AppError> {
    let status = Status { state: status_state(word), description: words::short(&description) };
    let forge = train.repository.forge.as_ref();
    if proposal.statuses.get(context) != Some(&status) {
        forge.set_status(proposal.number, &proposal.head, context, &status).await?;
    }
    let Some(group) = proposal.landing.group() else { return Ok(()) };
    if group.statuses.get(context) != Some(&(word, status.description.clone())) {
        forge.set_status(proposal.number, &group.head, context, &status).await?;
    }
    Ok(())
}
