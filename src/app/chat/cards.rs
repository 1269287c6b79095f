//! One message a promotion in a channel, brought up to date as it moves; and its buttons.
//!
//! The audit log tells what moved: it is read from where the channel was last told, so that nothing
//! is lost by a restart and nothing here can keep a promotion waiting.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Slack;
use super::signature::{open, seal};
use crate::app::notifications::Train;
use crate::app::ports::{
    AuditEntry, Board, Button, Card, ChatError, Conversations, Hold, Message, Press,
};
use crate::app::reconcile::chain;
use crate::app::views::{CommandView, HoldRequest, ProposalRequest, RollbackRequest};
use crate::app::{App, AppError};
use crate::domain::command::{Identity, ProposalStep};
use crate::domain::health::{Finding, HealthRule};
use crate::domain::id::{CommitId, EnvironmentName, PromotionId};
use crate::domain::promotion::{Kind, Promotion, State};
use crate::domain::pulse::Pulse;
use crate::messages::{chat as words, explain, health};

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

/// What a message of the channel is about.
enum About {
    /// One promotion.
    Promotion(Box<Promotion>),
    /// All that ride with a train.
    Train { train: Train, to: EnvironmentName },
}

impl About {
    /// What its message is kept under.
    fn key(&self) -> String {
        match self {
            Self::Promotion(promotion) => promotion.id.to_string(),
            Self::Train { train, .. } => {
                format!("{} {} {}", train.schedule, train.repository, train.number)
            }
        }
    }
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
        let mut told = BTreeSet::new();
        for promotion in &moved {
            let Some(about) = self.told_of(store.as_ref(), promotion).await? else { continue };
            // Of a train, and of what is held and moves as well, once is enough.
            if !told.insert(about.key()) {
                continue;
            }
            let told = self.bring_up_to_date(slack, (board, store.as_ref()), &about).await?;
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
            let there = promotions.filter(|it| it.environment == *to && is_under_way(it));
            found.extend(there.map(|it| it.id));
        }
        Ok(found)
    }

    /// What the message is about that tells of a promotion; none where nobody is told of it.
    ///
    /// What gathers for a train has no message of its own: hundreds would come at once.
    async fn told_of(
        &self,
        store: &dyn Conversations,
        id: &PromotionId,
    ) -> Result<Option<About>, AppError> {
        let promotion = self.store.promotion(id).await?;
        let is_found = |it: &Promotion| matches!(it.kind, Kind::Found { .. });
        let Some(promotion) = promotion.filter(|it| !is_found(it)) else { return Ok(None) };
        let alone = About::Promotion(Box::new(promotion.clone()));
        if promotion.is_rollback()
            || self.trains_for(&promotion).is_empty()
            || store.card(CHANNEL, id.as_str()).await?.is_some()
        {
            return Ok(Some(alone));
        }
        if let Some(train) = self.train_of(&promotion).await? {
            let to = promotion.environment;
            return Ok(Some(About::Train { train, to }));
        }
        let gathers = match promotion.state {
            State::Waiting | State::Superseded { .. } | State::Closed { .. } => {
                promotion.proposal.is_none()
            }
            State::Proposed
            | State::Merged { .. }
            | State::Deployed { .. }
            | State::Soaking { .. }
            | State::Succeeded { .. }
            | State::Failed { .. }
            | State::RolledBack { .. } => false,
        };
        Ok((!gathers).then_some(alone))
    }

    /// What is known of a promotion beside itself, in words.
    async fn known_of(&self, promotion: &Promotion) -> Result<words::Beside, AppError> {
        let (record, now) = (self.store.load(&promotion.application).await?, self.clock.now());
        let holds = |it: &&Hold| {
            it.environment == promotion.environment
                && it.lasts(now)
                && is_under_way(promotion)
                && !promotion.is_rollback()
        };
        let hold = record.holds.iter().find(holds);
        let held = hold.map(|it| explain::hold(&it.by.to_string(), it.reason.as_deref(), it.until));
        let pulse = record.pulses.get(&promotion.environment);
        let ill = pulse.filter(|it| is_of_its_illness(it, promotion)).map(health::not_well);
        let state = explain::state(promotion, &record.promotions);
        Ok(words::Beside { state, held, ill })
    }

    async fn bring_up_to_date(
        &self,
        slack: &Slack,
        (board, store): (&dyn Board, &dyn Conversations),
        about: &About,
    ) -> Result<Result<(), ChatError>, AppError> {
        let shown = match about {
            About::Promotion(promotion) => {
                self.card_of(slack, promotion, &self.known_of(promotion).await?)
            }
            About::Train { train, to } => self.card_of_train(slack, store, (train, to)).await?,
        };
        let shown = Message { text: self.chat.by_the_clock(&shown.text), ..shown };
        let card = store.card(CHANNEL, &about.key()).await?;
        let message = match &card {
            Some(card) if card.shown == shown => return Ok(Ok(())),
            Some(card) => board.update(&card.message, &shown).await.map(|()| card.message.clone()),
            None => board.post(&shown).await,
        };
        let message = match message {
            Ok(message) => message,
            Err(error) => return Ok(Err(error)),
        };
        store.keep_card(CHANNEL, &about.key(), &Card { message, shown }).await?;
        Ok(Ok(()))
    }

    /// One message for all that ride.
    async fn card_of_train(
        &self,
        slack: &Slack,
        store: &dyn Conversations,
        (train, to): (&Train, &EnvironmentName),
    ) -> Result<Message, AppError> {
        let passengers = store.passengers(&train.schedule, to, train.number).await?;
        let first = passengers.iter().find(|it| it.state.is_pending()).or(passengers.first());
        let mut buttons = Vec::new();
        if let Some(first) = first {
            buttons.extend(self.approval(slack, first));
            buttons.push(self.opening(first));
        }
        let mut riders = Vec::new();
        for rider in passengers {
            let watched = rider.is_on_its_way() && self.is_watched(&rider);
            let ill = if watched { self.known_of(&rider).await?.ill } else { None };
            riders.push((rider, ill));
        }
        let text = words::train_card((&train.schedule, to, train.number), &riders);
        Ok(Message { text, buttons })
    }

    /// Tells whether anybody says how an application is there.
    fn is_watched(&self, promotion: &Promotion) -> bool {
        let rules = self.rules(&promotion.application).ok();
        let environment = rules.and_then(|(it, _)| it.environment(&promotion.environment));
        environment.is_some_and(|it| it.health != HealthRule::Nobody)
    }

    /// The button that approves what is proposed, where hoist is the forge.
    fn approval(&self, slack: &Slack, promotion: &Promotion) -> Option<Button> {
        let rules = self.rules(&promotion.application);
        let reviewed_here = rules.is_ok_and(|(_, repository)| repository.forge.desk().is_some());
        let proposed = promotion.proposal.as_ref();
        let proposed = proposed.filter(|_| promotion.state == State::Proposed && reviewed_here)?;
        let head = Some(proposed.head.clone());
        let pressed = Pressed { does: Does::Approve, promotion: promotion.id.clone(), head };
        says(slack, words::button::APPROVE, &pressed, None)
    }

    /// The button that opens a promotion's page.
    fn opening(&self, promotion: &Promotion) -> Button {
        let does = Press::Opens(self.promotion_url(&promotion.id));
        Button { label: words::button::OPEN.to_owned(), does }
    }

    fn card_of(&self, slack: &Slack, promotion: &Promotion, beside: &words::Beside) -> Message {
        let pressed = |does: Does| Pressed { does, promotion: promotion.id.clone(), head: None };
        let mut buttons = Vec::new();
        buttons.extend(self.approval(slack, promotion));
        if promotion.state.is_pending() && !promotion.is_rollback() && beside.held.is_none() {
            buttons.extend(says(slack, words::button::HOLD, &pressed(Does::Hold), None));
        }
        if promotion.state.is_in() && !promotion.is_rollback() {
            let (label, asks) = (words::button::ROLL_BACK, words::button::SURE);
            buttons.extend(says(slack, label, &pressed(Does::RollBack), Some(asks)));
        }
        buttons.push(self.opening(promotion));
        Message { text: words::card(promotion, beside), buttons }
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

/// A button that says something; what it says is signed.
fn says(slack: &Slack, label: &str, pressed: &Pressed, asks: Option<&str>) -> Option<Button> {
    let value = seal(&slack.signing_secret, pressed)?;
    let does = Press::Says { value, asks: asks.map(str::to_owned) };
    Some(Button { label: label.to_owned(), does })
}

/// Tells whether a hold says anything about it: it waits, or is in and not yet known to be good.
fn is_under_way(promotion: &Promotion) -> bool {
    promotion.state.is_pending() || promotion.is_on_its_way()
}

/// Tells whether a pulse says that what a promotion brought is ill, while that is asked.
fn is_of_its_illness(pulse: &Pulse, promotion: &Promotion) -> bool {
    pulse.promotion == promotion.id && pulse.finding == Finding::Ill && promotion.is_on_its_way()
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
