//! hoist moves a built artifact up a GitOps repository's environments, one reviewed pull request
//! at a time, and brings it down again when it is bad.
//!
//! The rooms, in reading order:

// What is true and what follows: no I/O, no clock.
pub mod domain;

// The exact editor: one scalar of a YAML file, byte for byte.
pub mod yaml_edit;

// Every word a person reads.
pub mod messages;

// Configuration: text becomes validated values, or all of its problems at once.
pub mod config;

// Use-cases: I/O through ports only.
pub mod app;

// The outside systems, each behind its port.
pub mod adapters;

// The HTTP doors: announcements, the API, the page.
pub mod http;

// The command line: one file a verb.
pub mod cli;

// Wakes the reconciler.
pub mod scheduler;

// Logs.
pub mod telemetry;

// Builds the adapters and hands them to the doors.
pub mod wiring;

// `hoist serve`.
pub mod serve;

// `hoist demo`.
pub mod demo;
