//! The keys of gates.

use super::{CLOCK, DURATION, NAME, TEXT, TEXTS};
use crate::config::gate::{CHECKED, SHUTS};
use crate::config::table::{Shape, Table, optional, required};

pub(in crate::config) static GATE: Table = Table {
    what: "a gate",
    keys: &[
        optional("soak", DURATION, "How long it was well in the environments before: 30m, 2h, 1d."),
        optional(
            "approvals",
            Shape::Either(&[Shape::Count(1, 20), Shape::Keys(&APPROVALS)]),
            "How many people said yes, the requester aside; or how many of those with a role.",
        ),
        optional(
            "window",
            Shape::Keys(&WINDOW),
            "The hours in which promotions enter; of several windows one must be open.",
        ),
        optional(
            "prometheus",
            TEXT,
            "The address of a Prometheus, or of what speaks its API; with `query` and `until`.",
        ),
        optional(
            "query",
            TEXT,
            "What is asked there, in PromQL; {application}, {version}, {tag} and {digest} may stand in its texts.",
        ),
        optional(
            "until",
            Shape::Text(Some(r"^(<=|>=|==|<|>) ?-?[0-9.]+([eE][-+]?[0-9]+)?$")),
            "What every value must be: a sign and a number, < 0.01.",
        ),
        optional(
            "for",
            DURATION,
            "For how long without a break, once the version runs in the environments before. Default: it is looked at once.",
        ),
        optional(
            "http",
            TEXT,
            "An address that answers yes or no; {application}, {version}, {tag} and {digest} may stand in it.",
        ),
        optional(
            "expect",
            Shape::Either(&[Shape::Count(100, 599), TEXT]),
            "What a yes of `http` is: a status, or a text that stands in the answer. Default: any 2xx.",
        ),
        optional(
            "checks",
            Shape::Either(&[TEXTS, Shape::Keys(&CHECKS)]),
            "Checks by others that must have passed, by the forge's names: of the proposal, or of the source's commit.",
        ),
        optional(
            "before",
            Shape::Word(|| SHUTS.names()),
            "What it shuts: the opening of the proposal, or only its merge. Default: proposal for soak, prometheus, http and checks of the source, merge for the others.",
        ),
        optional(
            "timeout",
            DURATION,
            "After how long a promotion that it keeps out is closed: 24h. Default: it waits.",
        ),
    ],
};

pub(in crate::config) static CHECKS: Table = Table {
    what: "a checks gate",
    keys: &[
        required("names", TEXTS, "What the forge calls them: statuses and check runs alike."),
        optional(
            "on",
            Shape::Word(|| CHECKED.names()),
            "Whose they are: the proposal's head, or the commit that the artifact was built from. Default: proposal.",
        ),
        optional(
            "repository",
            TEXT,
            "With `on: source`: the only repository whose checks count; `{application}` may stand in it.",
        ),
    ],
};

pub(in crate::config) static APPROVALS: Table = Table {
    what: "an approvals gate",
    keys: &[
        optional("count", Shape::Count(1, 20), "How many. Default: 1."),
        optional(
            "role",
            NAME,
            "Whose approvals count: those who have this role, by its name in `roles`.",
        ),
        optional(
            "team",
            Shape::Text(Some(
                "^(github:[A-Za-z0-9._-]+|gitlab:[A-Za-z0-9._-]+)(/[A-Za-z0-9._-]+)*$",
            )),
            "Whose approvals count instead: those who are in this team on the forge, github:acme/sre, or in this group, gitlab:acme/sre.",
        ),
    ],
};

pub(in crate::config) static WINDOW: Table = Table {
    what: "a window",
    keys: &[
        optional(
            "days",
            Shape::Text(Some(
                r"^(daily|(mon|tue|wed|thu|fri|sat|sun)([-,] ?(mon|tue|wed|thu|fri|sat|sun))*)$",
            )),
            "The days on which it opens: mon-thu, or mon,wed. Default: daily.",
        ),
        required("from", CLOCK, "When it opens, HH:MM."),
        required("to", CLOCK, "When it shuts, HH:MM; before `from` means on the next day."),
        required("zone", TEXT, "Whose clock counts, by its IANA name: Europe/Stockholm."),
    ],
};
