//! The first door: announcements, from the bytes on the wire to the rows in the store.

mod cloud_events;
mod discovery;
mod intake;
mod refusals;
mod world;
