//! Who may do what now: the roles that the configuration lists, and those of teams, which a forge
//! is asked about. Deny by default: of whom nobody can say that they are in a team is not in it.

use std::collections::BTreeSet;

use super::App;
use super::reconcile::chain;
use crate::domain::command::{Actor, Door, Identity, Right, may};
use crate::domain::gate::Voters;
use crate::domain::id::{EnvironmentName, PersonName, RoleName};
use crate::domain::promotion::{Kind, Promotion};
use crate::domain::snapshot::Snapshot;
use crate::domain::team::Team;
use crate::messages::rights as words;

impl App {
    /// Who speaks; none where nobody of `people:` is known to the chat by that.
    pub(super) async fn speaker(&self, door: Door, known_as: &str) -> Option<Identity> {
        Some(self.with_teams(self.policy.speaker(door, known_as)?).await)
    }

    /// Finds whose token that is. Takes the same time whether it is anybody's.
    pub async fn identify(&self, bearer: &str) -> Option<Identity> {
        Some(self.with_teams(self.token_of(bearer, Door::Api)?).await)
    }

    /// The same person with the roles of the teams that they are in now.
    pub(super) async fn with_teams(&self, mut identity: Identity) -> Identity {
        let Some(person) = self.policy.person(&identity.actor.name) else { return identity };
        for (name, role) in &self.policy.roles {
            for team in role.teams.iter().filter(|team| person.is_known_to(team.forge())) {
                if identity.roles.contains(name) {
                    break;
                }
                match self.in_team(team, std::slice::from_ref(&person.name)).await {
                    Ok(members) if members.is_empty() => (),
                    Ok(_) => identity.roles.push(name.clone()),
                    Err(why) => identity.unasked.push(words::unasked(team, &why)),
                }
            }
        }
        identity
    }

    /// Completes a snapshot by what teams say: who of those who approved has a role by them, and
    /// who has no right any more to what they asked for, or to a gate that they skipped.
    pub(super) async fn ask_teams(&self, snapshot: &mut Snapshot) {
        let approvers: BTreeSet<PersonName> =
            snapshot.proposals.values().flat_map(|it| it.approvals.clone()).collect();
        let approvers: Vec<PersonName> = approvers.into_iter().collect();
        for environment in &snapshot.pipeline.environments {
            let of = environment.approvals().map(|approvals| &approvals.of);
            if let Some(Voters::Role(role)) = of {
                let members = self.in_role(role, &approvers).await;
                snapshot.members.entry(role.clone()).or_default().extend(members);
            }
        }
        for promotion in snapshot.promotions.iter_mut().filter(|it| it.state.is_pending()) {
            if let Some(why) = self.withdrawn(promotion).await {
                snapshot.withdrawn.insert(promotion.id.clone(), why);
            }
            for skip in &mut promotion.skipped {
                let lost = self.lost(&skip.by, Right::SkipGates, &promotion.environment).await;
                skip.lapsed =
                    lost.map(|identity| words::lapsed(&skip.by, &promotion.environment, &identity));
            }
        }
    }

    /// Those of `people` who have a role by one of its teams. Who cannot be asked about has not.
    pub(super) async fn in_role(&self, role: &RoleName, people: &[PersonName]) -> Vec<PersonName> {
        let teams = self.policy.roles.get(role).map(|role| role.teams.as_slice());
        let mut found = Vec::new();
        for team in teams.unwrap_or_default() {
            let known = people.iter().filter(|name| self.policy.is_known(name, team.forge()));
            let known: Vec<PersonName> = known.cloned().collect();
            match self.in_team(team, &known).await {
                Ok(members) => found.extend(members),
                Err(why) => tracing::warn!("{}", words::unasked(team, &why)),
            }
        }
        found
    }

    /// Why whoever asked for a promotion may not ask for it any more, if that is so.
    ///
    /// CI is asked nothing: it proved itself when it announced. Nor is a one-time link, which gave
    /// its roles for a session and is not in the configuration.
    async fn withdrawn(&self, promotion: &Promotion) -> Option<String> {
        let by = &promotion.requested_by;
        let right = match &promotion.kind {
            Kind::Forward { skips, .. } if !skips.is_empty() => Right::SkipGates,
            Kind::Forward { .. } => Right::Promote,
            Kind::Rollback { .. } => Right::Rollback,
            Kind::Found { .. } => return None,
        };
        let identity = self.lost(by, right, &promotion.environment).await?;
        Some(words::withdrawn(&by.name, right, &promotion.environment, &identity))
    }

    /// Who somebody is now, if they have lost a right that they had when they asked for something.
    async fn lost(
        &self,
        by: &Actor,
        right: Right,
        environment: &EnvironmentName,
    ) -> Option<Identity> {
        let (environment, roles) = (Some(environment), &self.policy.roles);
        let listed = self.policy.listed_roles(&by.name, by.door)?;
        let listed = Identity::new(by.clone(), listed);
        if may(&listed, right, environment, roles) {
            return None;
        }
        let identity = self.with_teams(listed).await;
        (!may(&identity, right, environment, roles)).then_some(identity)
    }

    async fn in_team(&self, team: &Team, people: &[PersonName]) -> Result<Vec<PersonName>, String> {
        let repositories = self.repositories.values();
        let mut forges = repositories.map(|it| &it.forge).filter(|it| it.knows(team));
        let forge = forges.next().ok_or_else(|| words::no_forge(team))?;
        forge.in_team(team, people).await.map_err(|error| chain(&error))
    }
}
