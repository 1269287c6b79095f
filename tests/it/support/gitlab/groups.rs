//! Groups, and who is in them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::merges::{Lab, not_found, page};
use super::{Fields, GitLab, Told};

/// Who is in which group, and whether this token may know.
#[derive(Default)]
pub struct Groups {
    members: BTreeSet<(String, String)>,
    hidden: bool,
}

impl Lab {
    pub fn members(&mut self, path: &[&str], query: &Fields) -> Told {
        let [group, "members", "all"] = path else { return not_found("") };
        let known = self.groups.members.iter().any(|(it, _)| it == group);
        if self.groups.hidden || !known {
            return not_found("Group");
        }
        let of = self.groups.members.iter().filter(|(it, _)| it == group);
        let names: Vec<String> = of.map(|(_, name)| name.clone()).collect();
        let mut found: Vec<Value> = names.iter().map(|name| self.user(name)).collect();
        if let Some(wanted) = query.get("user_ids[]") {
            found.retain(|user| wanted.contains(&user["id"].to_string()));
        }
        (200, page(&found, query))
    }
}

impl GitLab {
    /// Somebody joins a group.
    pub fn join(&self, group: &str, name: &str) {
        self.inside().lab.groups.members.insert((group.to_owned(), name.to_owned()));
    }

    /// This token may not see who is in a group.
    pub fn hide_groups(&self) {
        self.inside().lab.groups.hidden = true;
    }

    /// It may again.
    pub fn show_groups(&self) {
        self.inside().lab.groups.hidden = false;
    }
}
