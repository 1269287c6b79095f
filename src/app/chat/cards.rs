//! One message a promotion in a channel, brought up to date as it moves; and its buttons.
//!
//! The audit log tells what moved: it is read from where the channel was last told, so that nothing
//! is lost by a restart and nothing here can keep a promotion waiting.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Slack;
use super::signature::{open, seal};
use crate::app::ports::{
    AuditEntry, Board, Button, Card, ChatError, Conversations, Hold, Message, Press,
};
use crate::app::reconcile::chain;
use crate::app::views::{CommandView, HoldRequest, ProposalRequest, RollbackRequest};
use crate::app::{App, AppError};
use crate::domain::command::{Identity, ProposalStep};
use crate::domain::id::{CommitId, PromotionId};
use crate::domain::promotion::{Kind, Promotion, State};
use crate::messages::{chat as words, explain};

/// What the channel's progress is kept under.
const CHANNEL: &str = "slack";

/// What a button says, once it was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pressed {
    does: Does,
    promotion: PromotionId,
    /// What was approved: another head is another proposal.
    head: Option<CommitId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Does {
    Approve,
    Hold,
    RollBack,
}

impl App {
    /// Tells the channel what has moved since it was last told.
    pub async fn tell_channel(&self) -> Result<(), AppError> {
        let slack = self.chat.slack.as_ref();
        let board = slack.and_then(|slack| Some((slack, slack.board.as_deref()?)));
        let (Some((slack, board)), Some(store)) = (board, &self.chat.store) else { return Ok(()) };
        let Some(news) = self.news(store.as_ref(), CHANNEL).await? else { return Ok(()) };
        let mut moved = news.moved();
        moved.extend(self.held_or_let_go(&news.entries).await?);
        for promotion in &moved {
            let told = self.bring_up_to_date(slack, (board, store.as_ref()), promotion).await?;
            if let Some(wait) = told.err().and_then(|error| patience(&error, news.tries)) {
                // What was told already is not told again: its card says so.
                return news.later(wait).await;
            }
        }
        news.told_all().await
    }

    /// The promotions that somebody holds or has let go: what their messages say changes with it.
    async fn held_or_let_go(&self, entries: &[AuditEntry]) -> Result<Vec<PromotionId>, AppError> {
        let mut found = Vec::new();
        let lines = entries.iter().map(|entry| &entry.line);
        for line in lines.filter(|line| matches!(line.verb.as_str(), "hold" | "resume")) {
            let (Some(application), Some(to)) = (&line.application, &line.environment) else {
                continue;
            };
            let promotions = self.store.load(application).await?.promotions.into_iter();
            let there = promotions.filter(|it| it.environment == *to && it.state.is_pending());
            found.extend(there.map(|it| it.id));
        }
        Ok(found)
    }

    /// Who holds what waits to go in, in words.
    async fn hold_on(&self, promotion: &Promotion) -> Result<Option<String>, AppError> {
        if promotion.is_rollback() || !promotion.state.is_pending() {
            return Ok(None);
        }
        let (record, now) = (self.store.load(&promotion.application).await?, self.clock.now());
        let holds = |it: &&Hold| it.environment == promotion.environment && it.lasts(now);
        let hold = record.holds.iter().find(holds);
        Ok(hold.map(|it| explain::hold(&it.by.to_string(), it.reason.as_deref(), it.until)))
    }

    async fn bring_up_to_date(
        &self,
        slack: &Slack,
        (board, store): (&dyn Board, &dyn Conversations),
        id: &PromotionId,
    ) -> Result<Result<(), ChatError>, AppError> {
        let Some(promotion) = self.store.promotion(id).await? else { return Ok(Ok(())) };
        if matches!(promotion.kind, Kind::Found { .. }) {
            return Ok(Ok(()));
        }
        let held = self.hold_on(&promotion).await?;
        let shown = self.card_of(slack, &promotion, held.as_deref());
        let card = store.card(CHANNEL, id).await?;
        let message = match &card {
            Some(card) if card.shown == shown => return Ok(Ok(())),
            Some(card) => board.update(&card.message, &shown).await.map(|()| card.message.clone()),
            None => board.post(&shown).await,
        };
        let message = match message {
            Ok(message) => message,
            Err(error) => return Ok(Err(error)),
        };
        store.keep_card(CHANNEL, id, &Card { message, shown }).await?;
        Ok(Ok(()))
    }

    fn card_of(&self, slack: &Slack, promotion: &Promotion, held: Option<&str>) -> Message {
        let says = |label: &str, does: Does, head: Option<CommitId>, asks: Option<&str>| {
            let pressed = Pressed { does, promotion: promotion.id.clone(), head };
            let value = seal(&slack.signing_secret, &pressed)?;
            let does = Press::Says { value, asks: asks.map(str::to_owned) };
            Some(Button { label: label.to_owned(), does })
        };
        let reviewed_here = self
            .rules(&promotion.application)
            .is_ok_and(|(_, repository)| repository.forge.desk().is_some());
        let head = promotion.proposal.as_ref().map(|it| it.head.clone());
        let mut buttons = Vec::new();
        if promotion.state == State::Proposed && reviewed_here {
            buttons.extend(says(words::button::APPROVE, Does::Approve, head, None));
        }
        if promotion.state.is_pending() && !promotion.is_rollback() && held.is_none() {
            buttons.extend(says(words::button::HOLD, Does::Hold, None, None));
        }
        if promotion.state.is_in() && !promotion.is_rollback() {
            let asks = Some(words::button::SURE);
            buttons.extend(says(words::button::ROLL_BACK, Does::RollBack, None, asks));
        }
        buttons.push(Button {
            label: words::button::OPEN.to_owned(),
            does: Press::Opens(self.promotion_url(&promotion.id)),
        });
        Message { text: words::card(promotion, held), buttons }
    }

    /// Does what a button says, with the rights of whoever pressed it and as things stand now.
    pub(super) async fn press(&self, by: &Identity, value: &str) -> String {
        let slack = self.chat.slack.as_ref();
        let pressed: Option<Pressed> = slack.and_then(|it| open(&it.signing_secret, value));
        let Some(pressed) = pressed else { return words::UNKNOWN_BUTTON.to_owned() };
        match self.do_pressed(by, pressed).await {
            Ok(view) => view.message,
            Err(error) => words::refused(&chain(&error)),
        }
    }

    async fn do_pressed(&self, by: &Identity, pressed: Pressed) -> Result<CommandView, AppError> {
        let promotion = self.find_promotion(pressed.promotion.as_str()).await?;
        let application = promotion.application.to_string();
        let environment = promotion.environment.to_string();
        let reason = Some(words::button::REASON.to_owned());
        match pressed.does {
            Does::Approve => {
                let step = ProposalStep::Approve;
                let request =
                    ProposalRequest { step, head: pressed.head, comment: None, check: None };
                self.review(by, promotion.id.as_str(), request).await
            }
            Does::Hold => {
                let request = HoldRequest { application, environment, length: None, reason };
                self.hold(by, request).await
            }
            Does::RollBack => {
                let record = self.remembered(&promotion.application).await?;
                let current = record.current(&promotion.environment);
                if current.is_none_or(|current| current.id != promotion.id) {
                    let now = current.map(|current| current.version.as_str());
                    return Err(AppError::Refused { what: words::moved_on(&promotion, now) });
                }
                let request = RollbackRequest {
                    application,
                    environment,
                    to: None,
                    reason,
                    over_drift: false,
                    everywhere: false,
                };
                self.roll_back(by, request).await
            }
        }
    }
}

/// How long to wait after a failure; none where trying again would not help, so that one message
/// that the chat will never take does not keep all others from it.
pub(in crate::app) fn patience(error: &ChatError, tries: u32) -> Option<SignedDuration> {
    match error {
        ChatError::RateLimited { seconds } => {
            Some(SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(3600)))
        }
        ChatError::Unreachable(why) => {
            tracing::warn!("a channel could not be told: {why}");
            Some(SignedDuration::from_secs(1 << tries.min(8)))
        }
        ChatError::Refused(why) => {
            tracing::error!("a channel does not take what it is told: {why}");
            None
        }
    }
}
