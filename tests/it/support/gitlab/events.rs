//! What its webhooks tell: all that has changed since they were last asked.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::merges::Lab;
use super::{GitLab, PROJECT};
use crate::support::hosted::Event;

/// What was told of so far.
#[derive(Default)]
pub struct Seen {
    branches: BTreeMap<String, String>,
    /// Of each merge request its head, its state, and by how many it is approved.
    merges: BTreeMap<u64, (Option<String>, String, usize)>,
    jobs: usize,
    told: usize,
}

impl GitLab {
    /// What happened since this was last asked, as its webhooks tell of it.
    pub fn take_events(&self) -> Vec<Event> {
        let mut inside = self.inside();
        let inside = &mut *inside;
        inside.lab.catch_up();
        let seen = &mut inside.seen;
        let mut told = pushes(&inside.lab, seen);
        told.extend(merges(&inside.lab, seen));
        told.extend(jobs(&inside.lab, seen));
        told.into_iter()
            .map(|(kind, mut body)| {
                seen.told += 1;
                body["project"] = json!({"path_with_namespace": PROJECT});
                Event { kind, delivery: format!("delivery-{}", seen.told), body }
            })
            .collect()
    }
}

fn pushes(lab: &Lab, seen: &mut Seen) -> Vec<(&'static str, Value)> {
    let mut told = Vec::new();
    let branches = lab.repository.branches();
    let lines = branches.lines().filter_map(|line| line.split_once(' '));
    let now: BTreeMap<String, String> =
        lines.map(|(name, commit)| (name.to_owned(), commit.to_owned())).collect();
    let nothing = "0".repeat(40);
    for (name, commit) in &now {
        let before = seen.branches.get(name);
        if before == Some(commit) {
            continue;
        }
        let from = before.or_else(|| now.get("refs/heads/main")).unwrap_or(commit);
        let modified = lab.repository.files(from, commit);
        let commits = json!([{"added": [], "removed": [], "modified": modified}]);
        let body = json!({
            "object_kind": "push", "ref": name, "before": before.unwrap_or(&nothing),
            "after": commit, "commits": commits,
        });
        told.push(("Push Hook", body));
    }
    for name in seen.branches.keys().filter(|name| !now.contains_key(*name)) {
        let body = json!({"object_kind": "push", "ref": name, "after": nothing, "commits": []});
        told.push(("Push Hook", body));
    }
    seen.branches = now;
    told
}

fn merges(lab: &Lab, seen: &mut Seen) -> Vec<(&'static str, Value)> {
    let mut told = Vec::new();
    for (number, merge) in &lab.merges {
        let now = (merge.head.clone(), merge.state.to_owned(), merge.approved.len());
        let action = match seen.merges.insert(*number, now.clone()) {
            None => "open",
            Some((head, _, _)) if head != now.0 => "update",
            Some((_, state, _)) if state != now.1 && now.1 == "merged" => "merge",
            Some((_, state, _)) if state != now.1 => "close",
            Some((_, _, approved)) if approved < now.2 => "approved",
            Some(_) => continue,
        };
        let about = json!({
            "iid": number, "action": action, "source_branch": merge.branch, "state": now.1,
        });
        let body = json!({"object_kind": "merge_request", "object_attributes": about});
        told.push(("Merge Request Hook", body));
    }
    told
}

/// Each status is a job of a pipeline of its own.
fn jobs(lab: &Lab, seen: &mut Seen) -> Vec<(&'static str, Value)> {
    let branch_of = |commit: &str| {
        let merge = lab.merges.values().find(|it| it.head.as_deref() == Some(commit));
        merge.map_or_else(|| "main".to_owned(), |it| it.branch.clone())
    };
    let told = lab.jobs.iter().skip(seen.jobs).map(|job| {
        let body = json!({
            "object_kind": "build", "ref": branch_of(&job.commit), "sha": job.commit,
            "build_name": job.told["name"], "build_status": job.told["status"],
        });
        ("Job Hook", body)
    });
    let told = told.collect();
    seen.jobs = lab.jobs.len();
    told
}
