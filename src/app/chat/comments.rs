//! Comments on proposals that speak to hoist: `/hoist …` at the start of a line.
//!
//! A comment that is edited is heard again if its command is another one then, as said by whoever
//! edited it: on most forges those who keep a repository may edit what others wrote.

use sha2::{Digest as _, Sha256};

use crate::app::forge_event::Dialect;
use crate::app::policy::ForgeHook;
use crate::app::ports::{ChatError, ForgeError, Heard, Message, Said, Saying, SayingDetails};
use crate::app::reconcile::chain;
use crate::app::{App, AppError};
use crate::domain::command::Door;
use crate::domain::grammar::Place;
use crate::domain::id::{ProposalNumber, RepositoryName, SayingId};
use crate::messages::chat as words;

/// A comment that a forge tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The forge's own number for it.
    pub id: u64,
    /// The proposal that it stands on.
    pub number: u64,
    /// The login of whoever wrote it, or last edited it.
    pub by: String,
    /// What it says.
    pub text: String,
}

/// The first line that speaks to hoist, without the `/hoist`.
fn spoken(text: &str) -> Option<&str> {
    let mut said = text.lines().filter_map(|line| line.strip_prefix("/hoist"));
    let rest = said.find(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))?;
    Some(rest.trim())
}

/// Who speaks in a comment: a login says nothing without its forge, and knows no case.
pub fn speaker(forge: Dialect, login: &str) -> String {
    format!("{}:{}", forge.name(), login.to_lowercase())
}

/// What a comment is heard under: its number and its command. Told again, in another delivery or
/// because something else in it was edited, it is the same; with another command it is not.
fn heard_under(repository: &RepositoryName, comment: &Comment, said: &str) -> String {
    let command = hex::encode(&Sha256::digest(said)[..8]);
    format!("{repository}/{}/{command}", comment.id)
}

/// The number of the comment that was heard.
fn number_of(saying: &Saying) -> Option<u64> {
    saying.delivery.split('/').nth(1)?.parse().ok()
}

/// Where an answer goes: a repository's proposal.
fn proposal_of(saying: &Saying) -> Option<(RepositoryName, u64)> {
    let (repository, number) = saying.details.answer_to.as_deref()?.split_once('/')?;
    Some((repository.parse().ok()?, number.parse().ok()?))
}

impl App {
    /// Keeps what a comment on one of hoist's proposals says, if it says anything to hoist. None
    /// where it does not.
    pub(in crate::app) async fn hear_comment(
        &self,
        hook: &ForgeHook,
        comment: &Comment,
    ) -> Result<Option<Heard>, AppError> {
        let repository = &hook.repository;
        let Some(text) = spoken(&comment.text) else { return Ok(None) };
        let Some(store) = &self.chat.store else { return Ok(None) };
        // On a proposal of somebody else's hoist has nothing to say.
        if self.promotion_of_proposal(repository.as_str(), comment.number).await.is_err() {
            return Ok(None);
        }
        let now = self.clock.now();
        let details = SayingDetails {
            speaker: speaker(hook.dialect, &comment.by),
            called: comment.by.clone(),
            channel: format!("{repository}#{}", comment.number),
            said: Said::Words(text.to_owned()),
            answer_to: Some(format!("{repository}/{}", comment.number)),
        };
        let id = SayingId::new(now, self.dice.roll());
        let delivery = heard_under(repository, comment, text);
        let saying = Saying { id, door: Door::Comment, delivery, said_at: now, details };
        let heard = store.hear(&saying, self.heard_line(&saying)).await?;
        if heard == Heard::New {
            self.chat.heard.notify_one();
        }
        Ok(Some(heard))
    }

    /// What the proposal under a comment is about.
    pub(super) async fn commented_on(&self, saying: &Saying) -> Option<Place> {
        if saying.door != Door::Comment {
            return None;
        }
        let (repository, number) = proposal_of(saying)?;
        let id = self.promotion_of_proposal(repository.as_str(), number).await.ok()?;
        let promotion = self.store.promotion(&id).await.ok()??;
        Some(Place {
            application: promotion.application.to_string(),
            environment: promotion.environment.to_string(),
        })
    }

    /// Lets whoever commented see that it was read. Without it nothing is lost but that sign.
    pub(super) async fn acknowledge_comment(&self, saying: &Saying) {
        let (Some((name, number)), Some(comment)) = (proposal_of(saying), number_of(saying)) else {
            return;
        };
        let Some(repository) = self.repositories.get(&name) else { return };
        if self.may_change().is_ok()
            && let Err(error) = repository.forge.acknowledge(ProposalNumber(number), comment).await
        {
            tracing::warn!(saying = %saying.id, "a comment got no reaction: {}", chain(&error));
        }
    }

    /// Answers on the proposal: the one comment that holds the last answer is edited.
    pub(super) async fn answer_comment(
        &self,
        saying: &Saying,
        answer: &Message,
    ) -> Result<(), ChatError> {
        self.may_change().map_err(|error| ChatError::Refused(error.to_string()))?;
        let gone = || ChatError::Refused("its repository is not hoist's any more".into());
        let (name, number) = proposal_of(saying).ok_or_else(gone)?;
        let repository = self.repositories.get(&name).ok_or_else(gone)?;
        let said = match &saying.details.said {
            Said::Words(text) => format!("/hoist {text}"),
            Said::Pressed(_) => "a button".to_owned(),
        };
        let body = words::comment(&saying.details.called, &said, &answer.text);
        let (number, now) = (ProposalNumber(number), self.clock.now());
        let done = repository.forge.comment(number, words::ANSWERS, &body, now).await;
        done.map_err(|error| match error {
            ForgeError::RateLimited { seconds } | ForgeError::Paced { seconds } => {
                ChatError::RateLimited { seconds }
            }
            ForgeError::Unreachable(_) | ForgeError::Stale => ChatError::Unreachable(chain(&error)),
            ForgeError::Unauthorized | ForgeError::NotFound(_) | ForgeError::Refused(_) => {
                ChatError::Refused(chain(&error))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_that_begins_with_it_speaks_to_hoist() {
        assert_eq!(spoken("/hoist why shop prod"), Some("why shop prod"));
        assert_eq!(spoken("Look:\r\n/hoist  hold shop prod \r\nthanks"), Some("hold shop prod"));
        assert_eq!(spoken("/hoist"), Some(""));
        for other in ["I said /hoist help", " /hoist help", "> /hoist help", "/hoisted", ""] {
            assert_eq!(spoken(other), None, "{other:?}");
        }
    }
}
