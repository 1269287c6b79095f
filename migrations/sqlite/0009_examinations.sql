-- What came of asking an artifact's registry about it; none before that.
ALTER TABLE artifacts ADD COLUMN examination TEXT;    -- JSON: src/domain/examination.rs
