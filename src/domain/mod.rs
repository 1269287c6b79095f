//! What is true and what follows: no I/O, no async, no clock.
//!
//! Everything here is a value or a function of its arguments. In reading order:

pub mod id;

pub mod nearest;

pub mod address;
pub mod artifact;
pub mod registry;
pub mod oci;

pub mod trust;

pub mod attestation;

pub mod sender;

pub mod examination;

pub mod pattern;
pub mod range;
pub mod template;

pub mod health;

pub mod accept;

pub mod pipeline;

pub mod promotion;

pub mod pairing;

pub mod pulse;

pub mod zone;

pub mod window;

pub mod gate;

pub mod evidence;

pub mod checks;

pub mod team;

pub mod freeze;

pub mod schedule;

pub mod command;

pub mod notification;

pub mod grammar;

pub mod sigstore;
pub mod snapshot;

pub mod landing;

pub mod rollback;

pub mod plan;
