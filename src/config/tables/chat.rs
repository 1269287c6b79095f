//! The tables of where people talk with hoist, and of who is told what happens.

use super::{DURATION, NAMES, SECRET_SHAPE, TEXT};
use crate::config::notification::KINDS;
use crate::config::table::{Shape, Table, optional, required};

pub(in crate::config) static CHAT: Table = Table {
    what: "a chat",
    keys: &[
        optional("slack", Shape::Keys(&SLACK), "The Slack app whose commands hoist obeys."),
        optional(
            "mattermost",
            Shape::Keys(&MATTERMOST),
            "The Mattermost whose slash command hoist obeys.",
        ),
        optional(
            "zone",
            TEXT,
            "Whose clock `until 17:00` means, by its IANA name: Europe/Stockholm. Default: UTC.",
        ),
    ],
};

pub(in crate::config) static SLACK: Table = Table {
    what: "a Slack",
    keys: &[
        required("signing_secret", SECRET_SHAPE, "What Slack signs its requests with."),
        optional("bot_token", SECRET_SHAPE, "The bot's token, for messages in `channel`."),
        optional("channel", TEXT, "The channel in which promotions are told of: #deploys."),
        optional(
            "api",
            Shape::Text(Some("^https?://")),
            "The Web API. Default: https://slack.com/api.",
        ),
        optional(
            "answers",
            Shape::Text(Some("^https?://")),
            "Where `response_url` must lead. Default: https://hooks.slack.com.",
        ),
    ],
};

pub(in crate::config) static MATTERMOST: Table = Table {
    what: "a Mattermost",
    keys: &[
        required("url", Shape::Text(Some("^https?://")), "Its address; answers go nowhere else."),
        required(
            "token",
            Shape::Either(&[SECRET_SHAPE, Shape::List(&SECRET_SHAPE)]),
            "The token of the slash command, or a list of two while it is being replaced.",
        ),
    ],
};

pub(in crate::config) static NOTIFICATION: Table = Table {
    what: "a notification",
    keys: &[
        optional("slack", TEXT, "The channel where the bot of `chat.slack` posts it."),
        optional(
            "mattermost",
            SECRET_SHAPE,
            "The address of an incoming webhook, which is secret.",
        ),
        optional("webhook", Shape::Keys(&WEBHOOK), "An address that takes signed webhooks."),
        optional(
            "kinds",
            Shape::List(&Shape::Word(|| KINDS.names())),
            "What is told. Default: all.",
        ),
        optional("pipelines", NAMES, "Of which pipelines. Default: all."),
        optional("environments", NAMES, "Of which environments. Default: all."),
        optional(
            "stuck_after",
            DURATION,
            "For how long a promotion may stand where it is before it counts as stuck. Default: 24h.",
        ),
    ],
};

pub(in crate::config) static WEBHOOK: Table = Table {
    what: "a webhook",
    keys: &[
        required("url", Shape::Text(Some("^https?://")), "Where it is sent."),
        required(
            "secret",
            SECRET_SHAPE,
            "What it is signed with, as Standard Webhooks has it: `whsec_` and base64, or any text.",
        ),
    ],
};
