//! Who is in a team of the organisation.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;

use super::GitHubForge;
use super::raw::RawMembership;
use super::route::escaped_path;
use crate::app::ports::ForgeError;
use crate::domain::id::PersonName;
use crate::domain::team::Team;

/// How long an answer is believed: who leaves a team may approve for no longer than this.
const BELIEVED: SignedDuration = SignedDuration::from_secs(60);

/// How many answers are kept.
const KEPT: usize = 10_000;

/// Who is in which team, and since when it is known.
pub(super) type Memberships = BTreeMap<(Team, PersonName), (Timestamp, Membership)>;

/// Whether somebody is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    In,
    /// Not in it, invited only, or not to be seen by these credentials: GitHub says the same.
    Out,
}

impl GitHubForge {
    /// Those of `people` who are in the team.
    pub(super) async fn in_team(
        &self,
        team: &Team,
        people: &[PersonName],
    ) -> Result<Vec<PersonName>, ForgeError> {
        let mut found = Vec::new();
        for person in people {
            if self.membership(team, person).await? == Membership::In {
                found.push(person.clone());
            }
        }
        Ok(found)
    }

    async fn membership(&self, team: &Team, person: &PersonName) -> Result<Membership, ForgeError> {
        let key = (team.clone(), person.clone());
        let now = self.api.now();
        let known = self.memberships().get(&key).copied();
        let is_fresh = |at: Timestamp| now >= at && now.duration_since(at) < BELIEVED;
        if let Some((_, membership)) = known.filter(|(at, _)| is_fresh(*at)) {
            return Ok(membership);
        }
        let membership = self.ask_membership(team, person).await?;
        let mut memberships = self.memberships();
        if memberships.len() >= KEPT {
            memberships.clear();
        }
        memberships.insert(key, (now, membership));
        Ok(membership)
    }

    async fn ask_membership(
        &self,
        team: &Team,
        person: &PersonName,
    ) -> Result<Membership, ForgeError> {
        let login = self.people.login(person.as_str());
        let Team::GitHub { organisation, slug } = team else {
            return Err(ForgeError::Refused(format!("{team} is no team of a GitHub")));
        };
        let path = escaped_path(&["orgs", organisation, "teams", slug, "memberships", login]);
        let answer = self.api.get(&path).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(Membership::Out);
        }
        let doing =
            format!("asking who is in {team}, which takes the organisation's right Members: read");
        let membership: RawMembership = answer.expect(self.api.repo(), &doing)?;
        Ok(if membership.state == "active" { Membership::In } else { Membership::Out })
    }

    fn memberships(&self) -> MutexGuard<'_, Memberships> {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
