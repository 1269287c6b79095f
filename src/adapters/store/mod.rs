//! Stores: one engine each behind [`crate::app::ports::Store`], all of them under one suite of
//! tests, `tests/it/contracts/store.rs`.

pub mod sqlite;
