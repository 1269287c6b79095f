//! The editor: cases that a person can read, the official suite, properties, and two other parsers.

mod cases;
mod corpus;
mod mutations;
mod oracle;
mod properties;
mod size;
mod suite;
