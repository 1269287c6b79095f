//! What keeps a pull request out of its branch, and what brings it in by itself: the branch's
//! protection, auto-merge and the merge queue, and the API that tells of them alone.
//!
//! What a ruleset demands and what a classic protection does is told in different places.

use serde_json::{Value, json};

use super::GitHub;
use super::graphql::Question;
use super::pulls::{Hub, Mergeability, Protection, Told, message, user};
use crate::support::hosted::repository::Union;

/// Who removes from the queue what did not pass.
const QUEUE: &str = "github-merge-queue[bot]";

/// A request to merge as soon as the rules let it.
pub struct AutoMerge {
    by: String,
    wish: Value,
}

impl AutoMerge {
    /// As a pull request tells of it.
    pub fn told(&self) -> Value {
        json!({
            "enabled_by": user(&self.by), "merge_method": self.wish["merge_method"],
            "commit_title": self.wish["commit_title"], "commit_message": self.wish["commit_message"],
        })
    }
}

/// A place in the queue.
pub struct Entry {
    number: u64,
    by: String,
    /// What is tested: the branch as it would be.
    group: String,
}

/// What a mutation says that it did not do.
type Refusal = String;

impl Hub {
    /// What keeps an open pull request out, in GitHub's words; the first is told where it refuses.
    fn demands(&self, number: u64) -> Vec<String> {
        let (pull, rules) = (&self.pulls[&number], &self.rules);
        let mut unmet = Vec::new();
        if self.approvals(number) < rules.approvals {
            unmet.push(
                "At least 1 approving review is required by reviewers with write access.".into(),
            );
        }
        if rules.code_owner.as_deref().is_some_and(|owner| !self.has_approved(number, owner)) {
            unmet.push("Waiting on code owner review from the owner.".into());
        }
        let objects = |it: &Value| it["state"] == "CHANGES_REQUESTED";
        if rules.approvals > 0 && pull.reviews.iter().any(objects) {
            unmet.push("Changes were requested by a reviewer with write access.".into());
        }
        for check in rules.checks.iter().filter(|it| !self.has_passed(&pull.head, it)) {
            unmet.push(format!("Required status check \"{check}\" is expected."));
        }
        if rules.conversations && pull.threads.iter().any(|resolved| !resolved) {
            unmet.push(
                "A conversation must be resolved before this pull request can be merged.".into(),
            );
        }
        if rules.signatures {
            unmet.push("Commits must have verified signatures.".into());
        }
        if rules.restricted {
            unmet.push("You're not authorized to push to this branch.".into());
        }
        unmet
    }

    fn approvals(&self, number: u64) -> usize {
        self.pulls[&number].reviews.iter().filter(|it| it["state"] == "APPROVED").count()
    }

    fn has_approved(&self, number: u64, login: &str) -> bool {
        let reviews = &self.pulls[&number].reviews;
        reviews.iter().any(|it| it["state"] == "APPROVED" && it["user"]["login"] == login)
    }

    fn has_passed(&self, commit: &str, check: &str) -> bool {
        let contexts = self.contexts(commit);
        let is_it = |it: &&Value| it["name"] == check || it["context"] == check;
        let said = contexts.iter().find(is_it);
        said.is_some_and(|it| it["state"] == "SUCCESS" || it["conclusion"] == "SUCCESS")
    }

    /// What is said of a commit: the latest status of each context, and check runs.
    fn contexts(&self, commit: &str) -> Vec<Value> {
        let is_required = |name: &Value| self.rules.checks.iter().any(|it| *name == *it);
        let upper = |it: &Value| it.as_str().map(str::to_uppercase);
        let mut found: Vec<Value> = Vec::new();
        for (_, told) in self.statuses.iter().filter(|(of, _)| of == commit) {
            found.retain(|it| it["context"] != told["context"]);
            found.push(json!({
                "__typename": "StatusContext", "context": told["context"],
                "state": upper(&told["state"]), "isRequired": is_required(&told["context"]),
            }));
        }
        let runs = self.runs.iter().filter(|it| it.commit == commit);
        found.extend(runs.map(|run| {
            json!({
                "__typename": "CheckRun", "name": run.told["name"],
                "status": upper(&run.told["status"]),
                "conclusion": upper(&run.told["conclusion"]),
                "isRequired": is_required(&run.told["name"]),
            })
        }));
        found
    }

    /// The same, as far as hoist may see it.
    fn seen_of(&self, commit: &str) -> Vec<Value> {
        let mut found = self.contexts(commit);
        for hidden in
            found.iter_mut().filter(|it| self.hides_runs && it["__typename"] == "CheckRun")
        {
            *hidden = Value::Null;
        }
        found
    }

    /// How a pull request stands, in the word that both APIs have for it.
    pub fn state_of(&self, number: u64) -> &'static str {
        let pull = &self.pulls[&number];
        let target = self.repository.tip(&pull.target).unwrap();
        if !pull.is_open() || self.mergeability == Mergeability::NotYet {
            return "unknown";
        }
        if matches!(self.repository.union(&target, &pull.head), Union::Conflict) {
            return "dirty";
        }
        if pull.draft {
            return "draft";
        }
        let methods = &self.rules.methods;
        if !self.demands(number).is_empty() || methods.as_ref().is_some_and(|it| it.is_empty()) {
            return "blocked";
        }
        if self.rules.strict && !self.repository.has(&pull.head, &target) {
            return "behind";
        }
        let failed = |it: &Value| it["state"] == "FAILURE" || it["conclusion"] == "FAILURE";
        if self.contexts(&pull.head).iter().any(failed) { "unstable" } else { "clean" }
    }

    /// Why a merge that is asked for now is refused, if it is.
    pub fn forbids(&self, number: u64, method: &str) -> Option<Told> {
        let refuse = |words: &str| Some((405, message(words)));
        let pull = &self.pulls[&number];
        if pull.draft {
            return refuse("Pull Request is still a draft");
        }
        if self.rules.may_be_bypassed {
            return None;
        }
        if let Some(words) = self.demands(number).first() {
            return refuse(words);
        }
        let target = self.repository.tip(&pull.target).unwrap();
        if self.rules.strict && !self.repository.has(&pull.head, &target) {
            return refuse("Head branch is out of date. Review and try the merge again.");
        }
        if self.rules.methods.as_ref().is_some_and(|it| !it.contains(&method)) {
            return refuse("Merge commits are not allowed on this repository.");
        }
        if self.rules.queue {
            return refuse("Changes must be made through the merge queue");
        }
        None
    }

    /// The rules of rulesets that the branch is under.
    pub fn rulesets(&self) -> Value {
        let rules = &self.rules;
        let mut told = Vec::new();
        if rules.queue {
            told.push(json!({"type": "merge_queue", "parameters": {
                "check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN",
                "max_entries_to_build": 5, "max_entries_to_merge": 5, "merge_method": "MERGE",
                "min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5,
            }}));
        }
        if rules.protection == Protection::Classic {
            return told.into();
        }
        if rules.approvals > 0
            || rules.conversations
            || rules.code_owner.is_some()
            || rules.methods.is_some()
        {
            let mut parameters = json!({
                "required_approving_review_count": rules.approvals,
                "dismiss_stale_reviews_on_push": rules.dismiss_stale,
                "require_code_owner_review": rules.code_owner.is_some(),
                "require_last_push_approval": false,
                "required_review_thread_resolution": rules.conversations,
            });
            if let Some(methods) = &rules.methods {
                parameters["allowed_merge_methods"] = json!(methods);
            }
            told.push(json!({"type": "pull_request", "parameters": parameters}));
        }
        if !rules.checks.is_empty() {
            let checks: Vec<Value> = rules.checks.iter().map(|it| json!({"context": it})).collect();
            told.push(json!({"type": "required_status_checks", "parameters": {
                "required_status_checks": checks,
                "strict_required_status_checks_policy": rules.strict,
            }}));
        }
        if rules.signatures {
            told.push(json!({"type": "required_signatures"}));
        }
        if rules.restricted {
            told.push(json!({"type": "update"}));
        }
        told.into()
    }

    /// The classic protection, as everybody may see it.
    fn protection(&self) -> Value {
        let rules = &self.rules;
        if rules.protection == Protection::Rulesets {
            return Value::Null;
        }
        json!({
            "requiredApprovingReviewCount": rules.approvals,
            "requiredStatusCheckContexts": rules.checks,
            "requiresCodeOwnerReviews": rules.code_owner.is_some(),
            "requiresConversationResolution": rules.conversations,
            "requiresSignatures": rules.signatures,
            "requiresLinearHistory": false,
            "viewerCanPush": !rules.restricted,
        })
    }

    /// Answers in GraphQL; what does not fit the schema is a violation.
    pub fn graphql(&mut self, who: &str, body: &Value) -> (Value, Option<String>) {
        let question = match Question::read(body) {
            Ok(question) => question,
            Err(problem) => {
                let error = json!({"message": problem, "extensions": {"code": "undefinedField"}});
                return (json!({"errors": [error]}), Some(format!("GraphQL: {problem}")));
            }
        };
        self.catch_up();
        let (what, arguments) = question.about();
        let input = &arguments["input"];
        let id = input["pullRequestId"].as_str().or(input["id"].as_str()).unwrap_or_default();
        let number = id.strip_prefix("PR_").and_then(|it| it.parse().ok()).unwrap_or_default();
        let done = match what.as_str() {
            "repository" => {
                let number = body["variables"]["number"].as_u64().unwrap_or_default();
                let known = json!({"pullRequest": self.standing(number)});
                return (json!({"data": question.answer(&known)}), None);
            }
            "enqueuePullRequest" => self.enqueue(who, number, input),
            "dequeuePullRequest" => self.dequeue(who, number),
            "enablePullRequestAutoMerge" => self.enable_auto_merge(who, number, input),
            "disablePullRequestAutoMerge" => self.disable_auto_merge(number),
            "markPullRequestReadyForReview" => self.mark_ready(number),
            other => panic!("the simulated GitHub does not know {other}"),
        };
        let told = match done {
            Ok(known) => json!({"data": question.answer(&known)}),
            Err(words) => {
                let error = json!({"type": "UNPROCESSABLE", "path": [what], "message": words});
                json!({"data": {what: null}, "errors": [error]})
            }
        };
        (told, None)
    }

    /// A pull request as GraphQL knows it.
    pub fn standing(&self, number: u64) -> Value {
        let Some(pull) = self.pulls.get(&number) else { return Value::Null };
        let entry = self.queue.iter().position(|it| it.number == number);
        let entry = entry.map(|place| {
            let it = &self.queue[place];
            json!({"position": place + 1, "enqueuer": actor(&it.by), "headCommit": {"oid": it.group}})
        });
        let auto_merge = pull.auto_merge.as_ref().map(|it| json!({"enabledBy": actor(&it.by)}));
        let news =
            self.repository.tip(&pull.target).map(|it| self.repository.news(&it, &pull.head));
        let commits: Vec<Value> =
            news.into_iter().flatten().map(|_| json!({"commit": {"signature": null}})).collect();
        let reviews: Vec<Value> =
            pull.reviews.iter().map(|it| json!({"state": it["state"]})).collect();
        let threads: Vec<Value> = pull.threads.iter().map(|it| json!({"isResolved": it})).collect();
        let state = self.state_of(number);
        json!({
            "id": format!("PR_{number}"), "number": number, "headRefOid": pull.head,
            "isDraft": pull.draft,
            "mergeStateStatus": if state == "draft" { "BLOCKED".into() } else { state.to_uppercase() },
            "reviewDecision": self.decision(number), "isMergeQueueEnabled": self.rules.queue,
            "author": actor(&pull.author), "autoMergeRequest": auto_merge, "mergeQueueEntry": entry,
            "latestOpinionatedReviews": {"nodes": reviews}, "reviewThreads": {"nodes": threads},
            "commits": {"nodes": commits},
            "statusCheckRollup": {"contexts": {"nodes": self.seen_of(&pull.head)}},
            "baseRef": {"refUpdateRule": self.protection()},
            "timelineItems": {"nodes": pull.events},
        })
    }

    fn decision(&self, number: u64) -> Value {
        let rules = &self.rules;
        let objects = |it: &Value| it["state"] == "CHANGES_REQUESTED";
        let owner = rules.code_owner.as_deref();
        if self.pulls[&number].reviews.iter().any(objects) {
            "CHANGES_REQUESTED".into()
        } else if rules.approvals == 0 && owner.is_none() {
            Value::Null
        } else if self.approvals(number) < rules.approvals
            || owner.is_some_and(|it| !self.has_approved(number, it))
        {
            "REVIEW_REQUIRED".into()
        } else {
            "APPROVED".into()
        }
    }

    fn enqueue(&mut self, who: &str, number: u64, input: &Value) -> Result<Value, Refusal> {
        if !self.rules.queue {
            return Err("Merge queue is not enabled for this branch".into());
        }
        if input["expectedHeadOid"].as_str().is_some_and(|it| it != self.pulls[&number].head) {
            return Err("Pull request Head sha does not match the expected head sha".into());
        }
        if self.queue.iter().any(|it| it.number == number) {
            return Err("Pull request is already in the merge queue".into());
        }
        let unmet = self.demands(number);
        if let Some(words) = unmet.first() {
            return Err(format!("Pull request {words}"));
        }
        self.put_into_queue(who, number);
        Ok(json!({"mergeQueueEntry": self.standing(number)["mergeQueueEntry"]}))
    }

    fn put_into_queue(&mut self, who: &str, number: u64) {
        let pull = &self.pulls[&number];
        let onto = self.queue.last().map(|it| it.group.clone());
        let onto = onto.unwrap_or_else(|| self.repository.tip(&pull.target).unwrap());
        let Union::Tree(tree) = self.repository.union(&onto, &pull.head) else {
            panic!("what conflicts is not queued")
        };
        let words = format!("Merge pull request #{number} from acme/{}", pull.branch);
        let group = self.repository.make(&tree, &[&onto, &pull.head], &words);
        self.queue.push(Entry { number, by: who.to_owned(), group });
        let event = json!({"__typename": "AddedToMergeQueueEvent", "actor": actor(who)});
        let pull = self.pulls.get_mut(&number).unwrap();
        pull.events.push(event);
        // What GitHub was to bring in by itself, it does now.
        pull.auto_merge = None;
    }

    fn dequeue(&mut self, who: &str, number: u64) -> Result<Value, Refusal> {
        let entry = self.standing(number)["mergeQueueEntry"].clone();
        if entry.is_null() {
            return Err(format!("Failed to remove PR #{number} from the merge queue"));
        }
        self.remove(number, who, "MANUAL");
        Ok(json!({"mergeQueueEntry": entry}))
    }

    /// Takes a pull request out of the queue; what came after it is tested anew.
    pub fn remove(&mut self, number: u64, who: &str, reason: &str) {
        let Some(place) = self.queue.iter().position(|it| it.number == number) else { return };
        let behind = self.queue.split_off(place).split_off(1);
        let event = json!({
            "__typename": "RemovedFromMergeQueueEvent", "actor": actor(who), "reason": reason,
        });
        self.pulls.get_mut(&number).unwrap().events.push(event);
        for entry in behind {
            self.put_into_queue(&entry.by, entry.number);
        }
    }

    fn enable_auto_merge(
        &mut self,
        who: &str,
        number: u64,
        input: &Value,
    ) -> Result<Value, Refusal> {
        if !self.rules.allows_auto_merge {
            return Err("Pull request Auto merge is not allowed for this repository".into());
        }
        if input["expectedHeadOid"].as_str().is_some_and(|it| it != self.pulls[&number].head) {
            return Err("Pull request Head sha does not match the expected head sha".into());
        }
        let state = self.state_of(number);
        if matches!(state, "clean" | "unstable") {
            return Err(format!("Pull request Pull request is in {state} status"));
        }
        let wish = json!({
            "merge_method": input["mergeMethod"].as_str().map(str::to_lowercase),
            "commit_title": input["commitHeadline"], "commit_message": input["commitBody"],
        });
        let pull = self.pulls.get_mut(&number).unwrap();
        pull.auto_merge = Some(AutoMerge { by: who.to_owned(), wish });
        Ok(json!({"pullRequest": self.standing(number)}))
    }

    fn disable_auto_merge(&mut self, number: u64) -> Result<Value, Refusal> {
        let pull = self.pulls.get_mut(&number).unwrap();
        if pull.auto_merge.take().is_none() {
            return Err("Can't disable auto-merge for this pull request.".into());
        }
        Ok(json!({"pullRequest": self.standing(number)}))
    }

    fn mark_ready(&mut self, number: u64) -> Result<Value, Refusal> {
        self.pulls.get_mut(&number).unwrap().draft = false;
        Ok(json!({"pullRequest": self.standing(number)}))
    }

    /// Merges what may be merged by now and was to be.
    pub fn act_by_itself(&mut self) {
        let due: Vec<u64> = self
            .pulls
            .iter()
            .filter(|(_, it)| it.is_open() && it.auto_merge.is_some())
            .map(|(number, _)| *number)
            .filter(|number| matches!(self.state_of(*number), "clean" | "unstable"))
            .collect();
        for number in due {
            let asked = self.pulls.get_mut(&number).unwrap().auto_merge.take().unwrap();
            if self.rules.queue {
                self.put_into_queue(&asked.by, number);
            } else {
                let told = self.merge(&asked.by, number, &asked.wish);
                assert_eq!(told.0, 200, "{}", told.1);
            }
        }
    }
}

/// Who did something: machines are called otherwise in this API.
pub fn actor(login: &str) -> Value {
    let (kind, name) = match login.strip_suffix("[bot]") {
        Some(name) => ("Bot", name),
        None => ("User", login),
    };
    json!({"__typename": kind, "login": name})
}

impl GitHub {
    /// GitHub itself goes on: it merges what may be merged by now.
    pub fn goes_on(&self) {
        let mut inside = self.inside();
        inside.hub.catch_up();
        inside.hub.act_by_itself();
    }

    /// What is in the queue, in its order.
    pub fn queued(&self) -> Vec<u64> {
        self.inside().hub.queue.iter().map(|it| it.number).collect()
    }

    /// Whether GitHub was asked to merge a pull request by itself.
    pub fn auto_merge_of(&self, number: u64) -> Option<String> {
        let inside = self.inside();
        inside.hub.pulls[&number].auto_merge.as_ref().map(|it| it.by.clone())
    }

    /// The commit that the queue tests of a pull request.
    pub fn group_of(&self, number: u64) -> String {
        let inside = self.inside();
        inside.hub.queue.iter().find(|it| it.number == number).unwrap().group.clone()
    }

    /// All that is queued has passed, and is merged if what the branch requires was said of what
    /// was tested; else the names of what is missing.
    pub fn queue_passes(&self) -> Result<(), Vec<String>> {
        let mut inside = self.inside();
        let hub = &mut inside.hub;
        let last = hub.queue.last().unwrap().group.clone();
        let checks = hub.rules.checks.clone();
        let missing = checks.into_iter().filter(|it| !hub.has_passed(&last, it));
        let missing: Vec<String> = missing.map(str::to_owned).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        for entry in std::mem::take(&mut hub.queue) {
            let pull = hub.pulls.get_mut(&entry.number).unwrap();
            let tip = hub.repository.tip(&pull.target).unwrap();
            hub.repository.put(&pull.target, &entry.group, &tip);
            pull.end_merged(&entry.group, QUEUE);
        }
        Ok(())
    }

    /// The queue's checks fail, and it puts a pull request out.
    pub fn queue_fails(&self, number: u64) {
        self.inside().hub.remove(number, QUEUE, "FAILED_CHECKS");
    }

    /// A person takes a pull request out of the queue, or puts it in.
    pub fn take_out_by(&self, login: &str, number: u64) {
        self.inside().hub.remove(number, login, "MANUAL");
    }

    pub fn put_in_by(&self, login: &str, number: u64) {
        self.inside().hub.put_into_queue(login, number);
    }

    /// A person asks GitHub to merge by itself.
    pub fn auto_merge_by(&self, login: &str, number: u64) {
        let mut inside = self.inside();
        let wish = json!({"merge_method": "merge", "commit_title": "", "commit_message": ""});
        let pull = inside.hub.pulls.get_mut(&number).unwrap();
        pull.auto_merge = Some(AutoMerge { by: login.to_owned(), wish });
    }

    /// A person makes a draft of a pull request, or makes it ready.
    pub fn make_draft(&self, number: u64) {
        let mut inside = self.inside();
        let pull = inside.hub.pulls.get_mut(&number).unwrap();
        pull.draft = true;
        pull.events.push(json!({"__typename": "ConvertToDraftEvent"}));
    }

    pub fn make_ready(&self, number: u64) {
        self.inside().hub.pulls.get_mut(&number).unwrap().draft = false;
    }

    /// Whether a pull request is a draft, and who is asked to review it.
    pub fn draft_of(&self, number: u64) -> (bool, Vec<String>) {
        let inside = self.inside();
        let pull = &inside.hub.pulls[&number];
        (pull.draft, pull.asked.clone())
    }

    /// A person begins a conversation on a line, or resolves all of them.
    pub fn discuss(&self, number: u64) {
        self.inside().hub.pulls.get_mut(&number).unwrap().threads.push(false);
    }

    pub fn resolve(&self, number: u64) {
        self.inside().hub.pulls.get_mut(&number).unwrap().threads.fill(true);
    }
}
