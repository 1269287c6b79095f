-- The latest time at which anybody asked for a look: a reading of Git from before that will not do,
-- and one from after it will, whoever took it.
ALTER TABLE applications ADD COLUMN asked_at TEXT;
