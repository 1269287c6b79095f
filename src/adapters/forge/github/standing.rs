//! What keeps a pull request out, rule by rule, as far as GitHub tells.
//!
//! A classic protection of a branch and a ruleset are told of in different places; what both
//! demand is put together here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::domain::id::PersonName;
use crate::domain::landing::{Block, Course, Lacking, Whose};

/// How often a queue may put the same head out before a person is to look: once may be the fault of
/// those that were queued with it.
const TRIES: usize = 2;

/// How a pull request stands, in GitHub's words.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawStanding {
    pub(super) id: String,
    pub(super) head_ref_oid: String,
    is_draft: bool,
    merge_state_status: Option<String>,
    review_decision: Option<String>,
    pub(super) is_merge_queue_enabled: bool,
    author: Option<RawActor>,
    pub(super) auto_merge_request: Option<RawAutoMerge>,
    pub(super) merge_queue_entry: Option<RawEntry>,
    latest_opinionated_reviews: Option<Nodes<RawVerdict>>,
    review_threads: Option<Nodes<RawThread>>,
    commits: Option<Nodes<RawPullCommit>>,
    status_check_rollup: Option<RawRollup>,
    base_ref: Option<RawBaseRef>,
    pub(super) drafted: RawCount,
    timeline_items: Option<Nodes<RawEvent>>,
}

/// A list, in which what these credentials may not see is null: check runs, to a fine-grained token
/// or an App without *Checks: read*.
#[derive(Debug, Clone, Deserialize)]
struct Nodes<T> {
    nodes: Vec<Option<T>>,
}

impl<T> Nodes<T> {
    fn seen(&self) -> impl Iterator<Item = &T> {
        self.nodes.iter().flatten()
    }
}

/// The same machine is called otherwise in the other API, but for itself it is always the same.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct RawActor {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAutoMerge {
    pub(super) enabled_by: Option<RawActor>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawEntry {
    pub(super) enqueuer: RawActor,
    pub(super) head_commit: Option<RawCommit>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawCommit {
    pub(super) oid: String,
}

#[derive(Debug, Clone, Deserialize)]
struct RawVerdict {
    state: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawThread {
    is_resolved: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct RawPullCommit {
    commit: RawSigned,
}

#[derive(Debug, Clone, Deserialize)]
struct RawSigned {
    signature: Option<RawSignature>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSignature {
    is_valid: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct RawRollup {
    contexts: Nodes<RawContext>,
}

/// A check run or a status: each has its own words for the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContext {
    #[serde(alias = "context")]
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    state: Option<String>,
    #[serde(default)]
    is_required: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBaseRef {
    ref_update_rule: Option<RawProtection>,
}

#[expect(clippy::struct_excessive_bools, reason = "GitHub sends it so")]
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawProtection {
    required_approving_review_count: Option<u32>,
    required_status_check_contexts: Option<Vec<Option<String>>>,
    requires_code_owner_reviews: bool,
    requires_conversation_resolution: bool,
    requires_signatures: bool,
    requires_linear_history: bool,
    viewer_can_push: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawCount {
    pub(super) total_count: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct RawEvent {
    #[serde(rename = "__typename")]
    kind: String,
    actor: Option<RawActor>,
    reason: Option<String>,
}

/// A rule of a ruleset that a branch is under.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawRule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Value,
}

/// What a branch demands, by whichever of the two.
#[derive(Default)]
struct Demands {
    checks: Vec<String>,
    approvals: u32,
    plain: BTreeSet<Demand>,
    methods: Option<Vec<String>>,
    deployments: Vec<String>,
}

/// A demand that is there or is not.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Demand {
    CodeOwners,
    Conversations,
    Signatures,
    Restricted,
}

impl RawStanding {
    /// Who asked for something: hoist, who opened the pull request, or a person.
    pub(super) fn whose(&self, actor: Option<&RawActor>) -> Whose {
        if actor.is_some() && actor == self.author.as_ref() { Whose::Ours } else { Whose::Theirs }
    }

    /// Tells whether GitHub says that it would not be merged now.
    pub(super) fn is_blocked(&self) -> bool {
        matches!(self.merge_state_status.as_deref(), Some("BLOCKED" | "BEHIND"))
    }

    /// All that is in its way. `person` tells who has a login.
    pub(super) fn blocks(
        &self,
        rules: &[RawRule],
        method: &'static str,
        person: impl Fn(&str) -> Option<PersonName>,
    ) -> Vec<Block> {
        let mut blocks: Vec<Block> = self.thrown_out(person).into_iter().collect();
        if self.is_draft {
            blocks.push(Block::Draft);
        }
        if self.merge_state_status.as_deref() == Some("BEHIND") {
            blocks.push(Block::Behind);
        }
        if !self.is_blocked() {
            return blocks;
        }
        let demands = self.demands(rules);
        blocks.extend(self.checks(&demands));
        blocks.extend(self.reviews(&demands));
        let threads = self.review_threads.iter().flat_map(Nodes::seen);
        let unresolved = threads.filter(|it| !it.is_resolved).count();
        if demands.has(Demand::Conversations) && unresolved > 0 {
            blocks.push(Block::Conversations(u32::try_from(unresolved).ok()));
        }
        if demands.has(Demand::Signatures) && self.has_unsigned() {
            blocks.push(Block::Signatures);
        }
        if demands.has(Demand::Restricted) {
            blocks.push(Block::Restricted);
        }
        // A queue merges by a method of its own.
        if let Some(allowed) = demands.methods.filter(|_| !self.is_merge_queue_enabled)
            && !allowed.iter().any(|it| it == method)
        {
            blocks.push(Block::Method { method, allowed });
        }
        if blocks.is_empty() && !demands.deployments.is_empty() {
            blocks.push(Block::Deployments(demands.deployments));
        }
        // That a queue has to be gone through is a block to GitHub, and none to us.
        if blocks.is_empty() && !self.is_merge_queue_enabled {
            blocks.push(Block::Unnamed);
        }
        blocks
    }

    fn demands(&self, rules: &[RawRule]) -> Demands {
        let mut demands = Demands::default();
        let base = self.base_ref.as_ref().and_then(|it| it.ref_update_rule.as_ref());
        if let Some(rule) = base {
            let contexts = rule.required_status_check_contexts.iter().flatten().flatten();
            demands.checks.extend(contexts.cloned());
            demands.approvals = rule.required_approving_review_count.unwrap_or(0);
            demands.if_so(rule.requires_code_owner_reviews, Demand::CodeOwners);
            demands.if_so(rule.requires_conversation_resolution, Demand::Conversations);
            demands.if_so(rule.requires_signatures, Demand::Signatures);
            demands.if_so(!rule.viewer_can_push, Demand::Restricted);
            if rule.requires_linear_history {
                demands.methods = Some(vec!["squash".into(), "rebase".into()]);
            }
        }
        rules.iter().for_each(|rule| demands.add(rule));
        demands
    }

    fn checks(&self, demands: &Demands) -> Vec<Block> {
        let contexts = self.status_check_rollup.iter().flat_map(|it| it.contexts.seen());
        let mut required: BTreeMap<&str, Option<Lacking>> =
            demands.checks.iter().map(|name| (name.as_str(), Some(Lacking::Missing))).collect();
        for context in contexts {
            let Some(name) = context.name.as_deref() else { continue };
            if context.is_required || required.contains_key(name) {
                required.insert(name, context.lacking());
            }
        }
        let block = |(name, lacking): (&str, Option<Lacking>)| {
            Some(Block::Check { name: name.to_owned(), lacking: lacking? })
        };
        required.into_iter().filter_map(block).collect()
    }

    fn reviews(&self, demands: &Demands) -> Option<Block> {
        let verdicts = self.latest_opinionated_reviews.iter().flat_map(Nodes::seen);
        let have = verdicts.filter(|it| it.state == "APPROVED").count();
        let have = u32::try_from(have).unwrap_or(u32::MAX);
        match self.review_decision.as_deref() {
            Some("CHANGES_REQUESTED") => Some(Block::ChangesRequested),
            Some("REVIEW_REQUIRED")
                if demands.has(Demand::CodeOwners) && have >= demands.approvals =>
            {
                Some(Block::CodeOwners)
            }
            Some("REVIEW_REQUIRED") => {
                let need = (demands.approvals > have).then_some(demands.approvals);
                Some(Block::Reviews { have: Some(have), need })
            }
            _ => None,
        }
    }

    fn has_unsigned(&self) -> bool {
        let commits = self.commits.iter().flat_map(Nodes::seen);
        let mut signatures = commits.map(|it| it.commit.signature.as_ref());
        signatures.any(|it| it.is_none_or(|it| !it.is_valid))
    }

    /// That the queue has put this head out again and again, or a person once.
    fn thrown_out(&self, person: impl Fn(&str) -> Option<PersonName>) -> Option<Block> {
        let mut out: Vec<&RawEvent> = Vec::new();
        for event in self.timeline_items.iter().flat_map(Nodes::seen) {
            let is_ours = self.whose(event.actor.as_ref()) == Whose::Ours;
            match event.kind.as_str() {
                "PullRequestCommit" | "HeadRefForcePushedEvent" => out.clear(),
                "AddedToMergeQueueEvent" if !is_ours => out.clear(),
                "RemovedFromMergeQueueEvent" if !is_ours => out.push(event),
                _ => {}
            }
        }
        let last = out.last()?;
        let by = last.actor.as_ref().filter(|it| it.kind == "User");
        let by = by.and_then(|it| person(&it.login));
        let is_final = by.is_some() || out.len() >= TRIES;
        let reason = last
            .reason
            .as_ref()
            .filter(|_| by.is_none())
            .map(|it| it.to_lowercase().replace('_', " "));
        is_final.then_some(Block::ThrownOut { course: Course::Queue, by, reason })
    }
}

impl Demands {
    fn has(&self, demand: Demand) -> bool {
        self.plain.contains(&demand)
    }

    fn if_so(&mut self, so: bool, demand: Demand) {
        if so {
            self.plain.insert(demand);
        }
    }

    fn add(&mut self, rule: &RawRule) {
        let parameters = &rule.parameters;
        let flag = |name: &str| parameters.get(name).and_then(Value::as_bool).unwrap_or(false);
        match rule.kind.as_str() {
            "pull_request" => {
                let count = parameters.get("required_approving_review_count");
                let count = count.and_then(Value::as_u64).and_then(|it| u32::try_from(it).ok());
                self.approvals = self.approvals.max(count.unwrap_or(0));
                self.if_so(flag("require_code_owner_review"), Demand::CodeOwners);
                self.if_so(flag("required_review_thread_resolution"), Demand::Conversations);
                if let Some(allowed) = parameters.get("allowed_merge_methods") {
                    self.methods = Some(texts(allowed));
                }
            }
            "required_status_checks" => {
                let checks = parameters.get("required_status_checks").and_then(Value::as_array);
                let names =
                    checks.into_iter().flatten().filter_map(|it| it.get("context")?.as_str());
                self.checks.extend(names.map(str::to_owned));
            }
            "required_signatures" => self.if_so(true, Demand::Signatures),
            "required_linear_history" => {
                self.methods.get_or_insert_with(|| vec!["squash".into(), "rebase".into()]);
            }
            "required_deployments" => {
                let places = parameters.get("required_deployment_environments");
                self.deployments.extend(places.map(texts).unwrap_or_default());
            }
            "update" => self.if_so(true, Demand::Restricted),
            _ => {}
        }
    }
}

impl RawContext {
    /// What it lacks to have passed, if anything.
    fn lacking(&self) -> Option<Lacking> {
        match (self.state.as_deref(), self.status.as_deref(), self.conclusion.as_deref()) {
            (Some("SUCCESS"), _, _)
            | (_, Some("COMPLETED"), Some("SUCCESS" | "NEUTRAL" | "SKIPPED")) => None,
            (Some("FAILURE" | "ERROR"), _, _) | (_, Some("COMPLETED"), _) => Some(Lacking::Failed),
            (Some("EXPECTED"), _, _) => Some(Lacking::Missing),
            (_, _, _) => Some(Lacking::Pending),
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
