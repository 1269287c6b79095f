//! Letting one promotion pass one gate.

use crate::domain::command::{Command, Identity, authorize};
use crate::domain::gate::{HOLD, Judged};
use crate::domain::id::PromotionId;
use crate::domain::plan::judge;
use crate::domain::promotion::{Promotion, Skip};
use crate::messages::answer;

use super::commands::Wish;
use super::ports::Change;
use super::status::bearer;
use super::views::{CommandView, SkipRequest};
use super::{App, AppError};

impl App {
    /// Lets what is on its way into an environment pass one gate.
    pub async fn skip(&self, by: &Identity, request: SkipRequest) -> Result<CommandView, AppError> {
        let (application, environment) =
            self.target(&request.application, &request.environment).await?;
        let reason = request.reason.trim().to_owned();
        if reason.is_empty() {
            return Err(AppError::Invalid {
                field: Some("reason"),
                what: "skipping a gate needs a reason: add `--reason`".into(),
            });
        }
        // People also read it as a status: `hoist/soak`.
        let gate = request.gate.trim_start_matches("hoist/").to_owned();
        let promotion = request.promotion;
        let command = Command::Skip { application, environment, promotion, gate, reason };
        self.obey(authorize(by, command, &self.policy.roles)?).await
    }

    pub(super) async fn record_skip(
        &self,
        wish: Wish,
        meant: Option<&PromotionId>,
        gate: String,
    ) -> Result<CommandView, AppError> {
        // What the gates say now, and not what they said when somebody last looked.
        let (snapshot, _) = self.fresh(&wish.application).await?;
        let pending: Vec<&Promotion> = snapshot
            .promotions_into(&wish.environment)
            .filter(|promotion| promotion.state.is_pending())
            .filter(|promotion| meant.is_none_or(|id| *id == promotion.id))
            .collect();
        let application = &wish.application.application;
        let nothing = || AppError::Refused {
            what: answer::nothing_on_its_way(application, &wish.environment),
        };
        let promotion = bearer(&pending).ok_or_else(nothing)?;
        let environment = snapshot.pipeline.environment(&wish.environment).ok_or_else(nothing)?;
        let facts = promotion.proposal.as_ref();
        let facts = facts.and_then(|proposed| snapshot.proposals.get(&proposed.number));
        let judged = judge(&snapshot, environment, promotion, facts, self.clock.now());
        may_be_skipped(&gate, &judged, (&wish, promotion))?;
        let text = answer::skipped(promotion, &gate, wish.reason.as_deref().unwrap_or_default());
        let skip = Skip {
            gate,
            by: wish.by.clone(),
            reason: wish.reason.clone().unwrap_or_default(),
            at: self.clock.now(),
            lapsed: None,
        };
        let id = promotion.id.clone();
        let audit = self.said(&wish, "skip", &text).about(&id);
        let change = Change::Skip { promotion: id.clone(), skip };
        self.note(&wish, vec![change], vec![audit]).await?;
        Ok(self.answer(text, Some(&id)))
    }
}

/// Refuses what is no gate of this promotion, what is open already, and what is ended in another
/// way.
fn may_be_skipped(
    gate: &str,
    judged: &[Judged],
    (wish, promotion): (&Wish, &Promotion),
) -> Result<(), AppError> {
    let named = judged.iter().find(|judged| judged.name == gate);
    let application = &wish.application.application;
    match named {
        Some(judged) if judged.name == HOLD => Err(AppError::Refused {
            what: answer::hold_is_not_skipped(application, &wish.environment),
        }),
        Some(judged) if judged.is_open() => {
            Err(AppError::Refused { what: answer::gate_is_open(gate, promotion, &judged.saw) })
        }
        Some(_) => Ok(()),
        None => {
            let names: Vec<&str> = judged.iter().map(|judged| judged.name).collect();
            Err(AppError::NotFound { what: answer::unknown_gate(gate, promotion, &names) })
        }
    }
}
