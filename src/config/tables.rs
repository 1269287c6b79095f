//! Every key of both files: what the readers accept, what the schemas describe.
//!
//! The key set is `product.md`'s, whole: a key whose feature does not exist yet is here as planned,
//! so that whoever writes it is told so, rather than that it is unknown.

use super::access::RIGHTS;
use super::freeze::ALLOWED;
use super::gate::SHUTS;
use super::health::{HEALTHS, REMEDIES};
use super::policy::{DRAFTS, MERGES};
use super::schedule::{GROUPS, MISSES};
use super::sender::SENDERS;
use super::table::{Shape, Table, optional, planned, required};
pub(super) use chat::{CHAT, MATTERMOST, NOTIFICATION, SLACK, WEBHOOK};

mod chat;

mod gate;

mod pipeline;

mod repository;

pub(super) use gate::{APPROVALS, CHECKS, GATE, WINDOW};
pub(super) use pipeline::{ACCEPT, PIPELINE, PROVENANCE, SIGNER, VERIFY};
pub(super) use repository::{COMMITS, CREDENTIALS, REPOSITORY, SIGNING};

pub(super) const TEXT: Shape = Shape::Text(None);
pub(super) const TEXTS: Shape = Shape::List(&TEXT);
pub(super) const NAME: Shape = Shape::Text(Some(r"^[^\s/\\~^:?*\[{}\x22']+$"));
const NAMES: Shape = Shape::List(&NAME);
pub(super) const CLOCK: Shape = Shape::Text(Some(r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"));
const LOCAL: Shape = Shape::Text(Some(r"^\d{4}-\d\d-\d\dT\d\d:\d\d$"));
pub(super) const DURATION: Shape = Shape::Text(Some(r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"));

/// The process file.
pub(super) static PROCESS: Table = Table {
    what: "the process file",
    keys: &[
        optional("listen", TEXT, "The address to listen on, HOST:PORT. Default: 127.0.0.1:8080."),
        optional(
            "public_url",
            Shape::Text(Some("^https?://")),
            "Where people reach the page; links in proposals start with it. Default: http:// and `listen`.",
        ),
        optional(
            "store",
            Shape::Text(Some("^sqlite://.")),
            "Where hoist keeps what neither Git nor the forge knows: sqlite://PATH. Default: hoist.db under `data`.",
        ),
        optional("data", TEXT, "The folder of the mirrors and of the builtin forge. Default: var."),
        required("pipelines", TEXT, "The path of the pipelines file."),
        required(
            "repositories",
            Shape::Named(&Shape::Keys(&REPOSITORY)),
            "The GitOps repositories, by name.",
        ),
        required(
            "sources",
            Shape::Named(&Shape::Keys(&SOURCE)),
            "Who may announce artifacts, and which.",
        ),
        optional(
            "keep_deliveries",
            DURATION,
            "How long it is kept what came in, refused announcements included. Default: 90d.",
        ),
        optional(
            "registries",
            Shape::Named(&Shape::Keys(&REGISTRY)),
            "How registries are reached, by their hosts as images name them; the others are asked by https and without a login.",
        ),
        optional(
            "argocd",
            Shape::Named(&Shape::Keys(&ARGOCD)),
            "The Argo CDs that deploy what is merged, by name.",
        ),
        optional("chat", Shape::Keys(&CHAT), "Where people talk with hoist."),
        optional(
            "notifications",
            Shape::Named(&Shape::Keys(&NOTIFICATION)),
            "Who is told what happens, by name.",
        ),
        optional(
            "people",
            Shape::Named(&Shape::Either(&[Shape::Keys(&PERSON), Shape::Empty])),
            "People, as each system knows them.",
        ),
        optional("roles", Shape::Named(&Shape::Keys(&ROLE)), "Who may do what, and where."),
        optional(
            "tokens",
            Shape::List(&Shape::Keys(&TOKEN)),
            "Tokens for the API, the command line and the page; only their SHA-256 is written here.",
        ),
    ],
};

const SECRET_SHAPE: Shape = Shape::Keys(&SECRET);

pub(super) static SECRET: Table = Table {
    what: "a secret's whereabouts",
    keys: &[
        optional("env", TEXT, "The environment variable that holds it."),
        optional("file", TEXT, "The file that holds it; a final line end is ignored."),
    ],
};

pub(super) static SOURCE: Table = Table {
    what: "a source",
    keys: &[
        optional(
            "hmac",
            Shape::Either(&[SECRET_SHAPE, Shape::List(&SECRET_SHAPE)]),
            "The secret that signs its announcements, or a list of two while it is being replaced.",
        ),
        optional(
            "oidc",
            Shape::Keys(&OIDC),
            "Instead of `hmac`: the CI whose tokens vouch for its announcements.",
        ),
        optional(
            "claims",
            Shape::Named(&Shape::Either(&[TEXT, TEXTS])),
            "With `oidc`: what must stand in the token; `{application}` is read out, `*` stands for part of a segment.",
        ),
        optional(
            "sender",
            Shape::Word(|| SENDERS.names()),
            "Instead of `hmac`: the registry or forge that says by itself what was pushed, to /hooks/registry/NAME.",
        ),
        optional(
            "secret",
            Shape::Either(&[SECRET_SHAPE, Shape::List(&SECRET_SHAPE)]),
            "With `sender`: what it proves itself with, or a list of two while it is being replaced.",
        ),
        optional(
            "registry",
            TEXT,
            "With `sender`: the registry's name in images, where that is not what the sender says; GitLab says none.",
        ),
        required(
            "images",
            TEXTS,
            "The images it may announce; `*` stands for part of a segment, `{application}` for the name in `claims`.",
        ),
        optional(
            "per_minute",
            Shape::Count(1, 100_000),
            "How often in a minute it may announce. Default: 600.",
        ),
    ],
};

pub(super) static OIDC: Table = Table {
    what: "an issuer of tokens",
    keys: &[
        required(
            "issuer",
            Shape::Text(Some("^https?://")),
            "Who makes the tokens: exactly what stands in their `iss`.",
        ),
        required("audience", TEXT, "What must stand in their `aud`."),
        optional("ca", SECRET_SHAPE, "The certificates of a private authority, a PEM file."),
    ],
};

pub(super) static REGISTRY: Table = Table {
    what: "a registry",
    keys: &[
        optional(
            "url",
            Shape::Text(Some("^https?://")),
            "Its address. Default: https:// and its name.",
        ),
        optional("username", TEXT, "Who logs in. Default: nobody, for what everybody may read."),
        optional("password", SECRET_SHAPE, "Their password, or a token that may read images."),
        optional(
            "token_server",
            Shape::Text(Some("^https?://")),
            "Who gives out its tokens, where that is another host: the password goes there, too.",
        ),
        optional("ca", SECRET_SHAPE, "The certificates of a private authority, a PEM file."),
        optional(
            "mirrors",
            TEXTS,
            "Where what is asked for by digest is looked for first: HOST, or HOST/PREFIX.",
        ),
    ],
};

pub(super) static ARGOCD: Table = Table {
    what: "an Argo CD",
    keys: &[
        required("url", Shape::Text(Some("^https?://")), "Its address."),
        required("token", SECRET_SHAPE, "The token of an account that may get applications."),
        optional("ca", SECRET_SHAPE, "The certificates of a private authority, a PEM file."),
        optional(
            "webhook_secret",
            SECRET_SHAPE,
            "What its notifications to /hooks/argocd carry, as a bearer token or as the password of basic authentication.",
        ),
    ],
};

pub(super) static PERSON: Table = Table {
    what: "a person",
    keys: &[
        optional("github", TEXT, "Their login on GitHub."),
        optional("gitlab", TEXT, "Their user name on GitLab."),
        optional("slack", TEXT, "Their member ID in Slack."),
        optional("mattermost", TEXT, "Their user ID in Mattermost."),
    ],
};

pub(super) static ROLE: Table = Table {
    what: "a role",
    keys: &[
        optional("people", NAMES, "Who has it, by their names in `people`."),
        optional(
            "teams",
            TEXTS,
            "Whose members have it, too: `github:ORGANISATION/TEAM`, `gitlab:GROUP`.",
        ),
        required("may", Shape::List(&Shape::Word(|| RIGHTS.names())), "What it allows."),
        required("environments", TEXTS, "Where: names of environments, or \"*\" for all of them."),
    ],
};

pub(super) static TOKEN: Table = Table {
    what: "a token",
    keys: &[
        required("name", NAME, "Who uses it; what is done with it is recorded under this name."),
        required("sha256", Shape::Text(Some("^[0-9a-fA-F]{64}$")), "The token's SHA-256, in hex."),
        required("roles", NAMES, "The roles that it gives."),
        optional("person", NAME, "Whose it is, by their name in `people`."),
    ],
};

/// The pipelines file.
pub(super) static POLICY: Table = Table {
    what: "the pipelines file",
    keys: &[
        required("pipelines", Shape::Named(&Shape::Keys(&PIPELINE)), "The pipelines, by name."),
        optional(
            "freezes",
            Shape::List(&Shape::Keys(&FREEZE)),
            "Times in which nothing is promoted into some environments.",
        ),
        optional(
            "schedules",
            Shape::List(&Shape::Keys(&SCHEDULE)),
            "Times at which what has gathered before an environment is let go.",
        ),
    ],
};

pub(super) static ENVIRONMENT: Table = Table {
    what: "an environment",
    keys: &[
        required("name", NAME, "Its name."),
        optional(
            "after",
            NAMES,
            "The environments an artifact must have succeeded in first. Default: the one listed before; `[]` for none.",
        ),
        planned("repository"),
        optional("branch", TEXT, "The branch its files stand on. Default: the repository's."),
        required("edit", Shape::List(&Shape::Keys(&EDIT)), "How its version fields are found."),
        optional("gates", Shape::List(&Shape::Keys(&GATE)), "The conditions for entering it."),
        optional("review", Shape::Keys(&REVIEW), "Whom a proposal asks."),
        optional(
            "merge",
            Shape::Word(|| MERGES.names()),
            "When hoist merges a proposal. Default: on-approval.",
        ),
        optional(
            "rollback",
            Shape::Keys(&ROLLBACK),
            "What a rollback needs, where that differs from what a promotion does.",
        ),
        optional(
            "health",
            Shape::Either(&[Shape::Word(|| HEALTHS.names()), Shape::Keys(&HEALTH)]),
            "Who says whether it is well there. Default: none, merged means deployed.",
        ),
        optional(
            "on_unhealthy",
            Shape::Either(&[Shape::Word(|| REMEDIES.names()), Shape::Keys(&ON_UNHEALTHY)]),
            "What hoist does when it stays ill after a promotion. Default: nothing.",
        ),
    ],
};

pub(super) static HEALTH: Table = Table {
    what: "a health",
    keys: &[
        optional("argocd", NAME, "The Argo CD to ask, by its name in `argocd`."),
        optional(
            "application",
            TEXT,
            "What Argo CD calls the application; `{application}` may stand in it. Default: {application}.",
        ),
        optional("project", TEXT, "The Argo CD project that it belongs to. Default: default."),
        optional(
            "namespace",
            NAME,
            "The namespace it is kept in, where that is not Argo CD's own.",
        ),
        optional("http", TEXT, "The address to call instead; `{application}` may stand in it."),
        optional(
            "expect",
            Shape::Either(&[TEXT, Shape::Count(100, 599)]),
            "With `http`: the status of a yes, or a text in it, of {tag}, {digest}, {version} and {image}. Default: any 2xx.",
        ),
    ],
};

pub(super) static ON_UNHEALTHY: Table = Table {
    what: "an answer to ill health",
    keys: &[
        required("do", Shape::Word(|| REMEDIES.names()), "What hoist does."),
        optional(
            "after",
            DURATION,
            "How long it must have been ill without a break. Default: 10m.",
        ),
        optional("watch", DURATION, "How long it is watched once it runs, at least. Default: 15m."),
    ],
};

pub(super) static EDIT: Table = Table {
    what: "a rule",
    keys: &[
        required("file", TEXT, "The file in the repository; `{application}` may stand in it."),
        optional(
            "kustomize_image",
            TEXT,
            "The entry of `images:` with this name: its newTag and its digest.",
        ),
        optional("image", TEXT, "Every reference to this image in the file, its form kept."),
        optional("path", TEXT, "The scalar at this path: a.b[name=x].c, or a JSON Pointer."),
        optional("marker", TEXT, "Scalars whose line ends in the comment `# hoist: NAME`."),
        optional(
            "value",
            TEXT,
            "What is written, of {tag}, {digest}, {version} and {image}; with `path` or `marker`.",
        ),
        planned("from"),
        optional(
            "document",
            Shape::Either(&[Shape::Count(0, 9_999), Shape::Keys(&DOCUMENT)]),
            "The YAML document in the file: its number, counted from 0, or its kind and name.",
        ),
    ],
};

pub(super) static DOCUMENT: Table = Table {
    what: "a document",
    keys: &[
        required("kind", TEXT, "Its kind."),
        required("name", TEXT, "Its metadata.name; `{application}` may stand in it."),
    ],
};

pub(super) static FREEZE: Table = Table {
    what: "a freeze",
    keys: &[
        required("name", TEXT, "What people call it."),
        required("environments", TEXTS, "Where: names of environments, or \"*\" for all of them."),
        required("from", LOCAL, "When it begins, YYYY-MM-DDTHH:MM by the clock of `zone`."),
        required("to", LOCAL, "When it ends, by the same clock."),
        required("zone", TEXT, "Whose clock counts, by its IANA name: Europe/Stockholm."),
        optional("owner", TEXT, "Who answers for it."),
        optional("reason", TEXT, "Why."),
        optional(
            "allow",
            Shape::List(&Shape::Word(|| ALLOWED.names())),
            "What goes in nevertheless: rollback.",
        ),
        optional(
            "before",
            Shape::Word(|| SHUTS.names()),
            "What it shuts: the opening of proposals, or only their merge. Default: proposal.",
        ),
    ],
};

pub(super) static SCHEDULE: Table = Table {
    what: "a schedule",
    keys: &[
        required("name", NAME, "What people call it: `hoist run NAME`."),
        required(
            "cron",
            TEXT,
            "When: minute, hour, day of the month, month, day of the week, as \"0 2 * * mon-fri\".",
        ),
        required("zone", TEXT, "Whose clock counts, by its IANA name: Europe/Stockholm."),
        required("pipeline", NAME, "Whose applications."),
        optional(
            "applications",
            Shape::Either(&[TEXT, TEXTS]),
            "Which of them, by their names; `*` stands for any text, as in pay-*. Default: all.",
        ),
        required(
            "to",
            Shape::Either(&[NAME, NAMES]),
            "Into which environment of the pipeline, or into which several.",
        ),
        optional(
            "group",
            Shape::Word(|| GROUPS.names()),
            "How they go: each by a proposal of its own, or all that go into an environment by one, with a commit for each. Default: per-application.",
        ),
        optional(
            "max",
            Shape::Count(1, 10_000),
            "How many promotions go at once, those that have waited longest first. Default: all.",
        ),
        optional(
            "if_missed",
            Shape::Word(|| MISSES.names()),
            "What becomes of a run at whose time hoist was away. Default: run, once.",
        ),
    ],
};

pub(super) static ROLLBACK: Table = Table {
    what: "what a rollback needs",
    keys: &[
        optional(
            "approvals",
            Shape::Count(0, 20),
            "How many people said yes, the requester aside. Default: as for a promotion.",
        ),
        optional(
            "merge",
            Shape::Word(|| MERGES.names()),
            "When hoist merges it. Default: as for a promotion.",
        ),
    ],
};

pub(super) static REVIEW: Table = Table {
    what: "a review",
    keys: &[
        optional("reviewers", NAMES, "People who are asked, by their names in `people`."),
        optional(
            "teams",
            TEXTS,
            "Teams of the repository's organisation on GitHub that are asked, by their slugs.",
        ),
        optional("assignees", NAMES, "People whose it is to see to, by their names in `people`."),
        optional("labels", TEXTS, "Labels put on the proposal."),
        optional("title", TEXT, "The proposal's title, a template. Default: what moves where."),
        optional("body", TEXT, "The proposal's body, a template in Markdown."),
        optional(
            "draft",
            Shape::Word(|| DRAFTS.names()),
            "until-open: it is a draft until every gate but `approvals` and `checks` is open, and asks its reviewers then. Default: never.",
        ),
    ],
};
