//! Slack: answers to `response_url`, and messages in a channel through the Web API.

use async_trait::async_trait;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::common::{client, send};
use crate::app::ports::{
    Board, Button, ChatError, Herald, Message, Messenger, Notification, Press,
};

/// Slack refuses a section's text that is longer.
const LONGEST_TEXT: usize = 3000;

/// How much of a text an answer shows to whoever asked.
const LONGEST_ANSWER: usize = 24_000;

/// How much of it a message in a channel shows: Slack refuses blocks that have some 13,000 letters
/// together (`msg_blocks_too_long`).
const LONGEST_POST: usize = 11_000;

/// How long to wait where Slack says `ratelimited` and not for how long.
const DEFAULT_WAIT: u64 = 30;

/// Answers whoever said something.
pub struct SlackAnswers {
    http: Client,
}

impl SlackAnswers {
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
impl Messenger for SlackAnswers {
    async fn answer(&self, to: &str, answer: &Message) -> Result<(), ChatError> {
        let mut body = body(answer, LONGEST_ANSWER);
        body["response_type"] = "ephemeral".into();
        body["replace_original"] = false.into();
        send(self.http.post(to).json(&body)).await.map(drop)
    }
}

/// A channel in Slack.
pub struct SlackChannel {
    http: Client,
    api: Url,
    token: SecretString,
    channel: String,
}

/// A message of ours, as Slack names it: it is updated by both.
#[derive(Serialize, Deserialize)]
struct Posted {
    channel: String,
    ts: String,
}

/// What the Web API answers; whether it went well stands in the body.
#[derive(Deserialize)]
struct RawAnswer {
    ok: bool,
    error: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
}

impl SlackChannel {
    /// Posts to `channel` with a bot's token; `api` is `https://slack.com/api`.
    ///
    /// # Errors
    ///
    /// When HTTPS cannot be prepared.
    pub fn new(api: Url, token: SecretString, channel: String) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, api, token, channel })
    }

    async fn call(&self, method: &str, body: &Value) -> Result<RawAnswer, ChatError> {
        let url = format!("{}/{method}", self.api.as_str().trim_end_matches('/'));
        let request = self.http.post(url).bearer_auth(self.token.expose_secret()).json(body);
        let answer = send(request).await?;
        let answer: RawAnswer = serde_json::from_slice(&answer)
            .map_err(|error| ChatError::Unreachable(format!("{method} was answered by {error}")))?;
        if answer.ok {
            return Ok(answer);
        }
        let error = answer.error.unwrap_or_default();
        Err(match error.as_str() {
            "ratelimited" | "rate_limited" => ChatError::RateLimited { seconds: DEFAULT_WAIT },
            "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
                ChatError::Unreachable(format!("{method}: {error}"))
            }
            // The token may be replaced and the bot be invited: what waits is told then.
            "invalid_auth" | "not_authed" | "token_revoked" | "token_expired"
            | "account_inactive" | "missing_scope" | "not_in_channel" | "channel_not_found" => {
                let hint = "look at `bot_token` and `channel` of `chat.slack`, and invite the bot";
                ChatError::Unreachable(format!("{method}: {error}; {hint}"))
            }
            other => ChatError::Refused(format!("{method}: {other}")),
        })
    }
}

#[async_trait]
impl Board for SlackChannel {
    async fn post(&self, message: &Message) -> Result<String, ChatError> {
        let mut body = body(message, LONGEST_POST);
        body["channel"] = self.channel.as_str().into();
        let answer = self.call("chat.postMessage", &body).await?;
        let posted = answer.channel.zip(answer.ts).map(|(channel, ts)| Posted { channel, ts });
        let posted = posted.and_then(|posted| serde_json::to_string(&posted).ok());
        posted.ok_or_else(|| ChatError::Refused("chat.postMessage named no message".into()))
    }

    async fn update(&self, posted: &str, message: &Message) -> Result<(), ChatError> {
        let posted: Posted = serde_json::from_str(posted)
            .map_err(|_| ChatError::Refused("the message has no name that Slack knows".into()))?;
        let mut body = body(message, LONGEST_POST);
        body["channel"] = posted.channel.into();
        body["ts"] = posted.ts.into();
        self.call("chat.update", &body).await.map(drop)
    }
}

#[async_trait]
impl Herald for SlackChannel {
    async fn tell(&self, notification: &Notification) -> Result<(), ChatError> {
        self.post(&Message::plain(notification.text.as_str())).await.map(drop)
    }
}

/// A message as Slack takes it: blocks, and the text for where blocks are not shown.
fn body(message: &Message, longest: usize) -> Value {
    let text = shortened(&escaped(&message.text), longest);
    let section = |text| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    let mut blocks: Vec<Value> = sections(&text).into_iter().map(section).collect();
    if !message.buttons.is_empty() {
        let buttons: Vec<Value> =
            message.buttons.iter().enumerate().map(|(at, it)| button(at, it)).collect();
        blocks.push(json!({"type": "actions", "elements": buttons}));
    }
    json!({"text": text, "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

fn button(at: usize, button: &Button) -> Value {
    let mut element = json!({
        "type": "button",
        "action_id": format!("hoist-{at}"),
        "text": {"type": "plain_text", "text": button.label},
    });
    match &button.does {
        Press::Opens(url) => element["url"] = url.as_str().into(),
        Press::Says { value, asks } => {
            element["value"] = value.as_str().into();
            if let Some(asks) = asks {
                element["confirm"] = json!({
                    "title": {"type": "plain_text", "text": button.label},
                    "text": {"type": "plain_text", "text": asks},
                    "confirm": {"type": "plain_text", "text": button.label},
                    "deny": {"type": "plain_text", "text": "Cancel"},
                });
            }
        }
    }
    element
}

/// Slack's three control characters: without them nobody can be mentioned by what people typed.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// As many whole lines as there is room for; an ellipsis says that there were more.
fn shortened(text: &str, longest: usize) -> String {
    let (mut lines, mut left) = (Vec::new(), longest - 1);
    for line in text.lines().map(cut) {
        let Some(rest) = left.checked_sub(line.chars().count() + 1) else {
            lines.push("…".to_owned());
            break;
        };
        left = rest;
        lines.push(line);
    }
    lines.join("\n")
}

/// A text in pieces that Slack takes, each of whole lines, and none that says nothing.
fn sections(text: &str) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    for line in text.lines() {
        let fits = |it: &String| it.chars().count() + 1 + line.chars().count() <= LONGEST_TEXT;
        match sections.last_mut() {
            Some(last) if fits(last) => {
                last.push('\n');
                last.push_str(line);
            }
            Some(_) | None => sections.push(line.to_owned()),
        }
    }
    sections.retain(|it| !it.trim().is_empty());
    sections
}

/// As much as Slack shows, and never half of an escape.
fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let short: String = text.chars().take(LONGEST_TEXT - 2).collect();
    let whole = match short.rfind('&') {
        Some(at) if !short[at..].contains(';') => &short[..at],
        Some(_) | None => &short,
    };
    format!("{whole} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_mentioned_by_what_people_typed() {
        let message = Message::plain("<!channel> & <@U1>");
        assert_eq!(body(&message, LONGEST_POST)["text"], "&lt;!channel&gt; &amp; &lt;@U1&gt;");
    }

    #[test]
    fn a_text_of_many_lines_is_spread_over_sections() {
        let text: Vec<String> = (0..400).map(|line| format!("{line} {}", "x".repeat(40))).collect();
        let pieces = sections(&text.join("\n"));
        assert!(pieces.len() > 5);
        assert!(pieces.iter().all(|it| it.chars().count() <= LONGEST_TEXT));
        assert_eq!(pieces.join("\n"), text.join("\n"));
        assert_eq!(sections("one"), ["one"]);
        let full = "x".repeat(LONGEST_TEXT);
        assert_eq!(sections(&format!("{full}\n\n{full}\n\n")), [full.as_str(), &full]);
        assert!(sections("\n").is_empty());
    }

    #[test]
    fn what_has_no_room_is_told_to_be_left_out() {
        let text = "12345\n12345\n12345";
        assert_eq!(shortened(text, 19), text);
        assert_eq!(shortened(text, 18), "12345\n12345\n…");
        assert_eq!(shortened("1234\n\n", 7), "1234\n");
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let text = escaped(&"<".repeat(1000));
        let short = cut(&text);
        assert!(short.chars().count() <= LONGEST_TEXT && short.ends_with("&lt; …"), "{short}");
    }
}
