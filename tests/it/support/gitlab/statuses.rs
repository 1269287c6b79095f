//! What is said of commits: GitLab keeps each status as a job with its steps.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::merges::{Lab, NOW, not_found, page};
use super::{Fields, GitLab, Told, field};

/// A status of a commit.
pub struct Job {
    pub commit: String,
    pub told: Value,
}

impl Lab {
    pub fn statuses_of(&self, commit: &str, query: &Fields) -> Value {
        let mut latest: BTreeMap<&str, &Value> = BTreeMap::new();
        for job in self.jobs.iter().filter(|it| it.commit == commit) {
            latest.insert(job.told["name"].as_str().unwrap(), &job.told);
        }
        page(&latest.into_values().cloned().collect::<Vec<_>>(), query)
    }

    pub fn set_status(&mut self, sha: &str, body: &Fields) -> Told {
        if self.repository.commit(sha).is_none() {
            return not_found("Commit");
        }
        self.keep_status(sha, body)
    }

    /// A status of a commit of whatever project.
    pub fn keep_status(&mut self, sha: &str, body: &Fields) -> Told {
        let (name, state) = (field(body, "name").unwrap(), field(body, "state").unwrap());
        let description = field(body, "description").unwrap_or_default();
        assert!(description.chars().count() <= 255, "{description}");
        let runs = |job: &&mut Job| {
            job.commit == sha
                && job.told["name"] == name
                && matches!(job.told["status"].as_str(), Some("pending" | "running"))
        };
        // What has ended is followed by a new one; what goes on makes a step, or is refused.
        let Some(job) = self.jobs.iter_mut().rfind(runs) else {
            self.add_job(sha, (name, state), description);
            return (201, json!({"status": state}));
        };
        let from = job.told["status"].as_str().unwrap();
        let event = match (from, state) {
            (_, "pending") => Some("enqueue"),
            ("running", "running") => Some("run"),
            (_, _) => None,
        };
        if let Some(event) = event {
            let words = format!(
                "Cannot transition status via :{event} from :{from} (Reason(s): Status cannot \
                 transition via \"{event}\")"
            );
            return (400, json!({"message": words}));
        }
        job.told["status"] = state.into();
        job.told["description"] = description.into();
        (201, json!({"status": state}))
    }

    fn add_job(&mut self, commit: &str, (name, status): (&str, &str), description: &str) {
        let told = json!({
            "id": self.id(), "sha": commit, "name": name, "status": status,
            "description": description, "target_url": "https://ci.example.com/7",
            "created_at": NOW, "finished_at": null, "allow_failure": false,
        });
        self.jobs.push(Job { commit: commit.to_owned(), told });
    }
}

impl GitLab {
    /// Somebody's job says something of the head of a merge request.
    pub fn job_on(&self, number: u64, (name, status): (&str, &str), description: &str) {
        let mut inside = self.inside();
        let head = inside.lab.merges[&number].head.clone().unwrap();
        inside.lab.add_job(&head, (name, status), description);
    }

    /// Somebody's job says something of a commit of any project.
    pub fn job_of(&self, commit: &str, (name, status): (&str, &str)) {
        self.inside().lab.add_job(commit, (name, status), "");
    }

    /// How many statuses were ever made, and what the last one of that name says.
    pub fn statuses_of(&self, name: &str) -> Vec<String> {
        let inside = self.inside();
        let jobs = inside.lab.jobs.iter().filter(|it| it.told["name"] == name);
        jobs.map(|it| format!("{}: {}", it.told["status"], it.told["description"])).collect()
    }
}
