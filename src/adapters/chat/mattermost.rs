//! Mattermost: answers to `response_url`.

use async_trait::async_trait;
use reqwest::Client;
use serde_json::json;

use super::common::{client, send};
use crate::app::ports::{ChatError, Message, Messenger};

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
