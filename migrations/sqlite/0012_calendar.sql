-- Freezes of the pipelines file that were told to have begun and not to have ended; without an
-- environment it is all of them.
CREATE TABLE calendar (
    name        TEXT NOT NULL,
    environment TEXT NOT NULL DEFAULT '*',
    PRIMARY KEY (name, environment)
) STRICT;
