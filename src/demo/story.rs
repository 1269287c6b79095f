//! The story: up to staging, up to prod, and down again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use super::folder::Folder;
use super::narrate::Narrator;
use crate::app::ingest::send::Outgoing;
use crate::app::ports::{Remote, Server};
use crate::app::views::{EnvironmentView, PromotionView, ProposalRequest, RollbackRequest};
use crate::domain::artifact::{Build, SourceCode};
use crate::domain::command::ProposalStep;
use crate::wiring;

const APPLICATION: &str = "payments";
const GOOD: &str = "v1.4.2";
const BAD: &str = "v1.5.0";

/// How often the demo looks whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How many looks a step of hoist's own may take: a minute.
const LOOKS: u32 = 400;

/// Who reviews prod's first proposal.
pub(super) enum Reviewer {
    /// The demo's bob.
    Demo,
    /// The person before the screen, who signs in by a link.
    Person {
        /// The link.
        sign_in: String,
    },
}

/// The promotions that the Git history must prove.
pub(super) struct Promotions {
    pub(super) merged: Vec<PromotionView>,
    pub(super) rollback: Option<PromotionView>,
}

/// The story and those who play in it.
pub(super) struct Story {
    remote: Arc<dyn Remote>,
    secret: secrecy::SecretString,
    narrator: Narrator,
    reviewer: Reviewer,
}

impl Story {
    pub(super) fn new(
        folder: &Folder,
        public_url: &str,
        narrator: Narrator,
        reviewer: Reviewer,
    ) -> anyhow::Result<Self> {
        let server = Server { url: public_url.parse()?, token: Some(folder.token().clone()) };
        let remote = wiring::remote(server)?;
        Ok(Self { remote, secret: folder.secret().clone(), narrator, reviewer })
    }

    pub(super) async fn tell(&self) -> anyhow::Result<Promotions> {
        self.adoption().await?;
        let staging = self.to_staging(GOOD).await?;
        let prod = self.to_prod(GOOD, &self.reviewer).await?;
        let mut merged = vec![staging];
        let went_in = prod.state == "succeeded";
        if went_in {
            merged.push(prod);
        } else {
            self.narrator.says(
                "You closed it: it stays closed until a newer version. The story goes on with one.",
            );
        }
        merged.push(self.to_staging(BAD).await?);
        let bad = self.to_prod(BAD, &Reviewer::Demo).await?;
        merged.push(bad.clone());
        let rollback = self.back(&bad).await?;
        Ok(Promotions { merged, rollback: Some(rollback) })
    }

    /// Waits until hoist has found the three applications and what they hold.
    async fn adoption(&self) -> anyhow::Result<()> {
        self.until("finding the applications", async || {
            let status = self.remote.status().await?;
            let all_found = status.applications.len() == 3
                && status.applications.iter().all(|application| {
                    application.environments.iter().all(|there| there.version.is_some())
                });
            Ok(all_found.then_some(status))
        })
        .await
        .map(|status| self.narrator.found(&status))
    }

    /// Announces a version as CI does, and sees it go into staging by itself.
    async fn to_staging(&self, version: &str) -> anyhow::Result<PromotionView> {
        self.narrator.step(&format!("CI has built {APPLICATION} {version} and says so"));
        let announcement = announcement(version)?;
        let answer = self.remote.announce(&announcement.signed(&self.secret)).await?;
        self.narrator.announced(&announcement, &answer.id);
        let promotion = self.there("staging", version, &["soaking", "succeeded"]).await?;
        self.narrator.merged(&promotion, "merged by itself: the policy is automatic");
        Ok(promotion)
    }

    /// Sees a version proposed into prod, reviewed and merged, or closed by the person.
    async fn to_prod(&self, version: &str, by: &Reviewer) -> anyhow::Result<PromotionView> {
        self.narrator.step(&format!("{APPLICATION} {version} soaks, then may go into prod"));
        let proposed = self.next("prod", version, "proposed").await?;
        self.narrator.proposed(&proposed);
        match by {
            Reviewer::Demo => {
                self.approve(&proposed).await?;
                self.narrator.says("bob approves it; alice, who asked for it, would not count.");
            }
            Reviewer::Person { sign_in } => self.narrator.your_turn(sign_in, &proposed),
        }
        let looks = match by {
            Reviewer::Demo => LOOKS,
            Reviewer::Person { .. } => u32::MAX,
        };
        let id = proposed.id.to_string();
        let ended = self
            .until_within("the review in prod", looks, async || {
                let promotion = self.remote.promotion(&id).await?;
                let is_over = !matches!(
                    promotion.state.as_str(),
                    "waiting" | "proposed" | "merged" | "deployed"
                );
                Ok(is_over.then_some(promotion))
            })
            .await?;
        if ended.state == "succeeded" {
            self.narrator.merged(&ended, "merged: it has its approval");
        }
        Ok(ended)
    }

    /// Brings the last good version back into prod.
    async fn back(&self, bad: &PromotionView) -> anyhow::Result<PromotionView> {
        self.narrator.step(&format!("{} is bad. On-call says one thing:", bad.version));
        let reason = "card payments fail since the release";
        self.narrator.types(&format!("hoist rollback {APPLICATION} prod --reason \"{reason}\""));
        let request = RollbackRequest {
            application: APPLICATION.into(),
            environment: "prod".into(),
            to: None,
            reason: Some(reason.into()),
            over_drift: false,
            everywhere: false,
        };
        let answer = self.remote.roll_back(&request).await?;
        self.narrator.says(&answer.message);
        let id = answer.promotion.context("the rollback has no promotion")?.to_string();
        let proposed = self
            .until("the revert proposal", async || {
                let promotion = self.remote.promotion(&id).await?;
                Ok((promotion.state == "proposed").then_some(promotion))
            })
            .await?;
        self.narrator.proposed(&proposed);
        // bob asked for it, so another approval than bob's is needed; bob may merge past that gate,
        // and the merge says so.
        self.merge(&proposed).await?;
        let done = self
            .until("the rollback", async || {
                let promotion = self.remote.promotion(&id).await?;
                Ok((promotion.state == "succeeded").then_some(promotion))
            })
            .await?;
        self.narrator.merged(&done, "merged by bob, past the approval gate: an incident");
        let there = self.environment("prod").await?;
        self.narrator.rolled_back(&there);
        Ok(done)
    }

    async fn approve(&self, proposed: &PromotionView) -> anyhow::Result<()> {
        self.review(proposed, ProposalStep::Approve, "Looks right.").await
    }

    async fn merge(&self, proposed: &PromotionView) -> anyhow::Result<()> {
        self.review(proposed, ProposalStep::Merge, "Incident: merged by on-call.").await
    }

    async fn review(
        &self,
        proposed: &PromotionView,
        step: ProposalStep,
        comment: &str,
    ) -> anyhow::Result<()> {
        let head = proposed.proposal.as_ref().map(|proposal| proposal.head.clone());
        let request = ProposalRequest { step, head, comment: Some(comment.into()), check: None };
        self.remote.review(proposed.id.as_str(), &request).await?;
        Ok(())
    }

    async fn environment(&self, environment: &str) -> anyhow::Result<EnvironmentView> {
        let application = self.remote.application(APPLICATION).await?;
        let found =
            application.environments.into_iter().find(|e| e.environment.as_str() == environment);
        found.with_context(|| format!("{APPLICATION} has no {environment}"))
    }

    /// Waits until `version` is in an environment and in one of `states`.
    async fn there(
        &self,
        environment: &str,
        version: &str,
        states: &[&str],
    ) -> anyhow::Result<PromotionView> {
        self.until(&format!("{version} in {environment}"), async || {
            let there = self.environment(environment).await?;
            match there.promotion {
                Some(id) if there.version.as_deref() == Some(version) => {
                    let promotion = self.remote.promotion(id.as_str()).await?;
                    Ok(states.contains(&promotion.state.as_str()).then_some(promotion))
                }
                Some(_) | None => Ok(None),
            }
        })
        .await
    }

    /// Waits until `version` is on its way into an environment and stands in `state`.
    async fn next(
        &self,
        environment: &str,
        version: &str,
        state: &str,
    ) -> anyhow::Result<PromotionView> {
        self.until(&format!("{version} {state} for {environment}"), async || {
            let there = self.environment(environment).await?;
            match there.next {
                Some(next) if next.version == version && next.state == state => {
                    Ok(Some(self.remote.promotion(next.promotion.as_str()).await?))
                }
                Some(_) | None => Ok(None),
            }
        })
        .await
    }

    async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFn() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        self.until_within(what, LOOKS, look).await
    }

    async fn until_within<T>(
        &self,
        what: &str,
        looks: u32,
        look: impl AsyncFn() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        for _ in 0..looks {
            if let Some(found) = look().await.with_context(|| format!("waiting for {what}"))? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("{what} did not come; the server's log says why (`RUST_LOG=debug` for more of it)")
    }
}

/// What CI says of a version.
fn announcement(version: &str) -> anyhow::Result<Outgoing> {
    let digit = if version == GOOD { "a" } else { "b" };
    Ok(Outgoing {
        application: Some(APPLICATION.parse()?),
        image: format!("ghcr.io/acme/{APPLICATION}").parse()?,
        digest: format!("sha256:{}", digit.repeat(64)).parse()?,
        tag: Some(version.parse()?),
        version: None,
        source: SourceCode {
            repository: Some("https://github.com/acme/payments".into()),
            commit: Some(format!("9f2c{}", digit.repeat(36))),
            reference: Some("refs/heads/main".into()),
        },
        build: Build { url: Some("https://ci.example.com/1234".into()), id: Some("1234".into()) },
        actor: Some("alice".into()),
    })
}
