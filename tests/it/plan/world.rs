//! A world that keeps state and does what a plan says, in memory: the planner's own simulator.

use std::collections::BTreeMap;
use std::fmt::Write;

use hoist::domain::accept::Accept;
use hoist::domain::artifact::{Artifact, Build, SourceCode};
use hoist::domain::command::{Actor, Door};
use hoist::domain::examination::{DigestCheck, Verify};
use hoist::domain::freeze::{Freeze, Origin, Rollbacks, Scope};
use hoist::domain::gate::{Approvals, Gate, GateRule, Shuts, Voters};
use hoist::domain::health::{HealthRule, Remedy, Unhealthy};
use hoist::domain::id::{
    ApplicationKey, ArtifactId, CommitId, EnvironmentName, FreezeId, HoldId, PromotionId,
    ProposalNumber,
};
use hoist::domain::landing::{Drafted, Landing};
use hoist::domain::pipeline::{
    Applications, Environment, MergePolicy, Pipeline, Review, RollbackRules,
};
use hoist::domain::plan::{Action, Plan, plan};
use hoist::domain::promotion::{BadArtifact, FieldValue, Kind, Promotion, Proposed, State};
use hoist::domain::rollback;
use hoist::domain::snapshot::{
    Branch, Held, Judgement, ProposalFacts, ProposalStage, Reading, Snapshot, TeamWord,
    VersionField,
};
use hoist::domain::template::Template;
use hoist::yaml_edit::{Part, Place};
use jiff::{SignedDuration, Timestamp};

/// One application's world.
pub struct World {
    pub now: Timestamp,
    pub snapshot: Snapshot,
    /// What main holds, by environment.
    pub main: BTreeMap<EnvironmentName, String>,
    /// What each open proposal's branch would put there.
    branches: BTreeMap<ProposalNumber, String>,
    counter: u32,
    /// Every merge that hoist made, as `environment version`.
    pub merges: Vec<String>,
    /// What the forge says of a proposal that was just opened.
    first_said: Landing,
}

pub fn environment(
    name: &str,
    after: &[&str],
    merge: MergePolicy,
    gates: Vec<Gate>,
) -> Environment {
    Environment {
        name: name.parse().unwrap(),
        after: after.iter().map(|name| name.parse().unwrap()).collect(),
        branch: None,
        edits: Vec::new(),
        gates: gates.into_iter().map(GateRule::from).collect(),
        merge,
        review: Review::default(),
        health: HealthRule::Nobody,
        on_unhealthy: Unhealthy::default(),
        rollback: RollbackRules::default(),
    }
}

pub fn approvals(count: u32) -> Gate {
    Gate::Approvals(Approvals { count, of: Voters::Anybody })
}

pub fn soak(minutes: i64) -> Gate {
    Gate::Soak(SignedDuration::from_mins(minutes))
}

impl World {
    /// A shop at v0 everywhere, in these environments.
    pub fn new(environments: Vec<Environment>) -> Self {
        let pipeline = Pipeline {
            name: "services".parse().unwrap(),
            repository: "gitops".parse().unwrap(),
            applications: Applications::Discover,
            image: Template::parse("ghcr.io/acme/{application}", &["application"]).unwrap(),
            accept: Accept::default(),
            verify: Verify { digest: DigestCheck::Announcer, ..Verify::default() },
            source_status: None,
            environments,
        };
        let main = pipeline.environments.iter().map(|e| (e.name.clone(), "v0".into())).collect();
        let application = ApplicationKey {
            pipeline: pipeline.name.clone(),
            application: "shop".parse().unwrap(),
        };
        let now = "2026-01-05T09:00:00Z".parse().unwrap();
        let snapshot = Snapshot {
            at: now,
            application,
            pipeline,
            artifacts: Vec::new(),
            delays: BTreeMap::new(),
            promotions: Vec::new(),
            holds: BTreeMap::new(),
            freezes: Vec::new(),
            timetable: hoist::domain::schedule::Timetable::default(),
            withdrawn: BTreeMap::new(),
            rides: BTreeMap::new(),
            members: BTreeMap::new(),
            readings: BTreeMap::new(),
            proposals: BTreeMap::new(),
            pulses: BTreeMap::new(),
            evidence: BTreeMap::new(),
            glances: BTreeMap::new(),
        };
        let (branches, merges) = (BTreeMap::new(), Vec::new());
        Self { now, snapshot, main, branches, counter: 0, merges, first_said: Landing::Free }
    }

    /// Staging, merged by itself; prod after it, with a soak of 30 minutes and one approval.
    pub fn usual() -> Self {
        Self::new(vec![
            environment("staging", &[], MergePolicy::Automatic, vec![]),
            environment("prod", &["staging"], MergePolicy::OnApproval, vec![soak(30)]),
        ])
    }

    fn count(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    fn commit(&mut self) -> CommitId {
        format!("{:040x}", self.count()).parse().unwrap()
    }

    pub fn pass_time(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
    }

    pub fn announce(&mut self, tag: &str) {
        self.now += SignedDuration::from_secs(1);
        let count = u128::from(self.count());
        self.snapshot.artifacts.push(Artifact {
            id: ArtifactId::new(self.now, count),
            image: "ghcr.io/acme/shop".parse().unwrap(),
            digest: format!("sha256:{count:064x}").parse().unwrap(),
            tag: Some(tag.parse().unwrap()),
            version: None,
            source: SourceCode::default(),
            build: Build::default(),
            actor: Some("alice".into()),
            accepted_at: self.now,
            examination: None,
        });
    }

    pub fn open_proposal(&self, environment: &str) -> Option<ProposalNumber> {
        let open = |facts: &&ProposalFacts| {
            facts.environment.as_str() == environment && facts.state == ProposalStage::Open
        };
        self.snapshot.proposals.values().find(open).map(|facts| facts.number)
    }

    fn with_open(&mut self, environment: &str, change: impl FnOnce(&mut ProposalFacts)) {
        if let Some(number) = self.open_proposal(environment) {
            change(self.snapshot.proposals.get_mut(&number).unwrap());
        }
    }

    pub fn approve(&mut self, environment: &str, by: &str) {
        self.with_open(environment, |facts| {
            let by = by.parse().unwrap();
            if !facts.approvals.contains(&by) {
                facts.approvals.push(by);
            }
        });
    }

    pub fn object(&mut self, environment: &str, by: &str) {
        self.with_open(environment, |facts| facts.objections = vec![by.parse().unwrap()]);
    }

    /// The forge says this of every proposal that is opened from now on.
    pub fn forge_says(&mut self, landing: Landing) {
        self.first_said = landing;
    }

    /// The forge says this of the open proposal.
    pub fn land_as(&mut self, environment: &str, landing: Landing) {
        self.with_open(environment, |facts| facts.landing = landing);
    }

    /// The open proposal is a draft of that kind.
    pub fn drafted(&mut self, environment: &str, draft: Drafted) {
        self.with_open(environment, |facts| facts.draft = draft);
    }

    pub fn close(&mut self, environment: &str) {
        self.with_open(environment, |facts| {
            facts.state = ProposalStage::Closed {
                by: Some("bob".parse().unwrap()),
                reason: Some("not now".into()),
            };
        });
    }

    pub fn delete_branch(&mut self, environment: &str) {
        self.with_open(environment, |facts| facts.branch = Branch::Gone);
    }

    /// Somebody pushes to the branch: another version, or more than a version.
    pub fn push_to_branch(&mut self, environment: &str, judgement: Judgement) {
        let head = self.commit();
        self.with_open(environment, |facts| {
            facts.head = head;
            facts.approvals.clear();
            facts.statuses.clear();
            facts.judgement = judgement;
        });
    }

    /// Somebody edits the version on main.
    pub fn edit_main(&mut self, environment: &str, value: &str) {
        let name: EnvironmentName = environment.parse().unwrap();
        if self.main.insert(name, value.into()).as_deref() != Some(value) {
            self.with_open(environment, |facts| facts.conflicts = vec!["values.yaml".into()]);
        }
    }

    /// Somebody reverts what is in, as a forge's Revert button does.
    pub fn revert(&mut self, environment: &str) {
        let name: EnvironmentName = environment.parse().unwrap();
        let before = {
            let mut was = self.snapshot.promotions_into(&name).rev().filter(|it| it.state.is_in());
            was.nth(1).and_then(|it| it.values.first()).map(|it| it.value.clone())
        };
        if let Some(before) = before {
            self.edit_main(environment, &before);
        }
    }

    /// Somebody merges the open proposal.
    pub fn merge_by_hand(&mut self, environment: &str) {
        if let Some(number) = self.open_proposal(environment) {
            self.merged(number, Some("bob"));
        }
    }

    fn merged(&mut self, number: ProposalNumber, by: Option<&str>) {
        let commit = self.commit();
        let facts = self.snapshot.proposals.get_mut(&number).unwrap();
        if !facts.conflicts.is_empty() {
            return;
        }
        let by = by.map(|by| by.parse().unwrap());
        facts.state = ProposalStage::Merged { commit, by };
        self.main.insert(facts.environment.clone(), self.branches[&number].clone());
    }

    /// What `hoist rollback` records, if there is anything to roll back to.
    pub fn roll_back(&mut self, environment: &str) -> Result<PromotionId, String> {
        self.roll_back_to(environment, None)
    }

    /// The same, to a promotion that is named.
    pub fn roll_back_to(
        &mut self,
        environment: &str,
        to: Option<&str>,
    ) -> Result<PromotionId, String> {
        let name: EnvironmentName = environment.parse().unwrap();
        let chosen = rollback::choose(&self.snapshot, &name, to).map_err(|e| e.to_string())?;
        let kind = Kind::Rollback {
            restores: chosen.restores.id.clone(),
            undoes: chosen.undoes.id.clone(),
        };
        let (version, artifact) =
            (chosen.restores.version.clone(), chosen.restores.artifact.clone());
        let promotion = self.promotion(&name, kind, artifact, &version);
        let id = promotion.id.clone();
        self.snapshot.promotions.push(promotion);
        self.hold(environment);
        Ok(id)
    }

    pub fn hold(&mut self, environment: &str) {
        let by = Actor { name: "carol".into(), door: Door::Api };
        let id = HoldId::new(self.now, u128::from(self.count()));
        let held = Held { id, by, reason: None, since: self.now, until: None };
        self.snapshot.holds.insert(environment.parse().unwrap(), held);
    }

    /// A freeze of an environment, from now on; for so many minutes, or until somebody thaws it.
    pub fn freeze(&mut self, environment: &str, minutes: Option<i64>, rollbacks: Rollbacks) {
        let id = FreezeId::new(self.now, u128::from(self.count()));
        self.snapshot.freezes.push(Freeze {
            origin: Origin::Command { id, by: Actor { name: "carol".into(), door: Door::Api } },
            scope: Scope::Only(vec![environment.parse().unwrap()]),
            reason: Some("INC-123".into()),
            begins: self.now,
            ends: minutes.map(|minutes| self.now + SignedDuration::from_mins(minutes)),
            rollbacks,
            shuts: Shuts::Proposal,
        });
    }

    pub fn thaw(&mut self, environment: &str) {
        let name: EnvironmentName = environment.parse().unwrap();
        self.snapshot.freezes.retain(|freeze| !freeze.scope.has(&name));
    }

    pub fn resume(&mut self, environment: &str) {
        let name: EnvironmentName = environment.parse().unwrap();
        self.snapshot.holds.remove(&name);
    }

    fn promotion(
        &mut self,
        environment: &EnvironmentName,
        kind: Kind,
        artifact: Option<ArtifactId>,
        version: &str,
    ) -> Promotion {
        self.now += SignedDuration::from_secs(1);
        let random = u128::from(self.count());
        Promotion {
            id: PromotionId::new(self.now, random),
            application: self.snapshot.application.clone(),
            environment: environment.clone(),
            kind,
            artifact,
            version: version.into(),
            values: Vec::new(),
            requested_by: Actor { name: "alice".into(), door: Door::Ci },
            reason: None,
            created_at: self.now,
            state: State::Waiting,
            since: self.now,
            proposal: None,
            skipped: Vec::new(),
        }
    }

    fn read(&mut self) {
        let tip: CommitId = format!("{:040x}", 0xfeed).parse().unwrap();
        for (environment, value) in &self.main {
            let field = VersionField {
                file: format!("{environment}/values.yaml"),
                place: Place { document: 0, pointer: "/image/tag".into() },
                part: Part::Tag,
                template: None,
                value: value.clone(),
            };
            let reading = Reading::Fields { tip: tip.clone(), fields: vec![field] };
            self.snapshot.readings.insert(environment.clone(), reading);
        }
    }

    /// What would be done now.
    pub fn plan(&mut self) -> Plan {
        self.read();
        plan(&self.snapshot, self.now)
    }

    /// Plans and does until nothing is left to do; fails if that does not come.
    pub fn settle(&mut self) -> Plan {
        for _ in 0..24 {
            let plan = self.plan();
            if plan.actions.is_empty() {
                return plan;
            }
            for action in plan.actions {
                self.perform(action);
            }
        }
        panic!("the plan does not settle: {:#?}", self.plan().actions);
    }

    /// Does one planned action, as the executor does, or nothing where it would look again.
    pub fn perform(&mut self, action: Action) {
        match action {
            Action::Adopt { environment, at, values } => {
                let version = values[0].value.clone();
                let mut promotion =
                    self.promotion(&environment, Kind::Found { at }, None, &version);
                promotion.state = State::Succeeded { commit: None };
                promotion.values = values;
                self.snapshot.promotions.push(promotion);
            }
            Action::Start { environment, artifact } => {
                let version = self.snapshot.artifact(&artifact).unwrap().version().to_owned();
                let kind = Kind::Forward { skips: vec![], bad: BadArtifact::Refused };
                let promotion = self.promotion(&environment, kind, Some(artifact), &version);
                self.snapshot.promotions.push(promotion);
            }
            Action::Step { promotion, to } => self.step(&promotion, to),
            Action::AlreadyThere { promotion, values } => {
                self.step(&promotion, State::Succeeded { commit: None });
                let found = self.snapshot.promotions.iter_mut().find(|p| p.id == promotion);
                found.unwrap().values = values;
            }
            Action::Observe { environment, pulse } => {
                self.snapshot.pulses.insert(environment, pulse);
            }
            Action::Remedy { environment, remedy, pulse } => {
                self.snapshot.pulses.insert(environment.clone(), pulse);
                match remedy {
                    Remedy::Rollback => drop(self.roll_back(environment.as_str())),
                    Remedy::Hold => self.hold(environment.as_str()),
                    Remedy::Nothing => panic!("a remedy that is none"),
                }
            }
            Action::Propose(proposing) => self.propose(proposing),
            Action::SetStatus { number, head, context, state, description } => {
                let facts = self.snapshot.proposals.get_mut(&number).unwrap();
                assert_eq!(facts.head, head, "a status on a head that is not the head");
                facts.statuses.insert(context, (state, description));
            }
            Action::TellOfForeignPush { number, head, .. } => {
                self.snapshot.proposals.get_mut(&number).unwrap().told_of_push = Some(head);
            }
            Action::Join { .. } => {}
            Action::HoldEnded { environment, .. } => {
                self.snapshot.holds.remove(&environment);
            }
            Action::TellOfPutOut { number, head, .. } => {
                self.snapshot.proposals.get_mut(&number).unwrap().told_put_out = Some(head);
            }
            Action::TellOfSkip { number, skip, .. } => {
                let facts = self.snapshot.proposals.get_mut(&number).unwrap();
                facts.told_of_skips.push(skip.gate);
            }
            Action::Merge { number, head, promotion, .. } => {
                let facts = &self.snapshot.proposals[&number];
                if facts.head == head && facts.state == ProposalStage::Open {
                    let what = format!("{} {}", facts.environment, self.branches[&number]);
                    self.merges.push(what);
                    self.merged(number, None);
                    let ProposalStage::Merged { commit, .. } =
                        self.snapshot.proposals[&number].state.clone()
                    else {
                        return;
                    };
                    self.step(&promotion, State::Merged { commit, by: None });
                }
            }
            Action::MakeReady { number, .. } => {
                self.snapshot.proposals.get_mut(&number).unwrap().draft = Drafted::Ready;
            }
            Action::TakeBack { number, .. } => {
                self.snapshot.proposals.get_mut(&number).unwrap().landing = Landing::Free;
            }
            Action::Close { number, .. } => {
                let facts = self.snapshot.proposals.get_mut(&number).unwrap();
                if facts.state == ProposalStage::Open {
                    facts.state = ProposalStage::Closed { by: None, reason: None };
                }
            }
        }
    }

    fn step(&mut self, id: &PromotionId, to: State) {
        self.now += SignedDuration::from_millis(1);
        let environment = self.snapshot.promotion(id).unwrap().environment.clone();
        let at = self.snapshot.time_in(&environment, self.now);
        let promotion = self.snapshot.promotions.iter_mut().find(|p| &p.id == id).unwrap();
        let from = promotion.state.name();
        promotion.state = promotion.state.clone().step(to).unwrap();
        // A soak that ends later than was said has still begun when it began.
        if promotion.state.name() != from {
            promotion.since = at;
        }
    }

    fn propose(&mut self, proposing: hoist::domain::plan::Proposing) {
        let promotion = self.snapshot.promotion(&proposing.promotion).unwrap();
        let environment = promotion.environment.clone();
        let head = self.commit();
        let number = match self.open_proposal(environment.as_str()) {
            Some(number) => number,
            None => ProposalNumber(self.snapshot.proposals.len() as u64 + 1),
        };
        let facts = ProposalFacts {
            number,
            environment,
            head: head.clone(),
            branch: Branch::Stands,
            state: ProposalStage::Open,
            conflicts: vec![],
            approvals: vec![],
            objections: vec![],
            statuses: BTreeMap::new(),
            judgement: Judgement::OnlyVersion,
            told_of_push: None,
            told_of_skips: vec![],
            told_put_out: None,
            team: TeamWord::NotAsked,
            draft: Drafted::Ready,
            landing: self.first_said.clone(),
        };
        self.snapshot.proposals.insert(number, facts);
        self.branches.insert(number, proposing.values[0].value.clone());
        let base = proposing.base;
        let values: Vec<FieldValue> = proposing.values;
        self.step(&proposing.promotion, State::Proposed);
        let promotion =
            self.snapshot.promotions.iter_mut().find(|p| p.id == proposing.promotion).unwrap();
        promotion.proposal = Some(Proposed { number, head, base });
        promotion.values = values;
    }

    /// The story so far, for people: what main holds, and every promotion.
    pub fn story(&self) -> String {
        let mut text = String::new();
        for environment in &self.snapshot.pipeline.environments {
            let held =
                if self.snapshot.holds.contains_key(&environment.name) { " (held)" } else { "" };
            let _ = writeln!(text, "{}: {}{held}", environment.name, self.main[&environment.name]);
            for promotion in self.snapshot.promotions_into(&environment.name) {
                let kind = match promotion.kind {
                    Kind::Found { .. } => "found",
                    Kind::Forward { .. } => "promote",
                    Kind::Rollback { .. } => "roll back to",
                };
                let proposal = promotion.proposal.as_ref();
                let number = proposal.map_or(String::new(), |p| format!(" {}", p.number));
                let (version, state) = (&promotion.version, promotion.state.name());
                let _ = writeln!(text, "  {kind} {version}{number}: {state}");
            }
        }
        text
    }
}
