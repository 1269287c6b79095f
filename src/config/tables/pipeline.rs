//! The keys of a pipeline, but for those of its environments.

use super::{DURATION, ENVIRONMENT, NAME, NAMES, TEXT, TEXTS};
use crate::config::accept::{ON_MOVE, ORDERS};
use crate::config::table::{Shape, Table, optional, planned, required};
use crate::config::verify::{DIGEST_CHECKS, LABELS};

const PATTERNS: Shape = Shape::Either(&[TEXT, TEXTS]);

pub(in super::super) static PIPELINE: Table = Table {
    what: "a pipeline",
    keys: &[
        required("repository", NAME, "The repository its environments stand in."),
        optional(
            "applications",
            Shape::Either(&[Shape::Text(Some("^discover$")), NAMES]),
            "`discover`: every {application} for which the first environment's files exist; or a list of names. Default: discover.",
        ),
        required("image", TEXT, "The image of an application; `{application}` may stand in it."),
        planned("images"),
        optional("accept", Shape::Keys(&ACCEPT), "Which artifacts go, and in which order."),
        optional(
            "moved_tags",
            Shape::Word(|| ON_MOVE.names()),
            "What becomes of a tag that comes again with another digest: it goes, a person is asked, or it never goes. Default: promote.",
        ),
        optional(
            "retags",
            Shape::Word(|| ON_MOVE.names()),
            "The same of a digest that comes again under another tag. Default: promote.",
        ),
        optional(
            "verify",
            Shape::Keys(&VERIFY),
            "What is asked about an artifact before it goes. Default: its registry, whether the digest is there and is what the tag means; nothing of an image that is named `pkg:…`.",
        ),
        optional(
            "source_status",
            TEXT,
            "The repository of an application's source, as https://github.com/acme/{application}: its commits get a status for each environment. Default: none.",
        ),
        required(
            "environments",
            Shape::List(&Shape::Keys(&ENVIRONMENT)),
            "The environments, in order.",
        ),
    ],
};

pub(in super::super) static VERIFY: Table = Table {
    what: "a pipeline's checks",
    keys: &[
        optional(
            "digest",
            Shape::Word(|| DIGEST_CHECKS.names()),
            "Who vouches for the digest: its registry is asked, or whoever announces it is believed. Default: registry.",
        ),
        optional("platforms", TEXTS, "The machines that it must run on, as linux/amd64."),
        optional(
            "labels",
            Shape::Word(|| LABELS.names()),
            "What becomes of an image whose labels say another source or revision than its announcement. Default: warn.",
        ),
        optional("signature", Shape::Keys(&SIGNER), "Who has to have signed it. Default: nobody."),
        optional(
            "provenance",
            Shape::Keys(&PROVENANCE),
            "What its provenance (SLSA) has to say. Default: none is needed.",
        ),
        optional(
            "patience",
            DURATION,
            "How long the tag, the signature and what else is not there yet may take to come; at most 1d. Default: 2m.",
        ),
    ],
};

pub(in super::super) static SIGNER: Table = Table {
    what: "a signer",
    keys: &[
        optional("key", TEXT, "The public key that signs (ECDSA on P-256), as PEM."),
        optional(
            "identity",
            TEXT,
            "Who signs without a key of their own: a pattern of what the certificate names.",
        ),
        optional("issuer", TEXT, "Who knows them: exactly what the certificate says."),
        optional(
            "trusted_root",
            TEXT,
            "Whom to trust with that: `sigstore` (the public instance), `github` (GitHub's own, of private repositories), or the text of another's trusted_root.json.",
        ),
        optional("roots", TEXT, "Instead of it, the authorities of such certificates, as PEM;"),
        optional(
            "rekor",
            TEXT,
            "and the public key of the log that says when it was signed, as PEM.",
        ),
    ],
};

pub(in super::super) static PROVENANCE: Table = Table {
    what: "a provenance",
    keys: &[
        required("builder", TEXT, "A pattern of who has to have built it."),
        optional(
            "source",
            TEXT,
            "The repository that it has to be built from; `{application}` may stand in it. Default: the announced one.",
        ),
        optional(
            "signature",
            Shape::Keys(&SIGNER),
            "Who has to have signed that. Default: who signs the image.",
        ),
    ],
};

pub(in super::super) static ACCEPT: Table = Table {
    what: "what a pipeline accepts",
    keys: &[
        optional(
            "tags",
            PATTERNS,
            "Patterns, one of which must fit the tag; `*` stands for any text. Default: every tag, and none.",
        ),
        optional(
            "semver",
            TEXT,
            "The range in which the version must be, as `>=1.2 <2`; a pre-release is in none that names none.",
        ),
        optional(
            "branches",
            PATTERNS,
            "Patterns, one of which must fit the branch that was built (`source.ref`); `*` ends at a `/`. Default: every branch.",
        ),
        optional(
            "newest_by",
            Shape::Word(|| ORDERS.names()),
            "Which of two artifacts is the newer one: by their versions, or by when they were announced. Default: time.",
        ),
    ],
};
