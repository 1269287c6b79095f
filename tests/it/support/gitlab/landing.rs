//! What brings a merge request in by itself: auto-merge, and the train of a project that has them.

use serde_json::{Value, json};

use super::merges::Lab;
use super::{BOT, Fields, GitLab, Told, field};

/// What GitLab itself notes when it puts one off the train.
const FAILED: &str = "pipeline did not succeed";
const PUSHED: &str = "source branch was updated";

fn refused(words: &str) -> Told {
    (405, json!({"message": words}))
}

impl Lab {
    /// Merges when it may, if it may not now.
    pub fn ask_auto_merge(&mut self, number: u64, body: &Fields) -> Told {
        let merge = self.merges.get_mut(&number).unwrap();
        merge.asked = Some((BOT.to_owned(), body.clone()));
        (200, self.show(number))
    }

    pub fn board(&mut self, number: u64, body: &Fields) -> Told {
        let merge = &self.merges[&number];
        if !self.rules.trains {
            return (403, json!({"message": "403 Forbidden"}));
        }
        if field(body, "sha").is_some_and(|sha| Some(sha) != merge.head.as_deref()) {
            return (409, json!({"message": "SHA does not match HEAD of source branch"}));
        }
        if merge.asked.is_some() {
            return (409, json!({"message": "Merge request is already on a train"}));
        }
        let patient = field(body, "when_pipeline_succeeds") == Some("true");
        match self.standing(number) {
            "mergeable" => self.enter(number, BOT, body),
            _ if patient => {
                let merge = self.merges.get_mut(&number).unwrap();
                merge.asked = Some((BOT.to_owned(), body.clone()));
            }
            _ => return refused("The merge request is not mergeable"),
        }
        (201, json!([]))
    }

    fn enter(&mut self, number: u64, by: &str, body: &Fields) {
        let at = self.now();
        let words = if self.train.is_empty() {
            "started a merge train".to_owned()
        } else {
            format!(
                "added this merge request to the merge train at position {}",
                self.train.len() + 1
            )
        };
        self.train.push(number);
        self.system_note(number, by, &words, at);
        let merge = self.merges.get_mut(&number).unwrap();
        merge.asked = Some((by.to_owned(), body.clone()));
    }

    /// Takes back that a merge request is merged by itself, by whichever way.
    pub fn cancel(&mut self, number: u64, by: &str) -> Told {
        if self.merges[&number].asked.is_none() {
            return (406, json!({"message": "Can't cancel the automatic merge"}));
        }
        let what = if self.leave(number) {
            "removed this merge request from the merge train"
        } else {
            "canceled the automatic merge"
        };
        let at = self.now();
        self.system_note(number, by, what, at);
        (201, self.show(number))
    }

    /// Leaves the train; tells whether it was on it.
    fn leave(&mut self, number: u64) -> bool {
        self.merges.get_mut(&number).unwrap().asked = None;
        let before = self.train.len();
        self.train.retain(|it| *it != number);
        self.train.len() < before
    }

    /// A push ends whatever was asked for.
    pub fn put_off(&mut self, number: u64, why: &str) {
        let Some((by, _)) = self.merges[&number].asked.clone() else { return };
        if self.leave(number) {
            let at = self.now();
            let words = format!("removed this merge request from the merge train because {why}");
            self.system_note(number, &by, &words, at);
        }
    }

    pub fn pushed(&mut self, number: u64) {
        // Auto-merge is for whatever the branch holds; a train tests one head.
        if self.train.contains(&number) {
            self.put_off(number, PUSHED);
        }
    }

    /// Merges, or puts on the train, what may be by now and was to be.
    pub fn act_by_itself(&mut self) {
        let due: Vec<u64> = self.merges.keys().copied().collect();
        for number in due {
            let Some((by, body)) = self.merges[&number].asked.clone() else { continue };
            if self.train.contains(&number) || self.standing(number) != "mergeable" {
                continue;
            }
            if self.rules.trains {
                self.enter(number, &by, &body);
            } else {
                let told = self.land(&by, number, &body);
                assert_eq!(told.0, 200, "{}", told.1);
            }
        }
    }
}

impl GitLab {
    /// GitLab itself goes on: it merges what may be merged by now.
    pub fn goes_on(&self) {
        let mut inside = self.inside();
        inside.lab.catch_up();
        inside.lab.act_by_itself();
    }

    /// What is on the train, in its order.
    pub fn on_train(&self) -> Vec<u64> {
        self.inside().lab.train.clone()
    }

    /// Who asked GitLab to merge by itself.
    pub fn asked_of(&self, number: u64) -> Option<String> {
        self.inside().lab.merges[&number].asked.as_ref().map(|(by, _)| by.clone())
    }

    /// All that is on the train has passed, and is merged.
    pub fn train_passes(&self) {
        let mut inside = self.inside();
        for number in std::mem::take(&mut inside.lab.train) {
            let (by, body) = inside.lab.merges[&number].asked.clone().unwrap();
            let mut body = body.clone();
            body.insert("should_remove_source_branch".into(), vec!["true".into()]);
            let told: (u16, Value) = inside.lab.land(&by, number, &body);
            assert_eq!(told.0, 200, "{}", told.1);
        }
    }

    /// Its pipeline on the train fails.
    pub fn train_fails(&self, number: u64) {
        self.inside().lab.put_off(number, FAILED);
    }

    /// A person takes a merge request off the train, or puts it on.
    pub fn take_off_by(&self, user: &str, number: u64) {
        let told = self.inside().lab.cancel(number, user);
        assert_eq!(told.0, 201);
    }

    pub fn put_on_by(&self, user: &str, number: u64) {
        self.inside().lab.enter(number, user, &Fields::new());
    }

    /// GitLab says this word of every merge request that nothing else keeps out.
    pub fn say_of_all(&self, word: &'static str) {
        self.inside().lab.rules.says = Some(word);
    }

    /// Nothing of that keeps anything out any more.
    pub fn say_nothing(&self) {
        self.inside().lab.rules.says = None;
    }
}
