//! Tokens, descriptions and keys of any bytes: no issuer has signed any of it.
#![no_main]

use hoist::adapters::issuer::read_any;
use hoist::app::ingest::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (token, description, keys) = (part(), part(), part());
    let token = String::from_utf8_lossy(token);
    drop(fuzzing::token(&token));
    assert_eq!(read_any(&token, description, keys), None);
});
