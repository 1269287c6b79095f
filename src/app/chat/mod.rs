//! Conversations: people say something in a chat, and are answered there.
//!
//! What is said is kept before it is carried out. The chat gets its receipt at once, whatever the
//! work takes; the answer follows to the address that came with the words, and is tried again until
//! it arrives or nobody waits for it any more.

mod address;
mod cards;
mod comments;
mod form;
mod signature;
mod speech;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Notify;
use url::Url;

use super::ports::{
    AuditEntry, AuditLine, Board, ChatError, Conversations, Heard, Message, Messenger, Said,
    Saying, SayingDetails, Undelivered,
};
use super::reconcile::chain;
use super::{App, AppError};
use crate::app::notifications::Audience;
use crate::domain::command::{Actor, Door, Identity};
use crate::domain::grammar::{Place, Utterance};
use crate::domain::id::SayingId;
use crate::domain::zone::Zone;
use crate::messages::{by_the_clock_of, chat as words};
use address::is_under;
pub(in crate::app) use cards::patience;
pub use comments::{Comment, speaker};
pub use form::Receipt;
pub use signature::{BadSaying, SlackRequest};

/// How long somebody waits for an answer: Slack forgets the address after that, and a command that
/// is carried out an hour late is one that nobody expects any more.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// How much of the audit log is read at once.
const BATCH: u32 = 200;

/// How long a delivery may be under way before it counts as lost.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(30);

/// Those who talk with people.
#[derive(Default)]
pub struct Chat {
    /// Slack, where it is configured.
    pub slack: Option<Slack>,
    /// Mattermost, where it is configured.
    pub mattermost: Option<Mattermost>,
    /// Those who are told what happens without having asked.
    pub audiences: Vec<Audience>,
    /// What was said and told; there wherever anybody can say something.
    pub store: Option<Arc<dyn Conversations>>,
    /// Whose clock `until 17:00` means; none is UTC.
    pub zone: Option<Zone>,
    /// Rung when something was said.
    pub heard: Notify,
}

/// Slack, as the door and the answers need it.
pub struct Slack {
    /// What it signs its requests with.
    pub signing_secret: SecretString,
    /// Where the addresses for answers are: nothing is ever sent anywhere else.
    pub answers: Url,
    /// Carries the answers.
    pub messenger: Arc<dyn Messenger>,
    /// The channel in which promotions are told of.
    pub board: Option<Arc<dyn Board>>,
}

/// Mattermost, as the door and the answers need it.
pub struct Mattermost {
    /// The tokens of the slash commands: two while one is being replaced.
    pub tokens: Vec<SecretString>,
    /// Where the addresses for answers are.
    pub answers: Url,
    /// Carries the answers.
    pub messenger: Arc<dyn Messenger>,
}

impl Chat {
    fn messenger(&self, door: Door) -> Option<(&Url, &dyn Messenger)> {
        match door {
            Door::Slack => {
                self.slack.as_ref().map(|slack| (&slack.answers, slack.messenger.as_ref()))
            }
            Door::Mattermost => {
                self.mattermost.as_ref().map(|it| (&it.answers, it.messenger.as_ref()))
            }
            Door::Comment | Door::Ci | Door::Api | Door::Page | Door::Hoist => None,
        }
    }

    /// A text with its times by the clock of those who read it.
    pub(in crate::app) fn by_the_clock(&self, text: &str) -> String {
        self.zone.as_ref().map_or_else(|| text.to_owned(), |zone| by_the_clock_of(text, zone))
    }

    fn store(&self) -> Result<&dyn Conversations, BadSaying> {
        self.store.as_deref().ok_or(BadSaying::NobodyListens)
    }
}

impl App {
    /// Hears a command or a button from Slack. The words are kept when this returns, and answered
    /// by [`App::attend`].
    pub async fn hear_slack(&self, request: SlackRequest) -> Result<Receipt, BadSaying> {
        let slack = self.chat.slack.as_ref().ok_or(BadSaying::NobodyListens)?;
        let now = self.clock.now();
        let signature = request.signature().to_owned();
        let body = request.verify(&slack.signing_secret, now)?;
        match form::slack(&body, &signature)? {
            form::Heard::Nothing => Ok(Receipt::Empty),
            form::Heard::Said { delivery, details } => {
                self.hear((Door::Slack, delivery), details, now).await
            }
        }
    }

    /// Hears a command from Mattermost.
    pub async fn hear_mattermost(&self, body: &[u8]) -> Result<Receipt, BadSaying> {
        let mattermost = self.chat.mattermost.as_ref().ok_or(BadSaying::NobodyListens)?;
        let spoken = form::mattermost(body, &mattermost.tokens)?;
        let (delivery, details) = match spoken {
            form::Heard::Nothing => return Ok(Receipt::Empty),
            form::Heard::Said { delivery, details } => (delivery, details),
        };
        self.hear((Door::Mattermost, delivery), details, self.clock.now()).await
    }

    async fn hear(
        &self,
        (door, delivery): (Door, String),
        details: SayingDetails,
        now: Timestamp,
    ) -> Result<Receipt, BadSaying> {
        let (answers, _) = self.chat.messenger(door).ok_or(BadSaying::NobodyListens)?;
        if details.answer_to.as_deref().is_some_and(|to| !is_under(answers, to)) {
            return Err(BadSaying::Elsewhere { under: answers.to_string() });
        }
        let receipt = match &details.said {
            Said::Words(text) => Receipt::Told(Message::plain(words::receipt(text))),
            Said::Pressed(_) => Receipt::Empty,
        };
        let id = SayingId::new(now, self.dice.roll());
        let saying = Saying { id, door, delivery, said_at: now, details };
        let line = self.heard_line(&saying);
        if self.chat.store()?.hear(&saying, line).await? == Heard::New {
            self.chat.heard.notify_one();
        }
        Ok(receipt)
    }

    /// Who asked what, and where: what comes of it has lines of its own.
    fn heard_line(&self, saying: &Saying) -> AuditLine {
        let details = &saying.details;
        let known = self.policy.speaker(saying.door, &details.speaker);
        let actor = known.map_or_else(
            || Actor { name: details.speaker.clone(), door: saying.door },
            |identity| identity.actor,
        );
        let text = match &details.said {
            Said::Words(text) => words::asked(&actor, &details.channel, text),
            Said::Pressed(_) => words::pressed(&actor, &details.channel),
        };
        AuditLine {
            at: saying.said_at,
            actor,
            verb: "asked".into(),
            application: None,
            environment: None,
            promotion: None,
            commit: None,
            text,
        }
    }

    /// What was heard and waits to be attended to, oldest first.
    pub async fn unattended(&self, limit: u32) -> Result<Vec<Saying>, AppError> {
        match &self.chat.store {
            Some(store) => Ok(store.unanswered(limit).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Carries out what was said, keeps the answer, and delivers it.
    ///
    /// After a crash in the middle nothing is done twice: what was done stands in the audit log,
    /// and is the answer. What had not been done yet is done then.
    pub async fn attend(&self, saying: &Saying) -> Result<(), AppError> {
        let Some(store) = &self.chat.store else { return Ok(()) };
        if saying.door == Door::Comment {
            self.acknowledge_comment(saying).await;
        }
        let late = self.clock.now().duration_since(saying.said_at) > PATIENCE;
        let done = match store.begin(&saying.id).await? {
            Some(after) => self.done_since(after, saying).await?,
            None => None,
        };
        let answer = match done {
            Some(done) => Message::plain(self.chat.by_the_clock(&done)),
            None if late => Message::plain(words::too_late()),
            None => self.answer_to(saying).await,
        };
        let due = after(self.clock.now(), UNDER_WAY);
        let deliverable = saying.details.answer_to.is_some() && !late;
        store.keep_answer(&saying.id, &answer, deliverable.then_some(due)).await?;
        if deliverable {
            let saying = saying.clone();
            self.deliver(Undelivered { saying, answer, tries: 0 }).await?;
        }
        Ok(())
    }

    /// What the log says of what was done when a saying was carried out before. Nobody's sayings
    /// are carried out beside each other, so that what its speaker did since is of this one.
    async fn done_since(&self, after: u64, saying: &Saying) -> Result<Option<String>, AppError> {
        let Some(identity) = self.speaker(saying.door, &saying.details.speaker).await else {
            return Ok(None);
        };
        let is_its =
            |entry: &AuditEntry| entry.line.actor == identity.actor && entry.line.verb != "asked";
        let mut after = after;
        loop {
            let entries = self.store.audit(after, BATCH).await?;
            let Some(last) = entries.last().map(|entry| entry.number) else { return Ok(None) };
            let mut done = entries.into_iter().filter(is_its).map(|entry| entry.line);
            if let Some(first) = done.next() {
                // A rollback of several environments is one line for each.
                let others = done.filter(|line| line.verb == first.verb).map(|line| line.text);
                let told: Vec<String> = std::iter::once(first.text).chain(others).collect();
                return Ok(Some(told.join("\n")));
            }
            after = last;
        }
    }

    async fn answer_to(&self, saying: &Saying) -> Message {
        let answer = self.answer_in_words(saying).await;
        Message::plain(self.chat.by_the_clock(&answer))
    }

    async fn answer_in_words(&self, saying: &Saying) -> String {
        let SayingDetails { speaker, called, said, .. } = &saying.details;
        let Some(identity) = self.speaker(saying.door, speaker).await else {
            return words::stranger(saying.door, speaker, called);
        };
        match said {
            Said::Words(text) => {
                let about = self.commented_on(saying).await;
                self.converse_about(&identity, text, saying.said_at, about).await
            }
            Said::Pressed(value) => self.press(&identity, value).await,
        }
    }

    /// Answers somebody who is known: whatever they say, this is what they are told.
    pub async fn converse(&self, by: &Identity, text: &str, said_at: Timestamp) -> String {
        self.converse_about(by, text, said_at, None).await
    }

    /// The same, where it is known what is spoken of.
    async fn converse_about(
        &self,
        by: &Identity,
        text: &str,
        said_at: Timestamp,
        about: Option<Place>,
    ) -> String {
        match text.parse::<Utterance>() {
            Ok(utterance) => match self.speak(by, utterance.about(about), said_at).await {
                Ok(answer) => answer,
                Err(error) => words::refused(&chain(&error)),
            },
            Err(misunderstanding) => words::misunderstood(&misunderstanding),
        }
    }

    /// Delivers the answers that are due.
    pub async fn deliver_due(&self) -> Result<(), AppError> {
        let Some(store) = &self.chat.store else { return Ok(()) };
        for undelivered in store.undelivered(self.clock.now(), 20).await? {
            self.deliver(undelivered).await?;
        }
        Ok(())
    }

    async fn deliver(&self, undelivered: Undelivered) -> Result<(), AppError> {
        let Some(store) = &self.chat.store else { return Ok(()) };
        let Undelivered { saying, answer, tries } = undelivered;
        let now = self.clock.now();
        let wait = match self.send(&saying, &answer).await {
            Ok(()) => return Ok(store.end_delivery(&saying.id).await?),
            Err(ChatError::Refused(why)) => {
                tracing::warn!(saying = %saying.id, "an answer was not taken: {why}");
                return Ok(store.end_delivery(&saying.id).await?);
            }
            Err(ChatError::RateLimited { seconds }) => seconds,
            Err(ChatError::Unreachable(why)) => {
                tracing::warn!(saying = %saying.id, "an answer could not be delivered: {why}");
                2_u64.saturating_pow(tries.min(8))
            }
        };
        let again = after(now, SignedDuration::from_secs(i64::try_from(wait).unwrap_or(3600)));
        if again > after(saying.said_at, PATIENCE) {
            return Ok(store.end_delivery(&saying.id).await?);
        }
        Ok(store.put_off(&saying.id, again).await?)
    }
}

impl App {
    async fn send(&self, saying: &Saying, answer: &Message) -> Result<(), ChatError> {
        if saying.door == Door::Comment {
            return self.answer_comment(saying, answer).await;
        }
        let messenger = self.chat.messenger(saying.door);
        let (Some((answers, messenger)), Some(to)) = (messenger, &saying.details.answer_to) else {
            return Err(ChatError::Refused("nobody carries answers there any more".into()));
        };
        // It was looked at when it came; the configuration may have changed since.
        if !is_under(answers, to) {
            return Err(ChatError::Refused("its address is not the chat's any more".into()));
        }
        messenger.answer(to, answer).await
    }
}

pub(in crate::app) fn after(at: Timestamp, length: SignedDuration) -> Timestamp {
    at.saturating_add(length).unwrap_or(at)
}
