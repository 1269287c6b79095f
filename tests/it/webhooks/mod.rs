//! The first door: announcements, from the bytes on the wire to the rows in the store.

mod ci_identity;
mod cloud_events;
mod discovery;
mod intake;
mod kept;
mod refusals;
mod senders;
mod wire;
mod world;
