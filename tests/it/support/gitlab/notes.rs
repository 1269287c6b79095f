//! What is written on merge requests, and reacted to.

use serde_json::{Value, json};

use super::merges::{Lab, NOW, not_found};
use super::{BOT, Fields, GitLab, PROJECT, Told, field};

impl Lab {
    pub fn note(&mut self, number: u64, body: &str) -> Told {
        let body = self.obey(body);
        (201, self.remark(number, BOT, &body))
    }

    fn remark(&mut self, number: u64, by: &str, body: &str) -> Value {
        let note = json!({"id": self.id(), "body": body, "author": self.user(by),
            "created_at": NOW, "updated_at": NOW, "system": false, "noteable_iid": number});
        self.merges.get_mut(&number).unwrap().notes.push(note.clone());
        note
    }

    pub fn system_note(&mut self, number: u64, by: &str, body: &str, at: String) {
        let note = json!({"id": self.id(), "body": body, "author": self.user(by),
            "created_at": at, "updated_at": at, "system": true});
        self.merges.get_mut(&number).unwrap().notes.push(note);
    }

    /// Only who wrote a note may edit it.
    pub fn edit_note(&mut self, number: u64, id: u64, body: &Fields) -> Told {
        let text = self.obey(field(body, "body").unwrap());
        let notes = &mut self.merges.get_mut(&number).unwrap().notes;
        let Some(note) = notes.iter_mut().find(|it| it["id"] == id) else {
            return not_found("Note");
        };
        if note["author"]["username"] != BOT {
            return (403, json!({"message": "403 Forbidden"}));
        }
        note["body"] = text.into();
        (200, note.clone())
    }

    pub fn award(&mut self, id: u64, body: &Fields) -> Told {
        let award = (id, BOT.to_owned(), field(body, "name").unwrap().to_owned());
        if !self.awards.insert(award) {
            return not_found("Award Emoji Name has already been taken");
        }
        (201, json!({"id": 1, "name": "eyes"}))
    }
}

impl GitLab {
    /// A person comments; the event in which GitLab tells of it.
    pub fn say(&self, number: u64, by: &str, body: &str) -> Value {
        let mut inside = self.inside();
        let note = inside.lab.remark(number, by, body);
        let (user, merge) = (inside.lab.user(by), &inside.lab.merges[&number]);
        json!({
            "object_kind": "note", "event_type": "note", "user": user,
            "project": {"path_with_namespace": PROJECT},
            "object_attributes": {"id": note["id"], "note": body, "noteable_type": "MergeRequest",
                "system": false, "action": "create"},
            "merge_request": {"iid": number, "source_branch": merge.branch},
        })
    }

    /// Who reacted to the note that an event is of, and how.
    pub fn reactions(&self, event: &Value) -> Vec<String> {
        let inside = self.inside();
        let given = inside.lab.awards.iter();
        let given = given.filter(|(id, _, _)| event["object_attributes"]["id"] == *id);
        given.map(|(_, by, name)| format!("{by}: {name}")).collect()
    }

    /// What is written on a merge request, as GitLab keeps it.
    pub fn notes_on(&self, number: u64) -> Vec<String> {
        let inside = self.inside();
        let notes = inside.lab.merges[&number].notes.iter().filter(|it| it["system"] == false);
        notes.map(|it| it["body"].as_str().unwrap().to_owned()).collect()
    }
}
