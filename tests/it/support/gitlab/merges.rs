//! What the simulated GitLab knows: merge requests and what people did to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::groups::Groups;
use super::statuses::Job;
use super::{BOT, Fields, PROJECT, Told, field};
use crate::support::hosted::repository::{Repository, Union};

/// Ends happen at this moment; what leads to them, one second after the other before it.
pub const NOW: &str = "2026-01-05T12:00:00.000Z";

pub struct Lab {
    pub repository: Repository,
    pub merges: BTreeMap<u64, Merge>,
    pub jobs: Vec<Job>,
    pub groups: Groups,
    pub rules: Rules,
    pub train: Vec<u64>,
    pub mergeability: Mergeability,
    pub renamed: Option<String>,
    /// The quick actions that were obeyed.
    pub obeyed: Vec<String>,
    /// By whom which note was reacted to, and how.
    pub awards: BTreeSet<(u64, String, String)>,
    pub ids: u64,
    users: Vec<String>,
    seconds: u64,
    seen: String,
}

/// Whether it has worked out by now what can be merged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mergeability {
    Known,
    NotYet,
}

/// How the project merges.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    #[default]
    MergeCommit,
    FastForward,
}

/// The settings of the project.
#[derive(Default)]
pub struct Rules {
    pub approvals: usize,
    /// Approvals are taken back at a push.
    pub resets_approvals: bool,
    pub method: Method,
    /// The branch's protection does not let the token's role merge.
    pub may_not_merge: bool,
    pub server: Server,
    /// Merge requests go with trains.
    pub trains: bool,
    /// The word for what keeps out what nothing else does.
    pub says: Option<&'static str>,
}

/// What this server cannot do.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Server {
    /// Nothing.
    #[default]
    Full,
    /// Its tier allows one reviewer only.
    Free,
    /// It does not tell when somebody approved.
    Old,
}

pub struct Merge {
    title: String,
    description: String,
    pub branch: String,
    target: String,
    /// The head, and the versions that led to it: their numbers and times.
    pub head: Option<String>,
    pub versions: Vec<(u64, String, String)>,
    /// The branch was put where the target is: what it has is not its own.
    is_empty: bool,
    pub state: &'static str,
    landed: Option<Landed>,
    author: String,
    labels: Vec<String>,
    pub reviewers: Vec<(String, &'static str)>,
    pub assignees: Vec<String>,
    pub approved: Vec<(String, String)>,
    pub notes: Vec<Value>,
    /// Who asked for it to be merged by itself, and how.
    pub asked: Option<(String, Fields)>,
}

struct Landed {
    by: Option<String>,
    merge_commit: Option<String>,
    squash_commit: Option<String>,
}

pub fn not_found(what: &str) -> Told {
    (404, json!({"message": format!("404 {what} Not Found")}))
}

impl Lab {
    pub fn new(repository: Repository) -> Self {
        let users = [BOT, "alice", "Bobby", "carol", "dora", "mallory"];
        Self {
            repository,
            merges: BTreeMap::new(),
            jobs: Vec::new(),
            groups: Groups::default(),
            rules: Rules::default(),
            train: Vec::new(),
            mergeability: Mergeability::Known,
            renamed: None,
            obeyed: Vec::new(),
            awards: BTreeSet::new(),
            ids: 1000,
            users: users.map(str::to_owned).to_vec(),
            seconds: 0,
            seen: String::new(),
        }
    }

    /// The time, which goes on a second each time somebody asks.
    pub fn now(&mut self) -> String {
        self.seconds += 1;
        let (minutes, seconds) = (self.seconds / 60, self.seconds % 60);
        format!("2026-01-05T10:{minutes:02}:{seconds:02}.000Z")
    }

    pub fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    pub fn user(&mut self, name: &str) -> Value {
        let place = self.users.iter().position(|it| it == name).unwrap_or_else(|| {
            self.users.push(name.to_owned());
            self.users.len() - 1
        });
        json!({"id": place + 1, "username": name, "name": name, "state": "active"})
    }

    fn name_of(&self, id: &str) -> String {
        self.users[id.parse::<usize>().unwrap() - 1].clone()
    }

    /// Sees what was pushed since: GitLab follows branches by itself.
    pub fn catch_up(&mut self) {
        let branches = self.repository.branches();
        if branches == self.seen {
            return;
        }
        self.seen = branches;
        let open: Vec<u64> =
            self.merges.iter().filter(|(_, it)| it.state == "opened").map(|(n, _)| *n).collect();
        for number in open {
            self.follow(number);
        }
    }

    fn follow(&mut self, number: u64) {
        let merge = &self.merges[&number];
        let target = self.repository.tip(&merge.target).unwrap();
        let tip = self.repository.tip(&merge.branch);
        let old = merge.head.clone();
        let head = tip.or(old.clone());
        let Some(head) = head else { return };
        let is_new = old.as_ref() != Some(&head);
        let came = self.repository.has(&target, &head);
        let goes_on = old.as_ref().is_some_and(|old| self.repository.has(&head, old));
        let arrival = came.then(|| self.repository.arrival(&target, &head));
        let version = is_new.then(|| (self.id(), head.clone(), self.now()));
        let resets = self.rules.resets_approvals;
        let merge = self.merges.get_mut(&number).unwrap();
        if let Some(version) = version {
            merge.versions.push(version);
            merge.is_empty = came && !goes_on;
            merge.head = Some(head);
            if resets {
                merge.approved.clear();
            }
            if old.is_some() {
                self.pushed(number);
            }
        }
        let merge = self.merges.get_mut(&number).unwrap();
        if came && !merge.is_empty {
            merge.state = "merged";
            merge.landed = Some(Landed { by: None, merge_commit: arrival, squash_commit: None });
        }
    }

    pub fn answer(
        &mut self,
        (method, path): (&str, &[&str]),
        (query, body): (&Fields, &Fields),
        is_numbered: bool,
    ) -> Told {
        match (method, path) {
            ("GET", ["user"]) => return (200, self.user(BOT)),
            ("GET", ["users"]) => return (200, self.users_named(query)),
            ("GET", ["groups", rest @ ..]) => return self.members(rest, query),
            // Of the projects of sources nothing is known but what is said of their commits.
            ("GET", ["projects", project, "repository", "commits", sha, "statuses"])
                if project.starts_with("acme/") =>
            {
                return (200, self.statuses_of(sha, query));
            }
            ("POST", ["projects", project, "statuses", sha])
                if project.starts_with("acme/") && *project != PROJECT =>
            {
                return self.keep_status(sha, body);
            }
            (_, _) => {}
        }
        let [_, project, rest @ ..] = path else { return not_found("") };
        if *project != PROJECT {
            return not_found("Project");
        }
        if let Some(to) = self.renamed.as_ref().filter(|_| !is_numbered) {
            return moved(method, to);
        }
        self.catch_up();
        match (method, rest) {
            ("GET", []) => {
                let trains = self.rules.trains;
                let told = json!({
                    "id": 7, "path_with_namespace": self.renamed.as_deref().unwrap_or(PROJECT),
                    "merge_trains_enabled": trains,
                });
                (200, told)
            }
            ("POST", ["merge_trains", "merge_requests", number]) => {
                self.board(number.parse().unwrap(), body)
            }
            ("GET", ["merge_requests"]) => (200, self.list(query)),
            ("POST", ["merge_requests"]) => self.open(body),
            ("GET", ["repository", "branches", branch]) => match self.repository.tip(branch) {
                Some(sha) => (200, json!({"name": branch, "commit": {"id": sha}})),
                None => not_found("Branch"),
            },
            ("DELETE", ["repository", "branches", branch]) => {
                self.repository.delete(branch);
                (204, Value::Null)
            }
            ("GET", ["repository", "compare"]) => self.compare(query),
            ("POST", ["statuses", sha]) => self.set_status(sha, body),
            (_, ["merge_requests", number, rest @ ..]) => {
                let number = number.parse().unwrap_or_default();
                if !self.merges.contains_key(&number) {
                    return (404, json!({"message": "404 Not found"}));
                }
                self.about(number, (method, rest), query, body)
            }
            (_, _) => not_found(""),
        }
    }

    fn about(
        &mut self,
        number: u64,
        (method, rest): (&str, &[&str]),
        query: &Fields,
        body: &Fields,
    ) -> Told {
        match (method, rest) {
            ("GET", []) => (200, self.show(number)),
            ("PUT", []) => self.edit(number, body),
            ("PUT", ["merge"]) => self.merge(number, body),
            ("POST", ["cancel_merge_when_pipeline_succeeds"]) => self.cancel(number, BOT),
            ("GET", ["approvals"]) => (200, self.approvals_of(number)),
            ("GET", ["reviewers"]) => (200, self.reviewers_of(number)),
            ("GET", ["versions"]) => (200, page(&self.versions_of(number), query)),
            ("GET", ["notes"]) => (200, page(&self.merges[&number].notes, query)),
            ("POST", ["notes"]) => self.note(number, field(body, "body").unwrap()),
            ("PUT", ["notes", id]) => self.edit_note(number, id.parse().unwrap(), body),
            ("POST", ["notes", id, "award_emoji"]) => self.award(id.parse().unwrap(), body),
            ("GET", ["diffs"]) => {
                let merge = &self.merges[&number];
                let base = self.repository.tip(&merge.target).unwrap();
                let files = self.repository.files(&base, merge.head.as_ref().unwrap());
                let diffs: Vec<Value> =
                    files.iter().map(|it| json!({"old_path": it, "new_path": it})).collect();
                (200, page(&diffs, query))
            }
            (_, _) => not_found(""),
        }
    }

    fn users_named(&mut self, query: &Fields) -> Value {
        let wanted = field(query, "username").unwrap().to_lowercase();
        let found = self.users.iter().find(|it| it.to_lowercase() == wanted).cloned();
        found.map_or_else(|| json!([]), |name| json!([self.user(&name)]))
    }

    fn list(&mut self, query: &Fields) -> Value {
        let fits = |merge: &Merge| {
            field(query, "state").is_none_or(|it| it == merge.state)
                && field(query, "source_branch").is_none_or(|it| it == merge.branch)
        };
        let found: Vec<u64> =
            self.merges.iter().filter(|(_, it)| fits(it)).map(|(number, _)| *number).collect();
        let found: Vec<Value> = found.into_iter().map(|number| self.show(number)).collect();
        page(&found, query)
    }

    fn compare(&self, query: &Fields) -> Told {
        let tip = |name: &str| field(query, name).and_then(|it| self.repository.tip(it));
        let (Some(from), Some(to)) = (tip("from"), tip("to")) else { return not_found("Ref") };
        let commits: Vec<Value> =
            self.repository.news(&from, &to).into_iter().map(|it| json!({"id": it})).collect();
        (200, json!({"commits": commits, "diffs": []}))
    }

    /// GitLab does not ask whether there is anything to merge, or even a branch.
    fn open(&mut self, body: &Fields) -> Told {
        let text = |name: &str| field(body, name).unwrap_or_default().to_owned();
        let (branch, target) = (text("source_branch"), text("target_branch"));
        let same = |it: &Merge| it.state == "opened" && it.branch == branch && it.target == target;
        if let Some((number, _)) = self.merges.iter().find(|(_, it)| same(it)) {
            let words = format!(
                "Another open merge request already exists for this source branch: !{number}"
            );
            return (409, json!({"message": [words]}));
        }
        let number = self.merges.len() as u64 + 1;
        let head = self.repository.tip(&branch);
        let version = head.clone().map(|head| (self.id(), head, self.now()));
        let description = self.obey(&text("description"));
        let merge = Merge {
            title: text("title"),
            description,
            branch,
            target,
            head,
            versions: version.into_iter().collect(),
            is_empty: false,
            state: "opened",
            landed: None,
            author: BOT.to_owned(),
            labels: listed(field(body, "labels")),
            reviewers: Vec::new(),
            assignees: Vec::new(),
            approved: Vec::new(),
            notes: Vec::new(),
            asked: None,
        };
        self.merges.insert(number, merge);
        self.set_reviewers(number, body);
        (201, self.show(number))
    }

    fn edit(&mut self, number: u64, body: &Fields) -> Told {
        let description = field(body, "description").map(|text| self.obey(text));
        let merge = self.merges.get_mut(&number).unwrap();
        if let Some(text) = description {
            merge.description = text;
        }
        if let Some(text) = field(body, "title") {
            merge.title = text.to_owned();
        }
        if let Some(text) = field(body, "target_branch") {
            merge.target = text.to_owned();
        }
        merge.labels.extend(listed(field(body, "add_labels")));
        if field(body, "state_event") == Some("close") && merge.state == "opened" {
            self.close(number);
        }
        self.set_reviewers(number, body);
        (200, self.show(number))
    }

    /// Those who are named replace those who were; where one only is allowed, the first stays.
    fn set_reviewers(&mut self, number: u64, body: &Fields) {
        if let Some(ids) = body.get("assignee_ids[]") {
            let names = ids.iter().map(|id| self.name_of(id)).collect();
            self.merges.get_mut(&number).unwrap().assignees = names;
        }
        let Some(ids) = body.get("reviewer_ids[]") else { return };
        let mut names: Vec<String> = ids.iter().map(|id| self.name_of(id)).collect();
        if self.rules.server == Server::Free {
            names.truncate(1);
        }
        let merge = self.merges.get_mut(&number).unwrap();
        merge.reviewers = names.into_iter().map(|name| (name, "unreviewed")).collect();
    }

    fn merge(&mut self, number: u64, body: &Fields) -> Told {
        let merge = &self.merges[&number];
        if merge.state != "opened" {
            return (405, json!({"message": "405 Method Not Allowed"}));
        }
        if self.rules.may_not_merge {
            return (401, json!({"message": "401 Unauthorized"}));
        }
        if field(body, "sha").is_some_and(|sha| Some(sha) != merge.head.as_deref()) {
            return (409, json!({"message": "SHA does not match HEAD of source branch"}));
        }
        match self.standing(number) {
            "mergeable" => self.land(BOT, number, body),
            "conflict" => (422, json!({"message": "Branch cannot be merged"})),
            _ if field(body, "merge_when_pipeline_succeeds") == Some("true") => {
                self.ask_auto_merge(number, body)
            }
            _ => (405, json!({"message": "405 Method Not Allowed"})),
        }
    }

    /// Merges, whatever the rules say.
    pub fn land(&mut self, who: &str, number: u64, body: &Fields) -> Told {
        self.catch_up();
        let merge = &self.merges[&number];
        let (branch, target_name) = (merge.branch.clone(), merge.target.clone());
        let head = merge.head.clone().unwrap();
        let target = self.repository.tip(&target_name).unwrap();
        let Union::Tree(tree) = self.repository.union(&target, &head) else {
            return (422, json!({"message": "Branch cannot be merged"}));
        };
        let words = |name: &str| field(body, name).unwrap_or("Merge").to_owned();
        let squashed = (field(body, "squash") == Some("true"))
            .then(|| self.repository.make(&tree, &[&target], &words("squash_commit_message")));
        let comes = squashed.clone().unwrap_or(head);
        let merge_commit = match self.rules.method {
            Method::MergeCommit => Some(self.repository.land(
                &target_name,
                &tree,
                &[&target, &comes],
                &words("merge_commit_message"),
            )),
            Method::FastForward => {
                self.repository.put(&target_name, &comes, &target);
                None
            }
        };
        let landed = Landed { by: Some(who.to_owned()), merge_commit, squash_commit: squashed };
        let merge = self.merges.get_mut(&number).unwrap();
        (merge.state, merge.landed) = ("merged", Some(landed));
        merge.asked = None;
        if field(body, "should_remove_source_branch") == Some("true") {
            self.repository.delete(&branch);
        }
        (200, self.show(number))
    }

    pub fn close(&mut self, number: u64) {
        self.put_off(number, "merge request was closed");
        let merge = self.merges.get_mut(&number).unwrap();
        (merge.state, merge.asked) = ("closed", None);
    }

    pub fn make_draft(&mut self, number: u64) {
        let merge = self.merges.get_mut(&number).unwrap();
        merge.title = format!("Draft: {}", merge.title);
        let at = self.now();
        self.system_note(number, "carol", "marked this merge request as **draft**", at);
    }

    pub fn dress_of(&self, number: u64) -> (Vec<String>, Vec<String>) {
        let merge = &self.merges[&number];
        let reviewers = merge.reviewers.iter().map(|(name, _)| name.clone()).collect();
        (merge.labels.clone(), reviewers)
    }

    pub fn text_of(&self, number: u64) -> (String, String) {
        let merge = &self.merges[&number];
        (merge.title.clone(), merge.description.clone())
    }

    /// What keeps a merge request from being merged.
    pub fn standing(&self, number: u64) -> &'static str {
        let merge = &self.merges[&number];
        let (target, tip) =
            (self.repository.tip(&merge.target).unwrap(), self.repository.tip(&merge.branch));
        let Some(head) = merge.head.as_ref().filter(|_| tip.is_some()) else {
            return "commits_status";
        };
        if merge.state != "opened" {
            return "not_open";
        }
        if self.mergeability == Mergeability::NotYet {
            return "checking";
        }
        if matches!(self.repository.union(&target, head), Union::Conflict) {
            return "conflict";
        }
        let must_be_new = self.rules.method == Method::FastForward;
        if must_be_new && !self.repository.has(head, &target) {
            return "need_rebase";
        }
        if is_draft(&merge.title) {
            return "draft_status";
        }
        if merge.approved.len() < self.rules.approvals {
            return "not_approved";
        }
        self.rules.says.unwrap_or("mergeable")
    }

    pub fn show(&mut self, number: u64) -> Value {
        let standing = self.standing(number);
        let author = self.merges[&number].author.clone();
        let author = self.user(&author);
        let reviewers: Vec<String> =
            self.merges[&number].reviewers.iter().map(|(name, _)| name.clone()).collect();
        let reviewers: Vec<Value> = reviewers.iter().map(|name| self.user(name)).collect();
        let assignees = self.merges[&number].assignees.clone();
        let assignees: Vec<Value> = assignees.iter().map(|name| self.user(name)).collect();
        let merge = &self.merges[&number];
        let by = merge.landed.as_ref().and_then(|it| it.by.clone());
        let by = by.or_else(|| merge.asked.as_ref().map(|(by, _)| by.clone()));
        let by = by.map(|name| self.user(&name));
        let merge = &self.merges[&number];
        let landed = merge.landed.as_ref();
        json!({
            "id": 9000 + number, "iid": number, "project_id": 7,
            "source_project_id": 7, "target_project_id": 7,
            "title": merge.title, "description": merge.description, "state": merge.state,
            "source_branch": merge.branch, "target_branch": merge.target, "sha": merge.head,
            "draft": is_draft(&merge.title), "labels": merge.labels,
            "author": author, "reviewers": reviewers, "assignees": assignees,
            "web_url": format!("https://example.com/git/{PROJECT}/-/merge_requests/{number}"),
            "merge_user": by, "merged_at": landed.map(|_| NOW),
            "merge_commit_sha": landed.and_then(|it| it.merge_commit.clone()),
            "squash_commit_sha": landed.and_then(|it| it.squash_commit.clone()),
            "closed_at": (merge.state == "closed").then_some(NOW),
            "merge_when_pipeline_succeeds": merge.asked.is_some(),
            "detailed_merge_status": standing, "has_conflicts": standing == "conflict",
        })
    }

    fn versions_of(&self, number: u64) -> Vec<Value> {
        let versions = self.merges[&number].versions.iter().rev();
        let told = versions.map(|(id, head, at)| {
            json!({"id": id, "head_commit_sha": head, "created_at": at, "state": "collected"})
        });
        told.collect()
    }

    /// Does what a text orders, and gives back what is left of it.
    pub fn obey(&mut self, text: &str) -> String {
        let (orders, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| {
            ["/merge", "/close", "/assign", "/approve"].iter().any(|it| line.starts_with(it))
        });
        self.obeyed.extend(orders.into_iter().map(str::to_owned));
        rest.join("\n")
    }
}

fn moved(method: &str, to: &str) -> Told {
    match method {
        "GET" => (301, json!({"message": format!("This resource has been moved to {to}")})),
        _ => (405, json!({"message": "405 Non GET methods are not allowed for moved projects"})),
    }
}

fn is_draft(title: &str) -> bool {
    title.to_lowercase().starts_with("draft:")
}

fn listed(text: Option<&str>) -> Vec<String> {
    text.into_iter().flat_map(|it| it.split(',')).map(str::to_owned).collect()
}

pub fn page(items: &[Value], query: &Fields) -> Value {
    let number = |name: &str, default| field(query, name).map_or(default, |it| it.parse().unwrap());
    let size = number("per_page", 20).min(100);
    items.iter().skip((number("page", 1) - 1) * size).take(size).cloned().collect()
}
