//! Asks the world outside for a train: what others say of its head once for all who ride, and the
//! rest for each of them.

use super::{Rider, Train};
use crate::app::App;
use crate::domain::evidence::Evidence;
use crate::domain::gate::{CHECKS, Gate};
use crate::domain::snapshot::ProposalFacts;

impl App {
    /// Adds what others say of the proposal's head, as they said it where that still `holds`.
    pub(super) async fn ask_about_head(
        &self,
        train: &Train<'_>,
        riding: &mut [Rider],
        (facts, holds): (&ProposalFacts, impl Fn(&Evidence) -> bool),
    ) {
        let gate = train.environment.rule(CHECKS).map(|rule| &rule.gate);
        let Some(Gate::Checks(checks)) = gate else { return };
        let is_of_this = |it: &Evidence| it.about.as_ref() == Some(&facts.head) && holds(it);
        let before = self.trains.known().checks.get(&train.branch).cloned();
        let evidence = match before.filter(is_of_this) {
            Some(evidence) => evidence,
            None => self.checks_on(train.repository, checks, facts).await,
        };
        self.trains.known().checks.insert(train.branch.clone(), evidence.clone());
        for Rider { snapshot, promotion, .. } in riding {
            snapshot.evidence.insert((promotion.id.clone(), CHECKS), evidence.clone());
        }
    }

    /// Asks anew whatever gates want to know of those who ride: a merge follows from nothing that
    /// is old, and who rides may have been asked about long before.
    pub(super) async fn ask_for_riders(
        &self,
        train: &Train<'_>,
        riding: &mut [Rider],
        facts: &ProposalFacts,
    ) {
        self.ask_about_head(train, riding, (facts, |it: &Evidence| self.is_fresh(it.at))).await;
        for Rider { snapshot, .. } in riding {
            let mut answered = snapshot.evidence.clone();
            self.ask_for_gates(snapshot, &mut answered).await;
        }
    }
}
