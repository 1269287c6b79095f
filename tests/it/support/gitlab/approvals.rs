//! Who approves, and who asks for changes.

use serde_json::{Value, json};

use super::GitLab;
use super::merges::{Lab, Server};

impl Lab {
    pub fn approvals_of(&mut self, number: u64) -> Value {
        let approved = self.merges[&number].approved.clone();
        let told: Vec<Value> = approved
            .into_iter()
            .map(|(name, at)| {
                let at = (self.rules.server != Server::Old).then_some(at);
                json!({"user": self.user(&name), "approved_at": at})
            })
            .collect();
        json!({"approved_by": told, "approvals_required": self.rules.approvals})
    }

    pub fn reviewers_of(&mut self, number: u64) -> Value {
        let reviewers = self.merges[&number].reviewers.clone();
        let told = reviewers
            .into_iter()
            .map(|(name, state)| json!({"user": self.user(&name), "state": state}));
        told.collect()
    }

    fn approve(&mut self, number: u64, by: &str) {
        self.catch_up();
        let at = self.now();
        let merge = self.merges.get_mut(&number).unwrap();
        merge.approved.retain(|(name, _)| name != by);
        merge.approved.push((by.to_owned(), at.clone()));
        for (name, state) in &mut merge.reviewers {
            if name == by {
                *state = "approved";
            }
        }
        self.system_note(number, by, "approved this merge request", at);
    }

    fn object(&mut self, number: u64, by: &str) {
        self.catch_up();
        let at = self.now();
        let merge = self.merges.get_mut(&number).unwrap();
        merge.approved.retain(|(name, _)| name != by);
        merge.reviewers.retain(|(name, _)| name != by);
        merge.reviewers.push((by.to_owned(), "requested_changes"));
        self.system_note(number, by, "requested changes", at);
    }

    fn unapprove(&mut self, number: u64, by: &str) {
        let at = self.now();
        let merge = self.merges.get_mut(&number).unwrap();
        merge.approved.retain(|(name, _)| name != by);
        self.system_note(number, by, "unapproved this merge request", at);
    }
}

impl GitLab {
    /// A person approves a merge request as it is.
    pub fn approve(&self, number: u64, by: &str) {
        self.inside().lab.approve(number, by);
    }

    /// A person asks for changes, and is one of the reviewers by that.
    pub fn request_changes(&self, number: u64, by: &str) {
        self.inside().lab.object(number, by);
    }

    /// A person takes their approval back.
    pub fn unapprove(&self, number: u64, by: &str) {
        self.inside().lab.unapprove(number, by);
    }
}
