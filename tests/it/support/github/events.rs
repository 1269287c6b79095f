//! What its webhooks tell: all that has changed since they were last asked.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::GitHub;
use super::pulls::{Hub, NAME, OWNER};
use crate::support::hosted::Event;

/// What was told of so far.
#[derive(Default)]
pub struct Seen {
    branches: BTreeMap<String, String>,
    /// Of each pull request its head, its state and how many reviews it has.
    pulls: BTreeMap<u64, (String, String, usize)>,
    statuses: usize,
    told: usize,
}

impl GitHub {
    /// What happened since this was last asked, as its webhooks tell of it.
    pub fn take_events(&self) -> Vec<Event> {
        let mut inside = self.inside();
        let inside = &mut *inside;
        inside.hub.catch_up();
        let seen = &mut inside.seen;
        let mut told = pushes(&inside.hub, seen);
        told.extend(pulls(&inside.hub, seen));
        told.extend(statuses(&inside.hub, seen));
        told.into_iter()
            .map(|(kind, mut body)| {
                seen.told += 1;
                body["repository"] = json!({"full_name": format!("{OWNER}/{NAME}")});
                Event { kind, delivery: format!("delivery-{}", seen.told), body }
            })
            .collect()
    }
}

fn pushes(hub: &Hub, seen: &mut Seen) -> Vec<(&'static str, Value)> {
    let mut told = Vec::new();
    let now: BTreeMap<String, String> = hub
        .repository
        .branches()
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, commit)| (name.to_owned(), commit.to_owned()))
        .collect();
    for (name, commit) in &now {
        let before = seen.branches.get(name);
        if before == Some(commit) {
            continue;
        }
        let from = before.or_else(|| now.get("refs/heads/main")).unwrap_or(commit);
        let modified = hub.repository.files(from, commit);
        let commits = json!([{"added": [], "removed": [], "modified": modified}]);
        told.push(("push", json!({"ref": name, "after": commit, "commits": commits})));
    }
    for name in seen.branches.keys().filter(|name| !now.contains_key(*name)) {
        told.push(("push", json!({"ref": name, "deleted": true, "commits": []})));
    }
    seen.branches = now;
    told
}

fn pulls(hub: &Hub, seen: &mut Seen) -> Vec<(&'static str, Value)> {
    let mut told = Vec::new();
    for (number, pull) in &hub.pulls {
        let now = (pull.head.clone(), pull.state.to_owned(), pull.reviews.len());
        let before = seen.pulls.insert(*number, now.clone());
        let about = json!({"number": number, "head": {"ref": pull.branch, "sha": pull.head}});
        let mut tell = |kind, action: &str| {
            told.push((kind, json!({"action": action, "pull_request": about})));
        };
        match before {
            None => tell("pull_request", "opened"),
            Some((head, _, _)) if head != now.0 => tell("pull_request", "synchronize"),
            Some((_, state, _)) if state != now.1 => tell("pull_request", "closed"),
            Some((_, _, reviews)) if reviews < now.2 => tell("pull_request_review", "submitted"),
            Some(_) => {}
        }
    }
    told
}

fn statuses(hub: &Hub, seen: &mut Seen) -> Vec<(&'static str, Value)> {
    let new = hub.statuses.iter().skip(seen.statuses);
    let branch_of = |commit: &str| {
        let pull = hub.pulls.values().find(|pull| pull.head == commit);
        pull.map(|pull| json!({"name": pull.branch}))
    };
    let told = new.map(|(commit, status)| {
        let branches: Vec<Value> = branch_of(commit).into_iter().collect();
        ("status", json!({"sha": commit, "state": status["state"], "branches": branches}))
    });
    let told = told.collect();
    seen.statuses = hub.statuses.len();
    told
}
