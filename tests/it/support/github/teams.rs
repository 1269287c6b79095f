//! Teams of the organisation, and who may see them.

use std::collections::BTreeSet;

use serde_json::json;

use super::GitHub;
use super::pulls::Told;

/// Who is in which team, and whether these credentials may know.
#[derive(Default)]
pub struct Teams {
    members: BTreeSet<(String, String)>,
    hidden: bool,
}

pub fn membership(teams: &Teams, slug: &str, login: &str) -> Told {
    if teams.hidden {
        return (403, json!({"message": "Resource not accessible by integration"}));
    }
    if teams.members.contains(&(slug.to_owned(), login.to_owned())) {
        (200, json!({"state": "active", "role": "member"}))
    } else {
        (404, json!({"message": "Not Found"}))
    }
}

impl GitHub {
    /// Somebody joins a team.
    pub fn join(&self, slug: &str, login: &str) {
        self.inside().hub.teams.members.insert((slug.to_owned(), login.to_owned()));
    }

    /// Somebody leaves a team.
    pub fn leave(&self, slug: &str, login: &str) {
        self.inside().hub.teams.members.remove(&(slug.to_owned(), login.to_owned()));
    }

    /// These credentials may not see who is in a team.
    pub fn hide_teams(&self) {
        self.inside().hub.teams.hidden = true;
    }
}
