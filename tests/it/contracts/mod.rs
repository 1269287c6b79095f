//! What each port promises, run against each of its adapters.

mod git;
