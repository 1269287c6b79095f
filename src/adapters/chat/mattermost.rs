//! Mattermost: answers to `response_url`, and notifications through an incoming webhook.

use async_trait::async_trait;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::common::{client, deliver, send};
use crate::app::ports::{ChatError, Herald, Message, Messenger, Notification};

/// Answers whoever said something.
pub struct MattermostAnswers {
    http: Client,
}

impl MattermostAnswers {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// When HTTPS cannot be prepared.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { http: client()? })
    }
}

#[async_trait]
impl Messenger for MattermostAnswers {
    async fn answer(&self, to: &str, answer: &Message) -> Result<(), ChatError> {
        let body = json!({"response_type": "ephemeral", "text": answer.text});
        send(self.http.post(to).json(&body)).await.map(drop)
    }
}

/// A channel, by the address of an incoming webhook: whoever knows it may post there.
pub struct MattermostChannel {
    http: Client,
    address: SecretString,
}

impl MattermostChannel {
    /// Posts to `address`.
    ///
    /// # Errors
    ///
    /// When HTTPS cannot be prepared.
    pub fn new(address: SecretString) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, address })
    }
}

#[async_trait]
impl Herald for MattermostChannel {
    async fn tell(&self, notification: &Notification) -> Result<(), ChatError> {
        let body = json!({ "text": unmentioned(&notification.text) });
        deliver(self.http.post(self.address.expose_secret()).json(&body)).await
    }
}

/// Takes the meaning out of what people typed: nobody is mentioned, and nothing is a link with
/// another name.
fn unmentioned(text: &str) -> String {
    text.replace('@', "@\u{200b}").replace('[', "\\[").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_mentioned_by_what_people_typed() {
        assert_eq!(unmentioned("@all [x](y) <b>"), "@\u{200b}all \\[x](y) &lt;b>");
    }
}
