//! Asks the world outside what gates want to know: metrics, calls that answer yes or no, and checks
//! by others.

use jiff::Timestamp;

use crate::domain::artifact::Artifact;
use crate::domain::checks::{Check, Checked, Checks, SourceCommit};
use crate::domain::evidence::{Call, Evidence, Metric};
use crate::domain::gate::{CHECKS, Gate};
use crate::domain::id::CommitId;
use crate::domain::pipeline::Environment;
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::{Findings, ProposalFacts, ProposalStage, Snapshot};

use super::ports::ForgeError;
use super::reconcile::chain;
use super::{App, Repository};

/// What a gate asks about.
struct Subject<'a> {
    promotion: &'a Promotion,
    artifact: &'a Artifact,
    /// Since when it runs in all the environments before.
    since: Timestamp,
    /// Its proposal, where one is open.
    proposal: Option<&'a ProposalFacts>,
}

impl App {
    /// Adds to a snapshot what the gates of everything that waits were answered, each asked once
    /// in a pass, and again where that takes its time: a merge follows from nothing that is old.
    ///
    /// Nobody who cannot be asked stops a pass: the gate stays shut, and says why.
    pub(super) async fn ask_for_gates(&self, snapshot: &mut Snapshot, answered: &mut Findings) {
        for environment in &snapshot.pipeline.environments {
            for subject in subjects(snapshot, environment) {
                for rule in environment.asking() {
                    let key = (subject.promotion.id.clone(), rule.gate.name());
                    // What was said of another head is of no use, and is asked anew.
                    let head = subject.proposal.map(|facts| &facts.head);
                    let holds = |it: &Evidence| {
                        let is_of_this = rule.gate.name() != CHECKS || it.about.as_ref() == head;
                        is_of_this && self.is_fresh(it.at)
                    };
                    if answered.get(&key).is_some_and(holds) {
                        continue;
                    }
                    if let Some(evidence) = self.ask(snapshot, &rule.gate, &subject).await {
                        answered.insert(key, evidence);
                    }
                }
            }
        }
        snapshot.evidence = answered.clone();
    }

    async fn ask(&self, snapshot: &Snapshot, gate: &Gate, about: &Subject<'_>) -> Option<Evidence> {
        match gate {
            Gate::Checks(checks) => self.checks(snapshot, checks, about).await,
            Gate::Prometheus(metric) => Some(self.measure(metric, about).await),
            Gate::Http(call) => Some(self.call(call, about).await),
            Gate::Soak(_) | Gate::Approvals(_) | Gate::Window(_) => None,
        }
    }

    async fn checks(
        &self,
        snapshot: &Snapshot,
        checks: &Checks,
        about: &Subject<'_>,
    ) -> Option<Evidence> {
        let now = self.clock.now();
        let (_, repository) = self.rules(&snapshot.application).ok()?;
        let (commit, told) = match &checks.on {
            Checked::Proposal => {
                return Some(self.checks_on(repository, checks, about.proposal?).await);
            }
            Checked::Source(only) => {
                let application = &snapshot.application.application;
                let source = &about.artifact.source;
                match SourceCommit::of(source, only.as_ref(), application) {
                    Ok(of) => (of.commit.clone(), repository.forge.source_checks(&of).await),
                    Err(why) => return Some(Evidence::unseen(now, &why)),
                }
            }
        };
        Some(heard(checks, told, (&commit, now)))
    }

    /// What others say of a proposal's head.
    pub(super) async fn checks_on(
        &self,
        repository: &Repository,
        checks: &Checks,
        facts: &ProposalFacts,
    ) -> Evidence {
        let now = self.clock.now();
        let told = repository.forge.checks(facts.number, &facts.head).await;
        heard(checks, told, (&facts.head, now))
    }

    async fn measure(&self, metric: &Metric, about: &Subject<'_>) -> Evidence {
        let now = self.clock.now();
        let query = metric.query.about(&about.promotion.application.application, about.artifact);
        match self.watchers.metrics.over(&metric.url, &query, metric.span(now)).await {
            Ok(series) => metric.judge(&series, about.since, now),
            Err(error) => Evidence::unseen(now, &error.to_string()),
        }
    }

    async fn call(&self, call: &Call, about: &Subject<'_>) -> Evidence {
        let now = self.clock.now();
        let address = call.address(&about.promotion.application.application, about.artifact);
        match self.watchers.caller.call(&address).await {
            Ok(answer) => Evidence::of_call(&call.expect, &answer, about.artifact, now),
            Err(error) => Evidence::unseen(now, &error.to_string()),
        }
    }
}

/// Judges what a forge told of a commit's checks.
fn heard(
    checks: &Checks,
    told: Result<Vec<Check>, ForgeError>,
    (commit, now): (&CommitId, Timestamp),
) -> Evidence {
    match told {
        Ok(seen) => checks.judge(&seen, commit, now),
        Err(error) => {
            Evidence { about: Some(commit.clone()), ..Evidence::unseen(now, &chain(&error)) }
        }
    }
}

/// What waits to go into an environment and runs in those before it.
fn subjects<'a>(snapshot: &'a Snapshot, environment: &'a Environment) -> Vec<Subject<'a>> {
    if environment.asking().next().is_none() {
        return Vec::new();
    }
    let waiting = snapshot
        .promotions_into(&environment.name)
        .filter(|promotion| promotion.state.is_pending() && !promotion.is_rollback());
    waiting
        .filter_map(|promotion| {
            let artifact = snapshot.artifact(promotion.artifact.as_ref()?)?;
            let since = runs_since(snapshot, environment, promotion)?;
            let number = promotion.proposal.as_ref().map(|proposed| proposed.number);
            let proposal = number.and_then(|number| snapshot.proposals.get(&number));
            let proposal = proposal.filter(|facts| facts.state == ProposalStage::Open);
            Some(Subject { promotion, artifact, since, proposal })
        })
        .collect()
}

/// Since when the promotion's artifact is in every environment before this one that it does not
/// skip; none where it is not.
fn runs_since(
    snapshot: &Snapshot,
    environment: &Environment,
    promotion: &Promotion,
) -> Option<Timestamp> {
    let mut since = Timestamp::MIN;
    for upstream in environment.after.iter().filter(|name| !promotion.skips(name)) {
        let there = snapshot
            .promotions_into(upstream)
            .rfind(|other| other.artifact == promotion.artifact && other.state.is_in())?;
        since = since.max(there.since);
    }
    // What goes on there, from deployed to succeeded, begins anew each time. A promotion is begun
    // when its version runs in the environments before, so that bounds it.
    let is_known = since != Timestamp::MIN;
    Some(if is_known { since.min(promotion.created_at) } else { promotion.created_at })
}
