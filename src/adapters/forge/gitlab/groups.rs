//! Who is in a group, which may be above or beside the project's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use gitlab::api::groups::members::AllGroupMembers;
use jiff::{SignedDuration, Timestamp};

use super::GitLabForge;
use super::api::built;
use super::raw::RawUser;
use crate::app::ports::ForgeError;
use crate::domain::id::PersonName;
use crate::domain::team::Team;

/// How long an answer is believed: who leaves a group may approve for no longer than this.
const BELIEVED: SignedDuration = SignedDuration::from_secs(60);

/// Who is in which group, by their names in lower case, and since when it is known.
pub(super) type Members = BTreeMap<String, (Timestamp, BTreeSet<String>)>;

impl GitLabForge {
    /// Those of `people` who are in the group, or in one above it.
    pub(super) async fn in_group(
        &self,
        team: &Team,
        people: &[PersonName],
    ) -> Result<Vec<PersonName>, ForgeError> {
        let Team::GitLab { group } = team else {
            return Err(ForgeError::Refused(format!("{team} is no group of a GitLab")));
        };
        let names = self.names_in(group).await?;
        let is_in = |person: &&PersonName| {
            names.contains(&self.people.login(person.as_str()).to_lowercase())
        };
        Ok(people.iter().filter(is_in).cloned().collect())
    }

    async fn names_in(&self, group: &str) -> Result<BTreeSet<String>, ForgeError> {
        let now = self.api.now();
        let known = self.members().get(group).cloned();
        let is_fresh = |at: Timestamp| now >= at && now.duration_since(at) < BELIEVED;
        if let Some((_, names)) = known.filter(|(at, _)| is_fresh(*at)) {
            return Ok(names);
        }
        let endpoint = built(AllGroupMembers::builder().group(group).build())?;
        let doing = format!("asking who is in the group {group}");
        let users: Vec<RawUser> = self.api.list(&endpoint, &doing).await?;
        let names: BTreeSet<String> =
            users.into_iter().map(|user| user.username.to_lowercase()).collect();
        self.members().insert(group.to_owned(), (now, names.clone()));
        Ok(names)
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
