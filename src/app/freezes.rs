//! Freezes that people ask for, beside those of the pipelines file.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::command::{Actor, Command, Identity, authorize};
use crate::domain::freeze::{AdHoc, Freeze, Origin, Rollbacks, Scope};
use crate::domain::id::{EnvironmentName, FreezeId};
use crate::messages::freeze as words;

use super::commands::parse_length;
use super::ports::AuditLine;
use super::views::{Allowance, CommandView, FreezeRequest, FreezeView, ThawRequest};
use super::{App, AppError};

/// How long an answer waits for merges that had begun before: well under what a client waits.
const PATIENCE: Duration = Duration::from_secs(20);

impl App {
    /// Lets nothing into an environment, or into any, whichever application it is.
    pub async fn freeze(
        &self,
        by: &Identity,
        request: FreezeRequest,
    ) -> Result<CommandView, AppError> {
        let scope = self.scope_of(&request.environment)?;
        let length = request.length.as_deref().map(parse_length).transpose()?;
        let reason = request.reason.trim().to_owned();
        if reason.is_empty() {
            return Err(AppError::Invalid {
                field: Some("reason"),
                what: "a freeze needs a reason, so that others know what to wait for: add \
                       `--reason`"
                    .into(),
            });
        }
        let rollbacks = match request.allow.contains(&Allowance::Rollback) {
            true => Rollbacks::Pass,
            false => Rollbacks::Wait,
        };
        let command = Command::Freeze { scope, length, reason, rollbacks };
        self.obey(authorize(by, command, &self.policy.roles)?).await
    }

    /// Ends the freezes that people asked for, of exactly that environment or of `*`.
    pub async fn thaw(&self, by: &Identity, request: ThawRequest) -> Result<CommandView, AppError> {
        let scope = self.scope_of(&request.environment)?;
        let command = Command::Thaw { scope, reason: request.reason };
        self.obey(authorize(by, command, &self.policy.roles)?).await
    }

    /// The freezes that are on or will be, of the pipelines file and of people, by their beginning.
    pub async fn freezes(&self) -> Result<Vec<FreezeView>, AppError> {
        let now = self.clock.now();
        let mut all = self.all_freezes().await?;
        all.retain(|freeze| !freeze.is_over(now));
        all.sort_by_key(|freeze| freeze.begins);
        Ok(all.iter().map(|freeze| view(freeze, now)).collect())
    }

    pub(super) async fn all_freezes(&self) -> Result<Vec<Freeze>, AppError> {
        let mut all = self.policy.freezes.clone();
        all.extend(self.store.freezes().await?.into_iter().map(Freeze::from));
        Ok(all)
    }

    pub(super) async fn record_freeze(&self, freeze: AdHoc) -> Result<CommandView, AppError> {
        let text = words::frozen(&freeze.clone().into());
        let audit = self.freeze_line(&freeze.by, &freeze.scope, "freeze", &text);
        tracing::info!(actor = %freeze.by, "{text}");
        self.store.freeze(freeze, audit).await?;
        self.nudge.notify_one();
        Ok(self.answer(self.after_merges(text).await, None))
    }

    pub(super) async fn record_thaw(
        &self,
        scope: &Scope,
        by: &Actor,
        reason: Option<String>,
    ) -> Result<CommandView, AppError> {
        let now = self.clock.now();
        let on: Vec<Freeze> =
            self.all_freezes().await?.into_iter().filter(|it| !it.is_over(now)).collect();
        let (thawed, stay): (Vec<&Freeze>, Vec<&Freeze>) =
            on.iter().partition(|it| id_of(it).is_some() && it.scope == *scope);
        let stay: Vec<&Freeze> =
            stay.into_iter().filter(|it| it.is_on(now) && it.scope.meets(scope)).collect();
        if thawed.is_empty() {
            return Err(AppError::Refused { what: words::nothing_to_thaw(scope, &stay) });
        }
        let text = words::thawed(scope, &thawed, &stay, reason.as_deref());
        let audit = self.freeze_line(by, scope, "thaw", &text);
        tracing::info!(actor = %by, "{text}");
        let ids = thawed.iter().filter_map(|it| id_of(it).cloned()).collect();
        self.store.thaw(ids, audit).await?;
        self.nudge.notify_one();
        Ok(self.answer(text, None))
    }

    /// A freeze as it is recorded when somebody asks for it.
    pub(super) fn ad_hoc(
        &self,
        (scope, rollbacks): (Scope, Rollbacks),
        length: Option<jiff::SignedDuration>,
        (by, reason): (Actor, String),
    ) -> AdHoc {
        let begins = self.clock.now();
        AdHoc {
            id: FreezeId::new(begins, self.dice.roll()),
            scope,
            by,
            reason,
            begins,
            ends: length.and_then(|length| begins.saturating_add(length).ok()),
            rollbacks,
        }
    }

    /// Waits until no merge is under way that was judged before now: what is answered afterwards
    /// holds. A merge that takes too long is not waited for, and the answer says so.
    pub(super) async fn after_merges(&self, answer: String) -> String {
        match tokio::time::timeout(PATIENCE, self.merging.write()).await {
            Ok(_nobody_merges) => answer,
            Err(_) => words::with_merge_in_flight(&answer),
        }
    }

    /// What a person typed: an environment that some pipeline has, or `*`.
    fn scope_of(&self, typed: &str) -> Result<Scope, AppError> {
        if typed == "*" {
            return Ok(Scope::Everywhere);
        }
        let pipelines = self.policy.pipelines.values();
        let known: BTreeSet<&EnvironmentName> =
            pipelines.flat_map(|it| &it.environments).map(|it| &it.name).collect();
        match known.iter().find(|name| name.as_str() == typed) {
            Some(name) => Ok(Scope::Only(vec![(*name).clone()])),
            None if typed.eq_ignore_ascii_case("all") => Ok(Scope::Everywhere),
            None => Err(AppError::NotFound { what: words::unknown_environment(typed, &known) }),
        }
    }

    pub(super) fn freeze_line(
        &self,
        by: &Actor,
        scope: &Scope,
        verb: &str,
        text: &str,
    ) -> AuditLine {
        let environment = match scope {
            Scope::Everywhere => None,
            Scope::Only(names) => names.first().cloned(),
        };
        AuditLine {
            at: self.clock.now(),
            actor: by.clone(),
            verb: verb.to_owned(),
            application: None,
            environment,
            promotion: None,
            commit: None,
            text: text.to_owned(),
        }
    }
}

fn id_of(freeze: &Freeze) -> Option<&FreezeId> {
    match &freeze.origin {
        Origin::Command { id, .. } => Some(id),
        Origin::File { .. } => None,
    }
}

fn view(freeze: &Freeze, now: Timestamp) -> FreezeView {
    let environments = match &freeze.scope {
        Scope::Everywhere => vec!["*".to_owned()],
        Scope::Only(names) => names.iter().map(ToString::to_string).collect(),
    };
    let name = match &freeze.origin {
        Origin::File { name, .. } => Some(name.clone()),
        Origin::Command { .. } => None,
    };
    FreezeView {
        id: id_of(freeze).cloned(),
        name,
        environments,
        by: freeze.by(),
        reason: freeze.reason.clone(),
        from: freeze.begins,
        until: freeze.ends,
        on: freeze.is_on(now),
        allow: match freeze.rollbacks {
            Rollbacks::Pass => vec![Allowance::Rollback],
            Rollbacks::Wait => Vec::new(),
        },
    }
}
