//! What chats send, read into what was said.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

use super::signature::BadSaying;
use crate::app::ports::{Message, Said, SayingDetails};
use crate::app::secrets::is_shown;

/// What the chat is told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// This, to nobody but the speaker.
    Told(Message),
    /// Nothing.
    Empty,
}

/// What a request turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A question whether hoist is there, or a button that only opens a page.
    Nothing,
    /// Somebody said something.
    Said { delivery: String, details: SayingDetails },
}

/// Reads what Slack sends: a slash command, or a button. `signature` tells two requests apart that
/// have no id of their own.
pub(super) fn slack(body: &[u8], signature: &str) -> Result<Heard, BadSaying> {
    let mut fields = fields(body);
    if fields.contains_key("ssl_check") {
        return Ok(Heard::Nothing);
    }
    if let Some(payload) = fields.remove("payload") {
        return pressed(&payload);
    }
    let Some(heard) = command(&mut fields, signature) else {
        return Err(BadSaying::Malformed(
            "this is no slash command: it has no `user_id` or no `command`",
        ));
    };
    Ok(heard)
}

/// Reads what Mattermost sends, if it has one of the tokens.
pub(super) fn mattermost(body: &[u8], tokens: &[SecretString]) -> Result<Heard, BadSaying> {
    let mut fields = fields(body);
    let shown = fields.remove("token").unwrap_or_default();
    // All are tried, so that the time tells nothing.
    let fits = |secret: &SecretString| is_shown(secret, &shown);
    if shown.is_empty() || tokens.iter().filter(|secret| fits(secret)).count() == 0 {
        return Err(BadSaying::Unsigned(
            "the request has no token of `chat.mattermost`: copy it from the slash command's page",
        ));
    }
    // Mattermost does not send a command twice, and gives a trigger id to each.
    let Some(heard) = command(&mut fields, "") else {
        return Err(BadSaying::Malformed(
            "this is no slash command: it has no `user_id`, `command` or `trigger_id`",
        ));
    };
    Ok(heard)
}

fn fields(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn command(fields: &mut BTreeMap<String, String>, otherwise: &str) -> Option<Heard> {
    let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_empty());
    let speaker = take("user_id")?;
    take("command")?;
    let delivery = take("trigger_id").unwrap_or_else(|| otherwise.to_owned());
    if delivery.is_empty() {
        return None;
    }
    let details = SayingDetails {
        called: take("user_name").unwrap_or_else(|| speaker.clone()),
        channel: take("channel_id").unwrap_or_default(),
        said: Said::Words(unescaped(&take("text").unwrap_or_default())),
        answer_to: take("response_url"),
        speaker,
    };
    Some(Heard::Said { delivery, details })
}

/// Slack writes `&`, `<` and `>` as HTML does, and nothing else.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What is read of an interaction; whatever else stands in it is not.
#[derive(Deserialize)]
struct RawInteraction {
    #[serde(rename = "type")]
    kind: String,
    user: RawUser,
    trigger_id: Option<String>,
    channel: Option<RawChannel>,
    response_url: Option<String>,
    #[serde(default)]
    actions: Vec<RawAction>,
}

#[derive(Deserialize)]
struct RawUser {
    id: String,
    username: Option<String>,
}

#[derive(Deserialize)]
struct RawChannel {
    id: String,
}

#[derive(Deserialize)]
struct RawAction {
    value: Option<String>,
    action_ts: Option<String>,
}

fn pressed(payload: &str) -> Result<Heard, BadSaying> {
    let Ok(interaction) = serde_json::from_str::<RawInteraction>(payload) else {
        return Err(BadSaying::Malformed("`payload` is no interaction of Slack's"));
    };
    let action = interaction.actions.into_iter().next();
    let Some(RawAction { value: Some(value), action_ts }) = action else {
        return Ok(Heard::Nothing);
    };
    if interaction.kind != "block_actions" {
        return Ok(Heard::Nothing);
    }
    let user = interaction.user;
    // A press has a trigger of its own; the time of the action is as good where there is none.
    let Some(delivery) =
        interaction.trigger_id.or_else(|| action_ts.map(|at| format!("{} {at}", user.id)))
    else {
        return Err(BadSaying::Malformed("`payload` has neither `trigger_id` nor `action_ts`"));
    };
    let details = SayingDetails {
        called: user.username.unwrap_or_else(|| user.id.clone()),
        speaker: user.id,
        channel: interaction.channel.map(|channel| channel.id).unwrap_or_default(),
        said: Said::Pressed(value),
        answer_to: interaction.response_url,
    };
    Ok(Heard::Said { delivery, details })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_that_only_opens_a_page_says_nothing() {
        let body = |payload: &str| {
            url::form_urlencoded::Serializer::new(String::new())
                .append_pair("payload", payload)
                .finish()
        };
        let open = r#"{"type":"block_actions","user":{"id":"U1"},"trigger_id":"1","actions":[{}]}"#;
        assert_eq!(slack(body(open).as_bytes(), "").unwrap(), Heard::Nothing);
        assert_eq!(slack(b"ssl_check=1&token=x", "").unwrap(), Heard::Nothing);
        assert!(slack(body("{}").as_bytes(), "").is_err());
        assert!(slack(b"text=status", "v0=1").is_err());
    }

    #[test]
    fn words_come_as_they_were_typed() {
        let body = b"command=%2Fhoist&user_id=U1&text=status+%22a+%26amp%3B+b%22&trigger_id=7";
        let Heard::Said { delivery, details } = slack(body, "v0=1").unwrap() else { panic!() };
        assert_eq!(delivery, "7");
        assert_eq!(details.said, Said::Words("status \"a & b\"".into()));
    }
}
