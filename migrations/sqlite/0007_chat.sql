-- What people say to hoist, what hoist tells them, and the runs of its schedules.

-- One row for everything that was said, kept before it is carried out: what was said twice is
-- carried out once, and nothing that was said is lost by a restart.
CREATE TABLE sayings (
    number   INTEGER PRIMARY KEY,             -- the order in which it was heard
    id       TEXT NOT NULL UNIQUE,
    door     TEXT NOT NULL,                   -- JSON
    delivery TEXT NOT NULL,                   -- the sender's own id: the same one is the same saying
    said_at  TEXT NOT NULL,
    details  TEXT NOT NULL,                   -- JSON: who, where, what, and where the answer goes
    answer   TEXT,                            -- JSON; none until it was carried out
    due_at   TEXT,                            -- when the answer is to be delivered next; none when it is, or never will be
    tries    INTEGER NOT NULL DEFAULT 0,      -- deliveries that failed
    UNIQUE (door, delivery)
) STRICT;

CREATE INDEX sayings_unanswered ON sayings (number) WHERE answer IS NULL;
CREATE INDEX sayings_due ON sayings (due_at) WHERE due_at IS NOT NULL;

-- Who is told what is in the audit log, and how far they are.
CREATE TABLE followers (
    name   TEXT PRIMARY KEY NOT NULL,
    after  INTEGER NOT NULL,                  -- the number of the last entry that they were told of
    due_at TEXT NOT NULL,                     -- when they are to be told more, at the earliest
    tries  INTEGER NOT NULL DEFAULT 0         -- tellings that failed in a row
) STRICT;

-- The message about a promotion, which is brought up to date as it moves.
CREATE TABLE cards (
    follower  TEXT NOT NULL,
    promotion TEXT NOT NULL,
    message   TEXT NOT NULL,                  -- what the chat calls it
    shown     TEXT NOT NULL,                  -- JSON: what it says now
    PRIMARY KEY (follower, promotion)
) STRICT;

-- One row for each time of a schedule that was run or passed by: the same time never twice.
CREATE TABLE runs (
    schedule TEXT NOT NULL,
    due_at   TEXT NOT NULL,                   -- the time of the schedule, or when somebody asked
    ran_at   TEXT NOT NULL,
    details  TEXT NOT NULL,                   -- JSON: who asked, what went and what did not
    PRIMARY KEY (schedule, due_at)
) STRICT;

-- The promotions that a run has let go.
CREATE TABLE boarded (
    promotion TEXT PRIMARY KEY NOT NULL,
    schedule  TEXT NOT NULL,
    at        TEXT NOT NULL
) STRICT;
