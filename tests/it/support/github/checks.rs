//! Checks by others: statuses and check runs of commits, of this repository and of sources'.

use serde_json::{Value, json};

use super::GitHub;
use super::pulls::{NOW, Told};

/// A check run of a commit.
pub struct Run {
    pub commit: String,
    pub told: Value,
}

/// What stands at `…/check-runs` of a commit.
pub fn runs_of(runs: &[Run], commit: &str) -> Told {
    let of = runs.iter().filter(|run| run.commit == commit);
    let told: Vec<Value> = of.map(|run| run.told.clone()).collect();
    (200, json!({"total_count": told.len(), "check_runs": told}))
}

impl GitHub {
    /// Somebody sets a status on the head of a pull request.
    pub fn status_on(&self, number: u64, (context, state): (&str, &str), description: &str) {
        let head = self.head_of(number);
        self.status_of(&head, (context, state), description);
    }

    /// Somebody sets a status on a commit of any repository.
    pub fn status_of(&self, commit: &str, (context, state): (&str, &str), description: &str) {
        let status = json!({
            "context": context, "state": state, "description": description,
            "target_url": "https://ci.example.com/7", "updated_at": NOW,
        });
        self.inside().hub.statuses.push((commit.to_owned(), status));
    }

    /// All that was ever said of a commit, in the order in which it was said.
    pub fn said_of(&self, commit: &str) -> Vec<String> {
        let inside = self.inside();
        let said = inside.hub.statuses.iter().filter(|(of, _)| of == commit);
        let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
        said.map(|(_, it)| ["context", "state", "description"].map(|key| text(it, key)).join(" "))
            .collect()
    }

    /// A check runs on the head of a pull request; without a conclusion it goes on.
    pub fn run_on(&self, number: u64, name: &str, conclusion: Option<&str>) {
        let head = self.head_of(number);
        self.run_of(&head, name, conclusion);
    }

    /// A check runs on a commit of any repository.
    pub fn run_of(&self, commit: &str, name: &str, conclusion: Option<&str>) {
        let runs = &mut self.inside().hub.runs;
        runs.retain(|run| run.commit != commit || run.told["name"] != name);
        let status = if conclusion.is_some() { "completed" } else { "in_progress" };
        let told = json!({
            "name": name, "head_sha": commit, "status": status, "conclusion": conclusion,
            "started_at": NOW, "completed_at": conclusion.map(|_| NOW),
            "html_url": format!("https://github.example/runs/{name}"),
        });
        runs.push(Run { commit: commit.to_owned(), told });
    }

    fn head_of(&self, number: u64) -> String {
        self.inside().hub.pulls[&number].head.clone()
    }
}
