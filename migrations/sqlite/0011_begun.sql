-- After which entry of the audit log a saying was begun to be carried out; none before that. What
-- it did is found behind that entry, if a crash came before its answer was kept.
ALTER TABLE sayings ADD COLUMN begun_after INTEGER;
