-- What neither Git nor the forge knows.
--
-- Times are RFC 3339 text in UTC with nine digits of a second (2026-11-22T21:58:57.000000000Z):
-- as long as every one is written so, the order of the texts is the order of the times, nothing is
-- rounded away, and a person who opens this file can read them.
-- Names and ids have been checked before they come here; what is JSON has a `Row` type in
-- src/adapters/store/sqlite/ that reads it back.

-- The unit of work: one row is claimed by one worker at a time.
CREATE TABLE applications (
    pipeline    TEXT NOT NULL,
    application TEXT NOT NULL,
    wake_at     TEXT,                         -- when it is due; stays while it is claimed, so that a dead claim is due again
    woken_at    TEXT,                         -- the earliest wake-up since it was last claimed: release must not lose it
    lease_until TEXT,                         -- claimed until then; none means that nobody has it
    fence       INTEGER NOT NULL DEFAULT 0,   -- grows with every claim
    failures    INTEGER NOT NULL DEFAULT 0,   -- passes in a row that failed
    PRIMARY KEY (pipeline, application)
) STRICT;

CREATE INDEX applications_due ON applications (wake_at);

CREATE TABLE deliveries (
    number      INTEGER PRIMARY KEY,          -- the order in which they were stored
    event       TEXT NOT NULL UNIQUE,
    source      TEXT,
    delivery    TEXT,                         -- the sender's own id
    received_at TEXT NOT NULL,
    body        BLOB NOT NULL,
    outcome     TEXT NOT NULL                 -- JSON
) STRICT;

CREATE UNIQUE INDEX deliveries_once ON deliveries (source, delivery) WHERE delivery IS NOT NULL;

CREATE TABLE artifacts (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL,
    event       TEXT NOT NULL REFERENCES deliveries (event),
    pipeline    TEXT NOT NULL,
    application TEXT NOT NULL,
    image       TEXT NOT NULL,
    digest      TEXT NOT NULL,
    tag         TEXT,
    accepted_at TEXT NOT NULL,
    details     TEXT NOT NULL,                -- JSON: version, source, build, actor
    FOREIGN KEY (pipeline, application) REFERENCES applications (pipeline, application),
    UNIQUE (pipeline, application, id)
) STRICT;

-- One application, image, digest and tag is one announcement, whoever repeats it.
CREATE UNIQUE INDEX artifacts_once
    ON artifacts (pipeline, application, image, digest, coalesce(tag, ''));
CREATE INDEX artifacts_in_order ON artifacts (pipeline, application, accepted_at, number);
CREATE INDEX artifacts_of_event ON artifacts (event);

CREATE TABLE promotions (
    id          TEXT PRIMARY KEY NOT NULL,
    pipeline    TEXT NOT NULL,
    application TEXT NOT NULL,
    environment TEXT NOT NULL,
    state       TEXT NOT NULL,                -- the name of the state in `details`
    created_at  TEXT NOT NULL,
    since       TEXT NOT NULL,
    details     TEXT NOT NULL,                -- JSON: everything else
    FOREIGN KEY (pipeline, application) REFERENCES applications (pipeline, application)
) STRICT;

CREATE INDEX promotions_in_order ON promotions (pipeline, application, created_at, id);

-- The backstop behind the planner: one live proposal per application and environment.
CREATE UNIQUE INDEX promotions_one_proposed
    ON promotions (pipeline, application, environment) WHERE state = 'proposed';

CREATE TABLE holds (
    id          TEXT NOT NULL UNIQUE,
    pipeline    TEXT NOT NULL,
    application TEXT NOT NULL,
    environment TEXT NOT NULL,
    held_by     TEXT NOT NULL,                -- JSON: an actor
    reason      TEXT,
    since       TEXT NOT NULL,
    until       TEXT,
    PRIMARY KEY (pipeline, application, environment),
    FOREIGN KEY (pipeline, application) REFERENCES applications (pipeline, application)
) STRICT;

CREATE TABLE audit (
    number      INTEGER PRIMARY KEY,
    at          TEXT NOT NULL,
    actor       TEXT NOT NULL,
    door        TEXT NOT NULL,                -- JSON
    verb        TEXT NOT NULL,
    pipeline    TEXT,
    application TEXT,
    environment TEXT,
    promotion   TEXT,
    commit_id   TEXT,
    text        TEXT NOT NULL,
    hash        TEXT NOT NULL                 -- src/app/audit.rs says over what
) STRICT;

CREATE INDEX audit_of_promotion ON audit (promotion, number) WHERE promotion IS NOT NULL;

-- No foreign keys here: the log outlives what it speaks of.
CREATE TRIGGER audit_grows_by_one BEFORE INSERT ON audit
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit log has no gaps, and nothing in it is replaced'); END;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- Keys are SHA-256 sums in hex: what opens a session is stored nowhere.
CREATE TABLE codes (
    key      TEXT PRIMARY KEY NOT NULL,
    actor    TEXT NOT NULL,
    roles    TEXT NOT NULL,                   -- JSON: names
    form_key TEXT NOT NULL,
    until    TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (
    key      TEXT PRIMARY KEY NOT NULL,
    actor    TEXT NOT NULL,
    roles    TEXT NOT NULL,                   -- JSON: names
    form_key TEXT NOT NULL,
    until    TEXT NOT NULL
) STRICT;
