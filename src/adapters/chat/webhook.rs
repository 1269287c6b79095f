//! Notifications to anything that takes a webhook, signed as Standard Webhooks says
//! (<https://www.standardwebhooks.com>, version 1.0.0).

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;
use url::Url;

use super::common::{client, deliver};
use crate::app::ports::{ChatError, Clock, Herald, Notification};

/// An address that takes signed webhooks.
pub struct SignedWebhook {
    http: Client,
    url: Url,
    secret: SecretString,
    clock: Arc<dyn Clock>,
}

impl SignedWebhook {
    /// Posts to `url`, signed with `secret`: `whsec_` and base64, or any text.
    ///
    /// # Errors
    ///
    /// When HTTPS cannot be prepared.
    pub fn new(url: Url, secret: SecretString, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, url, secret, clock })
    }
}

#[async_trait]
impl Herald for SignedWebhook {
    async fn tell(&self, notification: &Notification) -> Result<(), ChatError> {
        let Notification { id, at, what, text, facts } = notification;
        let body = json!({
            "type": format!("hoist.{}", what.name()),
            "timestamp": at.to_string(),
            "data": {"text": text, "facts": facts},
        })
        .to_string();
        let sent_at = self.clock.now();
        let request = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", sent_at.as_second())
            .header("webhook-signature", signature(&self.secret, (id, sent_at), &body))
            .body(body);
        deliver(request).await
    }
}

/// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
fn signature(secret: &SecretString, (id, at): (&str, Timestamp), body: &str) -> String {
    let secret = secret.expose_secret();
    let decoded = secret.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
    let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{}.{body}", at.as_second()).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_example() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed =
            signature(&secret, ("msg_p5jXN8AQM9LWM0D4loKWxJek", at), r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
