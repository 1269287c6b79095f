-- What intake asks at every announcement and every sweep, without a look at all of history.

-- Has this tag meant another digest?
CREATE INDEX artifacts_by_tag ON artifacts (pipeline, application, image, tag, accepted_at)
    WHERE tag IS NOT NULL;

-- Does anything wait for its repository to be readable?
CREATE INDEX deliveries_undecided ON deliveries (number)
    WHERE json_extract(outcome, '$.outcome') = 'undecided';
