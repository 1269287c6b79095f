//! The keys of a repository: its server, its forge, and how hoist commits into it.

use super::{SECRET_SHAPE, TEXT};
use crate::config::commits::{MAKERS, SIGN_OFFS};
use crate::config::repository::{AUTO_MERGES, FORGES, MERGE_METHODS, TRANSPORTS};
use crate::config::table::{Shape, Table, optional, required};

pub(in super::super) static REPOSITORY: Table = Table {
    what: "a repository",
    keys: &[
        required(
            "forge",
            Shape::Word(|| FORGES.names()),
            "Where its proposals live: builtin, in the repository itself, github, or gitlab.",
        ),
        optional(
            "url",
            Shape::Text(Some("^(https?|file|ssh)://|@.*:")),
            "The Git repository: https://…, ssh://git@… or git@HOST:PATH, or file:///… for a bare one. Without it, hoist makes one under `data`.",
        ),
        optional("branch", TEXT, "The branch that environments stand on. Default: main."),
        optional(
            "api",
            Shape::Text(Some("^https?://")),
            "The address of the forge's API, as https://HOST/api/v3 (GitHub) or https://HOST/api/v4 (GitLab). Default: that of github.com or gitlab.com.",
        ),
        optional("ca", SECRET_SHAPE, "The certificates of a private authority, a PEM file."),
        optional(
            "known_hosts",
            Shape::Either(&[SECRET_SHAPE, Shape::List(&FINGERPRINT)]),
            "With SSH: what shows that the server is the one that was meant. A file as OpenSSH has it, or a list of fingerprints.",
        ),
        optional(
            "transport",
            Shape::Word(|| TRANSPORTS.names()),
            "Who speaks Git's protocol over http and https: hoist itself (own), or libgit2, which is slower. Default: own.",
        ),
        optional(
            "credentials",
            Shape::Keys(&CREDENTIALS),
            "What the Git server and the forge ask for.",
        ),
        optional(
            "webhook_secret",
            SECRET_SHAPE,
            "What signs the events that the forge sends to /hooks/forge/REPOSITORY; a GitLab sends it with them.",
        ),
        optional(
            "commits",
            Shape::Either(&[Shape::Word(|| MAKERS.names()), Shape::Keys(&COMMITS)]),
            "Who makes the commits of promotions, whom they name, and by which key they are signed. api: a GitHub makes them for its App, and shows them as verified.",
        ),
        optional(
            "merge_method",
            Shape::Word(|| MERGE_METHODS.names()),
            "How pull requests are merged: merge, squash or rebase. Default: merge. A GitLab merges as its project is set, and is only told to squash.",
        ),
        optional(
            "auto_merge",
            Shape::Word(|| AUTO_MERGES.names()),
            "Whether the forge is asked to merge by itself what only its own rules keep out: never, or allowed, once all gates are open. Default: never, and hoist merges when it may.",
        ),
    ],
};

pub(in super::super) static CREDENTIALS: Table = Table {
    what: "a repository's credentials",
    keys: &[
        optional("token", SECRET_SHAPE, "An access token."),
        optional("username", TEXT, "A user's name, together with `password`."),
        optional("password", SECRET_SHAPE, "The password of `username`."),
        optional("app_id", Shape::Count(1, u64::MAX), "The number of a GitHub App."),
        optional("private_key", SECRET_SHAPE, "The PEM file of a key of the App."),
        optional("ssh_key", SECRET_SHAPE, "A private key for SSH."),
        optional("passphrase", SECRET_SHAPE, "What `ssh_key` is locked with."),
        optional("ssh_agent", TEXT, "The socket of an SSH agent, whose keys are used."),
    ],
};

pub(in super::super) static COMMITS: Table = Table {
    what: "how hoist commits",
    keys: &[
        optional(
            "by",
            Shape::Word(|| MAKERS.names()),
            "Who makes the commits of promotions: hoist by Git (git), or a GitHub by its API (api), which signs them. Default: git.",
        ),
        optional("name", TEXT, "The name on commits of promotions. Default: hoist."),
        optional("email", TEXT, "The mail address beside it. Default: hoist@hoist.invalid."),
        optional(
            "trailers",
            Shape::Named(&TEXT),
            "Trailers beside hoist's own, by name, as Change-Type.",
        ),
        optional(
            "sign_off",
            Shape::Word(|| SIGN_OFFS.names()),
            "committer: they say `Signed-off-by` with that name and address.",
        ),
        optional("sign", Shape::Keys(&SIGNING), "The key that signs all of hoist's commits."),
    ],
};

pub(in super::super) static SIGNING: Table = Table {
    what: "a key that signs commits",
    keys: &[
        optional("ssh_key", SECRET_SHAPE, "A private Ed25519 key in OpenSSH's form."),
        optional("gpg_key", SECRET_SHAPE, "A private Ed25519 or RSA key as GPG exports it."),
        optional("passphrase", SECRET_SHAPE, "What the key is locked with."),
    ],
};

const FINGERPRINT: Shape = Shape::Text(Some("^SHA256:[A-Za-z0-9+/]{43}=?$"));
