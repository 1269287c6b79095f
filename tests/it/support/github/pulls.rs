//! What the simulated GitHub knows: pull requests and what people did to them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::checks::{self, Run};
use super::landing::{AutoMerge, Entry};
use super::objects::{self, Signing};
use super::teams::{self, Teams};
use crate::support::hosted::repository::{Repository, Union};

pub const OWNER: &str = "acme";
pub const NAME: &str = "gitops";

/// Everything happens at this moment, unless a test says otherwise.
pub const NOW: &str = "2026-01-05T12:00:00Z";

/// An answer: its status and what is known of its body.
pub type Told = (u16, Value);

pub struct Hub {
    pub repository: Repository,
    pub pulls: BTreeMap<u64, Pull>,
    pub statuses: Vec<(String, Value)>,
    pub runs: Vec<Run>,
    /// Whether hoist sees of check runs no more than that there are some.
    pub hides_runs: bool,
    pub teams: Teams,
    pub rules: Rules,
    pub queue: Vec<Entry>,
    /// Whether it has worked out by now what can be merged.
    pub mergeability: Mergeability,
    /// By whom which comment was reacted to, and how.
    pub reactions: Vec<(u64, String, String)>,
    /// How many commits were made by the API, and whether they are signed.
    pub commits: u64,
    pub signing: Signing,
    ids: u64,
    seen: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mergeability {
    Known,
    NotYet,
}

/// The protection of `main`.
#[expect(clippy::struct_excessive_bools, reason = "each is a box that somebody ticks")]
#[derive(Default)]
pub struct Rules {
    pub protection: Protection,
    pub approvals: usize,
    pub dismiss_stale: bool,
    pub deletes_merged_branches: bool,
    /// The checks that have to pass.
    pub checks: Vec<&'static str>,
    /// The head has to stand on the branch as it is.
    pub strict: bool,
    pub code_owner: Option<String>,
    pub conversations: bool,
    pub signatures: bool,
    pub restricted: bool,
    /// The methods that may be used; all of them, if there are none.
    pub methods: Option<Vec<&'static str>>,
    pub queue: bool,
    /// Private repositories of some plans have none.
    pub takes_no_drafts: bool,
    pub allows_auto_merge: bool,
    /// hoist is among those who may go past all of this.
    pub may_be_bypassed: bool,
}

/// Where a protection is written.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Protection {
    #[default]
    Rulesets,
    Classic,
}

pub struct Pull {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub branch: String,
    pub target: String,
    pub head: String,
    base_sha: String,
    pub state: &'static str,
    merge: Option<(String, Option<String>)>,
    pub author: String,
    pub labels: Vec<String>,
    pub asked: Vec<String>,
    pub teams: Vec<String>,
    pub assignees: Vec<String>,
    pub reviews: Vec<Value>,
    pub comments: Vec<Value>,
    pub draft: bool,
    pub auto_merge: Option<AutoMerge>,
    /// Conversations on lines: whether each is resolved.
    pub threads: Vec<bool>,
    /// What happened to it, as far as it is told.
    pub events: Vec<Value>,
}

impl Pull {
    pub fn close(&mut self) {
        self.state = "closed";
        self.auto_merge = None;
    }

    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    pub fn end_merged(&mut self, commit: &str, by: &str) {
        (self.state, self.merge) = ("closed", Some((commit.to_owned(), Some(by.to_owned()))));
    }
}

pub fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    json!({"login": login, "type": kind})
}

pub fn message(text: &str) -> Value {
    json!({"message": text, "documentation_url": "https://docs.github.com/rest"})
}

fn invalid(text: &str) -> Told {
    let error = json!({"resource": "PullRequest", "code": "custom", "message": text});
    (
        422,
        json!({"message": "Validation Failed", "documentation_url": "https://docs.github.com/rest", "errors": [error]}),
    )
}

fn not_found() -> Told {
    (404, message("Not Found"))
}

impl Hub {
    pub fn new(repository: Repository) -> Self {
        Self {
            repository,
            pulls: BTreeMap::new(),
            statuses: Vec::new(),
            runs: Vec::new(),
            hides_runs: false,
            teams: Teams::default(),
            rules: Rules::default(),
            queue: Vec::new(),
            mergeability: Mergeability::Known,
            reactions: Vec::new(),
            commits: 0,
            signing: Signing::On,
            ids: 1000,
            seen: String::new(),
        }
    }

    /// Sees what was pushed since: GitHub follows branches by itself.
    pub fn catch_up(&mut self) {
        let branches = self.repository.branches();
        if branches == self.seen {
            return;
        }
        self.seen = branches;
        let mut pushed = Vec::new();
        for pull in self.pulls.values_mut().filter(|pull| pull.state == "open") {
            let target = self.repository.tip(&pull.target).unwrap();
            let Some(head) = self.repository.tip(&pull.branch) else {
                // The branch may have gone after its commits came in.
                let came = self.repository.has(&target, &pull.head)
                    && !self.repository.has(&pull.base_sha, &pull.head);
                pull.state = "closed";
                if came {
                    pull.merge = Some((self.repository.arrival(&target, &pull.head), None));
                }
                continue;
            };
            let is_new = head != pull.head;
            if is_new {
                let goes_on = self.repository.has(&head, &pull.head);
                let kind = if goes_on { "PullRequestCommit" } else { "HeadRefForcePushedEvent" };
                pull.events.push(json!({"__typename": kind}));
                pushed.push(pull.number);
            }
            if self.repository.has(&target, &head) {
                let came = self.repository.has(&head, &pull.head);
                pull.state = "closed";
                if came {
                    pull.merge = Some((self.repository.arrival(&target, &head), None));
                }
            } else if is_new && self.rules.dismiss_stale {
                for review in pull.reviews.iter_mut().filter(|it| it["state"] == "APPROVED") {
                    review["state"] = "DISMISSED".into();
                }
            }
            pull.head = head;
        }
        for number in pushed {
            self.remove(number, "github-merge-queue[bot]", "QUEUE_CLEARED");
        }
    }

    pub fn answer(
        &mut self,
        who: &str,
        (method, path): (&str, &[&str]),
        (query, body): (&BTreeMap<String, String>, &Value),
    ) -> Told {
        // Of the repositories of sources nothing is known but what is said of their commits.
        match (method, path) {
            ("GET", ["repos", OWNER, _, "commits", sha, "status"]) => {
                return self.combined_status(sha);
            }
            ("GET", ["repos", OWNER, _, "commits", sha, "check-runs"]) => {
                return checks::runs_of(&self.runs, sha);
            }
            ("POST", ["repos", OWNER, name, "statuses", sha]) if *name != NAME => {
                return self.keep_status(who, sha, body);
            }
            ("GET", ["orgs", OWNER, "teams", slug, "memberships", login]) => {
                return teams::membership(&self.teams, slug, login);
            }
            (_, _) => {}
        }
        let Some(rest) = path.strip_prefix(&["repos", OWNER, NAME]) else { return not_found() };
        self.catch_up();
        match (method, rest) {
            ("GET", []) => (
                200,
                json!({"name": NAME, "full_name": format!("{OWNER}/{NAME}"), "default_branch": "main"}),
            ),
            ("GET", ["rules", "branches", _]) => (200, self.rulesets()),
            ("GET", ["pulls"]) => self.list(query),
            ("POST", ["pulls"]) => self.open(who, body),
            ("GET", ["git", "ref", "heads", branch @ ..]) => {
                match self.repository.tip(&branch.join("/")) {
                    Some(sha) => (
                        200,
                        json!({"ref": format!("refs/heads/{}", branch.join("/")), "object": {"sha": sha, "type": "commit"}}),
                    ),
                    None => not_found(),
                }
            }
            ("DELETE", ["git", "refs", "heads", branch @ ..]) => {
                let branch = branch.join("/");
                if self.repository.tip(&branch).is_none() {
                    return (
                        422,
                        json!({"message": "Reference does not exist", "documentation_url": "https://docs.github.com/rest"}),
                    );
                }
                self.repository.delete(&branch);
                (204, Value::Null)
            }
            ("POST", ["git", what]) => {
                objects::answer(self, who, what, body).unwrap_or_else(not_found)
            }
            ("POST", ["statuses", sha]) => self.set_status(who, sha, body),
            ("PATCH", ["issues", "comments", id]) => self.edit_comment(id.parse().unwrap(), body),
            ("POST", ["issues", "comments", id, "reactions"]) => {
                self.react(who, id.parse().unwrap(), &body["content"])
            }
            (_, ["pulls" | "issues", number, rest @ ..]) => {
                let Ok(number) = number.parse() else { return not_found() };
                if !self.pulls.contains_key(&number) {
                    return not_found();
                }
                self.about(who, number, (method, path[3], rest), (query, body))
            }
            (_, _) => not_found(),
        }
    }

    fn about(
        &mut self,
        who: &str,
        number: u64,
        (method, kind, rest): (&str, &str, &[&str]),
        (query, body): (&BTreeMap<String, String>, &Value),
    ) -> Told {
        let pull = self.pulls.get_mut(&number).unwrap();
        match (method, kind, rest) {
            ("GET", "pulls", []) => (200, self.show(number)),
            ("PATCH", "pulls", []) => {
                for (field, place) in [
                    ("title", &mut pull.title),
                    ("body", &mut pull.body),
                    ("base", &mut pull.target),
                ] {
                    if let Some(text) = body[field].as_str() {
                        *place = text.to_owned();
                    }
                }
                if body["state"] == "closed" && pull.state == "open" {
                    pull.close();
                    self.remove(number, who, "MANUAL");
                }
                (200, self.show(number))
            }
            ("PUT", "pulls", ["merge"]) => self.merge(who, number, body),
            ("GET", "pulls", ["reviews"]) => (200, page(&pull.reviews, query)),
            ("GET", "pulls", ["files"]) => {
                let (base, head) = (self.repository.tip(&pull.target).unwrap(), pull.head.clone());
                let files = self.repository.files(&base, &head);
                (
                    200,
                    files
                        .iter()
                        .map(|it| json!({"filename": it, "status": "modified", "sha": head}))
                        .collect(),
                )
            }
            ("POST", "pulls", ["requested_reviewers"]) => {
                let (asked, teams) = (texts(&body["reviewers"]), texts(&body["team_reviewers"]));
                if teams.iter().any(|it| it.contains("stranger"))
                    || asked.iter().any(|it| it.contains("stranger") || *it == pull.author)
                {
                    return invalid(
                        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the acme/gitops repository.",
                    );
                }
                pull.asked.extend(asked);
                pull.teams.extend(teams);
                let mut told = self.show(number);
                for field in ["mergeable", "mergeable_state", "merged_by", "merged"] {
                    told.as_object_mut().unwrap().remove(field);
                }
                (201, told)
            }
            ("POST", "issues", ["assignees"]) => {
                pull.assignees.extend(texts(&body["assignees"]));
                let assignees: Vec<Value> = pull.assignees.iter().map(|it| user(it)).collect();
                (201, json!({"number": number, "assignees": assignees}))
            }
            ("GET", "issues", ["comments"]) => (200, page(&pull.comments, query)),
            ("POST", "issues", ["comments"]) => {
                self.ids += 1;
                let comment = json!({"id": self.ids, "user": user(who), "body": body["body"], "created_at": NOW, "updated_at": NOW, "author_association": "MEMBER"});
                pull.comments.push(comment.clone());
                (201, comment)
            }
            ("POST", "issues", ["labels"]) => {
                pull.labels.extend(texts(&body["labels"]));
                (200, pull.labels.iter().map(|it| json!({"name": it})).collect())
            }
            (_, _, _) => not_found(),
        }
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Told {
        let fits = |pull: &&Pull| {
            let head = format!("{OWNER}:{}", pull.branch);
            query.get("state").is_none_or(|state| state == pull.state || state == "all")
                && query.get("head").is_none_or(|wanted| *wanted == head)
                && query.get("base").is_none_or(|wanted| *wanted == pull.target)
        };
        let mut found: Vec<Value> =
            self.pulls.values().filter(fits).map(|it| self.show(it.number)).collect();
        for pull in &mut found {
            for field in ["mergeable", "mergeable_state", "merged_by", "merged"] {
                pull.as_object_mut().unwrap().remove(field);
            }
        }
        (200, page(&found, query))
    }

    fn open(&mut self, who: &str, body: &Value) -> Told {
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let (branch, target) = (text("head"), text("base"));
        if self
            .pulls
            .values()
            .any(|it| it.state == "open" && it.branch == branch && it.target == target)
        {
            return invalid(&format!("A pull request already exists for {OWNER}:{branch}."));
        }
        let (Some(head), Some(base)) = (self.repository.tip(&branch), self.repository.tip(&target))
        else {
            let error = json!({"resource": "PullRequest", "field": "head", "code": "invalid"});
            return (
                422,
                json!({"message": "Validation Failed", "documentation_url": "https://docs.github.com/rest", "errors": [error]}),
            );
        };
        if body["draft"] == true && self.rules.takes_no_drafts {
            return (422, message("Draft pull requests are not supported in this repository."));
        }
        if self.repository.has(&base, &head) {
            return invalid(&format!("No commits between {target} and {branch}"));
        }
        let number = self.pulls.len() as u64 + 1;
        let pull = Pull {
            number,
            title: text("title"),
            body: text("body"),
            branch,
            target,
            head,
            base_sha: base,
            state: "open",
            merge: None,
            author: who.to_owned(),
            labels: Vec::new(),
            asked: Vec::new(),
            teams: Vec::new(),
            assignees: Vec::new(),
            reviews: Vec::new(),
            comments: Vec::new(),
            draft: body["draft"] == true,
            auto_merge: None,
            threads: Vec::new(),
            events: Vec::new(),
        };
        self.pulls.insert(number, pull);
        (201, self.show(number))
    }

    pub fn merge(&mut self, who: &str, number: u64, body: &Value) -> Told {
        let pull = &self.pulls[&number];
        if pull.state != "open" {
            return (405, message("Pull Request is not mergeable"));
        }
        if body["sha"].as_str().is_some_and(|sha| sha != pull.head) {
            return (409, message("Head branch was modified. Review and try the merge again."));
        }
        if let Some(told) = self.forbids(number, body["merge_method"].as_str().unwrap_or("merge")) {
            return told;
        }
        let target = self.repository.tip(&pull.target).unwrap();
        let Union::Tree(tree) = self.repository.union(&target, &pull.head) else {
            return (405, message("Pull Request is not mergeable"));
        };
        let words = format!(
            "{}\n\n{}",
            body["commit_title"].as_str().unwrap_or("Merge"),
            body["commit_message"].as_str().unwrap_or_default()
        );
        let words = words.trim_end();
        let commit = match body["merge_method"].as_str() {
            // What is put upon the target keeps its own messages.
            Some("rebase") => self.repository.replay(&pull.target, &target, &pull.head),
            Some("merge") | None => {
                self.repository.land(&pull.target, &tree, &[&target, &pull.head], words)
            }
            Some(_) => self.repository.land(&pull.target, &tree, &[&target], words),
        };
        let (branch, goes) = (pull.branch.clone(), self.rules.deletes_merged_branches);
        let pull = self.pulls.get_mut(&number).unwrap();
        (pull.state, pull.merge) = ("closed", Some((commit.clone(), Some(who.to_owned()))));
        if goes {
            self.repository.delete(&branch);
        }
        (200, json!({"sha": commit, "merged": true, "message": "Pull Request successfully merged"}))
    }

    fn set_status(&mut self, who: &str, sha: &str, body: &Value) -> Told {
        if self.repository.commit(sha).is_none() {
            return (422, message(&format!("No commit found for SHA: {sha}")));
        }
        self.keep_status(who, sha, body)
    }

    fn keep_status(&mut self, who: &str, sha: &str, body: &Value) -> Told {
        assert!(body["description"].as_str().is_none_or(|it| it.chars().count() <= 140));
        let status = json!({"context": body["context"], "state": body["state"], "description": body["description"], "creator": user(who)});
        self.statuses.push((sha.to_owned(), status.clone()));
        (201, status)
    }

    fn combined_status(&self, sha: &str) -> Told {
        let mut latest: BTreeMap<String, Value> = BTreeMap::new();
        for (_, status) in self.statuses.iter().filter(|(of, _)| of == sha) {
            let mut status = status.clone();
            status.as_object_mut().unwrap().remove("creator");
            latest.insert(status["context"].as_str().unwrap().to_owned(), status);
        }
        (
            200,
            json!({"sha": sha, "state": "pending", "total_count": latest.len(), "statuses": latest.into_values().collect::<Vec<_>>(), "repository": {"name": NAME}}),
        )
    }

    fn edit_comment(&mut self, id: u64, body: &Value) -> Told {
        let mut comments = self.pulls.values_mut().flat_map(|pull| &mut pull.comments);
        let comment = comments.find(|it| it["id"] == id).unwrap();
        comment["body"] = body["body"].clone();
        (200, comment.clone())
    }

    /// The same reaction of the same person is there once.
    fn react(&mut self, who: &str, id: u64, content: &Value) -> Told {
        let mut comments = self.pulls.values_mut().flat_map(|pull| &pull.comments);
        if !comments.any(|it| it["id"] == id) {
            return not_found();
        }
        let reaction = (id, who.to_owned(), content.as_str().unwrap().to_owned());
        let known = self.reactions.contains(&reaction);
        if !known {
            self.reactions.push(reaction);
        }
        let told = json!({"id": 1, "node_id": "x", "user": user(who), "content": content, "created_at": NOW});
        (if known { 200 } else { 201 }, told)
    }

    pub fn review(&mut self, number: u64, by: &str, state: &str, association: &str) {
        self.catch_up();
        self.ids += 1;
        let pull = self.pulls.get_mut(&number).unwrap();
        pull.asked.retain(|it| it != by);
        pull.reviews.push(json!({
            "id": self.ids, "user": user(by), "body": "", "state": state, "commit_id": pull.head,
            "submitted_at": NOW, "author_association": association,
        }));
    }

    /// A person comments; the comment as it is kept.
    pub fn remark(&mut self, number: u64, by: &str, body: &str) -> Value {
        self.ids += 1;
        let comment = json!({"id": self.ids, "user": user(by), "body": body, "created_at": NOW, "updated_at": NOW, "author_association": "NONE"});
        self.pulls.get_mut(&number).unwrap().comments.push(comment.clone());
        comment
    }

    fn show(&self, number: u64) -> Value {
        let pull = &self.pulls[&number];
        let repo = json!({"id": 7, "name": NAME, "full_name": format!("{OWNER}/{NAME}")});
        let end = |name: &str, sha: &str| json!({"label": format!("{OWNER}:{name}"), "ref": name, "sha": sha, "repo": repo, "user": user(OWNER)});
        let mergeable = match self.repository.tip(&pull.target) {
            Some(target) if pull.state == "open" && self.mergeability == Mergeability::Known => {
                json!(matches!(self.repository.union(&target, &pull.head), Union::Tree(_)))
            }
            Some(_) | None => Value::Null,
        };
        let closed_at = if pull.state == "open" { Value::Null } else { json!(NOW) };
        let merged_by = pull.merge.as_ref().and_then(|(_, by)| by.as_deref()).map(user);
        json!({
            "number": number, "node_id": format!("PR_{number}"), "state": pull.state, "title": pull.title, "body": pull.body,
            "html_url": format!("https://github.example/{OWNER}/{NAME}/pull/{number}"),
            "user": user(&pull.author), "head": end(&pull.branch, &pull.head),
            "base": end(&pull.target, &pull.base_sha),
            "labels": pull.labels.iter().map(|it| json!({"name": it})).collect::<Vec<_>>(),
            "requested_reviewers": pull.asked.iter().map(|it| user(it)).collect::<Vec<_>>(),
            "requested_teams": pull.teams.iter().map(|it| json!({"slug": it})).collect::<Vec<_>>(),
            "assignees": pull.assignees.iter().map(|it| user(it)).collect::<Vec<_>>(),
            "merged": pull.merge.is_some(), "merged_by": merged_by,
            "merged_at": if pull.merge.is_some() { json!(NOW) } else { Value::Null },
            "merge_commit_sha": pull.merge.as_ref().map(|(commit, _)| commit),
            "closed_at": closed_at, "mergeable": mergeable,
            "mergeable_state": self.state_of(number), "draft": pull.draft,
            "auto_merge": pull.auto_merge.as_ref().map(AutoMerge::told),
        })
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_owned()).collect()
}

fn page(items: &[Value], query: &BTreeMap<String, String>) -> Value {
    let number = |name: &str, default| query.get(name).map_or(default, |it| it.parse().unwrap());
    let size = number("per_page", 30).min(100);
    items.iter().skip((number("page", 1) - 1) * size).take(size).cloned().collect()
}
