-- How long what is in has been well or ill: what a soak is counted by, across restarts.
-- One row an environment, of the promotion that is in; the next one's takes its place.
CREATE TABLE pulses (
    pipeline    TEXT NOT NULL,
    application TEXT NOT NULL,
    environment TEXT NOT NULL,
    pulse       TEXT NOT NULL,                -- JSON: src/domain/pulse.rs
    PRIMARY KEY (pipeline, application, environment),
    FOREIGN KEY (pipeline, application) REFERENCES applications (pipeline, application)
) STRICT;
