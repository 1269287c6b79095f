//! Decides what to do next.
