//! Reads `chat` of the process file: where people talk with hoist.

use secrecy::SecretString;
use url::Url;

use super::check;
use super::fields::{Fields, checked, text};
use super::gate::zone;
use super::problem::Notes;
use super::secret::Vault;
use super::settings::{Chat, Mattermost, Slack};
use super::source::one_or_two;
use super::tables::{CHAT, MATTERMOST, SLACK};
use super::tree::Node;

const SLACK_API: &str = "https://slack.com/api";
const SLACK_ANSWERS: &str = "https://hooks.slack.com";

pub(super) fn chat(node: &Node, vault: &Vault<'_>, notes: &mut Notes<'_>) -> Option<Chat> {
    let fields = Fields::open(node, &CHAT, notes)?;
    let slack = match fields.get("slack") {
        Some(node) => Some(slack(node, vault, notes)?),
        None => None,
    };
    let mattermost = match fields.get("mattermost") {
        Some(node) => Some(mattermost(node, vault, notes)?),
        None => None,
    };
    let zone = match fields.get("zone") {
        Some(node) => Some(zone(node, notes)?),
        None => None,
    };
    Some(Chat { slack, mattermost, zone })
}

fn slack(node: &Node, vault: &Vault<'_>, notes: &mut Notes<'_>) -> Option<Slack> {
    let fields = Fields::open(node, &SLACK, notes)?;
    let signing_secret = fields.get("signing_secret").and_then(|node| vault.secret(node, notes));
    let token = fields.get("bot_token").map(|node| vault.secret(node, notes));
    let channel = fields.get("channel").map(|node| text(node, notes).map(str::to_owned));
    if token.is_some() != channel.is_some() && fields.all_known() {
        let what = format!("{}: `bot_token` and `channel` belong together", node.path);
        notes.add(node.place, what, "write both, or neither if hoist is only to answer");
    }
    let api = url_or(&fields, "api", SLACK_API, notes);
    let answers = url_or(&fields, "answers", SLACK_ANSWERS, notes);
    let channel = match token.zip(channel) {
        Some((token, channel)) => Some((token?, channel?)),
        None => None,
    };
    Some(Slack { signing_secret: signing_secret?, channel, api: api?, answers: answers? })
}

fn mattermost(node: &Node, vault: &Vault<'_>, notes: &mut Notes<'_>) -> Option<Mattermost> {
    let fields = Fields::open(node, &MATTERMOST, notes)?;
    let url = fields.get("url").and_then(|node| checked(node, check::server, notes));
    let nodes = fields.get("token").map(|node| one_or_two(node, notes)).unwrap_or_default();
    let tokens: Vec<SecretString> =
        nodes.into_iter().filter_map(|node| vault.secret(node, notes)).collect();
    Some(Mattermost { url: url?, tokens })
}

fn url_or(fields: &Fields<'_>, name: &str, default: &str, notes: &mut Notes<'_>) -> Option<Url> {
    match fields.get(name) {
        Some(node) => checked(node, check::server, notes),
        None => Url::parse(default).ok(),
    }
}
