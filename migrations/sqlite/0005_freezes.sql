-- Freezes that people asked for; those of the pipelines file stand there.
CREATE TABLE freezes (
    id        TEXT PRIMARY KEY,
    scope     TEXT NOT NULL,                  -- JSON: src/domain/freeze.rs
    frozen_by TEXT NOT NULL,                  -- JSON: who, through which door
    reason    TEXT NOT NULL,
    begins    TEXT NOT NULL,
    ends      TEXT,                           -- NULL: until somebody thaws
    rollbacks TEXT NOT NULL                   -- JSON: whether they go in nevertheless
) STRICT;
