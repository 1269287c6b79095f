//! Whom GitLab knows, by which number and by which name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gitlab::api::users::{CurrentUser, Users as UsersByName};

use super::GitLabForge;
use super::api::built;
use super::raw::{RawMerge, RawUser};
use crate::app::ports::ForgeError;
use crate::domain::id::PersonName;

/// What is known of users; they keep their numbers.
#[derive(Default)]
pub(super) struct Users {
    me: Mutex<Option<u64>>,
    by_name: Mutex<BTreeMap<String, u64>>,
}

impl GitLabForge {
    /// Our own number: a new token of a project is a new user.
    pub(super) async fn me(&self) -> Result<u64, ForgeError> {
        let known = *self.users.me.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = known {
            return Ok(id);
        }
        let endpoint = built(CurrentUser::builder().build())?;
        let answer = self.api.get(&endpoint).await?;
        let me: RawUser = answer.expect(self.api.project(), "asking who the token is")?;
        *self.users.me.lock().unwrap_or_else(PoisonError::into_inner) = Some(me.id);
        Ok(me.id)
    }

    /// Those whose notes on a merge request are ours: who opened it, by an older token perhaps, and
    /// who we are now.
    pub(super) async fn ours(&self, merge: &RawMerge) -> Result<Vec<u64>, ForgeError> {
        let me = self.me().await?;
        Ok(merge.author().into_iter().chain([me]).collect())
    }

    /// The numbers of people. Who is not known is told of, and not waited for.
    pub(super) async fn ids_of(&self, names: &[String]) -> Result<BTreeSet<u64>, ForgeError> {
        let mut found = BTreeSet::new();
        for name in names {
            let username = self.people.login(name);
            match self.id_of(username).await? {
                Some(id) => {
                    found.insert(id);
                }
                None => tracing::warn!(
                    "GitLab knows no {username} who could review in {}; name people by their \
                     `gitlab:` in `people`",
                    self.api.project()
                ),
            }
        }
        Ok(found)
    }

    async fn id_of(&self, username: &str) -> Result<Option<u64>, ForgeError> {
        let name = username.to_lowercase();
        if let Some(id) = self.by_name().get(&name) {
            return Ok(Some(*id));
        }
        let endpoint = built(UsersByName::builder().username(username).build())?;
        let answer = self.api.get(&endpoint).await?;
        let found: Vec<RawUser> = answer.expect(self.api.project(), "looking for a reviewer")?;
        let found = found.into_iter().find(|it| it.username.to_lowercase() == name);
        if let Some(user) = &found {
            self.by_name().insert(name, user.id);
        }
        Ok(found.map(|user| user.id))
    }

    fn by_name(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.users.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who somebody is; none if it is a machine, whose word does not count.
    pub(super) fn person(&self, user: &RawUser) -> Option<PersonName> {
        if is_machine(&user.username) { None } else { self.people.person(&user.username) }
    }

    /// Who did something; machines do much.
    pub(super) fn person_or_machine(&self, user: &RawUser) -> Option<PersonName> {
        self.people.person(&user.username)
    }
}

/// Tells whether a name is that of a project's or a group's access token, as
/// `project_7_bot_3f2a…`.
fn is_machine(username: &str) -> bool {
    let of = |kind: &str| {
        let rest = username.strip_prefix(kind)?;
        let (number, rest) = rest.split_once("_bot")?;
        let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        Some(is_number && (rest.is_empty() || rest.starts_with('_') || rest.parse::<u64>().is_ok()))
    };
    of("project_").or_else(|| of("group_")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_token_is_no_person() {
        for name in ["project_7_bot", "project_7_bot2", "group_12_bot_3f2a9c"] {
            assert!(is_machine(name), "{name}");
        }
        for name in ["alice.w", "project_bot", "project_x_bot", "group_1_robot", "bot"] {
            assert!(!is_machine(name), "{name}");
        }
    }
}
