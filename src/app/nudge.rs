//! A controller says that something happened: a reason to look, and never the answer.
//!
//! What it says is the operator's own template, may be late, and may come twice; so only the name
//! is read, and the application is looked at as it would have been anyway.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::domain::health::HealthRule;
use crate::domain::id::{ApplicationKey, ControllerName};

use super::policy::Notifier;
use super::secrets::is_shown;
use super::views::NudgeView;
use super::watch::deployment;
use super::{App, AppError};

/// Why a notification was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NudgeError {
    /// It carries no secret that is known.
    #[error(
        "no controller has this secret: send `Authorization: Bearer`, or basic authentication with \
         any user, and the secret that `webhook_secret` of `argocd:` names"
    )]
    Unauthorized,
    /// Something else.
    #[error(transparent)]
    App(#[from] AppError),
}

/// What a notification tells; whatever else stands in it is not read.
#[derive(Deserialize)]
struct RawNotification {
    app: String,
    project: Option<String>,
}

impl App {
    /// Looks at the applications that a notification is about. `authorization` is the header.
    pub async fn nudge(
        &self,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<NudgeView, NudgeError> {
        let shown = authorization.and_then(secret_in).ok_or(NudgeError::Unauthorized)?;
        let senders = self.senders(&shown);
        if senders.is_empty() {
            return Err(NudgeError::Unauthorized);
        }
        let notification: RawNotification =
            serde_json::from_slice(body).map_err(|error| AppError::Invalid {
                field: Some("app"),
                what: format!("this is no notification: {error}; deploy/argocd has a template"),
            })?;
        let mut woken: Vec<ApplicationKey> = Vec::new();
        for key in self.store.applications().await.map_err(AppError::from)? {
            if self.is_about(&notification, &senders, &key) {
                woken.push(key);
            }
        }
        let names = woken.iter().map(ToString::to_string).collect();
        if !woken.is_empty() {
            self.store.wake(Some(woken), self.clock.now()).await.map_err(AppError::from)?;
            self.nudge.notify_one();
        }
        Ok(NudgeView { woken: names })
    }

    /// The controllers that have this secret. All are tried, so that the time tells nothing.
    fn senders(&self, shown: &str) -> Vec<&ControllerName> {
        let fits = |notifier: &&Notifier| is_shown(&notifier.secret, shown);
        self.policy.notifiers.iter().filter(fits).map(|notifier| &notifier.controller).collect()
    }

    fn is_about(
        &self,
        notification: &RawNotification,
        senders: &[&ControllerName],
        key: &ApplicationKey,
    ) -> bool {
        let Ok((pipeline, _)) = self.rules(key) else { return false };
        pipeline.environments.iter().any(|environment| match &environment.health {
            HealthRule::Controller { controller, .. } if senders.contains(&controller) => {
                deployment(&environment.health, &key.application).is_some_and(|known| {
                    let project = notification.project.as_ref();
                    known.application == notification.app
                        && project.is_none_or(|project| *project == known.project)
                })
            }
            HealthRule::Controller { .. } | HealthRule::Http { .. } | HealthRule::Nobody => false,
        })
    }
}

/// The secret in an `Authorization` header: a bearer token, or the password of whatever user.
fn secret_in(authorization: &str) -> Option<String> {
    let (scheme, value) = authorization.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}
