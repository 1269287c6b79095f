//! Reads `notifications` of the process file: who is told what happens.

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::access::Pointer;
use super::check;
use super::fields::{Fields, checked, items, names, text};
use super::gate::length;
use super::problem::Notes;
use super::secret::Vault;
use super::settings::{Chat, Notification, Receiver};
use super::table::Words;
use super::tables::{NOTIFICATION, WEBHOOK};
use super::tree::{Kind, Node};
use crate::domain::id::{EnvironmentName, PipelineName};
use crate::domain::notification::{Happening, Interest};

/// For how long a promotion may stand where it is, unless the file says otherwise.
const STUCK_AFTER: SignedDuration = SignedDuration::from_hours(24);

pub(super) const KINDS: Words<Happening> = Words {
    built: &[
        ("proposed", Happening::Proposed),
        ("needs-review", Happening::NeedsReview),
        ("merged", Happening::Merged),
        ("healthy", Happening::Healthy),
        ("unhealthy", Happening::Unhealthy),
        ("rolled-back", Happening::RolledBack),
        ("held", Happening::Held),
        ("frozen", Happening::Frozen),
        ("drift", Happening::Drift),
        ("stuck", Happening::Stuck),
    ],
    planned: &[],
};

/// Reads one of them.
pub(super) fn read(
    node: &Node,
    vault: &Vault<'_>,
    pointers: &mut Vec<Pointer>,
    notes: &mut Notes<'_>,
) -> Option<Notification> {
    let fields = Fields::open(node, &NOTIFICATION, notes)?;
    let to = receiver(&fields, vault, notes);
    let kinds = fields.get("kinds").map(|node| {
        let items = items(node, notes).unwrap_or_default();
        items.iter().filter_map(|item| KINDS.read(item, notes)).collect()
    });
    let pipelines = fields.get("pipelines").map(|node| {
        let found = names::<PipelineName>(node, notes);
        pointers.extend(found.iter().map(|(name, item)| Pointer::to_pipeline(name, item)));
        found.into_iter().map(|(name, _)| name).collect()
    });
    let environments = fields.get("environments").map(|node| {
        let found = names::<EnvironmentName>(node, notes);
        pointers.extend(found.iter().map(|(name, item)| Pointer::to_environment(name, item)));
        found.into_iter().map(|(name, _)| name).collect()
    });
    let stuck_after = match fields.get("stuck_after") {
        Some(node) => length(node, notes),
        None => Some(STUCK_AFTER),
    };
    let interest = Interest { kinds, pipelines, environments, stuck_after: stuck_after? };
    Some(Notification { to: to?, interest })
}

/// Notes those that go to Slack where no bot can post.
pub(super) fn check_slack(fields: &Fields<'_>, chat: Option<&Chat>, notes: &mut Notes<'_>) {
    // What was wrong with the chat itself has been noted.
    let Some(chat) = chat else { return };
    if chat.slack.as_ref().is_some_and(|slack| slack.channel.is_some()) {
        return;
    }
    let Some(Node { kind: Kind::Map(entries), .. }) = fields.get("notifications") else { return };
    for node in entries.iter().filter_map(|entry| entry.value.entry("slack")) {
        let what = format!("{}: no bot can post there", node.path);
        notes.add(node.place, what, "write `bot_token` and `channel` of `chat.slack`");
    }
}

fn receiver(fields: &Fields<'_>, vault: &Vault<'_>, notes: &mut Notes<'_>) -> Option<Receiver> {
    let node = fields.node();
    let ways = ["slack", "mattermost", "webhook"];
    let given: Vec<&str> = ways.into_iter().filter(|way| fields.get(way).is_some()).collect();
    if given.len() != 1 && fields.all_known() {
        let what = format!("{}: it goes to {} places", node.path, given.len());
        notes.add(node.place, what, "write one of `slack`, `mattermost` and `webhook`");
    }
    let slack = fields.get("slack").and_then(|node| text(node, notes));
    let slack = slack.map(|channel| Receiver::Slack(channel.to_owned()));
    let mattermost = fields.get("mattermost").and_then(|node| {
        let address = vault.secret(node, notes)?;
        address_is_one(&address, node, notes).then_some(Receiver::Mattermost(address))
    });
    let webhook = fields.get("webhook").and_then(|node| webhook(node, vault, notes));
    slack.or(mattermost).or(webhook)
}

/// An address that is a secret must be one all the same, and is not shown when it is not.
fn address_is_one(address: &SecretString, node: &Node, notes: &mut Notes<'_>) -> bool {
    let is_one =
        Url::parse(address.expose_secret().trim()).is_ok_and(|url| check::keeps_secrets(&url));
    if !is_one {
        let what = format!("{}: the secret is no https:// address", node.path);
        notes.add(node.place, what, "put the address of an incoming webhook there");
    }
    is_one
}

fn webhook(node: &Node, vault: &Vault<'_>, notes: &mut Notes<'_>) -> Option<Receiver> {
    let fields = Fields::open(node, &WEBHOOK, notes)?;
    let url = fields.get("url").and_then(|node| checked(node, check::webhook_url, notes));
    let secret = fields.get("secret").and_then(|node| vault.secret(node, notes));
    Some(Receiver::Webhook { url: url?, secret: secret? })
}
