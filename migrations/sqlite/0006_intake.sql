-- Who may say what at the first door, and what it was told.

-- The one application that the sender may speak for, where its CI said so: an announcement that is
-- decided later is held to it, too.
ALTER TABLE deliveries ADD COLUMN speaks_for TEXT;

-- The door it came through: artifacts, or registry/NAME.
ALTER TABLE deliveries ADD COLUMN door TEXT NOT NULL DEFAULT 'artifacts';

-- What the oldest ones are looked for by when they are forgotten: those whose body is still kept.
CREATE INDEX deliveries_with_body ON deliveries (received_at) WHERE length(body) > 0;
CREATE INDEX deliveries_refused ON deliveries (number)
    WHERE json_extract(outcome, '$.outcome') = 'refused';

-- A token of CI vouches for one announcement; whoever caught it cannot use it for another.
CREATE TABLE tokens_used (
    issuer      TEXT NOT NULL,
    id          TEXT NOT NULL,
    fingerprint TEXT NOT NULL,                -- SHA-256 of the body that it came with
    until       TEXT NOT NULL,                -- nobody believes it after that
    PRIMARY KEY (issuer, id)
) STRICT;

CREATE INDEX tokens_used_until ON tokens_used (until);
